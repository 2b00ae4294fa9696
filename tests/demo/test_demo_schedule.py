"""Which answer gets which fault, by entries and by seeds: asked of the server's own code, without a wire."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from flexlib.dates import Month
from flexlib.demo import Company
from flexlib.demo.api import CONSUMPTION, Api, ApiResponse, Request
from flexlib.demo.faults import FAULTS
from flexlib.demo.schedule import Schedule, draw_schedule, parse_schedule
from flexlib.demo.team import Team
from flexlib.errors import BadSetting

COMPANY = Company(2025, 39)
API = Api(COMPANY, "key", Team(), lambda: datetime(2025, 10, 21, 12, tzinfo=timezone.utc))
PEOPLE = Request("POST", "/api/v1/UserPageAnalytics", {}, "", {"service_key": "key"})
BALANCE = Request("POST", "/api/v1/GetTeamCreditBalance", {}, "", {"service_key": "key"})
SPAN = {"start_date": "2025-09-01", "end_date": "2025-09-30", "product": "agent"}
ROWS = Request("GET", CONSUMPTION, SPAN | {"granularity": "daily", "group_by": "user"}, "Bearer key", None)


def ask(text: str, *requests: Request) -> list[ApiResponse]:
    """What a server with this schedule answers, one request after the other."""
    schedule = Schedule(parse_schedule(text), 1, COMPANY)
    return [schedule.answer(request, API.answer) for request in requests]


def read(reply: ApiResponse) -> dict[str, Any]:
    return dict(json.loads(reply.body))


def test_an_entry_is_of_an_endpoint_and_of_some_of_its_answers() -> None:
    replies = ask("503@users#2,404@balance#2-3", PEOPLE, PEOPLE, PEOPLE, BALANCE, BALANCE, BALANCE, BALANCE)
    assert [reply.status for reply in replies] == [200, 503, 200, 200, 404, 404, 200]
    assert [reply.status for reply in ask("500#2-", PEOPLE, BALANCE, PEOPLE)] == [200, 500, 500]


def test_a_share_is_met_and_falls_on_the_same_requests_in_any_order() -> None:
    others = [Request("POST", PEOPLE.path, {}, "", {"service_key": "key", "number": n}) for n in range(200)]
    there = dict(zip(range(200), (reply.status for reply in ask("503*0.25", *others)), strict=True))
    back = dict(zip(range(199, -1, -1), (reply.status for reply in ask("503*0.25", *others[::-1])), strict=True))
    assert there == back
    assert 30 <= list(there.values()).count(503) <= 70


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("7", "%S"),
        ("7d", "%a, %d %b %Y %H:%M:%S GMT"),
        ("7r", "%A, %d-%b-%y %H:%M:%S GMT"),
        ("7a", "%a %b %d %H:%M:%S %Y"),
    ],
)
def test_when_to_ask_again_is_said_in_each_form(value: str, form: str) -> None:
    for status in (429, 503):
        [reply] = ask(f"{status}={value}", PEOPLE)
        assert datetime.strptime(reply.headers["Retry-After"], form)
    assert "Retry-After" not in ask("429=none", PEOPLE)[0].headers


def test_pages_are_made_small_repeated_and_lost() -> None:
    whole = read(ask("slow=0", ROWS)[0])["data"]

    def follow(text: str) -> list[Any]:
        """The rows of three pages, and the last cursor."""
        schedule, request, rows = Schedule(parse_schedule(text), 1, COMPANY), ROWS, []
        for _ in range(3):
            page = read(schedule.answer(request, API.answer))
            rows += page["data"]
            cursor = page["pagination"]["next_page_cursor"]
            if cursor is None:
                break
            request = Request("GET", CONSUMPTION, {"page_cursor": cursor}, "Bearer key", None)
        return rows

    assert follow("pages=5") == whole[:15]
    assert follow("pages=5,repeat-page") == [*whole[:10], *whole[5:10]]
    assert follow("last-page,pages=5") == whole[:5]


def test_lists_are_cut_and_doubled_and_a_number_is_another() -> None:
    people = read(ask("slow=0", PEOPLE)[0])["userTableStats"]
    assert read(ask("fewer=10@users", PEOPLE)[0])["userTableStats"] == people[:10]
    assert read(ask("fewer@users", PEOPLE)[0])["userTableStats"] == people[:19]
    assert read(ask("twice@users", PEOPLE)[0])["userTableStats"] == people * 2
    rows, changed = (read(ask(text, ROWS)[0])["data"] for text in ("slow=0", "number"))
    assert [a == b for a, b in zip(rows, changed, strict=True)] == [False] + [True] * (len(rows) - 1)


def test_after_a_refresh_everybodys_last_run_came_twice() -> None:
    ledger = COMPANY.read_ledger(Month(2025, 9)).by_key
    before, after = (
        read(ask(text, Request("GET", CONSUMPTION, SPAN, "Bearer key", None))[0]) for text in ("slow=0", "refresh")
    )
    counts = [answer["data"][0]["consumption"]["message_count"] for answer in (before, after)]
    assert counts == [sum(map(len, ledger.values())), sum(map(len, ledger.values())) + len(ledger)]


def test_a_seed_is_the_entries_that_it_draws() -> None:
    drawn = [list(draw_schedule(seed)) for seed in range(300)]
    assert [parse_schedule(",".join(map(str, entries))) for entries in drawn] == drawn
    assert parse_schedule("seed:17") == drawn[17]
    assert {entry.fault for entries in drawn for entry in entries} == FAULTS.keys()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed:x", "'seed:x' is no seed"),
        ("cut@", r"'cut@' is no fault; write it as NAME\[=VALUE\]"),
        ("slow=soon", "'slow=soon' is no fault"),
        ("slow=7d", "'slow=7d' is no fault"),
        ("rain", "no fault 'rain'; there are 400, 401, "),
        ("garbage", "'garbage' is of one user; name him"),
        ("503@nobody", "no user 'nobody'; give a key, or a number from 0 to 38"),
    ],
)
def test_what_is_no_schedule_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        ask(text)
