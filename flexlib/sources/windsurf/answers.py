"""What an answer says beside its value: the server's words, when to ask again, its clock; and it never says the key."""

from __future__ import annotations

import html
import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import quote

from flexlib.formats import format_moment
from flexlib.i18n import _, write_number
from flexlib.nesting import STRING, decode_json, format_given

Notify: TypeAlias = Callable[[str], object]
"""Takes a sentence for whoever waits."""

PAUSE_429 = 1.0
"""Seconds to wait after a 429 that does not say how long."""
SHORTEST_KEY = 8
"""Characters; real ones have 36. One as short as a word of the wire, such as `api_key`, would spoil the answers."""

HIDDEN = "[service key]"
STRING_OR_NAME = re.compile(f"({STRING.pattern})(\\s*:)?", re.DOTALL)
"""A string of JSON, and the colon after one that is a name."""


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
    if "\\u" in text:  # half of a character, as "\\ud800" is, has no UTF-8
        json.dumps(value, ensure_ascii=False, default=str).encode()
    return value


def redact_key(text: str, key: str) -> str:
    """A text or JSON without the key, also where it was escaped or written in one of `_list_forms`; all else stays as
    it came, to the digit."""
    for form in _list_forms(key):
        text = text.replace(form, HIDDEN)
    if key not in text and "\\" not in text:
        return text

    def blot(found: re.Match[str]) -> str:
        string, colon = found.groups(default="")
        if (key not in string and "\\" not in string) or (colon and len(key) < SHORTEST_KEY):
            return found[0]
        try:
            plain = json.loads(string, strict=False)
        except ValueError:  # between two quotes of what is no JSON
            return found[0]
        return json.dumps(plain.replace(key, HIDDEN), ensure_ascii=False) + colon if key in plain else found[0]

    blotted = STRING_OR_NAME.sub(blot, text)
    try:
        decode_json(text)
    except ValueError:
        return blotted.replace(key, HIDDEN)
    return blotted


@cache
def _list_forms(key: str) -> tuple[str, ...]:
    """How else a server may say what it was sent: in one case, as a part of an address or of HTML (also twice, as where
    two programs each escape it), within base64, where a key looks otherwise at each of three places."""
    forms = {key.upper(), key.lower(), quote(key, safe=""), quote(quote(key, safe=""), safe="")}
    forms |= {html.escape(key), html.escape(html.escape(key))}
    for before in range(3):
        packed = b64encode(bytes(before) + key.encode()).decode().rstrip("=")
        whole = packed[-(-before * 8 // 6) : len(packed) - ((before + len(key)) % 3 > 0)]
        forms |= {whole, whole.replace("+", "-").replace("/", "_")}
    plain = (one for one in forms - {key} if len(key) >= SHORTEST_KEY and not {'"', "\\"} & {*one})
    return tuple(sorted(plain, key=len, reverse=True))


def read_message(text: str) -> str:
    """The server's own words: of `{"error": ...}`, else the start of a text that is not HTML."""
    try:
        message = decode_json(text).get("error")
    except (ValueError, AttributeError):
        message = "" if text.lstrip().startswith("<") else text
    return str(message or "")


def read_text(entry: Mapping[str, Any], name: str) -> str:
    """The text of this name, empty where there is none. Raises `ValueError` for what is no text in its place."""
    value = entry.get(name)
    if not isinstance(value, str | None):
        raise ValueError(f"{name} is {format_given(value)}, not a text")
    return value or ""


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


def explain_pause(seconds: float) -> str:
    """When the server may be asked again, as it says."""
    return _("it may be asked again in {seconds} seconds").format(seconds=write_number(f"{seconds:,.0f}"))


def explain_slow(seconds: float) -> str:
    """That an answer did not end in so many seconds."""
    return _("no whole answer within {seconds} s").format(seconds=write_number(f"{seconds:,.0f}"))


def explain_wait(base_url: str, pause: float, left: float, patience: float) -> str:
    """That the server wants no more requests for a while, when it is asked again, and when no more; in seconds."""
    end = format_moment(datetime.now(timezone.utc) + timedelta(seconds=left))
    said = _(
        "{base_url} wants no more requests for now (429): asking on, and giving up at {end}, {patience} s after its "
        "last other answer."
    )
    if pause >= 1:
        said = _(
            "{base_url} wants no more requests for now (429): asking again in {pause} s, and giving up at {end}, "
            "{patience} s after its last other answer."
        )
    seconds = {"pause": write_number(f"{pause:,.0f}"), "patience": write_number(f"{patience:,.0f}")}
    return said.format(base_url=base_url, end=end, **seconds)
