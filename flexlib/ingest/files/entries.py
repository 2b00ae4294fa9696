"""What a month's certificate says of each of its files, and what was decided about two that may hold the same calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from flexlib.certificate import UsageCertificate
from flexlib.checks import MOST_UNPRICED
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.formats import format_plain
from flexlib.i18n import _
from flexlib.ingest.files.known import UNKNOWN, are_logs, count_pages, find_named, list_changes, sum_left_out
from flexlib.ingest.files.overlaps import FileTraits
from flexlib.ingest.files.pool import Pool
from flexlib.ingest.files.reading import refuse_reading_anew
from flexlib.ingest.files.stored import is_at_edge
from flexlib.money.shifted_calls import Pair
from flexlib.privacy import PrivacyGuard
from flexlib.store.origins import find_system

SUPERSEDED = "superseded rows"
"""What rows are called that a newer file has the period of, once somebody said that it holds."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What whoever imports says of files that meet others."""

    replace_months: bool = False
    """Rebuild the months from these files alone."""
    drops_others: bool = False
    """Even where that drops the calls of files of other names, or superseding drops calls that the newer file lacks."""
    supersedes: tuple[str, ...] = ()
    """Names of older files: their rows in the time that these files are of are dropped. The name of a file that is
    given itself: what it said when it was read by other columns is dropped."""
    distinct: bool = False
    """The rows are calls of their own, whatever other rows and files say."""
    most_unpriced: Decimal = MOST_UNPRICED
    """The largest share of a month's requests that may be without a price in a month that is whole."""
    guard: PrivacyGuard = PrivacyGuard()
    """What is masked in metadata; of its secret, the configured key, nothing is stored anywhere."""


@dataclass
class Entries:
    """The files of a month, those that are stored first; each is known by its number."""

    files: list[dict[str, Any]]
    """As the certificate has them."""
    stored: int
    """How many of them are stored."""
    numbers: dict[int, int] = field(default_factory=dict)
    """The number of each file of the command that has rows of the month, by its place there."""
    redone: set[int] = field(default_factory=set)
    """Stored files whose rows are judged again, since something was decided about them."""
    undecided: set[int] = field(default_factory=set)
    """Files that are held against the others now."""
    superseded: set[Pair] = field(default_factory=set)
    """Pairs of a file and an older one that it replaces."""
    asked: set[Pair] = field(default_factory=set)
    """Those that are said now."""
    shifts: dict[Pair, int] = field(default_factory=dict)
    """Of those by how many seconds the newer one's times are to be moved, where that is known."""
    gone: set[str] = field(default_factory=set)
    """The hashes of files of which nothing is left, and no row that could not be taken either."""

    @property
    def names(self) -> dict[int, str]:
        return {number: entry["name"] for number, entry in enumerate(self.files)} | {UNKNOWN: "a file before it"}

    @property
    def distinct(self) -> set[int]:
        """Files whose ids are their own."""
        return {number for number, entry in enumerate(self.files) if entry.get("distinct")}

    @property
    def traits(self) -> list[FileTraits]:
        ways = [find_system(entry) for entry in self.files]
        logs = {number for number, entry in enumerate(self.files) if entry["mapping"].get("repeated") == "last"}
        known = [
            FileTraits(number, "request_id" in way[0], ways.index(way), number in self.undecided, number in logs)
            for number, way in enumerate(ways)
        ]
        return [FileTraits(UNKNOWN, False, UNKNOWN, False), *known]

    def are_logs(self, pair: Pair) -> bool:
        """As of their mappings."""
        one, other = (self.files[number] for number in pair)
        return one.get("rules") == other.get("rules") and are_logs(one["mapping"], other["mapping"])

    def is_read_otherwise(self, pair: Pair) -> bool:
        """Whether one of the two files was read by other columns than whoever imports it chose for the other."""
        if UNKNOWN in pair:
            return True
        one, other = (self.files[number] for number in pair)
        is_alike = one.get("rules") == other.get("rules") and not list_changes(one["mapping"], other["mapping"])
        return not is_alike and not (one.get("preset") or other.get("preset"))

    def note_shared(self, alike: Mapping[Pair, int], shared: Mapping[Pair, int]) -> None:
        """Keeps how many rows of each file may be rows of another: until something is decided, the month says so."""
        names = self.names
        for number in self.undecided:
            entry = self.files[number]
            if count := sum(rows for (new, _), rows in alike.items() if new == number):
                entry["alike"] = count
            found: Counter[str] = Counter()
            for (new, old), rows in shared.items():
                found[names[old]] += rows if new == number else 0
            if pairs := [[name, rows] for name, rows in sorted(found.items()) if rows]:
                entry["shared"] = pairs

    def sum_left_out(self) -> tuple[dict[str, Any], ...]:
        """Rows that are no calls, or in whose place newer ones stand, of all files by kind."""
        superseded = {SUPERSEDED: sum(entry.get("superseded", 0) for entry in self.files)}
        return sum_left_out([superseded, *(entry.get("left_out", {}) for entry in self.files)])

    def note_superseded(self, dropped: Mapping[int, int], left: Container[int]) -> None:
        """Keeps how many rows of each file are dropped in favour of which others; `left`: files that have others."""
        for number, entry in enumerate(self.files):
            by = {self.files[new]["sha256"] for new, old in self.superseded if old == number}
            if by:
                before = 0 if number in self.numbers.values() else entry.get("superseded", 0)
                entry["superseded"] = before + dropped.get(number, 0)
                entry["superseded_by"] = sorted(by)
                shifts = {self.files[new]["sha256"]: lag for (new, old), lag in self.shifts.items() if old == number}
                if shifts := entry.get("shifts", {}) | shifts:
                    entry["shifts"] = shifts
                if number not in left:  # nor do its rows that could not be taken count any more
                    entry["superseded"] += entry["quarantined"]
                    entry |= {"quarantined": 0, "undated": 0}
                    for about in ("doubled", "alike", "shared", "open_pages", "free", "held_days"):
                        entry.pop(about, None)
                    self.gone.add(entry["sha256"])


def list_entries(pool: Pool, month: Month, before: UsageCertificate | None, decisions: Decisions) -> Entries:
    """The files of the month, stored ones first. Raises `BadFile` where one was imported under another mapping."""
    files = [dict(entry) for entry in before.files] if before else []
    places = {entry["sha256"]: number for number, entry in enumerate(files)}
    entries = Entries(files, len(files))
    judged_otherwise = set[int]()  # as a version before took rows that are no calls, or left out some that are
    for place, file in enumerate(pool.files):
        if month not in file.months:
            continue
        facts, counts = file.facts, file.months[month].counts
        number = places.setdefault(facts.sha256, len(files))
        if number == len(files):
            files.append({})
            entries.undecided.add(number)
        entry = files[number]
        old, new = entry.get("mapping", facts.mapping), facts.mapping
        if list_changes(old, new):
            is_named = any(number in find_named(files, name) for name in decisions.supersedes)
            if not is_named and not decisions.replace_months:
                refuse_reading_anew(facts, entry, month)
            entries.redone.add(number)
            entries.undecided.add(number)
            for name in ("alike", "shared", "distinct", "preset", "evidence", "rules"):
                entry.pop(name, None)
        if number < entries.stored and entry.get("left_out", {}) != file.months[month].left_out:
            judged_otherwise.add(number)
        for name in ("left_out", "doubled", "own_totals", "open_pages", "free", "held_days"):
            entry.pop(name, None)
        said = {name: value for name, value in asdict(facts).items() if value is not None}
        entry |= said | {
            "name": entry.get("name", facts.name),
            "rows": counts.rows_read,
            "quarantined": counts.quarantined_rows,
            "undated": counts.undated_rows,
            "repeated": counts.repeated_rows,
        }
        found = {name: getattr(file.months[month], name) for name in ("doubled", "held_days", "left_out")}
        entry |= {name: one for name, one in found.items() if one}
        entry |= count_pages(file.months[month].refused)
        if (free := file.months[month].free)[0]:
            entry["free"] = [free[0], format_plain(free[1])]
        if file.own_totals:
            entry["own_totals"] = [list(one) for one in file.own_totals]
        entries.numbers[place] = number
    is_doubted = any(one.sure != one.said for file in pool.files for one in file.pages)
    is_doubted |= decisions.distinct and any(is_at_edge(pool, file, month) for file in pool.files)
    _decide(entries, decisions, is_doubted=is_doubted)
    entries.redone |= judged_otherwise
    return entries


def _decide(entries: Entries, decisions: Decisions, *, is_doubted: bool) -> None:
    given, files = set(entries.numbers.values()), entries.files
    older = set[int]()
    for name in decisions.supersedes:  # one name for both: the one that is given is the newer
        named = set(find_named(files, name)) - entries.redone
        older |= named - given or named
    places = {entry["sha256"]: number for number, entry in enumerate(files)}
    for number, entry in enumerate(files):
        by = {places[sha] for sha in entry.get("superseded_by", ()) if sha in places}
        entries.superseded |= {(new, number) for new in by}
    newer = given - older
    entries.asked = {(new, old) for new in newer for old in older}
    taken_back = {(old, new) for new, old in entries.asked}  # what was said last holds
    if decisions.distinct:
        taken_back |= {pair for pair in entries.superseded - entries.asked if pair[0] in newer}
        if missing := {old for _other, old in taken_back} - given:
            name = files[min(missing)]["name"]
            raise BadFile(_("{name} was superseded before by what is now said to be distinct; give {name} too.")
                .format(name=name))  # fmt: skip
    entries.superseded = entries.superseded - taken_back | entries.asked
    for __ in files:  # what the newer of two gives way to, the older does too
        entries.superseded |= {
            (a, c) for a, b in entries.superseded for d, c in entries.superseded if b == d and a != c
        }
    for number in {pair[1] for pair in taken_back} - {pair[1] for pair in entries.superseded}:
        for about in ("superseded", "superseded_by", "shifts"):
            files[number].pop(about, None)
    names = {files[number]["name"] for number in newer}
    for number in older:
        if rest := [pair for pair in files[number].pop("shared", ()) if pair[0] not in names]:
            files[number]["shared"] = rest
        others = {*range(len(files))} - newer - {number}
        if not any(entries.is_read_otherwise((number, one)) for one in others):
            files[number].pop("alike", None)  # it was of the newer ones alone
    may_repeat = any(entry.get("doubled") or "request_id" in entry["mapping"] for entry in files)
    is_distinct = decisions.distinct and (len(files) > 1 or may_repeat or is_doubted)
    for number in newer if older or is_distinct else ():
        entry = files[number]
        if number not in entries.undecided:
            entries.redone.add(number)
            entries.undecided.add(number)
        for name in ("alike", "shared"):
            entry.pop(name, None)
        if is_distinct:
            entry["distinct"] = True
    for number in entries.distinct:
        files[number].pop("doubled", None)
    entries.undecided -= entries.distinct
