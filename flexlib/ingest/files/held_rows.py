"""Rows of an older file that could not be taken: forgotten only where a newer file has as many in their place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from shlex import quote

from flexlib.dates import Month
from flexlib.errors import BadParameter
from flexlib.formats import format_count
from flexlib.i18n import _
from flexlib.ingest.files.entries import Entries
from flexlib.ingest.files.pool import FileMonth, Pool


def refuse_forgetting(pool: Pool, month: Month, entries: Entries, dropped: Mapping[int, int]) -> None:
    """Raises `BadParameter` where rows that could not be taken would be no gap any more, since nothing else is left of
    their file: of each of their days the newer files have to have as many rows as it, and of those without a time as
    many in all. `dropped`: how many rows go, by file. Looks into the view `all_rows`."""
    for old in sorted({pair[1] for pair in entries.asked}):
        entry = entries.files[old]
        held, undated = (entry.get(name, 0) for name in ("quarantined", "undated"))
        before = _count_days(pool, {old}) if held else {}
        rows = sum(before.values())
        if not held or rows > dropped.get(old, 0):
            continue
        newer = {place: number for place, number in entries.numbers.items() if (number, old) in entries.asked}
        months = [pool.files[place].months for place in newer]
        anywhere = sum(_count_rows(one) for each in months for one in each.values())
        now, here = _count_days(pool, {*newer.values()}), [each[month].held_days for each in months]
        # A version before kept no days.
        days = entry.get("held_days", {} if held == undated else None)
        every = sum((Counter(one) for one in here), Counter(now))
        if days is None or has_fewer(anywhere, every, rows + held, Counter(before) + Counter(days), days):
            raise BadParameter(explain_held(entry["name"], held))


def has_fewer(
    count: int, by_day: Mapping[str, int], before: int, before_by_day: Mapping[str, int], days: Iterable[str]
) -> bool:
    """Whether newer files have fewer rows than an older one, taken or not: in all, or of one of the `days` of which it
    has rows that could not be taken."""
    return count < before or any(by_day.get(day, 0) < before_by_day.get(day, 0) for day in days)


def _count_days(pool: Pool, files: set[int]) -> dict[str, int]:
    """How many rows of the files are of each day."""
    return dict(
        pool.connection.execute(f"""
            SELECT created_at::DATE::VARCHAR AS day, count(DISTINCT (file, id)) FROM all_rows
            WHERE file IN ({", ".join(map(str, files))}) GROUP BY day""").fetchall()
    )


def explain_held(name: str, held: int) -> str:
    """That so many rows of an older file would be forgotten, and what to do."""
    said = _(
        "--supersedes {names} would drop {rows} that could not be taken, and the newer files have fewer rows than it "
        "of their days, or in all; add --yes if they are no calls and no costs, or give a file in which they can be "
        "taken."
    )
    return said.format(names=quote(name), rows=format_count(held, "row"))


def _count_rows(month: FileMonth) -> int:
    return month.counts.rows + month.counts.quarantined_rows
