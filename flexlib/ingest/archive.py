"""Closed months of the ledger kept in their files alone: proved again, call by call, before one is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flexlib.certificate import State
from flexlib.dates import Month
from flexlib.errors import FlexlibError
from flexlib.i18n import _
from flexlib.ingest.ledger import has_sums
from flexlib.ingest.pipeline import hold_month
from flexlib.ledger.db.archived import ArchivedMonth
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.read.months import MonthTotals, look_up_archived, read_month
from flexlib.ledger.read.unclosed import list_recorded_months
from flexlib.ledger.record.archiving import clear_month, is_cleared, seal_month
from flexlib.sources.registry import LEDGER
from flexlib.store.held import find_rows_hash
from flexlib.store.row_hash import RowHash
from flexlib.store.version import Snapshot

KEPT_MONTHS = 12
"""The running month and those before it that stay: a year's budget, in whichever month it begins, and the forecast of
the running month are summed from the ledger."""


@dataclass(frozen=True)
class ArchivedResult:
    """What became of one month."""

    month: Month
    rows: int | None
    """The calls in its file; None: it is not archived."""
    place: Path | None
    """The folder of the version that has them."""
    why: str = ""
    """Why it stays in the ledger."""

    @property
    def is_archived(self) -> bool:
        return not self.why


def archive_months(
    before: Month, root: Path, *, ledger: Ledger, today: date, dry_run: bool = False
) -> Iterator[ArchivedResult]:
    """Archives each month of the ledger before that one, the first one first: its calls are taken out of the database
    once the stored version of the month is whole, COMPLETE, and has the very calls that the database has. A month of
    which that is not so stays, with why. Killed at any point, it is run again. With `dry_run` all is proved and nothing
    is taken out.

    Raises `LedgerMissing`, `LedgerUnavailable`.
    """
    ledger.require_file()
    for month in list_recorded_months(ledger):
        if month < before:
            try:
                yield _archive(month, root, ledger, today, dry_run=dry_run)
            except FlexlibError as error:
                yield ArchivedResult(month, None, None, str(error))


def _archive(month: Month, root: Path, ledger: Ledger, today: date, *, dry_run: bool) -> ArchivedResult:
    with hold_month(LEDGER, month, root) as held:
        found, newest = look_up_archived(ledger, month), held.newest
        if found and not is_cleared(ledger, month) and not _has_calls(newest, found[0].rows_sha256):
            # On SQLite calls go after their month is sealed: those that are there yet may be the last ones.
            said = _("it is archived, but {place} no longer has its calls, and the ledger has some of them yet; bring "
                     "that folder back as it was, and run this again.")  # fmt: skip
            return ArchivedResult(month, None, None, said.format(place=found[0].place))
        if not found:
            why = _find_objection(month, newest, today)
            if why or newest is None:
                return ArchivedResult(month, None, None, why)
            totals = _compare_calls(newest, ledger)
            if totals is None:
                said = _("The ledger holds other calls of {month} than are stored; close it again: {command}")
                return ArchivedResult(month, None, None, said.format(month=month, command=LEDGER.format_command(month)))
            if not _has_calls(newest, newest.certificate.rows_sha256):
                said = _("{file} does not have the calls that its certificate is of.")
                return ArchivedResult(month, None, None, said.format(file=newest.file))
            found = [ArchivedMonth(month, totals.rows, newest.certificate.rows_sha256, newest.path.absolute())]
            if not dry_run:
                seal_month(ledger, found[0], totals)
        if not dry_run:
            clear_month(ledger, month)
    return ArchivedResult(month, found[0].rows, found[0].place)


def _has_calls(newest: Snapshot | None, rows_sha256: str) -> bool:
    """Whether the file has the calls of that hash, as it is read now: no certificate is believed before they go."""
    try:
        return bool(newest and find_rows_hash(newest.file, newest.file_sha256, newest.root) == rows_sha256)
    except (FileNotFoundError, ValueError):
        return False


def _find_objection(month: Month, newest: Snapshot | None, today: date) -> str:
    running = Month.containing(today)
    if (running.year - month.year) * 12 + running.month - month.month < KEPT_MONTHS:
        said = _("{month} is one of the last {count} months, which budgets and forecasts read from the ledger.")
        return said.format(month=month, count=KEPT_MONTHS)
    if newest is None:
        said = _("{month} was never closed; run: {command}")
        return said.format(month=month, command=LEDGER.format_command(month))
    newest.check()
    if newest.certificate.state is not State.COMPLETE:
        said = _("{month} is stored as {state}, and only what is COMPLETE is archived; see flexlib certificate.")
        return said.format(month=month, state=newest.certificate.state)
    return ""


def _compare_calls(newest: Snapshot, ledger: Ledger) -> MonthTotals | None:
    """The sums of the calls that the database has, where they are the very calls of the stored month, in each value."""
    digest = RowHash()
    with read_month(newest.month, ledger) as opened:
        for table in opened.tables:
            digest.add(table)
        is_same = digest.hexdigest() == newest.certificate.rows_sha256 and has_sums(newest, opened.totals)
        return opened.totals if is_same else None
