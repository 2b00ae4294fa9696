"""Parquet files of calls as one relation, whichever version of flexlib wrote them: old columns are read as today's."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

FIRST_NOTES = {
    "price_source": "price_source",
    "price_date": "price_date",
    "unpriced": "unpriced",
    "fx_rate": "rate",
    "fx_date": "rate_day",
    "fx_source": "rate_source",
    "unconverted": "rate_unreadable",
}
"""Columns that flexlib 0.1.0 kept as members of the metadata, under these names."""


def read_usage(files: Sequence[Path], connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
    """The rows of the files in the columns of `schema.USAGE`; nothing is read until the relation is used.

    Files of flexlib 0.1.0 have fewer columns: each of their rows is one call, and what their metadata says of prices
    and rates stands in columns of its own.
    """
    import duckdb
    import pyarrow.parquet as pq

    from flexlib.schema import USAGE, name_sql_type

    reader = connection or duckdb
    paths = [glob.escape(str(file)) for file in files]
    if all(pq.read_schema(file).names == USAGE.names for file in files):
        return reader.read_parquet(paths)
    rows = reader.read_parquet(paths, union_by_name=True)
    there = set(rows.columns)
    is_first = "grain IS NULL" if "grain" in there else "true"
    first = _list_first_columns()
    columns = []
    for field in USAGE:
        name, kind = field.name, name_sql_type(field.type)
        own = name if name in there else "NULL"
        value = f"CASE WHEN {is_first} THEN CAST({first[name]} AS {kind}) ELSE {own} END" if name in first else own
        columns.append(f"CAST({value} AS {kind}) AS {name}")
    return rows.select(", ".join(columns))


def _list_first_columns() -> dict[str, str]:
    """SQL of today's columns out of a row that flexlib 0.1.0 wrote."""
    from flexlib.schema import EXTRA_COUNTS

    columns = {"grain": "'call'", "requests": "1", "usable_type": "lower(usable_type)"}
    columns |= {name: f"(metadata ->> '$.{note}')" for name, note in FIRST_NOTES.items()}
    columns["tier"] = "CASE json_type(metadata, '$.tier') WHEN 'VARCHAR' THEN metadata ->> '$.tier' END"
    for name in EXTRA_COUNTS:
        # DuckDB says BIGINT of a number below 0, which is no count.
        is_count = f"json_type(metadata, '$.{name}') = 'UBIGINT'"
        columns[name] = f"CASE WHEN {is_count} THEN TRY_CAST(metadata ->> '$.{name}' AS BIGINT) END"
    columns["masked"] = "array_to_string(CAST(metadata -> '$.masked' AS VARCHAR[]), ',')"
    columns["earlier_amounts"] = "CAST(metadata -> '$.repriced' AS VARCHAR)"
    notes = ", ".join(f'"{note}": null' for note in (*FIRST_NOTES.values(), "masked", "repriced"))
    # A member that is null in the patch is taken out of the object (RFC 7396).
    own = f"nullif(CAST(json_merge_patch(metadata, '{{{notes}}}') AS VARCHAR), '{{}}')"
    columns["metadata"] = f"CASE WHEN metadata IS NOT NULL THEN {own} END"
    return columns
