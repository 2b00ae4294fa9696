"""A month's calls of one or several files merged by id with those that are stored: what the files deliver of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from flexlib.dates import Month
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.files.entries import Decisions, Entries
from flexlib.ingest.files.known import FIGURES, UNKNOWN, read_certificate, write_notes
from flexlib.ingest.files.overlaps import find_equal_rows, find_shared_rows
from flexlib.ingest.files.pool import Pool
from flexlib.ingest.files.said_again import compare_calls
from flexlib.ingest.files.stored import find_empty_columns, find_outer_calls
from flexlib.ingest.files.superseded import Figures, drop_rows
from flexlib.ingest.tables import TABLE_ROWS, hide_ids, mask_private
from flexlib.privacy import PrivacyGuard
from flexlib.schema import USAGE, USAGE_KEY
from flexlib.sources.files.texts import quote
from flexlib.sources.registry import IMPORT
from flexlib.store.origins import ORIGINS, list_beside, read_origins, split_origins
from flexlib.store.refused import read_refused
from flexlib.store.version import People, Snapshot

MEMORY = "400MB"
"""Of DuckDB where the rows of several files, or of a stored month, are joined: with less, joins of millions fail."""


@dataclass(frozen=True)
class MergedMonth:
    """What the files deliver of a month."""

    delivery: Delivery
    added_rows: dict[str, int]
    """Calls that were not there before, by the name of the file that brings them."""


def merge_month(
    pool: Pool,
    month: Month,
    base: Snapshot | None,
    entries: Entries,
    decisions: Decisions,
    read_at: datetime,
    scratch: Path,
) -> MergedMonth:
    """The calls of `base` and those of the month in `pool` that are not among them; `scratch` holds what goes beside.

    Raises `BadFile` where a file says something else of a stored id, or where what was decided cannot be done.
    """
    connection, before = pool.connection, read_certificate(base)
    joined = scratch / "joined.parquet" if base or len(entries.numbers) > 1 else None
    if joined:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
    _view_found(pool, month, entries, decisions.guard)
    _view_stored(connection, base, entries, decisions.guard)
    # Of a version before; today such a month is refused.
    changed = before.sums.figures.get("changed_amounts", {}) if before else {}
    left_out, gone = drop_rows(pool, month, base, entries, decisions)
    known = _merge_found(connection, pool, entries, base, decisions.guard)
    here = [file.months[month] for file in pool.files if month in file.months]
    found = {name: sum(getattr(one.counts, name) for one in here) for name in FIGURES}
    files = entries.files
    doubled = [[one["name"], one["alike"]] for one in files if one.get("alike")]
    shared = [[one["name"], *pair] for one in files for pair in one.get("shared", ())]
    own_totals = [[one["name"], *total] for one in files for total in one.get("own_totals", ())]
    faults: dict[str, tuple[str, Any]] = {
        "own_totals": ("own_totals", own_totals),
        "amounts_changed": ("changed_amounts", changed),
        "possible_duplicates": ("possible_duplicates", doubled),
        "shared_rows": ("shared_rows", shared),
        "doubled_rows": ("doubled_rows", [[one["name"], one["doubled"]] for one in files if one.get("doubled")]),
    }
    reasons = {reason: fault for reason, fault in faults.items() if fault[1]}
    empty = find_empty_columns(base).intersection(*(file.empty_columns for file in pool.files))
    has_parents = bool(
        connection.execute("""
        SELECT 1 FROM (FROM found UNION ALL BY NAME FROM stored) WHERE parent IS NOT NULL LIMIT 1""").fetchall()
    )
    beside = list_beside(has_parents=has_parents)
    tables = _sort_rows(connection, empty, beside, decisions.guard, joined, is_merged=base is not None)
    has_origins = len(files) > 1 or has_parents
    again = {file.facts.sha256 for file in pool.files} | entries.gone
    delivery = Delivery(
        source=IMPORT,
        month=month,
        read_at=read_at,
        tables=split_origins(tables, beside, scratch / ORIGINS if has_origins else None),
        counts={
            name: getattr(before, name, 0) - gone[name] + found[name] - left_out[name] - known[name] for name in FIGURES
        },
        code="files",
        reasons=tuple(reasons),
        figures=dict(reasons.values()),
        refused=[row for one in here for row in one.refused if row.sha256 not in entries.gone],
        raw=[line for line in read_refused(base) if json.loads(line)["sha256"] not in again],
        people=_list_people(pool, month, base),
        beside=(scratch / ORIGINS,) if has_origins else (),
        facts={
            "rows_read": sum(one["rows"] for one in files),
            "quarantined_rows": sum(one["quarantined"] for one in files),
            "left_out": entries.sum_left_out(),
            "files": tuple(files),
            "notes": write_notes(files),
        },
        renews="when changed",
    )
    added = connection.execute("SELECT file, count(*) FROM added GROUP BY file").fetchall() if len(here) > 1 else []
    whole = found["rows"] - left_out["rows"] - known["rows"]
    rows = dict(added) if len(here) > 1 else dict.fromkeys(entries.numbers.values(), whole)
    names = {number: pool.files[place].facts.name for place, number in entries.numbers.items()}
    return MergedMonth(delivery, {names[number]: rows.get(number, 0) for number in names})


def _view_found(pool: Pool, month: Month, entries: Entries, guard: PrivacyGuard) -> None:
    """The view `every_found`: the month's calls with the number of their file, and what they were made in outside."""
    numbers = " ".join(f"WHEN {place} THEN {number}" for place, number in entries.numbers.items())
    salts = " ".join(  # an id that is the file's alone, though another says the same
        f"WHEN {place} THEN left(sha256(id || '@' || {quote(entries.files[number]['sha256'])}), 32)"
        for place, number in entries.numbers.items()
        if number in entries.distinct
    )
    own = f"CASE WHEN has_own_id THEN id ELSE CASE place {salts} ELSE id END END AS id" if salts else "id"
    columns = ", ".join(own if name == "id" else name for name in USAGE.names)
    outside = [file.outside.append_column("place", pa.array([place] * file.outside.num_rows, pa.int32()))
               for place, file in enumerate(pool.files) if file.outside.num_rows]  # fmt: skip
    calls, parent = pool.read_month(month), "NULL::VARCHAR AS parent"
    if outside:
        pool.connection.register("made_outside", pa.concat_tables(outside))
        parents = pool.connection.table("made_outside").select("place, id AS call, parent AS id")
        parents = hide_ids(parents, "parents", pool.connection, guard).select("place, call AS id, id AS parent")
        calls, parent = calls.join(parents, "place, id", how="left"), "parent"
    rows = calls.select(f"{columns}, has_own_id, (CASE place {numbers} END)::INTEGER AS file, {parent}")
    _view(pool.connection, rows, "every_found", entries, guard)


def _view_stored(
    connection: duckdb.DuckDBPyConnection, base: Snapshot | None, entries: Entries, guard: PrivacyGuard
) -> None:
    """The view `every_stored`: what is stored of the month, with the number of the file that it came from."""
    if base is None:
        rows = connection.from_arrow(USAGE.empty_table()).select(f"*, {UNKNOWN} AS file, NULL::VARCHAR AS parent")
    else:
        rows = read_origins(base, entries.stored, connection)
    own = [str(one.number) for one in entries.traits if one.has_own_ids]
    told = f"file IN ({', '.join(own)})" if own else "false"
    rows = rows.select(f"* REPLACE (coalesce(file, {UNKNOWN})::INTEGER AS file), coalesce({told}, false) AS has_own_id")
    _view(connection, rows, "every_stored", entries, guard)


def _view(
    connection: duckdb.DuckDBPyConnection,
    rows: duckdb.DuckDBPyRelation,
    name: str,
    entries: Entries,
    guard: PrivacyGuard,
) -> None:
    """Also what an older flexlib stored has its ids hidden: it may come again."""
    if any(one.has_own_ids for one in entries.traits):
        rows = hide_ids(rows, name, connection, guard)
    rows.create_view(name, replace=True)


def _merge_found(
    connection: duckdb.DuckDBPyConnection, pool: Pool, entries: Entries, base: Snapshot | None, guard: PrivacyGuard
) -> Figures:
    """Makes the view `added`; gives rows and tokens of the calls of `found` that are known from elsewhere."""
    names, known = entries.names, dict.fromkeys(FIGURES, 0)
    firsts = "found"
    if len(entries.numbers) > 1:
        firsts = "firsts"
        connection.execute("""
            CREATE OR REPLACE TEMP TABLE several AS
            SELECT id, min(file) AS file FROM found GROUP BY id HAVING count(*) > 1""")
        later = "found.id = several.id AND found.file <> several.file"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW firsts AS FROM found ANTI JOIN several ON {later}")
        connection.execute(f"CREATE OR REPLACE TEMP VIEW repeats AS FROM found SEMI JOIN several ON {later}")
        known = compare_calls(connection, "repeats", "(FROM firsts SEMI JOIN several USING (id))", names, guard)
    if base:
        lifted = {name for file in pool.files for name in file.lifted}
        again = compare_calls(connection, firsts, "stored", names, guard, lifted)
        known = {name: known[name] + again[name] for name in FIGURES}
        connection.execute(f"CREATE OR REPLACE TEMP VIEW added AS FROM {firsts} ANTI JOIN stored USING (id)")
    else:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW added AS FROM {firsts}")
    if len(entries.files) > 1 and entries.undecided:
        calls, sums = find_shared_rows(connection, entries.traits)
        otherwise = Counter({pair: rows for pair, rows in calls.items() if entries.is_read_otherwise(pair)})
        equal, corrected = find_equal_rows(connection, entries.traits)
        same = (calls - otherwise) | (corrected - otherwise) | find_outer_calls(connection)
        entries.note_shared(otherwise, equal + sums + same)
    return known


def _list_people(pool: Pool, month: Month, base: Snapshot | None) -> People | None:
    """E-mails that stood for a user, of these files and of those before."""
    people: People = dict(base.people) if base else {}
    for file in pool.files:
        people |= file.months[month].people if month in file.months else {}
    return people or None


def _sort_rows(
    connection: duckdb.DuckDBPyConnection,
    empty: set[str],
    beside: pa.Schema,
    guard: PrivacyGuard,
    joined: Path | None,
    *,
    is_merged: bool,
) -> Iterator[pa.Table]:
    """The rows sorted by their key, and what stands `beside` them; columns that are `empty` are not carried through the
    sort, and none is read. They are written into `joined` before where that is a path: what a join holds in memory and
    a sort holds do not fit together.
    """
    columns = [field.name for field in USAGE if field.name not in empty] + beside.names
    chosen = ", ".join(columns)
    rows = connection.sql(f"SELECT {chosen} FROM added" + f" UNION ALL SELECT {chosen} FROM stored" * is_merged)
    if joined:
        rows.write_parquet(str(joined), compression="snappy")
        rows = connection.read_parquet(str(joined))
    for batch in rows.order(", ".join(USAGE_KEY)).to_arrow_reader(TABLE_ROWS):
        found = dict(zip(columns, batch.columns, strict=True))
        arrays = [found.get(field.name, pa.nulls(batch.num_rows, field.type)) for field in USAGE]
        arrays += [found[name] for name in beside.names]
        table = pa.Table.from_arrays(arrays, schema=pa.schema([*USAGE, *beside]))
        yield mask_private(table, guard)
    if joined:
        joined.unlink()
