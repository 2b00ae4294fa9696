"""A month's calls taken out of the ledger, once a file has them: no question ever sees a part of them.

One transaction says that the month is archived. From then on it is refused whatever would read of it or add to it, so
that its calls may go whenever they do: on PostgreSQL with their partition in that transaction, on SQLite a batch at a
time after it, which is taken up where it was left.
"""

from __future__ import annotations

import time

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.errors import LedgerFailed
from flexlib.i18n import _, mark_text
from flexlib.ledger.db.archived import ArchivedMonth, archived, list_archived
from flexlib.ledger.db.columns import to_microseconds
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.table import ARCHIVED_IDS, REQUEST_IDS, STATISTICS, TABLE, name_partition
from flexlib.ledger.read.months import MonthTotals, sum_month
from flexlib.ledger.record.writing import open_transaction
from flexlib.ledger.tally.current import are_there
from flexlib.ledger.tally.fold import fold_changes
from flexlib.ledger.tally.parts import bound
from flexlib.ledger.tally.tables import PARTITIONS, changes, partitions, tallies

BATCH_ROWS = 10_000
"""Of a transaction on SQLite: others write in between, after a tenth of a second."""
LOCK_MILLISECONDS = 2_000
"""For which the partition waits for who reads, and all others behind it."""
RUN_AGAIN = mark_text(" Not one call is gone; run it again.")


def seal_month(ledger: Ledger, one: ArchivedMonth, totals: MonthTotals) -> None:
    """Says that the month is archived, where its calls still come to these totals; on PostgreSQL its partition goes.

    All of it is done, or nothing. Raises `LedgerFailed` where the calls are others, `LedgerUnavailable`.
    """

    def seal() -> None:
        with ledger.engine.connect() as connection:
            if ledger.backend == "postgresql":
                connection = connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                _seal(connection, one, totals)

    run_with_retries(ledger, seal, RUN_AGAIN)


def _seal(connection: sa.Connection, one: ArchivedMonth, totals: MonthTotals) -> None:
    if list_archived(connection, one.first, one.month.end):
        return  # committed before, and the answer was lost
    has_partition = connection.dialect.name == "postgresql"
    name = name_partition(one.month)
    if has_partition:
        connection.exec_driver_sql(f"LOCK TABLE ONLY {name} IN SHARE MODE")
    values = {"first": one.first, "until": one.month.end, "rows": one.rows, "rows_sha256": one.rows_sha256}
    # On SQLite nobody else writes from here on.
    connection.execute(sa.insert(archived).values({**values, "place": str(one.place)}))
    if sum_month(connection, one.month) != totals:
        said = _("Calls of {month} were recorded or changed meanwhile, so that it is not archived; close it again.")
        raise LedgerFailed(said.format(month=one.month))
    if has_partition:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}")
        # In the order in which who records takes them: a partition has a foreign key.
        connection.exec_driver_sql(f"LOCK TABLE {REQUEST_IDS} IN ACCESS EXCLUSIVE MODE")
        connection.exec_driver_sql(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
        _forget_tallies(connection, one, name)
        connection.exec_driver_sql(f"ALTER TABLE {TABLE} DETACH PARTITION {name}")
        connection.exec_driver_sql(f"DROP TABLE {name}")


def _forget_tallies(connection: sa.Connection, one: ArchivedMonth, partition: str) -> None:
    """No trigger sees a partition go: its tallies are taken away with it."""
    if are_there(connection):
        connection.exec_driver_sql(f"LOCK TABLE {PARTITIONS} IN SHARE ROW EXCLUSIVE MODE")
        for table in (tallies, changes):
            connection.execute(sa.delete(table).where(*bound(table.c.start, one.first, one.month.end)))
        number: sa.ColumnElement[int] = sa.literal_column(f"'{partition}'::regclass::oid::bigint")
        connection.execute(sa.delete(partitions).where(partitions.c.partition == number))


def is_cleared(ledger: Ledger, month: Month) -> bool:
    """Whether not one call of an archived month is in the database any more."""
    is_of_month = (STATISTICS.c.created_at >= month.previous.end, STATISTICS.c.created_at < month.end)

    def look() -> bool:
        with ledger.read() as connection:
            return connection.scalar(sa.select(STATISTICS.c.id).where(*is_of_month).limit(1)) is None

    return run_with_retries(ledger, look)


def clear_month(ledger: Ledger, month: Month) -> None:
    """Takes the calls of an archived month out of SQLite; their request ids stay. What was begun is gone on with."""
    if ledger.backend != "sqlite":
        return
    bounds = [to_microseconds(month.previous.end), to_microseconds(month.end)]
    some = (f"SELECT id FROM {TABLE} WHERE created_at >= ? AND created_at < ? "  # noqa: S608 (our own names)
            f"ORDER BY created_at, request_id LIMIT {BATCH_ROWS}")  # fmt: skip

    def clear() -> bool:
        with open_transaction(ledger) as connection:
            keep = f"INSERT INTO {ARCHIVED_IDS} SELECT request_id FROM {TABLE} WHERE id IN ({some})"  # noqa: S608
            connection.execute(keep, bounds)
            delete = f"DELETE FROM {TABLE} WHERE id IN ({some})"  # noqa: S608
            return bool(connection.execute(delete, bounds).rowcount)

    begun = time.monotonic()
    while run_with_retries(ledger, clear):
        fold_changes(ledger)  # a call that goes is a change of its tallies, and of millions these would pile up
        time.sleep(time.monotonic() - begun)  # who waits to write finds the door open every other time
        begun = time.monotonic()
