"""Which rows of a table share a price: those between the same changes of the same model's; by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from genai_prices.types import ModelInfo, PriceVariant, Provider
from price_samples import build_house, build_model, list_prices, price_between, price_from, step_up

from flexlib.money.price_book import PriceBook, build_book
from flexlib.money.price_keys import count_calls, find_shared_prices, to_numbers
from flexlib.money.unit_prices import UnitPrices

MARCH, JUNE = date(2025, 3, 1), date(2025, 6, 1)
ROW = {
    "provider": "openai", "model": "m", "proxy": None, "task_type": "text", "tier": None,
    "created_at": datetime(2025, 5, 1), "prompt_tokens": 0, "requests": 1,
}  # fmt: skip
KINDS = {"created_at": pa.timestamp("us"), "prompt_tokens": pa.int64(), "requests": pa.int64()}
DATED = [price_from(None, input_mtok="1"), price_from(MARCH, input_mtok="2"), price_from(JUNE, input_mtok="3")]


def build_rows(facts: Sequence[dict[str, Any]], leave_out: Sequence[str] = ()) -> pa.Table:
    names = [name for name in ROW if name not in leave_out]
    schema = pa.schema([(name, KINDS.get(name, pa.string())) for name in names])
    return pa.Table.from_pylist([ROW | one for one in facts], schema)


def read_prompts(rows: pa.Table, book: PriceBook) -> tuple[list[object], int]:
    """What a million prompt tokens of each row cost, or why nobody can say; and how many prices were looked up."""
    numbers, prices = find_shared_prices(rows, book)
    said = [one.prompt * 10**6 if isinstance(one, UnitPrices) and one.prompt else str(one) for one in prices]
    return [said[number] for number in numbers.to_pylist()], len(prices)


def test_rows_on_both_sides_of_a_day_have_prices_of_their_own_and_those_between_share_one() -> None:
    moments = [
        datetime(2024, 1, 1),
        datetime(2025, 2, 28, 23, 59, 59, 999999),
        datetime(2025, 3, 1),
        datetime(2025, 5, 31, 23, 59, 59, 999999),
        datetime(2025, 6, 1),
        datetime(2026, 6, 1),
    ]
    rows = build_rows([{"created_at": moment} for moment in moments])
    assert read_prompts(rows, build_house(build_model("m", DATED))) == ([1, 1, 2, 2, 3, 3], 3)


def test_hours_are_told_to_the_microsecond() -> None:
    cheap = price_between(time(16, 30, 15, 250), time(20, 0), input_mtok="1")
    house = build_house(build_model("m", [price_from(None, input_mtok="2"), cheap]))
    clocks = [time(16, 30, 15, 249), time(16, 30, 15, 250), time(19, 59, 59, 999999), time(20, 0), time(0, 0)]
    rows = build_rows([{"created_at": datetime.combine(date(2025, 5, 1), clock)} for clock in clocks])
    assert read_prompts(rows, house) == ([2, 1, 1, 2, 2], 3)  # before, within, after


def test_a_prompt_is_dearer_above_its_step_and_a_sum_of_calls_is_looked_up_as_short_ones() -> None:
    house = build_house(build_model("m", list_prices(input_mtok=step_up("1", over_100="2"))))
    sizes = [(100, 1), (101, 1), (200, 2), (201, 2), (101, None), (101, 0)]
    rows = build_rows([{"prompt_tokens": tokens, "requests": requests} for tokens, requests in sizes])
    assert read_prompts(rows, house) == ([1, 2, 1, 1, 1, 1], 2)
    alone = build_rows([{"prompt_tokens": 100}, {"prompt_tokens": 101}], leave_out=["requests"])
    assert read_prompts(alone, house) == ([1, 2], 2)


def test_the_changes_of_one_model_divide_no_rows_of_another() -> None:
    house = build_house(
        build_model("m", DATED),
        build_model("n", [price_from(None, input_mtok="6"), price_from(MARCH, input_mtok="7")]),
        build_model("o", [price_from(None, input_mtok="8"), price_from(JUNE, input_mtok="9")]),
    )
    moments = [datetime(2025, 2, 1), datetime(2025, 4, 1), datetime(2025, 7, 1)]
    rows = build_rows([{"model": model, "created_at": moment} for model in "mno" for moment in moments])
    assert read_prompts(rows, house) == ([1, 2, 3, 6, 7, 7, 8, 8, 9], 7)


def test_days_of_the_week_divide_only_the_rows_whose_prices_they_decide() -> None:
    hours = [price_from(None, input_mtok="1"), price_between(time(1), time(4), input_mtok="2")]  # not on weekends
    house = build_house(
        build_model("deepseek-v4-pro", hours), build_model("m", list_prices(input_mtok="9")), seller="deepseek"
    )
    tuesday, wednesday, saturday, sunday, next_tuesday = (datetime(2026, 9, day, 2) for day in (15, 16, 19, 20, 22))
    moments = [tuesday, wednesday, saturday, sunday, next_tuesday]
    rows = build_rows(
        [{"provider": "deepseek", "model": "deepseek-v4-pro", "created_at": moment} for moment in moments]
        + [{"provider": "deepseek", "created_at": moment} for moment in moments]
    )
    assert read_prompts(rows, house) == ([2, 2, 1, 1, 2, 9, 9, 9, 9, 9], 5)


def test_rows_share_a_price_only_where_all_their_words_are_the_same() -> None:
    batch = [PriceVariant({"processing": "batch"}, list_prices(input_mtok="0.5"))]
    sellers = ("openai", "anthropic", "openrouter")
    models = {
        (seller, model): build_model(model, list_prices(input_mtok=str(10 * place + number)), batch)
        for place, seller in enumerate(sellers, 1)
        for number, model in enumerate("mn", 1)
    }
    lists: dict[str, list[ModelInfo]] = {seller: [models[seller, model] for model in "mn"] for seller in sellers}
    book = build_book("all", [Provider(id=seller, name="", api_pattern="", models=lists[seller]) for seller in sellers])
    words = list(product(("openai", "anthropic"), "mn", (None, "openrouter"), (None, "batch")))
    rows = build_rows(
        [{"provider": one, "model": model, "proxy": proxy, "tier": tier} for one, model, proxy, tier in words]
    )
    half = Decimal("0.5")
    expected = [11, half, 31, half, 12, half, 32, half, 21, half, 31, half, 22, half, 32, half]
    assert read_prompts(rows, book) == (expected, 16)


def test_rows_of_another_task_have_an_answer_of_their_own() -> None:
    rows = build_rows([{}, {"task_type": "fine_tuning"}, {}])
    (text, training, again), count = read_prompts(rows, build_house(build_model("m", list_prices(input_mtok="1"))))
    assert (text, again, count) == (1, 1, 2)
    assert "training is not in the price lists" in str(training)


def test_words_that_a_table_does_not_have_are_as_if_they_were_empty() -> None:
    house = build_house(build_model("m", list_prices(input_mtok="1")))
    assert read_prompts(build_rows([{}], leave_out=["proxy", "tier", "requests"]), house) == ([1], 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/Santiago"])
def test_the_day_is_that_of_utc_whatever_the_zone_and_unit_of_the_column(unit: str, zone: str | None) -> None:
    moments = [datetime(2025, 5, 31, 23, 59, 59, tzinfo=timezone.utc), datetime(2025, 6, 1, tzinfo=timezone.utc)]
    column = pa.array(moments, pa.timestamp(unit, zone))
    rows = build_rows([{}, {}])
    rows = rows.set_column(rows.column_names.index("created_at"), "created_at", column)
    assert read_prompts(rows, build_house(build_model("m", DATED))) == ([2, 3], 2)


def test_a_table_in_pieces_is_numbered_as_a_whole() -> None:
    house = build_house(build_model("m", DATED), build_model("n", list_prices(input_mtok="9")))
    rows = build_rows([{}, {"model": "n"}])
    assert read_prompts(pa.concat_tables([rows, rows]), house) == ([2, 9, 2, 9], 2)


def test_a_row_sums_as_many_calls_as_it_says_none_where_it_does_not_and_is_one_in_a_table_without_their_number() -> (
    None
):
    rows = build_rows([{"requests": requests} for requests in (5, 1, 0, None, -1)])
    assert count_calls(rows).tolist() == [5, 1, 0, 0, 0]
    assert count_calls(rows.drop_columns("requests")).tolist() == [1, 1, 1, 1, 1]


def test_numbers_are_whole_in_pieces_or_not_and_null_is_none() -> None:
    whole = pa.array([2**53 + 1, None, 3])
    for values in (whole, pa.chunked_array([whole]), pa.chunked_array([whole[:1], whole[1:]])):
        numbers = to_numbers(values)
        assert numbers.tolist() == [2**53 + 1, 0, 3]
        assert numbers.dtype == np.int64
