"""An axis of days over any span: where a day stands, and which ticks there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

from matplotlib.axes import Axes

from flexlib.dates import Span
from flexlib.errors import InvalidRequest
from flexlib.formats import format_short_day
from flexlib.i18n import _, list_short_months
from flexlib.page.kit.svg import add_tooltip
from flexlib.page.kit.theme import LIGHT

DAY_WIDTH = 24
"""CSS pixels that a tick needs which is only a day's number."""

DATE_WIDTH = 34
"""CSS pixels that a tick needs where some have a month's name beside the number, "1 Oct"."""

MONTH_WIDTH, YEAR_WIDTH = 44, 80
"""CSS pixels that a tick needs which is "Oct" or "Jan 2026"."""

MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)
"""So many months from tick to tick."""

MOST_MARKED = 62
"""Days of an axis whose holidays are marked: of more than two months the marks would run into each other."""

FEWEST_TICKS = 2
"""With fewer Mondays than that, every other day or so says more."""

SHORTEST_MONTH = 28
"""Days."""

COLUMN = 0.76
"""How much of its day a column takes, where it stands alone."""

WIDEST_COLUMN = 90
"""CSS pixels: a wider column looks like a wall."""

DENSE = 8
"""Below so many CSS pixels a day, the gap between two columns and their edges would hide more than they show."""


@dataclass(frozen=True)
class DayAxis:
    """The days of `span` side by side, the first at 1, so that the days of a month stand at their numbers."""

    span: Span

    @classmethod
    def over(cls, days: Iterable[date], span: Span | None) -> DayAxis:
        """The axis of `span`, else from the first to the last of `days`. Raises `InvalidRequest` without either."""
        if span is None:
            known = sorted(days)
            if not known:
                raise InvalidRequest(_("a chart of days without a row needs the span of its days; give one."))
            span = Span(known[0], known[-1])
        return cls(span)

    def place(self, day: date) -> int:
        """Where the day stands."""
        return (day - self.span.first).days + 1

    def name_day(self, day: date) -> str:
        """`15 Sep`, with the year where the span has days of two."""
        has_two = self.span.first.year != self.span.last.year
        return format_short_day(day) + f" {day.year}" * has_two

    def list_marked(self, holidays: Iterable[date]) -> list[date]:
        """Those of the axis, where days are wide enough to be marked."""
        return [day for day in holidays if day in self.span] if self.span.days <= MOST_MARKED else []

    def set_up(self, axes: Axes, width: int, holidays: Iterable[date] = ()) -> None:
        """Limits and ticks of axes that are `width` CSS pixels wide; behind `holidays` a shade."""
        for day in self.list_marked(holidays):
            shade = axes.axvspan(self.place(day) - 0.5, self.place(day) + 0.5, color=LIGHT["line"], zorder=0)
            add_tooltip(shade, _("{day}: a holiday").format(day=self.name_day(day)))
        axes.set_xlim(0.4, self.span.days + 0.6)
        ticks = self.choose_ticks(width)
        axes.set_xticks([self.place(day) for day in ticks], list(ticks.values()))
        if self.is_dense(width) and self.place(next(iter(ticks))) * width / self.span.days < MONTH_WIDTH / 2:
            # In the middle under its day it would reach below the numbers of the other axis.
            axes.get_xticklabels()[0].set_horizontalalignment("left")

    def is_dense(self, width: int) -> bool:
        """Whether the columns of days stand without a gap."""
        return width / self.span.days < DENSE

    def choose_thickness(self, width: int) -> float:
        """How much of its day a column takes."""
        return 1 if self.is_dense(width) else min(COLUMN, WIDEST_COLUMN * self.span.days / width)

    def choose_ticks(self, width: int) -> dict[date, str]:
        """The finest ticks that fit in `width` CSS pixels, with their words: every day, every Monday, or months.

        In a whole month a number says the day; else the month is named where it begins and at the first tick.
        """
        room, months = width / self.span.days, self.span.months
        is_month = len(months) == 1 and self.span == months[0].span
        needed = DAY_WIDTH if is_month else DATE_WIDTH
        days = list(self.span)
        mondays = [day for day in days if day.weekday() == 0]
        if room >= needed or len(mondays) < FEWEST_TICKS:
            step = max(1, ceil(needed / room))
            return self._name_dates(days[::step], is_month, step * room)
        if 7 * room >= needed:
            return self._name_dates(mondays, is_month, 7 * room)
        starts = [month.first for month in months if month.first >= self.span.first]
        return name_months(starts, SHORTEST_MONTH * room)

    def _name_dates(self, days: list[date], is_month: bool, room: float) -> dict[date, str]:
        if is_month:
            return {day: str(day.day) for day in days}
        ticks = {}
        for place, day in enumerate(days):
            begins = place == 0 or day.month != days[place - 1].month
            # Two names side by side need more room: the first one is the one that can be guessed.
            crowded = place == 0 and len(days) > 1 and days[1].month != day.month and room < MONTH_WIDTH
            ticks[day] = format_short_day(day) if begins and not crowded else str(day.day)
        return ticks


def list_holiday_mark(axis: DayAxis, holidays: Iterable[date]) -> list[tuple[str, str]]:
    """What the legend says of the shade behind holidays; nothing where there is none."""
    return [(_("Holiday"), "line")] if axis.list_marked(holidays) else []


def name_months(days: Sequence[date], room: float) -> dict[date, str]:
    """As many of `days`, each the first that is shown of its month, as fit with `room` CSS pixels a month: `Oct`; where
    they are of two years, the first of each with it, `Jan 2026`."""
    has_years = days[0].year != days[-1].year
    needed = YEAR_WIDTH if has_years else MONTH_WIDTH
    step = next((step for step in MONTH_STEPS if step * room >= needed), MONTH_STEPS[-1])
    ticks: dict[date, str] = {}
    year = 0 if has_years else days[0].year
    for day in days[::step]:
        ticks[day] = list_short_months()[day.month - 1] + f" {day.year}" * (day.year != year)
        year = day.year
    return ticks
