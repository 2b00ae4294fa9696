"""What is stored of a month of files by now: files that are given again, what is empty, what could not be taken."""

from __future__ import annotations

from collections import Counter

import duckdb
import pyarrow.parquet as pq

from flexlib.dates import Month
from flexlib.enums import OF_AN_HOUR
from flexlib.ingest.files.known import read_certificate
from flexlib.ingest.files.pool import Pool, ReadFile
from flexlib.money.moved_calls import FARTHEST, SLOW
from flexlib.money.shifted_calls import Pair
from flexlib.schema import USAGE
from flexlib.store.origins import knows_origins, read_origins
from flexlib.store.version import Snapshot

GROUP = ("provider", "created_at", "grain", "model", "proxy", "usable_type", "usable_id", "usable_key", "metadata")
"""What a corrected row keeps: its counts and amounts may be others."""

FAR = f"INTERVAL {FARTHEST + SLOW} SECOND"
"""How far from a month's edge a call may stand that another clock puts on its other side."""


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


def is_at_edge(pool: Pool, file: ReadFile, month: Month) -> bool:
    """Whether another clock may have put a call of the file, or the sum of an hour, into the month or out of it."""
    ends = " OR ".join(
        f"created_at BETWEEN DATE '{one}' - {FAR} AND DATE '{one}' + {FAR}" for one in (month.first, month.next.first)
    )
    calls = pool.calls.filter(f"place = {pool.files.index(file)} AND grain IN {OF_AN_HOUR} AND ({ends})")
    return bool(calls.limit(1).fetchall())
