"""Amounts that were not known when a call was recorded, filled in once they are: only where there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from flexlib.dates import Month
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.record.pages import change_pages
from flexlib.ledger.record.pricing import load_kept_rates, price_records
from flexlib.ledger.record.record import UsageRecord
from flexlib.money.fx import find_rate


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
    has_rates = any(find_rate(rates, day) for day in (month.previous.last, *month.span, month.next.first))
    filled = Counter[str]()

    def fill(records: list[UsageRecord]) -> list[UsageRecord]:
        priced = price_records(ledger, records)
        return [new for old, new in zip(records, priced, strict=True) if _list_gaps(new) != _list_gaps(old)]

    condition = "amount_in_usd IS NULL" + " OR amount_in_clp IS NULL" * has_rates
    for records, changed in change_pages(ledger, month, condition, fill):
        before = {one.request_id: one for one in records}
        for one in changed:
            filled.update(_list_gaps(before[one.request_id]) - _list_gaps(one))
    return FilledAmounts(month, filled["amount_in_usd"], filled["amount_in_clp"])


def _list_gaps(record: UsageRecord) -> set[str]:
    return {name for name in ("amount_in_usd", "amount_in_clp") if getattr(record, name) is None}
