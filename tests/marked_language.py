"""A language of tests that marks what is translated, so that what is not shows; and numbers as each
language has them."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from flexlib import i18n
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.names import DIGITS, SHOWN_DIGITS

FIXTURE = Path(__file__).parent / "data" / "fixture"

OPEN, CLOSE = "⟦", "⟧"
LISTS = (i18n.MONTH_NAMES.split()[0], "Jan ", "Mon ", "Monday ")
"""How the lists of names begin, which are taken apart: a mark around the whole list would be, too."""

NAMES = re.compile(
    r"Person \w+|[\w.+-]+@[\w.-]+|\b[0-9a-f]{16,}\b"
    r"|\bdemo \(seed=\d+ users=\d+\)|\bmade up\b|\b[\w.]+-[\w.-]*\d[\w.-]*|"
    r"\b(?:mistral-small|text-embedding-3-small|Together AI|Kimi|together|genai-prices|calls\.csv)\b"
    r"|\b(?:user|support|billing|search)\b(?: \d+)?"  # whom the fixture's calls name
    r"|\b[A-Z]+(?:_[A-Z]+)+\b"  # settings
    r"|\b(?:UTC|SHA|US|CLP|USD|ms|GPT|Claude|Sonnet|Opus|Haiku|Gemini|Grok|Thinking|High|Medium|Low|Flash|Pro|Codex|Code|Fast"
    r"|Windsurf|OpenAI|Anthropic|Google|OpenRouter|xAI|Mistral|Moonshot AI|SWE|flexlib)\b"
)
"""What stays as it is: people, models and who makes them, units, settings, hashes."""


LABELS = [one.label() for kind in (LlmProvider, LlmProxy, LlmTaskType) for one in kind]
"""Of members of the enums, which have their own words in each language."""


PEOPLE = re.compile(rf"{OPEN}Person{CLOSE} (?:[{DIGITS}]{{{SHOWN_DIGITS},}}|[0-9]{{3,}})\b")
"""Pseudonyms as this language has them."""


FILLED = re.compile(r"({[^{}]*})")
"""What is filled in later: it stands in no marks, so that what is filled in has to have its own."""


class Marked(NullTranslations):
    """Each sentence in marks, and lists of names as they are."""

    def gettext(self, message: str) -> str:
        if message.startswith(LISTS):
            return message
        return "".join(f"{OPEN}{part}{CLOSE}" if part[:1] != "{" else part for part in FILLED.split(message) if part)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


def find_unmarked(text: str) -> str:
    """The words of a text that are in no marks and no names."""
    outside, depth = "", 0
    for letter in PEOPLE.sub("", text):
        depth += letter == OPEN
        outside += letter if not depth else " " * (letter == OPEN)
        depth -= letter == CLOSE
    for label in LABELS:
        outside = outside.replace(label, "")
    left = NAMES.sub("", outside)
    return " ".join(word for word in re.findall(r"[^\W\d_]{2,}", left) if word not in months())


@cache
def months() -> frozenset[str]:
    lists = (i18n.list_month_names(), i18n.list_short_months(), i18n.list_weekday_names(), i18n.list_short_weekdays())
    return frozenset(one for names in lists for name in names for one in (name, name.upper()))


def read_numbers(texts: list[str], *, decimal: str) -> Counter[Decimal]:
    """The numbers of the texts, as a reader of the language reads them."""
    thousands = "." if decimal == "," else ","
    whole = rf"(?<![\w.,])\d{{1,3}}(?:[{thousands}]\d{{3}})+(?:[{decimal}]\d+)?|\d+(?:[{decimal}]\d+)?"
    found: Counter[Decimal] = Counter()
    for text in texts:
        for number in re.findall(whole, text):
            found[Decimal(number.replace(thousands, "").replace(decimal, "."))] += 1
    return found


ALIKE = re.compile(
    r"\b[A-Z]+(?:_[A-Z]+)+\b|(?<!\S)flexlib:|(?<![\w-])--?[a-z][\w-]*|'[^']*'|\bmodel,score,cases,date\b"
)
"""What every language writes alike: settings, options, columns, and what was given, in quotes."""


def list_plain(said: str, folder: Path) -> list[str]:
    """The words that are in no marks, and no names, paths or figures."""
    outside, depth = "", 0
    for letter in said.replace(str(folder), "").replace(str(FIXTURE), ""):
        depth += letter == OPEN
        outside += letter if not depth else " " * (letter == OPEN)
        depth -= letter == CLOSE
    left = re.sub(r"[\w-]*(?:[/.][\w-]+)+", "", ALIKE.sub("", outside))
    return re.findall(r"[^\W\d_]{2,}", left)


def read_plainly(said: str) -> str:
    """A text of the marked language without its marks."""
    return said.replace(OPEN, "").replace(CLOSE, "")
