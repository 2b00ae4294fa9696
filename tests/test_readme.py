"""The README cannot lie: what it says a program printed, a program prints."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexlib.cli import main

HOME = Path(__file__).parents[1]
README = (HOME / "README.md").read_text("utf-8")
FIXTURE = HOME / "tests" / "data" / "fixture"


def test_the_certificate_in_the_readme_is_the_fixtures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    shown = re.search(r"\$ flexlib (certificate [^\n]*)\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert main(shown[1].split()) == 0
    assert capsys.readouterr().out == shown[2]


def test_the_systems_in_the_readme_are_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"\$ flexlib import --list\n(.*?)\.\.\.\n```", README, re.DOTALL)
    assert shown is not None
    assert main(["import", "--list"]) == 0
    assert shown[1] in capsys.readouterr().out


def test_every_command_stands_in_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    ([a-z-]+)(?:\s|$)", capsys.readouterr().out, re.MULTILINE)
    assert len(commands) > 10
    assert [name for name in commands if f"`flexlib {name}" not in README] == []


def test_every_file_and_folder_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"`((?:flexlib|notebooks|params|tests)/[\w/.]*)`", README))
    assert len(named) > 8
    assert [name for name in sorted(named) if not (HOME / name).exists()] == []


def test_the_python_in_the_readme_runs_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 4
    words: dict[str, Any] = {}
    for block in blocks[1:]:
        exec(block, words)
    recorded = words["usage"].first()
    september = words["usage"].direct().between("2025-09-01", "2025-09-30")
    assert (recorded.request_id, recorded.total_tokens, recorded.amount_in_usd) == ("4f1c-0001", 1500, Decimal("0.006"))
    assert september.sum("amount_in_usd") == recorded.amount_in_usd
    assert [call.total_tokens for call in words["usage"]] == [1500, 1500]  # recorded, and settled
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    exec(blocks[0], words)
    shown = re.search(r'`(sep\.by\("source"\)[^`]*)` is\n\n```text\n(.*?)\n```', README, re.DOTALL)
    assert shown is not None
    assert eval(shown[1], words).to_string() == shown[2]
