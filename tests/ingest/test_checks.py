"""The proofs: each finds what it is there to find, and says so when it could not look."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from harness import (
    BALANCE,
    COMPANY,
    CONSUMPTION,
    KEY,
    QUERIES,
    SEPTEMBER,
    Answer,
    Request,
    forward,
    serve,
    sum_credits,
    sum_rows,
)

from flexlib.certificate import CreditsCertificate, State
from flexlib.checks import Check, explain_check
from flexlib.store.version import Snapshot

Demo = Callable[..., str]
Fetch = Callable[..., Snapshot]
Change = Callable[[dict[str, Any], Request], Any]

PROMPT, FLEX = sum_rows(sum_credits())
BUSIEST = COMPANY.rank_spenders(SEPTEMBER)[0]
CYCLE = ("--billing-cycle", "2025-09")
ROUTES = ["team", "batch", "user", "consumption"]

pytestmark = pytest.mark.usefixtures("hurry")


def certify(snapshot: Snapshot) -> CreditsCertificate:
    assert isinstance(snapshot.certificate, CreditsCertificate)
    return snapshot.certificate


def change(url: str, path: str, edit: Change) -> Callable[[Request], Answer]:
    """The server at `url`, but for what `edit` makes of its answers under `path`."""

    def handle(request: Request) -> Answer:
        answer = forward(url, request)
        if request.path != path or answer.status != 200:
            return answer
        return dataclasses.replace(answer, text=json.dumps(edit(answer.read(), request)).encode())

    return handle


def halve_total(value: dict[str, Any], request: Request) -> dict[str, Any]:
    """A consumption endpoint that has seen half of the credits."""
    if "group_by" not in request.target:
        numbers = value["data"][0]["consumption"]
        numbers["flex_credits"] = numbers["flex_credits"] / 2
    return value


def test_all_proofs_of_a_whole_month_agree(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo(*CYCLE), "team", verify=20))
    assert {name: check.result for name, check in certificate.checks.items()} == dict.fromkeys(
        ("sums", "cross_check", "independent_total", "balance"), "agrees"
    )
    assert (certificate.sums.checked, certificate.cross_check.checked, certificate.independent_total.checked) == (
        3,
        20,
        2,
    )


def test_the_sums_agree_with_the_servers_own_on_each_route(demo: Demo, fetch: Fetch) -> None:
    for route in ROUTES:
        sums = certify(fetch(demo(), route)).sums
        assert sums.result == "agrees"
        assert sums.figures["flex_credits_hundredths"] == FLEX


@pytest.mark.parametrize("route", ["batch", "user"])
def test_rows_that_are_fewer_than_the_servers_own_sum_are_unreconciled(route: str, demo: Demo, fetch: Fetch) -> None:
    def add(value: dict[str, Any], request: Request) -> dict[str, Any]:
        if "aggregation_function" in request.body["query_requests"][0]["selections"][0]:
            item = value["queryResults"][0]["responseItems"][0]["item"]
            item["flex_credits_used"] = str(int(item["flex_credits_used"]) + 1)
        return value

    with serve(change(demo(), QUERIES, add)) as door:
        certificate = certify(fetch(door, route))
    assert (certificate.state, certificate.state.exit_code) == (State.UNRECONCILED, 4)
    assert explain_check(certificate.sums).startswith(
        "the server's own sum holds 0.01 flex credits more (805 rows, 805 here)"
    )


def test_a_sample_of_twenty_is_asked_again_in_two_halves_of_the_month_and_holds_the_biggest_spenders(
    demo: Demo, fetch: Fetch
) -> None:
    asked: Counter[str] = Counter()

    def note(request: Request) -> Answer:
        for query in request.body.get("query_requests", []) if request.path == QUERIES else []:
            users = [one["value"] for one in query["filters"] if one["name"] == "api_key"]
            asked.update(f"{user} {query['filters'][1]['value']} {query['filters'][2]['value']}" for user in users)
        return forward(demo(), request)

    with serve(note) as door:
        assert certify(fetch(door, "team", verify=20)).cross_check == Check("agrees", checked=20, code="users_again")
    halves = Counter(line.partition(" ")[2] for line in asked)
    assert halves == {"2025-09-01 2025-09-15": 20, "2025-09-16 2025-09-30": 20}
    assert set(asked.values()) == {1}
    sample = {line.partition(" ")[0] for line in asked}
    assert set(COMPANY.rank_spenders(SEPTEMBER)[:10]) <= sample
    assert len(sample) == 20


@pytest.mark.parametrize(("verify", "checked"), [(1, 1), (7, 7), (1000, 300), (None, 300)])
def test_as_many_users_are_asked_again_as_was_wished(
    verify: int | None, checked: int, demo: Demo, fetch: Fetch
) -> None:
    certificate = certify(fetch(demo(), "team", verify=verify))
    assert (certificate.cross_check.result, certificate.cross_check.checked) == ("agrees", checked)


def test_nobody_is_asked_again_when_that_is_switched_off(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo(), "team", verify=0))
    assert certificate.cross_check.result == "not checked"
    assert explain_check(certificate.cross_check) == "switched off by --verify 0"
    assert certificate.requests_sent == 4  # people, balance, the other endpoint's total, team


@pytest.mark.parametrize("route", ROUTES)
def test_a_user_who_reads_otherwise_alone_fails_the_cross_check(route: str, demo: Demo, fetch: Fetch) -> None:
    def forget_half(value: dict[str, Any], request: Request) -> dict[str, Any]:
        filters = request.body["query_requests"][0]["filters"]
        if (filters[0]["value"], filters[-1]["value"]) == (BUSIEST, "2025-09-15"):
            value["queryResults"] = [{}]
        return value

    with serve(change(demo(), QUERIES, forget_half)) as door:
        certificate = certify(fetch(door, route))
    assert certificate.state is State.UNRECONCILED
    assert certificate.cross_check.figures["differing_users"] == [BUSIEST]
    assert "1 user differs: " in explain_check(certificate.cross_check)


def test_the_independent_total_is_taken_in_either_unit(demo: Demo, fetch: Fetch) -> None:
    for unit in ("credits", "hundredths"):
        total = certify(fetch(demo("--consumption-unit", unit), "team")).independent_total
        assert (total.result, total.figures) == ("agrees", {"unit": unit})


def test_an_independent_total_that_says_something_else_is_unreconciled_and_stays_so_on_auto(
    demo: Demo, fetch: Fetch
) -> None:
    with serve(change(demo(), CONSUMPTION, halve_total)) as door:
        certificate = certify(fetch(door))
    assert (certificate.state, certificate.route, certificate.flex_credits_hundredths) == (
        State.UNRECONCILED,
        "team",
        FLEX,
    )
    assert "it says 4,598.75 flex and 3,483.50 prompt credits if its unit is a credit" in explain_check(
        certificate.independent_total
    )
    assert "here they are 9,197.50 and 3,483.50" in explain_check(certificate.independent_total)


def test_the_independent_total_of_consumption_is_the_total_of_v1(demo: Demo, fetch: Fetch) -> None:
    assert certify(fetch(demo(), "consumption")).independent_total == Check("agrees", checked=2, code="analytics_total")
    alone = certify(fetch(demo("--data-source-gone"), "consumption", unit="credits", verify=0))
    assert (alone.state, alone.independent_total.result) == (State.COMPLETE, "not checked")


def test_a_user_whom_consumption_forgets_in_rows_and_total_is_missed_by_the_independent_total(
    demo: Demo, fetch: Fetch
) -> None:
    email, gone = COMPANY.find_person(COMPANY.rank_spenders(SEPTEMBER)[5]).email, Decimal(0)

    def forget(value: dict[str, Any], request: Request) -> dict[str, Any]:
        nonlocal gone
        if "group_by" in request.target:
            gone = sum(
                (
                    Decimal(str(row["consumption"]["flex_credits"]))
                    for row in value["data"]
                    if row["user_email"] == email
                ),
                Decimal(0),
            )
            value["data"] = [row for row in value["data"] if row["user_email"] != email]
        else:
            value["data"] = [
                {"consumption": {"prompt_credits": 3283.5, "flex_credits": float(Decimal("9197.5") - gone)}}
            ]
        return value

    with serve(change(demo(), CONSUMPTION, forget)) as door:
        certificate = certify(fetch(door, "consumption", verify=1))
    assert (certificate.sums.result, certificate.cross_check.result) == ("agrees", "agrees")
    assert (certificate.state, certificate.independent_total.result) == (State.UNRECONCILED, "differs")
    assert explain_check(certificate.independent_total).startswith(
        "it says 9,197.50 flex and 3,483.50 prompt credits, here they are "
    )


def test_a_consumption_endpoint_that_has_nothing_where_v1_has_credits_is_no_zero(demo: Demo, fetch: Fetch) -> None:
    with serve(change(demo(), CONSUMPTION, lambda value, _: {**value, "data": []})) as door:
        certificate = certify(fetch(door, "consumption", verify=0))
    assert (certificate.state, certificate.independent_total.result) == (State.UNRECONCILED, "differs")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--deny", "consumption"), "the consumption endpoint says no (HTTP 403: Insufficient permissions)"),
        (("--billing-strategy", "QUOTA"), "The team is billed in QUOTA, not in credits"),
    ],
)
def test_an_independent_total_that_cannot_be_had_is_told_and_holds_up_nothing(
    options: tuple[str, ...], why: str, demo: Demo, fetch: Fetch
) -> None:
    certificate = certify(fetch(demo(*options), "team"))
    assert (certificate.state, certificate.independent_total.result) == (State.COMPLETE, "not checked")
    assert explain_check(certificate.independent_total).startswith(why)


def test_the_hourly_limit_of_the_independent_total_is_not_waited_for(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo("--consumption-limit", "0"), "team"))
    assert certificate.independent_total.result == "not checked"
    assert "429 Too Many Requests; it may be asked again in 3,600 seconds" in explain_check(
        certificate.independent_total
    )


@pytest.mark.parametrize(("offset", "state"), [(0, "agrees"), (1, "agrees"), (-1, "differs"), (2, "differs")])
def test_the_balance_is_judged_to_the_credit_when_its_cycle_is_the_month(
    offset: int, state: str, demo: Demo, fetch: Fetch
) -> None:
    assert FLEX % 100 == 50  # the balance's whole credits lie half a credit below
    certificate = certify(fetch(demo(*CYCLE, "--balance-offset", str(offset))))
    assert certificate.balance.result == state
    assert certificate.balance.figures["residual_hundredths"] == 100 * offset - 50
    assert certificate.state is (State.COMPLETE if state == "agrees" else State.UNRECONCILED)
    assert certificate.route == "team"


def test_a_balance_that_differs_says_both_figures(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo(*CYCLE, "--balance-offset", "500"), "team"))
    assert explain_check(certificate.balance) == "the balance says 9,697.00 were used, 9,197.50 are here"
    assert certificate.state.exit_code == 4


def test_a_balance_of_another_cycle_is_shown_and_not_judged(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo("--billing-cycle", "2025-08", "--balance-offset", "500"), "team"))
    assert (certificate.state, certificate.balance.result) == (State.COMPLETE, "not checked")
    assert explain_check(certificate.balance) == "the billing cycle is 2025-08-01 to 2025-08-31, not the month"
    assert certificate.balance.figures["addOnCreditsUsed"] > 500


def test_a_balance_that_the_key_may_not_read_is_told_with_the_permission(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo("--deny", "balance"), "team"))
    assert (certificate.state, certificate.balance.result) == (State.COMPLETE, "not checked")
    assert explain_check(certificate.balance) == (
        "the balance cannot be read (HTTP 403: Insufficient permissions; it needs 'Billing Read')"
    )


@pytest.mark.parametrize("used", ["abc", [1], "Infinity", {"a": 1}, -3, True])
def test_a_balance_that_is_no_number_is_not_judged(used: object, demo: Demo, fetch: Fetch) -> None:
    edit: Change = lambda value, _: {**value, "addOnCreditsUsed": used}  # noqa: E731
    with serve(change(demo(*CYCLE), BALANCE, edit)) as door:
        certificate = certify(fetch(door, "team", verify=0))
    assert (certificate.state, explain_check(certificate.balance)) == (State.COMPLETE, "the balance is no number")


def test_a_balance_of_another_shape_holds_up_nothing(demo: Demo, fetch: Fetch) -> None:
    with serve(change(demo(), BALANCE, lambda *_: ["no", "object"])) as door:
        certificate = certify(fetch(door, "team", verify=0))
    assert (certificate.state, certificate.balance.result) == (State.COMPLETE, "not checked")


def test_a_gap_is_not_also_called_a_difference(demo: Demo, fetch: Fetch) -> None:
    certificate = certify(fetch(demo("--failing-user", BUSIEST, *CYCLE), "user"))
    results = {name: check.result for name, check in certificate.checks.items()}
    assert results == {
        "sums": "not checked",
        "cross_check": "agrees",
        "independent_total": "not checked",
        "balance": "not checked",
    }
    assert "some of it could not be read" in explain_check(certificate.sums)


def test_a_month_of_nothing_is_complete(demo: Demo, fetch: Fetch) -> None:
    def empty(value: dict[str, Any], request: Request) -> dict[str, Any]:
        if "queryResults" in value:
            return {"queryResults": [{}] * len(request.body["query_requests"])}
        return {**value, "data": []}

    def handle(request: Request) -> Answer:
        path = request.path if request.path in (QUERIES, CONSUMPTION) else QUERIES
        return change(demo(), path, empty)(request)

    with serve(handle) as door:
        for route in ("team", "batch", "user"):
            certificate = certify(fetch(door, route))
            assert (certificate.state, certificate.rows, certificate.users_active) == (State.COMPLETE, 0, 0)
            assert certificate.sums.result == "agrees"


def test_the_key_goes_to_no_check(demo: Demo, fetch: Fetch) -> None:
    snapshot = fetch(demo(*CYCLE), "team")
    assert KEY not in snapshot.certificate.to_json()
