"""The sums that the database makes and those on frames of the same rows are equal, whatever was recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from databases import execute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexlib import analysis as frames
from flexlib.dates import Month
from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import InvalidRequest
from flexlib.ledger import InvalidCall, Ledger, UsageQuery, read_month, record_many
from flexlib.ledger.db.table import TABLE
from flexlib.ledger.read import queries
from flexlib.schema import USAGE

AUGUST, SEPTEMBER = Month(2025, 8), Month(2025, 9)
MIDNIGHT = datetime(2025, 9, 1)

PAIRS: list[tuple[Callable[..., Any], Callable[..., Any], list[str]]] = [
    (queries.get_usage_by_provider_and_model, frames.usage_by_provider_and_model, ["provider", "model"]),
    (queries.get_stats_by_task_type, frames.stats_by_task_type, ["task_type"]),
    (queries.get_usage_by_proxy, frames.usage_by_proxy, ["proxy"]),
    (queries.get_usage_by_usable, frames.usage_by_usable, ["usable_type", "usable_id", "usable_key"]),
    (queries.get_usage_by_day, frames.usage_by_day, ["date"]),
]
moments = st.one_of(  # around the edges of days and of the month, and in between
    st.sampled_from([0, 1, -1, 86_400_000_000, 86_399_999_999]).map(lambda steps: MIDNIGHT + timedelta(0, 0, steps)),
    st.datetimes(datetime(2025, 8, 30), datetime(2025, 9, 3)),
)
calls = st.lists(
    st.fixed_dictionaries(
        {
            "usable": st.none()
            | st.tuples(st.sampled_from(["user", "team"]), st.sampled_from([1, 2, 2**53 + 1, "3f1c", "9a"])),
            "provider": st.sampled_from([LlmProvider.OPENAI, LlmProvider.XAI]),
            "model": st.sampled_from(["house-a", "house-b"]),  # without a price: only what is given is an amount
            "task_type": st.sampled_from([LlmTaskType.TEXT, LlmTaskType.IMAGE]),
            "proxy": st.sampled_from([None, LlmProxy.OPENROUTER, LlmProxy.WINDSURF]),
            "prompt_tokens": st.integers(0, 50) | st.integers(0, 10**12),
            "completion_tokens": st.integers(0, 10**6),
            "amount_in_usd": st.none() | st.decimals(0, 9 * 10**8, places=10),
            "amount_in_clp": st.none() | st.decimals(0, 10**12, places=4),
            "created_at": moments,
        }
    ),
    max_size=12,
)
starts = st.none() | moments | st.sampled_from([date(2025, 9, 1), "2025-09-01", "2025-08-31T23:59:59.999999"])
ends = st.none() | moments | st.sampled_from([date(2025, 9, 1), "2025-09-02", "2025-09-02T00:00:00Z"])


def read_rows_of(ledger: Ledger) -> pa.Table:
    """The calls as the ledger hands them to a snapshot."""
    tables = []
    for month in (AUGUST, SEPTEMBER):
        with read_month(month, ledger) as read:
            tables += list(read.tables)
    return pa.concat_tables([USAGE.empty_table(), *tables])


def to_pandas(table: pa.Table) -> Any:  # noqa: ANN401
    return table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)


def find_refusal(kind: type[Exception], ask: Callable[[], object]) -> str | None:
    """What is said of a period that ends before it starts; None of any other."""
    try:
        ask()
    except kind as error:
        return str(error)
    return None


def compare_all(ledger: Ledger, start: Any, end: Any) -> None:  # noqa: ANN401
    table, within = read_rows_of(ledger), UsageQuery(ledger)
    for rows in (duckdb.from_arrow(table), to_pandas(table)):
        expected = queries.get_total_cost_by_period(start, end, within=within)
        assert frames.total_cost_by_period(rows, start, end) == expected
        for ask_database, sum_frame, keys in PAIRS:
            asked = frames.read_rows(ask_database(start, end, within=within))
            summed = frames.read_rows(sum_frame(rows, start, end))
            for row in summed:
                row.pop("share_permille", None)
            assert sorted(summed, key=lambda row: [(row[key] is None, row[key]) for key in keys]) == asked


@given(calls=calls, start=starts, end=ends)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_queries_and_frames_agree_on_any_calls_and_period(
    ledger: Ledger, calls: list[dict[str, Any]], start: Any, end: Any  # noqa: ANN401
) -> None:  # fmt: skip
    execute(ledger, f"DELETE FROM {TABLE}")
    record_many(calls, ledger=ledger)
    refusal = find_refusal(InvalidCall, lambda: queries.get_total_cost_by_period(start, end, within=UsageQuery(ledger)))
    rows = duckdb.from_arrow(read_rows_of(ledger))
    assert find_refusal(InvalidRequest, lambda: frames.total_cost_by_period(rows, start, end)) == refusal
    if refusal is None:
        compare_all(ledger, start, end)


def test_a_day_of_calls_sums_to_the_same_known_numbers_in_both(ledger: Ledger) -> None:
    call = {"usable": None, "provider": "openai", "model": "house-a", "created_at": MIDNIGHT}
    amounts = [Decimal("0.1"), Decimal("0.0000000002"), None]
    record_many([{**call, "prompt_tokens": 7, "amount_in_usd": amount} for amount in amounts], ledger=ledger)
    expected = Decimal("0.1000000002")
    assert queries.get_total_cost_by_period("2025-09-01", "2025-09-01", "usd", within=UsageQuery(ledger)) == expected
    rows = duckdb.from_arrow(read_rows_of(ledger))
    assert frames.total_cost_by_period(rows, "2025-09-01", "2025-09-01", "usd") == expected
    assert frames.total_cost_by_period(rows, "2025-09-01", "2025-09-01")["unpriced_usd"] == 1  # type: ignore[index]
