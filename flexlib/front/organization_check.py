"""An organization held against what was spent: who is nowhere, or not on that day, who never spends, what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from flexlib.dates import Month
from flexlib.formats import format_number
from flexlib.front.days_without_line import ListedElsewhen, find_listed, list_hidden
from flexlib.front.organization import WAYS, name_keys
from flexlib.front.people import list_credits
from flexlib.front.spend import Spend
from flexlib.front.undecided import IS_UNDECIDED
from flexlib.i18n import _, join_and, translate_count
from flexlib.proof import Certificate, State
from flexlib.spend.billed import sum_known
from flexlib.store.membership import ALL, DAY, LEVELS, TEAM, Gap, Held, Membership, Parts, write_key, write_stand_in
from flexlib.store.organization import Organization
from flexlib.store.place_names import list_alike, list_taken_by_calls

UNITS = ("flex_credits", "usd", "clp")
RANKED = ("usd", "flex_credits")
"""By what sums are put in order."""
Amounts = dict[str, Decimal | None]


@dataclass(frozen=True)
class Sum:
    """What one user, or a department, came to; None: nothing is known."""

    name: str | None
    """Of a department None for what is in none."""
    people: int
    """Users: people, keys, instances of applications."""
    requests: int | None
    amounts: Amounts
    unpriced_requests: int
    """Those that the dollars lack."""
    lacks_usd: bool
    """Whether the dollars lack any, also a part of calls that are counted where a larger part is."""


@dataclass(frozen=True)
class Change:
    """Somebody belongs elsewhere from a day on."""

    day: date
    of: Membership
    """The line that began, or else the one that ended."""
    before: Parts | None
    after: Parts | None
    """None: nowhere, nor does a line hold for all of the kind."""


@dataclass(frozen=True)
class OrganizationCheck:
    """What the organization's file says and what was spent in a month, side by side."""

    month: Month
    organization: Organization
    departments: tuple[Sum, ...]
    """The largest first."""
    nowhere: tuple[Sum, ...]
    """Users who spent and whom no line puts anywhere on any day, nor their calls; the largest first."""
    elsewhen: tuple[tuple[Sum, ListedElsewhen], ...]
    """Users who spent on days for which no line of theirs is, as between two of them; the largest first."""
    without_department: tuple[Sum, ...]
    """Users who spent and belong somewhere, but to no department, where the file has departments; the largest first."""
    silent: tuple[Membership, ...]
    """Lines of people, keys and applications of the month of whom no row is; of each the first."""
    changes: tuple[Change, ...]
    lost: tuple[Membership, ...]
    """Lines of the month that say no department and name a team of which no line says one, where other teams' do."""
    lost_calls: tuple[Sum, ...]
    """By team, what calls came to that name such a team themselves and are in no department; the largest first."""
    gaps: tuple[Gap, ...]
    """Those with a day in the month."""
    hidden: int
    """With names, how many users rows know by a hash of their e-mail, which nothing tells."""
    undecided: int
    """As of `count_undecided`."""
    certificates: tuple[Certificate, ...]
    state: State
    missing: tuple[str, ...]
    alike: tuple[str, ...]
    """Names that calls write in another way than the file, or than each other, in sentences."""


def check_organization(spend: Spend, organization: Organization) -> OrganizationCheck:
    """Of the one month that is loaded; people as that shows them."""
    month, usage = spend.span.months[-1], spend.loaded[-1]
    table = spend.by("source", "user", *LEVELS)
    is_nowhere = table[list(LEVELS)].isna().all(axis=1)
    nowhere = _sum_by(table[is_nowhere], "user")
    somewhere = table[table["department"].isna() & ~is_nowhere]
    of_found = [pd.isna(team) or not _has_no_line(team, organization) for team in somewhere["team"]]
    has_departments = any(one.place.department for one in organization.memberships)
    keys = name_keys(spend._months[-1].with_spenders, organization, list_credits(spend._months[-1:]))
    listed = find_listed(spend, keys, organization, month)
    names = [one.name for one in nowhere]
    used = {key for way in WAYS for (key,) in keys.select(f"by_{way}").distinct().fetchall() if key}
    lines = [one for one in organization.memberships if one.first <= month.last and month.first <= one.last]
    silent = {one.key: one for one in reversed(lines) if one.kind != TEAM and one.key not in used}
    lost = tuple(sorted((one for one in lines if _is_lost(one, organization)), key=lambda one: one.line))
    of_lines = {one.place.team for one in lost}
    return OrganizationCheck(
        month,
        organization,
        _sum_by(table, "department"),
        tuple(one for one in nowhere if one.name not in listed),
        tuple((one, listed[one.name]) for one in nowhere if one.name in listed),
        _sum_by(somewhere[of_found], "user") if has_departments else (),
        tuple(sorted(silent.values(), key=lambda one: one.line)),
        tuple(sorted(_list_changes(organization, month), key=lambda one: (one.day, one.of.line))),
        lost,
        tuple(
            one
            for one in _sum_by(table[table["department"].isna() & table["team"].notna()], "team")
            if one.name not in of_lines and _has_no_line(one.name, organization)
        ),
        tuple(one for one in organization.gaps if one.first <= month.last and month.first <= one.last),
        len(list_hidden(names)) if spend.names else 0,
        count_undecided(spend),
        tuple(one.certificate for one in usage.snapshots),
        usage.state,
        spend.missing,
        _list_alike(table, organization),
    )


def _list_alike(table: pd.DataFrame, organization: Organization) -> tuple[str, ...]:
    """Beside what the notes of the file tell already."""
    names = {level: [*table[level].dropna(), *(getattr(one.place, level) for one in organization.memberships)]
             for level in LEVELS}  # fmt: skip
    told = [*list_alike(names), *list_taken_by_calls(names)]
    return tuple(one for one in told if one not in organization.notes)


def _is_lost(one: Membership, organization: Organization) -> bool:
    """Whether a line leaves its department to a team that has no line."""
    return one.kind != TEAM and not one.place.department and _has_no_line(one.place.team, organization)


def _has_no_line(team: str | None, organization: Organization) -> bool:
    """Where other teams do, as where its name is misspelled."""
    has_teams = any(other.kind == TEAM for other in organization.memberships)
    return bool(has_teams and team and write_key(TEAM, team) not in organization.held)


def count_undecided(spend: Spend) -> int:
    """Sums of a whole month of somebody who moved within it: what changed then is in nothing."""
    return len(spend._placed.filter(IS_UNDECIDED)) if spend.roster else 0


def explain_hidden(made: OrganizationCheck) -> list[str]:
    """That names were asked for, and nothing tells who is behind a hash; in a sentence, with what to do."""
    if not made.hidden:
        return []
    said = translate_count(
        "{count} user who spends is known only by a hash of the e-mail (email-...), and neither {file} nor Windsurf's "
        "list of people has that e-mail: write lines with the e-mails of all who may be meant into {file}, and this "
        "check tells who it is.",
        "{count} users who spend are known only by a hash of the e-mail (email-...), and neither {file} nor Windsurf's "
        "list of people has those e-mails: write lines with the e-mails of all who may be meant into {file}, and this "
        "check tells who they are.",
        made.hidden,
    )
    return [said.format(count=format_number(made.hidden), file=made.organization.file)]


def explain_lacking(made: OrganizationCheck) -> list[str]:
    """That the file lacks lines of who spends, in one sentence; none where it lacks none."""
    counts = [len(some) for some in (made.nowhere, made.elsewhen, made.without_department)]
    counts.append(len({*(one.place.team for one in made.lost), *(one.name for one in made.lost_calls)}))
    nowhere, elsewhen, outside, teams = counts
    lacks = (
        translate_count("{count} spends and is listed nowhere", "{count} spend and are listed nowhere", nowhere),
        translate_count("{count} spends on days on which it is not listed",
                        "{count} spend on days on which they are not listed", elsewhen),
        translate_count("{count} is in no department", "{count} are in no department", outside),
        translate_count("{count} team has no line", "{count} teams have no line", teams),
    )  # fmt: skip
    found = [said.format(count=format_number(count)) for said, count in zip(lacks, counts, strict=True) if count]
    said = _("{file} lacks lines: {what}.")
    return [said.format(file=made.organization.file, what=join_and(found))] if found else []


def explain_undecided(count: int) -> str:
    """That there are so many, in a sentence."""
    said = translate_count(
        "{count} sum of a whole month of somebody who moved within it: what changed then is in nothing.",
        "{count} sums of a whole month of somebody who moved within it: what changed then is in nothing.",
        count,
    )
    return said.format(count=format_number(count))


def _sum_by(table: pd.DataFrame, key: str) -> tuple[Sum, ...]:
    groups: dict[str | None, list[dict[Hashable, Any]]] = defaultdict(list)
    for row in table.to_dict("records"):
        groups[None if pd.isna(row[key]) else row[key]].append(row)
    sums = [_sum_rows(name, rows) for name, rows in groups.items()]
    return tuple(sorted(sums, key=lambda one: (*(-(one.amounts[unit] or 0) for unit in RANKED), one.name or "")))


def _sum_rows(name: str | None, rows: list[dict[Hashable, Any]]) -> Sum:
    counts = [row["requests"] for row in rows]
    return Sum(
        name,
        len({(row["source"], row["user"]) for row in rows}),
        None if any(map(pd.isna, counts)) else int(sum(counts)),
        {unit: sum_known(None if pd.isna(row[unit]) else row[unit] for row in rows) for unit in UNITS},
        int(sum(row["unpriced_requests"] for row in rows)),
        any(row["lacks_usd"] for row in rows),
    )


def _list_changes(organization: Organization, month: Month) -> Iterator[Change]:
    lines: dict[str, list[Membership]] = defaultdict(list)
    for one in organization.memberships:
        lines[one.key].append(one)
    for key, held in organization.held.items():
        days = {one.first: one for one in held}
        ends = {one.last: one for one in held}
        edges = {one.first for one in held} | {one.last + DAY for one in held if one.last < date.max}
        stand_in = organization.held.get(write_stand_in(lines[key][0].kind), ()) if lines[key][0].who != ALL else ()
        for day in sorted(one for one in edges if month.first <= one <= month.last):
            begun, ended = days.get(day), ends.get(day - DAY)
            of = min(lines[key], key=lambda one: (one.first != day, one.last != day - DAY, one.line))
            before, after = ended or _find_held(stand_in, day - DAY), begun or _find_held(stand_in, day)
            change = Change(day, of, before.parts if before else None, after.parts if after else None)
            if change.before != change.after:
                yield change


def _find_held(held: Iterable[Held], day: date) -> Held | None:
    return next((one for one in held if one.first <= day <= one.last), None)
