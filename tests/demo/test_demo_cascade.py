"""What the vendor's sample client (Windsurf-Samples/WindsurfAnalytics) asks for beside credits, asked as it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from flexlib.dates import Month
from flexlib.demo import Company, demo_server

COMPANY = Company(2025, 300)
SEPTEMBER = COMPANY.read_ledger(Month(2025, 9))
BUSIEST = COMPANY.find_person(COMPANY.rank_spenders(Month(2025, 9))[0])
THREE: list[dict[str, object]] = [{"cascade_lines": {}}, {"cascade_runs": {}}, {"cascade_tool_usage": {}}]
WITHIN = {"start_timestamp": "2025-09-01T00:00:00Z", "end_timestamp": "2025-09-30T23:59:59Z"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with demo_server("--users", "300", "--now", "2025-10-21T12:00:00Z") as url:
        yield url


def post(url: str, name: str, **body: object) -> requests.Response:
    return requests.post(f"{url}/api/v1/{name}", json={"service_key": "demo-key", **body}, timeout=30)


def ask_cascade(url: str, **body: object) -> tuple[list[dict[str, str]], ...]:
    """Lines, runs and tools of September."""
    answer: dict[str, Any] = post(url, "CascadeAnalytics", **WITHIN, query_requests=THREE, **body).json()
    names = ("cascadeLines", "cascadeRuns", "cascadeToolUsage")
    return tuple(result[name][name] for name, result in zip(names, answer["queryResults"], strict=True))


def test_a_persons_runs_are_those_of_the_credits_and_name_nobody(url: str) -> None:
    lines, runs, tools = ask_cascade(url, emails=[BUSIEST.email])
    rows = SEPTEMBER.by_key[BUSIEST.key]
    assert sum(int(run.get("promptsUsed", "0")) for run in runs) == sum(row.prompt_credits for row in rows)
    assert sum(int(run["messagesSent"]) for run in runs) == len(rows) == sum(int(tool["count"]) for tool in tools)
    assert {run["day"][:10] for run in runs} == {line["day"][:10] for line in lines} == {row.day for row in rows}
    assert all(int(line.get("linesAccepted", "0")) <= int(line["linesSuggested"]) for line in lines)
    assert len({run["cascadeId"] for run in runs}) == len(runs)
    assert BUSIEST.key not in str((lines, runs, tools))
    assert {"Claude Sonnet 4", "GPT-5 (Medium Reasoning)"} & {run["model"] for run in runs}


def test_everybodys_runs_come_without_an_e_mail_and_a_kind_of_editor_is_a_part_of_them(url: str) -> None:
    _, runs, _ = ask_cascade(url)
    assert sum(int(run.get("promptsUsed", "0")) for run in runs) == sum(row.prompt_credits for row in SEPTEMBER.rows)
    parts = [ask_cascade(url, ide_types=[kind])[1] for kind in ("editor", "jetbrains", "cli")]
    assert [len(part) > 0 for part in parts] == [True, True, False]
    assert sum(map(len, parts)) == len(runs)
    assert ask_cascade(url, emails=["nobody@example.com"]) == ([], [], [])


def test_what_the_documentation_refuses_is_refused(url: str) -> None:
    both = post(url, "CascadeAnalytics", group_name="g", emails=["a"], query_requests=THREE)
    assert (both.status_code, both.json()) == (400, {"error": "Cannot use both group_name and emails parameters"})
    assert post(url, "CascadeAnalytics", group_name="g").json() == {"error": "invalid group name: g"}
    wrong: tuple[object, ...] = ([], [{}], [{"cascade_prompts": {}}], "x")
    for queries in wrong:
        assert post(url, "CascadeAnalytics", query_requests=queries).status_code == 400


def test_a_cap_is_of_the_team_or_of_a_user_who_may_have_none_and_is_never_set(url: str) -> None:
    capped, free = COMPANY.people[5].email, COMPANY.people[6].email
    assert post(url, "GetUsageConfig", team_level=True).json() == {"addOnCreditCap": 500_000}
    assert post(url, "GetUsageConfig", user_email=capped).json() == {"addOnCreditCap": 1005}
    assert post(url, "GetUsageConfig", user_email=free).json() == {}
    scopes: list[dict[str, object]] = [
        {},
        {"team_level": True, "user_email": free},
        {"user_email": "x"},
        {"group_id": "x"},
    ]
    for scope in scopes:
        assert post(url, "GetUsageConfig", **scope).status_code == 400
    refused = post(url, "UsageConfig", user_email=free, set_add_on_credit_cap=5)
    assert (refused.status_code, refused.json()) == (403, {"error": "Insufficient permissions"})
