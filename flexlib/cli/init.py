"""`flexlib init`: a folder for an analyst who has no checkout."""

from __future__ import annotations

import argparse
from pathlib import Path

from flexlib.cli.options import Commands, add_command
from flexlib.commands import FIRST, write_command
from flexlib.formats import clean_text
from flexlib.i18n import _
from flexlib.settings import Settings


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "init", _("make a folder with the notebooks, to make reports in"), """\
  flexlib init work
  flexlib init .""")  # fmt: skip
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=_("made if need be; nothing in it is overwritten"))
    parser.set_defaults(run=run_init)


def run_init(arguments: argparse.Namespace, __: Settings) -> int:
    from flexlib.report.folder import lay_out_folder

    print("\n".join(clean_text(str(one)) for one in lay_out_folder(arguments.folder)))
    folder = clean_text(str(arguments.folder))
    print(_("Next: cd {folder}; cp .env.example .env; {command}").format(folder=folder, command=write_command(FIRST)))
    return 0
