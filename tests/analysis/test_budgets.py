"""What is said of a budget, by hand and by law."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.analysis.budgets import (
    BudgetLine,
    Outcome,
    Usage,
    find_day_passed,
    judge_budget,
    list_reached,
    measure_used,
    tell_left_out,
)
from flexlib.dates import PERIODS, Month, list_periods

SEPTEMBER = Month(2025, 9)
FIRST, SECOND, THIRD = (date(2025, 9, day) for day in (1, 2, 3))


@pytest.mark.parametrize(
    ("spent", "said", "outcome"),
    [
        ("7.49", {}, "within"),
        ("7.50", {}, "near"),  # 75 % of 10
        ("10.00", {}, "near"),  # all of it is used, nothing beyond it
        ("10.01", {}, "over"),
        ("10.01", {"lacks": "9 calls without a price", "is_unknown": True}, "over"),  # what is missing only adds
        ("10.00", {"lacks": "rows of 2025-09 are missing", "is_unknown": True}, "near"),  # at least so much
        ("7.50", {"lacks": "rows of 2025-09 are missing", "is_unknown": True}, "near"),
        ("7.49", {"lacks": "rows of 2025-09 are missing", "is_unknown": True}, "cannot say"),
        ("5.00", {"lacks": "1 call without a price"}, "within"),
        ("5.00", {"expected": 10.01}, "will be over"),
        ("8.00", {"expected": 10.0}, "near"),
        ("10.01", {"expected": 9.0}, "over"),
    ],
)
def test_what_is_said_of_ten_dollars(spent: str, said: dict[str, object], outcome: str) -> None:
    usage = Usage({FIRST: Decimal(spent)}, **said)  # type: ignore[arg-type]
    assert judge_budget(Decimal(10), (75, 90, 100), usage) == outcome


def test_the_day_on_which_it_was_passed_is_the_one_that_went_beyond_it() -> None:
    usage = Usage({THIRD: Decimal("0.01"), FIRST: Decimal(4), SECOND: Decimal(1)})
    assert find_day_passed(Decimal(5), usage) == THIRD
    assert find_day_passed(Decimal("4.99"), usage) == SECOND
    assert find_day_passed(Decimal("5.01"), usage) is None
    assert find_day_passed(Decimal("5.01"), Usage(usage.by_day, Decimal(1))) is None  # of no day: nobody knows


def test_the_day_on_which_it_was_passed_is_after_any_refund_that_took_it_back() -> None:
    usage = Usage({FIRST: Decimal(6), SECOND: Decimal(-2), THIRD: Decimal("1.01")})  # 6, 4, 5.01
    assert find_day_passed(Decimal(5), usage) == THIRD
    assert find_day_passed(Decimal("3.99"), usage) == FIRST
    assert find_day_passed(Decimal("5.50"), usage) is None


def test_a_budget_of_nothing_is_passed_by_anything() -> None:
    assert judge_budget(Decimal(0), (75,), Usage({FIRST: Decimal("0.0000000001")})) is Outcome.OVER
    assert list_reached(Decimal(0), [75, 100], Decimal(0)) == [75, 100]
    assert judge_budget(Decimal(0), (75,), Usage({}, lacks="no name", is_unknown=True)) is Outcome.CANNOT_SAY


@pytest.mark.parametrize(
    ("period", "begins", "spans"),
    [
        ("month", 1, ["2025-09-01 to 2025-09-30"]),
        ("month", 15, ["2025-09-01 to 2025-09-30"]),  # only a cycle has a day of its own
        ("cycle", 1, ["2025-09-01 to 2025-09-30"]),
        ("cycle", 28, ["2025-08-28 to 2025-09-27", "2025-09-28 to 2025-10-27"]),
        ("week", 1, ["2025-09-01 to 2025-09-07", "2025-09-08 to 2025-09-14", "2025-09-15 to 2025-09-21",
                     "2025-09-22 to 2025-09-28", "2025-09-29 to 2025-10-05"]),
    ],
)  # fmt: skip
def test_the_periods_of_a_month_are_whole_and_share_a_day_with_it(period: str, begins: int, spans: list[str]) -> None:
    assert [str(span) for span in list_periods(period, SEPTEMBER, begins)] == spans


@given(
    period=st.sampled_from(["day", "week", "month", "cycle"]),
    month=st.builds(Month, st.integers(2020, 2030), st.integers(1, 12)),
    begins=st.integers(1, 28),
)
@settings(max_examples=60)
def test_law_each_day_of_a_month_is_in_one_period(period: str, month: Month, begins: int) -> None:
    spans = list_periods(period, month, begins)
    assert [sum(day in span for span in spans) for day in month.span] == [1] * month.days
    assert all(any(day in month.span for day in span) for span in spans)


def test_the_weeks_of_a_month_begin_on_the_monday_before_its_first_day() -> None:
    weeks = list_periods("week", Month(2025, 10))  # from a Wednesday to a Friday
    assert [str(one) for one in (weeks[0], weeks[-1])] == ["2025-09-29 to 2025-10-05", "2025-10-27 to 2025-11-02"]
    assert len(weeks) == 5


def test_a_budget_is_of_a_day_a_week_a_month_or_a_cycle() -> None:
    counts = {period: len(list_periods(period, SEPTEMBER)) for period in PERIODS}
    assert counts == {"day": 30, "week": 5, "month": 1, "cycle": 1}


def test_an_amount_is_measured_in_percent_of_its_budget_and_not_of_a_budget_of_nothing() -> None:
    def measure(amount: str, budget: str) -> float | None:
        line = BudgetLine("b", "usd", "month", SEPTEMBER.span, Outcome.NEAR, Decimal(1), Decimal(budget), "", False,
                          None, None, None, None, None)  # fmt: skip
        assert (line.over, line.count) == (0, 1)
        return line.measure(Decimal(amount))

    assert measure("30", "40") == 75.0
    assert measure("30", "0") is None


@pytest.mark.parametrize(
    ("spent", "amount", "tenths"),
    [("0", "3", 0), ("1", "3", 333), ("2", "3", 666), ("2.999999", "3", 999), ("3", "3", 1000), ("4", "3", 1333),
     ("1", "0", None)],
)  # fmt: skip
def test_what_is_used_is_rounded_down_to_tenths_of_a_percent(spent: str, amount: str, tenths: int | None) -> None:
    assert measure_used(Decimal(spent), Decimal(amount)) == tenths


@given(
    spent=st.decimals(0, 10**6, places=6),
    amount=st.decimals("0.000001", 10**6, places=6),
    threshold=st.integers(1, 200),
)
def test_law_a_percent_that_is_shown_has_reached_a_threshold_where_the_amount_has(
    spent: Decimal, amount: Decimal, threshold: int
) -> None:
    used = measure_used(spent, amount)
    assert used is not None
    assert (used >= 10 * threshold) == (list_reached(amount, [threshold], spent) == [threshold])


def test_how_many_budgets_are_left_out_is_said() -> None:
    assert tell_left_out(1) == "1 budget is left out: it may show what a few people used."
    assert tell_left_out(1200) == "1,200 budgets are left out: they may show what a few people used."
