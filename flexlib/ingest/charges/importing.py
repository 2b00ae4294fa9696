"""Bills meet the disk: every month of every file read and checked before the first one is written.

A charge is known by its file's hash and its line, so that a file imported again takes its own place, however it is read
this time. Two files that bill the same days of a provider may both be right to add, or not: the month is not reconciled
until somebody says which one holds (`supersedes`), or that both do (`are_distinct`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from flexlib.certificate import ChargesCertificate
from flexlib.dates import Month
from flexlib.errors import BadFile, BadParameter
from flexlib.ingest.charges.merge import BillFile, list_files, merge_month
from flexlib.ingest.files.known import refuse_dropping
from flexlib.ingest.pipeline import PreparedMonth, hold_month, prepare_month, store_month
from flexlib.sources.charges import read_charges
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files import name_in_errors
from flexlib.sources.files.json_rows import write_json_lines
from flexlib.sources.files.paths import InputFile
from flexlib.sources.registry import BILLS, RefusedRow
from flexlib.store.row_hash import hash_file
from flexlib.store.snapshots import find_snapshot, list_months


@dataclass(frozen=True)
class ChargesImport:
    """What one import did to one month."""

    certificate: ChargesCertificate
    """Of the month's newest version."""
    added_rows: int
    """Charges of files that were not there before."""
    quarantined: tuple[RefusedRow, ...]
    """The files' rows that could not be taken."""
    is_new: bool
    """Whether that version was written now; not when an older one said all of it already."""
    added_by_file: dict[str, int] = field(default_factory=dict)
    """Those charges by the name of the file that brings them; a file without rows of the month is not there."""


def ingest_charges(
    files: Sequence[Path],
    mapping: ChargeMapping,
    root: Path,
    *,
    supersedes: Sequence[str] = (),
    are_distinct: bool = False,
    replace_months: bool = False,
    wait: bool = False,
    now: datetime | None = None,
) -> list[ChargesImport]:
    """Brings the charges of `files` into the snapshots of their months, in order. As `prepare_charges`."""
    given = [(InputFile(file, file.name), mapping) for file in files]
    options: dict[str, Any] = {"are_distinct": are_distinct, "replace_months": replace_months, "wait": wait, "now": now}
    with prepare_charges(given, root, supersedes=supersedes, **options) as store:
        return store()


@contextmanager
def prepare_charges(
    files: Sequence[tuple[InputFile, ChargeMapping]],
    root: Path,
    *,
    supersedes: Sequence[str] = (),
    are_distinct: bool = False,
    replace_months: bool = False,
    drops_others: bool = True,
    wait: bool = False,
    now: datetime | None = None,
) -> Iterator[Callable[[], list[ChargesImport]]]:
    """The months of `files` read and checked, and stored months without them, too, where a file was before; what it
    yields stores them all. Until then nothing is stored.

    `supersedes`: names of files whose charges these take the place of. `are_distinct`: what these files bill, no file
    that is there bills as well. `replace_months`: their months are rebuilt from these files alone.

    Raises `BadFile` when a file cannot be read or changes meanwhile, `BadParameter` for a name that no stored file has,
    `AlreadyRunning` unless `wait`, `DiskFailed`; then nothing is stored.
    """
    read_at = now or datetime.now(timezone.utc)
    stamps = {file: _stamp(file.path) for file, _ in files}
    bills = list({bill.sha256: bill for bill in (_read_bill(file, mapping) for file, mapping in files)}.values())
    stored = {month: list_files(find_snapshot(BILLS.dataset, month, root, BILLS.name)) for month in list_months(root)}
    known = {entry["name"] for entries in stored.values() for entry in entries}
    if unknown := sorted(set(supersedes) - known):
        raise BadParameter(f"no bill {unknown[0]!r} is stored; there are {', '.join(sorted(known)) or 'none'}.")
    mine = {bill.sha256 for bill in bills}
    dropped = mine | {one["sha256"] for entries in stored.values() for one in entries if one["name"] in supersedes}
    everywhere = mine | {one["sha256"] for entries in stored.values() for one in entries}
    months = {month for bill in bills for month in bill.months}
    if replace_months and not drops_others:
        others = [(month, entries) for month, entries in stored.items() if month in months]
        refuse_dropping(others, [(bill.name, bill.sha256) for bill in bills])
    touched = {month for month, entries in stored.items() if any(one["sha256"] in dropped for one in entries)}
    with ExitStack() as stack:
        prepared = []
        for month in sorted(months | touched):
            held = stack.enter_context(hold_month(BILLS, month, root, wait=wait))
            base = None if replace_months and month in months else held.newest
            delivery, added = merge_month(bills, month, base, dropped, read_at, everywhere if are_distinct else set())
            known = {entry["sha256"] for entry in list_files(base)}
            by_file = {
                bill.name: 0 if bill.sha256 in known else len(bill.months[month].rows)
                for bill in bills
                if month in bill.months
            }
            prepared.append((prepare_month(held, delivery), added, _list_refused(bills, month), by_file))
        for file, stamp in stamps.items():
            if _stamp(file.path) != stamp:
                raise BadFile(f"{file.name} changed while it was read; import it again when it is finished.")
        yield lambda: [_store(*one) for one in prepared]


def list_bill_names(root: Path) -> set[str]:
    """The names of all bills that are stored."""
    stored = (list_files(find_snapshot(BILLS.dataset, month, root, BILLS.name)) for month in list_months(root))
    return {entry["name"] for entries in stored for entry in entries}


def _store(month: PreparedMonth, added: int, refused: tuple[RefusedRow, ...], by_file: dict[str, int]) -> ChargesImport:
    snapshot = store_month(month)
    assert isinstance(snapshot.certificate, ChargesCertificate)
    return ChargesImport(snapshot.certificate, added, refused, snapshot != month.held.newest, by_file)


def _read_bill(file: InputFile, mapping: ChargeMapping) -> BillFile:
    sha256 = hash_file(file.path)
    with tempfile.TemporaryDirectory(prefix="flexlib-") as folder, name_in_errors(file.path, file.name):
        rows = write_json_lines(file.path, mapping.asked, Path(folder))
        with name_in_errors(rows, file.path.name):
            return BillFile(file.name, sha256, mapping.describe(), read_charges(rows, mapping, sha256))


def _list_refused(bills: Sequence[BillFile], month: Month) -> tuple[RefusedRow, ...]:
    return tuple(row for bill in bills if month in bill.months for row in bill.months[month].refused)


def _stamp(file: Path) -> tuple[int, int]:
    if not file.is_file():
        raise BadFile(f"{file} does not exist, or is not a file; give the path of a bill.")
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns
