"""Amounts of stored calls that change: filled where there was none, or those that another price book gives.

An amount that a caller gave is no book's to change, nor are pesos that he gave; what repricing replaces is kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.ledger.db.archived import explain_archived
from flexlib.ledger.db.columns import WIDE
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.migrate import check_partitions, prepare_ledger
from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.read.months import look_up_archived
from flexlib.ledger.record.pages import GO_ON, change_pages
from flexlib.ledger.record.pricing import build_table, load_kept_rates, price_records
from flexlib.ledger.record.record import UsageRecord
from flexlib.money.amounts import PAID_IN_USD, fill_call
from flexlib.money.fx import AT_ANY_RATE, Rate, Rates, convert_to_clp, find_rate
from flexlib.money.price_book import PriceBook, load_book
from flexlib.money.unit_prices import is_listed


@dataclass(frozen=True)
class FilledAmounts:
    """How many calls of a month got an amount that they had not."""

    month: Month
    usd: int
    clp: int


def fill_amounts(month: Month, ledger: Ledger) -> FilledAmounts:
    """Fills the month's missing amounts, as recording does, from the books at hand: no network.

    An amount that is there, whoever gave it, stays; what still has no price or no rate stays None, and an archived
    month as it is. Raises `LedgerMissing`, `LedgerUnavailable`.
    """
    prepare_ledger(ledger)
    if look_up_archived(ledger, month):
        return FilledAmounts(month, 0, 0)
    rates = load_kept_rates(ledger)
    condition = _find_condition(ledger, month, rates)
    filled = Counter[str]()
    if condition is None:
        return FilledAmounts(month, 0, 0)

    def fill(records: list[UsageRecord]) -> list[UsageRecord]:
        priced = price_records(ledger, records)
        return [new for old, new in zip(records, priced, strict=True) if _list_gaps(new) != _list_gaps(old)]

    written = str(condition.compile(ledger.engine, compile_kwargs={"literal_binds": True}))
    for records, changed in change_pages(ledger, month, written, fill):
        before = {one.request_id: one for one in records}
        for one in changed:
            filled.update(_list_gaps(before[one.request_id]) - _list_gaps(one))
    return FilledAmounts(month, filled["amount_in_usd"], filled["amount_in_clp"])


def _find_condition(ledger: Ledger, month: Month, rates: Rates) -> sa.ColumnElement[bool] | None:
    """Which calls may get an amount; None: not one, and who may only read need not write. Those of models that no list
    names are not looked at."""
    table = STATISTICS.c
    no_usd, has_cost = table.amount_in_usd.is_(None), table.cost.is_not(None)
    group = (table.provider, table.model, table.proxy)
    in_month = (table.created_at >= month.previous.end, table.created_at < month.end)
    unpriced = sa.select(*group, has_cost).distinct().where(*in_month, no_usd)

    def read() -> list[Any]:
        with ledger.read() as connection:
            return list(connection.execute(unpriced))

    found = run_with_retries(ledger, read, GO_ON)
    book = load_book() if found else None
    conditions = [
        sa.and_(no_usd, *(column == value for column, value in zip(group, each, strict=True)))
        for *each, costs in found
        if (costs and each[2] in PAID_IN_USD) or (book and is_listed(book, *each))
    ]
    if any(find_rate(rates, day) for day in (month.previous.last, *month.span, month.next.first)):
        conditions.append(sa.and_(table.amount_in_usd.is_not(None), table.amount_in_clp.is_(None)))
    if not conditions:
        return None
    some = sa.or_(*conditions)

    def look() -> bool:
        with ledger.read() as connection:
            return connection.execute(sa.select(table.id).where(*in_month, some).limit(1)).first() is not None

    return some if run_with_retries(ledger, look, GO_ON) else None


def _list_gaps(record: UsageRecord) -> set[str]:
    return {name for name in ("amount_in_usd", "amount_in_clp") if getattr(record, name) is None}


BY_A_BOOK = "price_source IS NOT NULL OR unpriced IS NOT NULL"
"""A book has priced the call, or could not."""


@dataclass(frozen=True)
class ModelChange:
    """What changes for the calls of one model that had their price from one source."""

    provider: str
    model: str
    old_source: str | None
    """None: they were unpriced."""
    new_source: str
    rows: int
    old_usd: Decimal | None
    """The exact sum of these calls' amounts; None: they had none."""
    new_usd: Decimal


@dataclass(frozen=True)
class Repricing:
    """What a book changes in a month, by provider, model and sources, in this order."""

    month: Month
    book: str
    applied: bool
    """Whether the ledger was changed, or only looked at."""
    rows_looked_at: int
    """Calls that a book had priced, or none could."""
    changes: tuple[ModelChange, ...]

    @property
    def rows(self) -> int:
        """How many calls change."""
        return sum(one.rows for one in self.changes)


def reprice_month(month: Month, ledger: Ledger, *, book: PriceBook | None = None, apply: bool = False) -> Repricing:
    """What `book` (default: the installed one) would change in the month, and with `apply` does change.

    Only amounts that a book had priced, or could not, are looked at; a call that `book` cannot price keeps its amount.
    Where the pesos came from a kept rate, they follow at that same rate. Raises `LedgerMissing`, `LedgerFailed`,
    `LedgerUnavailable`.
    """
    book = book or load_book()
    prepare_ledger(ledger)
    check_partitions(ledger, month.previous.end, month.end)
    if found := look_up_archived(ledger, month):
        raise explain_archived(found)
    sums: dict[tuple[str, str, str, str], list[Any]] = defaultdict(lambda: [0, None, Decimal(0)])
    looked_at = 0
    for records, changed in change_pages(ledger, month, BY_A_BOOK, lambda page: _reprice(page, book), store=apply):
        looked_at += sum(one.requests for one in records)
        before = {one.request_id: one for one in records}
        for one in changed:
            _add(sums, before[one.request_id], one)
    changes = tuple(
        ModelChange(provider, model, old_source or None, new_source, *values)
        for (provider, model, old_source, new_source), values in sorted(sums.items())
    )
    return Repricing(month, book.name, apply, looked_at, changes)


def _reprice(page: list[UsageRecord], book: PriceBook) -> list[UsageRecord]:
    """The records that change, as they would be."""
    from flexlib.money.price_table import reprice_rows

    records = {one.request_id: one for one in page}
    rows = reprice_rows(build_table(page), book).to_pylist()
    return [_change(records[row["id"]], row["new_amount"], row["price_source"], row["price_date"]) for row in rows]


def _change(old: UsageRecord, amount: Decimal, source: str, since: date | None) -> UsageRecord:
    earlier = old.earlier_amounts
    if old.amount_in_usd is not None:
        kept = {
            "amount_in_usd": f"{old.amount_in_usd:f}",
            "amount_in_clp": None if old.amount_in_clp is None else f"{old.amount_in_clp:f}",
            "price_source": old.price_source,
            "price_date": old.price_date and old.price_date.isoformat(),
            "until": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        earlier = [*(earlier or []), kept]
    new = old._replace(
        amount_in_usd=amount, price_source=source, price_date=since, unpriced=None, earlier_amounts=earlier
    )
    if old.fx_rate is not None and old.fx_date is not None:
        return new._replace(amount_in_clp=convert_to_clp(amount, Rate(old.fx_date, old.fx_rate, str(old.fx_source))))
    if old.fx_source == AT_ANY_RATE:
        new = new._replace(amount_in_clp=None, fx_source=None)
    return new._replace(**fill_call(new, Rates()))


def _add(sums: dict[tuple[str, str, str, str], list[Any]], old: UsageRecord, new: UsageRecord) -> None:
    entry = sums[str(old.provider), old.model, old.price_source or "", str(new.price_source)]
    entry[0] += old.requests
    if old.amount_in_usd is not None:
        entry[1] = WIDE.add(entry[1] or Decimal(0), old.amount_in_usd)
    entry[2] = WIDE.add(entry[2], new.amount_in_usd or Decimal(0))
