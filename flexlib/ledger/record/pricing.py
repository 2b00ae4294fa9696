"""Amounts that the caller did not give: USD by the price book, pesos by the kept rates. Nothing here asks a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.errors import BadFile, BadRecord, InvalidCall
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.record.record import UsageRecord
from flexlib.money.amounts import FILLED, NO_RATE, PRICED_BY, fill_call
from flexlib.money.fx import Rates

if TYPE_CHECKING:
    import pyarrow as pa


FEW = 8
"""Up to so many records are priced one by one; a table of them costs more to set up."""

_files: dict[Path, str] = {}
_rates: dict[str, tuple[object, Rates]] = {}


def price_records(ledger: Ledger, records: Sequence[UsageRecord]) -> list[UsageRecord]:
    """The records with their amounts: those given, else the cost where it is in USD, else by the books, else None.

    Where an amount comes from, or why there is none, stands in columns of its own. Raises `InvalidCall` for counts that
    cannot be.
    """
    open_records = [one for one in records if one.amount_in_usd is None or one.amount_in_clp is None]
    if not open_records:
        return list(records)
    rates, unconverted = Rates(), NO_RATE
    try:
        rates = load_kept_rates(ledger)
    except BadFile as error:
        # No call is lost over a damaged table of rates: the row says so, and the close, which stops at it, fills it in.
        unconverted = error.english
    try:
        if len(open_records) > FEW:
            filled = iter(_fill_table(open_records, rates, unconverted))
        else:
            filled = iter([one._replace(**fill_call(one, rates, unconverted=unconverted)) for one in open_records])
    except BadRecord as error:
        raise InvalidCall(str(error)) from error
    return [next(filled) if one.amount_in_usd is None or one.amount_in_clp is None else one for one in records]


def load_kept_rates(ledger: Ledger) -> Rates:
    """The exchange rates kept in the ledger's data folder, read again only when their file has changed."""
    from flexlib.store.fx import find_rates_file, load_rates

    file = _files.get(ledger.data)
    if file is None:
        file = _files[ledger.data] = str(find_rates_file(ledger.data))
    try:
        facts = os.stat(file)
        state: object = facts.st_mtime_ns, facts.st_size, facts.st_ino
    except OSError:  # not there, or not to be looked at: reading it says which
        state = None
    known = _rates.get(file)
    if known is None or known[0] != state:
        known = _rates[file] = state, load_rates(ledger.data)
    return known[1]


def build_table(records: Sequence[UsageRecord]) -> pa.Table:
    """The records in those columns of `schema.USAGE` that filling reads or fills, and the id."""
    import pyarrow as pa

    from flexlib.schema import USAGE

    columns: dict[str, list[object]] = {"id": [one.request_id for one in records]}
    columns |= {name: [getattr(one, name) for one in records] for name in (*PRICED_BY, "cost", "grain", *FILLED)}
    columns["created_at"] = [one.created_at.replace(tzinfo=None) for one in records]
    fields = [USAGE.field(name) for name in columns]
    return pa.table([pa.array(columns[field.name], field.type) for field in fields], schema=pa.schema(fields))


def _fill_table(records: Sequence[UsageRecord], rates: Rates, unconverted: str) -> list[UsageRecord]:
    from flexlib.money.amounts import fill_rows

    rows = fill_rows(build_table(records), rates, unconverted=unconverted)
    values = zip(*(rows[name].to_pylist() for name in FILLED), strict=True)
    return [one._replace(**dict(zip(FILLED, each, strict=True))) for one, each in zip(records, values, strict=True)]
