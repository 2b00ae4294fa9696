"""A month out of the ledger, as it stands at one moment: sums by the database, rows as a stream of Arrow tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.ledger.db.archived import ArchivedMonth, archived, explain_archived, list_archived
from flexlib.ledger.db.columns import CLP_DECIMALS, USD_DECIMALS, MoneySum, read_sum
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.db.table import STATISTICS, is_attached
from flexlib.ledger.door import find_ledger
from flexlib.ledger.read.readers import Reader, open_reader
from flexlib.ledger.read.sqlite import SqliteReader

if TYPE_CHECKING:
    import pyarrow as pa


ROWS_AT_ONCE = 40_960
"""A third of what is written at a time."""


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
    read_at: datetime
    """When the database was asked, UTC; what it gives is no older."""
    totals: MonthTotals
    tables: Iterator[pa.Table]
    """Tables of `schema.USAGE`, together sorted by `created_at` and `id`; to be read once. an empty month has none."""


@contextmanager
def read_month(
    month: Month,
    ledger: Ledger | None = None,
    *,
    rows_at_once: int = ROWS_AT_ONCE,
    prepare: Callable[[], object] = lambda: None,
) -> Iterator[LedgerMonth]:
    """The calls of a month (of UTC) and their sums, both of one state of the ledger, whatever is recorded meanwhile.

    Tables have at most `rows_at_once` rows, and few are in memory at a time. `prepare`: what is done to the ledger
    before. Raises `LedgerMissing`, `LedgerFailed`, also where the month is archived.
    """
    ledger = ledger or find_ledger()
    prepare_ledger(ledger)
    if ledger.backend == "postgresql":
        with ledger.connect() as connection:
            is_attached(connection, month)
    first = datetime(month.year, month.month, 1, tzinfo=timezone.utc)
    with open_reader(ledger, first, month.end, prepare) as reader:
        read_at = datetime.now(timezone.utc)
        if reader.read_one(sa.select(sa.func.count()).select_from(archived).where(archived.c.first == first))[0]:
            raise explain_archived(look_up_archived(ledger, month))
        totals, empty = _sum_up(reader, first, month.end)
        tables = reader.read_rows(first, month.end, rows_at_once, empty)
        try:
            yield LedgerMonth(month, read_at, totals, tables)
        finally:
            tables.close()  # a reader that stopped half-way: the connection is free only when its stream is over


def look_up_archived(ledger: Ledger, month: Month) -> list[ArchivedMonth]:
    """The month, where it is archived. Raises as any reading does."""
    prepare_ledger(ledger)

    def look() -> list[ArchivedMonth]:
        with ledger.read() as connection:
            return list_archived(connection, month.previous.end, month.end)

    return run_with_retries(ledger, look)


def sum_month(connection: sa.Connection, month: Month) -> MonthTotals:
    """The month's sums as the connection's transaction sees them."""
    return _sum_up(SqliteReader(connection), month.previous.end, month.end)[0]


def _sum_up(reader: Reader, first: datetime, end: datetime) -> tuple[MonthTotals, frozenset[str]]:
    """The sums, and the columns that are null in every row: half of the table's, for most who record calls."""
    from flexlib.schema import USAGE

    table = STATISTICS.c
    optional = [field.name for field in USAGE if field.nullable]
    counts = (
        (table.requests, table.prompt_tokens, table.completion_tokens, table.cached_tokens, table.cache_write_tokens)
    )  # fmt: skip
    amounts = ((table.amount_in_usd, USD_DECIMALS), (table.amount_in_clp, CLP_DECIMALS))
    row = reader.read_one(
        sa.select(
            sa.func.count(),
            *(sa.func.sum(column) for column in counts),
            *(MoneySum(column) for column, _ in amounts),
            *(sa.func.count() - sa.func.count(column) for column, _ in amounts),
            *(sa.func.count(table[name]) for name in optional),
        )
        .select_from(STATISTICS)
        .where(table.created_at >= first, table.created_at < end)
    )
    numbers: list[Any] = [int(one or 0) for one in row[:6]]
    sums = [read_sum(one, decimals) for one, (_, decimals) in zip(row[6:8], amounts, strict=True)]
    found = dict(zip(optional, row[10:], strict=True))
    return MonthTotals(*numbers, *sums, *row[8:10]), frozenset(name for name in optional if not found[name])
