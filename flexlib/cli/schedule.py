"""`flexlib schedule`: the entry by which another program runs the month."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flexlib.cli.options import Commands, add_command
from flexlib.i18n import _
from flexlib.settings import Settings, find_home, list_set

SECRETS = ("FLEXLIB_DATABASE_URL", "FLEXLIB_SMTP_FROM", "FLEXLIB_SMTP_URL", "FLEXLIB_WEBHOOK")
"""Settings, or their beginnings, that a machine of others must be given, where they are set here."""
DAY, AT = 2, "06:00"
"""By then the month has ended in every zone, and is settled."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "schedule", _("the entry by which another program runs the month"), _("""\
  flexlib schedule --cron
  flexlib schedule --systemd --day 3 --at 07:30
  flexlib schedule --windows
  flexlib schedule --github
  flexlib schedule --cron -- --plan params/finance.yaml    options of flexlib month"""))  # fmt: skip
    kinds = parser.add_mutually_exclusive_group(required=True)
    for name, what in (
        ("cron", _("lines for crontab -e")),
        ("systemd", _("a service and a timer")),
        ("windows", _("a task of Windows' Task Scheduler, as XML")),
        ("github", _("a workflow of GitHub Actions")),
    ):
        kinds.add_argument(f"--{name}", dest="kind", action="store_const", const=name, help=what)
    parser.add_argument(
        "--day",
        type=_read_day,
        default=DAY,
        metavar="DAY",
        help=_("of each month, 1 to 28 (default {day}: the month has ended in every zone)").format(day=DAY),
    )
    parser.add_argument(
        "--at", default=AT, metavar="HH:MM", help=_("in the zone of the month's plan (default {at})").format(at=AT)
    )
    parser.add_argument("options", nargs="*", metavar="OPTION", help=_("of flexlib month, after --"))
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
    named = [arguments.options[place + 1] for place, one in enumerate(arguments.options[:-1]) if one == "--plan"]
    plan = read_plan(Path(named[-1]) if named else home / PLAN, is_named=bool(named))
    given = tuple(name for name in list_set() if name.startswith(SECRETS))
    __, *words = check_words((str(home), "month", *arguments.options))
    job = Job(Path(sys.executable).absolute(), home, tuple(words), arguments.day, at, plan.zone, given)
    print(WRITERS[arguments.kind](job))
    return 0


def _read_day(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 28:
        raise argparse.ArgumentTypeError(_("{text!r} is not a day from 1 to 28").format(text=text))
    return int(text)
