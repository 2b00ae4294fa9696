"""A database out of reach is found out once: the guard answers at once for a while, by its setting, and comes back."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from databases import Postgresql
from sqlalchemy import event
from sqlalchemy.engine import make_url

from flexlib.errors import LimitReached, LimitUnknown
from flexlib.ledger import Ledger, open_ledger
from flexlib.ledger.guard import ask
from flexlib.ledger.guard.hold import allow, hold

USER = ("user", 42)
PATIENCE = 1.0


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Called, the time by which a process forgets goes on."""
    ahead = [0.0]
    monkeypatch.setattr(ask, "read_seconds", lambda: time.monotonic() + ahead[0])
    return lambda seconds: ahead.__setitem__(0, ahead[0] + seconds)


@pytest.fixture
def limit(tmp_path: Path) -> Path:
    file = tmp_path / "budgets.yaml"
    file.write_text('budgets:\n  - {name: all, whole: true, currency: usd, amount: "1", enforce: true}\n')
    return file


@pytest.fixture
def hasty(postgresql: Postgresql, tmp_path: Path) -> Iterator[Ledger]:
    url = postgresql.create(template="template_ledger")
    ledger = open_ledger(url, data=tmp_path, retry_seconds=PATIENCE)
    yield ledger
    ledger.close()
    postgresql.drop(url)


@contextmanager
def out_of_reach(server: Postgresql) -> Iterator[None]:
    """The server's socket is gone meanwhile, and so are the connections to it."""
    (socket,) = Path(str(make_url(server.uri).query["host"])).glob(".s.PGSQL.*[0-9]")
    server._run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'ledger%'")
    away = socket.with_name("away")
    socket.rename(away)
    try:
        yield
    finally:
        away.rename(socket)


@pytest.fixture
def tries(hasty: Ledger) -> list[object]:
    """One for each time that a connection to the server was tried."""
    made: list[object] = []
    event.listen(hasty.engine, "do_connect", lambda *_: made.append(None))
    return made


def be_told_no(file: Path, ledger: Ledger) -> str:
    with pytest.raises(LimitUnknown) as no:
        allow(USER, "0.01", budgets=file, ledger=ledger)
    return str(no.value)


def test_a_database_out_of_reach_is_waited_for_once_and_asked_again_half_a_minute_later(
    postgresql: Postgresql, hasty: Ledger, limit: Path, pass_time: Callable[[float], None], tries: list[object]
) -> None:
    assert allow(USER, "0.01", budgets=limit, ledger=hasty)
    with out_of_reach(postgresql):
        tries.clear()
        assert "It is asked again" not in be_told_no(limit, hasty)
        assert tries != []
        tries.clear()
        assert be_told_no(limit, hasty).endswith("It is asked again in 30 s.")
        with ThreadPoolExecutor(8) as pool:
            assert all("It is asked again" in said for said in pool.map(lambda _: be_told_no(limit, hasty), range(32)))
        with pytest.raises(LimitUnknown), hold(usable=USER, estimate_usd="0.1", budgets=limit, ledger=hasty):
            pass
        assert tries == []
        pass_time(ask.AWAY_SECONDS + 1)
        with ThreadPoolExecutor(8) as pool:  # one finds it out again for all
            told = list(pool.map(lambda _: be_told_no(limit, hasty), range(8)))
        assert sum("It is asked again" not in said for said in told) == 1
        assert tries != []
    assert "It is asked again" in be_told_no(limit, hasty)  # it is back, and not yet asked
    pass_time(ask.AWAY_SECONDS + 1)
    assert allow(USER, "0.01", budgets=limit, ledger=hasty)
    with pytest.raises(LimitReached, match="has no room"):
        hold(usable=USER, estimate_usd="2", budgets=limit, ledger=hasty).take()
    assert allow(USER, "0.01", budgets=limit, ledger=hasty)


def test_an_open_guard_lets_calls_be_made_at_once_and_counts_them(
    postgresql: Postgresql,
    hasty: Ledger,
    limit: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tries: list[object],
) -> None:
    monkeypatch.setenv("FLEXLIB_GUARD", "open")
    monkeypatch.setattr(ask, "_UNASKED", count(1))
    with out_of_reach(postgresql), caplog.at_level(logging.WARNING, "flexlib.ledger"):
        allow(USER, "0.01", budgets=limit, ledger=hasty)
        tries.clear()
        for _ in range(5):
            assert not hold(usable=USER, estimate_usd="5", budgets=limit, ledger=hasty).take().is_held
        assert tries == []
    assert "letting the call through (6 so far in this process)" in caplog.messages[-1]


def test_a_server_that_has_no_connection_left_is_asked_each_time(
    postgresql: Postgresql, hasty: Ledger, limit: Path
) -> None:
    """It answered: whoever holds its connections lets go of them. The driver knows no SQLSTATE of that."""
    assert allow(USER, "0.01", budgets=limit, ledger=hasty)
    hasty.close()
    with ExitStack() as held:
        with suppress(psycopg.OperationalError):
            while True:
                held.enter_context(closing(psycopg.connect(postgresql.uri)))
        for _ in range(2):
            said = be_told_no(limit, hasty)
            assert ("too many connections" in said, "asked again" in said) == (True, False)
    assert allow(USER, "0.01", budgets=limit, ledger=hasty)


UP: Any = SimpleNamespace(is_up=True)
"""A connection that was never made, to a server that is up."""
DOWN: Any = SimpleNamespace(is_up=False)


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (psycopg.OperationalError("ВАЖНО: уже слишком много клиентов", pgconn=UP), False),
        (psycopg.OperationalError("FATAL:  the database system is starting up", pgconn=DOWN), True),
        (
            psycopg.OperationalError("FATAL:  el sistema de base de datos está apagándose", pgconn=DOWN),
            True,
        ),
        (psycopg.errors.ConnectionTimeout("connection timeout expired", pgconn=UP), True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg.errors.AdminShutdown("FATAL:  terminating connection"), True),
        (psycopg.errors.TooManyConnections("FATAL:  sorry"), False),
    ],
    ids=["full", "starting", "stopping", "late", "lost", "shut", "many"],
)
def test_a_server_that_refuses_is_there_unless_it_starts_or_stops_whatever_it_says(
    hasty: Ledger, monkeypatch: pytest.MonkeyPatch, error: psycopg.Error, is_away: bool
) -> None:
    monkeypatch.setattr(ask, "ping_server", lambda tried: tried.is_up)

    def fail() -> None:
        raise error

    for _ in range(2):
        with pytest.raises(LimitUnknown) as no:
            ask.ask_ledger(hasty, fail, otherwise=None)
    assert ("It is asked again" in str(no.value)) is is_away


def test_a_busy_database_is_asked_each_time(sqlite_ledger: Ledger, tmp_path: Path, limit: Path) -> None:
    """It answers as soon as others are through."""
    assert allow(USER, "0.01", budgets=limit, ledger=sqlite_ledger)
    ledger = open_ledger(data=tmp_path, retry_seconds=0.2)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LimitUnknown, match="database is locked"):
            hold(usable=USER, estimate_usd="0.1", budgets=limit, ledger=ledger, lifetime=timedelta(minutes=1)).take()
        writer.execute("ROLLBACK")
    assert hold(usable=USER, estimate_usd="0.1", budgets=limit, ledger=ledger).take().is_held
    ledger.close()
