"""What an answer means: sums that do not depend on how it is cut, and no text that quietly becomes a zero."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexlib.dates import Month, Span
from flexlib.enums import UNKNOWN_MODEL
from flexlib.sources.windsurf.wire import (
    CreditSums,
    Person,
    ask_balance,
    ask_people,
    ask_team,
    ask_users,
    read_people,
    read_results,
    read_totals,
)

SPAN = Month(2025, 9).span
ABSENT = (None, "", "<nil>")
NUMBERS = st.integers(0, 10**15).map(str) | st.sampled_from([*ABSENT, "abc", "-5", "NaN", "1.5"])
ITEMS = st.fixed_dictionaries(
    {
        "api_key": st.sampled_from(["a", "b", "<nil>"]),
        "date": st.sampled_from(["2025-09-01", "2025-09-30", "2025-09-15T00:00:00Z", "2025-10-01", "2019-12-31", ""]),
        "model": st.sampled_from(["m", "n", "", "<nil>"]),
        "prompts_used": NUMBERS,
        "flex_credits_used": NUMBERS,
    },
    optional={"rows": st.integers(1, 9).map(str)},
)


def tally(items: list[dict[str, Any]], user: str | None = None, span: Span = SPAN) -> CreditSums:
    made = CreditSums()
    made.add_items(items, span, user)
    return made


def describe(made: CreditSums) -> tuple[Any, ...]:
    """All that a tally holds, whatever the order in which it came."""
    return made.sums, made.absent_values, sorted(json.dumps(one, sort_keys=True) for one in made.quarantined)


def item(**changes: object) -> dict[str, Any]:
    whole = {"api_key": "a", "date": "2025-09-01", "model": "m", "prompts_used": "100", "flex_credits_used": "250"}
    return {name: value for name, value in (whole | changes).items() if value is not ...}


@given(st.lists(ITEMS, max_size=12), st.randoms())
def test_the_order_of_items_changes_nothing(items: list[dict[str, Any]], chance: Any) -> None:  # noqa: ANN401
    shuffled = items.copy()
    chance.shuffle(shuffled)
    assert describe(tally(shuffled)) == describe(tally(items))


@given(st.lists(ITEMS, max_size=12), st.integers(0, 12))
def test_parts_put_together_are_the_whole(items: list[dict[str, Any]], cut: int) -> None:
    parts = tally(items[:cut])
    parts.merge(tally(items[cut:]))
    assert describe(parts) == describe(tally(items))


@given(st.lists(ITEMS, max_size=12))
def test_putting_parts_together_leaves_the_parts_as_they_were(items: list[dict[str, Any]]) -> None:
    whole, part = CreditSums(), tally(items)
    before = json.dumps(describe(part)[1:]), {key: list(row) for key, row in part.sums.items()}
    whole.merge(part)
    whole.merge(part)
    assert (json.dumps(describe(part)[1:]), part.sums) == before


@given(st.lists(ITEMS, max_size=12))
def test_the_sums_of_any_groups_are_the_total(items: list[dict[str, Any]]) -> None:
    made = tally(items)
    for part in range(3):
        groups: dict[object, list[int]] = {}
        for key, row in made.sums.items():
            group = groups.setdefault(key[part], [0, 0, 0])
            for place, number in enumerate(row):
                group[place] += number
        assert tuple(sum(group[place] for group in groups.values()) for place in range(3)) == made.totals
    taken = [one for one in items if one not in [spoilt["item"] for spoilt in made.quarantined]]
    assert made.totals[1] == sum(
        int(one["flex_credits_used"] or 0) for one in taken if one["flex_credits_used"] != "<nil>"
    )


@given(st.lists(ITEMS, max_size=12))
def test_every_item_is_taken_or_quarantined_with_its_text(items: list[dict[str, Any]]) -> None:
    made = tally([{name: value for name, value in one.items() if name != "rows"} for one in items])
    assert made.data_points + len(made.quarantined) == len(items)
    assert all(one["why"] and one["item"] for one in made.quarantined)


@given(st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.lists(st.integers(), max_size=2))
@example("-0")
@example("1E400000000")
@example("9" * 5000)
@example("١٢")
@example("sNaN")
@example(" ")
@example("0x10")
@example("None")
@example("<NIL>")
def test_a_number_is_a_whole_one_from_0_on_or_quarantined_and_only_the_absent_forms_are_a_silent_zero(
    value: object,
) -> None:
    made = tally([item(flex_credits_used=value)])
    if value in ABSENT:
        assert (made.totals, made.absent_values, made.quarantined) == ((100, 0, 1), 1, [])
    elif made.quarantined:
        assert (made.sums, made.quarantined[0]["item"]["flex_credits_used"]) == ({}, value)
    else:
        assert made.absent_values == 0
        assert made.totals[1] == float(str(value)) >= 0


@pytest.mark.parametrize(
    ("value", "number"),
    [("0", 0), ("250", 250), (250, 250), ("250.00", 250), ("1E2", 100), (" 7 ", 7), (str(10**15), 10**15)],
)
def test_a_whole_number_is_taken_however_it_is_written(value: object, number: int) -> None:
    assert tally([item(flex_credits_used=value)]).totals == (100, number, 1)


@pytest.mark.parametrize(
    "value", ["abc", "-5", "NaN", "Infinity", "2.5", "1,000", True, [], {}, str(10**15 + 1), "2^63"]
)
def test_what_is_no_such_number_is_quarantined_with_its_raw_text_and_no_part_of_its_row_counts(value: object) -> None:
    made = tally([item(prompts_used=value), item()])
    assert made.totals == (100, 250, 1)
    [spoilt] = made.quarantined
    assert spoilt["item"] == item(prompts_used=value)
    assert spoilt["why"].startswith(f"prompts_used is {value!r}, not a")


@pytest.mark.parametrize("value", [..., None, "", "<nil>"])
def test_an_absent_number_is_zero_and_counted(value: object) -> None:
    made = tally([item(prompts_used=value, flex_credits_used=value)])
    assert (made.totals, made.absent_values) == ((0, 0, 1), 2)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2025-08-31", "day '2025-08-31' is not one of the days asked for"),
        ("2025-10-01T00:00:00Z", "day '2025-10-01T00:00:00Z' is not one of the days asked for"),
        ("2025-09-01T03:00:00Z", "day '2025-09-01T03:00:00Z' is not one of the days asked for"),
        ("soon", "day 'soon' is not one of the days asked for"),
        (20250901, "day 20250901 is not one of the days asked for"),
        (..., "no day"),
        ("<nil>", "no day"),
    ],
)
def test_a_row_without_a_day_of_the_span_is_quarantined(day: object, why: str) -> None:
    made = tally([item(date=day)])
    assert (made.sums, [one["why"] for one in made.quarantined]) == ({}, [why])


def test_a_row_of_another_user_than_was_asked_for_is_quarantined() -> None:
    made = tally([item(api_key="b"), item(), item(api_key=...)], user="a")
    assert made.totals == (200, 500, 2)
    assert [(one["why"], one["user"]) for one in made.quarantined] == [("a row of another user", "a")]


def test_a_model_or_key_without_a_name_is_kept_as_unknown() -> None:
    made = tally([item(model=value) for value in (..., None, "", "<nil>")] + [item(api_key="<nil>")])
    assert set(made.sums) == {(date(2025, 9, 1), "a", UNKNOWN_MODEL), (date(2025, 9, 1), UNKNOWN_MODEL, "m")}
    assert made.totals == (500, 1250, 5)
    assert len(tally([item(model=5)]).quarantined) == 1


def test_a_row_of_the_team_route_stands_for_as_many_as_it_counts() -> None:
    assert tally([item(rows="3"), item(rows=4)]).totals == (200, 500, 7)
    assert tally([item(rows="many")]).quarantined[0]["why"] == "rows is 'many', not a number"


def test_the_team_is_asked_for_its_groups_and_in_the_same_request_for_the_sum_of_all() -> None:
    body = ask_team(SPAN).body
    assert body is not None
    groups, whole = body["query_requests"]
    assert [one["name"] for one in groups["aggregations"]] == ["api_key", "date", "model"]
    assert "aggregations" not in whole
    assert groups["selections"] == whole["selections"]
    assert [(one["name"], one["aggregation_function"].rpartition("_")[2]) for one in whole["selections"]] == [
        ("prompts_used", "SUM"),
        ("flex_credits_used", "SUM"),
        ("rows", "COUNT"),
    ]
    assert [(one["filter"].rpartition("_")[2], one["value"]) for one in whole["filters"]] == [
        ("GE", "2025-09-01"),
        ("LE", "2025-09-30"),
    ]


def test_users_are_asked_a_query_each_in_their_order() -> None:
    ask = ask_users(["b", "a"], SPAN)
    assert ask.body is not None
    asked = [query["filters"][0] for query in ask.body["query_requests"]]
    assert [(one["name"], one["filter"], one["value"]) for one in asked] == [
        ("api_key", "QUERY_FILTER_EQUAL", "b"),
        ("api_key", "QUERY_FILTER_EQUAL", "a"),
    ]
    assert not ask.retries
    assert ask_users(["a"], SPAN).retries


def test_no_ask_holds_a_key_and_each_names_its_permission() -> None:
    asks = [ask_people(), ask_balance(), ask_team(SPAN), ask_users(["a"], SPAN)]
    assert not any("service_key" in json.dumps(ask.body) for ask in asks)
    assert [ask.permission for ask in asks] == ["Teams Read-Only", "Billing Read", "Analytics Read", "Analytics Read"]


def test_people_are_sorted_by_key_and_those_without_one_left_out() -> None:
    listed = [
        {"apiKey": "b", "email": "b@example.com", "name": "B", "promptCreditsUsed": "12500"},
        {"name": "no key"},
        {"apiKey": "a", "promptCreditsUsed": 7},
    ]
    assert read_people({"userTableStats": listed}) == [Person("a", "", "", 7), Person("b", "b@example.com", "B", 12500)]
    assert read_people({}) == []


@pytest.mark.parametrize("wrong", [7, 0, True, ["a@example.com"], {}])
def test_a_list_whose_e_mails_are_no_texts_is_not_whole(wrong: object) -> None:
    for part in ("email", "name"):
        with pytest.raises(ValueError, match=f"^{part} is .*, not a text$"):
            read_people({"userTableStats": [{"apiKey": "a", part: wrong}]})


def test_an_answer_has_as_many_results_as_queries_were_asked() -> None:
    answer = {"queryResults": [{"responseItems": [{"item": {"a": "1"}}]}, {}]}
    assert read_results(answer, 2) == [[{"a": "1"}], []]
    for wrong in (answer, {}, {"queryResults": None}):
        with pytest.raises(ValueError, match=r"\d results for 3 queries"):
            read_results(wrong, 3)


def test_a_total_is_three_numbers_or_an_error() -> None:
    assert read_totals({"prompts_used": "1", "flex_credits_used": "2", "rows": "3"}) == (1, 2, 3)
    assert read_totals({}) == (0, 0, 0)
    with pytest.raises(ValueError, match="flex_credits_used is 'NaN'"):
        read_totals({"flex_credits_used": "NaN"})
