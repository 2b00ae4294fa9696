"""A file of calls meets the disk: every month of it judged, merged and checked before the first one is written.

Kept are the calls, the hash of each file, and the quarantined rows as they stand in it; the file itself is not copied.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from flexlib.certificate import UsageCertificate
from flexlib.errors import BadFile
from flexlib.ingest.files.amounts import check_names
from flexlib.ingest.files.merge import FileFacts, MergedMonth, merge_month, read_certificate
from flexlib.sources.files import QuarantinedRow, read_calls
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import IMPORT
from flexlib.store.disk import make_scratch
from flexlib.store.fx import load_rates
from flexlib.store.snapshots import Snapshot, find_snapshot, lock_month, move_snapshot


@dataclass(frozen=True)
class MonthImport:
    """What one import did to one month."""

    certificate: UsageCertificate
    """Of the month's newest version."""
    added_rows: int
    """Calls that were not there before."""
    quarantined: tuple[QuarantinedRow, ...]
    """The file's rows that could not be taken."""
    is_new: bool
    """Whether that version was written now; not when an older one said all of it already."""


def import_usage(
    file: Path,
    mapping: CallMapping,
    root: Path,
    *,
    replace_months: bool = False,
    wait: bool = False,
    now: datetime | None = None,
) -> list[MonthImport]:
    """Brings the calls of `file` into the snapshots of its months, in order; a call that is there already counts once.

    Every month is merged with its newest version, or rebuilt from this file alone. Amounts that the file does not
    give are filled as recording does, from the price book and the kept rates; one that is stored stays, whatever those
    say later. Importing a file again changes nothing, except that lacking amounts are filled once they are known.

    Raises `BadFile` when the file cannot be read, was imported under another mapping, or differs from what is stored
    under the same id, and when the table of rates is spoilt; `BadParameter`; `AlreadyRunning` unless `wait`;
    `DiskFailed`.
    """
    check_names(mapping.metadata)
    read_at, rates = now or datetime.now(timezone.utc), load_rates(root)
    facts, stamp = _describe_file(file, mapping), _stamp(file)
    with read_calls(file, mapping) as calls, ExitStack() as held:
        merged = []
        for month in calls.months:
            folder = held.enter_context(lock_month("usage", month, root, wait))
            parquet = held.enter_context(make_scratch(folder, ".importing")) / "usage.parquet"
            newest = find_snapshot("usage", month, root, IMPORT.name)
            one = merge_month(calls, month, None if replace_months else newest, facts, rates, parquet, read_at)
            merged.append((one, newest))
        if _stamp(file) != stamp:
            raise BadFile(f"{file.name} changed while it was read; import it again when it is finished.")
        return [_store(one, newest, root) for one, newest in merged]


def _store(merged: MergedMonth, newest: Snapshot | None, root: Path) -> MonthImport:
    before = read_certificate(newest)
    if before and before.state is merged.certificate.state:
        same = replace(merged.certificate, read_at=before.read_at, flexlib_version=before.flexlib_version)
        if same == before:
            return MonthImport(before, merged.added_rows, merged.quarantined, is_new=False)
    move_snapshot(merged.parquet, merged.certificate, root, merged.raw)
    return MonthImport(merged.certificate, merged.added_rows, merged.quarantined, is_new=True)


def _describe_file(file: Path, mapping: CallMapping) -> FileFacts:
    if not file.is_file():
        raise BadFile(f"{file} is not a file that is there; give the path of a CSV, JSON lines or Parquet of calls.")
    with open(file, "rb") as content:
        return FileFacts(file.name, hashlib.file_digest(content, "sha256").hexdigest(), mapping.describe())


def _stamp(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns
