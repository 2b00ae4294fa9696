"""Tallies turned on and off, and held against the calls."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from flexlib.errors import LedgerFailed, LedgerMissing
from flexlib.i18n import _
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import check_partitions, prepare_ledger
from flexlib.ledger.db.table import TABLE
from flexlib.ledger.tally.current import are_current, are_there, count_wrong, is_whole, know_all
from flexlib.ledger.tally.fold import add_tallies
from flexlib.ledger.tally.parts import select_hours, select_uncounted
from flexlib.ledger.tally.tables import (
    DAY,
    HOUR,
    PARTITIONS,
    SPANS,
    TALLIES,
    WHOLE,
    changes,
    create_tables,
    drop_tables,
    partitions,
    tallies,
)

COUNTED = sa.table("llm_usage_tally_counted", *(sa.column(one.name, one.type) for one in tallies.columns))
NUMBER_BITS = 60
"""Of the number of who counts: so many that no two have the same, and a BIGINT holds it."""


@dataclass(frozen=True)
class TallyStatus:
    """Whether a ledger keeps tallies, and how many."""

    is_on: bool
    is_current: bool
    """False while calls are counted, and where a partition's calls are not those that were counted: what is asked is
    read from the calls until they are counted."""
    tallies: int
    changes: int
    """What is recorded and not folded into the tallies yet; sums have it all the same."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


def turn_on(ledger: Ledger) -> TallyStatus:
    """Makes the tallies of all calls, or makes them anew, while others record: minutes, of millions of calls.

    What changes is noted from the begin on, and the calls without what is noted are what was there before: both out of
    one state, in whichever moment. Where it ends before its time, questions read the calls until it is run again.
    Raises `LedgerFailed` where another turned tallies on or off meanwhile.
    """
    prepare_ledger(ledger)
    check_partitions(ledger)
    mine = -secrets.randbits(NUMBER_BITS) - 1

    def begin() -> None:
        with _begin(ledger) as connection:
            drop_tables(connection)
            create_tables(connection)
            counting = {"partition": mine, "file": 0, "followed": 0, "is_counted": False}
            connection.execute(sa.insert(partitions).values(counting))

    run_with_retries(ledger, begin)
    run_with_retries(ledger, lambda: _count_calls(ledger, mine))
    return read_status(ledger)


def _count_calls(ledger: Ledger, mine: int) -> None:
    with ledger.engine.connect() as connection:
        if ledger.backend == "sqlite":
            with connection.begin():
                _sum_calls(connection)
            with connection.begin():
                _take_over(connection, mine)
            return
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():  # one: nobody may empty the table in between
            _sum_calls(connection)
            _take_over(connection, mine)


def _sum_calls(connection: sa.Connection) -> None:
    """Sums up into a table of this connection only: whoever writes into the ledger on SQLite keeps others from it."""
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {COUNTED.name}")
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {COUNTED.name} AS SELECT * FROM {TALLIES} WHERE 1 = 0")  # noqa: S608
    for kind, span in SPANS:
        is_in_hours = span == DAY and (kind, HOUR) in SPANS  # counted just before, and far fewer than calls
        rows = select_hours(kind, COUNTED) if is_in_hours else select_uncounted(kind, span)
        add_tallies(connection, kind, span, rows.subquery(), COUNTED)


def _take_over(connection: sa.Connection, mine: int) -> None:
    done = connection.execute(sa.update(partitions).where(partitions.c.partition == mine).values(partition=WHOLE))
    if done.rowcount:
        connection.exec_driver_sql(f"INSERT INTO {TALLIES} SELECT * FROM {COUNTED.name}")  # noqa: S608
        know_all(connection)
    elif not is_whole(connection):  # whole: committed before, and the answer was lost
        raise LedgerFailed(_("Another turned tallies on or off meanwhile. Run: flexlib ledger tallies on"))
    connection.exec_driver_sql(f"DROP TABLE {COUNTED.name}")


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
    tallies are off, or not counted to the end."""
    prepare_ledger(ledger)
    check_partitions(ledger)

    def compare() -> int:
        with ledger.read() as connection:
            if not are_there(connection):
                raise LedgerMissing(explain_off())
            if not is_whole(connection):
                said = _("The tallies are being counted, and can be held against the calls once they are. If nobody "
                         "is counting them now, run: flexlib ledger tallies on")  # fmt: skip
                raise LedgerMissing(said)
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
