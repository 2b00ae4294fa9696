"""The command that runs the demo server: its options and its one line of output."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timezone

from flexlib.demo.company import Company
from flexlib.demo.switches import add_switches, read_entries, read_team
from flexlib.formats import format_number
from flexlib.i18n import _
from flexlib.setting_values import FIRST_MADE_UP

DEFAULT_KEY = "demo-key"
DEFAULT_PORT = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Gives `parser` the options of the demo server."""
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=_("0: any free one (default {default_port})").format(default_port=DEFAULT_PORT),
    )
    parser.add_argument(
        "--users", type=_read_users, default=5930, help=_("people of the made-up company (default 5930)")
    )
    parser.add_argument("--seed", type=int, default=2025, help=_("number from which all data is made (default 2025)"))
    parser.add_argument(
        "--key",
        default=DEFAULT_KEY,
        help=_("the service key it accepts (default {default_key})").format(default_key=DEFAULT_KEY),
    )
    parser.add_argument("--now", type=_read_time, metavar="TIME", help=_("a fixed time, such as 2025-10-21T12:00:00Z"))
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)
    add_switches(
        parser.add_argument_group(_("faults"), _("shares are between 0 and 1; users are named by key or number"))
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C, then gives 0. Raises `BadSetting` for options that cannot be followed."""
    import asyncio  # neither is needed by anybody who only reads the options

    from flexlib.demo.api import Api
    from flexlib.demo.schedule import Schedule
    from flexlib.demo.server import Wire, serve

    company = Company(arguments.seed, arguments.users, arguments.unlisted_keys, arguments.nil_models)
    schedule = Schedule(read_entries(arguments), arguments.fault_seed, company)
    api = Api(company, arguments.key, read_team(arguments), _make_clock(arguments.now))
    wire = Wire(api, schedule, f"seed={company.seed} users={company.users}")

    def announce(url: str) -> None:
        said = _("Demo server with {people} people at {url} (key: {key}). Ctrl-C stops it.")
        print(said.format(people=format_number(company.users), url=url, key=arguments.key), flush=True)

    asyncio.run(serve(wire, arguments.port, announce, arguments.request_log, arguments.until_stdin_closes))
    return 0


def _make_clock(fixed: datetime | None) -> Callable[[], datetime]:
    return (lambda: fixed) if fixed else lambda: datetime.now(timezone.utc)


def _read_users(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(_("{text!r} is no number of people; give 1 or more").format(text=text))
    return int(text)


def _read_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            _("{text!r} is no time; write it as 2025-10-21T12:00:00Z").format(text=text)
        ) from error
    time = time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)
    if time.date() < FIRST_MADE_UP.first:
        raise argparse.ArgumentTypeError(
            _("{text!r} is before {first}, when the made-up company began").format(text=text, first=FIRST_MADE_UP.first)
        )
    return time
