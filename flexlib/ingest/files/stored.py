"""What is stored of a month of files by now: its empty columns, and what stands beside it."""

from __future__ import annotations

import gzip

import pyarrow.parquet as pq

from flexlib.errors import BadFile
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
