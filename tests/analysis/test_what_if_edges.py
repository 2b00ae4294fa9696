"""What calls would have cost elsewhere, at the edges: by hand, from sums of calls and a list of round prices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from genai_prices.types import PriceVariant
from price_samples import build_house, build_model, list_prices

from flexlib.analysis.cells import Route, price_cell
from flexlib.analysis.discounts import DISCOUNTS, find_discounts
from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if import AMOUNTS, MOVED, reprice, sum_moves
from flexlib.money.prices import Price

MILLION = 1_000_000
DEAR, FAIR, CHEAP = (Route("openai", name) for name in ("dear", "fair", "cheap"))
HALVED = [PriceVariant({"processing": "batch"}, list_prices(input_mtok="5", output_mtok="5"))]
HOUSE = build_house(
    build_model("dear", list_prices(input_mtok="10", output_mtok="10", cache_read_mtok="2"), HALVED),
    build_model("even", list_prices(input_mtok="5", output_mtok="5"), HALVED),  # a batch costs as much
    build_model(
        "tiers",
        list_prices(input_mtok="4", output_mtok="4"),  # as a batch it costs more
        [*HALVED, PriceVariant({"service_tier": "flex"}, list_prices(input_mtok="8", output_mtok="8"))],
    ),
    build_model("fair", list_prices(input_mtok="5", output_mtok="5")),
    build_model("cheap", list_prices(input_mtok="1", output_mtok="1")),
    build_model(
        "keeps",
        list_prices(
            input_mtok="10", output_mtok="10", cache_read_mtok="2", cache_write_mtok="15", cache_write_1h_mtok="25"
        ),
    ),
    build_model(
        "hears",
        list_prices(
            input_mtok="10", output_mtok="10", cache_read_mtok="2", input_audio_mtok="20", cache_audio_read_mtok="4"
        ),
    ),
    build_model("asks", list_prices(input_mtok="1", output_mtok="1", requests_kcount="1000")),  # a dollar a call
)
"""US$ for a million tokens."""


def make_cell(usd: str, route: Route = DEAR, prompt: int = MILLION, answer: int = 0, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "task_type": "text", "provider": route.provider, "model": route.model, "proxy": None, "tier": None,
        "requests": 1, "prompt_tokens": prompt, "completion_tokens": answer, "cached_tokens": 0,
        "cache_write_tokens": 0, "amount_in_usd": Decimal(usd), "least": prompt, "size": 0, "is_call": True,
        "is_long": True, "is_counted": True, "is_priced": True, "moment": datetime(2025, 9, 5), "extra": {},
        "usable_id": 1, **more,
    }  # fmt: skip


def move(*cells: dict[str, Any], to: tuple[Route, ...] = (CHEAP,)) -> list[dict[str, Any]]:
    return read_rows(reprice(cells, {"text": to}, book=HOUSE))


def test_the_largest_saving_is_first_and_calls_without_an_amount_or_a_route_are_in_none() -> None:
    found = reprice(
        [make_cell("10"), make_cell("99", is_priced=False), make_cell("7", task_type="image")],
        {"text": [FAIR, CHEAP]},
        book=HOUSE,
    )
    assert list(found.columns) == [*MOVED]
    assert [(row["to_model"], row["usd"]) for row in read_rows(found)] == [("cheap", 1), ("fair", 5)]
    saved = move(make_cell("10"), make_cell("100", FAIR, prompt=90 * MILLION))
    assert [row["model"] for row in saved] == ["fair", "dear"]  # 10 and 9 less
    assert found.dtypes[["calls", "unpriced_calls"]].astype(str).to_list() == ["int64", "int64"]
    nothing = reprice([], {}, book=HOUSE)
    assert list(nothing.columns) == [*MOVED]
    assert nothing.dtypes[["calls", "unpriced_calls"]].astype(str).to_list() == ["int64", "int64"]
    assert move(make_cell("3", FAIR), to=(FAIR._replace(tier="batch"),))[0]["unpriced_calls"] == 1


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        ("1.3501", "saves"),
        ("1.35", "may save"),  # as much as it may cost there: 1.35 times as many tokens
        ("0.741", "may save"),
        ("0.74", "costs more"),  # 1 / 1.35 is 0.7407
    ],
)
def test_it_saves_where_the_whole_range_is_below_what_was_paid(now: str, outcome: str) -> None:
    (line,) = move(make_cell(now))
    assert (line["usd"], line["low_usd"], line["high_usd"]) == (1, Decimal("0.7407407407"), Decimal("1.35"))
    assert line["outcome"] == outcome


GPT_4O, GPT_5, SONNET = Route("openai", "gpt-4o"), Route("openai", "gpt-5"), Route("anthropic", "claude-sonnet-4")


@pytest.mark.parametrize(
    ("here", "to", "now", "outcome", "most"),
    [
        (SONNET, GPT_5, "15.3501", "saves", "15.35"),  # 1.35 for the prompt and 14 for the answers
        (SONNET, GPT_5, "15.35", "may save", "15.35"),
        (SONNET, GPT_5, "3.06", "may save", "15.35"),  # the whole range, 1.33 to 3.05, is below
        (SONNET, GPT_4O, "3.06", "saves", "3.05"),  # known not to think: 1.7 times as long at most
        (GPT_5, GPT_4O, "0.82", "may save", "3.05"),  # what is paid is of answers 14 times as long
        (GPT_5, GPT_4O, "0.81", "costs more", "3.05"),  # 1 / 1.35 and 1 / 14 are 0.8122
        (GPT_4O, GPT_5, "1.33", "may save", "15.35"),
        (GPT_4O, GPT_5, "1.32", "costs more", "15.35"),  # 1 / 1.35 and 1 / 1.7 are 1.329
    ],
)
def test_a_model_that_may_think_first_is_cheaper_in_any_case_only_with_14_times_as_long_answers(
    here: Route, to: Route, now: str, outcome: str, most: str
) -> None:
    price = list_prices(input_mtok="1", output_mtok="1")
    house = build_house(build_model(to.model, price), build_model(here.model, price))
    (line,) = read_rows(reprice([make_cell(now, here, answer=MILLION)], {"text": [to]}, book=house))
    assert (line["outcome"], line["most_usd"]) == (outcome, Decimal(most))
    assert (line["low_usd"], line["high_usd"]) == (Decimal("1.3289760349"), Decimal("3.05"))


def test_by_the_same_list_nothing_is_saved() -> None:
    (line,) = move(make_cell("1", CHEAP))
    assert (line["usd"], line["low_usd"], line["high_usd"], line["outcome"]) == (1, 1, 1, "costs more")


@pytest.mark.parametrize(
    ("now", "answer", "times"),
    [
        ("1.5", MILLION, Fraction(1, 2)),  # 0.50 are left for answers that cost 1
        ("9", 2 * MILLION, Fraction(4)),
        ("1", MILLION, None),  # the prompt alone costs as much
        ("0.5", MILLION, None),
        ("9", 0, None),  # no answers
    ],
)
def test_answers_may_be_so_many_times_as_long(now: str, answer: int, times: Fraction | None) -> None:
    assert move(make_cell(now, answer=answer))[0]["break_even"] == times


def test_what_is_charged_by_the_call_is_in_no_range() -> None:
    (line,) = move(make_cell("10", answer=MILLION), to=(Route("openai", "asks"),))
    # A dollar each for the prompt, the answer and the call; 1.35 and 1.7 times as many tokens at most.
    assert (line["usd"], line["high_usd"]) == (3, Decimal("4.05"))
    assert line["break_even"] == 8


def test_calls_that_the_other_list_cannot_price_are_told_with_what_most_of_them_lack() -> None:
    heard = make_cell("10", extra={"input_audio_tokens": 5}, requests=2)
    (line,) = move(make_cell("10", tier="flex"), heard, make_cell("10"), make_cell("10", requests=3))
    assert (line["calls"], line["now_usd"], line["usd"], line["unpriced_calls"]) == (4, 20, 2, 3)
    assert line["unpriced"] == "the list has no price of this model for input_audio_tokens"
    assert line["list_usd"] == 20
    (stays,) = move(make_cell("3", tier="flex"), make_cell("10"), to=(DEAR,))
    assert (stays["calls"], stays["usd"], stays["list_usd"]) == (2, 13, None)  # of which one has none


def test_a_task_costs_by_a_route_what_is_there_already_and_what_would_move_there() -> None:
    there = Route("openai", "cheap", tier="batch")
    moves = reprice([make_cell("10"), make_cell("3", CHEAP), make_cell("2", DEAR, tier="flex", task_type="code")],
                    {"text": [FAIR, CHEAP], "code": [CHEAP]}, book=HOUSE)  # fmt: skip
    found = sum_moves(moves)
    assert list(found.columns) == ["task_type", "to_provider", "to_model", "to_proxy", "to_tier", *AMOUNTS]
    assert [tuple(row[name] for name in ("task_type", "to_model", *AMOUNTS)) for row in read_rows(found)] == [
        ("code", "cheap", 0, 0, 0, 0, 0, 1),
        # Those of cheap cost 3 as they do, whatever its list says.
        ("text", "cheap", 2, 13, 4, 3 + Decimal("0.7407407407"), Decimal("4.35"), 0),
        ("text", "fair", 2, 13, 10, Decimal("7.4074074074"), Decimal("13.5"), 0),
    ]
    stays = read_rows(sum_moves(reprice([make_cell("9", FAIR)], {"text": [DEAR, FAIR]}, book=HOUSE)))
    assert [(row["to_model"], row["usd"]) for row in stays] == [("fair", 9), ("dear", 10)]  # though that may cost 7.41
    asks = Route("openai", "asks")
    ordered = read_rows(sum_moves(reprice([make_cell("10")], {"text": [there, asks, CHEAP]}, book=HOUSE)))
    # The cheapest first, what cannot price all of it last.
    assert [(row["to_model"], row["usd"], row["unpriced_calls"]) for row in ordered] == [
        ("cheap", 1, 0), ("asks", 2, 0), ("cheap", 0, 1),
    ]  # fmt: skip


def price_by_list(cell: dict[str, Any]) -> dict[str, Any]:
    """The cell with what its calls cost by their list, where the list can tell; as it is where it has an amount."""
    price = price_cell(cell, Route(cell["provider"], cell["model"]), HOUSE)
    if cell["amount_in_usd"] or not isinstance(price, Price):
        return cell
    return cell | {"amount_in_usd": sum(price.parts)}


def discount(*given: dict[str, Any], owned: bool = False) -> list[dict[str, Any]]:
    cells = [price_by_list(one) for one in given]
    found = find_discounts([] if owned else cells, cells if owned else [], ("usable_id",), book=HOUSE)
    assert list(found.columns) == [*DISCOUNTS]
    assert list(found.index) == [*range(len(found))]
    return read_rows(found)


@pytest.mark.parametrize(
    ("tier", "calls"),
    [
        *((None, 30), ("standard", 30), ("Default", 30), ("flex", 0), ("batch", 0)),
        *(("0-200k", 30), ("standard + 200k-1m", 30), ("fast + 0-200k", 0)),  # as Anthropic sums its calls
    ],
)
def test_thirty_calls_that_were_no_batch_would_have_cost_half_as_one(tier: str | None, calls: int) -> None:
    found = discount(make_cell("0", requests=30, tier=tier))
    assert [(one["discount"], one["calls"], one["usd"], one["saved"]) for one in found] == [("batch", 30, 10, 5)][
        :calls
    ]
    assert discount(make_cell("0", requests=29, tier=tier)) == []
    assert discount(make_cell("0", FAIR, requests=30, tier=tier)) == []  # whose list has no batch


def test_a_batch_that_costs_no_less_is_no_discount_nor_is_one_of_calls_of_another_tier() -> None:
    even, tiers = Route("openai", "even"), Route("openai", "tiers")
    assert discount(make_cell("0", even, requests=30)) == []  # 5 either way
    assert discount(make_cell("0", tiers, requests=30)) == []  # 5 in the place of 4
    assert discount(make_cell("0", tiers, requests=30, tier="flex")) == []  # 5, not 8: theirs is another


def test_sound_is_not_held_to_be_read_from_a_cache_where_the_list_does_not_tell_what_that_costs() -> None:
    hears = Route("openai", "hears")
    best = make_cell("0", hears, cached_tokens=400_000, requests=30)
    other = make_cell("0", hears, requests=30, usable_id=2)
    assert [one["saved"] for one in discount(best, other, owned=True)] == [Decimal("3.2")]
    assert discount(best, other | {"extra": {"input_audio_tokens": 200_000}}, owned=True) == []


def test_the_largest_discount_is_first() -> None:
    found = discount(make_cell("0", requests=30), make_cell("0", requests=30, prompt=3 * MILLION, task_type="code"))
    assert [(one["task_type"], one["saved"]) for one in found] == [("code", 15), ("text", 5)]


@pytest.mark.parametrize(
    ("read", "written", "requests", "saved"),
    [
        (0, 0, 30, "3.2"),  # 400,000 more from the cache at 8 less
        (200_000, 0, 30, "1.6"),
        (200_001, 0, 30, None),  # not a fifth less than the best
        (0, 500_000, 30, "3.2"),
        (0, MILLION, 30, "3.2"),  # each time anew, though it may have been sent before
        (0, 0, 29, None),
    ],
)
def test_who_reads_a_fifth_less_from_the_cache_than_the_best_could_have_saved_that(
    read: int, written: int, requests: int, saved: str | None
) -> None:
    best = make_cell("0", cached_tokens=400_000, requests=30)
    other = make_cell("0", cached_tokens=read, cache_write_tokens=written, requests=requests, usable_id=2)
    found = discount(best, other, owned=True)
    assert [one["saved"] for one in found] == ([] if saved is None else [Decimal(saved)])
    for one in found:
        assert (one["discount"], one["calls"], one["best_share"]) == ("cache", 30, Fraction(2, 5))
        assert one["share"] == Fraction(read, MILLION)
        assert one["usd"] == 10 - 8 * Decimal(read) / MILLION
    assert discount(best, owned=True) == []
    assert discount(make_cell("0", requests=29), owned=True) == []


@pytest.mark.parametrize(
    ("written", "hour", "saved"),
    [
        (0, None, "3.2"),  # 400,000 more from the cache at 8 less
        (100_000, None, "3.7"),  # of which 100,000 were written to it at 13
        (900_000, None, "5.2"),  # and all of them
        (900_000, 0, "5.2"),
        (900_000, 100_000, "6.2"),  # 100,000 of these for an hour at 23
        (900_000, 900_000, "9.2"),
    ],
)
def test_what_is_written_to_a_cache_each_time_anew_could_at_most_have_been_read_from_it_first(
    written: int, hour: int | None, saved: str
) -> None:
    keeps, extra = Route("openai", "keeps"), {} if hour is None else {"cache_write_1h_tokens": hour}
    best = make_cell("0", keeps, cached_tokens=400_000, requests=30)
    other = make_cell("0", keeps, cache_write_tokens=written, requests=30, usable_id=2, extra=extra)
    (found,) = discount(best, other, owned=True)
    assert (found["saved"], found["share"], found["best_share"]) == (Decimal(saved), 0, Fraction(2, 5))
