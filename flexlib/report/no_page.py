"""A report of which no page was made: why, as data, and what shows how far it came."""

from __future__ import annotations

from flexlib.errors import FlexlibError, NotebookFailed
from flexlib.i18n import Translated, _


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
