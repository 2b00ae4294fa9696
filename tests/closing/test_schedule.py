"""The entries of `flexlib schedule`, read by those who know their rules: a shell, systemd, parsers of XML and YAML."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import flexlib
from flexlib.cli.main import main
from flexlib.closing.schedule import TASK, Job, write_systemd, write_windows
from flexlib.settings import CA_BUNDLES

NAME = 'it\'s 50% "mine" $HOME; ñ'
"""A folder whose name every one of them would read otherwise, were it not quoted."""
SETTINGS = 'WINDSURF_SERVICE_KEY=demo-key\nFLEXLIB_DATA="{data}"\nFLEXLIB_SMTP_URL=smtp://u:pass%20phrase@mail.example.com\nFLEXLIB_SMTP_FROM=a@example.com\n'
PLAN = "zone: America/Santiago\nreports: []\nexports: []\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with settings in its `.env` and a plan of its own."""
    home = tmp_path / NAME
    for name in ("notebooks", "params"):
        (home / name).mkdir(parents=True)
    (home / ".env").write_text(SETTINGS.format(data=str(home / "own data").replace('"', '\\"')), "utf-8")
    (home / "params" / "month.yaml").write_text(PLAN, "utf-8")
    monkeypatch.chdir(home)
    monkeypatch.delenv("FLEXLIB_DATA", raising=False)
    return home


def write_entry(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["schedule", *words]) == 0
    return capsys.readouterr().out


def read_cron_line(line: str) -> tuple[list[str], str]:
    """The five fields and the command, as cron reads them: an escaped `%` is one, any other ends the command."""
    *fields, command = line.split(maxsplit=5)
    command, *rest = re.split(r"(?<!\\)%", command)
    assert rest == []
    return fields, command.replace(r"\%", "%")


def test_cron_runs_it_in_the_folder_with_its_settings(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = write_entry(capsys, "--cron", "--day", "3", "--at", "07:30", "--", "--dry-run", "--json")
    lines = [line for line in written.splitlines() if not line.startswith("#")]
    assert lines[0] == "CRON_TZ=America/Santiago"
    fields, command = read_cron_line(lines[1])
    assert fields == ["30", "7", "3", "*", "*"]
    surroundings = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}  # about what cron gives
    done = subprocess.run(["/bin/sh", "-c", command], cwd="/", env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    fetch = next(one for one in json.loads(done.stdout)["steps"] if one["step"] == "fetch")
    assert fetch["runs"]  # by the key that stands there
    assert str(folder / ".env") in written


def test_systemd_takes_the_units_and_reads_the_words_that_were_meant(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = write_entry(capsys, "--systemd", "--", "--plan", str(folder / "params" / "month.yaml"))
    files = re.split(r"^# ~/\.config/systemd/user/(flexlib-month\.\w+)\b.*\n", written, flags=re.MULTILINE)
    assert files[1::2] == ["flexlib-month.service", "flexlib-month.timer"]
    for name, text in zip(files[1::2], files[2::2], strict=True):
        (tmp_path / name).write_text(text, "utf-8")
    assert "OnCalendar=*-*-02 06:00:00 America/Santiago\nPersistent=true" in files[4]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    verify = ["systemd-analyze", "verify", "--user", *(str(tmp_path / name) for name in files[1::2])]
    done = subprocess.run(verify, capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "flexlib-month" in line]
    assert ours == [], done.stderr
    calendar = ["systemd-analyze", "calendar", "*-*-02 06:00:00 America/Santiago"]
    assert subprocess.run(calendar, capture_output=True).returncode == 0


def test_a_word_of_a_unit_is_quoted_where_systemd_would_read_it_otherwise(tmp_path: Path) -> None:
    job = Job(Path("/opt/py 3/bin/python"), tmp_path / NAME, ("month", "--plan", f"/{NAME}\\x"), 2, time(6), "UTC")
    lines = write_systemd(job).splitlines()
    wanted = r'''ExecStart="/opt/py 3/bin/python" -P -m flexlib month --plan "/it's 50%% \"mine\" $$HOME; ñ\\x"'''
    assert wanted in lines
    assert f'WorkingDirectory={tmp_path}/it\'s 50%% "mine" $HOME; ñ' in lines


def test_windows_takes_the_task(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = ElementTree.fromstring(write_entry(capsys, "--windows", "--", "--output-dir", "a b"))
    names = {"t": TASK}
    assert task.findtext(".//t:Command", namespaces=names) == sys.executable
    assert task.findtext(".//t:Arguments", namespaces=names) == '-P -m flexlib month --output-dir "a b"'
    assert task.findtext(".//t:WorkingDirectory", namespaces=names) == str(folder)
    assert task.findtext(".//t:StartBoundary", namespaces=names) == "2025-01-01T06:00:00"
    said = task.findtext(".//t:Description", namespaces=names) or ""
    assert said.endswith("the time is that of the machine, which should be in America/Santiago")
    assert [one.text for one in task.findall(".//t:Day", names)] == ["2"]
    months = task.find(".//t:Months", names)
    assert months is not None
    assert len(months) == 12


def test_github_takes_the_workflow_and_no_secret_stands_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = write_entry(capsys, "--github", "--", "--plan", "params/month.yaml")
    workflow: dict[Any, Any] = yaml.safe_load(written)
    steps = workflow["jobs"]["month"]["steps"]
    (run,) = [one for one in steps if "env" in one]
    assert run["run"] == "flexlib month --plan params/month.yaml"
    assert run["env"] == {name: f"${{{{ secrets.{name} }}}}"
                          for name in ("WINDSURF_SERVICE_KEY", "FLEXLIB_SMTP_FROM", "FLEXLIB_SMTP_URL")}  # fmt: skip
    assert any(f"flexlib[reports]=={flexlib.__version__}" in one.get("run", "") for one in steps)
    when = workflow[True]["schedule"]  # `on` is true to YAML
    assert when == [{"cron": "0 6 2 * *", "timezone": "America/Santiago"}]
    assert "mail.example.com" not in written
    saved = next(one for one in steps if one.get("uses", "").startswith("actions/cache/save"))
    assert saved["if"] == "always()"  # also of a month that is not whole
    assert saved["with"]["path"].split() == ["data", "reports"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cron", "--at", "6"], "6 is no time of day; write it as 06:00"),
        (["--cron", "--", "--plan", "a\nb"], r"'a\nb' has no place in a line of a schedule"),
        (["--cron", "--", "--plan=none.yaml"], "none.yaml cannot be read"),
        (["--cron", "--", "a\nb"], r"'a\nb' has no place in a line of a schedule"),
    ],
)
def test_what_makes_no_sense_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--plan=own.yaml"], ["--plan", "own.yaml"], ["--pla", "own.yaml"]])
def test_the_zone_is_that_of_the_plan_however_it_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    (folder / "own.yaml").write_text("zone: Asia/Tokyo\n")
    monkeypatch.chdir(folder / "params")  # it runs in the project's folder, wherever it was printed
    assert "CRON_TZ=Asia/Tokyo\n" in write_entry(capsys, "--cron", "--", *options)


def test_options_that_a_month_does_not_know_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schedule", "--cron", "--", "--plam", "x"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "--plam" in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--year", "2025"], "give --year and --month, or neither for the month that has ended."),
        (["--output-dir", "site"], "--output-dir site is where the site goes; name another folder for the reports."),
    ],
)
def test_an_entry_that_could_never_run_is_not_printed(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["schedule", "--cron", "--", *options]) == 2
    assert capsys.readouterr() == ("", f"flexlib: {said}\n")


def test_settings_of_the_environment_alone_are_named_without_their_values(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that `.env` has too, as they are there, are the run's, and on GitHub those that the workflow passes on."""
    for name in ("FLEXLIB_LANG", *CA_BUNDLES):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "FLEXLIB_DATA": "/srv/months",
        "FLEXLIB_SMTP_URL": "smtp://u:secret@other.example.com",
        "FLEXLIB_SMTP_FROM": "a@example.com",
        "WINDSURF_BASE_URL": "",
    }.items():
        monkeypatch.setenv(name, value)
    for kind, names, place in (
        ("--cron", "FLEXLIB_DATA, FLEXLIB_SMTP_URL", folder / ".env"),
        ("--github", "FLEXLIB_DATA", "the env of the workflow"),
    ):
        assert main(["schedule", kind]) == 0
        wanted = f"What is set in the environment alone, the run of this entry does not know: {names}. Write it into "
        assert capsys.readouterr().err == f"{wanted}{place}.\n"
    for name in ("FLEXLIB_DATA", "FLEXLIB_SMTP_URL"):
        monkeypatch.delenv(name)
    assert main(["schedule", "--cron"]) == 0
    assert capsys.readouterr().err == ""


def test_github_installs_what_the_plan_and_the_settings_need(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "params" / "month.yaml").write_text("with: [xlsx]\nexports: [png]\n")
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", "postgresql://ledger@example.com/calls")
    written = write_entry(capsys, "--github")
    assert f'"flexlib[reports,excel,pdf,postgres]=={flexlib.__version__}"' in written
    assert "# Keep `data` somewhere durable" in written
    shared = yaml.safe_load(written)["jobs"]["month"]["steps"][-1]["with"]["path"]
    assert shared.split() == ["reports", "!reports/**/run.json", "!reports/**/mail/**"]


@pytest.mark.parametrize("plan", ["names: yes", "reports: [{notebook: chargeback, parameters: {names: true}}]"])
def test_github_shares_no_pages_that_name_people_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], plan: str
) -> None:
    (folder / "params" / "month.yaml").write_text(plan)
    written = write_entry(capsys, "--github")
    steps = yaml.safe_load(written)["jobs"]["month"]["steps"]
    assert [one for one in steps if "upload-artifact" in one.get("uses", "")] == []
    assert "# No artifact: all who may read the repository would see people by name." in written


def test_a_windows_task_of_any_folder_is_xml() -> None:
    job = Job(Path("C:/py/python.exe"), Path("C:/a & <b>"), ("month",), 2, time(6), "UTC")
    assert "C:/a &amp; &lt;b&gt;" in write_windows(job)
