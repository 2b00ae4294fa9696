"""`flexlib cache`: how many answers are kept, where, and how much room they take; takes them away."""

from __future__ import annotations

import argparse

from flexlib.cli.options import Commands, add_command, add_demo_option
from flexlib.cli.report_months import open_shown
from flexlib.errors import ServerUnreachable
from flexlib.formats import clean_text, format_count, format_number
from flexlib.i18n import _, write_json
from flexlib.settings import Settings
from flexlib.store.cache import is_off, open_store
from flexlib.store.cache_files import CacheStatus


def add_commands(commands: Commands) -> None:
    summary = _("how many computed answers are kept, and where; takes them away")
    parser = add_command(commands, "cache", summary, """\
  flexlib cache status
  flexlib cache status --json
  flexlib cache clear""")  # fmt: skip
    parser.add_argument("action", choices=("status", "clear"), help=_("look, or take all answers away"))
    parser.add_argument("--json", action="store_true", help=_("the same as JSON"))
    add_demo_option(parser)
    parser.set_defaults(run=run_cache)


def run_cache(arguments: argparse.Namespace, settings: Settings) -> int:
    """Does it and prints what is so. Raises `ServerUnreachable` where the place cannot be used."""
    data, clears = open_shown(arguments, settings).data, arguments.action == "clear"
    store = open_store(data)
    if store is None:
        why = _("FLEXLIB_CACHE_URL is off") if is_off() else _("{data} is not there, or cannot be written")
        said = _("No answers are kept: {why}.").format(why=why.format(data=data))
        nothing = dict.fromkeys((*CacheStatus._fields, *(["cleared"] if clears else [])), 0) | {"place": None}
        print(write_json(nothing) if arguments.json else clean_text(said))
        return 0
    try:
        cleared = store.clear() if clears else None
        status = store.measure()
    except store.failures as error:
        said = _("{place} cannot be used now ({why}).")
        raise ServerUnreachable(said.format(place=store.place, why=type(error).__name__)) from error
    if arguments.json:
        print(write_json(status._asdict() | ({} if cleared is None else {"cleared": cleared})))
        return 0
    said = _("{place}: {answers}, {bytes} bytes of {most} at most")
    if status.most_bytes is None:
        said = _("{place}: {answers}, {bytes} bytes")
    if cleared is not None:
        said = _("{place}: took away {answers}")
    answers = format_count(status.answers if cleared is None else cleared, "answer")
    figures = {"bytes": format_number(status.bytes), "most": format_number(status.most_bytes or 0)}
    print(clean_text(said.format(place=status.place, answers=answers, **figures)))
    return 0
