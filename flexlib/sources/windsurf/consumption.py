"""The documented v2alpha consumption endpoint: a few paged requests an hour, people by e-mail, a unit to be settled.

Whether its numbers are credits or hundredths of a credit is not documented, so it is found out each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flexlib.dates import Span
from flexlib.enums import UNKNOWN_MODEL
from flexlib.errors import RouteRefused, UnsupportedTeam
from flexlib.formats import format_number
from flexlib.i18n import _, to_english
from flexlib.nesting import Unreadable, decode_json
from flexlib.privacy import clean_message
from flexlib.sources.windsurf.answers import read_text
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.wire import (
    ABSENT,
    LARGEST,
    ApiRequest,
    CreditSums,
    Person,
    check_name,
    show_value,
)
from flexlib.stored_notes import ENDPOINT_REFUSES

PATH = "/api/v2alpha/analytics/consumption"
MAX_RETRY_AFTER = 60.0
"""Longest Retry-After that is waited for; the limit is ten requests an hour."""
MOST_PAGES = 1000
"""Of ten thousand rows each: a month of the largest known team is less than a tenth of it."""
HUNDREDTHS = {"credits": 100, "hundredths": 1}
"""How many hundredths of a credit each possible unit is."""
ROUNDING_TOLERANCE = Decimal("0.000001")
"""Hundredths of a credit: the endpoint computes in floats, so what is so near to a whole number is that number."""


@dataclass(frozen=True)
class Consumption:
    """One answer: rows as the server gave them, and what it says of the team."""

    rows: list[dict[str, Any]]
    cursor: str | None
    strategy: str


def ask_consumption(span: Span, cursor: str | None = None) -> ApiRequest:
    """The rows by day, user and model."""
    params = _params(span) | {"granularity": "daily", "group_by": "user,model_uid", "page_size": "10000"}
    if cursor:
        params["page_cursor"] = cursor
    return _ask("consumption", params, span, max_retry_after=MAX_RETRY_AFTER)


def ask_consumption_total(span: Span, purpose: str, max_retry_after: float = 0) -> ApiRequest:
    """One row for the whole span, nothing grouped."""
    return _ask(purpose, _params(span), span, max_retry_after=max_retry_after)


def fetch_pages(client: Client, span: Span) -> Iterator[ApiResponse]:
    """Every page of the span. Raises `RouteRefused` or `UnsupportedTeam`; a cut chain of pages is refused too."""
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        reply = client.ask_one(ask_consumption(span, cursor))
        check_reply(reply)
        yield reply
        cursor = reply.value.cursor
        if not cursor:
            return
        if len(seen) >= MOST_PAGES:
            raise RouteRefused(_("the consumption endpoint gives more than {most_pages} pages")
                .format(most_pages=format_number(MOST_PAGES)))  # fmt: skip
        if cursor in seen:
            raise RouteRefused(_("the consumption endpoint gives the same page again and again"))
        seen.add(cursor)


def check_reply(reply: ApiResponse) -> None:
    """Raises when the reply cannot be used: `UnsupportedTeam` for ACU and QUOTA teams, else `RouteRefused`."""
    strategy = "QUOTA" if "QUOTA" in reply.refused else "" if reply.value is None else reply.value.strategy
    if strategy not in ("", "CREDITS"):
        raise UnsupportedTeam(_("The team is billed in {strategy}, not in credits, so it has no flex credits to "
            "report; ask the vendor for this team's own usage page.").format(strategy=strategy))  # fmt: skip
    if not reply.is_good:
        raise RouteRefused(_(ENDPOINT_REFUSES)
            .format(refused=reply.refused or reply.failed))  # fmt: skip


def read_total(reply: ApiResponse) -> tuple[Decimal, Decimal]:
    """Prompt and flex credits of an ungrouped answer, in the endpoint's own unit. Raises as `check_reply`."""
    check_reply(reply)
    if (count := len(reply.value.rows)) > 1:
        raise RouteRefused(_("the consumption endpoint gives {count} totals of the whole span, not one")
            .format(count=format_number(count)))  # fmt: skip
    try:
        numbers = [_read_numbers(row) for row in reply.value.rows]
    except ValueError as error:
        raise RouteRefused(_("the consumption endpoint gives a total that is no number ({error})")
            .format(error=error)) from error  # fmt: skip
    return sum((one[0] for one in numbers), Decimal(0)), sum((one[1] for one in numbers), Decimal(0))


def settle_unit(native: tuple[Decimal, Decimal], hundredths: tuple[int, int], *, exact: bool) -> str | None:
    """The unit in which `native` (prompt, flex) is what is known to be `hundredths`, or None if it is neither.

    Not `exact`: within a factor of two, for figures that were not read at the same moment.
    """
    if exact:
        fits = [
            unit
            for unit, size in HUNDREDTHS.items()
            if all(abs(a * size - b) <= ROUNDING_TOLERANCE for a, b in zip(native, hundredths, strict=True))
        ]
    else:
        ratio = Decimal(sum(hundredths)) / sum(native) if sum(native) else Decimal(0)
        fits = [unit for unit, size in HUNDREDTHS.items() if Decimal(size) / 2 <= ratio <= size * 2]
    return fits[0] if len(fits) == 1 else None


def map_people(rows: Iterable[Mapping[str, Any]], people: Iterable[Person], span: Span) -> dict[str, str]:
    """The user key for each e-mail (or user id) in `rows`; unlisted become `unmapped-2025-09-1`, ...: those of two
    months are not known to be the same person."""
    keys: dict[str, str] = {}
    for person in people:
        keys.setdefault(person.email.casefold(), person.key)
        keys.setdefault(person.key.casefold(), person.key)
    emails = sorted({_read_owner(row) for row in rows} - {""})
    unlisted = (email for email in emails if email.casefold() not in keys)
    names = {email: f"unmapped-{span.months[0]}-{number}" for number, email in enumerate(unlisted, 1)}
    return {email: keys.get(email.casefold()) or names[email] for email in emails} | {"": UNKNOWN_MODEL}


def tally_rows(rows: Iterable[Mapping[str, Any]], span: Span, users: Mapping[str, str], unit: str) -> CreditSums:
    """The rows in hundredths of a credit, owners by their keys; what cannot be read is quarantined."""
    tally = CreditSums()
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        user, model = users[_read_owner(row)], row.get("model_uid")
        place = str(row.get("timestamp")), _read_owner(row), str(model)
        try:
            if place in seen:
                raise ValueError("the same day, user and model a second time")
            if model not in ABSENT:
                check_name(model, "model_uid")
            day = _read_day(row.get("timestamp"), span)
            prompt, flex = (scale(number, unit) for number in _read_numbers(row))
        except ValueError as error:
            kept = {name: value for name, value in row.items() if name != "user_email"}
            tally.quarantined.append({"why": str(to_english(error)), "item": kept, "user": user})
            continue
        seen.add(place)
        numbers = row.get("consumption") or {}
        tally.absent_values += sum(numbers.get(name) in ABSENT for name in ("prompt_credits", "flex_credits"))
        tally.add(day, user, UNKNOWN_MODEL if model in ABSENT else str(model), prompt, flex, 0)
    return tally


def scale(number: Decimal, unit: str) -> int:
    """Whole hundredths, from a hair beside them too. Raises `ValueError`."""
    exact = number * HUNDREDTHS[unit]
    if abs(exact - round(exact)) > ROUNDING_TOLERANCE:
        raise ValueError(f"{number} is not a whole number of hundredths of a credit")
    return round(exact)


def hide_people(text: str, users: Mapping[str, str]) -> str:
    """The answer with each e-mail replaced by its user's key, however the server had escaped it."""
    return json.dumps(_hide(decode_json(text), users), ensure_ascii=False, separators=(",", ":"))


def _hide(value: Any, users: Mapping[str, str]) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _hide(part, users) for name, part in value.items()}
    if isinstance(value, list):
        return [_hide(part, users) for part in value]
    return users[value] if isinstance(value, str) and value and value in users else value


def _params(span: Span) -> dict[str, str]:
    return {"start_date": str(span.first), "end_date": str(span.last), "product": "agent"}


def _ask(purpose: str, params: dict[str, str], span: Span, max_retry_after: float) -> ApiRequest:
    optional = purpose != "consumption"
    return ApiRequest(
        purpose, PATH, params=params, span=span, max_retry_after=max_retry_after, optional=optional,
        permission="Analytics Read", read=_read_answer,
    )  # fmt: skip


def _read_answer(answer: dict[str, Any]) -> Consumption:
    rows = answer["data"] or []  # an answer that does not even say that there is nothing is not one
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no list of rows")
    for row in rows:
        _read_owner(row)
    cursor = (answer.get("pagination") or {}).get("next_page_cursor")
    if not isinstance(cursor, str | None):
        raise ValueError("the next page is no text")
    strategy = clean_message(str((answer.get("metadata") or {}).get("billing_strategy") or ""))
    if any(isinstance(row.get("consumption"), dict) and "billed_acus" in row["consumption"] for row in rows):
        strategy = "ACU"
    return Consumption(rows, cursor or None, strategy)


def _read_owner(row: Mapping[str, Any]) -> str:
    owner = read_text(row, "user_email") or read_text(row, "user_id")
    return "" if owner in ABSENT else owner


def _read_day(text: object, span: Span) -> date:
    if text in ABSENT:
        raise ValueError("no day")
    day = datetime.fromisoformat(str(text)).date()
    if day not in span:
        raise ValueError(f"day {show_value(text)} is not one of the days asked for")
    return day


def _read_numbers(row: Mapping[str, Any]) -> tuple[Decimal, Decimal]:
    numbers = row.get("consumption") or {}
    if not isinstance(numbers, dict):
        raise Unreadable(_("consumption is {given}, not an object").format(given=show_value(numbers)))
    prompt, flex = (read_number(numbers.get(name), name) for name in ("prompt_credits", "flex_credits"))
    return prompt, flex


def read_number(value: object, name: str) -> Decimal:
    """A number from 0 on; absent is zero. Raises `ValueError`, which calls the number by `name`."""
    if value in ABSENT:
        return Decimal(0)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(_("{name} is {given}, not a number").format(name=name, given=show_value(value))) from None
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= LARGEST:
        said = _("{name} is {given}, not a number from 0 to 10^15")
        raise Unreadable(said.format(name=name, given=show_value(value)))
    return number
