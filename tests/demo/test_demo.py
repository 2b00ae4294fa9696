"""The demo server as a client sees it: v1 of the wire, its errors, and a month that adds up whichever way it is asked.

The figures are held against the company itself, which the server draws from the same seed in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from flexlib.dates import Month
from flexlib.demo import Company, demo_server

CASCADE = "QUERY_DATA_SOURCE_CASCADE_DATA"
ANALYTICS, PEOPLE, BALANCE = "/api/v1/Analytics", "/api/v1/UserPageAnalytics", "/api/v1/GetTeamCreditBalance"
SEPTEMBER = Month(2025, 9)
NOW = "2025-10-21T12:00:00Z"
RAW = ("api_key", "date", "model", "prompts_used", "flex_credits_used")


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with demo_server("--now", NOW) as url:
        yield url


def post(url: str, path: str, **body: object) -> requests.Response:
    return requests.post(url + path, json={"service_key": "demo-key", **body}, timeout=30)


def pick(field: str, function: str = "", name: str = "") -> dict[str, str]:
    parts = {"field": field, "aggregation_function": function and f"QUERY_AGGREGATION_{function}", "name": name}
    return {part: text for part, text in parts.items() if text}


def where(field: str, operator: str, value: str) -> dict[str, str]:
    return {"name": field, "filter": f"QUERY_FILTER_{operator}", "value": value}


def group(*fields: str) -> list[dict[str, str]]:
    return [{"field": field, "name": field} for field in fields]


WITHIN_SEPTEMBER = [where("date", "GE", "2025-09-01"), where("date", "LE", "2025-09-30")]
SUMS = [pick("prompts_used", "SUM"), pick("flex_credits_used", "SUM"), pick("api_key", "COUNT")]


def query(selections: list[dict[str, str]], filters: list[dict[str, str]], **others: object) -> dict[str, Any]:
    return {"data_source": CASCADE, "selections": selections, "filters": filters, **others}


def ask(url: str, *queries: dict[str, Any]) -> list[list[dict[str, str]]]:
    """The items of each query's result."""
    response = post(url, ANALYTICS, query_requests=list(queries))
    assert response.status_code == 200, response.text
    return [[item["item"] for item in result.get("responseItems", [])] for result in response.json()["queryResults"]]


def add_up(items: list[dict[str, str]], prefix: str = "") -> tuple[int, int]:
    """Prompt and flex credits, an absent value being proto3's zero."""
    return (
        sum(int(item.get(f"{prefix}prompts_used", 0)) for item in items),
        sum(int(item.get(f"{prefix}flex_credits_used", 0)) for item in items),
    )


def test_every_way_to_ask_for_the_month_gives_the_same_total(url: str, company: Company) -> None:
    rows = company.read_ledger(SEPTEMBER).rows
    totals = sum(row.prompt_credits for row in rows), sum(row.flex_credits for row in rows), len(rows)
    [whole], grouped, raw = ask(
        url,
        query(SUMS, WITHIN_SEPTEMBER),
        query(SUMS, WITHIN_SEPTEMBER, aggregations=group("api_key", "date", "model")),
        query([pick(field) for field in RAW], WITHIN_SEPTEMBER),
    )
    assert (*add_up([whole], "sum_"), int(whole["count_api_key"])) == totals
    assert set(whole) == {"sum_prompts_used", "sum_flex_credits_used", "count_api_key"}  # the default aliases
    assert (*add_up(grouped, "sum_"), sum(int(item["count_api_key"]) for item in grouped)) == totals
    assert (*add_up(raw), len(raw)) == totals
    each = [
        query([pick(f) for f in RAW], [where("api_key", "EQUAL", p.key), *WITHIN_SEPTEMBER]) for p in company.people
    ]
    alone = [items for start in range(0, 5930, 593) for items in ask(url, *each[start : start + 593])]
    assert (*add_up([item for items in alone for item in items]), sum(map(len, alone))) == totals
    assert all(item["api_key"] == p.key for p, items in zip(company.people, alone, strict=True) for item in items)


def test_each_row_is_text_and_some_zeros_are_absent_others_written(url: str) -> None:
    [items] = ask(url, query([pick(field) for field in RAW], WITHIN_SEPTEMBER))
    assert {type(text) for item in items for text in item.values()} == {str}
    absent = sum("flex_credits_used" not in item for item in items)
    written = sum(item.get("flex_credits_used") == "0" for item in items)
    assert absent > 1000
    assert written > 1000
    assert all(set(RAW[:3]) <= set(item) for item in items)


def test_results_stand_in_the_order_of_the_queries_and_an_idle_user_has_none(url: str, company: Company) -> None:
    busiest = company.rank_spenders(SEPTEMBER)[0]
    idle = next(person.key for person in company.people if person.key not in company.read_ledger(SEPTEMBER).by_key)
    asked = [query([pick("date")], [where("api_key", "EQUAL", key), *WITHIN_SEPTEMBER]) for key in (idle, busiest, "x")]
    assert [len(items) for items in ask(url, *asked)] == [0, len(company.read_ledger(SEPTEMBER).by_key[busiest]), 0]


def test_a_key_can_be_left_out(url: str, company: Company) -> None:
    busiest = company.rank_spenders(SEPTEMBER)[0]
    [items] = ask(url, query([pick("api_key")], [where("api_key", "NOT_EQUAL", busiest), *WITHIN_SEPTEMBER]))
    assert {item["api_key"] for item in items} == set(company.read_ledger(SEPTEMBER).by_key) - {busiest}


@pytest.mark.parametrize(
    ("operator", "value", "days"),
    [
        ("EQUAL", "2025-09-15", {"15"}),
        ("NOT_EQUAL", "2025-09-15", {"14", "16"}),
        ("GREATER_THAN", "2025-09-15", {"16"}),
        ("LESS_THAN", "2025-09-15", {"14"}),
        ("GE", "2025-09-15", {"15", "16"}),
        ("LE", "2025-09-15", {"14", "15"}),
    ],
)
def test_all_filter_operators_work_on_the_day(url: str, operator: str, value: str, days: set[str]) -> None:
    filters = [where("date", "GE", "2025-09-14"), where("date", "LE", "2025-09-16"), where("date", operator, value)]
    [items] = ask(url, query([pick("api_key", "COUNT")], filters, aggregations=group("date")))
    assert {item["date"][-2:] for item in items} == days


def test_filters_on_model_and_on_numbers_are_joined_by_and(url: str, company: Company) -> None:
    filters = [*WITHIN_SEPTEMBER, where("model", "EQUAL", "MODEL_PRIVATE_8"), where("flex_credits_used", "GE", "1000")]
    [[item]] = ask(url, query([pick("flex_credits_used", "MIN", "least"), pick("model", "COUNT")], filters))
    rows = company.read_ledger(SEPTEMBER).rows
    large = [row.flex_credits for row in rows if row.model == "MODEL_PRIVATE_8" and row.flex_credits >= 1000]
    assert item == {"least": str(min(large)), "count_model": str(len(large))}


def test_maximum_and_average_are_those_of_the_rows(url: str, company: Company) -> None:
    selections = [pick("flex_credits_used", "MAX"), pick("prompts_used", "AVG")]
    [[item]] = ask(url, query(selections, WITHIN_SEPTEMBER))
    rows = company.read_ledger(SEPTEMBER).rows
    assert item["max_flex_credits_used"] == str(max(row.flex_credits for row in rows))
    assert item["avg_prompts_used"] == str(sum(row.prompt_credits for row in rows) / len(rows))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (query([], []), "at least one field or aggregation is required"),
        (
            query([pick("date"), pick("prompts_used", "SUM")], []),
            "all selection fields should have an aggregation function, or none of them should",
        ),
        (
            query([pick("ide", "SUM")], []),
            "invalid aggregation function for string type field ide: QUERY_AGGREGATION_SUM",
        ),
        (
            query([pick("prompts_used", "COUNT")], []),
            "invalid aggregation function for numeric type field prompts_used: QUERY_AGGREGATION_COUNT",
        ),
        (
            query([pick("prompts_used", "SUM", "date")], [], aggregations=group("date")),
            "duplicate field alias for selection/aggregation: date",
        ),
        (
            query([pick("date"), pick("model", name="date")], []),
            "duplicate field alias for selection/aggregation: date",
        ),
        (
            {
                "data_source": "QUERY_DATA_SOURCE_USER_DATA",
                "selections": [pick("num_acceptances", "SUM")],
                "aggregations": group("distinct_developer_days"),
            },
            "tried to aggregate on a distinct field: distinct_developer_days. "
            "Consider aggregating on the non-distinct fields instead: [api_key date]",
        ),
        (
            {"data_source": "QUERY_DATA_SOURCE_RIPTIDE_DATA", "selections": [pick("date")]},
            "invalid query table: QUERY_DATA_SOURCE_UNSPECIFIED",
        ),
        (query([pick("colour")], []), "invalid field: colour"),
        (query([pick("date")], [where("date", "IN", "2025-09-01")]), "invalid query filter: QUERY_FILTER_UNSPECIFIED"),
    ],
)
def test_a_query_that_breaks_a_rule_is_refused_with_the_documented_message(
    url: str, body: dict[str, Any], message: str
) -> None:
    response = post(url, ANALYTICS, query_requests=[body])
    assert (response.status_code, response.json()) == (400, {"error": message})


@pytest.mark.parametrize("source", ["USER", "CHAT", "COMMAND"])
def test_the_other_data_sources_are_known_and_empty(url: str, source: str) -> None:
    body = {"data_source": f"QUERY_DATA_SOURCE_{source}_DATA", "selections": [pick("api_key"), pick("date UTC-3")]}
    assert ask(url, body) == [[]]


@pytest.mark.parametrize("path", [ANALYTICS, PEOPLE, BALANCE])
def test_another_key_is_refused_and_so_is_what_is_no_json(url: str, path: str) -> None:
    wrong = requests.post(url + path, json={"service_key": "other"}, timeout=30)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Invalid service key"})
    assert requests.post(url + path, data=b"{", timeout=30).status_code == 400
    assert requests.get(url + path, timeout=30).status_code == 405


def test_an_unknown_group_and_a_time_that_is_none_are_refused(url: str) -> None:
    assert post(url, PEOPLE, group_name="Ventas").json() == {"error": "invalid group name: Ventas"}
    for text in ("yesterday", "2025-09-01", "2025-09-31T00:00:00Z"):
        response = post(url, PEOPLE, start_timestamp=text)
        assert (response.status_code, response.json()) == (400, {"error": "invalid timestamp format"})


def test_every_answer_says_that_it_comes_from_the_demo(url: str) -> None:
    welcome = requests.get(url, timeout=30)
    assert (welcome.status_code, welcome.text.count("\n")) == (200, 1)
    for response in (welcome, post(url, BALANCE), post(url, ANALYTICS), requests.get(url + "/nothing", timeout=30)):
        assert response.headers["Flexlib-Demo"] == "seed=2025 users=5930"


def test_the_people_are_all_listed_with_days_and_credits_where_there_are_any(url: str, company: Company) -> None:
    answer = post(url, PEOPLE, start_timestamp="2025-09-01T00:00:00Z", end_timestamp="2025-09-30T23:59:59Z").json()
    listed = answer["userTableStats"]
    assert [(row["apiKey"], row["email"], row["name"]) for row in listed] == [
        (person.key, person.email, person.name) for person in company.people
    ]
    days = {row["apiKey"]: row["activeDays"] for row in listed if "activeDays" in row}
    ledger = company.read_ledger(SEPTEMBER).by_key
    assert days == {key: len({row.day for row in rows}) for key, rows in ledger.items()}
    october = sum(row.prompt_credits for row in company.read_rows("2025-10-01", "2025-10-21"))
    assert sum(row.get("promptCreditsUsed", 0) for row in listed) == october
    assert answer["billingCycleStart"] == "2025-10-01T00:00:00Z"
    assert answer["billingCycleEnd"] == "2025-11-01T00:00:00Z"


def test_the_current_month_goes_up_to_today_and_the_balance_with_it(url: str, company: Company) -> None:
    october = [where("date", "GE", "2025-10-01"), where("date", "LE", "2025-10-31")]
    [items] = ask(url, query([pick("date"), pick("flex_credits_used")], october))
    assert max(item["date"] for item in items) == "2025-10-21"
    flex = sum(int(item.get("flex_credits_used", 0)) for item in items)
    balance = post(url, BALANCE).json()
    assert balance["addOnCreditsUsed"] == flex // 100
    assert (balance["numSeats"], balance["promptCreditsPerSeat"]) == (5930, 200)
