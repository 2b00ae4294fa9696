"""Rates brought into the data folder: from one source or two, again and again, with and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from rates_server import QUICK, RatesServer, serve_rates

from flexlib.dates import Month, Span
from flexlib.errors import BadMonth, ServerUnreachable
from flexlib.ingest.fx import RatesUpdate, update_rates
from flexlib.money.fx import Rate, find_rate
from flexlib.store.fx import find_rates_file, load_rates, lock_rates, read_kept_rates

SEPTEMBER = Month(2025, 9).span
OCTOBER_20 = datetime(2025, 10, 20, 15, tzinfo=timezone.utc)
HOLIDAYS = {date(2025, 9, 18), date(2025, 9, 19)}


def list_business_days(span: Span) -> list[str]:
    return [str(day) for day in span if day.weekday() < 5 and day not in HOLIDAYS]


@pytest.fixture
def server() -> Iterator[RatesServer]:
    """Both services, with all business days from August to 20 October 2025; pesos are month and day."""
    days = list_business_days(Span(date(2025, 8, 1), date(2025, 10, 20)))
    with serve_rates() as server:
        server.mindicador = {day: f"9{day[5:7]}.{day[8:]}" for day in days}
        server.frankfurter = dict(server.mindicador)
        yield server


def update(server: RatesServer, root: Path, span: Span = SEPTEMBER, *, check: bool = False,
           now: datetime = OCTOBER_20) -> RatesUpdate:  # fmt: skip
    return update_rates(
        span, root, check=check, mindicador_url=server.url, frankfurter_url=server.url, policy=QUICK, now=now
    )


def test_month_is_brought_in_from_the_first_source_alone(server: RatesServer, tmp_path: Path) -> None:
    result = update(server, tmp_path)
    assert (result.missing, result.pending, result.failures, result.changed) == ((), (), (), ())
    assert result.answered == ("mindicador.cl 2025 (55 days)",)
    assert len(result.added) == len(load_rates(tmp_path)) == 55
    assert server.asked == ["/api/dolar/2025"]


def test_file_is_sorted_by_day_and_names_value_source_and_moment(server: RatesServer, tmp_path: Path) -> None:
    update(server, tmp_path)
    lines = (tmp_path / "rates" / "usd_clp.csv").read_text("utf-8").splitlines()
    assert lines[:3] == [
        "day,value,source,fetched_at,superseded_at",
        "2025-08-01,908.01,mindicador.cl,2025-10-20T15:00:00+00:00,",
        "2025-08-04,908.04,mindicador.cl,2025-10-20T15:00:00+00:00,",
    ]
    assert lines[1:] == sorted(lines[1:])


def test_second_run_changes_nothing_not_even_the_file(server: RatesServer, tmp_path: Path) -> None:
    update(server, tmp_path)
    file = find_rates_file(tmp_path)
    before = file.read_bytes(), file.stat().st_mtime_ns
    again = update(server, tmp_path, now=OCTOBER_20 + timedelta(hours=5))
    assert (again.added, again.changed) == ((), ())
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_table_that_covers_the_span_works_without_any_server(server: RatesServer, tmp_path: Path) -> None:
    update(server, tmp_path)
    server.down = {"mindicador", "frankfurter"}
    offline = update(server, tmp_path)
    assert (offline.missing, offline.added, offline.answered) == ((), (), ())
    assert len(offline.failures) == 1
    assert "in 3 tries: status 503" in offline.failures[0]
    found = find_rate(load_rates(tmp_path), date(2025, 9, 21))  # the Sunday after the holidays: since Wednesday
    assert found == Rate(date(2025, 9, 17), Decimal("909.17"), "mindicador.cl")


def test_nobody_answers_and_nothing_is_kept_is_an_error_and_no_file(server: RatesServer, tmp_path: Path) -> None:
    server.down = {"mindicador", "frankfurter"}
    with pytest.raises(ServerUnreachable, match="/api/dolar/2025"):
        update(server, tmp_path)
    assert not find_rates_file(tmp_path).exists()


def test_second_source_steps_in_under_its_own_name_when_the_first_is_down(server: RatesServer, tmp_path: Path) -> None:
    server.down = {"mindicador"}
    result = update(server, tmp_path)
    assert result.missing == ()
    assert {one.source for one in load_rates(tmp_path)} == {"frankfurter:bcch"}
    assert [one.day for one in result.added][:: len(result.added) - 1] == [date(2025, 8, 25), date(2025, 10, 7)]


def test_second_source_fills_a_gap_of_the_first_but_no_weekend(server: RatesServer, tmp_path: Path) -> None:
    for day in list_business_days(Span(date(2025, 9, 1), date(2025, 9, 12))):
        del server.mindicador[day]
    server.frankfurter |= {"2025-09-06": "999", "2025-09-20": "999"}  # Saturdays
    result = update(server, tmp_path)
    table = {one.day: one for one in load_rates(tmp_path)}
    assert result.missing == ()
    assert table[date(2025, 9, 8)].source == "frankfurter:bcch"  # the first source left it open for too long to carry
    assert table[date(2025, 9, 15)].source == "mindicador.cl"
    assert date(2025, 9, 20) not in table  # carried by the first source since the 17th
    assert date(2025, 9, 1) not in table  # carried since Friday, 29 August


def test_day_keeps_its_source_when_the_other_comes_back(server: RatesServer, tmp_path: Path) -> None:
    server.down = {"mindicador"}
    update(server, tmp_path)
    server.down = set()
    result = update(server, tmp_path)
    assert (result.changed, result.disagreements) == ((), ())
    assert {one.source for one in load_rates(tmp_path) if one.day in SEPTEMBER} == {"frankfurter:bcch"}
    assert {one.source for one in result.added} == {"mindicador.cl"}


def test_disagreement_of_the_sources_is_reported_and_not_averaged(server: RatesServer, tmp_path: Path) -> None:
    server.frankfurter |= {"2025-09-10": "919.30", "2025-09-11": "918.30"}  # 909.10 + 1.12 %, 909.11 + 1.01 %
    server.frankfurter["2025-09-12"] = "918.20"  # 909.12 + 0.9988 %
    result = update(server, tmp_path, check=True)
    assert [(one.kept.day.day, one.kept.value, one.other.value) for one in result.disagreements] == [
        (10, Decimal("909.10"), Decimal("919.30")),
        (11, Decimal("909.11"), Decimal("918.30")),
    ]
    assert find_rate(load_rates(tmp_path), date(2025, 9, 10)) == Rate(
        date(2025, 9, 10), Decimal("909.1"), "mindicador.cl"
    )


def test_second_source_is_not_asked_without_need(server: RatesServer, tmp_path: Path) -> None:
    server.frankfurter["2025-09-10"] = "1"
    assert update(server, tmp_path).disagreements == ()
    assert not [path for path in server.asked if path.startswith("/v2")]


def test_observation_that_its_source_changed_holds_and_the_old_one_is_kept(server: RatesServer, tmp_path: Path) -> None:
    update(server, tmp_path)
    server.mindicador["2025-09-10"] = "911.11"
    later = OCTOBER_20 + timedelta(days=1)
    result = update(server, tmp_path, now=later)
    assert [(one.kept.value, one.other.value) for one in result.changed] == [(Decimal("909.1"), Decimal("911.11"))]
    assert result.added == ()
    kept = [one for one in read_kept_rates(tmp_path) if one.rate.day == date(2025, 9, 10)]
    assert [(one.rate.value, one.fetched_at, one.superseded_at) for one in kept] == [
        (Decimal("909.1"), OCTOBER_20, later),
        (Decimal("911.11"), later, None),
    ]
    assert update(server, tmp_path, now=later).changed == ()
    found = find_rate(load_rates(tmp_path), date(2025, 9, 10))
    assert found is not None
    assert found.value == Decimal("911.11")


def test_value_that_changes_back_leaves_its_whole_history(server: RatesServer, tmp_path: Path) -> None:
    for hour, value in enumerate(["909.10", "911.11", "909.10"]):
        server.mindicador["2025-09-10"] = value
        update(server, tmp_path, now=OCTOBER_20 + timedelta(hours=hour))
    kept = [one for one in read_kept_rates(tmp_path) if one.rate.day == date(2025, 9, 10)]
    assert [str(one.rate.value) for one in kept] == ["909.10", "911.11", "909.10"]
    assert [one.superseded_at is None for one in kept] == [False, False, True]


def test_value_that_changes_within_the_second_stands_after_the_one_it_supersedes(
    server: RatesServer, tmp_path: Path
) -> None:
    for value in ("911.11", "909.10"):
        server.mindicador["2025-09-10"] = value
        update(server, tmp_path)
    kept = [one for one in read_kept_rates(tmp_path) if one.rate.day == date(2025, 9, 10)]
    assert [str(one.rate.value) for one in kept] == ["911.11", "909.10"]


def test_day_that_must_have_been_published_is_missing_and_never_filled_in(server: RatesServer, tmp_path: Path) -> None:
    for day in list_business_days(Span(date(2025, 9, 8), date(2025, 9, 19))):
        del server.mindicador[day], server.frankfurter[day]
    result = update(server, tmp_path)
    assert result.missing == tuple(Span(date(2025, 9, 11), date(2025, 9, 21)))  # the 5th carries to the 10th
    assert result.answered == ("mindicador.cl 2025 (47 days)", "frankfurter:bcch (22 days)")


def test_last_days_and_those_ahead_are_pending_and_not_missing(server: RatesServer, tmp_path: Path) -> None:
    sunday = datetime(2025, 10, 19, 15, tzinfo=timezone.utc)
    server.mindicador = {day: value for day, value in server.mindicador.items() if day <= "2025-10-17"}
    result = update(server, tmp_path, Month(2025, 10).span, now=sunday)
    assert result.missing == ()
    assert result.pending == tuple(Span(date(2025, 10, 18), date(2025, 10, 31)))
    assert not [path for path in server.asked if path.startswith("/v2")]


def test_january_asks_for_december_and_carries_over_the_new_year(server: RatesServer, tmp_path: Path) -> None:
    server.mindicador = {"2024-12-30": "992.12", "2025-01-02": "996.46", "2025-01-08": "1000.5"}
    result = update(server, tmp_path, Span(date(2025, 1, 1), date(2025, 1, 7)))
    assert server.asked == ["/api/dolar/2024", "/api/dolar/2025"]
    assert result.missing == ()
    found = find_rate(result.rates, date(2025, 1, 1))
    assert found == Rate(date(2024, 12, 30), Decimal("992.12"), "mindicador.cl")


@pytest.fixture
def winter() -> dict[str, str]:
    """The business days from December 2024 to January 2025; pesos are month and day."""
    days = [str(day) for day in Span(date(2024, 12, 2), date(2025, 1, 20)) if day.weekday() < 5]
    return {day: f"9{day[5:7]}.{day[8:]}" for day in days if day not in ("2024-12-25", "2025-01-01")}


@pytest.mark.parametrize("down", [set(), {"mindicador"}])
def test_no_value_is_carried_over_days_that_nobody_was_asked_about(
    server: RatesServer, winter: dict[str, str], down: set[str], tmp_path: Path
) -> None:
    server.down = down
    server.mindicador = server.frankfurter = {day: value for day, value in winter.items() if day <= "2024-12-26"}
    update(server, tmp_path, Month(2024, 12).span, now=datetime(2024, 12, 26, 15, tzinfo=timezone.utc))
    server.mindicador = server.frankfurter = winter
    span = Span(date(2025, 1, 10), date(2025, 1, 20))
    result = update(server, tmp_path, span, now=datetime(2025, 1, 20, 15, tzinfo=timezone.utc))
    found = {day: find_rate(result.rates, date(2024, 12, day)) for day in (27, 28, 30, 31)}
    values = {day: one and str(one.value) for day, one in found.items()}
    assert values == {27: "912.27", 28: "912.27", 30: "912.30", 31: "912.31"}


def test_span_before_all_that_is_kept_is_joined_to_it(
    server: RatesServer, winter: dict[str, str], tmp_path: Path
) -> None:
    server.mindicador |= winter | {"2023-06-29": "801.1", "2023-06-30": "802.2", "2024-01-02": "873.03"}
    update(server, tmp_path)
    server.asked.clear()
    result = update(server, tmp_path, Span(date(2023, 6, 29), date(2023, 6, 30)))
    assert server.asked == ["/api/dolar/2023", "/api/dolar/2024", "/api/dolar/2025"]
    assert find_rate(result.rates, date(2024, 1, 2)) == Rate(date(2024, 1, 2), Decimal("873.03"), "mindicador.cl")


def test_span_that_has_not_begun_is_refused_before_anyone_is_asked(server: RatesServer, tmp_path: Path) -> None:
    with pytest.raises(BadMonth, match="ask for rates up to 2025-10-20"):
        update(server, tmp_path, Month(2026, 1).span)
    assert server.asked == []


def test_faults_on_the_way_change_nothing_in_the_table(server: RatesServer, tmp_path: Path) -> None:
    update(server, tmp_path / "plain")
    server.faults = ["503", "html"]
    update(server, tmp_path / "faulty")
    assert list(load_rates(tmp_path / "faulty")) == list(load_rates(tmp_path / "plain"))


def test_update_waits_for_another_that_holds_the_table(server: RatesServer, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool, lock_rates(tmp_path):
        waiting = pool.submit(update, server, tmp_path)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)  # asked in milliseconds; without the lock it would be written by now
        assert server.asked == ["/api/dolar/2025"]
        assert not find_rates_file(tmp_path).exists()
    assert waiting.result().missing == ()


def test_updates_at_once_lose_nothing(server: RatesServer, tmp_path: Path) -> None:
    server.mindicador |= {"2024-12-30": "992.12"} | {f"2025-01-{day:02d}": "996" for day in range(2, 31)}
    spans = [SEPTEMBER, Month(2025, 1).span, Month(2025, 8).span, SEPTEMBER]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda span: update(server, tmp_path, span), spans))
    assert len(load_rates(tmp_path)) == len(server.mindicador) == 85
    assert [file.name for file in (tmp_path / "rates").iterdir() if file.name.endswith(".tmp")] == []
