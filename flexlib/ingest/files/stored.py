"""What is stored of a month of files by now: its empty columns, what stands beside it, its sums."""

from __future__ import annotations

import gzip
from typing import Any

import duckdb
import pyarrow.parquet as pq

from flexlib.certificate import UsageCertificate
from flexlib.errors import BadFile
from flexlib.ingest.recount import AMOUNTS, format_exact
from flexlib.schema import USAGE
from flexlib.store.version import Snapshot


def find_empty_columns(base: Snapshot | None) -> set[str]:
    """Columns in which no stored call has a value, as the Parquet's own statistics say."""
    if base is None:
        return set(USAGE.names)
    stored = pq.read_metadata(base.parquet)
    if stored.schema.to_arrow_schema().names != USAGE.names:  # of flexlib 0.1.0
        return set()
    groups = [stored.row_group(number) for number in range(stored.num_row_groups)]
    columns = [[group.column(place) for group in groups] for place in range(stored.num_columns)]
    return {
        name
        for name, parts in zip(USAGE.names, columns, strict=True)
        if all(one.is_stats_set and one.statistics.null_count == one.num_values for one in parts)
    }


def compare_amounts(
    connection: duckdb.DuckDBPyConnection, before: UsageCertificate | None
) -> dict[str, list[str | None]]:
    """Amounts whose stored sum is not their certificate's, both as text: filling would carry them on."""
    if before is None:
        return {}
    sums = connection.view("every_stored").aggregate(", ".join(f"sum({name})" for name in AMOUNTS)).fetchall()[0]
    pairs: dict[str, list[Any]] = {
        name: [format_exact(found), getattr(before, name)]
        for name, found in zip(AMOUNTS, sums, strict=True)
        if before.has_known_total(name)
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def read_raw(snapshot: Snapshot | None) -> list[str]:
    """The rows that could not be taken, as lines of JSON. Raises `BadFile` where they are another's to read."""
    if snapshot is None:
        return []
    raw = snapshot.path / "raw" / "answers.jsonl.gz"
    try:
        with gzip.open(raw, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except PermissionError as error:
        raise BadFile(f"{raw} is its owner's only; let whoever imported the month import this too.") from error
