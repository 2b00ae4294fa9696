"""`flexlib dashboard`: the months, and the running one as it is recorded, in a browser."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from flexlib.cli.options import Commands, add_command, add_demo_option, add_roster_option, read_count
from flexlib.cli.report_months import open_shown
from flexlib.dates import Month
from flexlib.i18n import _, find_language
from flexlib.settings import DEMO, Settings
from flexlib.store.snapshots import list_months

PORT = 8866
MOST_VIEWERS = 15
"""Unless told otherwise: as many kernels as 8 GB have room for, where months have half a million rows."""
PREHEATED = 1
"""Kernels that wait for a viewer: the next one is started as soon as somebody takes it."""


def add_commands(commands: Commands) -> None:
    summary = _("the months, and the running one as it is recorded, in a browser")
    parser = add_command(commands, "dashboard", summary, """\
  flexlib dashboard --demo
  flexlib dashboard --port 9000 --viewers 5
  flexlib dashboard --host 0.0.0.0 --token-file viewers.token --administrator-token-file own.token""")  # fmt: skip
    parser.add_argument(
        "--host", default="127.0.0.1", help=_("where it listens (default 127.0.0.1, this machine alone)")
    )
    parser.add_argument("--port", type=_read_port, default=PORT, help=_("its port (default 8866)"))
    parser.add_argument("--viewers", type=read_count, default=MOST_VIEWERS, metavar="N",
                        help=_("how many may look at once (default 15)"))  # fmt: skip
    parser.add_argument("--token-file", type=Path, metavar="FILE",
                        help=_("the file of the token that a viewer must bring"))  # fmt: skip
    parser.add_argument("--administrator-token-file", type=Path, metavar="FILE",
                        help=_("the file of the token with which people stand by name"))  # fmt: skip
    parser.add_argument("--user-header", default="", metavar="NAME",
                        help=_("the header by which a reverse proxy names its user; only it may get here"))  # fmt: skip
    add_roster_option(parser)
    add_demo_option(parser)
    parser.set_defaults(run=run_dashboard)


def run_dashboard(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serves until it is stopped."""
    from flexlib.dashboard.access import Access, read_token
    from flexlib.dashboard.metrics import Metrics
    from flexlib.dashboard.server import build_server
    from flexlib.ledger.door import find_ledger
    from flexlib.report.kernel import choose_own_environment

    viewer, owner = ("" if one is None else read_token(one)
                     for one in (arguments.token_file, arguments.administrator_token_file))  # fmt: skip
    access = Access(viewer, owner, arguments.user_header)
    access.check_host(arguments.host)
    ended = [] if list_months(settings.data / DEMO) else [Month.containing(date.today()).previous]
    settings = open_shown(arguments, settings, *ended)
    told = choose_own_environment(settings.data) | {
        "FLEXLIB_DATABASE_URL": settings.database_url or "",
        "FLEXLIB_ORGANIZATION": str(arguments.roster.absolute() if arguments.roster else settings.organization or ""),
        "FLEXLIB_BUDGETS": str(settings.budgets or ""),
        "FLEXLIB_LANG": find_language(),
    }
    metrics = Metrics(find_ledger(settings), settings.budgets, most_unpriced=settings.most_unpriced)
    server = build_server(access, told, metrics, host=arguments.host, port=arguments.port,
                          most_viewers=arguments.viewers, preheated=PREHEATED, language=find_language())  # fmt: skip
    said = _("Dashboard: http://{host}:{port}/ - Ctrl-C ends it.")
    print(said.format(host=arguments.host, port=arguments.port), flush=True)
    server.start()
    return 0


def _read_port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(_("{text!r} is no port; give 1 to 65535").format(text=text))
    return int(text)
