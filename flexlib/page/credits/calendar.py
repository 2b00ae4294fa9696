"""Days as a calendar: a cell a day, a column a week, the more flex credits the darker."""

from __future__ import annotations

from datetime import date
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from flexlib.analysis.frames import read_rows
from flexlib.dates import Month, Span
from flexlib.formats import (
    format_credits,
    format_short_day,
    format_short_number,
    format_weekday,
    format_whole_credits,
)
from flexlib.i18n import _, list_short_weekdays
from flexlib.page.kit.chart import HALF, WIDE, Chart, add_axes
from flexlib.page.kit.days import DayAxis, name_months
from flexlib.page.kit.svg import add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT

DARK_CELL = 0.82
"""From this depth of colour on, light letters stand out more than dark ones; both by 4.5 to 1 at least."""

WEEKS_OF_HALF = 8
"""So many weeks fit beside another chart; a calendar of more is as wide as the page."""

AMOUNT_WIDTH, DATE_WIDTH, WEEK_WIDTH = 48, 22, 66
"""CSS pixels of a calendar's cell from which on it has room for its amount, for its day, for "Week 36" above it."""

WEEKS_OF_MONTH = 4
"""At least."""

DIGIT_WIDTH = 7.5
"""CSS pixels that a digit needs in a cell, its part of the margins included."""

Row = dict[str, Any]


def plot_credits_by_weekday_and_week(
    by_weekday_and_week: object,
    *,
    span: Span | None = None,
    title: str = "Flex credits by weekday and week",
    name: str = "chart-weekdays",
) -> Chart:
    """A calendar, a column a week: the darker a day, the more flex credits.

    The frame as from `credits_by_weekday_and_week`. `span`: the days whose weeks are shown; without it from the first
    to the last of the frame. Raises `InvalidRequest` where there is neither a day nor a span.
    """
    cells = read_rows(by_weekday_and_week)
    axis = DayAxis.over((cell["date"] for cell in cells), span)
    weeks: dict[tuple[int, int], date] = {}
    for day in axis.span:
        weeks.setdefault(day.isocalendar()[:2], day)
    places = {week: place for place, week in enumerate(weeks)}
    most = max((cell["flex_credits"] for cell in cells), default=0)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 330)
        axes = add_axes(figure, 38, 2, 26, 300)
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        room = (width - 40) / len(weeks)
        for cell in cells:
            words = _format_in_cell(cell["flex_credits"], room) if room >= AMOUNT_WIDTH else ""
            day = str(cell["date"].day) if room >= DATE_WIDTH else ""
            depth = cell["flex_credits"] / most if most else 0.0
            _draw_day(axes, places[cell["iso_year"], cell["iso_week"]], cell, depth, (day, words))
        axes.set_xlim(-0.5, len(weeks) - 0.5)
        axes.set_ylim(7.5, 0.5)
        axes.xaxis.tick_top()
        ticks = _name_weeks(weeks, room)
        axes.set_xticks([places[week] for week in ticks], list(ticks.values()))
        axes.set_yticks(range(1, 8), list_short_weekdays())
        return figure

    words = _("A cell a day, {first} to {last}, in {weeks} weeks.").format(
        first=axis.name_day(axis.span.first), last=axis.name_day(axis.span.last), weeks=len(weeks)
    )
    if cells:
        top = max(cells, key=lambda cell: (cell["flex_credits"], -cell["date"].toordinal()))
        darkest = f"{format_weekday(top['date'])} {axis.name_day(top['date'])}"
        said = _("Darkest: {day}, {credits}.")
        words += " " + said.format(day=darkest, credits=format_credits(top["flex_credits"]))
    return Chart(name, title, words, draw, HALF if len(weeks) <= WEEKS_OF_HALF else WIDE)


def _format_in_cell(hundredths: int, room: float) -> str:
    text = format_whole_credits(hundredths)
    return text if DIGIT_WIDTH * len(text) <= room else format_short_number(float(f"{hundredths / 100:.3g}"))


def _name_weeks(weeks: dict[tuple[int, int], date], room: float) -> dict[tuple[int, int], str]:
    """Words over the columns: the week where there is room, else the month where it begins."""
    if room >= AMOUNT_WIDTH:
        name = _("Week {week}") if room >= WEEK_WIDTH else _("W{week}")
        return {(year, week): name.format(week=week) for year, week in weeks}
    months: dict[Month, date] = {}
    for day in weeks.values():
        months.setdefault(Month.containing(day), day)
    names = name_months(list(months.values()), WEEKS_OF_MONTH * room)
    return {day.isocalendar()[:2]: name for day, name in names.items()}


def _draw_day(axes: Axes, week: int, cell: Row, depth: float, words: tuple[str, str]) -> None:
    weekday, (day, amount) = cell["weekday"], words
    alpha, letters = shade_cell(depth)
    box = Rectangle((week - 0.48, weekday - 0.46), 0.96, 0.92, facecolor=LIGHT["heat"], alpha=alpha)
    name = f"{format_weekday(cell['date'])} {format_short_day(cell['date'])}"
    add_tooltip(box, f"{name}: {format_credits(cell['flex_credits'])}")
    axes.add_patch(box)
    colour = LIGHT[letters]
    if day:
        axes.text(week - 0.43, weekday - 0.38, day, fontsize=11.5, color=colour, va="top")
    if amount:
        axes.text(week + 0.42, weekday + 0.36, amount, color=colour, ha="right", va="bottom")


def shade_cell(depth: float) -> tuple[float, str]:
    """How opaque a cell is, 0 for the least depth and 1 for the most, and the colour of its letters."""
    return 0.06 + 0.94 * depth, "on-heat" if depth > DARK_CELL else "on-pale"
