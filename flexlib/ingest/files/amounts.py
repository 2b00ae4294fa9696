"""Amounts of imported calls by the rules of recording, whole tables at a time: USD by the price book, pesos by rates.

What a row's amounts stand on is written at the end of its metadata, in the names that recording uses.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flexlib.dates import Month
from flexlib.errors import BadParameter
from flexlib.ingest.recount import format_amount
from flexlib.ledger.db.columns import WIDE
from flexlib.ledger.record.pricing import PAID_IN_USD, TIER
from flexlib.ledger.record.record import NOTES
from flexlib.money.fx import Rates, convert_rows
from flexlib.money.price_table import price_rows
from flexlib.schema import USAGE, check_usage
from flexlib.store.disk import report_disk
from flexlib.store.row_hash import RowHash

AMOUNTS = ("amount_in_usd", "amount_in_clp")

TABLE_ROWS = 122_880
"""As many rows as DuckDB reads at a time: filled and written together, a row group of the Parquet each."""

TEXT = r'"(?:[^"\\]|\\.)*"'
PRICE = rf'"price_source":{TEXT},"price_date":(?:null|{TEXT})'
REASON = rf'"unpriced":{TEXT}'
RATE = rf'"rate":{TEXT},"rate_day":{TEXT},"rate_source":{TEXT}'
# The notes are the last members of the outermost object, and no string of JSON holds a bare quote: nothing of the
# caller's, however nested, ends as they do.
ANY_NOTES = rf",?(?:{PRICE}|{REASON})?,?(?:{RATE})?\}}$"
PRICE_NOTE = rf"{PRICE},?(?:{RATE})?\}}$"
RATE_NOTE = rf"{RATE}\}}$"
REASON_NOTE = rf",?{REASON}\}}$"


def fill_rows(rows: pa.Table, rates: Rates) -> pa.Table:
    """The rows of `schema.USAGE` with the amounts that they lack, as far as the books at hand know them.

    USD: the cost where that is in USD, else by the price book; pesos: by `rates`, on the call's day in Santiago. An
    amount that is there stays, also one that was filled before; where none is known it stays null, and why no list
    prices the call stands in the metadata. Filled again with the same books, the rows stay as they are.
    """
    if not rows.num_rows:
        return rows
    given = _take_cost(rows)
    lacking = pc.is_null(given)
    own = _strip(rows["metadata"].combine_chunks(), REASON_NOTE, lacking)
    priced = price_rows(rows.set_column(USAGE.get_field_index(TIER), TIER, _read_tiers(own)))
    usd = pc.coalesce(given, priced["amount_in_usd"].combine_chunks())
    converted = convert_rows(pa.table({"created_at": rows["created_at"], "amount_in_usd": usd}), rates)
    pesos = rows["amount_in_clp"].combine_chunks()
    by_rate = pc.and_(pc.is_null(pesos), pc.is_valid(converted["amount_in_clp"].combine_chunks()))
    metadata = _append_notes(
        own,
        pc.if_else(lacking, _note_prices(priced), None),
        pc.if_else(by_rate, _note_rates(converted["fx_date"].combine_chunks(), rates), None),
    )
    pesos = pc.coalesce(pesos, converted["amount_in_clp"].combine_chunks())
    return _replace(rows, amount_in_usd=usd, amount_in_clp=pesos, metadata=metadata)


def drop_filled(rows: pa.Table) -> pa.Table:
    """The rows as their source said them, whatever `fill_rows` has found since: to compare calls of the same id.

    A cost in USD stands as the amount, filled or not.
    """
    metadata = rows["metadata"].combine_chunks()
    usd, pesos = (
        pc.if_else(pc.fill_null(pc.match_substring_regex(metadata, note), False), None, rows[name].combine_chunks())
        for name, note in (("amount_in_usd", PRICE_NOTE), ("amount_in_clp", RATE_NOTE))
    )
    said = _replace(rows, amount_in_usd=usd, amount_in_clp=pesos, metadata=_strip(metadata, ANY_NOTES))
    return _replace(said, amount_in_usd=_take_cost(said))


def write_filled(
    rows: duckdb.DuckDBPyRelation, month: Month, rates: Rates, parquet: Path
) -> tuple[str, dict[str, Any]]:
    """Writes the rows with their amounts; gives their hash, and the sums and gaps of the amounts as they went in."""
    digest = RowHash()
    sums: dict[str, Decimal | None] = dict.fromkeys(AMOUNTS)
    gaps = dict.fromkeys(AMOUNTS, 0)
    with report_disk(parquet.parent), pq.ParquetWriter(parquet, USAGE, compression="zstd") as writer:
        for batch in rows.to_arrow_reader(TABLE_ROWS):
            table = fill_rows(check_usage(pa.Table.from_arrays(batch.columns, schema=USAGE), month), rates)
            writer.write_table(table, row_group_size=len(table))
            digest.add(table)
            for name in AMOUNTS:
                gaps[name] += table[name].null_count
                if (part := _sum_exactly(table[name])) is not None:
                    sums[name] = WIDE.add(sums[name] or Decimal(0), part)
    figures: dict[str, Any] = {name: format_amount(total) for name, total in sums.items()}
    figures |= {"unpriced_rows": gaps["amount_in_usd"], "rows_without_clp": gaps["amount_in_clp"]}
    return digest.hexdigest(), figures


def check_names(names: Sequence[str]) -> None:
    """Refuses, with `BadParameter`, metadata in the names that are kept for the notes on amounts."""
    taken = [name for name in names if name in NOTES]
    if taken:
        raise BadParameter(f"metadata names {', '.join(taken)}, which flexlib writes itself; rename it in the file.")


def _take_cost(rows: pa.Table) -> pa.Array:
    """The amount in USD as it is given: by itself, or as the cost where the seller's unit is the dollar."""
    proxies = pa.array([None if one is None else str(one) for one in PAID_IN_USD], pa.string())
    in_usd = pc.is_in(rows["proxy"].combine_chunks(), value_set=proxies)
    usd, cost = (rows[name].combine_chunks() for name in ("amount_in_usd", "cost"))
    return pc.coalesce(usd, pc.if_else(in_usd, cost, None))


def _read_tiers(metadata: pa.Array) -> pa.ChunkedArray:
    if metadata.null_count == len(metadata):
        return pa.chunked_array([pa.nulls(len(metadata), pa.string())])
    with duckdb.connect() as connection:
        found = connection.from_arrow(pa.table({"metadata": metadata})).select(
            f"CASE json_type(metadata, '$.{TIER}') WHEN 'VARCHAR' THEN metadata ->> '$.{TIER}' END AS {TIER}"
        )
        return found.to_arrow_table()[TIER]


def _note_prices(priced: pa.Table) -> pa.Array:
    source, reason = (_quote(priced[name].combine_chunks()) for name in ("price_source", "unpriced"))
    since = pc.coalesce(_quote(priced["price_date"].combine_chunks().cast(pa.string())), pa.scalar("null"))
    price = pc.binary_join_element_wise('"price_source":', source, ',"price_date":', since, "")
    return pc.coalesce(price, pc.binary_join_element_wise('"unpriced":', reason, ""))


def _note_rates(days: pa.Array, rates: Rates) -> pa.Array:
    """What the pesos stand on: the observation of each row's day, a day has one."""
    texts = {
        one.day: f'"rate":{_dump(str(one.value))},"rate_day":{_dump(str(one.day))},"rate_source":{_dump(one.source)}'
        for one in rates
    }
    distinct = days.dictionary_encode()
    return pa.array([texts[day] for day in distinct.dictionary.to_pylist()], pa.string()).take(distinct.indices)


def _append_notes(own: pa.Array, *notes: pa.Array) -> pa.Array:
    silent = pc.and_(pc.is_null(notes[0]), pc.is_null(notes[1]))
    # A row of nothing but nulls is left out of a join that skips them, and all rows after it move up.
    body = pc.if_else(silent, "", pc.replace_substring_regex(own, r"^\{|\}$", ""))
    joined = pc.binary_join_element_wise(body, *notes, ",", null_handling="skip")
    return pc.if_else(silent, own, pc.binary_join_element_wise("{", joined, "}", ""))


def _strip(metadata: pa.Array, note: str, where: pa.Array | None = None) -> pa.Array:
    """The metadata without the note; null where nothing else is in it."""
    stripped = pc.replace_substring_regex(metadata, note, "}")
    stripped = pc.if_else(pc.equal(stripped, "{}"), None, stripped)
    return stripped if where is None else pc.if_else(where, stripped, metadata)


def _quote(texts: pa.Array) -> pa.Array:
    """As strings of JSON; the distinct ones are few."""
    distinct = texts.dictionary_encode()
    return pa.array(map(_dump, distinct.dictionary.to_pylist()), pa.string()).take(distinct.indices)


def _dump(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _replace(rows: pa.Table, **columns: pa.Array) -> pa.Table:
    return pa.Table.from_arrays([columns.get(name, rows[name]) for name in rows.column_names], schema=rows.schema)


def _sum_exactly(amounts: pa.ChunkedArray) -> Decimal | None:
    total: Decimal | None = pc.sum(amounts.cast(pa.decimal128(38, amounts.type.scale))).as_py()
    return total
