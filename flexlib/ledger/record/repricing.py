"""What another price book says of recorded calls; what the books have priced may follow it, with the old amount kept.

An amount that a caller gave is no book's to change, nor are pesos that he gave.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month
from flexlib.ledger.db.columns import WIDE
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.record.pages import change_pages
from flexlib.ledger.record.pricing import PRICED_BY, TIER, add_extra_counts
from flexlib.ledger.record.record import UsageRecord
from flexlib.money.fx import Rate, convert_to_clp

if TYPE_CHECKING:
    import pyarrow as pa

    from flexlib.money.price_book import PriceBook


REPRICED = "repriced"
"""The name in the metadata under which earlier amounts are kept, the oldest first."""

BY_A_BOOK = """CAST(metadata AS TEXT) LIKE '%"price_source"%' OR CAST(metadata AS TEXT) LIKE '%"unpriced"%'"""
RATE = ("rate", "rate_day", "rate_source")


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
    Where the pesos came from a kept rate, they follow at that same rate. Raises `LedgerMissing`, `LedgerUnavailable`.
    """
    from flexlib.money.price_book import load_book

    book = book or load_book()
    prepare_ledger(ledger)
    sums: dict[tuple[str, str, str, str], list[Any]] = defaultdict(lambda: [0, None, Decimal(0)])
    looked_at = 0
    for records, changed in change_pages(ledger, month, BY_A_BOOK, lambda page: _reprice(page, book), store=apply):
        looked_at += sum(map(_is_by_a_book, records))
        before = {one.request_id: one for one in records}
        for one in changed:
            _add(sums, before[one.request_id], one)
    changes = tuple(
        ModelChange(provider, model, old_source or None, new_source, *values)
        for (provider, model, old_source, new_source), values in sorted(sums.items())
    )
    return Repricing(month, book.name, apply, looked_at, changes)


def _is_by_a_book(record: UsageRecord) -> bool:
    return not {"price_source", "unpriced"}.isdisjoint(record.metadata or ())


def _reprice(page: list[UsageRecord], book: PriceBook) -> list[UsageRecord]:
    """The records that change, as they would be."""
    from flexlib.money.price_table import reprice_rows

    records = {one.request_id: one for one in page if _is_by_a_book(one)}
    if not records:
        return []
    rows = reprice_rows(_build_table(list(records.values())), book).to_pylist()
    return [_change(records[row["id"]], row["new_amount"], row["price_source"], row["price_date"]) for row in rows]


def _build_table(records: list[UsageRecord]) -> pa.Table:
    import pyarrow as pa

    from flexlib.schema import USAGE

    columns: dict[str, list[Any]] = {"id": [one.request_id for one in records]}
    columns |= {name: [getattr(one, name) for one in records] for name in (*PRICED_BY, "amount_in_usd")}
    columns["created_at"] = [one.created_at.replace(tzinfo=None) for one in records]
    table = {name: pa.array(values, USAGE.field(name).type) for name, values in columns.items()}
    return add_extra_counts(pa.table({**table, TIER: pa.array(map(_find_tier, records), pa.string())}), records)


def _find_tier(record: UsageRecord) -> str | None:
    tier = (record.metadata or {}).get(TIER)
    return tier if isinstance(tier, str) else None


def _change(old: UsageRecord, amount: Decimal, source: str, since: date | None) -> UsageRecord:
    metadata = dict(old.metadata or {})
    pesos = old.amount_in_clp
    if pesos is not None and set(RATE) <= metadata.keys():
        value, day, who = (metadata[name] for name in RATE)
        pesos = convert_to_clp(amount, Rate(date.fromisoformat(day), Decimal(value), who))
    if old.amount_in_usd is not None:
        kept = {
            "amount_in_usd": f"{old.amount_in_usd:f}",
            "amount_in_clp": None if old.amount_in_clp is None else f"{old.amount_in_clp:f}",
            "price_source": metadata.get("price_source"),
            "price_date": metadata.get("price_date"),
            "until": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        metadata[REPRICED] = [*metadata.get(REPRICED, []), kept]
    metadata.pop("unpriced", None)
    metadata |= {"price_source": source, "price_date": since and since.isoformat()}
    return old._replace(amount_in_usd=amount, amount_in_clp=pesos, metadata=metadata)


def _add(sums: dict[tuple[str, str, str, str], list[Any]], old: UsageRecord, new: UsageRecord) -> None:
    before, after = ((one.metadata or {}).get("price_source", "") for one in (old, new))
    entry = sums[str(old.provider), old.model, before, after]
    entry[0] += 1
    if old.amount_in_usd is not None:
        entry[1] = WIDE.add(entry[1] or Decimal(0), old.amount_in_usd)
    entry[2] = WIDE.add(entry[2], new.amount_in_usd or Decimal(0))
