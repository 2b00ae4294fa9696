"""A file of calls brought into DuckDB as it stands: one table of texts, whatever the file's format."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.errors import BadFile
from flexlib.sources.files.files import find_kind, find_lines, list_columns, read_csv, read_jsonl
from flexlib.sources.files.mapping import FIELDS, CallMapping
from flexlib.sources.files.numbers import NUMBERS

LINES = "line, lines, problem"


@dataclass(frozen=True)
class _Values:
    """The SQL that reads a file's values, by field, and by `metadata_` and its place."""

    texts: dict[str, str]
    typed: dict[str, str] = field(default_factory=dict)
    """Whether the value is a number, where it may be one without being a text."""
    nested: dict[str, str] = field(default_factory=dict)
    """The JSON of lists and structs. An id is made of their text, as it was before JSON was kept."""


def load_texts(connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping) -> None:
    """Makes the table `texts`: `line`, `lines` (how many it spans), `problem` (why it cannot be read, or null), the
    text of each field (null where it is empty or fed by no column), `metadata` (JSON; `metadata_in_id` is what
    the row's id is made of where that differs), and of each of `NUMBERS` with `typed_` before its name whether the
    file's format itself says that it is a number.

    Raises `BadFile` when the file cannot be read or lacks a column.
    """
    kind = find_kind(file)
    known = list_columns(file, mapping.delimiter)
    asked = mapping.columns | {f"metadata_{place}": column for place, column in enumerate(mapping.metadata)}
    for name, column in asked.items():
        if column not in known and kind != "jsonl":  # a key may come late in JSON lines
            raise _miss_column(file, name, column, known)
    texts = ", ".join(f"{name} VARCHAR" for name in [*FIELDS, "metadata", "metadata_in_id"])
    typed = ", ".join(f"typed_{name} BOOLEAN" for name in NUMBERS)
    connection.execute(f"CREATE TABLE texts (line BIGINT, lines BIGINT, problem VARCHAR, {texts}, {typed})")
    if kind == "csv":
        for piece in read_csv(file, asked, mapping.delimiter):
            connection.register("piece", piece)
            _insert(connection, mapping, LINES, _Values({name: name for name in asked}), "piece")
    elif kind == "jsonl":
        _load_jsonl(connection, file, mapping, asked)
        _check_keys(connection, file, mapping, known)
    else:
        values = _find_values(dict(zip(known, pq.read_schema(file).types, strict=True)), asked)
        source = f"read_parquet({quote(str(file))}, file_row_number = true)"
        try:
            _insert(connection, mapping, "file_row_number + 1, 1, NULL", values, source)
        except duckdb.Error as error:
            raise BadFile(f"{file.name} cannot be read ({str(error).splitlines()[0]}); mend it first.") from error


def read_raw(connection: duckdb.DuckDBPyConnection, file: Path, spans: dict[int, int]) -> dict[int, str]:
    """The raw text of the rows that begin at each line of `spans`, as many lines as it says; of Parquet as JSON."""
    if not spans or find_kind(file) != "parquet":
        return find_lines(file, spans) if spans else {}
    rows = connection.execute(
        f"SELECT file_row_number + 1, to_json(row) FROM read_parquet({quote(str(file))}, file_row_number = true) row "
        "WHERE list_contains(?, file_row_number + 1)",
        [list(spans)],
    ).fetchall()
    return dict(rows)


def quote(text: str, mark: str = "'") -> str:
    """`text` as a literal of SQL, or with `"` as a name."""
    return mark + text.replace(mark, mark * 2) + mark


def _load_jsonl(connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping, asked: dict[str, str]) -> None:
    # A key may hold dots itself; so both the key and the path are tried.
    pointers = [pointer for column in asked.values() for pointer in (_point([column]), _point(column.split(".")))]
    found = f"CASE WHEN json_valid(text) THEN json_extract_string(text, [{', '.join(map(quote, pointers))}]) END"
    columns = {name: f"coalesce(found[{2 * place + 1}], found[{2 * place + 2}])" for place, name in enumerate(asked)}
    # The type of each: an integer or a double, or a string that a program or a person wrote.
    numbers = {name: place for place, name in enumerate(asked) if name in NUMBERS}
    own = [pointers[2 * place + side] for place in numbers.values() for side in (0, 1)]
    kinds = f"CASE WHEN json_valid(text) THEN json_type(text, [{', '.join(map(quote, own))}]::VARCHAR[]) END"
    typed = {}
    for nth, (name, place) in enumerate(numbers.items()):
        kind = f"CASE WHEN found[{2 * place + 1}] IS NULL THEN kinds[{2 * nth + 2}] ELSE kinds[{2 * nth + 1}] END"
        typed[name] = f"coalesce({kind} IN ('BIGINT', 'UBIGINT', 'DOUBLE'), false)"
    # SQL's AND may look at both sides, and the type of what is no JSON is an error.
    is_object = "CASE WHEN json_valid(text) THEN json_type(text) = 'OBJECT' ELSE false END"
    problem = f"coalesce(problem, CASE WHEN NOT {is_object} THEN 'not a JSON object' END)"
    for piece in read_jsonl(file):
        connection.register("piece", piece)
        source = f"(SELECT line, lines, {problem} AS problem, {found} AS found, {kinds} AS kinds FROM piece)"
        _insert(connection, mapping, LINES, _Values(columns, typed), source)


def _find_values(kinds: dict[str, pa.DataType], asked: dict[str, str]) -> _Values:
    """The values of a Parquet with columns of `kinds`."""
    names = {name: quote(column, '"') for name, column in asked.items()}
    return _Values(
        {name: f"{column}::VARCHAR" for name, column in names.items()},
        {name: str(_is_number(kinds[asked[name]])) for name in NUMBERS if name in asked},
        {name: f"to_json({names[name]})" for name, column in asked.items() if pa.types.is_nested(kinds[column])},
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _point(keys: list[str]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def _insert(
    connection: duckdb.DuckDBPyConnection, mapping: CallMapping, head: str, values: _Values, source: str
) -> None:
    texts = values.texts
    fields = [f"nullif(trim({texts[name]}), '')" if name in texts else "NULL" for name in FIELDS]
    kept = {column: f"metadata_{place}" for place, column in enumerate(mapping.metadata)}
    as_text = {column: _nest_json(texts[name]) for column, name in kept.items()}
    as_json = {column: values.nested.get(name, as_text[column]) for column, name in kept.items()}
    fields += [_write_object(as_json), _write_object(as_text) if as_json != as_text else "NULL"]
    fields += [values.typed.get(name, "false") for name in NUMBERS]
    connection.execute(f"INSERT INTO texts SELECT {head}, {', '.join(fields)} FROM {source}")


def _write_object(values: dict[str, str]) -> str:
    return (
        f"json_object({', '.join(f'{quote(name)}, {value}' for name, value in values.items())})" if values else "NULL"
    )


def _nest_json(value: str) -> str:
    """An object or a list in JSON stays one; all else is text, and empty text is null."""
    is_nested = f"json_valid({value}) AND trim({value})[1] IN ('{{', '[')"
    return f"CASE WHEN {is_nested} THEN {value}::JSON ELSE to_json(nullif({value}, '')) END"


def _check_keys(connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping, known: list[str]) -> None:
    columns = mapping.columns
    counts = connection.execute(f"SELECT {', '.join(f'count({name})' for name in columns)} FROM texts").fetchall()[0]
    for (name, column), count in zip(columns.items(), counts, strict=True):
        if not count and column not in known:
            raise _miss_column(file, name, column, known)


def _miss_column(file: Path, field: str, column: str, known: list[str]) -> BadFile:
    field = field.rstrip("_0123456789")
    return BadFile(f"{file.name} has no column {column!r} for {field}; its columns are {', '.join(known)}.")
