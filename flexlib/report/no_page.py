"""A report of which no page was made: why, as data, and what shows how far it came."""

from __future__ import annotations

import re
from pathlib import Path

from flexlib.commands import write_command
from flexlib.errors import FlexlibError, NotebookFailed
from flexlib.i18n import Translated, _
from flexlib.settings import DEMO

FAILED = ".failed.ipynb"
"""How the notebook of a report ends that failed, and shows how far it came."""


class NoPage(NotebookFailed):
    """A notebook that failed, so that no page was written: `why` alone, with its exit code, and the path or whatever
    else `shown` says how far it came."""

    def __init__(self, why: NotebookFailed, shown: str) -> None:
        said = _("{why}. No page was written; {failed} shows how far it came.")
        super().__init__(said.format(why=cut_end(why), failed=shown))
        self.why, self.exit_code = why, why.exit_code


def cut_end(error: FlexlibError) -> Translated:
    """Its sentence as a part of another one, in both languages."""
    return Translated(str(error).rstrip("."), error.english.rstrip("."))


def find_command(place: Path) -> str:
    """What makes a page, or a folder of pages, as far as its path says it."""
    notebook, folder = "", place
    if place.suffix in (".html", ".ipynb"):
        notebook, folder = place.name.removesuffix(FAILED).removesuffix(place.suffix), place.parent
    words = "flexlib report" + f" --notebook {notebook}" * bool(notebook)
    if found := re.fullmatch(r"(\d{4})(?:-(0[1-9]|1[0-2]))?", folder.name):
        words += f" --year {found[1]}"
        words += f" --month {int(found[2])}" if found[2] else " --notebook year" * (not notebook)
    return write_command(words + " --demo" * (DEMO in folder.parts))
