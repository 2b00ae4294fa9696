"""Commands as they are printed to be copied: whoever asked for a language goes on in it."""

from __future__ import annotations

from flexlib.i18n import LANGUAGES, Translated, find_language

FIRST = "flexlib report --demo --year 2025 --month 9"
"""What whoever has nothing yet may try."""
_asked = ""
"""The language that an option or a plan asks for, where a command without either would be in another."""


def note_language(code: str, usual: str) -> None:
    """That a run is in this language, and what its commands would be in of themselves."""
    global _asked
    _asked = code if code not in (LANGUAGES[0], usual) else ""


def write_command(command: str) -> str:
    """The command with `--lang`, where it takes that to be in the reader's language; in English, which programs and
    what is stored have, as it is.

    >>> note_language("es", "en")
    >>> write_command("flexlib doctor")
    'flexlib doctor'
    """
    code = find_language()
    return Translated(f"{command} --lang {code}", command) if code == _asked else command
