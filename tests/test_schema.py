"""What may be stored: each rule of the two record types, with rows that must be refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from flexlib.dates import Month
from flexlib.errors import BadRecord
from flexlib.schema import CREDITS, USAGE, check_credits, check_usage

SEPTEMBER = Month(2025, 9)
FIRST = {
    "date": datetime(2025, 9, 1),
    "user": "a",
    "model_uid": "m",
    "prompt_credits": 100,
    "flex_credits": 0,
    "requests": 3,
}
CALL = {
    "grain": "call",
    "requests": 1,
    "id": "1",
    "created_at": datetime(2025, 9, 30, 23, 59, 59, 999999),
    "provider": "openai",
    "model": "gpt-4",
    "task_type": "other",
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "cached_tokens": 6,
    "cache_write_tokens": 4,
    "cost": Decimal("0.0000000001"),
    "updated_at": datetime(2025, 10, 1),
}


def spend(*changes: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{**FIRST, **change} for change in changes], schema=CREDITS)


def usage(*changes: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{**CALL, **change} for change in changes], schema=USAGE)


def test_sorted_credits_of_the_month_pass_as_they_came() -> None:
    rows = spend({}, {"model_uid": "n", "requests": None}, {"user": "b"}, {"date": datetime(2025, 9, 30), "user": ""})
    assert check_credits(rows, SEPTEMBER) is rows


def test_no_rows_at_all_pass() -> None:
    assert check_credits(spend(), SEPTEMBER).num_rows == 0
    assert check_usage(usage(), SEPTEMBER).num_rows == 0


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([{"user": "b"}, {}], "they are not sorted by date, user, model_uid, or a key comes twice, in 1"),
        ([{}, {}], "a key comes twice, in 1"),
        ([{"model_uid": "n"}, {}, {"date": datetime(2025, 9, 2)}], "not sorted"),
        ([{"flex_credits": -1}], r"flex_credits is negative \(-1\)"),
        ([{"prompt_credits": -7}], r"prompt_credits is negative \(-7\)"),
        ([{"requests": -1}], r"requests is negative \(-1\)"),
        ([{"date": datetime(2025, 10, 1)}], "date runs from .* outside 2025-09"),
        ([{"date": datetime(2025, 8, 31)}, {}], "date runs from 2025-08-31 .* outside 2025-09"),
        ([{"date": datetime(2025, 9, 1, 3)}], "a date is not a midnight in 1 of them"),
        ([{"user": None}], "user is missing in 1 of them"),
        ([{"flex_credits": None}], "flex_credits is missing in 1 of them"),
    ],
)
def test_credits_that_break_a_rule_are_refused_by_its_name(changes: list[dict[str, Any]], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        check_credits(spend(*changes), SEPTEMBER)


def test_credits_of_other_columns_or_types_are_refused() -> None:
    rows = spend({})
    for other in (
        rows.drop(["requests"]),
        rows.select(CREDITS.names[::-1]),
        rows.cast(CREDITS, safe=True).append_column("x", rows["user"]),
    ):
        with pytest.raises(BadRecord, match="their columns are"):
            check_credits(other, SEPTEMBER)
    floats = rows.set_column(4, "flex_credits", rows["flex_credits"].cast(pa.float64()))
    with pytest.raises(BadRecord, match="in their types"):
        check_credits(floats, SEPTEMBER)


def test_sorted_calls_of_the_month_pass_as_they_came() -> None:
    rows = usage({"created_at": datetime(2025, 9, 1), "id": "2"}, {}, {"id": "3"})
    assert check_usage(rows, SEPTEMBER) is rows


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([{"total_tokens": 16}], r"total_tokens is not prompt \+ completion in 1"),
        ([{"cached_tokens": 7}], "cached tokens are more than the prompt in 1"),
        ([{}, {}], "an id stands in more than one"),
        ([{"id": "2"}, {}], "not sorted by created_at, id"),
        ([{"created_at": datetime(2025, 10, 1)}], "created_at runs from .* outside 2025-09"),
        ([{"duration_ms": -1}], "duration_ms is negative"),
        ([{"provider": None}], "provider is missing"),
        ([{"grain": "week"}], "grain is 'week', not one of call, day, hour, month"),
        ([{"requests": -1}], r"requests is negative \(-1\)"),
        ([{"input_audio_tokens": -1}], r"input_audio_tokens is negative \(-1\)"),
    ],
)
def test_calls_that_break_a_rule_are_refused_by_its_name(changes: list[dict[str, Any]], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        check_usage(usage(*changes), SEPTEMBER)
