"""`flexlib doctor`: what is set, reachable, stored, stale and missing, a line each; no secret, and nothing changed."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import flexlib
from flexlib.certificate import State
from flexlib.cli.options import Commands, add_command, find_exit_code, load_judged
from flexlib.commands import FIRST, write_command
from flexlib.dates import Month, Span
from flexlib.errors import MODULES_OF_EXTRAS, DiskFailed, FlexlibError, choose_worst, explain_missing
from flexlib.formats import clean_text, format_count, format_moment, format_number
from flexlib.home import find_home
from flexlib.i18n import LANGUAGES, _, mark_text, speak, write_json, write_number
from flexlib.settings import Settings, list_set
from flexlib.sources.registry import LEDGER, find_source
from flexlib.store.ended import list_lacking
from flexlib.store.fx import load_pairs
from flexlib.store.pseudonyms import FILE, is_open_to_others
from flexlib.store.server import find_shown_data, is_made_up, name_made_up
from flexlib.store.snapshots import find_snapshot, list_months, list_newest
from flexlib.store.strays import list_strays
from flexlib.store.version import Snapshot

NAMES = (
    *(mark_text("extras"), mark_text("settings"), mark_text("server"), mark_text("data"), mark_text("ledger")),
    *(mark_text("rates"), mark_text("people"), mark_text("months"), mark_text("stale"), mark_text("missing")),
    mark_text("stray"),
)
"""Of the lines, as the console has them."""

LOW_DISK = 1 << 30
"""Bytes: a month of ten million calls, and as much again while it is written."""


@dataclass(frozen=True)
class Finding:
    """One line of what was found."""

    name: str
    text: str
    exit_code: int = 0
    """What a command that runs into this would end with; 0 where nothing is wrong."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "doctor", _("what is set, reachable, stored, stale and missing"), """\
  flexlib doctor
  flexlib doctor --json""")  # fmt: skip
    parser.add_argument("--json", action="store_true", help=_("the same as JSON"))
    parser.set_defaults(run=run_doctor)


def run_doctor(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the findings, gives the exit code of the worst: that of the first fault, else of a month in doubt."""
    data = find_shown_data(settings)
    looks: dict[str, Callable[[], Finding]] = {"flexlib": lambda: Finding("flexlib",
        _("{version}, Python {version_2}").format(version=flexlib.__version__, version_2=platform.python_version())),
        "extras": _look_at_extras, "settings": _look_at_settings, "server": lambda: _look_at_server(settings),
        "data": lambda: _look_at_folder(data), "ledger": lambda: _look_at_ledger(settings),
        "rates": lambda: _look_at_rates(data), "people": lambda: _look_at_organization(settings)}  # fmt: skip
    with speak(LANGUAGES[0] if arguments.json else None):
        months = _look_at_months(data, settings)
        findings = [*(_look(name, look) for name, look in looks.items()), *months, *_look_for_strays(data)]
    if arguments.json:
        print(write_json([asdict(one) for one in findings]))
    else:
        width = max(9, *(len(_(one.name)) for one in findings))
        for one in findings:
            print(f"{_(one.name):<{width}} {clean_text(settings.hide_key(one.text))}")
    return choose_worst([one.exit_code for one in findings])


def _look(name: str, look: Callable[[], Finding]) -> Finding:
    """What a look gives, or in its place the sentence on why it cannot be had."""
    try:
        return look()
    except FlexlibError as error:
        return Finding(name, str(error), error.exit_code)
    except ImportError as error:
        missing = explain_missing(error)
        if missing is None:
            raise
        return Finding(name, str(missing), missing.exit_code)


def _look_at_extras() -> Finding:
    there = {extra: all(find_spec(module) for module in modules) for extra, modules in MODULES_OF_EXTRAS.items()}
    absent = ", ".join(extra for extra, is_there in there.items() if not is_there)
    text = ", ".join(extra for extra, is_there in there.items() if is_there) or _("none")
    return Finding("extras", _("{text}; not installed: {absent}").format(text=text, absent=absent) if absent else text)


def _look_at_settings() -> Finding:
    found = ", ".join(f"{name} ({_(place)})" for name, place in list_set().items())
    return Finding("settings", _("{found}; home is {home}").format(found=found or _("none set"), home=find_home()))


def _look_at_server(settings: Settings) -> Finding:
    if not settings.service_key:
        return Finding("server", _("not asked, since there is no service key; --demo needs none"))
    from flexlib.ingest.windsurf.run import count_people
    from flexlib.sources.windsurf.client import Client

    say = partial(print, file=sys.stderr, flush=True)
    with Client(settings.base_url, settings.service_key, 1, settings.ca_bundle, say) as client:
        try:
            people = count_people(client)
        except FlexlibError as error:
            return Finding("server", f"{settings.base_url}: {error}", error.exit_code)
    said = _("{base_url} answers and takes the key; {people} people on its list")
    return Finding("server", said.format(base_url=settings.base_url, people=format_number(people)))


def _look_at_folder(data: Path) -> Finding:
    there = next(folder for folder in (data, *data.parents) if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        return Finding(
            "data",
            _("{data} cannot be written; set FLEXLIB_DATA to a folder that can.").format(data=data),
            DiskFailed.exit_code,
        )
    free = shutil.disk_usage(there).free
    text = name_made_up(data) if is_made_up(data) else str(data)
    if is_open_to_others(data):
        text += _("; others may read {file}, by which people get their pseudonyms: chmod 600 {data}").format(
            file=FILE, data=data / FILE
        )
    return Finding(
        "data",
        _("{text}; {free} GiB free").format(text=text, free=write_number(f"{free / (1 << 30):,.1f}")),
        DiskFailed.exit_code * (free < LOW_DISK),
    )


def _look_at_ledger(settings: Settings) -> Finding:
    from flexlib.ledger.db.migrate import get_ledger_status
    from flexlib.ledger.door import find_ledger

    ledger = find_ledger(settings)
    if ledger.is_absent:
        return Finding("ledger", _("none yet; the first recorded call makes it"))
    status = get_ledger_status(ledger)
    if status.revision != status.head:
        command = "upgrade" if status.revision else "init"
        said = _("{place} lacks its tables of today; run: flexlib ledger {command}")
        return Finding("ledger", said.format(place=status.place, command=command), 2)
    last = _(", the last of {last}").format(last=format_moment(status.last)) if status.last else ""
    return Finding("ledger", f"{status.backend}, {format_count(status.rows or 0, 'row')}{last}")


def _look_at_rates(data: Path) -> Finding:
    said, known = _("{pair} to {day}"), load_pairs(data).items()
    pairs = [said.format(pair="/".join(pair), day=rates.days[-1]) for pair, rates in known if rates.days]
    return Finding("rates", ", ".join(pairs) or _("none; flexlib fx update asks for them, fx set takes one by hand"))


def _look_at_organization(settings: Settings) -> Finding:
    if settings.organization is None:
        return Finding("people", _("no file says who belongs to which department; see params/organization.example.csv"))
    from flexlib.store.organization import read_organization

    found = read_organization(settings.organization)
    gaps = f", {format_count(len(found.gaps), 'gap')}" if found.gaps else ""
    notes = "".join(f"; {one.rstrip('.')}" for one in found.notes)
    return Finding("people", f"{found.file}, {format_count(len(found.memberships), 'line')}{gaps}{notes}")


def _look_at_months(data: Path, settings: Settings) -> list[Finding]:
    """The stored months by their states, what of them is worth being read again, and which months have nothing."""
    found: list[Snapshot] = []

    def look() -> Finding:
        found.extend(one for month in list_months(data) for one in list_newest(month, data))
        for one in found:
            one.check()
        months = dict.fromkeys(one.month for one in found)
        judged = [load_judged(month, replace(settings, data=data)) for month in months]
        states = Counter(one.state for one in judged)
        counted = ", ".join(f"{format_number(states[state])} {state}" for state in State if states[state])
        codes = [find_exit_code(one.certificates, one.state) for one in judged]
        return Finding("months", counted or _("none"), choose_worst(codes))

    def look_again() -> Finding:
        again = [one for one in found if one.certificate.is_stale() or (data == settings.data and _lags(one, settings))]
        stale = [f"{one.month} {one.source} ({_find_command(one)})" for one in again]
        stale += [f"{month} {LEDGER.name} ({LEDGER.format_command(month)})" for month in _list_unclosed(data, settings)]
        return Finding("stale", ", ".join(stale) or _("none"))

    stored = _look("months", look)
    return [stored] if stored.exit_code in (1, 2) else [stored, _look("stale", look_again), _look_for_gaps(found, data)]


def _lags(snapshot: Snapshot, settings: Settings) -> bool:
    """Whether the ledger has changed since its month was closed."""
    if snapshot.source != LEDGER.name:
        return False
    from flexlib.ingest.ledger import is_closed
    from flexlib.ledger.door import find_ledger

    return not is_closed(snapshot, find_ledger(settings))


def _list_unclosed(data: Path, settings: Settings) -> list[Month]:
    """The months of the ledger that were never closed."""
    if data != settings.data or not settings.has_ledger:
        return []
    from flexlib.ledger.door import find_ledger
    from flexlib.ledger.read.unclosed import list_recorded_months

    recorded = list_recorded_months(find_ledger(settings))
    return [month for month in recorded if not find_snapshot(LEDGER.dataset, month, data, LEDGER.name)]


def _find_command(snapshot: Snapshot) -> str:
    source = find_source(snapshot.source)
    return source.short_command if source else snapshot.source


def _look_for_strays(data: Path) -> list[Finding]:
    """A line for each file or folder among the months that is none."""
    try:
        return [Finding("stray", str(one), State.GAP.exit_code * (one.month is not None)) for one in list_strays(data)]
    except FlexlibError as error:
        return [Finding("stray", str(error), error.exit_code)]


def _look_for_gaps(found: Sequence[Snapshot], data: Path) -> Finding:
    if not found:
        return Finding("missing", _("everything; try: {command}").format(command=write_command(FIRST)))
    stored = {one.month for one in found}
    first, last = min(stored), max(stored)
    absent = [str(month) for month in Span(first.first, last.last).months if month not in stored]
    absent += [f"{month} {source}" for source, months in list_lacking(data).items() for month in months
               if month in stored]  # fmt: skip
    text = _("{absent} of {first} to {last}") if absent else _("none; the last month stored is {last}")
    text = text.format(absent=", ".join(absent), first=first, last=last)
    return Finding("missing", text, State.GAP.exit_code if absent else 0)
