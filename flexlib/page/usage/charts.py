"""Finished frames of calls as charts: what is drawn is what the frame holds, nothing is summed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import count_colours
from flexlib.analysis.top import OTHER_MODELS
from flexlib.analysis.usage_frames import exact_decimals, sum_amounts
from flexlib.dates import Month, Span
from flexlib.formats import format_count, format_short_number, format_span
from flexlib.page.kit.amounts import UNITS, Cell, fold_cells, stack_columns, sum_labels
from flexlib.page.kit.chart import HALF, NARROW, Chart, add_axes
from flexlib.page.kit.days import COLUMN, DayAxis
from flexlib.page.kit.svg import STYLE, add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT, OTHER, assign_colours

KINDS = {"prompt": ("Prompt", "accent"), "completion": ("Completion", "amber2")}
"""What a call reads and what it writes, each with its colour."""

LEGEND = [(f"{name} tokens", colour) for name, colour in KINDS.values()]

USD = UNITS["usd"]

MOST_SIZES = 14
"""More sizes than that have no room for a number each on half a page."""

Row = dict[str, Any]


def plot_spend_by_day(
    by_day_and_model: object,
    models: Sequence[Row],
    span: Span,
    by_day_before: object = None,
    *,
    title: str = "US$ a day by model",
    name: str = "chart-spend-days",
) -> Chart | None:
    """Columns of dollars a day, stacked by model, and above them the running total; None where no day has an amount.

    The frame as from `usage_by_day_and_model`; `models` as from `rank_models`: the largest have a colour, the same as
    in the table of models, all others are one. `by_day_before`, as from `usage_by_day`, is a dashed line from the same
    first day.
    """
    rows = [row for row in read_rows(by_day_and_model) if row["total_usd"] is not None]
    if not rows:
        return None
    named = {(line["provider"], line["id"]): line["model"] for line in models[: count_colours(len(models))]}
    # Every named model has a cell: its colour depends on who else has one.
    cells = [Cell(span.first, label, Decimal(0)) for label in named.values()]
    cells += [
        Cell(row["date"], named.get((row["provider"], row["model"]), OTHER_MODELS), row["total_usd"]) for row in rows
    ]
    cells = fold_cells(cells, len(named) + 1)
    sizes = sum_labels(cells)
    colours = {**assign_colours(named.values()), OTHER_MODELS: OTHER}
    days = sum_days((cell.day, cell.amount) for cell in cells)
    rows_before = [] if by_day_before is None else read_rows(by_day_before)
    before = sum_days((row["date"], row["total_usd"]) for row in rows_before)
    axis = DayAxis(span)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 450)
        left, room = 50, width - 60
        line, columns = add_axes(figure, left, 10, 26, 94), add_axes(figure, left, 10, 168, 254)
        _draw_total(line, axis, days, before, short=width == NARROW)
        places = {day: axis.place(day) for day in span}
        tips = axis.name_day if width != NARROW else None
        stack_columns(columns, cells, places, axis.choose_thickness(room), colours, "usd", tips)
        columns.set_title("US$ a day", loc="left", fontsize=STYLE["font.size"], pad=12)
        for axes in (line, columns):
            axis.set_up(axes, room)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))
        line.set_xticks([])
        return figure

    top = max(days, key=lambda day: (days[day], -day.toordinal()))
    words = f"{USD.write(_add(days.values()))} up to {axis.name_day(max(days))}; the most on {axis.name_day(top)}, "
    words += (
        f"{USD.write(days[top])}. Stacked by {', '.join(sizes)}, the largest lowest. The line above is the running "
    )
    words += "total" + (", the dashed one the month before." if before else ".")
    return Chart(name, title, words, draw, legend=[(label, colours[label]) for label in sizes])


def plot_usage_by_day(
    by_day: object, span: Span | None = None, *, title: str = "Tokens a day", name: str = "chart-usage-days"
) -> Chart | None:
    """Columns of tokens a day, the prompts' lowest; None without a day.

    The frame as from `usage_by_day`; a day that is not in it has no column. `span`: the days of the axis; without it
    from the first to the last of the frame. `name` is the id in a page, for each chart another.
    """
    days = read_rows(by_day)
    if not days:
        return None
    axis = DayAxis.over((day["date"] for day in days), span)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = add_axes(figure, 46, 10, 12, 246)
        names = [axis.name_day(day["date"]) for day in days]
        places = [axis.place(day["date"]) for day in days]
        _stack_tokens(axes, days, places, names, axis.choose_thickness(width - 56))
        axis.set_up(axes, width - 56)
        return figure

    on = format_count(len(days), "day")
    is_month = axis.span == axis.span.months[0].span
    words = f"Tokens a day {'in' if is_month else 'from'} {format_span(axis.span)}, prompts lowest, on {on} with calls."
    if peak := _find_peak(days):
        words += f" The most on {axis.name_day(peak['date'])}: {_describe(peak)}."
    return Chart(name, title, words, draw, legend=LEGEND)


def plot_usage_by_hour(
    by_hour: object, zone: str = "UTC", *, title: str = "Tokens by hour of the day", name: str = "chart-usage-hours"
) -> Chart | None:
    """Columns of tokens by hour of the day (of `zone`), the prompts' lowest; None without an hour. The frame as from
    `usage_by_hour`."""
    hours = read_rows(by_hour)
    if not hours:
        return None

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = add_axes(figure, 46, 10, 12, 226)
        _stack_tokens(axes, hours, [hour["hour"] for hour in hours], [_format_hour(hour["hour"]) for hour in hours])
        axes.set_xlim(-0.6, 23.6)
        axes.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
        axes.set_xlabel(f"hour of the day, {zone}", labelpad=8)
        return figure

    words = f"Tokens by hour of the day, prompts lowest, in {len(hours)} hours with calls."
    if peak := _find_peak(hours):
        words += f" The most from {_format_hour(peak['hour'])}: {_describe(peak)}."
    return Chart(name, title, words, draw, HALF, LEGEND)


def plot_usage_by_size(
    by_size: object, *, title: str = "Calls by their tokens", name: str = "chart-usage-sizes"
) -> Chart | None:
    """How many calls have how many tokens, a pair of columns for each size; None without a call. The frame as from
    `usage_histogram`."""
    rows = read_rows(by_size)
    if not rows:
        return None
    while not any(rows[0][f"{kind}_calls"] for kind in KINDS):
        rows = rows[1:]

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = add_axes(figure, 46, 10, 12, 226)
        for shift, (kind, (label, colour)) in zip((-0.2, 0.2), KINDS.items(), strict=True):
            counts = [row[f"{kind}_calls"] for row in rows]
            bars = axes.bar(
                [place + shift for place in range(len(rows))], counts, 0.38, color=LIGHT[colour], label=label
            )
            for bar, row, count in zip(bars, rows, counts, strict=True):
                between = f"{row['from_tokens']:,} to {row['to_tokens']:,}"
                add_tooltip(bar, f"{count:,} calls with {between} {label.lower()} tokens")
        _finish_axes(axes)
        axes.set_xlim(-0.6, max(len(rows), 1) - 0.4)
        shown = range(0, len(rows), 2 if width == NARROW or len(rows) > MOST_SIZES else 1)
        axes.set_xticks(shown, [format_short_number(rows[place]["from_tokens"]) for place in shown])
        axes.set_xlabel("tokens of a call, from", labelpad=8)
        return figure

    words = "How many calls have how many tokens; each column reaches from its number to the next one."
    return Chart(name, title, words, draw, HALF, LEGEND)


def sum_days(amounts: Iterable[tuple[date | None, Decimal | int | None]]) -> dict[date, Decimal]:
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
    axes: Axes, axis: DayAxis, days: dict[date, Decimal], before: dict[date, Decimal], *, short: bool
) -> None:
    """The running total over the days up to the last that has an amount; the one before dashed, from its first day."""
    title = f"Running total: {USD.write(_add(days.values()))}"
    if before:
        month = Month.containing(next(iter(before)))
        own = DayAxis(month.span)
        title += f" · {month.name} dashed" if short else f" · {month.name}, dashed: {USD.write(_add(before.values()))}"
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


def _stack_tokens(
    axes: Axes, rows: Sequence[Row], places: Sequence[int], names: Sequence[str], thick: float = COLUMN
) -> None:
    below = [0] * len(rows)
    for kind, (name, colour) in KINDS.items():
        tokens = [row[f"total_{kind}_tokens"] for row in rows]
        bars = axes.bar(places, tokens, thick, bottom=below, color=LIGHT[colour], label=name)
        for bar, when, count, row in zip(bars, names, tokens, rows, strict=True):
            known = row["request_count"]
            calls = "an unknown number of calls" if known is None else format_count(known, "call")
            add_tooltip(bar, f"{when}: {count:,} {name.lower()} tokens in {calls}")
        below = [low + count for low, count in zip(below, tokens, strict=True)]
    _finish_axes(axes)


def _finish_axes(axes: Axes) -> None:
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))


def _find_peak(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row["total_tokens"], default=None)


def _describe(row: Row) -> str:
    return f"{row['total_prompt_tokens']:,} prompt and {row['total_completion_tokens']:,} completion tokens"


def _format_hour(hour: int) -> str:
    return f"{hour:02d}:00 to {hour:02d}:59"
