"""The one way of a month into the store, whatever the source.

A delivery is checked against its schema, priced, written and hashed; the written file is counted again and held
against what was delivered and what the source says; the certificate follows from that, and both are stored, whole or
not at all. Nothing here knows a source by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flexlib
from flexlib.certificate import AnyCertificate, Certificate, ChargesCertificate, CreditsCertificate, UsageCertificate
from flexlib.checks import Check
from flexlib.dates import Month
from flexlib.errors import BadFile, BadRecord
from flexlib.i18n import _, write_stored
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.recount import (
    DeliveredCounts,
    ParquetCounts,
    compare_counts,
    count_charges,
    count_credits,
    count_usage,
)
from flexlib.ingest.tables import check_tables, join_tables, work_ahead
from flexlib.money.amounts import fill_rows
from flexlib.money.fx import Rates
from flexlib.schema import SHAPES
from flexlib.sources.registry import Source
from flexlib.store.disk import make_scratch, report_disk
from flexlib.store.ended import read_ended
from flexlib.store.row_hash import RowHash, hash_file
from flexlib.store.snapshots import find_snapshot, lock_month, move_version, write_version
from flexlib.store.version import Snapshot
from flexlib.stored_notes import UNPRICED, UNRATED, ZEROS, write_note

if TYPE_CHECKING:
    import pyarrow as pa


STATED = frozenset({"rows_read", "quarantined_rows"})
"""Facts that a source may state though the delivery has them too: of a file, those of the files before it as well."""

PLAIN = frozenset({"id", "created_at", "updated_at", "amount_in_usd"})
"""Columns of which each row has another value: a dictionary of them is as large as they are, and takes time to fill."""


@dataclass(frozen=True)
class HeldMonth:
    """A month of a source while no other run may write it."""

    source: Source
    month: Month
    root: Path
    folder: Path
    """The month's own."""
    scratch: Path
    """For what is not whole yet; gone afterwards."""
    newest: Snapshot | None
    """What is stored of it by now."""


@dataclass(frozen=True)
class PreparedMonth:
    """A month that has passed every check, and is whole on the disk, though no version of its month yet."""

    held: HeldMonth
    delivery: Delivery
    certificate: AnyCertificate
    draft: Path
    """The folder of what is to be its version."""
    said_by: Snapshot | None = None
    """The newest version where it says all of it already: then there is no draft."""


@contextmanager
def hold_month(source: Source, month: Month, root: Path, *, wait: bool = False) -> Iterator[HeldMonth]:
    """Keeps other runs from the month. Raises `AlreadyRunning` when one is reading it, unless `wait`; `DiskFailed`,
    `BadFile` for a file of ended sources that is damaged."""
    read_ended(root)  # while nothing is stored yet: what is stored could not be judged
    with (
        lock_month(source.dataset, month, root, wait) as folder,
        make_scratch(folder, ".ingesting") as scratch,
    ):
        yield HeldMonth(source, month, root, folder, scratch, find_snapshot(source.dataset, month, root, source.name))


def ingest_month(delivery: Delivery, root: Path, rates: Rates | None = None, *, wait: bool = False) -> Snapshot:
    """The delivered month, stored under `root` with its certificate; the version that says all of it already, if any.

    `rates`: the kept exchange rates, for rows that come without pesos. Raises `BadRecord`, naming the rule that a row
    breaks, `AlreadyRunning` unless `wait`, `DiskFailed`; then nothing is stored and what was stored is untouched.
    """
    with hold_month(delivery.source, delivery.month, root, wait=wait) as held:
        return store_month(prepare_month(held, delivery, rates))


def prepare_month(held: HeldMonth, delivery: Delivery, rates: Rates | None = None) -> PreparedMonth:
    """The delivered month, certified and written into the scratch folder whole: what fails does so before anything is
    stored. Raises `BadRecord`, `DiskFailed`."""
    parquet = held.scratch / f"{delivery.source.dataset}.parquet"
    rows_sha256, delivered = _write_rows(delivery, parquet, rates or Rates())
    if delivery.source.dataset == CreditsCertificate.dataset:
        certificate: AnyCertificate = _certify_credits(delivery, parquet, rows_sha256)
    elif delivery.source.dataset == ChargesCertificate.dataset:
        certificate = _certify_charges(delivery, count_charges(parquet), rows_sha256)
    else:
        counts = count_usage(parquet, delivery.facts.get("files", ()))
        certificate = certify_usage(delivery, delivered, counts, rows_sha256)
    hashes: dict[str, Any] = {f"{one.stem}_sha256": hash_file(one) for one in delivery.beside}
    certificate = replace(certificate, file_sha256=hash_file(parquet), **hashes)
    newest, draft = held.newest, held.scratch / "version"
    if newest is not None and newest.is_unchanged and _says_the_same(newest.certificate, certificate, delivery):
        return PreparedMonth(held, delivery, certificate, draft, newest)
    raw = (*delivery.raw, *(json.dumps({**delivery.origin, **asdict(row)}) for row in delivery.refused))
    with report_disk(held.folder):
        write_version(draft, parquet, certificate, raw, delivery.people, delivery.beside)
    return PreparedMonth(held, delivery, certificate, draft)


def store_month(prepared: PreparedMonth) -> Snapshot:
    """Stores the month as a new version, unless the newest says the same; gives the version that says it."""
    return prepared.said_by or move_version(prepared.draft, prepared.certificate, prepared.held.root)


def _write_rows(delivery: Delivery, parquet: Path, rates: Rates) -> tuple[str, DeliveredCounts]:
    """Checks, prices and writes the rows, a row group a table; gives their hash, and what went in."""
    import pyarrow.parquet as pq

    is_usage = delivery.source.dataset == UsageCertificate.dataset
    digest, delivered = RowHash(), DeliveredCounts()
    tables = check_tables(join_tables(delivery.tables), delivery.source, delivery.month)

    def fill(rows: pa.Table) -> pa.Table:
        return fill_rows(rows, rates)

    def put(rows: pa.Table) -> None:
        writer.write_table(rows, row_group_size=len(rows))
        digest.add(rows)
        if is_usage:
            delivered.add(rows)

    schema = SHAPES[delivery.source.dataset][0]
    encoded = [name for name in schema.names if name not in PLAIN]
    with (
        report_disk(parquet.parent),
        pq.ParquetWriter(parquet, schema, compression="zstd", use_dictionary=encoded) as writer,
    ):
        # One table is written while the next is priced, one after it checked, and one after that read.
        filled = work_ahead(fill, tables) if is_usage and not delivery.is_priced else tables
        for __ in work_ahead(put, filled):
            pass
    return digest.hexdigest(), delivered


def certify_usage(
    delivery: Delivery, delivered: DeliveredCounts, counts: ParquetCounts, rows_sha256: str
) -> UsageCertificate:
    """The proof of calls: the written file, counted again, against what went in and what the source says."""
    figures, facts = counts.figures, dict(delivery.facts)
    expected = delivered.figures | dict(delivery.counts or {})
    values = _list_common(delivery, counts, rows_sha256)
    if "rows_read" in facts:
        values["duplicate_rows"] = (
            facts["rows_read"] - facts.get("quarantined_rows", len(delivery.refused)) - counts.rows
        ) - sum(one["rows"] for one in facts.get("left_out", ()))
        if values["duplicate_rows"] < 0:
            raise BadFile(_("more rows of {month} are stored than its files hold; import them all again in one "
                "command, with --replace.").format(month=delivery.month))  # fmt: skip
    names = ("prompt_tokens", "completion_tokens", "amount_in_usd", "amount_in_clp")
    values |= {name: figures[name] for name in (*names, "unpriced_rows", "rows_without_clp")}
    values |= {
        "source": delivery.source.name,
        "rows_read": expected["rows"] + len(delivery.refused),
        "sums": compare_counts(expected, counts, delivery.code, delivery.reasons, delivery.figures),
        "unpriced": counts.unpriced,
        "requests": figures["calls"],
        "unpriced_requests": figures["unpriced_calls"],
        "unsized_rows": figures["unsized_rows"],
        "most_unpriced": str(delivery.most_unpriced),
        "rates": counts.rates,
        "notes": (*facts.pop("notes", ()), *_write_notes(delivery.source, counts), *_note_zeros(counts)),
    }
    if taken := sorted(values.keys() & facts.keys() - STATED):
        raise BadRecord(_("{name} states {taken}, which the pipeline finds out by itself.")
            .format(name=delivery.source.name, taken=', '.join(taken)))  # fmt: skip
    return UsageCertificate(**values | facts)


def _certify_credits(delivery: Delivery, parquet: Path, rows_sha256: str) -> CreditsCertificate:
    counts = count_credits(parquet)
    own = compare_counts(delivery.counts or {}, counts, delivery.code)
    facts = dict(delivery.facts)
    sums: Check = facts.pop("sums", own) if own.result == "agrees" else own
    values = _list_common(delivery, counts, rows_sha256) | dict(counts.figures) | facts | {"sums": sums}
    return CreditsCertificate(**values)


def _certify_charges(delivery: Delivery, counts: ParquetCounts, rows_sha256: str) -> ChargesCertificate:
    sums = compare_counts(delivery.counts or {}, counts, delivery.code, delivery.reasons, delivery.figures)
    values = _list_common(delivery, counts, rows_sha256) | {"source": delivery.source.name, "sums": sums}
    return ChargesCertificate(**values | {"amounts": counts.figures["by_currency"]} | dict(delivery.facts))


def _list_common(delivery: Delivery, counts: ParquetCounts, rows_sha256: str) -> dict[str, Any]:
    """What certificates of both kinds say."""
    return {
        "month": delivery.month,
        "read_at": delivery.read_at,
        "rows": counts.rows,
        "quarantined_rows": len(delivery.refused),
        "rows_sha256": rows_sha256,
        "flexlib_version": flexlib.__version__,
    }


@write_stored
def _write_notes(source: Source, counts: ParquetCounts) -> Iterator[str]:
    if unpriced := counts.figures["unpriced_rows"]:
        yield write_note(UNPRICED, unpriced)
    if counts.unrated:
        yield write_note(UNRATED, counts.unrated, command=source.short_command)


@write_stored
def _note_zeros(counts: ParquetCounts) -> Iterator[str]:
    if zeros := counts.figures["zero_rows"]:
        yield write_note(ZEROS, zeros)


def _says_the_same(before: Certificate, after: Certificate, delivery: Delivery) -> bool:
    """Whether the newest version differs in nothing but when it was read; while a month still grows, that is much."""
    is_open = delivery.renews == "until complete" and after.may_change
    if is_open or delivery.renews == "always" or before.state is not after.state:
        return False
    # Another version of Arrow writes the same rows in other bytes.
    stamps = ("read_at", "flexlib_version", "file_sha256", "origins_sha256")
    same = {name: getattr(before, name) for name in stamps if hasattr(before, name)}
    return replace(after, **same) == before
