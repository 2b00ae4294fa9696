"""Which of its files each row of a month came from.

Where a month is of several files, the file of each row stands in a column of its own beside the rows, in their order;
most of it is runs of one number, so it is small. So does what a call was made in, where its file does not hold that.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import UsageCertificate
from flexlib.store.row_hash import hash_file
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

ORIGINS = "origins.parquet"
"""Beside `usage.parquet`: `file`, the place in the certificate's list of files; null where nobody knows. Where a row
has one, `parent` too: the id of what a call was made in that is not in its file."""


def list_beside(*, has_parents: bool) -> pa.Schema:
    """What stands beside the rows."""
    import pyarrow as pa

    return pa.schema([("file", pa.int32()), *([("parent", pa.string())] if has_parents else [])])


def read_origins(base: Snapshot, files: int, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """The rows of a month of as many `files`, with `file` and `parent`; of one that an older flexlib stored both may be
    null."""
    import pyarrow.parquet as pq

    rows, origins = read_usage([base.parquet], connection), base.path / ORIGINS
    if not knows_origins(base, files) or (files == 1 and not origins.exists()):
        return rows.select(f"*, {'0' if files == 1 else 'NULL'}::INTEGER AS file, NULL::VARCHAR AS parent")
    with base.report_damage(origins):
        said = base.certificate.origins_sha256 if isinstance(base.certificate, UsageCertificate) else ""
        if said and hash_file(origins) != said:
            raise ValueError
        beside = pq.read_metadata(origins)
        names = beside.schema.to_arrow_schema()
        known = [list_beside(has_parents=one) for one in (False, True)]
        if names not in known or beside.num_rows != pq.read_metadata(base.parquet).num_rows:
            raise ValueError
    parent = "parent" if names == known[True] else "NULL::VARCHAR AS parent"
    path = glob.escape(str(origins)).replace("'", "''")
    found = rows.query("kept", f"SELECT kept.*, file, {parent} FROM kept POSITIONAL JOIN read_parquet('{path}')")
    assert found is not None  # a query gives rows
    return found


def knows_origins(base: Snapshot, files: int) -> bool:
    """Whether it is known which of its files each row came from."""
    is_told = isinstance(base.certificate, UsageCertificate) and base.certificate.origins_sha256 != ""
    return files == 1 or is_told or (base.path / ORIGINS).exists()


def split_origins(tables: Iterable[pa.Table], schema: pa.Schema, file: Path | None) -> Iterator[pa.Table]:
    """The tables without their last columns, those of `schema`, which are written into `file` on the way where that is
    a path."""
    import pyarrow.parquet as pq

    if file is None:
        yield from (table.drop_columns(schema.names) for table in tables)
        return
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.select(schema.names))
            yield table.drop_columns(schema.names)


def strip_mapping(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """What of it makes a call what it is: which columns a file might have lacked says nothing of what is in it."""
    return {name: value for name, value in mapping.items() if name != "optional"}


def find_system(file: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """What is equal of two files of a certificate that one system wrote, which tells one time of a call."""
    return strip_mapping(file["mapping"]), file.get("rules")
