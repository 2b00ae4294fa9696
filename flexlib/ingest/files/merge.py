"""A month's calls of a file merged by id with those that are stored, counted twice over, with the proof of both."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from flexlib import __version__
from flexlib.certificate import Check, UsageCertificate
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.formats import format_count
from flexlib.ingest.files.amounts import TABLE_ROWS, drop_filled, write_filled
from flexlib.ingest.files.possible_duplicates import compare_amounts, count_alike, list_alike
from flexlib.ingest.recount import ParquetCounts, count_parquet, format_amount, list_figures
from flexlib.money.fx import Rates
from flexlib.schema import USAGE
from flexlib.sources.files import CallFile, QuarantinedRow
from flexlib.sources.registry import IMPORT
from flexlib.store.snapshots import Snapshot
from flexlib.store.usage_files import read_usage

FIGURES = ("rows", "prompt_tokens", "completion_tokens")

SAME_CALL = "found.id = stored.id"


@dataclass(frozen=True)
class FileFacts:
    """What the certificate says of a file, whatever the month."""

    name: str
    sha256: str
    mapping: dict[str, Any]


@dataclass(frozen=True)
class MergedMonth:
    """A month that has passed every check, in a Parquet of its own that is not stored yet."""

    parquet: Path
    certificate: UsageCertificate
    raw: list[str]
    """A line of JSON for each quarantined row, of earlier files too: file, sha256, line, reason, text."""
    added_rows: int
    quarantined: tuple[QuarantinedRow, ...]
    """Those of this file."""


def merge_month(
    calls: CallFile,
    month: Month,
    base: Snapshot | None,
    file: FileFacts,
    rates: Rates,
    parquet: Path,
    read_at: datetime,
) -> MergedMonth:
    """The calls of `base` and those of the month in `calls` that are not among them, written to `parquet`.

    Amounts that are lacking, also in `base`, are filled where the price book and `rates` know them by now.
    Raises `BadFile` when the file was merged before under another mapping or says something else of a stored id;
    `BadRecord`; `DiskFailed`.
    """
    before = read_certificate(base)
    files = {entry["sha256"]: entry for entry in before.files} if before else {}
    _check_mapping(file, files.get(file.sha256), month)
    found, stored = calls.read_month(month).set_alias("found"), _open_stored(calls, base).set_alias("stored")
    again = _count_known(found, stored, file)
    added = found.join(stored, SAME_CALL, how="anti")
    alike = (
        count_alike(added.set_alias("found"), stored)
        if any(one["mapping"] != file.mapping for one in files.values())
        else 0
    )
    wrong = list(compare_amounts(stored, before))
    rows = stored.union(added).order("created_at, id")
    rows_sha256, amounts = write_filled(rows, month, rates, parquet)

    counts = calls.count_month(month)
    expected = {name: getattr(counts, name) - again[name] + getattr(before, name, 0) for name in FIGURES}
    counted = count_parquet(parquet)
    totals = counted.totals
    files[file.sha256] = {
        **asdict(file),
        "name": files.get(file.sha256, {}).get("name", file.name),
        "rows": counts.rows_read,
        "quarantined": counts.quarantined_rows,
        "undated": counts.undated_rows,
        "repeated": counts.repeated_rows,
    } | ({"alike": alike} if (alike := max(alike, files.get(file.sha256, {}).get("alike", 0))) else {})
    rows_read, quarantined = (sum(entry[name] for entry in files.values()) for name in ("rows", "quarantined"))
    certificate = UsageCertificate(
        month=month,
        read_at=read_at,
        source=IMPORT.name,
        rows_read=rows_read,
        quarantined_rows=quarantined,
        duplicate_rows=rows_read - quarantined - totals.rows,
        rows=totals.rows,
        prompt_tokens=totals.prompt_tokens,
        completion_tokens=totals.completion_tokens,
        rows_sha256=rows_sha256,
        files=tuple(files.values()),
        sums=_compare_sums(expected | amounts, counted, [*wrong, *list_alike(files.values())]),
        amount_in_usd=format_amount(totals.amount_in_usd),
        amount_in_clp=format_amount(totals.amount_in_clp),
        unpriced_rows=totals.unpriced_usd,
        unpriced=counted.unpriced,
        rows_without_clp=totals.unpriced_clp,
        rates=counted.rates,
        notes=tuple(_write_notes(list(files.values()), totals.unpriced_usd, counted.unrated)),
        flexlib_version=__version__,
    )
    bad = calls.list_quarantined(month)
    raw = [line for line in _read_raw(base) if json.loads(line)["sha256"] != file.sha256]
    raw += [json.dumps({"file": file.name, "sha256": file.sha256, **asdict(row)}) for row in bad]
    return MergedMonth(parquet, certificate, raw, counts.rows - again["rows"], tuple(bad))


def read_certificate(snapshot: Snapshot | None) -> UsageCertificate | None:
    """The certificate of a snapshot of calls, None where there is none."""
    certificate = snapshot.certificate if snapshot else None
    return certificate if isinstance(certificate, UsageCertificate) else None


def _check_mapping(file: FileFacts, entry: dict[str, Any] | None, month: Month) -> None:
    """Under another mapping the same calls get other ids: they would count twice."""
    old, new = (entry["mapping"] if entry else file.mapping), file.mapping
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


def _count_known(found: duckdb.DuckDBPyRelation, stored: duckdb.DuckDBPyRelation, file: FileFacts) -> dict[str, int]:
    """Rows and tokens of the calls that are stored already; raises `BadFile` where the file says something else."""
    columns = ", ".join(f"{side}.{name} AS {side}_{name}" for side in ("found", "stored") for name in USAGE.names)
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


def _compare_sums(expected: dict[str, Any], counts: ParquetCounts, wrong: Iterable[str]) -> Check:
    counted = list_figures(counts.totals)
    differs = (name for name, wanted in expected.items() if counted[name] != wanted)
    wrong = [*wrong, *(f"{name} is {counted[name]}, not {expected[name]}" for name in differs)]
    if counts.distinct_ids != counts.totals.rows:
        wrong.append(f"{counts.totals.rows} rows have {counts.distinct_ids} different ids")
    return Check(
        "differs" if wrong else "agrees",
        how="what was stored and what the file adds to it, against the written Parquet counted again",
        checked=len(expected) + 1,
        why="; ".join(wrong),
        figures=expected,
    )


def _write_notes(files: list[dict[str, Any]], unpriced: int, unrated: int) -> Iterator[str]:
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
    if unpriced:
        yield f"{format_count(unpriced, 'call')} without a price: the sum in USD is a lower bound."
    if unrated:
        yield (
            f"{format_count(unrated, 'call')} with a price, but without an exchange rate yet: "
            "run flexlib fx update, then import again."
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
