"""`flexlib doctor`: where one stands, in about ten lines, without a secret."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from harness import KEY

from flexlib import record_usage
from flexlib.cli import main
from flexlib.demo import demo_server

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURE, tmp_path / "data", dirs_exist_ok=True))


def read_findings(capsys: pytest.CaptureFixture[str], code: int) -> dict[str, tuple[str, int]]:
    """Text and exit code by the finding's name."""
    assert main(["doctor", "--json"]) == code
    return {one["name"]: (one["text"], one["exit_code"]) for one in json.loads(capsys.readouterr().out)}


def test_a_newcomer_reads_what_there_is_and_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [
        "flexlib",
        "extras",
        "settings",
        "server",
        "data",
        "ledger",
        "rates",
        "people",
        "months",
        "stale",
        "missing",
    ]
    assert [line.split()[0] for line in lines] == names
    assert lines[3] == "server    not asked, since there is no service key; --demo needs none"
    assert lines[-1] == "missing   everything; try: flexlib report --demo --year 2025 --month 9"


def test_stored_months_are_counted_by_the_state_that_spend_says_and_rates_have_their_last_day(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read_findings(capsys, 0)
    assert found["months"] == ("2 COMPLETE", 0)
    assert found["missing"] == ("none; the last month stored is 2025-09", 0)
    assert found["rates"][0].startswith("USD/CLP to 2025-10-0")
    assert found["data"][0].startswith("made up by flexlib's demo, no real people or spend (")


def test_a_month_between_stored_ones_is_missing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(root / "usage" / "2025-09", root / "usage" / "2025-11")
    file = next((root / "usage" / "2025-11").rglob("certificate.json"))
    file.write_text(file.read_text().replace('"month": "2025-09"', '"month": "2025-11"'))
    assert read_findings(capsys, 3)["missing"] == ("2025-10, 2025-11 windsurf of 2025-08 to 2025-11", 3)


def test_a_month_whose_rows_were_changed_is_a_fault(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = next((root / "credits" / "2025-08").rglob("*.parquet"))
    parquet.write_bytes(parquet.read_bytes() + b"x")
    text, code = read_findings(capsys, 4)["months"]
    assert code == 4
    assert text.endswith("store the month again: flexlib fetch --year 2025 --month 8")


def test_the_server_is_asked_with_the_key_and_the_key_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with demo_server("--users", "30") as url:
        monkeypatch.setenv("WINDSURF_BASE_URL", url)
        monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
        assert read_findings(capsys, 0)["server"] == (f"{url} answers and takes the key; 30 people on its list", 0)
        monkeypatch.setenv("WINDSURF_SERVICE_KEY", "not-the-key")
        assert main(["doctor"]) == 1
        said = capsys.readouterr()
    assert f"server    {url}: " in said.out
    assert "WINDSURF_SERVICE_KEY (environment)" in said.out
    assert "not-the-key" not in said.out + said.err


def test_a_server_that_is_gone_is_a_fault_and_the_rest_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)  # of the server at NOBODY
    found = read_findings(capsys, 1)
    assert found["server"][1] == 1
    assert found["months"] == ("2 COMPLETE", 0)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("garbage", "FLEXLIB_DATABASE_URL cannot be read"),
        ("", "refused: file is not a database"),
    ],
)
def test_a_ledger_that_cannot_be_read_is_a_fault_and_the_rest_is_told(
    url: str, why: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", url)
    (root / "ledger.sqlite").write_bytes(b"no database at all, and long enough to be read as the head of one" * 20)
    assert main(["doctor", "--json"]) != 0
    found = {one["name"]: (one["text"], one["exit_code"]) for one in json.loads(capsys.readouterr().out)}
    assert found["months"] == ("2 COMPLETE", 0)
    for name in ("ledger", "stale"):
        assert why in found[name][0]
        assert found[name][1] != 0


def test_a_month_closed_before_its_last_call_was_recorded_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    def record(request_id: str) -> None:
        usable, at = ("user", 42), "2025-09-15T14:00:00Z"
        record_usage(
            usable=usable, provider="openai", model="gpt-4o", prompt_tokens=9, request_id=request_id, created_at=at
        )

    record("1")
    assert main(["close", "--year", "2025", "--month", "9"]) == 0
    capsys.readouterr()
    assert read_findings(capsys, 0)["stale"] == ("none", 0)
    record("2")
    found = read_findings(capsys, 3)
    assert (found["stale"], found["months"]) == (("2025-09 ledger (flexlib close)", 0), ("1 GAP", 3))
