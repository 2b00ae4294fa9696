"""Finished frames of credits as charts: what is drawn is what the frame holds, nothing is summed here.

Credits come in hundredths and are drawn in credits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.frames import read_rows
from flexlib.analysis.top import OTHER_MODELS, find_label
from flexlib.dates import Span
from flexlib.formats import (
    PERCENT,
    format_credits,
    format_number,
    format_share_percent,
    format_short_number,
    format_whole_credits,
)
from flexlib.i18n import _, write_number
from flexlib.page.kit.chart import HALF, NARROW, Chart, add_axes
from flexlib.page.kit.days import COLUMN, DayAxis, list_holiday_mark
from flexlib.page.kit.svg import STYLE, add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT, OTHER, assign_colours
from flexlib.page.kit.units import name_label

LABEL_WIDTH = 100
"""CSS pixels of the words over the highest day."""

Row = dict[str, Any]


def plot_credits_by_day_and_model(
    by_day_and_model: object,
    by_day: object,
    by_day_before: object = None,
    *,
    span: Span | None = None,
    holidays: Sequence[date] = (),
    compared: object = None,
    title: str = "Flex credits a day by model",
    name: str = "chart-days",
) -> Chart:
    """Columns of flex credits a day, stacked by model, and above them the running total.

    `by_day_and_model` as from `top_models`, the largest model lowest; `by_day` as from `credits_by_day`. `span`: the
    days of the axis; without it from the first to the last of `by_day`. `by_day_before`, a frame like `by_day` of the
    period before, is a dashed line from the same first day; behind `holidays` is a shade. Of `compared`, as
    from `top_models` over `compare_models`, the legend says which models are new. `name` is the id in a page,
    for each chart another. Raises `InvalidRequest` where there is neither a day nor a span.
    """
    cells = [row | {"model": find_label(row["model"], OTHER_MODELS)} for row in read_rows(by_day_and_model)]
    days = read_rows(by_day)
    before = [] if by_day_before is None else read_rows(by_day_before)
    models = list(dict.fromkeys(cell["model"] for cell in cells))
    colours = {**assign_colours(model for model in models if model != OTHER_MODELS), OTHER_MODELS: OTHER}
    axis = DayAxis.over((day["date"] for day in days), span)
    peak = min(days, key=lambda day: day["rank"], default=None)
    total = days[-1]["cumulative_flex_credits"] if days else 0

    def draw(width: int) -> Figure:
        narrow = width == NARROW
        figure = new_figure(width, 420 if narrow else 450)
        # Room for the longest number of the axes.
        left = 40 if narrow else 24 + 8 * len(format_whole_credits(total))
        line = add_axes(figure, left, 10, 26, 94)
        columns = add_axes(figure, left, 10, 168, 224 if narrow else 254)
        _draw_line(line, axis, days, before, short=narrow)
        _draw_columns(columns, axis, cells, colours, width - left - 10, tips=not narrow)
        columns.set_title(_("Credits a day"), loc="left", fontsize=STYLE["font.size"], pad=22)
        if peak and peak["flex_credits"]:
            _label_peak(columns, axis, peak, width - left - 10)
        for axes in (line, columns):
            axis.set_up(axes, width - left - 10, holidays)
            axes.yaxis.set_major_formatter(FuncFormatter(_format_short if narrow else _format_long))
        line.set_xticks([])
        return figure

    words = _("{credits} flex credits.").format(credits=format_credits(total))
    if peak:
        words = _("{credits} flex credits up to {last}; the most on {day}, {most}.").format(
            credits=format_credits(total),
            last=axis.name_day(days[-1]["date"]),
            day=axis.name_day(peak["date"]),
            most=format_credits(peak["flex_credits"]),
        )
    names = ", ".join(map(name_label, models))
    words += " " + _("Stacked by {models}, the largest lowest.").format(models=names)
    words += " " + (_name_lines(before) if before else _("The line above is the running total."))
    rows = [] if compared is None else read_rows(compared)
    new = {row["model"] for row in rows if row["flex_credits"] and not row["flex_credits_before"]}
    is_new = _("{model} (new)")
    legend = [(is_new.format(model=model) if model in new else name_label(model), colours[model]) for model in models]
    legend += list_holiday_mark(axis, holidays)
    return Chart(name, title, words, draw, legend=legend)


def plot_credits_by_user(
    by_user: object,
    *,
    title: str = "How the flex credits spread over the spenders",
    name: str = "chart-people",
) -> Chart:
    """The Pareto curve: which share of all flex credits the biggest spenders took together.

    The frame as from `credits_by_user`.
    """
    users = read_rows(by_user)
    tenth = users[max(1, round(len(users) / 10)) - 1] if users else None
    points = [(0, 0), *((user["rank"], user["cumulative_share_permille"]) for user in users)]

    def draw(width: int) -> Figure:
        figure = new_figure(width, 330)
        axes = add_axes(figure, 46, 10, 14, 266)
        x, y = [rank for rank, _other in points], [permille / 10 for _other, permille in points]
        axes.add_patch(Polygon([*zip(x, y, strict=True), (x[-1], 0)], facecolor=LIGHT["accent"], alpha=0.12))
        axes.plot(x, y, color=LIGHT["accent"], clip_on=False)
        axes.set_xlim(0, max(1, x[-1]))
        axes.set_ylim(0, 100)
        axes.set_yticks(range(0, 101, 20), [f"{share}{PERCENT}" for share in range(0, 101, 20)])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel(_("spenders, the biggest first"), labelpad=8)
        if tenth is not None:
            share = tenth["cumulative_share_permille"]
            axes.vlines(tenth["rank"], 0, share / 10, color=LIGHT["soft"], linewidth=1)
            text = _("top {count}: {share}")
            text = text.format(count=format_number(tenth["rank"]), share=format_share_percent(share))
            left = tenth["rank"] > x[-1] / 2  # beyond the middle there is no room at the right of the line
            # At its left the curve comes down to the words: below its middle they are clear of it.
            spot = tenth["rank"] + x[-1] * (-0.03 if left else 0.03), share / 20 if left else max(6, share / 10 - 8)
            axes.text(*spot, text, color=LIGHT["ink"], ha="right" if left else "left", va="top")
        return figure

    words = _("The share of all flex credits that the biggest spenders took together.")
    if tenth is not None:
        share = format_share_percent(tenth["cumulative_share_permille"])
        said = _("The top {count} of {people} took {share}.")
        words += " " + said.format(count=tenth["rank"], people=len(users), share=share)
    return Chart(name, title, words, draw, HALF)


def _draw_line(axes: Axes, axis: DayAxis, days: Sequence[Row], before: Sequence[Row], *, short: bool) -> None:
    """`short`: the title, which on a phone has no room for the amount before in every language."""

    def pick(rows: Sequence[Row], own: DayAxis) -> tuple[list[float], list[float]]:
        shown = [row for row in rows if 1 <= own.place(row["date"]) <= axis.span.days]
        return [own.place(row["date"]) for row in shown], [row["cumulative_flex_credits"] / 100 for row in shown]

    total = days[-1]["cumulative_flex_credits"] if days else 0
    title = _("Running total: {credits}").format(credits=format_whole_credits(total))
    if before:
        own = DayAxis(Span(before[0]["date"], before[-1]["date"]))
        axes.plot(*pick(before, own), color=LIGHT["before"], linewidth=1.5, linestyle=(0, (4, 3)))
        amount, name = format_whole_credits(before[-1]["cumulative_flex_credits"]), _name_before(before)
        more = _("{month} dashed") if short else _("{months}, dashed: {credits}")
        title += " · " + more.format(month=name, months=name, credits=amount)
    x, y = pick(days, axis)
    if len(x) == 1:  # a line through one point would not be seen
        x, y = [x[0] - COLUMN / 2, x[0] + COLUMN / 2], [*y, *y]
    axes.plot(x, y, color=LIGHT["accent"], solid_joinstyle="round")
    _scale_credits(axes, 3)
    axes.set_title(title, loc="left", fontsize=STYLE["font.size"], pad=10)


def _name_before(before: Sequence[Row]) -> str:
    months = Span(before[0]["date"], before[-1]["date"]).months
    return _("the time before") if len(months) > 1 else months[0].name


def _name_lines(before: Sequence[Row]) -> str:
    if len(Span(before[0]["date"], before[-1]["date"]).months) > 1:
        return _("The line above is the running total, the dashed one the time before.")
    return _("The line above is the running total, the dashed one the month before.")


def _draw_columns(
    axes: Axes, axis: DayAxis, cells: Sequence[Row], colours: dict[str, str], width: int, *, tips: bool
) -> None:
    heights: dict[date, int] = {}
    for model in dict.fromkeys(cell["model"] for cell in cells):
        drawn = [cell for cell in cells if cell["model"] == model and cell["flex_credits"]]
        bars = axes.bar(
            [axis.place(cell["date"]) for cell in drawn],
            [cell["flex_credits"] / 100 for cell in drawn],
            bottom=[heights.get(cell["date"], 0) / 100 for cell in drawn],
            width=axis.choose_thickness(width),
            color=LIGHT[colours[model]],
            edgecolor=LIGHT["paper"],
            linewidth=0 if axis.is_dense(width) else 0.7,
            label=model,
        )
        for bar, cell in zip(bars, drawn, strict=True):
            heights[cell["date"]] = heights.get(cell["date"], 0) + cell["flex_credits"]
            if tips:
                add_tooltip(
                    bar, f"{axis.name_day(cell['date'])}, {name_label(model)}: {format_credits(cell['flex_credits'])}"
                )
    _scale_credits(axes, 5)


def _scale_credits(axes: Axes, ticks: int) -> None:
    """From nothing up, at least to one whole credit, in whole credits."""
    axes.set_ylim(0, max(1, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(MaxNLocator(ticks, integer=True))


def _label_peak(axes: Axes, axis: DayAxis, peak: Row, width: int) -> None:
    text = f"{axis.name_day(peak['date'])}: {format_whole_credits(peak['flex_credits'])}"
    place = axis.place(peak["date"])
    pixels = (place - 0.5) * width / axis.span.days
    side = "left" if pixels < LABEL_WIDTH / 2 else "right" if width - pixels < LABEL_WIDTH / 2 else "center"
    spot = (place, peak["flex_credits"] / 100)
    axes.annotate(text, spot, (0, 3), textcoords="offset points", ha=side, va="bottom", color=LIGHT["ink"])


def _format_long(number: float, _position: int) -> str:
    return write_number(f"{number:,.0f}")


def _format_short(number: float, _position: int) -> str:
    return format_short_number(number)
