"""Sums of credits: each frame on a small month worked out by hand, then the laws on any rows, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.analysis.credits import (
    CreditsStatistics,
    compare_models,
    credits_by_day,
    credits_by_day_and_model,
    credits_by_model,
    credits_by_month,
    credits_by_user,
    credits_by_weekday_and_week,
    credits_statistics,
)
from flexlib.analysis.frames import read_rows
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.schema import CREDITS

Row = tuple[datetime, str, str, int, int, int | None]
Bring = Callable[[list[Row]], Any]

FIRST, SECOND, LAST = datetime(2025, 9, 1), datetime(2025, 9, 2), datetime(2025, 9, 28)

MONTH: list[Row] = [
    (FIRST, "ana", "opus", 100, 250, 2),
    (FIRST, "ben", "gpt-4", 0, 500, 1),
    (FIRST, "ben", "opus", 0, 250, 1),
    (SECOND, "ana", "gpt-4", 300, 0, 3),
    (LAST, "ana", "opus", 0, 1, 1),
]


def to_table(rows: list[Row]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [[]] * len(CREDITS)
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, CREDITS, strict=True)], CREDITS)


def to_pandas(rows: list[Row]) -> pd.DataFrame:
    frame: pd.DataFrame = to_table(rows).to_pandas()
    return frame


def to_relation(rows: list[Row]) -> duckdb.DuckDBPyRelation:
    return duckdb.from_arrow(to_table(rows))


ENGINES: dict[str, Bring] = {"pandas": to_pandas, "duckdb": to_relation}

WEEK = Span(date(2025, 12, 28), date(2026, 1, 3))

AGGREGATES: dict[str, Callable[[Any], Any]] = {
    "day and model": credits_by_day_and_model,
    "day and model, days": lambda rows: credits_by_day_and_model(rows, WEEK),
    "day": credits_by_day,
    "day, days": lambda rows: credits_by_day(rows, WEEK),
    "model": credits_by_model,
    "month": credits_by_month,
    "month, days": lambda rows: credits_by_month(rows, Span(date(2025, 11, 30), date(2026, 2, 1))),
    "user": credits_by_user,
    "weekday and week": credits_by_weekday_and_week,
    "weekday and week, days": lambda rows: credits_by_weekday_and_week(rows, WEEK),
}

amounts = st.one_of(st.just(0), st.integers(1, 12), st.integers(0, 10**12))
keys = st.tuples(
    st.dates(date(2025, 12, 20), date(2026, 1, 10)).map(lambda day: datetime(day.year, day.month, day.day)),
    st.sampled_from(["ana", "ben", "Ñandú", "zoë"]),
    st.sampled_from(["<nil>", "gpt-4", "MODEL_PRIVATE_2", "modèle", "𝔐"]),
)
months = st.dictionaries(keys, st.tuples(amounts, amounts, st.none() | st.integers(0, 50)), max_size=30).map(
    lambda rows: [(*key, *values) for key, values in sorted(rows.items())]
)


@pytest.fixture(params=ENGINES)
def bring(request: pytest.FixtureRequest) -> Bring:
    return ENGINES[request.param]


def values(finished: object, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in read_rows(finished)]


# --- a small month by hand


def test_a_day_and_model_has_one_row_days_up_then_credits_down_then_the_id_up(bring: Bring) -> None:
    by_day_and_model = credits_by_day_and_model(bring(MONTH))
    assert values(by_day_and_model, "date", "model_uid", "prompt_credits", "flex_credits", "requests", "rows") == [
        (date(2025, 9, 1), "gpt-4", 0, 500, 1, 1),
        (date(2025, 9, 1), "opus", 100, 500, 3, 2),
        (date(2025, 9, 2), "gpt-4", 300, 0, 3, 1),
        (date(2025, 9, 28), "opus", 0, 1, 1, 1),
    ]


def test_with_days_each_model_has_a_row_of_zeros_where_it_has_none(bring: Bring) -> None:
    grid = credits_by_day_and_model(bring(MONTH[:2]), [date(2025, 9, 1), date(2025, 9, 2)])
    assert values(grid, "date", "model_uid", "flex_credits", "requests", "data_points", "rows") == [
        (date(2025, 9, 1), "gpt-4", 500, 1, 1, 1),
        (date(2025, 9, 1), "opus", 250, 2, 2, 1),
        (date(2025, 9, 2), "gpt-4", 0, 0, 0, 0),
        (date(2025, 9, 2), "opus", 0, 0, 0, 0),
    ]


def test_a_day_has_its_users_the_running_total_and_its_rank(bring: Bring) -> None:
    by_day = credits_by_day(bring(MONTH))
    assert values(by_day, "date", "flex_credits", "users", "cumulative_flex_credits", "rank") == [
        (date(2025, 9, 1), 1000, 2, 1000, 1),
        (date(2025, 9, 2), 0, 1, 1000, 3),
        (date(2025, 9, 28), 1, 1, 1001, 2),
    ]


def test_with_the_days_of_a_month_every_day_has_a_row(bring: Bring) -> None:
    by_day = read_rows(credits_by_day(bring(MONTH), Month(2025, 9).span))
    assert [row["date"] for row in by_day] == list(Month(2025, 9).span)
    assert by_day[29] == {
        "date": date(2025, 9, 30),
        "prompt_credits": 0,
        "flex_credits": 0,
        "requests": 0,
        "data_points": 0,
        "rows": 0,
        "users": 0,
        "cumulative_flex_credits": 1001,
        "rank": 30,
    }


def test_rows_of_days_that_are_not_listed_stay(bring: Bring) -> None:
    by_day = credits_by_day(bring(MONTH), [date(2025, 9, 3)])
    assert values(by_day, "date", "flex_credits") == [
        (date(2025, 9, 1), 1000),
        (date(2025, 9, 2), 0),
        (date(2025, 9, 3), 0),
        (date(2025, 9, 28), 1),
    ]


def test_models_are_ranked_with_their_share(bring: Bring) -> None:
    by_model = credits_by_model(bring(MONTH))
    assert values(by_model, "rank", "model_uid", "flex_credits", "users", "days", "share_permille") == [
        (1, "opus", 501, 2, 2, 500),
        (2, "gpt-4", 500, 2, 2, 500),
    ]


def test_what_is_missing_to_1000_goes_to_the_largest_remainders(bring: Bring) -> None:
    """The totals of a month: 599.72, 365.80 and 34.48 tenths of a percent."""
    rows: list[Row] = [
        (FIRST, "ana", "claude-3.5-sonnet", 0, 7523450, 1),
        (FIRST, "ana", "claude-opus", 0, 432525, 1),
        (FIRST, "ana", "gpt-4", 0, 4589025, 1),
    ]
    assert values(credits_by_model(bring(rows)), "share_permille") == [(600,), (366,), (34,)]


def test_equal_remainders_go_to_the_ids_that_come_first(bring: Bring) -> None:
    rows: list[Row] = [(FIRST, "ana", model, 0, 7, 1) for model in "abc"]
    assert values(credits_by_model(bring(rows)), "model_uid", "share_permille") == [("a", 334), ("b", 333), ("c", 333)]


def test_users_are_ranked_for_a_pareto_curve(bring: Bring) -> None:
    by_user = credits_by_user(bring(MONTH))
    columns = ("rank", "user", "flex_credits", "days", "share_permille")
    assert values(by_user, *columns, "cumulative_flex_credits", "cumulative_share_permille") == [
        (1, "ben", 750, 1, 749, 750, 749),
        (2, "ana", 251, 3, 251, 1001, 1000),
    ]


def test_the_shares_of_the_biggest_together_are_rounded_once(bring: Bring) -> None:
    """Of 7 each, 1/6 is 16.67 %: rounded shares (167, 167, 167, 167, 166, 166) would add up to 501 after three."""
    by_user = credits_by_user(bring([(FIRST, user, "gpt-4", 0, 7, 1) for user in "abcdef"]))
    assert values(by_user, "cumulative_share_permille") == [(167,), (333,), (500,), (667,), (833,), (1000,)]


def test_a_month_has_its_total_its_users_and_its_days(bring: Bring) -> None:
    rows = [*MONTH, (datetime(2025, 10, 31), "zoe", "opus", 5, 7, 1)]
    by_month = credits_by_month(bring(rows), Span(date(2025, 9, 30), date(2025, 11, 1)))
    columns = ("month", "prompt_credits", "flex_credits", "total_credits", "users", "days", "data_points")
    assert values(by_month, *columns) == [
        (date(2025, 9, 1), 400, 1001, 1401, 2, 3, 8),
        (date(2025, 10, 1), 5, 7, 12, 1, 1, 1),
        (date(2025, 11, 1), 0, 0, 0, 0, 0, 0),
    ]


def test_a_sunday_belongs_to_the_week_that_began_on_monday_and_the_week_to_the_year_of_its_thursday(
    bring: Bring,
) -> None:
    days = [date(2025, 12, 28), date(2025, 12, 29), date(2026, 1, 4), date(2027, 1, 1)]
    cells = credits_by_weekday_and_week(bring([]), days)
    assert values(cells, "iso_year", "iso_week", "weekday") == [
        (2025, 52, 7),
        (2026, 1, 1),
        (2026, 1, 7),
        (2026, 53, 5),
    ]


def test_statistics_of_a_month(bring: Bring) -> None:
    assert credits_statistics(bring(MONTH)) == CreditsStatistics(
        prompt_credits=400,
        flex_credits=1001,
        requests=8,
        data_points=8,
        rows=5,
        models_used=2,
        users_active=2,
        days_with_data=3,
        days_with_flex_credits=2,
        average_flex_credits=Fraction(1001, 3),
        first_flex_day=date(2025, 9, 1),
        peak_day=date(2025, 9, 1),
        peak_flex_credits=1000,
    )


def test_statistics_of_no_rows_know_no_average_and_no_peak(bring: Bring) -> None:
    statistics = credits_statistics(bring([]))
    assert (statistics.average_flex_credits, statistics.peak_day, statistics.first_flex_day) == (None, None, None)
    assert (statistics.flex_credits, statistics.days_with_data, statistics.requests) == (0, 0, 0)


def test_of_two_equal_peaks_the_earlier_counts(bring: Bring) -> None:
    rows: list[Row] = [
        (SECOND, "ana", "opus", 0, 9, 1),
        (LAST, "ana", "opus", 0, 9, 1),
        (FIRST, "ana", "opus", 9, 0, 1),
    ]
    statistics = credits_statistics(bring(rows))
    assert (statistics.first_flex_day, statistics.peak_day) == (date(2025, 9, 2), date(2025, 9, 2))


def test_models_of_two_months_stand_side_by_side(bring: Bring) -> None:
    before: list[Row] = [
        (datetime(2025, 8, 1), "ana", "opus", 0, 600, 1),
        (datetime(2025, 8, 1), "ana", "old", 0, 0, 1),
        (datetime(2025, 8, 2), "ana", "older", 0, 5, 1),
    ]
    compared = compare_models(bring(MONTH), bring(before))
    columns = ("model_uid", "flex_credits", "flex_credits_before", "flex_credits_change", "presence")
    assert values(compared, *columns) == [
        ("opus", 501, 600, -99, "both"),
        ("gpt-4", 500, 0, 500, "new"),
        ("older", 0, 5, -5, "gone"),
        ("old", 0, 0, 0, "gone"),
    ]


# --- counts that are not known


def test_a_sum_of_requests_over_a_row_that_was_not_counted_is_null(bring: Bring) -> None:
    rows: list[Row] = [(FIRST, "ana", "opus", 0, 1, 4), (FIRST, "ben", "opus", 0, 1, None), (SECOND, "a", "b", 0, 1, 2)]
    by_day = credits_by_day(bring(rows))
    assert values(by_day, "requests", "data_points", "rows") == [(None, 5, 2), (2, 2, 1)]
    assert credits_statistics(bring(rows)).requests is None
    assert credits_statistics(bring(rows)).data_points == 7


def test_where_nothing_was_counted_requests_are_null_and_data_points_the_rows(bring: Bring) -> None:
    rows: list[Row] = [(FIRST, "ana", "opus", 0, 1, None), (FIRST, "ben", "opus", 0, 1, None)]
    assert values(credits_by_model(bring(rows)), "requests", "data_points") == [(None, 2)]


# --- the frames themselves


def test_pandas_gives_pandas_with_exact_integers_and_an_index_from_0() -> None:
    by_model = credits_by_model(to_pandas(MONTH))
    assert isinstance(by_model, pd.DataFrame)
    assert list(by_model.index) == [0, 1]
    kinds = {name: str(kind) for name, kind in by_model.dtypes.items() if name not in ("model_uid", "requests")}
    assert set(kinds.values()) == {"int64"}
    assert str(by_model.dtypes["requests"]) == "Int64"


@pytest.mark.parametrize("name", AGGREGATES)
def test_a_relation_gives_a_lazy_relation_of_64_bits(name: str) -> None:
    relation = AGGREGATES[name](to_relation(MONTH))
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    assert {str(kind) for kind in relation.types} <= {"BIGINT", "VARCHAR", "TIMESTAMP"}


def test_a_relation_of_another_connection_is_filled_with_days_too() -> None:
    with duckdb.connect() as connection:
        by_day = credits_by_day(connection.from_arrow(to_table(MONTH)), Month(2025, 9).span)
        assert len(by_day.fetchall()) == 30


def test_sums_past_53_bits_are_exact(bring: Bring) -> None:
    big = 2**53
    rows: list[Row] = [(FIRST, "ana", "opus", big, 1, 1), (FIRST, "ben", "opus", 1, 0, 1)]
    assert values(credits_by_day(bring(rows)), "prompt_credits") == [(9007199254740993,)]


def test_pandas_columns_that_arrow_backs_give_the_same() -> None:
    backed = to_pandas(MONTH).convert_dtypes(dtype_backend="pyarrow")
    assert read_rows(credits_by_day(backed, WEEK)) == read_rows(credits_by_day(to_pandas(MONTH), WEEK))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda frame: frame.drop(columns="user"), "lacks the column user"),
        (lambda frame: frame.astype({"flex_credits": float}), "the column flex_credits is Float64"),
        (lambda frame: frame.assign(date=frame["date"].dt.strftime("%Y-%m-%d")), "the column date is String"),
        (lambda frame: frame.assign(date=frame["date"].dt.tz_localize("UTC")), "the column date is Datetime"),
        (lambda frame: frame.assign(requests=frame["requests"] / 2), "not all whole numbers"),
        (lambda frame: to_table(MONTH), "a Table cannot be summed here"),
        (lambda frame: MONTH, "a list cannot be summed here"),
    ],
)
def test_what_is_no_frame_of_credits_is_refused(change: Callable[[pd.DataFrame], object], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        credits_by_day(change(to_pandas(MONTH)))


# --- laws


@pytest.mark.parametrize("name", AGGREGATES)
@given(rows=months)
@settings(max_examples=8, deadline=None)
def test_both_engines_give_the_same(name: str, rows: list[Row]) -> None:
    aggregate = AGGREGATES[name]
    assert read_rows(aggregate(to_relation(rows))) == read_rows(aggregate(to_pandas(rows)))


@given(rows=months, before=months)
@settings(max_examples=8, deadline=None)
def test_both_engines_give_the_same_comparison_and_statistics(rows: list[Row], before: list[Row]) -> None:
    compared = compare_models(to_pandas(rows), to_pandas(before))
    assert read_rows(compare_models(to_relation(rows), to_relation(before))) == read_rows(compared)
    assert credits_statistics(to_relation(rows)) == credits_statistics(to_pandas(rows))


@pytest.mark.parametrize("name", AGGREGATES)
@given(rows=months)
@settings(max_examples=8, deadline=None)
def test_groups_sum_to_the_total(name: str, rows: list[Row]) -> None:
    groups = read_rows(AGGREGATES[name](to_pandas(rows)))
    for column, position in (("prompt_credits", 3), ("flex_credits", 4)):
        assert sum(group[column] for group in groups) == sum(row[position] for row in rows)  # type: ignore[misc]
    assert sum(group["rows"] for group in groups) == len(rows)
    assert sum(group["data_points"] for group in groups) == sum(1 if row[5] is None else row[5] for row in rows)


@pytest.mark.parametrize("name", AGGREGATES)
@given(rows=months, data=st.data())
@settings(max_examples=8, deadline=None)
def test_the_order_of_rows_changes_nothing_and_the_input_stays(name: str, rows: list[Row], data: st.DataObject) -> None:
    shuffled = to_pandas(data.draw(st.permutations(rows)))
    kept = shuffled.copy(deep=True)
    assert read_rows(AGGREGATES[name](shuffled)) == read_rows(AGGREGATES[name](to_pandas(rows)))
    pd.testing.assert_frame_equal(shuffled, kept)


@given(rows=months)
@settings(max_examples=12, deadline=None)
def test_the_parts_of_a_span_add_up_to_it(rows: list[Row]) -> None:
    turn = datetime(2026, 1, 1)
    parts = [[row for row in rows if row[0] < turn], [row for row in rows if row[0] >= turn]]
    columns = ("date", "model_uid", "flex_credits", "prompt_credits", "requests")
    whole = values(credits_by_day_and_model(to_pandas(rows)), *columns)
    assert [row for part in parts for row in values(credits_by_day_and_model(to_pandas(part)), *columns)] == whole
    relation = to_relation(rows)
    filtered = [relation.filter(f"date {sign} TIMESTAMP '2026-01-01'") for sign in ("<", ">=")]
    by_model = {row["model_uid"]: row["flex_credits"] for row in read_rows(credits_by_model(relation))}
    added: dict[str, int] = {}
    for part in filtered:
        for row in read_rows(credits_by_model(part)):
            added[row["model_uid"]] = added.get(row["model_uid"], 0) + row["flex_credits"]
    assert added == by_model


@given(rows=months)
@settings(max_examples=20, deadline=None)
def test_shares_sum_to_1000_and_each_is_less_than_one_off(rows: list[Row]) -> None:
    total = sum(row[4] for row in rows)
    for groups in (read_rows(credits_by_model(to_pandas(rows))), read_rows(credits_by_user(to_pandas(rows)))):
        assert sum(group["share_permille"] for group in groups) == (1000 if total else 0)
        for group in groups:
            assert abs(group["share_permille"] - Fraction(1000 * group["flex_credits"], total or 1)) < 1


@given(rows=months, first=st.dates(date(2019, 12, 20), date(2027, 1, 20)))
@settings(max_examples=12, deadline=None)
def test_the_weeks_are_those_of_the_iso_calendar(rows: list[Row], first: date) -> None:
    span = Span(first, first + timedelta(days=13))
    for row in read_rows(credits_by_weekday_and_week(to_pandas(rows), span)):
        assert (row["iso_year"], row["iso_week"], row["weekday"]) == tuple(row["date"].isocalendar())
