"""A call is held against the bill of who sends it: the one that resells a model, and not its maker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flexlib.cli.main import main

CURSOR = """Date,Kind,Model,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost
2026-05-01T10:00:00.000Z,On-Demand,claude-4.5-sonnet,0,1000,0,100,1100,$500
2026-05-01T11:00:00.000Z,User API Key,claude-4.5-sonnet,0,100000,0,10000,110000,-
"""
ANTHROPIC = """usage_date_utc,model,api_key,token_type,cost_usd,list_price_usd,cost_type
2026-05-01,Claude Sonnet 4.5,ci,input_no_cache,400,400,token
"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def bring(name: str, text: str, code: int = 0) -> None:
    Path(name).write_text(text, "utf-8")
    assert main(["import", name]) == code


def ask(capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, list[Any]]]:
    """The spend, and of each provider what was counted, what was billed and the number of calls."""
    capsys.readouterr()
    main(["spend", "--year", "2026", "--month", "5", "--json"])
    said = json.loads(capsys.readouterr().out)
    names = ("counted_usd", "billed_usd", "requests")
    return said["amount_in_usd"], {one["provider"]: [one[name] for name in names] for one in said["providers"]}


def test_what_cursor_bills_is_no_part_of_the_bill_of_the_maker(capsys: pytest.CaptureFixture[str]) -> None:
    bring("cursor.csv", CURSOR)
    bring("anthropic.csv", ANTHROPIC, code=4)
    # Cursor's 500 are counted and not billed here; the own key's 100,000 at 3.00 and 10,000 at 15.00 a million are in
    # Anthropic's 400
    assert ask(capsys) == ("900", {"cursor": ["500", None, 1], "anthropic": ["0.45", "400", 1]})
