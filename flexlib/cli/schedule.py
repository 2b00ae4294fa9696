"""`flexlib schedule`: the entry by which another program runs the month."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.cli import month
from flexlib.cli.export_formats import FORMATS
from flexlib.cli.options import Commands, add_command
from flexlib.formats import clean_text
from flexlib.home import find_home
from flexlib.i18n import _
from flexlib.settings import Settings, list_set, list_unwritten

if TYPE_CHECKING:
    from flexlib.closing.plan import MonthPlan

SECRETS = ("FLEXLIB_DATABASE_URL", "FLEXLIB_SMTP_FROM", "FLEXLIB_SMTP_URL", "FLEXLIB_WEBHOOK")
"""Settings, or their beginnings, that a machine of others must be given, where they are set here."""
DAY, AT = 2, "06:00"
"""By then the month has ended in every zone, and is settled."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "schedule", _("how cron, systemd, Windows or GitHub runs flexlib month"), _("""\
  flexlib schedule --cron
  flexlib schedule --systemd --day 3 --at 07:30
  flexlib schedule --windows
  flexlib schedule --github
  flexlib schedule --cron -- --plan params/finance.yaml    options of flexlib month"""))  # fmt: skip
    kinds = parser.add_mutually_exclusive_group(required=True)
    for name, what in (
        ("cron", _("print lines for crontab -e")),
        ("systemd", _("print a service and a timer for systemd")),
        ("windows", _("print a task for Windows' Task Scheduler, as XML")),
        ("github", _("print a workflow for GitHub Actions")),
    ):
        kinds.add_argument(f"--{name}", dest="kind", action="store_const", const=name, help=what)
    parser.add_argument(
        "--day",
        type=_read_day,
        default=DAY,
        metavar="DAY",
        help=_(
            "day of each month on which it runs, 1 to 28 (default {day}: the month before has ended in every zone)"
        ).format(day=DAY),
    )
    parser.add_argument(
        "--at",
        default=AT,
        metavar="HH:MM",
        help=_("time of day at which it runs, in the zone of the plan (default {at})").format(at=AT),
    )
    parser.add_argument(
        "options", nargs="*", metavar="OPTION", help=_("option of the flexlib month that runs, after --")
    )
    parser.set_defaults(run=run_schedule)


def run_schedule(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the entry; nothing is set up."""
    from flexlib.closing.plan import PLAN, read_plan
    from flexlib.closing.schedule import WRITERS, Job, check_words
    from flexlib.deliver.due import read_time
    from flexlib.errors import InvalidRequest

    try:
        at = read_time(arguments.at)
    except ValueError as error:
        raise InvalidRequest(_("{time} is no time of day; write it as 06:00.").format(time=arguments.at)) from error
    home = find_home().absolute()
    __, *words = check_words((str(home), "month", *arguments.options))
    options = _read_options(arguments.options)
    plan = read_plan(home / (options.plan or PLAN), FORMATS, is_named=options.plan is not None)  # there the entry runs
    month.check_options(options, plan)
    given = tuple(name for name in list_set() if name.startswith(SECRETS))
    extras = find_extras(plan, settings)
    has_names = plan.names or any(one.parameters.get("names") for one in plan.reports or ())
    python = Path(sys.executable).absolute()
    job = Job(python, home, tuple(words), arguments.day, at, plan.zone, given, extras, has_names)
    print(WRITERS[arguments.kind](job))
    is_elsewhere = arguments.kind == "github"
    passed = ("WINDSURF_SERVICE_KEY", *given) if is_elsewhere else ()
    if lost := [name for name in list_unwritten() if name not in passed]:
        said = _("What is set in the environment alone, the run of this entry does not know: {names}. Write it into "
                 "{place}.")  # fmt: skip
        place = _("the env of the workflow") if is_elsewhere else home / ".env"
        print(clean_text(said.format(names=", ".join(lost), place=place)), file=sys.stderr)
    return 0


def find_extras(plan: MonthPlan, settings: Settings) -> tuple[str, ...]:
    """Those that a machine must install for this plan and these settings."""
    from flexlib.errors import MODULES_OF_EXTRAS
    from flexlib.store.roster import EXCEL

    needed = {FORMATS[name].needs for name in (*plan.beside, *plan.exports) if name in FORMATS}
    extras = {extra for extra, modules in MODULES_OF_EXTRAS.items() if needed.intersection(modules)}
    if settings.organization and settings.organization.suffix.lower() in EXCEL:
        extras.add("excel")
    if settings.database_url:
        extras.add("postgres")
    return ("reports", *sorted(extras - {"reports"}))


def _read_options(options: Sequence[str]) -> argparse.Namespace:
    """As `flexlib month` reads them; what it does not know ends with its usage, and exit code 2."""
    commands = argparse.ArgumentParser(prog="flexlib").add_subparsers()
    month.add_commands(commands)
    return commands.choices["month"].parse_args(options)


def _read_day(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 28:
        raise argparse.ArgumentTypeError(_("{text!r} is not a day from 1 to 28").format(text=text))
    return int(text)
