"""What a database says no with, in the reader's language: SQLite and PostgreSQL say it in English, or in the server's.

Of what neither of these tables knows, the database's own words are quoted as its own.
"""

from __future__ import annotations

import re

import sqlalchemy as sa

from flexlib.i18n import _, mark_text
from flexlib.refusals import explain_sqlite

LOCKED = "55P03"
"""The SQLSTATE of a wait for a lock that took too long."""

POSTGRESQL = {
    LOCKED: mark_text(
        "another session locks its table: end that session, which pg_stat_activity shows, or wait for it"
    ),
    "25006": mark_text("the database may only be read"),
    "28": mark_text("it does not let this user in with this password"),
    "40": mark_text("another transaction was in the way"),
    "42501": mark_text("permission denied"),
    "53100": mark_text("no space left on device"),
    "53200": mark_text("out of memory"),
    "53300": mark_text("it has too many connections"),
    "57014": mark_text("it was interrupted"),
    "57P": mark_text("the server is being stopped or started"),
    "08": mark_text("no connection to it can be made, or it broke"),
}
"""By the beginnings of SQLSTATEs."""
UNREACHED = {
    "password authentication failed": POSTGRESQL["28"],
    "no password supplied": mark_text("it asks for a password, and the address has none"),
    "no pg_hba.conf entry": mark_text("it does not let this user in from this machine (pg_hba.conf)"),
    "too many clients": POSTGRESQL["53300"],
    "too many connections": POSTGRESQL["53300"],
    "remaining connection slots": POSTGRESQL["53300"],
    "starting up": POSTGRESQL["57P"],
    "shutting down": POSTGRESQL["57P"],
    **dict.fromkeys(("Connection refused", "timeout expired", "timed out", "server closed"), POSTGRESQL["08"]),
    **dict.fromkeys(
        ("No route to host", "Network is unreachable", "resolve host", "translate host name"), POSTGRESQL["08"]
    ),
    **dict.fromkeys(
        (
            "closed unexpectedly",
            "connection is lost",
            "connection is closed",
            "no connection to the server",
            "reset by peer",
            "Broken pipe",
            "EOF detected",
        ),
        POSTGRESQL["08"],
    ),
    "failed: No such file or directory": POSTGRESQL["08"],  # of a socket
}
"""By what the driver says where there is no connection, of which it gives no SQLSTATE; the first that fits."""
DENIED = re.compile(r"permission denied for table (\S+)")
ABSENT = re.compile(r'\b(database|role) "([^"]*)" does not exist')


def find_cause(error: Exception) -> BaseException:
    """What the driver raised, without what SQLAlchemy puts around it."""
    return error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error


def explain_cause(error: Exception) -> str:
    """Why the database refused, within a sentence.

    >>> import sqlite3
    >>> error = sqlite3.DatabaseError("file is encrypted or is not a database")
    >>> error.sqlite_errorname = "SQLITE_NOTADB"
    >>> explain_cause(error)
    'file is not a database'
    """
    cause = find_cause(error)
    if isinstance(cause, sa.exc.TimeoutError):
        return _("all connections of this process are in use")
    state = getattr(cause, "sqlstate", None)
    words = str(cause).strip().split("\n", 1)[0].rstrip(".") or type(cause).__name__
    if found := ABSENT.search(words):
        said = _('database "{name}" does not exist') if found[1] == "database" else _('role "{name}" does not exist')
        return said.format(name=found[2])
    if denied := DENIED.search(words):
        return _("permission denied for table {name}").format(name=denied[1])
    if said := explain_sqlite(cause):
        return said
    known, given = (POSTGRESQL, str(state)) if state else (UNREACHED, "")
    for key, said in known.items():
        if given.startswith(key) if given else key in words:
            return _(said)
    return _("the database says “{words}”").format(words=words)
