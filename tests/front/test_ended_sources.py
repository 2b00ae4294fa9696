"""Which sources a forecast and a budget expect more of: by day, in the zone, as what is known by then tells it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store, store_credits

from flexlib.analysis.budgets import Outcome
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.front.anomalies import find_month_anomalies
from flexlib.front.budgets import BudgetPeriod, check_budgets
from flexlib.front.compare import compare_spans
from flexlib.front.forecast import MonthForecast, forecast_month
from flexlib.front.spend import load_spend
from flexlib.page.forecasted import describe_band
from flexlib.spend.month import load_month_usage
from flexlib.store.budgets import read_budgets
from flexlib.store.ended import write_ended

JULY, NOVEMBER = Month(2025, 7), Month(2025, 11)
BUDGET = "budgets:\n  - {{name: all, whole: true, currency: usd, amount: '{}', period: {}}}\n"

Fill = Callable[..., None]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    def store_months(source: str, usd: str, *months: Month, hour: int = 9) -> None:
        for month in months:
            calls = [call(f"{source}{day}", f"{day}T{hour:02}:00:00", usd) for day in month.span]
            store(tmp_path, source, month, *calls)

    return store_months


def check(
    root: Path, month: Month, amount: str, period: str, as_of: date | None = None, **said: str
) -> tuple[BudgetPeriod, ...]:
    file = root / "budgets.yaml"
    file.write_text(BUDGET.format(amount, period).replace("usd", said.pop("unit", "usd")))
    return check_budgets(month, root, read_budgets(file), as_of=as_of, **said).periods  # type: ignore[arg-type]


def forecast(root: Path, month: Month, as_of: date | None = None, **said: object) -> MonthForecast:
    return forecast_month(month, root, of="usd", as_of=as_of, **said)  # type: ignore[arg-type]


@pytest.fixture
def tokyo(fill: Fill, tmp_path: Path) -> Path:
    """The ledger at 10 a day, files at 100 a day up to 30 September, 20:00 UTC: in Tokyo that is 1 October."""
    fill("ledger", "10", JULY, AUGUST, SEPTEMBER, OCTOBER, NOVEMBER)
    fill("import", "100", JULY, AUGUST, SEPTEMBER, hour=20)
    write_ended({"import": [SEPTEMBER]}, tmp_path)
    return tmp_path


def test_what_an_ended_source_has_in_another_zones_month_is_known(tokyo: Path) -> None:
    there = "Asia/Tokyo"
    assert load_spend(OCTOBER, None, tokyo, zone=there, names=False).total("usd") == Decimal("410")
    assert forecast(tokyo, OCTOBER, zone=there).known == 410.0
    made = forecast(tokyo, OCTOBER, date(2025, 10, 10), zone=there, budget=150.0)
    assert (made.known, made.this.expected, made.reached[0]) == (200.0, 410.0, date(2025, 10, 5))
    (checked,) = check(tokyo, OCTOBER, "150", "month", date(2025, 10, 10), zone=there)
    assert (checked.spent, checked.day) == (Decimal(200), date(2025, 10, 6))


def test_a_source_goes_on_in_a_day_that_began_before_its_end(tokyo: Path) -> None:
    made = [forecast(tokyo, OCTOBER, SEPTEMBER.last, zone=zone) for zone in ("Asia/Tokyo", "UTC", "America/Santiago")]
    assert [one.this.expected for one in made] == [410.0, 310.0, 310.0]


@pytest.mark.parametrize(
    ("begins", "as_of", "spent", "expected"),
    [(15, SEPTEMBER.last, 1760, 1900.0), (20, SEPTEMBER.last, 1210, 1400.0), (20, date(2025, 9, 25), 660, 1400.0)],
)
def test_a_period_expects_a_source_up_to_its_end_and_no_further(
    fill: Fill, tmp_path: Path, begins: int, as_of: date, spent: int, expected: float
) -> None:
    fill("ledger", "10", JULY, AUGUST, SEPTEMBER)
    fill("import", "100", JULY, AUGUST, SEPTEMBER)
    write_ended({"import": [SEPTEMBER]}, tmp_path)
    *_earlier, last = check(tmp_path, SEPTEMBER, "3000", f"cycle, begins: {begins}", as_of)
    assert (last.spent, last.expected) == (Decimal(spent), expected)


def test_nothing_is_expected_after_the_end_of_every_source(fill: Fill, tmp_path: Path) -> None:
    fill("ledger", "10", AUGUST, SEPTEMBER)
    write_ended({"ledger": [SEPTEMBER]}, tmp_path)
    *_earlier, last = check(tmp_path, SEPTEMBER, "200", "cycle, begins: 15", date(2025, 9, 28))
    assert (last.spent, last.expected, last.is_running, last.day) == (Decimal(140), 160.0, True, None)
    commands: list[Callable[[], object]] = [
        lambda: forecast(tmp_path, OCTOBER),
        lambda: check(tmp_path, OCTOBER, "200", "month"),
        lambda: load_month_usage(OCTOBER, tmp_path),
        lambda: load_spend(OCTOBER, None, tmp_path, zone="UTC", names=False),
        lambda: compare_spans(AUGUST.span, OCTOBER.span, tmp_path),
        lambda: find_month_anomalies(OCTOBER, tmp_path),
    ]
    for one in commands:
        with pytest.raises(InvalidRequest) as raised:
            one()
        assert str(raised.value) == (
            "Every source had ended before 2025-10, as flexlib sources was told: nothing of it is awaited."
        )


@pytest.mark.parametrize("as_of", [None, date(2025, 10, 20)])
def test_a_month_after_the_end_of_every_source_is_no_lack(fill: Fill, tmp_path: Path, as_of: date | None) -> None:
    fill("ledger", "10", AUGUST, SEPTEMBER)
    write_ended({"ledger": [SEPTEMBER]}, tmp_path)
    *_earlier, last = check(tmp_path, SEPTEMBER, "400", "cycle, begins: 15", as_of)
    assert (last.outcome, last.lacks, last.spent) == (Outcome.WITHIN, "", Decimal(160))


def test_check_and_forecast_know_as_little_of_a_source_that_has_just_begun(fill: Fill, tmp_path: Path) -> None:
    fill("ledger", "100", JULY, AUGUST, SEPTEMBER)
    fill("import", "10", OCTOBER)
    write_ended({"ledger": [SEPTEMBER]}, tmp_path)
    found = []
    for day in (5, 10):
        as_of = date(2025, 10, day)
        (checked,) = check(tmp_path, OCTOBER, "250", "month", as_of)
        made = forecast(tmp_path, OCTOBER, as_of, budget=250.0)
        found.append((made.this.expected, checked.expected, made.reached[0], checked.day))
    # Used up on the 25th, exceeded on the 26th.
    assert found == [(None, None, None, None), (310.0, 310.0, date(2025, 10, 25), date(2025, 10, 26))]


def test_the_month_after_the_end_of_a_source_expects_no_more_of_it(fill: Fill, tmp_path: Path) -> None:
    fill("ledger", "10", JULY, AUGUST, SEPTEMBER, OCTOBER)
    fill("import", "100", JULY, AUGUST, SEPTEMBER)
    write_ended({"import": [SEPTEMBER], "ledger": [OCTOBER]}, tmp_path)
    assert [forecast(tmp_path, month).next.expected for month in (AUGUST, SEPTEMBER, OCTOBER)] == [3300.0, 310.0, 0.0]
    assert describe_band(forecast(tmp_path, OCTOBER).next) == "none of its sources is in use any more"


@pytest.mark.parametrize(("day", "spent", "week"), [(20, 60, 70.0), (29, 150, 70.0)])
def test_a_source_that_is_stored_again_later_is_not_known_of_before(
    fill: Fill, tmp_path: Path, day: int, spent: int, week: float
) -> None:
    fill("ledger", "10", JULY, AUGUST, SEPTEMBER, OCTOBER)
    fill("import", "100", JULY, AUGUST, OCTOBER)
    write_ended({"import": [AUGUST]}, tmp_path)
    as_of = date(2025, 9, day)
    last = check(tmp_path, SEPTEMBER, "2000", "cycle, begins: 15", as_of)[-1]
    assert (last.spent, last.expected) == (Decimal(spent), 300.0)
    assert check(tmp_path, SEPTEMBER, "600", "week", as_of)[-1].expected == week


def test_credits_of_days_after_windsurfs_end_are_known_to_be_none(fill: Fill, tmp_path: Path) -> None:
    fill("import", "5", SEPTEMBER, OCTOBER)
    store_credits(tmp_path, *((day.day, "key-1", "MODEL_X", 0, 10_000) for day in SEPTEMBER.span))
    write_ended({"windsurf": [SEPTEMBER]}, tmp_path)
    (month,) = check(tmp_path, OCTOBER, "10000", "month", unit="flex_credits")
    assert month.outcome is Outcome.WITHIN
    assert (month.spent, month.is_running, month.expected) == (Decimal(0), False, None)
    cycle, _later = check(tmp_path, OCTOBER, "10000", "cycle, begins: 15", unit="flex_credits")
    assert (cycle.spent, cycle.is_running, cycle.expected) == (Decimal(1600), False, None)
    assert forecast_month(SEPTEMBER, tmp_path).next.expected == 0.0
