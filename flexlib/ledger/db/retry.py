"""Trying again what a busy or unreachable database refused, within a bound, then saying so."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from flexlib.ledger.db.database import Ledger
from flexlib.ledger.errors import LedgerFailed, LedgerUnavailable

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.5
PASSING_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
PASSING_STATES = ("08", "40", "53300", "55P03", "57P")
"""SQLSTATEs that pass: connection, serialization and deadlock, too many connections, lock, restart of the server."""

FINAL_WORDS = ("authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")
"""What the server says when it will never let this user in; a connection that fails has no SQLSTATE."""

T = TypeVar("T")


def run_with_retries(ledger: Ledger, work: Callable[[], T], advice: str = "") -> T:
    """What `work` gives; it must bear to be run again, even after a commit whose answer was lost.

    Raises `LedgerUnavailable`, with the `advice`, once the database was busy or unreachable for
    `ledger.retry_seconds`, `LedgerFailed` when it refused for good.
    """
    start, pause = time.monotonic(), FIRST_PAUSE
    while True:
        try:
            return work()
        except (sa.exc.SQLAlchemyError, ledger.driver_error) as error:
            cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
            if not _may_pass(cause, ledger):
                raise LedgerFailed(f"The ledger ({ledger.place}) refused: {_first_line(cause)}.") from error
            waited = time.monotonic() - start
            if waited + pause > ledger.retry_seconds:
                reason = f"was busy or out of reach for {waited:.1f} s: {_first_line(cause)}."
                raise LedgerUnavailable(f"The ledger ({ledger.place}) {reason}{advice}") from error
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
    return str(state).startswith(PASSING_STATES)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".") or type(error).__name__
