"""Which database the ledger is in, and how one process reaches it: settings, connections, forks."""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dotenv import dotenv_values
from sqlalchemy.engine import URL, make_url

from flexlib.errors import BadSetting
from flexlib.ledger.errors import LedgerError
from flexlib.ledger.privacy import PrivacyGuard
from flexlib.settings import find_home, load_settings

FILE_NAME = "ledger.sqlite"
METADATA_BYTES = 16 * 1024
PATIENCE = 10.0
CONNECT_SECONDS = 5
BACKENDS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


class Ledger:
    """A database of recorded calls, shared by the threads of a process; a forked child opens connections of its own.

    Nothing that it prints or raises holds the password of its URL.
    """

    def __init__(self, url: URL, *, data: Path, guard: PrivacyGuard, metadata_bytes: int, patience: float) -> None:
        self.data = data
        """The data folder, in which the exchange rates are kept."""
        self.guard = guard
        self.metadata_bytes = metadata_bytes
        """The most bytes of JSON that one call's metadata may be."""
        self.patience = patience
        """Seconds for which a busy or unreachable database is tried again."""
        self.prepared = False
        """Whether this process has seen that the tables are there, in the revision that it knows."""
        self.months: set[tuple[int, int]] = set()
        """Months whose partition this process has seen, on PostgreSQL."""
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
                    self._engine = _create_engine(self._url, self.patience)
        return self._engine

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
_DEFAULTS: dict[tuple[str | None, ...], Ledger] = {}
_VARIABLES = ("FLEXLIB_DATABASE_URL", "FLEXLIB_DATA", "FLEXLIB_PRIVACY", "FLEXLIB_METADATA_BYTES")


def _leave_parents() -> None:
    # Kept, not closed: closing what a child inherits would end the parent's sessions and drop its file locks.
    for ledger in list(_OPEN):
        ledger._leave_parent()  # noqa: SLF001


def _close_all() -> None:
    for ledger in list(_OPEN):
        ledger.close()


os.register_at_fork(after_in_child=_leave_parents)
atexit.register(_close_all)


def find_ledger() -> Ledger:
    """The ledger of the settings, the same object for as long as the environment says the same.

    FLEXLIB_DATABASE_URL (default: the SQLite file `ledger.sqlite` in FLEXLIB_DATA), FLEXLIB_PRIVACY (what is masked in
    metadata: `all`, `none` or kinds by commas), FLEXLIB_METADATA_BYTES. Raises `BadSetting`.
    """
    key = tuple(os.environ.get(name) for name in _VARIABLES)
    if key not in _DEFAULTS:
        _DEFAULTS[key] = _open_from_settings({**dotenv_values(find_home() / ".env"), **os.environ})
    return _DEFAULTS[key]


def open_ledger(
    url: str | None = None,
    *,
    data: Path | None = None,
    guard: PrivacyGuard | None = None,
    metadata_bytes: int = METADATA_BYTES,
    patience: float = PATIENCE,
) -> Ledger:
    """The ledger at `url`, by default the SQLite file in the folder `data` (default: FLEXLIB_DATA).

    `url`: `postgresql+psycopg://user:password@host/database` or `sqlite:////absolute/file`. Nothing is opened yet.
    Raises `BadSetting`, without repeating the URL.
    """
    folder = (data or load_settings().data).absolute()
    parsed = _parse_url(url) if url else URL.create(BACKENDS["sqlite"], database=str(folder / FILE_NAME))
    return Ledger(parsed, data=folder, guard=guard or PrivacyGuard(), metadata_bytes=metadata_bytes, patience=patience)


def _open_from_settings(values: Mapping[str, str | None]) -> Ledger:
    url, _, privacy, size = ((values.get(name) or "").strip() for name in _VARIABLES)
    if size and not (size.isdecimal() and int(size) > 0):
        raise BadSetting(f"FLEXLIB_METADATA_BYTES is {size!r}; it must be a whole number above 0.")
    guard = PrivacyGuard.parse(privacy) if privacy else PrivacyGuard()
    return open_ledger(url or None, guard=guard, metadata_bytes=int(size) if size else METADATA_BYTES)


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text.strip())
    except (sa.exc.ArgumentError, ValueError):
        url = None
    # An @ or / that was not escaped puts a part of the password where the host should be.
    if url is None or "@" in f"{url.host}{url.database}":
        raise BadSetting(
            "FLEXLIB_DATABASE_URL cannot be read; write it as postgresql+psycopg://user:password@host/database, "
            "with special characters of the password as %40 and the like."
        ) from None
    backend, _, driver = url.drivername.partition("+")
    if backend not in BACKENDS or driver not in ("", "psycopg", "pysqlite"):
        raise BadSetting(f"FLEXLIB_DATABASE_URL asks for {url.drivername}; it must be postgresql+psycopg or sqlite.")
    if backend == "sqlite":
        if url.database in (None, "", ":memory:") or url.query:
            raise BadSetting("FLEXLIB_DATABASE_URL must name a file, such as sqlite:////srv/ledger.sqlite.")
        url = url.set(database=str(Path(str(url.database)).expanduser().absolute()))
    return url.set(drivername=BACKENDS[backend])


def _create_engine(url: URL, patience: float) -> sa.Engine:
    if url.get_backend_name() == "sqlite":
        options: dict[str, Any] = {"timeout": patience, "isolation_level": None}
        engine = sa.create_engine(url, hide_parameters=True, connect_args=options, pool_timeout=patience)
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    options = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": int(patience * 1000)}
    options = {name: value for name, value in options.items() if name not in url.query}
    try:
        return sa.create_engine(
            url, hide_parameters=True, isolation_level="AUTOCOMMIT", connect_args=options, pool_timeout=patience
        )
    except ModuleNotFoundError as error:
        raise BadSetting("FLEXLIB_DATABASE_URL asks for PostgreSQL; run: pip install 'flexlib[postgres]'") from error


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
