"""The values of a file of JSON one after another, in bounded memory, whether an array, an object or several of them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from flexlib.errors import BadFile
from flexlib.formats import format_number
from flexlib.i18n import _
from flexlib.nesting import TooDeep, Unreadable, check_nesting
from flexlib.refusals import explain_refusal

CHUNK = 1 << 20
"""Characters read at a time, and twice as many each time that a value is longer."""
MOST_IN_VALUE = 64 << 20
"""Characters of one object, such as a page of an API: in memory it is several times that, and no API gives as much."""

ROUNDED = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')
"""A string, or a number, of JSON."""
MAY_ROUND = r"[:,\[\s]-?(?:\d+\.\d{9,}|\d{8,}\.\d|\d{16,}[eE]|[\d.]+[eE][+-]?\d{3})"
"""What a line has in which a number may have more digits than a float holds (16 or 17), or be larger than any."""

_BLANK = re.compile(r"[ \t\r\n]*")


class TwiceNamed(Unreadable):
    """An object of JSON that names a key twice: which of the two values holds, nobody can say."""


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _value in pairs]
        said = _("the key {key!r} twice in one object")
        raise TwiceNamed(said.format(key=next(key for key in keys if keys.count(key) > 1)))
    return found


def _read_float(text: str) -> float | str:
    """The number, or its text where a float would be another one."""
    value = float(text)
    return value if math.isfinite(value) and Decimal(repr(value)) == Decimal(text) else text


_DECODER = json.JSONDecoder(object_pairs_hook=_build_object, parse_float=_read_float)


def decode_exact(text: str) -> Any:  # noqa: ANN401 (JSON)
    """The value of a JSON text, with a number that no float holds as its text. Raises `ValueError`, as for a key twice.

    >>> decode_exact("[0.1, 12345678901.1234567891, 9007199254740993]")
    [0.1, '12345678901.1234567891', 9007199254740993]
    """
    check_nesting(text)
    return _DECODER.decode(text)


def find_suspects(keys: Iterable[str]) -> str:
    """The pattern of lines that may name one of the keys twice in one object, or hold a number that a float rounds."""
    return "|".join([MAY_ROUND, *(f"{one}.*{one}" for one in (rf'"{re.escape(key)}"\s*:' for key in sorted(keys)))])


def judge_line(text: str) -> tuple[str, str | None]:
    """A line with each number as a string that a reader of floats would round; and why it cannot be read, or null."""

    def quote(found: re.Match[str]) -> str:
        one = found[0]
        is_rounded = one[0] != '"' and not one.lstrip("-").isdecimal() and isinstance(_read_float(one), str)
        return f'"{one}"' if is_rounded else one

    try:
        decode_exact(text)
    except TwiceNamed as error:
        return text, error.english
    except ValueError:
        return text, None  # its reader says why
    return ROUNDED.sub(quote, text), None


def read_lines(file: Path, text: TextIO) -> Iterator[str]:
    """The lines of the text of `file`. Raises `BadFile` for one that is as long as no value may be: a small packed file
    may hold one that fills the memory."""
    while line := text.readline(MOST_IN_VALUE):
        if len(line) == MOST_IN_VALUE:
            raise BadFile(
                _("{name} has a line of more than {most_in_value} MB; split it first.").format(
                    name=file.name, most_in_value=MOST_IN_VALUE >> 20
                )
            )
        yield line


class JsonValue(NamedTuple):
    """A value of JSON, and its text as it stands in the file."""

    value: Any
    text: str


def read_values(file: Path, text: TextIO) -> Iterator[JsonValue]:
    """The values of the text of `file`; of an array at its top the elements. Raises `BadFile` where it is no JSON."""
    stream = _Stream(file, text)
    inside, needs_comma, count = False, False, 0
    while mark := stream.peek():
        if mark == "[" and not inside:
            inside, needs_comma = True, False
            stream.place += 1
        elif mark == "]" and inside and (needs_comma or not count):
            inside = False
            stream.place += 1
        elif mark == "," and inside and needs_comma:
            needs_comma = False
            stream.place += 1
        elif inside and needs_comma:
            raise BadFile(
                _("{name} is no JSON after its value {count} (a comma is missing); export it again.").format(
                    name=file.name, count=format_number(count)
                )
            )
        else:
            count += 1
            yield stream.decode(count)
            needs_comma = True
    if inside:
        raise BadFile(
            _("{name} ends in the middle of its array, after value {count}; export it again.").format(
                name=file.name, count=format_number(count)
            )
        )


class _Stream:
    """The text of a file, of which what has been read is forgotten."""

    def __init__(self, file: Path, text: TextIO) -> None:
        self._file, self._text = file, text
        self._buffer = ""
        self._is_done = False
        self.place = 0

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            match = _BLANK.match(self._buffer, self.place)
            assert match is not None  # it fits nothing too
            self.place = match.end()
            if self.place < len(self._buffer) or self._is_done:
                return self._buffer[self.place : self.place + 1]
            self._read_more()

    def decode(self, number: int) -> JsonValue:
        """The value that begins here, the file's `number`th."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self.place)
            except RecursionError as error:
                raise self._refuse_nesting(number) from error
            except TwiceNamed as error:
                raise BadFile(
                    _("{name} has {error}, in its value {number}; export it again.").format(
                        name=self._file.name, error=error, number=format_number(number)
                    )
                ) from error
            except json.JSONDecodeError as error:
                if self._is_done:
                    self._check_nesting(self._buffer[self.place :], number)
                    reason = _("{why}, of its value {number}").format(
                        why=explain_refusal(error), number=format_number(number)
                    )
                    raise BadFile(
                        _("{name} is no JSON ({reason}); export it again.").format(name=self._file.name, reason=reason)
                    ) from error
            else:
                if end < len(self._buffer) or self._is_done:  # a number may go on
                    text, self.place = self._buffer[self.place : end], end
                    self._check_nesting(text, number)
                    return JsonValue(value, text)
            if len(self._buffer) - self.place > MOST_IN_VALUE:
                raise BadFile(
                    _(
                        "{name} has an object of more than {most_in_value} MB, or is no JSON in its value {number}; "
                        "write its rows as JSON lines first (jq -c '.data[]')."
                    ).format(name=self._file.name, most_in_value=MOST_IN_VALUE >> 20, number=format_number(number))
                )
            self._read_more()

    def _check_nesting(self, text: str, number: int) -> None:
        try:
            check_nesting(text)
        except TooDeep as error:
            raise self._refuse_nesting(number) from error

    def _refuse_nesting(self, number: int) -> BadFile:
        return BadFile(
            _("{name} is nested too deep in its value {number}; fix it first.").format(
                name=self._file.name, number=format_number(number)
            )
        )

    def _read_more(self) -> None:
        rest = self._buffer[self.place :]
        more = self._text.read(max(CHUNK, len(rest)))
        self._is_done = not more
        self._buffer, self.place = rest + more, 0
