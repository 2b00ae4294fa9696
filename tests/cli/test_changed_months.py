"""A month whose file is not the one that its certificate is of: no command counts it, whatever was changed in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from report_samples import FIXTURE

import flexlib as fl
from flexlib.certificate import State
from flexlib.cli.main import main
from flexlib.errors import SnapshotChanged
from flexlib.settings import load_settings
from flexlib.store.row_hash import hash_file
from flexlib.store.snapshots import find_snapshot
from flexlib.store.version import Snapshot

SEPTEMBER = fl.Month(2025, 9)
WHEN = ("--year", "2025", "--month", "9")
BILL = """start_time,end_time,amount_value,amount_currency,line_item,project_id
1756684800,1756771200,3.5,usd,"gpt-5-nano, input_tokens",p
"""
COLUMNS = ["--provider", "openai", "--model-column", "model", "--timestamp", "time", "--prompt-tokens", "in"]
COLUMNS += ["--completion-tokens", "out", "--amount-usd", "usd"]
AGAIN = ("--timestamp time --prompt-tokens in --completion-tokens out --provider openai --model-column model "
         "--amount-usd usd")  # fmt: skip
"""The same as it is advised."""


@pytest.fixture(params=["hash of the file", "hash of the rows, as of a version before"])
def data(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the fixture's September, which no command need fetch."""
    root = load_settings().data
    shutil.copytree(FIXTURE, root)
    (root / "server.json").unlink()
    monkeypatch.chdir(tmp_path)
    for name in ("credits", "usage"):
        snapshot = find(root, name)
        proof = replace(snapshot.certificate, file_sha256=hash_file(snapshot.parquet) * ("file" in request.param))
        (snapshot.path / "certificate.json").write_text(proof.to_json(), "utf-8")
    return root


def find(root: Path, dataset: str) -> Snapshot:
    snapshot = find_snapshot(dataset, SEPTEMBER, root)
    assert snapshot is not None
    return snapshot


def change(file: Path, column: str, change: Callable[[Any], Any]) -> None:
    rows = pq.read_table(file)
    place = rows.schema.get_field_index(column)
    pq.write_table(rows.set_column(place, rows.schema.field(place), change(rows[column])), file, compression="zstd")


def move_to_another_model(file: Path) -> None:
    """The total stays, a model has what was another's."""
    change(file, "model_uid", lambda names: pa.array(names.to_pylist()[::-1]))


def double_rows(file: Path) -> None:
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows]), file, compression="zstd")


def cut_rows(file: Path) -> None:
    pq.write_table(pq.read_table(file).slice(0, 5), file, compression="zstd")


def cut_bytes(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(words)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("harm", [move_to_another_model, double_rows, cut_rows, cut_bytes, Path.unlink])
def test_whatever_was_changed_in_a_file_of_credits_is_found(
    data: Path, harm: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "by-model", *WHEN)[0] == 0
    snapshot = find(data, "credits")
    harm(snapshot.parquet)
    code, out, error = run(capsys, "by-model", *WHEN)
    assert (code, out) == (4, "")
    assert error == (
        f"flexlib: {snapshot.parquet} is not the file that its certificate is of: it was changed or damaged after "
        "it was stored, so nothing of 2025-09 is counted; store the month again: flexlib fetch --year 2025 --month 9\n"
    )


@pytest.mark.parametrize(
    ("dataset", "command"),
    [
        ("credits", ("daily", *WHEN)),
        ("credits", ("monthly", *WHEN, "--json")),
        ("credits", ("certificate", *WHEN)),
        ("credits", ("spend", *WHEN)),
        ("credits", ("report", "--notebook", "flex_credits", *WHEN, "--offline")),
        ("usage", ("certificate", *WHEN, "--source", "import")),
        ("usage", ("spend", *WHEN)),
        ("usage", ("report", "--notebook", "llm_usage", *WHEN, "--offline")),
    ],
)
def test_no_command_shows_a_total_of_it(
    data: Path, dataset: str, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    cut_rows(find(data, dataset).parquet)
    code, out, error = run(capsys, *command)
    assert (code, out, error.count("\n")) == (4, "", 1)
    assert "is not the file that its certificate is of" in error
    with pytest.raises(SnapshotChanged):
        fl.load("2025-09").total("usd")
    assert not list(Path.cwd().glob("output/*.csv"))


def test_a_month_before_that_was_changed_fails_the_report_as_such(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = find_snapshot("credits", SEPTEMBER.previous, data)
    assert before is not None
    cut_rows(before.parquet)
    code, out, error = run(capsys, "report", "--notebook", "flex_credits", *WHEN, "--offline")
    assert (code, out) == (4, "")
    assert all(words in error for words in ("SnapshotChanged", "2025-08", "No page was written"))


def test_an_imported_month_that_was_changed_takes_nothing_in_until_it_is_replaced(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = "time,model,in,out,usd\n2025-09-03T10:00:00Z,gpt-5-nano,10,1,{}\n"
    Path("one.csv").write_text(calls.format("0.5"), "utf-8")
    Path("two.csv").write_text(calls.format("0.25").replace("03T10", "04T10"), "utf-8")
    shutil.rmtree(data / "usage")
    assert run(capsys, "import", "one.csv", *COLUMNS)[0] == 0
    change(find(data, "usage").parquet, "amount_in_usd", lambda usd: pa.array([Decimal(500)], usd.type))
    for file in ("two.csv", "one.csv"):
        code, out, error = run(capsys, "import", file, *COLUMNS)
        assert (code, out) == (4, "")
        assert f"flexlib import FILE {AGAIN} --replace" in error
    assert run(capsys, "import", "one.csv", *COLUMNS, "--replace")[0] == 0
    assert run(capsys, "import", "two.csv", *COLUMNS)[0] == 0
    assert fl.load("2025-09").calls.aggregate("sum(amount_in_usd)").fetchall() == [(Decimal("0.75"),)]


def test_a_mark_of_an_earlier_version_stays_until_the_month_is_replaced(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = "time,model,in,out,usd\n2025-09-03T10:00:00Z,gpt-5-nano,10,1,0.5\n"
    Path("one.csv").write_text(calls, "utf-8")
    Path("two.csv").write_text(calls.replace("03T10", "04T10"), "utf-8")
    shutil.rmtree(data / "usage")
    assert run(capsys, "import", "one.csv", *COLUMNS)[0] == 0
    stored = find(data, "usage")
    proof = json.loads((stored.path / "certificate.json").read_text("utf-8"))
    marked = {"changed_amounts": {"amount_in_usd": ["500", "0.5"]}}
    proof["sums"] |= {"result": "differs", "reasons": ["amounts_changed"], "figures": marked}
    proof["state"] = "UNRECONCILED"
    (stored.path / "certificate.json").write_text(json.dumps(proof), "utf-8")
    code, _, error = run(capsys, "import", "two.csv", *COLUMNS)
    assert code == 4
    assert "amount_in_usd of the stored rows is 500, and their certificate says 0.5" in error
    assert find(data, "usage").certificate.state is State.UNRECONCILED
    assert run(capsys, "import", "one.csv", "two.csv", *COLUMNS, "--replace")[0] == 0


def test_a_bill_that_was_changed_is_not_counted(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bill.csv").write_text(BILL, "utf-8")
    assert run(capsys, "import", "bill.csv")[0] == 4  # it and the month's calls differ
    double_rows(find(data, "charges").parquet)
    for words in (("spend", *WHEN), ("certificate", *WHEN, "--source", "bill-files")):
        code, out, error = run(capsys, *words)
        assert (code, out) == (4, "")
        assert "--replace" in error
    assert run(capsys, "import", "bill.csv")[0] == 4  # of all of its files, the month is made anew
    assert run(capsys, "certificate", *WHEN, "--source", "bill-files")[0] == 0


NO_CERTIFICATES = [
    "",
    "{",
    "[]",
    "[" * 5000 + "]" * 5000,
    '{"dataset": "credits"}',
    '{"dataset": "x", "month": "2025-09"}',
]


@pytest.mark.parametrize("text", NO_CERTIFICATES, ids=["empty", "cut", "list", "deep", "bare", "of nothing"])
def test_a_certificate_that_is_none_is_named(data: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = find(data, "credits").path / "certificate.json"
    file.write_text(text, "utf-8")
    code, out, error = run(capsys, "by-model", *WHEN)
    assert (code, out, error.count("\n")) == (4, "", 1)
    assert error.startswith(f"flexlib: {file} is no certificate")
    assert error.endswith("store 2025-09 again: flexlib fetch --year 2025 --month 9\n")


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ({"quarantined_rows": 0}, "is no certificate (it says GAP, and its figures say COMPLETE)"),
        (
            {"quarantined_rows": 0, "state": "COMPLETE"},
            "(it says that its sum lacks something, and its figures say that nothing is missing)",
        ),
        (
            {"quarantined_rows": -1, "state": "COMPLETE", "at_least": False},
            "is no certificate (quarantined_rows is -1)",
        ),
        ({"amount_in_usd": "99"}, "is not of the rows beside it (amount_in_usd: it says 99, and they 0.5000000000)"),
        ({"rows": 3}, "is not of the rows beside it (rows: it says 3, and they 1)"),
        ({"prompt_tokens": 11}, "(prompt_tokens: it says 11, and they 10)"),
    ],
)
def test_a_certificate_whose_figures_were_edited_is_refused(
    data: Path, edits: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row of US$ 0.50 and 10 tokens is stored, and one without a number kept aside: a GAP, at least."""
    calls = "time,model,in,out,usd\n2025-09-03T10:00:00Z,gpt-5-nano,10,1,0.5\n2025-09-03T11:00:00Z,gpt-5-nano,x,1,0.5\n"
    Path("one.csv").write_text(calls, "utf-8")
    shutil.rmtree(data / "usage")
    assert run(capsys, "import", "one.csv", *COLUMNS)[0] == 3
    file = find(data, "usage").path / "certificate.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | edits), "utf-8")
    for words in (("spend", *WHEN), ("certificate", *WHEN, "--source", "import")):
        code, out, error = run(capsys, *words)
        assert (code, out, error.count("\n")) == (4, "", 1)
        assert sentence in error


def test_a_figure_that_stands_twice_in_a_certificate_is_not_chosen(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = find(data, "credits").path / "certificate.json"
    file.write_text(
        file.read_text("utf-8").replace('"users_failed": 0', '"users_failed": 1, "users_failed": 0'), "utf-8"
    )
    code, out, error = run(capsys, "spend", *WHEN)
    assert (code, out, error.count("\n")) == (4, "", 1)
    assert "is no certificate" in error


def test_a_state_that_another_version_took_for_better_is_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules become stricter: what is said is what they say today."""
    file = find(data, "credits").path / "certificate.json"
    proof = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(proof | {"users_failed": 1}), "utf-8")
    code, _, error = run(capsys, "spend", *WHEN)
    assert code == 3
    assert "GAP" in error
