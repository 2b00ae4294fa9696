"""Sums of a whole month of somebody who moved within it: nothing says how much of them is of which days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

import duckdb

from flexlib.dates import Month, name_months
from flexlib.formats import format_number
from flexlib.front.spend import Spend
from flexlib.i18n import _, join_and, translate_count
from flexlib.store.membership import LEVELS, NOWHERE

IS_UNDECIDED = "grain = 'month' AND part.is_undecided"
"""Of a row, as SQL: with the grain millions of calls need not be joined to who they are of."""


def list_concerned(spend: Spend, levels: Iterable[str]) -> dict[tuple[str, ...], set[Month]]:
    """Of which departments, or other names of these levels, such sums may be, and of which months they are."""
    found: dict[tuple[str, ...], set[Month]] = defaultdict(set)
    for level in {*levels} & {*LEVELS} if has_sums_of_months(spend) else ():
        names = f"CAST(created_at AS DATE) AS day, unnest(part.among.{level}) AS name"
        for day, name in _open_undecided(spend, level).select(names).distinct().fetchall():
            found[level, name].add(Month(day.year, day.month))
    return found


def explain_unmapped(spend: Spend, level: str) -> list[str]:
    """Why such sums are under Unmapped, in one sentence; none where none is."""
    if level not in LEVELS or not has_sums_of_months(spend):
        return []
    count = len(_open_undecided(spend, level).filter(f"len(part.among.{level}) > 0"))
    said = translate_count(
        "{count} sum of a whole month is of somebody who moved within it: nothing says how much of it is of which "
        "days, so it is under Unmapped.",
        "{count} sums of a whole month are of somebody who moved within it: nothing says how much of them is of which "
        "days, so they are under Unmapped.",
        count,
    )
    return [said.format(count=format_number(count))] if count else []


def list_apart(spend: Spend, level: str) -> set[tuple[str, str | None]]:
    """Of which names of the level, by source, such sums may be, and None, of which they are counted for want of one: by
    how much any of these changed is not known."""
    if level not in LEVELS or not has_sums_of_months(spend):
        return set()
    found = _open_undecided(spend, level).filter(f"len(part.among.{level}) > 0")
    return {*found.select(f"source, unnest(list_append(part.among.{level}, NULL)) AS name").distinct().fetchall()}


def explain_apart(names: Iterable[str | None]) -> str:
    """That of these no change can be told, of which `list_apart` has the names."""
    said = _("Of somebody who moved within a month there is only its sum, of which nothing says how much is of which "
             "days: what changed of {names}, and of what is in none of them, is not measured.")  # fmt: skip
    return said.format(names=join_and(sorted({one for one in names if one})))


def explain_lack(months: Collection[Month], level: str) -> str:
    """What a department, or other name of the level, lacks that such sums of these months may be of, in a few words."""
    said = translate_count(
        "somebody moved within {months}; their sum of that month is {nowhere}",
        "somebody moved within {months}; their sums of those months are {nowhere}",
        len(months),
    )
    named = next(iter(months)).title if len(months) == 1 else name_months(sorted(months))
    return said.format(months=named, nowhere=_(NOWHERE[level]))


def has_sums_of_months(spend: Spend) -> bool:
    """Whether anything can be undecided: without, nobody's place needs to be looked up."""
    return bool(spend.roster and spend._rows.filter("grain = 'month'").limit(1).fetchall())  # noqa: SLF001


def _open_undecided(spend: Spend, level: str) -> duckdb.DuckDBPyRelation:
    """The rows that are in none of the level because of that."""
    return spend._placed.filter(f'{IS_UNDECIDED} AND "{level}" IS NULL')  # noqa: SLF001 (this room's own)
