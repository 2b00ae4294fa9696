"""What one token of a model costs by the installed book, or why nobody can say."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from price_samples import price_tokens, read_reason

from flexlib.money.open_prices import CHOICE
from flexlib.money.prices import Price


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


def test_a_request_costs_what_the_caller_chose_where_the_list_has_several_prices_of_it() -> None:
    low = price_tokens("perplexity", "sonar", tier="low")
    assert isinstance(low, Price)
    assert low.amount_usd == Decimal("0.0061")  # 5 / 1000 + 1000*1 / 1e6 + 100*1 / 1e6
    assert read_reason(price_tokens("perplexity", "sonar")) == f"{CHOICE} (a tier of low, medium, high)"
    assert read_reason(price_tokens("perplexity", "sonar-pro", tier="low")) == CHOICE
