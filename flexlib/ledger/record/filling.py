"""Amounts that were not known when a call was recorded, filled in once they are: only where there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.db.retry import run_with_retries
from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.record.pages import change_pages
from flexlib.ledger.record.pricing import load_kept_rates, price_records
from flexlib.ledger.record.record import UsageRecord
from flexlib.money.amounts import PAID_IN_USD
from flexlib.money.fx import Rates, find_rate
from flexlib.money.price_book import load_book
from flexlib.money.unit_prices import is_listed


@dataclass(frozen=True)
class FilledAmounts:
    """How many calls of a month got an amount that they had not."""

    month: Month
    usd: int
    clp: int


def fill_amounts(month: Month, ledger: Ledger) -> FilledAmounts:
    """Fills the month's missing amounts, as recording does, from the books at hand: no network.

    An amount that is there, whoever gave it, stays; what still has no price or no rate stays None. Raises
    `LedgerMissing`, `LedgerUnavailable`.
    """
    prepare_ledger(ledger)
    rates = load_kept_rates(ledger)
    condition = _find_condition(ledger, month, rates)
    filled = Counter[str]()
    if condition is None:
        return FilledAmounts(month, 0, 0)

    def fill(records: list[UsageRecord]) -> list[UsageRecord]:
        priced = price_records(ledger, records)
        return [new for old, new in zip(records, priced, strict=True) if _list_gaps(new) != _list_gaps(old)]

    for records, changed in change_pages(ledger, month, condition, fill):
        before = {one.request_id: one for one in records}
        for one in changed:
            filled.update(_list_gaps(before[one.request_id]) - _list_gaps(one))
    return FilledAmounts(month, filled["amount_in_usd"], filled["amount_in_clp"])


def _find_condition(ledger: Ledger, month: Month, rates: Rates) -> str | None:
    """In SQL, which calls may get an amount; None: not one. Those of models that no list names are not looked at."""
    table = STATISTICS.c
    no_usd, has_cost = table.amount_in_usd.is_(None), table.cost.is_not(None)
    group = (table.provider, table.model, table.proxy)
    in_month = (table.created_at >= month.previous.end, table.created_at < month.end)
    unpriced = sa.select(*group, has_cost).distinct().where(*in_month, no_usd)

    def read() -> list[Any]:
        with ledger.read() as connection:
            return list(connection.execute(unpriced))

    found = run_with_retries(ledger, read)
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
    return str(sa.or_(*conditions).compile(ledger.engine, compile_kwargs={"literal_binds": True}))


def _list_gaps(record: UsageRecord) -> set[str]:
    return {name for name in ("amount_in_usd", "amount_in_clp") if getattr(record, name) is None}
