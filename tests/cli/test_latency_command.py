"""`flexlib latency` as a shell sees it: routes, hours that are slow beyond chance, a faster route, the state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spend_samples import SEPTEMBER, call, store

from flexlib.analysis.frames import read_rows
from flexlib.analysis.latency import roll_up_latency
from flexlib.cli.main import main
from flexlib.front.latency import measure_month
from flexlib.page.usage.latency import (
    heading_for_faster_routes,
    heading_for_hours,
    heading_for_routes,
    plot_latency_by_hour,
    plot_latency_by_route,
)
from flexlib.spend.month import load_month_usage


def make_calls(name: str, count: int, hour: int, milliseconds: int, **columns: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Calls that take from 90 to 110 % of so many milliseconds."""
    for number in range(count):
        duration = milliseconds * (90 + number * 20 // count) // 100
        yield call(f"{name}{number}", f"2025-09-05T{hour:02d}:00:00", duration_ms=duration, **columns)


@pytest.fixture
def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """At 15:00 OpenAI takes 3 s instead of 1; through OpenRouter its model takes 0.4 s at any hour."""
    calls = [
        *make_calls("a", 300, 9, 1000), *make_calls("b", 60, 15, 3000), *make_calls("c", 300, 16, 1000),
        *make_calls("d", 60, 9, 400, proxy="openrouter", model="openai/gpt-4o"),
        call("e", "2025-09-05T09:00:00", status="error", duration_ms=1),
        call("f", "2025-09-05T09:00:00", duration_ms=None),
    ]  # fmt: skip
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    return tmp_path


def ask(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["latency", "--year", "2025", "--month", "9", *words]) == 0
    return capsys.readouterr().out


def test_what_the_intervals_are_of_has_hours_of_a_day_and_not_of_a_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 10 million calls the hours of each day by themselves took 1.4 GB."""
    days = [call(f"{day}", f"2025-09-{day:02d}T09:30:00", duration_ms=1000) for day in range(1, 31)]
    store(tmp_path, "ledger", SEPTEMBER, *days)
    made: list[Any] = []

    def roll_up(rows: object) -> object:
        made.append(roll_up_latency(rows))
        return made[0]

    monkeypatch.setattr("flexlib.front.latency.roll_up_latency", roll_up)
    found = measure_month(load_month_usage(SEPTEMBER, tmp_path))
    assert [(line["hour"], line["calls"]) for line in read_rows(found.by_hour)] == [(9, 30)]
    assert [line["calls"] for line in read_rows(made[0])] == [30]


@pytest.mark.usefixtures("month")
def test_the_json_holds_counts_quantiles_intervals_slow_hours_and_faster_routes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = json.loads(ask(capsys, "--json"))
    assert (made["state"], made["calls"], made["failed"], made["untimed"]) == ("COMPLETE", 720, 1, 1)
    direct, other = made["by_route"]
    assert (direct["model"], direct["proxy"], direct["calls"], direct["p50_ms"]) == ("gpt-4o", None, 660, 1000)
    # One model in two spellings is one.
    assert (other["model"], other["proxy"], other["calls"], other["p50_ms"]) == ("gpt-4o", "openrouter", 60, 396)
    (slow,) = made["slow_hours"]
    assert (slow["hour"], slow["calls"], slow["p90_ms"], slow["usual_ms"]) == (15, 60, 3210, 1090)
    (faster,) = made["faster_routes"]
    assert (faster["proxy"], faster["p50_ms"], faster["faster_proxy"], faster["faster_p50_ms"]) == (
        None, 1000, "openrouter", 396,
    )  # fmt: skip


@pytest.mark.usefixtures("month")
def test_the_console_shows_them_in_seconds_with_their_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [" ".join(line.split()) for line in ask(capsys).splitlines()]
    assert any(line.startswith("gpt-4o OpenAI 660 1 1.00 (") for line in lines)
    assert any(line.startswith("gpt-4o OpenAI 15:00 to 15:59 60 3.21 (") and line.endswith(") 1.09") for line in lines)
    assert any(
        line.startswith("gpt-4o Text") and line.endswith("OpenAI 660 1.00 OpenAI by OpenRouter 60 0.40")
        for line in lines
    )


@pytest.mark.usefixtures("month")
def test_hours_are_those_of_the_zone(capsys: pytest.CaptureFixture[str]) -> None:
    # Of the zone's month three hours are October's, and not stored: exit 3.
    assert main(["latency", "--year", "2025", "--month", "9", "--zone", "America/Santiago", "--json"]) == 3
    made = json.loads(capsys.readouterr().out)
    assert [row["hour"] for row in made["slow_hours"]] == [11]  # 15:00 UTC, four hours behind


def test_routes_that_may_be_alike_are_not_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [*make_calls("a", 12, 9, 1000), *make_calls("b", 10, 9, 960, proxy="openrouter")]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    made = json.loads(ask(capsys, "--json"))
    assert [row["p50_ms"] for row in made["by_route"]] == [980, 940]
    assert (made["faster_routes"], made["slow_hours"]) == ([], [])


def test_against_a_duration_of_zero_no_hour_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [*make_calls("a", 300, 9, 0), *make_calls("b", 60, 15, 0), *make_calls("c", 20, 16, 3000)]
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert json.loads(ask(capsys, "--json"))["slow_hours"] == []


def test_calls_without_a_duration_are_no_zero_but_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05"))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert ask(capsys) == "No call of 2025-09 says how long it took.\n"
    assert json.loads(ask(capsys, "--json"))["p50_ms"] is None


def test_a_month_that_is_a_lower_bound_exits_as_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = [*make_calls("a", 2, 9, 1000), call("b", "2025-09-05T09:00:00", None, model="mine", duration_ms=5)]
    store(tmp_path, "ledger", SEPTEMBER, *calls, lacking=1)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert main(["latency", "--year", "2025", "--month", "9", "--top", "1"]) == 3
    out, err = capsys.readouterr()
    assert "gpt-4o OpenAI" in out
    assert "mine" not in out
    assert "1 more route: --top 2 shows all." in out
    assert "2025-09 is GAP" in err


@pytest.mark.usefixtures("month")
def test_the_page_says_what_is_slow_and_which_route_is_faster(month: Path) -> None:
    from flexlib.front.latency import measure_month
    from flexlib.spend.month import load_month_usage

    made = measure_month(load_month_usage(SEPTEMBER, month))
    hours = heading_for_hours(made.by_hour, made.slow_hours, "UTC")
    assert hours is not None
    assert hours.heading == "15:00 to 15:59: gpt-4o (OpenAI) takes 2.9 times as long as all day"
    routes = heading_for_routes(made.by_route.assign(calls=50)).heading  # two of one model, apart
    assert routes.replace("\u00a0", " ").startswith("Half of the calls to gpt-4o (OpenAI) take 1.0 s or more, of those")
    assert routes.endswith("to gpt-4o (OpenAI by OpenRouter) 396\u00a0ms")
    faster = heading_for_faster_routes(made.faster_routes)
    assert faster is not None
    assert faster.heading == "gpt-4o answers sooner from OpenAI by OpenRouter"
    for chart in (plot_latency_by_route(made.by_route), plot_latency_by_hour(made.by_hour)):
        assert chart is not None
        html = chart.render_html()
        assert "<svg" in html
        assert "nan" not in html.lower()
    empty = made.by_route.head(0)
    assert heading_for_routes(empty).heading == "No duration is known"
    assert plot_latency_by_route(empty) is None
    assert plot_latency_by_hour(made.by_hour.head(0)) is None
    assert heading_for_hours(made.by_hour.head(0), made.slow_hours.head(0), "UTC") is None
    assert heading_for_faster_routes(made.faster_routes.head(0)) is None
