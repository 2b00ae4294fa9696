"""`flexlib close`, `flexlib reprice`, and the amounts that `flexlib fx update` fills, as a shell sees them."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from databases import execute, query
from rates_server import serve_rates

from flexlib.certificate import State
from flexlib.cli.main import main
from flexlib.ledger import Ledger, record_usage
from flexlib.money.fx import Rate
from flexlib.store.fx import KeptRate, write_kept_rates

SEPTEMBER = ["--year", "2025", "--month", "9"]
CALL: dict[str, Any] = {
    "usable": None,
    "provider": "openai",
    "model": "gpt-4o",
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "created_at": "2025-09-10T12:00:00Z",
}


@pytest.fixture
def home(ledger: Ledger, ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The settings' own ledger."""
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", ledger_url)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    return ledger


def test_close_prints_the_certificate_and_exits_0(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    kept = [Rate(date(2025, 9, day), Decimal(1000), "mindicador.cl") for day in (10, 11)]
    write_kept_rates([KeptRate(one, datetime(2025, 9, 12, tzinfo=timezone.utc)) for one in kept], home.data)
    for _ in range(10):
        record_usage(**CALL, ledger=home)
    record_usage(**CALL | {"model": "no-such-model"}, ledger=home)
    assert main(["close", *SEPTEMBER]) == 0
    out, err = capsys.readouterr()
    lines = dict(line.strip().split(maxsplit=1) for line in out.splitlines()[1:] if not line.startswith("  Rows'"))
    assert out.startswith("CERTIFICATE - SEPTEMBER 2025\n")
    assert lines["State"] == "COMPLETE"
    assert lines["Source"] == "ledger"
    assert lines["US$"] == "at least 0.0035, 1 row without a price"
    assert lines["CLP"] == "at least 3.5, 1 row without an amount in CLP"
    assert lines["Rates"] == "2025-09-10 1000 mindicador.cl"
    assert lines["Unpriced"].startswith("openai no-such-model (1: ")
    assert lines["Sums"].startswith("agrees (11 compared): what the database counts and sums")
    assert err == ""


def test_a_lower_bound_has_every_digit_and_its_thousands(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    kept = KeptRate(Rate(date(2025, 9, 10), Decimal(912_345), "x"), datetime(2025, 9, 12, tzinfo=timezone.utc))
    write_kept_rates([kept], home.data)
    record_usage(**CALL | {"amount_in_usd": "0.0035"}, ledger=home)
    record_usage(**CALL | {"model": "no-such-model"}, ledger=home)
    assert main(["close", *SEPTEMBER]) == State.GAP.exit_code
    assert "at least 3,193.2075, 1 row without an amount in CLP" in capsys.readouterr().out


def test_close_prints_json_that_is_the_stored_certificate(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    record_usage(**CALL, ledger=home)
    assert main(["close", *SEPTEMBER, "--json", "--grace", "0"]) == 0
    out = capsys.readouterr().out
    (stored,) = home.data.glob("usage/2025-09/ledger/*/certificate.json")
    assert out == stored.read_text("utf-8")
    assert (json.loads(out)["state"], json.loads(out)["grace_seconds"]) == ("COMPLETE", 0)


def test_a_month_that_is_not_over_is_told_and_exits_0(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(timezone.utc)
    record_usage(**CALL | {"created_at": None}, ledger=home)
    assert main(["close", "--year", str(now.year), "--month", str(now.month)]) == 0
    assert "is PROVISIONAL: it was read before the month was over" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--year", "2025", "--month", "13"], ["--year", "2025"], [*SEPTEMBER, "--grace", "x"]]
)
def test_wrong_usage_exits_2(home: Ledger, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(["close", *words])
    except SystemExit as left:
        code = int(left.code or 0)
    assert code == 2
    assert capsys.readouterr().out == ""


def test_reprice_shows_and_with_apply_changes(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    record_usage(**CALL, ledger=home)
    older = "'an older book (openai)', price_date = NULL"
    amount = "1500000" if home.backend == "sqlite" else "0.00015"
    execute(home, f"UPDATE llm_usage_statistics SET amount_in_usd = {amount}, price_source = {older}")
    assert main(["reprice", *SEPTEMBER]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("1 of 1 call would change.")
    assert shown[1].startswith(
        "  openai gpt-4o: 1 call, US$ 0.00015 -> 0.00035 (an older book (openai) -> genai-prices"
    )
    assert shown[2] == "Nothing changed yet; add --apply."
    assert main(["reprice", *SEPTEMBER, "--apply", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["applied"], facts["rows"], facts["month"]) == (True, 1, "2025-09")
    assert facts["changes"][0]["new_usd"] == "0.0003500000"
    assert main(["reprice", *SEPTEMBER]) == 0
    assert "0 of 1 call would change." in capsys.readouterr().out


def test_reprice_refuses_where_there_is_no_ledger_and_makes_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", "")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    assert main(["reprice", *SEPTEMBER]) == main(["close", *SEPTEMBER]) == 2
    reprice, close = capsys.readouterr().err.splitlines()
    assert reprice == close
    assert reprice.startswith(f"flexlib: There is no ledger in {tmp_path}/ledger.sqlite yet.")
    assert not (tmp_path / "ledger.sqlite").exists()


def test_fx_update_fills_the_pesos_of_calls_recorded_before(home: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    record_usage(**CALL, ledger=home)
    with serve_rates() as server:
        server.mindicador = {f"2025-09-{day:02d}": "1000" for day in range(1, 31)} | {"2025-10-01": "1000"}
        urls = ["--mindicador-url", server.url, "--frankfurter-url", server.url]
        assert main(["fx", "update", *SEPTEMBER, *urls]) == 0
        assert "  ledger: 1 row of 2025-09 got an amount in CLP" in capsys.readouterr().out.splitlines()
        assert main(["fx", "update", *SEPTEMBER, *urls, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["filled"] == []
    assert query(home, "SELECT count(amount_in_clp) FROM llm_usage_statistics") == [(1,)]
