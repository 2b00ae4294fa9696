"""A month out of SQLite as Arrow: a small one here, a large one by a process of its own, without Python objects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import sqlalchemy as sa

from flexlib.errors import LedgerFailed
from flexlib.i18n import _
from flexlib.ledger.db.columns import to_microseconds
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import TABLE
from flexlib.ledger.read.arrow import Tables, build_table, is_text, list_columns, write_sql

if TYPE_CHECKING:
    import pyarrow as pa


LAST_WORDS_SECONDS = 5
"""For a process that fails to say why and end."""


class SqliteReader:
    """One state of a ledger on SQLite, to be asked for sums and for rows."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def read_one(self, select: sa.Select[*tuple[Any, ...]]) -> list[Any]:
        """The one row that `select` gives."""
        return list(self._connection.execute(select).one())

    def read_rows(self, first: datetime, end: datetime, rows_at_once: int, empty: Collection[str] = ()) -> Tables:
        """The calls from `first` on and before `end` in tables of `schema.USAGE`, by time, then by the id's bytes.

        `empty`: the columns that are null in each of them; they are not read.
        """
        import pyarrow as pa

        fields = list_columns(empty)
        query = (
            f"SELECT {', '.join(fields)} FROM {TABLE} "  # noqa: S608 (our own names)
            "WHERE created_at >= ? AND created_at < ? ORDER BY created_at, request_id"
        )
        driver: Any = self._connection.connection.driver_connection
        cursor = driver.execute(query, (to_microseconds(first), to_microseconds(end)))
        while rows := cursor.fetchmany(rows_at_once):
            columns = [
                pa.array(values, field.type if is_text(field) else pa.int64())
                for field, values in zip(fields.values(), zip(*rows, strict=True), strict=True)
            ]
            yield build_table(columns, empty)


class SqliteProcess:
    """The same out of a process of its own, to be asked as `SqliteReader` is."""

    def __init__(self, ledger: Ledger, process: subprocess.Popen[bytes]) -> None:
        self._ledger = ledger
        self._process = process

    def read_one(self, select: sa.Select[*tuple[Any, ...]]) -> list[Any]:
        """The one row that `select` gives; sums of money as texts."""
        return self._read_one(write_sql(self._ledger, select))

    def _read_one(self, query: str) -> list[Any]:
        self._ask(query, 1)
        (batch,) = self._read_batches()
        return [column[0].as_py() for column in batch.columns]

    def read_rows(self, first: datetime, end: datetime, rows_at_once: int, empty: Collection[str] = ()) -> Tables:
        """As `SqliteReader.read_rows`."""
        self._ask(_select_behind_sample(first, end, empty), rows_at_once)
        for number, batch in enumerate(self._read_batches()):
            table = build_table(batch.columns, empty)
            if len(table) > (number == 0):
                yield table.slice(1 if number == 0 else 0)
        self._read_one("SELECT 1")  # a process that died between two batches leaves a stream that looks whole

    def _read_batches(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            with pa.ipc.open_stream(self._process.stdout) as stream:
                yield from stream
        except (pa.ArrowInvalid, OSError):
            self._fail()

    def _ask(self, query: str, batch_rows: int) -> None:
        assert self._process.stdin is not None
        request = {"query": query, "batch_rows": batch_rows}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            self._fail()

    def _fail(self) -> NoReturn:
        assert self._process.stderr is not None
        try:
            self._process.wait(LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:  # it waits for us to read what cannot be read
            self._process.kill()
        said = self._process.stderr.read().decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise LedgerFailed(
            _("The ledger ({place}) could not be read: {said}.").format(place=self._ledger.place, said=said.rstrip("."))
        )


@contextmanager
def start_process(ledger: Ledger) -> Iterator[subprocess.Popen[bytes]]:
    """The process that reads, until it is not needed any more."""
    assert ledger.path is not None
    script = Path(__file__).with_name("sqlite_process.py")
    command = [sys.executable, "-P", str(script), f"{ledger.path.as_uri()}?mode=rw"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.kill()  # a reader that stopped half-way; it only reads
            assert process.stdin is not None
            with suppress(OSError):  # a request that it did not take any more must not hide why
                process.stdin.close()


def _select_behind_sample(first: datetime, end: datetime, empty: Collection[str]) -> str:
    """For SQLite: the rows, and before them a sample, from which the driver takes the types of the columns."""
    fields = list_columns(empty)
    names = list(fields)
    samples = ", ".join("''" if is_text(field) else "0" for field in fields.values())
    return (
        f"SELECT {samples} UNION ALL SELECT {', '.join(names)} FROM {TABLE} "  # noqa: S608 (our own names)
        f"WHERE created_at >= {to_microseconds(first)} AND created_at < {to_microseconds(end)} "
        f"ORDER BY {1 + names.index('created_at')}, {1 + names.index('request_id')}"
    )
