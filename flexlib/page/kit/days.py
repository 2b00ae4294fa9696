"""An axis of days over any span: where a day stands, and which ticks there is room for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from matplotlib.axes import Axes

from flexlib.dates import MONTH_NAMES, Span
from flexlib.errors import InvalidRequest
from flexlib.formats import format_short_day

DAY_WIDTH = 24
"""CSS pixels that a tick needs which is only a day's number."""

DATE_WIDTH = 34
"""CSS pixels that a tick needs where some have a month's name beside the number, "1 Oct"."""

MONTH_WIDTH, YEAR_WIDTH = 44, 64
"""CSS pixels that a tick needs which is "Oct" or "Jan 2026"."""

MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60)
"""So many months from tick to tick."""

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
                raise InvalidRequest("a chart of days without a row needs the span of its days; give one.")
            span = Span(known[0], known[-1])
        return cls(span)

    def place(self, day: date) -> int:
        """Where the day stands."""
        return (day - self.span.first).days + 1

    def name_day(self, day: date) -> str:
        """`15 Sep`, with the year where the span has days of two."""
        has_two = self.span.first.year != self.span.last.year
        return format_short_day(day) + f" {day.year}" * has_two

    def set_up(self, axes: Axes, width: int) -> None:
        """Limits and ticks of axes that are `width` CSS pixels wide."""
        axes.set_xlim(0.4, self.span.days + 0.6)
        ticks = self.choose_ticks(width)
        axes.set_xticks([self.place(day) for day in ticks], list(ticks.values()))

    def is_dense(self, width: int) -> bool:
        """Whether the columns of days stand without a gap."""
        return width / self.span.days < DENSE

    def choose_ticks(self, width: int) -> dict[date, str]:
        """The finest ticks that fit in `width` CSS pixels, with their words: every day, every Monday, or months.

        In a whole month a number says the day; else the month is named where it begins and at the first tick.
        """
        room, first, months = width / self.span.days, self.span.first, self.span.months
        is_month = len(months) == 1 and self.span == months[0].span
        needed = DAY_WIDTH if is_month else DATE_WIDTH
        if room >= needed or self.span.days == 1:
            return self._name_dates(list(self.span), is_month, room)
        mondays = [day for day in self.span if day.weekday() == 0]
        if 7 * room >= needed and mondays:
            return self._name_dates(mondays, is_month, 7 * room)
        starts = [month.first for month in months if month.first >= first]
        has_years = first.year != self.span.last.year
        step = next(
            (step for step in MONTH_STEPS if 28 * step * room >= (YEAR_WIDTH if has_years else MONTH_WIDTH)),
            MONTH_STEPS[-1],
        )
        ticks, year = {}, 0
        for day in starts[::step]:
            ticks[day] = MONTH_NAMES[day.month - 1][:3] + f" {day.year}" * (has_years and day.year != year)
            year = day.year
        return ticks or {first: format_short_day(first)}

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
