"""Folded frames lose nothing, show no key, and name everybody the same however many are shown."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import SEPTEMBER, THINKING, Row, certify, make_rows

from flexlib import analysis as aggregate
from flexlib.analysis.frames import read_rows
from flexlib.analysis.top import (
    NOT_LISTED,
    OTHER_MODELS,
    choose_models,
    is_comparable,
    list_read_days,
    top_days,
    top_models,
    top_users,
)
from flexlib.checks import Check
from flexlib.dates import Span

ROWS: list[Row] = [
    (1, "ana", THINKING, 0, 500),
    (2, "ana", "MODEL_SWE_1", 7, 100),
    (2, "ben", THINKING, 5, 300),
    (9, "gone-1", THINKING, 0, 200),
    (9, "gone-2", THINKING, 1, 50),
]
PEOPLE = {"ana": {"email": "ana@example.com", "name": "Ana"}, "ben": {"email": "ben@example.com", "name": ""}}

rows_of_a_month = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from([f"user-{number:02}" for number in range(15)]),
        st.sampled_from([f"model-{number}" for number in range(12)]),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
    ),
    max_size=60,
    unique_by=lambda row: row[:3],
)


@settings(deadline=None, max_examples=20)
@given(rows=rows_of_a_month, shown=st.integers(1, 8))
def test_a_folded_frame_sums_to_the_whole(rows: list[Row], shown: int) -> None:
    frame = make_rows(rows)
    total = sum(row[4] for row in rows)
    models = aggregate.credits_by_model(frame)
    chosen = choose_models(models, shown=shown)
    certificate = certify(frame, unmapped_users=("user-03", "user-07"))
    folded = [
        top_models(models, chosen),
        top_models(aggregate.credits_by_day_and_model(frame, SEPTEMBER.span), chosen),
        top_days(aggregate.credits_by_day(frame), shown),
        top_users(aggregate.credits_by_user(frame), certificate, None, shown),
    ]
    assert [sum(row["flex_credits"] for row in read_rows(one)) for one in folded] == [total] * 4
    shares = [sum(row.get("share_permille", 0) for row in read_rows(one)) for one in (folded[0], folded[3])]
    assert shares == ([1000, 1000] if total else [0, 0])


def test_models_beyond_the_largest_are_one_line_that_says_how_many() -> None:
    rows = make_rows([(1, "ana", f"model-{number}", 0, 100 - number) for number in range(9)])
    models = aggregate.credits_by_model(rows)
    folded = top_models(models, choose_models(models))
    assert list(folded["model"]) == [*(f"model-{number}" for number in range(6)), OTHER_MODELS]
    assert list(folded["models"]) == [1] * 6 + [3]
    assert list(folded["flex_credits"])[-1] == 94 + 93 + 92


def test_what_rose_most_and_what_had_a_day_of_its_own_are_no_others() -> None:
    """Ten models of 100 to 91 credits every day; model-8 had none before, model-9 has 90 more on one day."""
    rows = [(day, "ana", f"model-{number}", 0, 100 - number) for day in range(1, 8) for number in range(10)]
    rows.append((3, "ben", "model-9", 0, 1))
    now, before = (
        make_rows([*rows, (3, "eva", "model-9", 0, 6)]),
        make_rows([row for row in rows if row[2] != "model-8"]),
    )
    models, days = aggregate.credits_by_model(now), aggregate.credits_by_day_and_model(now)
    compared = aggregate.compare_models(now, before)
    chosen = choose_models(models, compared=compared, by_day_and_model=days)
    assert list(chosen) == ["model-0", "model-1", "model-2", "model-3", "model-8", "model-9"]
    assert list(choose_models(models)) == [f"model-{number}" for number in range(6)]
    fallen = aggregate.compare_models(before, now)
    assert list(choose_models(models, compared=fallen)) == [f"model-{number}" for number in range(6)]


def test_one_model_too_many_is_shown_and_not_called_other() -> None:
    rows = make_rows([(1, "ana", f"model-{number}", 0, 100 - number) for number in range(7)])
    assert OTHER_MODELS not in choose_models(aggregate.credits_by_model(rows)).values()


def test_frames_of_one_report_fold_by_the_same_choice() -> None:
    rows = make_rows(ROWS)
    before = make_rows([(1, "ana", "MODEL_CHAT_O3", 0, 900)], SEPTEMBER.previous)
    chosen = choose_models(aggregate.credits_by_model(rows), SEPTEMBER.span)
    compared = top_models(aggregate.compare_models(rows, before), chosen)
    assert list(compared["model"]) == ["Claude Sonnet 4 Thinking", "SWE-1", OTHER_MODELS]
    assert list(compared["flex_credits_before"]) == [0, 0, 900]


def test_days_beyond_the_highest_are_one_line() -> None:
    folded = read_rows(top_days(aggregate.credits_by_day(make_rows(ROWS), SEPTEMBER.span), shown=2))
    assert [(row["date"], row["days"], row["flex_credits"]) for row in folded] == [
        (date(2025, 9, 1), 1, 500),
        (date(2025, 9, 2), 1, 400),
        (None, 28, 250),
    ]


def test_people_stand_by_rank_and_keys_of_nobody_in_one_line() -> None:
    rows = make_rows(ROWS)
    folded = top_users(aggregate.credits_by_user(rows), certify(rows, unmapped_users=("gone-1", "gone-2")))
    assert [(row["person"], row["people"], row["flex_credits"], row["days"]) for row in read_rows(folded)] == [
        ("Person 001", 1, 600, 2),
        ("Person 002", 1, 300, 1),
        (NOT_LISTED, 2, 250, None),
    ]


def test_a_pseudonym_stays_however_many_are_shown() -> None:
    rows = make_rows([(1, f"user-{number:02}", THINKING, 0, 1000 - number) for number in range(20)])
    by_user, certificate = aggregate.credits_by_user(rows), certify(rows)
    few = list(top_users(by_user, certificate, shown=3)["person"])
    many = list(top_users(by_user, certificate, shown=12)["person"])
    assert few == ["Person 001", "Person 002", "Person 003", "17 more people"]
    assert many[:3] == few[:3]
    assert many[-1] == "8 more people"


def test_names_stand_only_where_people_are_given_and_a_missing_one_is_the_address() -> None:
    rows = make_rows(ROWS[:4])
    by_user, certificate = aggregate.credits_by_user(rows), certify(rows)
    assert list(top_users(by_user, certificate, PEOPLE)["person"]) == ["Ana", "ben@example.com", "Person 003"]


def test_namesakes_are_told_apart_by_their_addresses() -> None:
    rows = make_rows(ROWS[:3])
    people = {user: {"email": f"{user}@example.com", "name": "Ana"} for user in ("ana", "ben")}
    folded = top_users(aggregate.credits_by_user(rows), certify(rows), people)
    assert list(folded["person"]) == ["Ana (ana@example.com)", "Ana (ben@example.com)"]


def test_no_key_is_in_the_frame_of_people() -> None:
    rows = make_rows([(1, "9b2e4c1a-0000-4000-8000-000000000001", THINKING, 0, 100)])
    folded = top_users(aggregate.credits_by_user(rows), certify(rows))
    assert not re.search("9b2e4c1a", folded.to_csv())


@pytest.mark.parametrize(
    ("read_at", "last"),
    [
        (datetime(2025, 9, 11, 14, tzinfo=timezone.utc), 11),
        (datetime(2025, 9, 1, 0, 0, 1, tzinfo=timezone.utc), 1),
        (datetime(2025, 10, 3, tzinfo=timezone.utc), 30),
    ],
)
def test_days_that_had_not_begun_when_it_was_read_are_not_listed(read_at: datetime, last: int) -> None:
    certificate = certify(make_rows(ROWS), read_at=read_at)
    assert list_read_days(certificate) == Span(date(2025, 9, 1), date(2025, 9, last))


@pytest.mark.parametrize(
    ("now", "before", "comparable"),
    [
        ({}, {}, True),
        ({}, {"sums": Check("differs")}, True),
        ({}, {"users_failed": 1}, False),
        ({}, {"read_at": datetime(2025, 8, 20, tzinfo=timezone.utc)}, False),
        ({"read_at": datetime(2025, 9, 11, tzinfo=timezone.utc)}, {}, False),
        ({"users_failed": 1}, {}, False),
    ],
    ids=["both whole", "one unreconciled", "a gap before", "half a month before", "half a month now", "a gap now"],
)
def test_a_change_is_shown_only_between_months_read_to_their_end(
    now: dict[str, object], before: dict[str, object], comparable: bool
) -> None:
    rows = make_rows(ROWS)
    earlier = certify(rows, **{"month": SEPTEMBER.previous, **before})
    assert is_comparable(certify(rows, **now), earlier) is comparable
    assert not is_comparable(certify(rows, **now), None)


def test_what_was_given_is_left_as_it_was() -> None:
    rows = make_rows(ROWS)
    by_user = aggregate.credits_by_user(rows)
    copy = by_user.copy(deep=True)
    top_users(by_user, certify(rows))
    pd.testing.assert_frame_equal(by_user, copy)
