"""`flexlib menu` in a real pseudo-terminal: arrow keys, the command that it prints and runs, Ctrl-C."""

from __future__ import annotations

import argparse
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from flexlib.cli import menu
from flexlib.cli.main import main
from flexlib.report.parameters import list_notebooks
from flexlib.settings import load_settings

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
DOWN, ENTER, CTRL_C = "\x1b[B", "\r", "\x03"
SECONDS = 60
"""Until what is waited for must have come."""
CURSOR = "\x1b[6n"
"""What a terminal is asked for: where the cursor is."""


class Terminal:
    """A reader at a terminal in front of one command."""

    def __init__(self, process: subprocess.Popen[bytes], line: int) -> None:
        self.process, self._line, self.seen = process, line, ""

    def wait_for(self, text: str) -> None:
        """Until the screen has shown it, since the last time."""
        until, new = time.monotonic() + SECONDS, ""
        while text not in strip(new):
            assert time.monotonic() < until, f"{text!r} did not come: {self.seen!r}"
            if select.select([self._line], [], [], 0.1)[0]:
                piece = self._read()
                assert piece, f"it ended before {text!r}: {self.seen!r}"
                new, self.seen = new + piece, self.seen + piece
                if CURSOR in piece:
                    self.press("\x1b[1;1R")

    def press(self, *keys: str) -> None:
        os.write(self._line, "".join(keys).encode())

    def wait_for_end(self) -> int:
        until = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            if select.select([self._line], [], [], 0.1)[0]:
                self.seen += self._read()
        while select.select([self._line], [], [], 0.1)[0] and (piece := self._read()):
            self.seen += piece
        return self.process.wait(1)

    def _read(self) -> str:
        try:
            return os.read(self._line, 65536).decode(errors="replace")
        except OSError:  # nobody is at the other end any more
            return ""


def strip(text: str) -> str:
    """What stands on the screen, without colours and moves of the cursor."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@contextmanager
def open_menu(*words: str) -> Iterator[Terminal]:
    pty = pytest.importorskip("pty")  # not on Windows
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "FLEXLIB_DATA": str(FIXTURE), "COLUMNS": "100", "LINES": "40"}
    command = [sys.executable, "-m", "flexlib", "menu", *words]
    pipes = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    try:
        with subprocess.Popen(command, env=environment, start_new_session=True, **pipes) as process:
            os.close(theirs)
            yield Terminal(process, ours)
            process.kill()
    finally:
        os.close(ours)


def test_it_prints_the_command_that_was_chosen_runs_it_and_asks_again() -> None:
    with open_menu() as screen:
        screen.wait_for("Leave")
        place = next(number for number, one in enumerate(menu.JOBS) if one.words == ("spend",))
        screen.press(DOWN * place, ENTER)
        screen.wait_for("September 2025")
        months = [one.title for one in menu.list_choices(load_settings({"FLEXLIB_DATA": str(FIXTURE)}))]
        screen.press(DOWN * months.index("September 2025"), ENTER)
        screen.wait_for("$ flexlib spend --year 2025 --month 9")
        screen.wait_for("WHO BILLS")
        screen.wait_for("Leave")
        screen.press(DOWN * (len(menu.list_jobs()) - 1), ENTER)
        assert screen.wait_for_end() == 0


def test_ctrl_c_leaves_without_a_traceback_and_in_the_language_that_was_asked_for() -> None:
    with open_menu("--lang", "es") as screen:
        screen.wait_for("Salir")
        assert "¿Qué quiere hacer?" in strip(screen.seen)
        place = next(number for number, one in enumerate(menu.JOBS) if one.words == ("doctor",))
        screen.press(DOWN * place, ENTER)
        screen.wait_for("$ flexlib doctor --lang es")  # a plan may have a language of its own
        screen.wait_for("Salir")
        screen.press(CTRL_C)
        assert screen.wait_for_end() == menu.STOPPED
        assert "Traceback" not in screen.seen
        assert "flexlib:" not in screen.seen


def test_without_a_terminal_it_says_what_to_do_instead(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["menu"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "flexlib: flexlib menu asks its questions in a terminal, and there is none here; give the command itself, "
        "such as flexlib month --year 2025 --month 9.\n"
    )


@pytest.mark.parametrize("job", menu.JOBS, ids=lambda job: " ".join(job.words))
def test_each_job_is_a_command_that_flexlib_takes(job: menu.Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    taken: list[list[str]] = []
    monkeypatch.setattr(argparse.ArgumentParser, "exit", lambda *_: pytest.fail("it is refused"))
    for notebook in list_notebooks() if "notebook" in job.asks else [""]:
        answers = {"Which report?": notebook, "Which month?": "2025-09"}

        def ask(question: str, _choices: Mapping[str, str], answers: dict[str, str] = answers) -> str:
            return answers[question]

        words = menu.choose_words(job, load_settings(), ask)
        taken.append(words)
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers()
        from flexlib.cli.main import COMMANDS

        for room in COMMANDS:
            room.add_commands(commands)
        parser.parse_args([*words, *["--demo"] * job.has_demo, "--lang", "es"])
    if job.words == ("compare",):
        assert taken == [["compare", "2025-08", "2025-09"]]
    if job.words == ("report",):
        assert ["report", "--notebook", "year", "--year", "2025"] in taken


def test_a_month_is_handed_on_from_the_menu_and_nothing_is_sent_from_it() -> None:
    words = {one.words[0]: one.words[1:] for one in menu.JOBS}
    assert {"export", "site", "send"} <= words.keys()
    assert "--dry-run" in words["send"]


def test_the_months_to_choose_from_are_those_that_are_stored_and_the_one_that_has_ended() -> None:
    found = [str(one) for one in menu.list_choices(load_settings({"FLEXLIB_DATA": str(FIXTURE)}))]
    assert found[1:] == ["2025-09", "2025-08"]
    assert list_notebooks()["llm_usage"] == "LLM spend of a month"
