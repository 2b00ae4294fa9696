"""A delivery's tables on their way: each checked, all in order, and cut into tables of one size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month
from flexlib.errors import BadRecord
from flexlib.privacy import PrivacyGuard
from flexlib.schema import SHAPES
from flexlib.sources.registry import Source

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_ROWS = 122_880
"""As many rows as DuckDB reads at a time: a row group of the Parquet each."""


def check_tables(tables: Iterable[pa.Table], source: Source, month: Month) -> Iterator[pa.Table]:
    """The tables as they came, when each passes its schema's check and stands behind the one before it.

    Whether an id stands in two of the tables is not seen here; the whole file tells. Raises `BadRecord` at the first
    that does not.
    """
    _, key, check = SHAPES[source.dataset]
    last: list[Any] | None = None
    for table in tables:
        if not table.num_rows:
            continue
        first = _read_key(check(table, month), key, 0)
        if last is not None and first <= last:
            raise BadRecord(f"rows refused: {_write_key(first)} stands behind {_write_key(last)}.")
        last = _read_key(table, key, table.num_rows - 1)
        yield table


def join_tables(tables: Iterable[pa.Table], rows: int = TABLE_ROWS) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` each, the last of what is left."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(map(len, waiting)) >= rows:
            joined = pa.concat_tables(waiting).combine_chunks()
            yield joined.slice(0, rows)
            waiting = [joined.slice(rows)] if len(joined) > rows else []
    if sum(map(len, waiting)):
        yield pa.concat_tables(waiting).combine_chunks()


def _read_key(table: pa.Table, key: list[str], row: int) -> list[Any]:
    return [table[column][row].as_py() for column in key]


def _write_key(key: list[Any]) -> str:
    moment, *names = key
    return f"{', '.join(names)} at {moment}"


def mask_metadata(rows: pa.Table) -> pa.Table:
    """The calls with e-mails, phone numbers, RUTs and keys masked in their metadata, as recording masks them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = rows["metadata"].combine_chunks()
    if column.null_count == len(column):
        return rows
    encoded, guard = column.dictionary_encode(), PrivacyGuard()
    texts, kinds = list[str](), list[str | None]()
    for text in encoded.dictionary.to_pylist():
        masked, found = guard.mask(json.loads(text))
        texts.append(json.dumps(masked, ensure_ascii=False) if found else text)
        kinds.append(",".join(found) or None)
    names = rows.column_names
    told = {"metadata": texts, "masked": kinds}
    for name, values in told.items():
        new = pa.array(values, pa.string()).take(encoded.indices)
        old = rows["masked"].combine_chunks()
        rows = rows.set_column(
            names.index(name), rows.schema.field(name), new if name == "metadata" else pc.coalesce(new, old)
        )
    return rows
