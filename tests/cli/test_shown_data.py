"""Whose data a command shows: one's own; the demo's until there is any, and then it says so."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

import flexlib as fl
from flexlib.cli import main
from flexlib.dates import Month
from flexlib.errors import SnapshotMissing
from flexlib.settings import Settings

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
WHEN = ("--year", "2025", "--month", "9")
OFFLINE = (
    ("certificate", *WHEN),
    ("certificate", *WHEN, "--source", "import"),
    ("spend", *WHEN),
    ("report", *WHEN, "--offline"),
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which only the demo has left its months."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FIXTURE, tmp_path / "data" / "demo")
    return tmp_path / "data"


@pytest.mark.parametrize("words", OFFLINE)
def test_a_command_shows_the_demo_s_months_and_says_so_first(
    words: tuple[str, ...], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.err.splitlines()[0] == f"Data: made up by flexlib's demo, no real people or spend ({root}/demo)."
    assert said.out


def test_the_front_door_shows_them_and_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(fl.months()["month"]) == ["2025-08", "2025-09"]
    assert str(fl.load("2025-09").total("flex_credits")) == "9961.00"
    assert (
        capsys.readouterr().err.splitlines()
        == [f"Data: made up by flexlib's demo, no real people or spend ({root}/demo)."] * 2
    )


@pytest.mark.parametrize("own", ["server.json", "ledger.sqlite", "usage/2025-09/import"])
def test_with_anything_of_one_s_own_the_demo_is_not_shown(
    own: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if own.startswith("usage"):
        shutil.copytree(FIXTURE / own, root / own)
    else:
        (root / own).write_text("{}")
    with pytest.raises(SnapshotMissing, match=rf"Nothing of 2025-10 is stored in {root}\."):
        fl.load("2025-10")
    assert main(OFFLINE[0]) != 0
    assert "made up" not in capsys.readouterr().err


def test_nor_is_it_once_a_key_says_that_more_is_to_come(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "a-key")
    assert main(OFFLINE[0]) == 2
    with pytest.raises(SnapshotMissing):
        fl.load("2025-09")


def test_a_page_of_the_demo_lies_beside_one_of_one_s_own(root: Path) -> None:
    own = root.parent / "reports" / "2025-09" / "flex_credits.html"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    (own.parent / "flex_credits_by_model.csv").write_text("mine")
    assert main(["report", *WHEN, "--offline"]) == 0
    assert {file.name: file.read_text() for file in own.parent.iterdir()} == {
        "flex_credits.html": "mine",
        "flex_credits_by_model.csv": "mine",
    }
    names = {file.name for file in (root.parent / "reports" / "demo" / "2025-09").iterdir()}
    written = {f"flex_credits.{ending}" for ending in ("html", "ipynb", "manifest.json")}
    assert names == {*written, "flex_credits_by_model_demo.csv", ".made"}


def test_a_month_before_the_made_up_company_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["spend", "--year", "2024", "--month", "9"], ["compare", "2024-09", "2025-09"]):
        assert main([*words, "--demo"]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said == "flexlib: the made-up company begins in 2025-01; ask for that month or a later one, not 2024-09."


@pytest.mark.parametrize("words", [("site",), ("certificate", *WHEN)])
def test_with_demo_a_fresh_folder_shows_made_up_months_and_later_runs_bring_no_more(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    brought: list[str] = []

    def bring(month: Month, zone: str, settings: Settings, before: int = 1) -> None:
        brought.append(str(month))
        shutil.copytree(FIXTURE, settings.data, dirs_exist_ok=True)

    monkeypatch.setattr("flexlib.cli.report_months.ensure_demo", bring)
    assert main([*words, "--demo"]) == 0
    last = str(Month.containing(date.today()).previous)
    assert brought == [last if words == ("site",) else "2025-09"]
    if words == ("site",):
        assert (tmp_path / "site" / "demo" / "index.html").is_file()
        assert main(["site", "--demo"]) == 0
        assert brought == [last]
        shutil.rmtree(tmp_path / "data")
        capsys.readouterr()
        assert main(["site"]) != 0
        assert "add --demo to look at made-up months" in capsys.readouterr().err
