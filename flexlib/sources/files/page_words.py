"""What pages of an API say of others and of themselves, by whatever name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flexlib.sources.files.fields import AskedColumns

WORDS = {
    "more": "hasmore hasnext hasnextpage istruncated moreavailable",
    "next": "next nextpage nextpagetoken nextpageurl nextcursor nexttoken nextmarker nextlink nexturl nextoffset "
    "nextcontinuationtoken continuationtoken",
    "before": "hasprevious hasprev hasprevpage haspreviouspage",
    "previous": "previous previouspage previouspagetoken previouspageurl previouscursor previoustoken previouslink "
    "previousurl prev prevpage prevpagetoken prevpageurl prevcursor prevtoken prevlink prevurl",
    "page": "page currentpage pagenumber",
    "nth": "number",
    "pages": "totalpages numpages pagecount pages",
    "last": "lastpage",
    "offset": "offset skip",
    "total": "totalcount totalresults totalitems totalrows totalrecords totalelements totalhits totalusageeventscount",
    "size": "total",
    "limit": "limit perpage pagesize count",
}
"""How pages say that more follow or come before, by a flag or by what the other page is asked for with; and where they
stand: their number, how many pages there are or which is the last, the rows before them and in all. `number` may as
well be an invoice's, and `total` a sum of money."""
NAMES = {word: name for name, words in WORDS.items() for word in words.split()}
FLAGS = ("more", "before")
TOKENS = ("next", "previous")
ASKING = (*FLAGS, *TOKENS, "page", "pages", "last", "offset")
"""What is of the page alone, and says nothing of its rows."""
ANYWHERE = ("more", "next", "before")
"""What is read in a row too that holds a list: a call may have a page, a total or a previous one of its own."""
NOTHING = ("", "0", "false", "none", "null")
"""Texts of a flag or of what the next page is asked for with, where there is none."""
LEVELS = 2
"""How deep below what holds the rows pages say so, as in `meta.pagination.next`."""


def find_word(key: str) -> str | None:
    """The name, of `WORDS`, of what the key of an object says of pages; None where that is nothing.

    >>> find_word("@odata.nextLink"), find_word("has_more"), find_word("model")
    ('next', 'more', None)
    """
    return NAMES.get(re.sub("[^a-z]", "", key.rpartition(".")[2].lower()))


def read_said(holders: Sequence[Mapping[str, Any]], asked: AskedColumns) -> dict[str, Any]:
    """What the objects that lead to a list say of more pages, and those in them."""
    told, level = list(holders), list(holders)
    for _ in range(LEVELS):
        level = [one for above in level for one in above.values() if isinstance(one, dict)]
        told += level
    is_row = any(column.split(".")[0] in one for column in asked.columns for one in holders)
    found: dict[str, Any] = {}
    for key, value in ((key, value) for one in told for key, value in one.items()):
        name = find_word(key)
        if name is None or is_row and name not in ANYWHERE:
            continue
        text = str(value).strip().lower()
        if name in FLAGS and text in ("true", "false", "0", "1"):
            found[name] = found.get(name, False) or text in ("true", "1")
        elif name in TOKENS and value and text not in NOTHING:
            found.setdefault(name, value)
        elif name not in (*FLAGS, *TOKENS) and text.isdecimal():
            found.setdefault(name, int(text))
    nth = found.pop("nth", None)
    return {"page": nth} | found if nth is not None and "pages" in found else found


def has_other_numbers(value: object, size: int, rows: Sequence[object], counts: Iterable[str]) -> bool:
    """Whether a total may be one of money or tokens: other numbers stand beside it, or one of the columns of such
    `counts` sums up to it; that another one does is chance."""
    sums = {key: sum((read_finite(_find(row, key)) or Decimal() for row in rows), Decimal()) for key in counts}
    beside = [one for one in value.values() if read_finite(one) is not None] if isinstance(value, dict) else []
    return len(beside) > 1 or size in sums.values()


def _find(row: Any, path: str) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(row, dict) and path in row:
        return row[path]
    for key in path.split("."):
        row = row.get(key) if isinstance(row, dict) else None
    return row


def read_finite(value: object) -> Decimal | None:
    """The number that a value of JSON is, or says; None for none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
