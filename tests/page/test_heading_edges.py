"""Where a heading begins to say something: exactly at each threshold, on frames made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from flexlib.page.credits.headings import (
    heading_for_days,
    heading_for_models,
    heading_for_spenders,
    heading_for_users,
    heading_for_weekdays,
)
from flexlib.page.kit.parts import Heading
from flexlib.page.usage.headings import (
    heading_for_proxies,
    heading_for_quality,
    heading_for_usables,
    heading_for_usage_days,
    heading_for_usage_hours,
    heading_for_usage_models,
    heading_for_usage_sizes,
)
from flexlib.spend.quality import QualityCheck

FIRST = date(2025, 9, 1)
GREW = "Use grew in the second half of the month"
FELL = "Use fell in the second half of the month"
LOW, HIGH = [5] * 9 + [3] * 5, [6] * 5 + [5] * 9
"""60 and 75 in a fortnight; the nine days at the ends of both are alike."""


def make_days(amounts: list[int]) -> pd.DataFrame:
    ranks = {place: rank for rank, place in enumerate(sorted(range(len(amounts)), key=lambda one: -amounts[one]), 1)}
    return pd.DataFrame(
        {"date": FIRST + timedelta(days=place), "flex_credits": amount * 100, "rank": ranks[place]}
        for place, amount in enumerate(amounts)
    )


@pytest.mark.parametrize(
    ("amounts", "heading"),
    [
        ([10, 10, 10, 10, 20], "5 Sep took 20, 2.0 times a usual day"),
        ([100, 100, 100, 100, 199], "Flex credits by day"),
        (LOW + HIGH, GREW),  # 75 is 1.25 times 60
        (HIGH + LOW, FELL),
        ([*LOW, *HIGH[:-1], 4], "Flex credits by day"),
        ([*HIGH[:-1], 4, *LOW], "Flex credits by day"),
        ([*LOW, 9, *HIGH[:-1], 4], "Flex credits by day"),  # the day in the middle is in neither half
        (LOW + HIGH[1:], "Flex credits by day"),  # 27 days are no month
        (HIGH[1:] + LOW, "Flex credits by day"),
    ],
)
def test_a_day_twice_the_usual_one_then_a_quarter_more_or_less_in_the_second_half(
    amounts: list[int], heading: str
) -> None:
    assert heading_for_days(make_days(amounts)).heading == heading


@pytest.mark.parametrize(
    ("shares", "heading"),
    [
        ([500, 500], "m0 takes 50.0\u00a0% of the flex credits"),
        ([499, 1, 500], "Two models take 50.0\u00a0% of the flex credits"),
        ([200, 150, 150, 500], "Three models take 50.0\u00a0% of the flex credits"),
        ([140, 140, 140, 140, 440], "Flex credits by model"),
    ],
)
def test_the_fewest_models_up_to_three_that_take_half(shares: list[int], heading: str) -> None:
    rows = [
        {"model": f"m{place}", "flex_credits": share, "share_permille": share} for place, share in enumerate(shares)
    ]
    assert heading_for_models(pd.DataFrame(rows)).heading == heading


@pytest.mark.parametrize(
    ("sums", "heading"),
    [
        ({1: 300, 2: 299, 3: 201, 6: 100, 7: 100}, "Mondays take 30.0\u00a0%"),
        ({1: 299, 2: 299, 3: 202, 6: 100, 7: 100}, "By weekday and week"),
        ({3: 350, 2: 350, 7: 300}, "Tuesdays take 35.0\u00a0%"),
        ({7: 400, 1: 300, 2: 300}, "Sundays take 40.0\u00a0%"),
        ({1: 225, 2: 225, 3: 225, 4: 225, 6: 100}, "Weekends take only 10.0\u00a0%"),
        ({1: 225, 2: 225, 3: 225, 4: 224, 6: 60, 7: 41}, "By weekday and week"),
        ({1: 225, 2: 225, 3: 225, 4: 215, 6: 110, 7: 0}, "By weekday and week"),
        ({1: 200, 2: 200, 3: 200, 4: 200, 5: 200}, "By weekday and week"),  # no weekend lies in these days
    ],
)
def test_a_weekday_with_three_tenths_then_weekends_with_a_tenth_at_most(sums: dict[int, int], heading: str) -> None:
    rows = pd.DataFrame({"weekday": day, "flex_credits": amount} for day, amount in sums.items())
    assert heading_for_weekdays(rows).heading == heading


@pytest.mark.parametrize(
    ("number", "heading", "note"),
    [
        (9, "By person", "together."),
        (10, "One spender in ten takes 1.0\u00a0%", "One in ten: 1 of 10."),
        (100, "One spender in ten takes 10.0\u00a0%", "One in ten: 10 of 100."),
    ],
)
def test_ten_people_have_a_tenth(number: int, heading: str, note: str) -> None:
    rows = pd.DataFrame({"rank": rank, "cumulative_share_permille": 10 * rank} for rank in range(1, number + 1))
    found = heading_for_users(rows)
    assert (found.heading, found.note.endswith(note)) == (heading, True)
    assert heading_for_users(rows.assign(cumulative_share_permille=0)).heading == "By person"


def test_one_of_three_went_beyond() -> None:
    rows = pd.DataFrame({"flex_credits": amount} for amount in (5, 0, 0))
    assert heading_for_spenders(rows).heading == "1 of 3 spenders went beyond their prompt credits"
    assert heading_for_spenders(rows.assign(flex_credits=0)).heading == "People"


@pytest.mark.parametrize(
    ("spend", "heading"),
    [
        ({None: "1", "openrouter": "2"}, "Most of the known spend went through OpenRouter: US$ 2.00"),
        ({"openrouter": "2", None: "3"}, "Most of the known spend went directly: US$ 3.00"),
        ({None: "2", "openrouter": "2", "together": "2"}, "Most of the known spend went through Together AI: US$ 2.00"),
        ({"openrouter": None, None: "1"}, "Most of the known spend went directly: US$ 1.00"),
        ({"openrouter": None}, "By proxy and directly"),
    ],
)
def test_the_way_of_the_most_money_that_is_known(spend: dict[str | None, str | None], heading: str) -> None:
    rows: list[dict[str, Any]] = [
        {"proxy": proxy, "total_usd": amount and Decimal(amount)} for proxy, amount in spend.items()
    ]
    frame = pd.DataFrame(rows, dtype=object)
    assert heading_for_proxies(frame).heading == heading


def test_users_are_those_who_are_named_and_questions_those_that_find_something() -> None:
    assert heading_for_usables(pd.DataFrame({"usable_type": ["user", "key", None]}, dtype=object)).heading == "2 users"
    checks = [QualityCheck("a", 2, "x"), QualityCheck("b", 0, "x"), QualityCheck("c", 0, "x")]
    assert heading_for_quality(checks).heading == "1 of 3 questions to the data find something"


def test_the_last_hour_ends_at_midnight_and_the_first_model_is_told_with_its_own_share() -> None:
    hours = pd.DataFrame({"hour": [22, 23], "total_tokens": [1, 3]})
    assert heading_for_usage_hours(hours).heading == "75.0\u00a0% of the tokens fall between 23:00 and 00:00 UTC"
    models = pd.DataFrame({"model": ["a", "b"], "share_permille": [600, 400]})
    assert heading_for_usage_models(models).heading == "a takes 60.0\u00a0% of the tokens"
    sizes = pd.DataFrame({"percent": [50], "prompt_tokens": [7]})
    assert "Not shown" not in heading_for_usage_sizes(sizes).note


@pytest.mark.parametrize(
    ("tokens", "heading"),
    [
        ([], "No calls"),
        ([7], "All calls are of 1 Sep"),
        ([1, 3], "2 Sep took 75.0\u00a0% of the tokens"),
        ([3, 1], "1 Sep took 75.0\u00a0% of the tokens"),
    ],
)
def test_the_day_of_the_most_tokens(tokens: list[int], heading: str) -> None:
    days = [FIRST + timedelta(days=place) for place in range(len(tokens))]
    found = heading_for_usage_days(pd.DataFrame({"date": days, "total_tokens": tokens}))
    assert (found.heading, "Not shown" in found.note) == (heading, False)


@pytest.mark.parametrize(
    ("calls", "told"),
    [(None, "an unknown number of calls that are"), (1, "1 call that is"), (2, "2 calls that are")],
)
def test_what_a_chart_has_no_place_for_is_told(calls: int | None, told: str) -> None:
    nothing = pd.DataFrame({"date": [], "hour": [], "total_tokens": [], "percent": [], "prompt_tokens": []})
    assert heading_for_usage_days(nothing, "UTC", calls) == Heading(
        "By day", f"Tokens a day. Days are UTC. Not shown: {told} known only as monthly sums."
    )
    assert heading_for_usage_hours(nothing, "UTC", calls).note.endswith(f"{told} known only as daily or monthly sums.")
    assert heading_for_usage_sizes(nothing, calls).heading == "By size"


def test_the_median_call_is_that_of_half_of_them() -> None:
    sizes = pd.DataFrame({"percent": [25, 50, 75], "prompt_tokens": [1, 2000, 3000]})
    assert heading_for_usage_sizes(sizes).heading == "Half of the calls read at most 2,000 tokens"
    assert "Not shown" not in heading_for_usage_hours(pd.DataFrame({"hour": [1], "total_tokens": [2]})).note
    assert heading_for_usage_models(pd.DataFrame({"model": []})).heading == "By model"
    assert heading_for_usage_models(pd.DataFrame({"model": ["a"]})).heading == "All calls are to a"
