"""Calls rolled up once: every sum after that is the one of the calls themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import CALLS, CENT, ENGINES, NIGHT, Bring, Call, to_relation

from flexlib import analysis as aggregate
from flexlib.errors import InvalidRequest

SUMS: list[Callable[[Any], Any]] = [
    aggregate.usage_by_day,
    aggregate.usage_by_hour,
    aggregate.usage_by_provider_and_model,
    aggregate.usage_by_proxy,
    aggregate.stats_by_task_type,
]

any_calls = st.lists(
    st.tuples(
        st.integers(0, 4 * 3600 * 10**6).map(lambda steps: NIGHT + timedelta(hours=21, microseconds=steps)),
        st.sampled_from(["openai", "xai"]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 30) | st.integers(0, 2**31 - 1),
        st.integers(0, 10**6),
        st.none() | st.decimals(0, 10**9, places=10),
        st.none() | st.decimals(0, 10**12, places=4),
    ),
    max_size=20,
)


@pytest.mark.parametrize("bring", ENGINES.values(), ids=ENGINES)
def test_calls_are_summed_by_hour_provider_model_task_and_proxy(bring: Bring) -> None:
    hours = aggregate.roll_up_usage(bring([*CALLS, CALLS[0]])).order("created_at, provider")
    columns = "created_at, model, task_type, proxy, request_count, total_tokens, total_usd, unpriced_usd, total_clp"
    nine, next_day = datetime(2025, 9, 1, 9), datetime(2025, 9, 2, 9)
    assert hours.select(columns).fetchall() == [
        (NIGHT, "gpt-4", "text", None, 2, 220, 2 * CENT, 0, None),
        (nine, "gpt-4", "text", None, 1, 330, None, 1, None),
        (nine, "grok-4", "text", None, 1, 550, Decimal("0.0000000001"), 0, Decimal(95)),
        (next_day, "opus", "text", None, 1, 550, None, 1, None),
        (next_day, "gpt-4", "text", None, 1, 0, CENT, 0, None),
    ]


@given(calls=any_calls, parts=st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_every_sum_of_a_roll_up_is_that_of_the_calls(calls: list[Call], parts: int) -> None:
    rows = to_relation(calls)
    one, other = (aggregate.roll_up_usage(to_relation(part)) for part in (calls[:parts], calls[parts:]))
    hours = one.union(other)
    assert aggregate.total_cost_by_period(hours) == aggregate.total_cost_by_period(rows)
    for sum_calls in SUMS:
        assert aggregate.read_rows(sum_calls(hours)) == aggregate.read_rows(sum_calls(rows))


@given(calls=any_calls, parts=st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_two_roll_ups_rolled_up_are_that_of_all_calls(calls: list[Call], parts: int) -> None:
    one, other = (aggregate.roll_up_usage(to_relation(part)) for part in (calls[:parts], calls[parts:]))
    whole, joined = aggregate.roll_up_usage(to_relation(calls)), aggregate.roll_up_usage(one.union(other))
    assert joined.order("ALL").fetchall() == whole.order("ALL").fetchall()
    assert aggregate.usage_statistics(joined) == aggregate.usage_statistics(to_relation(calls))


def test_a_period_is_cut_before_or_in_whole_hours_after() -> None:
    rows, first_nine_hours = to_relation(CALLS), ("2025-09-01", "2025-09-01T09:00:00Z")
    expected = {"usd": CENT, "clp": None, "unpriced_usd": 0, "unpriced_clp": 1}
    assert aggregate.total_cost_by_period(aggregate.roll_up_usage(rows, *first_nine_hours)) == expected
    assert aggregate.total_cost_by_period(aggregate.roll_up_usage(rows), *first_nine_hours) == expected
    to_the_minute = aggregate.roll_up_usage(rows, end="2025-09-01T09:59:00Z")
    assert aggregate.total_cost_by_period(to_the_minute) == expected


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (aggregate.usage_by_usable, "the frame lacks the column usable_type"),
        (aggregate.usage_distribution, "the frame lacks the column prompt_tokens"),
        (aggregate.usage_histogram, "the frame lacks the column prompt_tokens"),
        (
            lambda hours: aggregate.usage_by_day(hours, "2025-09-01T09:30:00Z", "2025-09-02"),
            "the rows are sums of hours, but the period is 2025-09-01T09:30:00Z to 2025-09-02; ask for whole hours",
        ),
    ],
)
def test_what_only_the_calls_can_tell_is_refused(ask: Callable[[Any], Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        ask(aggregate.roll_up_usage(to_relation(CALLS)))
