"""What the server tells of the agent beside credits: its lines, runs and tools, and the caps on add-on credits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32

from flexlib.demo.company import NO_MODEL, Company, Row
from flexlib.demo.query import QueryRefused
from flexlib.demo.team import POOL, read_day
from flexlib.names import name_model

LINES_A_CREDIT = 7
MODES = ("DEFAULT", "DEFAULT", "READ_ONLY", "NO_TOOL")
TOOLS = ("CODE_ACTION", "VIEW_FILE", "RUN_COMMAND", "FIND", "GREP_SEARCH", "LIST_DIRECTORY", "MCP_TOOL", "SEARCH_WEB")
SCOPES = ("team_level", "group_id", "user_email")
CAPPED = 5
"""One user in so many has a cap of his own."""

Rows = list[Row]
Entry = dict[str, str]
Query = tuple[str, Callable[[Rows], Iterator[Entry]]]


def answer_cascade(body: Mapping[str, Any], company: Company, now: datetime) -> dict[str, Any]:
    """The answer of CascadeAnalytics: rows without a user, of those with the given e-mails or of all."""
    first = read_day(body, "start_timestamp", now - timedelta(days=365))
    last = min(read_day(body, "end_timestamp", now), now.date().isoformat())
    emails, ides = body.get("emails"), body.get("ide_types")
    keys = None if emails is None else {person.key for person in company.people if person.email in emails}
    rows = [
        row
        for row in company.read_rows(first, last)
        if (keys is None or row.key in keys) and (ides is None or _name_ide(row) in ides)
    ]
    queries = body.get("query_requests") or []
    names = [next(iter(one)) if isinstance(one, dict) and len(one) == 1 else None for one in queries]
    if not names or not QUERIES.keys() >= {*names}:
        raise QueryRefused("at least one query request is required")
    return {"queryResults": [_answer_query(QUERIES[name], rows) for name in names if name]}


def answer_cap(body: Mapping[str, Any], company: Company) -> dict[str, Any]:
    """The answer of GetUsageConfig: the cap on add-on credits, empty where there is none."""
    given = [scope for scope in SCOPES if body.get(scope)]
    if len(given) != 1:
        raise QueryRefused(f"exactly one of {', '.join(SCOPES)} is required")
    if given == ["team_level"]:
        return {"addOnCreditCap": POOL}
    known = [person.email for person in company.people]
    if given == ["group_id"] or body["user_email"] not in known:
        raise QueryRefused(f"invalid {given[0]}: {body[given[0]]}")
    number = known.index(body["user_email"])
    return {} if number % CAPPED else {"addOnCreditCap": 1000 + number}


def _answer_query(query: Query, rows: Rows) -> dict[str, Any]:
    name, list_entries = query
    return {name: {name: list(list_entries(rows))}}


def _name_ide(row: Row) -> str:
    return "jetbrains" if row.ide == "jetbrains" else "editor"


def _list_lines(rows: Rows) -> Iterator[Entry]:
    days: dict[str, list[int]] = {}
    for row in rows:
        lines = (row.prompt_credits + row.flex_credits) * LINES_A_CREDIT // 100
        sums = days.setdefault(row.day, [0, 0])
        sums[0] += lines
        sums[1] += lines * (_draw(row) % 100) // 100
    for day, (suggested, accepted) in days.items():
        entry = {"day": f"{day}T00:00:00Z", "linesSuggested": str(suggested), "linesAccepted": str(accepted)}
        yield {name: text for name, text in entry.items() if text != "0"}


def _list_runs(rows: Rows) -> Iterator[Entry]:
    for number, row in enumerate(rows):
        model = "UNKNOWN" if row.model == NO_MODEL else name_model(row.model, date.fromisoformat(row.day))
        digits = f"{_draw(row):08x}{number:024x}"
        entry = {
            "day": f"{row.day}T00:00:00Z",
            "model": model,
            "mode": f"CONVERSATIONAL_PLANNER_MODE_{MODES[_draw(row) % len(MODES)]}",
            "messagesSent": "1",
            "cascadeId": f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}",
            "promptsUsed": str(row.prompt_credits),
        }
        yield {name: text for name, text in entry.items() if text != "0"}


def _list_tools(rows: Rows) -> Iterator[Entry]:
    counts: dict[str, int] = {}
    for row in rows:
        tool = TOOLS[_draw(row) % len(TOOLS)]
        counts[tool] = counts.get(tool, 0) + 1
    return ({"tool": tool, "count": str(count)} for tool, count in sorted(counts.items()))


def _draw(row: Row) -> int:
    """A number of the row's own, the same each time."""
    return crc32(repr(row).encode())


QUERIES: dict[str, Query] = {
    "cascade_lines": ("cascadeLines", _list_lines),
    "cascade_runs": ("cascadeRuns", _list_runs),
    "cascade_tool_usage": ("cascadeToolUsage", _list_tools),
}
"""What each query is answered under, and with what."""
