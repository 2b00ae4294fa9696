"""Putting records into the table, each request id once: the statements that every recorded call runs.

They go to the driver as they stand, past SQLAlchemy's unit of work and type processing, because an application waits
for them at each of its calls. One record is one statement, which is its own transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from flexlib.dates import Month
from flexlib.ledger.db.archived import explain_late
from flexlib.ledger.db.columns import EnumText, JsonText, Kept
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.table import ARCHIVED, COLUMNS, REQUEST_IDS, STATISTICS, TABLE, is_attached, name_partition
from flexlib.ledger.record.models import ensure_models
from flexlib.ledger.record.record import UsageRecord

LOCK = 0x666C6578  # "flex": one partition is made at a time


def make_room(ledger: Ledger, records: Collection[UsageRecord]) -> None:
    """Sees to it that each record has its partition, and its model a name; safe in many processes at once."""
    ensure_models(ledger, (one.model for one in records))
    ensure_months(ledger, (one.created_at for one in records))


def ensure_months(ledger: Ledger, moments: Iterable[datetime]) -> None:
    """Sees to it that each of these UTC times has its partition. Nothing on SQLite."""
    if ledger.backend != "postgresql":
        return
    for year, month in sorted({(one.year, one.month) for one in moments} - ledger.months):
        with ledger.connect() as connection:
            _ensure_month(connection, Month(year, month))
        ledger.months.add((year, month))


def _ensure_month(connection: Any, month: Month) -> None:  # noqa: ANN401 (the driver's connection)
    name = name_partition(month)
    if is_attached(connection, month):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if is_attached(connection, month):
            return
        gone = f"SELECT 1 FROM {ARCHIVED} WHERE first = %s"  # noqa: S608
        if connection.execute(gone, [month.previous.end]).fetchone():
            raise explain_late()
        # Made apart and then attached: that does not stop those who read and write the other months.
        connection.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)")
        connection.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{month.first} 00:00+00') TO ('{month.next.first} 00:00+00')"
        )


WRITTEN = COLUMNS[1:]
NAMES = ", ".join(WRITTEN)
CODECS = [(place, one.type) for place, one in enumerate(STATISTICS.columns) if isinstance(one.type, Kept)]


@cache
def _list_encoders(backend: str) -> list[tuple[int, Callable[[Any], Any]]]:
    """The places in a record whose values the driver takes in another form, each with what makes it."""
    # PostgreSQL's driver, too, takes no enums, and JSON as a text only.
    return [(place, one.encode) for place, one in CODECS if backend == "sqlite" or isinstance(one, EnumText | JsonText)]


IDS_AT_ONCE = 500

Places: TypeAlias = tuple[int, ...]
"""Columns, by their place in the table, that have a value; of most calls that is less than half of them, and each null
that is handed to a driver takes its time.
"""


@cache
def _write_sqlite(places: Places) -> str:
    return (
        f"INSERT INTO {TABLE} ({', '.join(COLUMNS[place] for place in places)}) "  # noqa: S608 (our own names)
        f"VALUES ({', '.join('?' * len(places))}) ON CONFLICT (request_id) DO NOTHING"
    )


@cache
def list_kinds() -> dict[str, str]:
    """The types of the columns on PostgreSQL, by name."""
    from sqlalchemy.dialects import postgresql

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return {column.name: column.type.compile(dialect) for column in STATISTICS.columns}


@cache
def list_json_kinds() -> dict[str, str]:
    """The same inside a JSON of rows: what is JSON itself is a text there."""
    return list_kinds() | {column.name: "text" for column in STATISTICS.columns if isinstance(column.type, JsonText)}


CLAIM = f"INSERT INTO {REQUEST_IDS} (request_id, created_at)"


@cache
def _write_postgresql(places: Places) -> str:
    """The claim of a request id and the row behind it, in one statement."""
    kinds = list(list_kinds().values())
    return (
        f"WITH claim AS ({CLAIM} VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1) "  # noqa: S608
        f"INSERT INTO {TABLE} ({', '.join(COLUMNS[place] for place in places)}) "
        f"SELECT {', '.join(f'%s::{kinds[place]}' for place in places)} FROM claim RETURNING id"
    )


@cache
def _write_postgresql_batch() -> str:
    kinds, json_kinds = list_kinds(), list_json_kinds()
    return (
        "WITH call AS MATERIALIZED (SELECT * FROM json_to_recordset(%s::json) "  # noqa: S608
        f"AS call({', '.join(f'{name} {json_kinds[name]}' for name in WRITTEN)})), claim AS ({CLAIM} "
        # In one order in every process, so that two batches with the same ids wait for each other, not both.
        "SELECT request_id, created_at FROM call ORDER BY request_id ON CONFLICT DO NOTHING RETURNING request_id) "
        f"INSERT INTO {TABLE} ({NAMES}) SELECT {', '.join(f'call.{name}::{kinds[name]}' for name in WRITTEN)} "
        "FROM call JOIN claim USING (request_id) RETURNING request_id, id"
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
            if connection.in_transaction:  # SQLite undoes it by itself where the disk takes no more
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def insert_record(ledger: Ledger, record: UsageRecord) -> int | None:
    """Stores one record and gives its number; None when its request id is there already."""
    row = encode_record(ledger, record)
    places = tuple([place for place, value in enumerate(row) if value is not None])
    values = [row[place] for place in places]
    make_room(ledger, [record])
    if ledger.backend == "sqlite":
        with ledger.connect() as connection:
            cursor = connection.execute(_write_sqlite(places), values)
            return int(cursor.lastrowid) if cursor.rowcount == 1 else None
    with ledger.connect() as connection:
        stored = connection.execute(_write_postgresql(places), [*row[1:3], *values]).fetchone()
        return None if stored is None else int(stored[0])


def insert_records(ledger: Ledger, connection: Any, records: Sequence[UsageRecord]) -> dict[str, int]:  # noqa: ANN401
    """Stores those whose request id is not there yet, inside a transaction; their numbers by request id.

    Each request id stands once in `records`; on PostgreSQL `make_room` has seen their months.
    """
    rows = [encode_record(ledger, record) for record in records]
    if ledger.backend == "postgresql":
        pairs = (zip(COLUMNS, row, strict=True) for row in rows)
        calls = [{name: value for name, value in each if value is not None} for each in pairs]
        return dict(connection.execute(_write_postgresql_batch(), [json.dumps(calls, default=str)]).fetchall())
    # The transaction holds the only right to write, so the next numbers are ours.
    first = connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {TABLE}").fetchone()[0]  # noqa: S608
    for number, row in enumerate(rows, first):
        row[0] = number
    ids = {record.request_id: number for number, record in enumerate(records, first)}
    columns = list(zip(*rows, strict=True))
    places = tuple(place for place, column in enumerate(columns) if column.count(None) < len(rows))
    values = zip(*(columns[place] for place in places), strict=True)
    if connection.executemany(_write_sqlite(places), values).rowcount == len(rows):
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
        return [decode_record(row) for row in connection.execute(query, [wanted]).fetchall()]
    stored: list[UsageRecord] = []
    for start in range(0, len(wanted), IDS_AT_ONCE):
        some = wanted[start : start + IDS_AT_ONCE]
        query = f"SELECT {columns} FROM {TABLE} one WHERE request_id IN ({', '.join('?' * len(some))})"  # noqa: S608
        stored += [decode_record(row) for row in connection.execute(query, some)]
    return stored


@dataclass(frozen=True)
class StoredBatch:
    """What became of a batch."""

    records: list[UsageRecord]
    """As they are stored, in the order of the calls."""
    new: int
    """How many rows are new; the other calls were stored before, or stand more than once in the batch."""


def keep_stored_ids(
    ledger: Ledger, calls: Sequence[Mapping[str, Any]], built: Sequence[UsageRecord]
) -> list[UsageRecord]:
    """The records of the calls; one whose id is hidden, and that a version before stored as it was sent, keeps that."""
    sent = [call.get("request_id") for call in calls]
    hidden = [said for said, one in zip(sent, built, strict=True) if said not in (None, one.request_id)]

    def find() -> set[str]:
        with ledger.connect() as connection:
            return {one.request_id for one in find_stored(ledger, connection, hidden)}

    kept = run_with_retries(ledger, find) if hidden else set[str]()
    return [one._replace(request_id=said) if said in kept else one for said, one in zip(sent, built, strict=True)]


def encode_record(ledger: Ledger, record: UsageRecord) -> list[Any]:
    """The record as the driver takes it, the metadata as text."""
    row: list[Any] = list(record)
    for place, encode in _list_encoders(ledger.backend):
        if row[place] is not None:
            row[place] = encode(row[place])
    return row


def decode_record(row: Iterable[Any]) -> UsageRecord:
    """The record that a row of all columns holds, as the driver gives it."""
    values: list[Any] = list(row)
    for place, codec in CODECS:
        if values[place] is not None:
            values[place] = codec.decode(values[place])
    return UsageRecord(*values)
