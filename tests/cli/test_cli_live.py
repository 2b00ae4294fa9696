"""`flexlib ledger tallies` and `flexlib live`: what they print and their exit codes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexlib.cli.main import main
from flexlib.ledger import open_ledger, record_usage

CALL: dict[str, Any] = {"usable": None, "provider": "openai", "model": "gpt-4o", "created_at": "2025-09-10T12:30Z"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.delenv("FLEXLIB_DATABASE_URL", raising=False)
    ledger = open_ledger(data=tmp_path)
    for usd in ("0.5", "0.25"):
        record_usage(**CALL, prompt_tokens=100, amount_in_usd=Decimal(usd), ledger=ledger)
    ledger.close()
    return tmp_path


def run(*words: str) -> int:
    return int(main([*words]))


@pytest.mark.usefixtures("data")
def test_live_without_tallies_says_how_to_have_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("live", "--once") == 2
    assert "This ledger keeps no tallies. Run: flexlib ledger tallies on" in capsys.readouterr().err


@pytest.mark.usefixtures("data")
def test_live_prints_each_hour_provider_and_model_as_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ledger", "tallies", "on") == 0
    assert capsys.readouterr().out == "Tallies are on: 3 kept, 0 not folded into them yet; sums have both.\n"
    assert run("live", "--once", "--json", "--since", "2025-09-10") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "start": "2025-09-10T12:00:00+00:00", "span": "hour", "provider": "openai", "model": "gpt-4o", "calls": 2,
        "prompt_tokens": 200, "completion_tokens": 0, "usd": "0.75", "clp": None, "unpriced_usd": 0, "unpriced_clp": 2,
    }  # fmt: skip
    assert run("live", "--once", "--since", "2025-09-10") == 0
    assert capsys.readouterr().out == "2025-09-10 12:00  openai gpt-4o  2 calls  200 tokens  USD 0.75\n"
    assert run("live", "--once", "--since", "2025-09-11") == 0
    assert capsys.readouterr().out == ""


def test_a_check_exits_with_4_where_tallies_differ(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ledger", "tallies", "on") == 0
    assert run("ledger", "tallies", "check") == 0
    with closing(sqlite3.connect(data / "ledger.sqlite")) as file, file:
        file.execute("UPDATE llm_usage_tallies SET requests = 3 WHERE kind = 'usable'")
    capsys.readouterr()
    assert run("ledger", "tallies", "check") == 4
    assert capsys.readouterr().out == (
        "Tallies that are not what the calls sum to: 1. Count them again: flexlib ledger tallies on\n"
    )
    assert run("ledger", "tallies", "off") == 0
    assert run("ledger", "tallies", "check") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ledger", "init", "on"], "on is said of tallies: flexlib ledger tallies on"),
        (["live", "--every", "0"], "--every must be at least 0.1 seconds."),
        (["live", "--every", "nan"], "--every must be at least 0.1 seconds."),
    ],
)
@pytest.mark.usefixtures("data")
def test_what_cannot_be_meant_is_one_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err
