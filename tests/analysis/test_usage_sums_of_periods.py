"""Sums of calls over a period, by task, proxy and user: worked out by hand, on both engines."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from flexlib.analysis.frames import read_rows
from flexlib.analysis.usage import (
    stats_by_task_type,
    total_cost_by_period,
    usage_by_day,
    usage_by_hour,
    usage_by_provider_and_model,
    usage_by_proxy,
    usage_by_usable,
)
from flexlib.errors import InvalidRequest
from flexlib.schema import USAGE

FIRST, EVENING, SECOND, THIRD = (
    datetime(2025, 9, 1),
    datetime(2025, 9, 1, 23, 59, 59, 999999),
    datetime(2025, 9, 2),
    datetime(2025, 9, 3, 12),
)
HUGE = 2**62 + 1
"""An id that no float can hold."""

CALLS = [  # time, type and id of the user, proxy, task, tokens, USD, CLP
    (FIRST, "user", 2, None, "text", 500, Decimal("0.0000000001"), Decimal(950)),
    (EVENING, "user", 10, "openrouter", "text", 250, Decimal("0.25"), None),
    (SECOND, None, None, "", "embedding", 250, None, None),
    (THIRD, "team", 2, "openrouter", "text", 0, None, None),
]


def to_table(calls: list[tuple[Any, ...]]) -> pa.Table:
    rows = [
        {
            "id": str(number),
            "created_at": moment,
            "updated_at": moment,
            "grain": "call",
            "requests": 1,
            "usable_type": kind,
            "usable_id": user,
            "provider": "openai",
            "model": "gpt-4o",
            "proxy": proxy,
            "task_type": task,
            "prompt_tokens": tokens,
            "completion_tokens": 0,
            "total_tokens": tokens,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "amount_in_usd": usd,
            "amount_in_clp": clp,
        }
        for number, (moment, kind, user, proxy, task, tokens, usd, clp) in enumerate(calls)
    ]
    return pa.Table.from_pylist(rows, USAGE)


ENGINES: dict[str, Callable[[pa.Table], Any]] = {"pandas": pa.Table.to_pandas, "duckdb": duckdb.from_arrow}


@pytest.fixture(params=list(ENGINES))
def bring(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return lambda calls=CALLS: ENGINES[request.param](to_table(calls))


def pick(rows: Any, *columns: str) -> list[tuple[Any, ...]]:  # noqa: ANN401
    return [tuple(row[column] for column in columns) for row in read_rows(rows)]


def test_a_period_costs_what_its_calls_cost_with_the_calls_that_have_no_amount(bring: Callable[..., Any]) -> None:
    assert total_cost_by_period(bring()) == {
        "usd": Decimal("0.2500000001"),
        "clp": Decimal(950),
        "unpriced_usd": 2,
        "unpriced_clp": 3,
    }


@pytest.mark.parametrize(
    ("start", "end", "currency", "total"),
    [
        ("2025-09-01", "2025-09-01", "usd", Decimal("0.2500000001")),  # the whole day
        (None, EVENING, "usd", Decimal("0.0000000001")),  # up to, not with
        (EVENING, None, "usd", Decimal("0.25")),
        (date(2025, 9, 2), None, "usd", None),  # calls without an amount: unknown, not zero
        (date(2025, 9, 1), SECOND, "clp", Decimal(950)),
        ("2024-01-01", "2024-12-31", "clp", None),  # no calls at all
    ],
)
def test_a_period_is_half_open_and_its_last_day_is_whole(
    bring: Callable[..., Any], start: Any, end: Any, currency: Any, total: Decimal | None  # noqa: ANN401
) -> None:  # fmt: skip
    assert total_cost_by_period(bring(), start, end, currency) == total


def test_the_machines_own_time_zone_does_not_move_a_period(
    bring: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/Santiago")
        time.tzset()
        assert total_cost_by_period(bring(), SECOND, None) == total_cost_by_period(bring(CALLS[2:]))
    time.tzset()


def test_another_currency_is_refused(bring: Callable[..., Any]) -> None:
    currency: Any = "eur"
    with pytest.raises(InvalidRequest, match="'eur' is not a currency of the calls; ask for usd or clp"):
        total_cost_by_period(bring(), currency=currency)


def test_proxies_are_ranked_by_tokens_and_a_direct_call_is_not_one_through_an_empty_name(
    bring: Callable[..., Any],
) -> None:
    assert pick(usage_by_proxy(bring()), "proxy", "request_count", "total_usd", "share_permille") == [
        (None, 1, Decimal("0.0000000001"), 500),
        ("", 1, None, 250),  # of equal ones the name that sorts first
        ("openrouter", 2, Decimal("0.25"), 250),
    ]


def test_of_equal_tokens_nobody_comes_last(bring: Callable[..., Any]) -> None:
    assert pick(usage_by_usable(bring()), "usable_type", "usable_id", "total_tokens") == [
        ("user", 2, 500),
        ("user", 10, 250),
        (None, None, 250),
        ("team", 2, 0),
    ]


def test_tasks_carry_their_measures(bring: Callable[..., Any]) -> None:
    assert read_rows(stats_by_task_type(bring(), "2025-09-02")) == [
        {
            "task_type": "embedding",
            "request_count": 1,
            "total_prompt_tokens": 250,
            "total_completion_tokens": 0,
            "total_tokens": 250,
            "total_usd": None,
            "unpriced_usd": 1,
            "total_clp": None,
            "unpriced_clp": 1,
            "share_permille": 1000,
        },
        {
            "task_type": "text",
            "request_count": 1,
            "total_prompt_tokens": 0,
            "total_completion_tokens": 0,
            "total_tokens": 0,
            "total_usd": None,
            "unpriced_usd": 1,
            "total_clp": None,
            "unpriced_clp": 1,
            "share_permille": 0,
        },
    ]


@pytest.mark.parametrize(
    "sum_calls",
    [usage_by_day, usage_by_hour, usage_by_provider_and_model, stats_by_task_type, usage_by_proxy, usage_by_usable],
)
def test_every_frame_takes_a_period(bring: Callable[..., Any], sum_calls: Callable[..., Any]) -> None:
    assert read_rows(sum_calls(bring(), EVENING, "2025-09-02")) == read_rows(sum_calls(bring(CALLS[1:3])))
    assert read_rows(sum_calls(bring(), "2025-09-04")) == []


def test_a_sum_is_exact_whatever_precision_the_callers_own_decimals_have(bring: Callable[..., Any]) -> None:
    most = Decimal("9999999999.9999999999")
    calls = [(FIRST, "user", 1, None, "text", 1, most, None)] * 3
    with localcontext() as context:
        context.prec = 6
        assert str(total_cost_by_period(bring(calls), currency="usd")) == "29999999999.9999999997"
        assert str(read_rows(usage_by_day(bring(calls)))[0]["total_usd"]) == "29999999999.9999999997"


def test_ids_in_a_pandas_frame_are_whole_again_and_refused_where_they_no_longer_can_be() -> None:
    rows = to_table(CALLS).to_pandas()
    assert rows["usable_id"].dtype == "float64"  # so pandas reads integers with nulls
    assert str(usage_by_usable(rows)["usable_id"].dtype) == "Int64"
    spoilt = to_table([*CALLS, (FIRST, "user", HUGE, None, "text", 1, None, None)]).to_pandas()
    with pytest.raises(InvalidRequest, match=r"usable_id does not hold whole numbers \(some are too large to be exact"):
        usage_by_usable(spoilt)
    with pytest.raises(InvalidRequest, match="usable_id does not hold whole numbers"):
        usage_by_usable(rows.assign(usable_id=0.5))


def test_a_large_id_stays_exact_where_the_frame_can_hold_it() -> None:
    table = to_table([*CALLS, (FIRST, "user", HUGE, None, "text", 999, None, None)])
    exact = table.to_pandas().assign(usable_id=pd.array(table["usable_id"].to_pylist(), dtype="Int64"))
    for rows in (exact, duckdb.from_arrow(table)):
        assert read_rows(usage_by_usable(rows))[0]["usable_id"] == HUGE
