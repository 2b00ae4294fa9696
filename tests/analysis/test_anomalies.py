"""Unusual days: what is found by hand, and the laws that hold whatever the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.analysis.anomalies import Outcome, find_anomalies
from flexlib.errors import InvalidRequest

WORKDAY, WEEKEND = 1.2, 0.4


def draw_table(seed: int, people: int = 300, days: int = 28) -> pd.DataFrame:
    """Counts of people with means and spreads of their own, quieter on weekends."""
    draws = np.random.default_rng(seed)
    index = pd.date_range("2025-09-01", periods=days)
    profile = np.where(index.day_of_week < 5, WORKDAY, WEEKEND)
    means = np.exp(draws.normal(2, 0.8, people))[:, None] * profile
    sizes = np.exp(draws.normal(1.6, 0.4, people))[:, None]
    names = [f"p{number}" for number in range(people)]
    return pd.DataFrame(draws.poisson(draws.gamma(sizes, means / sizes)).astype(float), names, index)


def plant(table: pd.DataFrame, count: int, amount: float = 300.0) -> pd.DataFrame:
    spiky = table.copy()
    for number in range(count):
        spiky.iloc[number * 7, 3 + number * 5 % 25] = amount
    return spiky


def list_found(table: pd.DataFrame, **options: float) -> set[tuple[str, str]]:
    found = find_anomalies(table, **options).found  # type: ignore[arg-type]
    return {(row, str(day.date())) for row, day in zip(found["row"], found["date"], strict=True)}


def test_a_spike_is_found_with_what_was_to_be_expected_of_the_day() -> None:
    index = pd.date_range("2025-09-01", periods=28)
    table = pd.DataFrame({"ana": [9.0, 11.0] * 14, "ben": [21.0, 19.0] * 14}, index).T
    table.loc["ana", "2025-09-16"] = 125.0
    made = find_anomalies(table)
    line = made.found.iloc[0]
    assert len(made.found) == 1
    assert (line["row"], line["date"], line["amount"]) == ("ana", pd.Timestamp("2025-09-16"), 125)
    assert line["expected"] == pytest.approx(10, rel=0.15)  # the mean of the other days
    assert line["times"] == pytest.approx(line["amount"] / line["expected"])
    assert made.tested == 56
    assert made.false_alarms < 0.05


def test_a_table_without_variation_has_none() -> None:
    index = pd.date_range("2025-09-01", periods=28)
    assert list_found(pd.DataFrame(50.0, ["ana", "ben"], index)) == set()
    assert list_found(pd.DataFrame(0.0, ["ana", "ben"], index)) == set()
    assert find_anomalies(pd.DataFrame(columns=index, dtype=float)).found.empty


def test_the_order_of_rows_and_days_changes_nothing() -> None:
    table = plant(draw_table(1), 6)
    draws = np.random.default_rng(2)
    shuffled = table.iloc[draws.permutation(len(table)), draws.permutation(table.shape[1])]
    found = list_found(table)
    assert found == list_found(shuffled)
    assert {("p0", "2025-09-04"), ("p7", "2025-09-09"), ("p35", "2025-09-04")} <= found


def test_another_unit_of_the_amounts_changes_nothing() -> None:
    table = plant(draw_table(3), 6)
    found = list_found(table, least=20.0)
    assert found
    assert found == list_found(table / 128, least=20.0 / 128, unit=1 / 128)


def test_a_day_below_the_least_amount_is_not_listed() -> None:
    table = plant(draw_table(4), 3, amount=300.0)
    assert len(list_found(table, least=300.0)) == 3
    assert list_found(table, least=301.0) == set()


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_where_days_are_permuted_within_weekdays_hardly_any_is_found(seed: int) -> None:
    draws = np.random.default_rng(seed)
    table = draw_table(seed)
    values = table.to_numpy(copy=True)
    for weekday in range(7):
        values[:, weekday::7] = draws.permuted(values[:, weekday::7], axis=1)
    # 8,400 days of which none is planted: at most one list in twenty has any, and then one or two
    assert len(list_found(pd.DataFrame(values, table.index, table.columns))) <= 2


def test_of_many_spikes_nearly_all_are_found_and_the_share_of_others_is_within_the_bound() -> None:
    table = draw_table(5, people=1500)
    spiky, truth = table.copy(), set()
    for number in range(60):
        row, day = number * 20, number * 11 % 28
        expected = float(np.median(table.iloc[row])) + 2
        spiky.iloc[row, day] = 10 * max(expected, 2.0)
        truth.add((table.index[row], str(pd.DatetimeIndex(table.columns)[day].date())))
    found = list_found(spiky)
    assert len(found & truth) >= 57
    assert len(found - truth) <= 0.08 * len(found)


def test_days_before_since_only_tell_what_is_usual() -> None:
    table = plant(draw_table(6), 6)
    made = find_anomalies(table, since=pd.Timestamp("2025-09-15").date())
    assert made.tested == 300 * 14
    assert made.found["date"].min() >= pd.Timestamp("2025-09-15")
    assert len(made.found)


def test_few_days_are_no_ground_to_judge_by() -> None:
    table = draw_table(7, people=5, days=13)
    made = find_anomalies(table)
    assert (made.outcome, made.reason) == (Outcome.CANNOT_SAY, "13 days are known, a weekday takes 14")


def test_what_is_new_is_not_odd() -> None:
    table = draw_table(8)
    table.loc["p1"] = 0.0
    table.loc["p1", "2025-09-20":] = 200.0  # began with eleven days left
    table.loc["p2"] = 0.0
    table.loc["p2", "2025-09-02"] = 200.0  # one day of use alone
    made = find_anomalies(table)
    assert made.unjudged == 2
    assert not {*made.found["row"]} & {"p1", "p2"}


def test_what_is_no_table_of_amounts_is_refused() -> None:
    index = pd.date_range("2025-09-01", periods=28)
    for table in (
        pd.DataFrame(-1.0, ["ana"], index),
        pd.DataFrame(np.nan, ["ana"], index),
        pd.DataFrame(1.0, ["ana"], [*index[:-1], index[0]]),
    ):
        with pytest.raises(InvalidRequest):
            find_anomalies(table)
    with pytest.raises(InvalidRequest, match="false_alarms"):
        find_anomalies(pd.DataFrame(1.0, ["ana"], index), false_alarms=1.0)
