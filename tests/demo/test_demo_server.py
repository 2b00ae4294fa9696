"""The switches for how the demo server answers: late, never, half, or with a no. Real HTTP, a process of its own."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from flexlib.dates import Month
from flexlib.demo import Company, demo_server
from flexlib.demo.command import add_arguments, run
from flexlib.errors import BadSetting

ANALYTICS, BALANCE = "/api/v1/Analytics", "/api/v1/GetTeamCreditBalance"
SMALL = ("--users", "300", "--now", "2025-10-21T12:00:00Z")
QUERY = {
    "data_source": "QUERY_DATA_SOURCE_CASCADE_DATA",
    "selections": [{"field": "date"}, {"field": "flex_credits_used"}],
    "filters": [
        {
            "name": "api_key",
            "filter": "QUERY_FILTER_EQUAL",
            "value": Company(2025, 300).rank_spenders(Month(2025, 9))[0],
        }
    ],
}


def start(*options: str) -> int:
    """The exit code of a server that is stopped by what it is asked for."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(["--port", "0", *options]))


def send(url: str, queries: int = 1) -> requests.Response:
    """The answer to a request with the same query so many times."""
    body = {"service_key": "demo-key", "query_requests": [QUERY] * queries}
    return requests.post(url + ANALYTICS, json=body, timeout=30)


def try_once(url: str) -> str:
    """What became of one request: its status, or how it broke."""
    try:
        response = send(url)
    except requests.ConnectionError:
        return "closed"
    except requests.exceptions.ChunkedEncodingError:
        return "cut"
    if response.status_code != 200:
        return str(response.status_code)
    if response.headers["Content-Type"] == "text/html":
        return "html"
    assert int(response.headers["Content-Length"]) == len(response.content)
    try:
        json.loads(response.content)
    except ValueError:
        return "truncated"
    return "whole"


def count_outcomes_at_once(url: str, number: int) -> Counter[str]:
    with ThreadPoolExecutor(number) as pool:
        return Counter(pool.map(lambda _: try_once(url), range(number)))


def test_a_request_waits_for_itself_and_for_each_of_its_queries() -> None:
    with demo_server(*SMALL, "--latency", "0.2", "--query-latency", "0.1") as url:
        started = time.monotonic()
        assert send(url, queries=3).status_code == 200
        assert time.monotonic() - started >= 0.5


def test_latency_does_not_hold_up_the_others() -> None:
    def note_end(_: int) -> float:
        assert try_once(url) == "whole"
        return time.monotonic()

    with demo_server(*SMALL, "--latency", "0.5") as url, ThreadPoolExecutor(8) as pool:
        ends = sorted(pool.map(note_end, range(8)))
    # One after the other, each would end half a second after the one before it, or later.
    assert min(later - earlier for earlier, later in pairwise(ends)) < 0.5


def test_each_share_of_failures_is_met_and_the_same_seed_fails_alike() -> None:
    shares = {"429": "0.1", "503": "0.1", "cut": "0.2", "truncated": "0.1", "html": "0.1"}
    options = [text for name, share in shares.items() for text in (f"--share-{name}", share)]
    runs = []
    for _ in range(2):
        with demo_server(*SMALL, *options) as url:
            runs.append([try_once(url) for _ in range(200)])
    assert runs[0] == runs[1]
    outcomes = Counter(runs[0])
    assert set(outcomes) == {"429", "503", "closed", "cut", "truncated", "html", "whole"}
    for outcome in ("429", "503", "truncated", "html"):
        assert 8 <= outcomes[outcome] <= 35  # 20 of 200 expected
    assert 25 <= outcomes["closed"] + outcomes["cut"] <= 60  # 40 of 200 expected


def test_refusals_carry_what_a_gateway_gives() -> None:
    with demo_server(*SMALL, "--share-503", "1") as url:
        response = send(url)
        assert (response.status_code, response.headers["Content-Type"]) == (503, "text/html")
        assert response.headers["Flexlib-Demo"] == "seed=2025 users=300"
        assert requests.get(url, timeout=30).status_code == 200  # the demo can still be told apart
    with demo_server(*SMALL, "--share-429", "1", "--retry-after", "7") as url:
        assert send(url).headers["Retry-After"] == "7"


def test_above_the_rate_limit_requests_are_refused_and_told_when_to_come_again() -> None:
    with demo_server(*SMALL, "--rate-limit", "5") as url:
        responses = [send(url) for _ in range(20)]
        statuses = Counter(response.status_code for response in responses)
        assert statuses[200] >= 5
        assert statuses[429] >= 5
        assert {response.headers["Retry-After"] for response in responses if response.status_code == 429} == {"1"}
        time.sleep(1.1)
        assert send(url).status_code == 200


def test_each_request_leaves_a_line_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    with demo_server(*SMALL, "--request-log", str(log), "--max-queries", "2") as url:
        send(url, queries=2)
        send(url, queries=3)
        requests.post(url + BALANCE, json={"service_key": "other"}, timeout=30)
        entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(entry["path"], entry["queries"], entry["status"]) for entry in entries] == [
        (ANALYTICS, 2, 200),
        (ANALYTICS, 3, 400),
        (BALANCE, 0, 401),
    ]
    assert entries[0]["time"] <= entries[1]["time"] <= time.time()


def test_shares_that_add_up_to_more_than_all_requests_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"add up to 1\.2"):
        start("--share-503", "0.6", "--share-cut", "0.6")
