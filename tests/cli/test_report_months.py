"""Reports of several months in one command, and what a report reads before it is made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import nbformat
import pytest
from harness import KEY
from spend_samples import OCTOBER, SEPTEMBER, call, store

from flexlib.cli import main
from flexlib.dates import Month
from flexlib.demo import demo_server
from flexlib.store.snapshots import load_credits

NB: Any = nbformat  # ships no types
FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
WHEN = ("--year", "2025", "--month", "9")


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A report that fails of every August, and the folder to make it in, which is the current one."""
    monkeypatch.chdir(tmp_path)
    parameters = NB.v4.new_code_cell("year: int = 2025\nmonth: int = 9", metadata={"tags": ["parameters"]})
    cells = [parameters, NB.v4.new_code_cell("month / (month - 8)")]
    NB.write(NB.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    return "mine.ipynb"


def test_each_month_of_a_year_has_its_page_and_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "data", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    words = ["report", "--year", "2025", "--start-month", "8", "--end-month", "9", "--offline"]
    assert main(words) == 0
    pages = [f"reports/demo/2025-0{month}/flex_credits.html" for month in (8, 9)]
    assert capsys.readouterr().out == "".join(f"📄 {page}\n" for page in pages)
    assert [Path(page).exists() for page in pages] == [True, True]
    assert Path.cwd() == tmp_path  # whatever the notebooks' own folder is


def test_no_report_moves_the_process_to_another_folder_not_even_for_a_moment(
    notebook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "data", dirs_exist_ok=True)
    moves: list[Any] = []
    monkeypatch.setattr(os, "chdir", moves.append)
    assert main(["report", "--year", "2025", "--month", "9", "--offline", "--notebook", notebook]) == 0
    assert moves == []


def test_a_month_that_fails_is_told_and_the_others_are_made(
    notebook: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "data", dirs_exist_ok=True)
    words = ["report", "--start-date", "2025-08-01", "--end-date", "2025-09-30", "--offline", "--notebook", notebook]
    assert main([*words, "--json"]) == 1
    said = capsys.readouterr()
    august, september = json.loads(said.out)
    assert (august["files"], august["month"]) == ([], "2025-08")
    assert "ZeroDivisionError" in august["error"]
    assert "flexlib: 2025-08: Cell 3 of mine.ipynb failed: ZeroDivisionError" in said.err
    assert september["files"][0] == "reports/demo/2025-09/mine.html"
    assert Path(september["files"][0]).exists()


@pytest.mark.parametrize(("reads", "lacking"), [("credits", "No credits of "), ("usage", "Nothing of ")])
def test_a_month_that_cannot_be_read_has_its_line_and_the_others_are_made(
    notebook: str, reads: str, lacking: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "data", dirs_exist_ok=True)
    content = json.loads((tmp_path / notebook).read_text())
    content["metadata"]["flexlib"] = {"reads": reads}
    (tmp_path / notebook).write_text(json.dumps(content))
    words = ["report", "--year", "2025", "--start-month", "7", "--end-month", "10", "--offline", "--notebook", notebook]
    assert main([*words, "--json"]) == 2  # of July and October; August, whose notebook fails, would end with 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [(one["month"], one.get("error", "")[: len(lacking)], len(one["files"]) > 0) for one in found] == [
        ("2025-07", lacking, False),
        ("2025-08", "Cell 3 of mine.ipynb"[: len(lacking)], False),
        ("2025-09", "", True),
        ("2025-10", lacking, False),
    ]
    assert Path(found[2]["files"][0]).exists()
    lines = [line[:17] for line in said.err.splitlines() if line.startswith("flexlib: ")]
    assert lines == [f"flexlib: 2025-{month}:" for month in ("07", "08", "10")]
    # Alone, each is as it was.
    assert main(["report", "--year", "2025", "--month", "7", "--offline", "--notebook", notebook]) == 2


def test_a_report_reads_the_month_before_too_where_it_is_missing_and_needs_it_not(
    notebook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = tmp_path / "data" / "credits"

    def report(*words: str) -> list[str]:
        assert main(["report", *WHEN, "--notebook", notebook, *words]) == 0
        return sorted(folder.name for folder in stored.iterdir())

    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
    with demo_server("--users", "30") as url:
        monkeypatch.setenv("WINDSURF_BASE_URL", url)
        assert report("--alone") == ["2025-09"]
        assert report() == ["2025-08", "2025-09"]
    shutil.rmtree(stored / "2025-08")
    capsys.readouterr()
    report()
    assert "2025-09 is compared with nothing, 2025-08 could not be read: " in capsys.readouterr().err


def test_with_a_key_a_report_of_all_spend_reads_the_team_s_credits_first(
    notebook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / notebook
    content = json.loads(file.read_text())
    content["metadata"]["flexlib"] = {"reads": "usage"}
    file.write_text(json.dumps(content))
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
    with demo_server("--users", "30") as url:
        monkeypatch.setenv("WINDSURF_BASE_URL", url)
        assert main(["report", *WHEN, "--notebook", notebook, "--alone"]) == 0
    assert [folder.name for folder in (tmp_path / "data" / "credits").iterdir()] == ["2025-09"]


@pytest.mark.parametrize("first", ["credits", "usage"])
def test_whichever_report_of_the_demo_is_made_first_brings_the_rates_so_that_the_other_changes_no_page(
    first: str, notebook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "data" / "demo")
    rates = tmp_path / "data" / "demo" / "rates" / "usd_clp.csv"
    for folder in ("rates", "usage"):
        shutil.rmtree(tmp_path / "data" / "demo" / folder, ignore_errors=True)
    month = Month(2025, 9)
    stored = [load_credits(month, tmp_path / "data" / "demo")]
    monkeypatch.setattr("flexlib.ingest.windsurf.fetch.ensure_credits", lambda *asked, **how: stored)
    monkeypatch.setattr("flexlib.demo.calls.write_calls", lambda *asked: 0)

    def report(reads: str) -> bytes:
        content = json.loads((tmp_path / notebook).read_text())
        content["metadata"]["flexlib"] = {"reads": reads}
        (tmp_path / notebook).write_text(json.dumps(content))
        assert main(["report", *WHEN, "--demo", "--notebook", notebook]) == 0
        return rates.read_bytes()

    assert report(first) == report("usage" if first == "credits" else "credits")


@pytest.mark.parametrize(("cell", "code", "stored"), [("Html('title', 'x', {})", 3, 3), ("year", 0, 0)])
def test_a_report_of_a_year_ends_as_the_state_says_that_its_page_shows(
    cell: str,
    code: int,
    stored: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(FIXTURE, tmp_path / "data", dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    said = {"state": "GAP", "missing": ["Nothing of 2025-07 is stored."], "possible_duplicates": []}
    sources = ["from flexlib.page.kit.markup import Html", cell.replace("{}", str(said))]
    parameters = NB.v4.new_code_cell("year: int = 2025", metadata={"tags": ["parameters"]})
    cells = [parameters, NB.v4.new_code_cell("\n".join(sources))]
    NB.write(NB.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    assert main(["report", "--year", "2025", "--offline", "--notebook", "mine.ipynb", "--json"]) == code
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["certificates"]) == stored
    assert ("2025 is GAP.\n2025: Nothing of 2025-07 is stored." in shown.err) == bool(stored)


@pytest.mark.heavy
def test_of_many_reports_at_once_none_fails_for_a_port_that_another_took(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "flexlib", "report", *WHEN, "--offline", "--output-dir"]
    environment = os.environ | {"FLEXLIB_DATA": str(FIXTURE)}
    runs = [subprocess.Popen([*words, str(tmp_path / str(number))], env=environment) for number in range(6)]
    assert [run.wait(300) for run in runs] == [0] * 6
    assert len(list(tmp_path.glob("*/demo/2025-09/flex_credits.html"))) == 6


@pytest.mark.parametrize(
    ("read_at", "warned"),
    [
        (datetime(2025, 10, 15, tzinfo=timezone.utc), ""),
        # Santiago's September ends on 1 October at 3:00 UTC, and what was used then may come three hours later.
        (datetime(2025, 10, 1, 5, tzinfo=timezone.utc), "2025-10 is PROVISIONAL: it was read before the month"),
    ],
)
def test_a_report_warns_of_the_next_month_only_where_its_zones_hours_of_it_were_not_over(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    read_at: datetime,
    warned: str,
) -> None:
    store(tmp_path / "data", "import", SEPTEMBER, call("a", "2025-09-05T10:00:00"))
    store(tmp_path / "data", "import", OCTOBER, call("b", "2025-10-01T01:00:00"), read_at=read_at)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    given = "year: int = 2025\nmonth: int = 9\nzone: str = 'UTC'"
    parameters = NB.v4.new_code_cell(given, metadata={"tags": ["parameters"]})
    load = NB.v4.new_code_cell("import flexlib as fl\nfl.load(f'{year}-{month:02}', zone=zone).total('usd')")
    notebook = NB.v4.new_notebook(
        cells=[parameters, load], metadata={"flexlib": {"reads": "usage", "kinds": {"zone": "zone"}}}
    )
    NB.write(notebook, tmp_path / "mine.ipynb")
    assert main(["report", *WHEN, "--offline", "--notebook", "mine.ipynb", "-p", "zone", "America/Santiago"]) == 0
    said = capsys.readouterr().err
    assert warned in said
    assert ("PROVISIONAL" in said) is bool(warned)
