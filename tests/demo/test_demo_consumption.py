"""The consumption endpoint of the demo server: the same month in pages, its hourly limit and its refusals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests

from flexlib.dates import Month
from flexlib.demo import Company, demo_server

CONSUMPTION = "/api/v2alpha/analytics/consumption"
SEPTEMBER = Month(2025, 9)


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with demo_server("--now", "2025-10-21T13:30:00Z", "--consumption-limit", "1000") as url:
        yield url


@pytest.fixture(scope="module")
def totals(company: Company) -> tuple[int, int, int]:
    """Prompt credits, flex credits (hundredths) and rows of September, as the company knows them."""
    rows = company.read_ledger(SEPTEMBER).rows
    return sum(row.prompt_credits for row in rows), sum(row.flex_credits for row in rows), len(rows)


def ask_consumption(url: str, **parameters: str | int) -> requests.Response:
    span = {"product": "agent", "start_date": "2025-09-01", "end_date": "2025-09-30"}
    return requests.get(
        url + CONSUMPTION, params={**span, **parameters}, headers={"Authorization": "Bearer demo-key"}, timeout=30
    )


def test_the_consumption_endpoint_gives_the_same_total_in_credits_over_its_pages(
    url: str, company: Company, totals: tuple[int, int, int]
) -> None:
    rows, cursors = [], set[str]()
    answer = ask_consumption(url, granularity="daily", group_by="user,model_uid", page_size=3000).json(
        parse_float=Decimal
    )
    while True:
        assert len(answer["data"]) <= 3000
        rows += answer["data"]
        cursor = answer["pagination"]["next_page_cursor"]
        if cursor is None:
            break
        assert cursor not in cursors
        cursors.add(cursor)
        answer = ask_consumption(url, page_cursor=cursor).json(parse_float=Decimal)
    assert len(cursors) == 2
    assert sum(row["consumption"]["prompt_credits"] * 100 for row in rows) == totals[0]
    assert sum(row["consumption"]["flex_credits"] * 100 for row in rows) == totals[1]
    assert sum(row["consumption"]["message_count"] for row in rows) == totals[2]
    listed = {person.email: person.key for person in company.people}
    assert {listed[row["user_email"]] for row in rows} == set(company.read_ledger(SEPTEMBER).by_key)


def test_consumption_without_granularity_and_groups_is_one_row_also_for_a_month_without_use(
    url: str, totals: tuple[int, int, int]
) -> None:
    answer = ask_consumption(url).json()
    expected = {"prompt_credits": totals[0] / 100, "flex_credits": totals[1] / 100, "message_count": totals[2]}
    assert answer["data"] == [{"consumption": expected}]
    assert answer["metadata"]["billing_strategy"] == "CREDITS"
    assert answer["metadata"]["data_freshness"] == "2025-10-21T12:00:00Z"
    empty = ask_consumption(url, start_date="2024-11-01", end_date="2024-11-30").json()
    assert empty["data"] == [{"consumption": {"prompt_credits": 0, "flex_credits": 0, "message_count": 0}}]


def test_monthly_consumption_names_the_month_and_a_user_id_leaves_one_person(url: str, company: Company) -> None:
    busiest = company.find_person(company.rank_spenders(SEPTEMBER)[0])
    [row] = ask_consumption(url, granularity="monthly", group_by="user", user_id=busiest.user_id).json()["data"]
    assert (row["timestamp"], row["user_email"]) == ("2025-09", busiest.email)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start_date": "2025-07-01", "end_date": "2025-09-29"}, "date range must not exceed 90 days"),
        ({"product": ""}, "product is required and must be agent"),
        ({"start_date": "September"}, "start_date is required and must be YYYY-MM-DD"),
        ({"group_by": "user,team"}, "invalid group_by: team"),
        ({"granularity": "hourly"}, "invalid granularity: hourly"),
        ({"page_size": "10001"}, "page_size must be between 1 and 10000"),
        ({"page_cursor": "made-up"}, "invalid page_cursor"),
    ],
)
def test_consumption_refuses_what_it_does_not_know(url: str, parameters: dict[str, str], message: str) -> None:
    response = ask_consumption(url, **parameters)
    assert (response.status_code, response.json()) == (400, {"error": message})


def test_consumption_takes_90_days_but_not_another_key(url: str) -> None:
    assert ask_consumption(url, start_date="2025-07-01", end_date="2025-09-28").status_code == 200
    wrong = requests.get(url + CONSUMPTION, headers={"Authorization": "Bearer other"}, timeout=30)
    assert (wrong.status_code, wrong.json()) == (401, {"error": "Invalid service key"})


def test_consumption_allows_ten_requests_an_hour_and_cursors_do_not_count() -> None:
    with demo_server("--users", "300") as url:
        first = ask_consumption(url, granularity="daily", page_size=1)
        for _ in range(9):
            cursor = first.json()["pagination"]["next_page_cursor"]
            assert ask_consumption(url, page_cursor=cursor).status_code == 200
            assert ask_consumption(url).status_code == 200
        refused = ask_consumption(url)
        assert refused.status_code == 429
        assert 3500 < int(refused.headers["Retry-After"]) <= 3600
        assert ask_consumption(url, page_cursor=cursor).status_code == 200
