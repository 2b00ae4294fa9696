"""Rows in memory stored as a version of their month, and their hash: a run writes and hashes them piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.certificate import AnyCertificate
from flexlib.store.row_hash import RowHash
from flexlib.store.snapshots import move_snapshot
from flexlib.store.version import People, Snapshot


def hash_rows(rows: pa.Table) -> str:
    """The `RowHash` of one table."""
    digest = RowHash()
    digest.add(rows)
    return digest.hexdigest()


def write_snapshot(
    rows: pa.Table, certificate: AnyCertificate, raw: Iterable[str], people: People | None, root: Path
) -> Snapshot:
    """As `move_snapshot`, of rows that are not in a Parquet yet."""
    root.mkdir(parents=True, exist_ok=True)
    parquet = root / "rows.parquet"
    pq.write_table(rows, parquet, compression="zstd")
    return move_snapshot(parquet, certificate, root, raw, people)
