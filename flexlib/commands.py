"""Commands as they are printed to be copied: whoever asked for a language goes on in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flexlib.i18n import LANGUAGES, Translated, find_language, speaks_aside

COMMAND = re.compile(
    r"\bflexlib (?:certificate|close|fetch|fx|import|ledger|sources|spend)\b|(?<![\w-])--[a-z]|\bFLEXLIB_[A-Z]"
)
"""Of a sentence: a command, an option or a setting."""
PART = re.compile(rf"(?<=[.;]) |(?<=:) (?!{COMMAND.pattern})|(?=, (?:and|y) flexlib )")
"""Where a sentence may be cut: what leads up to a command itself, such as `Run:`, goes with it, a fact before advice
stays."""
HIDDEN = "..."
"""What stands in a command for what is not kept: whoever takes it as it stands is told that it is none."""
FIRST = "flexlib report --demo --year 2025 --month 9"
"""What whoever has nothing yet may try."""
_is_step = False
_asked = ""
"""The language that an option or a plan asks for, where a command without either would be in another."""


def note_language(code: str, usual: str) -> None:
    """That a run is in this language, and what its commands would be in of themselves."""
    global _asked
    _asked = code if code != usual else ""


def note_step() -> None:
    """That this process is a step of a month's run, which has said whose data it is."""
    global _is_step
    _is_step = True


def is_step() -> bool:
    return _is_step


def write_command(command: str) -> str:
    """The command with `--lang`, where it takes that to be in the reader's language; in the English of programs and of
    what is stored, as it is.

    >>> note_language("en", "es")
    >>> write_command("flexlib doctor")
    'flexlib doctor --lang en'
    >>> note_language("en", "en")
    >>> write_command("flexlib doctor")
    'flexlib doctor'
    """
    code = find_language()
    if code != _asked or (code == LANGUAGES[0] and speaks_aside()):
        return command
    return Translated(f"{command} --lang {code}", command)


def leave_out_commands(sentences: Iterable[str]) -> list[str]:
    """What is said to readers who have no console: the same without the parts that are commands; a sentence that is
    nothing else is left out.

    >>> leave_out_commands(["Not known. Run: flexlib fetch --year 2025; where it ended: flexlib sources --ended x"])
    ['Not known.']
    >>> leave_out_commands(["3 rows could not be taken; flexlib certificate --year 2025 says which, and why."])
    ['3 rows could not be taken.']
    >>> leave_out_commands(["2 rows of a.csv are of one time and user: import it again with --distinct if all count"])
    ['2 rows of a.csv are of one time and user.']
    """
    parts = ([one for one in PART.split(text) if not COMMAND.search(one)] for text in sentences)
    return [" ".join(kept).rstrip(".;:,") + "." for kept in parts if kept]
