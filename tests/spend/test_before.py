"""A change on the month before is stated where both months are whole and of the same sources, and else why not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from report_samples import read_cells, read_words
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.analysis.ranking import rank_models
from flexlib.analysis.usage import total_cost_by_period, usage_by_day, usage_by_model_and_proxy, usage_statistics
from flexlib.front.compare import compare_spans
from flexlib.page.compare import show_compare_title
from flexlib.page.kit.table import render_table
from flexlib.page.usage.sections import show_month_headlines
from flexlib.spend.before import MonthBefore, load_month_before
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.tables.usage import table_spend_by_model


def load(root: Path) -> tuple[MonthUsage, MonthBefore]:
    usage = load_month_usage(SEPTEMBER, root)
    return usage, load_month_before(usage, root)


def read_spend(root: Path) -> str:
    """What stands under the month's spend."""
    usage, before = load(root)
    totals = total_cost_by_period(usage.rows)
    assert isinstance(totals, dict)
    by_day = usage_by_day(usage.rows)
    cards = show_month_headlines(usage, totals, (), usage_statistics(usage.calls), by_day=by_day, before=before)
    return read_words(cards.text).partition(" In pesos")[0].replace("\u00a0", " ")


def test_without_the_month_before_it_says_so(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "3"))
    _, before = load(tmp_path)
    assert (before.usage, before.totals, before.sum_by(usage_by_day)) == (None, None, None)
    assert read_spend(tmp_path) == "Spend US$ 3.00 August is not stored, so nothing to compare with"


@pytest.mark.parametrize(
    ("now", "then", "told"),
    [
        (["3"], ["2"], "Spend US$ 3.00 ▲ +50.0 % vs August"),
        (["1"], ["2"], "Spend US$ 1.00 ▼ −50.0 % vs August"),
        (["2"], ["2"], "Spend US$ 2.00 = ±0.0 % vs August"),
        (["3", None], ["2"], "Spend at least US$ 3.00 ▲ at least +50.0 % vs August ; 1 call without a price"),
        (["1", None], ["2"], "Spend at least US$ 1.00 – August: US$ 2.00; 1 call without a price"),  # it may be more
        (["3"], ["2", None], "Spend US$ 3.00 – August: at least US$ 2.00"),  # it may have been more than now
        (["3"], [None], "Spend US$ 3.00 no amount is known of August, so nothing to compare with"),
        (["3"], ["0"], "Spend US$ 3.00 – August: US$ 0.00"),
    ],
)
def test_the_change_is_as_certain_as_the_two_amounts(
    tmp_path: Path, now: list[str | None], then: list[str | None], told: str
) -> None:
    store(tmp_path, "ledger", SEPTEMBER, *(call(str(n), "2025-09-05", usd) for n, usd in enumerate(now)))
    store(tmp_path, "ledger", AUGUST, *(call(f"b{n}", "2025-08-05", usd) for n, usd in enumerate(then)))
    assert read_spend(tmp_path) == told


def test_a_source_that_one_month_lacks_is_no_zero_there(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "3"))
    store(tmp_path, "ledger", AUGUST, call("b", "2025-08-05", "2"))
    store_credits(tmp_path, (5, "u", "gpt-5-low", 0, 100))
    _, before = load(tmp_path)
    assert before.obstacle == "August lacks Windsurf"
    assert before.sum_by(usage_by_model_and_proxy) is None
    assert before.totals is not None
    assert before.totals["usd"] == Decimal(2)
    assert read_spend(tmp_path) == "Spend US$ 3.04 – August: US$ 2.00, but August lacks Windsurf"


def test_what_only_the_month_before_has_is_named_too(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "3"))
    for source in ("ledger", "import"):
        store(tmp_path, source, AUGUST, call(f"of {source}", "2025-08-05", "2"))
    assert load(tmp_path)[1].obstacle == "September lacks imported files"


@pytest.mark.parametrize(
    ("now", "then", "total"),
    [
        (["3"], ["2"], "+50.0 %"),
        (["3", None], ["2"], "at least +50.0 %"),
        (["1", None], ["2"], "–"),  # it may be more than then
        (["3"], ["2", None], "–"),  # it may have been more than now
    ],
)
def test_the_total_of_the_changes_is_that_of_the_headline(
    tmp_path: Path, now: list[str | None], then: list[str | None], total: str
) -> None:
    store(tmp_path, "ledger", SEPTEMBER, *(call(str(n), "2025-09-05", usd) for n, usd in enumerate(now)))
    store(tmp_path, "ledger", AUGUST, *(call(f"b{n}", "2025-08-05", usd) for n, usd in enumerate(then)))
    usage, before = load(tmp_path)
    lines = rank_models(usage_by_model_and_proxy(usage.rows), None, before.sum_by(usage_by_model_and_proxy))
    assert total in read_cells(render_table(table_spend_by_model(lines, None, before)), "table-spend-models")[-1]


def test_a_source_of_which_only_a_neighbour_s_edge_is_read_is_not_stored_of_the_month(tmp_path: Path) -> None:
    """Santiago's August ends in the first hours of UTC's September, of which imported files are stored."""
    for month in (AUGUST, SEPTEMBER, OCTOBER):
        store(tmp_path, "ledger", month, call(f"{month}", f"{month}-05", "2"))
    for month in (SEPTEMBER, OCTOBER):
        store(tmp_path, "import", month, call(f"of {month}", f"{month}-05T10:00", "2"))
    usage = load_month_usage(SEPTEMBER, tmp_path, zone="America/Santiago")
    assert load_month_before(usage, tmp_path).obstacle == "August lacks imported files"


def test_of_a_month_that_lacks_rows_no_change_is_stated(tmp_path: Path) -> None:
    store(tmp_path, "ledger", AUGUST, call("b", "2025-08-05", "2"))
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "3"), quarantined_rows=1)
    assert load(tmp_path)[1].obstacle == "September is not whole"
    assert read_spend(tmp_path) == "Spend at least US$ 3.00 – August: US$ 2.00, but September is not whole"


def test_a_month_that_lacks_something_at_its_edge_alone_says_which_hours_and_whose(
    tmp_path: Path,
) -> None:
    """Santiago's August ends in the first hours of UTC's September, of which a row could not be read."""
    for month in (AUGUST, OCTOBER):
        store(tmp_path, "import", month, call(f"{month}", f"{month}-05T10:00", "2"))
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-05T10:00", "3"), quarantined_rows=1)
    told = "is not whole: 2025-09-01 00:00 to 2025-09-01 04:00 UTC is of 2025-09, of which something is missing"
    usage = load_month_usage(SEPTEMBER, tmp_path, zone="America/Santiago")
    before = load_month_before(usage, tmp_path)
    assert before.obstacle == f"August {told}"
    totals = total_cost_by_period(usage.rows)
    assert isinstance(totals, dict)
    words = read_words(show_month_headlines(usage, totals, (), usage_statistics(usage.calls), before=before).text)
    assert f"– August: at least US$ 2.00, but August {told}" in words.replace("\u00a0", " ")
    made = compare_spans(AUGUST.span, SEPTEMBER.span, tmp_path, of="usd", zone="America/Santiago")
    assert made.lacking == (True, True)
    assert f"August 2025 {told}." in made.missing
    assert [str(one.month) for one in made.certificates] == ["2025-08", "2025-09", "2025-10"]
    assert "US$ · a change and its parts · days of America/Santiago" in read_words(show_compare_title(made).text)
