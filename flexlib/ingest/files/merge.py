"""A month's calls of one or several files merged by id with those that are stored: what the files deliver of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.files.entries import UNKNOWN, Entries, write_notes
from flexlib.ingest.files.known import FIGURES, compare_calls
from flexlib.ingest.files.origins import ORIGINS, knows_origins, read_origins, split_origins
from flexlib.ingest.files.overlaps import Pair, drop_superseded, find_equal_rows, find_shared_rows
from flexlib.ingest.files.pool import Pool
from flexlib.ingest.files.rules import read_certificate
from flexlib.ingest.files.stored import find_empty_columns, read_raw
from flexlib.ingest.tables import TABLE_ROWS, mask_metadata
from flexlib.schema import USAGE, USAGE_KEY
from flexlib.sources.files.texts import quote
from flexlib.sources.registry import IMPORT
from flexlib.store.version import People, Snapshot

Figures = dict[str, int]
"""By `FIGURES`."""


@dataclass(frozen=True)
class MergedMonth:
    """What the files deliver of a month."""

    delivery: Delivery
    added_rows: dict[str, int]
    """Calls that were not there before, by the name of the file that brings them."""


def merge_month(
    pool: Pool, month: Month, base: Snapshot | None, entries: Entries, read_at: datetime, scratch: Path
) -> MergedMonth:
    """The calls of `base` and those of the month in `pool` that are not among them; `scratch` holds what goes beside.

    Raises `BadFile` where a file says something else of a stored id, or where what was decided cannot be done.
    """
    connection, before = pool.connection, read_certificate(base)
    _view_found(pool, month, entries)
    _view_stored(connection, base, entries)
    # Of a version before; today such a month is refused.
    changed = before.sums.figures.get("changed_amounts", {}) if before else {}
    left_out, gone = _drop_rows(connection, base, entries)
    known = _merge_found(connection, pool, entries, base)
    here = [file.months[month] for file in pool.files if month in file.months]
    found = {name: sum(getattr(one.counts, name) for one in here) for name in FIGURES}
    files = entries.files
    doubled = [[one["name"], one["alike"]] for one in files if one.get("alike")]
    shared = [[one["name"], *pair] for one in files for pair in one.get("shared", ())]
    faults = {
        "amounts_changed": ("changed_amounts", changed),
        "possible_duplicates": ("possible_duplicates", doubled),
        "shared_rows": ("shared_rows", shared),
    }
    reasons = {reason: fault for reason, fault in faults.items() if fault[1]}
    empty = find_empty_columns(base).intersection(*(file.empty_columns for file in pool.files))
    tables = _sort_rows(connection, empty, is_merged=base is not None)
    is_of_several = len(files) > 1
    again = {file.facts.sha256 for file in pool.files}
    delivery = Delivery(
        source=IMPORT,
        month=month,
        read_at=read_at,
        tables=split_origins(tables, scratch / ORIGINS if is_of_several else None),
        counts={
            name: getattr(before, name, 0) - gone[name] + found[name] - left_out[name] - known[name] for name in FIGURES
        },
        code="files",
        reasons=tuple(reasons),
        figures=dict(reasons.values()),
        refused=[row for one in here for row in one.refused],
        raw=[line for line in read_raw(base) if json.loads(line)["sha256"] not in again],
        people=_list_people(pool, month, base),
        beside=(scratch / ORIGINS,) if is_of_several else (),
        facts={
            "rows_read": sum(one["rows"] for one in files),
            "quarantined_rows": sum(one["quarantined"] for one in files),
            "left_out": entries.sum_left_out(),
            "files": tuple(files),
            "notes": tuple(write_notes(files)),
        },
        renews="when changed",
    )
    added = connection.execute("SELECT file, count(*) FROM added GROUP BY file").fetchall() if len(here) > 1 else []
    whole = found["rows"] - left_out["rows"] - known["rows"]
    rows = dict(added) if len(here) > 1 else dict.fromkeys(entries.numbers.values(), whole)
    names = {number: pool.files[place].facts.name for place, number in entries.numbers.items()}
    return MergedMonth(delivery, {names[number]: rows.get(number, 0) for number in names})


def _view_found(pool: Pool, month: Month, entries: Entries) -> None:
    """The view `every_found`: the month's calls with the number of their file."""
    numbers = " ".join(f"WHEN {place} THEN {number}" for place, number in entries.numbers.items())
    salts = " ".join(  # an id that is the file's alone, though another says the same
        f"WHEN {place} THEN left(sha256(id || '@' || {quote(entries.files[number]['sha256'])}), 32)"
        for place, number in entries.numbers.items()
        if number in entries.distinct
    )
    own = f"CASE WHEN has_own_id THEN id ELSE CASE place {salts} ELSE id END END AS id" if salts else "id"
    columns = ", ".join(own if name == "id" else name for name in USAGE.names)
    rows = pool.read_month(month).select(f"{columns}, has_own_id, (CASE place {numbers} END)::INTEGER AS file")
    rows.create_view("every_found", replace=True)


def _view_stored(connection: duckdb.DuckDBPyConnection, base: Snapshot | None, entries: Entries) -> None:
    """The view `every_stored`: what is stored of the month, with the number of the file that it came from."""
    if base is None:
        rows = connection.from_arrow(USAGE.empty_table()).select(f"*, {UNKNOWN} AS file")
    else:
        rows = read_origins(base, entries.stored, connection)
    own = [str(one.number) for one in entries.traits if one.has_own_ids]
    told = f"file IN ({', '.join(own)})" if own else "false"
    rows.select(
        f"* REPLACE (coalesce(file, {UNKNOWN})::INTEGER AS file), coalesce({told}, false) AS has_own_id"
    ).create_view("every_stored", replace=True)


def _drop_rows(
    connection: duckdb.DuckDBPyConnection, base: Snapshot | None, entries: Entries
) -> tuple[Figures, Figures]:
    """Makes the views `found` and `stored` without what was decided to go; gives rows and tokens of that of each."""
    dropped = drop_superseded(connection, entries.superseded) if entries.superseded else Counter[int]()
    is_redone = f"coalesce(file IN ({', '.join(map(str, entries.redone)) or 'NULL'}), false)"
    figures = []
    for view in ("found", "stored"):
        if not entries.redone and not entries.superseded:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS FROM every_{view}")
            figures.append(dict.fromkeys(FIGURES, 0))
            continue
        if base and not knows_origins(base, entries.stored):
            raise BadFile(
                f"which rows of {base.month} came from which of its files, an older flexlib did not keep; "
                "import them all again with --replace, in one command."
            )
        goes = [is_redone] if view == "stored" else ["false"]
        goes += ["(file, id) IN (SELECT (file, id) FROM superseded)"] if entries.superseded else []
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE dropped_{view} AS
            SELECT file, id, prompt_tokens, completion_tokens FROM every_{view} WHERE {" OR ".join(goes)}""")
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {view} AS FROM every_{view} ANTI JOIN dropped_{view} USING (file, id)"
        )
        sums = "count(*), coalesce(sum(prompt_tokens), 0)::BIGINT, coalesce(sum(completion_tokens), 0)::BIGINT"
        (counts,) = connection.execute(f"SELECT {sums} FROM dropped_{view}").fetchall()
        figures.append(dict(zip(FIGURES, counts, strict=True)))
    entries.note_superseded(dropped)
    return figures[0], figures[1]


def _merge_found(connection: duckdb.DuckDBPyConnection, pool: Pool, entries: Entries, base: Snapshot | None) -> Figures:
    """Makes the view `added`; gives rows and tokens of the calls of `found` that are known from elsewhere."""
    names, known, shared = entries.names, dict.fromkeys(FIGURES, 0), Counter[Pair]()
    firsts = "found"
    if len(entries.numbers) > 1:
        firsts = "firsts"
        connection.execute("""
            CREATE OR REPLACE TEMP TABLE several AS
            SELECT id, min(file) AS file FROM found GROUP BY id HAVING count(*) > 1""")
        later = "found.id = several.id AND found.file <> several.file"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW firsts AS FROM found ANTI JOIN several ON {later}")
        connection.execute(f"CREATE OR REPLACE TEMP VIEW repeats AS FROM found SEMI JOIN several ON {later}")
        known = compare_calls(connection, "repeats", "(FROM firsts SEMI JOIN several USING (id))", names)
        shared += find_equal_rows(connection, "several", entries.undecided) if known["rows"] else Counter()
    if base:
        lifted = {name for file in pool.files for name in file.lifted}
        again = compare_calls(connection, firsts, "stored", names, lifted)
        shared += find_equal_rows(connection, "stored", entries.undecided) if again["rows"] else Counter()
        known = {name: known[name] + again[name] for name in FIGURES}
        connection.execute(f"CREATE OR REPLACE TEMP VIEW added AS FROM {firsts} ANTI JOIN stored USING (id)")
    else:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW added AS FROM {firsts}")
    if len(entries.files) > 1 and entries.undecided:
        calls, sums = find_shared_rows(connection, entries.traits)
        otherwise = Counter({pair: rows for pair, rows in calls.items() if entries.is_read_otherwise(pair)})
        entries.note_shared(otherwise, shared + sums + (calls - otherwise))
    return known


def _list_people(pool: Pool, month: Month, base: Snapshot | None) -> People | None:
    """E-mails that stood for a user, of these files and of those before."""
    people: People = dict(base.people) if base else {}
    for file in pool.files:
        people |= file.months[month].people if month in file.months else {}
    return people or None


def _sort_rows(connection: duckdb.DuckDBPyConnection, empty: set[str], *, is_merged: bool) -> Iterator[pa.Table]:
    """The rows sorted by their key, and their `file`; columns that are `empty` are not carried through the sort, and
    none is read.
    """
    columns = [field.name for field in USAGE if field.name not in empty] + ["file"]
    chosen = ", ".join(columns)
    rows = connection.sql(f"SELECT {chosen} FROM added" + f" UNION ALL SELECT {chosen} FROM stored" * is_merged)
    for batch in rows.order(", ".join(USAGE_KEY)).to_arrow_reader(TABLE_ROWS):
        found = dict(zip(columns, batch.columns, strict=True))
        arrays = [found.get(field.name, pa.nulls(batch.num_rows, field.type)) for field in USAGE]
        table = pa.Table.from_arrays([*arrays, found["file"]], schema=USAGE.append(pa.field("file", pa.int32())))
        yield mask_metadata(table)
