"""How one process reaches the database that a ledger is in: its address, connections, forks, and another try."""

from __future__ import annotations

import atexit
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL

from flexlib.errors import LedgerError, LedgerFailed, LedgerMissing, LedgerUnavailable
from flexlib.i18n import _
from flexlib.ledger.db.archived import LATE, explain_late
from flexlib.ledger.db.engine import create_engine
from flexlib.ledger.db.words import LOCKED, explain_cause, find_cause
from flexlib.privacy import PrivacyGuard

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5
PASSING_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
PASSING_STATES = ("08", "40", "53300", LOCKED, "57P")
"""SQLSTATEs that pass: connection, serialization and deadlock, too many connections, lock, restart of the server."""

GONE, TALLY_TABLES = "42P01", "llm_usage_tall"  # a table is not there: those of tallies may go while somebody asks
FINAL_WORDS = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")
"""What the server says when it will never let this user in; a connection that fails has no SQLSTATE."""

T = TypeVar("T")


class Ledger:
    """A database of recorded calls, shared by the threads of a process; a forked child opens connections of its own.

    Nothing that it prints or raises holds the password of its URL.
    """

    def __init__(self, url: URL, *, data: Path, guard: PrivacyGuard, metadata_bytes: int, retry_seconds: float) -> None:
        self.data = data
        """The data folder, in which the exchange rates are kept."""
        self.guard = guard
        self.metadata_bytes = metadata_bytes
        """The most bytes of JSON that one call's metadata may be."""
        self.retry_seconds = retry_seconds
        """Seconds for which a busy or unreachable database is tried again."""
        self.makes_file = True
        """Whether a SQLite file that is not there is made; who only looks on sets it to False before the first use."""
        self.prepared = False
        """Whether this process has seen that the tables are there, in the revision that it knows."""
        self.months: set[tuple[int, int]] = set()  # those whose partition it has seen, on PostgreSQL
        self.counters, self.models = set[tuple[Any, ...]](), set[str]()  # of limits, and named ones, that it has seen
        self.is_whole = False  # whether it has seen that none is detached
        self.backend = url.get_backend_name()
        """`sqlite` or `postgresql`."""
        self.path = Path(url.database or "") if self.backend == "sqlite" else None
        """The file, where there is one."""
        self.place = str(self.path) if self.path else f"{url.host or url.query.get('host', 'local')}/{url.database}"
        """Where it is, for readers: the file, or host and database."""
        self._url = url
        self._engine: sa.Engine | None = None
        self._lock = threading.Lock()
        _OPEN.add(self)

    def __repr__(self) -> str:
        return f"Ledger({self.backend}, {self.place})"

    @property
    def engine(self) -> sa.Engine:
        """The process's connections; a connection is in autocommit until something begins a transaction."""
        if self._engine is None:
            with self._lock:
                if self._engine is None:
                    self._engine = create_engine(self._url, self.retry_seconds, makes_file=self.makes_file)
        return self._engine

    @property
    def is_absent(self) -> bool:
        """Whether it is a SQLite file that is not there yet: the first call makes it, and so would reading it."""
        return self.path is not None and not self.path.exists()

    def require_file(self) -> None:
        """Raises `LedgerMissing` where reading would make an empty ledger, and an empty month would look like one."""
        if self.is_absent:
            said = _("There is no ledger in {place} yet. Record a call, or set FLEXLIB_DATABASE_URL.")
            raise LedgerMissing(said.format(place=self.place))

    @property
    def driver_error(self) -> type[Exception]:
        """The class of whatever the database's driver raises."""
        error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        return error

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """A connection of the driver itself, in autocommit: for the few statements that every recorded call runs."""
        pooled = self.engine.raw_connection()
        try:
            yield pooled.driver_connection
        except LedgerError:
            raise  # ours: the connection is sound
        except BaseException:
            pooled.invalidate()  # also when it was interrupted: an answer may be under way
            raise
        finally:
            pooled.close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the ledger, whatever is written meanwhile."""
        with self.engine.connect() as connection:
            if self.backend == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Closes the connections; the next use opens them again."""
        if self._engine is not None:
            self._engine.dispose()

    def _leave_parent(self) -> None:
        if self._engine is not None:
            _INHERITED.append(self._engine)
        self._engine = None
        self._lock = threading.Lock()


_OPEN: weakref.WeakSet[Ledger] = weakref.WeakSet()
_INHERITED: list[sa.Engine] = []


def _leave_parents() -> None:  # kept, not closed: that would end the parent's sessions and drop its file locks
    for ledger in list(_OPEN):
        ledger._leave_parent()  # noqa: SLF001


def _close_all() -> None:
    for ledger in list(_OPEN):
        ledger.close()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_leave_parents)
atexit.register(_close_all)


def run_with_retries(ledger: Ledger, work: Callable[[], T], advice: str = "") -> T:
    """What `work` gives; it must bear to be run again, even after a commit whose answer was lost.

    Raises `LedgerUnavailable`, with the `advice` (a marked text that begins with a space), once the database was busy
    or unreachable for `ledger.retry_seconds`, `LedgerFailed` when it refused for good.
    """
    start, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return work()
        except (sa.exc.SQLAlchemyError, ledger.driver_error) as error:
            if not _may_pass(find_cause(error), ledger):
                raise build_refusal(ledger, error) from error
            waited = time.monotonic() - start
            if waited + pause > ledger.retry_seconds:
                said = _("The ledger ({place}) was busy or out of reach for {seconds:.1f} s: {why}.{advice}")
                facts = {"place": ledger.place, "seconds": waited, "advice": _(advice)}
                raise LedgerUnavailable(said.format(why=explain_cause(error), **facts)) from error
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (only spreads the attempts)
        pause = min(pause * 2, LONGEST_PAUSE)


def _may_pass(cause: BaseException, ledger: Ledger) -> bool:
    if isinstance(cause, sa.exc.TimeoutError):
        return True
    if ledger.backend == "sqlite":
        name = str(getattr(cause, "sqlite_errorname", ""))
        return isinstance(cause, sqlite3.OperationalError) and name.startswith(PASSING_NAMES)
    state = getattr(cause, "sqlstate", None)
    if state is None:
        ledger.close()  # the server is gone, and so are the other connections to it
        if any(words in str(cause) for words in FINAL_WORDS):
            return False
        driver = ledger.engine.dialect.loaded_dbapi
        return isinstance(cause, driver.OperationalError | driver.InterfaceError)
    if state == "23514" and not cause.diag.constraint_name:  # type: ignore[attr-defined]
        ledger.months.clear()  # no partition takes the row: one that this process had seen is gone
        return True
    return str(state).startswith(PASSING_STATES) or (state == GONE and TALLY_TABLES in str(cause))


def build_refusal(ledger: Ledger, error: Exception) -> LedgerError:
    """What to raise where the database refused: asking again would not help, or not before a lock is gone."""
    if str(find_cause(error)) == LATE:
        return explain_late()
    kind = LedgerUnavailable if getattr(find_cause(error), "sqlstate", None) == LOCKED else LedgerFailed
    return kind(_("The ledger ({place}) refused: {why}.").format(place=ledger.place, why=explain_cause(error)))
