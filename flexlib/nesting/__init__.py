"""JSON and YAML (`yaml_texts`) from outside: values inside values only so deep, since every Python gives up at a depth
of its own, and no name given twice, since of two values one would be lost in silence."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flexlib.errors import BadFile
from flexlib.guesses import guess_names
from flexlib.i18n import _, join_and, to_english, translate_count

MOST_NESTED = 64
"""Lists and objects inside each other: more than any data has, and far from what the strictest Python can read."""

STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""A string of JSON, or the beginning of one: to look for its end from every quote in it would take for ever."""
MOST_FAULTS = 10
"""So many of a file are told at once."""
MOST_BITS = 1024
"""A larger number is not shown by its digits."""
T = TypeVar("T")
_ONLY_BRACKETS = re.compile(r"[^\[\]]+")
_ONE_KIND = str.maketrans("{}", "[]")


class Unreadable(ValueError):
    """A text from outside that cannot be read: why, in the reader's language, and `english` what is stored of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.english = str(to_english(why))


def explain_line(error: Exception) -> object:
    """Why a line of a table cannot be read: in our words, or in general where a library says it in its own."""
    return error if isinstance(error, Unreadable) else _("its cells are not as its columns are")


class TooDeep(Unreadable):
    """More than `MOST_NESTED` lists and objects inside each other."""

    def __init__(self) -> None:
        super().__init__(_("it is nested more than {most} levels deep").format(most=MOST_NESTED))


class GivenTwice(Unreadable):
    """A name that an object has twice, the second time in this line of a file."""

    def __init__(self, name: object, line: int | None = None) -> None:
        said = _("the name {name} is given twice")
        if line is not None:
            said = _("the name {name} is given twice, again in line {line}")
        super().__init__(said.format(name=format_given(name), line=line))


def name_line(line: int, file: object) -> str:
    """Where a fault stands, before what it is."""
    return _("line {line} of {file}").format(line=line, file=file)


class Faults:
    """All that is wrong in a file, so that who mends it is told in one run."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def read(self, read: Callable[..., T], *given: Any) -> Any:  # noqa: ANN401 (T, or None where it is wrong)
        """What `read` makes of what is given; None where it raises `BadFile`, whose sentences are kept."""
        try:
            return read(*given)
        except BadFile as error:
            self.found += [one for one in str(error).splitlines() if one not in self.found]
            return None

    def tell(self) -> None:
        """Raises `BadFile` with what was found, where anything was: a sentence a line."""
        if self.found:
            more = [_("And {count} more.").format(count=len(self.found) - MOST_FAULTS)]
            raise BadFile("\n".join([*self.found[:MOST_FAULTS], *(more if len(self.found) > MOST_FAULTS else [])]))


def decode_json(text: str, **options: Any) -> Any:  # noqa: ANN401 (JSON)
    """The value of a JSON text; `options` are those of `json.loads`.

    Raises `TooDeep`, `GivenTwice` and whatever `json.loads` raises.
    """
    check_nesting(text)
    return json.loads(text, object_pairs_hook=_build_object, **options)


def explain_fields(where: object, what: str, given: object, fields: Iterable[str]) -> str:
    """That `what`, such as a budget, was given names that it does not have, each with the one that may be meant; or no
    names at all. All that it takes is said.

    >>> explain_fields("line 3", "a budget", {"amuont": 1, "name": "a"}, ["name", "amount"])
    'line 3: amuont is no field of a budget (did you mean amount?); write one of amount, name.'
    >>> explain_fields("line 3", "a budget", 5, ["name", "amount"])
    'line 3: 5 stands where a budget should; write its fields as name: value, of amount, name.'
    """
    known = sorted(fields)
    if not isinstance(given, dict):
        said = _("{where}: {given} stands where {what} should; write its fields as name: value, of {fields}.")
        return said.format(where=where, what=what, given=format_given(given), fields=", ".join(known))
    wrong = sorted(map(str, given.keys() - {*known}))
    said = translate_count(
        "{where}: {wrong} is no field of {what}{near}; write one of {fields}.",
        "{where}: {wrong} are no fields of {what}{near}; write one of {fields}.",
        len(wrong),
    )
    near, fields = guess_names(wrong, known), ", ".join(known)
    return said.format(where=where, wrong=join_and(wrong), what=what, near=near, fields=fields)


def format_given(value: object) -> str:
    """What was given, as an error shows it: its `repr`, cut where that is long or nested."""
    return _SHORT.repr(value)


def check_nesting(text: str) -> None:
    """Raises `TooDeep` for a JSON text, or the beginning of one, that is."""
    if text.count("[") + text.count("{") <= MOST_NESTED:  # it cannot be, and that is soon seen
        return
    brackets = _ONLY_BRACKETS.sub("", STRING.sub("", text).translate(_ONE_KIND))
    for __ in range(MOST_NESTED):
        if not brackets:
            return
        brackets = brackets.replace("[]", "")  # the innermost level of each value
    if "[]" in brackets or brackets.count("[") > MOST_NESTED:  # else it is no JSON: the decoder says why
        raise TooDeep


def _build_object(pairs: list[tuple[str, T]]) -> dict[str, T]:
    built = dict(pairs)
    if len(built) < len(pairs):
        names = [name for name, _ in pairs]
        raise GivenTwice(next(name for name in names if names.count(name) > 1))
    return built


class _Shortener(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        """Python writes no number of thousands of digits."""
        return super().repr_int(x, level) if x.bit_length() < MOST_BITS else "a number of hundreds of digits"


_SHORT = _Shortener()
_SHORT.maxlevel = 4
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 200
