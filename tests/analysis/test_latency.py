"""How long calls take: durations of real calls, intervals as of a bootstrap, and a roll-up less than 1 % off."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import BLANK

from flexlib.analysis import measure_latency, roll_up_latency
from flexlib.analysis.frames import read_rows
from flexlib.errors import InvalidRequest
from flexlib.schema import USAGE
from flexlib.store.engines import to_exact_frame

MONDAY = datetime(2025, 9, 1)


class Call(NamedTuple):
    duration: int | None
    model: str = "gpt-4"
    status: str | None = None
    answer: int = 0
    hour: int = 9
    proxy: str | None = None
    grain: str = "call"


def to_table(calls: Sequence[Call]) -> pa.Table:
    def fill(number: int, call: Call) -> dict[str, Any]:
        moment = MONDAY + timedelta(hours=call.hour, microseconds=number)
        counts = dict.fromkeys(("prompt_tokens", "cached_tokens", "cache_write_tokens"), 0)
        return BLANK | counts | {
            "id": str(number), "created_at": moment, "updated_at": moment, "provider": "openai", "model": call.model,
            "proxy": call.proxy, "task_type": "text", "status": call.status, "duration_ms": call.duration,
            "completion_tokens": call.answer, "total_tokens": call.answer, "grain": call.grain,
        }  # fmt: skip

    return pa.Table.from_pylist([fill(number, call) for number, call in enumerate(calls)], schema=USAGE)


def to_relation(calls: Sequence[Call]) -> duckdb.DuckDBPyRelation:
    return duckdb.from_arrow(to_table(calls))


def measure(calls: Sequence[Call], *keys: str) -> list[dict[str, Any]]:
    return read_rows(measure_latency(to_relation(calls), keys))


def test_a_quantile_is_the_duration_of_a_real_call_by_the_nearest_rank() -> None:
    (row,) = measure([Call(duration) for duration in (100, 20, 30, 40, 50, 60, 70, 80, 90, 10)])
    assert (row["calls"], row["p50_ms"], row["p90_ms"], row["p99_ms"]) == (10, 50, 90, 100)


def test_failed_calls_and_sums_of_calls_say_nothing_of_answers_and_calls_nobody_timed_are_counted() -> None:
    calls = [
        Call(500), Call(700, status="ok"), Call(None), Call(None, status="200"),
        Call(30_000, status="timeout"), Call(1, status="429"), Call(None, status="error"),
        Call(9_000, grain="hour"),
    ]  # fmt: skip
    (row,) = measure(calls)
    assert (row["calls"], row["untimed"], row["failed"]) == (2, 2, 3)
    assert (row["p50_ms"], row["p99_ms"]) == (500, 700)


def test_tokens_a_second_are_those_of_answers_over_the_time_they_took() -> None:
    calls = [Call(2_000, answer=100), Call(3_000, answer=400), Call(60_000), Call(1_000, answer=9, status="error")]
    (row,) = measure(calls)
    assert row["tokens_per_second"] == 100  # 500 tokens in 5 seconds
    assert measure([Call(10)])[0]["tokens_per_second"] is None


def test_calls_are_told_apart_by_any_of_the_keys_and_the_most_come_first() -> None:
    calls = [Call(10, "a", hour=23), Call(20, "b", proxy="litellm"), Call(30, "b", proxy="litellm"), Call(40, "b")]
    rows = measure(calls, "model", "proxy", "hour")
    assert [(row["model"], row["proxy"], row["hour"], row["calls"], row["p50_ms"]) for row in rows] == [
        ("b", "litellm", 9, 2, 20),
        ("a", None, 23, 1, 10),
        ("b", None, 9, 1, 40),
    ]


def test_a_group_without_a_timed_call_has_no_duration_and_not_zero() -> None:
    (row,) = measure([Call(None)], "model")
    assert (row["calls"], row["untimed"], row["p50_ms"]) == (0, 1, None)
    assert measure([], "model") == []
    assert measure([])[0] | {"p50_ms": 0} == measure([])[0] | {"calls": 0, "p50_ms": 0}


@pytest.mark.parametrize("key", ["user", "created_at", ""])
def test_another_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest, match="choose of provider, model, proxy, task_type, hour"):
        measure_latency(to_relation([Call(1)]), [key])


def test_a_roll_up_of_another_period_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="roll up those of the period"):
        measure_latency(roll_up_latency(to_relation([Call(1)])), start="2025-09-01")


any_calls = st.lists(
    st.builds(
        Call,
        st.none() | st.integers(0, 300) | st.integers(0, 10**7),
        st.sampled_from("ab"),
        st.sampled_from([None, "ok", "error"]),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([None, "litellm"]),
    ),
    max_size=60,
)


@given(any_calls)
@settings(max_examples=15, deadline=None)
def test_pandas_and_duckdb_measure_the_same(calls: list[Call]) -> None:
    rows, keys = to_table(calls), ("model", "proxy", "hour")
    rollup = roll_up_latency(duckdb.from_arrow(rows))
    here = read_rows(measure_latency(duckdb.from_arrow(rows), keys, rollup=rollup))
    assert read_rows(measure_latency(to_exact_frame(rows), keys, rollup=rollup)) == here


@given(any_calls, st.integers(0, 60))
@settings(max_examples=15, deadline=None)
def test_two_roll_ups_side_by_side_are_less_than_1_percent_off_the_calls_and_count_them_exactly(
    calls: list[Call], parts: int
) -> None:
    rollup = roll_up_latency(to_relation(calls[:parts])).union(roll_up_latency(to_relation(calls[parts:])))
    for exact, near in zip(measure(calls, "model"), read_rows(measure_latency(rollup, ["model"])), strict=True):
        for name in ("model", "calls", "failed", "untimed", "tokens_per_second"):
            assert near[name] == exact[name]
        for name in ("p50_ms", "p90_ms", "p99_ms"):
            assert (near[name] is None) == (exact[name] is None)
            assert abs((near[name] or 0) - (exact[name] or 0)) <= (exact[name] or 0) / 100


def test_a_bucket_is_a_millisecond_up_to_128_and_at_most_a_64th_of_its_duration_above() -> None:
    durations = [0, 1, 127, 128, 129, 255, 256, 1_000, 999_999, 2**33]
    middles = roll_up_latency(to_relation([Call(duration) for duration in durations])).order("duration_ms")
    assert [row[0] for row in middles.select("duration_ms, calls").fetchall()] == [
        0, 1, 127, 129, 255, 258, 1_004, 1_003_520, 2**33 + 2**23,
    ]  # fmt: skip


def test_an_interval_is_where_95_of_100_draws_of_a_bootstrap_lie() -> None:
    chance = random.Random(7)
    durations = [round(chance.lognormvariate(7, 0.8)) for _ in range(800)]
    relation = to_relation([Call(duration) for duration in durations])
    (row,) = read_rows(measure_latency(relation, rollup=roll_up_latency(relation)))
    for percent, rank in (("p50", 400), ("p90", 720)):
        draws = sorted(sorted(chance.choices(durations, k=800))[rank - 1] for _ in range(1_000))
        low, high = draws[25], draws[-26]
        assert row[f"{percent}_low"] == pytest.approx(low, rel=0.03)
        assert row[f"{percent}_high"] == pytest.approx(high, rel=0.03)


def test_95_of_100_intervals_hold_the_true_quantile() -> None:
    chance, held, tries = random.Random(1), 0, 150
    samples = [[round(chance.lognormvariate(7, 0.6)) for _ in range(200)] for _ in range(tries)]
    truth = quantiles([chance.lognormvariate(7, 0.6) for _ in range(50_000)], n=2)[0]
    calls = [Call(duration, str(number)) for number, sample in enumerate(samples) for duration in sample]
    rollup = roll_up_latency(to_relation(calls))
    for row in read_rows(measure_latency(rollup, ["model"])):
        held += row["p50_low"] <= truth <= row["p50_high"]
    assert 0.89 <= held / tries <= 1


def test_too_few_calls_end_no_interval() -> None:
    rollup = roll_up_latency(to_relation([Call(number) for number in range(1, 101)]))
    (row,) = read_rows(measure_latency(rollup))
    assert (row["p50_low"], row["p50_high"]) == (40, 61)  # 50 +- 9.8, the calls' ranks
    assert (row["p99_ms"], row["p99_low"], row["p99_high"]) == (99, None, None)  # 99 + 1.95 is past the last
