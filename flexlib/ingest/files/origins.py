"""Which file each row of a month came from: a column of its own beside the rows, in their order.

Where a month is of one file, there is no need; most of it is runs of one number, so the file is small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.sources.files.texts import quote
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

ORIGINS = "origins.parquet"
"""Beside `usage.parquet`: `file`, the place in the certificate's list of files; null where nobody knows."""

SCHEMA = pa.schema([("file", pa.int32())])


def read_origins(base: Snapshot, files: int, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """The rows of a month of as many `files`, with `file`; of a month that an older flexlib stored it may be null."""
    rows, origins = read_usage([base.parquet], connection), base.path / ORIGINS
    if not origins.exists():
        return rows.select(f"*, {'0' if files == 1 else 'NULL'}::INTEGER AS file")
    there = f"SELECT kept.*, file FROM kept POSITIONAL JOIN read_parquet({quote(str(origins))})"
    found = rows.query("kept", there)
    assert found is not None  # a query gives rows
    return found


def knows_origins(base: Snapshot, files: int) -> bool:
    """Whether it is known which of its files each row came from."""
    return files == 1 or (base.path / ORIGINS).exists()


def split_origins(tables: Iterable[pa.Table], file: Path | None) -> Iterator[pa.Table]:
    """The tables without their last column, `file`, which is written into `file` on the way where that is a path."""
    if file is None:
        yield from (table.drop_columns("file") for table in tables)
        return
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.select(["file"]))
            yield table.drop_columns("file")
