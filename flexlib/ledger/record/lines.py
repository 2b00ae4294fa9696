"""A stream of calls, a JSON object a line, recorded in batches: what is wrong with one line stops no other."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from flexlib.errors import ConflictingUsage, InvalidCall, LedgerFailed, LedgerUnavailable
from flexlib.i18n import Translated, _, join_and, to_english
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import prepare_ledger
from flexlib.ledger.record.record import UsageRecord, build_record
from flexlib.ledger.record.recording import store_batch
from flexlib.nesting import Unreadable, decode_json
from flexlib.store.disk import PRIVATE, report_disk

NUMBERED = re.compile(r"(.+):(-?[0-9]{1,19})", re.DOTALL)

ARGUMENTS = tuple(name for name in inspect.signature(build_record).parameters if name != "ledger")
REQUIRED = ("provider", "model")
TOKENS = ("prompt_tokens", "completion_tokens")


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
    last: int = 0
    """The number of the last line that was read, blank ones counted."""
    done: int = 0
    """The number of the line up to which all are stored or refused."""


@dataclass(frozen=True)
class _Line:
    number: int
    text: str
    call: Mapping[str, Any]
    record: UsageRecord


def record_batches(
    batches: Iterable[list[str]],
    ledger: Ledger,
    *,
    rejects: Path | None = None,
    on_batch: Callable[[LinesReport], None] = lambda report: None,
    on_refusal: Callable[[RefusedLine], None] = lambda line: None,
) -> LinesReport:
    """Records each line, an object of `record_usage`'s arguments; one that is null is as if it were left out
    (but for tokens: null is not zero). Each batch is stored before the next is asked for.

    `usable` is `"user:42"`, `["user", 42]`, `"key:3f1c-..."` or `["key", "3f1c-..."]`, or left out. A line that
    cannot be recorded is reported and kept in the file `rejects` (default: a new one in the data folder's `rejected/`,
    readable by its owner only) and the others go on. Lines that carry a `request_id` may be sent again as often as one
    likes. Raises `LedgerUnavailable` or `LedgerFailed` with the line from which to go on.
    """
    prepare_ledger(ledger)
    report = LinesReport()
    keeper = _Keeper(ledger, rejects, report, on_refusal)
    for texts in batches:
        first = report.last + 1
        numbered = [(number, text.removeprefix("\ufeff").rstrip("\r\n")) for number, text in enumerate(texts, first)]
        batch = [(number, text) for number, text in numbered if text.strip()]
        good = list(_read_lines(ledger, batch, keeper))
        try:
            _store(ledger, good, report, keeper)
        except (LedgerUnavailable, LedgerFailed) as error:
            said = _("{error} The lines before line {line} are done; go on from it.")
            raise type(error)(said.format(error=error, line=report.done + 1)) from error
        report.read += len(batch)
        report.last += len(texts)
        report.done = report.last
        on_batch(report)
    return report


def parse_usable(text: str, name: str = "usable") -> tuple[str, int | str]:
    """The pair that a text such as `user:42` or `key:3f1c-...` names: a number after the last colon, or else all after
    the first. Raises `InvalidCall` with the `name` of the argument.
    """
    found = NUMBERED.fullmatch(text)
    if found is not None:
        return found[1], int(found[2])
    kind, colon, key = text.partition(":")
    if not (kind.strip() and colon and key.strip()):
        raise InvalidCall(_("{name} is {text!r}; write it as user:42 or key:3f1c-8d2e.").format(name=name, text=text))
    return kind, key


def _read_lines(ledger: Ledger, batch: list[tuple[int, str]], keeper: _Keeper) -> Iterator[_Line]:
    for number, text in batch:
        try:
            call = _read_call(text)
            yield _Line(number, text, call, build_record(ledger, **call))
        except ValueError as error:  # such as InvalidCall
            keeper.keep(number, text, error)


def _read_call(text: str) -> dict[str, Any]:
    """The arguments that a line gives. Raises `InvalidCall`."""
    try:
        call = decode_json(text)
    except json.JSONDecodeError as error:
        raise InvalidCall(_("not JSON (at column {column}).").format(column=error.colno)) from error
    except Unreadable as error:
        raise InvalidCall(_("not JSON that can be read ({error}).").format(error=error)) from error
    except ValueError as error:  # Python's own limit
        raise InvalidCall(_("not JSON that can be read (a number has thousands of digits).")) from error
    if not isinstance(call, dict):
        raise InvalidCall(_("a line must be a JSON object, not {name}.").format(name=type(call).__name__))
    if unknown := [name for name in call if name not in ARGUMENTS]:
        raise InvalidCall(
            _("{unknown}: not what a call has; it has {arguments}.").format(
                unknown=", ".join(map(repr, unknown)), arguments=", ".join(ARGUMENTS)
            )
        )
    if unknown := [name for name in TOKENS if name in call and call[name] is None]:
        raise InvalidCall(
            _("{unknown} null: not known is not 0; give the number of tokens.").format(unknown=join_and(unknown))
        )
    call = {"usable": None} | {name: value for name, value in call.items() if value is not None}
    if missing := [name for name in REQUIRED if name not in call]:
        raise InvalidCall(_("{missing} must be given.").format(missing=join_and(missing)))
    if isinstance(call["usable"], str):
        call["usable"] = parse_usable(call["usable"])
    return call


def _store(ledger: Ledger, lines: list[_Line], report: LinesReport, keeper: _Keeper) -> None:
    try:
        batch = store_batch(ledger, [one.call for one in lines], [one.record for one in lines])
    except (ConflictingUsage, InvalidCall) as error:
        if len(lines) == 1:
            keeper.keep(lines[0].number, lines[0].text, error)
            report.done = lines[0].number
            return
        middle = len(lines) // 2  # the one that is refused is found by halves, and the others are stored
        _store(ledger, lines[:middle], report, keeper)
        _store(ledger, lines[middle:], report, keeper)
        return
    report.stored += batch.new
    report.repeated += len(lines) - batch.new
    if lines:
        report.done = lines[-1].number


class _Keeper:
    """Reports refused lines and keeps them, in a file that is made for the first of them."""

    def __init__(
        self, ledger: Ledger, path: Path | None, report: LinesReport, on_refusal: Callable[[RefusedLine], None]
    ) -> None:
        self.path = path or ledger.data / "rejected" / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}.jsonl"
        self.report = report
        self.on_refusal = on_refusal

    def keep(self, number: int, text: str, error: Exception) -> None:
        line = RefusedLine(number, Translated(str(error), str(to_english(error))))
        with report_disk(self.path.parent), self._open() as file:
            json.dump({"line": number, "reason": to_english(line.reason), "text": text}, file, ensure_ascii=False)
            file.write("\n")
        self.report.rejects = self.path
        self.report.refused.append(line)
        self.on_refusal(line)

    def _open(self) -> IO[str]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="surrogateescape")  # bytes as they came
