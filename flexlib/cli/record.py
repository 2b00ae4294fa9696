"""`flexlib record`: calls recorded in the ledger from the shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import State
from flexlib.cli.options import Commands, add_command
from flexlib.dates import Month
from flexlib.errors import BadFile, InvalidRequest
from flexlib.formats import clean_text, format_count, format_number, format_plain
from flexlib.i18n import _, join_and, mark_text, write_json, write_number
from flexlib.nesting import decode_json
from flexlib.refusals import explain_refusal
from flexlib.settings import Settings
from flexlib.sources.registry import LEDGER

if TYPE_CHECKING:
    from flexlib.ledger.record.lines import LinesReport, RefusedLine
    from flexlib.ledger.record.record import UsageRecord

LINE = '{"usable": "user:42", "provider": "openai", "model": "gpt-4o", "prompt_tokens": 1200, "request_id": "a1"}'

OPTIONS: dict[str, tuple[type, str]] = {
    "provider": (str, mark_text("who made the model, such as openai")),
    "model": (str, mark_text("such as gpt-4o")),
    "task_type": (str, mark_text("text (default), image, audio, video, embedding, moderation, fine_tuning")),
    "prompt_tokens": (int, mark_text("tokens that went in, cached ones too")),
    "completion_tokens": (int, mark_text("tokens that came out, reasoning too")),
    "cached_tokens": (int, mark_text("part of the prompt, read from a cache")),
    "cache_write_tokens": (int, mark_text("part of the prompt, written to a cache")),
    "cost": (str, mark_text("in the proxy's own unit; USD without a proxy")),
    "amount_in_usd": (str, mark_text("default: by the price list")),
    "amount_in_clp": (str, mark_text("default: by the kept exchange rate")),
    "proxy": (str, mark_text("who stood between, such as openrouter")),
    "request_id": (str, mark_text("the call's own id: sent again, it is still one call")),
    "duration_ms": (int, mark_text("how long the answer took")),
    "status": (str, mark_text("such as ok or error")),
    "created_at": (str, mark_text("when the call was made, such as 2025-09-01T12:00:00Z; default now")),
    "tier": (str, mark_text("service tier, such as batch; default standard")),
    "grain": (str, mark_text("call (default), or hour, day, month for a sum of several calls of that period")),
    "requests": (int, mark_text("how many calls a sum has")),
}


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "record",
                         _("record LLM calls in the ledger, one or a stream of them"), _("""\
  flexlib record --provider openai --model gpt-4o --prompt-tokens 1200 --completion-tokens 300 --usable user:42
  my-app | flexlib record --jsonl -
  flexlib record --jsonl calls.jsonl --json

Lines are stored 1,000 at a time, or about a second after they came. SIGINT (Ctrl-C) and SIGTERM end a stream:
what was read is stored first, what became of it is printed, and the exit code is 130 or 143.
Where lines were refused it is 3."""))  # fmt: skip
    parser.add_argument("--jsonl", metavar="FILE",
        help=_("record each line, a JSON object; its names are those below, written with underscores as in "
        "Python, such as {line}; - is stdin").format(line=LINE))  # fmt: skip
    parser.add_argument(
        "--rejects",
        metavar="FILE",
        type=Path,
        help=_("where refused lines are kept (default: rejected/ in the data folder)"),
    )
    parser.add_argument("--progress", action="store_true", help=_("show progress also where there is no terminal"))
    parser.add_argument("--json", action="store_true", help=_("what was recorded as JSON"))
    group = parser.add_argument_group(_("one call"))
    group.add_argument("--usable", metavar="TYPE:ID", help=_("who used the model, such as user:42 or key:3f1c-8d2e"))
    for name, (kind, text) in OPTIONS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, help=_(text))
    group.add_argument(
        "--extra-counts", metavar="JSON", help=_('counts priced by themselves, such as {"web_searches": 3}')
    )
    group.add_argument(
        "--metadata", metavar="JSON", help=_('such as {"team": "search"}; personal data in it is masked')
    )
    parser.set_defaults(run=run_record)


def run_record(arguments: argparse.Namespace, settings: Settings) -> int:
    """Records one call or a stream of them and prints what became of it; 3 when lines were refused."""
    call = _read_call(arguments)
    if arguments.jsonl is None:
        return _record_one(call, settings, as_json=arguments.json)
    if call:
        raise InvalidRequest(
            _("--jsonl takes whole calls from its lines; leave {call} away.").format(call=", ".join(sorted(call)))
        )
    return _record_stream(arguments, settings)


def _record_one(call: dict[str, Any], settings: Settings, *, as_json: bool) -> int:
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.record.recording import record_usage

    missing = [name for name in ("provider", "model") if name not in call]
    if missing:
        said = _("a call needs {missing}; or send many with --jsonl -")
        raise InvalidRequest(said.format(missing=join_and(f"--{one}" for one in missing)))
    ledger = find_ledger(settings)
    record = record_usage(**{"usable": None, **call}, ledger=ledger)
    print(_render_record(record, as_json=as_json))
    if not as_json:
        command = LEDGER.format_command(Month.containing(record.created_at))
        said = _("It is in the ledger {place}; reports show it when its month is closed: {command}")
        print(said.format(place=ledger.place, command=command), file=sys.stderr)
    return 0


def _record_stream(arguments: argparse.Namespace, settings: Settings) -> int:
    from tqdm import tqdm

    from flexlib.cli.stream import LineStream, StopSignals
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.record.lines import record_batches

    shown = arguments.progress or sys.stderr.isatty()

    def report_line(line: RefusedLine) -> None:
        tqdm.write(_("line {number} refused: {reason}").format(number=line.number, reason=line.reason), file=sys.stderr)

    with (
        _open_lines(arguments.jsonl) as file,
        StopSignals() as stop,
        tqdm(unit="call", disable=not shown, file=sys.stderr) as bar,
    ):

        def report_batch(report: LinesReport) -> None:
            bar.update(report.read - bar.n)

        batches = LineStream(file, stop.descriptor)
        ledger = find_ledger(settings)
        report = record_batches(
            batches, ledger, rejects=arguments.rejects, on_batch=report_batch, on_refusal=report_line
        )
    print(_render_report(report, as_json=arguments.json))
    if report.rejects:
        said = _("flexlib: the refused lines are in {file}; correct them and send them again.")
        print(said.format(file=clean_text(str(report.rejects))), file=sys.stderr)
    if stop.caught is not None:
        said = _("flexlib: Stopped by {signal}, with {lines} done.")
        print(said.format(signal=stop.caught.name, lines=format_count(report.last, "line")), file=sys.stderr)
        return 128 + stop.caught
    return State.GAP.exit_code if report.refused else 0


@contextmanager
def _open_lines(name: str) -> Iterator[int]:
    """The descriptor of the file, or of stdin, which stays open."""
    if name == "-":
        if sys.stdin is None:
            raise BadFile(_("- cannot be read: stdin is closed."))
        yield sys.stdin.fileno()
        return
    try:
        file = open(name, "rb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise BadFile(
            _("{name} cannot be read: {strerror}.").format(name=name, strerror=explain_refusal(error))
        ) from error
    with file:
        yield file.fileno()


def _read_call(arguments: argparse.Namespace) -> dict[str, Any]:
    call = {name: value for name in OPTIONS if (value := getattr(arguments, name)) is not None}
    if arguments.usable is not None:
        from flexlib.ledger.record.lines import parse_usable

        call["usable"] = parse_usable(arguments.usable, "--usable")
    for name in ("metadata", "extra_counts"):
        text = getattr(arguments, name)
        if text is not None:
            try:
                call[name] = decode_json(text)
            except ValueError as error:
                said = _("{option} is not JSON: {error}.")
                raise InvalidRequest(
                    said.format(option=f"--{name.replace('_', '-')}", error=explain_refusal(error))
                ) from error
    return call


def _render_record(record: UsageRecord, *, as_json: bool) -> str:
    if as_json:
        return write_json(record._asdict(), default=_write_value)
    amount = _("unpriced: {why}").format(why=_(record.unpriced or "not given"))
    if record.amount_in_usd is not None:
        amount = _("USD {amount}").format(amount=write_number(format_plain(record.amount_in_usd)))
    tokens = _("{amount} tokens").format(amount=format_number(record.total_tokens))
    return f"{record.request_id}  {record.provider} {record.model}  {tokens}  {amount}"


def _render_report(report: LinesReport, *, as_json: bool) -> str:
    counts = {"read": report.read, "stored": report.stored, "repeated": report.repeated}
    if as_json:
        refused = [{"line": one.number, "reason": one.reason} for one in report.refused]
        facts = {**counts, "refused": refused, "rejects": report.rejects and str(report.rejects)}
        return write_json(facts)
    shown = {name: format_number(count) for name, count in (counts | {"refused": len(report.refused)}).items()}
    return _("{read} read, {stored} stored, {repeated} repeated, {refused} refused").format(**shown)


def _write_value(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
