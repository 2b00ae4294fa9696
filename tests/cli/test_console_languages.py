"""The console in the reader's language: what every command prints is translated, and in both languages the numbers
are the same, each in the language's own form."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from marked_language import CLOSE, FIXTURE, OPEN, PEOPLE, Marked, find_unmarked, read_numbers

from flexlib import i18n
from flexlib.cli.main import main
from flexlib.i18n import use_language

HOME = Path(__file__).parents[2]
MONTH = "--year 2025 --month 9"
ROSTER = "--roster {params}/organization.example.csv"
RULES = "--rules {params}/chargeback.example.yaml"
COMMANDS = (
    f"certificate {MONTH}",
    f"certificate {MONTH} --source import",
    f"by-model {MONTH}",
    f"daily {MONTH}",
    f"monthly {MONTH}",
    f"spend {MONTH}",
    f"organization check {MONTH} {ROSTER} --top 2",
    "compare 2025-08 2025-09 --top 2",
    f"compare 2025-08 2025-09 --of usd --by department {ROSTER}",
    f"forecast {MONTH} --budget 5000",
    f"forecast {MONTH} --as-of 2025-09-15 --budget 120000",
    f"check {MONTH} --as-of 2025-09-23 --budgets {{params}}/budgets.example.yaml",
    f"notify {MONTH} --as-of 2025-09-23 --dry-run --budgets {{params}}/budgets.example.yaml"
    " --notices {params}/notices.example.yaml",
    f"chargeback {MONTH} {ROSTER} {RULES}",
    f"anomalies {MONTH} --top 3",
    f"latency {MONTH}",
    f"what-if {MONTH} --top 2",
    f"what-if {MONTH} --cap 100",
    f"fx show {MONTH}",
    "site",
    f"export --format focus {MONTH}",
    f"month {MONTH} --dry-run",
    "schedule --cron",
    "doctor",
)

QUICK = (
    "certificate --year 2025 --month 9 --source import",
    "compare 2025-08 2025-09 --top 2",
    "fx",
    "schedule",
    "doctor",
)
"""How the commands begin that every run tests; the others take seconds each."""
EVERY = [words if words.startswith(QUICK) else pytest.param(words, marks=pytest.mark.heavy) for words in COMMANDS]

PATHS = re.compile(r"(?:📄 )?[^\s⟦⟧]*/[\w./+-]+[^\s⟦⟧]*|[^\s⟦⟧]+\.(?:yaml|csv|html)\b|https?:[^\s⟦⟧]+")
"""Files and addresses."""
CODES = re.compile(
    r"\b(?:COMPLETE|GAP|UNRECONCILED|UNSETTLED|UNWITNESSED|GiB|TiB|CSV|JSON|FOCUS|CRON_TZ)\b"
    r"|(?<![\w-])--?[\w-]+|\bflexlib(?: [\w-]+)*|\bcd\b|&&|\b(?:[A-Z]+_)+[A-Z]+ (?=\()"
    r"|^  (?:fetch|rates|ledger|import|organization|budgets|export csv|site|notices|mail|report \w+)\b"
    r"|\bteam\b|\bimport\b|\bmistral(?:-small)?\b|, text\b|^text\b|^embedding\b"
    r"|\b(?:dashboard|excel|fetch|pdf|postgres|redis|reports|spark)\b(?=,|$|⟦)"
    r"|(?<=⟦ of ⟧)openrouter\b|(?<=made up by )[^\s⟦⟧]+"
    r"|(?<=flexlib ⟧)month\b",
    re.MULTILINE,
)
"""What stays as it is: states, commands and their steps, settings, extras, whose price list it is."""
GIVEN = re.compile(
    r"\b(?:Platform|Payments|Data|Product|Customers|Assistant|Reviewer|Mobile|all credits|Sonnet 4 in a day)\b"
    r"|\b(?:seat fees|plan credits)\b"
)
"""Names of the example files."""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """Runs one command on the fixture, in an empty folder of its own, and gives what it printed and said."""
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))

    def run(words: str, folder: str) -> str:
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        main(shlex.split(words.format(params=HOME / "params")))
        printed = capsys.readouterr()
        return printed.out + printed.err

    yield run
    use_language("en")


def list_left(printed: str) -> list[str]:
    """The lines with words that are in no marks, and no names."""
    text, outside, depth = GIVEN.sub("", CODES.sub("", PATHS.sub("", printed))), "", 0
    for letter in PEOPLE.sub("", text):
        depth += letter == OPEN
        outside += letter if not depth or letter == "\n" else " " * (letter == OPEN)
        depth -= letter == CLOSE
    return [line for line in outside.split("\n") if find_unmarked(line)]


@pytest.mark.parametrize("words", EVERY)
def test_every_word_that_a_command_prints_is_translated(
    words: str, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(i18n, "_find_translations", Marked)
    for room in ("i18n", "cli.main", "cli.month"):
        monkeypatch.setattr(sys.modules[f"flexlib.{room}"], "use_language", lambda code: None)
    assert list_left(run(words, "marked")) == []


@pytest.mark.parametrize("words", EVERY)
def test_both_languages_print_the_same_numbers_each_in_its_form(
    words: str, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for code, decimal in (("en", "."), ("es", ",")):
        monkeypatch.setenv("FLEXLIB_LANG", code)
        printed = NAMED.sub("", PATHS.sub("", run(words, code)))
        found[code] = read_numbers(printed.splitlines(), decimal=decimal)
    assert found["en"] == found["es"]


NAMED = re.compile(
    r"\b\d{4}-\d\d(?:-\d\d)?\b|\b\d\d:\d\d\b|\b[0-9a-f]{16,}\b|\bPersona? \w+"
    r"|\bv2alpha\b|\b0\.2\.\d\b|(?<=\bPython )3\.\d+\.\d+"
    r"|\b(?:Claude 3\.7|GPT-5|GPT-4\.1|GPT-4o|Gemini 2\.5|Sonnet 4(?:\.5)?|Opus 4(?:\.1)?|SWE-1(?:\.5)?)"
    r"|\b(?:Fast 1|Kimi K2|o[134])\b"
    r"|\b(?:claude|gpt|gemini|text)-[\w.-]+"
)
"""Days, times, hashes, people, versions and models, which every language writes alike."""


def test_a_word_that_is_not_translated_and_a_number_in_the_other_form_are_found() -> None:
    assert list_left(f"{OPEN}Budgets{CLOSE}\n  WITHIN  {OPEN}1 of 2{CLOSE}, COMPLETE") == ["  WITHIN   , "]
    assert read_numbers(["1,234.50"], decimal=".") != read_numbers(["1,234.50"], decimal=",")


def test_a_pseudonym_is_called_as_the_reader_s_language_has_it(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_LANG", "es")
    commands = (
        "compare 2025-08 2025-09 --top 2",
        "anomalies --year 2025 --month 8",
        f"organization check {MONTH} {ROSTER}",
    )
    for place, words in enumerate(commands):
        printed = run(words, str(place))
        assert "Persona " in printed
        assert "Person " not in printed
