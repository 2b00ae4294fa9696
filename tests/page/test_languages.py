"""Every page in the reader's language: a language of tests marks what is translated, so that what is not shows; and
both languages show the same numbers."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from marked_language import CLOSE, FIXTURE, OPEN, Marked, find_unmarked, read_numbers

from flexlib import i18n, load
from flexlib.analysis.frames import read_rows
from flexlib.enums import LlmTaskType
from flexlib.front.chargeback import charge_month
from flexlib.i18n import speak, use_language
from flexlib.page.kit.markup import Piece
from flexlib.page.kit.theme import render_page_style
from flexlib.page.kit.units import render_sign
from flexlib.page.mail.markup import render_mail
from flexlib.page.mail.month import build_month_mail
from flexlib.page.mail.part import build_part_mail

HOME = Path(__file__).parents[2]

PAGES = (
    "flex_credits",
    "llm_usage",
    "compare_months",
    "year",
    "forecast",
    "chargeback",
    "latency",
    "cost_effectiveness",
    "month mail",
    "part mail",
)

QUICK = ("compare_months", "forecast")
"""The pages that every run tests; the others take seconds each."""
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.heavy) for name in PAGES]


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


TASKS = [str(one) for one in LlmTaskType]


def make_mail(name: str) -> str:
    """The HTML of a mail of the fixture's month: of all of it, or of one who is charged."""
    spend = load("2025-09")
    if name == "month mail":
        return render_mail(build_month_mail(spend.loaded[0], spend.before, Decimal("9961.00")))[0]
    made = charge_month(spend, "team")
    models = read_rows(made.list_models(made.parts[0]))
    return render_mail(build_part_mail(made, made.parts[0], models))[0]


def run_notebook(name: str) -> str:
    """The page's pieces as its notebook shows them, run in this process; of a mail its HTML."""
    if name.endswith(" mail"):
        i18n.use_language(os.environ.get("FLEXLIB_LANG", "en"))
        return make_mail(name)
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
    unmarked = {text: words for text in texts if (words := find_unmarked(text))}
    if name == "cost_effectiveness":  # which has the names of tasks from their enum, in small letters
        unmarked = {text: words for text, words in unmarked.items() if words not in TASKS}
    assert unmarked == {}


def test_a_text_that_is_not_translated_is_found() -> None:
    assert find_unmarked(f"{OPEN}Most on {OPEN}15 Sep{CLOSE}{CLOSE}: Claude Sonnet 4, 12.50") == ""
    assert find_unmarked(f"{OPEN}Most on{CLOSE} 15 Sep: 12.50 credits") == "credits"
    assert list_texts('<p title="why">so<style>p {}</style> <svg><title>a day</title></svg></p>') == [
        "why", "so", "a day"]  # fmt: skip


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
            text = re.sub(r"genai-prices [\d.]+\d", "", text)
            for one in (*names, "per 1M", "Per 1M"):  # in Spanish por millón
                text = text.replace(one, "")
            texts[place] = text
    assert read_numbers(shown["en"], decimal=".") == read_numbers(shown["es"], decimal=",")


def test_a_number_that_differs_is_found() -> None:
    english, spanish = read_numbers(["1,234.50 of 7"], decimal="."), read_numbers(["1.234,50 de 7"], decimal=",")
    assert english == spanish == {Decimal("1234.50"): 1, Decimal(7): 1}
    assert read_numbers(["1.234,50 de 8"], decimal=",") != english


@pytest.mark.parametrize(
    ("language", "signs"),
    [
        ("en", ["<small>US$</small>", "<small>CLP</small>", ""]),
        ("es", ['<small class="tight">US$</small>', '<small class="tight">$</small>', ""]),  # US$6.211,82, as in a text
    ],
)
def test_the_sign_before_the_number_of_a_card_is_the_one_that_the_reader_writes_and_as_far_from_it(
    language: str, signs: list[str]
) -> None:
    with speak(language):
        assert [render_sign(unit) for unit in ("usd", "clp", "flex_credits")] == signs
    assert ".flex-headlines dd small.tight { margin-right: 0; }" in render_page_style()
