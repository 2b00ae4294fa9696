"""Months, spans of days and periods of time: validated, ordered, half-open in UTC."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

from flexlib.errors import BadMonth, InvalidRequest
from flexlib.i18n import _, list_month_names

FIRST_YEAR, LAST_YEAR = 2000, 2100

SHARED_ZONE = "UTC"
"""Of whose months alone everybody may see pages, see `front.sharing`."""


@dataclass(frozen=True, order=True)
class Month:
    """One calendar month.

    Raises `BadMonth` when year or month is not a whole number in 2000..2100 and 1..12; text is refused
    (YAML reads `08` as text and `010` as eight).

    >>> import flexlib as fl
    >>> str(fl.Month(2025, 12).next)
    '2026-01'
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        for name, value, low, high in (("year", self.year, FIRST_YEAR, LAST_YEAR), ("month", self.month, 1, 12)):
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise BadMonth(_("{name} must be a whole number from {low} to {high}, not {value!r}.")
                    .format(name=name, low=low, high=high, value=value))  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Month:
        """The month that `2025-09` names."""
        match = re.fullmatch(r"(\d{4})-(\d{2})", text)
        if not match:
            raise BadMonth(_("{text!r} is not a month; write it as 2025-09.").format(text=text))
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def containing(cls, day: date) -> Month:
        """The month in which `day` lies."""
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    @property
    def days(self) -> int:
        """How many days it has."""
        return self.last.day

    @property
    def next(self) -> Month:
        return Month.containing(self.last + timedelta(days=1))

    @property
    def previous(self) -> Month:
        return Month.containing(self.first - timedelta(days=1))

    @property
    def end(self) -> datetime:
        """The first moment after the month, in UTC."""
        return datetime(self.next.year, self.next.month, 1, tzinfo=timezone.utc)

    @property
    def name(self) -> str:
        """`September`."""
        return list_month_names()[self.month - 1]

    @property
    def title(self) -> str:
        """`September 2025`; in Spanish `septiembre de 2025`."""
        return _("{month} {year}").format(month=self.name, year=self.year)

    @property
    def span(self) -> Span:
        return Span(self.first, self.last)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"


@dataclass(frozen=True, order=True)
class Span:
    """The days from `first` to `last`, both included. Raises `BadMonth` when they stand the wrong way round.

    >>> import flexlib as fl
    >>> fl.Span.parse("2025-01-01", "2025-12-31").days
    365
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise BadMonth(_("the span starts on {first} and ends before that, on {last}; swap the two dates.")
                .format(first=self.first, last=self.last))  # fmt: skip

    @classmethod
    def parse(cls, first: str, last: str) -> Span:
        """The span between two ISO dates, such as `2025-01-01` and `2025-12-31`."""
        return cls(_parse_day(first), _parse_day(last))

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def months(self) -> list[Month]:
        """Each month that the span touches, in order."""
        months = [Month.containing(self.first)]
        while months[-1] < Month.containing(self.last):
            months.append(months[-1].next)
        return months

    @property
    def halves(self) -> tuple[Span, ...]:
        """The span cut in two parts that together are it; a single day stays whole."""
        if self.days == 1:
            return (self,)
        middle = self.first + timedelta(days=self.days // 2)
        return Span(self.first, middle - timedelta(days=1)), Span(middle, self.last)

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=number) for number in range(self.days))

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def name_months(months: Iterable[Month]) -> str:
    """Months in order, those that follow each other as one: `2025-01 to 2025-08, 2025-10`.

    >>> name_months([Month(2024, 12), Month(2025, 1), Month(2025, 3)])
    '2024-12 to 2025-01, 2025-03'
    """
    runs: list[list[Month]] = []
    for month in months:
        if runs and runs[-1][-1].next == month:
            runs[-1].append(month)
        else:
            runs.append([month])
    named = (_("{first} to {last}").format(first=run[0], last=run[-1]) if run[1:] else str(run[0]) for run in runs)
    return ", ".join(named)


def _parse_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadMonth(_("{text!r} is not a date; write it as 2025-09-01.").format(text=text)) from error


Moment = datetime | date | str | None
"""A time (without a zone: UTC), a day, either as ISO text; None: no bound."""

LENGTH_OF_DAY = len("2025-09-01")


def read_period(
    start: Moment = None, end: Moment = None, zone: tzinfo = timezone.utc
) -> tuple[datetime | None, datetime | None]:
    """The first moment that is in and the first that is not, in UTC and without a zone, as `schema.USAGE` has times.

    Bare days are those of `zone`.

    Raises `InvalidRequest` for what is no time, lies outside the years of a month, or ends before it starts.
    """
    low, high = _read_bound("start", start, zone), _read_bound("end", end, zone)
    if low and high and low > high:
        raise InvalidRequest(_("the period starts at {start} and ends before that, at {end}; swap the two.")
            .format(start=start, end=end))  # fmt: skip
    return low, high


def _read_bound(name: str, value: Moment, zone: tzinfo) -> datetime | None:
    if value is None:
        return None
    moment = _parse_moment(name, value) if isinstance(value, str) else value
    if not isinstance(moment, date):
        raise InvalidRequest(_("{name} must be a day or a time such as 2025-09-01T12:00:00Z, not {value!r}.")
            .format(name=name, value=value))  # fmt: skip
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidRequest(_("{name} is {value}; a call happens between {first_year} and {last_year}.")
            .format(name=name, value=value, first_year=FIRST_YEAR, last_year=LAST_YEAR))  # fmt: skip
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment + timedelta(days=name == "end"), time(), zone)
    return moment if moment.tzinfo is None else moment.astimezone(timezone.utc).replace(tzinfo=None)


def _parse_moment(name: str, text: str) -> date:
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) == LENGTH_OF_DAY else datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(_("{name} is {text!r}; write it as 2025-09-01 or 2025-09-01T12:00:00Z.")
            .format(name=name, text=text)) from error  # fmt: skip


def check_begun(span: Span) -> None:
    """Raises `BadMonth` when a month of `span` lies in the future, before any other is fetched."""
    now = Month.containing(datetime.now(timezone.utc).date())
    if span.months[-1] > now:
        raise BadMonth(_("{title} has not begun yet; ask for days up to {title_2}.")
            .format(title=max(now.next, span.months[0]).title, title_2=now.title))  # fmt: skip


PERIODS = ("day", "week", "month", "cycle")
"""What a budget may be for; see `list_periods`."""


def list_periods(period: str, month: Month, begins: int = 1) -> list[Span]:
    """The periods that share a day with the month: its days, the weeks from Monday, itself, or the cycles that begin on
    the day `begins` of each month, of at most 28.

    >>> [str(one) for one in list_periods("cycle", Month(2025, 9), 15)]
    ['2025-08-15 to 2025-09-14', '2025-09-15 to 2025-10-14']
    """
    if period == "day":
        return [Span(day, day) for day in month.span]
    if period == "week":
        monday = month.first - timedelta(days=month.first.weekday())
        count = (month.last - monday).days // 7 + 1
        firsts = [monday + timedelta(weeks=number) for number in range(count)]
        return [Span(first, first + timedelta(days=6)) for first in firsts]
    if period == "month" or begins == 1:
        return [month.span]
    day_before = timedelta(days=1)
    first, middle, last = (one.first.replace(day=begins) for one in (month.previous, month, month.next))
    return [Span(first, middle - day_before), Span(middle, last - day_before)]
