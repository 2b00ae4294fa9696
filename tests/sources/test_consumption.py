"""The consumption endpoint: all of its pages, whose each row is, and in which unit."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from harness import Answer, Request, answer_json, serve
from hypothesis import given
from hypothesis import strategies as st

from flexlib.dates import Month
from flexlib.enums import UNKNOWN_MODEL
from flexlib.errors import RouteRefused, UnsupportedTeam
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.sources.windsurf.consumption import (
    ask_consumption_total,
    check_reply,
    fetch_pages,
    hide_people,
    map_people,
    read_number,
    read_total,
    scale,
    settle_unit,
    tally_rows,
)
from flexlib.sources.windsurf.wire import CreditSums, Person

SPAN = Month(2025, 9).span
ANA = Person("key-a", "Ana@Example.com", "Ana")
BOB = Person("key-b", "bob@example.com", "Bob")


def row(**changes: object) -> dict[str, Any]:
    whole = {
        "timestamp": "2025-09-01",
        "user_id": "user-1",
        "user_email": "ana@example.com",
        "model_uid": "m",
        "consumption": {"prompt_credits": 1, "flex_credits": 2.5, "message_count": 3},
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def page(*rows: dict[str, Any], cursor: str | None = None, strategy: str = "CREDITS") -> Answer:
    return answer_json(
        {
            "data": list(rows),
            "pagination": {"next_page_cursor": cursor},
            "metadata": {"billing_strategy": strategy},
        }
    )


def read_pages(handle: Callable[[Request], Answer]) -> list[ApiResponse]:
    server: AbstractContextManager[str] = serve(handle)
    with server as url, Client(url, "demo-key", 2) as client:
        return list(fetch_pages(client, SPAN))


def tally(*rows: dict[str, Any], unit: str = "credits") -> CreditSums:
    return tally_rows(rows, SPAN, map_people(rows, [ANA, BOB], SPAN), unit)


def test_every_page_is_read_and_each_is_asked_for_by_the_cursor_of_the_one_before() -> None:
    targets: list[str] = []

    def handle(request: Request) -> Answer:
        targets.append(request.target)
        following = {1: "two", 2: "three"}.get(len(targets))
        return page(row(model_uid=f"m{len(targets)}"), cursor=following)

    replies = read_pages(handle)
    assert [one["model_uid"] for reply in replies for one in reply.value.rows] == ["m1", "m2", "m3"]
    cursors = [target.partition("page_cursor=")[2] for target in targets]
    assert cursors == ["", "two", "three"]
    wanted = "start_date=2025-09-01&end_date=2025-09-30&product=agent&granularity=daily&group_by=user%2Cmodel_uid"
    assert all(target.startswith(f"/api/v2alpha/analytics/consumption?{wanted}") for target in targets)


def test_pages_that_lead_in_a_circle_are_refused() -> None:
    with pytest.raises(RouteRefused, match="gives the same page again and again"):
        read_pages(lambda _: page(row(), cursor="one"))


@pytest.mark.parametrize(
    ("answer", "strategy"),
    [
        (answer_json({"error": "QUOTA billing strategy is not yet supported by this endpoint"}, 400), "QUOTA"),
        (page(row(), strategy="ACU"), "ACU"),
        (page(row(consumption={"billed_acus": 1.5, "message_count": 2}), strategy=""), "ACU"),
        (page(strategy="TOKENS"), "TOKENS"),
    ],
)
def test_a_team_billed_in_anything_but_credits_is_one_sentence(answer: Answer, strategy: str) -> None:
    sentence = f"The team is billed in {strategy}, not in credits, so it has no flex credits to report; ask the vendor"
    with pytest.raises(UnsupportedTeam, match=sentence):
        read_pages(lambda _: answer)


def test_a_long_wait_for_the_next_hour_is_a_no() -> None:
    answer = answer_json({"error": "429 Too Many Requests"}, 429, Retry_After="3000")
    with pytest.raises(
        RouteRefused, match=r"says no \(429: 429 Too Many Requests; it may be asked again in 3,000 second"
    ):
        read_pages(lambda _: answer)


@pytest.mark.parametrize(
    "value",
    [{"data": {"rows": []}}, {"data": [1]}, {"data": [{"user_email": 7}]}, {}, {"error": "try later"}, [], None],
)
def test_an_answer_without_a_list_of_rows_is_not_whole_and_no_zero(value: object, hurry: None) -> None:
    with pytest.raises(RouteRefused, match="an answer that is not whole"):
        read_pages(lambda _: answer_json(value))


@pytest.mark.parametrize("empty", [[], None])
def test_an_empty_list_of_rows_is_nothing(empty: object) -> None:
    assert read_pages(lambda _: answer_json({"data": empty}))[0].value.rows == []


def test_the_total_is_one_row_of_the_whole_span_and_the_hundredth_of_a_float_is_exact() -> None:
    body = b'{"data": [{"consumption": {"prompt_credits": 1250.10, "flex_credits": 0.3}}]}'
    with serve(lambda _: Answer(200, body)) as url, Client(url, "demo-key", 1) as client:
        reply = client.ask_one(ask_consumption_total(SPAN, "independent total"))
    assert read_total(reply) == (Decimal("1250.1"), Decimal("0.3"))
    for broken in ({"flex_credits": "many"}, {"flex_credits": -1}, "none"):
        rows = [{"consumption": broken}]
        with serve(lambda _, rows=rows: answer_json({"data": rows})) as url, Client(url, "demo-key", 1) as client:  # type: ignore[misc]
            reply = client.ask_one(ask_consumption_total(SPAN, "independent total"))
        with pytest.raises(RouteRefused, match="a total that is no number"):
            read_total(reply)


def test_a_total_that_comes_twice_is_none() -> None:
    total = {"consumption": {"prompt_credits": 1, "flex_credits": 2}}
    with serve(lambda _: answer_json({"data": [total, total]})) as url, Client(url, "demo-key", 1) as client:
        reply = client.ask_one(ask_consumption_total(SPAN, "independent total"))
    with pytest.raises(RouteRefused, match="gives 2 totals of the whole span, not one"):
        read_total(reply)


def test_a_row_that_comes_twice_counts_once_and_is_kept_as_one_that_could_not_be_taken() -> None:
    found = tally(row(), row(), row(model_uid="another"))
    once = tally(row(), row(model_uid="another"))
    assert (found.sums, [one["why"] for one in found.quarantined]) == (
        once.sums,
        ["the same day, user and model a second time"],
    )


def test_a_no_to_the_total_is_no_zero() -> None:
    with pytest.raises(RouteRefused, match="says no"):
        check_reply(
            ApiResponse(ask_consumption_total(SPAN, "independent total"), refused="HTTP 403: Insufficient permissions")
        )


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_the_unit_is_the_one_in_which_both_sums_are_the_same(prompt: int, flex: int) -> None:
    native = Decimal(prompt) / 100, Decimal(flex) / 100
    assert settle_unit(native, (prompt, flex), exact=True) == "credits"
    assert settle_unit((Decimal(prompt), Decimal(flex)), (prompt, flex), exact=True) == "hundredths"
    assert settle_unit(native, (prompt + 1, flex), exact=True) is None


def test_a_floats_hair_beside_the_sum_is_the_sum_and_a_hundredth_is_not() -> None:
    assert settle_unit((Decimal("0"), Decimal("77.700000000001")), (0, 7770), exact=True) == "credits"
    assert settle_unit((Decimal("0"), Decimal("77.71")), (0, 7770), exact=True) is None


def test_nothing_at_all_settles_nothing() -> None:
    nothing = Decimal(0), Decimal(0)
    assert settle_unit(nothing, (0, 0), exact=True) is None
    assert settle_unit(nothing, (0, 0), exact=False) is None
    assert settle_unit(nothing, (100, 0), exact=False) is None


@pytest.mark.parametrize(
    ("native", "hundredths", "unit"),
    [(100, 10_000, "credits"), (100, 19_000, "credits"), (100, 60, "hundredths"), (100, 1_000, None), (100, 0, None)],
)
def test_figures_of_two_moments_settle_the_unit_within_a_factor_of_two(
    native: int, hundredths: int, unit: str | None
) -> None:
    assert settle_unit((Decimal(native), Decimal(0)), (hundredths, 0), exact=False) == unit


def test_people_are_matched_by_e_mail_whatever_its_case_then_by_id_and_strangers_are_numbered() -> None:
    rows = [
        row(user_email="ANA@example.COM"),
        row(user_email="zoe@example.com"),
        row(user_email="cid@example.com"),
        row(user_email=..., user_id="KEY-B"),
        row(user_email=..., user_id=...),
    ]
    assert map_people(rows, [ANA, BOB], SPAN) == {
        "ANA@example.COM": "key-a",
        "KEY-B": "key-b",
        "cid@example.com": "unmapped-2025-09-1",
        "zoe@example.com": "unmapped-2025-09-2",
        "": UNKNOWN_MODEL,
    }


def test_rows_are_summed_in_hundredths_by_day_user_and_model() -> None:
    zulu = "2025-09-01T00:00:00.000Z"
    made = tally(row(), row(timestamp=zulu), row(model_uid=...), row(user_email="zoe@example.com"))
    day = date(2025, 9, 1)
    assert made.sums == {
        (day, "key-a", "m"): [200, 500, 0],
        (day, "key-a", UNKNOWN_MODEL): [100, 250, 0],
        (day, "unmapped-2025-09-1", "m"): [100, 250, 0],
    }
    assert tally(row(consumption={"prompt_credits": 3, "flex_credits": 4}), unit="hundredths").totals == (3, 4, 0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"timestamp": "2025-10-01"}, "day '2025-10-01' is not one of the days asked for"),
        ({"timestamp": "2025-09"}, "Invalid isoformat string: '2025-09'"),
        ({"timestamp": ...}, "no day"),
        ({"consumption": {"flex_credits": "abc"}}, "flex_credits is 'abc', not a number"),
        ({"consumption": {"flex_credits": -5}}, "flex_credits is -5, not a number from 0 to 10^15"),
        ({"consumption": {"prompt_credits": "NaN"}}, "prompt_credits is 'NaN', not a number from 0 to 10^15"),
        ({"consumption": {"prompt_credits": 0.001}}, "0.001 is not a whole number of hundredths of a credit"),
        ({"consumption": {"prompt_credits": "1E999999999"}}, "prompt_credits is '1E999999999', not a number from 0"),
        ({"consumption": "many"}, "consumption is 'many', not an object"),
    ],
)
def test_a_row_that_cannot_be_taken_is_quarantined_without_its_e_mail(changes: dict[str, Any], why: str) -> None:
    made = tally(row(**changes), row())
    assert made.totals == (100, 250, 0)
    [spoilt] = made.quarantined
    assert spoilt["why"].startswith(why)
    assert spoilt["user"] == "key-a"
    assert spoilt["item"] == {name: value for name, value in row(**changes).items() if name != "user_email"}


def test_absent_numbers_are_zeros_and_counted() -> None:
    written = {"prompt_credits": 1, "flex_credits": ""}
    made = tally(row(consumption={"prompt_credits": None}), row(model_uid="n", consumption=written))
    assert (made.totals, made.absent_values, made.quarantined) == ((100, 0, 0), 3, [])


@given(st.integers(0, 10**15))
def test_a_float_of_credits_is_exactly_its_hundredths(hundredths: int) -> None:
    assert scale(
        read_number(hundredths / 100 if hundredths < 10**9 else Decimal(hundredths) / 100, "x"), "credits"
    ) == (hundredths)


@pytest.mark.parametrize(
    "written",
    ['"o\'brien@example.com"', '"o\\u0027brien@example.com"', '"o\\u0027brien\\u0040example.com"'],
)
def test_no_e_mail_stays_in_an_answer_however_the_server_wrote_it(written: str) -> None:
    row_text = f'{{"user_email": {written}, "consumption": {{"flex_credits": 12.25}}}}'
    text = f'{{"data": [{row_text}], "metadata": {{"by": {written}}}}}'
    hidden = hide_people(text, {"o'brien@example.com": "key-o", "": UNKNOWN_MODEL})
    assert json.loads(hidden) == {
        "data": [{"user_email": "key-o", "consumption": {"flex_credits": 12.25}}],
        "metadata": {"by": "key-o"},
    }
    assert "brien" not in hidden
