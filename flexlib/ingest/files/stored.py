"""What is stored of a month of files by now: which file each row came from, what is empty, what stands beside it.

Where a month is of several files, the file of each row stands in a column of its own beside the rows, in their order;
most of it is runs of one number, so it is small. So does what a call was made in, where its file does not hold that.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flexlib.certificate import UsageCertificate
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.ingest.files.known import read_certificate
from flexlib.ingest.files.overlaps import Pair
from flexlib.ingest.files.pool import Pool
from flexlib.schema import USAGE
from flexlib.sources.files.texts import quote
from flexlib.store.row_hash import hash_file
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

GROUP = ("provider", "created_at", "grain", "model", "proxy", "usable_type", "usable_id", "usable_key", "metadata")
"""What a corrected row keeps: its counts and amounts may be others."""

ORIGINS = "origins.parquet"
"""Beside `usage.parquet`: `file`, the place in the certificate's list of files; null where nobody knows. Where a row
has one, `parent` too: the id of what a call was made in that is not in its file."""

FILE, PARENT = pa.field("file", pa.int32()), pa.field("parent", pa.string())
SCHEMAS = (pa.schema([FILE]), pa.schema([FILE, PARENT]))


def read_origins(base: Snapshot, files: int, connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """The rows of a month of as many `files`, with `file` and `parent`; of one that an older flexlib stored both may be
    null."""
    rows, origins = read_usage([base.parquet], connection), base.path / ORIGINS
    if not knows_origins(base, files) or (files == 1 and not origins.exists()):
        return rows.select(f"*, {'0' if files == 1 else 'NULL'}::INTEGER AS file, NULL::VARCHAR AS parent")
    with base.report_damage(origins):
        said = base.certificate.origins_sha256 if isinstance(base.certificate, UsageCertificate) else ""
        if said and hash_file(origins) != said:
            raise ValueError
        beside = pq.read_metadata(origins)
        schema = beside.schema.to_arrow_schema()
        if schema not in SCHEMAS or beside.num_rows != pq.read_metadata(base.parquet).num_rows:
            raise ValueError
    parent = "parent" if PARENT.name in schema.names else "NULL::VARCHAR AS parent"
    there = f"SELECT kept.*, file, {parent} FROM kept POSITIONAL JOIN read_parquet({quote(str(origins))})"
    found = rows.query("kept", there)
    assert found is not None  # a query gives rows
    return found


def knows_origins(base: Snapshot, files: int) -> bool:
    """Whether it is known which of its files each row came from."""
    is_told = isinstance(base.certificate, UsageCertificate) and base.certificate.origins_sha256 != ""
    return files == 1 or is_told or (base.path / ORIGINS).exists()


def split_origins(tables: Iterable[pa.Table], schema: pa.Schema, file: Path | None) -> Iterator[pa.Table]:
    """The tables without their last columns, those of `schema`, one of `SCHEMAS`, which are written into `file` on the
    way where that is a path."""
    if file is None:
        yield from (table.drop_columns(schema.names) for table in tables)
        return
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table.select(schema.names))
            yield table.drop_columns(schema.names)


def find_held_again(pool: Pool, month: Month, base: Snapshot) -> set[str]:
    """The hashes of stored files of `base` that are given: the same bytes, or a file of the same name with a row for
    each of theirs.

    Another project's file may have the same name, and sums of the same days: that of no user or key says of nobody.
    """
    before = read_certificate(base)
    files = before.files if before else ()
    places = {file.facts.name: place for place, file in enumerate(pool.files)}
    given = {file.facts.sha256 for file in pool.files}
    again = {entry["sha256"] for entry in files if entry["sha256"] in given}
    corrected = [number for number, one in enumerate(files) if one["sha256"] not in given and one["name"] in places]
    if not corrected or not base.is_unchanged or not knows_origins(base, len(files)):
        return again
    pool.read_month(month).create_view("again_given", replace=True)
    read_origins(base, len(files), pool.connection).create_view("again_stored", replace=True)
    of_anybody = "one.grain <> 'call' AND coalesce(one.usable_id::VARCHAR, one.usable_key) IS NULL"
    same = " AND ".join(f"one.{name} IS NOT DISTINCT FROM other.{name}" for name in GROUP)
    for number in corrected:
        rows = pool.connection.execute(
            f"""SELECT 1 FROM again_stored one WHERE one.file = {number} AND ({of_anybody} OR NOT EXISTS (
                FROM again_given other WHERE other.place = {places[files[number]["name"]]} AND {same})) LIMIT 1"""
        ).fetchall()
        if not rows:
            again.add(files[number]["sha256"])
    return again


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
        with snapshot.report_damage(raw), gzip.open(raw, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except PermissionError as error:
        raise BadFile(f"{raw} is its owner's only; let whoever imported the month import this too.") from error


def find_outer_calls(connection: duckdb.DuckDBPyConnection) -> Counter[Pair]:
    """How many calls of each file were made in a call of another one that may be their sum; where the inner ones are
    stored, how many of the file that is found have such calls in them. Looks into the views `found` and `stored`."""
    counts = connection.execute("""
        WITH every AS (SELECT *, true AS is_new FROM found UNION ALL BY NAME SELECT *, false AS is_new FROM stored)
        SELECT inner_one.file, outer_one.file, inner_one.is_new,
            count(DISTINCT CASE WHEN inner_one.is_new THEN inner_one.id ELSE outer_one.id END)
        FROM every inner_one JOIN every outer_one ON outer_one.id = inner_one.parent
        WHERE outer_one.file <> inner_one.file AND (inner_one.is_new OR outer_one.is_new)
            AND outer_one.prompt_tokens >= inner_one.prompt_tokens
            AND outer_one.completion_tokens >= inner_one.completion_tokens GROUP BY ALL""").fetchall()
    counted: Counter[Pair] = Counter()
    for inner, outer, is_new, count in counts:
        counted[(inner, outer) if is_new else (outer, inner)] += count
    return counted
