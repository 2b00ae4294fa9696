"""Values inside values: how deep we read them. A rule of ours, since every Python gives up at a depth of its own."""

from __future__ import annotations

import json
import re
import reprlib
from typing import Any

MOST_NESTED = 64
"""Lists and objects inside each other: more than any data has, and far from what the strictest Python can read."""

STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""A string of JSON, or the beginning of one: to look for its end from every quote in it would take for ever."""
_ONLY_BRACKETS = re.compile(r"[^\[\]]+")
_ONE_KIND = str.maketrans("{}", "[]")


class TooDeep(ValueError):
    """More than `MOST_NESTED` lists and objects inside each other."""

    def __init__(self) -> None:
        super().__init__(f"it is nested more than {MOST_NESTED} levels deep")


def decode_json(text: str, **options: Any) -> Any:  # noqa: ANN401 (JSON)
    """The value of a JSON text; `options` are those of `json.loads`. Raises `TooDeep` and whatever that raises."""
    check_nesting(text)
    return json.loads(text, **options)


def format_given(value: object) -> str:
    """What was given, as an error shows it: its `repr`, cut where that is long or nested."""
    return _SHORT.repr(value)


def check_nesting(text: str) -> None:
    """Raises `TooDeep` for a JSON text, or the beginning of one, that is."""
    if text.count("[") + text.count("{") <= MOST_NESTED:  # it cannot be, and that is soon seen
        return
    brackets = _ONLY_BRACKETS.sub("", STRING.sub("", text).translate(_ONE_KIND))
    for _ in range(MOST_NESTED):
        if not brackets:
            return
        brackets = brackets.replace("[]", "")  # the innermost level of each value
    if "[]" in brackets or brackets.count("[") > MOST_NESTED:  # else it is no JSON: the decoder says why
        raise TooDeep


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 4
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 200
