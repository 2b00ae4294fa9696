"""`flexlib sources`: what is stored of each source, which months lack one, and how its end is said and taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest
from spend_samples import AUGUST, OCTOBER, call, store, store_credits

from flexlib.cli.main import main
from flexlib.store.ended import FILE, read_ended, write_ended


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger of August and October, files of August, credits of September."""
    store(tmp_path, "ledger", AUGUST, call("a", "2025-08-05"))
    store(tmp_path, "import", AUGUST, call("b", "2025-08-06"))
    store_credits(tmp_path, (5, "key-1", "MODEL_X", 0, 10_000))
    store(tmp_path, "ledger", OCTOBER, call("c", "2025-10-05"))
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    return tmp_path


def test_a_line_a_source_says_what_is_stored_and_what_is_not(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources"]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "ledger (the ledger): 2025-08, 2025-10; NOT STORED: 2025-09",
        "import (imported files): 2025-08; NOT STORED: 2025-09 to 2025-10",
        "windsurf (Windsurf): 2025-09; NOT STORED: 2025-10",
    ]


def test_what_was_stored_of_a_month_and_is_gone_is_told_where_its_source_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    for month in (AUGUST, OCTOBER):
        for source in ("ledger", "import"):
            store(tmp_path, source, month, call(f"{source}{month}", f"{month}-05"))
    store(tmp_path, "ledger", AUGUST.next, call("c", "2025-09-05"))
    write_ended({"import": [AUGUST]}, tmp_path)
    assert main(["sources"]) == 0
    rmtree(tmp_path / "usage" / "2025-10" / "import")
    capsys.readouterr()
    assert main(["sources"]) == 3
    shown = capsys.readouterr()
    assert "import (imported files): 2025-08; not in use after 2025-08" in shown.out.splitlines()
    assert "was stored last of 2025-10 and is gone, so that 2025-10 lacks it" in shown.err


@pytest.mark.parametrize("source", ["import", "windsurf"])
def test_a_certificate_says_as_spend_does_that_a_newer_version_of_its_source_was_stored_and_is_gone(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    for usd in ("1", "2"):
        store(tmp_path, "import", AUGUST.next, call("a", "2025-09-05", usd))
        store_credits(tmp_path, (5, "key-1", "MODEL_X", 0, int(usd) * 100))
    other = {"import": "windsurf", "windsurf": "import"}[source]
    place = {"import": "usage/2025-09/import", "windsurf": "credits/2025-09"}[source]
    newest = max(one for one in (tmp_path / place).iterdir() if one.is_dir())
    rmtree(newest)
    when = ["--year", "2025", "--month", "9"]
    assert main(["spend", *when]) == 3
    assert f"2025-09 is GAP: {newest} was stored last of 2025-09 and is gone" in capsys.readouterr().err
    assert main(["certificate", *when, "--source", source]) == 3
    shown = capsys.readouterr()
    assert [line.split() for line in shown.out.splitlines() if "State" in line] == [["State", "GAP"]]
    assert f"2025-09 is GAP: {newest} was stored last of 2025-09 and is gone" in shown.err
    assert main(["certificate", *when, "--source", source, "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["lost"]) == ("GAP", [shown.err.strip().split("GAP: ")[1]])
    main(["sources", "--json"])
    lost = {one["source"]: one["lost"] for one in json.loads(capsys.readouterr().out)}
    assert lost == {source: told["lost"], other: []}
    assert main(["certificate", *when, "--source", other]) == 0
    assert "State           COMPLETE" in capsys.readouterr().out


def test_an_end_that_is_written_twice_is_shown_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / FILE).write_text('{"import": ["2025-09", "2025-08", "2025-09"]}')
    main(["sources"])
    assert "import (imported files): 2025-08; not in use after 2025-08 to 2025-09" in capsys.readouterr().out


def test_an_end_that_was_said_is_shown_and_taken_back(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, month in (("windsurf", "2025-09"), ("import", "2025-08"), ("ledger", "2025-08")):
        code = main(["sources", "--ended", source, month])
        shown = capsys.readouterr().out.splitlines()
    assert code == 0
    assert shown == [
        "ledger (the ledger): 2025-08, 2025-10; not in use after 2025-08",
        "import (imported files): 2025-08; not in use after 2025-08",
        "windsurf (Windsurf): 2025-09; not in use after 2025-09",
    ]
    assert (
        main(["sources", "--not-ended", "import", "2025-08", "--json"]) == 3
    )  # as plain `sources`: two months lack it
    assert json.loads(capsys.readouterr().out)[1] == {
        "source": "import",
        "stored": ["2025-08"],
        "missing": ["2025-09", "2025-10"],
        "ended": [],
        "lost": [],
        "damaged": [],
    }
    for source, month in (("windsurf", "2025-09"), ("ledger", "2025-08")):
        main(["sources", "--not-ended", source, month])
    assert not (root / FILE).exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "--ended imports 2025-08",
            "Nothing of a source 'imports' is stored in {root}; choose ledger, import or windsurf.",
        ),
        ("--ended windsurf 2025-08", "windsurf begins with 2025-09, so that it cannot have ended with 2025-08."),
        ("--ended ledger 2025-09", "ledger is stored of 2025-10, so that it did not end with 2025-09."),
        ("--ended import August", "'August' is not a month; write it as 2025-09."),
        (
            "--not-ended import 2025-08",
            "Nobody has said that import ended with 2025-08; flexlib sources shows what was said.",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_in_a_sentence_and_changes_nothing(
    root: Path, words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sources", *words.split()]) == 2
    assert capsys.readouterr().err == f"flexlib: {sentence.format(root=root)}\n"
    assert not (root / FILE).exists()


def test_an_end_after_all_that_is_stored_is_said_to_be_awaited_until_then(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["sources", "--ended", "ledger", "2025-11"])
    assert capsys.readouterr().err == (
        "Nothing is stored of a month after 2025-10: ledger is awaited in each month up to 2025-11.\n"
    )
    main(["sources", "--ended", "ledger", "2025-10"])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", [lambda text: text[:-9], lambda text: b"", lambda text: text[:-4] + b"PARX"])
def test_a_file_whose_end_is_damaged_is_told_without_reading_its_rows(
    damage: Callable[[bytes], bytes], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = root.glob("usage/2025-10/ledger/*/usage.parquet")
    file.write_bytes(damage(file.read_bytes()))
    assert main(["sources"]) == 4
    assert f"{file} cannot be read (ArrowInvalid): it was changed or damaged; move " in capsys.readouterr().err


def test_nothing_stored_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "none"))
    assert main(["sources"]) == 0
    assert capsys.readouterr().out == f"Nothing is stored in {tmp_path / 'none'}.\n"
    assert main(["sources", "--ended", "import", "2025-08"]) == 2
    assert not (tmp_path / "none").exists()


def test_doctor_names_the_source_that_a_month_lacks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 3
    found = {one["name"]: one["text"] for one in json.loads(capsys.readouterr().out)}
    assert found["missing"] == (
        "2025-09 ledger, 2025-09 import, 2025-10 import, 2025-10 windsurf of 2025-08 to 2025-10"
    )


def test_ends_that_are_said_at_once_are_all_kept(root: Path) -> None:
    said = [subprocess.Popen([sys.executable, "-m", "flexlib", "sources", "--ended", source, month])
            for source, month in (("windsurf", "2025-09"), ("import", "2025-08"), ("import", "2025-09"))]  # fmt: skip
    assert [one.wait() for one in said] == [3, 3, 3]  # the ledger lacks September
    assert {source: len(months) for source, months in read_ended(root).items()} == {"import": 2, "windsurf": 1}
