"""A quote in a CSV that is never closed, or a stray one: found before it swallows rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from flexlib.errors import BadFile


def check_quotes(file: Path, lines: Iterable[str], spans: Mapping[int, int], delimiter: str) -> None:
    """A stray quote makes one value of all the rows up to the next one, which would be lost without a word: `BadFile`.

    `lines` are those of the file; `spans` says of how many lines each longer row is, by the first.
    """
    numbered = enumerate(lines, start=1)
    for number, text in numbered:
        if number in spans:
            rest = (next(numbered, (0, ""))[1] for _ in range(spans[number] - 1))
            _check_row(file, number, "".join([text, *rest]), delimiter)


def _check_row(file: Path, line: int, text: str, delimiter: str) -> None:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        rows, reason = [], str(error)
    else:
        reason = "it is more than one row"
    if len(rows) != 1:
        raise BadFile(
            f"{file.name} has a quote in line {line} that is never closed, or a stray one before the quote that closes "
            f"it ({reason}); fix it and import it again."
        )
