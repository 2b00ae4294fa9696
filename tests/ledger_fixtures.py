"""Every test of the ledger runs on SQLite and on a real PostgreSQL, which the tests start and stop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from databases import Postgresql, start_postgresql

from flexlib.ledger import Ledger, init_ledger, open_ledger

BACKENDS = ["sqlite", "postgresql"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A real PostgreSQL for the session, with a database whose ledger is made, to be copied by each test."""
    with start_postgresql() as server:
        server.hurry()
        ledger = open_ledger(server.create("template_ledger"))
        init_ledger(ledger)
        ledger.close()
        yield server


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file whose ledger is made, to be copied by each test."""
    ledger = open_ledger(data=tmp_path_factory.mktemp("sqlite"))
    init_ledger(ledger)
    ledger.close()
    assert ledger.path is not None
    return ledger.path


@pytest.fixture(params=BACKENDS)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty ledger, ready to record."""
    if request.param == "sqlite":
        copy(request.getfixturevalue("sqlite_file"), tmp_path)
        yield f"sqlite:///{tmp_path}/ledger.sqlite"
        return
    server = request.getfixturevalue("postgresql")
    yield (url := server.create(template="template_ledger"))
    server.drop(url)


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger, ready to record."""
    ledger = open_ledger(ledger_url, data=tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture(params=BACKENDS)
def new_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of which nothing is made yet."""
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path}/ledger.sqlite"
    ledger = open_ledger(url, data=tmp_path)
    yield ledger
    ledger.close()
    if server:
        server.drop(url)


@pytest.fixture
def sqlite_ledger(sqlite_file: Path, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on SQLite, for what only it can show."""
    copy(sqlite_file, tmp_path)
    ledger = open_ledger(data=tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def postgresql_ledger(postgresql: Postgresql, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger on PostgreSQL, for what only it can show."""
    url = postgresql.create(template="template_ledger")
    ledger = open_ledger(url, data=tmp_path)
    yield ledger
    ledger.close()
    postgresql.drop(url)
