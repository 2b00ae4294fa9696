"""A month with a bill: the spend is the bill, and the page shows what was counted beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_samples import read_cells, read_words
from spend_samples import SEPTEMBER, call, ingest_charges, store

from flexlib.cli import main
from flexlib.report.parameters import check_request
from flexlib.report.run import run_report
from flexlib.sources.charges.mapping import ChargeMapping


def bill(root: Path, text: str) -> None:
    root.mkdir(exist_ok=True)
    (root / "bill.csv").write_text("day,usd\n" + text, "utf-8")
    ingest_charges(
        [root / "bill.csv"], ChargeMapping(period_start="day", amount="usd", currency="USD", provider="openai"), root
    )


def read_page(root: Path) -> str:
    return run_report(check_request("llm_usage", {"year": 2025, "month": 9}), root / "reports", root).read_text("utf-8")


def test_the_spend_is_the_bill_and_the_count_stands_beside_it(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "10"), call("b", "2025-09-06", "2", provider="xai"))
    bill(tmp_path, "2025-09-05,10.50\n")
    page = read_page(tmp_path)
    # 10.50 of OpenAI's bill and 2 of xAI, which sent none
    assert "Spend US$ 12.50 August is not stored, so nothing to compare with" in read_words(page)
    assert read_cells(page, "table-providers") == [
        ["OpenAI", "1", "10.00", "10.50", "0.50", "10.50", "bill"],
        ["xAI", "1", "2.00", "–", "–", "2.00", "count"],
        ["All", "2", "12.00", "10.50", "", "12.50", ""],
    ]
    assert "1 provider billed US$ 10.50, where US$ 10.00 were counted" in read_words(page)
    assert read_cells(page, "table-differences")[0][3] == "priced otherwise"


def test_what_is_counted_in_a_month_with_a_bill_is_not_called_its_spend(tmp_path: Path) -> None:
    calls = [call(f"c{day}", f"2025-09-0{day}", "1", model="o3") for day in range(1, 5)]
    store(tmp_path, "ledger", SEPTEMBER, *calls, call("a", "2025-09-05", "12", usable_type="user", usable_id=1))
    words = read_words(read_page(tmp_path))
    assert "gpt-4o takes 75.0 % of the spend" in words  # 12 of 16
    assert ", as counted" not in words
    bill(tmp_path, "2025-09-05,100\n")
    words = read_words(read_page(tmp_path))
    assert "gpt-4o takes 75.0 % of what was counted" in words
    # by day, model, provider, user and task, and twice where counts and bills differ
    assert words.count("Counted US$") == 7
    assert "5 Sep took US$ 12.00, 12.0 times a usual day, as counted" in words
    assert "Highest day, as counted 5 Sep US$ 12.00" in words
    assert "All that was counted went to Text generation" in words
    assert "Running total, as counted: US$ 16.00" in words
    assert "of the spend" not in words


def test_what_is_billed_without_calls_stands_in_the_chart_and_leads_the_models_to_the_spend(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "10"), call("b", "2025-09-06", "2", provider="xai"))
    bill(tmp_path, "2025-09-05,10.50\n")
    (tmp_path / "copilot.csv").write_text("day,usd\n2025-09-06,60.20\n", "utf-8")
    mapping = ChargeMapping(period_start="day", amount="usd", currency="USD", provider="github")
    ingest_charges([tmp_path / "copilot.csv"], mapping, tmp_path)
    page = read_page(tmp_path)
    # 10 and 2 were counted; OpenAI bills half a dollar more than that, GitHub 60.20
    assert [[line[0], line[4]] for line in read_cells(page, "table-spend-models")[-4:]] == [
        ["All models", "12.00"],
        ["Billed without calls GitHub", "60.20"],
        ["Bills less what was counted OpenAI", "0.50"],
        ["The month's spend", "72.70"],
    ]
    words = read_words(page)
    assert "Spend US$ 72.70" in words
    assert "6 Sep, Billed, not counted: US$ 60.20" in page
    assert "Counted, or billed and not counted: US$ 72.20" in words
    assert "1 provider billed US$ 10.50, where US$ 10.00 were counted" in words


def test_what_a_provider_with_calls_bills_beyond_them_stands_in_the_chart_too(tmp_path: Path) -> None:
    unpriced = call("b", "2025-09-06", None, model="new-model")
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "10", model="o3"), unpriced)
    lines = "2025-09-05,o3,10\n2025-09-06,new-model,7\n2025-09-20,other,40\n"
    (tmp_path / "bill.csv").write_text("day,what,usd\n" + lines, "utf-8")
    mapping = ChargeMapping(period_start="day", amount="usd", currency="USD", provider="openai", model="what")
    ingest_charges([tmp_path / "bill.csv"], mapping, tmp_path)
    page = read_page(tmp_path)
    assert "Spend US$ 57.00" in read_words(page)
    assert "Counted, or billed and not counted: US$ 57.00" in read_words(page)
    words = read_words(page)
    assert "Not counted: 1 call without a price" in words
    assert "1 call without a price What has no price is in no count, and bills say it all; what is of no" in words
    assert all(f"{day} Sep, Billed, not counted: US$ {usd}.00" in page for day, usd in ((6, 7), (20, 40)))


def test_a_reader_of_the_page_finds_what_differs_on_it_and_what_to_do(tmp_path: Path) -> None:
    calls = [call(f"c{day}", f"2025-09-0{day}", "1", model="o3") for day in range(1, 5)]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    bill(tmp_path, "".join(f"2025-09-0{day},26\n" for day in range(1, 5)))
    page = read_page(tmp_path)
    words = read_words(page)
    assert "flexlib spend" not in words
    assert "differences of US$ 100.00 are unexplained; the table of providers lists the largest" in words
    assert read_cells(page, "table-differences-models") == [  # four days of 26 billed and 1 counted
        [*("no model OpenAI", "4.00", "104.00", "100.00"), "Not explained: hold the prices against the contract."],
        ["All differences", "4.00", "104.00", "100.00", ""],
    ]


def test_a_month_of_nothing_but_a_bill_has_its_spend_and_no_empty_chart(tmp_path: Path) -> None:
    bill(tmp_path, "2025-09-05,7\n")
    page = read_page(tmp_path)
    assert "Spend US$ 7.00" in read_words(page)
    assert ("<svg" in page, "No calls with tokens" in page) == (False, True)


def test_a_difference_is_told_on_stderr_and_half_a_cent_goes_up_wherever_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path / "data", "ledger", SEPTEMBER, call("a", "2025-09-05", "1"))
    bill(tmp_path / "data", "2025-09-05,10.5650\n")
    words = ["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--output-dir", str(tmp_path)]
    assert main([*words, "--offline"]) == 4
    said = "OpenAI: US$ 10.57 was billed and US$ 1.00 counted"  # to the even cent it would be 10.56
    assert f"2025-09 is UNRECONCILED: {said}" in capsys.readouterr().err
    page = (tmp_path / "2025-09" / "llm_usage.html").read_text("utf-8")
    assert said in read_words(page)
    assert read_cells(page, "table-providers")[0][3] == "10.57"


def test_a_sum_of_unknown_many_calls_is_one_call_at_least(tmp_path: Path) -> None:
    calls = [call("a", "2025-09-05", None), call("b", "2025-09-06", None, requests=None, grain="day")]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    page = read_page(tmp_path)
    assert read_cells(page, "table-unpriced")[0][-1] == "at least 2"
    assert read_cells(page, "table-spend-models")[-1][-1] == "at least 2"


def test_calls_beside_a_bill_of_another_are_at_least_those_and_unpriced_ones_say_whether_it_covers_them(
    tmp_path: Path,
) -> None:
    sized = call("a", "2025-09-05", None, provider="meta")
    store(
        tmp_path, "ledger", SEPTEMBER, sized, call("b", "2025-09-06", "2", requests=None, grain="day", provider="xai")
    )
    bill(tmp_path, "2025-09-05,10.50\n")  # of openai, none of whose calls is stored
    page = read_page(tmp_path)
    # The row of unknown many calls has a price: those without are one, and not at least one.
    assert "1 call without a price or a bill" in read_words(page)
    assert "at least 1 call without" not in read_words(page)
    assert "Calls at least 2" in read_words(page)
    assert read_cells(page, "table-providers")[0][:2] == ["OpenAI", "–"]
