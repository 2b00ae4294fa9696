"""The command that runs the demo server."""

from __future__ import annotations

from flexlib.cli.options import Commands, add_command
from flexlib.demo.command import add_arguments, run
from flexlib.i18n import _


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "demo",
                         _("run a server with a made-up company, to try everything on"), _("""\
  flexlib demo --port 8765
  WINDSURF_BASE_URL=http://127.0.0.1:8765 WINDSURF_SERVICE_KEY=demo-key FLEXLIB_DATA=data/try \\
      flexlib fetch --year 2025 --month 9
  flexlib demo --faults seed:17                          some faults, drawn by chance, the same ones each time
  flexlib demo --faults 'cut@analytics#2,429=7d#3-,html*0.1'
      the second answer of Analytics is cut; from the third on all are 429 with a Retry-After of 7 seconds, as a date;
      a tenth of all are a page of HTML"""))  # fmt: skip
    add_arguments(parser)
    parser.set_defaults(run=lambda arguments, __: run(arguments))
