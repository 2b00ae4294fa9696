"""The running month as the ledger has it: exact sums, the last minute, nine of ten answers, a ledger lost and back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from databases import start_postgresql

from flexlib.dashboard import metrics as metrics_room
from flexlib.dashboard.live import Live, Sums, Watch, let_go
from flexlib.dashboard.live_page import render_live
from flexlib.dashboard.metrics import Metrics
from flexlib.ledger import Ledger, init_ledger, open_ledger, record_many

NOW = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
CALL = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o", "task_type": "text", "prompt_tokens": 10,
        "completion_tokens": 5}  # fmt: skip
BEFORE = {
    "a minute": timedelta(seconds=30),
    "an hour": timedelta(minutes=50),
    "today": timedelta(hours=11, minutes=59),
    "yesterday": timedelta(hours=12, minutes=1),
    "the month before": timedelta(days=15),
}


def record(ledger: Ledger, place: int, ago: str, **more: object) -> None:
    call = CALL | {"request_id": f"r{place}", "created_at": NOW - BEFORE[ago], "cost": Decimal("0.25")} | more
    record_many([call], ledger=ledger)


def look(ledger: Ledger) -> Live:
    watch = Watch(ledger, lambda: NOW)
    watch.look()
    assert watch.problem == ""
    assert watch.live is not None
    return watch.live


def test_each_call_counts_where_its_time_says(ledger: Ledger) -> None:
    for place, ago in enumerate(BEFORE):
        record(ledger, place, ago, duration_ms=1000 * (place + 1), status="ok")
    record(ledger, 9, "a minute", status="error 500", duration_ms=9)
    live = look(ledger)
    assert (live.today, live.month) == (Sums(4, 1, Decimal("1.00"), 0), Sums(5, 1, Decimal("1.25"), 0))
    assert live.a_minute == 2
    assert (live.p90_ms, live.timed) == (2000, 2)  # of the answered calls of the last hour
    assert live.routes == (("openai", "gpt-4o", live.today),)
    assert [one[0] for one in live.last] == sorted((one[0] for one in live.last), reverse=True)


def test_a_call_of_another_day_or_month_by_a_wrong_clock_is_not_of_this_one(ledger: Ledger) -> None:
    record(ledger, 1, "a minute")
    record(ledger, 2, "a minute", created_at=NOW + timedelta(days=1))
    record(ledger, 3, "a minute", created_at=NOW + timedelta(days=20), duration_ms=5)
    live = look(ledger)
    assert (live.today.calls, live.month.calls, live.a_minute, live.timed, len(live.last)) == (1, 2, 1, 0, 1)


def test_a_month_without_a_call_is_empty_and_not_unknown(ledger: Ledger) -> None:
    live = look(ledger)
    assert (live.today, live.month, live.a_minute, live.p90_ms, live.routes, live.last) == (
        Sums(0, 0, None, 0), Sums(0, 0, None, 0), 0, None, (), (),
    )  # fmt: skip


def test_a_call_without_a_price_is_counted_beside_the_sum(ledger: Ledger) -> None:
    record(ledger, 1, "a minute")
    record(ledger, 2, "a minute", cost=None, model="of-no-list", provider="unknown")
    live = look(ledger)
    assert live.today == Sums(2, 0, Decimal("0.25"), 1)
    by_model = {model: sums.usd for _provider, model, sums in live.routes}
    assert by_model == {"gpt-4o": Decimal("0.25"), "of-no-list": None}
    watch = Watch(ledger, lambda: NOW)
    watch.look()
    assert "1 call without a price" in render_live(watch)


def test_who_looks_on_makes_no_empty_ledger_in_place_of_one_that_goes_away_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/of%20{{all}}?.sqlite".replace("?", "%3F")
    recording = open_ledger(url)
    record(recording, 1, "today")
    recording.close()
    watch = Watch(open_ledger(url), lambda: NOW)
    watch.look()
    assert watch.problem == ""
    (file,) = tmp_path.glob("*.sqlite")
    let_go(watch.ledger)
    file.rename(tmp_path / "away")
    monkeypatch.setattr(Ledger, "is_absent", False)  # it was there when that was asked
    watch.look()
    assert "ledger" in watch.problem
    metrics = Metrics(open_ledger(url), None, lambda: NOW)
    assert b"flexlib_ledger_up 0.0" in metrics.write()
    assert not file.exists()
    for ledger in (watch.ledger, metrics.ledger):
        ledger.close()


def test_a_ledger_that_is_lost_leaves_its_last_figures_and_comes_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("lost")
    ledger = open_ledger(data=folder)
    record(ledger, 1, "a minute")
    watch = Watch(ledger, lambda: NOW)
    watch.look()
    figures = watch.live
    (folder / "ledger.sqlite").rename(folder / "away")
    watch.look()
    assert watch.live == figures
    assert "There is no ledger in" in watch.problem
    assert "dash-stale" in render_live(watch)
    assert "These are the figures of 2025-09-15 12:00:00 UTC" in render_live(watch)
    (folder / "away").rename(folder / "ledger.sqlite")
    record(ledger, 2, "a minute")
    watch.look()
    assert watch.problem == ""
    assert watch.live is not None
    assert watch.live.today.calls == 2
    assert "dash-stale" not in render_live(watch)
    ledger.close()


def test_a_lost_postgresql_leaves_its_last_figures_and_comes_back_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_room, "KEPT_SECONDS", 0.0)
    with start_postgresql() as postgresql:
        url = postgresql.create()
        recording = open_ledger(url, data=tmp_path)
        init_ledger(recording)
        record(recording, 1, "a minute")
        recording.close()
        watch = Watch(open_ledger(url, data=tmp_path), lambda: NOW)
        metrics = Metrics(open_ledger(url, data=tmp_path), None, lambda: NOW)
        watch.look()
        figures = watch.live
        assert figures is not None
        with postgresql.stop():
            for _look in range(2):
                watch.look()
                assert watch.live == figures
                assert "ledger" in watch.problem
            shown = render_live(watch)
            assert "dash-stale" in shown
            assert "These are the figures of 2025-09-15 12:00:00 UTC" in shown
            assert b"flexlib_ledger_up 0.0" in metrics.write()
        record(recording, 2, "a minute")
        recording.close()
        watch.look()
        assert (watch.problem, watch.live and watch.live.today.calls) == ("", 2)
        assert "dash-stale" not in render_live(watch)
        assert b"flexlib_ledger_up 1.0" in metrics.write()
        for ledger in (watch.ledger, metrics.ledger):
            ledger.close()


def test_a_ledger_that_is_not_there_is_said_and_not_made(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("none")
    watch = Watch(open_ledger(data=folder), lambda: NOW)
    watch.look()
    assert "There is no ledger in" in render_live(watch)
    assert [*folder.iterdir()] == []
