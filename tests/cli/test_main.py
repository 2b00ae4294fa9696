"""The command line itself: help with examples that work, one sentence for what is wrong, exit codes for scripts."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from harness import KEY
from report_samples import FIXTURE

import flexlib
from flexlib.cli.main import COMMANDS as MODULES
from flexlib.cli.main import _take_signals, main
from flexlib.cli.options import read_span
from flexlib.commands import write_command
from flexlib.dates import Month
from flexlib.i18n import speak
from flexlib.store.version import Snapshot

Demo = Callable[..., str]
Fetch = Callable[..., Snapshot]

NEXT = Month.containing(datetime.now(timezone.utc).date()).next
WHEN = ("--year", "2025", "--month", "9")


def build_parser() -> tuple[argparse.ArgumentParser, list[str]]:
    parser = argparse.ArgumentParser(prog="flexlib")
    commands = parser.add_subparsers()
    for room in MODULES:
        room.add_commands(commands)
    return parser, sorted(commands.choices)


PARSER, COMMANDS = build_parser()


def read_help(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])
    assert left.value.code == 0
    return capsys.readouterr().out


def find_examples(text: str) -> list[list[str]]:
    """The words after `flexlib` of each example; what is said beside it, after three blanks, left out."""
    lines = re.sub(r"\\\n *", "", text.partition("examples:\n")[2].partition("\n\n")[0]).splitlines()
    lines = [line for line in lines if "flexlib " in line]  # others say what an example does
    return [shlex.split(re.sub(r"(?<=\S) {3,}\w[^-].*", "", line).partition("flexlib ")[2]) for line in lines]


@pytest.mark.parametrize(
    ("redirected", "said", "code"),
    [
        ("PYTHONIOENCODING=ascii {} > /dev/null", "", 0),
        ("{} >&-", "", 0),
        ("{} > /dev/full", "flexlib: What was printed could not be written: no space left on device; make room.\n", 1),
        ("FLEXLIB_DATA='~nosuch/x' {}",
         "flexlib: FLEXLIB_DATA is '~nosuch/x', whose ~ stands for nobody's home; write the path out.\n", 2),
        ("d=$(mktemp -d); cd $d; rmdir $d; {}",
         "flexlib: The folder that you are in is no longer there; go to one that is.\n", 2),
    ],
)  # fmt: skip
def test_what_the_machine_does_is_no_fault_of_ours(redirected: str, said: str, code: int) -> None:
    fixture = Path(__file__).parents[1] / "data" / "fixture"
    command = redirected.format(f"{sys.executable} -m flexlib certificate --year 2025 --month 9")
    done = subprocess.run(
        ["sh", "-c", command], env=os.environ | {"FLEXLIB_DATA": str(fixture)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    seen = done.stderr.endswith(said), "fault in flexlib" in done.stderr, done.returncode
    assert seen == (True, False, code), done.stderr


def test_a_file_or_folder_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    file = tmp_path / "credits" / "2025-09" / "20251001T000000.000000Z-01234567" / "certificate.json"
    file.mkdir(parents=True)
    (file.parent / "credits.parquet").touch()
    assert main(["certificate", *WHEN]) == 1
    why = "is a directory; fix or move it, and run the command again."
    assert capsys.readouterr().err == f"flexlib: {file} cannot be used: {why}\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("year: 2025\nmonth: 9\nyear: 2024", "the name 'year' is given twice, again in line 3"),
        ("- 2025", "{} must have lines of a name and a value, such as year: 2025"),
        ("2025: 1", "{} must have lines of a name and a value, such as year: 2025"),
        ("year: " + "[" * 50_000, "it is nested more than 64 levels deep"),
    ],
    ids=["twice", "list", "number", "deep"],
)
def test_parameters_that_cannot_be_meant_are_one_sentence(
    content: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "parameters.yaml"
    file.write_text(content)
    assert main(["report", "-f", str(file)]) == 2
    assert capsys.readouterr().err == f"flexlib: The parameters cannot be read: {why.format(file)}.\n"


def test_every_command_of_the_months_is_there() -> None:
    assert {"fetch", "certificate", "by-model", "daily", "monthly", "report", "demo"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_ends_in_examples_that_it_understands(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = find_examples(read_help(capsys, command))
    assert examples, "no examples"
    monkeypatch.chdir(tmp_path)
    for file in {words[words.index("--roster") + 1] for words in examples if "--roster" in words}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()  # a roster is looked for as soon as it is named
    assert command in [words[0] for words in examples] or command == "demo"
    for words in examples:
        assert PARSER.parse_args(words).run


def test_the_help_of_all_says_the_exit_codes_the_settings_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    text = read_help(capsys)
    assert "0 whole, 1 a run failed, 2 wrong usage, 3 data incomplete, 4 not reconciled" in text
    assert "WINDSURF_SERVICE_KEY" in text
    assert {words[0] for words in find_examples(text)} <= set(COMMANDS)


def test_flexlib_alone_shows_its_help_and_a_script_sees_that_nothing_was_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([]) == 2
    assert capsys.readouterr().out == read_help(capsys)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("--year 2025 --month 9", "2025-09-01 to 2025-09-30"),
        ("--year 2025", "2025-01-01 to 2025-12-31"),
        ("--year 2024 --start-month 11", "2024-11-01 to 2024-12-31"),
        ("--year 2024 --end-month 2", "2024-01-01 to 2024-02-29"),
        ("--year 2025 --start-month 7 --end-month 9", "2025-07-01 to 2025-09-30"),
        ("--start-date 2025-09-05 --end-date 2025-10-01", "2025-09-05 to 2025-10-01"),
        (f"--year {NEXT.previous.year}", f"{NEXT.previous.year}-01-01 to {NEXT.previous.last}"),  # no month to come
    ],
)
def test_days_are_a_month_months_of_a_year_or_two_dates(words: str, days: str) -> None:
    assert str(read_span(PARSER.parse_args(["monthly", *words.split()]))) == days


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"flexlib {flexlib.__version__}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fetch", "--month", "9"], "give either --year and --month, or --year alone or with --start-month and"),
        (["fetch"], "give either --year and --month, or --year alone or with --start-month and --end-month, or"),
        (["fetch", *WHEN, "--start-date", "2025-09-01"], "give either --year and --month"),
        (["fetch", *WHEN, "--end-month", "10"], "give either --year and --month"),
        (["fetch", "--start-month", "9"], "give either --year and --month"),
        (["fetch", "--start-date", "2025-09-01"], "give either --year and --month"),
        (["fetch", "--year", "2025", "--start-month", "0"], "month must be a whole number from 1 to 12, not 0."),
        (["monthly", "--year", "2025", "--start-month", "9", "--end-month", "8"], "ends before that, on 2025-08-31"),
        (["report", "--start-date", "2025-08-01", "--end-date", "2025-09-29"], "a report is of a whole month; 2025-"),
        (["report", "-f", "nowhere.yaml"], "nowhere.yaml cannot be read: no such file or directory; give the path"),
        (["import", "nowhere.csv", "--timestamp", "time"], "nowhere.csv does not exist; give the path of a file or"),
        (["import", "exports/", "--timestamp", "time"], "exports does not exist; give the path of a file or folder."),
        (["by-model", "--year", "2025", "--month", "13"], "month must be a whole number from 1 to 12, not 13."),
        (["daily", "--year", "0", "--month", "1"], "year must be a whole number from 2000 to 2100, not 0."),
        (
            ["monthly", "--start-date", "2025-12-31", "--end-date", "2025-01-01"],
            "ends before that, on 2025-01-01; swap",
        ),
        (
            ["fetch", "--start-date", "2025-02-30", "--end-date", "2025-03-01"],
            "'2025-02-30' is not a date; write it as",
        ),
        (["fetch", "--year", str(NEXT.year), "--month", str(NEXT.month)], f"{NEXT.title} has not begun yet; ask for"),
        (["fetch", *WHEN], "No service key: set WINDSURF_SERVICE_KEY in the environment or in .env"),
        (["fx", "set", "2025-09-02", "9" * 5000, "--source", "x"], f"{'9' * 40}... (5,000 characters)"),
        (["certificate", *WHEN], "No credits of 2025-09 in "),
        (["certificate", *WHEN, "--source", "ledger"], "from ledger. Run: flexlib close --year 2025 --month 9"),
    ],
)
def test_wrong_usage_is_one_sentence_with_exit_code_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("flexlib: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fetch", *WHEN, "--route", "fastest"], "argument --route: invalid choice: 'fastest' (choose from"),
        (["fetch", *WHEN, "--workers", "0"], "argument --workers: '0' is not a number from 1 to 1000"),
        (["fetch", *WHEN, "--workers", "-5"], "argument --workers: '-5' is not a number from 1 to 1000"),
        (["fetch", *WHEN, "--verify", "some"], "argument --verify: 'some' is neither a number nor 'all'"),
        (["fetch", "--year", "twenty", "--month", "9"], "argument --year: invalid int value: 'twenty'"),
        (["fetch", *WHEN, "--colour"], "unrecognized arguments: --colour"),
        (["guess"], "invalid choice: 'guess'"),
        (["fetch", "--year", "9" * 5000], f"invalid int value: {'9' * 40}... (5,000 characters)"),
        (["fetch", *WHEN, "--\x1b[2J\u202e"], "unrecognized arguments: --�[2J�"),
    ],
)
def test_a_word_that_no_command_knows_is_a_sentence_after_the_usage_with_exit_code_2(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "WINDSURF_BASE_URL",
            "http://server.codeium.com",
            "must be https: over 'http://server.codeium.com' the service",
        ),
        (
            "WINDSURF_BASE_URL",
            "https://server.codeium.com/api/v1",
            "must be scheme and host only, such as https://serv",
        ),
        ("WINDSURF_BASE_URL", "server.codeium.com", "must be scheme and host only"),
        ("WINDSURF_CONSUMPTION_UNIT", "acu", "must be one of credits, hundredths"),
        ("WINDSURF_SERVICE_KEY", "two words", "holds a blank or a character that no key has"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence_with_exit_code_2(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["fetch", *WHEN]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "words", ["import caf\udce9.csv", "fx set 2025-09-01 950 --source \udcf1", "report --notebook \udcf1.ipynb"]
)
def test_a_word_that_is_not_in_utf_8_is_told_before_anything_is_done(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    assert said.endswith(" is not in UTF-8; write it so, or rename what it names.\n")
    assert (said.count("\n"), said.count("�")) == (1, 1)


def test_a_server_that_is_not_there_is_one_sentence_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
    assert main(["fetch", *WHEN]) == 1
    assert capsys.readouterr().err == "flexlib: Nothing answers at http://127.0.0.1:9; is the server running?\n"


def test_a_fault_of_ours_is_a_sentence_with_exit_code_1_and_a_traceback_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ZeroDivisionError(f"with the key {KEY} in it")

    monkeypatch.setenv("WINDSURF_SERVICE_KEY", KEY)
    monkeypatch.setattr(sys.modules["flexlib.cli.main"], "COMMANDS", [FaultyRoom(fail)])
    assert main(["fail"]) == 1
    sentence = (
        "A fault in flexlib itself: ZeroDivisionError: with the key [service key] in it. FLEXLIB_DEBUG=1 shows wh"
    )
    assert capsys.readouterr().err.startswith(f"flexlib: {sentence}")
    monkeypatch.setenv("FLEXLIB_DEBUG", "1")
    assert main(["fail"]) == 1
    said = capsys.readouterr().err
    assert "Traceback (most recent call last):" in said
    assert "in fail" in said
    assert KEY not in said


class FaultyRoom:
    """A room whose one command does what it is given."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def add_commands(self, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        commands.add_parser("fail").set_defaults(run=lambda *_: self.act())


def start(url: str, data: Path, *words: str) -> subprocess.Popen[str]:
    environment = {"WINDSURF_BASE_URL": url, "WINDSURF_SERVICE_KEY": KEY, "FLEXLIB_DATA": str(data)}
    environment["PYTHONUNBUFFERED"] = ""  # as everywhere but in containers
    command = [sys.executable, "-m", "flexlib", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=os.environ | environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_ctrl_c_ends_a_fetch_at_once_and_what_was_read_is_kept(demo: Demo, tmp_path: Path) -> None:
    with start(demo("--latency", "0.5"), tmp_path / "data", "fetch", *WHEN, "--route", "user") as process:
        answers = tmp_path / "data" / "credits" / "2025-09" / ".draft" / "answers.jsonl"
        end = time.monotonic() + 20
        while not (answers.exists() and answers.read_text().count("\n") > 30):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert (output, errors) == (
        "",
        "flexlib: Stopped. What was read is kept for 3 hours: run it again to go on from there.\n",
    )
    assert answers.read_text().count("\n") < 200  # each of 300 people has one


@pytest.mark.parametrize(
    ("number", "code", "months"),
    [(signal.SIGINT, 130, ["--start-month", "8", "--end-month", "9"]), (signal.SIGTERM, 143, ["--month", "9"])],
)
def test_a_signal_ends_reports_at_once_with_their_kernels_and_drafts(
    number: signal.Signals, code: int, months: list[str], tmp_path: Path
) -> None:
    said, out = tmp_path / "said", tmp_path / "out"
    said.mkdir()
    # Each kernel says its process and waits; nobody tells it to end.
    wait = f"import os, time; open(f'{said}/{{os.getpid()}}', 'w').close(); time.sleep(600)"
    cell: dict[str, object] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    parameters = {"source": "year: int = 2025\nmonth: int = 9", "id": "a", "metadata": {"tags": ["parameters"]}}
    cells = [{**cell, **parameters}, {**cell, "source": wait, "id": "b"}]
    notebook = tmp_path / "waits.ipynb"
    notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    words = ("--notebook", str(notebook), "--year", "2025", *months, "--offline", "--output-dir", str(out))
    with start("https://server.codeium.com", FIXTURE, "report", *words) as process:
        end = time.monotonic() + 60
        while len(list(said.iterdir())) < len(months) // 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.splitlines()[-1][:17]) == (code, "flexlib: Stopped.")
    assert [file for file in out.rglob("*") if not file.is_dir() or file.name.startswith(".")] == []
    end = time.monotonic() + 60
    for kernel in said.iterdir():
        while _is_running(int(kernel.name)):
            assert time.monotonic() < end, "a kernel outlived its report"
            time.sleep(0.01)


def _is_running(process: int) -> bool:
    asked = ["ps", "-o", "stat=", "-p", str(process)]
    state = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")  # one that has ended is shown until somebody takes note


def test_an_import_that_is_stopped_says_what_is_stored(tmp_path: Path) -> None:
    with start("https://server.codeium.com", tmp_path / "data", "import", "--from", "litellm", "-") as process:
        assert process.stdin is not None
        process.stdin.write("model\n" * 50_000)  # more than a pipe holds: when it is written, it is being read
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (
        130,
        "flexlib: Stopped. Months that were stored by then are whole, the others are as they were: "
        "run it again to go on.\n",
    )


SLOW = """import sys, time
class Slow:
    def find_spec(self, name, *_):
        if name == {name!r}:
            print("loading", flush=True)
            time.sleep(30)
sys.meta_path.insert(0, Slow())
from flexlib.__main__ import main
sys.exit(main())"""
"""The command on a machine where a module takes long to load."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    # Before a command began, and in it.
    ("module", "said"),
    [("flexlib.cli", []), ("flexlib.cli.spend", []), ("duckdb", ["Data: made up by ", "flexlib: Stopped."])],
)
def test_a_signal_while_modules_are_loaded_ends_a_command_without_a_traceback(
    module: str, said: list[str], number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-c", SLOW.format(name=module), "spend", *WHEN]
    environment, pipe = os.environ | {"FLEXLIB_DATA": str(FIXTURE)}, subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert [line[:17] for line in errors.splitlines()] == said


QUERY = """import os, sys, threading
import duckdb
from flexlib.cli import main, spend
def run(*_):
    threading.Timer(0.2, os.kill, (os.getpid(), {number})).start()
    while True:
        duckdb.sql("SELECT sum(hash(range)) FROM range(1000000)").fetchall()
spend.run_spend = run
sys.exit(main())"""
"""A command that is in one of its queries when a signal comes."""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_a_query_ends_it_in_a_sentence(number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-c", QUERY.format(number=int(number)), "spend", *WHEN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("flexlib: Stopped. ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_an_import_ends_the_command_after_it(number: signal.Signals) -> None:
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    text = "import signal\nsignal.raise_signal(number)\nis_lock_released = True"
    imports: dict[str, object] = {"number": number}
    caught: list[int] = []
    try:
        _take_signals(caught)
        exec(compile(text, "<frozen importlib._bootstrap>", "exec"), imports)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert imports["is_lock_released"]
    assert caught == [number]


def test_a_reader_who_has_seen_enough_is_no_error(demo: Demo, fetch: Fetch, tmp_path: Path) -> None:
    fetch(demo(), verify=0)
    for words in (["certificate", *WHEN], ["by-model", *WHEN, "--json"]):
        with start(demo(), tmp_path / "data", *words) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            errors = process.stderr.read()
            process.wait(20)
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("spend --yaer 2025 --month 9", "(--yaer: did you mean --year?)"),
        ("spend --year 2025 --month 9 --jsn", "unrecognized arguments: --jsn (--jsn: did you mean --json?)"),
        ("certificate --year 2025 --month 9 --source=improt", "(did you mean import?)"),
        ("spned", "(did you mean spend?)"),
        ("exprot --share --json", "(did you mean export?)\n"),  # its options are not looked at: whose are they?
        ("organization chekc", "(did you mean check?)"),
        (
            "report --year 2025 --month 9 --roster people.csv",
            "(--roster: FLEXLIB_ORGANIZATION=FILE names it for this comma",
        ),
        (
            "report --notebook chargeback --rules mine.yaml",
            "(--rules is a parameter of the notebook: -p rules VALUE)",
        ),
        ("report --rules mine.yaml --notebook=chargeback", "(--rules is a parameter of the notebook: -p rules VALUE)"),
        ("report --notebook nope --rules mine.yaml", "(--rules: did you mean --route?)"),
        ("--lagn es doctor", "(--lagn: did you mean --lang?)"),
        ("spend --year 2025 --month 9 --xyzzy", "unrecognized arguments: --xyzzy\n"),
        ("schedule --cron -- --agian", "unrecognized arguments: --agian"),
    ],
)
def test_of_a_word_that_is_misspelt_the_near_one_is_named(
    words: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert left.value.code == 2
    assert meant in capsys.readouterr().err


def test_what_stands_for_a_value_in_the_help_is_in_the_readers_language(capsys: pytest.CaptureFixture[str]) -> None:
    for language, shown in (
        ("es", ("ANTES DESPUÉS", "--roster ARCHIVO", "{credits,usd,clp}")),
        ("en", ("BEFORE AFTER", "--roster FILE", "{credits,usd,clp}")),
    ):
        text = read_help(capsys, "--lang", language, "compare")
        assert [one for one in shown if one not in text] == []
    text = read_help(capsys, "--lang", "es", "import")
    assert "--extra-count NOMBRE=COLUMNA" in text


def test_a_command_to_copy_is_in_the_language_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    missing = ["certificate", "--year", "2025", "--month", "7"]
    for asked, of in ((["--lang", "es"], " --lang es\n"), ([], "\n")):
        main([*asked, "month", *WHEN, "--dry-run"])
        commands = [one for one in capsys.readouterr().out.splitlines(keepends=True) if one.startswith("    flexlib")]
        assert len(commands) > 2
        assert all(one.endswith(of) and one.count("--lang") == len(asked) / 2 for one in commands)
        main([*asked, *missing])
        assert f"flexlib fetch --year 2025 --month 7{of}" in capsys.readouterr().err
    monkeypatch.setenv("FLEXLIB_LANG", "es")  # it is said already
    main(missing)
    assert "flexlib fetch --year 2025 --month 7\n" in capsys.readouterr().err
    main(["--lang", "en", *missing])
    assert "flexlib fetch --year 2025 --month 7 --lang en\n" in capsys.readouterr().err
    with speak("en"):  # for programs
        assert write_command("flexlib doctor") == "flexlib doctor"
    monkeypatch.delenv("FLEXLIB_LANG")
    main(missing)  # so that no other test goes on in it


def test_a_setting_that_makes_no_sense_is_said_in_the_language_that_is_set(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_CACHE_URL", "foo")
    monkeypatch.setenv("FLEXLIB_LANG", "es")
    assert main(["cache", "status"]) == 2
    assert "FLEXLIB_CACHE_URL no se puede leer" in capsys.readouterr().err
    monkeypatch.setenv("FLEXLIB_LANG", "en")
    main(["cache", "status"])
    assert "FLEXLIB_CACHE_URL cannot be read" in capsys.readouterr().err
