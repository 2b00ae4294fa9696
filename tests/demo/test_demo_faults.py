"""The switches for what the demo server answers: each does what it says and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from flexlib.dates import Month
from flexlib.demo import Company, demo_server

ANALYTICS, PEOPLE, BALANCE = "/api/v1/Analytics", "/api/v1/UserPageAnalytics", "/api/v1/GetTeamCreditBalance"
CONSUMPTION = "/api/v2alpha/analytics/consumption"
SEPTEMBER = Month(2025, 9)
SMALL = ("--users", "300", "--now", "2025-10-21T12:00:00Z")
COMPANY = Company(2025, 300)
ROWS = COMPANY.read_ledger(SEPTEMBER).rows
BUSIEST, SECOND = COMPANY.rank_spenders(SEPTEMBER)[:2]
WITHIN_SEPTEMBER = [
    {"name": "date", "filter": "QUERY_FILTER_GE", "value": "2025-09-01"},
    {"name": "date", "filter": "QUERY_FILTER_LE", "value": "2025-09-30"},
]
Query = dict[str, object]


def ask_raw(key: str = "") -> Query:
    """The rows of September, of one key or of all."""
    fields = ("api_key", "date", "model", "prompts_used", "flex_credits_used")
    owner = [{"name": "api_key", "filter": "QUERY_FILTER_EQUAL", "value": key}] if key else []
    return {
        "data_source": "QUERY_DATA_SOURCE_CASCADE_DATA",
        "selections": [{"field": field, "name": field} for field in fields],
        "filters": [*WITHIN_SEPTEMBER, *owner],
    }


def ask_sums() -> Query:
    """The flex credits of September by key and day."""
    return {
        "data_source": "QUERY_DATA_SOURCE_CASCADE_DATA",
        "selections": [{"field": "flex_credits_used", "aggregation_function": "QUERY_AGGREGATION_SUM", "name": "flex"}],
        "aggregations": [{"field": "api_key", "name": "api_key"}, {"field": "date", "name": "date"}],
        "filters": WITHIN_SEPTEMBER,
    }


def send(url: str, *queries: Query) -> requests.Response:
    body = {"service_key": "demo-key", "query_requests": list(queries)}
    return requests.post(url + ANALYTICS, json=body, timeout=30)


def read(url: str, *queries: Query) -> list[list[dict[str, str]]]:
    """The items of each query's result."""
    results = send(url, *queries).json()["queryResults"]
    return [[item["item"] for item in result.get("responseItems", [])] for result in results]


def read_consumption(url: str) -> list[dict[str, Any]]:
    return list(send_consumption(url).json()["data"])


def send_consumption(url: str) -> requests.Response:
    span = {"product": "agent", "start_date": "2025-09-01", "end_date": "2025-09-30"}
    parameters = {**span, "granularity": "daily", "group_by": "user,model_uid", "page_size": "10000"}
    headers = {"Authorization": "Bearer demo-key"}
    return requests.get(url + CONSUMPTION, params=parameters, headers=headers, timeout=30)


def test_nil_numbers_stand_for_zeros_only() -> None:
    with demo_server(*SMALL, "--nil-numbers", "0.4") as url:
        [items] = read(url, ask_raw())
    numbers = [item.get("flex_credits_used", "") for item in items]
    assert numbers.count("<nil>") > 10
    assert sum(int(number) for number in numbers if number not in ("", "<nil>")) == sum(r.flex_credits for r in ROWS)
    zeros = sum(row.flex_credits == 0 for row in ROWS)
    assert sum(number in ("", "0", "<nil>") for number in numbers) == zeros


def test_nil_models_are_nil_in_v1_and_absent_in_consumption() -> None:
    with demo_server(*SMALL, "--nil-models", "0.3") as url:
        [items] = read(url, ask_raw())
        rows = read_consumption(url)
    assert 0.2 < sum(item["model"] == "<nil>" for item in items) / len(items) < 0.4
    assert any("model_uid" not in row for row in rows)
    assert not any(row.get("model_uid") == "<nil>" for row in rows)


def test_garbage_stands_in_each_of_the_chosen_users_rows_and_in_nobody_elses() -> None:
    with demo_server(*SMALL, "--garbage-user", BUSIEST) as url:
        raw, sums, alone = read(url, ask_raw(), ask_sums(), ask_raw(BUSIEST))
        consumption = read_consumption(url)
    garbage = {"abc", "-5", "NaN"}
    assert {item["flex_credits_used"] for item in alone} == garbage
    assert len(alone) == len(COMPANY.read_ledger(SEPTEMBER).by_key[BUSIEST])
    assert {item["api_key"] for item in raw if item.get("flex_credits_used") in garbage} == {BUSIEST}
    assert {item["api_key"] for item in sums if item.get("flex") in garbage} == {BUSIEST}
    assert {row["user_email"] for row in consumption if row["consumption"]["flex_credits"] in garbage} == {
        COMPANY.find_person(BUSIEST).email
    }


def test_one_row_of_a_user_lies_outside_the_span_and_one_of_another_has_no_day() -> None:
    with demo_server(*SMALL, "--outside-user", BUSIEST, "--undated-user", SECOND) as url:
        for [items] in (read(url, ask_raw()), read(url, ask_sums())):
            assert [item["api_key"] for item in items if item.get("date") == "2019-12-31"] == [BUSIEST]
            assert [item["api_key"] for item in items if "date" not in item] == [SECOND]
            assert all("date" in item for item in items if int(item.get("flex_credits_used", item.get("flex", 0))) == 0)
        rows = read_consumption(url)
    assert sum(row.get("timestamp") == "2019-12-31" for row in rows) == 1
    assert sum("timestamp" not in row for row in rows) == 1


def test_aggregation_is_refused_and_rows_are_not() -> None:
    whole = {**ask_sums(), "aggregations": []}
    distinct = {**ask_sums(), "selections": []}
    with demo_server(*SMALL, "--refuse-aggregation") as url:
        for query, refused in (
            (ask_sums(), "flex_credits_used: QUERY_AGGREGATION_SUM"),
            (whole, "flex_credits_used: QUERY_AGGREGATION_SUM"),
            (distinct, "api_key: QUERY_AGGREGATION_UNSPECIFIED"),
        ):
            response = send(url, query)
            message = f"invalid aggregation function for string type field {refused}"
            assert (response.status_code, response.json()) == (400, {"error": message})
        assert len(read(url, ask_raw())[0]) == len(ROWS)


def test_a_data_source_that_is_gone_is_an_unknown_table() -> None:
    with demo_server(*SMALL, "--data-source-gone") as url:
        response = send(url, ask_raw())
        assert response.json() == {"error": "invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED"}
        assert send_consumption(url).status_code == 200


def test_more_queries_than_allowed_are_refused() -> None:
    with demo_server(*SMALL, "--max-queries", "2") as url:
        assert send(url, ask_raw(BUSIEST), ask_raw(SECOND)).status_code == 200
        response = send(url, *[ask_raw(BUSIEST)] * 3)
        assert (response.status_code, response.json()) == (400, {"error": "too many query requests: 3, at most 2"})


def test_answers_are_cut_short_without_a_word() -> None:
    with demo_server(*SMALL, "--max-items-query", "5") as url:
        assert [len(items) for items in read(url, ask_raw(), ask_raw(BUSIEST), ask_sums())] == [5, 5, 5]
    with demo_server(*SMALL, "--max-items-response", "7") as url:
        own = len(COMPANY.read_ledger(SEPTEMBER).by_key[BUSIEST])
        assert own > 7
        assert [len(items) for items in read(url, ask_raw(BUSIEST), ask_raw())] == [7, 0]


def test_a_user_fails_or_is_refused_wherever_a_query_names_him_and_nowhere_else() -> None:
    number = [person.key for person in COMPANY.people].index(BUSIEST)
    with demo_server(*SMALL, "--failing-user", str(number), "--refused-user", SECOND) as url:
        assert send(url, ask_raw(BUSIEST)).status_code == 503
        assert send(url, ask_raw("other"), ask_raw(BUSIEST)).status_code == 503
        assert send(url, ask_raw(SECOND)).status_code == 400
        assert send(url, ask_raw("other")).status_code == 200
        assert len(read(url, ask_raw())[0]) == len(ROWS)


def test_unlisted_keys_spend_without_being_listed() -> None:
    with demo_server(*SMALL, "--unlisted-keys", "2") as url:
        people = requests.post(url + PEOPLE, json={"service_key": "demo-key"}, timeout=30).json()["userTableStats"]
        [items] = read(url, ask_raw())
        rows = read_consumption(url)
    assert len(people) == 300
    unlisted = {item["api_key"] for item in items} - {person["apiKey"] for person in people}
    assert len(unlisted) == 2
    assert len({row["user_email"] for row in rows} - {person["email"] for person in people}) == 2


@pytest.mark.parametrize("permission", ["analytics", "users", "balance", "consumption"])
def test_each_permission_can_be_denied_alone(permission: str) -> None:
    with demo_server(*SMALL, "--deny", permission) as url:
        answers = {
            "analytics": send(url, ask_raw()),
            "users": requests.post(url + PEOPLE, json={"service_key": "demo-key"}, timeout=30),
            "balance": requests.post(url + BALANCE, json={"service_key": "demo-key"}, timeout=30),
            "consumption": send_consumption(url),
        }
    assert answers[permission].json() == {"error": "Insufficient permissions"}
    expected = dict.fromkeys(answers, 200) | {permission: 403}
    assert {name: answer.status_code for name, answer in answers.items()} == expected


def test_the_balance_speaks_of_the_chosen_month_and_may_be_off() -> None:
    with demo_server(*SMALL, "--billing-cycle", "2025-09", "--balance-offset", "-5") as url:
        balance = requests.post(url + BALANCE, json={"service_key": "demo-key"}, timeout=30).json()
    assert balance["addOnCreditsUsed"] == sum(row.flex_credits for row in ROWS) // 100 - 5
    assert balance["billingCycleStart"] == "2025-09-01T00:00:00Z"


def test_consumption_comes_in_hundredths_in_acus_or_not_at_all() -> None:
    with demo_server(*SMALL, "--consumption-unit", "hundredths") as url:
        numbers = [row["consumption"]["flex_credits"] for row in read_consumption(url)]
        assert sum(numbers) == sum(row.flex_credits for row in ROWS)
    with demo_server(*SMALL, "--billing-strategy", "ACU") as url:
        assert set(read_consumption(url)[0]["consumption"]) == {"billed_acus", "message_count"}
        assert send_consumption(url).json()["metadata"]["billing_strategy"] == "ACU"
    with demo_server(*SMALL, "--billing-strategy", "QUOTA") as url:
        message = "QUOTA billing strategy is not yet supported by this endpoint"
        assert send_consumption(url).json() == {"error": message}
