"""A month out of the ledger, as it stands at one moment: sums by the database, rows as a stream of Arrow tables."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.ledger.db.columns import MoneySum, to_microseconds
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.db.table import STATISTICS, TABLE
from flexlib.ledger.door import find_ledger

if TYPE_CHECKING:
    import pyarrow as pa


ROWS_AT_ONCE = 50_000
Tables: TypeAlias = "Generator[pa.Table, None, None]"
DECIMALS = frozenset({"cost", "amount_in_usd", "amount_in_clp", "fx_rate"})


@dataclass(frozen=True)
class MonthTotals:
    """What the database itself counts and sums, to hold the rows against."""

    rows: int
    requests: int
    """The calls in the rows, where a row sums several."""
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    amount_in_usd: Decimal | None
    """None: not one row has an amount."""
    amount_in_clp: Decimal | None
    unpriced_usd: int
    """Rows without an amount in USD."""
    unpriced_clp: int


@dataclass(frozen=True)
class LedgerMonth:
    """A month of the ledger while its transaction is open."""

    month: Month
    totals: MonthTotals
    tables: Iterator[pa.Table]
    """Tables of `schema.USAGE`, together sorted by `created_at` and `id`; to be read once. None for an empty month."""


@contextmanager
def read_month(
    month: Month, ledger: Ledger | None = None, *, rows_at_once: int = ROWS_AT_ONCE
) -> Iterator[LedgerMonth]:
    """The calls of a month (of UTC) and their sums, both of one state of the ledger, whatever is recorded meanwhile.

    No more than `rows_at_once` rows are held in memory at a time. Raises `LedgerMissing`.
    """
    ledger = ledger or find_ledger()
    prepare_ledger(ledger)
    first = datetime(month.year, month.month, 1, tzinfo=timezone.utc)
    with ledger.read() as connection:
        totals = _sum_up(connection, first, month.end)
        driver = connection.connection.driver_connection
        stream = _stream_postgresql if ledger.backend == "postgresql" else _stream_sqlite
        tables = stream(driver, first, month.end, rows_at_once)
        try:
            yield LedgerMonth(month, totals, tables)
        finally:
            tables.close()  # a reader that stopped half-way: the connection is free only when its stream is over


def _sum_up(connection: sa.Connection, first: datetime, end: datetime) -> MonthTotals:
    table = STATISTICS.c
    counts = (
        (table.requests, table.prompt_tokens, table.completion_tokens, table.cached_tokens, table.cache_write_tokens)
    )  # fmt: skip
    amounts = (table.amount_in_usd, table.amount_in_clp)
    row = connection.execute(
        sa.select(
            sa.func.count(),
            *(sa.func.sum(column) for column in counts),
            *(MoneySum(column) for column in amounts),
            *(sa.func.count() - sa.func.count(column) for column in amounts),
        )
        .select_from(STATISTICS)
        .where(table.created_at >= first, table.created_at < end)
    ).one()
    sums: list[Any] = [int(one or 0) for one in row[1:6]]
    return MonthTotals(row[0], *sums, *row[6:])


def _stream_sqlite(driver: Any, first: datetime, end: datetime, rows_at_once: int) -> Tables:  # noqa: ANN401
    import pyarrow as pa

    from flexlib.schema import USAGE

    def convert(field: pa.Field, values: tuple[Any, ...]) -> pa.Array:
        if pa.types.is_date32(field.type):
            return pa.array(values, pa.int32()).cast(field.type)
        if field.name not in DECIMALS:
            return pa.array(values, field.type)
        # The stored whole steps are what a decimal consists of: only the type's scale is put on them.
        steps = pa.array(values, pa.int64()).cast(pa.decimal128(19, 0))
        return pa.Array.from_buffers(field.type, len(steps), steps.buffers())

    cursor = driver.execute(
        f"SELECT {_list_columns()} FROM {TABLE} WHERE created_at >= ? AND created_at < ? "  # noqa: S608 (our own names)
        "ORDER BY created_at, request_id",
        (to_microseconds(first), to_microseconds(end)),
    )
    while rows := cursor.fetchmany(rows_at_once):
        columns = zip(USAGE, zip(*rows, strict=True), strict=True)
        yield pa.Table.from_arrays([convert(field, values) for field, values in columns], schema=USAGE)


def _stream_postgresql(driver: Any, first: datetime, end: datetime, rows_at_once: int) -> Tables:  # noqa: ANN401
    from flexlib.schema import USAGE

    query = (
        f"COPY (SELECT {_list_columns(' AT TIME ZONE $$UTC$$')} FROM {TABLE} "  # noqa: S608
        f"WHERE created_at >= '{first.isoformat()}' AND created_at < '{end.isoformat()}' "
        "ORDER BY created_at, request_id) TO STDOUT (FORMAT csv)"
    )
    with driver.cursor() as cursor, cursor.copy(query) as copy:
        lines: list[bytes] = []
        for line in copy:  # the driver gives a row each
            lines.append(bytes(line))
            if len(lines) == rows_at_once:
                yield _parse_lines(lines, USAGE)
                lines = []
        if lines:
            yield _parse_lines(lines, USAGE)


def _parse_lines(lines: list[bytes], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    # PostgreSQL writes null as nothing and an empty text as "".
    convert = csv.ConvertOptions(
        column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    table = csv.read_csv(
        pa.BufferReader(b"".join(lines)),
        csv.ReadOptions(column_names=schema.names),
        csv.ParseOptions(newlines_in_values=True),
        convert,
    )
    return table.cast(schema).combine_chunks()


def _list_columns(zone: str = "") -> str:
    """The columns of `schema.USAGE`, whose id is the request id, times without a zone."""
    from flexlib.schema import USAGE

    names = ["request_id" if name == "id" else name for name in USAGE.names]
    return ", ".join(f"{name}{zone}" if name.endswith("_at") else name for name in names)
