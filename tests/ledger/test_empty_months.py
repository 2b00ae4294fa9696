"""A month without a call: known to be empty where an earlier one is stored, and no fault of whoever stores a source."""

from __future__ import annotations

import pytest
from spend_samples import AUGUST, OCTOBER, SEPTEMBER, call, store

from flexlib.certificate import State
from flexlib.cli.main import main
from flexlib.ingest.ledger import ensure_month
from flexlib.ledger import Ledger, record_usage
from flexlib.spend.month import load_month_usage


def record_a_call(day: str, ledger: Ledger) -> None:
    record_usage(usable=("user", 42), provider="openai", model="gpt-4o", prompt_tokens=1, created_at=day, ledger=ledger)


def test_an_empty_month_is_closed_where_an_earlier_one_is_stored(sqlite_ledger: Ledger) -> None:
    record_a_call("2025-08-10", sqlite_ledger)
    root = sqlite_ledger.data
    assert ensure_month(SEPTEMBER, root, ledger=sqlite_ledger) is None
    assert ensure_month(AUGUST, root, ledger=sqlite_ledger) is not None
    closed = ensure_month(SEPTEMBER, root, ledger=sqlite_ledger)
    assert closed is not None
    assert (closed.certificate.rows, load_month_usage(SEPTEMBER, root).state) == (0, State.COMPLETE)


def test_whoever_closes_a_month_is_not_told_of_a_source_that_is_still_to_be_stored(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(sqlite_ledger.data, "import", SEPTEMBER, call("a", "2025-09-05"))
    monkeypatch.setenv("FLEXLIB_DATA", str(sqlite_ledger.data))
    record_a_call("2025-10-10", sqlite_ledger)
    assert main(["close", "--year", "2025", "--month", "10"]) == 0
    assert "not zero" not in capsys.readouterr().err
    assert main(["spend", "--year", "2025", "--month", "10"]) == 3
    assert load_month_usage(OCTOBER, sqlite_ledger.data).unstored == ("import",)
