"""Tallies turned on and off, and held against the calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from flexlib.errors import LedgerMissing
from flexlib.i18n import _
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import check_partitions, prepare_ledger
from flexlib.ledger.db.table import TABLE
from flexlib.ledger.tally.fold import add_tallies, know_partitions
from flexlib.ledger.tally.parts import select_calls, select_hours, select_span
from flexlib.ledger.tally.tables import (
    CHANGES,
    DAY,
    HOUR,
    KEYS,
    MEASURES,
    PARTITIONS,
    SPANS,
    TALLIES,
    changes,
    create_tables,
    drop_tables,
    tallies,
)


@dataclass(frozen=True)
class TallyStatus:
    """Whether a ledger keeps tallies, and how many."""

    is_on: bool
    is_current: bool
    """False where a partition that was counted is gone: what is asked is read from the calls until they are counted
    again."""
    tallies: int
    changes: int
    """What is recorded and not folded into the tallies yet; sums have it all the same."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def turn_on(ledger: Ledger) -> TallyStatus:
    """Makes the tallies of all calls, or makes them anew, in one transaction, in which nobody else can record:
    minutes, of millions of calls."""
    prepare_ledger(ledger)
    check_partitions(ledger)

    def count() -> None:
        with _begin(ledger) as connection:
            drop_tables(connection)
            create_tables(connection)
            for kind, span in SPANS:
                is_in_hours = span == DAY and (kind, HOUR) in SPANS  # counted just before, and far fewer than calls
                rows = select_hours(kind) if is_in_hours else select_calls(kind, span)
                add_tallies(connection, kind, span, rows.subquery())
            know_partitions(connection)

    run_with_retries(ledger, count)
    return read_status(ledger)


def turn_off(ledger: Ledger) -> TallyStatus:
    """Takes the tallies away; not one call changes."""
    prepare_ledger(ledger)

    def drop() -> None:
        with _begin(ledger) as connection:
            drop_tables(connection)

    run_with_retries(ledger, drop)
    return read_status(ledger)


def read_status(ledger: Ledger) -> TallyStatus:
    """Whether they are on, and how many there are."""
    prepare_ledger(ledger)

    def read() -> TallyStatus:
        with ledger.read() as connection:
            if not _are_there(connection):
                return TallyStatus(False, False, 0, 0)
            kept, new = (
                connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (tallies, changes)
            )
            return TallyStatus(True, _are_current(connection), kept, new)

    return run_with_retries(ledger, read)


def count_differences(ledger: Ledger) -> int:
    """How many tallies are not what the calls sum to, in one state of the ledger. Raises `LedgerMissing` where
    tallies are off."""
    prepare_ledger(ledger)
    check_partitions(ledger)

    def compare() -> int:
        with ledger.read() as connection:
            if not _are_there(connection):
                raise LedgerMissing(explain_off())
            return sum(_compare(connection, kind, span) for kind, span in SPANS)

    return run_with_retries(ledger, compare)


def are_kept(connection: sa.Connection) -> bool:
    """Whether there are tallies, of all calls, that this user may read."""
    return _are_there(connection) and _are_current(connection)


def explain_off() -> str:
    """That there are no tallies, and how to have them."""
    return _("This ledger keeps no tallies. Run: flexlib ledger tallies on")


def _compare(connection: sa.Connection, kind: str, span: str) -> int:
    parts = sa.union_all(*select_span(kind, span), select_calls(kind, span, sign=-1)).subquery()
    keys = [parts.c[name] for name in ("start", *KEYS[kind])]
    zero: sa.ColumnElement[int] = sa.literal_column("0")
    differ = sa.or_(*(sa.func.sum(parts.c[name]) != zero for name in MEASURES))
    wrong = sa.select(*keys).group_by(*keys).having(differ).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(wrong)) or 0


def _are_there(connection: sa.Connection) -> bool:
    if connection.dialect.name == "sqlite":
        found = "SELECT count(*) = 1 FROM sqlite_master WHERE type = 'table' AND name = :tallies"
        return bool(connection.scalar(sa.text(found), {"tallies": TALLIES}))
    tables = (TALLIES, CHANGES, PARTITIONS)
    rights = " AND ".join(f"coalesce(has_table_privilege(to_regclass('{one}'), 'SELECT'), false)" for one in tables)
    return bool(connection.scalar(sa.text(f"SELECT {rights}")))


def _are_current(connection: sa.Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return True
    # Reading PARTITIONS waits for whoever makes them. A transaction that is older than they are sees the table's name,
    # and none of its rows, but no row of it in pg_class.
    current = (
        f"SELECT count(*) = 0 AND EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('{PARTITIONS}')) "  # noqa: S608
        f"FROM {PARTITIONS} WHERE partition NOT IN "
        f"(SELECT inhrelid::bigint FROM pg_inherits WHERE inhparent = to_regclass('{TABLE}'))"
    )
    return bool(connection.scalar(sa.text(current)))


@contextmanager
def _begin(ledger: Ledger) -> Iterator[sa.Connection]:
    """A transaction in which nobody records."""
    with ledger.engine.connect() as connection:
        if ledger.backend == "sqlite":
            with connection.begin():
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {PARTITIONS}")  # takes the right to write
                yield connection
            return
        connection = connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin():
            connection.exec_driver_sql(f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE")
            yield connection
