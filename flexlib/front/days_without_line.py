"""Who is in the organization's file, and spent on days of which no line is: which days, and between which lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import duckdb

from flexlib.addresses import HIDDEN_EMAIL
from flexlib.dates import Month, Span
from flexlib.front.organization import WAYS
from flexlib.front.spend import Spend
from flexlib.store.membership import DAY, LEVELS, Membership
from flexlib.store.organization import Organization

NOWHERE = " AND ".join(f"{level} IS NULL" for level in LEVELS)


@dataclass(frozen=True)
class ListedElsewhen:
    """The file has somebody, but not on these days."""

    days: tuple[Span, ...]
    """Of the month; empty where all that is nowhere are sums of the whole month, within which they moved."""
    lines: tuple[Membership, ...]
    """That end before these days and begin after them; else those of the month."""


class _Use(NamedTuple):
    """A day on which a user's row is nowhere, or the month that it sums."""

    keys: frozenset[str]
    """Of the lines that may name it; empty where there are none."""
    day: date
    is_month: bool


def find_listed(
    spend: Spend, keys: duckdb.DuckDBPyRelation, organization: Organization, month: Month
) -> dict[str | None, ListedElsewhen]:
    """By user whose rows are nowhere, though the file has all who may be meant by the name; `keys` of the rows of the
    month as of `name_keys`."""
    uses: dict[str | None, list[_Use]] = defaultdict(list)
    ways = ", ".join(f"by_{way}" for way in WAYS)
    which = keys.select(f"id AS row_id, source AS row_source, created_at AS row_time, {ways}").set_alias("keys")
    rows = spend._placed.filter(NOWHERE).set_alias("rows")  # noqa: SLF001 (this room's own)
    rows = rows.join(which, "rows.id = row_id AND rows.source = row_source AND rows.created_at = row_time")
    rows = rows.select(f"\"user\", CAST(created_at AS DATE) AS day, grain = 'month' AS is_month, {ways}").distinct()
    for user, day, is_month, *named in rows.fetchall():
        uses[user].append(_Use(frozenset(key for key in named if key in organization.held), day, is_month))
    found = {
        user: _find_days(those, organization, month) for user, those in uses.items() if all(one.keys for one in those)
    }
    return {user: one for user, one in found.items() if one}


def _find_days(uses: list[_Use], organization: Organization, month: Month) -> ListedElsewhen | None:
    """None where a line is of every such day, and says no place."""
    keys = {key for one in uses for key in one.keys}
    lines = [one for one in organization.memberships if one.key in keys]
    bare = list(_list_bare(lines, month))
    days = tuple(span for span in bare if any(one.is_month or one.day in span for one in uses))
    if not days and not any(one.is_month for one in uses):
        return None
    near = [one for span in days for one in _list_near(lines, span)]
    of_month = [one for one in lines if one.first <= month.last and month.first <= one.last]
    return ListedElsewhen(days, tuple(sorted({*(near or of_month)}, key=lambda one: one.line)))


def _list_bare(lines: Iterable[Membership], month: Month) -> Iterator[Span]:
    """The days of the month for which none of the lines is."""
    first = month.first
    for one in sorted(lines, key=lambda one: one.first):
        if one.first > first and first <= month.last:
            yield Span(first, min(one.first - DAY, month.last))
        if one.last >= month.last:
            return
        first = max(first, one.last + DAY)
    if first <= month.last:
        yield Span(first, month.last)


def _list_near(lines: Iterable[Membership], span: Span) -> Iterator[Membership]:
    """The lines that end last before the days, and those that begin first after them."""
    before = max((one.last for one in lines if one.last < span.first), default=None)
    after = min((one.first for one in lines if one.first > span.last), default=None)
    yield from (one for one in lines if one.last == before or one.first == after)


def list_hidden(users: Iterable[str | None]) -> dict[str, str]:
    """Of the users in whose names a hash stands for an e-mail that hash."""
    return {user: match[0] for user in users if user and (match := HIDDEN_EMAIL.search(user))}
