"""Where the prices of a model change, as its list says: by hand."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.types import ModelPrice, PriceVariant, Provider, StartDateConstraint
from price_samples import build_house, build_model, list_prices, price_between, price_from, step_up

from flexlib.enums import LlmProvider, LlmProxy
from flexlib.money.price_book import LISTS, Changes, build_book, load_book, read_prices

MARCH, JUNE = date(2025, 3, 1), date(2025, 6, 1)
CHANGES = Changes((MARCH, JUNE), (time(), time(0, 30), time(16, 30)), (100, 200))
SANTIAGO = timezone(timedelta(hours=-4))
ONE = PriceVariant({"processing": "batch"}, list_prices(input_mtok=step_up("1", over_50="2")))


@pytest.mark.parametrize(
    ("moment", "prompt_tokens", "start"),
    [
        (datetime(2025, 2, 28, 23, 59), 0, (datetime(1, 1, 1, 16, 30), 0)),
        (datetime(2025, 3, 1), 100, (datetime(2025, 3, 1), 0)),
        (datetime(2025, 3, 1, 0, 30), 101, (datetime(2025, 3, 1, 0, 30), 101)),
        (datetime(2025, 6, 2, 16, 29), 200, (datetime(2025, 6, 1, 0, 30), 101)),
        (datetime(2025, 6, 2, 16, 30), 201, (datetime(2025, 6, 1, 16, 30), 201)),
        (datetime(2025, 5, 31, 20, 30, tzinfo=SANTIAGO), 0, (datetime(2025, 6, 1, 0, 30), 0)),  # the 1st in UTC
    ],
)
def test_all_moments_and_prompts_between_two_changes_stand_for_the_first_of_them(
    moment: datetime, prompt_tokens: int, start: tuple[datetime, int]
) -> None:
    assert CHANGES.find_start(moment, prompt_tokens) == start


def test_prices_that_never_change_hold_from_the_first_day_there_is() -> None:
    assert Changes().find_start(datetime(2025, 3, 1, 12), 10**9) == (datetime(1, 1, 1), 0)


def test_the_changes_of_a_model_are_the_days_hours_and_sizes_of_all_its_prices() -> None:
    prices = [
        price_from(None, input_mtok=step_up("1", over_100="2")),
        price_from(JUNE, input_mtok="3", output_mtok=step_up("4", over_200="5", over_100="6")),
        price_between(time(16, 30), time(0, 30), input_mtok="1"),
    ]
    variant = PriceVariant(ONE.when, ONE.prices, StartDateConstraint(MARCH))
    house = build_house(build_model("m", prices, [variant]))
    assert house.find_changes("openai", "m") == Changes(
        (MARCH, JUNE), (time(), time(0, 30), time(16, 30)), (50, 100, 200)
    )


def test_prices_without_a_date_change_by_their_sizes_alone() -> None:
    prices = list_prices(input_mtok=step_up("1", over_100="2"))
    house = build_house(build_model("m", prices), build_model("n", prices, [ONE]))
    assert house.find_changes("openai", "m") == Changes((), (time(),), (100,))
    assert house.find_changes("openai", "n") == Changes((), (time(),), (50, 100))


def test_hours_of_another_zone_are_those_of_utc() -> None:
    prices = [price_between(time(12, 30, tzinfo=SANTIAGO), time(20, 30, tzinfo=SANTIAGO), input_mtok="1")]
    changes = build_house(build_model("m", prices)).find_changes("openai", "m")
    assert changes.times == (time(), time(0, 30), time(16, 30))


def test_a_model_that_is_not_listed_never_changes() -> None:
    house = build_house(build_model("m", list_prices(input_mtok=step_up("1", over_100="2"))))
    assert house.find_changes("openai", "n") == house.find_changes("anthropic", "m") == Changes()


def test_a_model_is_looked_for_in_the_list_of_its_seller() -> None:
    sellers = {seller: build_model("m", list_prices(input_mtok="1")) for seller in ("openai", "anthropic")}
    book = build_book(
        "two", [Provider(id=seller, name="", api_pattern="", models=[model]) for seller, model in sellers.items()]
    )
    assert book.find_model("openai", "m") is book.find_model("openai", "m") is sellers["openai"]
    assert book.find_model("anthropic", "m") is sellers["anthropic"]
    assert (book.find_model("google", "m"), book.find_model("openai", "n")) == (None, None)


def test_what_a_book_has_looked_up_is_not_in_its_text() -> None:
    assert repr(build_book("house 1", [])) == "PriceBook(name='house 1', providers=())"


def test_the_installed_book_is_named_after_its_version() -> None:
    assert load_book().name == f"genai-prices {genai_prices.__version__}"


def test_a_price_that_a_list_leaves_empty_is_none_of_its_prices() -> None:
    assert read_prices(ModelPrice(input_mtok=Decimal(1), output_mtok=None)) == {"input_mtok": 1}


def test_every_provider_and_proxy_has_a_list_or_is_known_to_have_none() -> None:
    without = {LlmProvider.STABILITY, LlmProvider.MIDJOURNEY, LlmProvider.UNKNOWN}
    assert set(LlmProvider) - LISTS.keys() == without
    proxies = {LlmProxy.REPLICATE, LlmProxy.HUGGINGFACE, LlmProxy.ANYSCALE, LlmProxy.WINDSURF, LlmProxy.CURSOR}
    assert set(LlmProxy) - LISTS.keys() == proxies
    assert set(LISTS.values()) <= {provider.id for provider in load_book().providers}
