"""Finished frames as charts: what is drawn is what the frame holds, nothing is computed.

Credits come in hundredths and are drawn in credits.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.frames import read_rows
from flexlib.dates import Month
from flexlib.formats import (
    format_count_or_dash,
    format_credits_or_dash,
    format_month,
    format_share_percent,
    format_short_day,
    format_whole_credits,
)
from flexlib.page.credits.top import OTHER_MODELS
from flexlib.page.kit.chart import HALF, NARROW, Chart, add_axes
from flexlib.page.kit.svg import STYLE, explain, new_figure
from flexlib.page.kit.theme import LIGHT, OTHER, assign_colours

DARK_CELL = 0.6
"""From this depth of colour on, letters are light."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def plot_credits_by_day_and_model(by_day_and_model: object, by_day: object, by_day_before: object = None) -> Chart:
    """Columns of flex credits a day, stacked by model, and above them the line of the month so far.

    `by_day_and_model` as from `fold.top_models`, the largest model lowest; `by_day` and, for the dashed line of the
    month before, `by_day_before` as from `aggregate.credits_by_day`, all with every day of their month.
    """
    cells, days = read_rows(by_day_and_model), read_rows(by_day)
    before = [] if by_day_before is None else read_rows(by_day_before)
    models = list(dict.fromkeys(cell["model"] for cell in cells))
    colours = {**assign_colours(model for model in models if model != OTHER_MODELS), OTHER_MODELS: OTHER}
    peak = min(days, key=lambda day: day["rank"])
    month = Month.containing(peak["date"])
    total = days[-1]["cumulative_flex_credits"]

    def draw(width: int) -> Figure:
        narrow = width == NARROW
        figure = new_figure(width, 420 if narrow else 450)
        # Room for the longest number of the axes.
        left = 40 if narrow else 24 + 8 * len(format_whole_credits(total))
        line = add_axes(figure, left, 10, 26, 94)
        columns = add_axes(figure, left, 10, 168, 224 if narrow else 254)
        _draw_line(line, days, before)
        _draw_columns(columns, cells, models, colours, tips=not narrow)
        columns.set_title("Credits a day", loc="left", fontsize=STYLE["font.size"], pad=16)
        _label_peak(columns, peak)
        for axes in (line, columns):
            axes.set_xlim(0.4, month.days + 0.6)
            axes.yaxis.set_major_formatter(FuncFormatter(_write_short if narrow else _write_long))
        line.set_xticks([])
        mondays = [day.day for day in month.span if day.weekday() == 0]
        columns.set_xticks(mondays if narrow else range(1, month.days + 1))
        return figure

    last = format_short_day(days[-1]["date"])
    words = f"{format_credits_or_dash(total)} flex credits up to {last}; "
    words += f"the most on {format_short_day(peak['date'])}, {format_credits_or_dash(peak['flex_credits'])}. "
    words += f"Stacked by {', '.join(models)}, the largest lowest. The line above is the running total"
    words += ", the dashed one the month before." if before else "."
    legend = [(model, colours[model]) for model in models]
    return Chart("chart-days", "Flex credits a day by model", words, draw, legend=legend)


def plot_credits_by_weekday_and_week(by_weekday_and_week: object) -> Chart:
    """A calendar of the month, a column a week: the darker a day, the more flex credits.

    The frame as from `aggregate.credits_by_weekday_and_week`, with every day of the month.
    """
    cells = read_rows(by_weekday_and_week)
    weeks = list(dict.fromkeys(day.isocalendar()[:2] for day in Month.containing(cells[0]["date"]).span))
    most = max(cell["flex_credits"] for cell in cells)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 330)
        axes = add_axes(figure, 38, 2, 26, 300)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        for cell in cells:
            week = weeks.index((cell["iso_year"], cell["iso_week"]))
            # A cell of a phone has room for 99,999.
            amount = cell["flex_credits"]
            is_short = width == NARROW and amount >= 10_000_000
            words = _write_short(float(f"{amount / 100:.3g}"), 0) if is_short else format_whole_credits(amount)
            _draw_day(axes, week, cell, amount / most if most else 0.0, words)
        axes.set_xlim(-0.5, len(weeks) - 0.5)
        axes.set_ylim(7.5, 0.5)
        axes.xaxis.tick_top()
        axes.set_xticks(range(len(weeks)), [f"W{week}" if width == NARROW else f"Week {week}" for _, week in weeks])
        axes.set_yticks(range(1, 8), WEEKDAYS)
        return figure

    top = max(cells, key=lambda cell: (cell["flex_credits"], -cell["date"].toordinal()))
    first, last, darkest = (format_short_day(cell["date"]) for cell in (cells[0], cells[-1], top))
    words = f"A cell a day, {first} to {last}, in {len(weeks)} weeks. "
    words += f"Darkest: {WEEKDAYS[top['weekday'] - 1]} {darkest}, {format_credits_or_dash(top['flex_credits'])}."
    return Chart("chart-weekdays", "Flex credits by weekday and week", words, draw, HALF)


def plot_credits_by_user(by_user: object) -> Chart:
    """The Pareto curve: which share of all flex credits the biggest spenders took together.

    The frame as from `aggregate.credits_by_user`.
    """
    users = read_rows(by_user)
    tenth = users[max(1, round(len(users) / 10)) - 1] if users else None
    points = [(0, 0), *((user["rank"], user["cumulative_share_permille"]) for user in users)]

    def draw(width: int) -> Figure:
        figure = new_figure(width, 330)
        axes = add_axes(figure, 46, 10, 14, 266)
        x, y = [rank for rank, _ in points], [permille / 10 for _, permille in points]
        axes.add_patch(Polygon([*zip(x, y, strict=True), (x[-1], 0)], facecolor=LIGHT["accent"], alpha=0.12))
        axes.plot(x, y, color=LIGHT["accent"], clip_on=False)
        axes.set_xlim(0, max(1, x[-1]))
        axes.set_ylim(0, 100)
        axes.set_yticks(range(0, 101, 20), [f"{share} %" for share in range(0, 101, 20)])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_xlabel("spenders, the biggest first", labelpad=8)
        if tenth is not None:
            share = tenth["cumulative_share_permille"]
            axes.vlines(tenth["rank"], 0, share / 10, color=LIGHT["soft"], linewidth=1)
            text = f"top {format_count_or_dash(tenth['rank'])}: {format_share_percent(share)}"
            axes.text(tenth["rank"] + x[-1] * 0.03, max(6, share / 10 - 8), text, color=LIGHT["ink"], va="top")
        return figure

    words = "The share of all flex credits that the biggest spenders took together."
    if tenth is not None:
        words += (
            f" The top {tenth['rank']} of {len(users)} took {format_share_percent(tenth['cumulative_share_permille'])}."
        )
    return Chart("chart-people", "How the flex credits spread over the spenders", words, draw, HALF)


def _draw_line(axes: Axes, days: list[dict[str, Any]], before: list[dict[str, Any]]) -> None:
    def pick(rows: list[dict[str, Any]]) -> tuple[list[int], list[float]]:
        shown = [row for row in rows if row["date"].day <= Month.containing(days[0]["date"]).days]
        return [row["date"].day for row in shown], [row["cumulative_flex_credits"] / 100 for row in shown]

    title = f"Running total: {format_whole_credits(days[-1]['cumulative_flex_credits'])}"
    if before:
        axes.plot(*pick(before), color=LIGHT["before"], linewidth=1.5, linestyle=(0, (4, 3)))
        month = format_month(before[-1]["date"]).split()[0]
        title += f" · {month}, dashed: {format_whole_credits(before[-1]['cumulative_flex_credits'])}"
    axes.plot(*pick(days), color=LIGHT["accent"], solid_joinstyle="round")
    _scale_credits(axes, 3)
    axes.set_title(title, loc="left", fontsize=STYLE["font.size"], pad=10)


def _draw_columns(
    axes: Axes, cells: list[dict[str, Any]], models: list[str], colours: dict[str, str], *, tips: bool
) -> None:
    heights: dict[date, int] = {}
    for model in models:
        drawn = [cell for cell in cells if cell["model"] == model and cell["flex_credits"]]
        bars = axes.bar(
            [cell["date"].day for cell in drawn],
            [cell["flex_credits"] / 100 for cell in drawn],
            bottom=[heights.get(cell["date"], 0) / 100 for cell in drawn],
            width=0.76,
            color=LIGHT[colours[model]],
            edgecolor=LIGHT["paper"],
            linewidth=0.7,
            label=model,
        )
        for bar, cell in zip(bars, drawn, strict=True):
            heights[cell["date"]] = heights.get(cell["date"], 0) + cell["flex_credits"]
            if tips:
                explain(
                    bar, f"{format_short_day(cell['date'])}, {model}: {format_credits_or_dash(cell['flex_credits'])}"
                )
    _scale_credits(axes, 5)


def _scale_credits(axes: Axes, ticks: int) -> None:
    """From nothing up, at least to one whole credit, in whole credits."""
    axes.set_ylim(0, max(1, axes.get_ylim()[1]))
    axes.yaxis.set_major_locator(MaxNLocator(ticks, integer=True))


def _label_peak(axes: Axes, peak: dict[str, Any]) -> None:
    if peak["flex_credits"]:
        text = f"{format_short_day(peak['date'])}: {format_whole_credits(peak['flex_credits'])}"
        day = peak["date"].day
        side = "left" if day <= 3 else "right" if day >= 28 else "center"
        spot = (day, peak["flex_credits"] / 100)
        axes.annotate(text, spot, (0, 3), textcoords="offset points", ha=side, va="bottom", color=LIGHT["ink"])


def _write_long(number: float, _position: int) -> str:
    return f"{number:,.0f}"


def _write_short(number: float, _position: int) -> str:
    size, unit = (1e6, "M") if number >= 1e6 else (1e3, "k") if number >= 1e3 else (1, "")
    return f"{number / size:g}{unit}"


def _draw_day(axes: Axes, week: int, cell: dict[str, Any], depth: float, amount: str) -> None:
    weekday = cell["weekday"]
    box = Rectangle((week - 0.48, weekday - 0.46), 0.96, 0.92, facecolor=LIGHT["heat"], alpha=0.06 + 0.94 * depth)
    explain(
        box, f"{WEEKDAYS[weekday - 1]} {format_short_day(cell['date'])}: {format_credits_or_dash(cell['flex_credits'])}"
    )
    axes.add_patch(box)
    colour = LIGHT["on-heat" if depth > DARK_CELL else "ink"]
    axes.text(week - 0.43, weekday - 0.38, str(cell["date"].day), fontsize=10, color=colour, va="top")
    axes.text(week + 0.42, weekday + 0.36, amount, color=colour, ha="right", va="bottom")
