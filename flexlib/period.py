"""A period of calls as its two ends: half-open in UTC, and a bare day as the end means that whole day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo

from flexlib.errors import UsageError
from flexlib.month import FIRST_YEAR, LAST_YEAR

__all__ = ["Moment", "read_period"]

Moment = datetime | date | str | None
"""A time (without a zone: UTC), a day, either as ISO text; None: no bound."""

LENGTH_OF_DAY = len("2025-09-01")


def read_period(
    start: Moment = None, end: Moment = None, zone: tzinfo = timezone.utc
) -> tuple[datetime | None, datetime | None]:
    """The first moment that is in and the first that is not, in UTC and without a zone, as `schema.USAGE` has times.

    Bare days are those of `zone`.

    Raises `UsageError` for what is no time, lies outside the years of a month, or ends before it starts.
    """
    low, high = _read_bound("start", start, zone), _read_bound("end", end, zone)
    if low and high and low > high:
        raise UsageError(f"the period starts at {start} and ends before that, at {end}; swap the two.")
    return low, high


def _read_bound(name: str, value: Moment, zone: tzinfo) -> datetime | None:
    if value is None:
        return None
    moment = _parse_moment(name, value) if isinstance(value, str) else value
    if not isinstance(moment, date):
        raise UsageError(f"{name} must be a day or a time such as 2025-09-01T12:00:00Z, not {value!r}.")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise UsageError(f"{name} is {value}; a call happens between {FIRST_YEAR} and {LAST_YEAR}.")
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment + timedelta(days=name == "end"), time(), zone)
    return moment if moment.tzinfo is None else moment.astimezone(timezone.utc).replace(tzinfo=None)


def _parse_moment(name: str, text: str) -> date:
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) == LENGTH_OF_DAY else datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{name} is {text!r}; write it as 2025-09-01 or 2025-09-01T12:00:00Z.") from error
