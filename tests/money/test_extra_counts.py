"""A call costs the same alone and in a table, and what genai-prices itself says, whatever it counts."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

import pyarrow as pa
import pytest
from genai_prices import Usage
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import PART_OF

from flexlib import schema
from flexlib.errors import BadRecord
from flexlib.money.extra_counts import BASE_COUNTS, EXTRA_COUNTS, SELLERS_WITH_BASE_RATE
from flexlib.money.open_prices import list_hour_rules
from flexlib.money.price_book import LISTS, build_book, load_book, read_prices
from flexlib.money.price_table import PRICED, USD, price_rows, reprice_rows
from flexlib.money.prices import Price, price_call
from flexlib.money.unit_prices import TIERS, Unpriced

BOOK = load_book()
MODELS = sorted(
    (name, model.id)
    for name, seller in LISTS.items()
    for provider in BOOK.providers if provider.id == seller
    for model in provider.models if BOOK.find_model(seller, model.id) and not list_hour_rules(seller, model)
)  # fmt: skip
"""But for those with prices by the hour, of which we know days that genai-prices does not."""
WITH_EXTRA = [
    (name, model)
    for name, model in MODELS
    if (entry := BOOK.find_model(LISTS[name], model))
    and read_prices(entry.get_prices(datetime(2026, 11, 1))).keys() & set(EXTRA_COUNTS.values())
]
"""Few of some 1,700 models price extra counts; drawn from all of them alone, they would hardly be met."""

TEXTS = ("id", "provider", "model", "proxy", "task_type", "tier")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [("created_at", pa.timestamp("us"))]
    + [(name, pa.int64()) for name in (*BASE_COUNTS, *EXTRA_COUNTS)]
)
TASKS = ["text", "text", "text", "embedding", "image", "audio", "moderation"]
TOKENS = st.one_of(st.integers(0, 3_000), st.sampled_from([0, 128_000, 200_000, 200_001, 272_001, 2**40]))


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Calls of all models, most with counts that fit into one another, some with counts that contradict each other."""
    provider, model = draw(st.one_of(st.sampled_from(MODELS), st.sampled_from(WITH_EXTRA)))
    prompt, completion = draw(TOKENS), draw(TOKENS)
    cached = draw(st.integers(0, prompt))
    call: dict[str, Any] = {
        "id": "x",
        "provider": provider,
        "model": model,
        "proxy": None,
        "task_type": draw(st.sampled_from(TASKS)),
        "tier": draw(st.sampled_from([None, None, *TIERS])),
        "created_at": draw(st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31))),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": cached,
        "cache_write_tokens": draw(st.integers(0, prompt - cached)),
        **dict.fromkeys(EXTRA_COUNTS),
    }
    for name in draw(st.sets(st.sampled_from(sorted(EXTRA_COUNTS)), max_size=5)):
        most = call[PART_OF[name]] if name in PART_OF else 5
        call[name] = draw(st.one_of(st.integers(0, most), st.integers(0, most // 3), st.integers(0, most + 2)))
    return call


def price_alone(call: dict[str, Any], **more: Any) -> Price | Unpriced:  # noqa: ANN401
    words = {name: call[name] for name in ("task_type", "tier", "proxy", *BASE_COUNTS)}
    extra = {name: call[name] for name in EXTRA_COUNTS}
    return price_call(call["provider"], call["model"], call["created_at"], extra_counts=extra, **words, **more)


def describe(answer: Price | Unpriced) -> dict[str, object]:
    if isinstance(answer, Unpriced):
        return dict(zip(PRICED.names, (None, None, None, answer.reason), strict=True))
    return dict(zip(PRICED.names, (answer.amount_usd, answer.source, answer.date, None), strict=True))


def ask_genai_prices(call: dict[str, Any]) -> Decimal | str:
    """What genai-prices' own `calc_price` says of the call, rounded once as ours, or why it does not."""
    seller = LISTS[call["provider"]]
    entry = BOOK.find_model(seller, call["model"])
    assert entry is not None
    prices = entry.get_prices(call["created_at"], dict(TIERS[call["tier"] or "standard"]))
    counts = {theirs: call[ours] for ours, theirs in BASE_COUNTS.items()}
    counts |= {name: call[name] for name in EXTRA_COUNTS if call[name] is not None}
    try:
        with localcontext(prec=60):
            return prices.calc_price(Usage(**counts))["total_price"].quantize(Decimal("1e-10"), ROUND_HALF_EVEN)
    except ValueError as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(calls())
def test_price_of_a_call_is_that_of_genai_prices_wherever_both_price_it(call: dict[str, Any]) -> None:
    answer, theirs = price_alone(call), ask_genai_prices(call)
    if isinstance(answer, Price):
        assert answer.amount_usd == theirs
        assert answer.amount_usd >= 0
    elif "cannot price the counts" in answer.reason:
        assert answer.reason == f"{BOOK.name} cannot price the counts of this call: {theirs}"
    else:
        # The list does not say it, in whose place genai-prices takes 0 or the price of the base count.
        assert any(known in answer.reason for known in (
            "without a price", "has no price of this model for", "no price for", "prices parts of",
            "no tokens, no amount", "has no batch", "has no flex", "has no priority", "has no fast",
            "highest of several prices",
        )), answer.reason  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(calls(), max_size=30))
def test_law_a_call_costs_in_a_table_what_it_costs_alone_and_is_unpriced_for_the_same_reason(
    calls: list[dict[str, Any]],
) -> None:
    priced = price_rows(pa.Table.from_pylist(calls, SCHEMA))
    assert priced.schema == PRICED
    assert priced.to_pylist() == [describe(price_alone(call)) for call in calls]


def build_call(**facts: Any) -> dict[str, Any]:  # noqa: ANN401
    call = {
        "id": "x", "provider": "anthropic", "model": "claude-sonnet-4-5", "proxy": None, "task_type": "text",
        "tier": None, "created_at": datetime(2025, 9, 10), **dict.fromkeys(BASE_COUNTS, 0),
        **dict.fromkeys(EXTRA_COUNTS),
    }  # fmt: skip
    return {**call, **facts}


BY_HAND = [
    # claude-sonnet-4-5, USD a million: 3 in, 3.75 into the cache, 6 for an hour, 15 out; 10 for 1000 searches
    ({"prompt_tokens": 1_000, "cache_write_tokens": 1_000, "completion_tokens": 100}, "0.00525"),  # 3750 + 1500
    (
        {"prompt_tokens": 1_000, "cache_write_tokens": 1_000, "completion_tokens": 100, "cache_write_1h_tokens": 600},
        "0.0066",  # 400 * 3.75 + 600 * 6 + 100 * 15 = 1500 + 3600 + 1500
    ),
    ({"prompt_tokens": 1_000, "web_searches": 3}, "0.033"),  # 1000 * 3 / 1e6 + 3 * 10 / 1000
    # gemini-2.5-flash: 0.30 in, 1 for sound; a video it charges at the rate of text
    (
        {"provider": "google", "model": "gemini-2.5-flash", "prompt_tokens": 1_000, "input_audio_tokens": 400},
        "0.00058",  # 600 * 0.30 + 400 * 1
    ),
    (
        {"provider": "google", "model": "gemini-2.5-flash", "prompt_tokens": 1_000, "input_video_tokens": 400},
        "0.0003",
    ),
    # sonar at a high context: 1 in, 1 out, 12 for 1000 requests: once a call, also where it counts something else
    (
        {"provider": "perplexity", "model": "sonar", "tier": "high", "prompt_tokens": 1_000}
        | {"cache_write_1h_tokens": 0},
        "0.013",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "usd"), BY_HAND)
def test_extra_counts_cost_by_hand_what_they_cost_here(facts: dict[str, Any], usd: str) -> None:
    call = build_call(**facts)
    assert describe(price_alone(call))["amount_in_usd"] == Decimal(usd)
    assert price_rows(pa.Table.from_pylist([call], SCHEMA))["amount_in_usd"].to_pylist() == [Decimal(usd)]


def test_request_is_charged_once_in_a_call_that_counts_searches() -> None:
    price = ModelPrice(input_mtok=Decimal(1), requests_kcount=Decimal(5), web_searches_kcount=Decimal(10))
    model = ModelInfo(id="asks", match=ClauseEquals("asks"), prices=price)
    book = build_book("house", [Provider(id="openai", name="House", api_pattern="", models=[model])])
    call = build_call(provider="openai", model="asks", prompt_tokens=1_000, web_searches=2)
    assert describe(price_alone(call, book=book))["amount_in_usd"] == Decimal("0.026")  # 0.001 + 0.005 + 0.02


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (
            {"prompt_tokens": 9, "cache_write_tokens": 5, "cache_write_1h_tokens": 6},
            "cache_write_1h_tokens (6) cannot exceed cache_write_tokens (5)",
        ),
        (
            {"provider": "google", "model": "gemini-2.5-flash", "prompt_tokens": 9, "cached_tokens": 5,
             "input_audio_tokens": 6},
            "reported overlapping usage keys cache_read_tokens, input_audio_tokens require explicit",
        ),
        (
            {"prompt_tokens": 9, "input_image_tokens": 1, "input_audio_tokens": 2},
            "the list has no price of this model for input_audio_tokens, input_image_tokens",
        ),
    ],
)  # fmt: skip
def test_counts_that_leave_the_price_open_make_a_call_unpriced_with_the_reason(
    facts: dict[str, Any], reason: str
) -> None:
    call = build_call(**facts)
    assert reason in str(describe(price_alone(call))["unpriced"])
    assert price_rows(pa.Table.from_pylist([call], SCHEMA)).to_pylist() == [describe(price_alone(call))]


def test_nothing_counted_is_another_thing_than_not_counted() -> None:
    heard = build_call(
        provider="google", model="gemini-2.5-flash", prompt_tokens=9, cached_tokens=5, input_audio_tokens=2
    )
    assert isinstance(price_alone(heard), Unpriced)
    assert isinstance(price_alone({**heard, "cache_audio_read_tokens": 0}), Price)
    priced = price_rows(pa.Table.from_pylist([heard, {**heard, "cache_audio_read_tokens": 0}], SCHEMA))
    assert [one is None for one in priced["amount_in_usd"].to_pylist()] == [True, False]


def test_negative_extra_counts_are_refused_alone_and_in_tables() -> None:
    call = build_call(prompt_tokens=9, web_searches=-1)
    for ask in (price_alone, lambda one: price_rows(pa.Table.from_pylist([one], SCHEMA))):
        with pytest.raises(BadRecord, match="negative"):
            ask(call)


def test_counts_near_the_end_of_64_bits_are_compared_and_not_wrapped_around() -> None:
    call = build_call(
        provider="google", model="gemini-2.5-flash", prompt_tokens=2**62, cached_tokens=2**62,
        input_audio_tokens=2**62, cache_audio_read_tokens=2**62,
    )  # fmt: skip
    with pytest.raises(BadRecord, match="10,000,000,000 USD or more"):
        price_rows(pa.Table.from_pylist([call], SCHEMA))
    call["input_audio_tokens"] = 2**62 + 1
    assert price_rows(pa.Table.from_pylist([call], SCHEMA)).to_pylist() == [describe(price_alone(call))]


def test_list_that_genai_prices_cannot_use_prices_no_call_with_extra_counts() -> None:
    price = ModelPrice(input_mtok=Decimal(1), cache_write_1h_mtok=Decimal(3))
    model = ModelInfo(id="torn", match=ClauseEquals("torn"), prices=price)
    book = build_book("house", [Provider(id="openai", name="House", api_pattern="", models=[model])])
    call = build_call(provider="openai", model="torn", prompt_tokens=9, cache_write_tokens=5, cache_write_1h_tokens=5)
    reason = (
        "house cannot price the counts of this call: "
        "Missing ancestor price for cache_write_1h_tokens: cache_write_tokens"
    )
    assert price_alone(call, book=book) == Unpriced(reason)
    assert price_rows(pa.Table.from_pylist([call, call], SCHEMA), book)["unpriced"].to_pylist() == [reason, reason]


def test_another_book_reprices_calls_with_extra_counts_as_it_prices_them_alone() -> None:
    price = ModelPrice(input_mtok=Decimal(1), cache_write_mtok=Decimal(2), cache_write_1h_mtok=Decimal(4))
    model = ModelInfo(id="claude-sonnet-4-5", match=ClauseEquals("claude-sonnet-4-5"), prices=price)
    house = build_book("house", [Provider(id="anthropic", name="House", api_pattern="", models=[model])])
    call = build_call(prompt_tokens=1_000, cache_write_tokens=1_000, cache_write_1h_tokens=600)
    rows = pa.Table.from_pylist([call], SCHEMA).append_column("amount_in_usd", pa.array([Decimal("0.0051")], USD))
    assert reprice_rows(rows).num_rows == 0  # 400 * 3.75 + 600 * 6 = 5100 a million
    diff = reprice_rows(rows, house).to_pylist()
    assert [one["new_amount"] for one in diff] == [Decimal("0.0032")]  # 400 * 2 + 600 * 4
    assert diff[0]["new_amount"] == describe(price_alone(call, book=house))["amount_in_usd"]


def test_extra_counts_are_the_columns_of_the_usage_schema() -> None:
    assert tuple(EXTRA_COUNTS) == schema.EXTRA_COUNTS


def test_parts_and_their_bases_are_those_of_genai_prices() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns of counts that it does not know
        Usage(**dict.fromkeys((*BASE_COUNTS.values(), *EXTRA_COUNTS), 1))
    assert PART_OF.keys() == EXTRA_COUNTS.keys() - {"web_searches"}
    assert set(PART_OF.values()) <= BASE_COUNTS.keys()
    assert set(LISTS.values()) >= SELLERS_WITH_BASE_RATE


def test_moments_with_a_zone_are_priced_as_their_utc() -> None:
    utc = build_call(
        provider="deepseek", model="deepseek-chat", prompt_tokens=9_999, created_at=datetime(2025, 5, 1, 16, 30)
    )
    there = {**utc, "created_at": datetime(2025, 5, 1, 12, 30, tzinfo=timezone(timedelta(hours=-4)))}
    assert price_alone(there) == price_alone(utc)
