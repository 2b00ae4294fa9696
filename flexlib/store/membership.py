"""What somebody belongs to from day to day, out of lines that each hold for some days: cut where anything changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from flexlib.addresses import UNSEEN, hide_email
from flexlib.formats import clean_text
from flexlib.i18n import _, join_and, mark_text

LEVELS = ("department", "team", "project", "cost_centre")
"""What somebody can belong to, all at once."""
NOWHERE = {
    "department": mark_text("in no department"),
    "team": mark_text("in no team"),
    "project": mark_text("in no project"),
    "cost_centre": mark_text("in no cost centre"),
}
"""What the use of those who are in none is called, by level."""
PERSON, TEAM = "person", "team"
PERSONS = ("person", "persona", "user", "usuario")
"""Kinds that are a person, also of a usable: its number is then a person's."""
ALL = "*"
"""Who stands for all of a kind, such as every instance of an application."""
DAY = timedelta(1)


def clean_places(metadata: Mapping[Any, Any]) -> dict[Any, Any]:
    """The metadata of a call in which what names a place has nothing that nobody sees, such as marks that turn the
    letters around, as the names of the organization's file have none.

    >>> clean_places({"department": "Da\u202eta\u200b", "note": "\u202e"})
    {'department': 'Data', 'note': '\u202e'}
    """
    return {
        name: clean_text(value.translate(UNSEEN)) if name in LEVELS and isinstance(value, str) else value
        for name, value in metadata.items()
    }


class Place(NamedTuple):
    """Where somebody belongs; None: not said."""

    department: str | None = None
    team: str | None = None
    project: str | None = None
    cost_centre: str | None = None


Parts = tuple[tuple[Fraction, Place], ...]
"""Shares that sum to 1, the largest first, ties by name."""


@dataclass(frozen=True)
class Membership:
    """A line of the file: on these days so much of somebody is there."""

    line: int
    kind: str
    """`person`, `team`, or the type of a usable such as `key`."""
    who: str
    first: date
    last: date
    share: Fraction
    place: Place
    owner: str | None = None

    @property
    def key(self) -> str:
        return write_key(self.kind, self.who)


class Held(NamedTuple):
    """Days, the last included, on all of which the same holds."""

    first: date
    last: date
    parts: Parts


class Gap(NamedTuple):
    """Days between two lines of somebody on which none holds."""

    before: Membership
    first: date
    last: date


def write_key(kind: str, who: str) -> str:
    """What a line and a row are matched by: the kind and the id, an e-mail as stored rows have it."""
    return f"{kind}\x1f{hide_email(who)}"


def write_stand_in(kind: str) -> str:
    """The key of the line that holds of those of a kind on days on which no own line does; empty where none can."""
    return "" if kind in (PERSON, TEAM) else write_key(kind, ALL)


def cut_days(lines: Sequence[Membership]) -> tuple[list[Held], list[tuple[int, str]], list[Gap]]:
    """What holds of somebody by its lines, cut where anything changes; the faults, each with its line, and the gaps."""
    edges = sorted({one.first for one in lines} | {one.last + DAY for one in lines if one.last < date.max})
    spans = [(first, following - DAY) for first, following in pairwise(edges)]
    if any(one.last == date.max for one in lines):
        spans.append((edges[-1], date.max))
    held: list[Held] = []
    faults: list[tuple[int, str]] = []
    gaps: list[Gap] = []
    for first, last in spans:
        here = [one for one in lines if one.first <= first and last <= one.last]
        if not here:
            gaps.append(Gap(next(one for one in lines if one.last == first - DAY), first, last))
        elif (total := sum(one.share for one in here)) == 1:
            held.append(Held(first, last, _sum_parts((one.share, one.place) for one in here)))
        else:
            faults.append(_explain_share(sorted(here, key=lambda one: one.line), total, first))
    return held, faults, gaps


def cut_gap(gap: Gap, lines: Iterable[Membership]) -> Iterator[Gap]:
    """The days of a gap that none of these `lines` holds."""
    first = gap.first
    for one in sorted(lines, key=lambda one: one.first):
        if one.first > gap.last:
            break
        if one.first > first:
            yield gap._replace(first=first, last=one.first - DAY)
        if one.last >= gap.last:
            return
        first = max(first, one.last + DAY)
    yield gap._replace(first=first)


def _explain_share(here: Sequence[Membership], total: Fraction | int, first: date) -> tuple[int, str]:
    """With the last of the lines, which was added to those before."""
    others = join_and([str(one.line) for one in here[:-1]])
    since = _("from {day} on").format(day=first) if first > date.min else _("from the beginning")
    if total > 1 and all(one.share == 1 for one in here):
        said = _("it overlaps with line {others} {since}; end one before the other begins, or give shares")
    elif others:
        said = _("the shares with line {others} sum to {found} {since}; they must be 100 % on each day")
    else:
        said = _("the shares sum to {found} {since}; they must be 100 % on each day")
    return here[-1].line, said.format(others=others, since=since, found=f"{float(100 * total):.10g} %")


def fill_days(held: Iterable[Held], of_teams: Mapping[str, Sequence[Held]]) -> tuple[Held, ...]:
    """The same days: what a part leaves open its team's lines say; cut, or joined, where that is another."""
    filled = (one for days in held for one in _fill_in(days, of_teams))
    joined: list[Held] = []
    for one in filled:
        if joined and joined[-1].last == one.first - DAY and joined[-1].parts == one.parts:
            one = joined.pop()._replace(last=one.last)
        joined.append(one)
    return tuple(joined)


def _fill_in(held: Held, of_teams: Mapping[str, Sequence[Held]]) -> Iterator[Held]:
    teams = {place.team: of_teams.get(place.team, ()) for _, place in held.parts if place.team}
    edges = {edge for days in teams.values() for one in days for edge in (one.first, one.last)}
    begins = {held.first, *edges, *(edge + DAY for edge in edges if edge < date.max)}
    starts = sorted(day for day in begins if held.first <= day <= held.last)
    for first, last in zip(starts, [*(day - DAY for day in starts[1:]), held.last], strict=True):
        said = {team: next((one.parts for one in days if one.first <= first <= one.last), ())
                for team, days in teams.items()}  # fmt: skip
        filled = ((share * more, Place(*(own or other for own, other in zip(place, open_, strict=True))))
                  for share, place in held.parts
                  for more, open_ in said.get(place.team or "") or ((Fraction(1), place),))  # fmt: skip
        yield Held(first, last, _sum_parts(filled))


def _sum_parts(parts: Iterable[tuple[Fraction, Place]]) -> Parts:
    shares: dict[Place, Fraction] = defaultdict(Fraction)
    for share, place in parts:
        shares[place] += share
    return tuple(sorted(((share, place) for place, share in shares.items()), key=_rank))


def _rank(part: tuple[Fraction, Place]) -> tuple[Fraction, list[tuple[bool, str]]]:
    """The largest first, then by name, nothing last."""
    return -part[0], [(name is None, name or "") for name in part[1]]
