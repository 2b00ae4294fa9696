"""Whose list a model's name belongs to, and what that list calls it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from price_samples import build_house, build_model, list_prices, price_tokens, read_reason

from flexlib.money.open_prices import read_data_table
from flexlib.money.price_book import ListedName, find_listed_name, load_book, name_model, name_models
from flexlib.money.prices import Price


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
        ("openai", "azure/global-standard/gpt-4o", "0.0035", "openai"),  # 2.50 and 10
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
        # A region may cost more than the list says, and another seller than the maker as well.
        ("openai", "azure/eu/gpt-4o-2024-08-06", "does not know 'azure/eu/gpt-4o-2024-08-06' of openai"),
        ("anthropic", "bedrock/us-gov-west-1/anthropic.claude-3-haiku-20240307-v1:0", "does not know 'bedrock/us-gov"),
        ("deepseek", "deepseek-ai/DeepSeek-R1", "does not know 'deepseek-ai/DeepSeek-R1' of deepseek"),
        ("openai", "claude-4.5-sonnet", "does not know 'claude-4.5-sonnet' of openai"),
    ],
)
def test_name_that_no_list_has_is_unpriced_by_name(provider: str, model: str, reason: str) -> None:
    assert reason in read_reason(price_tokens(provider, model, datetime(2026, 5, 1)))


def test_every_spelling_names_the_text_that_shows_it_or_says_that_there_is_none() -> None:
    for row in read_data_table("seller_names.csv"):
        shown = all(one.startswith("https://") for one in row["source"].split()) or "genai-prices" in row["source"]
        assert row["evidence"] == ("documented" if shown else "form"), row
        assert shown or row["source"] == "by the form of the name"
        assert date.fromisoformat(row["seen"])


@pytest.mark.parametrize(
    ("provider", "model", "proxy", "listed"),
    [
        ("openai", "gpt-5-high", None, ListedName("openai", "gpt-5")),
        ("openai", "gpt-5-highest", None, ListedName("openai", "gpt-5-highest")),  # a model that only begins so
        ("anthropic", "claude-4.5-sonnet", "openrouter", ListedName("openrouter", "claude-4.5-sonnet")),
        ("Anthropic", "claude-4.5-sonnet", None, ListedName("anthropic", "claude-sonnet-4.5")),
        ("anthropic", "vertex_ai/claude-opus-4-6-fast", None, ListedName(None, "vertex_ai/claude-opus-4-6-fast")),
        ("anthropic", "anthropic/claude-4.5-sonnet", None, ListedName("anthropic", "claude-sonnet-4.5")),
        ("stability", "sdxl", None, ListedName(None, "sdxl")),
    ],
)
def test_rules_are_for_whole_names_of_who_sends_the_bill_each_on_what_the_one_before_has_made(
    provider: str, model: str, proxy: str | None, listed: ListedName
) -> None:
    assert find_listed_name(provider, model, proxy) == listed


@pytest.mark.parametrize(
    ("provider", "one", "other", "is_same"),
    [
        ("openai", "gpt-4.1", "GPT-4.1", True),
        ("openai", "gpt-4.1", "gpt-4.1-2025-04-14", True),  # the list's entry names both
        ("anthropic", "Claude Sonnet 4", "claude-sonnet-4-20250514", True),
        ("google", "models/gemini-2.5-pro", "google/gemini-2.5-pro", True),
        ("openai", "gpt-4o", "gpt-4o-2024-05-13", False),  # a version with an entry of its own
        ("openai", "gpt-5", "gpt-5-codex", False),  # one entry, as they cost the same, of two models
        ("anthropic", "claude-sonnet-4", "us.anthropic.claude-sonnet-4-20250514-v1:0", False),  # another seller's list
        ("openai", "GPT-5 High Thinking", "GPT-5 Low Thinking", False),  # in no list
        ("acme", "Mine", "mine", False),
        ("anthropic", "claude-sonnet-4-5", "vertex_ai/claude-sonnet-4-5", False),  # one entry's name in two lists
    ],
)
def test_spellings_are_of_one_model_where_the_list_says_so(provider: str, one: str, other: str, is_same: bool) -> None:
    names = name_models([(provider, one), (provider, other)])
    assert (len(set(names.values())) == 1) is is_same
    assert set(names.values()) <= {one, other}


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (["GPT-4.1", "openai/gpt-4.1", "gpt-4.1"], "gpt-4.1"),  # as the list has it
        (["gpt-4.1-2025-04-14", "openai/gpt-4.1"], "openai/gpt-4.1"),  # the shortest
        (["Gpt-4.1", "GPT-4.1"], "GPT-4.1"),  # of two as long the first by its letters
        (["mine"], "mine"),
    ],
)
def test_a_model_is_called_as_its_list_has_it_else_by_its_shortest_spelling(spellings: list[str], name: str) -> None:
    assert name_models([("openai", one) for one in spellings]) == {("openai", one): name for one in spellings}


def test_spellings_are_those_of_the_book_that_is_asked() -> None:
    pairs = [("openai", "ours"), ("openai", "openai/ours")]
    assert len({*name_models(pairs).values()}) == 2
    assert {*name_models(pairs, build_house(build_model("ours", list_prices(input_mtok="1")))).values()} == {"ours"}


@pytest.mark.parametrize(
    ("spellings", "name"),
    [
        (("openai/gpt-4.1", "GPT-4.1 ", "gpt-4.1-2025-04-14"), "gpt-4-1"),
        (("gpt-4o", "gpt-4o-2024-08-06"), "gpt-4o"),  # the list has them as one
        (("gpt-4o-2024-05-13",), "gpt-4o-2024-05-13"),  # and this by itself
        ((" Our own 4.1", "our OWN 4.1"), "our own 4.1"),
        (("our own 2024-05-13!",), "our own 2024-05-13!"),
    ],
)
def test_to_a_budget_a_model_has_one_name_for_all_spellings_that_the_list_has_as_one(
    spellings: tuple[str, ...], name: str
) -> None:
    assert {name_model(one) for one in spellings} == {name}
