"""Every page in the reader's language: a language of tests marks what is translated, so that what is not shows; and
both languages show the same numbers."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from gettext import NullTranslations
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flexlib import i18n
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.i18n import use_language
from flexlib.page.kit.markup import Piece

HOME = Path(__file__).parents[2]
FIXTURE = HOME / "tests" / "data" / "fixture"

PAGES = (
    "flex_credits",
    "llm_usage",
    "compare_months",
    "year",
    "forecast",
    "chargeback",
)

QUICK = ("compare_months", "forecast")
"""The pages that every run tests; the others take seconds each."""
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.heavy) for name in PAGES]

OPEN, CLOSE = "⟦", "⟧"
LISTS = (i18n.MONTH_NAMES.split()[0], "Jan ", "Mon ", "Monday ")
"""How the lists of names begin, which are taken apart: a mark around the whole list would be, too."""

NAMES = re.compile(
    r"Person \w+|[\w.+-]+@[\w.-]+|\b[0-9a-f]{16,}\b"
    r"|\bdemo \(seed=\d+ users=\d+\)|\bmade up\b|\b[\w.]+-[\w.-]*\d[\w.-]*|"
    r"\b(?:mistral-small|text-embedding-3-small|Together AI|Kimi)\b"
    r"|the billing cycle is \S+ to \S+ not the month"  # as flexlib 0.1.0 stored it, without a code
    r"|\b(?:user|support|billing|search)\b(?: \d+)?"  # whom the fixture's calls name
    r"|\b(?:UTC|SHA|US|CLP|USD|GPT|Claude|Sonnet|Opus|Haiku|Gemini|Grok|Thinking|High|Medium|Low|Flash|Pro|Codex|Code|Fast"
    r"|Windsurf|OpenAI|Anthropic|Google|OpenRouter|xAI|Mistral|SWE|flexlib)\b"
)
"""What stays as it is: people, models and who makes them, units, hashes."""


LABELS = [one.label() for kind in (LlmProvider, LlmProxy, LlmTaskType) for one in kind]
"""Of members of the enums, which have their own words in each language."""


class Marked(NullTranslations):
    """Each sentence in marks, and lists of names as they are."""

    def gettext(self, message: str) -> str:
        return message if message.startswith(LISTS) else f"{OPEN}{message}{CLOSE}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Texts(HTMLParser):
    """The texts that a reader sees, hears or finds under the mouse, one for each node and attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag == "style"
        self.found += [value or "" for name, value in attrs if name in ("title", "aria-label", "alt")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.found.append(data.strip())


def list_texts(html: str) -> list[str]:
    parser = Texts()
    parser.feed(html)
    return parser.found


def find_unmarked(text: str) -> str:
    """The words of a text that are in no marks and no names."""
    outside, depth = "", 0
    for letter in text:
        depth += letter == OPEN
        outside += letter if not depth else ""
        depth -= letter == CLOSE
    for label in LABELS:
        outside = outside.replace(label, "")
    left = NAMES.sub("", outside)
    return " ".join(word for word in re.findall(r"[^\W\d_]{2,}", left) if word not in months())


@cache
def months() -> frozenset[str]:
    lists = (i18n.list_month_names(), i18n.list_short_months(), i18n.list_weekday_names(), i18n.list_short_weekdays())
    return frozenset(name for names in lists for name in names)


def run_notebook(name: str) -> str:
    """The page's pieces as its notebook shows them, run in this process."""
    scope: dict[str, object] = {}
    shown = []
    for cell in json.loads((HOME / "notebooks" / f"{name}.ipynb").read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), scope)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), scope)
            assert isinstance(value, Piece)
            shown.append(value.render_html())
    return "\n".join(shown)


@pytest.fixture
def on_fixture(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    yield
    use_language("en")


@pytest.fixture
def marked(on_fixture: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "_find_translations", Marked)
    monkeypatch.setattr(i18n, "use_language", lambda code: None)  # what loads the month chooses none then


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.usefixtures("marked")
def test_every_text_of_a_page_is_translated(name: str) -> None:
    texts = list_texts(run_notebook(name))
    assert len(texts) > 30
    assert {text: words for text in texts if (words := find_unmarked(text))} == {}


def test_a_text_that_is_not_translated_is_found() -> None:
    assert find_unmarked(f"{OPEN}Most on {OPEN}15 Sep{CLOSE}{CLOSE}: Claude Sonnet 4, 12.50") == ""
    assert find_unmarked(f"{OPEN}Most on{CLOSE} 15 Sep: 12.50 credits") == "credits"
    assert list_texts('<p title="why">so<style>p {}</style> <svg><title>a day</title></svg></p>') == [
        "why", "so", "a day"]  # fmt: skip


def read_numbers(texts: list[str], *, decimal: str) -> Counter[Decimal]:
    """The numbers of the texts, as a reader of the language reads them."""
    thousands = "." if decimal == "," else ","
    whole = rf"(?<![\w.,])\d{{1,3}}(?:[{thousands}]\d{{3}})+(?:[{decimal}]\d+)?|\d+(?:[{decimal}]\d+)?"
    found: Counter[Decimal] = Counter()
    for text in texts:
        for number in re.findall(whole, text):
            found[Decimal(number.replace(thousands, "").replace(decimal, "."))] += 1
    return found


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.usefixtures("on_fixture")
def test_both_languages_show_the_same_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for code in ("en", "es"):
        monkeypatch.setenv("FLEXLIB_LANG", code)
        shown[code] = list_texts(run_notebook(name))
    same = sorted({*shown["en"]} & {*shown["es"]}, key=len, reverse=True)
    names = [text for text in same if re.search(r"[^\W\d_]|\d\.\d\.", text)]  # such as Claude 3.7 Sonnet, 0.2.0
    for texts in shown.values():
        for place, text in enumerate(texts):
            for one in (*names, "per 1M", "Per 1M"):  # in Spanish por millón
                text = text.replace(one, "")
            texts[place] = text
    assert read_numbers(shown["en"], decimal=".") == read_numbers(shown["es"], decimal=",")


def test_a_number_that_differs_is_found() -> None:
    english, spanish = read_numbers(["1,234.50 of 7"], decimal="."), read_numbers(["1.234,50 de 7"], decimal=",")
    assert english == spanish == {Decimal("1234.50"): 1, Decimal(7): 1}
    assert read_numbers(["1.234,50 de 8"], decimal=",") != english
