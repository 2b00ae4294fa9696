"""The month of another zone than UTC: the parts of UTC's months in which it lies, and what its clocks show."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flexlib.dates import Month
from flexlib.errors import BadParameter

Piece = tuple[Month, datetime, datetime]
"""A part of a month: UTC, end excluded."""


def list_pieces(month: Month, zone: str) -> list[Piece]:
    """The months of UTC in which the zone's month lies, each with its part of it."""
    there = read_zone(zone)
    first, end = (
        datetime(one.year, one.month, 1, tzinfo=there).astimezone(timezone.utc).replace(tzinfo=None)
        for one in (month, month.next)
    )
    pieces = []
    for one in (month.previous, month, month.next):
        low = max(first, one.previous.end.replace(tzinfo=None))
        high = min(end, one.end.replace(tzinfo=None))
        if low < high:
            pieces.append((one, low, high))
    return pieces


def read_zone(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadParameter(f"{zone!r} is not a time zone; write it as America/Santiago or UTC.") from error


def write_clock(first: datetime, end: datetime, zone: str) -> str:
    """What the zone's clocks show at `created_at`, in SQL: an offset up to each change of the clocks."""
    there = read_zone(zone)
    offsets: list[tuple[datetime, timedelta]] = []
    moment = first
    while moment < end:
        offset = moment.replace(tzinfo=timezone.utc).astimezone(there).utcoffset() or timedelta()
        if not offsets or offsets[-1][1] != offset:
            offsets.append((moment, offset))
        moment += timedelta(minutes=15)
    cases = "".join(
        f"WHEN created_at >= TIMESTAMP '{start}' THEN {int(offset.total_seconds())} "
        for start, offset in reversed(offsets)
    )
    return f"created_at + to_seconds(CASE {cases}END)"
