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
from flexlib.ledger.tally.current import are_current, are_there, count_wrong, know_all
from flexlib.ledger.tally.fold import add_tallies
from flexlib.ledger.tally.parts import select_calls, select_hours
from flexlib.ledger.tally.tables import DAY, HOUR, PARTITIONS, SPANS, changes, create_tables, drop_tables, tallies


@dataclass(frozen=True)
class TallyStatus:
    """Whether a ledger keeps tallies, and how many."""

    is_on: bool
    is_current: bool
    """False where a partition's calls are not those that were counted: what is asked is read from the calls until
    they are counted again."""
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
            know_all(connection)

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
            if not are_there(connection):
                return TallyStatus(False, False, 0, 0)
            kept, new = (
                connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (tallies, changes)
            )
            return TallyStatus(True, are_current(connection), kept, new)

    return run_with_retries(ledger, read)


def count_differences(ledger: Ledger) -> int:
    """How many tallies are not what the calls sum to, in one state of the ledger. Raises `LedgerMissing` where
    tallies are off."""
    prepare_ledger(ledger)
    check_partitions(ledger)

    def compare() -> int:
        with ledger.read() as connection:
            if not are_there(connection):
                raise LedgerMissing(explain_off())
            return sum(count_wrong(connection, kind, span) for kind, span in SPANS)

    return run_with_retries(ledger, compare)


def explain_off() -> str:
    """That there are no tallies, and how to have them."""
    return _("This ledger keeps no tallies. Run: flexlib ledger tallies on")


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
