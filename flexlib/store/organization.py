"""Who belongs to which department, team, project and cost centre, from day to day: read from a file, held to it."""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from flexlib.addresses import compose_text
from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.nesting import Faults, format_given, name_line
from flexlib.setting_values import seek
from flexlib.store.disk import PRIVATE, report_disk
from flexlib.store.membership import (
    ALL,
    LEVELS,
    PERSON,
    PERSONS,
    TEAM,
    Gap,
    Held,
    Membership,
    Place,
    cut_days,
    cut_gap,
    fill_days,
    write_key,
    write_stand_in,
)
from flexlib.store.place_names import list_alike, list_own_lines, list_taken
from flexlib.store.roster import Line, prove_day_first, read_date, read_roster, simplify_text

READS_ORGANIZATION = "flexlib.organization"
"""Whoever notes what a process reads is told by this event which of the files is that of an organization."""

ORGANIZATION = "organization.csv"
"""In `params/` of the project, for its owner alone: it holds people."""
KINDS = dict.fromkeys(PERSONS, PERSON) | {"equipo": TEAM, "clave": "key", "aplicación": "application"}
DECIMALS = 4
"""Of a percentage: with those of a person and of its team, the parts of any amount still fit into 128 bits."""
SUM = re.compile(r"((sub|gran|grand) ?)?total(e?s)?\b[^@]*|suma?\W*\d*")
"""What the foot of a sheet says where people stand, as `simplify_text` has it."""
NUMBER = re.compile(r"(\d{1,3}(?:[.,]\d{1,10})?)( ?%)?", re.ASCII)
MADE_UP = ".example."
"""In the name of a file whose people are made up."""


@dataclass(frozen=True)
class Organization:
    """The lines of a file, checked."""

    file: Path
    memberships: tuple[Membership, ...]
    notes: tuple[str, ...] = ()
    """What had to be understood of the file, and who else may read it, in sentences."""
    gaps: tuple[Gap, ...] = field(default=(), repr=False)

    @cached_property
    def held(self) -> dict[str, tuple[Held, ...]]:
        """By key (see `write_key`) what holds when; what a line leaves open its team's line says."""
        groups = _group(self.memberships)
        cut = {key: cut_days(lines)[0] for key, lines in groups.items()}
        of_teams = {lines[0].who: cut[key] for key, lines in groups.items() if lines[0].kind == TEAM}
        return {key: fill_days(days, {} if groups[key][0].kind == TEAM else of_teams) for key, days in cut.items()}

    @cached_property
    def names(self) -> dict[str, frozenset[str]]:
        """Of each of `LEVELS` the names that its lines say."""
        places = {one.place for one in self.memberships}
        return {level: frozenset(filter(None, (getattr(one, level) for one in places))) for level in LEVELS}

    def places_in(self, level: str, name: str) -> bool:
        """Whether a line, which is not the own one of the team of that name, is of a department, project or team."""
        own = write_key(TEAM, name) if level == TEAM else ""
        return any(
            getattr(place, level) == name
            for key, days in self.held.items()
            if key != own
            for one in days
            for _, place in one.parts
        )

    def find_owner(self, team: str, day: date) -> str | None:
        """Whom a team's notices go to on a day: as its own line says, else that of one of its people."""
        lines = [
            one for one in self.memberships if one.owner and one.place.team == team and one.first <= day <= one.last
        ]
        return min(lines, key=lambda one: (one.kind != TEAM, one.line)).owner if lines else None


def read_organization(file: Path) -> Organization:
    """The organization of a CSV or Excel file as `params/organization.example.csv` explains it.

    A file of the usual name is its owner's alone from then on; of another that others may read the notes tell. Raises
    `BadFile` with the faults and their lines, `ExtraMissing` for Excel without its library.
    """
    sys.audit(READS_ORGANIZATION, file)
    roster = read_roster(file)
    faults = [*roster.faults]
    days = [text for line in roster.lines for name in ("from", "until") if (text := line.read(name))]
    plain = [text for line in roster.lines if (text := line.read("share")) and not text.endswith("%")]
    reader = _Reader(prove_day_first(days), all(_is_part(text) for text in plain), list_own_lines(), faults)
    lines = [found for line in roster.lines if (found := reader.read_line(line))]
    gaps: list[Gap] = []
    groups = _group(lines)
    for group in groups.values():
        __, wrong, left_open = cut_days(group)
        faults += wrong
        stand_in = groups.get(write_stand_in(group[0].kind), []) if group[0].who != ALL else []
        gaps += (one for gap in left_open for one in cut_gap(gap, stand_in))
    if faults:
        told = Faults()
        told.found += [f"{name_line(line, file)}: {text}." for line, text in sorted(set(faults))]
        told.tell()
    if not lines:
        raise BadFile(
            _("{file} has nobody; give each person, key or team a line, as its example does.").format(file=file)
        )
    names = {level: [one.place[place] for one in lines] for place, level in enumerate(LEVELS)}
    notes = (*roster.notes, *list_alike(names), *_guard_file(file))
    return Organization(file, tuple(lines), notes, tuple(gaps))


def find_organization(file: Path | None) -> Organization | None:
    """That of the file that settings name; None where they name none. Raises as `read_organization`."""
    seek("organization")
    return read_organization(file) if file else None


@dataclass(frozen=True)
class _Reader:
    day_first: bool | None
    has_parts: bool
    """Whether shares are parts of 1, else percents."""
    own_lines: frozenset[str]
    """Names that no department may have, as `list_own_lines` gives them."""
    faults: list[tuple[int, str]]

    def read_line(self, line: Line) -> Membership | None:
        before = len(self.faults)
        kind = (line.read("kind") or PERSON).lower()
        kind, who = KINDS.get(kind, kind), line.read("who")
        if not who:
            self._tell(line, _("whom is it of? Write an e-mail, a key or a name into it"))
        elif line.read("kind") is None and SUM.fullmatch(simplify_text(who)):
            said = _("{who} is a sum, and nobody; delete this line, or write the kind of what is called so")
            self._tell(line, said.format(who=format_given(who)))
        if who == ALL and kind in (PERSON, TEAM):
            self._tell(
                line,
                _("{all} is all of a kind; name the kind, such as key or the name of an application").format(all=ALL),
            )
        first, last = self._read_day(line, "from") or date.min, self._read_day(line, "until") or date.max
        if last < first:
            self._tell(line, _("it ends on {last}, before it begins on {first}").format(last=last, first=first))
        place = Place(**{level: line.read(level) for level in LEVELS})
        if not any((*place, line.read("owner"))):
            self._tell(line, _("it names no department, team, project or cost centre"))
        if kind == TEAM:
            if place.team not in (None, who):
                said = _("the team {who} cannot belong to another team, {team}")
                self._tell(line, said.format(who=who, team=place.team))
            place = place._replace(team=who)
        for taken in list_taken(place, self.own_lines):
            self._tell(line, taken)
        share = self._read_share(line)
        if len(self.faults) > before or not who:
            return None
        owner = line.read("owner")
        return Membership(line.number, kind, who, first, last, share, place, owner and compose_text(owner))

    def _read_day(self, line: Line, column: str) -> date | None:
        text = line.read(column)
        try:
            return read_date(text, day_first=self.day_first) if text else None
        except ValueError as error:
            self._tell(
                line,
                _("{column} is {given}, which {error}").format(column=column, given=format_given(text), error=error),
            )
            return None

    def _read_share(self, line: Line) -> Fraction:
        text = line.read("share")
        if text is None:
            return Fraction(1)
        match = NUMBER.fullmatch(text)
        number = _read_number(match) if match else Fraction(0)
        share = number if match and self.has_parts and not match[2] else number / 100
        if not 0 < share <= 1 or share * 100 * 10**DECIMALS % 1:
            said = _("its share is {given}; write a percentage above 0 up to 100, with at most {most} decimals")
            self._tell(line, said.format(given=format_given(text), most=DECIMALS))
        return share

    def _tell(self, line: Line, what: str) -> None:
        self.faults.append((line.number, what))


def _is_part(text: str) -> bool:
    match = NUMBER.fullmatch(text)
    return match is not None and _read_number(match) <= 1


def _read_number(match: re.Match[str]) -> Fraction:
    return Fraction(match[1].replace(",", "."))


def _group(lines: Iterable[Membership]) -> dict[str, list[Membership]]:
    groups: dict[str, list[Membership]] = defaultdict(list)
    for one in lines:
        groups[one.key].append(one)
    return groups


def _guard_file(file: Path) -> list[str]:
    """Keeps the project's own file from others; of another that they may read, says so."""
    if _is_open(file) and _is_own(file):
        with report_disk(file.parent):
            file.chmod(PRIVATE)
    return explain_open(file)


def explain_open(file: Path) -> list[str]:
    """That others may read a file of people, in a sentence: one that is not the project's own stays as it is."""
    if not _is_open(file) or _is_own(file):
        return []
    return [_("Others may read {file}, which holds people: chmod 600 {file}").format(file=file)]


def _is_open(file: Path) -> bool:
    return os.name == "posix" and bool(file.stat().st_mode & 0o077) and MADE_UP not in file.name


def _is_own(file: Path) -> bool:
    return file.name == ORGANIZATION and file.stat().st_uid == os.geteuid()
