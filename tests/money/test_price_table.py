"""Whole tables of calls cost to the digit what their calls cost alone."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.errors import BadRecord
from flexlib.money.price_book import PriceBook, build_book, load_book
from flexlib.money.price_table import PRICED, price_rows, reprice_rows
from flexlib.money.prices import UNKNOWN_REQUESTS, Price, price_call
from flexlib.money.unit_prices import UnitPrices, Unpriced, find_unit_prices
from flexlib.schema import USAGE

COLUMNS = [
    *("id", "created_at", "provider", "model", "proxy", "task_type", "amount_in_usd"),
    *("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens"),
]
SCHEMA = pa.schema([USAGE.field(name) for name in COLUMNS] + [pa.field("tier", pa.string()), USAGE.field("requests")])

MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "o3"),
    ("openai", "gpt-5.4"),
    ("openai", "gpt-audio"),
    ("openai", "gpt-image-1"),
    ("openai", "omni-moderation-latest"),
    ("openai", "text-embedding-3-small"),
    ("openai", "whisper-1"),
    ("openai", "gpt-99"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "MODEL_CLAUDE_4_SONNET"),
    ("anthropic", "us.anthropic.claude-opus-4-6-v1"),
    ("anthropic", "claude-opus-4-6-fast"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-3-flash-preview"),
    ("deepseek", "deepseek-chat"),
    ("deepseek", "deepseek-v4-flash"),
    ("perplexity", "sonar"),
    ("perplexity", "sonar-deep-research"),
    ("xai", "grok-4"),
    ("stability", "sdxl"),
    ("unknown", "gpt-4o"),
]
TASKS = ["text", "text", "text", "embedding", "image", "audio", "fine_tuning", "moderation"]
EDGES = [0, 1, 128_000, 199_999, 200_000, 200_001, 272_000, 272_001, 1_000_000, 10**9]

tokens = st.one_of(st.integers(0, 400_000), st.sampled_from(EDGES))


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    provider, model = draw(st.sampled_from(MODELS))
    prompt = draw(tokens)
    cached = draw(st.integers(0, prompt))
    return {
        "id": "x",
        "created_at": draw(st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31))),
        "provider": provider,
        "model": model,
        "proxy": draw(st.sampled_from([None, None, None, "openrouter", "windsurf"])),
        "task_type": draw(
            st.sampled_from(["text", "text", "embedding", "image", "audio", "fine_tuning", "moderation"])
        ),
        "prompt_tokens": prompt,
        "completion_tokens": draw(tokens),
        "cached_tokens": cached,
        "cache_write_tokens": draw(st.integers(0, prompt - cached)),
        "tier": draw(st.sampled_from([None, None, None, "batch", "flex", "priority", "scale", "low"])),
        "requests": draw(st.sampled_from([1, 1, 2, 50, 1000, None])),
    }


def build_call(**facts: object) -> dict[str, Any]:
    call = {
        "id": "x", "created_at": datetime(2025, 9, 10), "provider": "openai", "model": "gpt-4o", "task_type": "text",
        "prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0, "cache_write_tokens": 0, "requests": 1,
    }  # fmt: skip
    return {**call, **facts}


def build_rows(calls: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(calls, SCHEMA)


def price_alone(call: dict[str, Any]) -> dict[str, object]:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "task_type", "tier", "proxy")
    facts: dict[str, Any] = {name: call.get(name) for name in names} | {"requests": call["requests"]}
    answer = price_call(call["provider"], call["model"], call["created_at"], **facts)
    if isinstance(answer, Unpriced):
        return dict(zip(PRICED.names, (None, None, None, answer.reason), strict=True))
    return dict(zip(PRICED.names, (answer.amount_usd, answer.source, answer.date, None), strict=True))


@settings(max_examples=150, deadline=None)
@given(st.lists(calls(), max_size=40))
def test_table_says_of_each_call_what_is_said_of_it_alone(calls: list[dict[str, Any]]) -> None:
    priced = price_rows(build_rows(calls))
    assert priced.schema == PRICED
    assert priced.to_pylist() == [price_alone(call) for call in calls]


CHANGES = [
    *(datetime(2025, 6, day, hour, minute) for day in (9, 10) for hour, minute in ((0, 0), (0, 29), (0, 30), (16, 29))),
    *(datetime(2025, 6, day, 16, 30) for day in (9, 10)),
    *(datetime(2026, 11, 1, hour, 59) + timedelta(minutes=more) for hour in (0, 3, 5, 9) for more in (0, 1)),
]
"""Moments just before and at a change of a price: the day of o3, the hours of deepseek."""


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(
            build_call,
            model=st.sampled_from(["o3", "claude-sonnet-4-5", "deepseek-chat", "deepseek-v4-flash"]),
            created_at=st.sampled_from(CHANGES),
            prompt_tokens=st.sampled_from([200_000, 200_001]),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_calls_of_one_model_on_both_sides_of_a_change_do_not_share_a_price(calls: list[dict[str, Any]]) -> None:
    sellers = {"o3": "openai", "claude-sonnet-4-5": "anthropic"}
    calls = [{**call, "provider": sellers.get(call["model"], "deepseek")} for call in calls]
    assert price_rows(build_rows(calls)).to_pylist() == [price_alone(call) for call in calls]


@pytest.mark.parametrize(
    ("usd_per_million", "usd"), [("0.00015", "2e-10"), ("0.00025", "2e-10"), ("0.08333333333333334", "833e-10")]
)
def test_amounts_are_rounded_once_half_to_even(usd_per_million: str, usd: str) -> None:
    priced = price_rows(build_rows([build_call(prompt_tokens=1)]), build_house(usd_per_million))
    assert priced["amount_in_usd"].to_pylist() == [Decimal(usd)]


def test_rows_keep_their_order_over_slices_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexlib.money.price_table.SLICE_ROWS", 7)
    rows = build_rows([build_call(prompt_tokens=number) for number in range(1, 51)])
    chunked = pa.concat_tables([rows.slice(0, 13), rows.slice(13)])
    assert price_rows(chunked)["amount_in_usd"].to_pylist() == [Decimal(number) * 25 / 10**7 for number in range(1, 51)]


def test_months_are_priced_in_any_zone_and_unit_of_time() -> None:
    moment = datetime(2025, 6, 9, 23, 59, tzinfo=timezone.utc)
    rows = build_rows([build_call(model="o3", created_at=moment, prompt_tokens=1_000)])
    there = rows["created_at"].cast(pa.timestamp("ns", "UTC")).cast(pa.timestamp("ns", "America/Santiago"))
    rows = rows.set_column(1, "created_at", there)
    assert price_rows(rows)["amount_in_usd"].to_pylist() == [Decimal("0.01")]


def test_empty_table_has_empty_prices() -> None:
    assert price_rows(build_rows([])).equals(PRICED.empty_table())


def test_table_is_not_changed() -> None:
    rows = build_rows([build_call(prompt_tokens=1_000)])
    before = rows.to_pylist()
    price_rows(rows)
    assert rows.to_pylist() == before


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"prompt_tokens": -1}, r"negative \(in 1 of 2 calls\)"),
        ({"prompt_tokens": 1, "cached_tokens": 2}, "more than the prompt"),
        ({"completion_tokens": 10**16}, "10,000,000,000 USD or more"),
    ],
)
def test_counts_that_cannot_be_are_refused_and_counted(facts: dict[str, int], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        price_rows(build_rows([build_call(), build_call(**facts)]))


def test_as_many_prices_are_looked_up_as_the_models_have_in_the_month(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, datetime, int]] = []

    def ask(book: PriceBook, provider: str, model: str, moment: datetime, **more: Any) -> UnitPrices | Unpriced:  # noqa: ANN401
        asked.append((model, moment, more["prompt_tokens"]))
        return find_unit_prices(book, provider, model, moment, **more)

    monkeypatch.setattr("flexlib.money.price_keys.find_unit_prices", ask)
    models = ["gpt-4o", "o3", "claude-sonnet-4-5", "deepseek-chat"]
    sellers = {"claude-sonnet-4-5": "anthropic", "deepseek-chat": "deepseek"}
    month = [
        build_call(provider=sellers.get(model, "openai"), model=model, prompt_tokens=prompt_tokens,
                   created_at=datetime(2025, 6, 1) + timedelta(hours=hour))
        for model in models for hour in range(720) for prompt_tokens in (0, 33_000, 200_000, 200_001)
    ]  # fmt: skip
    price_rows(build_rows(month))
    # o3 fell on the 10th, Sonnet has two brackets, DeepSeek charged less from 16:30 to 0:30: hours on each side.
    assert Counter(model for model, _, _ in asked) == {
        "gpt-4o": 1, "o3": 2, "claude-sonnet-4-5": 2, "deepseek-chat": 3,
    }  # fmt: skip


def build_house(usd_per_million: str) -> PriceBook:
    """A book in which gpt-4o costs this much, prompt and completion alike."""
    price = ModelPrice(input_mtok=Decimal(usd_per_million), output_mtok=Decimal(usd_per_million))
    model = ModelInfo(id="gpt-4o", match=ClauseEquals("gpt-4o"), prices=price)
    return build_book("house 2", [Provider(id="openai", name="House", api_pattern="", models=[model])])


def test_another_book_shows_old_and_new_amounts_of_the_calls_it_changes() -> None:
    later, sooner = datetime(2025, 9, 11), datetime(2025, 9, 10)
    rows = build_rows(
        [
            build_call(id="c", created_at=later, prompt_tokens=1_000, amount_in_usd=Decimal("0.0025")),
            build_call(id="b", created_at=sooner, prompt_tokens=1_000, amount_in_usd=None),
            build_call(id="a", created_at=sooner, prompt_tokens=1_000, amount_in_usd=Decimal("0.003")),  # right already
            build_call(id="d", created_at=sooner, model="gone", prompt_tokens=1_000, amount_in_usd=Decimal("0.5")),
        ]
    )
    diff = reprice_rows(rows, build_house("3"))
    assert diff.select(["id", "created_at", "model", "old_amount", "new_amount", "price_source"]).to_pylist() == [
        {
            "id": "b", "created_at": sooner, "model": "gpt-4o", "old_amount": None, "new_amount": Decimal("0.003"),
            "price_source": "house 2 (openai)",
        },
        {
            "id": "c", "created_at": later, "model": "gpt-4o", "old_amount": Decimal("0.0025"),
            "new_amount": Decimal("0.003"), "price_source": "house 2 (openai)",
        },
    ]  # fmt: skip


def test_same_book_changes_nothing() -> None:
    rows = build_rows([build_call(prompt_tokens=number, created_at=datetime(2025, 9, 1) + timedelta(hours=number))
                       for number in range(1, 101)])  # fmt: skip
    priced = rows.set_column(
        rows.column_names.index("amount_in_usd"), "amount_in_usd", price_rows(rows)["amount_in_usd"]
    )
    assert reprice_rows(priced).num_rows == 0
    assert reprice_rows(rows).num_rows == 100


def test_free_call_repriced_is_not_taken_for_an_unpriced_one() -> None:
    free = build_call(model="omni-moderation-latest", task_type="moderation", prompt_tokens=9)
    assert isinstance(price_alone(free)["amount_in_usd"], Decimal)
    assert reprice_rows(build_rows([{**free, "amount_in_usd": Decimal(0)}]), load_book()).num_rows == 0
    assert reprice_rows(build_rows([{**free, "amount_in_usd": None}]), load_book())["new_amount"].to_pylist() == [0]


@pytest.mark.parametrize(
    ("provider", "model", "tier", "calls", "prompt", "completion"),
    [
        ("google", "gemini-2.5-pro", None, 100, 10_000, 500),  # together over the long context, none of them alone
        ("perplexity", "sonar", "medium", 500, 100, 50),  # a charge for each request
        ("openai", "gpt-4o", None, 7, 1_000, 10),
    ],
)
def test_a_sum_of_equal_calls_costs_what_they_cost(
    provider: str, model: str, tier: str | None, calls: int, prompt: int, completion: int
) -> None:
    moment = datetime(2026, 5, 1, tzinfo=timezone.utc)
    one = price_call(provider, model, moment, prompt_tokens=prompt, completion_tokens=completion, tier=tier)
    tokens: dict[str, Any] = {"prompt_tokens": calls * prompt, "completion_tokens": calls * completion}
    summed = price_call(provider, model, moment, **tokens, tier=tier, requests=calls)
    assert isinstance(one, Price)
    assert isinstance(summed, Price)
    assert summed.amount_usd == calls * one.amount_usd
    row = {
        "provider": provider,
        "model": model,
        "task_type": "text",
        "tier": tier,
        "created_at": moment.replace(tzinfo=None),
        **tokens,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "requests": calls,
    }
    kinds = [(name, USAGE.field(name).type) for name in row]
    (priced,) = price_rows(pa.Table.from_pylist([row], pa.schema(kinds))).to_pylist()
    assert priced["amount_in_usd"] == summed.amount_usd


@pytest.mark.parametrize(
    ("provider", "model", "tier", "prompt", "amount"),
    [
        ("google", "gemini-2.5-pro", None, 200_001, None),  # dearer where a prompt is long
        ("google", "gemini-2.5-pro", None, 200_000, Decimal("0.25")),  # none of them can be
        ("perplexity", "sonar", "low", 1000, None),  # a charge for each request
        ("openai", "gpt-4o", None, 1000, Decimal("0.0025")),  # it costs the same in one call and in a hundred
    ],
)
def test_a_sum_of_an_unknown_number_of_calls_is_priced_only_where_the_number_makes_no_difference(
    provider: str, model: str, tier: str | None, prompt: int, amount: Decimal | None
) -> None:
    facts = {"provider": provider, "model": model, "tier": tier, "prompt_tokens": prompt, "requests": None}
    (priced,) = price_rows(build_rows([build_call(created_at=datetime(2026, 5, 1), **facts)])).to_pylist()
    assert priced["amount_in_usd"] == amount
    assert (priced["unpriced"] == UNKNOWN_REQUESTS) == (amount is None)
