"""A stream of calls, a JSON object a line, recorded in batches: what is wrong with one line stops no other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import IO, Any

from flexlib.ledger.database import Ledger, find_ledger
from flexlib.ledger.errors import BadUsage, ConflictingUsage, LedgerFailed, LedgerUnavailable
from flexlib.ledger.migrate import prepare_ledger
from flexlib.ledger.record import UsageRecord, build_record
from flexlib.ledger.recording import store_batch
from flexlib.store.snapshots import report_disk

__all__ = ["LinesReport", "RefusedLine", "record_lines"]

LINES_AT_ONCE = 1000
PRIVATE = 0o600


@dataclass(frozen=True)
class RefusedLine:
    """A line that was not recorded."""

    number: int
    """From 1."""
    reason: str


@dataclass
class LinesReport:
    """What became of the lines read so far; blank ones are not counted."""

    read: int = 0
    stored: int = 0
    """Calls that are new in the ledger."""
    repeated: int = 0
    """Calls that were there already, or stand more than once among the lines."""
    refused: list[RefusedLine] = field(default_factory=list)
    rejects: Path | None = None
    """The file that holds the refused lines as they came, each with its number and the reason; None: there are none."""


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    call: Mapping[str, Any]
    record: UsageRecord


def record_lines(
    lines: Iterable[str],
    ledger: Ledger | None = None,
    *,
    rejects: Path | None = None,
    on_batch: Callable[[LinesReport], None] = lambda report: None,
    on_refusal: Callable[[RefusedLine], None] = lambda line: None,
) -> LinesReport:
    """Records each line, an object of `record_usage`'s arguments (`usable` as `["user", 42]` or left out).

    A line that cannot be recorded is reported and kept in the file `rejects` (default: a new one in the data folder's
    `rejected/`, readable by its owner only) and the others go on. Lines that carry a `request_id` may be sent again as
    often as one likes. Raises `LedgerUnavailable` or `LedgerFailed` with the line from which to go on.
    """
    ledger = ledger or find_ledger()
    prepare_ledger(ledger)
    report = LinesReport()
    keeper = _Keeper(ledger, rejects, report, on_refusal)
    numbered = ((number, text.rstrip("\n")) for number, text in enumerate(lines, 1) if text.strip())
    while batch := list(islice(numbered, LINES_AT_ONCE)):
        good = list(_read_lines(ledger, batch, keeper))
        try:
            _store(ledger, good, report, keeper)
        except (LedgerUnavailable, LedgerFailed) as error:
            raise type(error)(f"{error} The lines before line {batch[0][0]} are done; go on from that one.") from error
        report.read += len(batch)
        on_batch(report)
    return report


def _read_lines(ledger: Ledger, batch: list[tuple[int, str]], keeper: _Keeper) -> Iterator[_Line]:
    for number, text in batch:
        try:
            call = json.loads(text)
            if not isinstance(call, dict):
                raise BadUsage(f"a line must be a JSON object, not {type(call).__name__}.")
            call = {"usable": None, **call}
            yield _Line(number, text, call, build_record(ledger, **call))
        except (ValueError, TypeError) as error:
            keeper.keep(number, text, error)


def _store(ledger: Ledger, lines: list[_Line], report: LinesReport, keeper: _Keeper) -> None:
    try:
        batch = store_batch(ledger, [one.call for one in lines], [one.record for one in lines])
    except ConflictingUsage as error:
        if len(lines) == 1:
            keeper.keep(lines[0].number, lines[0].text, error)
            return
        middle = len(lines) // 2  # the one that conflicts is found by halves, and the others are stored
        _store(ledger, lines[:middle], report, keeper)
        _store(ledger, lines[middle:], report, keeper)
        return
    report.stored += batch.new
    report.repeated += len(lines) - batch.new


class _Keeper:
    """Reports refused lines and keeps them, in a file that is made for the first of them."""

    def __init__(
        self, ledger: Ledger, path: Path | None, report: LinesReport, on_refusal: Callable[[RefusedLine], None]
    ) -> None:
        self.path = path or ledger.data / "rejected" / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}.jsonl"
        self.report = report
        self.on_refusal = on_refusal

    def keep(self, number: int, text: str, error: Exception) -> None:
        # A missing or unknown argument is a TypeError, whose text starts with the function's name.
        line = RefusedLine(number, str(error).replace("build_record() ", ""))
        with report_disk(self.path.parent), self._open() as file:
            json.dump({"line": number, "reason": line.reason, "text": text}, file, ensure_ascii=False)
            file.write("\n")
        self.report.rejects = self.path
        self.report.refused.append(line)
        self.on_refusal(line)

    def _open(self) -> IO[str]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="surrogateescape")  # bytes as they came
