"""What has no price though its model is listed, and what is free: by hand, by lists of round prices."""

from __future__ import annotations

from decimal import Decimal

import pytest
from price_samples import SEPTEMBER, build_house, build_model, list_prices, price_tokens, read_reason, read_usd

from flexlib.money.unit_prices import is_listed


@pytest.mark.parametrize(
    ("seller", "model", "comments"),
    [
        ("openai", "moderation", None),
        ("google", "gemma-3", None),
        ("google", "gemma-3n", None),
        ("openrouter", "vendor/small:free", None),
        ("openai", "preview", "Free of charge until it is released."),
    ],
)
def test_a_model_that_is_given_away_costs_nothing(seller: str, model: str, comments: str | None) -> None:
    house = build_house(build_model(model, list_prices(), comments=comments), seller=seller)
    assert read_usd(price_tokens("openai", model, proxy=seller, book=house, cached_tokens=9, cache_write_tokens=9)) == 0
    assert read_usd(price_tokens("openai", model, proxy=seller, book=house, requests=None)) == 0
    assert read_usd(price_tokens("openai", model, proxy=seller, book=house, prompt_tokens=0, completion_tokens=0)) == 0


@pytest.mark.parametrize(
    ("seller", "model", "comments"),
    [
        ("openai", "gemma-3", None),
        ("google", "moderation", None),
        ("openrouter", ":free-form", None),
        ("openai", "preview", "Its price is not known."),
    ],
)
def test_a_model_that_is_listed_without_a_price_is_not_free(seller: str, model: str, comments: str | None) -> None:
    house = build_house(build_model(model, list_prices(), comments=comments), seller=seller)
    answer = price_tokens("openai", model, proxy=seller, book=house)
    assert read_reason(answer) == f"house 1 lists {model} of {seller} without a price"


BASE = {"input_mtok": "2", "output_mtok": "20"}


@pytest.mark.parametrize(
    ("key", "task", "gap"),
    [
        # A text may have been reasoned about, or quote; that a list prices its text apart leaves the rest open.
        ("output_reasoning_mtok", "text", "completion"),
        ("output_citation_mtok", "text", "completion"),
        ("output_text_mtok", "text", "completion"),
        ("input_text_mtok", "text", "prompt"),
        # What a sound is made of may be sound or not.
        ("input_audio_mtok", "audio", "prompt"),
        ("output_audio_mtok", "audio", "completion"),
        ("input_image_mtok", "image", "prompt"),
    ],
)
def test_a_side_is_open_where_its_list_prices_parts_that_the_call_may_have(key: str, task: str, gap: str) -> None:
    house = build_house(build_model("m", list_prices(**BASE, **{key: "5"})))
    tokens = {"prompt": {"prompt_tokens": 1_000, "completion_tokens": 0}}
    tokens["completion"] = {"prompt_tokens": 0, "completion_tokens": 100}
    answers = {
        side: price_tokens("openai", "m", SEPTEMBER, book=house, task_type=task, **tokens[side]) for side in tokens
    }
    reason = f"the list prices parts of the {gap} by {key}, and the call does not count them"
    assert read_reason(answers.pop(gap)) == reason
    assert [read_usd(answer) for answer in answers.values()] == [Decimal("0.002")]  # 1000*2, or 100*20


@pytest.mark.parametrize("key", ["input_audio_mtok", "output_audio_mtok", "input_video_mtok"])
def test_a_text_is_text_also_where_the_list_prices_sound_or_pictures(key: str) -> None:
    house = build_house(build_model("m", list_prices(**BASE, **{key: "5"})))
    assert read_usd(price_tokens("openai", "m", book=house)) == Decimal("0.004")  # 1000*2 + 100*20


def test_parts_are_named_in_order() -> None:
    house = build_house(build_model("m", list_prices(**BASE, input_image_mtok="5", input_audio_mtok="5")))
    answer = price_tokens("openai", "m", book=house, task_type="image")
    assert "by input_audio_mtok, input_image_mtok, and" in read_reason(answer)


@pytest.mark.parametrize(
    "key",
    [
        *("cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"),
        *("requests_kcount", "web_searches_kcount", "social_searches_kcount", "storage_searches_kcount"),
        "code_executions_kcount",
    ],
)
def test_a_picture_is_priced_by_its_tokens_where_the_list_prices_only_caches_and_searches_beside(key: str) -> None:
    house = build_house(build_model("m", list_prices(**BASE, **{key: "0"})))
    answer = price_tokens("openai", "m", book=house, task_type="image")
    assert read_usd(answer) == Decimal("0.004")  # 1000*2 + 100*20


def test_every_digit_counts_until_the_amount_is_rounded() -> None:
    # 10**15 + 1 tokens at 50,000,000,000,001 / 10**24 cost 50000.000000001 05 0000000000 01: above the half.
    house = build_house(build_model("m", list_prices(input_mtok="0.000050000000000001")))
    answer = price_tokens("openai", "m", book=house, prompt_tokens=10**15 + 1, completion_tokens=0)
    assert read_usd(answer) == Decimal("50000.0000000011")


def test_a_model_is_listed_by_whom_the_bill_is_from_and_by_nobody_else() -> None:
    house = build_house(build_model("m", list_prices()))
    assert is_listed(house, "openai", "m")
    assert not is_listed(house, "openai", "n")
    assert not is_listed(house, "anthropic", "m")
    assert not is_listed(house, "unknown", "m")  # it has no list
    assert is_listed(house, "unknown", "m", proxy="OpenAI")
    assert not is_listed(house, "openai", "m", proxy="openrouter")
