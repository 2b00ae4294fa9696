"""What a month's run cannot do is said, with what to do: by its exit code, and to its operator."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from notice_samples import Script, serve_script
from spend_samples import SEPTEMBER, call, store
from test_month_run import lay_out_company, make_runner, open_closing, say_nothing

from flexlib.cli.main import main
from flexlib.cli.month_output import print_step
from flexlib.closing.operator import write_text
from flexlib.closing.process import Ran
from flexlib.closing.run import RUN, open_progress, preview_month, run_month
from flexlib.closing.steps import Outcome, Record
from flexlib.deliver import mail

MONTH = ["month", "--year", "2025", "--month", "9"]
PLAN = "rates: no\nsite: no\nexports: []\noperator: ops@example.com\n"
CALLS = "id,time,model,in,out\na1,2025-09-16T10:00:00Z,gpt-4o,1000,200\n"
COLUMNS = (
    "--request-id id --timestamp time --provider openai --model-column model --prompt-tokens in --completion-tokens out"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a company's project, with a plan and a call of August that was imported."""
    lay_out_company(tmp_path, monkeypatch)
    (tmp_path / "params" / "month.yaml").write_text(PLAN, "utf-8")
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr(mail, "READ", 0.3)
    with serve_script("smtp") as script:
        monkeypatch.setenv("FLEXLIB_SMTP_URL", f"smtp+plain://127.0.0.1:{script.port}")
        monkeypatch.setenv("FLEXLIB_SMTP_FROM", "flexlib@example.com")
        yield script


def read_mails(server: Script) -> list[tuple[str, str]]:
    """Subject and text of each."""
    read = [message_from_bytes(one, policy=default) for one in server.taken]
    return [(one["Subject"], one.get_content().replace("\r\n", "\n")) for one in read]


NOTHING = (
    "Nothing of imported files is stored of 2025-09: what it holds there is not known, and is not zero. Run: "
    "flexlib import FILE --provider ... --model ...; where it was not in use then: flexlib sources --ended import "
    "2025-08"
)


@pytest.mark.parametrize("plan", [PLAN, PLAN + "reports: []\n", PLAN + "import: exports\n"])
def test_a_month_whose_export_was_forgotten_fails_with_what_brings_it_and_its_operator_is_told(
    home: Path, server: Script, capsys: pytest.CaptureFixture[str], plan: str
) -> None:
    (home / "params" / "month.yaml").write_text(plan, "utf-8")
    (home / "exports").mkdir()
    assert main([*MONTH, "--dry-run"]) == 0
    assert f"  sources             fails     {NOTHING}\n" in capsys.readouterr().out
    assert main(MONTH) == 3
    said = capsys.readouterr()
    assert f"  sources             failed    exit code 3, {NOTHING}\n" in said.out
    assert "failed: 1; exit code 3\n" in said.out
    assert said.err == "ops@example.com has been told of it by e-mail.\n"
    ((subject, text),) = read_mails(server)
    assert (subject, f"sources failed: {NOTHING}\n" in text) == ("flexlib month 2025-09: failed: sources", True)


def test_a_month_after_the_end_of_all_sources_lacks_nothing(server: Script, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sources", "--ended", "import", "2025-08"]) == 0
    Path("params", "month.yaml").write_text(PLAN + "import: exports\n", "utf-8")
    Path("exports").mkdir()
    capsys.readouterr()
    assert main(MONTH) == 0
    assert "  reports             left out  nothing of 2025-09 is stored\n" in capsys.readouterr().out
    assert server.taken == []


def test_a_month_before_all_that_is_stored_names_what_imports_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["month", "--year", "2025", "--month", "7"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("flexlib: Nothing of 2025-07 is stored. Run: flexlib fetch --year 2025 --month 7, ")
    assert "flexlib import FILE" in said


def read_pesos() -> str:
    with open("reports/2025-09/csv_2025-09.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    return row["clp"]


def test_pesos_come_once_the_rates_do_also_to_what_was_imported(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "exports").mkdir()
    (home / "exports" / "calls.csv").write_text(CALLS)
    plan = f"rates: no\nsite: no\nreports: []\nimport: {{folder: exports, options: {json.dumps(COLUMNS.split())}}}\n"
    (home / "params" / "month.yaml").write_text(plan, "utf-8")
    main(MONTH)
    assert read_pesos() == ""
    assert main(["fx", "set", "2025-09-16", "950", "--source", "bank"]) == 0
    capsys.readouterr()
    main([*MONTH, "--dry-run"])
    assert "changed: data/rates/usd_clp.csv" in capsys.readouterr().out.partition("  import ")[2].partition("\n")[0]
    main(MONTH)
    assert read_pesos() == "4.2750"  # US$ 0.0045 at 950


def test_a_dry_run_reckons_with_the_rates_that_may_come(home: Path) -> None:
    closing, (run, _) = open_closing(home, left_out=frozenset({"site"})), make_runner(home)
    progress = open_progress(closing)
    run_month(progress, run, say_nothing)
    kept = {
        step.name: why for step, runs, why in preview_month(open_progress(closing)) if not runs and not step.left_out
    }
    assert kept.keys() == {"import", "budgets", "report llm_usage", "report chargeback", "export csv", "export focus"}
    assert {why.partition("; ")[2] for why in kept.values()} == {"it runs where rates brings anything new"}


@pytest.mark.parametrize("lines", [("a was not sent.", "b was not sent.", "old was not sent."), ("a was not sent.",)])
def test_a_step_that_failed_says_all_that_its_command_said_also_to_the_operator(
    home: Path, capsys: pytest.CaptureFixture[str], lines: tuple[str, ...]
) -> None:
    closing, (others, _) = open_closing(home), make_runner(home)

    def run(words: Sequence[str]) -> Ran:
        return Ran(1, {"messages": []}, lines) if words[0] == "notify" else others(words)

    progress = open_progress(closing)
    run_month(progress, run, print_step)
    assert "exit code 1, " + "\n    ".join(lines) + "\n" in capsys.readouterr().out
    assert "notices failed: " + "\n    ".join(lines) + "\n\n" in write_text(progress)


def test_why_a_command_ended_stands_first_and_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    said = ("asking", "flexlib: line 1 is wrong.", "line 2 is wrong.")
    print_step(Record("mail", Outcome.FAILED, "line 1 is wrong.", exit_code=2, said=said))
    shown = capsys.readouterr().out
    assert shown == "  mail                failed    exit code 2, line 1 is wrong.\n    asking\n    line 2 is wrong.\n"


@pytest.mark.parametrize("wrong", ["a setting", "run.json", "the disk"])
def test_a_run_that_cannot_begin_tells_its_operator_once_and_again_after_one_that_could(
    home: Path, server: Script, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    store(home / "data", "import", SEPTEMBER, call("b", "2025-09-02T10:00:00", "1.00"))
    (home / "params" / "month.yaml").write_text(PLAN + "reports: []\n", "utf-8")
    file, code = home / "reports" / "2025-09" / RUN, 2
    if wrong == "a setting":
        monkeypatch.setenv("FLEXLIB_ORGANIZATION", "/nope.csv")
        why = "FLEXLIB_ORGANIZATION names /nope.csv, which is not there; put it back, or name another one."
    elif wrong == "run.json":
        file.parent.mkdir(parents=True)
        file.write_text("{")
        why = f"{file.relative_to(home)}, which says what the last run did, cannot be read (JSONDecodeError); move it"
    else:
        (home / "reports").write_text("a file where the folder should be")
        why, code = "Could not write into reports/2025-09: ", 1
    assert main([*MONTH, "--dry-run"]) == 2
    assert (capsys.readouterr().err.count("\n"), server.taken) == (1, [])
    assert main(MONTH) == code
    said = capsys.readouterr().err
    assert said.startswith(f"flexlib: {why}")
    assert said.endswith("\nops@example.com has been told of it by e-mail.\n")
    ((subject, text),) = read_mails(server)
    assert subject == "flexlib month 2025-09: failed: month"
    assert f"month failed: {why}" in text
    assert "All steps stand in" not in text
    assert main(MONTH) == code
    assert "ops@example.com was told of it by e-mail, " in capsys.readouterr().err
    assert len(server.taken) == 1
    if wrong == "a setting":
        monkeypatch.delenv("FLEXLIB_ORGANIZATION")
        assert main(MONTH) == 0
        monkeypatch.setenv("FLEXLIB_ORGANIZATION", "/nope.csv")
        assert main(MONTH) == code
        assert len(server.taken) == 2


@pytest.mark.parametrize(
    "words", [["--year", "2025"], ["--year", "2099", "--month", "1"], ["--output-dir", "site", *MONTH[1:]]]
)
def test_of_options_that_are_wrong_nobody_is_told_but_who_gave_them(
    server: Script, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    Path("params", "month.yaml").write_text("operator: ops@example.com\n", "utf-8")
    assert main(["month", *words]) == 2
    assert "ops@example.com" not in capsys.readouterr().err
    assert server.taken == []


def test_reports_that_cannot_be_written_are_moved_by_their_option(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "params" / "month.yaml").unlink()
    (home / "reports").write_text("a file where the folder should be")
    assert main(MONTH) == 1
    assert capsys.readouterr().err == (
        "flexlib: Could not write into reports/2025-09: not a directory. Nothing that was stored before has changed; "
        "move what is in the way or name another folder with --output-dir, and run it again.\n"
    )


def test_pesos_come_once_the_rates_do_also_to_what_was_recorded(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever brought the rates, such as the run of another month."""
    (home / "params" / "month.yaml").write_text("rates: no\nsite: no\nreports: []\n", "utf-8")
    one = {"request_id": "r1", "created_at": "2025-09-16T10:00:00Z", "usable": ["user", "42"], "provider": "openai"}
    (home / "calls.jsonl").write_text(json.dumps(one | {"model": "gpt-4o", "prompt_tokens": 1000}) + "\n", "utf-8")
    assert main(["record", "--jsonl", "calls.jsonl"]) == 0
    main(MONTH)
    assert read_pesos() == ""
    main(MONTH)
    assert "  ledger              kept " in capsys.readouterr().out
    assert main(["fx", "set", "2025-09-16", "950", "--source", "bank"]) == 0
    main(MONTH)
    assert read_pesos() == "2.3750"  # US$ 0.0025 at 950
    capsys.readouterr()
    main(MONTH)
    assert "  ledger              kept      COMPLETE, closed, and nothing was recorded since" in capsys.readouterr().out
    (home / "params" / "month.yaml").write_text("site: no\nreports: []\n", "utf-8")
    main([*MONTH, "--dry-run"])
    assert "closed, and nothing was recorded since; it runs where rates brings anything new" in capsys.readouterr().out
