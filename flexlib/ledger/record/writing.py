"""Putting records into the table, each request id once: the statements that every recorded call runs.

They go to the driver as they stand, past SQLAlchemy's unit of work and type processing, because an application waits
for them at each of its calls. One record is one statement, which is its own transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.ledger.db.columns import JsonText, encode_json
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import COLUMNS, REQUEST_IDS, STATISTICS, TABLE
from flexlib.ledger.record.record import UsageRecord

LOCK = 0x666C6578  # "flex": one partition is made at a time


def ensure_months(ledger: Ledger, moments: Iterable[datetime]) -> None:
    """Sees to it that each of these UTC times has its partition; safe in many processes at once. Nothing on SQLite."""
    if ledger.backend != "postgresql":
        return
    for year, month in sorted({(one.year, one.month) for one in moments} - ledger.months):
        with ledger.connect() as connection:
            _ensure_month(connection, Month(year, month))
        ledger.months.add((year, month))


def _ensure_month(connection: Any, month: Month) -> None:  # noqa: ANN401 (the driver's connection)
    name = f"{TABLE}_{month.year}_{month.month:02d}"
    if _is_attached(connection, name):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if _is_attached(connection, name):
            return
        # Made apart and then attached: that does not stop those who read and write the other months.
        connection.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)")
        connection.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{month.first} 00:00+00') TO ('{month.next.first} 00:00+00')"
        )


def _is_attached(connection: Any, name: str) -> bool:  # noqa: ANN401
    query = "SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(%s) AND inhparent = to_regclass(%s)"
    return connection.execute(query, [name, TABLE]).fetchone() is not None


WRITTEN = COLUMNS[1:]
NAMES = ", ".join(WRITTEN)
CODECS = [
    (place, column.type)
    for place, column in enumerate(STATISTICS.columns)
    if isinstance(column.type, sa.types.TypeDecorator)
]

SQLITE_ONE = (
    f"INSERT INTO {TABLE} ({NAMES}) VALUES ({', '.join('?' * len(WRITTEN))}) "  # noqa: S608 (our own names)
    "ON CONFLICT (request_id) DO NOTHING"
)
SQLITE_MANY = (
    f"INSERT INTO {TABLE} (id, {NAMES}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608
    "ON CONFLICT (request_id) DO NOTHING"
)

IDS_AT_ONCE = 500


class PostgresqlStatements(NamedTuple):
    """The claim of the request ids and the rows behind it, in one statement each."""

    one: str
    many: str


@cache
def _write_postgresql() -> PostgresqlStatements:
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    kinds = {column.name: column.type.compile(dialect) for column in STATISTICS.columns}
    # A JSON text inside the JSON of the batch.
    texts = {column.name: "text" for column in STATISTICS.columns if isinstance(column.type, JsonText)}
    claim = f"INSERT INTO {REQUEST_IDS} (request_id, created_at)"
    return PostgresqlStatements(
        one=(
            f"WITH claim AS ({claim} VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1) "  # noqa: S608
            f"INSERT INTO {TABLE} ({NAMES}) SELECT {', '.join(f'%s::{kinds[name]}' for name in WRITTEN)} FROM claim "
            "RETURNING id"
        ),
        many=(
            "WITH call AS MATERIALIZED (SELECT * FROM json_to_recordset(%s::json) "  # noqa: S608
            f"AS call({', '.join(f'{name} {texts.get(name, kinds[name])}' for name in WRITTEN)})), claim AS ({claim} "
            # In one order in every process, so that two batches with the same ids wait for each other, not both.
            "SELECT request_id, created_at FROM call ORDER BY request_id ON CONFLICT DO NOTHING RETURNING request_id) "
            f"INSERT INTO {TABLE} ({NAMES}) SELECT {', '.join(f'call.{name}::{kinds[name]}' for name in WRITTEN)} "
            "FROM call JOIN claim USING (request_id) RETURNING request_id, id"
        ),
    )


@contextmanager
def open_transaction(ledger: Ledger) -> Iterator[Any]:
    """A driver's connection inside a transaction that may write: all of it is stored, or nothing."""
    with ledger.connect() as connection:
        if ledger.backend == "postgresql":
            with connection.transaction():
                yield connection
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def insert_record(ledger: Ledger, record: UsageRecord) -> int | None:
    """Stores one record and gives its number; None when its request id is there already."""
    values = _encode(ledger, record)[1:]
    if ledger.backend == "sqlite":
        with ledger.connect() as connection:
            cursor = connection.execute(SQLITE_ONE, values)
            return int(cursor.lastrowid) if cursor.rowcount == 1 else None
    ensure_months(ledger, [record.created_at])
    with ledger.connect() as connection:
        row = connection.execute(_write_postgresql().one, [*values[:2], *values]).fetchone()
        return None if row is None else int(row[0])


def insert_records(ledger: Ledger, connection: Any, records: Sequence[UsageRecord]) -> dict[str, int]:  # noqa: ANN401
    """Stores those whose request id is not there yet, inside a transaction; their numbers by request id.

    Each request id stands once in `records`; on PostgreSQL `ensure_months` has seen their months.
    """
    rows = [_encode(ledger, record) for record in records]
    if ledger.backend == "postgresql":
        calls = [dict(zip(WRITTEN, row[1:], strict=True)) for row in rows]
        return dict(connection.execute(_write_postgresql().many, [json.dumps(calls, default=str)]).fetchall())
    # The transaction holds the only right to write, so the next numbers are ours.
    first = connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {TABLE}").fetchone()[0]  # noqa: S608
    for number, row in enumerate(rows, first):
        row[0] = number
    ids = {record.request_id: number for number, record in enumerate(records, first)}
    if connection.executemany(SQLITE_MANY, rows).rowcount == len(rows):
        return ids
    there = {one.request_id: one.id for one in find_stored(ledger, connection, ids)}
    return {request_id: number for request_id, number in ids.items() if there[request_id] == number}


def find_stored(ledger: Ledger, connection: Any, request_ids: Iterable[str]) -> list[UsageRecord]:  # noqa: ANN401
    """The stored records of these request ids, as far as they are there."""
    wanted = list(request_ids)
    columns = ", ".join(f"one.{name}" for name in COLUMNS)
    if ledger.backend == "postgresql":
        query = (
            f"SELECT {columns} FROM {REQUEST_IDS} JOIN {TABLE} one USING (request_id, created_at) "  # noqa: S608
            "WHERE request_id = ANY(%s)"
        )
        return [_decode(ledger, row) for row in connection.execute(query, [wanted]).fetchall()]
    stored: list[UsageRecord] = []
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        query = f"SELECT {columns} FROM {TABLE} one WHERE request_id IN ({', '.join('?' * len(some))})"  # noqa: S608
        stored += [_decode(ledger, row) for row in connection.execute(query, some)]
    return stored


def _encode(ledger: Ledger, record: UsageRecord) -> list[Any]:
    """The record as the driver takes it, the metadata as text."""
    dialect = ledger.engine.dialect
    row: list[Any] = list(record)
    for place, codec in CODECS:
        if row[place] is not None:
            as_text = isinstance(codec, JsonText)
            row[place] = encode_json(row[place]) if as_text else codec.process_bind_param(row[place], dialect)
    return row


def _decode(ledger: Ledger, row: Iterable[Any]) -> UsageRecord:
    dialect = ledger.engine.dialect
    values: list[Any] = list(row)
    for place, codec in CODECS:
        values[place] = codec.process_result_value(values[place], dialect)
    return UsageRecord(*values)
