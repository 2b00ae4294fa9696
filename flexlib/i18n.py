"""The reader's language, chosen once at the door of a run: what a sentence is in it."""

from __future__ import annotations

from contextvars import ContextVar

LANGUAGES = ("en", "es")
"""English, in which the sentences stand in the code, and Spanish as people in Chile write it."""

_language: ContextVar[str] = ContextVar("language", default="en")


def use_language(code: str) -> None:
    """From here on sentences are in this one of `LANGUAGES`."""
    _language.set(code)


def find_language() -> str:
    """The language in use."""
    return _language.get()


def _(text: str) -> str:
    """The sentence in the reader's language; names in braces are filled in afterwards.

    >>> _("{people} people were asked.").format(people=3)
    '3 people were asked.'
    """
    return text


def translate_count(one: str, many: str, count: int) -> str:
    """The sentence for that many: which of the two stands is the language's rule."""
    return one if count == 1 else many
