"""What a month's certificate says of each of its files, and what was decided about two that may hold the same calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from flexlib.certificate import UsageCertificate
from flexlib.checks import MOST_UNPRICED
from flexlib.dates import Month
from flexlib.errors import BadFile, BadParameter
from flexlib.formats import format_count
from flexlib.ingest.files.overlaps import FileTraits, Pair
from flexlib.ingest.files.pool import Pool
from flexlib.ingest.files.rules import FileFacts

UNKNOWN = -1
"""The number of the file that a stored row came from, where an older flexlib did not keep it."""


SUPERSEDED = "superseded rows"
"""What rows are called that a newer file has the period of, once somebody said that it holds."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What whoever imports says of files that meet others."""

    replace_months: bool = False
    """Rebuild the months from these files alone."""
    drops_others: bool = False
    """Even where that drops the calls of files of other names."""
    supersedes: tuple[str, ...] = ()
    """Names of older files: where these files have a row of the same period, theirs are dropped."""
    distinct: bool = False
    """The rows are calls of their own, whatever other files say."""
    most_unpriced: Decimal = MOST_UNPRICED
    """The largest share of a month's requests that may be without a price in a month that is whole."""


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

    @property
    def names(self) -> dict[int, str]:
        return {number: entry["name"] for number, entry in enumerate(self.files)} | {UNKNOWN: "a file before it"}

    @property
    def distinct(self) -> set[int]:
        """Files whose ids are their own."""
        return {number for number, entry in enumerate(self.files) if entry.get("distinct")}

    @property
    def traits(self) -> list[FileTraits]:
        ways = [(entry["mapping"], entry.get("rules")) for entry in self.files]
        known = [
            FileTraits(number, "request_id" in way[0], ways.index(way), number in self.undecided)
            for number, way in enumerate(ways)
        ]
        return [FileTraits(UNKNOWN, False, UNKNOWN, False), *known]

    def is_read_otherwise(self, pair: Pair) -> bool:
        """Whether one of the two files was read by other columns than whoever imports it chose for the other."""
        one, other = (self.files[number] for number in pair) if UNKNOWN not in pair else ({}, {"mapping": ""})
        alike = [(entry.get("mapping"), entry.get("rules")) for entry in (one, other)]
        return alike[0] != alike[1] and not (one.get("preset") or other.get("preset"))

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
        found: Counter[str] = Counter()
        for entry in self.files:
            found.update(entry.get("left_out", {}))
            found[SUPERSEDED] += entry.get("superseded", 0)
        return tuple({"kind": kind, "rows": rows} for kind, rows in sorted(found.items()) if rows)

    def note_superseded(self, dropped: Mapping[int, int]) -> None:
        """Keeps how many rows of each file are dropped in favour of which others."""
        for number, entry in enumerate(self.files):
            by = {self.files[new]["sha256"] for new, old in self.superseded if old == number}
            if by:
                before = 0 if number in self.numbers.values() else entry.get("superseded", 0)
                entry["superseded"] = before + dropped.get(number, 0)
                entry["superseded_by"] = sorted(by)


def list_entries(pool: Pool, month: Month, before: UsageCertificate | None, decisions: Decisions) -> Entries:
    """The files of the month, stored ones first. Raises `BadFile` where one was imported under another mapping."""
    files = [dict(entry) for entry in before.files] if before else []
    places = {entry["sha256"]: number for number, entry in enumerate(files)}
    entries = Entries(files, len(files))
    for place, file in enumerate(pool.files):
        if month not in file.months:
            continue
        facts, counts = file.facts, file.months[month].counts
        number = places.setdefault(facts.sha256, len(files))
        if number == len(files):
            files.append({})
            entries.undecided.add(number)
        _check_mapping(facts, files[number], month)
        files[number].pop("left_out", None)
        told = {name: value for name, value in asdict(facts).items() if value is not None}
        files[number] |= told | {
            "name": files[number].get("name", facts.name),
            "rows": counts.rows_read,
            "quarantined": counts.quarantined_rows,
            "undated": counts.undated_rows,
            "repeated": counts.repeated_rows,
        }
        if left_out := file.months[month].left_out:
            files[number]["left_out"] = left_out
        entries.numbers[place] = number
    _decide(entries, decisions)
    return entries


def refuse_dropping(
    stored: Iterable[tuple[Month, Iterable[Mapping[str, Any]]]], given: Iterable[tuple[str, str]]
) -> None:
    """Raises `BadParameter` where stored months have files that are not `given`, by name or hash: they would go."""
    again = {text for pair in given for text in pair}
    dropped = [
        f"{entry['name']} of {month} ({format_count(entry['rows'], 'row')})"
        for month, files in stored
        for entry in files
        if again.isdisjoint((entry["sha256"], entry["name"]))
    ]
    if dropped:
        raise BadParameter(
            f"--replace rebuilds the months from what is given alone, and would drop {', '.join(dropped)}; "
            "add --yes to drop them, or give those files too."
        )


def find_named(files: Sequence[Mapping[str, Any]], name: str) -> list[int]:
    """The numbers of the files of that name; a path is as good as the name at its end."""
    exact = [number for number, entry in enumerate(files) if entry["name"] == name]
    return exact or [number for number, entry in enumerate(files) if entry["name"] == Path(name).name]


def _decide(entries: Entries, decisions: Decisions) -> None:
    given = set(entries.numbers.values())
    older = {number for name in decisions.supersedes for number in find_named(entries.files, name)}
    if not given - older:  # one name for both: the one that is given is the newer
        older -= given
    places = {entry["sha256"]: number for number, entry in enumerate(entries.files)}
    for number, entry in enumerate(entries.files):
        by = {places[sha] for sha in entry.get("superseded_by", ()) if sha in places}
        entries.superseded |= {(new, number) for new in by}
    entries.superseded |= {(new, old) for new in given - older for old in older}
    newer = {entries.files[number]["name"] for number in given - older}
    for number in older:
        entry = entries.files[number]
        if rest := [pair for pair in entry.pop("shared", ()) if pair[0] not in newer]:
            entry["shared"] = rest
    is_decided = bool(older) or (decisions.distinct and len(entries.files) > 1)
    for number in given - older if is_decided else ():
        entry = entries.files[number]
        if number not in entries.undecided:
            entries.redone.add(number)
            entries.undecided.add(number)
        for name in ("alike", "shared"):
            entry.pop(name, None)
        if decisions.distinct:
            entry["distinct"] = True
    entries.undecided -= entries.distinct


def _check_mapping(file: FileFacts, entry: Mapping[str, Any], month: Month) -> None:
    """Under another mapping the same calls get other ids: they would count twice."""
    old, new = entry.get("mapping", file.mapping), file.mapping
    changes = [
        f"{name} {old.get(name, 'not given')} (now {new.get(name, 'not given')})"
        for name in old | new
        if old.get(name) != new.get(name)
    ]
    if changes:
        raise BadFile(
            f"{file.name} was imported into {month} before, with {', '.join(changes)}; its calls would count twice. "
            "Import it as before, or with --replace together with the other files of its months, which go otherwise."
        )


def write_notes(files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a reader of the certificate must know of its files."""
    yield "Every row of the files is taken, a duplicate or quarantined; whether they hold every call, no file says."
    yield "Kept are the files' hashes and the rows that could not be taken; the files themselves are not copied."
    names = {entry["sha256"]: entry["name"] for entry in files}
    for entry in files:
        if entry["undated"]:
            yield (
                f"Rows of {entry['name']} without a readable time: {entry['undated']:,}; "
                "they count as quarantined in every month of that file."
            )
        if entry["repeated"]:
            yield (
                f"Calls of {entry['name']} in an hour that the clock showed twice: {entry['repeated']:,}; "
                "the first is assumed."
            )
        if entry.get("superseded"):
            by = ", ".join(names.get(one, "a file that is no longer of the month") for one in entry["superseded_by"])
            count = f"{entry['superseded']:,}"
            yield f"Rows of {entry['name']} that were dropped because {by} covers the same periods: {count}."
        if entry.get("distinct"):
            yield f"Whoever imported {entry['name']} said that its rows are separate calls."
