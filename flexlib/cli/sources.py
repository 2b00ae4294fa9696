"""`flexlib sources`: which months are stored of each source, and when one that is not used any more has ended."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flexlib.certificate import State
from flexlib.cli.options import Commands, add_command, add_demo_option
from flexlib.cli.report_months import open_shown
from flexlib.dates import Month, check_begun, name_months
from flexlib.errors import InvalidRequest, SnapshotChanged
from flexlib.formats import clean_text
from flexlib.i18n import _, join_or, write_json
from flexlib.settings import Settings
from flexlib.sources.registry import name_source
from flexlib.store.damage import list_damaged
from flexlib.store.ended import change_ended, list_lacking, list_stored, read_ended
from flexlib.store.snapshots import list_months
from flexlib.store.strays import list_misplaced


def add_commands(commands: Commands) -> None:
    summary = _("which months are stored of each source, and which it lacks until it is said to have ended")
    parser = add_command(commands, "sources", summary, """\
  flexlib sources
  flexlib sources --ended import 2025-08
  flexlib sources --not-ended import 2025-08
  flexlib sources --json""")  # fmt: skip
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--ended", nargs=2, metavar=("SOURCE", "MONTH"),
                       help=_("the last month in which it was in use: the months after it are whole without it, until "
                              "one of it is stored again"))  # fmt: skip
    group.add_argument("--not-ended", nargs=2, metavar=("SOURCE", "MONTH"), help=_("take that back"))
    parser.add_argument("--json", action="store_true", help=_("the same as JSON"))
    add_demo_option(parser)
    parser.set_defaults(run=run_sources)


def run_sources(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints what is stored of each; the exit code is 4 where what is stored of a month is damaged, 3 where a month
    lacks one that had begun, or what was stored of it."""
    data = open_shown(arguments, settings).data
    if said := arguments.ended or arguments.not_ended:
        _change_ended(*said, is_over=arguments.ended is not None, data=data)
    stored, ended, lacks = list_stored(data, bills=True), read_ended(data), list_lacking(data)
    misplaced, damaged = list_misplaced(data), list_damaged(data)
    if arguments.json:
        print(write_json([{"source": source, "stored": list(map(str, months)),
            "missing": list(map(str, lacks.get(source, ()))), "ended": list(map(str, ended.get(source, ()))),
            "lost": list_misplaced(data, source=source), "damaged": list_damaged(data, source)}
            for source, months in stored.items()]))  # fmt: skip
    else:
        for source, months in stored.items():
            line = f"{source} ({name_source(source)}): {name_months(months)}"
            if over := ended.get(source):
                line += _("; not in use after {months}").format(months=name_months(over))
            if lacking := lacks.get(source):
                line += _("; NOT STORED: {months}").format(months=name_months(lacking))
            if source not in lacks:
                line += _("; bills are awaited in no month")
            print(clean_text(line))
        if not stored:
            print(_("Nothing is stored in {data}.").format(data=data))
    for sentence in (*misplaced, *damaged):
        print(sentence, file=sys.stderr)
    if damaged:
        return SnapshotChanged.exit_code
    return State.GAP.exit_code if misplaced or any(lacks.values()) else 0


def _change_ended(source: str, text: str, *, is_over: bool, data: Path) -> None:
    """Raises `InvalidRequest` for what cannot be, or would say nothing."""
    stored, month = list_stored(data), Month.parse(text)
    if source not in stored:
        said = _("Nothing of a source {source!r} is stored in {data}; choose {sources}.")
        if not stored:
            said = _("Nothing of a source {source!r} is stored in {data}.")
        raise InvalidRequest(said.format(source=source, data=data, sources=join_or(stored)))
    if is_over and month < stored[source][0]:
        said = _("{source} begins with {first}, so that it cannot have ended with {month}.")
        raise InvalidRequest(said.format(source=source, first=stored[source][0], month=month))
    if is_over and month.next in stored[source]:
        said = _("{source} is stored of {next}, so that it did not end with {month}.")
        raise InvalidRequest(said.format(source=source, next=month.next, month=month))
    if is_over:
        check_begun(month.span)
    if not is_over and month not in read_ended(data).get(source, ()):
        said = _("Nobody has said that {source} ended with {month}; flexlib sources shows what was said.")
        raise InvalidRequest(said.format(source=source, month=month))
    change_ended(source, month, data, is_over=is_over)
    if is_over and month > (last := list_months(data)[-1]):
        said = _("Nothing is stored of a month after {last}: {source} is awaited in each month up to {month}.")
        print(said.format(last=last, source=source, month=month), file=sys.stderr)
