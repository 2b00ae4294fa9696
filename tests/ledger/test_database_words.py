"""What a database refuses, in the reader's language: real refusals of SQLite, and PostgreSQL's by their SQLSTATEs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from marked_language import Marked, list_plain, read_plainly
from psycopg.pq import PGconn

from flexlib import i18n
from flexlib.ledger.db.words import POSTGRESQL, UNREACHED, explain_cause
from flexlib.refusals import SQLITE


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of the marked language."""
    monkeypatch.setattr(i18n, "_find_translations", Marked)


def refuse_writing(folder: Path) -> sqlite3.Error:
    with closing(sqlite3.connect(folder / "a.sqlite")) as base:
        base.execute("CREATE TABLE a (b)")
        base.execute("PRAGMA query_only = 1")
        with pytest.raises(sqlite3.Error) as refused:
            base.execute("INSERT INTO a VALUES (1)")
    return refused.value


def fill_disk(folder: Path) -> sqlite3.Error:
    with closing(sqlite3.connect(folder / "b.sqlite")) as base:
        base.execute("CREATE TABLE a (b)")
        base.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error) as refused:
            base.execute("INSERT INTO a VALUES (zeroblob(100000))")
    return refused.value


def open_nothing(folder: Path) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as refused:
        sqlite3.connect(folder / "none" / "c.sqlite")
    return refused.value


@pytest.mark.parametrize(("provoke", "told"), [
    (refuse_writing, "the database may only be read"),
    (fill_disk, "no space left on device"),
    (open_nothing, "the file of the database cannot be opened"),
])  # fmt: skip
def test_what_sqlite_refuses_is_told_in_the_reader_s_words(
    provoke: Callable[[Path], sqlite3.Error], told: str, tmp_path: Path
) -> None:
    said = explain_cause(provoke(tmp_path))
    assert (read_plainly(said), list_plain(said, tmp_path)) == (told, [])


class ServerError(Exception):
    """As a driver of PostgreSQL raises it."""

    def __init__(self, words: str, sqlstate: str | None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(("words", "state", "told"), [
    ("cannot execute INSERT in a read-only transaction", "25006", "the database may only be read"),
    ("could not extend file", "53100", "no space left on device"),
    ("deadlock detected", "40P01", "another transaction was in the way"),
    ("terminating connection due to administrator command", "57P01", "the server is being stopped or started"),
    ('connection to server at "::1", port 1 failed: FATAL:  password authentication failed for user "a"', None,
     "it does not let this user in with this password"),
    ('connection failed: connection to server at "::1", port 1 failed: Connection refused', None,
     "no connection to it can be made, or it broke"),
    ('connection failed: connection to server at "::1", port 1 failed: FATAL:  too many connections for role "a"', None,
     "it has too many connections"),
    ("failed to resolve host 'db': [Errno -2] Name or service not known", None,
     "no connection to it can be made, or it broke"),
    *((words, None, "no connection to it can be made, or it broke") for words in (
        "consuming input failed: SSL connection has been closed unexpectedly",
        "consuming input failed: server closed the connection unexpectedly",
        "consuming input failed: SSL SYSCALL error: EOF detected",
        "consuming input failed: could not receive data from server: Connection reset by peer",
        "sending query failed: could not send data to server: Broken pipe",
        "sending query and params failed: no connection to the server",
        "the connection is lost",
        "the connection is closed",
        'connection is bad: could not translate host name "db" to address: Name or service not known',
        'connection is bad: connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
    )),
    ('connection is bad: invalid connection option "sslmod"', None,
     "the database says “connection is bad: invalid connection option \"sslmod\"”"),
    ('connection to server at "::1", port 1 failed: SSL error: certificate verify failed', None,
     "the database says “connection to server at \"::1\", port 1 failed: SSL error: certificate verify failed”"),
    ('connection failed: FATAL:  database "nowhere" does not exist', None, 'database "nowhere" does not exist'),
    ("something that nobody foresaw", "XX000", "the database says “something that nobody foresaw”"),
])  # fmt: skip
def test_what_postgresql_refuses_is_told_in_the_reader_s_words_and_else_quoted_as_its_own(
    words: str, state: str | None, told: str, tmp_path: Path
) -> None:
    said = explain_cause(ServerError(words, state))
    assert read_plainly(said) == told
    assert list_plain(said.replace("nowhere", "").replace(words, ""), tmp_path) == []


@pytest.mark.parametrize("where", [{"host": "127.0.0.1", "port": 1}, {"host": None}])
def test_a_server_that_is_not_there_is_told_in_the_reader_s_words_by_the_driver_and_by_its_library(
    where: dict[str, Any], tmp_path: Path
) -> None:
    where = {name: value or str(tmp_path) for name, value in where.items()}  # a folder without a socket
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(**where)
    words = " ".join(f"{name}={value}" for name, value in where.items())
    library = PGconn.connect(words.encode()).error_message.decode()
    for error in (refused.value, ServerError(library, None)):
        assert read_plainly(explain_cause(error)) == "no connection to it can be made, or it broke"


def test_no_refusal_of_a_database_stands_before_one_that_is_told_apart_from_it() -> None:
    """The first beginning that fits is taken."""
    for known in (SQLITE, POSTGRESQL, UNREACHED):
        keys = [*known]
        assert not [(one, other) for place, one in enumerate(keys) for other in keys[place + 1 :] if one in other]
