"""A stored month that lacks calls of the ledger says so, wherever its total is read, and is not COMPLETE."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from databases import execute
from spend_samples import AUGUST, SEPTEMBER, call, store

import flexlib as fl
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.front.months import find_look
from flexlib.ingest.ledger import close_month
from flexlib.ledger import Ledger, record_usage
from flexlib.ledger.read.unclosed import LedgerLook, list_recorded_months
from flexlib.proof import State
from flexlib.report.kernel import choose_environment
from flexlib.settings import load_settings

CALL: dict[str, Any] = {
    "usable": None, "provider": "openai", "model": "gpt-4o", "prompt_tokens": 100, "completion_tokens": 10,
    "amount_in_usd": "10",
}  # fmt: skip
CLOSE = "run: flexlib close --year 2025 --month 9"


@pytest.fixture
def home(ledger: Ledger, ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The settings' own ledger, beside a month of which a file of US$ 10 is stored."""
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", ledger_url)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-05T10:00:00", "10"))
    return ledger


def record(ledger: Ledger, *moments: str) -> None:
    for moment in moments:
        record_usage(**CALL, created_at=f"{moment}Z", ledger=ledger)


def read_spend(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    code = main(["spend", "--year", "2025", "--month", "9", "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out), shown.err


def test_a_month_whose_recorded_calls_were_never_closed_is_a_gap(
    home: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first and the last moment of September are in it, those beside it are not: 2 calls."""
    record(
        home, "2025-08-31T23:59:59.999999", "2025-09-01T00:00:00", "2025-09-30T23:59:59.999999", "2025-10-01T00:00:00"
    )
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"], spent["amount_in_usd"], spent["at_least"]) == (3, "GAP", "10", True)
    text = "The ledger holds 2 calls of 2025-09, which was never closed, and the totals lack them; "
    assert text + CLOSE in said
    assert list(fl.months()["state"]) == ["GAP"]
    loaded = fl.load("2025-09")
    assert loaded.state is State.GAP
    assert text + CLOSE in loaded.missing


def test_a_page_says_what_the_ledger_told_the_command_and_reaches_no_database_itself(
    home: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(home, "2025-09-01T00:00:00")
    words = ["report", "--offline", "--year", "2025", "--month", "9", "--json", "--output-dir", str(tmp_path / "pages")]
    assert main([*words, "--notebook", "llm_usage"]) == 3
    shown = capsys.readouterr()
    made = json.loads(shown.out)
    text = f"The ledger holds 1 call of 2025-09, which was never closed, and the totals lack them; {CLOSE}"
    assert (made["state"], made["missing"]) == ("GAP", [text])
    assert text in Path(made["files"][0]).read_text("utf-8")
    assert f"2025-09 is GAP: {text}" in shown.err
    assert choose_environment({"FLEXLIB_DATABASE_URL": "sqlite:////x"}, tmp_path, "{}")["FLEXLIB_DATABASE_URL"] == ""


def test_a_notebook_that_no_report_runs_looks_at_a_file_and_asks_no_server(home: Ledger) -> None:
    record(home, "2025-09-01T00:00:00")
    found = find_look(load_settings(), home.data, in_notebook=True)(SEPTEMBER)
    assert found is not None
    assert found.is_gap == (home.path is not None)
    assert home.path is not None or found.text == f"Whether the ledger ({home.place}) holds more says flexlib spend."


def test_a_call_that_was_recorded_after_the_close_is_missing_until_the_month_is_closed_again(
    home: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    record(home, "2025-09-10T12:00:00")
    close_month(SEPTEMBER, home.data, ledger=home)
    assert read_spend(capsys)[1]["state"] == "COMPLETE"
    record(home, "2025-09-20T12:00:00")
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"], spent["amount_in_usd"]) == (3, "GAP", "20")
    assert (
        "The ledger holds 1 call of 2025-09 beside the 1 that were closed, and the totals lack them; " + CLOSE in said
    )
    close_month(SEPTEMBER, home.data, ledger=home)
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"], spent["amount_in_usd"], said) == (0, "COMPLETE", "30", "")


def test_a_month_that_was_closed_while_it_went_on_stays_provisional(
    home: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    record(home, "2025-09-10T12:00:00")
    close_month(SEPTEMBER, home.data, ledger=home, now=datetime(2025, 9, 11, tzinfo=timezone.utc))
    record(home, "2025-09-20T12:00:00")
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"]) == (0, "PROVISIONAL")
    assert "The ledger holds 1 call of 2025-09 beside the 1 that were closed" in said


def test_calls_that_were_deleted_after_the_close_are_not_missing(
    home: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    record(home, "2025-09-10T12:00:00")
    close_month(SEPTEMBER, home.data, ledger=home)
    execute(home, "DELETE FROM llm_usage_statistics")
    assert read_spend(capsys)[1]["state"] == "COMPLETE"


def test_two_months_of_which_one_is_not_closed_are_not_compared_in_silence(
    home: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """August's 2 calls are closed, September's are not: what is stored of it is the file's US$ 10, at least."""
    record(home, "2025-08-10T12:00:00", "2025-08-11T12:00:00", "2025-09-10T12:00:00")
    close_month(AUGUST, home.data, ledger=home)
    assert main(["compare", "2025-08", "2025-09", "--of", "usd"]) == 3
    shown = capsys.readouterr()
    said = "at least 10.00, and at least 20.00 before; what is known differs by -10.00\n"
    assert shown.out.startswith(f"September 2025 against August 2025 in US$: {said}")
    assert "The ledger holds 1 call of 2025-09, which was never closed" in shown.err


def test_doctor_names_the_months_that_were_never_closed(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    record(home, "2025-07-10T12:00:00", "2025-09-10T12:00:00", "2025-09-11T12:00:00")
    assert list_recorded_months(home) == [Month(2025, 7), SEPTEMBER]
    assert main(["doctor"]) == 3
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["months"] == "1 GAP"
    july, september = ("2025-07 ledger (flexlib close --year 2025 --month 7)", f"2025-09 ledger ({CLOSE[5:]})")
    assert lines["stale"] == f"{july}, {september}"


def test_a_ledger_that_does_not_answer_is_a_note_and_changes_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-05T10:00:00", "10"))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", "postgresql://user:secret-word@127.0.0.1:9/none")
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"]) == (0, "COMPLETE")
    assert said.startswith("2025-09: The ledger (127.0.0.1/none) could not be asked whether it holds more: ")
    assert "secret-word" not in said
    assert "\N{REPLACEMENT CHARACTER}" not in said
    store(tmp_path, "import", AUGUST, call("b", "2025-08-05T10:00:00", "10"))
    assert len([one for one in fl.load("2025-08", "2025-09").missing if "could not be asked" in one]) == 1
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", "")
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all, and long enough to be read as the head of one" * 20)
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"]) == (0, "COMPLETE")
    assert "could not be asked whether it holds more: file is not a database." in said


@pytest.mark.parametrize(
    ("url", "why"),
    [("garbage", "FLEXLIB_DATABASE_URL cannot be read"), ("mysql://a@b/c", "FLEXLIB_DATABASE_URL asks for mysql")],
)
def test_an_address_of_a_ledger_that_cannot_be_read_is_a_note_too(
    url: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-05T10:00:00", "10"))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", url)
    code, spent, said = read_spend(capsys)
    assert (code, spent["state"]) == (0, "COMPLETE")
    assert said.startswith(f"2025-09: The ledger could not be asked whether it holds more: {why}")
    assert fl.load("2025-09").state is State.COMPLETE
    assert list(fl.months()["state"]) == ["COMPLETE"]


def test_a_ledger_without_tables_holds_nothing(tmp_path: Path, new_ledger: Ledger) -> None:
    assert LedgerLook(new_ledger, tmp_path)(SEPTEMBER) is None
    assert list_recorded_months(new_ledger) == []
