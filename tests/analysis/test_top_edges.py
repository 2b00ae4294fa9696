"""How many lines a short frame has, and what each of them sums: on frames made by hand."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from report_samples import certify, make_rows

from flexlib.analysis.top import (
    OTHER_MODELS,
    choose_models,
    find_label,
    is_comparable,
    name_models,
    name_people,
    top_days,
    top_models,
    top_users,
)
from flexlib.checks import Check
from flexlib.i18n import Label

CERTIFICATE = certify(make_rows([]))


def rank(number: int) -> pd.DataFrame:
    """So many days, models and people, the largest first."""
    return pd.DataFrame(
        {
            "rank": place,
            "date": date(2025, 9, place),
            "user": f"key-{place}",
            "model_uid": f"model-{place}",
            "flex_credits": 100 - place,
            "prompt_credits": place,
            "data_points": 1,
            "days": 2,
        }
        for place in range(1, number + 1)
    )


@pytest.mark.parametrize(("number", "lines", "last"), [(5, 5, 1), (6, 6, 1), (7, 6, 2), (9, 6, 4)])
def test_five_days_have_a_line_and_a_sixth_that_would_be_alone(number: int, lines: int, last: int) -> None:
    days = top_days(rank(number))
    assert (len(days), days["days"].iloc[-1], days["days"].sum()) == (lines, last, number)
    assert days["date"].isna().sum() == (last > 1)
    assert days["prompt_credits"].sum() == sum(range(1, number + 1))


@pytest.mark.parametrize(("number", "lines", "last"), [(10, 10, 1), (11, 11, 1), (12, 11, 2), (14, 11, 4)])
def test_ten_people_have_a_line_and_an_eleventh_who_would_be_alone(number: int, lines: int, last: int) -> None:
    people = top_users(rank(number), CERTIFICATE)
    assert (len(people), people["people"].iloc[-1], people["people"].sum()) == (lines, last, number)
    assert people["person"].str.endswith("more people").sum() == (last > 1)
    assert people["flex_credits"].sum() == sum(100 - place for place in range(1, number + 1))
    assert str(people["days"].dtype) == "Int64"


@pytest.mark.parametrize(("number", "chosen"), [(5, 5), (6, 6), (7, 7), (8, 6), (9, 6)])
def test_six_models_have_a_colour_and_a_seventh_that_would_be_alone(number: int, chosen: int) -> None:
    assert len(choose_models(rank(number))) == chosen


def test_every_amount_of_the_others_is_summed_and_days_stand_in_their_order() -> None:
    amounts = ["prompt_credits", "flex_credits", "data_points", "rows", "share_permille"]
    amounts += ["flex_credits_before", "flex_credits_change"]
    rows = pd.DataFrame({"model_uid": ["b", "c", "a"], **{name: [1, 2, 4] for name in amounts}})
    folded = top_models(rows, {"a": "A"})
    assert folded.to_dict("list") == {
        "model": ["A", OTHER_MODELS],
        "models": [1, 2],
        **{name: [4, 3] for name in amounts},
    }
    days = [date(2025, 9, day) for day in (10, 2, 2)]
    folded = top_models(rows.assign(date=days), {"c": "C", "b": "B"})
    assert list(zip(folded["date"].dt.day, folded["model"], strict=True)) == [(2, "C"), (2, OTHER_MODELS), (10, "B")]


def test_frames_of_nothing_have_their_columns() -> None:
    nothing = rank(0)
    assert list(top_models(nothing, {}).columns) == ["model", "models", "flex_credits"]
    assert list(top_days(nothing).columns) == ["date", "days", "flex_credits", "prompt_credits"]
    assert list(top_users(nothing, CERTIFICATE).columns) == [
        "person", "people", "flex_credits", "prompt_credits", "days",
    ]  # fmt: skip


def test_who_has_no_name_goes_by_the_address_and_who_has_neither_by_the_place() -> None:
    people = {
        "a": {"name": "Ana", "email": ""},
        "b": {"name": "Ana", "email": "b@example.com"},
        "c": {"email": "c@example.com"},
        "d": {"name": "", "email": ""},
        "e": {},
    }
    assert name_people(list("abcdef"), people) == [
        "Ana (Person 001)",
        "Ana (b@example.com)",
        "c@example.com",
        "Person 004",
        "Person 005",
        "Person 006",
    ]
    assert name_people([str(number) for number in range(1000)], None)[::999] == ["Person 0001", "Person 1000"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"sums": Check("differs")}, True),
        ({"quarantined_rows": 1}, False),
        ({"sums": Check("not checked")}, False),
        ({"sums": Check("not checked"), "accepted_by": "FLEXLIB_NO_WITNESS"}, True),
    ],
)
def test_a_change_means_something_on_a_month_without_a_gap_that_has_a_witness_or_is_accepted_without(
    changes: dict[str, object], expected: bool
) -> None:
    assert is_comparable(CERTIFICATE, certify(make_rows([]), **changes)) is expected


@pytest.mark.parametrize(("change", "chosen"), [(1, True), (0, False), (-5, False), (None, False)])
def test_the_model_that_rose_most_has_a_colour_of_its_own_and_only_if_any_rose(
    change: int | None, chosen: bool
) -> None:
    models = rank(10)
    changes = pd.Series([-9, *[-8] * 8, change])
    compared = None if change is None else models[["model_uid"]].assign(flex_credits_change=changes)
    assert ("model-10" in choose_models(models, compared=compared)) is chosen
    assert choose_models(models, compared=models[:0].assign(flex_credits_change=[])) == choose_models(models)


def test_the_model_with_the_day_that_stands_out_most_has_a_colour_of_its_own() -> None:
    days = pd.DataFrame({"model_uid": ["model-9", "model-8"] * 3, "flex_credits": [50, 1, 50, 41, 50, 1]})
    assert "model-8" in choose_models(rank(10), by_day_and_model=days)  # 40 above its usual day, model-9 none


def test_who_has_a_pseudonym_stands_under_it() -> None:
    users = ["Person 0r473cz1", "Person 0r473cz1 and son", "eva"]
    assert name_people(users, None) == ["Person 0r473cz1", "Person 002", "Person 003"]
    assert name_people(users, None, {"eva": "Person z2f5n78x"})[2] == "Person z2f5n78x"


def test_a_name_that_is_the_label_is_of_ours_and_another_stays_as_it_is() -> None:
    found = find_label("Other", OTHER_MODELS)
    assert (found, type(found)) == ("Other", Label)
    assert find_label("Others", OTHER_MODELS) == "Others"
    assert type(find_label("Others", OTHER_MODELS)) is str


def test_each_model_has_its_own_name_beside_its_id_in_the_order_of_the_rows() -> None:
    named = name_models(pd.DataFrame({"model_uid": ["MODEL_SWE_1", "x", "MODEL_SWE_1"]}))
    assert named.to_dict("list") == {
        "model_uid": ["MODEL_SWE_1", "x", "MODEL_SWE_1"],
        "model": ["SWE-1", "x", "SWE-1"],
    }
