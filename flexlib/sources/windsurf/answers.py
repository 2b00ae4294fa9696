"""What an answer says beside its value: the server's words, when to ask again, its clock; and it never says the key."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from flexlib.nesting import decode_json

PAUSE_429 = 1.0
"""Seconds to wait after a 429 that does not say how long."""
SHORTEST_KEY = 8
"""Characters; real ones have 36. One as short as a word of the wire, such as `api_key`, would spoil the answers."""


@dataclass(frozen=True)
class Setback:
    """Why an ask is not answered yet."""

    why: str
    pause: float = 0.0
    """Seconds that the server wants to be left alone."""
    is_limit: bool = False
    """Whether it is a limit of requests, which holds for all of them."""
    is_final: bool = False
    """Whether it would be so again."""


def decode_answer(text: str) -> Any:  # noqa: ANN401 (JSON)
    """The value of an answer, its numbers exact. Raises `ValueError` for one that is not whole."""
    try:
        value = decode_json(text, parse_float=Decimal)
    except (ArithmeticError, RecursionError) as error:  # 1e99999999999999999999
        raise ValueError("a number that nothing can hold") from error
    text.encode()  # half of a character, as "\\ud800" was, has no UTF-8
    return value


def redact_key(text: str, key: str) -> str:
    """A text or JSON without the key, also where it was escaped."""
    if key not in text and "\\" not in text:
        return text
    try:
        return json.dumps(_blot_values(decode_json(text), key), ensure_ascii=False)
    except ValueError:
        return text.replace(key, "[service key]")


def _blot_values(value: Any, key: str) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        hidden = "[service key]" if len(key) >= SHORTEST_KEY else key
        return {name.replace(key, hidden): _blot_values(part, key) for name, part in value.items()}
    if isinstance(value, list):
        return [_blot_values(part, key) for part in value]
    return value.replace(key, "[service key]") if isinstance(value, str) else value


def read_message(text: str) -> str:
    """The server's own words: of `{"error": ...}`, else the start of a text that is not HTML."""
    try:
        message = decode_json(text).get("error")
    except (ValueError, AttributeError):
        message = "" if text.lstrip().startswith("<") else text
    return str(message or "")


def read_pause(header: str | None) -> float:
    """Seconds that a Retry-After asks for, given as a number or as a date."""
    if header and header.strip().isdecimal():
        return float(header)
    moment = read_http_date(header or "")
    return max(0.0, moment.timestamp() - time.time()) if moment else PAUSE_429


def read_http_date(text: str) -> datetime | None:
    """A date in one of the three forms of RFC 9110, which are GMT whether they say so or not; None where it is none.

    >>> read_http_date("Sun Nov  6 08:49:37 1994")
    datetime.datetime(1994, 11, 6, 8, 49, 37, tzinfo=datetime.timezone.utc)
    """
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError):  # also one that is after 9999 once it is in GMT
        return None
