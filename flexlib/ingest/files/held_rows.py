"""Rows of an older file that could not be taken: forgotten only where a newer file has as many in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from flexlib.dates import Month
from flexlib.errors import BadParameter
from flexlib.formats import format_count
from flexlib.i18n import _
from flexlib.ingest.files.entries import Entries
from flexlib.ingest.files.known import read_certificate
from flexlib.ingest.files.pool import FileMonth, Pool, ReadFile
from flexlib.store.origins import read_origins
from flexlib.store.version import Snapshot


def refuse_forgetting(pool: Pool, month: Month, entries: Entries, dropped: Mapping[int, int]) -> None:
    """Raises `BadParameter` where rows that could not be taken would be no gap any more, since nothing else is left of
    their file: of each of their days the newer files have to have as many rows as it, and of those without a time as
    many in all. `dropped`: how many rows go, by file. Looks into the view `all_rows`."""
    for old in sorted({pair[1] for pair in entries.asked}):
        entry = entries.files[old]
        if not entry.get("quarantined"):
            continue
        rows = pool.connection.view("all_rows")
        before = _count_days(rows.filter(f"file = {old}"))
        if before.total() > dropped.get(old, 0):
            continue
        newer = {place: number for place, number in entries.numbers.items() if (number, old) in entries.asked}
        now = _count_days(rows.filter(f"file IN ({', '.join(map(str, newer.values()))})"))
        _refuse_fewer(entry, before, [pool.files[place] for place in newer], month, now)


def refuse_rebuilding(pool: Pool, month: Month, base: Snapshot) -> None:
    """The same where a month is rebuilt: of each stored file of `base` in whose place another of its name is given."""
    before = read_certificate(base)
    files, given = before.files if before else (), {file.facts.sha256 for file in pool.files}
    places = {file.facts.name: place for place, file in enumerate(pool.files)}
    for number, entry in enumerate(files):
        if entry.get("quarantined") and entry["sha256"] not in given and entry["name"] in places:
            place = places[entry["name"]]
            old = read_origins(base, len(files), pool.connection).filter(f"file = {number}")
            new = pool.read_month(month).filter(f"place = {place}").select("*, place AS file")
            _refuse_fewer(entry, _count_days(old), [pool.files[place]], month, _count_days(new))


def _refuse_fewer(
    entry: Mapping[str, Any], before: Counter[str], newer: Sequence[ReadFile], month: Month, now: Counter[str]
) -> None:
    """`before`, `now`: rows that were taken, by day."""
    held, undated = (entry.get(name, 0) for name in ("quarantined", "undated"))
    days = entry.get("held_days", {} if held == undated else None)
    if days is None:  # a version before kept none
        raise BadParameter(explain_unknown(entry["name"]))
    anywhere = sum(_count_rows(one) for file in newer for one in file.months.values())
    every = sum((Counter(file.months[month].held_days) for file in newer if month in file.months), now)
    if has_fewer(anywhere, every, before.total() + held, before + Counter(days), days):
        raise BadParameter(explain_held(entry["name"], held))


def has_fewer(
    count: int, by_day: Mapping[str, int], before: int, before_by_day: Mapping[str, int], days: Iterable[str]
) -> bool:
    """Whether newer files have fewer rows than an older one, taken or not: in all, or of one of the `days` of which it
    has rows that could not be taken."""
    return count < before or any(by_day.get(day, 0) < before_by_day.get(day, 0) for day in days)


def _count_days(rows: duckdb.DuckDBPyRelation) -> Counter[str]:
    """How many of the rows are of each day."""
    day = "created_at::DATE::VARCHAR"
    return Counter(dict(rows.aggregate(f"{day}, count(DISTINCT (file, id))", day).fetchall()))


def explain_held(name: str, held: int) -> str:
    """That so many rows of an older file would be forgotten, and what to do."""
    said = _(
        "this would drop {rows} of {name} that could not be taken, and the newer files have fewer rows than it of "
        "their days, or in all; add --yes if they are no calls and no costs, or give a file in which they can be taken."
    )
    return said.format(name=name, rows=format_count(held, "row"))


def explain_unknown(name: str) -> str:
    """The same of rows of which nobody knows the days."""
    said = _(
        "this would drop rows of {name} that could not be taken, and of which days they are is not known; add --yes if "
        "the newer files have them, or if they are no calls and no costs."
    )
    return said.format(name=name)


def _count_rows(month: FileMonth) -> int:
    return month.counts.rows + month.counts.quarantined_rows
