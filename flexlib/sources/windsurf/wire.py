"""What is asked of the Windsurf analytics API v1, and what its answers mean. Nothing here sends anything.

Credits travel as text in hundredths of a credit; a number that is zero may be left out (proto3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from flexlib.dates import Span
from flexlib.enums import UNKNOWN_MODEL
from flexlib.formats import clean_text
from flexlib.nesting import format_given
from flexlib.privacy import LONGEST_NAME, clean_message, is_name
from flexlib.sources.windsurf.answers import read_text

ANALYTICS, READ = "/api/v1/Analytics", "Analytics Read"
DATA_SOURCE = "QUERY_DATA_SOURCE_CASCADE_DATA"
FIELDS = ("api_key", "date", "model", "prompts_used", "flex_credits_used")
ABSENT = (None, "", "<nil>")
LARGEST = 10**15
"""Hundredths of a credit, or rows. No team comes near; sums of thousands of such numbers still are int64."""

Answer = dict[str, Any]


@dataclass(frozen=True)
class ApiRequest:
    """One request, the key not in it yet."""

    purpose: str
    """What the answer is for: `people`, `team`, `total`, `users`, `check`, `balance`, `independent total` ..."""
    path: str
    body: dict[str, Any] | None = None
    """Sent as JSON by POST with the service key in it; None: a GET with the key as bearer."""
    params: dict[str, str] = field(default_factory=dict)
    users: tuple[str, ...] = ()
    span: Span | None = None
    retries: bool = True
    """Whether a failure is tried again; a batch is halved instead."""
    permission: str = ""
    """What the key must be allowed for this, in the words of its settings page."""
    optional: bool = False
    """Whether the run goes on when the server says no."""
    max_retry_after: float = math.inf
    """How many seconds of waiting a 429 may ask for before it counts as a no."""
    read: Callable[[Answer], Any] = field(default=lambda answer: answer, compare=False)
    """Makes the answer's value of it; a `ValueError` or `KeyError` means that it was not whole."""


@dataclass(frozen=True)
class Person:
    """One entry of the team's list. `prompt_credits` of the current billing cycle, in hundredths."""

    key: str
    email: str
    name: str
    prompt_credits: int = 0


@dataclass
class CreditSums:
    """Credits summed by day, user and model, with what could not be summed."""

    sums: dict[tuple[date, str, str], list[int]] = field(default_factory=dict)
    """Prompt credits, flex credits (hundredths) and rows of the server, for each day, user and model."""
    absent_values: int = 0
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    """The raw item and why it was not taken."""

    @property
    def data_points(self) -> int:
        """How many rows of the server stand behind the sums."""
        return sum(row[2] for row in self.sums.values())

    @property
    def totals(self) -> tuple[int, int, int]:
        """Prompt credits, flex credits (hundredths) and rows over everything."""
        rows = self.sums.values()
        return sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows)

    def add(self, day: date, user: str, model: str, prompt: int, flex: int, rows: int) -> None:
        row = self.sums.setdefault((day, user, model), [0, 0, 0])
        row[0] += prompt
        row[1] += flex
        row[2] += rows

    def add_items(self, items: Iterable[Mapping[str, Any]], span: Span, user: str | None = None) -> None:
        """Takes each item or quarantines it; with `user`, every item must be that user's."""
        days = {str(day): day for day in span}
        for item in items:
            try:
                key = item.get("api_key")
                if user is not None and key not in (user, *ABSENT):
                    raise _Unreadable("a row of another user")
                day = _read_day(item.get("date"), days)
                numbers = [_read_count(item.get(name), name) for name in ("prompts_used", "flex_credits_used")]
                rows = 1 if "rows" not in item else _read_count(item["rows"], "rows")
                model = item.get("model")
                if not isinstance(model, str | None):
                    raise _Unreadable(f"model is {show_value(model)}, not text")
                for name, text in {"api_key": key, "model": model}.items():
                    if text not in ABSENT:
                        check_name(text, name)
            except _Unreadable as error:
                self.quarantined.append({"why": str(error), "item": dict(item), "user": user})
                continue
            self.absent_values += sum(item.get(name) in ABSENT for name in ("prompts_used", "flex_credits_used"))
            owner = user or (UNKNOWN_MODEL if key in ABSENT else str(key))
            self.add(day, owner, UNKNOWN_MODEL if model in ABSENT else str(model), numbers[0], numbers[1], rows)

    def merge(self, other: CreditSums) -> None:
        for (day, user, model), row in other.sums.items():
            self.add(day, user, model, *row)
        self.absent_values += other.absent_values
        self.quarantined += other.quarantined


class _Unreadable(ValueError):
    """A value that cannot be taken, and why."""


def ask_people() -> ApiRequest:
    """The team's list of people: key, e-mail, name."""
    return ApiRequest("people", "/api/v1/UserPageAnalytics", {}, permission="Teams Read-Only", read=read_people)


def ask_balance() -> ApiRequest:
    """The team's credit balance and billing cycle."""
    return ApiRequest(
        "balance", "/api/v1/GetTeamCreditBalance", {}, permission="Billing Read", optional=True, max_retry_after=0,
        read=_read_object,
    )  # fmt: skip


def ask_team(span: Span, *, grouped: bool = True) -> ApiRequest:
    """The whole team's sums and row counts with no grouping and, first, by user, day and model if `grouped`."""
    selections = [
        *({"field": name, "name": name, "aggregation_function": "QUERY_AGGREGATION_SUM"} for name in FIELDS[3:]),
        {"field": "api_key", "name": "rows", "aggregation_function": "QUERY_AGGREGATION_COUNT"},
    ]
    whole = {"data_source": DATA_SOURCE, "selections": selections, "filters": _filter_days(span)}
    groups = {**whole, "aggregations": [{"field": name, "name": name} for name in FIELDS[:3]]}
    queries = [groups, whole] if grouped else [whole]
    purpose = "team" if grouped else "total"
    return _ask_analytics(purpose, queries, span=span, retries=True, optional=not grouped)


def ask_users(users: Sequence[str], span: Span, purpose: str = "users") -> ApiRequest:
    """Every row of `users` in `span`, a query a user, in their order."""
    selections = [{"field": name, "name": name} for name in FIELDS]
    queries = [
        {
            "data_source": DATA_SOURCE,
            "selections": selections,
            "filters": [{"name": "api_key", "filter": "QUERY_FILTER_EQUAL", "value": user}, *_filter_days(span)],
        }
        for user in users
    ]
    return _ask_analytics(purpose, queries, users=tuple(users), span=span, retries=len(users) == 1)


def read_people(answer: Answer) -> list[Person]:
    """The people of the list, by key; an entry without a key cannot spend and is left out.

    Raises `ValueError` when the answer is not a list of people.
    """
    people = {}
    for entry in answer.get("userTableStats") or []:
        if key := entry.get("apiKey"):
            spent = _read_count(entry.get("promptCreditsUsed"), "promptCreditsUsed")
            check_name(key, "apiKey")
            email, name = (clean_text(read_text(entry, part))[:LONGEST_NAME] for part in ("email", "name"))
            people[key] = Person(key, email, name, spent)
    return [people[key] for key in sorted(people)]


def read_results(answer: Answer, count: int) -> list[list[dict[str, Any]]]:
    """The items of each of `count` queries. Raises `ValueError` when the answer is of another shape."""
    results = answer.get("queryResults") or []
    if len(results) != count:
        raise ValueError(f"{len(results)} results for {count} queries")
    return [[row.get("item") or {} for row in result.get("responseItems") or []] for result in results]


def read_totals(item: Mapping[str, Any]) -> tuple[int, int, int]:
    """Prompt credits, flex credits (hundredths) and rows of an ungrouped answer. Raises `ValueError`."""
    prompt, flex, rows = (_read_count(item.get(name), name) for name in ("prompts_used", "flex_credits_used", "rows"))
    return prompt, flex, rows


def check_name(value: object, name: str) -> None:
    """Raises `ValueError` for what `record` would not take as a name or an id either."""
    if not is_name(value):
        raise _Unreadable(f"{name} is {show_value(value)}, not a text of at most {LONGEST_NAME} printable characters")


def show_value(value: object) -> str:
    """A server's value as a sentence may say it."""
    return clean_message(format_given(value))


def _read_object(answer: Answer) -> Answer:
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    return answer


def _ask_analytics(purpose: str, queries: list[dict[str, Any]], **options: Any) -> ApiRequest:  # noqa: ANN401
    read = partial(read_results, count=len(queries))
    return ApiRequest(purpose, ANALYTICS, {"query_requests": queries}, permission=READ, read=read, **options)


def _filter_days(span: Span) -> list[dict[str, str]]:
    return [
        {"name": "date", "filter": "QUERY_FILTER_GE", "value": str(span.first)},
        {"name": "date", "filter": "QUERY_FILTER_LE", "value": str(span.last)},
    ]


def _read_day(text: object, days: Mapping[str, date]) -> date:
    if text in ABSENT:
        raise _Unreadable("no day")
    day = str(text).removesuffix("Z").removesuffix("T00:00:00")
    if day not in days:
        raise _Unreadable(f"day {show_value(text)} is not one of the days asked for")
    return days[day]


def _read_count(value: object, name: str) -> int:
    """A whole number from 0 to `LARGEST`; absent is proto3's zero."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    if value in ABSENT:
        return 0
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise _Unreadable(f"{name} is {show_value(value)}, not a number") from None
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= LARGEST or number % 1:
        raise _Unreadable(f"{name} is {show_value(value)}, not a whole number from 0 to 10^15")
    return int(number)
