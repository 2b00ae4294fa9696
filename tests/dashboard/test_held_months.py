"""What a viewer's kernel holds is what is stored: the front door's own sums, and seen at the next click where it is
another."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from report_samples import FIXTURE, SEPTEMBER, store_month

import flexlib as fl
from flexlib.dashboard import held
from flexlib.dashboard.figures import Figures
from flexlib.dashboard.held import HeldSpend, hold_spend, sum_view
from flexlib.dashboard.page import render_file
from flexlib.dashboard.view import GROUPS, View
from flexlib.dashboard.widgets import Dashboard
from flexlib.errors import InvalidRequest
from flexlib.front.narrow import list_rows, sum_narrow
from flexlib.ledger import open_ledger, record_many
from flexlib.settings import load_settings

MODEL = "MODEL_CHAT_GPT_5"
KEYS = ("model", "department")
TWO_PLACES = "who,department,share\nana@example.com,Sales,50\nana@example.com,Research,50\nben@example.com,Sales,\n"
ONE_PLACE = "who,department\nana@example.com,Research\nben@example.com,Sales\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    store_month(tmp_path / "data", [(1, "ana", MODEL, 0, 700), (2, "ben", MODEL, 0, 300)])
    return tmp_path / "data"


@pytest.mark.parametrize("roster", ["", ONE_PLACE, TWO_PLACES])
@pytest.mark.parametrize("most", [0, held.MOST_HELD])
def test_what_is_held_is_what_the_front_door_gives(
    roster: str, most: int, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "MOST_HELD", most)
    if roster:
        (data.parent / "people.csv").write_text(roster)
        monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(data.parent / "people.csv"))
    stored = fl.load("2025-09")
    own = hold_spend(stored)
    assert own.is_held == bool(most)
    for key, only in product(KEYS, [(), (("weekday", "1"),), (("department", "Sales"),)]):
        pd.testing.assert_frame_equal(sum_view(own, (key,), only), sum_narrow(stored, (key,), only))
        assert list_rows(own, only, 5) == list_rows(stored, only, 5)
    assert (own.total("usd"), own.state, own.missing) == (stored.total("usd"), stored.state, stored.missing)


def test_the_calls_of_the_fixture_are_held_with_what_their_metadata_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    stored = fl.load("2025-08", "2025-09")
    own = hold_spend(stored)
    for key in GROUPS:
        pd.testing.assert_frame_equal(sum_view(own, (key,), ()), sum_narrow(stored, (key,), ()))


def show(dashboard: Dashboard, view: View) -> str:
    dashboard.show(view)
    return str(dashboard.head.value + dashboard.sums.value)


def test_a_month_stored_anew_is_shown_at_the_next_click(data: Path) -> None:
    view = View(of="flex_credits", by="user")
    dashboard = Dashboard()
    assert "10.00" in show(dashboard, view)
    held_now = dashboard.spans.load((SEPTEMBER, SEPTEMBER))
    show(dashboard, View())
    assert "10.00" in show(dashboard, view)
    assert dashboard.spans.load((SEPTEMBER, SEPTEMBER)) is held_now  # nothing was loaded for these clicks
    later = datetime(2025, 10, 4, tzinfo=timezone.utc)
    store_month(data, [(1, "ana", MODEL, 0, 700), (2, "ben", MODEL, 0, 900)], read_at=later)
    shown = show(dashboard, view)
    assert "16.00" in shown
    assert "10.00" not in shown


def test_who_belongs_where_said_anew_is_shown_at_the_next_click(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = data.parent / "people.csv"
    file.write_text(ONE_PLACE)
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(file))
    dashboard, view = Dashboard(), View(of="flex_credits", by="department")
    assert "Research" in show(dashboard, view)
    file.write_text(ONE_PLACE.replace("Research", "Shipping"))
    shown = show(dashboard, view)
    assert "Shipping" in shown
    assert "Research" not in shown


def test_calls_recorded_of_a_closed_month_are_told_once_a_look_is_old(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_ledger(data=data)
    call = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o", "task_type": "text", "prompt_tokens": 10,
            "completion_tokens": 5, "cost": "0.25"}  # fmt: skip
    record_many([call | {"request_id": "now"}], ledger=ledger)
    dashboard, view = Dashboard(), View()
    assert "which was never closed" not in show(dashboard, view)
    moment = datetime(2025, 9, 3, tzinfo=timezone.utc)
    record_many([call | {"request_id": "then", "created_at": moment}], ledger=ledger)
    ledger.close()
    monkeypatch.setattr(held, "LOOK_SECONDS", -1.0)
    assert "1 call of 2025-09, which was never closed" in show(dashboard, view)


def test_the_tables_of_spans_that_are_left_are_dropped(data: Path) -> None:
    import duckdb

    def count() -> int:
        return len(duckdb.execute("SELECT 1 FROM duckdb_tables() WHERE table_name LIKE 'held_%'").fetchall())

    before = count()
    spans = held.Spans(load_settings(), names=False)
    spans.load((SEPTEMBER, SEPTEMBER))._rows  # noqa: B018 (read so that it is held)
    assert count() == before + 1
    spans.check([])
    assert count() == before


def test_a_file_that_is_none_of_the_view_is_refused(data: Path) -> None:
    figures = Figures(View((SEPTEMBER, SEPTEMBER)), HeldSpend(**vars(fl.load("2025-09"))))
    for name in ("people.csv", "table-sums.exe", "../table-sums.csv", ""):
        with pytest.raises(InvalidRequest, match="is no table of this view"):
            render_file(figures, name)
    assert os.listdir(data.parent) == ["data"]  # noqa: PTH208
