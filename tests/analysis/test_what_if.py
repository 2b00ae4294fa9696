"""What calls would have cost elsewhere, by hand: in their own brackets, as ranges, with what is left out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import BLANK

from flexlib.analysis.accepted import measure_accepted
from flexlib.analysis.cells import Route, sum_by_size
from flexlib.analysis.discounts import find_discounts
from flexlib.analysis.frames import read_rows
from flexlib.analysis.what_if import reprice, sum_moves
from flexlib.money.prices import Price, price_call
from flexlib.schema import USAGE
from flexlib.store.engines import to_exact_frame
from flexlib.tables.what_if import table_savings

SEPTEMBER = datetime(2025, 9, 5, 12)
GPT_4O, MINI, PRO = Route("openai", "gpt-4o"), Route("openai", "gpt-4o-mini"), Route("google", "gemini-2.5-pro")
OWNERS = ("usable_id",)


class Call(NamedTuple):
    prompt: int
    answer: int = 0
    route: Route = GPT_4O
    usd: Decimal | None | str = "list"
    cached: int = 0
    minutes: int = 0
    columns: dict[str, Any] = {}  # noqa: RUF012 (nobody changes it)


def to_table(calls: Sequence[Call], first: datetime = SEPTEMBER) -> pa.Table:
    """The calls as rows; what one costs is by the list where it is not said."""

    def fill(number: int, call: Call) -> dict[str, Any]:
        moment = first + timedelta(minutes=call.minutes, microseconds=number)
        counts: dict[str, Any] = {
            "prompt_tokens": call.prompt,
            "completion_tokens": call.answer,
            "cached_tokens": call.cached,
        }
        route: dict[str, Any] = {"provider": call.route.provider, "model": call.route.model, "proxy": call.route.proxy}
        usd = call.usd
        if usd == "list":
            price = price_call(**counts, **route, created_at=moment)
            usd = price.amount_usd if isinstance(price, Price) else None
        return BLANK | counts | route | {
            "id": str(number), "created_at": moment, "updated_at": moment, "task_type": "text", "amount_in_usd": usd,
            "cache_write_tokens": 0, "total_tokens": call.prompt + call.answer, **call.columns,
        }  # fmt: skip

    return pa.Table.from_pylist([fill(number, call) for number, call in enumerate(calls)], schema=USAGE)


def move(calls: Sequence[Call], *routes: Route) -> list[dict[str, Any]]:
    return read_rows(reprice(sum_by_size(duckdb.from_arrow(to_table(calls)), routes), {"text": routes}))


def test_each_call_is_in_the_bracket_of_its_own_prompt_and_not_of_the_mean() -> None:
    (line,) = move([Call(100_000, 1_000), Call(300_000, 1_000)], PRO)
    # 1.25 and 10 US$ a million up to 200,000 tokens, 2.50 and 15 above: 0.125 + 0.010 + 0.750 + 0.015.
    assert line["usd"] == Decimal("0.9")
    assert line["now_usd"] == Decimal("1.02")  # 2.50 and 10 US$ of gpt-4o, whatever the size


def test_a_prompt_that_may_come_to_more_tokens_is_in_the_bracket_of_those_at_that_end_of_the_range() -> None:
    (line,) = move([Call(170_000)], PRO)
    assert line["usd"] == Decimal("0.2125")
    assert line["high_usd"] == Decimal("0.57375")  # 229,500 tokens at 2.50
    assert line["low_usd"] == Decimal("0.1574074074")  # 0.2125 / 1.35


def test_the_range_is_of_tokens_and_answers_and_one_figure_for_the_same_model() -> None:
    (line,) = move([Call(100_000, 10_000)], MINI)
    assert (line["usd"], line["outcome"]) == (Decimal("0.021"), "saves")  # 0.015 and 0.006
    assert line["high_usd"] == Decimal("0.03045")  # 0.015 x 1.35 + 0.006 x 1.7
    (same,) = move([Call(100_000, 10_000)], Route("openai", "gpt-4o-2024-08-06"))
    assert same["usd"] == same["low_usd"] == same["high_usd"] == same["now_usd"] == Decimal("0.35")


def test_the_break_even_is_how_many_times_as_long_answers_cost_what_they_do_now() -> None:
    (line,) = move([Call(100_000, 6_000)], MINI)
    # 0.25 + 0.06 now; 0.015 for the prompt and 0.0036 for the answer: 0.295 / 0.0036.
    assert line["break_even"] == Fraction(295, 1) / Fraction(36, 10)
    (longer,) = move([Call(100_000, 6_000 * 295 // 3, usd=Decimal("0.31"))], MINI)
    assert longer["break_even"] == Fraction(295, 1) / Fraction(36, 10) / Fraction(295, 3)
    (dearer,) = move([Call(100_000, 6_000, MINI)], GPT_4O)
    assert (dearer["break_even"], dearer["outcome"]) == (None, "costs more")


def test_what_another_list_cannot_price_is_left_out_of_both_sums_and_counted_with_the_reason() -> None:
    sound = Call(1_000, 10, columns={"input_audio_tokens": 500})
    (line,) = move([Call(100_000), sound], Route("anthropic", "claude-sonnet-4-5"))
    assert (line["calls"], line["now_usd"], line["usd"]) == (1, Decimal("0.25"), Decimal("0.3"))
    assert line["unpriced_calls"] == 1
    assert "input_audio_tokens" in line["unpriced"]
    (nobody,) = move([Call(100_000)], Route("meta", "mine"))
    assert (nobody["calls"], nobody["outcome"], nobody["unpriced_calls"]) == (0, None, 1)
    assert move([Call(100, usd=None)], MINI) == []  # without an amount there is nothing to compare with


def test_a_sum_of_calls_is_short_where_its_mean_says_so_and_else_not_priced_by_brackets() -> None:
    sums = [Call(1_000_000, columns={"requests": 100, "grain": "day"}), Call(900_000, columns={"requests": 3})]
    (line,) = move([one._replace(usd=Decimal(1)) for one in sums], PRO)
    assert (line["calls"], line["usd"], line["unpriced_calls"]) == (100, Decimal("1.25"), 3)
    (plain,) = move([one._replace(usd=Decimal(1)) for one in sums], MINI)  # a list without brackets
    assert (plain["calls"], plain["usd"]) == (103, Decimal("0.285"))


def test_tokens_written_for_an_hour_are_written_where_a_list_knows_only_that() -> None:
    written = {"cache_write_tokens": 1_000, "cache_write_1h_tokens": 1_000}
    (line,) = move([Call(1_000, usd=Decimal(1), columns=written)], Route("openai", "gpt-4o"))
    assert line["usd"] == Decimal("0.0025")
    (hour,) = move([Call(1_000, usd=Decimal(1), columns=written)], Route("anthropic", "claude-sonnet-4-5"))
    assert hour["usd"] == Decimal("0.006")


def test_a_price_that_changes_within_a_month_or_a_day_is_that_of_the_call() -> None:
    deepseek, cells = Route("deepseek", "deepseek-chat"), []
    calls = [Call(1_000_000, minutes=minutes, usd=Decimal(1)) for minutes in (0, 300, 600)]
    march = datetime(2025, 3, 3, 12)  # off-peak from 16:30 to 00:30
    cells = sum_by_size(duckdb.from_arrow(to_table(calls, march)), [deepseek])
    (line,) = read_rows(reprice(cells, {"text": [deepseek]}))
    asked = (price_call(*deepseek[:2], march + timedelta(minutes=one.minutes), prompt_tokens=one.prompt,
                        completion_tokens=0) for one in calls)  # fmt: skip
    amounts = [one.amount_usd for one in asked if isinstance(one, Price)]
    assert len({*amounts}) == 2
    assert line["usd"] == sum(amounts)


any_calls = st.lists(
    st.builds(
        lambda prompt, answer, route, minutes: Call(prompt, answer, route, minutes=minutes),
        st.integers(0, 400_000) | st.integers(190_000, 280_000),
        st.integers(1, 9_000),
        st.sampled_from([GPT_4O, MINI, PRO, Route("anthropic", "claude-sonnet-4-5")]),
        st.integers(0, 30_000),
    ),
    min_size=1,
    max_size=12,
)


@given(any_calls, st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_by_their_own_list_calls_cost_what_they_do_ranges_hold_the_point_and_sums_are_of_their_parts(
    calls: list[Call], chance: random.Random
) -> None:
    routes = [*dict.fromkeys([*(call.route for call in calls), MINI])]
    rows = to_table(calls)
    moves = reprice(sum_by_size(duckdb.from_arrow(rows), routes), {"text": routes})
    lines = read_rows(moves)
    for line in lines:
        assert line["low_usd"] <= line["usd"] <= line["high_usd"]
        if line["model"] == line["to_model"]:
            own = [row for row in rows.to_pylist() if row["model"] == line["model"]]
            assert line["usd"] == line["now_usd"] == sum(row["amount_in_usd"] for row in own)
            assert line["low_usd"] == line["high_usd"] == line["usd"]
            assert line["calls"] == len(own)
    for task in read_rows(sum_moves(moves)):
        parts = [line for line in lines if line["to_model"] == task["to_model"]]
        for name in ("calls", "now_usd", "usd", "low_usd", "high_usd"):
            assert task[name] == sum(line[name] for line in parts)
        assert task["calls"] == len(calls)
    shuffled = rows.take(chance.sample(range(len(rows)), len(rows)))
    again = reprice(sum_by_size(to_exact_frame(shuffled), routes), {"text": routes})
    assert read_rows(again) == lines


def test_a_batch_costs_what_the_list_says_and_a_cache_at_most_what_the_best_sender_reads_from_it() -> None:
    haiku = Route("anthropic", "claude-haiku-4-5")
    senders = ((1, 8_000, 30), (2, 2_000, 40), (3, 9_900, 29))
    calls = [Call(10_000, route=haiku, cached=cached, columns={"usable_id": who})
             for who, cached, count in senders for _ in range(count)]  # fmt: skip

    def find(calls: Sequence[Call], first: datetime) -> list[dict[str, Any]]:
        rows = duckdb.from_arrow(to_table(calls, first))
        owned = sum_by_size(rows, [haiku], OWNERS, by_length=True)
        return read_rows(find_discounts(sum_by_size(rows, [haiku]), owned, OWNERS))

    batch, cache = find(calls, datetime(2026, 11, 20))
    # The second reads 20 % of 400,000 tokens from a cache, the first 80 %: 240,000 more at 1 - 0.1 US$ a million less.
    # The third has too few calls to be told.
    assert (cache["discount"], cache["calls"], cache["saved"]) == ("cache", 40, Decimal("0.216"))
    assert (cache["share"], cache["best_share"]) == (Fraction(1, 5), Fraction(4, 5))
    assert (batch["discount"], batch["calls"], batch["saved"]) == ("batch", 99, batch["usd"] / 2)
    near = [call._replace(cached=7_000) if call.cached == 2_000 else call for call in calls]
    assert find(near, SEPTEMBER) == []  # in 2025 the list has no batch price


def test_an_accepted_answer_costs_all_that_was_spent_and_places_part_only_beyond_chance() -> None:
    said = [
        (GPT_4O, 80, 100, "0.02"),
        (MINI, 50, 100, "0.01"),
        (PRO, 55, 100, "0.01"),
        (Route("xai", "grok-4"), 9, 9, "0"),
    ]
    calls = [(Call(10, route=route, usd=Decimal(usd)), number < hits)
             for route, hits, tries, usd in said for number in range(tries)]  # fmt: skip
    table = to_table([call for call, _ in calls] + [Call(10, usd=None), Call(10, usd=Decimal(9))])
    verdicts = pa.array([*(verdict for _, verdict in calls), True, None])
    rows = read_rows(measure_accepted(duckdb.from_arrow(table.append_column("accepted", verdicts))))
    found = {row["model"]: row for row in rows}
    assert [row["model"] for row in rows] == ["grok-4", "gemini-2.5-pro", "gpt-4o-mini", "gpt-4o"]
    four = found["gpt-4o"]
    assert (four["calls"], four["accepted"], four["usd"], four["usd_each"]) == (100, 80, Decimal(2), Decimal("0.025"))
    assert (round(four["share_low"], 4), round(four["share_high"], 4)) == (0.7112, 0.8666)  # Wilson, 95 %
    assert four["usd_low"] == pytest.approx(Decimal("0.02") / Decimal("0.8666"), rel=Decimal("0.001"))
    assert four["unpriced_calls"] == 1
    assert [found[name]["place"] for name in ("gpt-4o-mini", "gemini-2.5-pro", "gpt-4o", "grok-4")] == [1, 1, 2, None]


def test_a_row_that_sums_calls_is_as_many_answers() -> None:
    calls = [Call(10, usd=Decimal(3), columns={"requests": 30}), Call(10, usd=Decimal(1), columns={"requests": 10})]
    table = to_table(calls).append_column("accepted", pa.array([True, False]))
    (row,) = read_rows(measure_accepted(duckdb.from_arrow(table)))
    assert (row["calls"], row["accepted"], row["share"], row["place"]) == (40, 30, 0.75, 1)
    assert round(row["usd_each"], 4) == Decimal("0.1333")  # US$ 4 over 30


def test_where_they_are_calls_cost_what_they_do_though_their_list_has_no_price() -> None:
    mine = Route("meta", "mine")
    (line,) = move([Call(100, route=mine, usd=Decimal(5))], mine)
    assert (line["calls"], line["usd"], line["low_usd"], line["high_usd"]) == (1, 5, 5, 5)
    assert (line["unpriced_calls"], line["list_usd"]) == (0, None)


def test_what_calls_cost_by_a_contract_stands_beside_their_list() -> None:
    """100,000 tokens of gpt-4o are US$ 0.25 by its list, and cost 0.10."""
    (line,) = move([Call(100_000, usd=Decimal("0.1"))], MINI)
    assert (line["now_usd"], line["list_usd"]) == (Decimal("0.1"), Decimal("0.25"))
    (row,) = table_savings(pd.DataFrame([line])).rows
    assert row["route"] == "OpenAI, text; by its list US$ 0.25"
    (row,) = table_savings(pd.DataFrame(move([Call(100_000)], MINI))).rows
    assert row["route"] == "OpenAI, text"
