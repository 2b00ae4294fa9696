"""What can go wrong with an answer: each fault by its name, and what it does; `schedule` says which answer gets it."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from gzip import compress
from itertools import cycle
from typing import Any
from zlib import crc32

from flexlib.demo.api import CONSUMPTION, HTML, ApiResponse, Request, write_reply
from flexlib.demo.people import Person
from flexlib.demo.query import read_queries

GATEWAY_PAGE = b"<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>\r\n"
SIGN_IN_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n"
WORDS = {401: "Invalid service key", 403: "Insufficient permissions", 404: "not found", 429: "429 Too Many Requests"}
GARBAGE = cycle(("abc", "-5", "NaN"))
MEBIBYTE = compress(bytes(1024**2))
OUTSIDE_DAY = "2019-12-31"
CREDITS = (
    "prompt_credits",
    "flex_credits",
    "prompts_used",
    "flex_credits_used",
    "promptCreditsUsed",
    "addOnCreditsUsed",
)
"""What a changed number is one of."""


@dataclass(frozen=True)
class Asked:
    """A request that meets a fault."""

    request: Request
    answer: Callable[[Request], ApiResponse]
    """What it would be answered without the fault."""
    value: str
    """What stands behind the fault's name: how much of it."""
    person: Person | None
    """Whose fault it is."""
    passed: deque[float]
    """When those requests were answered that a limit let pass."""
    number: float
    """From 0 to 1, the same each time for the same request asked as often."""

    @property
    def reply(self) -> ApiResponse:
        return self.answer(self.request)

    @property
    def amount(self) -> float:
        return float(self.value or 0)


Fault = Callable[[Asked], ApiResponse]


def _refuse(status: int) -> Fault:
    """The value is the Retry-After: seconds, as in `7`, or a date in one of three forms: `7d`, `7r`, `7a`."""

    def fault(asked: Asked) -> ApiResponse:
        wait = asked.value or ("1" if status == 429 else "none")
        headers = {} if wait == "none" else {"Retry-After": _write_wait(wait)}
        if status >= 500:
            return ApiResponse(status, GATEWAY_PAGE, HTML, headers)
        refused = f"invalid value of the filter on api_key: {asked.person.key}" if asked.person else "no"
        return write_reply({"error": WORDS.get(status, refused)}, status, headers)

    return fault


def _write_wait(text: str) -> str:
    then = time.time() + float(text.rstrip("dra"))
    forms = {"d": "%a, %d %b %Y %H:%M:%S GMT", "r": "%A, %d-%b-%y %H:%M:%S GMT", "a": "%a %b %e %H:%M:%S %Y"}
    return time.strftime(forms[text[-1]], time.gmtime(then)) if text[-1] in forms else text


def _limit(seconds: float) -> Fault:
    """So many in so many seconds; pages that follow a first do not count."""

    def fault(asked: Asked) -> ApiResponse:
        if "page_cursor" in asked.request.parameters:
            return asked.reply
        span = seconds / min(asked.amount, 1.0) if asked.amount else seconds
        wait = find_wait(asked.passed, time.time(), math.ceil(asked.amount), span)
        return _refuse(429)(replace(asked, value=str(wait))) if wait else asked.reply

    return fault


def find_wait(passed: deque[float], now: float, most: int, seconds: float) -> int:
    """0 for a request that may pass at `now`, which is noted in `passed`; else in how many seconds to come again."""
    while passed and passed[0] <= now - seconds:
        passed.popleft()
    if len(passed) < most:
        passed.append(now)
        return 0
    return math.ceil((passed[0] if passed else now) + seconds - now)


def _cut(asked: Asked) -> ApiResponse:
    """Closes the connection, before the answer or in the middle of it."""
    return replace(reply := asked.reply, sent=len(reply.body) // 2 if asked.number * 1e6 % 1 < 0.5 else -1)


def _slow(count: Callable[[Request], int]) -> Fault:
    return lambda asked: replace(reply := asked.reply, delay=reply.delay + asked.amount * count(asked.request))


def _refuse_queries(find: Callable[[Asked], str]) -> Fault:
    """Refuses a request of whose queries `find` has something to say."""
    return lambda asked: write_reply({"error": words}, 400) if (words := find(asked)) else asked.reply


def _say_sums(asked: Asked) -> str:
    summed = [query for query in read_queries(asked.request.queries) if query.is_aggregated]
    named = [(one.field, one.function) for query in summed for one in query.selections]
    named += [(field, "UNSPECIFIED") for query in summed for field, _ in query.groups]
    said = "invalid aggregation function for string type field {}: QUERY_AGGREGATION_{}"
    return said.format(*named[0]) if named else ""


def _say_queries(asked: Asked) -> str:
    count = len(asked.request.queries)
    return f"too many query requests: {count}, at most {asked.value}" if 0 < asked.amount < count else ""


def _alter(change: Callable[[Asked, dict[str, Any]], object]) -> Fault:
    """Changes the value of an answer that is JSON."""

    def fault(asked: Asked) -> ApiResponse:
        reply = asked.reply
        try:
            value = json.loads(reply.body)
        except ValueError:  # HTML, or another fault was here before
            return reply
        change(asked, value)
        return replace(reply, body=write_reply(value).body)

    return fault


def _alter_rows(change: Callable[[list[Any], int, int], list[Any]]) -> Fault:
    """Changes each list of an answer, given the fault's value and how many rows stood before: people, rows, items."""

    def alter(asked: Asked, value: dict[str, Any]) -> None:
        before, lists = 0, [value[name] for name in ("userTableStats", "data") if name in value]
        for rows in lists + [one["responseItems"] for one in value.get("queryResults", ()) if one]:
            count = len(rows)
            rows[:] = change(rows, int(asked.amount), before)
            before += count

    return _alter(alter)


def _change_number(asked: Asked, value: Any) -> bool:  # noqa: ANN401 (JSON)
    """Adds something to the first number of credits; gives whether there was one."""
    if isinstance(value, dict):
        for name in value.keys() & CREDITS:
            value[name] = type(value[name])(int(float(value[name])) + 1 + crc32(repr(asked.request).encode()) % 997)
            return True
    parts: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_change_number(asked, part) for part in parts)


def _set_cursor(cursor: Callable[[str, str], str | None]) -> Fault:
    """Where there is a next page, calls it what `cursor` makes of the page that was asked for and of the next."""

    def change(asked: Asked, value: dict[str, Any]) -> None:
        if following := value.get("pagination", {}).get("next_page_cursor"):
            found = cursor(asked.request.parameters.get("page_cursor", ""), following)
            value["pagination"]["next_page_cursor"] = found

    return _alter(change)


def _shrink_pages(asked: Asked) -> ApiResponse:
    """Pages of at most its value, whatever was asked for."""
    request = asked.request
    if request.path != CONSUMPTION or "page_cursor" in request.parameters:
        return asked.reply
    return asked.answer(replace(request, parameters={**request.parameters, "page_size": asked.value or "20"}))


def _spoil(change: Callable[[dict[str, Any], list[str], list[str]], object], *, last: bool) -> Fault:
    """Changes the rows of a person, or of each query only the `last`: a month's first ones rarely cost flex credits."""

    def spoil(asked: Asked, value: dict[str, Any]) -> None:
        for rows, numbers, days in _find_rows(asked, value):
            for row in rows[-1:] if last else rows:
                change(row, numbers, days)

    return _alter(spoil)


def _find_rows(asked: Asked, value: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], list[str], list[str]]]:
    """The rows of a person, a query at a time, and the names of their flex credits and of their day."""
    assert asked.person is not None
    key, email = asked.person.key, asked.person.email
    yield [row for row in value.get("data", ()) if row.get("user_email") == email], ["flex_credits"], ["timestamp"]
    for query, result in zip(read_queries(asked.request.queries), value.get("queryResults", ()), strict=False):
        plain = [*((one.field, one.alias) for one in query.selections if not one.function), *query.groups]
        keys, days = ([alias for field, alias in plain if field == name] for name in ("api_key", "date"))
        numbers = [one.alias for one in query.selections if one.field == "flex_credits_used"]
        items = [one["item"] for one in result.get("responseItems", ())]
        yield [item for item in items if key in (query.key, *map(item.get, keys))], numbers, days


ROWS: dict[str, Fault] = {
    "garbage": _spoil(lambda row, numbers, _: row.get("consumption", row).update(
        dict.fromkeys(numbers, next(GARBAGE))), last=False),
    "outside": _spoil(lambda row, _, days: row.update(dict.fromkeys(days, OUTSIDE_DAY)), last=True),
    "undated": _spoil(lambda row, _, days: [row.pop(day, None) for day in days], last=True),
}  # fmt: skip
"""Faults in the rows of one person, wherever they are."""

FAULTS: dict[str, Fault] = ROWS | {
    **{str(status): _refuse(status) for status in (400, 401, 403, 404, 407, 429, 500, 501, 502, 503, 504)},
    "cut": _cut,
    "truncated": lambda asked: ApiResponse(200, (body := asked.reply.body)[: len(body) // 2]),
    "html": lambda asked: ApiResponse(200, SIGN_IN_PAGE, HTML),
    "empty": lambda asked: replace(asked.reply, body=b"{}"),
    "bomb": lambda asked: ApiResponse(200, MEBIBYTE * int(asked.value or 256), headers={"Content-Encoding": "gzip"}),
    "slow": _slow(lambda request: 1),
    "slow-queries": _slow(lambda request: len(request.queries)),
    "clock": lambda asked: replace(reply := asked.reply, headers={**reply.headers, "Date": asked.value}),
    "rate": _limit(1),
    "hourly": _limit(3600),
    "gone": _refuse_queries(lambda asked: "invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED"),
    "no-sums": _refuse_queries(_say_sums),
    "queries": _refuse_queries(_say_queries),
    "fewer": _alter_rows(lambda rows, most, _: rows[: most or len(rows) // 2]),
    "fewer-in-all": _alter_rows(lambda rows, most, before: rows[: max(0, most - before)]),
    "twice": _alter_rows(lambda rows, *_: rows * 2),
    "number": _alter(_change_number),
    "reversed": _alter(lambda _, value: value.get("queryResults", []).reverse()),
    "fewer-results": _alter(lambda _, value: value.update(queryResults=value.get("queryResults", [])[:-1])),
    "pages": _shrink_pages,
    "last-page": _set_cursor(lambda *_: None),
    "repeat-page": _set_cursor(lambda asked, following: asked or following),
    "refresh": lambda asked: asked.answer(replace(asked.request, is_refreshed=True)),
}
"""By name. What may stand behind it, as in `429=7`, is what its function calls the value."""
