"""Amounts that the caller did not give: USD by the price book, pesos by the kept rates. Nothing here asks a network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.enums import LlmProxy
from flexlib.errors import BadFile
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.record.record import UsageRecord

if TYPE_CHECKING:
    import pyarrow as pa

    from flexlib.money.fx import Rates


PAID_IN_USD = frozenset({None, LlmProxy.OPENROUTER})
"""Proxies (None: none) whose own unit is the dollar: there the cost that the seller states is the amount."""

TIER = "tier"
"""The name in the metadata under which a caller says the service tier: standard, batch, flex, priority or fast."""

FEW = 8
"""Up to so many records are priced one by one; a table of them costs more to set up."""

PRICED_BY = (
    ("provider", "model", "proxy", "task_type", "created_at")
    + ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")
)  # fmt: skip

_files: dict[Path, str] = {}
_rates: dict[str, tuple[object, Rates]] = {}


def price_records(ledger: Ledger, records: Sequence[UsageRecord]) -> list[UsageRecord]:
    """The records with their amounts: those given, else the cost where it is in USD, else by the books, else None.

    Where an amount comes from, or why there is none, stands in the record's metadata. Each distinct price is looked up
    once, each call is charged alone.
    """
    given = [_find_given(one) for one in records]
    lacking = [record for record, amount in zip(records, given, strict=True) if amount is None]
    answers = iter(_price_table(lacking) if len(lacking) > FEW else [_price_one(one) for one in lacking])
    trouble = {}
    try:
        rates = load_kept_rates(ledger)
    except BadFile as error:
        # No call is lost over a spoilt table of rates: the row says so, and the close, which stops at it, fills it in.
        rates, trouble = None, {"rate_unreadable": str(error)}
    return [
        _fill(record, *(next(answers) if amount is None else (amount, {})), rates, trouble)
        for record, amount in zip(records, given, strict=True)
    ]


def load_kept_rates(ledger: Ledger) -> Rates:
    """The exchange rates kept in the ledger's data folder, read again only when their file has changed."""
    from flexlib.store.fx import find_rates_file, load_rates

    file = _files.get(ledger.data)
    if file is None:
        file = _files[ledger.data] = str(find_rates_file(ledger.data))
    try:
        facts = os.stat(file)
        state: object = facts.st_mtime_ns, facts.st_size, facts.st_ino
    except FileNotFoundError:
        state = None
    known = _rates.get(file)
    if known is None or known[0] != state:
        known = _rates[file] = state, load_rates(ledger.data)
    return known[1]


def _find_given(record: UsageRecord) -> Decimal | None:
    if record.amount_in_usd is None and record.proxy in PAID_IN_USD:
        return record.cost
    return record.amount_in_usd


def _price_one(record: UsageRecord) -> tuple[Decimal | None, dict[str, Any]]:
    from flexlib.money.prices import Price, price_call

    counts = {name: getattr(record, name) for name in PRICED_BY}
    answer = price_call(tier=_find_tier(record), extra_counts=read_extra_counts(record.metadata), **counts)
    if isinstance(answer, Price):
        return answer.amount_usd, _note_price(answer.source, answer.date)
    return None, {"unpriced": answer.reason}


def _price_table(records: Sequence[UsageRecord]) -> list[tuple[Decimal | None, dict[str, Any]]]:
    import pyarrow as pa

    from flexlib.money.price_table import price_rows

    columns = {name: [getattr(one, name) for one in records] for name in PRICED_BY}
    table = pa.table({**columns, TIER: pa.array([_find_tier(one) for one in records], pa.string())})
    table = add_extra_counts(table.set_column(2, "proxy", table["proxy"].cast(pa.string())), records)
    answers = zip(*(column.to_pylist() for column in price_rows(table).columns), strict=True)
    return [
        (None, {"unpriced": reason}) if reason else (amount, _note_price(source, since))
        for amount, source, since, reason in answers
    ]


def add_extra_counts(table: pa.Table, records: Sequence[UsageRecord]) -> pa.Table:
    """The table of these records with a column for each extra count in their metadata."""
    import pyarrow as pa

    counts = [read_extra_counts(one.metadata) for one in records]
    for name in sorted({name for one in counts for name in one}):
        table = table.append_column(name, pa.array([one.get(name) for one in counts], pa.int64()))
    return table


def read_extra_counts(metadata: Mapping[str, Any] | None) -> dict[str, int]:
    """The counts in a call's metadata that a list may price on their own."""
    from flexlib.money.extra_counts import EXTRA_COUNTS

    return {name: count for name in EXTRA_COUNTS if type(count := (metadata or {}).get(name)) is int and count >= 0}


def _find_tier(record: UsageRecord) -> str | None:
    tier = record.metadata.get(TIER) if record.metadata else None
    return tier if isinstance(tier, str) else None


def _note_price(source: str, since: Any) -> dict[str, Any]:  # noqa: ANN401 (a date or None)
    return {"price_source": source, "price_date": since and since.isoformat()}


def _fill(
    record: UsageRecord,
    amount: Decimal | None,
    notes: dict[str, Any],
    rates: Rates | None,
    trouble: dict[str, Any],
) -> UsageRecord:
    pesos = record.amount_in_clp
    if pesos is None and amount is not None and rates:
        from flexlib.money.fx import convert_to_clp, find_rate

        if rate := find_rate(rates, record.created_at):
            pesos = convert_to_clp(amount, rate)
            notes = notes | {"rate": str(rate.value), "rate_day": rate.day.isoformat(), "rate_source": rate.source}
    if pesos is None and trouble:
        notes = notes | trouble
    if not notes:
        return record if amount is record.amount_in_usd else record._replace(amount_in_usd=amount)
    return record._replace(amount_in_usd=amount, amount_in_clp=pesos, metadata={**(record.metadata or {}), **notes})
