"""Where the running month and its budgets will end, by the ledger's days: exact, or said in words."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from databases import execute

from flexlib.analysis.budgets import Outcome
from flexlib.analysis.forecast import forecast_sum
from flexlib.dashboard import live
from flexlib.dashboard.live import Watch
from flexlib.dashboard.live_page import render_live
from flexlib.i18n import speak
from flexlib.ledger import Ledger, record_many

NOW = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
CALL = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o", "task_type": "text", "prompt_tokens": 10,
        "completion_tokens": 5, "status": "ok"}  # fmt: skip
BUDGETS = """budgets:
- {name: Roomy, currency: usd, amount: 1000, whole: true}
- {name: Tight, currency: usd, amount: 35, whole: true}
- {name: OpenAI, currency: usd, amount: 10, provider: openai}
- {name: Nobody's model, currency: usd, amount: 10, model: gpt-9}
- {name: Seven, currency: usd, amount: 1, usable: [user, 7]}
"""


def record_days(ledger: Ledger, count: int, **more: object) -> None:
    """A dollar a day on each of the `count` days before `NOW`, and 50 cents of today."""
    record_many([
        CALL | {"request_id": f"r{ago}", "created_at": NOW - timedelta(days=ago), "cost": "0.50" if not ago else "1"}
        | more for ago in range(count + 1)
    ], ledger=ledger)  # fmt: skip


def look(ledger: Ledger, budgets: Path | None = None) -> Watch:
    watch = Watch(ledger, lambda: NOW, budgets)
    watch.look()
    watch.look_ahead()
    assert watch.problem == ""
    return watch


@pytest.fixture
def budgets(tmp_path: Path) -> Path:
    (file := tmp_path / "budgets.yaml").write_text(BUDGETS)
    return file


def test_the_month_is_forecast_from_the_days_that_are_over(ledger: Ledger) -> None:
    record_days(ledger, 90)
    outlook = look(ledger).outlook
    assert outlook is not None
    history = pd.Series(1.0, pd.date_range("2025-06-17", "2025-09-14"))
    assert outlook.made.this == forecast_sum(history, pd.date_range("2025-09-01", "2025-09-30"))
    assert (outlook.made.this.expected, outlook.made.known, outlook.made.so_far) == (30.0, 14.0, 14.5)
    assert outlook.made.as_of == date(2025, 9, 14)


def test_budgets_stand_with_what_is_recorded_and_expected_of_them(ledger: Ledger, budgets: Path) -> None:
    record_days(ledger, 90)
    watch = look(ledger, budgets)
    assert watch.outlook is not None
    found = {one.name: (one.outcome, str(one.spent), one.expected) for one in watch.outlook.lines}
    assert found == {
        "Roomy": (Outcome.WITHIN, "14.5000000000", 30.0),
        "Tight": (Outcome.WITHIN, "14.5000000000", 30.0),
        "OpenAI": (Outcome.OVER, "14.5000000000", 30.0),
        "Nobody's model": (Outcome.CANNOT_SAY, "0", None),
    }
    page = render_live(watch)
    assert "Of 4 budgets 1 is exceeded" in page
    assert "no recorded call is of gpt-9: check the name" in page
    assert "1 budget is on the month&#x27;s page alone" in page
    assert "Seven" not in page
    assert 'id="chart-budgets"' in page
    assert 'id="chart-forecast"' in page


def test_where_too_few_days_are_known_it_is_said(ledger: Ledger) -> None:
    record_days(ledger, 5)
    watch = look(ledger)
    assert "September cannot be forecast: fewer than 7 days before it are known" in render_live(watch)


def test_a_file_of_budgets_that_cannot_be_read_is_said_and_the_forecast_stands(ledger: Ledger, tmp_path: Path) -> None:
    (file := tmp_path / "budgets.yaml").write_text("budgets: 7")
    record_days(ledger, 90)
    page = render_live(look(ledger, file))
    assert "is no list of budgets" in page
    assert 'id="chart-forecast"' in page


def test_of_calls_without_a_price_a_budget_cannot_be_judged(ledger: Ledger, budgets: Path) -> None:
    record_days(ledger, 20, cost=None, model="of-no-list", provider="unknown")
    outlook = look(ledger, budgets).outlook
    assert outlook is not None
    found = {one.name: (one.outcome, one.lacks) for one in outlook.lines}
    assert found["Roomy"] == (Outcome.CANNOT_SAY, "15 calls without a price")
    assert outlook.made.is_least


def test_a_reader_who_chooses_another_language_gets_the_reasons_in_it_at_the_next_look(
    ledger: Ledger, budgets: Path
) -> None:
    record_days(ledger, 5, cost=None, model="of-no-list", provider="unknown")
    watch = look(ledger, budgets)
    assert "September cannot be forecast: fewer than 7 days before it are known" in render_live(watch)
    with speak("es"):
        watch.look_ahead()
        page = render_live(watch)
    assert "6 llamadas sin precio" in page
    assert "se conocen menos de 7 días anteriores" in page
    assert ("calls without a price" in page, "fewer than" in page) == (False, False)


def test_a_fault_of_ours_is_said_raised_once_and_tried_again_after_a_minute(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise ZeroDivisionError("division by zero")

    record_days(ledger, 90)
    with monkeypatch.context() as patch:
        patch.setattr(live, "read_outlook", fail)
        watch = Watch(ledger, lambda: NOW)
        watch.look()
        with pytest.raises(ZeroDivisionError):
            watch.look_ahead()
        watch.look_ahead()
        assert "A fault in flexlib itself: ZeroDivisionError: division by zero." in render_live(watch)
    watch.foresees_at = 0.0
    watch.look_ahead()
    assert ("A fault" in (page := render_live(watch)), 'id="chart-forecast"' in page) == (False, True)


def test_a_day_whose_calls_have_no_price_is_unknown_and_not_a_day_without_calls(ledger: Ledger) -> None:
    record_days(ledger, 10)
    record_many([
        CALL | {"request_id": f"o{ago}", "created_at": NOW - timedelta(days=ago), "model": "of-no-list",
                "provider": "unknown"} for ago in range(11, 60)
    ], ledger=ledger)  # fmt: skip
    outlook = look(ledger).outlook
    assert outlook is not None
    assert (outlook.made.this.expected, outlook.made.is_least) == (30.0, True)


def test_an_outlook_that_cannot_be_read_takes_the_place_of_the_one_before_and_is_said(ledger: Ledger) -> None:
    record_days(ledger, 90)
    assert 'id="chart-forecast"' in render_live(watch := look(ledger))
    month_ago = {"created_at": NOW - timedelta(days=30), "cost": "0"}
    record_many([CALL | month_ago | {"request_id": f"s{number}"} for number in range(2)], ledger=ledger)
    execute(ledger, f"UPDATE llm_usage_statistics SET requests = {2**62} WHERE request_id IN ('s0', 's1')")
    watch.foresees_at = 0.0
    watch.look()
    watch.look_ahead()
    said = {"sqlite": "integer overflow", "postgresql": "bigint out of range"}[ledger.backend]
    assert said in (page := render_live(watch))
    assert ("flex-alert" in page, "dash-stale" in page, 'id="chart-forecast"' in page) == (False, False, False)


def test_how_many_calls_may_lack_a_price_is_as_the_settings_say(ledger: Ledger, budgets: Path) -> None:
    record_days(ledger, 20, cost=None, model="of-no-list", provider="unknown")
    watch = Watch(ledger, lambda: NOW, budgets, Decimal(1))
    watch.look()
    watch.look_ahead()
    assert watch.outlook is not None
    assert {one.name: one.outcome for one in watch.outlook.lines}["Roomy"] is Outcome.WITHIN
