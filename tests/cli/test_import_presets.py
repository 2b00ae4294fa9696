"""`flexlib import --from` and `--list`: which systems are known, and files read as a preset says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexlib.cli import main

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
    assert said.endswith("; name it with --from, or its columns with --timestamp and the other options.\n")
    assert said.count("\n") == 1


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
