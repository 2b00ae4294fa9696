"""The reader's language, chosen once at the door of a run: what a sentence, a month and a number are in it.

English stands in the code; the other languages are gettext catalogues in `locale/`, which `make catalogue` keeps. A
sentence is whole, with names in braces: what is glued of pieces cannot be said in another order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from gettext import NullTranslations

LANGUAGES = ("en", "es")
"""English, in which the sentences stand in the code, and Spanish as people in Chile write it."""
DOMAIN = "flexlib"
"""The name of the catalogues' files."""
LOCALE = Path(__file__).parent / "locale"
SWAPPED = str.maketrans(",.", ".,")
"""What separates thousands and decimals in Chile is the other way round."""


def mark_text(text: str) -> str:
    """The text itself: one that is kept for later, so that the catalogue has it; `_` is called where it is shown."""
    return text


class Label(str):
    """A text of ours among names that others gave, such as `Other` among models: it alone is translated there, and
    somebody's department of that name is not."""

    __slots__ = ()


SAME_SOUND = (("y", "e", re.compile(r"\W*h?[ií](?![aeou])", re.I)), ("o", "u", re.compile(r"\W*(h?[oó]|8|11\b)", re.I)))
"""What the words of Spanish for `and`, `or` become before a word that begins with the same sound."""
MONTH_NAMES = mark_text("January February March April May June July August September October November December")

Given = ParamSpec("Given")
Made = TypeVar("Made")

_language = LANGUAGES[0]
_spoken: ContextVar[str | None] = ContextVar("spoken", default=None)
"""Where a block speaks another language than the process: only there, and in no other thread."""
_read: dict[str, NullTranslations] = {}


class Translated(str):
    """A sentence in the reader's language that still knows its English, which is what gets stored.

    >>> with speak("es"):
    ...     told = _("under {number}").format(number=write_number("1,234"))
    >>> told, to_english(told)
    ('menos de 1.234', 'under 1,234')
    """

    english: str

    def __new__(cls, text: str, english: str = "") -> Translated:
        made = super().__new__(cls, text)
        made.english = english
        return made

    def format(self, *values: object, **named: object) -> Translated:
        english = self.english.format(
            *map(to_english, values), **{name: to_english(one) for name, one in named.items()}
        )
        return Translated(super().format(*values, **named), english)

    def format_map(self, named: Mapping[str, object]) -> Translated:  # type: ignore[override]
        return self.format(**named)

    def __add__(self, more: str) -> Translated:
        return Translated(str(self) + more, self.english + to_english(more))

    def __radd__(self, before: str) -> Translated:
        return Translated(before + str(self), before + self.english)


def use_language(code: str) -> None:
    """From here on sentences, numbers and dates of this process are in this one of `LANGUAGES`."""
    global _language
    _language = code


@contextmanager
def speak(code: str | None) -> Iterator[None]:
    """Within the block everything is in this one of `LANGUAGES`, such as a mail to a reader of another; None: in the
    language of the process.

    Other threads go on in the language of the process, those of a pool too. A generator must not yield within the
    block, or its caller goes on in it.
    """
    before = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(before)


def write_stored(write: Callable[Given, Iterator[str]]) -> Callable[Given, tuple[str, ...]]:
    """The sentences that `write` yields, in English whoever asks: a stored month is the same for every reader."""

    @wraps(write)
    def write_in_english(*values: Given.args, **named: Given.kwargs) -> tuple[str, ...]:
        with speak(LANGUAGES[0]):
            return tuple(write(*values, **named))

    return write_in_english


def find_language() -> str:
    """The language in use."""
    return _spoken.get() or _language


def speaks_aside() -> bool:
    """Whether this is within `speak`: for programs, for what is stored, or for another reader than who runs it."""
    return _spoken.get() is not None


def _(text: str) -> str:
    """The sentence in the reader's language; names in braces are filled in afterwards.

    >>> _("{people} people were asked.").format(people=3)
    '3 people were asked.'
    """
    translations = _find_translations()
    return text if translations is None or not text else Translated(translations.gettext(text), text)


def translate_count(one: str, many: str, count: int) -> str:
    """The sentence for that many: which of the two stands is the language's rule."""
    translations = _find_translations()
    english = one if count == 1 else many
    return english if translations is None else Translated(translations.ngettext(one, many, count), english)


def write_number(text: str) -> str:
    """A number in digits as the reader's language writes it: `1,234.50`, in Spanish `1.234,50`."""
    return Translated(text.translate(SWAPPED), text) if find_language() == "es" else text


def to_english(said: Any) -> Any:  # noqa: ANN401 (whatever sentences are filled with)
    """What is translated, or an error, in English, also inside of lists and maps; all else as it is."""
    if isinstance(said, dict):
        return {to_english(name): to_english(one) for name, one in said.items()}
    if isinstance(said, list | tuple):
        return [to_english(one) for one in said]
    return getattr(said, "english", said)


def write_json(facts: Any, default: Callable[[Any], object] | None = None) -> str:  # noqa: ANN401 (JSON)
    """What programs read: the same in every language. `default` as of `json.dumps`."""
    return json.dumps(to_english(facts), indent=2, ensure_ascii=False, default=default)


def join_texts(texts: Iterable[str | None], between: str = "; ") -> str:
    """Those that there are as one text, which still knows its English.

    >>> with speak("es"):
    ...     told = join_texts([_("unknown"), "", "2"])
    >>> told, to_english(told)
    ('desconocido; 2', 'unknown; 2')
    """
    given = [one for one in texts if one]
    said, english = between.join(given), between.join(to_english(given))
    return said if said == english else Translated(said, english)


def join_and(names: Iterable[str]) -> str:
    """`one`, `one and two`, `one, two and three`, as the reader's language has it.

    >>> join_and(["Windsurf", "the ledger", "a file"])
    'Windsurf, the ledger and a file'
    """
    return _join(list(names), _("{one} and {other}"))


def join_or(names: Iterable[str]) -> str:
    """The same of what is to be chosen from.

    >>> join_or(["csv", "xlsx"])
    'csv or xlsx'
    """
    return _join(list(names), _("{one} or {other}"))


def _join(names: list[str], last: str) -> str:
    if len(names) < 2:
        return names[0] if names else ""
    if find_language() == "es":
        for word, other, sounds in SAME_SOUND:
            if sounds.match(names[-1]):
                last = Translated(str(last).replace(f"}} {word} {{", f"}} {other} {{"), to_english(last))
    return last.format(one=join_texts(names[:-1], ", "), other=names[-1])


def list_month_names() -> list[str]:
    """`January` to `December`; in Spanish with a small letter."""
    return _split(MONTH_NAMES)


def list_short_months() -> list[str]:
    """`Jan` to `Dec`."""
    return _split(mark_text("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"))


def list_weekday_names() -> list[str]:
    """`Monday` to `Sunday`."""
    return _split(mark_text("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"))


def list_short_weekdays() -> list[str]:
    """`Mon` to `Sun`."""
    return _split(mark_text("Mon Tue Wed Thu Fri Sat Sun"))


def _split(names: str) -> list[str]:
    """The names of a list, each of which still knows its English."""
    said, english = _(names).split(), names.split()
    return english if said == english else [Translated(*pair) for pair in zip(said, english, strict=True)]


def _find_translations() -> NullTranslations | None:
    """None: of English, in which the sentences stand."""
    code = find_language()
    return None if code == LANGUAGES[0] else _read_catalogue(code)


def _read_catalogue(code: str) -> NullTranslations:
    if code not in _read:
        from gettext import translation  # which nobody waits for who reads English

        _read[code] = translation(DOMAIN, LOCALE, [code])
    return _read[code]
