"""How many people each line of a level has, each counted once however many systems name them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from itertools import compress
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa

from flexlib.addresses import hide_email
from flexlib.analysis.chargeback import NOBODY, LineKey, LineKind
from flexlib.dates import Month, Span
from flexlib.front.organization import IS_PERSON, WAYS, split_amounts
from flexlib.front.people import list_credits
from flexlib.front.spend import Spend
from flexlib.front.table import write_key as write_column
from flexlib.sources.registry import WINDSURF
from flexlib.spend.month import MonthUsage
from flexlib.store.membership import LEVELS, PERSON, write_key
from flexlib.store.organization import Organization
from flexlib.store.pseudonyms import place_people

OF_PERSON = write_key(PERSON, "")
IS_CREDITS = f"source = '{WINDSURF.name}'"
PEOPLE = f"{IS_CREDITS} OR {IS_PERSON}"
"""Rows of people; applications and keys are none."""
MEASURES = {
    "flex_credits": "flex_credits",
    "requests": "coalesce(requests, 1)",  # a sum that does not say of how many is of some
    "tokens": "total_tokens",
    "usd": "amount_in_usd",
    "clp": "amount_in_clp",
}
UNITS = {
    f"{name} of {kind}": f"coalesce(sum({amount}) FILTER ({condition}), 0) <> 0"
    for kind, condition in (("credits", IS_CREDITS), ("calls", f"NOT {IS_CREDITS}"))
    for name, amount in MEASURES.items()
}
"""What a page shows of somebody's use, as SQL of whether there is any: with the price of a credit, money tells what
credits came to from what calls did."""
SEATS = "seats"
"""Of a department's members: what it pays for them, though they used nothing."""
EMAIL = write_key(PERSON, hide_email("@"))[: len(OF_PERSON) + len("email-")]
"""What begins the key of an e-mail, which is the same in every system."""


class Seen(NamedTuple):
    """Somebody who used something of a line in a month."""

    month: date
    line: str | None
    who: str
    """The key of the person, as `write_key` writes it; empty where a row does not say it."""
    system: str
    """Whose names these are: two names of one system, or two e-mails, are two people; others may be one."""
    listed: str
    """The key under which the organization's file has the person, on whichever days; empty where it has not."""
    is_unlisted: bool
    """Whether some of it is, or may be, of a day on which no line of the file is theirs."""
    units: frozenset[str]
    """Of `UNITS` those in which the use is not zero."""


def name_line(value: Any) -> LineKey:  # noqa: ANN401 (a cell of a frame, or a name)
    """The line of a name; of none that of nobody."""
    return NOBODY if pd.isna(value) else LineKey(LineKind.PART, str(value))


def list_seen(spend: Spend, key: str) -> list[Seen]:
    """Who used something of each line, by month."""
    is_placed = spend.roster is not None and key in LEVELS
    line = f'"{key}"' if is_placed else write_column(key)
    months = spend._months  # noqa: SLF001 (this room's own)
    if not months:
        return []
    organization = spend.organization
    with place_people(names=spend.names):
        pairs = {month.month: _list_spenders(month, organization) for month in months}
    listed = {one: one for one in organization.held if one.startswith(OF_PERSON)} if organization else {}
    listed |= {who: key for found in pairs.values() for who, key in found.values() if key}
    placing = organization if is_placed else None
    rows = spend._join_rows(placing, lambda month: _name_people(month, pairs[month.month]))  # noqa: SLF001
    rows = split_amounts(rows, placing).filter(PEOPLE)
    first = "CAST(date_trunc('month', created_at) AS DATE)"
    keys = f"{first} AS of_month, {line} AS of_line, coalesce(who, '') AS of_who, coalesce(system, '') AS of_system"
    by = "of_month, of_line, of_who, of_system"
    is_unlisted = "bool_or(part.is_unlisted OR part.is_undecided)" if is_placed else "false"
    sums = rows.select(f"{keys}, *").aggregate(f"{by}, {is_unlisted}, {', '.join(UNITS.values())}", by)
    return [
        Seen(at, name, who, system, listed.get(who, ""), is_unlisted, frozenset(compress(UNITS, used)))
        for at, name, who, system, is_unlisted, *used in sums.fetchall()
    ]


def _list_spenders(month: MonthUsage, organization: Organization | None) -> dict[str, tuple[str, str]]:
    """Of each user of credits the key of the person, by the e-mail where there is one, and the one that the file has;
    empty where it has none."""
    found = {}
    for one in list_credits([month]):
        for (user,) in one.relation.select('"user"').distinct().fetchall():
            keys = [write_key(PERSON, name) for name in (one.people.get(user, {}).get("email") or user, user)]
            held = [key for key in keys if key in organization.held] if organization else []
            found[user] = (keys[0], held[0] if held else "")
    return found


def _name_people(month: MonthUsage, spenders: dict[str, tuple[str, str]]) -> duckdb.DuckDBPyRelation:
    """The rows of a month with their users, and whose each is."""
    texts = {"user": [*spenders], "of_credits": [who for who, _ in spenders.values()]}
    known = duckdb.from_arrow(pa.table({name: pa.array(column, pa.string()) for name, column in texts.items()}))
    rows = month.with_spenders.set_alias("rows").join(known.set_alias("known"), 'spender = known."user"', "left")
    named = rows.select(f"rows.*, CASE WHEN {PEOPLE} THEN coalesce(of_credits, {WAYS['person']}) END AS who")
    system = "WHEN who IS NOT NULL THEN source || (usable_key IS NULL)::VARCHAR"
    return named.select(f"*, CASE WHEN starts_with(who, '{EMAIL}') THEN '@' {system} END AS system")


def _list_members(organization: Organization, level: str, days: Span) -> Iterator[tuple[str, LineKey, Fraction]]:
    """Of everybody in the file the lines where they are, with the share of the days."""
    for who, held in organization.held.items():
        for one in held if who.startswith(OF_PERSON) and not who.endswith("*") else ():
            there = min(one.last, days.last).toordinal() - max(one.first, days.first).toordinal() + 1
            for share, place in one.parts if there > 0 else ():
                yield who, name_line(getattr(place, level)), share * Fraction(there, days.days)


def count_heads(spend: Spend, key: str) -> dict[LineKey, Fraction]:
    """How many people each line has: those of the organization's file by the days on which they were there, and who
    used something and is not in it on any of the days, in equal parts in the lines of their use. Whoever used something
    of nobody's on the others of the days is nobody's for these."""
    heads, covered = defaultdict[LineKey, Fraction](Fraction), defaultdict[str, Fraction](Fraction)
    if spend.organization and key in LEVELS:
        for who, line, share in _list_members(spend.organization, key, spend.span):
            heads[line] += share
            covered[who] += share
    pairs = set[tuple[LineKey, str]]()
    partly = set[str]()
    for one in list_seen(spend, key):
        line = name_line(one.line)
        if one.who and one.listed not in covered:
            pairs.add((line, one.who))
        elif one.is_unlisted and line == NOBODY:
            partly.add(one.listed)
    times = Counter(who for _, who in pairs)
    for line, who in pairs:
        heads[line] += Fraction(1, times[who])
    for who in partly:
        heads[NOBODY] += 1 - covered[who]
    return heads


def count_users(spend: Spend, level: str) -> dict[date, dict[str | None, dict[str, int]]]:
    """Of each month how many people at least used something of each department, or another of `LEVELS`, by `UNITS`; and
    with an organization how many have `SEATS`."""
    found: dict[date, dict[str | None, list[Seen]]] = defaultdict(lambda: defaultdict(list))
    for one in list_seen(spend, level):
        found[one.month][one.line].append(one)
    return {month.first: _count_month(spend, level, month, found[month.first]) for month in spend.stored}


def _count_month(
    spend: Spend, level: str, month: Month, seen: Mapping[str | None, list[Seen]]
) -> dict[str | None, dict[str, int]]:
    members: dict[str | None, set[str]] = defaultdict(set)
    for who, place, _share in _list_members(spend.organization, level, month.span) if spend.organization else ():
        members[place.name or None].add(who)
    there = {who for line in members.values() for who in line}
    counts: dict[str | None, dict[str, int]] = {}
    for line in {**seen, **members}:
        users = seen.get(line, [])
        most = len(members.get(line, ())) + len({one.who for one in users if one.listed not in there})
        counts[line] = {SEATS: most} if spend.organization else {}
        for unit in UNITS:
            systems = Counter(one.system for one in users if unit in one.units)
            if systems:
                counts[line][unit] = _count_fewest(systems, most if spend.organization else None)
    return counts


def _count_fewest(systems: Counter[str], most: int | None) -> int:
    """The names of two systems that nothing joins may be the same people, and who belongs elsewhere is none of it."""
    count = max(systems.values())
    return count if most is None else max(1, min(count, most))
