"""What a call costs that counts more than its tokens, and at the edges: by hand, by lists of round prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from price_samples import (
    HOUSE,
    SEPTEMBER,
    build_house,
    build_model,
    list_prices,
    price_tokens,
    read_reason,
    read_usd,
)

from flexlib.errors import BadRecord
from flexlib.money.prices import MIXED, NO_TOKENS, UNKNOWN_REQUESTS, Price, price_call
from flexlib.money.unit_prices import Unpriced


def price_here(
    model: str,
    prompt: int,
    completion: int = 0,
    cached: int = 0,
    written: int = 0,
    **more: Any,  # noqa: ANN401
) -> Price | Unpriced:
    return price_tokens(
        "openai", model, book=HOUSE, prompt_tokens=prompt, completion_tokens=completion, cached_tokens=cached,
        cache_write_tokens=written, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "tokens", "extra", "usd"),
    [
        ("keeps", (1_000, 0, 0, 1_000), {"cache_write_1h_tokens": 600}, "0.0042"),  # 400*3 + 600*5 = 4200 / 1e6
        ("keeps", (1_000, 0, 0, 0), {"web_searches": 3}, "0.023"),  # 1000*2 / 1e6 + 3*7 / 1000
        ("keeps", (1_000, 0, 0, 0), {"web_searches": 3, "cache_write_1h_tokens": 0}, "0.023"),
        ("keeps", (1_000, 0, 0, 0), {"web_searches": 3, "input_image_tokens": 0}, "0.023"),  # none of what has no price
        ("keeps", (1_000, 0, 0, 0), {"web_searches": 0, "input_image_tokens": None}, "0.002"),
        ("torn", (1_000, 0, 0, 0), {"cache_write_1h_tokens": 0}, "0.002"),
        ("hears", (1_000, 0, 0, 0), {"input_audio_tokens": 300}, "0.0044"),  # 700*2 + 300*10 = 4400 / 1e6
        (
            "hears",
            (1_000, 10, 500, 0),  # 100 of sound from the cache, 200 others, 400 of text from the cache, 300 others
            {"input_audio_tokens": 300, "cache_audio_read_tokens": 100},
            "0.0036",  # 100*4 + 200*10 + 400*1 + 300*2 + 10*20 = 400 + 2000 + 400 + 600 + 200 = 3600 / 1e6
        ),
    ],
)
def test_what_a_call_counts_beside_its_tokens_is_charged_at_its_own_price(
    model: str, tokens: tuple[int, int, int, int], extra: dict[str, int | None], usd: str
) -> None:
    assert read_usd(price_here(model, *tokens, extra_counts=extra)) == Decimal(usd)


@pytest.mark.parametrize(
    ("model", "tokens", "extra", "reason"),
    [
        (
            "keeps", (9, 0, 0, 5), {"cache_write_1h_tokens": 6},
            "house 1 cannot price the counts of this call: "
            "Invalid usage data: cache_write_1h_tokens (6) cannot exceed cache_write_tokens (5)",
        ),
        (
            "keeps", (9, 0, 0, 0),
            {"input_image_tokens": 1, "web_searches": 3, "input_audio_tokens": 2, "output_video_tokens": 0},
            "the list has no price of this model for input_audio_tokens, input_image_tokens",
        ),
        (
            "torn", (9, 0, 0, 5), {"cache_write_1h_tokens": 5},
            "house 1 cannot price the counts of this call: "
            "Missing ancestor price for cache_write_1h_tokens: cache_write_tokens",
        ),
    ],
)  # fmt: skip
def test_a_call_whose_counts_have_no_price_says_which_and_why(
    model: str, tokens: tuple[int, int, int, int], extra: dict[str, int], reason: str
) -> None:
    assert read_reason(price_here(model, *tokens, extra_counts=extra)) == reason


def test_sound_from_a_cache_is_priced_only_where_the_call_says_how_much_it_was() -> None:
    counts = {"prompt": 9, "cached": 5}
    reason = read_reason(price_here("hears", **counts, extra_counts={"input_audio_tokens": 2}))
    assert "cache_read_tokens, input_audio_tokens require explicit" in reason
    said = {"input_audio_tokens": 2, "cache_audio_read_tokens": 0}
    assert read_usd(price_here("hears", **counts, extra_counts=said)) == Decimal("0.000029")  # 5*1 + 2*10 + 2*2


@pytest.mark.parametrize(
    ("prompt", "requests", "usd"),
    [
        (150, 1, "1.0003"),  # 1 + 150*2 / 1e6: a prompt of 150 is a long one
        (100, 2, "2.0001"),  # 2 + 100*1 / 1e6: of two calls with 100 together none is
        (150, 15, "15.00015"),  # 15 + 150*1 / 1e6: ten tokens each
    ],
)
def test_each_call_of_a_sum_pays_for_itself_and_its_own_prompt_decides_the_price(
    prompt: int, requests: int, usd: str
) -> None:
    assert read_usd(price_here("asks", prompt, requests=requests)) == Decimal(usd)


@pytest.mark.parametrize("requests", [2, 14])
def test_calls_of_which_some_may_be_long_have_no_price(requests: int) -> None:
    assert read_reason(price_here("asks", 150, requests=requests)) == MIXED


def test_a_call_is_one_call_unless_it_says_otherwise() -> None:
    assert read_usd(price_here("asks", 150)) == Decimal("1.0003")


@pytest.mark.parametrize("requests", [None, 0, -1])
def test_the_number_of_calls_may_be_unknown_where_no_price_depends_on_it(requests: int | None) -> None:
    for prompt in (50, 150):  # each call has a price, whatever the length of its prompt
        assert read_reason(price_here("asks", prompt, requests=requests)) == UNKNOWN_REQUESTS
    assert read_usd(price_here("plain", 150, requests=requests)) == Decimal("0.0003")  # 150*2 / 1e6
    assert read_usd(price_here("steps", 100, requests=requests)) == Decimal("0.0001")  # none of them can be long
    assert read_reason(price_here("steps", 101, requests=requests)) == UNKNOWN_REQUESTS


@pytest.mark.parametrize(
    ("model", "prompt", "completion", "answer"),
    [
        ("writes", 0, 100, Decimal("0.002")),  # 100*20 / 1e6
        ("writes", 1, 100, "the list has no price for prompt tokens of this model, only output_mtok"),
        ("reads", 100, 0, Decimal("0.0002")),
        ("reads", 100, 1, "the list has no price for completion tokens of this model, only input_mtok"),
    ],
)
def test_a_side_without_a_price_matters_only_where_it_has_tokens(
    model: str, prompt: int, completion: int, answer: Decimal | str
) -> None:
    found = price_here(model, prompt, completion)
    assert (found.amount_usd if isinstance(found, Price) else found.reason) == answer


@pytest.mark.parametrize(
    ("model", "task", "prompt", "completion", "answer"),
    [
        ("plain", "image", 0, 0, NO_TOKENS),
        ("plain", "text", 0, 0, NO_TOKENS),
        ("plain", "image", 100, 0, Decimal("0.0002")),
        ("plain", "image", 0, 100, Decimal("0.002")),
        ("plain", "image", 100, 100, Decimal("0.0022")),
        ("asks", "text", 0, 0, Decimal(1)),  # the call itself
        ("asks", "image", 0, 0, NO_TOKENS),
        ("given", "text", 0, 0, Decimal(0)),
        ("given", "image", 0, 0, Decimal(0)),
    ],
)
def test_no_tokens_cost_something_only_where_the_call_does_and_nothing_where_it_is_free(
    model: str, task: str, prompt: int, completion: int, answer: Decimal | str
) -> None:
    found = price_here(model, prompt, completion, task_type=task)
    assert (found.amount_usd if isinstance(found, Price) else found.reason) == answer


@pytest.mark.parametrize(
    ("task", "counts", "answer"),
    [
        ("text", {"web_searches": 2}, Decimal("0.014")),  # 2*7 / 1000
        ("image", {"web_searches": 2}, NO_TOKENS),  # the picture may have been charged too
        ("text", {"web_searches": 0}, NO_TOKENS),
        ("text", {"cache_write_1h_tokens": 0}, NO_TOKENS),
    ],
)
def test_searches_are_charged_also_where_no_tokens_are(
    task: str, counts: dict[str, int], answer: Decimal | str
) -> None:
    found = price_here("keeps", 0, task_type=task, extra_counts=counts)
    assert (found.amount_usd if isinstance(found, Price) else found.reason) == answer


def test_the_cache_may_hold_the_whole_prompt_and_no_more() -> None:
    assert read_usd(price_here("keeps", 10, cached=6, written=4)) == Decimal("0.000024")  # 6*2 + 4*3
    with pytest.raises(BadRecord, match=r"^price refused: the cached tokens are more than the prompt\.$"):
        price_here("keeps", 10, cached=6, written=5)


def test_an_amount_stays_below_ten_thousand_million_dollars() -> None:
    assert read_usd(price_here("gold", 9_999_999_999)) == 9_999_999_999
    for tokens in (10_000_000_000, 10**60):
        with pytest.raises(BadRecord, match="10,000,000,000 USD or more"):
            price_here("gold", tokens)


@pytest.mark.parametrize("count", ["prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens"])
def test_a_negative_number_of_tokens_is_refused(count: str) -> None:
    with pytest.raises(BadRecord, match="negative"):
        price_tokens("openai", "plain", SEPTEMBER, book=HOUSE, **{count: -1})


def test_a_negative_extra_count_is_refused() -> None:
    with pytest.raises(BadRecord, match="negative"):
        price_here("keeps", 10, extra_counts={"web_searches": -1})


def test_a_call_is_priced_by_its_tier() -> None:
    assert (
        read_reason(price_here("plain", 1, tier="flex")) == "house 1 has no flex price of plain for the day of the call"
    )


def test_counts_that_are_not_said_are_none() -> None:
    price = price_call("openai", "hears", SEPTEMBER, prompt_tokens=10, completion_tokens=1, book=HOUSE)
    assert read_usd(price) == Decimal("0.00004")  # 10*2 + 1*20


def test_a_price_names_its_book_and_the_seller() -> None:
    found = price_here("plain", 1)
    assert isinstance(found, Price)
    assert found.source == "house 1 (openai)"


@pytest.mark.parametrize(
    ("model", "extra", "parts"),
    [
        ("keeps", {}, ("0.0022", "0.002", "0")),  # 800*2 + 200*3, 100*20
        ("keeps", {"cache_write_1h_tokens": 200}, ("0.0026", "0.002", "0")),  # 200 at 5 and not at 3
        ("keeps", {"web_searches": 3}, ("0.0022", "0.002", "0.021")),
        ("hears", {"input_audio_tokens": 300}, ("0.0044", "0.002", "0")),  # written to a cache at the prompt's 2
        ("speaks", {"output_audio_tokens": 50}, ("0.002", "0.003", "0")),  # 50*20 + 50*40
    ],
)
def test_a_price_has_the_prompt_the_answer_and_the_rest_apart(
    model: str, extra: dict[str, int | None], parts: tuple[str, str, str]
) -> None:
    price = price_here(model, 1_000, 100, written=200, extra_counts=extra)
    assert isinstance(price, Price), price
    assert price.parts == tuple(Decimal(part) for part in parts)
    assert price.amount_usd == sum(price.parts)


def test_sound_costs_what_text_does_by_a_list_of_google_that_names_no_price_of_it() -> None:
    house = build_house(build_model("m", list_prices(input_mtok="2")), seller="google")
    price = price_call(
        "google", "m", SEPTEMBER, prompt_tokens=1_000, completion_tokens=0, extra_counts={"input_audio_tokens": 300},
        book=house,
    )  # fmt: skip
    assert read_usd(price) == Decimal("0.002")


@pytest.mark.parametrize(("size", "usd"), [(100, "0.0002"), (101, "0.0004")])
def test_a_sum_of_calls_whose_size_is_known_is_in_its_bracket_however_long_its_mean_is(size: int, usd: str) -> None:
    assert read_reason(price_here("steps", 200, requests=2)) == MIXED
    assert read_usd(price_here("steps", 200, requests=2, size=size)) == Decimal(usd)
