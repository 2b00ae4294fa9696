"""A refund: spent is what is left after it, and what learns from use takes the day as none."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from spend_samples import AUGUST, LATER, SEPTEMBER, call, store

from flexlib.analysis.budgets import Outcome
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.front.anomalies import find_month_anomalies, find_unusual_days
from flexlib.front.budgets import check_budgets
from flexlib.front.forecast import forecast_month, forecast_running
from flexlib.front.spend import load_spend
from flexlib.store.budgets import read_budgets

BUDGETS = """budgets:
  - {name: month, whole: true, currency: usd, amount: '10'}
  - {name: cycle, whole: true, currency: usd, amount: '500', period: cycle, begins: 15}
  - {name: ana, usable: [key, ana], currency: usd, amount: '1000', period: cycle, begins: 15}
"""
TENTH = date(2025, 9, 10)


def store_month(root: Path, month: Month, last: int = 31, read_at: datetime = LATER, **refunds: str) -> None:
    """Ana and Ben at US$ 2 a day each; `refunds`: by user what they have instead on the 10th."""
    calls = [
        call(
            f"{day}{user}",
            f"{day}T12:00:00",
            refunds.get(user, "2") if day == TENTH else "2",
            usable_type="key",
            usable_key=user,
        )
        for day in month.span
        if day.day <= last
        for user in ("ana", "ben")
    ]
    store(root, "import", month, *calls, read_at=read_at)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """On 10 September Ben gets US$ 5 back: the day is -3, and September 30 * 4 - 7."""
    store_month(tmp_path, AUGUST)
    store_month(tmp_path, SEPTEMBER, ben="-5")
    (tmp_path / "budgets.yaml").write_text(BUDGETS)
    return tmp_path


def test_each_budget_is_judged_by_what_is_spent_after_a_refund(root: Path) -> None:
    made = check_budgets(SEPTEMBER, root, read_budgets(root / "budgets.yaml"), as_of=SEPTEMBER.last)
    assert [(one.budget.name, one.span.first.month, one.outcome, one.spent, one.expected) for one in made.periods] == [
        ("month", 9, Outcome.OVER, Decimal(113), None),
        ("cycle", 8, Outcome.WITHIN, Decimal(117), None),  # 31 * 4 - 7
        ("cycle", 9, Outcome.WITHIN, Decimal(64), 120.0),  # 16 * 4, and 14 days to come
        ("ana", 8, Outcome.WITHIN, Decimal(62), None),
        ("ana", 9, Outcome.WITHIN, Decimal(32), 60.0),
    ]


def test_a_check_of_a_month_with_a_refund_ends_as_its_budgets_do(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    assert main(["check", "--year", "2025", "--month", "9", "--budgets", str(root / "budgets.yaml")]) == 5
    assert "  OVER         month  113.00 of 10.00 US$, 1,130.0 %; exceeded on 3 Sep" in capsys.readouterr().out


def test_a_forecast_counts_a_refund_and_expects_no_other(root: Path) -> None:
    """By the 20th 20 * 4 - 7 are spent; the ten days to come are of 4 each, as are October's."""
    made = forecast_month(SEPTEMBER, root, of="usd", as_of=date(2025, 9, 20), budget=34.0)
    assert (made.known, made.this.expected, made.next.expected) == (73.0, 113.0, 124.0)
    assert made.reached[0] == date(2025, 9, 11)  # 36 on the 9th, 33 after the refund, 37 on the 11th


def test_the_page_of_a_forecast_is_made_of_a_month_with_a_day_below_zero(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    words = ["report", "--notebook", "forecast", "--year", "2025", "--month", "9", "-p", "of", "usd", "-p", "day", "20"]
    assert main([*words, "--offline", "--output-dir", str(tmp_path / "reports")]) == 0
    (page,) = tmp_path.glob("reports/**/forecast*.html")
    assert "<dt>Known of it</dt><dd><small>US$</small>73.00</dd>" in page.read_text("utf-8")


def test_the_forecast_of_a_running_month_counts_a_refund(tmp_path: Path) -> None:
    store_month(tmp_path, AUGUST)
    store_month(tmp_path, SEPTEMBER, 20, datetime(2025, 9, 21, 9, tzinfo=timezone.utc), ben="-5")
    made = forecast_running(load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False), "usd")
    assert made is not None
    assert (made.known, made.this.expected) == (73.0, 113.0)


def test_a_day_below_zero_is_none_of_use_among_the_unusual(root: Path) -> None:
    made = find_month_anomalies(SEPTEMBER, root, of="usd")
    assert (made.found, made.days_before) == ((), 31)
    on_page = find_unusual_days(load_spend(SEPTEMBER, None, root, zone="UTC", names=False), "usd")
    assert on_page is not None
    assert on_page.found == ()


def test_who_got_back_more_than_was_spent_is_looked_at_all_the_same(tmp_path: Path) -> None:
    store_month(tmp_path, AUGUST)
    store_month(tmp_path, SEPTEMBER, ben="-5000")
    made = find_month_anomalies(SEPTEMBER, tmp_path, of="usd")
    assert made.layers["user"].tested == 60  # 30 days each of Ana and Ben


def test_a_refund_does_not_change_what_one_use_costs(tmp_path: Path) -> None:
    """Carla's only day is of US$ 1.50, less than a call costs on average: nobody would look into it, refund or not."""
    store_month(tmp_path, AUGUST)
    store_month(tmp_path, SEPTEMBER, ben="-5000")
    store(
        tmp_path, "ledger", SEPTEMBER, call("c", "2025-09-20T12:00:00", "1.50", usable_type="key", usable_key="carla")
    )
    assert find_month_anomalies(SEPTEMBER, tmp_path, of="usd", least=1.0).layers["user"].unjudged == 0
