"""Where a heading begins to say something: exactly at each threshold, on frames made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from flexlib.dates import Month
from flexlib.enums import LlmTaskType
from flexlib.page.credits.headings import (
    heading_for_days,
    heading_for_models,
    heading_for_spenders,
    heading_for_users,
    heading_for_weekdays,
)
from flexlib.page.kit.parts import Heading
from flexlib.page.usage.headings import (
    heading_for_open_questions,
    heading_for_quality,
    heading_for_sellers,
    heading_for_spend_days,
    heading_for_spend_models,
    heading_for_statuses,
    heading_for_task_types,
    heading_for_usables,
)
from flexlib.page.usage.tokens import heading_for_usage_days, heading_for_usage_hours, heading_for_usage_sizes
from flexlib.spend.before import MonthBefore
from flexlib.spend.bills import MonthBills, ProviderBill
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
        ([10, 10, 10, 10, 20], "5 Sep took 20 flex credits, 2.0 times a usual day"),
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
        (10, "One person in ten takes 1.0\u00a0%", "One in ten: 1 of 10 with use."),
        (100, "One person in ten takes 10.0\u00a0%", "One in ten: 10 of 100 with use."),
    ],
)
def test_ten_people_have_a_tenth(number: int, heading: str, note: str) -> None:
    rows = pd.DataFrame({"rank": rank, "cumulative_share_permille": 10 * rank} for rank in range(1, number + 1))
    found = heading_for_users(rows)
    assert (found.heading, found.note.endswith(note)) == (heading, True)
    assert heading_for_users(rows.assign(cumulative_share_permille=0)).heading == "By person"


def test_one_of_three_went_beyond() -> None:
    rows = pd.DataFrame({"flex_credits": amount} for amount in (5, 0, 0))
    assert heading_for_spenders(rows).heading == "1 of 3 people with use took flex credits"
    assert heading_for_spenders(rows.assign(flex_credits=0)).heading == "People"


def rank(*shares: int | None) -> list[dict[str, Any]]:
    return [{"model": f"m{place}", "share_permille": share} for place, share in enumerate(shares)]


@pytest.mark.parametrize(
    ("shares", "heading"),
    [
        ([1000], "All spend went to m0"),
        ([750, 250], "m0 takes 75.0\u00a0% of the spend"),  # half as much again as an even share of 50 %
        ([749, 251], "Spend by model"),
        ([500, 250, 250], "m0 takes 50.0\u00a0% of the spend"),
        ([499, 251, 250], "Spend by model"),  # two take 75.0 %, of which 66.7 % is even
        ([300, 300, 100, 100, 100, 100], "Two of 6 models take 60.0\u00a0% of the spend"),
        ([200, 200, 200, *[50] * 8], "Three of 11 models take 60.0\u00a0% of the spend"),
        ([140, 140, 140, 140, 440], "Spend by model"),  # three take less than half
        ([None, None], "Spend by model"),
        ([], "Spend by model"),
    ],
)
def test_models_are_told_where_few_take_half_and_far_above_an_even_share(
    shares: list[int | None], heading: str
) -> None:
    assert heading_for_spend_models(rank(*shares)).heading == heading


@pytest.mark.parametrize(
    ("shares", "heading"),
    [
        ([1000], "All that was counted went to m0"),
        ([750, 250], "m0 takes 75.0\u00a0% of what was counted"),
        ([749, 251], "Spend by model, as counted"),
        ([300, 300, *[100] * 4], "Two of 6 models take 60.0\u00a0% of what was counted"),
        ([200, 200, 200, *[50] * 8], "Three of 11 models take 60.0\u00a0% of what was counted"),
    ],
)
def test_in_a_month_with_bills_shares_are_of_what_was_counted(shares: list[int | None], heading: str) -> None:
    assert heading_for_spend_models(rank(*shares), has_bills=True).heading == heading


def test_where_a_call_lacks_a_price_shares_are_of_what_was_counted() -> None:
    lines = [{**one, "unpriced_usd": count} for one, count in zip(rank(900, None), (0, 1), strict=True)]
    assert heading_for_spend_models(lines).heading == "m0 takes 90.0\u00a0% of what was counted"


def test_who_sends_the_bill_is_told_by_name() -> None:
    lines = [{"seller": "openrouter", "share_permille": 800}, {"seller": "xai", "share_permille": 200}]
    assert heading_for_sellers(lines).heading == "OpenRouter takes 80.0\u00a0% of the spend"


TWO, THREE = [300, 300, *[100] * 4], [200, 200, 200, *[50] * 8]
"""Of which two, and three, take 60 %."""
OF_SEVEN = [240, 240, 240, 70, 70, 70, 70]


@pytest.mark.parametrize(
    ("shares", "heading"),
    [
        (TWO, "Two of 6 providers take 60.0\u00a0% of the spend"),
        (THREE, "Three of 11 providers take 60.0\u00a0% of the spend"),
    ],
)
def test_few_providers_that_send_most_of_the_bill_are_told(shares: list[int], heading: str) -> None:
    lines = [{"seller": f"s{place}", "share_permille": share} for place, share in enumerate(shares)]
    assert heading_for_sellers(lines).heading == heading


@pytest.mark.parametrize(
    ("shares", "has_bills", "heading"),
    [
        (TWO, False, "Two of 6 tasks take 60.0\u00a0% of the spend"),
        (OF_SEVEN, False, "Three of 7 tasks take 72.0\u00a0% of the spend"),
        (TWO, True, "Two of 6 tasks take 60.0\u00a0% of what was counted"),
        (OF_SEVEN, True, "Three of 7 tasks take 72.0\u00a0% of what was counted"),
        ([500, 500], False, "Spend by task"),
        ([500, 500], True, "Spend by task, as counted"),
    ],
)
def test_few_tasks_that_cost_most_are_told(shares: list[int], has_bills: bool, heading: str) -> None:
    by_task = pd.DataFrame({
        "task_type": [*LlmTaskType][: len(shares)],
        "request_count": 1,
        "unpriced_usd": 0,
        "total_clp": None,
        "total_tokens": 0,
        "total_usd": pd.Series([Decimal(share) for share in shares], dtype=object),
    })  # fmt: skip
    assert heading_for_task_types(by_task, has_bills=has_bills).heading == heading


def make_money(*amounts: str | None) -> pd.DataFrame:
    days = [FIRST + timedelta(days=place) for place in range(len(amounts))]
    usd = [amount and Decimal(amount) for amount in amounts]
    return pd.DataFrame({"date": days, "total_usd": pd.Series(usd, dtype=object)})


@pytest.mark.parametrize(
    ("amounts", "heading"),
    [
        (["1", "1", "1", "1", "2"], "5 Sep took US$ 2.00, 2.0 times a usual day"),
        (["1", "1", "1", "1", "1.99"], "Spend by day"),
        (["1", "1", "1", "9"], "Spend by day"),  # four days say nothing of a usual one
        (["3", None], "All dated spend is of 1 Sep"),
        (["0", "0", "0", "0", "7"], "5 Sep took US$ 7.00"),
        (["0", "0"], "Spend by day"),
    ],
)
def test_a_day_of_twice_the_usual_money_is_told(amounts: list[str | None], heading: str) -> None:
    frame = make_money(*amounts)
    total = sum((Decimal(amount) for amount in amounts if amount), Decimal(0))
    found = heading_for_spend_days(frame, {"usd": total, "unpriced_usd": 0})
    assert (found.heading, "Not shown" in found.note) == (heading, False)


@pytest.mark.parametrize(
    ("amounts", "heading"),
    [
        (["1", "1", "1", "1", "2"], "5 Sep took US$ 2.00, 2.0 times a usual day, as counted"),
        (["1", "1"], "Spend by day, as counted"),
        (["0"], "Spend by day, as counted"),
        (["3"], "All that was counted by day is of 1 Sep"),
    ],
)
def test_in_a_month_with_bills_a_day_is_told_as_counted(amounts: list[str | None], heading: str) -> None:
    total = sum((Decimal(amount) for amount in amounts if amount), Decimal(0))
    totals = {"usd": total, "unpriced_usd": 0}
    assert heading_for_spend_days(make_money(*amounts), totals, has_bills=True).heading == heading


def test_money_that_the_days_lack_is_told() -> None:
    note = heading_for_spend_days(make_money("1"), {"usd": Decimal("3.50"), "unpriced_usd": 2}).note
    assert "Not shown: US$ 2.50 that are known only as sums of the month." in note
    assert "Not in it: 2 calls without a price." in note
    no_day = heading_for_spend_days(make_money(None), {"usd": Decimal("3.50"), "unpriced_usd": 0})
    assert (no_day.heading, "US$ 3.50 that are" in no_day.note) == ("Spend by day", True)
    nothing = heading_for_spend_days(make_money(), {"usd": None, "unpriced_usd": 5})
    assert nothing == Heading("No amount is known", "None of the month's calls has a price.")


def make_users(*amounts: str | None, kind: str | None = "user") -> pd.DataFrame:
    count = len(amounts)
    columns: dict[str, Any] = {
        "usable_type": [kind] * count,
        "usable_id": [*range(count)],
        "usable_key": [None] * count,
    }
    numbers = dict.fromkeys(("total_tokens", "request_count", "unpriced_usd", "unpriced_clp"), [1] * count)
    money = {"total_usd": [amount and Decimal(amount) for amount in amounts], "total_clp": [None] * count}
    return pd.DataFrame({**columns, **numbers, **money}, dtype=object)


@pytest.mark.parametrize(
    ("amounts", "heading"),
    [
        (["6", "3", "3"], "1 of 3 users takes half of US$ 12.00"),
        (["6", "6"], "2 users"),
        (["0.5", "0.1", "0.1"], "1 of 3 users takes half of US$ 0.70"),
        (["3", "3", "1", "1", "1", "1", "1", "1"], "2 of 8 users take half of US$ 12.00"),
        ([None, None], "2 users"),
    ],
)
def test_few_users_who_take_half_are_told(amounts: list[str | None], heading: str) -> None:
    assert heading_for_usables(make_users(*amounts)).heading == heading
    assert heading_for_usables(make_users(*amounts, kind=None)).heading == "Nobody is named"
    others = heading_for_usables(make_users(*amounts, kind="application")).heading
    assert others == heading.replace("users", "users and applications")


def make_status(status: str | None, calls: int, *, failed: bool = False, left_out: bool = False) -> dict[str, Any]:
    return {"status": status, "calls": calls, "failed": failed, "left_out": left_out, "total_usd": None}


def test_failed_calls_are_told_with_their_share_and_silence_is_no_success() -> None:
    ok, silent, bad = make_status("ok", 90), make_status(None, 5), make_status("error", 5, failed=True)
    found = heading_for_statuses([ok, silent, bad])
    assert found is not None
    assert found.heading == "5 calls failed, 5.3\u00a0% of those that say how they ended"  # 5 of 95
    assert found.note.endswith("Of 5 calls nothing is said: they are in no share.")
    assert heading_for_statuses([ok, bad]) == Heading(
        "5 calls failed, 5.3\u00a0% of all application calls", found.note.partition(" Of 5")[0]
    )
    told = heading_for_statuses([silent, bad])  # whatever ended well says nothing, so that no share is known
    assert told is not None
    assert told.heading == "5 calls failed"
    fine = heading_for_statuses([ok])
    assert fine is not None
    assert fine.heading == "No call is known to have failed"
    assert heading_for_statuses([silent]) is None


def test_questions_are_told_that_find_something() -> None:
    checks = [QualityCheck("a", 2, "x"), QualityCheck("b", 0, "x"), QualityCheck("c", 0, "x")]
    assert heading_for_quality(checks).heading == "1 of 3 data checks found something"
    assert heading_for_quality(checks).note == "Asked of every row of the month. Nothing found: b; c."
    assert heading_for_quality(checks[1:]).heading == "None of 2 data checks found anything"


@pytest.mark.parametrize(
    ("tokens", "heading"),
    [
        ({22: 1, 23: 3}, "75.0\u00a0% of the tokens fall between 23:00 and 00:00 UTC"),
        ({**dict.fromkeys(range(23), 100), 23: 108}, "Tokens by hour of the day"),  # 4.5 %, where 4.2 % is even
        (
            {0: 63, 1: 62, **dict.fromkeys(range(2, 24), 39), 23: 56},
            "6.3\u00a0% of the tokens fall between 00:00 and 01:00 UTC",
        ),
        ({0: 62, 1: 62, **dict.fromkeys(range(2, 24), 39), 23: 57}, "Tokens by hour of the day"),
    ],
)  # fmt: skip
def test_an_hour_is_a_finding_from_half_as_much_again_as_an_even_share(tokens: dict[int, int], heading: str) -> None:
    found = heading_for_usage_hours(pd.DataFrame({"hour": [*tokens], "total_tokens": [*tokens.values()]}))
    assert found is not None
    assert found.heading == heading


@pytest.mark.parametrize(
    ("tokens", "heading"),
    [
        ([], "No calls with tokens"),
        ([7], "All calls are of 1 Sep"),
        ([1, 1, 1, 1, 2], "5 Sep took 33.3\u00a0% of the tokens"),
        ([10, 10, 10, 10, 19], "Tokens by day"),
        ([1, 3], "Tokens by day"),
    ],
)
def test_the_day_of_far_more_tokens_than_usual(tokens: list[int], heading: str) -> None:
    days = [FIRST + timedelta(days=place) for place in range(len(tokens))]
    found = heading_for_usage_days(pd.DataFrame({"date": days, "total_tokens": tokens}))
    assert (found.heading, "Not shown" in found.note) == (heading, False)


@pytest.mark.parametrize(
    ("tokens", "heading"),
    [
        (None, "50.0\u00a0% of the tokens fall between 14:00 and 15:00 UTC"),
        (40, "50.0\u00a0% of the tokens fall between 14:00 and 15:00 UTC"),
        (80, "50.0\u00a0% of the tokens whose hour is known fall between 14:00 and 15:00 UTC"),
        (81, "Tokens by hour of the day"),  # of less than half the hour is known
    ],
)
def test_a_share_of_tokens_says_of_which(tokens: int | None, heading: str) -> None:
    by_hour = pd.DataFrame({"hour": [9, 10, 14], "total_tokens": [10, 10, 20]})
    found = heading_for_usage_hours(by_hour, tokens=tokens)
    assert found is not None
    assert found.heading == heading


def test_a_sum_of_unknown_many_calls_is_at_least_one_call() -> None:
    unpriced = [{"calls": 1}]
    assert [heading_for_open_questions(unpriced, [], count) for count in (1, None)] == [
        Heading(
            f"{count} without a price",
            "What has no price is in no total; what is of no listed provider counts, as unmapped.",
        )
        for count in ("1 call", "At least 1 call")
    ]
    by_day = make_money("1", "2").assign(request_count=pd.Series([7, None], dtype=object))
    note = heading_for_spend_days(by_day, {"usd": Decimal(3), "unpriced_usd": 1}).note
    assert note.endswith("Not in it: at least 1 call without a price.")
    priced = by_day.assign(unpriced_usd=[1, 0])  # the sum that does not say how many calls it is of has its price
    assert heading_for_spend_days(priced, {"usd": Decimal(3), "unpriced_usd": 1}).note.endswith(
        "it: 1 call without a price."
    )


@pytest.mark.parametrize(
    ("calls", "told"),
    [(None, "an unknown number of calls that are"), (1, "1 call that is"), (2, "2 calls that are")],
)
def test_what_a_chart_has_no_place_for_is_told(calls: int | None, told: str) -> None:
    nothing = pd.DataFrame({"date": [], "hour": [], "total_tokens": [], "percent": [], "prompt_tokens": []})
    assert heading_for_usage_days(nothing, "UTC", calls) == Heading(
        "Tokens by day", f"No day is known of these calls. Not shown: {told} known only as monthly sums."
    )
    assert heading_for_usage_hours(nothing, "UTC", calls) == Heading(
        "Tokens by hour", f"No hour is known of these calls. Not shown: {told} known only as daily or monthly sums."
    )
    assert heading_for_usage_sizes(nothing, calls) == Heading(
        "Tokens by size", f"No call is known by itself. Not shown: {told} known only as hourly, daily or monthly sums."
    )


def test_a_month_without_calls_has_one_heading_for_all_of_its_tokens() -> None:
    nothing = pd.DataFrame({"date": [], "hour": [], "total_tokens": [], "percent": [], "prompt_tokens": []})
    assert heading_for_usage_days(nothing).heading == "No calls with tokens"
    assert (heading_for_usage_hours(nothing), heading_for_usage_sizes(nothing)) == (None, None)


def test_the_median_call_is_that_of_half_of_them() -> None:
    sizes = heading_for_usage_sizes(pd.DataFrame({"percent": [25, 50, 75], "prompt_tokens": [1, 2000, 3000]}))
    assert sizes is not None
    assert (sizes.heading, "Not shown" in sizes.note) == ("Half of the calls read at most 2,000 tokens", False)


def test_of_equal_days_the_first_is_told() -> None:
    found = heading_for_spend_days(make_money(*"1911191"), {"usd": Decimal(23), "unpriced_usd": 0})
    assert found.heading == "2 Sep took US$ 9.00, 9.0 times a usual day"
    assert found.note.endswith("Days are UTC. A usual day is the median of those with an amount.")
    no_usual = heading_for_spend_days(make_money(*"00007"), {"usd": Decimal(7), "unpriced_usd": 0})
    assert no_usual.note.endswith("Days are UTC.")


def test_why_no_change_is_stated_stands_below_the_models() -> None:
    obstacles = ["", "August is a part of a month"]
    notes = [heading_for_spend_models([], MonthBefore(Month(2025, 8), None, one)).note for one in obstacles]
    assert ["No change is stated" in note for note in notes] == [False, True]
    assert notes[1].endswith("that have both. No change is stated: August is a part of a month.")


def make_bill(provider: str, counted: str | None, billed: str | None) -> ProviderBill:
    counted_usd, billed_usd = (None if usd is None else Decimal(usd) for usd in (counted, billed))
    return ProviderBill(provider, counted_usd, billed_usd, billed_usd or counted_usd, None, 1, 0, is_at_least=False)


@pytest.mark.parametrize(
    ("bills", "heading"),
    [
        ([("openai", "5", "7"), ("xai", "100", None)], "1 provider billed US$ 7.00, where US$ 5.00 were counted"),
        (
            [("openai", "5", "7"), ("anthropic", "1", "0.5")],
            "2 providers billed US$ 7.50, where US$ 6.00 were counted",
        ),
        ([("openai", "5", "7"), ("mistral", None, "3")], "1 provider billed US$ 7.00, where US$ 5.00 were counted"),
        ([("openai", "5", "0")], "1 provider billed US$ 0.00, where US$ 5.00 were counted"),
        ([("openai", "0", "7")], "1 provider billed US$ 7.00, where US$ 0.00 were counted"),
        ([("openai", None, "7")], "1 provider billed US$ 7.00"),
        ([("openai", "5", None)], "OpenRouter takes 80.0\u00a0% of the spend"),
    ],
)
def test_what_was_billed_is_told_beside_what_was_counted_of_the_same_providers(
    bills: list[tuple[str, str | None, str | None]], heading: str
) -> None:
    sellers = [{"seller": "openrouter", "share_permille": 800}, {"seller": "xai", "share_permille": 200}]
    found = heading_for_sellers(sellers, MonthBills(tuple(make_bill(*one) for one in bills), ()))
    assert found.heading == heading
    assert found.note.endswith("days that it does not cover.") == ("billed" in heading)
    assert heading_for_sellers([]).heading == "Spend by provider"


def test_a_bill_in_a_currency_without_a_rate_alone_is_no_sum_of_dollars() -> None:
    bill = replace(make_bill("openai", "5", None), unconverted=(("EUR", Decimal(3)),))
    found = heading_for_sellers([], MonthBills((bill,), ()))
    assert found.heading == "Spend by provider"


def test_only_users_who_are_named_count_and_what_the_others_spent_is_in_the_half() -> None:
    users = make_users("5", "3", "2").assign(usable_type=pd.Series(["user", "user", None], dtype=object))
    assert heading_for_usables(users).heading == "2 users"
    unknown = make_users("9", "1", *[None] * 19).assign(usable_type=pd.Series([None, *["user"] * 20], dtype=object))
    assert heading_for_usables(unknown).heading == "20 users"  # whose amounts are unknown takes no half
    nobody = make_users("5").assign(usable_id=pd.Series([None], dtype=object))
    assert heading_for_usables(nobody).heading == "Nobody is named"
    by_key = nobody.assign(usable_key="key-1")
    assert heading_for_usables(by_key).heading == "1 user"
    assert heading_for_usables(make_users("0", "0", "0", "0")).heading == "4 users"
    assert heading_for_usables(make_users(*"6111111111")).heading == "3 of 10 users take half of US$ 15.00"
    # Four have half, and so have five by chance.
    assert heading_for_usables(make_users(*"3211111111")).heading == "10 users"
    half = heading_for_usables(make_users("9", None, None), has_bills=True).heading
    assert half == "1 of 3 users takes half of US$ 9.00, as counted"


def make_tasks(**amounts: str | None) -> pd.DataFrame:
    frame = make_users(*amounts.values()).drop(columns=["usable_type", "usable_id", "usable_key"])
    return frame.assign(task_type=[*amounts], unpriced_usd=[int(one is None) for one in amounts.values()])


@pytest.mark.parametrize(
    ("amounts", "has_bills", "heading"),
    [
        ({"text": "8", "image": "2"}, False, "Text generation takes 80.0\u00a0% of the spend"),
        ({"text": "8", "image": "2"}, True, "Text generation takes 80.0\u00a0% of what was counted"),
        ({"text": "5", "image": "5"}, False, "Spend by task"),
        ({"text": "5", "image": "5"}, True, "Spend by task, as counted"),
        ({"text": None}, False, "Spend by task"),
    ],
)
def test_the_task_that_takes_most_is_told_by_its_name(
    amounts: dict[str, str | None], has_bills: bool, heading: str
) -> None:
    assert heading_for_task_types(make_tasks(**amounts), has_bills=has_bills).heading == heading


def test_calls_without_a_price_and_those_to_nobody_known_are_told_apart() -> None:
    rows = [{"calls": 1}, {"calls": 2}]
    assert heading_for_open_questions([], []) is None
    few, many = {"calls": 1, "is_least": True}, {"calls": 2, "is_least": False}
    least = heading_for_open_questions([few, many], [])
    assert least is not None
    assert least.heading == "At least 3 calls without a price"
    notes = [
        heading_for_open_questions(unpriced, unmapped, unbilled=unbilled)
        for unpriced, unmapped, unbilled in (([many], [], 2), ([many], [], 0), ([], [many], 0))
    ]
    assert [one and one.note.partition(";")[0] for one in notes] == [
        "What has no price is in no count, and 2 calls of it in no bill either",
        "What has no price is in no count, and bills say it all",
        "What has no price is in no total",
    ]
    found = [heading_for_open_questions(*one) for one in ((rows, []), ([], rows), (rows, rows))]
    assert [one and one.heading for one in found] == [
        "3 calls without a price",
        "3 calls to an unknown provider",
        "3 calls without a price, 3 calls to an unknown provider",
    ]


def test_calls_to_models_that_windsurf_sold_and_whose_maker_is_known_are_to_no_unknown_provider() -> None:
    made: list[dict[str, Any]] = [{"calls": 423, "made_by": "Windsurf"}, {"calls": 228, "made_by": "Moonshot AI"}]
    said = "651 calls through Windsurf to models of Windsurf and Moonshot AI"
    for others, heading in (
        ([], said),
        ([{"calls": 3, "made_by": None}], f"{said}, 3 calls to an unknown provider"),
    ):
        found = heading_for_open_questions([], [*made, *others])
        assert found is not None
        assert found.heading == heading


def test_one_line_without_money_is_no_finding() -> None:
    assert heading_for_spend_models(rank(None)).heading == "Spend by model"
    assert heading_for_spend_models(rank(0)).heading == "Spend by model"


def test_four_of_twenty_models_that_take_half_are_not_a_few() -> None:
    models = [{"model": f"m{place}", "share_permille": 130 if place < 4 else 30} for place in range(20)]
    assert heading_for_spend_models(models).heading == "Spend by model"


def test_a_day_is_so_many_times_a_usual_one() -> None:
    found = heading_for_spend_days(make_money(*"22922"), {"usd": Decimal(17), "unpriced_usd": 0})
    assert ", 4.5 times a usual day" in found.heading


def test_where_every_call_failed_it_is_all_and_of_sums_without_a_count_it_is_at_least() -> None:
    ok, bad = make_status("ok", 90), make_status("error", 5, failed=True)
    every = heading_for_statuses([bad])
    assert every is not None
    assert every.heading == "5 calls failed, 100.0\u00a0% of all application calls"
    silent = heading_for_statuses([ok, make_status(None, 5) | {"is_least": True}, bad])
    assert silent is not None
    assert silent.note.endswith("Of at least 5 calls nothing is said: they are in no share.")
