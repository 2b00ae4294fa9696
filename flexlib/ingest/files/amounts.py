"""Amounts of imported calls by the rules of recording, whole tables at a time."""

from __future__ import annotations

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
from flexlib.money import amounts
from flexlib.money.fx import Rates
from flexlib.schema import EXTRA_COUNTS, USAGE, check_usage
from flexlib.store.disk import report_disk
from flexlib.store.row_hash import RowHash

TIER = "tier"
NOTES = (
    ("price_source", "price_date", "unpriced", "rate", "rate_day", "rate_source", "rate_unreadable")
    + ("masked", "repriced")
)  # fmt: skip
AMOUNTS = ("amount_in_usd", "amount_in_clp")

TABLE_ROWS = 122_880
"""As many rows as DuckDB reads at a time: filled and written together, a row group of the Parquet each."""


def fill_rows(rows: pa.Table, rates: Rates) -> pa.Table:
    """The rows of `schema.USAGE` with the amounts that they lack, tier and extra counts out of their metadata."""
    return amounts.fill_rows(_read_metadata(rows), rates)


def drop_filled(rows: pa.Table) -> pa.Table:
    """The rows as their source said them, whatever `fill_rows` has found since: to compare calls of the same id."""
    return amounts.drop_filled(_read_metadata(rows))


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


def _read_metadata(rows: pa.Table) -> pa.Table:
    if not rows.num_rows or rows["metadata"].null_count == rows.num_rows:
        return rows
    columns = {"tier": f"CASE json_type(metadata, '$.{TIER}') WHEN 'VARCHAR' THEN metadata ->> '$.{TIER}' END"}
    for name in EXTRA_COUNTS:
        is_count = f"json_type(metadata, '$.{name}') = 'UBIGINT'"
        columns[name] = f"CASE WHEN {is_count} THEN TRY_CAST(metadata ->> '$.{name}' AS BIGINT) END"
    with duckdb.connect() as connection:
        said = connection.from_arrow(rows.select(["metadata"])).select(
            ", ".join(f"{value} AS {name}" for name, value in columns.items())
        )
        table = said.to_arrow_table()
    for name in columns:
        read = pc.coalesce(rows[name].combine_chunks(), table[name].combine_chunks())
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), read)
    return rows


def _sum_exactly(amounts: pa.ChunkedArray) -> Decimal | None:
    total: Decimal | None = pc.sum(amounts.cast(pa.decimal128(38, amounts.type.scale))).as_py()
    return total
