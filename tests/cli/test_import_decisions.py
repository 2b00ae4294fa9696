"""Files that meet others: what is decided about them gives the right total, and every advice works as it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flexlib.certificate import UsageCertificate
from flexlib.cli import main
from flexlib.dates import Month
from flexlib.store.snapshots import load_usage

PLAIN = ["--timestamp", "time", "--prompt-tokens", "in", "--completion-tokens", "out", "--provider", "openai"]
PLAIN += ["--model", "gpt-4o"]
DAYS = [*PLAIN, "--grain", "day"]
BILL = "start_time,end_time,amount_value,amount_currency,line_item,project_id\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    return tmp_path


def write(folder: Path, name: str, *rows: str, head: str = "time,in,out") -> str:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([head, *rows, ""]), "utf-8")
    return str(folder / name)


def bring(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[list[tuple[str, int]], str]:
    """State and prompt tokens of each month, and what is said on stderr."""
    assert main(["import", *words, "--json"]) == code
    said = capsys.readouterr()
    months: list[dict[str, Any]] = json.loads(said.out)["months"] if said.out else []
    return [(month["state"], month.get("prompt_tokens", 0)) for month in months], said.err


def test_a_corrected_call_of_a_log_that_is_stored_does_not_stand_beside_the_old_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"2026-05-15 10:00:0{n}.123,{n}00,1" for n in range(1, 10)]  # 4500
    old = write(folder, "a.csv", *rows)
    bring(capsys, old, *PLAIN)
    for name, place, row, right in (("b.csv", 8, "09.123,950", 4550), ("c.csv", 4, "05.500,900", 4900)):
        new = write(folder, name, *rows[:place], f"2026-05-15 10:00:{row},1", *rows[place + 1 :])
        assert bring(capsys, new, *PLAIN, code=4)[0][0][0] == "UNRECONCILED"
        older = ["--supersedes", old] + (["--supersedes", "b.csv"] if name == "c.csv" else [])
        assert bring(capsys, new, *PLAIN, *older) == ([("COMPLETE", right)], "")
        assert bring(capsys, old, *PLAIN) == ([("COMPLETE", right)], "")


def test_a_group_that_one_export_has_twice_is_decided(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = write(folder, "a.csv", "2026-05-15,400,40", "2026-05-15,400,40")
    months, error = bring(capsys, twice, *DAYS, code=4)
    assert months == [("UNRECONCILED", 800)]
    assert "import a.csv again with --distinct if what tells them apart is missing" in error
    assert bring(capsys, twice, *DAYS, "--distinct")[0] == [("COMPLETE", 800)]
    once = write(folder, "fixed/a.csv", "2026-05-15,400,40")
    assert bring(capsys, once, *DAYS, "--supersedes", "a.csv")[0] == [("COMPLETE", 400)]


def test_another_project_s_days_under_one_name_are_not_replaced_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write(folder, "p1/usage.csv", "2026-05-15,400,40")
    other = write(folder, "p2/usage.csv", "2026-05-15,1000,40")
    bring(capsys, one, *DAYS)
    assert bring(capsys, other, *DAYS, code=4)[0] == [("UNRECONCILED", 1400)]
    assert "would drop usage.csv of 2026-05" in bring(capsys, other, *DAYS, "--replace", code=2)[1]
    assert bring(capsys, other, *DAYS, "--distinct")[0] == [("COMPLETE", 1400)]


def test_a_file_read_by_wrong_columns_is_read_anew_by_its_name_also_where_that_moves_its_month(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "time,in,out,real,later"
    file = write(folder, "a.csv", "2026-05-15 10:00:00.1,5,1,500,2026-06-15 10:00:00.1", head=head)
    bring(capsys, file, write(folder, "o.csv", "2026-05-16 10:00:00.1,7,1"), *PLAIN)
    right = [word.replace("in", "real") if word == "in" else word for word in PLAIN]
    assert "--supersedes a.csv to read it anew" in bring(capsys, file, *right, code=2)[1]
    assert bring(capsys, file, *right, "--supersedes", "a.csv")[0] == [("COMPLETE", 507)]
    moved = [word.replace("time", "later") if word == "time" else word for word in right]
    assert "imported into 2026-05 before" in bring(capsys, file, *moved, code=2)[1]
    assert bring(capsys, file, *moved, "--supersedes", file)[0] == [("COMPLETE", 7), ("COMPLETE", 500)]


def test_a_row_that_could_not_be_taken_is_fixed_as_the_sentence_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(capsys, write(folder, "o.csv", "2026-05-16 10:00:00.1,7,1"), *PLAIN)
    broken = write(folder, "a.csv", "2026-05-15 10:00:00.1,5,1", "2026-05-15 10:00:00.2,x,1")
    error = bring(capsys, broken, *PLAIN, code=3)[1]
    advice = error[error.index("import it with ") + len("import it with ") :].rstrip(".\n").split()
    fixed = write(folder, "fixed/a.csv", "2026-05-15 10:00:00.1,5,1", "2026-05-15 10:00:00.2,6,1")
    assert bring(capsys, fixed, *PLAIN, *advice) == ([("COMPLETE", 18)], "")


@pytest.mark.parametrize("held", ["2026-05-20 10:00:00.2,x,1", "no time,5,1"])
def test_superseding_does_not_lose_a_row_that_could_not_be_taken_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str], held: str
) -> None:
    whole = ["2026-05-15 10:00:00.1,5,1", "2026-05-15 10:00:00.3,6,1"]
    bring(capsys, write(folder, "a.csv", *whole, held), *PLAIN, code=3)
    again = write(folder, "b.csv", *whole)
    error = bring(capsys, again, *PLAIN, "--supersedes", "a.csv", code=2)[1]
    assert "this would drop 1 row of a.csv that could not be taken" in error
    fixed = write(folder, "c.csv", *whole, "2026-06-15 10:00:00.2,7,1")  # the row is of another month
    if held.startswith("no time"):
        assert bring(capsys, fixed, *PLAIN, "--supersedes", "a.csv") == ([("COMPLETE", 11), ("COMPLETE", 7)], "")
    else:
        assert "would drop 1 row" in bring(capsys, fixed, *PLAIN, "--supersedes", "a.csv", code=2)[1]
        other_days = [f"2026-05-{day} 10:00:00.2,7,1" for day in (14, 16, 19, 21)]
        longer = write(folder, "d.csv", *whole, *other_days)
        assert "would drop 1 row" in bring(capsys, longer, *PLAIN, "--supersedes", "a.csv", code=2)[1]
        assert bring(capsys, again, *PLAIN, "--supersedes", "a.csv", "--yes")[0] == [("COMPLETE", 11)]


@pytest.mark.parametrize("held", ["2026-05-20 10:00:00.2,x,1", "no time,5,1"])
def test_replacing_does_not_lose_a_row_that_could_not_be_taken_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str], held: str
) -> None:
    """Though another file of the month has more rows: it is of the file of its name."""
    whole = ["2026-05-15 10:00:00.1,5,1", "2026-05-15 10:00:00.3,6,1"]
    other = write(folder, "o.csv", *(f"2026-05-20 1{n}:00:00.1,1,1" for n in range(9)))
    bring(capsys, write(folder, "a.csv", *whole, held), other, *PLAIN, code=3)
    again = write(folder, "b/a.csv", *whole)
    said = "this would drop 1 row of a.csv that could not be taken, and the newer files have fewer rows than it of"
    assert said in bring(capsys, again, other, *PLAIN, "--replace", code=2)[1]
    still = write(folder, "c/a.csv", *whole, "2026-05-20 10:00:00.2,y,1")
    assert bring(capsys, still, other, *PLAIN, "--replace", code=3)[0] == [("GAP", 20)]
    mended = write(folder, "d/a.csv", *whole, "2026-05-20 10:00:00.2,7,1")
    assert bring(capsys, mended, other, *PLAIN, "--replace")[0] == [("COMPLETE", 27)]
    assert bring(capsys, still, other, *PLAIN, "--replace", "--yes", code=3)[0] == [("GAP", 20)]
    assert bring(capsys, again, other, *PLAIN, "--replace", "--yes")[0] == [("COMPLETE", 20)]


def test_replacing_asks_about_rows_of_which_an_older_flexlib_kept_no_days_but_where_the_file_is_read_anew(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["2026-05-15 10:00:00.1,5,1", "2026-05-20 10:00:00.2,x,1"]
    file = write(folder, "a.csv", *rows)
    mended = write(folder, "b/a.csv", rows[0], rows[1].replace("x", "7"))
    bring(capsys, file, *PLAIN, code=3)
    stored = load_usage(Month(2026, 5), folder / "data")
    assert isinstance(stored.certificate, UsageCertificate)
    assert stored.certificate.files[0].pop("held_days") == {"2026-05-20": 1}
    (stored.path / "certificate.json").write_text(stored.certificate.to_json(), "utf-8")
    error = bring(capsys, mended, *PLAIN, "--replace", code=2)[1]
    assert "this would drop rows of a.csv that could not be taken, and of which days they are is not known" in error
    assert bring(capsys, file, *PLAIN, "--replace", code=3)[0] == [("GAP", 5)]
    assert bring(capsys, mended, *PLAIN, "--replace")[0] == [("COMPLETE", 12)]


def test_a_newer_file_with_a_row_of_its_day_takes_the_place_of_a_row_that_could_not_be_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bring(capsys, write(folder, "a.csv", "2026-05-15 10:00:00.1,5,1", "2026-05-20 10:00:00.2,x,1"), *PLAIN, code=3)
    right = write(folder, "b.csv", "2026-05-15 10:00:00.1,5,1", "2026-05-20 09:59:59.9,7,1")
    assert bring(capsys, right, *PLAIN, "--supersedes", "a.csv")[0] == [("COMPLETE", 12)]


def test_what_older_files_gave_way_to_holds_for_all_of_them_in_any_order(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = write(folder, "a.csv", "2026-05-01,500,1", "2026-05-02,500,1")
    b = write(folder, "b.csv", "2026-05-01,600,1", "2026-05-02,600,1")
    c = write(folder, "c.csv", "2026-05-01,700,1")
    bring(capsys, a, *DAYS)
    bring(capsys, b, *DAYS, "--supersedes", "a.csv")
    for files in ([c, "--supersedes", "b.csv"], [a], [b], [a, b, c], [c]):
        assert bring(capsys, *files, *DAYS)[0] == [("COMPLETE", 1300)]  # c's first day, b's second
    assert bring(capsys, b, *DAYS, "--supersedes", "c.csv")[0] == [("COMPLETE", 1200)]  # what is said last holds


def test_superseding_does_not_lose_another_key_s_days_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = [*DAYS, "--usable-key", "key", "--usable-type", "key"]
    both = write(folder, "all.csv", "2026-05-01,500,1,k1", "2026-05-01,400,1,k2", head="time,in,out,key")
    mine = write(folder, "k1.csv", "2026-05-01,600,1,k1", head="time,in,out,key")
    bring(capsys, both, *how)
    assert "would drop calls of gpt-4o on 2026-05-01" in bring(capsys, mine, *how, "--supersedes", both, code=2)[1]
    assert bring(capsys, mine, *how, "--supersedes", both, "--yes")[0] == [("COMPLETE", 600)]


def test_superseding_does_not_lose_days_of_a_file_that_has_a_group_twice_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = [f"2026-05-{day:02},1000,0" for day in range(1, 32)]
    old = write(folder, "old.csv", *days, *days[:2])
    few = write(folder, "few.csv", days[0], days[30])
    bring(capsys, old, *DAYS, code=4)
    error = bring(capsys, few, *DAYS, "--supersedes", "old.csv", code=2)[1]
    assert (
        "would drop calls of gpt-4o on 2026-05-02, gpt-4o on 2026-05-03, gpt-4o on 2026-05-04 and 26 more, of" in error
    )
    fixed = write(folder, "fixed.csv", *[day.replace("1000", "600") for day in days])  # of the first 600 of 1000, once
    assert bring(capsys, fixed, *DAYS, "--supersedes", "old.csv")[0] == [("COMPLETE", 18_600)]


@pytest.mark.parametrize(("kept", "amount", "code"), [(2, "1", 2), (4, "1", 0), (4, "0.5", 2)])
def test_superseding_does_not_lose_calls_or_amounts_without_tokens_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str], kept: int, amount: str, code: int
) -> None:
    how = ["--timestamp", "time", "--task-type", "image", "--provider", "openai", "--model", "gpt-image-1"]
    how += ["--amount-usd", "usd"]
    rows = [f"2026-05-15 10:00:0{n}.123,{{0}}" for n in range(6)]  # 6 calls of 1 USD each; less than half are 2 of them
    old = write(folder, "old.csv", *[row.format("1") for row in rows], head="time,usd")
    new = write(folder, "new.csv", *(row.format(amount) for row in [*rows[: kept - 1], rows[5]]), head="time,usd")
    bring(capsys, old, *how)
    assert main(["import", new, *how, "--supersedes", "old.csv", "--json"]) == code


def test_what_is_personal_or_secret_in_a_file_is_in_no_sentence_row_or_certificate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "sk-abc1234567890abcdef"
    rows = ["2026-05-01 10:00:00.1,1,1,seen by ana@corp.com", "2026-05-01 10:00:00.2,ana@corp.com,1,x"]
    file = write(folder, "ana@corp.com.csv", *rows, f"2026-05-01 10:00:00.3,{secret},1,x", head="time,in,out,status")
    error = bring(capsys, file, *PLAIN, "--status", "status", code=3)[1]
    assert "line 3: prompt_tokens is not" in error
    month = load_usage(Month(2026, 5), folder / "data")
    kept = month.certificate.to_json() + str(month.relation.fetchall())
    assert "seen by [email]" in kept
    assert [text for text in ("ana@", secret) if text in error + kept] == []
    bare = write(folder, "bare.csv", head="2026-05-01,5,ana@corp.com")
    error = bring(capsys, bare, *PLAIN, code=2)[1]
    assert error.endswith("for --timestamp; its first line holds values; add one with the names of its columns.\n")


def test_a_file_of_no_known_system_in_a_folder_is_named_and_left_out_where_that_is_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = "id,time,model,input,output,who"
    write(folder, "exports/cost.csv", '1777680000,1777766400,0.30,usd,"gpt-4o, input",p', head=BILL.strip())
    write(folder, "exports/people.csv", "Ana,blue", head="name,colour")
    assert bring(capsys, str(folder / "exports"))[1] == "Skipped, of no known system: people.csv.\n"
    write(folder, "exports/own.csv", "1,2026-05-01,gpt-4o,1,1,x", head=head)
    error = bring(capsys, str(folder / "exports"), code=2)[1]
    assert error.startswith("flexlib: own.csv's columns match no known system")
    assert error.endswith("or add --skip-unknown to import the others.\n")
    error = bring(capsys, str(folder / "exports"), "--skip-unknown")[1]
    assert error == "Skipped, of no known system: own.csv, people.csv.\n"


def test_a_bill_is_superseded_by_its_path_also_in_one_command_but_not_where_days_would_go(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = '1777680000,1777766400,{0},usd,"gpt-4o, input",p', '1777766400,1777852800,{0},usd,"gpt-4o",p'
    old = write(folder, "old.csv", first.format("0.30"), head=BILL.strip())
    new = write(folder, "new.csv", first.format("0.40"), second.format("0.50"), head=BILL.strip())
    for files in ([old, new], [new]):
        assert main(["import", *files, "--supersedes", old, "--json"]) == (0 if files == [old, new] else 2)
    said = capsys.readouterr()
    assert json.loads(said.out)["months"][0]["amounts"][0]["amount"] == "0.9"
    assert "no bill" in said.err
    part = write(folder, "part.csv", first.format("0.45"), head=BILL.strip())
    error = bring(capsys, part, "--supersedes", new, code=2)[1]
    assert "new.csv bills and the newer bills do not: 2026-05-03 of openai in USD; add --yes" in error


def test_superseding_a_bill_does_not_lose_a_line_that_could_not_be_taken_without_a_question(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line, other = '1777680000,1777766400,{0},usd,"gpt-4o, input",p', '1777852800,1777939200,{0},usd,"gpt-4o",p'
    old = write(folder, "old.csv", line.format("0.30"), other.format("1.2.3"), head=BILL.strip())
    bring(capsys, old, code=3)
    less = write(folder, "less.csv", line.format("0.40"), head=BILL.strip())
    assert (
        "would drop 1 row of old.csv that could not be taken"
        in bring(capsys, less, "--supersedes", "old.csv", code=2)[1]
    )
    whole = write(folder, "whole.csv", line.format("0.40"), other.format("0.50"), head=BILL.strip())
    assert bring(capsys, whole, "--supersedes", "old.csv")[0] == [("COMPLETE", 0)]


def test_an_import_needs_no_standard_input(folder: Path) -> None:
    file = write(folder, "a.csv", "2026-05-15 10:00:00.1,5,1")
    command = [sys.executable, "-m", "flexlib", "import", file, *PLAIN]
    done = subprocess.run(command, env=os.environ, preexec_fn=lambda: os.close(0), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bill_that_was_read_wrongly_is_read_anew_as_the_advice_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(
        folder, "a.csv", '2026-05-01,"1,234",USD,openai', "2026-05-02,2,USD,openai", head="day,amount,currency,provider"
    )
    preset = folder / "mine.yaml"
    preset.write_text(
        "name: mine\ntitle: Mine\nevidence: rows\nsource: https://example.com\ndataset: charges\n"
        "mapping: {period_start: day, amount: amount, currency: currency, provider: provider}\n"
    )
    assert "--supersedes a.csv" in bring(capsys, file, "--from", str(preset), code=3)[1]
    bring(capsys, file, "--from", str(preset), "--decimal", ".", "--supersedes", "a.csv")
    assert main(["spend", "--year", "2026", "--month", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["amount_in_usd"] == "1236"
