"""The month's dollars a day as a chart: columns by model, and above them the running total."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import NEW, choose_coloured
from flexlib.analysis.top import OTHER_MODELS
from flexlib.analysis.usage_frames import exact_decimals, sum_amounts
from flexlib.dates import Month, Span
from flexlib.formats import format_short_number
from flexlib.i18n import Label, _, mark_text
from flexlib.page.kit.amounts import Cell, fold_cells, stack_columns, sum_labels
from flexlib.page.kit.chart import NARROW, Chart, add_axes
from flexlib.page.kit.days import COLUMN, DayAxis, list_holiday_mark
from flexlib.page.kit.svg import STYLE, new_figure
from flexlib.page.kit.theme import LIGHT, OTHER, assign_colours
from flexlib.page.kit.units import UNITS, name_label
from flexlib.spend.bills import MonthBills
from flexlib.spend.differences import DifferenceKind

USD = UNITS["usd"]

NOT_COUNTED = Label(mark_text("Billed, not counted"))

SHORT_TITLE = 44
"""Characters for which a phone has room above a chart."""

Row = dict[str, Any]


def plot_spend_by_day(
    by_day_and_model: object,
    models: Sequence[Row],
    span: Span,
    by_day_before: object = None,
    *,
    has_bills: bool = False,
    bills: MonthBills | None = None,
    holidays: Sequence[date] = (),
    title: str = "US$ a day by model",
    name: str = "chart-spend-days",
) -> Chart | None:
    """Columns of dollars a day, stacked by model, and above them the running total; None where no day has an amount.

    The frame as from `usage_by_day_and_model`; `models` as from `rank_models`: the largest and the one that rose most
    have a colour, the same as in the table of models, all others are one. `by_day_before`, as from `usage_by_day`, is a
    dashed line from the same first day. `has_bills`: whether the month's spend is another, because bills say it; then
    the total says that it is the count. Of `bills` what nobody counted is drawn as well, where its day is known: of a
    provider without calls, and of models, fees and calls without a price. Behind `holidays` is a shade.
    """
    rows = [row for row in read_rows(by_day_and_model) if row["total_usd"] is not None]
    if not rows:
        return None
    coloured = choose_coloured(models)
    named = {(line["provider"], one): line["model"] for line in coloured for one in line["spellings"]}
    # Every named model has a cell: its colour depends on who else has one.
    cells = [Cell(span.first, line["model"], Decimal(0)) for line in coloured]
    cells += [
        Cell(row["date"], named.get((row["provider"], row["model"]), OTHER_MODELS), row["total_usd"]) for row in rows
    ]
    without = set() if bills is None else {one.provider for one in bills.providers if one.is_without_calls}
    cells += [
        Cell(one.day, NOT_COUNTED, one.billed_usd)
        for one in (() if bills is None else bills.differences)
        if one.provider in without or one.kind is DifferenceKind.NOT_COUNTED
        if one.day is not None and one.billed_usd is not None
    ]
    has_more = any(cell.label == NOT_COUNTED for cell in cells)
    cells = fold_cells(cells, len(coloured) + 2)
    sizes = sum_labels(cells)
    colours = {**assign_colours(line["model"] for line in coloured), OTHER_MODELS: OTHER, NOT_COUNTED: "ink"}
    total = _("Running total, as counted: {amount}") if has_bills else _("Running total: {amount}")
    if has_more:
        total = _("Counted, or billed and not counted: {amount}")
    days = _sum_days((cell.day, cell.amount) for cell in cells)
    rows_before = [] if by_day_before is None else read_rows(by_day_before)
    before = _sum_days((row["date"], row["total_usd"]) for row in rows_before)
    axis = DayAxis(span)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 450)
        left, room = 50, width - 60
        line, columns = add_axes(figure, left, 10, 26, 94), add_axes(figure, left, 10, 168, 254)
        _draw_total(line, axis, days, before, short=width == NARROW, title=total)
        places = {day: axis.place(day) for day in span}
        tips = axis.name_day if width != NARROW else None
        stack_columns(columns, cells, places, axis.choose_thickness(room), colours, "usd", tips)
        columns.set_title(_("US$ a day"), loc="left", fontsize=STYLE["font.size"], pad=12)
        for axes in (line, columns):
            axis.set_up(axes, room, holidays)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))
        line.set_xticks([])
        return figure

    top = max(days, key=lambda day: (days[day], -day.toordinal()))
    words = _("{amount} up to {last}; the most on {day}, {most}.").format(
        amount=USD.write(_add(days.values())),
        last=axis.name_day(max(days)),
        day=axis.name_day(top),
        most=USD.write(days[top]),
    )
    names = {label: name_label(label) for label in sizes}
    words += " " + _("Stacked by {models}, the largest lowest.").format(models=", ".join(names.values()))
    line_above = {
        (False, False): _("The line above is the running total."),
        (True, False): _("The line above is the running total as counted."),
        (False, True): _("The line above is the running total, the dashed one the month before."),
        (True, True): _("The line above is the running total as counted, the dashed one the month before."),
    }
    words += " " + line_above[has_bills, bool(before)]
    new, is_new = {line["model"] for line in coloured if line["change"] == NEW}, _("{model} (new)")
    legend = [(is_new.format(model=name) if label in new else name, colours[label]) for label, name in names.items()]
    legend += list_holiday_mark(axis, holidays)
    return Chart(name, title, words, draw, legend=legend)


def _sum_days(amounts: Iterable[tuple[date | None, Decimal | int | None]]) -> dict[date, Decimal]:
    """The known amounts of each day, in the order of days."""
    days: dict[date, Decimal] = {}
    with exact_decimals():
        for day, amount in amounts:
            if day is not None and amount is not None:
                days[day] = days.get(day, Decimal(0)) + amount
    return dict(sorted(days.items()))


def _add(amounts: Iterable[Decimal]) -> Decimal:
    return sum_amounts(list(amounts)) or Decimal(0)


def _draw_total(
    axes: Axes,
    axis: DayAxis,
    days: dict[date, Decimal],
    before: dict[date, Decimal],
    *,
    short: bool,
    title: str,
) -> None:
    """The running total over the days up to the last that has an amount; the one before dashed, from its first day."""
    title = title.format(amount=USD.write(_add(days.values())))
    if before:
        month = Month.containing(next(iter(before)))
        own = DayAxis(month.span)
        more = _("{month} dashed") if short else _("{months}, dashed: {credits}")
        amount = USD.write(_add(before.values()))
        more = " · " + more.format(month=month.name, months=month.name, credits=amount)
        title += more * (not short or len(title + more) <= SHORT_TITLE)
        then = [day for day in month.span if own.place(day) <= axis.span.days]
        heights = [float(_add(before[one] for one in before if one <= day)) for day in then]
        dashes = (0, (4, 3))
        axes.plot([own.place(day) for day in then], heights, color=LIGHT["before"], linewidth=1.5, linestyle=dashes)
    shown = [day for day in axis.span if day <= max(days)]
    y = [float(_add(days[one] for one in days if one <= day)) for day in shown]
    x: list[float] = [axis.place(day) for day in shown]
    if len(x) == 1:  # a line through one point would not be seen
        x, y = [x[0] - COLUMN / 2, x[0] + COLUMN / 2], [*y, *y]
    axes.plot(x, y, color=LIGHT["accent"], solid_joinstyle="round")
    axes.set_ylim(0, max(axes.get_ylim()[1], 0) or 1)
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.set_title(title, loc="left", fontsize=STYLE["font.size"], pad=10)
