"""Amounts that were not known when a call was recorded, filled in once they are: only where there is none."""

from __future__ import annotations

from dataclasses import dataclass

from flexlib.fx import find_rate
from flexlib.ledger.database import Ledger, find_ledger
from flexlib.ledger.migrate import prepare_ledger
from flexlib.ledger.pages import change_pages
from flexlib.ledger.pricing import load_kept_rates, price_records
from flexlib.ledger.record import UsageRecord
from flexlib.month import Month

__all__ = ["FilledAmounts", "fill_amounts"]


@dataclass(frozen=True)
class FilledAmounts:
    """How many calls of a month got an amount that they had not."""

    month: Month
    usd: int
    clp: int


def fill_amounts(month: Month, ledger: Ledger | None = None) -> FilledAmounts:
    """Fills the month's missing amounts, as recording does, from the books at hand: no network.

    An amount that is there, whoever gave it, stays; what still has no price or no rate stays None. Raises
    `LedgerMissing`, `LedgerUnavailable`.
    """
    ledger = ledger or find_ledger()
    prepare_ledger(ledger)
    rates = load_kept_rates(ledger)
    has_rates = any(find_rate(rates, day) for day in (month.previous.last, *month.span, month.next.first))
    filled: dict[str, FilledAmounts] = {}

    def fill(records: list[UsageRecord]) -> list[UsageRecord]:
        pairs = list(zip(records, price_records(ledger, [_drop_reason(one) for one in records]), strict=True))
        changed = [(old, new) for old, new in pairs if _count_gaps(new) < _count_gaps(old)]
        usd = sum(old.amount_in_usd != new.amount_in_usd for old, new in changed)
        clp = sum(old.amount_in_clp != new.amount_in_clp for old, new in changed)
        # By page: one that is tried again is counted once.
        filled[records[0].request_id] = FilledAmounts(month, usd, clp)
        return [new for _, new in changed]

    change_pages(ledger, month, "amount_in_usd IS NULL" + " OR amount_in_clp IS NULL" * has_rates, fill)
    pages = filled.values()
    return FilledAmounts(month, sum(one.usd for one in pages), sum(one.clp for one in pages))


def _drop_reason(record: UsageRecord) -> UsageRecord:
    """Without the note why it was unpriced then; pricing says it again where it still is."""
    if not record.metadata or "unpriced" not in record.metadata:
        return record
    return record._replace(metadata={name: one for name, one in record.metadata.items() if name != "unpriced"})


def _count_gaps(record: UsageRecord) -> int:
    return (record.amount_in_usd is None) + (record.amount_in_clp is None)
