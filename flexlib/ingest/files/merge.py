"""A month's calls of a file merged by id with those that are stored: what the file delivers of that month."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flexlib.certificate import UsageCertificate
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.files.rules import FileFacts, read_certificate
from flexlib.ingest.recount import AMOUNTS, format_exact
from flexlib.ingest.tables import TABLE_ROWS
from flexlib.money.amounts import drop_filled
from flexlib.schema import USAGE, USAGE_KEY
from flexlib.sources.files import CallFile
from flexlib.sources.registry import IMPORT
from flexlib.store.usage_files import read_usage
from flexlib.store.version import People, Snapshot

FIGURES = ("rows", "prompt_tokens", "completion_tokens")

SAME_CALL = "found.id = stored.id"
SAME_MOMENT = " AND ".join(
    [f"found.{name} = stored.{name}" for name in ("provider", "model", "prompt_tokens", "completion_tokens")]
    + ["date_trunc('millisecond', found.created_at) = date_trunc('millisecond', stored.created_at)"]
)


def merge_month(
    calls: CallFile, month: Month, base: Snapshot | None, file: FileFacts, read_at: datetime
) -> tuple[Delivery, int]:
    """The calls of `base` and those of the month in `calls` that are not among them; and how many those are.

    Raises `BadFile` when the file was merged before under another mapping or says something else of a stored id.
    """
    before = read_certificate(base)
    files = {entry["sha256"]: entry for entry in before.files} if before else {}
    old = files.get(file.sha256, {})
    _check_mapping(file, old, month)
    found, stored = calls.read_month(month).set_alias("found"), _open_stored(calls, base).set_alias("stored")
    again = _count_known(found, stored, file, calls.lifted) if base else dict.fromkeys(FIGURES, 0)
    added = found.join(stored, SAME_CALL, how="anti") if base else found
    read_otherwise = any((one["mapping"], one.get("rules")) != (file.mapping, file.rules) for one in files.values())
    lookalikes = _count_lookalikes(added.set_alias("found"), stored) if read_otherwise else 0
    counts = calls.count_month(month)
    entry = {name: value for name, value in asdict(file).items() if value is not None} | {
        "name": old.get("name", file.name),
        "rows": counts.rows_read,
        "quarantined": counts.quarantined_rows,
        "undated": counts.undated_rows,
        "repeated": counts.repeated_rows,
    }
    if left_out := calls.left_out(month):
        entry["left_out"] = left_out
    if lookalikes := max(lookalikes, old.get("alike", 0)):
        entry["alike"] = lookalikes
    files[file.sha256] = entry
    changed = _compare_amounts(stored, before)
    doubled = [[one["name"], one["alike"]] for one in files.values() if one.get("alike")]
    faults = {"amounts_changed": ("changed_amounts", changed), "possible_duplicates": ("possible_duplicates", doubled)}
    reasons = {reason: fault for reason, fault in faults.items() if fault[1]}
    delivery = Delivery(
        source=IMPORT,
        month=month,
        read_at=read_at,
        tables=_sort_rows(stored.union(added) if base else added, calls.empty_columns & _find_empty_columns(base)),
        counts={name: getattr(counts, name) - again[name] + getattr(before, name, 0) for name in FIGURES},
        code="files",
        reasons=tuple(reasons),
        figures=dict(reasons.values()),
        refused=calls.list_quarantined(month),
        origin={"file": file.name, "sha256": file.sha256},
        raw=[line for line in _read_raw(base) if json.loads(line)["sha256"] != file.sha256],
        people=_list_people(calls, month, base),
        facts={
            "rows_read": sum(one["rows"] for one in files.values()),
            "quarantined_rows": sum(one["quarantined"] for one in files.values()),
            "left_out": _sum_left_out(files.values()),
            "files": tuple(files.values()),
            "notes": tuple(_write_notes(files.values())),
        },
        renews="when changed",
    )
    return delivery, counts.rows - again["rows"]


def _sum_left_out(files: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Rows that are no calls, of all files by kind."""
    found: Counter[str] = Counter()
    for entry in files:
        found.update(entry.get("left_out", {}))
    return tuple({"kind": kind, "rows": rows} for kind, rows in sorted(found.items()))


def _list_people(calls: CallFile, month: Month, base: Snapshot | None) -> People | None:
    """E-mails that stood for a user, of this file and of those before."""
    people = (base.people if base else {}) | calls.list_people(month)
    return people or None


def _check_mapping(file: FileFacts, entry: dict[str, Any], month: Month) -> None:
    """Under another mapping the same calls get other ids: they would count twice."""
    old, new = entry.get("mapping", file.mapping), file.mapping
    changes = [
        f"{name} {old.get(name, 'not given')} (now {new.get(name, 'not given')})"
        for name in old | new
        if old.get(name) != new.get(name)
    ]
    if changes:
        raise BadFile(
            f"{file.name} was imported into {month} before, with {', '.join(changes)}; its calls would count twice. "
            "Import it as before, or with --replace to rebuild its months from this file alone."
        )


def _open_stored(calls: CallFile, base: Snapshot | None) -> duckdb.DuckDBPyRelation:
    if base is None:
        return calls.connection.from_arrow(USAGE.empty_table())
    return read_usage([base.parquet], calls.connection)


def _sort_rows(rows: duckdb.DuckDBPyRelation, empty: set[str]) -> Iterator[pa.Table]:
    """The rows sorted by their key; columns that are `empty` are not carried through the sort, and none is read."""
    fields = [field for field in USAGE if field.name not in empty]
    for batch in rows.select(*(field.name for field in fields)).order(", ".join(USAGE_KEY)).to_arrow_reader(TABLE_ROWS):
        found = dict(zip((field.name for field in fields), batch.columns, strict=True))
        columns = [found.get(field.name, pa.nulls(batch.num_rows, field.type)) for field in USAGE]
        yield pa.Table.from_arrays(columns, schema=USAGE)


def _find_empty_columns(base: Snapshot | None) -> set[str]:
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


def _count_known(
    found: duckdb.DuckDBPyRelation, stored: duckdb.DuckDBPyRelation, file: FileFacts, lifted: set[str]
) -> dict[str, int]:
    """Rows and tokens of the calls that are stored already; raises `BadFile` where the file says something else.

    What is `lifted` out of the metadata flexlib 0.1.0 did not read: there the metadata alone says whether it is alike.
    """
    before_it = {name: f"coalesce(stored.{name}, found.{name})" for name in lifted}
    columns = ", ".join(
        [f"found.{name} AS found_{name}" for name in USAGE.names]
        + [f"{before_it.get(name, f'stored.{name}')} AS stored_{name}" for name in USAGE.names]
    )
    counts = dict.fromkeys(FIGURES, 0)
    changed: list[str] = []
    for batch in found.join(stored, SAME_CALL).select(columns).to_arrow_reader(TABLE_ROWS):
        again, before = (
            drop_filled(pa.Table.from_arrays(batch.columns[start : start + len(USAGE)], schema=USAGE))
            for start in (0, len(USAGE))
        )
        if not before.equals(again):
            pairs = zip(before.to_pylist(), again.to_pylist(), strict=True)
            changed += [one["id"] for one, other in pairs if one != other]
        counts["rows"] += len(again)
        for name in FIGURES[1:]:
            counts[name] += pc.sum(again[name]).as_py()
    if changed:
        raise BadFile(
            f"{file.name} differs from what is stored in {len(changed)} calls of the same id, such as {min(changed)}. "
            "Import it with --replace to rebuild its months from this file alone."
        )
    return counts


def _count_lookalikes(added: duckdb.DuckDBPyRelation, stored: duckdb.DuckDBPyRelation) -> int:
    """New calls at the moment of a stored one, with its model and tokens: read otherwise, a call has another id."""
    ((count,),) = added.join(stored, SAME_MOMENT, how="semi").aggregate("count(*)").fetchall()
    return int(count)


def _compare_amounts(stored: duckdb.DuckDBPyRelation, before: UsageCertificate | None) -> dict[str, list[str | None]]:
    """Amounts whose stored sum is not their certificate's, both as text: filling would carry them on."""
    if before is None:
        return {}
    sums = stored.aggregate(", ".join(f"sum({name})" for name in AMOUNTS)).fetchall()[0]
    pairs: dict[str, list[Any]] = {
        name: [format_exact(found), getattr(before, name)]
        for name, found in zip(AMOUNTS, sums, strict=True)
        if before.has_known_total(name)
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _write_notes(files: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield "Every row of the files is taken, a duplicate or quarantined; whether they hold every call, no file says."
    yield "Kept are the files' hashes and the rows that could not be taken; the files themselves are not copied."
    for entry in files:
        if entry["undated"]:
            yield (
                f"Rows of {entry['name']} without a readable time: {entry['undated']:,}; "
                "they count as quarantined in every month of that file."
            )
        if entry["repeated"]:
            yield (
                f"Calls of {entry['name']} in an hour that the clock showed twice: {entry['repeated']:,}; "
                "they are taken as of the first."
            )


def _read_raw(snapshot: Snapshot | None) -> list[str]:
    if snapshot is None:
        return []
    raw = snapshot.path / "raw" / "answers.jsonl.gz"
    try:
        with gzip.open(raw, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except PermissionError as error:
        raise BadFile(f"{raw} is its owner's only; let whoever imported the month import this too.") from error
