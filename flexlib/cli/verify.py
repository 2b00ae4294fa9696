"""`flexlib verify`: whether pages are what their inputs give, byte for byte, or what has moved."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import Commands, add_command
from flexlib.errors import choose_worst
from flexlib.formats import clean_lines
from flexlib.i18n import LANGUAGES, _, speak, write_json
from flexlib.proof import write_unclosed
from flexlib.settings import DEMO, Settings
from flexlib.store.server import is_made_up
from flexlib.store.snapshots import list_months

if TYPE_CHECKING:
    from flexlib.report.moved import Moved
    from flexlib.report.verdict import Verified


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "verify", _("whether reports are what their inputs give, or what has moved"), """\
  flexlib verify reports/2025-09
  flexlib verify reports/2025-09/llm_usage.html
  flexlib verify reports --json""")  # fmt: skip
    parser.add_argument("place", type=Path, metavar="PAGE", help=_("a page, or a folder of pages"))
    parser.add_argument("--json", action="store_true", help=_("what was found of each page as JSON"))
    parser.set_defaults(run=run_verify)


def run_verify(arguments: argparse.Namespace, settings: Settings) -> int:
    """Makes each page again and says whether it is the same, and of the files beside them whether they are as they were
    made; the exit code is that of the worst."""
    from flexlib.report.notes import has_manifest, verify_files
    from flexlib.report.verify import list_pages, verify_pages

    there = list_pages(arguments.place)
    pages = [page for page in there if has_manifest(page)]
    own = settings.data
    data = {True: own if is_made_up(own) else own / DEMO, False: own}
    with speak(LANGUAGES[0] if arguments.json else None):
        unclosed, has_organization = _tell_unclosed(settings, data), settings.organization is not None
        found = verify_pages(
            pages, data, told=settings.judging, unclosed=unclosed, note=_note, has_organization=has_organization
        )
        found += verify_files(arguments.place, there, pages)
    if arguments.json:
        print(write_json([describe_verified(one) for one in found]))
    else:
        print("\n".join(map(render_verified, found)))
    return choose_worst([one.exit_code for one in found])


def describe_verified(one: Verified) -> dict[str, Any]:
    """For JSON."""

    def describe(moved: Moved) -> dict[str, Any]:
        return {"name": moved.name, "then": moved.then, "now": moved.now, "sentence": moved.sentence}

    return {
        "page": str(one.page),
        "result": one.verdict.name.lower(),
        "exit_code": one.exit_code,
        "sentences": list(one.sentences),
        "inputs": list(map(describe, one.inputs)),
        "figures": list(map(describe, one.figures)),
    }


def render_verified(one: Verified) -> str:
    """A line for the page or file, then what was found, the inputs and the figures that moved."""
    told = [*one.sentences, *(moved.sentence for moved in (*one.figures, *one.inputs))]
    lines = [f"{_(one.verdict.value):<12}  {one.page}", *(f"    {sentence}" for sentence in told)]
    return clean_lines("\n".join(lines))


def _note(sentence: str) -> None:
    """Says to who waits what is being done: a page of a large month takes minutes."""
    if sys.stderr.isatty():
        print(clean_lines(sentence), file=sys.stderr, flush=True)


def _tell_unclosed(settings: Settings, data: dict[bool, Path]) -> dict[bool, str]:
    """What the ledger tells of the months of each data folder, as a report is told it."""
    from flexlib.front.months import find_look

    return {made_up: write_unclosed(find_look(settings, root), list_months(root)) for made_up, root in data.items()}
