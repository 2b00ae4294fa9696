"""What the calls of a table cost that count more than tokens, and at the edges: by hand, by lists of round prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from price_samples import HOUSE, build_house, build_model, list_prices

from flexlib.errors import BadRecord
from flexlib.money.extra_counts import BASE_COUNTS, EXTRA_COUNTS
from flexlib.money.price_book import PriceBook
from flexlib.money.price_table import PRICED, price_rows, reprice_rows
from flexlib.money.prices import NO_TOKENS, explain_extra
from flexlib.money.unit_prices import UnitPrices
from flexlib.schema import USAGE

WORDS = ("provider", "model", "proxy", "task_type", "tier", "created_at")
OPEN = "house 1 cannot price the counts of this call: "


def build_call(
    model: str,
    prompt: int,
    completion: int = 0,
    cached: int = 0,
    written: int = 0,
    **more: Any,  # noqa: ANN401
) -> dict[str, Any]:
    base = dict(zip(BASE_COUNTS, (prompt, completion, cached, written), strict=True))
    words = {"provider": "openai", "model": model, "task_type": "text", "created_at": datetime(2025, 9, 10)}
    return {**words, **base, **more}


def price(calls: Sequence[dict[str, Any]], *counts: str, book: PriceBook = HOUSE) -> list[object]:
    """Of each call the amount, or else the reason, in a table that has these columns beside those of every call."""
    names = [*WORDS, *BASE_COUNTS, *counts]
    kinds = {name: USAGE.field(name).type if name in USAGE.names else pa.string() for name in names}
    rows = pa.Table.from_pylist(list(calls), pa.schema(list(kinds.items())))
    priced = price_rows(rows, book)
    assert priced.schema == PRICED
    return [
        reason if amount is None else amount
        for amount, reason in zip(priced["amount_in_usd"].to_pylist(), priced["unpriced"].to_pylist(), strict=True)
    ]


def test_each_call_of_a_table_is_charged_by_its_own_counts_and_has_its_own_reason() -> None:
    calls: list[tuple[dict[str, Any], Decimal | str]] = [
        (build_call("gone", 9, web_searches=1), "house 1 does not know 'gone' of openai"),
        (
            build_call("keeps", 9, written=5, cache_write_1h_tokens=6),
            f"{OPEN}Invalid usage data: cache_write_1h_tokens (6) cannot exceed cache_write_tokens (5)",
        ),
        # 400*3 + 600*5 = 4200 / 1e6
        (build_call("keeps", 1_000, written=1_000, cache_write_1h_tokens=600), Decimal("0.0042")),
        # 100*4 + 200*10 + 400*1 + 300*2 + 10*20 = 3600 / 1e6
        (build_call("hears", 1_000, 10, 500, input_audio_tokens=300, cache_audio_read_tokens=100), Decimal("0.0036")),
        (build_call("plain", 1_000, 100), Decimal("0.004")),  # 1000*2 + 100*20
        (
            build_call("keeps", 9, input_image_tokens=1, input_audio_tokens=1),
            "the list has no price of this model for input_audio_tokens, input_image_tokens",
        ),
        (build_call("keeps", 9, input_image_tokens=1), "the list has no price of this model for input_image_tokens"),
        (build_call("keeps", 9, input_audio_tokens=1), "the list has no price of this model for input_audio_tokens"),
        (
            build_call("keeps", 9, written=5, cache_write_1h_tokens=6, input_audio_tokens=1),
            "the list has no price of this model for input_audio_tokens",
        ),
        (
            build_call("torn", 9, written=5, cache_write_1h_tokens=5),
            f"{OPEN}Missing ancestor price for cache_write_1h_tokens: cache_write_tokens",
        ),
        (build_call("torn", 9), Decimal("0.000018")),  # 9*2
        (build_call("torn", 9, web_searches=1), "the list has no price of this model for web_searches"),
        (build_call("hears", 9, cached=5, input_audio_tokens=2, cache_audio_read_tokens=0), Decimal("0.000029")),
        (build_call("keeps", 1_000, web_searches=3), Decimal("0.023")),  # 1000*2 / 1e6 + 3*7 / 1000
        (build_call("keeps", 1_000, web_searches=0, input_image_tokens=0), Decimal("0.002")),
    ]
    assert price([call for call, _ in calls], *EXTRA_COUNTS) == [expected for _, expected in calls]
    # None of them is charged otherwise where it comes first, or with another beside it.
    assert price([call for call, _ in calls[::-1]], *EXTRA_COUNTS) == [expected for _, expected in calls[::-1]]


def test_a_count_that_a_table_does_not_have_is_not_counted_which_is_not_none() -> None:
    calls = [
        build_call("hears", 1_000, input_audio_tokens=300),
        build_call("hears", 9, cached=5, input_audio_tokens=2),
        build_call("hears", 9, cached=5),
    ]
    fresh, cached, silent = price(calls, "input_audio_tokens")
    assert fresh == Decimal("0.0044")  # 700*2 + 300*10
    assert "cache_read_tokens, input_audio_tokens require explicit" in str(cached)
    assert silent == Decimal("0.000013")  # 5*1 + 4*2


def test_only_calls_that_cannot_be_priced_are_asked_why(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, int]] = []

    def ask(book: PriceBook, unit: UnitPrices, base: Mapping[str, int], extra: Mapping[str, int]) -> str | None:
        asked.append(extra)
        return explain_extra(book, unit, base, extra)

    monkeypatch.setattr("flexlib.money.price_table.explain_extra", ask)
    kept = build_call("keeps", 1_000, written=1_000, cache_write_1h_tokens=600)
    heard = build_call("hears", 1_000, input_audio_tokens=300)
    price([kept, heard], "cache_write_1h_tokens", "input_audio_tokens")
    both = build_call("hears", 1_000, 10, 500, input_audio_tokens=300, cache_audio_read_tokens=100)
    price([both], "input_audio_tokens", "cache_audio_read_tokens")
    assert asked == []
    price([kept, build_call("keeps", 9, written=5, cache_write_1h_tokens=6)], "cache_write_1h_tokens")
    assert asked == [{"cache_write_1h_tokens": 6}]


def test_counts_that_are_all_nothing_are_priced_without_them() -> None:
    assert price([build_call("torn", 9, web_searches=0)], "web_searches") == [Decimal("0.000018")]
    assert price([build_call("torn", 9, web_searches=None)], "web_searches") == [Decimal("0.000018")]


def test_a_part_without_a_price_costs_what_it_is_among_in_google_s_lists() -> None:
    house = build_house(build_model("m", list_prices(input_mtok="2")), seller="google")
    call = build_call("m", 1_000, provider="google", input_video_tokens=400)
    assert price([call], "input_video_tokens", book=house) == [Decimal("0.002")]


def test_counts_are_added_up_also_beyond_64_bits() -> None:
    most = 2**63 - 1
    calls = [build_call("sees", 2**62, input_audio_tokens=most, input_image_tokens=most), build_call("sees", 1)]
    beyond, small = price(calls, "input_audio_tokens", "input_image_tokens")
    assert beyond == (
        f"{OPEN}Invalid usage data: input_audio_tokens (9223372036854775807) "
        "cannot exceed input_tokens (4611686018427387904)"
    )
    assert small == Decimal("0.000002")


def test_a_side_without_a_price_matters_only_where_it_has_tokens() -> None:
    calls = [
        build_call("writes", 0, 100),
        build_call("writes", 1, 100),
        build_call("reads", 100),
        build_call("reads", 1, 1),
    ]
    assert price(calls) == [
        Decimal("0.002"),
        "the list has no price for prompt tokens of this model, only output_mtok",
        Decimal("0.0002"),
        "the list has no price for completion tokens of this model, only input_mtok",
    ]


def test_no_tokens_cost_something_only_where_the_call_or_a_search_does_and_nothing_where_it_is_free() -> None:
    calls: list[tuple[dict[str, Any], Decimal | str]] = [
        (build_call("plain", 0, 0, task_type="image"), NO_TOKENS),
        (build_call("plain", 0, 0), NO_TOKENS),
        (build_call("plain", 1, 0, task_type="image"), Decimal("0.000002")),
        (build_call("plain", 0, 1, task_type="image"), Decimal("0.00002")),
        (build_call("asks", 0), Decimal(1)),
        (build_call("asks", 0, task_type="image"), NO_TOKENS),
        (build_call("given", 0), Decimal(0)),
        (build_call("given", 0, task_type="image"), Decimal(0)),
        (build_call("gone", 0), "house 1 does not know 'gone' of openai"),
    ]
    assert price([call for call, _ in calls]) == [expected for _, expected in calls]
    searches = [
        (build_call("keeps", 0, web_searches=2), Decimal("0.014")),  # 2*7 / 1000
        (build_call("keeps", 0, web_searches=1), Decimal("0.007")),
        (build_call("keeps", 0, web_searches=2, task_type="image"), NO_TOKENS),
        (build_call("keeps", 0, web_searches=0), NO_TOKENS),
        (build_call("keeps", 0, web_searches=None), NO_TOKENS),
    ]
    assert price([call for call, _ in searches], "web_searches") == [expected for _, expected in searches]


def test_prices_below_the_last_digit_of_an_amount_are_summed_before_they_are_rounded() -> None:
    """Half of 1e-10 US$ a token, and 1e-10: three tokens are 1.5 and 3 of the last digit, half goes to the even one."""
    prices = {"half": "0.00005", "whole": "0.0001"}
    house = build_house(*(build_model(name, list_prices(input_mtok=usd)) for name, usd in prices.items()))
    half, whole = build_call("half", 3), build_call("whole", 3)
    assert price([half], book=house) == [Decimal("2e-10")]
    assert price([half, whole], book=house) == [Decimal("2e-10"), Decimal("3e-10")]


def test_a_sum_of_more_steps_than_64_bits_hold_is_right_beside_cheap_ones() -> None:
    """2e9 tokens at a dollar are 2e19 times 1e-10 US$; 64 bits hold 9.2e18."""
    calls = [build_call("gold", 2 * 10**9), build_call("plain", 150)]
    assert price(calls) == [Decimal(2 * 10**9), Decimal("0.0003")]


def test_a_sum_of_more_steps_than_64_bits_hold_is_right_beside_a_model_without_that_price() -> None:
    calls = [build_call("gold", 2 * 10**9), build_call("writes", 0, 100)]  # which has a price of what it writes alone
    assert price(calls) == [Decimal(2 * 10**9), Decimal("0.002")]


def test_an_amount_stays_below_ten_thousand_million_dollars() -> None:
    assert price([build_call("gold", 9_999_999_999)]) == [9_999_999_999]
    with pytest.raises(BadRecord, match=r"10,000,000,000 USD or more; .* \(in 1 of 2 calls\)\.$"):
        price([build_call("gold", 10_000_000_000), build_call("gold", 1)])


def test_the_cache_may_hold_the_whole_prompt_and_no_more() -> None:
    assert price([build_call("keeps", 10, cached=6, written=4)]) == [Decimal("0.000024")]  # 6*2 + 4*3
    with pytest.raises(BadRecord, match=r"more than the prompt \(in 1 of 1 call\)"):
        price([build_call("keeps", 10, cached=6, written=5)])


def test_a_negative_extra_count_is_refused() -> None:
    with pytest.raises(BadRecord, match=r"negative \(in 1 of 2 calls\)"):
        price([build_call("keeps", 1, web_searches=-1), build_call("keeps", 1, web_searches=0)], "web_searches")


def test_amounts_are_of_the_kind_that_a_month_keeps() -> None:
    assert [field.name for field in PRICED] == ["amount_in_usd", "price_source", "price_date", "unpriced"]
    assert PRICED.field("amount_in_usd").type == USAGE.field("amount_in_usd").type


def test_what_another_book_would_change_is_told_with_all_that_names_the_call() -> None:
    row = {"id": "x", **build_call("plain", 1_000), "amount_in_usd": Decimal("0.001")}
    kinds = {name: USAGE.field(name).type if name in USAGE.names else pa.string() for name in row}
    diff = reprice_rows(pa.Table.from_pylist([row], pa.schema(list(kinds.items()))), HOUSE)
    assert diff.to_pylist() == [
        {
            "id": "x", "created_at": datetime(2025, 9, 10), "provider": "openai", "model": "plain",
            "old_amount": Decimal("0.001"), "new_amount": Decimal("0.002"), "price_source": "house 1 (openai)",
            "price_date": None,
        }
    ]  # fmt: skip
