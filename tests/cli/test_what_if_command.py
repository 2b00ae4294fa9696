"""`flexlib what-if` as a shell sees it: moves, acceptance, scores, a cap; and what the page says of them."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_samples import store_month
from spend_samples import OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.cli.main import main
from flexlib.front.credits_days import CreditsDays
from flexlib.front.spend import load_spend
from flexlib.front.what_if import find_what_ifs, read_routes
from flexlib.page.usage import what_if as page
from flexlib.tables.what_if import format_range

WHEN = ("--year", "2025", "--month", "9")


def make_call(number: int, model: str, usd: str, **columns: Any) -> dict[str, Any]:  # noqa: ANN401
    """100,000 prompt tokens and 1,000 of an answer; a third of the answers is used."""
    tokens = {"prompt_tokens": 100_000, "completion_tokens": 1_000, "total_tokens": 101_000}
    used = json.dumps({"used": number % 3 == 0})
    return call(f"{model}{number}", "2025-09-05", usd, model=model, metadata=used, **tokens | columns)


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 calls to gpt-4o at 0.26, 30 to gpt-4o-mini at 0.0156, 29 to gpt-4.1, and what is left out."""
    calls = [make_call(number, "gpt-4o", "0.26") for number in range(40)]
    calls += [make_call(number, "openai/gpt-4o-mini", "0.0156") for number in range(30)]
    calls += [make_call(number, "gpt-4.1", "0.208") for number in range(29)]
    silent = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    store(tmp_path, "ledger", SEPTEMBER, *calls, make_call(1, "mine", "5", provider="meta"),
          call("s", "2025-09-05", "0", **silent), call("u", "2025-09-05", None))  # fmt: skip
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    return tmp_path


def ask(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["what-if", *WHEN, *words]) == code
    out, err = capsys.readouterr()
    return err if code == 2 else out


def test_few_calls_are_compared_with_nothing_and_a_month_without_use_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    store_month(tmp_path, [], month=SEPTEMBER)
    assert "Nothing can be compared." in ask(capsys)
    assert CreditsDays.read([SEPTEMBER], tmp_path, names=False).by("day").empty
    store(tmp_path, "ledger", SEPTEMBER, make_call(1, "gpt-4o", "0.26"))
    assert "Not compared: 1 call of 1 route of fewer than 30." in ask(capsys)


@pytest.mark.usefixtures("month")
def test_the_json_holds_every_move_each_task_and_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(ask(capsys, "--json"))
    first = made["moves"][0]
    assert (first["model"], first["to_model"], first["calls"], first["now_usd"]) == (
        "gpt-4o", "openai/gpt-4o-mini", 40, "10.4",
    )  # fmt: skip
    assert (first["usd"], first["high_usd"], first["outcome"]) == (
        "0.624",
        "0.8508",
        "saves",
    )  # 0.6 x 1.35 + 0.024 x 1.7
    assert first["break_even"] == round(float((10.4 - 0.6) / 0.024), 4)
    task = next(one for one in made["tasks"] if one["to_model"] == "gpt-4.1")
    # 70 calls at 0.208 and 29 as they are; of the one to a model that no list has, its price on gpt-4.1.
    assert (task["calls"], task["usd"]) == (100, "20.8")
    assert made["left_out"] == [
        "Left out: 1 call without tokens.",
        "Left out: 1 call without a price.",
        "Not compared: 30 calls of 2 routes of fewer than 30.",
        "Not among the others: mine, as genai-prices 0.2.3 does not know 'mine' of meta.",
    ]


@pytest.mark.usefixtures("month")
def test_a_model_that_is_named_is_tried_and_one_that_no_list_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [" ".join(line.split()) for line in ask(capsys, "--to", "anthropic/claude-sonnet-4-5").splitlines()]
    assert any(line.startswith("gpt-4o OpenAI, text 40 10.40 claude-sonnet-4-5 Anthropic 12.60") for line in lines)
    assert "'meta/mine' is in no price list" in ask(capsys, "--to", "meta/mine", code=2)
    assert "'gpt-4o' is no model of a maker" in ask(capsys, "--to", "gpt-4o", code=2)
    assert read_routes("anthropic/claude-sonnet-4-20250514@bedrock, openai/gpt-5")[0].proxy == "bedrock"


def test_nothing_that_is_dearer_with_as_many_tokens_stands_instead_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """30 calls to gpt-4o at 0.015 by a contract: on gpt-4o-mini 0.0156 each, and a little less with fewer tokens."""
    sent = [("gpt-4o", "0.015"), ("gpt-4o-mini", "0.0156")]
    store(tmp_path, "ledger", SEPTEMBER, *(make_call(one, *route) for route in sent for one in range(30)))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert "INSTEAD" not in ask(capsys)
    assert "INSTEAD" in ask(capsys, "--to", "openai/gpt-4o-mini")


@pytest.mark.usefixtures("month")
def test_an_accepted_answer_costs_what_all_of_its_model_cost(capsys: pytest.CaptureFixture[str]) -> None:
    made = json.loads(ask(capsys, "--accepted-by", "used", "--json"))
    mini, other = (next(one for one in made["accepted"] if one["model"] == name)
                   for name in ("openai/gpt-4o-mini", "gpt-4o"))  # fmt: skip
    assert (mini["calls"], mini["accepted"], mini["usd_each"], mini["place"]) == (30, 10, "0.0468", 1)
    assert (other["accepted"], other["usd"], other["place"]) == (14, "10.4", 2)
    assert "no call has 'liked' in its metadata" in ask(capsys, "--accepted-by", "liked", code=2)


def test_a_verdict_that_is_neither_yes_nor_no_is_refused(month: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(month, "import", SEPTEMBER, call("x", "2025-09-06", metadata='{"used": "perhaps"}'))
    assert "'used' is 'perhaps' in the metadata of a call" in ask(capsys, "--accepted-by", "used", code=2)


@pytest.mark.usefixtures("month")
def test_scores_are_those_of_a_dated_file_and_part_only_beyond_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("model,score,cases,date\ngpt-4o-2024-08-06,23.1,225,2024-12-30\ngpt-4o-mini,3.6,225,2024-12-21\n")
    printed = ask(capsys, "--scores", str(file))
    assert "Scores: scores.csv, the last of 2024-12-30." in printed
    assert "lower" in [line.strip() for line in printed.splitlines()]
    for text, said in (("model,score\na,1\n", "must name model,score,cases,date"),
                       ("model,score,cases,date\na,101,9,2025-01-01\n", "line 2 cannot be read")):  # fmt: skip
        file.write_text(text)
        assert said in ask(capsys, "--scores", str(file), code=2)
    assert "cannot be read" in ask(capsys, "--scores", str(tmp_path / "none.csv"), code=2)


def test_a_cap_is_a_list_of_pseudonyms_with_what_it_saves_and_nothing_else(
    month: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "2025-09 has no credits of Windsurf" in ask(capsys, "--cap", "300", code=2)
    store_credits(month, (1, "ana@example.com", "m", 0, 40_000), (2, "ben", "m", 0, 30_000), (3, "eva", "m", 0, 31_000))
    printed = " ".join(ask(capsys, "--cap", "300", "--top", "1").split())
    assert re.search(r"Person (?!ana)\w+ 400\.00 100\.00 4\.00 1 Sep 1 more 310\.00 10\.00 0\.40 -", printed)
    assert "2 WITH MORE THAN 300 710.00 110.00 4.40" in printed
    assert ask(capsys, "--cap", "400").strip() == "Nobody had more than 400 flex credits."


@pytest.mark.parametrize("names", [(), ("--names",)])
def test_who_is_not_on_the_list_is_still_one_person_each_under_a_cap(
    names: tuple[str, ...], month: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unlisted = ("unmapped-1", "unmapped-2", "unmapped-3")
    rows = [
        (day, user, "m", 0, spent) for day, (user, spent) in enumerate(zip(unlisted, (200, 250, 350), strict=True), 1)
    ]
    store_credits(month, *rows, unlisted=unlisted)
    (one,) = json.loads(ask(capsys, "--cap", "3", "--json", *names))["capped"]
    assert (one["flex_credits"], one["over"]) == (350, 50)  # not 800 of all three, and 500 beyond it
    assert one["user"].startswith("Person ")
    assert one["user"].endswith(", not on the list")


def test_a_task_counts_the_calls_that_another_list_cannot_price_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sums of ten calls of about 300,000 prompt tokens: the list of gemini-2.5-pro has brackets, and prices none."""
    calls = [make_call(number, "gemini-2.5-pro", "0.135", provider="google") for number in range(30)]
    counts = {"prompt_tokens": 3_000_000, "total_tokens": 3_001_000, "requests": 10, "grain": "day"}
    calls += [make_call(number, "gpt-4o", "7.51", **counts) for number in range(4)]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    made = json.loads(ask(capsys, "--json"))
    by_model = {one["to_model"]: (one["calls"], one["now_usd"], one["unpriced_calls"]) for one in made["tasks"]}
    assert by_model == {"gpt-4o": (70, "34.09", 0), "gemini-2.5-pro": (30, "4.05", 40)}
    assert made["tasks"][0]["to_model"] == "gpt-4o"  # what is whole comes first
    (said,) = made["left_out"]
    assert said.startswith("Not compared with gemini-2.5-pro: gpt-4o, of whose calls fewer than 30 have a price there")
    assert "NOT PRICED" in ask(capsys)


def test_the_companys_own_dated_table_says_what_a_prompt_costs_where_the_rows_do_not(
    month: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(day, user, "m", 0, 300 * day) for day in range(1, 16) for user in ("ana", "ben")]
    store_credits(month, *rows, (1, "ana", "few", 0, 800), (1, "ana", "odd", 0, 700))
    file = month / "prices" / "windsurf_multipliers.csv"
    file.parent.mkdir()
    lines = ["from,until,model,credits,source", "2025-08-01,,m,2,invoice", ",2025-10-01,few,4,invoice",
             "2025-09-01,,New,0.5,invoice", ",,odd,2,invoice", "2025-09-02,,Late,0.25,invoice"]  # fmt: skip
    file.write_text("\n".join(lines))
    made = json.loads(ask(capsys, "--json"))
    # Of m 30 rows prove 3.00; few has one row; 7.00 are no prompts of 2.00; nobody asked New; Late is not of all days.
    found = {one["model_uid"]: one["multiplier"] for one in made["multipliers"]}
    assert found == {"m": 300, "few": 400, "odd": None, "New": 50}
    for said in ("2.00 a prompt of m", "2.00 a prompt of odd"):
        assert f"Your table says {said}, its rows say otherwise: it is not used." in made["left_out"]
    moves = {(one["model_uid"], one["to_model_uid"]): one["saved_low"] for one in made["exchanges"]}
    assert moves == {("m", "New"): 60_000, ("few", "m"): 200, ("few", "New"): 700}
    for line, said in (("2025-08-01,,m,2.5,b", "m has another multiplier"), ("x,,m,2,b", "Fix this line"),
                       (",,m,1.001,b", "at most 2 decimals")):  # fmt: skip
        file.write_text("\n".join([*lines, line]))
        assert said in ask(capsys, code=2)


def test_a_model_that_is_named_is_tried_for_embeddings_only_where_its_list_prices_no_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {"task_type": "embedding", "completion_tokens": 0, "total_tokens": 100_000}
    store(tmp_path, "ledger", SEPTEMBER, *(make_call(one, "text-embedding-3-large", "0.013", **kinds)
                                           for one in range(30)))  # fmt: skip
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    made = json.loads(ask(capsys, "--to", "openai/gpt-5-nano,openai/text-embedding-3-small", "--json"))
    assert [(one["to_model"], one["usd"]) for one in made["moves"]] == [("text-embedding-3-small", "0.06")]
    assert made["left_out"] == ["Not tried for embedding: gpt-5-nano; no list says that such a model does that."]


def test_the_page_says_the_largest_saving_and_leaves_out_what_is_not_known(month: Path) -> None:
    store_credits(month, (1, "ana", "m", 0, 40_000))
    spend = load_spend("2025-09", None, month, zone="UTC", names=False)
    made = find_what_ifs(spend, cap=300, accepted_by="used")
    heading = page.heading_for_savings(made.savings, made.dated).heading
    assert heading == "US$ 10.40 for gpt-4o would have been 0.46 to 0.85 on openai/gpt-4o-mini"
    chart = page.plot_savings(made.savings)
    assert chart is not None
    assert "gpt-4o on openai/gpt-4o-mini: 4 to 8 % of US$ 10.40" in chart.render_html()
    cap = page.heading_for_cap(made.capped, 300)
    assert cap is not None
    assert cap.heading == "1 person spent 100.00 beyond a cap of 300 flex credits each"
    assert page.heading_for_exchanges(made.exchanges) is None  # one row proves no multiplier
    assert page.heading_for_discounts(made.discounts) is None
    empty = made.savings.head(0)
    assert page.plot_savings(empty) is None
    (own,) = made.savings.to_dict("records")
    larger = own | {"model": "gpt-4", "to_model": "gpt-5", "now_usd": own["now_usd"] - 1, "most_usd": Decimal("-1")}
    both = pd.DataFrame([own, larger])  # 9.55 and 10.40 less at least: the second saves more
    assert page.heading_for_savings(both).heading.startswith("US$ 9.40 for gpt-4 would")
    assert "10.40" in page.show_what_if_headlines(both, made.discounts, empty, None).text
    assert page.heading_for_savings(empty).heading == "No other model of the same task is cheaper in any case"


def test_a_range_has_no_cents_from_a_hundred_on_and_one_figure_where_both_ends_are_the_same() -> None:
    from decimal import Decimal

    ends = [("0.12", "0.35"), ("63.08", "118.37"), ("589.95", "589.95"), ("2", None)]
    said = [format_range(Decimal(low), None if high is None else Decimal(high)) for low, high in ends]
    assert said == ["0.12–0.35", "63–118", "589.95", "2.00–?"]


@pytest.mark.parametrize("zone", ["UTC", "America/Santiago"])
def test_a_call_has_the_price_of_its_moment_whatever_the_zone_of_the_month(
    zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From 16:30 to 00:30 UTC deepseek-chat costs half: 0.135 US$ a million of the prompt, 0.55 of the answer."""
    tokens = {"prompt_tokens": 100_000, "completion_tokens": 1_000, "total_tokens": 101_000}
    for month, when in ((SEPTEMBER, "2025-09-02 18:00"), (OCTOBER, "2025-10-02 12:00")):
        calls = [call(f"{when}{number}", when, "0.26", **tokens) for number in range(30)]
        store(tmp_path, "ledger", month, *calls)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    (line,) = json.loads(ask(capsys, "--to", "deepseek/deepseek-chat", "--zone", zone, "--json"))["moves"]
    assert (line["calls"], line["usd"]) == (30, "0.4215")  # 3,000,000 x 0.135 and 30,000 x 0.55; at 14:00 0.843


def test_calls_too_short_for_a_cache_are_left_out_of_what_it_saves_and_counted_in_text_json_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = [call(f"{who}-{number}", "2025-09-05", "0.01", usable_id=who, prompt_tokens=prompt, cached_tokens=cached,
                 total_tokens=prompt)
            for who, prompt, cached, count in ((1, 10_000, 8_000, 40), (2, 500, 0, 50))
            for number in range(count)]  # fmt: skip
    store(tmp_path, "ledger", SEPTEMBER, *sent)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    said = ("Left out of what a cache saves: 50 calls to gpt-4o with prompts of fewer than 1,024 tokens, from which on "
            "the provider keeps one.")  # fmt: skip
    main(["what-if", "--year", "2025", "--month", "9"])
    assert said in capsys.readouterr().out
    main(["what-if", "--year", "2025", "--month", "9", "--json"])
    made = json.loads(capsys.readouterr().out)
    assert said in made["left_out"]
    assert made["too_short"] == [{"provider": "openai", "model": "gpt-4o", "proxy": None, "least_tokens": 1024,
                                  "is_documented": True, "calls": 50}]  # fmt: skip
    found = find_what_ifs(load_spend("2025-09", None, tmp_path, zone="UTC", names=False))
    heading = page.heading_for_discounts(found.discounts, found.uncached)
    assert heading is not None
    assert said in heading.note
