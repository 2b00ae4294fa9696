"""The command that runs the demo server."""

from __future__ import annotations

from flexlib.cli.options import Commands, add_command
from flexlib.demo.command import add_arguments, run


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "demo", "run a server with a made-up company, to try everything on", """\
  flexlib demo --port 8765
  WINDSURF_BASE_URL=http://127.0.0.1:8765 WINDSURF_SERVICE_KEY=demo-key FLEXLIB_DATA=data/try \\
      flexlib fetch --year 2025 --month 9""")  # fmt: skip
    add_arguments(parser)
    parser.set_defaults(run=lambda arguments, _: run(arguments))
