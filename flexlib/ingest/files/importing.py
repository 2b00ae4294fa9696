"""A file of calls meets the disk: every month of it judged, merged and checked before the first one is written.

Kept are the calls, the hash of each file, and the quarantined rows as they stand in it; the file itself is not copied.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from flexlib.certificate import UsageCertificate
from flexlib.errors import BadFile
from flexlib.ingest.files.merge import merge_month
from flexlib.ingest.files.rules import FileFacts, recall_rules
from flexlib.ingest.pipeline import PreparedMonth, hold_month, prepare_month, store_month
from flexlib.sources.files import read_calls
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.registry import IMPORT, RefusedRow
from flexlib.store.fx import load_rates


@dataclass(frozen=True)
class MonthImport:
    """What one import did to one month."""

    certificate: UsageCertificate
    """Of the month's newest version."""
    added_rows: int
    """Calls that were not there before."""
    quarantined: tuple[RefusedRow, ...]
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
    say later. Importing a file again changes nothing, except that missing amounts are filled once they are known.

    Raises `BadFile` when the file cannot be read, was imported under another mapping, or differs from what is stored
    under the same id, and when the table of rates is corrupt; `BadParameter`; `AlreadyRunning` unless `wait`;
    `DiskFailed`.
    """
    read_at, rates = now or datetime.now(timezone.utc), load_rates(root)
    facts, stamp = _describe_file(file, mapping), _stamp(file)
    if not replace_months:
        facts, mapping = recall_rules(facts, mapping, root)
    with read_calls(file, mapping) as calls, ExitStack() as stack:
        prepared = []
        for month in calls.months:
            held = stack.enter_context(hold_month(IMPORT, month, root, wait=wait))
            base = None if replace_months else held.newest
            delivery, added_rows = merge_month(calls, month, base, facts, read_at)
            prepared.append((prepare_month(held, delivery, rates), added_rows))
        if _stamp(file) != stamp:
            raise BadFile(f"{file.name} changed while it was read; import it again when it is finished.")
        return [_store(month, added_rows) for month, added_rows in prepared]


def _store(month: PreparedMonth, added_rows: int) -> MonthImport:
    snapshot = store_month(month)
    certificate = snapshot.certificate
    assert isinstance(certificate, UsageCertificate)
    return MonthImport(certificate, added_rows, tuple(month.delivery.refused), snapshot != month.held.newest)


def _describe_file(file: Path, mapping: CallMapping) -> FileFacts:
    if not file.is_file():
        raise BadFile(
            f"{file} does not exist, or is not a file; give the path of a CSV, JSON lines or Parquet of calls."
        )
    with open(file, "rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return FileFacts(file.name, digest, mapping.describe(), mapping.preset, mapping.evidence, mapping.rules)


def _stamp(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns
