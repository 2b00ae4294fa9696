"""`flexlib compare` as a shell sees it: the change of two stored months, its parts, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from spend_samples import AUGUST, LATER, SEPTEMBER, call, ingest_charges, store

import flexlib as fl
from flexlib.cli.main import main
from flexlib.formats import UNIT_NAMES
from flexlib.front.compare import compare_spans
from flexlib.page.compare import show_compare_headlines
from flexlib.sources.charges.mapping import ChargeMapping

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))


@pytest.mark.parametrize("unit", ["credits", "usd", "clp"])
def test_the_parts_of_a_change_sum_to_it_by_person_and_by_model(unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "2025-08", "2025-09", "--of", unit, "--top", "999", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    difference = Decimal(said["difference"])
    assert difference == Decimal(said["amount_after"]) - Decimal(said["amount_before"])
    assert difference != 0
    assert sum(map(Decimal, said["parts"].values())) == difference
    for level in ("by_person", "by_model"):
        assert sum(Decimal(one["difference"]) for one in said[level]) == difference
        largest = [abs(Decimal(one["difference"])) for one in said[level]]
        assert largest == sorted(largest, reverse=True)


def test_the_sums_are_those_of_the_months(capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "2025-08", "2025-09", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert (said["of"], said["amount_after"]) == ("flex_credits", "9961")
    assert all(one["user"].startswith("Person ") for one in said["by_person"])  # no name unless asked for


def test_people_have_the_same_pseudonyms_in_a_change_and_in_both_months(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["compare", "2025-08", "2025-09", "--top", "999", "--json"])
    moved = {one["user"]: one for one in json.loads(capsys.readouterr().out)["by_person"]}
    september = fl.load("2025-09").by("user").set_index("user")["flex_credits"]
    new = {user: one["new"] for user, one in moved.items() if "new" in one}
    assert new
    assert {user: Decimal(amount) for user, amount in new.items()} == {user: september[user] for user in new}
    gone = {user: one["gone"] for user, one in moved.items() if "gone" in one}
    assert gone
    august = fl.load("2025-08").by("user").set_index("user")["flex_credits"]
    assert {user: -Decimal(amount) for user, amount in gone.items()} == {user: august[user] for user in gone}


@pytest.mark.parametrize("unit", ["credits", "usd", "clp"])
def test_what_the_console_shows_adds_up_to_the_last_digit_shown(unit: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "2025-08", "2025-09", "--of", unit])
    first, *others = capsys.readouterr().out.splitlines()
    parts = others[: next(place for place, line in enumerate(others) if not line.startswith("  "))]
    shown = [Decimal(re.split(r"\s{3,}", line.strip())[1].replace(",", "")) for line in parts]
    assert sum(shown) == Decimal(re.findall(r"[+-][\d,.]+\d", first)[0].replace(",", ""))


def test_a_sum_that_lacks_calls_is_at_least_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "2025-08", "2025-09", "--of", "usd"])
    shown = capsys.readouterr()
    said = "at least 401.57, and at least 350.16 before; what is known differs by +51.41\n"
    assert shown.out.startswith(f"September 2025 against August 2025 in US$: {said}")
    assert "46 calls of September 2025 without a price are left out." in shown.err


def test_the_console_says_who_is_new_who_stopped_and_why_the_others_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["compare", "2025-08", "2025-09", "--top", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("September 2025 against August 2025 in flex credits: 9,961.00, ")
    for words in ("new spender", "who stopped", "how much they used", "in another order", "People with", "Models with"):
        assert any(words in line for line in lines), words
    assert lines[-1].startswith("An accounting, not a cause")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["2025-09", "2025-09"], "2025-09 is in both spans"),
        (["2025-07", "2025-09"], "Nothing of 2025-07 is stored"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("top", ["-1", "0", "ten"])
def test_a_number_of_people_and_models_that_is_none_is_refused(top: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "2025-08", "2025-09", "--top", top])
    assert f"'{top}' is not a number from 1 to 1000" in capsys.readouterr().err


def test_that_credits_say_no_team_names_the_calls_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "2025-08", "2025-09", "--by", "team"]) == 2
    assert (
        "no row of flex credits says a team, only calls do; compare these with --of usd, or" in capsys.readouterr().err
    )
    assert main(["compare", "2025-08", "2025-09", "--by", "cost_centre"]) == 2
    assert "no row has a cost_centre: neither the organization's file" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2025", "2025-13", "2025-01..", "2025-09..2025-08"])
def test_what_is_no_month_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["compare", "2025-08", text])
    assert stop.value.code == 2
    assert "argument AFTER" in capsys.readouterr().err


def test_months_of_bills_alone_are_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    text = "day,item,usd\n2025-05-01,API,100\n2025-06-01,API,300\n"
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    (file := tmp_path / "bill.csv").write_text(text, "utf-8")
    ingest_charges([file], mapping, tmp_path)
    said = "US$ of calls, only bills, which are of no day and no user; flexlib spend has their sum."
    for words in (["compare", "2025-05", "2025-06"], ["forecast", "--year", "2025", "--month", "6"],
                  ["anomalies", "--year", "2025", "--month", "6"]):  # fmt: skip
        assert main([*words, "--of", "usd"]) == 2
        assert capsys.readouterr().err.endswith(f" has {said}\n")


@pytest.mark.parametrize(
    ("command", "of"), [("compare", "usd"), ("forecast", "usd"), ("anomalies", "usd"), ("compare", "clp")]
)
def test_calls_without_an_amount_beside_a_bill_are_not_said_to_be_bills_alone(
    command: str, of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    (bill := tmp_path / "bill.csv").write_text("day,item,usd\n2025-05-01,API,100\n2025-06-01,API,300\n", "utf-8")
    mapping = ChargeMapping(period_start="day", line_item="item", amount="usd", currency="USD", provider="openai")
    ingest_charges([bill], mapping, tmp_path)
    # no price list has this model, so that neither dollars nor pesos of the two calls are known
    rows = "time,in,out\n2025-05-03T10:00:00Z,100,10\n2025-06-03T10:00:00Z,100,10\n"
    (calls := tmp_path / "calls.csv").write_text(rows, "utf-8")
    words = "--timestamp time --prompt-tokens in --completion-tokens out --provider openai --model nobody-1"
    main(["import", str(calls), *words.split()])
    capsys.readouterr()
    months = ["2025-05", "2025-06"] if command == "compare" else ["--year", "2025", "--month", "6"]
    assert main([command, *months, "--of", of]) == 2
    assert capsys.readouterr().err.endswith(f" has {UNIT_NAMES[of]}.\n")  # nor has it any other


def test_a_month_that_was_not_over_is_compared_and_no_change_of_the_month_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of September, read on the 16th: Eva's only call of August is no sign that she stopped."""
    ana, eva = ({"usable_type": "user", "usable_id": one} for one in (7, 8))
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05", "8", **ana), call("e", "2025-08-20", "2", **eva))
    store(tmp_path, "import", SEPTEMBER, call("b", "2025-09-15", "5", **ana), read_at=datetime(2025, 9, 16, tzinfo=UTC))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert main(["compare", "2025-08", "2025-09", "--of", "usd"]) == 0
    first, second, *others = capsys.readouterr().out.splitlines()
    assert first == "September 2025 against August 2025 in US$: 5.00, -5.00"
    said = "September was not over when it was read, and has rows up to 15 Sep: a part of the difference is of days "
    said += "to come."
    assert second.strip() == said
    assert any(line.startswith("  1 that is not there yet") for line in others)
    made = compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path, of="usd")
    page = show_compare_headlines(made).text
    assert said in page
    assert "%" not in page
    assert "Who stopped" not in page


def test_only_units_that_have_amounts_are_offered_in_the_place_of_one_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls with a price and neither pesos nor credits."""
    for month in (AUGUST, SEPTEMBER):
        store(tmp_path, "import", month, call(f"{month}", f"{month}-05", "8"))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert main(["compare", "2025-08", "2025-09", "--of", "clp"]) == 2
    assert "choose another with --of, usd." in capsys.readouterr().err


def test_refunds_are_said_to_be_without_those_of_who_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """US$ 1 of one who stayed and 3 of a new one, whose 10 count as 7: 4 were given back in all."""
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    one, other = ({"usable_type": "user", "usable_id": number} for number in (1, 2))
    store(tmp_path, "import", AUGUST, call("z", "2025-08-31", "5", **one))
    back = call("x", "2025-09-03", "-1", **one), call("y", "2025-09-03", "-3", **other)
    store(
        tmp_path,
        "import",
        SEPTEMBER,
        call("a", "2025-09-03", "5", **one),
        call("b", "2025-09-03", "10", **other),
        *back,
    )
    assert main(["compare", "2025-08", "2025-09", "--of", "usd"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", "new", "spender", "+7.00"] in lines
    assert ["refunds,", "but", "to", "those", "new", "or", "gone", "-1.00"] in lines
    cards = show_compare_headlines(compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path, of="usd")).render_html()
    assert '<dt>Refunds</dt><dd>−1.00</dd><dd class="note">but for those of new and gone spenders</dd>' in cards


@pytest.mark.parametrize(("read_at", "is_running"), [(datetime(2025, 9, 20, tzinfo=UTC), True), (LATER, False)])
def test_json_says_that_a_month_runs_and_whose_days_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], read_at: datetime,
    is_running: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    store(tmp_path, "import", AUGUST, call("z", "2025-08-31", "5"))
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-03", "5"), read_at=read_at)
    main(["compare", "2025-08", "2025-09", "--of", "usd", "--json"])
    said = json.loads(capsys.readouterr().out)
    told = "September was not over when it was read, and has rows up to 3 Sep: a part of the difference is of days "
    assert (said["running"], said["zone"]) == (f"{told}to come." if is_running else None, "UTC")
