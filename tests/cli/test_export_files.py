"""`flexlib export` to several formats, and as a spreadsheet in Chile reads it."""

from __future__ import annotations

import csv
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from spend_samples import SEPTEMBER, call, store, store_credits

from flexlib.cli.main import main
from flexlib.errors import NotebookFailed
from flexlib.i18n import find_language, use_language
from flexlib.report import run
from flexlib.report.no_page import NoPage

ASKED = ["export", "--year", "2025", "--month", "9"]


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    said = json.dumps({"department": "I+D; =1", "team": "1.5"})
    pesos = {"amount_in_clp": Decimal("965.5"), "fx_rate": Decimal("965.5"), "fx_date": SEPTEMBER.first}
    calls = [call("a", "2025-09-05", "1.25", metadata=said, **pesos), call("b", "2025-09-06", "-0.5", metadata=said)]
    store(Path("data"), "ledger", SEPTEMBER, *calls)
    return tmp_path


def test_a_csv_for_chile_has_semicolons_decimal_commas_and_a_mark_and_no_formula() -> None:
    assert main([*ASKED, "--format", "csv", "--csv-dialect", "es-CL", "--output", "chile.csv"]) == 0
    assert main([*ASKED, "--format", "csv", "--output", "plain.csv"]) == 0
    raw = Path("chile.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfday;last_day;person;")
    with open("chile.csv", newline="", encoding="utf-8-sig") as text:
        chile = list(csv.DictReader(text, delimiter=";"))
    with open("plain.csv", newline="", encoding="utf-8") as text:
        plain = list(csv.DictReader(text))
    assert sorted(row["usd"] for row in chile) == ["-0,5000000000", "1,2500000000"]
    assert {row["clp"] for row in chile} == {"965,5000", ""}
    assert [{key: value.replace(",", ".") for key, value in row.items()} for row in chile] == plain
    assert {(row["department"], row["team"]) for row in chile} == {("I+D;' =1", "1.5")}  # a name is no number


def test_several_formats_are_written_at_once_and_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--format", "csv,parquet", "--output-dir", "out", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["format"], one["file"], one["rows"], one["amount_in_usd"]) for one in told] == [
        ("csv", "out/csv_2025-09.csv", 2, "0.75"),
        ("parquet", "out/parquet_2025-09.parquet", 2, "0.75"),
    ]


def test_a_page_s_tables_have_the_departments_of_the_roster_that_the_facts_beside_them_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Instead of those of the file that the settings name."""
    hers = {"usable_type": "user", "usable_id": 7, "model": "gpt-5"}
    store(Path("data"), "import", SEPTEMBER, call("c", "2025-09-20", "4", **hers))
    Path("people.csv").write_text("who,department\n7,Data\n", "utf-8")
    Path("of_settings.csv").write_text("who,department\n7,Sales\n", "utf-8")
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", "of_settings.csv")
    made = [*ASKED, "--format", "json,csv", "--notebook", "chargeback", "--output-dir", "out", "--roster", "people.csv"]
    assert main(made) == 0
    held = json.loads(Path("out/chargeback_2025-09.json").read_text("utf-8"))
    tables = {one["name"]: one for section in held["sections"] for one in section["tables"]}
    charged = {row["line"]: row["usd"] for row in tables["table-charges"]["rows"]}
    with open("out/csv_2025-09.csv", newline="", encoding="utf-8") as text:
        facts = {row["department"]: Decimal(row["usd"]) for row in csv.DictReader(text) if "user 7" in row["person"]}
    assert (charged, facts) == ({"Data": "4", "I+D; =1": "0.75"}, {"Data": Decimal(4)})


def test_who_waits_is_told_which_file_is_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main([*ASKED, "--format", "csv,parquet", "--output-dir", "out"]) == 0
    told = [one for one in capsys.readouterr().err.splitlines() if one.startswith("Writing ")]
    assert told == ["Writing out/csv_2025-09.csv.", "Writing out/parquet_2025-09.parquet."]


@pytest.mark.parametrize("shares", [False, True])
def test_a_page_that_programs_read_is_made_once_in_english_and_the_reader_is_told_of_it_in_theirs(
    shares: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken: list[str] = []

    def fail(*values: object, **named: object) -> Path:
        spoken.append(find_language())
        raise NoPage(NotebookFailed("Cell 1 failed."), "a notebook")

    monkeypatch.setattr(run, "run_report", fail)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["--lang", "es", *ASKED, "--format", "json", *(["--share"] * shares)]) == 1
    use_language("en")
    said = capsys.readouterr().err
    assert spoken == ["en"]
    assert "No se escribió ninguna página" in said
    assert "Writing" not in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--format", "csv,docx"], "docx is no format; there are focus, csv, parquet, xlsx, pdf, json, png, svg"),
        (["--format", ","], "',' is no format"),
        (["--format", "csv,xlsx", "--output", "a"], "--output names one file, and there are several here"),
        (["--format", "png", "--output", "a.png"], "name their folder by --output-dir"),
        (["--format", "focus", "--csv-dialect", "es-CL"], "--csv-dialect is of --format csv, which is not asked for"),
        (["--format", "xlsx", "--notebook", "nothing"], "There is no notebook 'nothing'"),
        (
            ["--format", "csv,focus", "--zone", "Asia/Tokyo"],
            "FOCUS counts by days of UTC, so focus cannot be of Asia/To",
        ),
        (["--format", "csv", "--zone", "Mars"], "Mars"),
        (["--format", "xlsx,csv", "--share"], "csv is not written: its rows are finer than the page, which is shared."),
        (["--format", "json", "--share", "--names"], "what is shared is for everybody to see; leave out the names"),
        (["--format", "json", "--share", "--zone", "Asia/Tokyo"], "what is shared is of months of UTC alone"),
        (
            ["--format", "json", "--share", "--notebook", "cost_effectiveness"],
            "json is not written beside the page, which is not for everybody to see: it may show departments",
        ),
        (
            ["--format", "json", "--notebook", "flex_credits", "--zone", "Asia/Tokyo"],
            "Unknown parameter zone; flex_cred",
        ),
    ],
)
def test_what_does_not_go_together_is_a_sentence_and_nothing_is_written(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    try:
        code = main([*ASKED, *options])
    except SystemExit as stopped:  # argparse's own
        code = int(str(stopped.code))
    assert code == 2
    assert sentence in capsys.readouterr().err
    assert [file.name for file in folder.iterdir()] == ["data"]


def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    assert main([*ASKED, "--format", "xlsx"]) == 2
    assert "run: pip install 'flexlib[excel]'" in capsys.readouterr().err


def test_a_page_that_names_nobody_says_so_and_what_is_made_of_it_has_pseudonyms_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also the rows of the month in its workbook; a CSV of the same run has the names."""
    people = {"key-1": {"name": "Ana Rojas", "email": "ana@empresa.cl"}}
    store_credits(Path("data"), (3, "key-1", "claude-sonnet-4", 0, 100), people=people)
    assert main([*ASKED, "--format", "xlsx,json,csv", "--names", "--output-dir", "out"]) in (0, 4)
    said = "llm_usage names nobody: what is made of it has people under pseudonyms, with --names, too."
    assert capsys.readouterr().err.count(said) == 1
    sheets = CalamineWorkbook.from_path("out/llm_usage_2025-09.xlsx")
    held = [str(sheets.get_sheet_by_name(name).to_python()) for name in sheets.sheet_names]
    assert [one for one in (*held, Path("out/llm_usage_2025-09.json").read_text("utf-8")) if "Ana" in one] == []
    assert "Ana Rojas" in Path("out/csv_2025-09.csv").read_text("utf-8")


def test_a_report_that_names_nobody_refuses_the_names_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--names"]) == 2
    assert "flexlib: llm_usage names nobody; leave the names out." in capsys.readouterr().err


def test_files_with_names_are_their_owner_s_alone_and_others_hold_no_name() -> None:
    people = {"key-1": {"name": "Ana Rojas", "email": "ana@empresa.cl"}}
    store_credits(Path("data"), (3, "key-1", "claude-sonnet-4", 0, 100), people=people)
    assert main([*ASKED, "--format", "parquet", "--names", "--output", "named.parquet"]) in (0, 4)
    assert Path("named.parquet").stat().st_mode & 0o777 == 0o600
    assert b"Ana Rojas" in Path("named.parquet").read_bytes()
    assert main([*ASKED, "--format", "parquet", "--output", "plain.parquet"]) in (0, 4)
    assert b"Ana" not in Path("plain.parquet").read_bytes()
    assert b"key-1" not in Path("plain.parquet").read_bytes()
