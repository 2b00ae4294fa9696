"""`flexlib month`: a month's whole close in one command, from its data to those who are told."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexlib.cli.export_formats import FORMATS, check_libraries
from flexlib.cli.month_output import print_preview, print_step, render_summary
from flexlib.cli.options import Commands, add_command, add_demo_option, add_month_options, asks_demo
from flexlib.commands import note_language, write_command
from flexlib.dates import Month, check_begun
from flexlib.errors import AlreadyRunning, BadSetting, ExtraMissing, FlexlibError, InvalidRequest
from flexlib.formats import clean_lines, clean_text, format_moment
from flexlib.home import find_home
from flexlib.i18n import _, use_language, write_json
from flexlib.nesting import Faults
from flexlib.setting_values import NO_KEY
from flexlib.settings import DEMO, Settings, find_language_set

if TYPE_CHECKING:
    from flexlib.closing.inputs import Closing
    from flexlib.closing.plan import MonthPlan
    from flexlib.closing.steps import Record


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
    from flexlib.closing.operator import tell_refusal

    closing, faults = prepare_closing(arguments, settings)
    try:
        faults.tell()
        check_data(closing)
        return close_month(closing, arguments)
    except AlreadyRunning:  # what becomes of the month, the other run tells
        raise
    except FlexlibError as error:
        if told := "" if arguments.dry_run else tell_refusal(closing, error):
            error.args = (f"{error}\n{told}",)
        raise


def close_month(closing: Closing, arguments: argparse.Namespace) -> int:
    """Runs the steps of a month that can be closed, or says what it would do; gives the worst of their exit codes."""
    from flexlib.closing.operator import tell_operator
    from flexlib.closing.process import run_command
    from flexlib.closing.run import RUN, open_progress, preview_month, run_month
    from flexlib.store.disk import CLOSES, REPORTS, lock_folder

    notes = list_notes(closing)
    if arguments.dry_run:
        found = list(preview_month(open_progress(closing), again=arguments.again))
        for sentence in notes:
            print(clean_text(sentence), file=sys.stderr)
        print_preview(closing, found, arguments)
        return 0
    with ExitStack() as held:
        month = str(closing.month)
        lock = lock_folder(closing.folder, month, wait=arguments.wait, does=CLOSES, moved_by=REPORTS)
        held.enter_context(lock)
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


def prepare_closing(arguments: argparse.Namespace, settings: Settings) -> tuple[Closing, Faults]:
    """The month, its plan, and whose data it is of; and what else is wrong, of which the operator of the plan is to be
    told. Raises `BadFile` with all that is wrong where there is no plan, `BadMonth` and `InvalidRequest`."""
    from flexlib.closing.inputs import Closing
    from flexlib.closing.mailing import list_unmailed
    from flexlib.closing.plan import PLAN, read_plan
    from flexlib.store.server import is_made_up

    faults, file = Faults(), arguments.plan or find_home() / PLAN
    plan = faults.read(partial(read_plan, is_named=arguments.plan is not None), file, FORMATS)
    if plan is None:
        faults.found += list_missing_files(settings)
        faults.tell()
    settings = replace(settings, language=getattr(arguments, "lang", plan.language or settings.language))
    use_language(settings.language)
    note_language(settings.language, find_language_set())
    is_demo = asks_demo(arguments, settings)
    faults.found += [*list_missing_libraries(plan), *list_missing_files(settings)]
    month = check_options(arguments, plan)
    if not (is_demo or is_made_up(settings.data)):
        faults.found += list_unmailed(plan, settings, arguments.output_dir / str(month))
    if is_demo:
        settings = replace(settings, data=settings.data / DEMO, database_url=None)
    made_up = DEMO if is_demo or is_made_up(settings.data) else ""
    folder = arguments.output_dir / made_up / str(month)
    return Closing(month, plan, settings, arguments.output_dir, folder, is_demo), faults


def check_options(arguments: argparse.Namespace, plan: MonthPlan) -> Month:
    """The month that is asked for. Raises `BadMonth`, and `InvalidRequest` for options that do not go together."""
    from flexlib.closing.inputs import place_site

    if (arguments.year is None) != (arguments.month is None):
        raise InvalidRequest(_("give --year and --month, or neither for the month that has ended."))
    now = Month.containing(datetime.now(ZoneInfo(plan.zone)).date())
    month = now.previous if arguments.year is None else Month(arguments.year, arguments.month)
    check_begun(month.span)
    folder = arguments.output_dir
    if "site" not in plan.left_out and place_site(folder).resolve() == folder.resolve():
        said = _("--output-dir {folder} is where the site goes; name another folder for the reports.")
        raise InvalidRequest(said.format(folder=folder))
    return month


def check_data(closing: Closing) -> None:
    """Raises `BadSetting` where there is nothing to close, `SnapshotMissing` where there is of other months alone; what
    is awaited of this one, its steps tell."""
    from flexlib.spend.zones import find_month_snapshots
    from flexlib.store.ended import find_awaited
    from flexlib.store.snapshots import list_months, list_newest

    month, settings = closing.month, closing.settings
    if closing.is_demo or settings.service_key or settings.has_ledger or closing.plan.folder:
        return
    if list_newest(month, settings.data) or find_awaited(month, settings.data):
        return
    if list_months(settings.data):
        find_month_snapshots(month, settings.data)
    raise BadSetting(_(NO_KEY) + ".")


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


def _say_nothing(record: Record) -> None:
    """In JSON there is one document, at the end."""
