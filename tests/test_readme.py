"""The README cannot lie: what it says a program printed, a program prints."""

from __future__ import annotations

import re
from pathlib import Path

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
