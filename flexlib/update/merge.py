"""A month's calls of a file merged by id with those that are stored, counted twice over, with the proof of both."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flexlib import __version__
from flexlib.certificate import Check, UsageCertificate
from flexlib.errors import BadFile
from flexlib.formats import format_count
from flexlib.ledger.columns import WIDE
from flexlib.money.fx import Rates
from flexlib.month import Month
from flexlib.schema import USAGE, check_usage
from flexlib.sources.calls import CallFile, QuarantinedRow
from flexlib.store.row_hash import RowHash
from flexlib.store.snapshots import Snapshot, report_disk
from flexlib.update.amounts import drop_filled, fill_rows
from flexlib.update.counts import ParquetCounts, count_parquet, write_amount, write_figures

__all__ = ["SOURCE", "FileFacts", "MergedMonth", "merge_month", "read_certificate"]

SOURCE = "import"
"""The name of this source: `usage/<month>/import/`."""

FIGURES = ("rows", "prompt_tokens", "completion_tokens")
AMOUNTS = ("amount_in_usd", "amount_in_clp")

TABLE_ROWS = 122_880
"""As many rows as DuckDB reads at a time: filled and written together, a row group of the Parquet each."""


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
    stored = pq.read_table(base.parquet, schema=USAGE) if base else USAGE.empty_table()
    found = calls.read_month(month)
    is_known = pc.is_in(found["id"], value_set=stored["id"].combine_chunks())
    known, added = found.filter(is_known), found.filter(pc.invert(is_known))
    _check_same(stored, known, file)
    rows = pa.concat_tables([stored, added]).sort_by([("created_at", "ascending"), ("id", "ascending")])
    rows_sha256, amounts, unrated = _write_filled(check_usage(rows, month), rates, parquet)

    counts, again = calls.count_month(month), _count_rows(known)
    expected = {name: getattr(counts, name) - again[name] + getattr(before, name, 0) for name in FIGURES}
    counted = count_parquet(parquet)
    found = counted.totals
    files[file.sha256] = {
        **asdict(file),
        "name": files.get(file.sha256, {}).get("name", file.name),
        "rows": counts.rows_read,
        "quarantined": counts.quarantined_rows,
        "undated": counts.undated_rows,
        "repeated": counts.repeated_rows,
    }
    rows_read, quarantined = (sum(entry[name] for entry in files.values()) for name in ("rows", "quarantined"))
    certificate = UsageCertificate(
        month=month,
        read_at=read_at,
        source=SOURCE,
        rows_read=rows_read,
        quarantined_rows=quarantined,
        duplicate_rows=rows_read - quarantined - found.rows,
        rows=found.rows,
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.completion_tokens,
        rows_sha256=rows_sha256,
        files=tuple(files.values()),
        sums=_compare_sums(expected | amounts, counted),
        amount_in_usd=write_amount(found.amount_in_usd),
        amount_in_clp=write_amount(found.amount_in_clp),
        unpriced_rows=found.unpriced_usd,
        unpriced=counted.unpriced,
        rows_without_clp=found.unpriced_clp,
        rates=counted.rates,
        notes=tuple(_write_notes(list(files.values()), found.unpriced_usd, unrated)),
        flexlib_version=__version__,
    )
    bad = calls.list_quarantined(month)
    raw = [line for line in _read_raw(base) if json.loads(line)["sha256"] != file.sha256]
    raw += [json.dumps({"file": file.name, "sha256": file.sha256, **asdict(row)}) for row in bad]
    return MergedMonth(parquet, certificate, raw, len(added), tuple(bad))


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
            "Import it as before, or with --replace to make its months anew out of this file alone."
        )


def _check_same(stored: pa.Table, known: pa.Table, file: FileFacts) -> None:
    before = drop_filled(stored.filter(pc.is_in(stored["id"], value_set=known["id"].combine_chunks())).sort_by("id"))
    again = drop_filled(known.sort_by("id"))
    if before.equals(again):
        return
    pairs = zip(before.to_pylist(), again.to_pylist(), strict=True)
    changed = [one["id"] for one, other in pairs if one != other]
    raise BadFile(
        f"{file.name} differs from what is stored in {len(changed)} calls of the same id, such as {changed[0]}. "
        "Import it with --replace to make its months anew out of this file alone."
    )


def _write_filled(rows: pa.Table, rates: Rates, parquet: Path) -> tuple[str, dict[str, Any], int]:
    """Writes the rows with their amounts; gives their hash, the sums and gaps of the amounts as they went in,
    and how many rows have an amount in USD alone.
    """
    digest = RowHash()
    sums: dict[str, Decimal | None] = dict.fromkeys(AMOUNTS)
    gaps = dict.fromkeys(AMOUNTS, 0)
    unrated = 0
    with report_disk(parquet.parent), pq.ParquetWriter(parquet, USAGE, compression="zstd") as writer:
        for start in range(0, len(rows), TABLE_ROWS):
            table = fill_rows(rows.slice(start, TABLE_ROWS), rates)
            writer.write_table(table, row_group_size=len(table))
            digest.add(table)
            usd, pesos = (table[name] for name in AMOUNTS)
            unrated += pc.sum(pc.and_(pc.is_valid(usd), pc.is_null(pesos))).as_py() or 0
            for name in AMOUNTS:
                gaps[name] += table[name].null_count
                if (part := _sum_exactly(table[name])) is not None:
                    sums[name] = WIDE.add(sums[name] or Decimal(0), part)
    figures: dict[str, Any] = {name: write_amount(total) for name, total in sums.items()}
    figures |= {"unpriced_rows": gaps["amount_in_usd"], "rows_without_clp": gaps["amount_in_clp"]}
    return digest.hexdigest(), figures, unrated


def _sum_exactly(amounts: pa.ChunkedArray) -> Decimal | None:
    total: Decimal | None = pc.sum(amounts.cast(pa.decimal128(38, amounts.type.scale))).as_py()
    return total


def _compare_sums(expected: dict[str, Any], counts: ParquetCounts) -> Check:
    counted = write_figures(counts.totals)
    wrong = [f"{name} is {counted[name]}, not {wanted}" for name, wanted in expected.items() if counted[name] != wanted]
    return Check(
        "differs" if wrong else "agrees",
        how="what was stored and what the file adds to it, against the written Parquet counted again",
        checked=len(expected),
        why="; ".join(wrong),
        figures=expected,
    )


def _count_rows(rows: pa.Table) -> dict[str, int]:
    return {"rows": len(rows)} | {name: pc.sum(rows[name]).as_py() or 0 for name in FIGURES[1:]}


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
    with gzip.open(snapshot.path / "raw" / "answers.jsonl.gz", "rt", encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]
