"""Rows of a ledger as Arrow. From PostgreSQL by ADBC, for reading only: no Python object is made of a value.

Not so from SQLite: ADBC brings a SQLite of its own, and two of them in one process drop each other's locks on the file
(POSIX locks are the process's), so that a row recorded meanwhile may go into a log that the other has deleted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

from flexlib.errors import BadSetting
from flexlib.ledger.db.columns import to_microseconds
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import TABLE
from flexlib.ledger.errors import LedgerFailed

if TYPE_CHECKING:
    import pyarrow as pa


Tables: TypeAlias = "Generator[pa.Table, None, None]"

BATCH_BYTES = 8 << 20
"""About what the client of PostgreSQL holds of rows before it gives them: small beside what a report needs."""

SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


class SqliteReader:
    """One state of a ledger on SQLite, to be asked for sums and for rows."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def read_one(self, select: sa.Select[*tuple[Any, ...]]) -> list[Any]:
        """The one row that `select` gives."""
        return list(self._connection.execute(select).one())

    def read_rows(self, first: datetime, end: datetime, rows_at_once: int) -> Tables:
        """The calls from `first` on and before `end` in tables of `schema.USAGE`, by time, then by the id's bytes."""
        import pyarrow as pa

        from flexlib.schema import USAGE

        query = (
            f"SELECT {', '.join(_list_columns())} FROM {TABLE} "  # noqa: S608 (our own names)
            "WHERE created_at >= ? AND created_at < ? ORDER BY created_at, request_id"
        )
        driver: Any = self._connection.connection.driver_connection
        cursor = driver.execute(query, (to_microseconds(first), to_microseconds(end)))
        while rows := cursor.fetchmany(rows_at_once):
            columns = [
                pa.array(values, field.type if _is_text(field) else pa.int64())
                for field, values in zip(USAGE, zip(*rows, strict=True), strict=True)
            ]
            yield _build_table(columns)


class PostgresqlReader:
    """One state of a ledger on PostgreSQL, to be asked as `SqliteReader` is."""

    def __init__(self, ledger: Ledger, connection: Any) -> None:  # noqa: ANN401 (of a driver without types)
        self._ledger = ledger
        self._connection = connection

    def read_one(self, select: sa.Select[*tuple[Any, ...]]) -> list[Any]:
        """The one row that `select` gives; numbers without bounds as texts."""
        compiled = select.compile(self._ledger.engine, compile_kwargs={"literal_binds": True})
        with self._connection.cursor() as cursor:
            cursor.execute(str(compiled))
            return list(cursor.fetchone())

    def read_rows(self, first: datetime, end: datetime, rows_at_once: int) -> Tables:
        """As `SqliteReader.read_rows`."""
        with self._connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(_select_postgresql(first, end))
            reader = cursor.fetch_record_batch()
            try:
                for batch in reader:
                    table = _build_table(batch.columns)
                    for start in range(0, len(table), rows_at_once):
                        yield table.slice(start, rows_at_once)
            finally:
                reader.close()


@contextmanager
def open_reader(ledger: Ledger) -> Iterator[SqliteReader | PostgresqlReader]:
    """One state of the ledger, whatever is written meanwhile. Raises `LedgerFailed`."""
    if ledger.backend == "sqlite":
        with ledger.read() as connection:
            yield SqliteReader(connection)
        return
    try:
        import adbc_driver_manager
        from adbc_driver_postgresql import dbapi
    except ModuleNotFoundError as error:
        raise BadSetting("A ledger on PostgreSQL is read by a driver; run: pip install 'flexlib[postgres]'") from error
    url = ledger.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with dbapi.connect(url) as connection:  # in a transaction from its first statement on
            with connection.cursor() as cursor:
                cursor.execute(SNAPSHOT)
            yield PostgresqlReader(ledger, connection)
    except adbc_driver_manager.Error as error:
        reason = str(error).strip().split("\n", 1)[0].rstrip(".")
        raise LedgerFailed(f"The ledger ({ledger.place}) refused: {reason}.") from error


def _select_postgresql(first: datetime, end: datetime) -> str:
    import pyarrow as pa

    from flexlib.schema import USAGE

    def read(name: str, field: pa.Field) -> str:
        if pa.types.is_timestamp(field.type):
            return f"{name} AT TIME ZONE 'UTC'"
        if pa.types.is_decimal(field.type):  # which the driver would give as text
            return f"({name} * {10**field.type.scale})::bigint"
        return f"{name}::text" if _is_text(field) else name

    columns = ", ".join(read(*pair) for pair in zip(_list_columns(), USAGE, strict=True))
    return (
        f"SELECT {columns} FROM {TABLE} "  # noqa: S608
        f"WHERE created_at >= '{first.isoformat()}' AND created_at < '{end.isoformat()}' "
        "ORDER BY created_at, request_id"
    )


def _build_table(columns: list[pa.Array]) -> pa.Table:
    """The columns in the types of `schema.USAGE`."""
    import pyarrow as pa

    from flexlib.schema import USAGE

    return pa.Table.from_arrays([_cast(*pair) for pair in zip(columns, USAGE, strict=True)], schema=USAGE)


def _cast(values: pa.Array, field: pa.Field) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_decimal(field.type):
        # Whole steps are what a decimal consists of: only the type's scale is put on them.
        steps = values.cast(pa.int64()).cast(pa.decimal128(19, 0))
        return pa.Array.from_buffers(field.type, len(steps), steps.buffers(), offset=steps.offset)
    if pa.types.is_date32(field.type) and not pa.types.is_date32(values.type):
        return values.cast(pa.int32()).cast(field.type)
    return values.cast(field.type)


def _list_columns() -> list[str]:
    """The columns of `schema.USAGE`, whose id is the request id."""
    from flexlib.schema import USAGE

    return ["request_id" if name == "id" else name for name in USAGE.names]


def _is_text(field: pa.Field) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(field.type))
