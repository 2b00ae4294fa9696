"""A month of which nothing is stored, though an earlier one has a source: what fails, what runs, what is foretold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_month_run import lay_out_company

from flexlib.cli.main import main

MONTH = ["month", "--year", "2025", "--month", "9"]
CALLS = "id,time,model,in,out\na1,2025-09-16T10:00:00Z,gpt-4o,1000,200\n"
NOTHING = (
    "Nothing of imported files is stored of 2025-09: what it holds there is not known, and is not zero. Run: "
    "flexlib import FILE --provider ... --model ...; where it was not in use then: flexlib sources --ended import "
    "2025-08"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a company's project with a call of August that was imported."""
    lay_out_company(tmp_path, monkeypatch)
    return tmp_path


@pytest.mark.parametrize("plan", ["reports: []\n", ""])
def test_what_a_month_lacks_stops_neither_the_site_of_others_nor_is_it_an_error_of_its_exports(
    home: Path, capsys: pytest.CaptureFixture[str], plan: str
) -> None:
    (home / "params" / "month.yaml").write_text(f"rates: no\n{plan}", "utf-8")
    assert main([*MONTH, "--json"]) == 3
    steps = {one["step"]: one for one in json.loads(capsys.readouterr().out)["steps"]}
    assert {name: one["outcome"] for name, one in steps.items() if one["outcome"] != "left out"} == {
        "sources": "failed",
        "site": "done",
    }
    assert steps["export csv"]["why"] == "nothing of 2025-09 is stored"
    assert (home / "site" / "index.html").is_file()


def test_a_dry_run_says_which_step_fails_and_what_does_not_run_therefore(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "params" / "month.yaml").write_text("rates: no\n", "utf-8")
    (home / "mail.yaml").write_text("mails:\n  - to: ana@example.com\n", "utf-8")
    monkeypatch.setenv("FLEXLIB_SMTP_URL", "smtp+plain://127.0.0.1:9")
    monkeypatch.setenv("FLEXLIB_SMTP_FROM", "flexlib@example.com")
    monkeypatch.setenv("FLEXLIB_MAIL", str(home / "mail.yaml"))
    main([*MONTH, "--dry-run"])
    shown = capsys.readouterr().out
    assert "\n  mail                does not  sources fails\n" in shown
    assert "\n  site                runs      flexlib month has not done it yet\n" in shown
    main([*MONTH, "--dry-run", "--json"])
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [(one["step"], one["runs"]) for one in steps if one["fails"]] == [("sources", False)]
    assert [one["step"] for one in steps if one["runs"]] == ["site"]
    main(MONTH)
    shown = capsys.readouterr().out
    assert "\n  mail                not run   sources has failed\n" in shown
    assert "\n  site                done " in shown


def test_a_dry_run_does_not_say_that_a_month_fails_of_which_an_import_may_bring_something(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "exports").mkdir()
    (home / "exports" / "calls.csv").write_text(CALLS)
    (home / "params" / "month.yaml").write_text("rates: no\nimport: exports\n", "utf-8")
    main([*MONTH, "--dry-run"])
    shown = capsys.readouterr().out
    assert f"\n  sources             does not  {NOTHING}; it fails unless import brings any of it\n" in shown
    assert "\n  reports             runs      nothing of 2025-09 is stored; it runs where import brings" in shown
