"""Commands as they are printed to be copied: whoever asked for a language goes on in it."""

from __future__ import annotations

from flexlib.i18n import LANGUAGES, Translated, find_language, speaks_aside

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
