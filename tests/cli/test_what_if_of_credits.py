"""`flexlib what-if` of a month whose credits changed their price, or a prompt its multiplier: nothing is left out
unsaid, on the console or the page."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_samples import FIXTURE
from spend_samples import SEPTEMBER, call, store, store_credits

from flexlib.cli.main import main
from flexlib.formats import format_credits
from flexlib.front.answers import Answers
from flexlib.front.spend import load_spend
from flexlib.front.what_if import find_what_ifs
from flexlib.page.usage import what_if as page

UNKNOWN = "Not compared in credits: turned; neither their rows nor your own table say what a prompt cost all month."


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prompt of `turned` costs 4.00 until the 15th and 2.00 from then on, one of `dear` 3.00 and of `cheap` 1.00."""
    days = [(day, user) for day in range(1, 31) for user in ("ana", "ben")]
    rows = [(day, user, "turned", 0, (400 if day < 16 else 200) * (1 + day % 3)) for day, user in days]
    rows += [(day, user, model, 0, each * (1 + day % 4)) for model, each in (("dear", 300), ("cheap", 100))
             for day, user in days]  # fmt: skip
    store_credits(tmp_path, *rows)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    return tmp_path


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> Any:  # noqa: ANN401 (JSON)
    assert main(["what-if", "--year", "2025", "--month", "9", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_model_whose_multiplier_changed_within_the_month_is_not_compared_and_named(
    month: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ask(capsys)
    found = {one["model_uid"]: one["multiplier"] for one in made["multipliers"]}
    assert found == {"turned": None, "dear": 300, "cheap": 100}
    # 75 prompts of each of the two at 3.00 would have been 75 at 1.00.
    moves = [(one["model_uid"], one["to_model_uid"], one["saved_low"]) for one in made["exchanges"]]
    assert moves == [("dear", "cheap", 2 * 75 * 200)]
    assert made["left_out"] == [UNKNOWN]
    assert made["credits_in"] == "hundredths"  # in each frame
    file = month / "prices" / "windsurf_multipliers.csv"
    file.parent.mkdir()
    file.write_text("from,until,model,credits,source\n,2025-09-16,turned,4,list\n2025-09-16,,turned,2,list\n")
    assert ask(capsys)["left_out"] == [UNKNOWN]  # by none of its lines for all of the month


@pytest.mark.parametrize(("second", "usd"), [("0.03", "US$ LESS"), ("0.025", None)])
def test_money_stands_beside_credits_only_where_all_of_the_month_had_one_price(
    second: str, usd: str | None, month: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = month / "prices" / "windsurf_credits.csv"
    file.parent.mkdir()
    file.write_text(f"from,until,usd_per_credit,source\n,2025-09-16,0.03,old\n2025-09-16,,{second},new contract\n")
    assert main(["what-if", "--year", "2025", "--month", "9", "--cap", "300"]) == 0
    assert ("US$ LESS" in capsys.readouterr().out) == bool(usd)


def test_the_page_of_a_month_without_calls_says_that_none_is_compared_and_which_credits_are_not(month: Path) -> None:
    made = find_what_ifs(load_spend("2025-09", None, month, zone="UTC", names=False))
    heading = page.heading_for_savings(made.savings, made.dated, made.uncompared)
    assert (heading.heading, heading.note) == ("No call can be compared with another model", "")
    cards = page.show_what_if_headlines(made.savings, made.discounts, made.capped, None, made.uncompared)
    assert "can be compared" in cards.text
    exchanges = page.heading_for_exchanges(made.exchanges, made.unproven)
    assert exchanges is not None
    assert exchanges.note.endswith(UNKNOWN)
    nothing = page.heading_for_exchanges(made.exchanges.head(0), made.unproven)
    assert nothing is not None
    assert nothing.note == UNKNOWN


def test_the_page_says_why_no_call_is_compared_where_no_table_does(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "1"))
    made = find_what_ifs(load_spend("2025-09", None, tmp_path, zone="UTC", names=False))
    heading = page.heading_for_savings(made.savings, made.dated, made.uncompared)
    assert heading.note == "Not compared: 1 call of 1 route of fewer than 30."
    store(tmp_path, "ledger", SEPTEMBER, *(call(f"a{number}", "2025-09-05", "1") for number in range(30)))
    made = find_what_ifs(load_spend("2025-09", None, tmp_path, zone="UTC", names=False))
    assert made.uncompared == ()  # of one route alone; what is left out stands at the task


@pytest.mark.parametrize(("month", "tenth"), [(8, "136.01 to 181.70"), (9, "123.73 to 164.30")])
def test_what_the_month_s_page_suggests_is_what_the_command_says_of_all_prompts(
    month: int, tenth: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    main(["what-if", "--year", "2025", "--month", f"{month}", "--json"])
    line = json.loads(capsys.readouterr().out)["exchanges"][0]
    assert (line["model_uid"], line["to_model_uid"]) == ("Claude Sonnet 4 Thinking", "Claude Sonnet 4")
    saving = Answers(load_spend(f"2025-{month:02}", None, FIXTURE, zone="UTC", names=False), "credits").saving
    assert saving is not None
    low, high = (format_credits(line[name]) for name in ("saved_low", "saved_high"))
    assert f"would have saved {tenth} flex credits, all of them {low} to {high}; " in saving.sentence
    assert saving.amount == Decimal(line["saved_low"] // 10) / 100
