"""A bill as texts: the rows of a CSV, of JSON lines or a Parquet, each value as it stands there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.sources.files.files import read_csv, read_jsonl
from flexlib.sources.files.json_values import TwiceNamed, decode_exact
from flexlib.sources.files.kinds import find_kind
from flexlib.sources.files.texts import quote

BATCH = 100_000
"""Rows of a Parquet that are texts at a time."""


class Texts(NamedTuple):
    """One row."""

    line: int
    lines: int
    problem: str | None
    """Why it cannot be read."""
    values: tuple[str | None, ...]
    """The text of each column that was asked for, in their order."""


def read_texts(file: Path, columns: Sequence[str], delimiter: str | None = None) -> Iterator[Texts]:
    """The rows of the file with the texts of `columns`; a column of JSON lines may be a path such as `amount.value`.

    Raises `BadFile` when the file cannot be read.
    """
    kind = find_kind(file)
    if kind == "csv":
        names = {str(place): column for place, column in enumerate(columns)}
        for piece in read_csv(file, names, delimiter):
            lists = [piece[name].to_pylist() for name in ("line", "lines", "problem", *names)]
            for line, lines, problem, *values in zip(*lists, strict=True):
                yield Texts(line, lines, problem, tuple(values))
    elif kind == "jsonl":
        for piece in read_jsonl(file):
            lists = [piece[name].to_pylist() for name in ("line", "lines", "problem", "text")]
            for line, lines, problem, text in zip(*lists, strict=True):
                yield _read_object(line, lines, problem, text, columns)
    else:
        yield from _read_parquet(file, columns)


def _read_object(line: int, lines: int, problem: str | None, text: str, columns: Sequence[str]) -> Texts:
    row: Any = None
    if problem is None:
        try:
            row = decode_exact(text)
        except TwiceNamed as error:
            return Texts(line, lines, error.english, (None,) * len(columns))
        except ValueError:
            row = None
        if not isinstance(row, dict):
            return Texts(line, lines, "not a JSON object", (None,) * len(columns))
    return Texts(line, lines, problem, tuple(_find_value(row, column) for column in columns))


def _find_value(row: Any, column: str) -> str | None:  # noqa: ANN401 - whatever JSON holds
    """A key may hold dots itself, so the whole of it is tried first."""
    if not isinstance(row, dict):
        return None
    value = row.get(column)
    if value is None and "." in column:
        first, _, rest = column.partition(".")
        return _find_value(row.get(first), rest)
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _read_parquet(file: Path, columns: Sequence[str]) -> Iterator[Texts]:
    import duckdb

    texts = ", ".join(quote(column, '"') + "::VARCHAR" for column in columns)
    source = f"read_parquet({quote(str(file))}, file_row_number = true)"
    try:
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.execute(f"SELECT file_row_number + 1, {texts} FROM {source}")
            while batch := rows.fetchmany(BATCH):
                yield from (Texts(line, 1, None, tuple(values)) for line, *values in batch)
    except duckdb.Error as error:
        raise BadFile(
            _("{name} cannot be read ({splitlines}); fix it first.").format(
                name=file.name, splitlines=str(error).splitlines()[0]
            )
        ) from error
