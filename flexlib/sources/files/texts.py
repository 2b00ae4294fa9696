"""A file of calls as DuckDB reads it: a query of texts, whatever the file's format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.errors import BadFile, FlexlibError
from flexlib.i18n import _
from flexlib.sources.files.fields import FIELDS, is_in_id, list_asked, list_in_words, list_rest, name_field, name_option
from flexlib.sources.files.files import find_lines, list_columns, read_csv, read_jsonl
from flexlib.sources.files.kinds import find_kind
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.numbers import NUMBERS, add_parts

LINES = "line, lines, problem"

EMPTY_KEY = r'"[^"]*":(?:\{\}|null|""),?'
"""A key of JSON that says nothing."""
EMPTY_LEVELS = 3
"""How deep a key that feeds a field may lie for what is left of the objects around it to say nothing."""


@dataclass(frozen=True)
class _Values:
    """The SQL that reads a file's values, by field, and by `metadata_` and its place."""

    texts: dict[str, str]
    typed: dict[str, str] = field(default_factory=dict)
    """Whether the value is a number, where it may be one without being a text."""
    nested: dict[str, str] = field(default_factory=dict)
    """The JSON of lists and structs. An id is made of their text, as it was before JSON was kept."""
    rest: str = "NULL::VARCHAR"
    """What the row says in columns that feed nothing."""


class Pieces:
    """The pieces of a file as one stream for DuckDB; what goes wrong while it reads is raised by `check`."""

    def __init__(self, pieces: Iterator[pa.Table]) -> None:
        self._error: FlexlibError | None = None
        first = next(pieces)
        self.reader = pa.RecordBatchReader.from_batches(first.schema, self._read(chain([first], pieces)))

    def check(self) -> None:
        """Raises what the reading raised: DuckDB would wrap it."""
        if self._error is not None:
            raise self._error

    def _read(self, pieces: Iterator[pa.Table]) -> Iterator[pa.RecordBatch]:
        try:
            for piece in pieces:
                yield from piece.to_batches()
        except FlexlibError as error:
            self._error = error


def run_on_texts(
    connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping, build: Callable[[str], str]
) -> None:
    """Runs the statement that `build` makes of a query of the file's texts, once over the file.

    The query gives `line`, `lines` (how many it spans), `problem` (why it cannot be read, or null), the text of each
    field (null where it is empty or fed by no column), `metadata` (JSON; `metadata_in_id` is what the row's id is made
    of where that differs), `rest` (what stands in columns that feed nothing), and of each of `NUMBERS` with `typed_`
    before its name whether the file's format itself says that it is a number. Raises `BadFile` when the file cannot be
    read or lacks a column.
    """
    kind = find_kind(file)
    known = list_columns(file, mapping.delimiter)
    asked = list_asked(mapping, known)
    if kind != "jsonl":
        asked = {name: column for name, column in asked.items() if column in known or column not in mapping.optional}
    for name, column in asked.items():
        if column not in known and kind != "jsonl":  # a key may come late in JSON lines
            raise _miss_column(file, name, column, known)
    rest = list_rest(mapping, known, asked) if kind != "jsonl" else {}
    if kind == "parquet":
        values = _find_values(dict(zip(known, pq.read_schema(file).types, strict=True)), asked)
        values = replace(values, rest=_write_rest({name: quote(column, '"') for name, column in rest.items()}, rest))
        source = f"read_parquet({quote(str(file))}, file_row_number = true)"
        try:
            connection.execute(
                build(_select(mapping, "file_row_number + 1 AS line, 1 AS lines, NULL AS problem", values, source))
            )
        except duckdb.Error as error:
            raise BadFile(_("{name} cannot be read ({splitlines}); fix it first.")
                .format(name=file.name, splitlines=str(error).splitlines()[0])) from error  # fmt: skip
        return
    if kind == "csv":
        query = _select(mapping, LINES, _Values({name: name for name in asked}, rest=_write_rest({}, rest)), "pieces")
        pieces = Pieces(read_csv(file, asked, mapping.delimiter, rest))
    else:
        query = _select_jsonl(mapping, asked)
        keys = {key for column in asked.values() for key in (column, *column.split("."))}
        pieces = Pieces(read_jsonl(file, keys, rounds=mapping.rules == 1))
    connection.register("pieces", pieces.reader)
    connection.execute(build(query))
    pieces.check()
    if kind == "jsonl":
        _check_keys(connection, file, mapping, known, asked)


def _write_rest(values: dict[str, str], rest: dict[str, str]) -> str:
    parts = [
        f"write_part({quote(column)}, nullif({values.get(name, name)}::VARCHAR, ''))" for name, column in rest.items()
    ]
    return f"nullif(concat({', '.join(parts)}), '')" if parts else "NULL::VARCHAR"


def _write_other_keys(mapping: CallMapping, asked: dict[str, str]) -> str:
    """SQL of the JSON of a line without the keys that have a part in its id by themselves."""
    patch: dict[str, Any] = {}
    for name, column in asked.items():
        if is_in_id(name):
            *above, last = column.split(".")
            patch[column] = None
            level = patch
            for key in above:
                level = level.setdefault(key, {})
                if level is None:
                    break
            else:
                level[last] = None
    other = f"CASE WHEN json_valid(text) THEN json_merge_patch(text, {quote(json.dumps(patch))})::VARCHAR END"
    for __ in range(EMPTY_LEVELS):
        other = f"regexp_replace({other}, {quote(EMPTY_KEY)}, '', 'g')"
    return f"nullif({other}, '{{}}')" if mapping.rules > 1 else "NULL::VARCHAR"


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


def _select_jsonl(mapping: CallMapping, asked: dict[str, str]) -> str:
    # A key may hold dots itself; so both the key and the path are tried.
    pointers = [pointer for column in asked.values() for pointer in (_point([column]), _point(column.split(".")))]
    found = f"CASE WHEN json_valid(text) THEN json_extract_string(text, [{', '.join(map(quote, pointers))}]) END"
    columns = {name: f"coalesce(found[{2 * place + 1}], found[{2 * place + 2}])" for place, name in enumerate(asked)}
    # The type of each: an integer or a double, or a string that a program or a person wrote.
    numbers = {name: place for place, name in enumerate(asked) if name_field(name) in NUMBERS}
    own = [pointers[2 * place + side] for place in numbers.values() for side in (0, 1)]
    kinds = f"CASE WHEN json_valid(text) THEN json_type(text, [{', '.join(map(quote, own))}]::VARCHAR[]) END"
    typed = {}
    for nth, (name, place) in enumerate(numbers.items()):
        kind = f"CASE WHEN found[{2 * place + 1}] IS NULL THEN kinds[{2 * nth + 2}] ELSE kinds[{2 * nth + 1}] END"
        typed[name] = f"coalesce({kind} IN ('BIGINT', 'UBIGINT', 'DOUBLE'), false)"
    # SQL's AND may look at both sides, and the type of what is no JSON is an error.
    is_object = "CASE WHEN json_valid(text) THEN json_type(text) = 'OBJECT' ELSE false END"
    problem = f"coalesce(problem, CASE WHEN NOT {is_object} THEN 'not a JSON object' END)"
    source = f"(SELECT line, lines, text, {problem} AS problem, {found} AS found, {kinds} AS kinds FROM pieces)"
    return _select(mapping, LINES, _Values(columns, typed, rest=_write_other_keys(mapping, asked)), source)


def _find_values(kinds: dict[str, pa.DataType], asked: dict[str, str]) -> _Values:
    """The values of a Parquet with columns of `kinds`."""
    names = {name: quote(column, '"') for name, column in asked.items()}
    return _Values(
        {name: f"{column}::VARCHAR" for name, column in names.items()},
        {name: str(_is_number(kinds[asked[name]])) for name in asked if name_field(name) in NUMBERS},
        {name: f"to_json({names[name]})" for name, column in asked.items() if pa.types.is_nested(kinds[column])},
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _point(keys: list[str]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def _select(mapping: CallMapping, head: str, values: _Values, source: str) -> str:
    texts = values.texts
    names = [*FIELDS, *(f"condition_{place}" for place in range(len(mapping.conditions)))]
    parts = {name: [one for one in texts if re.fullmatch(rf"{name}_\d+", one)] for name in mapping.columns}
    parts = {name: several for name, several in parts.items() if several}
    names = [name for name in names if name not in parts] + [part for several in parts.values() for part in several]
    fields = {name: f"nullif(trim_text({texts[name]}), '')" if name in texts else "NULL::VARCHAR" for name in names}
    named = {column: f"metadata_{place}" for place, column in enumerate(mapping.metadata)}
    kept = {column: name for column, name in named.items() if name in texts}
    as_text = {column: _nest_json(texts[name]) for column, name in kept.items()}
    as_json = {column: values.nested.get(name, as_text[column]) for column, name in kept.items()}
    fields |= {"metadata": _write_object(as_json)}
    fields |= {"metadata_in_id": _write_object(as_text if as_json != as_text else {})}
    numbers = [name for name in (*NUMBERS, *fields) if name_field(name) in NUMBERS and name not in parts]
    fields |= {"rest": f"CASE WHEN {fields['request_id']} IS NULL THEN {values.rest} END"}
    fields |= {f"typed_{name}": values.typed.get(name, "false") for name in numbers}
    query = f"SELECT {head}, {', '.join(f'{sql} AS {name}' for name, sql in fields.items())} FROM {source}"
    sums = {name: add_parts(name, several) for name, several in parts.items()}
    totals = [f"{text} AS {name}, {is_number} AS typed_{name}" for name, (text, is_number) in sums.items()]
    return f"SELECT *, {', '.join(totals)} FROM ({query})" if totals else query


def _write_object(values: dict[str, str]) -> str:
    pairs = ", ".join(f"{quote(name)}, {value}" for name, value in values.items())
    return f"json_object({pairs})::VARCHAR" if values else "NULL::VARCHAR"


def _nest_json(value: str) -> str:
    """An object or a list in JSON stays one; all else is text, and empty text is null."""
    is_nested = f"json_valid({value}) AND trim({value})[1] IN ('{{', '[')"
    return f"CASE WHEN {is_nested} THEN {value}::JSON ELSE to_json(nullif({value}, '')) END"


def _check_keys(
    connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping, known: list[str], asked: dict[str, str]
) -> None:
    """A key that no line has is a slip of whoever named it; one may come late, so the whole file is read again."""
    fed = [name for name in asked if name_field(name) in (*FIELDS, "condition")]
    needed = {name: asked[name] for name in fed if asked[name] not in mapping.optional}
    late = {name: column for name, column in needed.items() if column not in known}
    for name in late.keys() - mapping.lifted:
        pieces = Pieces(read_jsonl(file))
        connection.register("pieces", pieces.reader)
        query = f"SELECT count({name}) FROM ({_select_jsonl(mapping, asked)})"
        if not connection.execute(query).fetchall()[0][0]:
            raise _miss_column(file, name, late[name], known)


def _miss_column(file: Path, field: str, column: str, known: list[str]) -> BadFile:
    there = list_in_words(known, is_csv=find_kind(file) == "csv")
    wanted = _("the rows to take") if (name := name_field(field)) == "condition" else name_option(name)
    return BadFile(_("{name} has no column {column!r} for {wanted}; {there}.")
        .format(name=file.name, column=column, wanted=wanted, there=there))  # fmt: skip
