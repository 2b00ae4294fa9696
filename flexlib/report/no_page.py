"""A report of which no page was made: why, as data, and what shows how far it came."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from flexlib.commands import write_command
from flexlib.errors import BadParameter, FlexlibError, NotebookFailed
from flexlib.i18n import Translated, _
from flexlib.report.parameters import AGAINST, find_notebook, read_parameters
from flexlib.settings import DEMO

FAILED = ".failed.ipynb"
"""How the notebook of a report ends that failed, and shows how far it came."""
PERIOD = re.compile(r"(\d{4})(?:-(0[1-9]|1[0-2]))?", re.ASCII)
"""The name of a folder of reports: their month, or their year."""
END = re.compile(r"(?<!\.)\.$|(?<=\.{3})\.$")
"""The full stop of a sentence."""


class NoPage(NotebookFailed):
    """A notebook that failed, so that no page was written: `why` alone, with its exit code, and the path or whatever
    else `shown` says how far it came."""

    def __init__(self, why: NotebookFailed, shown: str) -> None:
        said = _("{why}. No page was written; {failed} shows how far it came.")
        super().__init__(said.format(why=cut_end(why), failed=shown))
        self.why, self.exit_code = why, why.exit_code


def cut_end(error: FlexlibError) -> Translated:
    """Its sentence as a part of another one, in both languages: without its full stop, but with the dots of
    `flexlib import FILE --from ...`."""
    text, english = (END.sub("", one) for one in (str(error), error.english))
    return Translated(text, english)


def find_command(place: Path) -> str:
    """What makes a page of a month or a year, or a folder of them, as far as its path says it; empty where it does not,
    as of a file that no report makes."""
    is_page = place.suffix in (".html", ".ipynb")
    folder = place.parent if is_page else place
    found = PERIOD.fullmatch(folder.name)
    if not found:
        return ""
    words = f" --year {found[1]}" + (f" --month {int(found[2])}" if found[2] else " --notebook year" * (not is_page))
    if is_page:
        name = place.name.removesuffix(FAILED).removesuffix(place.suffix)
        notebook, __, against = name.rpartition(AGAINST)
        needed = {"year", "month"} if found[2] else {"year"}
        if _makes_page(name, needed):
            words = f" --notebook {quote(name)}{words}"
        elif _makes_page(notebook, needed | {"against"}):
            words = f" --notebook {quote(notebook)}{words} -p against {quote(against)}"
        else:
            return ""
    return write_command("flexlib report" + words + " --demo" * (folder.parent.name == DEMO))


def _makes_page(notebook: str, needed: set[str]) -> bool:
    """Whether there is a notebook of this name that takes these parameters; without `month`, one of a year."""
    try:
        known = read_parameters(find_notebook(notebook))
    except BadParameter:  # there is none, or it cannot be read: it makes no page
        return False
    return needed <= known.keys() and ("month" in known) == ("month" in needed)
