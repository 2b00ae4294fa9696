"""Sums ranked by money: shares that add up, changes only where both amounts are whole, prices of what has both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from usage_samples import CENT, ENGINES, NIGHT, Bring, Call, to_pandas, to_relation

from flexlib.analysis.frames import read_rows
from flexlib.analysis.ranking import (
    choose_coloured,
    count_colours,
    fold_lines,
    measure_amount_change,
    measure_unit_price,
    rank_models,
    rank_sellers,
    rank_spend,
    share_out,
)
from flexlib.analysis.usage import usage_by_day_and_model, usage_by_model_and_proxy, usage_with_price
from flexlib.analysis.usage_frames import roll_up_usage
from flexlib.errors import InvalidRequest

AMOUNTS = st.one_of(st.none(), st.decimals(0, 10**9, places=10))


def make_line(key: str | None, usd: str | None, unpriced: int = 0) -> dict[str, Any]:
    money = {"total_usd": usd and Decimal(usd), "total_clp": None, "unpriced_usd": unpriced, "unpriced_clp": 0}
    return {"key": key, "request_count": 1, "total_tokens": 10, **money}


@given(st.lists(AMOUNTS, min_size=1, max_size=20))
def test_shares_add_up_to_the_whole_or_to_nothing(amounts: list[Decimal | None]) -> None:
    shares = share_out(amounts)
    assert [share is None for share in shares] == [amount is None for amount in amounts]
    assert sum(share or 0 for share in shares) == (1000 if any(amounts) else 0)


@pytest.mark.parametrize(
    ("amounts", "shares"),
    [
        (["1", "1", "1"], [334, 333, 333]),
        (["0.0000000001", "0.0000000003"], [250, 750]),
        (["2", "5"], [286, 714]),  # 285.7 and 714.3: the larger remainder goes up
        (["5", "2"], [714, 286]),
        (["1", None, "2"], [333, None, 667]),
        (["0", None], [0, None]),
        (["3", "-1"], [None, None]),  # a credit: there is no whole
        ([], []),
    ],
)
def test_a_share_is_rounded_once_and_unknown_is_none(amounts: list[str | None], shares: list[int | None]) -> None:
    assert share_out([amount and Decimal(amount) for amount in amounts]) == shares  # type: ignore[misc]


def test_the_largest_amount_is_first_and_what_has_none_last() -> None:
    lines = rank_spend(
        [make_line("a", None, 1), make_line("b", "0"), make_line("c", "2"), make_line("c", "3")], ["key"]
    )
    assert [(line["key"], line["total_usd"], line["request_count"]) for line in lines] == [
        ("c", 5, 2), ("b", 0, 1), ("a", None, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        (("3", 0), ("2", 0), 500),
        (("1", 0), ("2", 0), -500),
        (("1", 0), None, "new"),
        (("1", 1), ("2", 0), None),  # calls of now lack a price: it may have been more
        (("1", 0), ("2", 1), None),
        (("1", 0), ("0", 0), None),
        ((None, 1), ("2", 0), None),
        (("1", 0), (None, 1), None),
    ],
)
def test_a_change_is_stated_where_both_amounts_are_whole(
    now: tuple[str | None, int], before: tuple[str | None, int] | None, change: int | str | None
) -> None:
    then = [] if before is None else [make_line("a", *before)]
    assert rank_spend([make_line("a", *now)], ["key"], then)[0]["change"] == change
    assert rank_spend([make_line("a", *now)], ["key"])[0]["change"] is None


@pytest.mark.parametrize(
    ("changes", "coloured"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({7: "new"}, [0, 1, 2, 3, 4, 7]),  # 13 more, from nothing
        ({7: "1"}, [0, 1, 2, 3, 4, 7]),  # 12 more
        ({7: "1", 2: "new"}, [0, 1, 2, 3, 4, 5]),  # 18 more, and it has its colour
        ({7: "100"}, [0, 1, 2, 3, 4, 5]),  # fell
        ({6: "13.5"}, [0, 1, 2, 3, 4, 6]),  # half a dollar more
        ({6: "1.5", 7: "new"}, [0, 1, 2, 3, 4, 7]),  # 12.5 more, and 13 from nothing
        ({6: "1", 7: "0"}, [0, 1, 2, 3, 4, 6]),  # both 13 more: the larger
        (dict.fromkeys(range(6), "100"), [0, 1, 2, 3, 4, 5]),  # all fell, and of the others nothing is known
    ],
)
def test_of_the_lines_with_a_colour_the_last_gives_way_to_what_rose_most(
    changes: dict[int, str], coloured: list[int]
) -> None:
    lines: list[dict[str, Any]]
    lines = [{"place": place, "total_usd": Decimal(20 - place), "change": None, "total_usd_before": None}
             for place in range(9)]  # fmt: skip
    for place, then in changes.items():
        lines[place] |= {"change": "new"} if then == "new" else {"change": 1, "total_usd_before": Decimal(then)}
    assert [line["place"] for line in choose_coloured(lines)] == coloured
    assert choose_coloured([]) == []
    assert choose_coloured(lines[:1]) == lines[:1]
    unknown = {"place": 9, "total_usd": None, "change": "new", "total_usd_before": None}
    assert unknown not in choose_coloured([*lines, unknown])


def test_of_equal_amounts_those_of_more_tokens_are_first_then_by_name_and_the_nameless_last() -> None:
    rows = [make_line(key, usd) | {"total_tokens": tokens}
            for key, usd, tokens in (("d", "1", 5), (None, "1", 5), ("c", "1", 5), ("a", "1", 0), ("b", "1", 1),
                                     ("e", "1", None), ("f", "0", 99), ("g", "0.5", 0))]  # fmt: skip
    assert [line["key"] for line in rank_spend(rows, ["key"])] == ["c", "d", None, "b", "a", "e", "g", "f"]


def test_the_amount_of_the_month_before_stands_beside_that_of_now() -> None:
    lines = rank_spend([make_line("a", "3"), make_line("b", "1")], ["key"], [make_line("a", "2")])
    assert [line["total_usd_before"] for line in lines] == [2, None]


@pytest.mark.parametrize(("lines", "shown", "coloured"), [(6, 6, 6), (7, 7, 7), (8, 8, 6), (13, 13, 6), (14, 13, 6)])
def test_a_line_that_would_be_alone_among_the_others_is_shown_and_has_its_colour(
    lines: int, shown: int, coloured: int
) -> None:
    ranked = rank_spend([make_line(f"{number:02}", "1") for number in range(lines)], ["key"])
    folded = fold_lines(ranked, "key", "Rest")
    assert (len(folded), folded[-1]["key"] == "Rest", count_colours(lines)) == (shown, lines > shown, coloured)


def test_amounts_that_are_not_both_known_have_no_change() -> None:
    pairs = [("3", "2"), (None, "2"), ("3", None), ("3", "0")]
    changes = [measure_amount_change(now and Decimal(now), before and Decimal(before)) for now, before in pairs]  # type: ignore[arg-type]
    assert changes == [500, None, None, None]


def test_others_are_one_line_that_keeps_the_sums() -> None:
    lines = rank_spend([make_line(f"{number:02}", str(number)) for number in range(1, 21)], ["key"])
    folded = fold_lines(lines, "key", "Rest")
    assert [line["key"] for line in folded[-2:]] == ["09", "Rest"]
    assert (folded[-1]["lines"], folded[-1]["total_usd"]) == (8, 36)  # 1 + 2 + ... + 8
    assert sum(line["share_permille"] for line in folded) == 1000
    assert sum(line["total_usd"] for line in folded) == 210


def test_windsurf_s_tokens_are_not_zero_and_two_makers_of_one_name_are_told_apart() -> None:
    rows = to_pandas([(NIGHT, "meta", "llama", 5, 5, CENT, None), (NIGHT, "groq", "llama", 0, 0, Decimal(1), None)])
    lines = rank_models(usage_by_model_and_proxy(rows.assign(proxy=pd.Series([None, "windsurf"], dtype=object))))
    assert [(line["model"], line["label"], line["total_tokens"]) for line in lines] == [
        ("llama (Groq)", "Windsurf", None), ("llama (Meta)", "", 10),
    ]  # fmt: skip


def test_spellings_of_one_model_are_one_line_with_the_sums_of_all_and_its_change() -> None:
    names = {("openai", "openai/gpt-4.1"): "gpt-4.1", ("openai", "GPT-4.1"): "gpt-4.1", ("azure", "GPT-4.1"): "GPT-4.1"}
    calls: list[Call] = [
        (NIGHT, "openai", "gpt-4.1", 300_000, 100_000, Decimal("2.0000000001"), None),
        (NIGHT, "openai", "openai/gpt-4.1", 500_000, 100_000, Decimal("3"), None),
        (NIGHT, "azure", "GPT-4.1", 5, 5, CENT, None),
        (NIGHT, "openai", "gpt-4o", 5, 5, None, None),
    ]
    before = usage_by_model_and_proxy(to_pandas([(NIGHT, "openai", "GPT-4.1", 1, 1, Decimal("2.50"), None)]))
    sums, priced = usage_by_model_and_proxy(to_pandas(calls)), usage_with_price(to_pandas(calls))
    lines = rank_models(sums, priced, before, lambda models: {model: names.get(model, model[1]) for model in models})
    assert [(one["model"], one["total_usd"], one["total_tokens"], one["request_count"]) for one in lines] == [
        ("gpt-4.1", Decimal("5.0000000001"), 1_000_000, 2), ("GPT-4.1", CENT, 10, 1), ("gpt-4o", None, 10, 1),
    ]  # fmt: skip
    assert [(one["usd_per_million"], one["change"]) for one in lines[:2]] == [
        (Decimal("5.0000000001"), 1000), (1000, "new"),  # 5 against 2.50; a cent for ten tokens
    ]  # fmt: skip
    assert (lines[0]["spellings"], lines[0]["label"]) == (["gpt-4.1", "openai/gpt-4.1"], "OpenAI, also openai/gpt-4.1")


def test_who_sends_the_bill_is_the_proxy_else_the_provider() -> None:
    calls: list[Call] = [(NIGHT, "openai", "gpt-4", 5, 5, Decimal(number), None) for number in (1, 2, 4)]
    lines = rank_sellers(
        usage_by_model_and_proxy(
            to_pandas(calls).assign(proxy=pd.Series(["openrouter", None, "openrouter"], dtype=object))
        )
    )
    assert [(line["seller"], line["total_usd"]) for line in lines] == [("openrouter", 5), ("openai", 2)]


def test_windsurf_reports_no_tokens_and_whoever_else_was_asked_for_the_model_does() -> None:
    calls: list[Call] = [(NIGHT, "openai", "gpt-4", tokens, 0, Decimal(1), None) for tokens in (0, 7)]
    rows = to_pandas(calls).assign(proxy=pd.Series(["windsurf", None], dtype=object))
    sellers = rank_sellers(usage_by_model_and_proxy(rows))
    assert [(line["seller"], line["total_usd"], line["total_tokens"]) for line in sellers] == [
        ("openai", 1, 7), ("windsurf", 1, None),
    ]  # fmt: skip
    (model,) = rank_models(usage_by_model_and_proxy(rows))
    assert (model["total_tokens"], model["label"]) == (7, "OpenAI")


@pytest.mark.parametrize("bring", ENGINES.values(), ids=ENGINES)
def test_a_million_tokens_cost_what_the_rows_with_both_say(bring: Bring) -> None:
    calls: list[Call] = [
        (NIGHT, "xai", "a", 300_000, 100_000, Decimal(2), None),
        (NIGHT, "xai", "a", 100_000, 0, None, None),  # no amount
        (NIGHT, "xai", "a", 0, 0, Decimal(9), None),  # no tokens
        (NIGHT, "xai", "b", 100_000, 0, Decimal(1), None),
    ]
    priced = read_rows(usage_with_price(bring(calls)))
    assert [(row["model"], row["total_tokens"], row["total_usd"]) for row in priced] == [
        ("a", 400_000, 2), ("b", 100_000, 1),
    ]  # fmt: skip
    assert [measure_unit_price([row]) for row in priced] == [5, 10]
    assert measure_unit_price(priced) == 6
    assert measure_unit_price([]) is None
    assert measure_unit_price([{"total_tokens": 5, "total_usd": None}]) is None
    assert measure_unit_price([{"total_tokens": 0, "total_usd": Decimal(1)}]) is None


def test_a_roll_up_has_no_price_of_a_million_tokens() -> None:
    with pytest.raises(InvalidRequest, match="a roll-up does not say which of its calls have an amount"):
        usage_with_price(roll_up_usage(to_relation([(NIGHT, "xai", "a", 1, 1, CENT, None)])))


@pytest.mark.parametrize("bring", ENGINES.values(), ids=ENGINES)
def test_a_day_s_models_sum_to_the_day(bring: Bring) -> None:
    calls: list[Call] = [
        (NIGHT.replace(day=2), "xai", "b", 1, 1, Decimal(2), None),
        (NIGHT, "xai", "b", 1, 1, Decimal(4), None),
        (NIGHT.replace(hour=23), "xai", "a", 1, 1, Decimal(8), None),
        (NIGHT, "xai", "a", 1, 1, None, None),
    ]
    found = read_rows(usage_by_day_and_model(bring(calls)))
    assert [(row["date"].day, row["model"], row["total_usd"], row["unpriced_usd"]) for row in found] == [
        (1, "a", 8, 1), (1, "b", 4, 0), (2, "b", 2, 0),
    ]  # fmt: skip
