"""What a call costs: by hand, against genai-prices itself, alone and in tables."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import BadRecord
from flexlib.money.open_prices import list_hour_rules
from flexlib.money.price_book import LISTS, PriceBook, build_book, load_book
from flexlib.money.prices import MIXED, UNKNOWN_REQUESTS, Price, price_call
from flexlib.money.unit_prices import Unpriced

SEPTEMBER = datetime(2025, 9, 10, 12, tzinfo=timezone.utc)

# Published prices, USD for a million tokens: openai.com/api/pricing, claude.com/pricing, ai.google.dev/pricing,
# api-docs.deepseek.com/quick_start/pricing. The sums beside each row were done by hand.
BY_HAND = [
    # gpt-4o: 2.50 in, 1.25 cached, 10.00 out
    ("openai", "gpt-4o", SEPTEMBER, (12_000, 1_500, 8_000, 0), "0.035"),  # 4000*2.5 + 8000*1.25 + 1500*10 = 35000 / 1e6
    # gpt-4o-mini: 0.15 in; a call so small that two decimals would make it nothing
    ("openai", "gpt-4o-mini", SEPTEMBER, (1_000, 0, 0, 0), "0.00015"),  # 1000*0.15 = 150 / 1e6
    # o3: 10 in, 40 out until 9 June 2025, 2 in, 8 out from 10 June
    ("openai", "o3", datetime(2025, 6, 9, 23, 59), (10_000, 2_000, 0, 0), "0.18"),  # 10000*10 + 2000*40 = 180000 / 1e6
    ("openai", "o3", datetime(2025, 6, 10), (10_000, 2_000, 0, 0), "0.036"),  # 10000*2 + 2000*8 = 36000 / 1e6
    # claude-sonnet-4-5: 3 in, 15 out; 6 in, 22.50 out in a call of more than 200,000 prompt tokens
    ("anthropic", "claude-sonnet-4-5", SEPTEMBER, (200_000, 1_000, 0, 0), "0.615"),  # 200000*3 + 1000*15 = 615000 / 1e6
    ("anthropic", "claude-sonnet-4-5", SEPTEMBER, (200_001, 1_000, 0, 0), "1.222506"),  # 200001*6 + 1000*22.5 = 1222506
    # claude-opus-4-5: 5 in, 0.50 cached, 6.25 into the cache, 25 out
    ("anthropic", "claude-opus-4-5", SEPTEMBER, (30_000, 2_000, 20_000, 5_000), "0.11625"),
    # 5000*5 + 20000*0.5 + 5000*6.25 + 2000*25 = 25000 + 10000 + 31250 + 50000 = 116250 / 1e6
    # gemini-2.5-pro: 1.25 in, 10 out; 2.50 in, 15 out above 200,000
    ("google", "gemini-2.5-pro", SEPTEMBER, (50_000, 3_000, 0, 0), "0.0925"),  # 50000*1.25 + 3000*10 = 92500 / 1e6
    ("google", "gemini-2.5-pro", SEPTEMBER, (300_000, 3_000, 0, 0), "0.795"),  # 300000*2.5 + 3000*15 = 795000 / 1e6
    # deepseek-chat: 0.27 in, 1.10 out by day, half of it from 16:30 to 0:30 UTC
    ("deepseek", "deepseek-chat", datetime(2025, 5, 1, 16, 29), (100_000, 10_000, 0, 0), "0.038"),  # 27000 + 11000
    ("deepseek", "deepseek-chat", datetime(2025, 5, 1, 16, 30), (100_000, 10_000, 0, 0), "0.019"),  # 13500 + 5500
]


@pytest.mark.parametrize(("provider", "model", "moment", "tokens", "usd"), BY_HAND)
def test_cost_is_what_the_published_prices_give_by_hand(
    provider: str, model: str, moment: datetime, tokens: tuple[int, int, int, int], usd: str
) -> None:
    prompt, completion, cached, written = tokens
    price = price_call(
        provider,
        model,
        moment,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
    )
    assert isinstance(price, Price)
    assert price.amount_usd == Decimal(usd)


def price_tokens(provider: str, model: str, moment: datetime = SEPTEMBER, **more: Any) -> Price | Unpriced:  # noqa: ANN401
    """The price of 1,000 + 100 tokens, unless `more` says otherwise."""
    return price_call(provider, model, moment, **{"prompt_tokens": 1_000, "completion_tokens": 100, **more})


def read_reason(answer: Price | Unpriced) -> str:
    assert isinstance(answer, Unpriced), answer
    return answer.reason


def build_house(*models: ModelInfo) -> PriceBook:
    """A book with one list, `openai`, of made-up models."""
    return build_book("house 1", [Provider(id="openai", name="House", api_pattern="", models=list(models))])


def build_model(name: str, prices: ModelPrice) -> ModelInfo:
    return ModelInfo(id=name, match=ClauseEquals(name), prices=prices)


def test_price_names_its_book_its_seller_and_the_day_it_holds_from() -> None:
    old, new = price_tokens("openai", "o3", datetime(2025, 6, 9)), price_tokens("openai", "o3", datetime(2025, 6, 10))
    assert isinstance(old, Price)
    assert isinstance(new, Price)
    assert (old.date, new.date) == (None, date(2025, 6, 10))
    assert old.source == new.source == f"{load_book().name} (openai)"


def test_day_of_a_price_is_the_utc_day_of_the_call() -> None:
    evening = datetime(2025, 6, 9, 20, 30, tzinfo=timezone(timedelta(hours=-4)))  # 10 June 0:30 in UTC
    assert price_tokens("openai", "o3", evening) == price_tokens("openai", "o3", datetime(2025, 6, 10, 0, 30))


def test_tier_is_decided_by_each_call_and_not_by_their_sum() -> None:
    small = price_call("anthropic", "claude-sonnet-4-5", SEPTEMBER, prompt_tokens=150_000, completion_tokens=0)
    both = price_call("anthropic", "claude-sonnet-4-5", SEPTEMBER, prompt_tokens=300_000, completion_tokens=0)
    assert isinstance(small, Price)
    assert isinstance(both, Price)
    assert (2 * small.amount_usd, both.amount_usd) == (Decimal("0.9"), Decimal("1.8"))


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        ("openai", "gpt-99-made-up", "does not know 'gpt-99-made-up' of openai"),
        ("meta", "llama-3.1-70b", "does not know"),
        ("stability", "sdxl", "has no price list of stability"),
        ("unknown", "gpt-4o", "has no price list of unknown"),
        ("openai", "MODEL_PRIVATE_2", "is an internal id"),
        ("anthropic", "MODEL_CLAUDE_4_SONNET", "is an internal id"),
        ("openai", " ", "is an internal id"),
    ],
)
def test_unknown_is_unpriced_with_the_reason_and_never_zero(provider: str, model: str, reason: str) -> None:
    assert reason in read_reason(price_tokens(provider, model))


@pytest.mark.parametrize(
    ("provider", "model", "task"),
    [("openai", "omni-moderation-latest", "moderation"), ("google", "gemma-3-27b-it", "text")],
)
def test_free_model_costs_zero(provider: str, model: str, task: str) -> None:
    price = price_tokens(provider, model, task_type=task)
    assert isinstance(price, Price), price
    assert price.amount_usd == 0


def test_model_that_the_book_lists_without_a_price_is_unpriced_though_genai_prices_says_zero() -> None:
    answer = price_tokens("openai", "google/lyria-3-pro-preview", proxy="openrouter")
    assert "without a price" in read_reason(answer)


def test_embeddings_are_priced_by_their_prompt_alone() -> None:
    price = price_tokens(
        "openai", "text-embedding-3-small", prompt_tokens=1_000_000, completion_tokens=0, task_type="embedding"
    )
    assert isinstance(price, Price)
    assert price.amount_usd == Decimal("0.02")


def test_tokens_of_a_side_without_a_price_are_unpriced() -> None:
    answer = price_tokens("openai", "text-embedding-3-small", completion_tokens=1)
    assert "no price for completion tokens" in read_reason(answer)


@pytest.mark.parametrize(
    ("model", "task", "tokens", "reason"),
    [
        ("gpt-image-1", "image", (100, 0), "prices parts of the prompt by"),
        ("gpt-audio", "audio", (0, 100), "prices parts of the completion by output_audio_mtok"),
        ("whisper-1", "audio", (100, 0), "no price for prompt tokens"),
        ("gpt-image-1", "image", (0, 0), "no tokens, no amount"),
        ("whisper-1", "audio", (0, 0), "no tokens, no amount"),
        ("gpt-4o", "text", (0, 0), "no tokens, no amount"),  # did it fail, or did nobody count?
        ("gpt-4o-mini", "fine_tuning", (100, 0), "training is not in the price lists"),
    ],
)
def test_what_the_tokens_alone_do_not_tell_is_unpriced(
    model: str, task: str, tokens: tuple[int, int], reason: str
) -> None:
    answer = price_tokens("openai", model, task_type=task, prompt_tokens=tokens[0], completion_tokens=tokens[1])
    assert reason in read_reason(answer)


def test_text_is_priced_as_text_also_by_a_model_that_hears() -> None:
    price = price_tokens("openai", "gpt-audio")  # text: 2.50 in, 10 out
    assert isinstance(price, Price)
    assert price.amount_usd == Decimal("0.0035")


def test_no_tokens_cost_something_only_where_something_else_is_charged() -> None:
    free = price_tokens(
        "openai", "omni-moderation-latest", task_type="moderation", prompt_tokens=0, completion_tokens=0
    )
    asked = price_tokens("perplexity", "sonar", tier="low", prompt_tokens=0, completion_tokens=0)
    searched = price_tokens(
        "anthropic", "claude-sonnet-4-5", prompt_tokens=0, completion_tokens=0, extra_counts={"web_searches": 2}
    )
    # It is given away; 5 USD for 1,000 requests; two searches at 10 USD for 1,000.
    assert [getattr(one, "amount_usd", one) for one in (free, asked, searched)] == [
        0,
        Decimal("0.005"),
        Decimal("0.02"),
    ]


@pytest.mark.parametrize(
    ("context", "usd"),
    [
        ("low", "0.00515"),  # 5 / 1000 + 100 * 1 / 1e6 + 50 * 1 / 1e6
        ("medium", "0.00815"),
        ("High", "0.01215"),
        (None, None),  # the list names the highest of the three
        ("batch", None),
    ],
)
def test_request_at_one_of_several_prices_costs_what_the_caller_chose_and_is_else_unpriced(
    context: str | None, usd: str | None
) -> None:
    answer = price_tokens("perplexity", "sonar", tier=context, prompt_tokens=100, completion_tokens=50)
    if usd is None:
        assert "the highest of several prices of a request" in read_reason(answer)
    else:
        assert isinstance(answer, Price)
        assert answer.amount_usd == Decimal(usd)


@pytest.mark.parametrize(
    ("model", "moment", "usd"),
    [
        # V4 Flash: 0.14 in, 0.28 out; from 17 August 0.22 and 0.66, the double at 1 to 4 and 6 to 10 UTC, but not on
        # weekends from the 23rd on; from 10 September 0.15 and 0.60, or the double.
        ("deepseek-v4-flash", datetime(2026, 8, 10, 2), "0.42"),  # before there were hours
        (
            "deepseek-v4-flash",
            datetime(2026, 8, 25, 2),
            None,
        ),  # 1.76, a Tuesday: the list has the 1.50 of later
        ("deepseek-v4-flash", datetime(2026, 8, 25, 5), "0.88"),  # between the two windows
        ("deepseek-v4-flash", datetime(2026, 8, 29, 2), "0.88"),  # a Saturday
        ("deepseek-v4-flash", datetime(2026, 9, 11, 2), "1.5"),  # a Friday
        ("deepseek-v4-flash", datetime(2026, 9, 12, 2), "0.75"),
        ("deepseek-v4-flash", datetime(2026, 10, 1, 2), None),  # a holiday in China, or not
        ("deepseek-v4-pro", datetime(2026, 8, 16, 2), "1.305"),  # 0.435 + 0.87
        ("deepseek-v4-pro", datetime(2026, 8, 22, 2), "5.28"),  # 1.32 + 3.96; weekends began a day later
        ("deepseek-v4-pro", datetime(2026, 8, 23, 2), "2.64"),  # 0.66 + 1.98
        ("deepseek-chat", datetime(2025, 9, 4, 17), "0.685"),  # the last night of the discount: 0.135 + 0.55
        ("deepseek-chat", datetime(2025, 9, 6, 17), None),  # the list knows no later price
    ],
)
def test_price_by_the_hour_holds_on_the_days_that_are_known_and_is_else_open(
    model: str, moment: datetime, usd: str | None
) -> None:
    answer = price_tokens("deepseek", model, moment, prompt_tokens=10**6, completion_tokens=10**6)
    if usd is None:
        assert "a price by the hour" in read_reason(answer)
    else:
        assert isinstance(answer, Price)
        assert answer.amount_usd == Decimal(usd)


def test_hours_that_no_table_dates_are_open_beside_dated_prices_and_hold_alone() -> None:
    night = TimeOfDateConstraint(time(0, tzinfo=timezone.utc), time(6, tzinfo=timezone.utc))
    later = StartDateConstraint(date(2025, 1, 1))
    day, cheap = ModelPrice(input_mtok=Decimal(4)), ModelPrice(input_mtok=Decimal(1))
    alone = [ConditionalPrice(prices=day), ConditionalPrice(prices=cheap, constraint=night)]
    beside = [*alone[:1], ConditionalPrice(prices=day, constraint=later), *alone[1:]]
    book = build_house(*(ModelInfo(id=name, match=ClauseEquals(name), prices=prices)
                         for name, prices in (("alone", alone), ("beside", beside))))  # fmt: skip
    answers = [
        price_tokens("openai", name, datetime(2025, 9, 10, hour), completion_tokens=0, book=book)
        for name in ("alone", "beside")
        for hour in (3, 12)
    ]
    amounts = [one.amount_usd if isinstance(one, Price) else None for one in answers]
    assert amounts == [Decimal("0.001"), Decimal("0.004"), None, Decimal("0.004")]


@pytest.mark.parametrize(
    ("requests", "prompt", "usd"),
    [
        # gemini-2.5-pro: 1.25 in, 10 out; 2.50 in, 15 out in a call of more than 200,000
        (100, 1_000_000, "1.75"),  # 10,000 each: 1.25 + 0.5
        (50, 1_000_000, "1.75"),  # 20,000 each, a tenth of the threshold
        (49, 1_000_000, None),
        (2, 1_000_000, None),  # one short and one long, or two long ones
        (2, 200_000, "0.75"),  # together not above: 0.25 + 0.5
        (2, 200_001, None),
        (None, 200_000, "0.75"),
        (None, 200_001, None),
        (1, 1_000_000, "3.25"),
    ],
)
def test_sum_of_calls_is_priced_as_short_ones_only_where_its_mean_is_far_below_the_long(
    requests: int | None, prompt: int, usd: str | None
) -> None:
    answer = price_tokens("google", "gemini-2.5-pro", prompt_tokens=prompt, completion_tokens=50_000, requests=requests)
    if usd is None:
        assert read_reason(answer) == (MIXED if requests else UNKNOWN_REQUESTS)
    else:
        assert isinstance(answer, Price)
        assert answer.amount_usd == Decimal(usd)


@pytest.mark.parametrize(
    ("provider", "model", "usd", "seller"),
    [
        # 1,000 in and 100 out. Bedrock: 3 and 15 a million by the global profile, 10 % more in a region
        ("anthropic", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.0045", "aws"),
        ("anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.00495", "aws"),
        ("amazon", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.00495", "aws"),
        ("unknown", "anthropic.claude-sonnet-4-5-20250929-v1:0", "0.00495", "aws"),
        ("anthropic", "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
                      "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.0045", "aws"),
        ("anthropic", "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
         "0.000375", "aws"),  # 0.25 and 1.25
        ("anthropic", "bedrock/us.anthropic.claude-opus-4-6-v1", "0.00825", "aws"),  # 5.50 and 27.50
        ("amazon", "amazon.nova-pro-v1:0", "0.00112", "aws"),  # 0.80 and 3.20
        ("openai", "azure/gpt-35-turbo", "0.00065", "openai"),  # 0.50 and 1.50
        ("openai", "gpt-5-high", "0.00225", "openai"),  # 1.25 and 10
        ("anthropic", "claude-4.5-sonnet", "0.0045", "anthropic"),
        ("anthropic", "claude-4.6-opus-high-thinking", "0.0075", "anthropic"),  # 5 and 25
        ("anthropic", "Claude Opus 4.6", "0.0075", "anthropic"),
        ("anthropic", "Claude Haiku 3.5", "0.0012", "anthropic"),  # 0.80 and 4
        ("anthropic", "vertex_ai/claude-sonnet-4-5", "0.0045", "google"),
        ("google", "gemini/gemini-2.5-pro", "0.00225", "google"),  # 1.25 and 10
        ("xai", "x-ai/grok-4", "0.0045", "x-ai"),  # 3 and 15
    ],
)  # fmt: skip
def test_names_that_sellers_write_are_those_of_their_lists(provider: str, model: str, usd: str, seller: str) -> None:
    price = price_tokens(provider, model, datetime(2026, 5, 1))
    assert isinstance(price, Price), price
    assert (price.amount_usd, price.source) == (Decimal(usd), f"{load_book().name} ({seller})")


@pytest.mark.parametrize(
    ("provider", "model", "reason"),
    [
        (
            "anthropic",
            "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc",
            "does not know 'arn:aws:",
        ),
        ("anthropic", "claude-opus-4-6-fast", "no price list of claude-opus-4-6-fast"),  # it costs six times as much
        ("openai", "our-deployment", "does not know 'our-deployment' of openai"),
        ("openai", "claude-4.5-sonnet", "does not know 'claude-4.5-sonnet' of openai"),
    ],
)
def test_name_that_no_list_has_is_unpriced_by_name(provider: str, model: str, reason: str) -> None:
    assert reason in read_reason(price_tokens(provider, model, datetime(2026, 5, 1)))


def test_reasoning_that_is_priced_apart_and_not_counted_is_unpriced() -> None:
    assert "output_reasoning_mtok" in read_reason(price_tokens("perplexity", "sonar-deep-research"))


def test_batch_costs_what_its_list_says_from_its_day_on_and_is_unpriced_before() -> None:
    price = price_tokens("openai", "gpt-4o", datetime(2026, 11, 1), tier="batch")
    assert isinstance(price, Price)
    assert (price.amount_usd, price.date) == (Decimal("0.00175"), date(2026, 10, 14))  # 1.25 in, 5 out
    assert "no batch price of gpt-4o for the day of the call" in read_reason(
        price_tokens("openai", "gpt-4o", tier="batch")
    )


def test_standard_tier_is_the_default_and_an_unknown_one_is_unpriced() -> None:
    standard = price_tokens("openai", "gpt-4o")
    assert (
        standard
        == price_tokens("openai", "gpt-4o", tier="default")
        == price_tokens("openai", "gpt-4o", tier="standard")
    )
    assert "'scale' is not one of standard" in read_reason(price_tokens("openai", "gpt-4o", tier="scale"))


def test_proxy_that_sends_the_bill_sets_the_price() -> None:
    price = price_tokens("meta", "meta-llama/Llama-3.3-70B-Instruct-Turbo", proxy="together")
    assert isinstance(price, Price)
    assert (price.amount_usd, price.source) == (Decimal("0.000968"), f"{load_book().name} (together)")  # 0.88 a million
    assert "no price list of windsurf" in read_reason(price_tokens("openai", "gpt-4o", proxy="windsurf"))


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ({"prompt_tokens": -1}, "negative"),
        ({"completion_tokens": -1}, "negative"),
        ({"prompt_tokens": 10, "cached_tokens": 6, "cache_write_tokens": 5}, "more than the prompt"),
        ({"completion_tokens": 10**16}, "10,000,000,000 USD or more"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts: dict[str, Any], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        price_tokens("openai", "gpt-4o", **counts)


@pytest.mark.parametrize(("usd_per_million", "usd"), [("0.00015", "2e-10"), ("0.00025", "2e-10"), ("0.00035", "4e-10")])
def test_amount_is_rounded_once_to_ten_decimals_half_to_even(usd_per_million: str, usd: str) -> None:
    book = build_house(build_model("tiny", ModelPrice(input_mtok=Decimal(usd_per_million))))
    price = price_call("openai", "tiny", SEPTEMBER, prompt_tokens=1, completion_tokens=0, book=book)
    assert isinstance(price, Price)
    assert price.amount_usd == Decimal(usd)


def test_amount_is_exact_whatever_precision_the_caller_has_set() -> None:
    wide = price_call("openai", "gpt-4o", SEPTEMBER, prompt_tokens=123_456_789, completion_tokens=987_654_321)
    with localcontext(prec=4):
        narrow = price_call("openai", "gpt-4o", SEPTEMBER, prompt_tokens=123_456_789, completion_tokens=987_654_321)
    assert wide == narrow
    assert isinstance(wide, Price)
    assert wide.amount_usd == Decimal("10185.1851825")  # 308.6419725 + 9876.54321


def test_house_book_with_tiers_of_its_own_is_priced_like_the_installed_one() -> None:
    steps = TieredPrices(base=Decimal(1), tiers=[Tier(start=10, price=Decimal(2)), Tier(start=20, price=Decimal(3))])
    book = build_house(build_model("steps", ModelPrice(input_mtok=steps)))
    amounts = [
        price.amount_usd * 10**6
        for tokens in (10, 11, 20, 21)
        if isinstance(
            price := price_call("openai", "steps", SEPTEMBER, prompt_tokens=tokens, completion_tokens=0, book=book),
            Price,
        )
    ]
    assert amounts == [10, 22, 40, 63]


def test_every_provider_and_proxy_has_a_list_or_is_known_to_have_none() -> None:
    without = {LlmProvider.STABILITY, LlmProvider.MIDJOURNEY, LlmProvider.UNKNOWN}
    assert set(LlmProvider) - LISTS.keys() == without
    proxies = {LlmProxy.REPLICATE, LlmProxy.HUGGINGFACE, LlmProxy.ANYSCALE, LlmProxy.WINDSURF}
    assert set(LlmProxy) - LISTS.keys() == proxies
    assert set(LISTS.values()) <= {provider.id for provider in load_book().providers}


def test_every_model_of_our_lists_costs_what_genai_prices_says_or_is_unpriced_for_a_reason() -> None:
    tokens = [(1_000, 300, 0, 0), (250_000, 1_000, 100_000, 50_000), (600_000, 0, 0, 600_000)]
    moments = [datetime(2025, 6, 1, 3, tzinfo=timezone.utc), datetime(2026, 11, 20, 17, tzinfo=timezone.utc)]
    priced, reasons = 0, set()
    for name, seller in LISTS.items():
        for model in next(one for one in load_book().providers if one.id == seller).models:
            if list_hour_rules(seller, model):
                continue  # there we know days that genai-prices does not
            for moment in moments:
                for prompt, completion, cached, written in tokens:
                    answer = price_call(
                        name, model.id, moment, prompt_tokens=prompt, completion_tokens=completion,
                        cached_tokens=cached, cache_write_tokens=written,
                    )  # fmt: skip
                    if isinstance(answer, Unpriced):
                        reasons.add(
                            answer.reason.replace(repr(model.id), "X").replace(model.id, "X").replace(seller, "S")
                        )
                        continue
                    usage = Usage(input_tokens=prompt, output_tokens=completion, cache_read_tokens=cached,
                                  cache_write_tokens=written)  # fmt: skip
                    theirs = calc_price(usage, model.id, provider_id=seller, genai_request_timestamp=moment)
                    assert answer.amount_usd == round(theirs.total_price, 10), (seller, model.id)
                    priced += 1
    assert priced > 5_000
    assert all(
        any(
            known in one
            for known in ("does not know", "no price for", "without a price", "prices parts of", "highest of")
        )
        for one in reasons
    ), reasons  # fmt: skip


def test_pricing_needs_no_network_and_loads_no_table_library() -> None:
    program = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"asked the network: {arguments}")
sys.addaudithook(refuse)
from datetime import datetime
from flexlib.money.prices import price_call
print(price_call("openai", "gpt-4o", datetime(2025, 9, 1), prompt_tokens=1000, completion_tokens=0).amount_usd)
print(sorted({"pandas", "pyarrow", "numpy"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("0.0025000000\n[]\n", 0), done.stderr


def test_task_types_are_the_enums() -> None:
    answers = {task: price_tokens("openai", "gpt-4o", task_type=task) for task in LlmTaskType}
    assert isinstance(answers[LlmTaskType.TEXT], Price)
    assert isinstance(answers[LlmTaskType.FINE_TUNING], Unpriced)
