"""Forecasts at the edges of their bands, and how a backtest sums them up: by hand."""

from __future__ import annotations

import warnings
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from flexlib.analysis.daily import DailySeries
from flexlib.analysis.forecast import (
    Forecast,
    Outcome,
    backtest_months,
    find_day_reached,
    forecast_path,
    forecast_sum,
    sum_up_backtest,
)
from flexlib.analysis.forecast_parts import forecast_parts
from flexlib.errors import InvalidRequest

FIRST = date(2025, 1, 1)


def make_series(values: list[float] | np.ndarray) -> pd.Series:
    return pd.Series(list(values), pd.date_range(FIRST, periods=len(values)), dtype=float)


def draw_series(days: int, seed: int = 1) -> pd.Series:
    return make_series(np.random.default_rng(seed).gamma(4.0, 25.0, days))


def count_days(first: int, days: int) -> list[date]:
    return [FIRST + timedelta(days=first + number) for number in range(days)]


def test_a_band_of_80_percent_is_bound_by_the_outermost_two_of_nine_earlier_forecasts() -> None:
    """Of a week of days known and a week between them: the ninth origin is the 57th day before the next."""
    made = forecast_sum(draw_series(64), count_days(64, 1))
    ratios = DailySeries(draw_series(64), ()).list_ratios(64, np.array([0]))
    assert (made.outcome, made.origins, len(ratios)) == (Outcome.FORECAST, 9, 9)
    plain = forecast_sum(draw_series(64), count_days(64, 1), 0.99).expected
    assert plain is not None
    assert [made.low, made.high] == pytest.approx([plain * ratios.min(), plain * ratios.max()])
    fewer = forecast_sum(draw_series(63), count_days(63, 1))
    assert (fewer.outcome, fewer.origins) == (Outcome.NO_BAND, 8)


def test_a_band_of_a_half_lies_between_the_quarters_of_the_earlier_forecasts() -> None:
    """Of nineteen the fifth and the fifteenth, as a quarter of twenty is five."""
    made, plain = (forecast_sum(draw_series(134), count_days(134, 1), band) for band in (0.5, 0.99))
    ratios = np.sort(DailySeries(draw_series(134), ()).list_ratios(134, np.array([0])))
    assert len(ratios) == 19
    assert [made.low, made.high] == pytest.approx([plain.expected * one for one in ratios[[4, 14]]])


@pytest.mark.parametrize(("band", "needed"), [(0.5, 9), (0.8, 9), (0.85, 13), (0.9, 19), (0.99, 199)])
def test_how_many_earlier_forecasts_a_band_takes(band: float, needed: int) -> None:
    """So many that a share of (1 - band) / 2 of one more is one: 13 at 85 %."""
    made = forecast_sum(draw_series(20), count_days(20, 1), band)
    assert made.reason == f"2 earlier forecasts can be held against what came, a band of {band:.0%} takes {needed}"
    assert (made.outcome, made.origins) == (Outcome.NO_BAND, 2)


def test_what_is_expected_is_the_plain_forecast_wherever_the_band_holds_it() -> None:
    for seed in range(5):
        made, plain = (forecast_sum(draw_series(200, seed), count_days(200, 30), band) for band in (0.8, 0.99))
        assert plain.outcome is Outcome.NO_BAND
        assert made.low is not None
        assert made.high is not None
        assert made.low < made.expected < made.high  # type: ignore[operator]
        assert made.expected == plain.expected


def test_an_unknown_day_of_the_past_is_as_uncertain_as_the_next_one() -> None:
    history = draw_series(200)
    history.iloc[-5] = np.nan
    past, ahead = (forecast_sum(history, count_days(day, 1)) for day in (195, 200))
    assert past.origins == ahead.origins
    assert past.low is not None
    assert ahead.low is not None
    assert past.low / past.expected == pytest.approx(ahead.low / ahead.expected)  # type: ignore[operator]


def test_below_a_week_no_earlier_forecast_is_counted() -> None:
    assert forecast_sum(make_series([100.0] * 6), count_days(6, 1)).origins == 0


def test_where_nothing_was_expected_and_something_came_the_sum_has_no_upper_end_and_no_warning() -> None:
    """Use on one day of each 28: the weeks before it tell nothing of it."""
    history = make_series(([0.0] * 27 + [10.0]) * 12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = forecast_sum(history, count_days(len(history) - 1, 8))
    assert (made.outcome, made.low, made.high) == (Outcome.NO_BAND, None, None)
    assert made.reason == "days of which nothing was expected came to something too often"
    assert made.expected is not None
    assert made.expected > 10  # what came on the last day known, and more


@pytest.mark.parametrize("band", [0.0, 1.0, -0.1])
def test_a_band_is_a_share_between_nothing_and_all(band: float) -> None:
    with pytest.raises(InvalidRequest, match="between 0 and 1"):
        forecast_sum(make_series([1.0] * 9), count_days(9, 1), band)


def test_a_path_without_a_band_reaches_an_amount_as_expected_alone() -> None:
    days = count_days(20, 10)
    path = forecast_path(make_series([100.0] * 20), days)
    assert find_day_reached(path, days, 250.0) == (days[2], None, None)
    assert find_day_reached(forecast_path(make_series([]), days), days, 1.0) == (None, None, None)


def test_an_amount_is_reached_on_the_day_from_which_on_no_refund_takes_it_back() -> None:
    """300 on the third day, 150 after a refund on the fourth, 350 on the sixth, and nobody knows of those to come."""
    known, days = make_series([100.0, 100, 100, -150, 100, 100]), count_days(0, 8)
    path = forecast_parts(known, [(known.clip(lower=0.0), days)])
    assert [one.expected for one in path] == [100.0, 200.0, 300.0, 150.0, 250.0, 350.0, None, None]
    assert find_day_reached(path, days, 300.0)[0] == days[5]
    assert find_day_reached(path, days, 250.0, passes=True)[0] == days[5]
    assert find_day_reached(path, days, 150.0)[0] == days[1]  # and after the refund, too
    assert find_day_reached(path, days, 360.0)[0] is None


def test_no_total_of_a_path_is_expected_to_be_above_that_of_a_later_day() -> None:
    """Of these days the forecasts of six days ahead were all too low, those of seven days were not."""
    history = make_series(np.random.default_rng(30).gamma(0.5, 100, 124))
    days = count_days(124, 8)
    alone = [forecast_sum(history, days[: place + 1]).expected or 0 for place in range(len(days))]
    assert [round(one) for one in alone] == [149, 216, 268, 290, 309, 553, 406, 555]
    path = [one.expected or 0 for one in forecast_path(history, days)]
    assert [round(one) for one in path] == [149, 216, 268, 290, 309, 406, 406, 555]


def test_a_backtest_is_of_whole_months_whose_days_are_all_known() -> None:
    history = pd.Series(100.0, pd.date_range("2025-01-02", "2025-06-29"))
    history["2025-03-07"] = np.nan
    lines = backtest_months(history)
    assert list(lines.columns) == ["month", "known", "actual", *Forecast.__dataclass_fields__]
    assert list(lines["month"].unique()) == ["2025-02", "2025-04", "2025-05"]
    assert list(lines["known"]) == [0, 5, 10, 15, 20, 25] * 3
    assert list(lines["actual"].unique()) == [2800, 3000, 3100]
    nothing = backtest_months(history[:9])
    assert (len(nothing), list(nothing.columns)) == (0, list(lines.columns))


def test_a_backtest_is_summed_up_by_the_days_known() -> None:
    band, none, silent = Outcome.FORECAST, Outcome.NO_BAND, Outcome.CANNOT_SAY
    nan = float("nan")
    months = pd.DataFrame(
        [
            (0, 80.0, 100.0, 80.0, 110.0, band),  # at its lower end; 25 % off, 37.5 % wide
            (0, 100.0, 50.0, 40.0, 100.0, band),  # at its upper end; 50 % off, 60 % wide
            (0, 60.0, 90.0, 70.0, 100.0, band),  # below; 50 % off, 50 % wide
            (0, 100.0, 10.0, 5.0, 50.0, band),  # above; 90 % off, 45 % wide
            (0, 1.0, 2.0, nan, nan, none),  # without a band; 100 % off
            (0, 0.0, 5.0, 0.0, 9.0, band),  # a month of nothing, of which no share can be said
            (0, 5.0, nan, nan, nan, silent),
            (5, 10.0, 5.0, nan, nan, none),
        ],
        columns=["known", "actual", "expected", "low", "high", "outcome"],
    )
    first, second = sum_up_backtest(months).to_dict("records")
    assert first == {
        "known": 0,
        "months": 5,
        "bands": 4,
        "held": 2,
        "coverage": 0.5,
        "mean_error": pytest.approx((0.25 + 0.5 + 0.5 + 0.9 + 1) / 5),
        "mean_width": pytest.approx((0.375 + 0.6 + 0.5 + 0.45) / 4),
    }
    assert (second["known"], second["months"], second["bands"], second["mean_error"]) == (5, 1, 0, 0.5)
    assert np.isnan([second["coverage"], second["mean_width"]]).all()
    assert list(sum_up_backtest(months[:0]).columns) == list(first)


def test_one_earlier_forecast_is_said_in_the_singular() -> None:
    made = forecast_sum(draw_series(14), count_days(14, 1))
    assert made.reason == "1 earlier forecast can be held against what came, a band of 80% takes 9"


@pytest.mark.parametrize(
    ("first", "last", "outcome"),
    [
        ("2024-12-01", "2024-12-31", Outcome.CANNOT_SAY),
        ("2024-12-31", "2025-01-01", Outcome.FORECAST),  # a day that lacks is unknown
        ("2025-01-01", "2025-01-31", Outcome.FORECAST),
    ],
)
def test_nothing_is_said_of_days_before_the_series_begins(first: str, last: str, outcome: Outcome) -> None:
    days = pd.date_range(first, last)
    made = forecast_sum(pd.Series(100.0, pd.date_range("2025-01-01", "2025-06-30")), days)
    assert made.outcome is outcome
    if outcome is Outcome.CANNOT_SAY:
        assert (made.expected, made.low, made.high) == (None, None, None)
        assert made.reason == "the first day known is 2025-01-01"
