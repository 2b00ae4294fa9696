"""Closes a month of the ledger: its calls in a Parquet snapshot of their own, with the proof that all are in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import SETTLING_TIME
from flexlib.checks import MOST_UNPRICED
from flexlib.dates import Month, check_begun
from flexlib.i18n import mark_text
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.pipeline import HeldMonth, hold_month, prepare_month, store_month
from flexlib.ingest.recount import write_figures
from flexlib.ledger.db.archived import ArchivedMonth, explain_archived
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.read.months import LedgerMonth, MonthTotals, look_up_archived, read_month
from flexlib.ledger.record.changing import FilledAmounts, fill_amounts
from flexlib.sources.registry import LEDGER
from flexlib.store.ended import find_awaited
from flexlib.store.snapshots import find_snapshot
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa


NOTE = mark_text(
    "Every call that the ledger holds of the month is in it; whether every call was recorded, no ledger says."
)


def close_month(
    month: Month,
    root: Path,
    *,
    ledger: Ledger,
    grace: timedelta = SETTLING_TIME,
    most_unpriced: Decimal = MOST_UNPRICED,
    wait: bool = False,
    now: datetime | None = None,
) -> Snapshot:
    """The month as the ledger holds it, stored in `usage/<month>/ledger/` with its certificate.

    Amounts that have become known since they were recorded are filled in the ledger first. Memory is bounded, whatever
    the number of calls. The month is COMPLETE when it is read `grace` after its end; closed again without a change, it
    stays the version that it is.

    Raises `BadMonth` for a month to come, `LedgerMissing`, `LedgerUnavailable`, `AlreadyRunning` unless `wait`,
    `BadRecord`, `DiskFailed`; then nothing is stored and what was stored before is untouched.
    """
    check_begun(month.span)
    ledger.require_file()
    with hold_month(LEDGER, month, root, wait=wait) as held, ExitStack() as reading:
        opened = reading.enter_context(read_month(month, ledger, prepare=partial(fill_amounts, month, ledger)))
        return _store(held, opened, reading, now or opened.read_at, grace, most_unpriced)


def ensure_month(
    month: Month,
    root: Path,
    *,
    ledger: Ledger,
    even_empty: bool = False,
    most_unpriced: Decimal = MOST_UNPRICED,
) -> Snapshot | None:
    """The month's newest snapshot of the ledger, closed again where that is missing or stale.

    Without any call there is none, unless an earlier month is stored, or `even_empty`: that a month is empty is to be
    known where its hours count.

    Stale is one that was read before the month was settled, and one whose sums are not those of the ledger today: a
    call was recorded late, an amount filled or repriced. Raises `LedgerFailed` where it is archived, and what is stored
    here is not what was.
    """
    newest = find_snapshot(LEDGER.dataset, month, root, LEDGER.name)
    if ledger.is_absent:
        return newest
    if found := look_up_archived(ledger, month):
        return _require_archived(newest, found)
    with ExitStack() as reading:
        opened = reading.enter_context(read_month(month, ledger, prepare=partial(fill_amounts, month, ledger)))
        if newest is None and not (even_empty or is_worth_closing(opened, root)):
            return None
        if newest is not None and not newest.certificate.is_stale() and has_sums(newest, opened.totals):
            return newest
        check_begun(month.span)
        with hold_month(LEDGER, month, root) as held:
            if _is_later(held.newest, newest, opened.read_at):
                return held.newest
            return _store(held, opened, reading, opened.read_at, SETTLING_TIME, most_unpriced)


def is_worth_closing(opened: LedgerMonth, root: Path) -> bool:
    """Whether the month has a call, or one that is empty is awaited, since an earlier one is stored."""
    return bool(opened.totals.rows) or LEDGER.name in find_awaited(opened.month, root)


def is_closed(snapshot: Snapshot, ledger: Ledger) -> bool:
    """Whether a snapshot of the ledger has the sums of today's, or there is no ledger; nothing is filled or stored."""
    if ledger.is_absent:
        return True
    if found := look_up_archived(ledger, snapshot.month):
        return _is_of(snapshot, found[0])
    with read_month(snapshot.month, ledger) as opened:
        return has_sums(snapshot, opened.totals)


def fill_months(months: Iterable[Month], ledger: Ledger) -> list[FilledAmounts]:
    """Fills the amounts of these months that have become known, where there is a ledger; the months that got any."""
    if ledger.is_absent:
        return []
    filled = [fill_amounts(month, ledger) for month in months]
    return [one for one in filled if one.usd or one.clp]


def deliver_month(opened: LedgerMonth, read_at: datetime, grace: timedelta = SETTLING_TIME) -> Delivery:
    """The month as the open ledger has it, with what the database itself counts and sums."""
    return Delivery(
        source=LEDGER,
        month=opened.month,
        read_at=read_at,
        tables=opened.tables,
        counts=_list_figures(opened.totals),
        code="database",
        facts={"grace_seconds": int(grace.total_seconds()), "notes": (NOTE,)},
        is_priced=True,
    )


def _require_archived(newest: Snapshot | None, found: list[ArchivedMonth]) -> Snapshot:
    if newest is None or not _is_of(newest, found[0]):
        raise explain_archived(found)
    return newest


def _is_of(snapshot: Snapshot, archived: ArchivedMonth) -> bool:
    """Whether the snapshot has the very calls that were archived."""
    return snapshot.certificate.rows_sha256 == archived.rows_sha256


def _is_later(other: Snapshot | None, newest: Snapshot | None, read_at: datetime) -> bool:
    """Whether a run that came in between has read later, as far as certificates tell: in seconds."""
    return other is not None and other != newest and other.certificate.read_at >= read_at.replace(microsecond=0)


def _store(
    held: HeldMonth,
    opened: LedgerMonth,
    reading: ExitStack,
    read_at: datetime,
    grace: timedelta,
    most_unpriced: Decimal,
) -> Snapshot:
    def read_tables() -> Iterator[pa.Table]:
        yield from opened.tables
        reading.close()  # the database need not wait until the file is counted

    delivery = deliver_month(replace(opened, tables=read_tables()), read_at, grace)
    return store_month(prepare_month(held, replace(delivery, most_unpriced=most_unpriced)))


def has_sums(newest: Snapshot, totals: MonthTotals) -> bool:
    """Whether the certificate says what the database counts and sums."""
    figures = _list_figures(totals)
    shared = figures.keys() & vars(newest.certificate).keys() - {"requests"}  # one of flexlib 0.1.0 does not say them
    return all(figures[name] == getattr(newest.certificate, name) for name in shared)


def _list_figures(totals: MonthTotals) -> dict[str, Any]:
    """The totals by the names of a certificate."""
    names = {"unpriced_usd": "unpriced_rows", "unpriced_clp": "rows_without_clp"}
    return write_figures({names.get(name, name): one for name, one in vars(totals).items()})
