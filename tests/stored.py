"""Rows in memory stored as a version of their month, and their hash: a run writes and hashes them piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.certificate import AnyCertificate
from flexlib.store.disk import make_scratch, report_disk
from flexlib.store.row_hash import RowHash
from flexlib.store.snapshots import move_version, write_version
from flexlib.store.version import People, Snapshot


def hash_rows(rows: pa.Table) -> str:
    """The `RowHash` of one table."""
    digest = RowHash()
    digest.add(rows)
    return digest.hexdigest()


def write_snapshot(
    rows: pa.Table, certificate: AnyCertificate, raw: Iterable[str], people: People | None, root: Path
) -> Snapshot:
    """The rows stored as a version of their month, as a run does that holds it."""
    month = root / certificate.dataset / str(certificate.month)
    with make_scratch(month, ".ingesting") as scratch:
        parquet, draft = scratch / "rows.parquet", scratch / "version"
        pq.write_table(rows, parquet, compression="zstd")
        with report_disk(month):
            write_version(draft, parquet, certificate, raw, people)
        return move_version(draft, certificate, root)


def read_version(snapshot: Snapshot) -> dict[str, bytes]:
    """Every file of a stored version, by its name there."""
    files = (one for one in snapshot.path.rglob("*") if one.is_file())
    return {one.relative_to(snapshot.path).as_posix(): one.read_bytes() for one in files}
