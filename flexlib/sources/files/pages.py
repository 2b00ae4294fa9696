"""Pages of an API: one that says that more follow is whole only where what follows it is here too."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from flexlib.dates import Month
from flexlib.sources.files.fields import AskedColumns
from flexlib.sources.files.moments import read_instant
from flexlib.sources.registry import MORE_PAGES, RefusedRow

FLAGS = ("has_more", "hasMore", "has_next_page", "hasNextPage")
TOKENS = ("next_page", "nextPage", "next_page_token", "nextPageToken", "next_cursor", "nextCursor", "next_token",
          "nextToken", "NextToken", "next")  # fmt: skip
NUMBERS = (("page", "totalPages"), ("page", "total_pages"), ("currentPage", "numPages"), ("current_page", "last_page"))
"""How pages say that more follow: by a flag, by what the next one is asked for with, by its number and the last."""


SMALLEST = Decimal("1e-6")
"""By how much two sums of dollars differ at least: sums of floats do by less."""


@dataclass(frozen=True)
class Page:
    """A page of a file: the list of its rows, or of the periods that hold them."""

    place: int
    """Which one of the file, from 1."""
    more: Mapping[str, Any]
    """What it says of more pages; empty where it is the last, or says nothing."""
    number: tuple[int, int] | None
    """Its own and the last one, where it tells them."""
    begins: datetime | None
    ends: datetime | None
    """The beginning of its first period and the end of its last one."""
    is_inner: bool = False
    """Whether it stands in a row of another page."""
    differs: Sequence[tuple[str, str, str]] = ()
    """Totals that it says, and what its rows sum up to, where that is something else."""


@dataclass(frozen=True)
class OpenPage:
    """A page whose next one is missing."""

    month: Month | None
    """The month in which what is missing begins; None: it may be any."""
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
    told = [one for holder in holders if isinstance(holder, dict) for one in (holder, *holder.values())]
    told = [one for one in told if isinstance(one, dict)]
    more, number = _find_more(told)
    periods = [one for one in rows if isinstance(one, dict)]
    first, last = (periods[0], periods[-1]) if periods else ({}, {})
    period_of_all = (read_instant(first.get(asked.begins)), read_instant(last.get(asked.ends)))
    differs = [] if is_inner else [*_compare_totals(value, steps, asked.totals)]
    yield Page(place, more, number, *period_of_all, is_inner, differs)
    if len(steps) > 1:
        for period in periods:
            for page in list_pages(period, steps[1:], asked, place, is_inner=True):
                place += bool(page.more)
                yield from [page] if page.more else []


def find_open_pages(files: Sequence[tuple[str, Sequence[Page]]]) -> list[list[OpenPage]]:
    """Of each file of a command, a series (`name_series`) and its pages, those whose next one is in none of the series.

    It is where a page begins as another ends, has the next number, or comes next in a file that tells neither. A page
    follows one other only: of two projects' first pages, one is open where a single second page is here.
    """
    beginnings = Counter(
        (series, page.is_inner, start)
        for series, pages in files
        for page in pages
        for start in (page.begins, page.number)
    )
    found = []
    for series, pages in files:
        opened = []
        for nth, page in enumerate(pages):
            if not page.more:
                continue
            follows = page.ends or (page.number and (page.number[0] + 1, page.number[1]))
            if follows and beginnings[series, page.is_inner, follows]:
                beginnings[series, page.is_inner, follows] -= 1
                continue
            if not follows and not page.is_inner and any(not later.is_inner for later in pages[nth + 1 :]):
                continue
            end = page.ends and page.ends.astimezone(timezone.utc)
            month = Month.containing(end.date()) if end else None
            if month and end == month.previous.end:  # what is missing is of a month that the page does not touch
                continue
            reason = f"{MORE_PAGES} {page.place}, and the next one is not here: import all pages in one command"
            opened.append(OpenPage(month, RefusedRow(page.place, reason, json.dumps(page.more))))
        found.append(opened)
    return found


def name_series(preset: str | None, mapping: Mapping[str, Any]) -> str:
    """What files have in common that may hold pages of one list: a preset reads a page without a column otherwise."""
    return preset or json.dumps(mapping, sort_keys=True, default=str)


def _compare_totals(
    value: object, steps: Sequence[Sequence[str]], totals: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    for path, column in totals.items():
        said = _read_finite(_find(value, path.split(".")))
        rows = [_read_finite(_find(row, [column]) or 0) for row in _list_rows(value, steps)]
        known = [one for one in rows if one is not None]
        if said is None or len(known) < len(rows):  # nothing to hold, or a row that is refused for it
            continue
        if abs(said - (found := sum(known, Decimal()))) >= SMALLEST:
            yield path, f"{said:f}", f"{found:f}"


def _read_finite(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _list_rows(value: object, steps: Sequence[Sequence[str]]) -> Iterator[object]:
    if not steps:
        yield value
    for one in _find(value, steps[0]) or () if steps else ():
        yield from _list_rows(one, steps[1:])


def _find(value: Any, keys: Sequence[str]) -> Any:  # noqa: ANN401 (JSON)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _find_more(told: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """What objects say of more pages, and the number of this one. A flag counts for more than what it stands beside."""
    flags = {name: one[name] for one in told for name in FLAGS if isinstance(one.get(name), bool)}
    tokens = {name: one[name] for one in told for name in TOKENS if one.get(name)}
    numbers = [
        {name: one[name], last: one[last]}
        for one in told
        for name, last in NUMBERS
        if isinstance(one.get(name), int) and isinstance(one.get(last), int)
    ]
    at, last_page = numbers[0].values() if numbers else (0, 0)
    number = (at, last_page) if numbers else None
    if flags:
        return (flags | tokens if any(flags.values()) else {}), number
    if tokens:
        return tokens, number
    return (numbers[0] if at < last_page else {}), number
