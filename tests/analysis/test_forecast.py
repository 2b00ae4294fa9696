"""Forecasts of a daily series: small ones by hand, then the laws on any."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.analysis.forecast import (
    FEWEST_ORIGINS,
    Forecast,
    Outcome,
    backtest_months,
    find_day_reached,
    forecast_path,
    forecast_sum,
    sum_up_backtest,
)
from flexlib.dates import Month
from flexlib.errors import InvalidRequest

FIRST = date(2025, 1, 1)
SEPTEMBER = [date(2025, 9, 1) + timedelta(days=number) for number in range(30)]


def make_series(values: list[float] | np.ndarray, first: date = FIRST) -> pd.Series:
    return pd.Series(list(values), pd.date_range(first, periods=len(values)), dtype=float)


def make_weeks(weeks: int, week: list[float]) -> pd.Series:
    """From a Monday on."""
    return make_series(week * weeks, date(2025, 1, 6))


def test_a_constant_series_is_forecast_as_that_constant_with_a_band_of_no_width() -> None:
    made = forecast_sum(make_series([100.0] * 252), SEPTEMBER)
    assert (made.expected, made.low, made.high) == pytest.approx((3000, 3000, 3000), rel=1e-12)
    assert made.outcome is Outcome.FORECAST


def test_weekdays_are_forecast_each_as_itself() -> None:
    history = make_weeks(20, [10, 20, 30, 40, 50, 0, 0])
    after = history.index[-1].date() + timedelta(days=1)
    assert forecast_sum(history, [after]).expected == pytest.approx(10)  # a Monday
    assert forecast_sum(history, [after + timedelta(days=5)]).expected == 0  # a Saturday
    assert forecast_sum(history, [after + timedelta(days=4)]).expected == pytest.approx(50)  # a Friday


def test_days_that_are_known_count_as_they_are_and_only_the_rest_is_forecast() -> None:
    history = make_series([100.0] * 252)  # up to 9 September
    history["2025-09-05"] = 700.0
    made = forecast_sum(history, SEPTEMBER)
    # Of the three levels only the mean of the last week has moved, to 1,300 / 7.
    assert made.expected == pytest.approx(8 * 100 + 700 + 21 * 100 * (1300 / 700) ** (1 / 3))
    known = forecast_sum(history, SEPTEMBER[:9])
    assert known == Forecast(1500.0, 1500.0, 1500.0, 0, Outcome.FORECAST)


def test_an_unknown_day_is_forecast_and_is_no_zero() -> None:
    history = make_series([100.0] * 252)
    history["2025-09-05"] = np.nan
    assert forecast_sum(history, SEPTEMBER[:9]).expected == pytest.approx(900)
    assert forecast_sum(history.drop(pd.Timestamp("2025-09-05")), SEPTEMBER[:9]).expected == pytest.approx(900)


def test_below_nine_earlier_forecasts_there_is_no_band_and_it_says_so() -> None:
    made = forecast_sum(make_series([100.0] * 90), [FIRST + timedelta(days=90 + number) for number in range(30)])
    assert (made.outcome, made.low, made.high) == (Outcome.NO_BAND, None, None)
    assert made.expected == pytest.approx(3000)
    assert made.origins < FEWEST_ORIGINS
    assert f"{made.origins} earlier forecasts" in made.reason


def test_a_wider_band_takes_more_earlier_forecasts() -> None:
    """80 % lies between the outermost two of 9, 95 % between those of 39."""
    days = [FIRST + timedelta(days=200 + number) for number in range(30)]
    history = make_series(np.random.default_rng(1).gamma(2.0, 50.0, 200))
    assert forecast_sum(history, days, 0.8).outcome is Outcome.FORECAST
    wide = forecast_sum(history, days, 0.95)
    assert (wide.outcome, wide.reason[-28:]) == (Outcome.NO_BAND, "what came, a band of 95% takes 39"[-28:])


def test_below_a_week_of_known_days_nothing_is_said() -> None:
    made = forecast_sum(make_series([100.0] * 6), SEPTEMBER)
    assert (made.outcome, made.expected) == (Outcome.CANNOT_SAY, None)
    assert "fewer than 7 days" in made.reason
    assert forecast_sum(make_series([]), SEPTEMBER).outcome is Outcome.CANNOT_SAY


def test_a_series_of_zeros_is_forecast_as_zero() -> None:
    assert forecast_sum(make_series([0.0] * 252), SEPTEMBER).expected == 0


def test_what_came_where_nothing_was_expected_leaves_no_band() -> None:
    """A series that begins: every earlier forecast was zero."""
    made = forecast_sum(make_series([0.0] * 240 + [50.0] * 3), SEPTEMBER[9:])
    assert made.outcome is Outcome.NO_BAND


def test_a_series_that_always_grows_is_not_forecast_below_its_own_band() -> None:
    made = forecast_sum(make_series(100 * 1.01 ** np.arange(252)), SEPTEMBER)
    assert made.expected is not None
    assert made.low is not None
    assert made.high is not None
    assert made.low <= made.expected <= made.high
    actual = (100 * 1.01 ** np.arange(243, 273)).sum()
    assert made.expected == pytest.approx(actual, rel=0.02)


def test_holidays_are_forecast_as_earlier_holidays_were() -> None:
    history = make_series([100.0] * 252)
    free = [date(2025, 3, 3), date(2025, 5, 1), date(2025, 6, 20), date(2025, 8, 15)]
    for day in free:
        history[str(day)] = 5.0
    september = [date(2025, 9, 18), date(2025, 9, 19)]
    assert forecast_sum(history, september, holidays=[*free, *september]).expected == pytest.approx(10)
    assert forecast_sum(history, september).expected == pytest.approx(200)


def test_of_too_few_holidays_one_counts_as_the_quietest_weekday() -> None:
    history = make_weeks(30, [10, 20, 30, 40, 50, 5, 6])
    day = history.index[-1].date() + timedelta(days=3)  # a Wednesday
    assert forecast_sum(history, [day], holidays=[day]).expected == pytest.approx(5)


def test_the_day_on_which_a_budget_is_used_up() -> None:
    history = make_series([100.0] * 252)  # 900 by 9 September, then 100 a day
    path = forecast_path(history, SEPTEMBER)
    assert find_day_reached(path, SEPTEMBER, 1950.0) == (date(2025, 9, 20), date(2025, 9, 20), date(2025, 9, 20))
    assert find_day_reached(path, SEPTEMBER, 3001.0) == (None, None, None)
    assert find_day_reached(path, SEPTEMBER, 300.0)[0] == date(2025, 9, 3)


def test_a_budget_that_is_used_up_to_the_last_digit_is_exceeded_on_the_day_after() -> None:
    path = forecast_path(make_series([100.0] * 252), SEPTEMBER)
    assert find_day_reached(path, SEPTEMBER, 2500.0, passes=True)[:2] == (date(2025, 9, 26), date(2025, 9, 26))
    assert find_day_reached(path, SEPTEMBER, 2499.0, passes=True)[0] == date(2025, 9, 25)
    assert find_day_reached(path, SEPTEMBER, 300.0, passes=True)[0] == date(2025, 9, 4)  # a day that is known
    assert find_day_reached(path, SEPTEMBER, 3000.0, passes=True) == (None, None, None)
    assert find_day_reached(path, SEPTEMBER, 2499.999999, passes=True)[0] == date(2025, 9, 25)  # a millionth beyond
    cents = forecast_path(make_series([0.1] * 252), SEPTEMBER)  # to floats three of them are more than 0.3
    assert find_day_reached(cents, SEPTEMBER, 0.3, passes=True)[0] == date(2025, 9, 4)


@pytest.mark.parametrize(
    ("history", "days", "band", "words"),
    [
        (make_series([1.0, -1.0] * 9), SEPTEMBER, 0.8, "below zero or without end on 2025-01-02"),
        (make_series([1.0, np.inf] * 9), SEPTEMBER, 0.8, "without end"),
        (pd.Series([1.0, 2.0], pd.DatetimeIndex(["2025-01-01", "2025-01-01"])), SEPTEMBER, 0.8, "more than once"),
        (make_series([1.0] * 9), [*SEPTEMBER, SEPTEMBER[0]], 0.8, "named twice"),
        (make_series([1.0] * 9), SEPTEMBER, 1.0, "between 0 and 1"),
        (pd.Series(["a"], pd.DatetimeIndex(["2025-01-01"])), SEPTEMBER, 0.8, "no series of numbers"),
    ],
)
def test_what_cannot_be_forecast_is_refused_in_a_sentence(
    history: pd.Series, days: list[date], band: float, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        forecast_sum(history, days, band)


RANDOM = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(seed=RANDOM, factor=st.sampled_from([0.01, 3.0, 1000.0]))
def test_a_series_in_another_unit_has_the_same_forecast_in_that_unit(seed: int, factor: float) -> None:
    values = np.random.default_rng(seed).gamma(2.0, 50.0, 200)
    days = [FIRST + timedelta(days=195 + number) for number in range(20)]
    one, other = forecast_sum(make_series(values), days), forecast_sum(make_series(values * factor), days)
    assert other.outcome is one.outcome
    for name in ("expected", "low", "high"):
        assert getattr(other, name) == pytest.approx(getattr(one, name) * factor, rel=1e-6)


@settings(max_examples=25)
@given(seed=RANDOM)
def test_the_order_of_the_history_is_irrelevant(seed: int) -> None:
    rng = np.random.default_rng(seed)
    history = make_series(rng.gamma(2.0, 50.0, 200))
    days = [FIRST + timedelta(days=195 + number) for number in range(20)]
    made = forecast_sum(history, days)
    assert forecast_sum(history.sample(frac=1, random_state=seed), days) == made


@pytest.mark.parametrize(("day", "known_on_the_tenth"), [("2025-04-20", 0), ("2025-04-05", -500)])
def test_a_refund_is_in_what_a_month_came_to_and_a_forecast_knows_it_from_its_day_on(
    day: str, known_on_the_tenth: int
) -> None:
    """29 days of 100 and a day of -500, of which nothing is learned but that there was no use."""
    spent = make_series(np.full(180, 100.0))
    spent[day] = -500.0
    use = spent.clip(lower=0.0)
    plain, lines = (backtest_months(use, [10], spent=one).set_index("month").loc["2025-04"] for one in (None, spent))
    assert (plain["actual"], lines["actual"]) == (2900, 2400)
    assert lines["expected"] == pytest.approx(plain["expected"] + known_on_the_tenth)
    assert lines["high"] == pytest.approx(plain["high"] + known_on_the_tenth)


@settings(max_examples=25)
@given(seed=RANDOM, known=st.integers(0, 30))
def test_a_backtest_knows_nothing_that_came_later(seed: int, known: int) -> None:
    """Each line is what `forecast_sum` said on that day."""
    history = make_series(np.random.default_rng(seed).gamma(2.0, 50.0, 180))
    lines = backtest_months(history, [known])
    assert list(lines["month"]) == ["2025-01", "2025-02", "2025-03", "2025-04", "2025-05"]
    for line in lines.itertuples():
        month = Month.parse(str(line.month))
        then = forecast_sum(history[: str(month.first + timedelta(days=known - 1))], month.span)
        assert (line.outcome, line.origins) == (then.outcome, then.origins)
        assert [line.expected, line.low, line.high] == [
            pytest.approx(value, nan_ok=True) if value is not None else pytest.approx(np.nan, nan_ok=True)
            for value in (then.expected, then.low, then.high)
        ]


def test_bands_of_a_series_without_surprises_hold_as_often_as_promised() -> None:
    """Ten years of independent days with a weekday profile: 80 % of 110 months, give or take three of their errors."""
    rng = np.random.default_rng(7)
    days = np.arange(3650)
    values = (1 + 0.5 * (days % 7 < 5)) * np.exp(0.4 * rng.standard_normal(3650) + 0.3 * np.sin(days / 45))
    lines = sum_up_backtest(backtest_months(make_series(values, date(2015, 1, 1)), (0, 10, 20)))
    assert list(lines["known"]) == [0, 10, 20]
    assert (lines["bands"] > 100).all()
    assert lines["coverage"].between(0.69, 0.91).all()


@given(st.lists(st.integers(0, 10_000), min_size=100, max_size=160), st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_a_running_total_never_falls_nor_does_an_end_of_its_band(values: list[int], ahead: int) -> None:
    history = pd.Series([float(value) for value in values], pd.date_range("2025-01-01", periods=len(values)))
    days = [(history.index[-1] + timedelta(days=number)).date() for number in range(-5, 1 + ahead)]
    path = forecast_path(history, days)
    lows, middles, highs = ([getattr(one, name) for one in path] for name in ("low", "expected", "high"))
    for values in (lows, middles, highs):
        known = [value for value in values if value is not None]
        assert known == sorted(known)
    assert all(low <= middle <= high for low, middle, high in zip(lows, middles, highs, strict=True) if low is not None)
    assert path[-1] == forecast_sum(history, days)
    assert middles[:6] == list(history.iloc[-6:].cumsum())
