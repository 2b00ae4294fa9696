"""No cache is promised to prompts that no provider keeps in one: by hand, at the least length of each."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from test_what_if import OWNERS, Call, to_table

from flexlib.analysis.cells import Route, sum_by_size
from flexlib.analysis.discounts import count_too_short, find_discounts
from flexlib.analysis.frames import read_rows
from flexlib.money.cached_lengths import LONGEST, find_least_length

GPT, SONNET = Route("openai", "gpt-4o"), Route("anthropic", "claude-sonnet-4-20250514")
HAIKU, FLASH = Route("anthropic", "claude-haiku-4-5"), Route("google", "gemini-2.5-flash")
GROK = Route("xai", "grok-4-0709")


def find(*calls: Call) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lines of caches, and the calls left out of them."""
    return find_in(to_table(calls), {one.route for one in calls})


def find_in(table: pa.Table, routes: set[Route]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    owned = sum_by_size(duckdb.from_arrow(table), routes, OWNERS, by_length=True)
    return read_rows(find_discounts([], owned, OWNERS)), read_rows(count_too_short(owned, OWNERS))


def send(who: int, prompt: int, cached: int, route: Route, count: int = 30, **columns: Any) -> list[Call]:  # noqa: ANN401
    return [Call(prompt, route=route, cached=cached, columns={"usable_id": who, **columns})] * count


@pytest.mark.parametrize(("route", "least"), [(GPT, 1_024), (SONNET, 1_024), (HAIKU, 4_096), (FLASH, 2_048)])
def test_a_prompt_one_token_shorter_than_the_provider_keeps_is_promised_nothing(route: Route, least: int) -> None:
    best = send(1, 100_000, 80_000, route)
    (line,), short = find(*best, *send(2, least, 0, route))
    assert (line["calls"], line["share"], short) == (30, 0, [])
    lines, (left,) = find(*best, *send(2, least - 1, 0, route))
    assert lines == []
    assert (left["model"], left["least_tokens"], left["is_documented"], left["calls"]) == (route.model, least, True, 30)


def test_the_long_prompts_of_a_sender_alone_are_promised_and_alone_count_for_his_share() -> None:
    mine = [*send(2, 10_000, 0, GPT, 40), *send(2, 500, 0, GPT, 400)]
    (line,), (left,) = find(*send(1, 10_000, 8_000, GPT), *send(1, 900, 0, GPT, 300), *mine)
    # 8,000 of each of 40 prompts of 10,000 tokens, at 1.25 instead of 2.50 US$ a million; of all of the first's tokens,
    # the short ones among them, it would be 47 %.
    assert (line["calls"], line["saved"]) == (40, Decimal("0.4"))
    assert left["calls"] == 400


def test_a_maker_of_whom_nothing_is_known_has_the_longest_length_of_the_others() -> None:
    assert find_least_length("xai", "grok-4-0709") == (LONGEST, False) == (4_096, False)
    lines, (left,) = find(*send(1, 100_000, 80_000, GROK), *send(2, 4_095, 0, GROK))
    assert lines == []
    assert (left["least_tokens"], left["is_documented"], left["calls"]) == (4_096, False, 30)
    (line,), short = find(*send(1, 100_000, 80_000, GROK), *send(2, 4_096, 0, GROK))
    assert (line["calls"], short) == (30, [])


def test_of_a_row_that_sums_calls_the_mean_says_how_long_they_are() -> None:
    best = send(1, 100_000, 80_000, GPT)
    lines, (left,) = find(*best, *send(2, 40 * 1_023, 0, GPT, 1, requests=40, grain="day"))
    assert (lines, left["calls"]) == ([], 40)
    (line,), short = find(*best, *send(2, 40 * 1_024, 0, GPT, 1, requests=40, grain="day"))
    assert (line["calls"], short) == (40, [])


def test_short_calls_that_no_cache_would_make_cheaper_are_not_counted() -> None:
    assert find(*send(1, 500, 0, GPT), *send(2, 500, 0, GPT)) == ([], [])


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-opus-4-20250514", 1_024),
        ("claude-opus-4-5-20251101", 4_096),
        ("Claude Opus 4.7", 2_048),
        ("claude-sonnet-4-5-thinking", 1_024),
        ("anthropic/claude-sonnet-4.6", 2_048),
        ("claude-sonnet-4@20250514", 1_024),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", 2_048),
        ("claude-3-haiku-20240307", 2_048),
        ("claude-opus-5", 512),
        ("claude-sonnet-4-0", 1_024),
        ("anthropic/claude-sonnet-4.5:beta", 1_024),
        ("anthropic/claude-opus-4.1:batch", 1_024),
    ],
)
def test_each_model_of_anthropic_has_its_own_length_however_it_is_sold(model: str, least: int) -> None:
    assert find_least_length("anthropic", model) == (least, True)


@pytest.mark.parametrize("model", ["claude-opus-4-9", "claude-opus-4-10", "claude-haiku-9", "claude-sonnet-5-5"])
def test_a_later_version_than_any_that_is_known_has_the_longest_length_which_nobody_documents(model: str) -> None:
    assert find_least_length("anthropic", model) == (4_096, False)


@pytest.mark.parametrize(
    ("model", "least", "is_documented"),
    [
        ("gemini-2.5-flash", 2_048, True),
        ("models/gemini-2.5-flash-preview-05-20", 2_048, True),
        ("gemini-2.5-flash-lite", 4_096, False),
        ("gemini-2.5-flash-lite-preview-06-17", 4_096, False),
        ("gemini-2.5-flash-image", 4_096, False),
        ("gemini-2.5-flash-preview-tts", 4_096, False),
        ("gemini-2.5-pro", 4_096, True),
    ],
)
def test_a_word_after_the_name_of_google_s_model_makes_another_model(
    model: str, least: int, is_documented: bool
) -> None:
    assert find_least_length("google", model) == (least, is_documented)


@pytest.mark.parametrize(
    ("cost", "saved"),
    [
        ("0.25", "3.75"),  # as by the list: half of it
        ("0.30", "3.75"),  # the margin is no part of what a batch saves
        ("0.15", "0.75"),  # 0.125 each as a batch
        ("0.125", None),
        ("0.02", None),  # what a batch would be by that contract nobody knows
    ],
)
def test_a_batch_saves_at_most_what_the_calls_cost_above_its_list(cost: str, saved: str | None) -> None:
    """30 calls of 100,000 tokens of gpt-4o: 0.25 each by the list, 0.125 as a batch."""
    calls = [Call(100_000, route=GPT, usd=Decimal(cost))] * 30
    cells = sum_by_size(duckdb.from_arrow(to_table(calls, datetime(2026, 11, 20))), [GPT])
    lines = [(one["calls"], one["usd"], one["saved"]) for one in read_rows(find_discounts(cells, [], OWNERS))]
    assert lines == ([] if saved is None else [(30, 30 * Decimal(cost), Decimal(saved))])


@pytest.mark.parametrize(("cost", "saved"), [("0.25", "3"), ("0.2", "1.5"), ("0.15", None), ("0.02", None)])
def test_a_cache_saves_at_most_what_the_calls_cost_above_its_list(cost: str, saved: str | None) -> None:
    """30 calls of 100,000 tokens of gpt-4o, 80 % of them from a cache as the best sender's: 0.15 each, not 0.25."""
    dear = [one._replace(usd=Decimal(cost)) for one in send(2, 100_000, 0, GPT)]
    lines, _ = find(*send(1, 100_000, 80_000, GPT), *dear)
    found = [(one["calls"], one["usd"], one["saved"]) for one in lines]
    assert found == ([] if saved is None else [(30, 30 * Decimal(cost), Decimal(saved))])


def test_calls_whose_amount_is_not_known_are_promised_no_saving() -> None:
    unknown = [one._replace(usd=None) for one in send(2, 100_000, 0, GPT)]
    assert find(*send(1, 100_000, 80_000, GPT), *unknown) == ([], [])
