"""One state of a ledger, to be asked for sums and for rows as Arrow, in the way that its database allows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from flexlib.errors import BadSetting
from flexlib.i18n import _
from flexlib.ledger.db.database import Ledger, build_refusal
from flexlib.ledger.db.engine import list_settings
from flexlib.ledger.db.table import STATISTICS, TABLE
from flexlib.ledger.read.arrow import Tables, build_table, is_text, list_columns, read_ahead, write_sql
from flexlib.ledger.read.sqlite import SqliteProcess, SqliteReader, start_process

if TYPE_CHECKING:
    import pyarrow as pa


BATCH_BYTES = 8 << 20
"""About what the client of PostgreSQL holds of rows before it gives them: small beside what a report needs."""

FEW_ROWS = 100_000
"""Up to so many calls are read from SQLite here: to start a process takes longer."""

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

STANDING = f"LOCK TABLE ONLY {TABLE} IN ACCESS SHARE MODE"
"""Nobody archives a month meanwhile: what is taken away then would be gone from this state, too."""


class PostgresqlReader:
    """One state of a ledger on PostgreSQL, to be asked as `SqliteReader` is."""

    def __init__(self, ledger: Ledger, connection: Any) -> None:  # noqa: ANN401 (of a driver without types)
        self._ledger = ledger
        self._connection = connection

    def read_one(self, select: sa.Select[*tuple[Any, ...]]) -> list[Any]:
        """The one row that `select` gives; numbers without bounds as texts."""
        with self._run(write_sql(self._ledger, select)) as answer:
            (batch,) = answer
            return [column[0].as_py() for column in batch.columns]

    def read_rows(self, first: datetime, end: datetime, rows_at_once: int, empty: Collection[str] = ()) -> Tables:
        """As `SqliteReader.read_rows`."""
        with self._run(_select_postgresql(first, end, empty)) as answer:
            for batch in self._read_batches(answer):
                table = build_table(batch.columns, empty)
                for start in range(0, len(table), rows_at_once):
                    yield table.slice(start, rows_at_once)

    def _read_batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        ahead = read_ahead(iter(reader))
        try:
            yield from ahead
        except (pa.ArrowException, OSError) as error:  # what Arrow makes of the driver's own
            raise build_refusal(self._ledger, error) from error
        finally:
            ahead.close()

    @contextmanager
    def _run(self, query: str) -> Iterator[pa.RecordBatchReader]:
        import pyarrow as pa
        from adbc_driver_manager import AdbcStatement

        with AdbcStatement(self._connection) as statement:
            statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            statement.set_sql_query(query)
            with pa.RecordBatchReader.from_stream(statement.execute_query()[0]) as answer:
                yield answer


Reader: TypeAlias = SqliteReader | SqliteProcess | PostgresqlReader


@contextmanager
def open_reader(
    ledger: Ledger, first: datetime, end: datetime, prepare: Callable[[], object] = lambda: None
) -> Iterator[Reader]:
    """One state of the ledger, whatever is written meanwhile, to read the calls from `first` on and before `end`.

    `prepare`: what is done to the ledger before; what reads many rows starts up meanwhile. Raises `LedgerFailed`.
    """
    if ledger.backend == "sqlite" and sys.executable and _count_rows(ledger, first, end) > FEW_ROWS:
        with start_process(ledger) as process:
            prepare()
            yield SqliteProcess(ledger, process)
        return
    prepare()
    if ledger.backend == "sqlite":
        try:
            with ledger.read() as connection:
                yield SqliteReader(connection)
        except (sa.exc.SQLAlchemyError, ledger.driver_error) as error:
            raise build_refusal(ledger, error) from error
        return
    try:
        import adbc_driver_manager as adbc  # not its DB-API, which loads pandas
        from adbc_driver_postgresql import connect
    except ModuleNotFoundError as error:
        raise BadSetting(
            _("A ledger on PostgreSQL is read by a driver; run: pip install 'flexlib[postgres]'")
        ) from error
    url = ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with connect(url) as database, adbc.AdbcConnection(database) as connection:
            connection.set_autocommit(False)
            for setting in (SNAPSHOT, *list_settings(ledger.retry_seconds), STANDING):
                with adbc.AdbcStatement(connection) as statement:
                    statement.set_sql_query(setting)
                    statement.execute_update()
            yield PostgresqlReader(ledger, connection)
    except adbc.Error as error:
        raise build_refusal(ledger, error) from error


def _count_rows(ledger: Ledger, first: datetime, end: datetime) -> int:
    in_period = (STATISTICS.c.created_at >= first, STATISTICS.c.created_at < end)
    try:
        with ledger.read() as connection:
            select = sa.select(sa.func.count()).select_from(STATISTICS).where(*in_period)
            return int(connection.execute(select).scalar_one())
    except (sa.exc.SQLAlchemyError, ledger.driver_error) as error:
        raise build_refusal(ledger, error) from error


def _select_postgresql(first: datetime, end: datetime, empty: Collection[str]) -> str:
    import pyarrow as pa

    def read(name: str, field: pa.Field) -> str:
        if pa.types.is_timestamp(field.type):
            return f"{name} AT TIME ZONE 'UTC'"
        if pa.types.is_decimal(field.type):  # which the driver would give as text
            return f"({name} * {10**field.type.scale})::bigint"
        return f"{name}::text" if is_text(field) else name

    columns = ", ".join(read(*pair) for pair in list_columns(empty).items())
    return (
        f"SELECT {columns} FROM {TABLE} "  # noqa: S608
        f"WHERE created_at >= '{first.isoformat()}' AND created_at < '{end.isoformat()}' "
        "ORDER BY created_at, request_id"
    )
