"""What the ledger holds of a month that the stored month does not: calls that were never closed, or came after."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.formats import clean_text, format_count, format_number
from flexlib.i18n import _
from flexlib.ledger.db.archived import ArchivedMonth, list_archived
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.table import ARCHIVED, STATISTICS, TABLE, explain_detached, list_detached
from flexlib.ledger.db.words import explain_cause
from flexlib.proof import Unclosed
from flexlib.sources.registry import LEDGER
from flexlib.store.snapshots import find_snapshot


class LedgerLook:
    """Asks the ledger for each month by one count over the index of its times; one that does not answer is asked once,
    without patience, and is a note: what is stored stays what it is."""

    def __init__(self, ledger: Ledger, root: Path) -> None:
        self._ledger = ledger
        self._root = root
        self._note: Unclosed | None = None

    def __call__(self, month: Month) -> Unclosed | None:
        """What the stored month lacks, None where that is nothing."""
        if self._note:
            return self._note
        try:
            with self._ledger.read() as connection:
                archived = next((one for one in _list_archived(connection) if one.month == month), None)
                count, is_detached = _count_calls(connection, month), month in _list_detached(connection)
        except (sa.exc.SQLAlchemyError, self._ledger.driver_error) as error:
            said = clean_text(explain_cause(error))
            text = _("The ledger ({place}) could not be asked whether it holds more: {said}.")
            self._note = Unclosed(text.format(place=self._ledger.place, said=said), is_gap=False)
            return self._note
        stored = find_snapshot(LEDGER.dataset, month, self._root, LEDGER.name)
        if archived:
            return None if stored and stored.certificate.rows_sha256 == archived.rows_sha256 else _miss(archived)
        if is_detached and not stored:  # what was closed may be put aside
            text = _("The totals of {month} lack the ledger's calls. {why}")
            return Unclosed(text.format(month=month, why=explain_detached(month)), is_gap=True)
        closed = stored.certificate.rows + stored.certificate.quarantined_rows if stored else 0
        if count <= closed:  # what was closed may be deleted
            return None
        what = format_count(count - closed, "call")
        text = _("The ledger holds {what} of {month}, which was never closed, and the totals lack them; run: {command}")
        if stored:
            text = _("The ledger holds {what} of {month} beside the {closed} that were closed, and the totals lack "
                     "them; run: {command}")  # fmt: skip
        text = text.format(what=what, month=month, closed=format_number(closed), command=LEDGER.format_command(month))
        # A month that was closed while it went on says already that it was.
        return Unclosed(text, is_gap=stored is None or stored.certificate.is_settled)


def _miss(archived: ArchivedMonth) -> Unclosed:
    text = _("The totals of {month} lack the ledger's calls, which are archived in {folder}; bring that version here.")
    return Unclosed(text.format(month=archived.month, folder=archived.place), is_gap=True)


def list_recorded_months(ledger: Ledger) -> list[Month]:
    """The months (of UTC) of which the ledger holds calls, by one look into the index a month, and those that are
    archived or whose partition is detached. Raises `LedgerFailed`, `LedgerUnavailable`."""
    first = sa.select(sa.func.min(STATISTICS.c.created_at))

    def look() -> list[Month]:
        found: list[Month] = []
        with ledger.read() as connection:
            moment = connection.scalar(first) if sa.inspect(connection).has_table(TABLE) else None
            while moment is not None:
                found.append(Month.containing(moment.date()))
                moment = connection.scalar(first.where(STATISTICS.c.created_at >= found[-1].end))
            archived = (one.month for one in _list_archived(connection))
            return sorted({*found, *_list_detached(connection), *archived})

    return [] if ledger.is_absent else run_with_retries(ledger, look)


def _list_detached(connection: sa.Connection) -> list[Month]:
    return list_detached(connection) if connection.dialect.name == "postgresql" else []


def _list_archived(connection: sa.Connection) -> list[ArchivedMonth]:
    """None in a ledger of a revision that knew of none."""
    return list_archived(connection) if sa.inspect(connection).has_table(ARCHIVED) else []


def _count_calls(connection: sa.Connection, month: Month) -> int:
    if not sa.inspect(connection).has_table(TABLE):
        return 0
    within = (STATISTICS.c.created_at >= month.previous.end, STATISTICS.c.created_at < month.end)
    return int(connection.scalar(sa.select(sa.func.count()).select_from(STATISTICS).where(*within)) or 0)
