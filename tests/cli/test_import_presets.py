"""`flexlib import --from` and `--list`: which systems are known, and files read as a preset says."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from spend_samples import call, store

from flexlib.cli import main
from flexlib.dates import Month
from flexlib.store.snapshots import list_newest

PRESETS = Path(__file__).parents[2] / "params" / "presets"
GATEWAY = PRESETS / "my_gateway.yaml"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    (tmp_path / "calls.csv").write_text("id,time,model,input,output,who\n1,2026-05-01 10:00:00,gpt-4o,1000,100,\n")
    return tmp_path


def test_a_file_is_read_by_a_preset_of_one_s_own_and_the_certificate_names_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(folder / "calls.csv"), "--from", str(GATEWAY), "--json"]) == 0
    (month,) = json.loads(capsys.readouterr().out)["months"]
    assert (month["month"], month["prompt_tokens"], month["amount_in_usd"]) == ("2026-05", 1000, "0.0035000000")
    (file,) = month["files"]
    assert (file["preset"], file["evidence"]) == ("my-gateway", "rows")
    assert file["mapping"]["timezone"] == "America/Santiago"
    assert "preset" not in file["mapping"]


def test_a_table_of_invoices_is_read_by_the_example_of_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "invoices.csv").write_text(
        "Provider,From,To,What,Model,Net,Currency\n"
        'openai,2026-05-01,2026-05-31,Usage,gpt-4o,"1.204,50",USD\n'
        'openai,2026-05-01,2026-05-31,Support plan,,"200,00",USD\n'
    )
    assert main(["import", str(folder / "invoices.csv"), "--from", str(PRESETS / "my_invoice.yaml")]) == 0
    capsys.readouterr()
    assert main(["spend", "--year", "2026", "--month", "5", "--json"]) == 0
    spent = json.loads(capsys.readouterr().out)
    assert (spent["amount_in_usd"], spent["state"]) == ("1404.5", "COMPLETE")


def test_an_option_wins_over_the_preset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["import", str(folder / "calls.csv"), "--from", str(GATEWAY), "--timezone", "UTC", "--grain", "hour"]
    assert main([*words, "--json"]) == 0
    (month,) = json.loads(capsys.readouterr().out)["months"]
    assert month["files"][0]["mapping"]["grain"] == "hour"
    assert "timezone" not in month["files"][0]["mapping"]


def test_the_list_shows_each_system_with_how_well_it_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--list", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["presets"]
    assert all(set(one) == {"name", "title", "dataset", "evidence", "source", "notes"} for one in shown)
    assert main(["import", "--list"]) == 0
    text = capsys.readouterr().out
    assert [one["name"] for one in shown if f"{one['name']} " not in text or one["source"] not in text] == []


def test_a_file_of_no_known_system_is_one_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(folder / "calls.csv")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("flexlib: calls.csv's columns match no known system")
    assert said.endswith(
        "; name it with --from, which also takes my-gateway and my-invoice of this folder, or its columns with "
        "--timestamp and the other options.\n"
    )
    assert said.count("\n") == 1


COLUMNS = "--timestamp time --model-column model --provider openai --prompt-tokens input --completion-tokens output"


@pytest.mark.parametrize("options", [
    f"--from {GATEWAY}", f"--from {GATEWAY} --decimal ,", "--from my-gateway",
    f"{COLUMNS} --request-id id --timezone America/Santiago --metadata who --where input!=7",
])  # fmt: skip
def test_the_advice_on_a_row_that_cannot_be_taken_is_a_command_that_takes_the_corrected_file_as_before(
    folder: Path, capsys: pytest.CaptureFixture[str], options: str
) -> None:
    file = folder / "calls.csv"
    right = file.read_text("utf-8")
    file.write_text(f"{right}2,2026-05-02 10:00:00,gpt-4o,many,100,\n", "utf-8")
    assert main(["import", str(file), *options.split()]) == 3
    advice = capsys.readouterr().err.partition("fix the file and import it with ")[2].rstrip(".\n")
    assert main(["certificate", "--year", "2026", "--month", "5", "--source", "import"]) == 3
    assert f"import it with {advice}." in capsys.readouterr().err
    file.write_text(f"{right}2,2026-05-02 10:00:00,gpt-4o,500,100,\n", "utf-8")
    assert main(["import", str(file), *shlex.split(advice), "--json"]) == 0
    (month,) = json.loads(capsys.readouterr().out)["months"]
    assert (month["prompt_tokens"], month["rows"]) == (1500, 2)
    assert "2026-05-01T14:00:00" in str(load_days(folder))  # 10:00 in Santiago


def load_days(folder: Path) -> list[str]:
    (snapshot,) = list_newest(Month(2026, 5), folder / "data")
    return [one.isoformat() for one in pq.read_table(snapshot.file)["created_at"].to_pylist()]


def test_of_a_month_of_which_imported_files_are_not_stored_the_command_is_said_by_which_those_before_were_taken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(folder / "calls.csv"), "--from", str(GATEWAY)]) == 0
    june = call("a", "2026-06-02T10:00:00")
    store(folder / "data", "ledger", Month(2026, 6), june)
    capsys.readouterr()
    assert main(["spend", "--year", "2026", "--month", "6"]) == 3
    said = capsys.readouterr()
    assert "Run: flexlib import FILE --from my-gateway; where it was not in" in (said.out + said.err)
    file = folder / "june.csv"
    file.write_text("id,time,model,input,output,who\n2,2026-06-01 10:00:00,gpt-4o,1000,100,\n", "utf-8")
    assert main(["import", str(file), "--from", "my-gateway"]) == 0


def test_a_preset_of_the_folder_is_taken_by_its_name_and_one_that_cannot_be_read_is_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "notebooks").mkdir()
    (folder / ".env").touch()
    (folder / "params" / "presets").mkdir(parents=True)
    (folder / "params" / "presets" / "a.yaml").write_text("name: [", "utf-8")
    (folder / "params" / "presets" / "b.yaml").write_text(
        GATEWAY.read_text("utf-8").replace("name: my-gateway", "name: ours"), "utf-8"
    )
    monkeypatch.chdir(folder)
    assert main(["import", "calls.csv"]) == 2
    assert "name it with --from, which also takes ours of this folder" in capsys.readouterr().err
    assert main(["import", "calls.csv", "--from", "my-gateway"]) == 2
    assert ", ours, or a file of your own" in capsys.readouterr().err
    assert main(["import", "calls.csv", "--from", "ours"]) == 0


def test_no_file_and_no_list_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import"]) == 2
    assert capsys.readouterr().err == "flexlib: which file is to be imported? Name it, or ask for --list.\n"


def test_a_bill_is_brought_into_the_charges_and_its_options_are_those_of_a_bill(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bill = folder / "cost.csv"
    bill.write_text("""usage_date_utc,model,token_type,cost_usd,list_price_usd,cost_type
2026-05-01,Claude Sonnet 4.5,output,0.45,0.50,token
""")
    assert main(["import", str(bill), "--json"]) == 0
    (month,) = json.loads(capsys.readouterr().out)["months"]
    assert (month["dataset"], month["amounts"][0]["amount"]) == ("charges", "0.45")
    assert (month["files"][0]["mapping"]["list_amount"], month["state"]) == ("list_price_usd", "COMPLETE")
    assert main(["import", str(bill), "--proxy", "openrouter"]) == 2
    assert capsys.readouterr().err == (
        "flexlib: anthropic-cost: --proxy does not apply to a file of charges; leave it out.\n"
    )
