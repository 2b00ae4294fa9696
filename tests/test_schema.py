"""What may be stored: each rule of the three record types, with rows that must be refused."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from flexlib.dates import Month
from flexlib.errors import BadRecord
from flexlib.schema import (
    CHARGES,
    CREDITS,
    EXTRA_COUNTS,
    SHAPES,
    USAGE,
    check_charges,
    check_credits,
    check_usage,
    list_units,
    name_sql_type,
)

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


CREDITS_COLUMNS = """\
date timestamp[us] not null
user string not null
model_uid string not null
prompt_credits int64 not null
flex_credits int64 not null
requests int64
"""
USAGE_COLUMNS = """\
id string not null
created_at timestamp[us] not null
grain string not null
requests int64
usable_type string
usable_id int64
usable_key string
provider string not null
model string not null
proxy string
task_type string not null
tier string
prompt_tokens int64 not null
completion_tokens int64 not null
total_tokens int64 not null
cached_tokens int64 not null
cache_write_tokens int64 not null
cache_write_1h_tokens int64
cache_audio_read_tokens int64
cache_image_read_tokens int64
input_audio_tokens int64
input_image_tokens int64
input_video_tokens int64
output_audio_tokens int64
output_image_tokens int64
output_video_tokens int64
web_searches int64
cost decimal128(20, 10)
amount_in_usd decimal128(20, 10)
price_source string
price_date date32[day]
unpriced string
amount_in_clp decimal128(20, 4)
fx_rate decimal128(14, 8)
fx_date date32[day]
fx_source string
unconverted string
duration_ms int64
status string
metadata string
masked string
earlier_amounts string
updated_at timestamp[us] not null
"""
CHARGES_COLUMNS = """\
id string not null
period_start timestamp[us] not null
period_end timestamp[us] not null
provider string not null
line_item string
model string
key string
kind string not null
quantity decimal128(38, 18)
unit string
amount decimal128(38, 18) not null
list_amount decimal128(38, 18)
currency string not null
"""


def spend(*changes: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{**FIRST, **change} for change in changes], schema=CREDITS)


def usage(*changes: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{**CALL, **change} for change in changes], schema=USAGE)


@pytest.mark.parametrize(
    ("data_set", "columns"), [("credits", CREDITS_COLUMNS), ("usage", USAGE_COLUMNS), ("charges", CHARGES_COLUMNS)]
)
def test_a_stored_month_has_these_columns_in_their_types_and_each_says_its_unit(data_set: str, columns: str) -> None:
    schema = SHAPES[data_set][0]
    found = [f"{field.name} {field.type}{'' if field.nullable else ' not null'}" for field in schema]
    assert found == columns.splitlines()
    assert list(list_units(schema)) == schema.names
    assert all(list_units(schema).values())


def test_counts_that_lists_price_by_themselves_are_tokens_but_for_searches() -> None:
    units = {name: list_units(USAGE)[name] for name in EXTRA_COUNTS}
    expected = dict.fromkeys(EXTRA_COUNTS, "tokens; null: not counted")
    assert units == expected | {"web_searches": "searches; null: not counted"}


def test_columns_have_their_types_in_sql() -> None:
    kinds = [pa.string(), pa.int64(), pa.timestamp("us"), pa.date32(), pa.decimal128(20, 4)]
    assert [name_sql_type(kind) for kind in kinds] == ["VARCHAR", "BIGINT", "TIMESTAMP", "DATE", "DECIMAL(20, 4)"]


def test_sorted_credits_of_the_month_pass_as_they_came() -> None:
    rows = spend({}, {"model_uid": "n", "requests": None}, {"user": "b"}, {"date": datetime(2025, 9, 30), "user": ""})
    assert check_credits(rows, SEPTEMBER) is rows


def test_one_row_alone_is_sorted() -> None:
    assert check_credits(spend({}), SEPTEMBER).num_rows == 1


def test_no_rows_at_all_pass() -> None:
    assert check_credits(spend(), SEPTEMBER).num_rows == 0
    assert check_usage(usage(), SEPTEMBER).num_rows == 0
    assert check_charges(charges(), SEPTEMBER).num_rows == 0


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([{"user": "b"}, {}], "they are not sorted by date, user, model_uid, or a key comes twice, in 1"),
        ([{}, {}], "a key comes twice, in 1"),
        ([{"model_uid": "n"}, {}, {"date": datetime(2025, 9, 2)}], "not sorted"),
        ([{"flex_credits": -1}], r"flex_credits is negative \(-1\)"),
        ([{"prompt_credits": -7}], r"prompt_credits is negative \(-7\)"),
        ([{"requests": -1}], r"requests is negative \(-1\)"),
        ([{"flex_credits": 5}, {"user": "b", "flex_credits": -2}], r"flex_credits is negative \(-2\)"),
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
        ([{"prompt_tokens": -1, "total_tokens": 4}], r"prompt_tokens is negative \(-1\)"),
        ([{"completion_tokens": -1, "total_tokens": 9}], r"completion_tokens is negative \(-1\)"),
        ([{"cached_tokens": -1}], r"cached_tokens is negative \(-1\)"),
        ([{"cache_write_tokens": -1}], r"cache_write_tokens is negative \(-1\)"),
        ([{"input_audio_tokens": -1}], r"input_audio_tokens is negative \(-1\)"),
    ],
)
def test_calls_that_break_a_rule_are_refused_by_its_name(changes: list[dict[str, Any]], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        check_usage(usage(*changes), SEPTEMBER)


def charges(*changes: dict[str, Any]) -> pa.Table:
    row = {
        "id": "a-2", "period_start": datetime(2025, 9, 1), "period_end": datetime(2025, 10, 1), "provider": "openai",
        "kind": "usage", "amount": Decimal("-0.5"), "currency": "USD",
    }  # fmt: skip
    return pa.Table.from_pylist([row | change for change in changes], schema=CHARGES)


def test_a_charge_may_be_below_zero_and_end_in_the_next_month() -> None:
    rows = charges(
        {"id": "b"}, {"period_start": datetime(2025, 9, 2), "id": "a"}, {"period_start": datetime(2025, 9, 2)}
    )
    assert check_charges(rows, SEPTEMBER) is rows


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ([{"period_start": datetime(2025, 8, 31)}], "outside 2025-09"),
        ([{"period_end": datetime(2025, 9, 1)}], "a period ends before it begins"),
        ([{"kind": "gift"}], "kind is 'gift', not one of adjustment, credit, fee, tax, usage"),
        ([{"currency": "usd"}], "'usd' is no code of a currency"),
        ([{"currency": "USDT"}], "'USDT' is no code of a currency"),
        ([{"amount": None}], "amount is missing"),
        ([{"provider": None}], "provider is missing"),
        ([{}, {}], "they are not sorted by period_start, id, or a key comes twice, in 1"),
        ([{"period_start": datetime(2025, 9, 2), "id": "a"}, {"id": "b"}], "not sorted"),
    ],
)
def test_charges_that_break_a_rule_are_refused_by_its_name(changes: list[dict[str, Any]], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        check_charges(charges(*changes), SEPTEMBER)
