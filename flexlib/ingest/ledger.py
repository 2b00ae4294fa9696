"""Closes a month of the ledger: its calls in a Parquet snapshot of their own, with the proof that all are in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import flexlib
from flexlib.certificate import SETTLING_TIME, State, UsageCertificate
from flexlib.dates import Month, check_begun
from flexlib.formats import format_count
from flexlib.ingest.recount import ParquetCounts, compare_counts, count_parquet, format_amount, list_figures
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.errors import LedgerMissing
from flexlib.ledger.read.months import LedgerMonth, MonthTotals
from flexlib.ledger.record.filling import FilledAmounts, fill_amounts
from flexlib.schema import USAGE
from flexlib.sources.ledger import open_ledger_month
from flexlib.sources.registry import LEDGER
from flexlib.store.disk import make_scratch, report_disk
from flexlib.store.row_hash import RowHash
from flexlib.store.snapshots import Snapshot, find_snapshot, lock_month, move_snapshot


def close_month(
    month: Month,
    root: Path,
    *,
    ledger: Ledger,
    grace: timedelta = SETTLING_TIME,
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
    _require_file(ledger)
    with lock_month("usage", month, root, wait) as folder, make_scratch(folder, ".closing") as scratch:
        fill_amounts(month, ledger)
        read_at = now or datetime.now(timezone.utc)
        with ExitStack() as reading:
            opened = reading.enter_context(open_ledger_month(month, ledger))
            return _store_month(opened, reading, scratch / "usage.parquet", root, read_at, grace)


def ensure_month(month: Month, root: Path, *, ledger: Ledger, even_empty: bool = False) -> Snapshot | None:
    """The month's newest snapshot of the ledger, closed again where that is missing or stale.

    Without any call there is none, unless `even_empty`: that a month is empty is to be known where its hours count.

    Stale is one that was read before the month was settled, and one whose sums are not those of the ledger today: a
    call was recorded late, an amount filled or repriced.
    """
    newest = find_snapshot("usage", month, root, LEDGER.name)
    if ledger.path is not None and not ledger.path.exists():
        return newest
    fill_amounts(month, ledger)
    read_at = datetime.now(timezone.utc)
    with ExitStack() as reading:
        opened = reading.enter_context(open_ledger_month(month, ledger))
        if newest is None and not opened.totals.rows and not even_empty:
            return None
        if newest is not None and not newest.certificate.is_stale() and _has_sums(newest, opened.totals):
            return newest
        check_begun(month.span)
        with lock_month("usage", month, root) as folder, make_scratch(folder, ".closing") as scratch:
            other = find_snapshot("usage", month, root, LEDGER.name)
            if other not in (None, newest) and other.certificate.read_at >= read_at.replace(microsecond=0):
                return other  # of a run that came in between and read later, as far as certificates tell: in seconds
            return _store_month(opened, reading, scratch / "usage.parquet", root, read_at, SETTLING_TIME)


def fill_months(months: Iterable[Month], ledger: Ledger) -> list[FilledAmounts]:
    """Fills the amounts of these months that have become known, where there is a ledger; the months that got any."""
    if ledger.path is not None and not ledger.path.exists():
        return []
    filled = [fill_amounts(month, ledger) for month in months]
    return [one for one in filled if one.usd or one.clp]


def certify_month(
    opened: LedgerMonth, parquet: Path, rows_sha256: str, read_at: datetime, grace: timedelta = SETTLING_TIME
) -> UsageCertificate:
    """The proof of the written Parquet: counted again, and held against what the database itself counts and sums."""
    counts = count_parquet(parquet)
    found = counts.totals
    return UsageCertificate(
        month=opened.month,
        read_at=read_at,
        source=LEDGER.name,
        rows_read=opened.totals.rows,
        rows=found.rows,
        quarantined_rows=0,
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.completion_tokens,
        rows_sha256=rows_sha256,
        sums=compare_counts(opened.totals, counts),
        grace_seconds=int(grace.total_seconds()),
        amount_in_usd=format_amount(found.amount_in_usd),
        amount_in_clp=format_amount(found.amount_in_clp),
        unpriced_rows=found.unpriced_usd,
        unpriced=counts.unpriced,
        rows_without_clp=found.unpriced_clp,
        rates=counts.rates,
        notes=tuple(_write_notes(counts)),
        flexlib_version=flexlib.__version__,
    )


def _require_file(ledger: Ledger) -> None:
    """Reading makes the tables in a new SQLite file: a month that nobody recorded would be closed as an empty one."""
    if ledger.path is not None and not ledger.path.exists():
        raise LedgerMissing(f"There is no ledger in {ledger.place} yet. Record a call, or set FLEXLIB_DATABASE_URL.")


def _store_month(
    opened: LedgerMonth, reading: ExitStack, parquet: Path, root: Path, read_at: datetime, grace: timedelta
) -> Snapshot:
    """Writes what was opened and stores it with its proof, unless the newest version says the same."""
    rows_sha256 = _write_parquet(opened, parquet)
    reading.close()  # the database need not wait until the file is counted
    certificate = certify_month(opened, parquet, rows_sha256, read_at, grace)
    newest = find_snapshot("usage", opened.month, root, LEDGER.name)
    if newest is not None and _says_the_same(newest, certificate):
        return newest
    return move_snapshot(parquet, certificate, root)


def _write_parquet(opened: LedgerMonth, parquet: Path) -> str:
    """Writes the month's tables, a row group each; gives the hash of their rows."""
    import pyarrow.parquet as pq

    digest = RowHash()
    with report_disk(parquet.parent), pq.ParquetWriter(parquet, USAGE, compression="zstd") as writer:
        for table in opened.tables:
            writer.write_table(table, row_group_size=len(table))
            digest.add(table)
    return digest.hexdigest()


def _says_the_same(newest: Snapshot, certificate: UsageCertificate) -> bool:
    """Whether a COMPLETE version is there whose certificate differs in nothing but when it was read."""
    before = newest.certificate
    if before.state is not State.COMPLETE or certificate.state is not State.COMPLETE:
        return False
    return replace(certificate, read_at=before.read_at, flexlib_version=before.flexlib_version) == before


def _has_sums(newest: Snapshot, totals: MonthTotals) -> bool:
    certificate = newest.certificate
    assert isinstance(certificate, UsageCertificate)
    figures = list_figures(totals)
    shared = figures.keys() & vars(certificate).keys()
    return all(figures[name] == getattr(certificate, name) for name in shared)


def _write_notes(counts: ParquetCounts) -> Iterator[str]:
    yield "Every call that the ledger holds of the month is in it; whether every call was recorded, no ledger says."
    if unpriced := counts.totals.unpriced_usd:
        yield f"{format_count(unpriced, 'call')} without a price: the sum in USD is a lower bound."
    if counts.unrated:
        what = format_count(counts.unrated, "call")
        yield f"{what} with a price, but without an exchange rate yet: run flexlib fx update, then close again."
