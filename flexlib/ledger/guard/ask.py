"""Asking the ledger whether a call may be made: at most so long, and not again at once where it was out of reach."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from flexlib.errors import FlexlibError, LedgerFailed, LedgerMissing, LedgerUnavailable, LimitUnknown
from flexlib.i18n import _
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.door import find_guard
from flexlib.ledger.guard.alerts import LOG

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

AWAY_SECONDS = 30.0
"""How long a process remembers that its database was out of reach, and answers at once: three times what a call waits
to find that out (`door.BUSY_SECONDS`), so that most do not wait; limits hold again so long after it is back."""

STOPPED = ("08", "57P")
"""SQLSTATEs of a connection that is none, and of a server that stops or starts; one that was never made has
none."""

T = TypeVar("T")

_UNASKED = count(1)


def read_seconds() -> float:
    """The time by which a process forgets."""
    return time.monotonic()


@dataclass(frozen=True)
class _Absence:
    until: float
    why: str


_AWAY: WeakKeyDictionary[Ledger, _Absence] = WeakKeyDictionary()
_LOCK = Lock()
if hasattr(os, "register_at_fork"):  # a child must not inherit it taken
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


def ask_ledger(ledger: Ledger, work: Callable[[], T], *, otherwise: T) -> T:
    """What `work` gives; where the ledger cannot be asked and the guard is open, what is done otherwise. Raises
    `LimitUnknown` where it is not."""
    try:
        return _ask_unless_away(ledger, work)
    except (LedgerUnavailable, LedgerFailed, LedgerMissing) as error:
        if not find_guard().is_open:
            raise LimitUnknown(str(error)) from error
        let_through(error)
        return otherwise


def let_through(why: FlexlibError) -> None:
    """Counts a call that is made, the guard being open, though its limits are not known, and tells it."""
    number = next(_UNASKED)
    LOG.warning("Limits could not be checked; letting the call through (%d so far in this process): %s", number, why)


def _ask_unless_away(ledger: Ledger, work: Callable[[], T]) -> T:
    if absence := _look_away(ledger):
        seconds = f"{max(1, round(absence.until - read_seconds()))}"
        said = _("{why} It is asked again in {seconds} s.")
        raise LedgerUnavailable(said.format(why=absence.why, seconds=seconds))
    away = None
    try:
        prepare_ledger(ledger)
        return run_with_retries(ledger, work)
    except LedgerUnavailable as error:
        # Busy is not away: who waits for others gets its turn.
        away = _Absence(read_seconds() + AWAY_SECONDS, str(error)) if _is_out_of_reach(ledger, error) else None
        raise
    finally:  # also where the answer was no: it was asked
        _note(ledger, away)


def _is_out_of_reach(ledger: Ledger, error: LedgerUnavailable) -> bool:
    """Whether no server answered, rather than one that is busy; a file is never out of reach."""
    cause = getattr(error.__cause__, "orig", None) or error.__cause__
    if ledger.backend == "sqlite" or not isinstance(cause, ledger.driver_error):
        return False
    if state := getattr(cause, "sqlstate", None):
        return str(state).startswith(STOPPED)
    return not _lets_nobody_in(cause)


def _lets_nobody_in(error: Exception) -> bool:
    """Whether a server refused to connect that is up, as where it is full, and neither stops nor starts.

    The driver has no SQLSTATE of that, and what it says is in the server's language: so the server is asked once more
    whether it is there, which libpq tells by the SQLSTATE. One that did not answer in time is not waited for again.
    """
    from psycopg.errors import ConnectionTimeout

    tried = getattr(error, "pgconn", None)  # only of a connection that was never made
    return tried is not None and not isinstance(error, ConnectionTimeout) and ping_server(tried)


def ping_server(tried: PGconn) -> bool:
    """Whether the server is up to which somebody tried to connect."""
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import PGconn, Ping

    asked = {one.keyword.decode(): one.val.decode() for one in tried.info if one.val is not None}
    return PGconn.ping(make_conninfo(**asked).encode()) == Ping.OK


def _look_away(ledger: Ledger) -> _Absence | None:
    """Why the ledger is not to be asked now. When the time is over one thread asks; the others are answered at once
    until it knows."""
    with _LOCK:
        absence = _AWAY.get(ledger)
        if absence and absence.until <= (now := read_seconds()):
            _AWAY[ledger] = _Absence(now + AWAY_SECONDS, absence.why)
            return None
        return absence


def _note(ledger: Ledger, absence: _Absence | None) -> None:
    with _LOCK:
        if absence:
            _AWAY[ledger] = absence
        else:
            _AWAY.pop(ledger, None)
