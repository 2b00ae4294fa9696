"""`flexlib month`: a month's whole close in one command, from its data to those who are told."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexlib.cli.export_formats import FORMATS, check_libraries
from flexlib.cli.options import Commands, add_command, add_demo_option, add_month_options, asks_demo
from flexlib.commands import note_language, write_command
from flexlib.dates import SHARED_ZONE, Month, check_begun
from flexlib.errors import BadSetting, ExtraMissing, InvalidRequest
from flexlib.formats import clean_lines, clean_text, format_moment
from flexlib.home import find_home
from flexlib.i18n import _, use_language, write_json, write_number
from flexlib.nesting import Faults
from flexlib.setting_values import NO_KEY
from flexlib.settings import DEMO, Settings, find_language_set

if TYPE_CHECKING:
    from flexlib.closing.inputs import Closing
    from flexlib.closing.plan import MonthPlan
    from flexlib.closing.run import Progress
    from flexlib.closing.steps import Record

WIDTH = 20
"""Of the name of a step."""
MANY_OUTCOMES = ("done", "kept", "left out", "failed", "not run")


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "month",
                         _("close a month: data, checks, reports, files, notices, in one run"), _("""\
  flexlib month                                    the month that has ended
  flexlib month --year 2025 --month 9 --dry-run    what it would do, and why
  flexlib month --year 2025 --month 9 --again      every step, whatever has changed
  flexlib month --plan params/month.yaml --json"""))  # fmt: skip
    add_month_options(parser, required=False)
    add_plan_option(parser)
    parser.add_argument(
        "--output-dir", type=Path, default=Path("reports"), metavar="FOLDER", help=_("where pages go (default reports)")
    )
    parser.add_argument(
        "--again", action="store_true", help=_("run every step, also those whose inputs did not change")
    )
    parser.add_argument("--dry-run", action="store_true", help=_("say which steps would run, and why; do nothing"))
    parser.add_argument("--wait", action="store_true", help=_("wait when another run closes the same month"))
    parser.add_argument("--json", action="store_true", help=_("print what became of each step as JSON, as run.json"))
    add_demo_option(parser)
    parser.set_defaults(run=run_month_command)


def add_plan_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", type=Path, metavar="FILE",
                        help=_("what the run does (default params/month.yaml, where it is there)"))  # fmt: skip


def run_month_command(arguments: argparse.Namespace, settings: Settings) -> int:
    """Runs what has to run, says what became of each step; the exit code is the worst of theirs."""
    from flexlib.closing.operator import tell_operator
    from flexlib.closing.process import run_command
    from flexlib.closing.run import RUN, open_progress, preview_month, run_month
    from flexlib.store.disk import CLOSES, lock_folder

    closing = prepare_closing(arguments, settings)
    notes = list_notes(closing)
    if arguments.dry_run:
        found = list(preview_month(open_progress(closing), again=arguments.again))
        for sentence in notes:
            print(clean_text(sentence), file=sys.stderr)
        print_preview(closing, [(step.name, step.words, runs, why) for step, runs, why in found], arguments)
        return 0
    with ExitStack() as held:
        month = str(closing.month)
        held.enter_context(lock_folder(closing.folder, month, wait=arguments.wait, does=CLOSES))
        progress = open_progress(closing)
        for sentence in notes:
            print(clean_text(sentence), file=sys.stderr, flush=True)
        shows = sys.stderr.isatty() and not arguments.json
        tell = _say_nothing if arguments.json else partial(print_step, shows=shows)
        if not arguments.json:
            print(_("Closing {month}").format(month=closing.month.title), flush=True)
        run = partial(run_command, language=closing.settings.language, shows=shows)
        code = run_month(progress, run, tell, again=arguments.again)
        told = tell_operator(progress)
    if arguments.json:
        print(write_json(progress.describe(is_over=True) | {"operator": told or None}))
    else:
        print(clean_lines(render_summary(progress, closing.folder / RUN)))
        if told:
            print(clean_text(told), file=sys.stderr)
    return code


def prepare_closing(arguments: argparse.Namespace, settings: Settings) -> Closing:
    """The month, its plan, and whose data it is of. Raises `BadFile` with all that is wrong in the plan, not installed
    or not there, `BadMonth`, `InvalidRequest`, and `BadSetting` where there is nothing to close."""
    from flexlib.closing.inputs import Closing
    from flexlib.closing.mailing import list_unmailed
    from flexlib.closing.plan import PLAN, read_plan
    from flexlib.store.server import is_made_up
    from flexlib.store.snapshots import list_newest

    faults, file = Faults(), arguments.plan or find_home() / PLAN
    plan = faults.read(partial(read_plan, is_named=arguments.plan is not None), file, FORMATS)
    settings = replace(settings, language=getattr(arguments, "lang", (plan and plan.language) or settings.language))
    use_language(settings.language)  # in which also what is wrong is told
    note_language(settings.language, find_language_set())
    faults.found += [*(list_missing_libraries(plan) if plan else ()), *list_missing_files(settings)]
    is_demo = asks_demo(arguments, settings)
    month = _find_month(arguments, plan.zone if plan else SHARED_ZONE)
    if plan and not (is_demo or is_made_up(settings.data)):
        faults.found += list_unmailed(plan, settings, arguments.output_dir / str(month))
    faults.tell()
    if is_demo:
        settings = replace(settings, data=settings.data / DEMO, database_url=None)
    elif not (settings.service_key or settings.has_ledger or plan.folder or list_newest(month, settings.data)):
        raise BadSetting(_(NO_KEY) + ".")
    made_up = DEMO if is_demo or is_made_up(settings.data) else ""
    folder = arguments.output_dir / made_up / str(month)
    closing = Closing(month, plan, settings, arguments.output_dir, folder, is_demo)
    if "site" not in plan.left_out and closing.site.resolve() == arguments.output_dir.resolve():
        raise InvalidRequest(
            _("--output-dir {folder} is where the site goes; name another folder for the reports.").format(
                folder=arguments.output_dir
            )
        )
    return closing


def _find_month(arguments: argparse.Namespace, zone: str) -> Month:
    """The month that is asked for, else the one that has ended in the zone."""
    if (arguments.year is None) != (arguments.month is None):
        raise InvalidRequest(_("give --year and --month, or neither for the month that has ended."))
    now = Month.containing(datetime.now(ZoneInfo(zone)).date())
    month = now.previous if arguments.year is None else Month(arguments.year, arguments.month)
    check_begun(month.span)
    return month


def list_notes(closing: Closing) -> list[str]:
    """What is said before anything else: that the data is made up, which no step repeats, and that the month is not
    over, so that what is made of it is not the last."""
    from flexlib.store.server import describe_made_up, is_made_up

    root, month, command = closing.settings.data, closing.month, write_command(f"flexlib {shlex.join(closing.words)}")
    notes = [describe_made_up(root)] if closing.is_demo or is_made_up(root) else []
    if datetime.now(timezone.utc) < closing.settled_at:
        said = _("{month} is not over and settled before {moment}: what is made of it until then is provisional. Run "
                 "it again after that: {command}")  # fmt: skip
        moment = format_moment(closing.settled_at)
        notes.append(said.format(month=month.title, moment=moment, command=command))
    return notes


def list_missing_libraries(plan: MonthPlan) -> Iterator[str]:
    """Sentences on all that the formats of the plan need and is not installed, each with its line."""
    for name, formats in (("with", plan.beside), ("exports", plan.exports)):
        try:
            check_libraries(formats)
        except ExtraMissing as error:
            said = _("line {line} of {path}: {why}")
            yield said.format(line=plan.lines.get(name, 1), path=plan.file, why=error)


def list_missing_files(settings: Settings) -> Iterator[str]:
    """Sentences on the files that a setting names and that are not there: without one the month would be another."""
    named = {"FLEXLIB_BUDGETS": settings.budgets, "FLEXLIB_MAIL": settings.mails,
             "FLEXLIB_NOTICES": settings.notices, "FLEXLIB_ORGANIZATION": settings.organization}  # fmt: skip
    for setting, file in named.items():
        if file is not None and not file.is_file():
            said = _("{setting} names {file}, which is not there; put it back, or name another one.")
            yield said.format(setting=setting, file=file)


def find_width() -> int:
    """Of what became of a step, in the reader's language."""
    return max(len(_(one)) for one in (*MANY_OUTCOMES, "does not")) + 1


def print_preview(
    closing: Closing, found: Sequence[tuple[str, Sequence[str], bool, str]], arguments: argparse.Namespace
) -> None:
    """What would run, and why each step would or would not."""
    if arguments.json:
        steps = [{"step": name, "command": list(words), "runs": runs, "why": why} for name, words, runs, why in found]
        print(write_json({"month": str(closing.month), "steps": steps}))
        return
    print(_("Closing {month}, not done (--dry-run)").format(month=closing.month.title))
    longest = max(WIDTH, *(len(name) + 1 for name, *_other in found))
    for name, words, runs, why in found:
        what = _("runs") if runs else _("does not")
        print(clean_text(f"  {name:<{longest}}{what:<{find_width()}} {why}"))
        if runs and words:  # which reports, is known when something is stored
            print(clean_text("    " + write_command(f"flexlib {shlex.join(words)}")))


def print_step(record: Record, *, shows: bool = False) -> None:
    """A line for a step that is over, as soon as it is."""
    name, what = record.step, _(str(record.outcome))
    is_new = record.outcome in ("done", "failed")
    seconds = write_number(str(record.seconds))
    took = [_("{seconds} s").format(seconds=seconds)] if is_new and record.seconds is not None else []
    ended = [_("exit code {code}").format(code=record.exit_code)] if record.exit_code else []
    told = [*took, *filter(None, [record.state]), *ended, *([] if record.outcome == "done" else [record.why])]
    print(clean_text(f"  {name:<{WIDTH - 1}} {what:<{find_width()}} {', '.join(told)}".rstrip()), flush=True)
    # What a step says while it runs has been seen where somebody looks; why one that is kept does not end with 0, not.
    said = record.said if record.outcome == "kept" or (record.outcome == "done" and not shows) else ()
    for line in (*(record.found if record.outcome in ("done", "kept") else ()), *said):
        print(clean_text(f"    {line}"), flush=True)


def render_summary(progress: Progress, file: Path) -> str:
    """One line on all steps, and the files that there are now."""
    from flexlib.closing.run import BEHIND

    records = progress.all_records
    counts = [(name, sum(one.outcome == name for one in records)) for name in MANY_OUTCOMES]
    what = ", ".join(f"{_(name)}: {count}" for name, count in counts if count)
    said = _("{month}: {what}; exit code {code}")
    lines = [said.format(month=progress.closing.month.title, what=what, code=progress.exit_code)]
    shown = [[*one.files][:1] if one.step == "site" else one.files for one in records]  # a site by its first page
    made = [name for files in shown for name in files if not name.endswith(BEHIND)]
    return "\n".join([*lines, *(f"📄 {name}" for name in (*made, str(file)))])


def _say_nothing(record: Record) -> None:
    """In JSON there is one document, at the end."""
