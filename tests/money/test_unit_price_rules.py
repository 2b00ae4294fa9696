"""How a list says what one token costs: its days, hours, tiers and steps; by hand, by lists of round prices."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from genai_prices.types import ModelPrice, PriceVariant, StartDateConstraint
from price_samples import (
    build_house,
    build_model,
    list_prices,
    price_between,
    price_from,
    price_tokens,
    read_reason,
    read_usd,
    step_up,
)

from flexlib.money.extra_counts import EXTRA_COUNTS
from flexlib.money.unit_prices import UnitPrices, Unpriced, find_unit_prices

MARCH, JUNE = date(2025, 3, 1), date(2025, 6, 1)
NOON = datetime(2025, 9, 10, 12)
MILLIONTH = Decimal("0.000001")

DATED = [price_from(None, input_mtok="1"), price_from(MARCH, input_mtok="2"), price_from(JUNE, input_mtok="3")]


def find_unit(
    prices: ModelPrice, seller: str = "openai", prompt_tokens: int = 0, task_type: str = "text"
) -> UnitPrices:
    house = build_house(build_model("m", prices), seller=seller)
    unit = find_unit_prices(house, seller, "m", NOON, prompt_tokens=prompt_tokens, task_type=task_type)
    assert isinstance(unit, UnitPrices), unit
    return unit


def test_tokens_are_listed_by_the_million_and_requests_by_the_thousand() -> None:
    unit = find_unit(
        list_prices(input_mtok="2", output_mtok="20", cache_read_mtok="1", cache_write_mtok="3", requests_kcount="12")
    )
    assert (unit.prompt, unit.completion) == (2 * MILLIONTH, 20 * MILLIONTH)
    assert (unit.cached, unit.cache_write, unit.request) == (1 * MILLIONTH, 3 * MILLIONTH, Decimal("0.012"))


def test_the_cache_costs_what_the_prompt_does_where_the_list_says_nothing_of_it() -> None:
    unit = find_unit(list_prices(input_mtok="2"))
    assert (unit.cached, unit.cache_write, unit.completion) == (2 * MILLIONTH, 2 * MILLIONTH, None)
    assert unit.request == 0


def test_a_part_costs_what_it_does_above_the_tokens_that_it_is_among() -> None:
    kept = list_prices(input_mtok="2", cache_write_mtok="3", cache_write_1h_mtok="5", web_searches_kcount="7")
    assert find_unit(kept).extra == {"cache_write_1h_tokens": 2 * MILLIONTH, "web_searches": Decimal("0.007")}  # 5 - 3
    heard = list_prices(input_mtok="2", cache_read_mtok="1", input_audio_mtok="10", cache_audio_read_mtok="4")
    assert find_unit(heard).extra == {
        "input_audio_tokens": 8 * MILLIONTH,  # 10 - 2
        "cache_audio_read_tokens": -5 * MILLIONTH,  # 4 - 10 - 1 + 2: neither sound at 10 nor cached at 1
    }


def test_parts_that_a_list_does_not_name_have_no_price_but_google_s_cost_what_text_does() -> None:
    assert find_unit(list_prices(input_mtok="2", input_audio_mtok="9")).unlisted == EXTRA_COUNTS.keys() - {
        "input_audio_tokens"
    }
    assert find_unit(list_prices(input_mtok="2", input_audio_mtok="9"), seller="google").unlisted == set()


@pytest.mark.parametrize(("prompt_tokens", "usd"), [(0, 1), (100, 1), (101, 2), (200, 2), (201, 3)])
def test_the_size_of_a_prompt_decides_the_price_of_all_its_tokens(prompt_tokens: int, usd: int) -> None:
    prices = list_prices(input_mtok=step_up("1", over_100="2", over_200="3"), output_mtok=step_up("1", over_200="5"))
    unit = find_unit(prices, prompt_tokens=prompt_tokens)
    assert unit.prompt == usd * MILLIONTH
    assert unit.completion == (5 if prompt_tokens > 200 else 1) * MILLIONTH


@pytest.mark.parametrize(("prompt_tokens", "usd"), [(0, 1), (1, 2)])
def test_a_step_above_nothing_holds_for_every_prompt_but_an_empty_one(prompt_tokens: int, usd: int) -> None:
    prices = list_prices(input_mtok="9", output_mtok=step_up("1", over_0="2"))
    assert find_unit(prices, prompt_tokens=prompt_tokens).completion == usd * MILLIONTH


@pytest.mark.parametrize(
    ("prices", "threshold"),
    [
        (list_prices(input_mtok="1", output_mtok="2", requests_kcount="2"), None),
        (list_prices(input_mtok="1", output_mtok=step_up("2", over_100="3")), 100),
        (list_prices(input_mtok=step_up("1", over_200="2"), output_mtok=step_up("2", over_300="3", over_100="4")), 100),
    ],
)
def test_calls_are_long_above_the_lowest_step_of_any_price(prices: ModelPrice, threshold: int | None) -> None:
    assert find_unit(prices).threshold == threshold


@pytest.mark.parametrize(
    ("moment", "usd", "since"),
    [
        (datetime(2025, 2, 28, 23, 59), 1, None),
        (datetime(2025, 3, 1), 2, MARCH),
        (datetime(2025, 5, 31, 23, 59), 2, MARCH),
        (datetime(2025, 6, 1), 3, JUNE),
    ],
)
def test_the_last_prices_that_have_begun_hold(moment: datetime, usd: int, since: date | None) -> None:
    unit = find_unit_prices(build_house(build_model("m", DATED)), "openai", "m", moment, prompt_tokens=0)
    assert isinstance(unit, UnitPrices)
    assert (unit.prompt, unit.since) == (usd * MILLIONTH, since)


def test_before_the_first_day_of_a_list_its_first_prices_hold() -> None:
    house = build_house(build_model("m", DATED[1:]))
    unit = find_unit_prices(house, "openai", "m", datetime(2025, 1, 1), prompt_tokens=0)
    assert isinstance(unit, UnitPrices)
    assert (unit.prompt, unit.since) == (2 * MILLIONTH, None)


@pytest.mark.parametrize(("clock", "usd"), [(time(16, 29), 2), (time(16, 30), 1), (time(0, 29), 1), (time(0, 30), 2)])
def test_prices_of_some_hours_hold_over_midnight(clock: time, usd: int) -> None:
    prices = [price_from(None, input_mtok="2"), price_between(time(16, 30), time(0, 30), input_mtok="1")]
    moment = datetime.combine(date(2025, 5, 1), clock)
    unit = find_unit_prices(build_house(build_model("m", prices)), "openai", "m", moment, prompt_tokens=0)
    assert isinstance(unit, UnitPrices)
    assert (unit.prompt, unit.since) == (usd * MILLIONTH, None)


@pytest.mark.parametrize(
    ("tier", "when"),
    [
        ("batch", {"processing": "batch"}),
        ("BATCH", {"processing": "batch"}),
        ("flex", {"service_tier": "flex"}),
        ("priority", {"service_tier": "priority"}),
        ("fast", {"service_tier": "fast"}),  # as some lists say it
        ("fast", {"speed": "fast"}),  # as others do
    ],
)
def test_a_tier_costs_what_its_list_says_and_as_ever_where_it_says_nothing(tier: str, when: dict[str, str]) -> None:
    variant = PriceVariant(when, prices=list_prices(input_mtok="1"))
    house = build_house(build_model("m", list_prices(input_mtok="2", output_mtok="20"), [variant]))
    assert read_usd(price_tokens("openai", "m", book=house, tier=tier)) == Decimal("0.003")  # 1000*1 + 100*20
    assert read_usd(price_tokens("openai", "m", book=house)) == Decimal("0.004")  # 1000*2 + 100*20


@pytest.mark.parametrize(
    "variants",
    [
        None,
        [PriceVariant({"service_tier": "flex"}, prices=list_prices(input_mtok="1"))],
        [PriceVariant({"processing": "batch"}, list_prices(input_mtok="1"), StartDateConstraint(date(2025, 9, 11)))],
    ],
)
def test_a_tier_that_the_list_does_not_price_on_the_day_has_no_price(variants: list[PriceVariant] | None) -> None:
    house = build_house(build_model("m", list_prices(input_mtok="2"), variants))
    answer = price_tokens("openai", "m", NOON, book=house, tier="batch")
    assert read_reason(answer) == "house 1 has no batch price of m for the day of the call"


def test_a_tier_of_no_list_is_named_with_those_there_are() -> None:
    answer = price_tokens("openai", "m", book=build_house(build_model("m", list_prices(input_mtok="2"))), tier="scale")
    assert read_reason(answer) == "the tier 'scale' is not one of standard, default, batch, fast, flex, priority"


@pytest.mark.parametrize(
    ("prices", "day", "since"),
    [
        (DATED, date(2025, 7, 1), date(2025, 7, 1)),  # the tier's price is younger than the list's
        (DATED, date(2025, 5, 1), JUNE),  # what the tier leaves as it is changed later
        (DATED, None, JUNE),
        (list_prices(input_mtok="2"), None, None),
        (list_prices(input_mtok="2"), MARCH, MARCH),
    ],
)
def test_a_tier_s_price_holds_from_the_later_day_of_its_own_and_the_list_s(
    prices: ModelPrice, day: date | None, since: date | None
) -> None:
    constraint = None if day is None else StartDateConstraint(day)
    variant = PriceVariant({"processing": "batch"}, list_prices(input_mtok="1"), constraint)
    house = build_house(build_model("m", prices, [variant]))
    unit = find_unit_prices(house, "openai", "m", NOON, prompt_tokens=0, tier="batch")
    assert isinstance(unit, UnitPrices)
    assert (unit.prompt, unit.since) == (MILLIONTH, since)


@pytest.mark.parametrize(
    ("tier", "usd", "threshold"),
    [
        (None, 1, 200_000),  # by the prompt, which is short
        ("0-200k", 1, None),
        ("200k-1m", 2, None),
        ("200K-1M", 2, None),
        ("batch + 0-200k", 3, None),
        ("200k-1m + batch", 4, None),
        ("batch", 3, 200_000),
    ],
)
def test_a_tier_may_say_the_window_that_its_calls_are_in(tier: str | None, usd: int, threshold: int | None) -> None:
    batch = PriceVariant({"processing": "batch"}, list_prices(input_mtok=step_up("3", over_200000="4")))
    house = build_house(build_model("m", list_prices(input_mtok=step_up("1", over_200000="2")), [batch]))
    unit = find_unit_prices(house, "openai", "m", NOON, prompt_tokens=100_000, tier=tier)
    assert isinstance(unit, UnitPrices), unit
    assert (unit.prompt, unit.threshold) == (usd * MILLIONTH, threshold)


@pytest.mark.parametrize(("tier", "usd"), [("0-200k", 1), ("200k-1m", 2)])
def test_a_window_leaves_open_how_many_calls_are_long_where_the_list_s_bracket_begins_elsewhere(
    tier: str, usd: int
) -> None:
    house = build_house(build_model("m", list_prices(input_mtok=step_up("1", over_128000="2"))))
    unit = find_unit_prices(house, "openai", "m", NOON, prompt_tokens=0, tier=tier)
    assert isinstance(unit, UnitPrices), unit
    assert (unit.prompt, unit.threshold) == (usd * MILLIONTH, 128_000)
    other = find_unit_prices(house, "openai", "other", NOON, prompt_tokens=0, tier=tier)
    assert other == Unpriced("house 1 does not know 'other' of openai")
