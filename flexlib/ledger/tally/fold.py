"""Changes folded into the tallies, so that few are left to add up: by whoever reads, when nobody else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from flexlib.ledger.db.database import Ledger, build_refusal
from flexlib.ledger.db.table import TABLE
from flexlib.ledger.db.words import find_cause
from flexlib.ledger.tally.current import are_there, has_unknown, is_whole, know_new
from flexlib.ledger.tally.parts import select_span
from flexlib.ledger.tally.tables import (
    CHANGES,
    KEYS,
    MEASURES,
    PARTITIONS,
    SPANS,
    STARTS,
    TALLIES,
    changes,
    tallies,
)

MANY = 2000
"""Changes from which on a reader folds them: to add up so many takes a few milliseconds."""
NOT_NOW = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY")
"""Another writes, or this user may not."""
TOO_LARGE, NONE = "integer overflow", "no such table"
"""What SQLite says of a sum above its integers, while questions add changes up in two parts, which bear it; and of
tallies that were taken away meanwhile."""
AWAY = ("55P03", "40001", "42P01")
"""SQLSTATEs of a lock that another holds, of changes that another has folded, and of tallies taken away meanwhile."""


def fold_changes(ledger: Ledger) -> bool:
    """Folds all changes in one transaction; whether it did. Where another folds or writes into SQLite it does not wait;
    where one may only read or a tally cannot hold the sum, changes stay as they are. Raises `LedgerFailed`.
    """
    try:
        with _write_alone(ledger) as connection:
            if not (are_there(connection) and is_whole(connection)):
                return False
            fold(connection)
    except (sa.exc.SQLAlchemyError, ledger.driver_error) as error:
        cause = find_cause(error)
        name = str(getattr(cause, "sqlite_errorname", ""))
        if (
            name.startswith(NOT_NOW)
            or str(cause).startswith((TOO_LARGE, NONE))
            or getattr(cause, "sqlstate", None) in AWAY
        ):
            return False
        raise build_refusal(ledger, error) from error
    return True


def fold(connection: sa.Connection) -> None:
    """Folds the changes that the transaction sees, which has to see one state throughout."""
    for kind, span in SPANS:
        is_it = tallies.c.kind == kind, tallies.c.span == span
        touched = sa.select(STARTS[span](changes.c.start))
        connection.execute(sa.update(tallies).where(*is_it, tallies.c.start.in_(touched)).values(is_old=1))
        old, new = select_span(kind, span)
        add_tallies(connection, kind, span, sa.union_all(old.where(tallies.c.is_old == 1), new).subquery())
    connection.execute(sa.delete(tallies).where(tallies.c.is_old == sa.literal_column("1")))
    connection.execute(sa.delete(changes))
    know_new(connection)


def add_tallies(
    connection: sa.Connection, kind: str, span: str, parts: sa.Subquery, into: sa.TableClause = tallies
) -> None:
    """Writes the sums of the parts as tallies; those whose calls are all gone are none."""
    keys = [parts.c[name] for name in ("start", *KEYS[kind])]
    calls = sa.func.sum(parts.c.requests)
    sums = (sa.func.sum(parts.c[name]) for name in MEASURES)
    mark: tuple[sa.ColumnElement[Any], ...] = (sa.literal(kind), sa.literal(span), sa.literal_column("0"))
    select = sa.select(*mark, *keys, *sums).group_by(*keys).having(calls != sa.literal_column("0"))
    names = ["kind", "span", "is_old", "start", *KEYS[kind], *MEASURES]
    connection.execute(sa.insert(into).from_select(names, select))


def may_fold(connection: sa.Connection) -> bool:
    """Whether there are so many changes that it is worth it, or partitions not known, and whether this user may."""
    if not is_whole(connection):
        return False
    some = sa.select(changes.c.requests).limit(MANY + 1).subquery()
    has_many = (connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > MANY
    if not has_many and not has_unknown(connection):
        return False
    if connection.dialect.name == "sqlite":
        return True
    rights = " AND ".join(
        f"has_table_privilege('{table}', '{right}')"
        for table in (TALLIES, CHANGES, PARTITIONS)
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
    )
    return bool(connection.scalar(sa.text(f"SELECT NOT pg_is_in_recovery() AND {rights}")))


@contextmanager
def _write_alone(ledger: Ledger) -> Iterator[sa.Connection]:
    """A transaction of one state in which nobody else folds."""
    if ledger.backend == "postgresql":
        with ledger.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                # Before the first query, so that the state is no older than the lock; and calls before tallies, as
                # whoever empties them.
                connection.exec_driver_sql(f"LOCK TABLE {TABLE} IN ACCESS SHARE MODE NOWAIT")
                connection.exec_driver_sql(f"LOCK TABLE {PARTITIONS} IN SHARE ROW EXCLUSIVE MODE NOWAIT")
                yield connection
        return
    with ledger.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        waits = driver.execute("PRAGMA busy_timeout").fetchone()[0]
        driver.execute("PRAGMA busy_timeout = 0")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute(f"PRAGMA busy_timeout = {waits}")
