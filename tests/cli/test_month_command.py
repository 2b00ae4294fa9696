"""`flexlib month`: what it would do and does, on real data, with real processes that are killed."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flexlib.cli import export_formats
from flexlib.cli.main import COMMANDS, main
from flexlib.cli.month_output import print_step
from flexlib.closing.process import run_command
from flexlib.closing.run import RUN
from flexlib.closing.steps import Outcome, Record
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.store.disk import lock_folder
from flexlib.store.snapshots import list_newest

HOME = Path(__file__).parents[2]
FIXTURE = HOME / "tests" / "data" / "fixture"
SEPTEMBER = ["month", "--year", "2025", "--month", "9"]
CALL = {"usable": ["user", "42"], "provider": "openai", "model": "gpt-4o", "prompt_tokens": 1000}
BUDGETS = "budgets:\n  - {name: all, whole: true, currency: usd, amount: '0.001'}\n"
NOTICES = "notices:\n  - {at: [over], file: told.jsonl}\n"
CALLS = "id,time,model,in,out\na1,2025-09-16T10:00:00Z,gpt-4o,1000,200\n"
COLUMNS = (
    "--request-id id --timestamp time --provider openai --model-column model --prompt-tokens in --completion-tokens out"
)
PLAN = f"rates: no\nimport: {{folder: exports, options: {COLUMNS.split()}}}\nreports: [llm_usage]\n"
LIMIT_PASSED = 5
FORMATS = "focus, csv, parquet, xlsx, pdf, json, png, svg"
KILL_SECONDS = 120
"""Until a step must have been noted."""
END_SECONDS = 30
"""Until a command must have ended, whose run was killed."""


def plan_month(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Each step by its name, as a dry run tells of it."""
    assert main([*SEPTEMBER, "--dry-run", "--json", *words]) == 0
    return {one["step"]: one for one in json.loads(capsys.readouterr().out)["steps"]}


def test_a_dry_run_says_of_each_step_why_it_would_run_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    plan = tmp_path / "month.yaml"
    plan.write_text(
        "zone: America/Santiago\nnames: yes\nwith: [xlsx]\nexports: [focus, csv]\nrates: no\n"
        "reports: [flex_credits, {notebook: llm_usage, parameters: {top: 3}}, year]\n"
    )
    found = plan_month(capsys, "--plan", str(plan), "--output-dir", str(tmp_path))
    whys = {name: one["why"] for name, one in found.items() if not one["runs"]}
    assert whys == {
        "fetch": "no service key is set",
        "rates": f"{plan} says no",
        "ledger": "no calls are recorded here",
        "import": "no folder is named",
        "organization": "no file says who belongs where",
        "budgets": "there are no budgets",
        "notices": "no rules say who is told of budgets",
        "mail": "no file says who is mailed the month",
    }
    words = {name: " ".join(one["command"]) for name, one in found.items() if one["runs"]}
    end, zone = f"--json --offline --output-dir {tmp_path} --with xlsx", "-p zone America/Santiago"
    folder = tmp_path / "demo" / "2025-09"
    assert words == {
        "report flex_credits": f"report --notebook flex_credits --year 2025 --month 9 {end} --names",
        "report llm_usage": f"report --notebook llm_usage --year 2025 --month 9 {end} -p top 3 {zone}",
        "report year": f"report --notebook year -p year 2025 {end} {zone}",
        "site": f"site --zone America/Santiago --json --output {tmp_path.with_name('site')} --reports {tmp_path}",
        "export focus": f"export --format focus --year 2025 --month 9 --json --output-dir {folder} --names",
        "export csv": (
            f"export --format csv --year 2025 --month 9 --json --output-dir {folder} --names --zone America/Santiago"
        ),
    }
    assert list(tmp_path.iterdir()) == [plan]


OF_STEPS = {
    "fetch": "fetch", "rates": "fx", "ledger": "close", "import": "import", "organization": "organization",
    "budgets": "check", "report": "report", "export": "export", "site": "site", "notices": "notify", "mail": "send",
}  # fmt: skip
"""The command that each step is, by the first word of its name."""


@pytest.mark.parametrize("data", ["of a company", "made up", "none yet"])
def test_each_step_shows_its_own_command_and_that_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: str
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path if data == "none yet" else FIXTURE))
    shutil.copytree(FIXTURE / "usage", tmp_path / "exports")
    (plan := tmp_path / "month.yaml").write_text(
        f"zone: America/Santiago\nnames: yes\nwith: [xlsx]\nexports: [focus, csv]\nimport: {tmp_path / 'exports'}\n"
        "reports: [flex_credits, {notebook: llm_usage, parameters: {top: 3}}, year, forecast]\n"
    )
    found = plan_month(capsys, "--plan", str(plan), *["--demo"] * (data != "of a company"))
    shown = {name: one["command"] for name, one in found.items() if one["command"]}
    assert {"fetch", "budgets", "report forecast", "export csv", "site", "mail"} <= shown.keys()
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command")
    for room in COMMANDS:
        room.add_commands(commands)
    for name, words in shown.items():
        assert words[0] == OF_STEPS[name.split()[0]]
        assert parser.parse_args(words).command == words[0]


def test_what_the_demos_first_step_brings_is_what_the_others_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    month = ["month", "--year", "2025", "--month", "3", "--dry-run", "--json", "--demo"]
    assert main(month) == 0
    (fetch, *_others) = json.loads(capsys.readouterr().out)["steps"]
    asked = "fetch --start-date 2025-01-01 --end-date 2025-03-31 --demo --wait --json"  # the company began in January
    assert (" ".join(fetch["command"]), fetch["runs"]) == (asked, True)
    assert main(fetch["command"]) == 0
    capsys.readouterr()
    for number in range(1, 4):
        stored = {one.dataset for one in list_newest(Month(2025, number), tmp_path / "demo")}
        assert stored == {"credits", "usage"}
    assert main(month) == 0
    (fetch, *_others) = json.loads(capsys.readouterr().out)["steps"]
    assert (fetch["runs"], fetch["why"]) == (False, "stored and settled")


def test_what_is_for_everybody_to_see_is_made_so_by_the_site_and_each_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    text = "share: yes\nreports: [llm_usage, year]\nexports: [csv, xlsx, focus, parquet, json]\n"
    (plan := tmp_path / "month.yaml").write_text(text)
    found = plan_month(capsys, "--plan", str(plan), "--output-dir", str(tmp_path))
    assert {name for name, one in found.items() if "--share" in (one["command"] or ())} == {
        "report llm_usage", "report year", "site", "export xlsx", "export json",
    }  # fmt: skip
    why = "its rows are finer than pages that everybody may see"
    assert {name for name, one in found.items() if one["why"] == why} == {
        "export csv", "export focus", "export parquet",
    }  # fmt: skip
    plan.write_text("share: yes\nreports: [llm_usage]\n")
    assert (
        plan_month(capsys, "--plan", str(plan))["export csv"]["why"] == why
    )  # which is written without being asked for


def test_a_report_of_groups_that_are_not_shared_is_refused_by_the_plan_and_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    text = "share: yes\nreports: [{notebook: chargeback, parameters: {level: team}}]\n"
    (plan := tmp_path / "month.yaml").write_text(text)
    out = ["--output-dir", str(tmp_path / "reports")]
    said = "what is shared is by department alone: of groups of two kinds"
    for words in (
        [*SEPTEMBER, *out, "--plan", str(plan), "--dry-run"],
        [*SEPTEMBER, *out, "--plan", str(plan)],
        ["report", "--notebook", "chargeback", *SEPTEMBER[1:], *out, "--share", "-p", "level", "team"],
    ):
        assert main(words) == 2
        assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [plan]


def test_reports_may_go_into_this_folder_and_not_into_the_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    command = plan_month(capsys, "--output-dir", ".")["site"]["command"]
    assert command[-4:] == ["--output", str(tmp_path / "site"), "--reports", "."]
    for given in ("site", f"{tmp_path}/site"):
        assert main([*SEPTEMBER, "--dry-run", "--output-dir", given]) == 2
        assert f"--output-dir {given} is where the site goes" in capsys.readouterr().err


def test_without_a_month_it_is_the_one_that_has_ended_in_the_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from datetime import datetime, timezone

    from flexlib.dates import Month

    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "demo-key")
    (plan := tmp_path / "month.yaml").write_text("reports: []\nexports: []\n")
    assert main(["month", "--dry-run", "--json", "--plan", str(plan)]) == 0
    assert json.loads(capsys.readouterr().out)["month"] == str(
        Month.containing(datetime.now(timezone.utc).date()).previous
    )


@pytest.mark.parametrize("data", ["of a company", "made up"])
def test_a_month_that_is_not_over_is_said_to_be_provisional_and_made_up_data_is_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: str
) -> None:
    from datetime import datetime, timezone

    demo = ["--demo"] if data == "made up" else []
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "" if demo else "demo-key")
    now = Month.containing(datetime.now(timezone.utc).date())
    words = ["month", "--dry-run", "--year", str(now.year), "--month", str(now.month), *demo]
    assert main(words) == 0  # as PROVISIONAL is
    found = capsys.readouterr().err.splitlines()
    assert (
        found[: len(demo)]
        == [f"Data: made up by flexlib's demo, no real people or spend ({tmp_path}/data/demo)."][: len(demo)]
    )
    (said,) = found[len(demo) :]
    assert said.startswith(f"{now.title} is not over and settled before 1 ")
    command = " ".join(["flexlib month", *words[2:]])
    assert said.endswith(f"what is made of it until then is provisional. Run it again after that: {command}")
    assert main(["month", "--dry-run", "--year", "2025", "--month", "9", *demo]) == 0
    assert len(capsys.readouterr().err.splitlines()) == len(demo)


def test_a_step_does_not_say_again_whose_data_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    assert run_command(("spend", "--year", "2025", "--month", "9", "--json")).said[:1] != (
        f"Data: made up by flexlib's demo, no real people or spend ({FIXTURE}).",
    )


ZONE, OTHER = (4, "zone: America/Santiago"), (6, "zone: Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "report: [a]",
            ["line 1 of {plan}: report is no field of a month's plan (did you mean reports?); write one of budgets"],
        ),
        (
            "names: yes\nshare: yes\nwith: [focus]\nzone: America/Santiago\nreports:\n"
            "  - {notebook: llm_usage, parameters: {zone: Asia/Tokyo}}",
            [
                f"line {line} of {{plan}} has {what}, and line {other} has {given}; take one of them out."
                for what, line, others in (
                    ("share: yes, for pages that everybody may see", 2, ((1, "names: yes"), ZONE, OTHER)),
                    ("focus, which is of days of UTC", 3, (ZONE, OTHER)),
                )
                for other, given in others
            ],
        ),
        (
            "share: yes\nreports:\n"
            "  - {notebook: chargeback, parameters: {level: department, names: yes, zone: Asia/Tokyo}}",
            [
                f"line 1 of {{plan}} has share: yes, for pages that everybody may see, and line 3 has {given}; take one"
                for given in ("zone: Asia/Tokyo", "names: yes")
            ],
        ),
        (
            "share: yes\nreports:\n  - {notebook: chargeback, parameters: {level: team}}\n"
            "  - {notebook: year, parameters: {by: team}}",
            [f"line {line} of {{plan}}: what is shared is by department alone: of groups of two" for line in (3, 4)],
        ),
        (
            "zone: America/Santiago\nreports:\n  - {notebook: chargeback, parameters: {level: department, share: yes}}",
            ["line 3 of {plan}: what is shared is of months of UTC alone: those of America/Santiago less those"],
        ),
        ("zone: Mars", ["line 1 of {plan}: 'Mars' is not a time zone; write it as America/Santiago or UTC."]),
        (
            "zone: America/Santigo",
            [
                "line 1 of {plan}: 'America/Santigo' is not a time zone (did you mean "
                "America/Santiago?); write it as America/Santiago or UTC."
            ],
        ),
        ("import: {files: 3}", ["line 1 of {plan} has import: {'files': 3}; give a folder, or folder: and options:"]),
        ("reports: [{name: a}]", ["line 1 of {plan} has reports: [{'name': 'a'}]; give a list of notebooks"]),
        ("zone: UTC\nzone: UTC", ["{plan} cannot be read as YAML: the name 'zone' is given twice"]),
        (
            "roster: a.csv",
            ["line 1 of {plan}: roster is no field of a month's plan; FLEXLIB_ORGANIZATION=FILE names it for"],
        ),
        ("5: x", ["line 1 of {plan}: 5 is no field of a month's plan; write one of "]),
        ("- zone", ["{plan}: ['zone'] stands where a month's plan should; write its fields as name: value, of "]),
        (
            "rates: no\nfetch: maybe\noperator: nobody\nwith: xlsx\nexports: [csv, docx]\nreports: [llm_usage]",
            [
                "line 2 of {plan} has fetch: 'maybe'; give yes or no.",
                "line 3 of {plan} has operator: 'nobody'; give an e-mail address.",
                f"line 4 of {{plan}} has with: 'xlsx'; give a list of formats out of {FORMATS}, such as [csv].",
                f"line 5 of {{plan}} has exports: ['csv', 'docx']; give a list of formats out of {FORMATS}, such as",
            ],
        ),
        (
            "reports:\n  - llm_usag\n  - chargeback\n  - {notebook: llm_usage, parameters: {tip: 3}}\n"
            "  - {notebook: chargeback, parameters: {level: team}}",
            [
                "line 2 of {plan}: There is no notebook 'llm_usag' (did you mean llm_usage?); there is ",
                "line 4 of {plan}: Unknown parameter tip (did you mean top?); llm_usage takes ",
                "line 5 of {plan} makes the page chargeback, as line 3 does; take one of them out.",
            ],
        ),
        (
            "reports:\n  - {notebook: chargeback, parameters: {level: departamento}}\n"
            "  - {notebook: year, parameters: {of: credits}}\n"
            "  - {notebook: forecast, parameters: {of: flex_credits}}\n"
            "  - {notebook: llm_usage, parameters: {zone: America/Santago}}\n"
            "  - {notebook: compare_months, parameters: {against: 2025-9}}",
            [
                "line 2 of {plan}: The parameter level must be department, project, cost_centre, team or person, not "
                "'departamento' (did you mean department?).",
                "line 3 of {plan}: The parameter of must be flex_credits, usd or clp, not 'credits' (did you mean "
                "flex_credits?).",
                "line 4 of {plan}: The parameter of must be credits, usd or clp, not 'flex_credits' (did you mean "
                "credits?).",
                "line 5 of {plan}: 'America/Santago' is not a time zone (did you mean America/Santiago?); write it as ",
                "line 6 of {plan}: '2025-9' is not a month; write it as 2025-09.",
            ],
        ),
        (
            "names: yes\nreports:\n  - {notebook: llm_usage, parameters: {year: 2024, month: 1}}\n"
            "  - {notebook: year, parameters: {year: 2024}}\n"
            "  - {notebook: chargeback, parameters: {names: false}}",
            [
                "line 3 of {plan} gives month, year, which the run sets itself; take it out.",
                "line 4 of {plan} gives year, which the run sets itself; take it out.",
                "line 5 of {plan} gives names, which the run sets itself; take it out.",
            ],
        ),
        (
            "reports:\n  - {notebook: chargeback, parameters: {rules: params/rules.yaml}}\n"
            "  - {notebook: cost_effectiveness, parameters: {scores: /not/there.csv}}",
            [
                "line 2 of {plan}: params/rules.yaml is not there; name a file of ",
                "line 3 of {plan}: /not/there.csv is not there; name a file of ",
            ],
        ),
        ("zone: America/Santiago\nwith: [focus]", ["line 2 of {plan} has focus, which is of days of UTC, and "]),
    ],
)
def test_all_that_is_wrong_in_a_plan_is_told_with_its_lines_and_nothing_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: list[str]
) -> None:
    (plan := tmp_path / "month.yaml").write_text(text)
    assert main([*SEPTEMBER, "--plan", str(plan), "--output-dir", str(tmp_path / "reports")]) == 2
    told = capsys.readouterr().err.removeprefix("flexlib: ").splitlines()
    starts = [start.replace("{plan}", str(plan)) for start in said]
    assert [one[: len(start)] for one, start in zip(told, starts, strict=True)] == starts
    assert not (tmp_path / "reports").exists()


def test_a_plan_tells_with_its_lines_all_that_its_formats_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("flexlib.cli.export_formats.find_spec", lambda _: None)
    (plan := tmp_path / "month.yaml").write_text("rates: no\nwith: [xlsx, pdf]\nexports: [csv, png]\n")
    assert main([*SEPTEMBER, "--plan", str(plan), "--dry-run"]) == 2
    assert capsys.readouterr().err == (
        f"flexlib: line 2 of {plan}: This needs weasyprint, xlsxwriter, which are not installed; run: pip install "
        f"'flexlib[excel,pdf]'\nline 3 of {plan}: This needs resvg_py, which is not installed; run: pip install "
        "'flexlib[pdf]'\n"
    )


def test_all_files_that_settings_name_and_that_are_not_there_are_told_with_what_is_wrong_in_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ("FLEXLIB_BUDGETS", "FLEXLIB_MAIL", "FLEXLIB_NOTICES", "FLEXLIB_ORGANIZATION")
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    for setting in settings:
        monkeypatch.setenv(setting, str(tmp_path / "gone.yaml"))
    (plan := tmp_path / "month.yaml").write_text("rates: no\nzone: Mars\n")
    assert main([*SEPTEMBER, "--plan", str(plan), "--output-dir", str(tmp_path / "reports")]) == 2
    assert capsys.readouterr().err.removeprefix("flexlib: ").splitlines() == [
        f"line 2 of {plan}: 'Mars' is not a time zone; write it as America/Santiago or UTC.",
        *(f"{one} names {tmp_path / 'gone.yaml'}, which is not there; put it back, or name another one."
          for one in settings),
    ]  # fmt: skip
    assert not (tmp_path / "reports").exists()


def test_a_plan_that_is_named_and_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SEPTEMBER, "--plan", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml cannot be read: no such file or directory" in capsys.readouterr().err


def test_where_there_is_nothing_to_close_it_says_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SEPTEMBER) == 2
    assert "No service key: set WINDSURF_SERVICE_KEY" in capsys.readouterr().err
    assert main([*SEPTEMBER, "--lang", "es"]) == 2
    assert "Falta la clave de servicio: defina WINDSURF_SERVICE_KEY" in capsys.readouterr().err


def test_the_example_is_what_happens_without_a_file() -> None:
    from dataclasses import replace

    from flexlib.closing.plan import MonthPlan, read_plan

    example = HOME / "params" / "month.example.yaml"
    assert replace(read_plan(example, export_formats.FORMATS), file=None) == MonthPlan()
    commented = re.sub(r"^#(?=\w|  - )", "", example.read_text("utf-8"), flags=re.MULTILINE)
    assert "operator: ops@example.com" in commented


def test_a_second_run_of_a_month_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    with lock_folder(tmp_path / "demo" / "2025-09", "September", wait=False):
        assert main([*SEPTEMBER, "--output-dir", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert re.search(r"Another run \(process .*\) is closing 2025-09 in .*demo/2025-09; wait", said.err)
    assert said.out == ""


def test_a_server_that_does_not_answer_stops_what_needs_its_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("WINDSURF_SERVICE_KEY", "demo-key"), ("WINDSURF_BASE_URL", "http://127.0.0.1:9")):
        monkeypatch.setenv(name, value)
    (plan := tmp_path / "month.yaml").write_text("rates: no\noperator: ops@example.com\n")
    assert main([*SEPTEMBER, "--plan", str(plan), "--output-dir", str(tmp_path / "reports")]) == 1
    said = capsys.readouterr()
    lines = re.sub(r"\d+\.\d s", "s", said.out).splitlines()
    assert lines[:4] == [
        "Closing September 2025",
        "  fetch               failed    s, exit code 1, Nothing answers at http://127.0.0.1:9; is the server running?",
        f"  rates               left out  {plan} says no",
        "  ledger              left out  no calls are recorded here",
    ]
    assert "  reports             not run   fetch has failed" in lines
    assert lines[-2] == "September 2025: left out: 7, failed: 1, not run: 3; exit code 1"
    assert said.err.startswith("ops@example.com could not be told: No mail server is known; set FLEXLIB_SMTP_URL")


def test_the_commands_of_a_plan_in_spanish_are_in_spanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = list[list[str]]()

    def refuse(command: list[str], **_: object) -> None:
        ran.append(command)
        raise InvalidRequest("no process is begun here")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", "demo-key")
    (plan := tmp_path / "month.yaml").write_text("rates: no\nlanguage: es\n")
    assert main([*SEPTEMBER, "--plan", str(plan), "--output-dir", str(tmp_path / "reports")]) == 2
    (command,) = ran
    assert command[5:7] == ["flexlib.cli.watched", "fetch"]
    assert [*zip(command, command[1:], strict=False)].count(("--lang", "es")) == command.count("--lang") == 1


def test_what_is_refused_at_the_door_is_said_in_the_plans_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    monkeypatch.setenv("FLEXLIB_ORGANIZATION", str(tmp_path / "gone.csv"))
    (plan := tmp_path / "month.yaml").write_text("rates: no\nlanguage: es\n")
    assert main([*SEPTEMBER, "--plan", str(plan), "--dry-run"]) == 2
    assert f"FLEXLIB_ORGANIZATION nombra {tmp_path}/gone.csv, que no existe" in capsys.readouterr().err
    assert main([*SEPTEMBER, "--plan", str(plan), "--dry-run", "--lang", "en"]) == 2
    assert f"FLEXLIB_ORGANIZATION names {tmp_path}/gone.csv, which is not there" in capsys.readouterr().err


def test_a_long_name_of_a_step_stands_apart_from_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_step(Record("report compare_months_vs_2025-06", Outcome.KEPT, "nothing has changed"))
    assert capsys.readouterr().out == "  report compare_months_vs_2025-06 kept      nothing has changed\n"


def write_notebook() -> str:
    """That of the package up to where it has loaded the month and says its state: a page is made of it in half the
    time, and a run asks no more of it."""
    notebook = json.loads((HOME / "notebooks" / "llm_usage.ipynb").read_text("utf-8"))
    last = [cell["id"] for cell in notebook["cells"]].index("load")
    return json.dumps(notebook | {"cells": notebook["cells"][: last + 1]})


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a call in the ledger, one in a file, a budget that they pass, and somebody to be told of it."""
    for name, text in {
        "exports/calls.csv": CALLS,
        "params/budgets.yaml": BUDGETS,
        "params/notices.yaml": NOTICES,
        "params/month.yaml": PLAN,
        ".env": "FLEXLIB_LANG=en\n",
        "notebooks/llm_usage.ipynb": write_notebook(),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    calls = [{**CALL, "request_id": f"r{number}", "created_at": f"2025-09-{number:02d}T10:00:00Z"} for number in (1, 2)]
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in calls))
    assert main(["record", "--jsonl", "calls.jsonl"]) == 0
    return tmp_path


def run_month_process(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "flexlib", *SEPTEMBER], cwd=folder, capture_output=True, text=True)


def read_run(folder: Path) -> dict[str, Any]:
    file = folder / "reports" / "2025-09" / RUN
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {"steps": []}


def read_end(folder: Path) -> dict[str, Any]:
    """What a run leaves, apart from times and from what it did this time."""
    ended = read_run(folder)
    told = [json.loads(line)["notices"] for line in (folder / "data" / "told.jsonl").read_text("utf-8").splitlines()]
    return {
        "exit code": ended["exit_code"],
        "steps": {one["step"]: (one["outcome"] in ("failed", "not run"), one.get("exit_code"), one.get("state"),
                                sorted(one.get("files", {}))) for one in ended["steps"]},
        "csv": (folder / "reports" / "2025-09" / "csv_2025-09.csv").read_text("utf-8"),
        "page": (folder / "reports" / "2025-09" / "llm_usage.html").exists(),
        "told": told,
    }  # fmt: skip


def kill_when(folder: Path, is_there: Callable[[], bool], *, is_whole: bool) -> None:
    """Runs the month until that is so, and kills it; `is_whole`: with its commands, else the last one has to see it."""
    with subprocess.Popen(
        [sys.executable, "-m", "flexlib", *SEPTEMBER], cwd=folder, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:  # fmt: skip
        until = time.monotonic() + KILL_SECONDS
        while not is_there() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        (os.killpg if is_whole else os.kill)(process.pid, signal.SIGKILL)


@pytest.mark.heavy
def test_a_run_that_is_killed_after_each_step_and_begun_again_ends_the_same(company: Path) -> None:
    """And in the middle of a report. Each run goes on from where the one before was killed: what one of them loses is
    lost at the end."""
    start = company.with_name(f"{company.name}_start")
    shutil.copytree(company, start)
    done = run_month_process(company)
    assert done.returncode == LIMIT_PASSED, done.stdout + done.stderr
    expected = read_end(company)
    assert len(expected["told"]) == 1
    steps = [one["step"] for one in read_run(company)["steps"]]
    numbers = [number for number, one in enumerate(read_run(company)["steps"], 1) if "ran_at" in one]
    assert len(numbers) == 7
    shutil.rmtree(company)
    shutil.copytree(start, company)
    page = company / "reports" / "2025-09" / "llm_usage.html"
    for number in numbers:
        if steps[number - 1] == "report llm_usage":
            kill_when(company, lambda: any(page.parent.glob(".report-*")), is_whole=True)
            assert any(page.parent.glob(".report-*"))
            assert not page.exists()
            assert len(read_run(company)["steps"]) == number - 1
        before = read_run(company)

        def is_noted(before: dict[str, Any] = before, number: int = number) -> bool:
            return (now := read_run(company)) != before and len(now["steps"]) >= number

        # Every second time its last command ends while the next run begins; not where that would be the report.
        kill_when(company, is_noted, is_whole=bool(number % 2) or steps[number:][:1] == ["report llm_usage"])
        assert len(read_run(company)["steps"]) >= number, f"killed after {steps[number - 1]}"
    again = run_month_process(company)
    assert again.returncode == LIMIT_PASSED, again.stdout + again.stderr
    assert read_end(company) == expected


def list_running(group: int) -> list[str]:
    """The states of the processes of a group that have not ended, whoever their parent is now."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of, *_ = file.read_text().rpartition(") ")[2].split()
            found += [state] if int(of) == group and state not in "ZX" else []
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes of others are read as Linux lists them")
def test_the_command_of_a_run_that_is_killed_ends_by_itself(tmp_path: Path) -> None:
    """One that waits for lines which nobody writes."""
    os.mkfifo(tmp_path / "calls")
    run = "from flexlib.closing.process import run_command; run_command(['record', '--jsonl', 'calls'])"
    with subprocess.Popen([sys.executable, "-c", run], cwd=tmp_path, start_new_session=True) as process:
        until = time.monotonic() + END_SECONDS
        while len(list_running(process.pid)) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert len(list_running(process.pid)) == 2
        process.kill()
    while list_running(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    left = list_running(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert left == []


@pytest.mark.heavy
def test_a_run_that_is_asked_to_end_ends_its_commands_too(company: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "flexlib", *SEPTEMBER], cwd=company, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, text=True
    ) as process:  # fmt: skip
        until = time.monotonic() + KILL_SECONDS
        while len(read_run(company)["steps"]) < 3 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=KILL_SECONDS)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped. Each step that was done is noted: run it again to go on." in said
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # nobody of them is left
    assert run_month_process(company).returncode == LIMIT_PASSED


@pytest.mark.heavy
def test_the_readme_shows_what_it_prints_on_the_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FIXTURE, tmp_path / "fixture")
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "fixture"))
    done = run_month_process(tmp_path)
    assert done.returncode == 0, done.stderr
    shown = re.search(r"```text\n(Closing September 2025\n.*?)```", (HOME / "README.md").read_text("utf-8"), re.DOTALL)
    assert shown is not None
    seconds = re.compile(r"\d+\.\d s")
    assert sorted(seconds.sub("s", done.stdout).splitlines()) == sorted(seconds.sub("s", shown[1]).splitlines())
