"""Headings follow from the numbers by plain rules, and say nothing where nothing stands out."""

from __future__ import annotations

import pytest
from report_samples import SEPTEMBER, THINKING, Row, make_rows

from flexlib import analysis as aggregate
from flexlib.analysis import top
from flexlib.page.credits.headings import (
    heading_for_days,
    heading_for_models,
    heading_for_peaks,
    heading_for_spenders,
    heading_for_users,
    heading_for_weekdays,
)

EVEN: list[Row] = [(day, "ana", THINKING, 0, 10_000) for day in range(1, 31)]


def spend(**amounts: int) -> list[Row]:
    """Flex credits on some days, `d15=300`."""
    return [(int(day[1:]), "ana", THINKING, 0, amount * 100) for day, amount in amounts.items()]


def rise(by: int) -> list[Row]:
    """A little more each day."""
    return [(day, "ana", THINKING, 0, 100 + by * day) for day in range(1, 31)]


@pytest.mark.parametrize(
    ("rows", "heading"),
    [
        ([], "No flex credits were used"),
        (EVEN, "Flex credits by day"),
        (spend(d1=10, d2=10, d3=10, d4=10, d15=31), "15 Sep took 31 flex credits, 3.1 times a usual day"),
        (spend(d1=10, d2=10, d3=10, d15=31), "Use fell in the second half of the month"),
        (spend(d1=10, d2=10, d3=10, d4=10, d15=19), "Use fell in the second half of the month"),
        ([(day, "ana", THINKING, 0, 100 + day) for day in range(1, 31)], "Flex credits by day"),
        (
            [(day, "ana", THINKING, 0, 100 + 3 * day) for day in range(1, 31)],
            "Use grew in the second half of the month",
        ),
    ],
    ids=["nothing", "even", "peak", "too few days for a peak", "no day twice the median", "a little more", "growth"],
)
def test_the_days_say_peak_then_growth_then_nothing(rows: list[Row], heading: str) -> None:
    assert heading_for_days(aggregate.credits_by_day(make_rows(rows), SEPTEMBER.span)).heading == heading


@pytest.mark.parametrize(
    ("amounts", "heading"),
    [
        ([60, 30, 10], "model-0 takes 60.0\u00a0% of the flex credits"),
        ([30, 30, 25, 15], "Two models take 60.0\u00a0% of the flex credits"),
        ([20, 20, 20, 20, 20], "Three models take 60.0\u00a0% of the flex credits"),
        ([1] * 10, "Flex credits by model"),
        ([], "Flex credits by model"),
    ],
)
def test_the_models_say_how_few_take_half(amounts: list[int], heading: str) -> None:
    models = aggregate.credits_by_model(
        make_rows([(1, "ana", f"model-{number}", 0, amount) for number, amount in enumerate(amounts)])
    )
    assert heading_for_models(top.top_models(models, top.choose_models(models))).heading == heading


@pytest.mark.parametrize(
    ("rows", "heading"),
    [
        (EVEN, "By weekday and week"),
        ([row for row in EVEN if row[0] not in (6, 7, 13, 14, 20, 21, 27, 28)], "Weekends take only 0.0\u00a0%"),
        (spend(d1=10, d8=10, d10=5, d11=5, d16=5), "Mondays take 57.1\u00a0%"),
        ([], "By weekday and week"),
    ],
)
def test_the_weekdays_say_a_heavy_day_or_quiet_weekends(rows: list[Row], heading: str) -> None:
    frame = aggregate.credits_by_weekday_and_week(make_rows(rows), SEPTEMBER.span)
    assert heading_for_weekdays(frame).heading == heading


def test_the_people_say_what_a_tenth_of_them_take() -> None:
    rows = [(1, f"user-{number:02}", THINKING, 0, 900 if number < 2 else 100) for number in range(20)]
    finding = heading_for_users(aggregate.credits_by_user(make_rows(rows)))
    assert finding.heading == "One person in ten takes 50.0\u00a0%"
    assert finding.note.endswith("One in ten: 2 of 20 with use.")


def test_fewer_than_ten_people_are_no_share_of_anything() -> None:
    assert heading_for_users(aggregate.credits_by_user(make_rows(EVEN))).heading == "By person"


def test_the_spenders_are_those_beyond_their_prompt_credits() -> None:
    rows = make_rows([(1, "ana", THINKING, 100, 5), (1, "ben", THINKING, 100, 0)])
    assert heading_for_spenders(aggregate.credits_by_user(rows)).heading == "1 of 2 people with use took flex credits"


@pytest.mark.parametrize(
    ("rows", "heading", "note"),
    [
        (spend(d2=1, d9=3), "Most on 9 Sep: 3.00 flex credits", "2 days of the month have some, the first is 2 Sep."),
        (spend(d9=3), "Most on 9 Sep: 3.00 flex credits", "1 day of the month has some, the first is 9 Sep."),
        ([(1, "ana", THINKING, 100, 0)], "Peak days", "No day has flex credits."),
    ],
)
def test_the_peaks_are_headed_by_the_highest_day_with_the_first_beside_it(
    rows: list[Row], heading: str, note: str
) -> None:
    finding = heading_for_peaks(aggregate.credits_statistics(make_rows(rows)))
    assert (finding.heading, finding.note) == (heading, note)
