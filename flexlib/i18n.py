"""The reader's language, chosen once at the door of a run: what a sentence, a month and a number are in it.

English stands in the code; the other languages are gettext catalogues in `locale/`, which `make catalogue` keeps. A
sentence is whole, with names in braces: what is glued of pieces cannot be said in another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

LANGUAGES = ("en", "es")
"""English, in which the sentences stand in the code, and Spanish as people in Chile write it."""
DOMAIN = "flexlib"
"""The name of the catalogues' files."""
LOCALE = Path(__file__).parent / "locale"
SYSTEM = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables in which a system says its reader's language; the first that is set holds."""
SWAPPED = str.maketrans(",.", ".,")
"""What separates thousands and decimals in Chile is the other way round."""


def mark_text(text: str) -> str:
    """The text itself: one that is kept for later, so that the catalogue has it; `_` is called where it is shown."""
    return text


MONTH_NAMES = mark_text("January February March April May June July August September October November December")

_language = LANGUAGES[0]
_translations: NullTranslations | None = None  # of this whole process: threads that make reports share it
_read: dict[str, NullTranslations] = {}


def use_language(code: str) -> None:
    """From here on sentences, numbers and dates of this process are in this one of `LANGUAGES`."""
    global _language, _translations
    _language, _translations = code, None if code == LANGUAGES[0] else _read_catalogue(code)


@contextmanager
def speak(code: str) -> Iterator[None]:
    """Within the block everything is in this one of `LANGUAGES`, such as a mail to a reader of another."""
    before = _language
    use_language(code)
    try:
        yield
    finally:
        use_language(before)


def find_language() -> str:
    """The language in use."""
    return _language


def read_system_language(environment: Mapping[str, str]) -> str:
    """The language of a system with these variables: Spanish for any Spanish, else English.

    >>> read_system_language({"LANG": "es_CL.UTF-8"}), read_system_language({"LC_ALL": "C", "LANG": "es_CL.UTF-8"})
    ('es', 'en')
    """
    said = next((environment[name] for name in SYSTEM if environment.get(name)), "")
    code = said.partition(".")[0].partition("_")[0].lower()
    return code if code in LANGUAGES else LANGUAGES[0]


def _(text: str) -> str:
    """The sentence in the reader's language; names in braces are filled in afterwards.

    >>> _("{people} people were asked.").format(people=3)
    '3 people were asked.'
    """
    return text if _translations is None or not text else _translations.gettext(text)


def translate_count(one: str, many: str, count: int) -> str:
    """The sentence for that many: which of the two stands is the language's rule."""
    if _translations is None:
        return one if count == 1 else many
    return _translations.ngettext(one, many, count)


def write_number(text: str) -> str:
    """A number in digits as the reader's language writes it: `1,234.50`, in Spanish `1.234,50`."""
    return text.translate(SWAPPED) if _language == "es" else text


def list_month_names() -> list[str]:
    """`January` to `December`; in Spanish with a small letter."""
    return _(MONTH_NAMES).split()


def list_short_months() -> list[str]:
    """`Jan` to `Dec`."""
    return _("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec").split()


def list_weekday_names() -> list[str]:
    """`Monday` to `Sunday`."""
    return _("Monday Tuesday Wednesday Thursday Friday Saturday Sunday").split()


def list_short_weekdays() -> list[str]:
    """`Mon` to `Sun`."""
    return _("Mon Tue Wed Thu Fri Sat Sun").split()


def _read_catalogue(code: str) -> NullTranslations:
    if code not in _read:
        from gettext import translation  # which nobody waits for who reads English

        _read[code] = translation(DOMAIN, LOCALE, [code])
    return _read[code]
