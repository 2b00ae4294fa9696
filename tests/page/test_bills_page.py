"""A month with a bill: the spend is the bill, and the page shows what was counted beside it."""

from __future__ import annotations

from pathlib import Path

from report_samples import read_cells, read_words
from spend_samples import SEPTEMBER, call, store

from flexlib.ingest.charges.importing import ingest_charges
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
    assert "Spend US$ 12.50 – no August stored" in read_words(page)
    assert read_cells(page, "table-providers") == [
        ["OpenAI", "1", "10.00", "10.50", "0.50", "10.50", "bill"],
        ["xAI", "1", "2.00", "–", "–", "2.00", "count"],
        ["All providers", "2", "12.00", "10.50", "", "12.50", ""],
    ]
    assert "1 provider billed US$ 10.50, where US$ 10.00 were counted" in read_words(page)
    assert read_cells(page, "table-differences")[0][3] == "priced otherwise"


def test_a_month_of_nothing_but_a_bill_has_its_spend_and_no_empty_chart(tmp_path: Path) -> None:
    bill(tmp_path, "2025-09-05,7\n")
    page = read_page(tmp_path)
    assert "Spend US$ 7.00" in read_words(page)
    assert ("<svg" in page, "No calls with tokens" in page) == (False, True)
