"""`flexlib import` on folders, archives, pipes and several files: what it says, its JSON and its exit codes."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from flexlib.cli import main
from flexlib.dates import Month
from flexlib.store.snapshots import list_months, load_usage

PLAIN = ["--timestamp", "time", "--prompt-tokens", "in", "--completion-tokens", "out", "--provider", "openai"]
PLAIN += ["--model", "gpt-4o"]
HEAD = "time,in,out\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "given" / "data"))
    (tmp_path / "given").mkdir()
    return tmp_path / "given"


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


def bring(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[Any, str]:
    """What the command says in JSON, where it says any, and on stderr."""
    assert main(["import", *words, "--json"]) == code
    said = capsys.readouterr()
    return json.loads(said.out) if said.out else None, said.err


def test_a_folder_is_one_command_with_each_month_once_and_each_file_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "a.csv", HEAD + "2026-05-01 10:00:00.1,1000,100\n2026-06-01 10:00:00.1,5,5\n")
    write(folder, "may/b.jsonl", '{"time": "2026-05-02 10:00:00.1", "in": 2000, "out": 200}\n')
    write(folder, "may/notes.txt", "no calls")
    for again in range(2):
        said, error = bring(capsys, str(folder), *PLAIN)
        assert said["files"] == [
            {"file": "a.csv", "added_rows": 0 if again else 2, "months": ["2026-05", "2026-06"]},
            {"file": "may/b.jsonl", "added_rows": 0 if again else 1, "months": ["2026-05"]},
        ]
        assert [(one["month"], one["rows"], one["is_new"]) for one in said["months"]] == [
            ("2026-05", 2, not again),
            ("2026-06", 1, not again),
        ]
        assert said["months"][0]["amount_in_usd"] == "0.0105000000"  # 3000 x 2.50 + 300 x 10.00 USD a million
        assert error.startswith("Skipped, not a type of file that import reads: may/notes.txt.\n")
        assert ("a.csv is the same as a.csv, which is stored" in error) is bool(again)  # its folder is not known
        assert "b.jsonl is the same" not in error


def test_on_paper_several_files_are_counted_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [write(folder, f"{n}.csv", f"{HEAD}2026-05-0{n} 10:00:00.1,1,1\n") for n in (1, 2)]
    assert main(["import", *files, *PLAIN]) == 0
    said = capsys.readouterr().out
    assert "  Rows            2 read of the month's 2 files so far, 2 stored, " in said
    assert said.splitlines()[:4] == [
        "2 files, 2026-05: 2 rows added.",
        "  1.csv: 1 row added",
        "  2.csv: 1 row added",
        "CERTIFICATE - MAY 2026",
    ]


@pytest.mark.parametrize(
    ("files", "right"),
    [(1, ["Reading 1.csv (0.0 MB)."]), (2, ["Reading 1.csv (1 of 2, 0.0 MB).", "Reading 2.csv (2 of 2, 0.0 MB)."])],
)
def test_a_terminal_is_told_which_file_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, files: int, right: list[str]
) -> None:
    names = [write(folder, f"{n + 1}.csv", HEAD + f"2026-05-0{n + 1}T00:00:00Z,7,5\n") for n in range(files)]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, told = bring(capsys, *names, *PLAIN)
    assert told.splitlines() == right


def test_calls_come_through_a_pipe(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{HEAD}2026-05-01 10:00:00,7,5\n".encode())))
    said, _ = bring(capsys, "-", *PLAIN)
    assert (said["file"], said["months"][0]["files"][0]["name"], said["months"][0]["rows"]) == ("stdin", "stdin", 1)


def test_what_is_wrong_in_an_archive_is_told_by_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(folder / "exports.zip", "w") as archive:
        archive.writestr("may/usage.csv", HEAD + "2026-05-01 10:00:00,7,5\n")
        archive.writestr("may/broken.csv", "time,tokens\n1,2\n")
    _, error = bring(capsys, str(folder / "exports.zip"), *PLAIN, code=2)
    assert error == (
        "flexlib: exports.zip/may/broken.csv has no column 'in' for --prompt-tokens; its columns are time, tokens.\n"
    )
    assert list_months(folder / "data") == []


def test_the_pages_of_an_api_are_imported_as_they_were_saved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = [{"time": 1_777_593_600 + 86400 * n, "results": [{"in": 1000, "out": 100}] * n} for n in range(3)]
    file = write(folder, "usage.json", json.dumps({"data": days, "has_more": False}))
    how = [*PLAIN, "--grain", "day", "--rows-path", "data[].results[]"]
    # Two results of one day that say the same are two rows, where nobody grouped them; or one that came twice.
    said, error = bring(capsys, file, *how, code=4)
    assert "1 row of usage.json is of the same time, model and user as a row before" in error
    said, _ = bring(capsys, file, *how, "--distinct")
    assert [(one["month"], one["rows"], one["prompt_tokens"]) for one in said["months"]] == [("2026-05", 3, 3000)]


def test_excel_s_first_line_says_what_parts_the_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "sep=;\n" + HEAD.replace(",", ";") + "2026-05-01 10:00:00;1000;100\n2026-05-02 10:00:00;x;100\n"
    said, error = bring(capsys, write(folder, "excel.csv", text), *PLAIN, code=3)
    assert (said["months"][0]["rows"], said["months"][0]["prompt_tokens"]) == (1, 1000)
    assert "line 4: prompt_tokens is not" in error


def test_a_month_with_files_of_others_is_replaced_only_with_yes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(folder, "other.csv", HEAD + "2026-05-01 10:00:00.1,1000,100\n")
    mine = write(folder, "mine.csv", HEAD + "2026-05-02 10:00:00.1,5000,500\n")
    bring(capsys, other, mine, *PLAIN)
    _, error = bring(capsys, mine, *PLAIN, "--replace", code=2)
    assert "would drop other.csv of 2026-05 (1 row); add --yes" in error
    assert load_usage(Month(2026, 5), folder / "data").certificate.rows == 2
    said, _ = bring(capsys, mine, *PLAIN, "--replace", "--yes")
    assert (said["months"][0]["rows"], said["months"][0]["prompt_tokens"]) == (1, 5000)


def test_an_export_of_the_month_so_far_is_superseded_by_the_next(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = write(folder, "old.csv", HEAD + "2026-05-15T00:00:00Z,400,40\n")
    new = write(folder, "new.csv", HEAD + "2026-05-15T00:00:00Z,1000,100\n")
    bring(capsys, old, *PLAIN, "--grain", "day")
    said, error = bring(capsys, new, *PLAIN, "--grain", "day", code=4)
    assert said["months"][0]["state"] == "UNRECONCILED"
    assert "1 row of new.csv may repeat calls in old.csv, and" in error
    said, error = bring(capsys, new, *PLAIN, "--grain", "day", "--supersedes", "old.csv")
    assert (said["months"][0]["state"], said["months"][0]["prompt_tokens"], error) == ("COMPLETE", 1000, "")


def test_calls_that_were_pasted_twice_are_asked_about_and_those_of_a_whole_second_are_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"2026-05-01T10:00:0{n}.123Z,{n + 7},5\n" for n in range(4))
    said, error = bring(capsys, write(folder, "pasted.csv", HEAD + rows + rows), *PLAIN, code=4)
    assert said["months"][0]["state"] == "UNRECONCILED"
    assert "4 rows of pasted.csv are of the same time, model and user as a row before" in error
    said, _ = bring(capsys, str(folder / "pasted.csv"), *PLAIN, "--distinct")
    assert (said["months"][0]["state"], said["months"][0]["prompt_tokens"]) == ("COMPLETE", 68)  # 2 x (7 + 8 + 9 + 10)
    whole = write(folder, "whole.csv", HEAD + "2026-06-01T10:00:00Z,7,5\n" * 2)
    assert bring(capsys, whole, *PLAIN)[0]["months"][0]["state"] == "COMPLETE"


def test_two_projects_that_used_as_much_are_distinct_when_somebody_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(folder, f"{n}.csv", HEAD + "2026-05-01T00:00:00Z,1000,100\n" + "\n" * n) for n in range(2)]
    said, _ = bring(capsys, *files, *PLAIN, code=4)
    assert said["months"][0]["amount_in_usd"] == "0.0035000000"
    said, _ = bring(capsys, *files, *PLAIN, "--distinct")
    assert (said["months"][0]["state"], said["months"][0]["amount_in_usd"]) == ("COMPLETE", "0.0070000000")


def test_a_folder_of_several_systems_and_their_bill_is_one_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result: dict[str, Any] = {
        "input_tokens": 1000,
        "output_tokens": 500,
        "input_cached_tokens": 0,
        "num_model_requests": 5,
    }
    result |= {"project_id": "p", "api_key_id": "k", "model": "gpt-4o-2024-08-06", "batch": False}
    days = [{"start_time": 1_777_680_000, "end_time": 1_777_766_400, "results": [result]}]
    write(folder, "usage.json", json.dumps({"object": "page", "data": [*days, {"results": []}], "has_more": False}))
    head = "start_time,end_time,amount_value,amount_currency,line_item,project_id\n"
    write(folder, "cost.csv", f'{head}1777680000,1777766400,0.30,usd,"gpt-4o-2024-08-06, input",p\n')
    said, error = bring(capsys, str(folder))
    assert error == ""
    assert said["files"] == [
        {"file": "cost.csv", "added_rows": 1, "months": ["2026-05"]},
        {"file": "usage.json", "added_rows": 1, "months": ["2026-05"]},
    ]
    calls, bill = said["months"]
    assert (calls["dataset"], calls["amount_in_usd"]) == ("usage", "0.0075000000")  # 1000 x 2.50 + 500 x 10.00
    assert (bill["dataset"], bill["amounts"][0]["amount"]) == ("charges", "0.3")


def test_a_bad_bill_stores_no_calls_either(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "calls.csv", HEAD + "2026-05-01 10:00:00,7,5\n")
    write(folder, "cost.csv", "start_time,end_time,amount_value,amount_currency,line_item,project_id\nx,x,x,usd,x,p\n")
    assert main(["import", str(folder), "--json"]) == 2
    assert capsys.readouterr().out == ""
    assert list_months(folder / "data") == []


def test_replacing_a_month_of_bills_asks_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    head = "start_time,end_time,amount_value,amount_currency,line_item,project_id\n"
    one = write(folder, "one.csv", f'{head}1777680000,1777766400,0.30,usd,"gpt-4o, input",p\n')
    two = write(folder, "two.csv", f'{head}1777766400,1777852800,0.50,usd,"gpt-4o, input",p\n')
    bring(capsys, one, two)
    _, error = bring(capsys, two, "--replace", code=2)
    assert "would drop one.csv of 2026-05 (1 row); add --yes" in error
    said, _ = bring(capsys, two, "--replace", "--yes")
    assert [one["amount"] for one in said["months"][0]["amounts"]] == ["0.5"]
