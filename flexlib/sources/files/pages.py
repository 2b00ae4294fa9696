"""Pages of an API: one that says that others come before it or after it is whole only where those are here too."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from flexlib.dates import Month
from flexlib.sources.files.fields import AskedColumns
from flexlib.sources.files.moments import read_instant
from flexlib.sources.files.page_words import FLAGS, TOKENS, has_other_numbers, read_finite, read_said
from flexlib.sources.registry import ALL_PAGES, RefusedRow

WHOLE = "--distinct says that this is all"
"""What clears a page that a doubtful key calls one of several."""

SMALLEST = Decimal("1e-6")
"""By how much two sums of dollars differ at least: sums of floats do by less."""


@dataclass(frozen=True)
class Page:
    """A page of a file: the list of its rows, or of the periods that hold them."""

    place: int
    """Which one of the file, from 1."""
    said: Mapping[str, Any]
    """What it says of other pages, by the names of `WORDS`."""
    sure: Mapping[str, Any]
    """What of that no doubtful key says."""
    rows: tuple[int, int]
    """How many periods it has, and how many rows; without periods twice the same."""
    begins: datetime | None
    ends: datetime | None
    """The beginning of its first period and the end of its last one."""
    is_inner: bool = False
    """Whether it stands in a row of another page."""
    differs: Sequence[tuple[str, str, str]] = ()
    """Totals that it says, and what its rows sum up to, where that is something else."""
    contents: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    """Hashes of its periods and of its rows, where it says how many there are in all."""

    @property
    def last(self) -> tuple[int | None, int | None]:
        """How many pages there are, and which is the last."""
        return self.said.get("pages"), self.said.get("last")

    @property
    def marks(self) -> tuple[tuple[Any, ...], tuple[Any, ...]] | None:
        """Where it begins, and where the next one does; None where it does not tell."""
        if self.begins and self.ends:
            return (self.begins,), (self.ends,)
        if "offset" in self.said and self.rows[0]:
            return ("rows", self.said["offset"]), ("rows", self.said["offset"] + self.rows[0])
        if "page" in self.said:
            return (self.said["page"], self.last), (self.said["page"] + 1, self.last)
        return None

    def lacks(self, side: int, first: int) -> bool:
        """Whether it says that others come before it (0) or after it (1), where pages are counted from `first`. A flag
        counts for more than what it stands beside."""
        if (flag := FLAGS[1 - side]) in self.said:
            return bool(self.said[flag])
        offset, last = self.said.get("offset"), self.said.get("last", self.said.get("pages", 0) + first - 1)
        number = self.said.get("page", (first, last)[side])
        is_within = number < last if side else number > first
        if offset is not None:
            is_within |= offset + self.rows[0] < self.said.get("total", 0) if side else offset > 0
        return TOKENS[1 - side] in self.said or is_within


@dataclass(frozen=True)
class OpenPage:
    """A page beside which another one is missing."""

    month: Month | None
    """The month of what is missing; None: it may be any."""
    refused: RefusedRow


def list_pages(
    value: object, steps: Sequence[Sequence[str]], asked: AskedColumns, place: int, *, is_inner: bool = False
) -> Iterator[Page]:
    """The pages in a value of JSON whose rows are where `steps` lead, the keys to each list: itself and those in it."""
    holders, rows = list[object](), value
    for key in steps[0]:
        holders.append(rows)
        rows = rows.get(key) if isinstance(rows, dict) else None
    if not isinstance(rows, list):
        return
    every = list(_list_rows(value, steps))
    objects = [one for one in holders if isinstance(one, dict)]
    said, sure = (read_said(objects, asked, len(rows), is_sure=is_sure) for is_sure in (False, True))
    for one in (said, sure):
        size, is_alone = one.pop("size", None), not one
        if size and not (is_alone and has_other_numbers(value, size, every, asked.counts)):
            one.setdefault("total", size)
        one.pop("limit", None)
    periods = [one for one in rows if isinstance(one, dict)]
    first, last = (periods[0], periods[-1]) if periods else ({}, {})
    span = (read_instant(first.get(asked.begins)), read_instant(last.get(asked.ends)))
    differs = [] if is_inner else [*_compare_totals(value, every, asked.totals)]
    contents = (_hash_rows(rows), _hash_rows(every)) if "total" in said and not is_inner else (Counter(), Counter())
    yield Page(place, said, sure, (len(rows), len(every)), *span, is_inner, differs, contents)
    if len(steps) > 1:
        for period in periods:
            for page in list_pages(period, steps[1:], asked, place, is_inner=True):
                place += bool(page.said)
                yield from [page] if page.said else []


def find_open_pages(files: Sequence[tuple[str, Sequence[Page], bool]]) -> list[list[OpenPage]]:
    """Of each file of a command, a series (`name_series`), its pages and whether it is said to be whole by itself
    (`--distinct`), those beside which another one is missing; of one that is whole only a sure word counts."""
    sure = _find_open([(series, [replace(one, said=one.sure) for one in pages]) for series, pages, _ in files])
    if all(page.said == page.sure for _, pages, _ in files for page in pages):
        return sure
    found = _find_open([(series, pages) for series, pages, _ in files])
    return [
        maybe and (known if is_whole else known or [_doubt(page) for page in maybe])
        for known, maybe, (_, _, is_whole) in zip(sure, found, files, strict=True)
    ]


def _doubt(page: OpenPage) -> OpenPage:
    told = page.refused.reason.removesuffix(f": {ALL_PAGES}")
    return replace(page, refused=replace(page.refused, reason=f"{told}, unless {WHOLE}: {ALL_PAGES}"))


def _find_open(files: Sequence[tuple[str, Sequence[Page]]]) -> list[list[OpenPage]]:
    """Of each file of a command, a series (`name_series`) and its pages, those beside which another one is missing.

    The next one is where a page begins as another ends, has the next number, or comes next in a file that tells
    neither. A page follows one other only: of two projects' first pages, one is open where a single second page is
    here. Where pages say how many rows there are in all, so many must be here.
    """
    from_0 = {(series, page.last) for series, pages in files for page in pages if page.said.get("page") == 0}
    sides = [
        Counter((series, page.is_inner, page.marks[side]) for series, pages in files for page in pages if page.marks)
        for side in (0, 1)
    ]
    totals = defaultdict[tuple[str, int], list[tuple[int, Page]]](list)
    found: list[list[OpenPage]] = []
    for number, (series, pages) in enumerate(files):
        found.append([])
        for nth, page in enumerate(pages):
            first = 0 if (series, page.last) in from_0 else 1
            missing = [_find_missing(series, pages, nth, side, sides) for side in (1, 0) if page.lacks(side, first)]
            found[-1] += filter(None, missing)
            if "total" in page.said and not page.is_inner:
                totals[series, page.said["total"]].append((number, page))
    for (series, total), several in totals.items():
        first = 0 if any((series, page.last) in from_0 for _, page in several) else 1
        is_whole = any(_are_whole([page for _, page in several], total, of, first) for of in (0, 1))
        is_known = any(found[number] for number, _ in several) or any(page.rows[0] > total for _, page in several)
        if total and not is_whole and not is_known:
            number, page = several[0]
            here = _count_distinct((page for _, page in several), 1)
            found[number].append(_refuse(page, f"page {page.place} is of {total:,} rows, and {here:,} are here"))
    return found


def _are_whole(pages: Sequence[Page], total: int, of: int, first: int) -> bool:
    """Whether pages that say how many rows (`of` 1) or periods (0) there are in all hold so many: each by itself, or
    the others together, of as many lists as have a first page that says so."""
    parts = [page for page in pages if page.rows[of] != total]
    numbered = [page for page in parts if "offset" in page.said or "page" in page.said]
    numbered = list({(page.marks, frozenset(page.contents[1])): page for page in numbered}.values())
    lists = max(1, sum(not page.lacks(0, first) for page in numbered))
    return not parts or _count_distinct(parts, of) == total * lists


def _count_distinct(pages: Iterable[Page], of: int) -> int:
    """Their rows (`of` 1) or periods (0): one of two pages, which moved on while they were read, is here once."""
    return reduce(or_, (page.contents[of] for page in pages)).total()


def _hash_rows(rows: Sequence[object]) -> Counter[int]:
    texts = (json.dumps(row, sort_keys=True, default=str).encode() for row in rows)
    return Counter(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) for text in texts)


def _find_missing(
    series: str, pages: Sequence[Page], nth: int, side: int, sides: Sequence[Counter[Any]]
) -> OpenPage | None:
    """The page itself where the one after it (`side` 1) or before it (0) is not here; `sides`: the marks of all, of
    which each is taken once."""
    page = pages[nth]
    if page.marks:
        mark = (series, page.is_inner, page.marks[side])
        if sides[1 - side][mark]:
            sides[1 - side][mark] -= 1
            return None
    elif not page.is_inner and any(not one.is_inner for one in (pages[nth + 1 :] if side else pages[:nth])):
        return None
    told = (f"other pages come before page {page.place}, and the one before it is not here",
            f"more pages follow page {page.place}, and the next one is not here")[side]  # fmt: skip
    if not (page.begins and page.ends):
        return _refuse(page, told)
    edge = (page.begins, page.ends)[side].astimezone(timezone.utc)
    month = Month.containing((edge if side else edge - timedelta(microseconds=1)).date())
    if edge == (month.previous.end if side else month.end):  # what is missing is of a month that it does not touch
        return None
    return _refuse(page, told, month)


def _refuse(page: Page, told: str, month: Month | None = None) -> OpenPage:
    return OpenPage(month, RefusedRow(page.place, f"{told}: {ALL_PAGES}", json.dumps(page.said)))


def name_series(preset: str | None, mapping: Mapping[str, Any]) -> str:
    """What files have in common that may hold pages of one list: a preset reads a page without a column otherwise."""
    return preset or json.dumps(mapping, sort_keys=True, default=str)


def _compare_totals(
    value: object, every: Sequence[object], totals: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    for path, column in totals.items():
        said = read_finite(_find(value, path.split(".")))
        rows = [read_finite(_find(row, [column]) or 0) for row in every]
        found = sum((one for one in rows if one is not None), Decimal())
        # Without it there is nothing to hold, and a row that has none is refused for it.
        if said is not None and None not in rows and abs(said - found) >= SMALLEST:
            yield path, f"{said:f}", f"{found:f}"


def _list_rows(value: object, steps: Sequence[Sequence[str]]) -> Iterator[object]:
    if not steps:
        yield value
    for one in _find(value, steps[0]) or () if steps else ():
        yield from _list_rows(one, steps[1:])


def _find(value: Any, keys: Sequence[str]) -> Any:  # noqa: ANN401 (JSON)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
