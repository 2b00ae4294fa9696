"""The ledger as a source: the calls of a month as checked tables, with what the database itself counts and sums."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month
from flexlib.errors import BadRecord
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.read.months import LedgerMonth, read_month
from flexlib.schema import check_usage

if TYPE_CHECKING:
    import pyarrow as pa


TABLE_ROWS = 122_880
"""As many rows as DuckDB reads at a time: a row group of the Parquet each."""


@contextmanager
def open_ledger_month(month: Month, ledger: Ledger, *, table_rows: int = TABLE_ROWS) -> Iterator[LedgerMonth]:
    """The month as `ledger.read_month` gives it, its tables checked against the schema and about `table_rows` long.

    About two such tables are in memory at a time. While they are read: raises `BadRecord`, naming the rule that is
    broken. Whether an id stands in two of the tables is not seen here; the whole file tells.
    """
    with read_month(month, ledger) as opened:
        yield replace(opened, tables=check_tables(_join_tables(opened.tables, table_rows), month))


def check_tables(tables: Iterator[pa.Table], month: Month) -> Iterator[pa.Table]:
    """The tables as they came, when each passes `schema.check_usage` and stands behind the one before it.

    Raises `BadRecord` at the first that does not.
    """
    last: tuple[Any, str] | None = None
    for table in tables:
        first = _read_key(check_usage(table, month), 0)
        if last is not None and first <= last:
            raise BadRecord(f"rows refused: {first[1]} at {first[0]} stands behind {last[1]} at {last[0]}.")
        last = _read_key(table, len(table) - 1)
        yield table


def _join_tables(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(map(len, waiting)) >= rows:
            joined = pa.concat_tables(waiting).combine_chunks()
            yield joined.slice(0, rows)
            waiting = [joined.slice(rows)] if len(joined) > rows else []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _read_key(table: pa.Table, row: int) -> tuple[Any, str]:
    moment, name = (table[column][row].as_py() for column in ("created_at", "id"))
    return moment, name
