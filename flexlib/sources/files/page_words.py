"""What pages of an API say of others and of themselves, by whatever name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flexlib.sources.files.fields import AskedColumns

WORDS = {
    "more": "hasmore hasnext hasnextpage istruncated moreavailable hasmoreitems hasmoreresults hasmorepages "
    "moreresults remainingitemcount",
    "next": "next nextpage nextpagetoken nextpageurl nextcursor nexttoken nextmarker nextlink nexturl nextoffset "
    "nextcontinuationtoken continuationtoken nextpagestart nextrecordsurl lastevaluatedkey continue",
    "open": "truncated more",
    "ended": "last islast islastpage done endofstream",
    "begun": "first isfirst isfirstpage",
    "cursor": "cursor scrollid",
    "before": "hasprevious hasprev hasprevpage haspreviouspage",
    "previous": "previous previouspage previouspagetoken previouspageurl previouscursor previoustoken previouslink "
    "previousurl prev prevpage prevpagetoken prevpageurl prevcursor prevtoken prevlink prevurl",
    "page": "page currentpage pagenumber",
    "nth": "number",
    "pages": "totalpages numpages pagecount pages",
    "last": "lastpage",
    "offset": "offset skip startat",
    "total": "totalcount totalresults totalitems totalrows totalrecords totalelements totalhits totalusageeventscount "
    "totalsize numfound nbhits resultcount recordcount recordsfiltered",
    "size": "total recordstotal",
    "count": "count",
    "limit": "limit perpage pagesize maxresults",
}
"""How pages say that more follow or come before, by a flag or by what the other page is asked for with; and where they
stand: their number, how many pages there are or which is the last, the rows before them and in all. `number` may as
well be an invoice's, `total` a sum of money, `count` a limit, and `cursor` that of the page itself."""
NAMES = {word: name for name, words in WORDS.items() for word in words.split()}
DOUBTFUL = ("continue", "truncated", "more", "done", "first", "cursor", "scrollid", "count")
"""Keys that as often say something else: of the page itself, of requests, of a job; whoever imports it knows."""
FLAGS = ("more", "before")
TOKENS = ("next", "previous")
SIGNS = {"open": ("more", "true"), "ended": ("more", "false"), "begun": ("before", "false")}
"""Words that are of pages where they say that there are others: the flag that they set then, and their text."""
ASKING = (*FLAGS, *TOKENS, *SIGNS, "cursor", "page", "pages", "last", "offset")
"""What is of the page alone, and says nothing of its rows."""
ANYWHERE = ("more", "next", "before")
"""What is read in a row too that holds a list: a call may have a page, a total or a previous one of its own."""
YES, NO = ("true", "yes"), ("false", "no")
NOTHING = ("", "0", "false", "none", "null")
"""Texts of a flag or of what the next page is asked for with, where there is none."""
LEVELS = 2
"""How deep below what holds the rows pages say so, as in `meta.pagination.next`."""


def find_word(key: str) -> str | None:
    """The name, of `WORDS`, of what the key of an object says of pages; None where that is nothing.

    >>> find_word("@odata.nextLink"), find_word("has_more"), find_word("model")
    ('next', 'more', None)
    """
    return NAMES.get(_write_key(key))


def _write_key(key: str) -> str:
    return re.sub("[^a-z]", "", key.rpartition(".")[2].lower())


def read_said(
    holders: Sequence[Mapping[str, Any]], asked: AskedColumns, rows: int, *, is_sure: bool = False
) -> dict[str, Any]:
    """What the objects that lead to a list of so many rows say of more pages, and those in them; `is_sure`: by no
    doubtful key."""
    told, level = list(holders), list(holders)
    for _ in range(LEVELS):
        level = [one for above in level for one in _list_objects(above)]
        told += level
    is_row = any(column.split(".")[0] in one for column in asked.columns for one in holders)
    found: dict[str, Any] = {}
    named = set[str]()
    for key, value in ((key, value) for one in told for key, value in one.items()):
        name = find_word(key)
        if name is None or is_row and name not in ANYWHERE or is_sure and _write_key(key) in DOUBTFUL:
            continue
        if name == "size" and isinstance(value, dict) and "relation" in value:  # Elasticsearch's
            found |= {"more": True} if value["relation"] == "gte" else {}
            name, value = "total", value.get("value")
        text = str(value).strip().lower()
        if name not in SIGNS or text in YES + NO:
            named.add(name)
        number = read_whole(text)
        if name in SIGNS:
            flag, sign = SIGNS[name]
            found |= {flag: True} if text == sign else {}
        elif name in FLAGS and (number is not None or text in YES + NO):
            found[name] = found.get(name, False) or text in YES or bool(number)
        elif name in TOKENS and value and text not in NOTHING:
            found.setdefault(name, value)
        elif name == "page" and (of_pages := re.fullmatch(r"(\d+)(?: of |/)(\d+)", text)):
            found |= dict(zip(("page", "pages"), map(int, of_pages.groups()), strict=True))
        elif name == "cursor" and isinstance(value, str) and text not in NOTHING:
            found.setdefault(name, value)
        elif name not in (*FLAGS, *TOKENS, "cursor") and number is not None:
            found.setdefault(name, number)
    return _settle_doubts(found, named, rows)


def _settle_doubts(found: dict[str, Any], named: set[str], rows: int) -> dict[str, Any]:
    """What was said without the words that may mean something else where nothing beside them says what."""
    nth, count, cursor = (found.pop(name, None) for name in ("nth", "count", "cursor"))
    if nth is not None and ("pages" in found or not named.isdisjoint(("begun", "ended"))):
        found.setdefault("page", nth)
    if count is not None and found.keys() <= {"limit"}:
        found["size"] = count
    is_told = not named.isdisjoint((*FLAGS, *SIGNS, "next", "total", "size"))
    if cursor and not is_told and rows and rows >= found.get("limit", 0):
        found["next"] = cursor
    return found


def _list_objects(above: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects in an object; a list of links is one of what each leads to, by its `rel`."""
    for value in above.values():
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list) and value and all(isinstance(one, dict) and "rel" in one for one in value):
            yield {str(one["rel"]): one.get("href", one) for one in value}


def has_other_numbers(value: object, size: int, rows: Sequence[object], counts: Iterable[str]) -> bool:
    """Whether a total may be one of money or tokens: other numbers stand beside it, or one of the columns of such
    `counts` sums up to it, or all of them do; that another one does is chance."""
    sums = {key: sum((read_finite(_find(row, key)) or Decimal() for row in rows), Decimal()) for key in counts}
    beside = [one for one in value.values() if read_finite(one) is not None] if isinstance(value, dict) else []
    return len(beside) > 1 or size in (*sums.values(), sum(sums.values()))


def _find(row: Any, path: str) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(row, dict) and path in row:
        return row[path]
    for key in path.split("."):
        row = row.get(key) if isinstance(row, dict) else None
    return row


def read_whole(text: str) -> int | None:
    """The whole number that a text says, also as `10.0` or `1,000`; None where it says none.

    >>> read_whole("1,000"), read_whole("10.0"), read_whole("10.5")
    (1000, 10, None)
    """
    digits = text.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", text) else re.sub(r"\.0+$", "", text)
    return int(digits) if digits.isdecimal() else None


def read_finite(value: object) -> Decimal | None:
    """The number that a value of JSON is, or says; None for none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
