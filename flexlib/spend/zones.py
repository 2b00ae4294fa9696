"""The month of another zone than UTC: the parts of UTC's months in which it lies, and what its clocks show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.certificate import Certificate, UsageCertificate
from flexlib.dates import Month
from flexlib.enums import OF_AN_HOUR
from flexlib.errors import SnapshotMissing
from flexlib.guesses import read_zone
from flexlib.i18n import _, join_or
from flexlib.sources.registry import BILLS, LEDGER, WINDSURF
from flexlib.store.ended import check_going
from flexlib.store.server import list_commands
from flexlib.store.snapshots import find_state, list_newest
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb

Piece = tuple[Month, datetime, datetime]
"""A part of a month: UTC, end excluded."""
Stored = dict[tuple[Month, str], Snapshot]
"""Versions with calls, by month and source."""
KEPT = 128
"""Of so many months the clocks are remembered: ten years of one zone."""
MINUTE = "%Y-%m-%d %H:%M"


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


def write_hours(first: datetime, end: datetime) -> str:
    """Hours of UTC in words: `2025-10-01 00:00 to 2025-10-01 03:00 UTC`."""
    return _("{first} to {end} UTC").format(first=first.strftime(MINUTE), end=end.strftime(MINUTE))


def judge_hours(snapshot: Snapshot, month: Month, zone: str) -> Certificate:
    """Its certificate as the zone's month has it: of a neighbouring month no more need be over than the hours that the
    two share. Of the month of the same name all of it: sums of a day, and Windsurf's days, are UTC's in every zone."""
    found = snapshot.certificate
    if snapshot.month == month or not isinstance(found, UsageCertificate):
        return found
    end = next(end for one, _first, end in list_pieces(month, zone) if one == snapshot.month)
    after = snapshot.month.end.replace(tzinfo=None) - end
    return replace(found, grace_seconds=found.grace_seconds - int(after.total_seconds()))


def find_month_snapshots(
    month: Month, root: Path, *, zone: str = "UTC", version: int | None = None
) -> tuple[Snapshot, ...]:
    """The newest version of each source that has a part of the month of `zone`: calls, then credits, then bills; of the
    month itself those of its `version`, as `store.snapshots.find_state` counts them.

    Raises `SnapshotMissing` when nothing of the month itself is stored, or awaited, `SnapshotChanged` when what is
    stored is not what its certificate is of, `BadParameter` for a zone that does not exist.
    """
    found: list[Snapshot] = []
    for part, __, __ in list_pieces(month, zone):
        found += find_state(part, version, root) if version and part == month else list_newest(part, root)
    usage = sorted((one for one in found if one.dataset == LEDGER.dataset), key=lambda one: (one.month, one.source))
    spent = [one for one in found if one.dataset == WINDSURF.dataset and one.month == month]
    billed = [one for one in found if one.dataset == BILLS.dataset and one.month == month]
    if not spent and not billed and not any(one.month == month for one in usage):
        check_going(month, root)
        commands = join_or(list_commands(month, root))
        raise SnapshotMissing(_("Nothing of {month} is stored. Run: {commands}").format(month=month, commands=commands))
    for one in (*usage, *spent, *billed):
        one.check()
    return (*usage, *spent, *billed)


def write_clock(first: datetime, end: datetime, zone: str) -> str:
    """What the zone's clocks show at `created_at`, in SQL: an offset up to each change of the clocks."""
    return f"created_at + {_write_offset(_list_offsets(first, end, zone))}"


def write_moment(month: Month, zone: str) -> str:
    """The moment in UTC of `created_at` in the zone's month, as `read_source` has it, in SQL: prices change by that. Of
    an hour that the clocks show twice it is the later one."""
    pieces = list_pieces(month, zone)
    offsets = _list_offsets(pieces[0][1], pieces[-1][2], zone)
    shown = [(start + offset, offset) for start, offset in offsets]
    return f"CASE WHEN grain IN {OF_AN_HOUR} THEN created_at - {_write_offset(shown)} ELSE created_at END"


@lru_cache(maxsize=KEPT)
def _list_offsets(first: datetime, end: datetime, zone: str) -> Sequence[tuple[datetime, timedelta]]:
    there = read_zone(zone)
    offsets: list[tuple[datetime, timedelta]] = []
    moment = first
    while moment < end:
        offset = moment.replace(tzinfo=timezone.utc).astimezone(there).utcoffset() or timedelta()
        if not offsets or offsets[-1][1] != offset:
            offsets.append((moment, offset))
        moment += timedelta(minutes=15)
    return offsets


def _write_offset(offsets: Sequence[tuple[datetime, timedelta]]) -> str:
    cases = "".join(
        f"WHEN created_at >= TIMESTAMP '{start}' THEN {int(offset.total_seconds())} "
        for start, offset in reversed(offsets)
    )
    return f"to_seconds(CASE {cases}END)"


def find_stored(month: Month, root: Path, zone: str) -> Stored:
    """The newest versions that have calls of the month of `zone`, as far as any are stored."""
    newest = [one for part, _, _ in list_pieces(month, zone) for one in list_newest(part, root, [LEDGER.dataset])]
    return {(one.month, one.source): one for one in newest}


def read_calls(stored: Stored, month: Month, zone: str) -> list[tuple[str, duckdb.DuckDBPyRelation]]:
    """The month's calls by source, out of these versions."""
    pieces, sources = list_pieces(month, zone), {source for _, source in stored}
    return [(source, read_source(source, stored, pieces, month, zone)) for source in sorted(sources)]


def read_source(source: str, stored: Stored, pieces: list[Piece], month: Month, zone: str) -> duckdb.DuckDBPyRelation:
    """The source's calls of the zone's month, `created_at` as its clocks show it; sums of days as they are."""
    here = [(stored[one, source], first, end) for one, first, end in pieces if (one, source) in stored]
    rows = read_usage([snapshot.parquet for snapshot, _, _ in here])
    first, end = min(one for _, one, _ in here), max(one for _, _, one in here)
    is_moved = f"grain IN {OF_AN_HOUR}"
    here_then = f"created_at >= TIMESTAMP '{first}' AND created_at < TIMESTAMP '{end}'"
    own_month = f"created_at >= DATE '{month.first}' AND created_at < DATE '{month.next.first}'"
    rows = rows.filter(f"CASE WHEN {is_moved} THEN {here_then} ELSE {own_month} END")
    clock = f"CASE WHEN {is_moved} THEN {write_clock(first, end, zone)} ELSE created_at END"
    return rows.select(f"* REPLACE ({clock} AS created_at), '{source}' AS source")
