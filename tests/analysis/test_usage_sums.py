"""Sums of calls: each frame on a few calls worked out by hand, then the laws on any calls, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import CALLS, CENT, ENGINES, NIGHT, Bring, Call, to_pandas, to_relation, to_table

from flexlib.analysis.frames import read_rows
from flexlib.analysis.sizes import usage_distribution, usage_histogram
from flexlib.analysis.usage import (
    UsageStatistics,
    count_coarser,
    usage_by_day,
    usage_by_hour,
    usage_by_provider_and_model,
    usage_statistics,
)
from flexlib.errors import InvalidRequest
from flexlib.schema import USAGE

SUMS: dict[str, Callable[[Any], Any]] = {
    "day": usage_by_day,
    "hour": usage_by_hour,
    "provider and model": usage_by_provider_and_model,
}

any_calls = st.lists(
    st.tuples(
        st.integers(0, 30 * 24 * 3600 - 1).map(lambda seconds: NIGHT + timedelta(seconds=seconds)),
        st.sampled_from(["openai", "xai"]),
        st.sampled_from(["a", "b"]),
        st.one_of(st.integers(0, 30), st.integers(0, 2**31 - 1)),
        st.integers(0, 10**6),
        st.none() | st.decimals(0, 10**9, places=10),
        st.none() | st.decimals(0, 10**12, places=4),
    ),
    max_size=20,
)


@pytest.fixture(params=list(ENGINES.values()), ids=list(ENGINES))
def bring(request: pytest.FixtureRequest) -> Bring:
    chosen: Bring = request.param
    return chosen


def pick(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_days_are_summed_in_order(bring: Bring) -> None:
    days = read_rows(usage_by_day(bring(CALLS[::-1])))
    assert days == [
        {
            "date": date(2025, 9, 1),
            "request_count": 3,
            "total_prompt_tokens": 450,
            "total_completion_tokens": 540,
            "total_tokens": 990,
            "total_usd": Decimal("0.0100000001"),
            "unpriced_usd": 1,
            "total_clp": Decimal(95),
            "unpriced_clp": 2,
        },
        {
            "date": date(2025, 9, 2),
            "request_count": 2,
            "total_prompt_tokens": 550,
            "total_completion_tokens": 0,
            "total_tokens": 550,
            "total_usd": CENT,
            "unpriced_usd": 1,
            "total_clp": None,
            "unpriced_clp": 2,
        },
    ]


def test_hours_are_those_of_the_clock_over_all_days(bring: Bring) -> None:
    hours = read_rows(usage_by_hour(bring(CALLS)))
    assert pick(hours, "hour", "request_count", "total_tokens") == [(0, 1, 110), (9, 4, 1430)]


def test_models_are_ranked_by_tokens_with_shares_of_them(bring: Bring) -> None:
    models = read_rows(usage_by_provider_and_model(bring(CALLS)))
    assert pick(models, "provider", "model", "request_count", "total_tokens", "share_permille") == [
        ("anthropic", "opus", 1, 550, 357),
        ("xai", "grok-4", 1, 550, 357),
        ("openai", "gpt-4", 3, 440, 286),
    ]


def test_a_sum_of_nothing_but_unknown_amounts_is_unknown_and_not_zero(bring: Bring) -> None:
    models = read_rows(usage_by_provider_and_model(bring(CALLS)))
    assert pick(models, "model", "total_usd", "unpriced_usd") == [
        ("opus", None, 1),
        ("grok-4", Decimal("0.0000000001"), 0),
        ("gpt-4", Decimal("0.02"), 1),
    ]


def test_amounts_stay_exact_where_a_float_would_not(bring: Bring) -> None:
    calls = [(NIGHT, "xai", "a", 1, 1, Decimal("2000000999.9550000001"), None)] * 10
    (day,) = read_rows(usage_by_day(bring(calls)))
    assert day["total_usd"] == Decimal("20000009999.5500000010") != Decimal(float("20000009999.5500000010"))


def test_a_percent_of_the_calls_has_at_most_so_many_tokens(bring: Bring) -> None:
    calls = [(NIGHT, "xai", "a", size, 1000 - size, None, None) for size in range(1, 201)]
    spread = usage_distribution(bring(calls), [0, 50, 99, 100])
    assert spread.to_dict("list") == {
        "percent": [0, 50, 99, 100],
        "prompt_tokens": [1, 100, 198, 200],
        "completion_tokens": [800, 899, 997, 999],
    }


def test_the_deciles_and_the_tail_are_the_default(bring: Bring) -> None:
    spread = usage_distribution(bring(CALLS))
    assert list(spread["percent"]) == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100]
    assert list(spread["prompt_tokens"]) == [0, 0, 0, 50, 50, 100, 100, 300, 300, 550, 550, 550, 550]


@pytest.mark.parametrize("percent", [-1, 101, 0.5])
def test_a_percent_that_is_none_is_refused(percent: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest, match=f"a percent must be a whole number from 0 to 100, not {percent}"):
        usage_distribution(to_pandas(CALLS), [percent])


def test_calls_are_counted_by_size_in_bins_that_grow(bring: Bring) -> None:
    bins = usage_histogram(bring(CALLS))
    assert list(
        zip(bins["from_tokens"], bins["to_tokens"], bins["prompt_calls"], bins["completion_calls"], strict=True)
    ) == [
        (0, 0, 1, 2),
        (1, 1, 0, 0),
        (2, 4, 0, 0),
        (5, 9, 0, 0),
        (10, 19, 0, 1),
        (20, 49, 0, 1),
        (50, 99, 1, 0),
        (100, 199, 1, 0),
        (200, 499, 1, 0),
        (500, 999, 1, 1),
    ]


def test_the_headline_numbers_are_those_of_all_calls(bring: Bring) -> None:
    assert usage_statistics(bring(CALLS)) == UsageStatistics(
        request_count=5,
        total_prompt_tokens=1000,
        total_completion_tokens=540,
        total_tokens=1540,
        total_usd=Decimal("0.0200000001"),
        unpriced_usd=2,
        total_clp=Decimal(95),
        unpriced_clp=4,
        models_used=3,
        days_with_calls=2,
        peak_day=date(2025, 9, 1),
        peak_tokens=990,
    )


def test_of_equal_days_the_peak_is_the_first() -> None:
    calls = [CALLS[3], (NIGHT, "xai", "a", 550, 0, None, None)]
    assert usage_statistics(to_pandas(calls)).peak_day == date(2025, 9, 1)


def test_no_calls_give_no_rows_and_no_peak(bring: Bring) -> None:
    nothing = bring([])
    for sum_calls in SUMS.values():
        assert read_rows(sum_calls(nothing)) == []
    assert len(usage_distribution(nothing)) == len(usage_histogram(nothing)) == 0
    statistics = usage_statistics(nothing)
    assert (statistics.request_count, statistics.total_tokens, statistics.days_with_calls) == (0, 0, 0)
    assert statistics.total_usd is None
    assert (statistics.peak_day, statistics.peak_tokens) == (None, None)


@given(calls=any_calls, order=st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None)
def test_the_engines_agree_and_the_order_of_the_calls_changes_nothing(calls: list[Call], order: Any) -> None:  # noqa: ANN401
    shuffled = list(calls)
    order.shuffle(shuffled)
    one, other = to_pandas(calls), to_relation(shuffled)
    for name, sum_calls in SUMS.items():
        assert read_rows(sum_calls(one)) == read_rows(sum_calls(other)), name
    assert usage_statistics(one) == usage_statistics(other)
    pd.testing.assert_frame_equal(usage_distribution(one), usage_distribution(other))
    pd.testing.assert_frame_equal(usage_histogram(one), usage_histogram(other))


@given(calls=any_calls)
@settings(max_examples=25, deadline=None)
def test_the_parts_sum_to_the_whole(calls: list[Call]) -> None:
    rows = to_pandas(calls)
    known = [call[5] for call in calls if call[5] is not None]
    expected = (len(calls), sum(call[3] for call in calls), sum(call[4] for call in calls), sum(known, Decimal(0)))
    for name, sum_calls in SUMS.items():
        parts = read_rows(sum_calls(rows))
        columns = ("request_count", "total_prompt_tokens", "total_completion_tokens")
        sums = tuple(sum(part[column] for part in parts) for column in columns)
        usd = sum((part["total_usd"] for part in parts if part["total_usd"] is not None), Decimal(0))
        assert (*sums, usd) == expected, name
        assert sum(part["unpriced_usd"] for part in parts) == len(calls) - len(known)
    bins = usage_histogram(rows)
    assert bins["prompt_calls"].sum() == bins["completion_calls"].sum() == len(calls)
    shares = [model["share_permille"] for model in read_rows(usage_by_provider_and_model(rows))]
    assert sum(shares) == (1000 if any(call[3] + call[4] for call in calls) else 0)


@given(calls=any_calls, percent=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_a_size_of_the_distribution_is_the_smallest_that_covers_its_percent(calls: list[Call], percent: int) -> None:
    spread = usage_distribution(to_pandas(calls), [percent])
    sizes = sorted(call[3] for call in calls)
    for size in spread["prompt_tokens"]:
        covered = sum(1 for one in sizes if one <= size)
        below = sum(1 for one in sizes if one < size)
        assert covered * 100 >= percent * len(sizes)
        assert below * 100 < percent * len(sizes) or size == sizes[0]
    assert len(spread) == (1 if calls else 0)


def test_nothing_that_was_given_is_changed() -> None:
    frame = to_pandas(CALLS)
    before = frame.copy(deep=True)
    for look in (*SUMS.values(), usage_distribution, usage_histogram, usage_statistics):
        look(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_what_goes_in_comes_out() -> None:
    assert isinstance(usage_by_day(to_pandas(CALLS)), pd.DataFrame)
    assert isinstance(usage_by_day(to_relation(CALLS)), duckdb.DuckDBPyRelation)


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("amount_in_usd", [0.1] * 5, "the column amount_in_usd is Float64; bring it in the type that schema.USAGE"),
        ("prompt_tokens", [1.5] * 5, "the column prompt_tokens is Float64"),
        ("created_at", ["2025-09-01"] * 5, "the column created_at is String"),
        ("model", None, "the frame lacks the column model, it has id, created_at"),
    ],
)
def test_a_frame_of_other_columns_or_types_is_refused(column: str, values: list[Any] | None, sentence: str) -> None:
    frame = to_pandas(CALLS)
    frame = frame.drop(columns=column) if values is None else frame.assign(**{column: values})
    with pytest.raises(InvalidRequest, match=sentence):
        usage_by_day(frame)


def build_sums(*rows: tuple[str, int | None, int]) -> pa.Table:
    """Grain, requests and prompt tokens of each row, all at one hour of one model."""
    grains, requests, tokens = zip(*rows, strict=True)
    table = to_table([(NIGHT, "openai", "gpt-4", count, 0, None, None) for count in tokens])
    table = table.set_column(USAGE.get_field_index("grain"), USAGE.field("grain"), pa.array(grains))
    return table.set_column(USAGE.get_field_index("requests"), USAGE.field("requests"), pa.array(requests, pa.int64()))


@pytest.mark.parametrize("bring", [lambda rows: rows.to_pandas(), duckdb.from_arrow], ids=["pandas", "duckdb"])
def test_a_row_that_sums_calls_counts_as_many_requests(bring: Callable[[pa.Table], Any]) -> None:
    rows = bring(build_sums(("call", 1, 10), ("day", 52, 500)))
    (model,) = read_rows(usage_by_provider_and_model(rows))
    assert (model["request_count"], model["unpriced_usd"], model["total_tokens"]) == (53, 53, 510)
    assert usage_statistics(rows).request_count == 53


@pytest.mark.parametrize("bring", [lambda rows: rows.to_pandas(), duckdb.from_arrow], ids=["pandas", "duckdb"])
def test_requests_are_unknown_where_one_row_does_not_say_how_many_it_sums(bring: Callable[[pa.Table], Any]) -> None:
    rows = bring(build_sums(("call", 1, 10), ("day", None, 500)))
    (model,) = read_rows(usage_by_provider_and_model(rows))
    assert (model["request_count"], model["unpriced_usd"]) == (None, 2)
    assert usage_statistics(rows).request_count is None


@pytest.mark.parametrize("bring", [lambda rows: rows.to_pandas(), duckdb.from_arrow], ids=["pandas", "duckdb"])
def test_hours_and_sizes_leave_out_the_sums_of_days_and_say_how_many_calls_that_is(
    bring: Callable[[pa.Table], Any],
) -> None:
    rows = bring(build_sums(("call", 1, 10), ("hour", 3, 60), ("day", 52, 500)))
    assert [(one["hour"], one["request_count"]) for one in read_rows(usage_by_hour(rows))] == [(0, 4)]
    assert usage_histogram(rows)["prompt_calls"].sum() == 1
    assert (count_coarser(rows), count_coarser(rows, ("call", "hour"))) == (55, 52)


@pytest.mark.parametrize("bring", [lambda rows: rows.to_pandas(), duckdb.from_arrow], ids=["pandas", "duckdb"])
def test_days_leave_out_the_sums_of_months_and_the_totals_do_not(bring: Callable[[pa.Table], Any]) -> None:
    rows = bring(build_sums(("call", 1, 10), ("day", 52, 500), ("month", 700, 9000)))
    assert [(one["date"].day, one["request_count"]) for one in read_rows(usage_by_day(rows))] == [(1, 53)]
    assert count_coarser(rows, ("call", "hour", "day")) == 700
    found = usage_statistics(rows)
    assert (found.request_count, found.total_tokens, found.unpriced_usd, found.peak_tokens) == (753, 9510, 753, 510)


@pytest.mark.parametrize("bring", [lambda rows: rows.to_pandas(), duckdb.from_arrow], ids=["pandas", "duckdb"])
def test_how_many_calls_are_left_out_is_unknown_where_one_row_does_not_say(bring: Callable[[pa.Table], Any]) -> None:
    rows = bring(build_sums(("call", 1, 10), ("hour", 3, 60), ("day", None, 500)))
    assert count_coarser(rows) is None
    assert count_coarser(rows, ("call", "hour", "day")) == 0
