"""Months that are archived: their calls are in files alone, and whatever the ledger would say of them is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import sqlalchemy as sa

from flexlib.commands import write_command
from flexlib.dates import Month
from flexlib.errors import InvalidCall, LedgerFailed
from flexlib.i18n import _
from flexlib.ledger.db.table import ARCHIVED, STATISTICS, TABLE

LATE = "archived"
"""What the triggers of SQLite say of a call that is none of theirs."""
archived = STATISTICS.metadata.tables[ARCHIVED]


@dataclass(frozen=True)
class ArchivedMonth:
    """A month whose calls are in a file alone."""

    month: Month
    rows: int
    rows_sha256: str
    """Of its certificate: the calls that the file has to have."""
    place: Path
    """The folder of the version, on the machine that archived it."""

    @property
    def first(self) -> datetime:
        return self.month.previous.end


def list_archived(
    connection: sa.Connection, low: datetime | None = None, high: datetime | None = None
) -> list[ArchivedMonth]:
    """Those that have a part of the time from `low` on and before `high`, in UTC; None: no bound."""
    table = archived.c
    bounds = [*([] if low is None else [table.until > low]), *([] if high is None else [table.first < high])]
    select = sa.select(table.first, table.rows, table.rows_sha256, table.place).where(*bounds).order_by(table.first)
    return [ArchivedMonth(Month.containing(first.date()), rows, sha256, Path(place))
            for first, rows, sha256, place in connection.execute(select)]  # fmt: skip


def refuse_archived(connection: sa.Connection, low: datetime | None, high: datetime | None) -> None:
    """Raises `LedgerFailed` where the ledger does not hold all calls of the time. To be asked first in a transaction,
    which then sees either all calls of a month, or that it is archived."""
    if connection.dialect.name == "postgresql":
        # Whoever takes a partition away waits for this transaction, or has done so before its state is taken.
        connection.exec_driver_sql(f"LOCK TABLE ONLY {TABLE} IN ACCESS SHARE MODE")
    low, high = (one and one.replace(tzinfo=one.tzinfo or timezone.utc) for one in (low, high))
    if found := list_archived(connection, low, high):
        raise explain_archived(found)


def explain_archived(found: list[ArchivedMonth]) -> LedgerFailed:
    """That the ledger no longer holds these months, where their calls are, and what tells of them."""
    first, last = found[0].month, found[-1].month
    said = _(
        "The ledger no longer holds the calls of {months}: they are archived in {folder}, and what it says would lack "
        "them. Ask it from {day} on, and for a month before: {command}"
    )
    return LedgerFailed(said.format(
        months=first if first == last else _("{first} to {last}").format(first=first, last=last),
        folder=found[-1].place.parents[3], day=last.next.first,
        command=write_command(f"flexlib spend --year {last.year} --month {last.month}")))  # fmt: skip


def explain_late() -> InvalidCall:
    """That a call comes too late to be recorded, and what to do with it."""
    return InvalidCall(
        _(
            "nothing is stored: the call's month is archived, or its request id is that of an archived call. A call "
            "that no file has yet is brought beside the archived ones by: flexlib import FILE"
        )
    )
