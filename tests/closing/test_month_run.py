"""A month's run: what runs and what is kept, what a failure stops, and the same end wherever it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from notice_samples import NOON, OPENAI, rule, serve_script
from spend_samples import AUGUST, call, store

from flexlib.addresses import NoticeServers
from flexlib.closing.inputs import Closing
from flexlib.closing.operator import tell_operator
from flexlib.closing.plan import MonthPlan, ReportLine
from flexlib.closing.process import Ran, Run, _listen, run_command, stop_commands
from flexlib.closing.run import RUN, Progress, open_progress, preview_month, run_month
from flexlib.closing.steps import Outcome, Record, Step, decide
from flexlib.closing.table import TABLE
from flexlib.dates import Month
from flexlib.deliver.claims import Claim, Claims
from flexlib.deliver.delivery import tell
from flexlib.errors import RANK, BadFile, choose_worst
from flexlib.i18n import _, speak
from flexlib.settings import Settings
from flexlib.store.outbox import put_standing

SEPTEMBER = Month(2025, 9)


class Killed(BaseException):
    """The process is gone: nothing after this line happens."""


def lay_out_company(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `folder` that of a company's project, with a call of August that was imported, and goes there."""
    for name in ("params", "notebooks"):
        (folder / name).mkdir()
    (folder / ".env").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FLEXLIB_DATA", str(folder / "data"))
    store(folder / "data", "import", AUGUST, call("a", "2025-08-02T10:00:00", "1.00"))


def open_closing(folder: Path, **changes: object) -> Closing:
    """A month of a company with a folder of exports, budgets and notices, and nothing stored."""
    for name in ("exports/usage.csv", "budgets.yaml", "notices.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    reports = ReportLine("llm_usage"), ReportLine("chargeback", {"level": "team"})
    off = frozenset({"rates", "site"})
    plan = MonthPlan(
        "UTC", off, str(folder / "exports"), reports=reports, exports=("csv", "focus"), operator="o@example.com"
    )
    settings = Settings(folder / "data", budgets=folder / "budgets.yaml", notices=folder / "notices.yaml")
    plan = replace(plan, **changes)  # type: ignore[arg-type]
    return Closing(SEPTEMBER, plan, settings, folder / "reports", folder / "reports" / "2025-09")


def make_runner(folder: Path, codes: dict[str, int] | None = None) -> tuple[Run, list[str]]:
    """Commands that write what they would write, and end with these codes; and what has been run."""
    ran: list[str] = []

    def run(words: Sequence[str]) -> Ran:
        ran.append(" ".join(words[:3] if words[0] in ("report", "export") else words[:1]))
        code = (codes or {}).get(words[0], 0)
        if code in (1, 2):
            return Ran(code, None, ("asking", f"flexlib: {words[0]} says why."))
        if words[0] == "import":
            store_import(folder / "data")
        files = []
        if words[0] in ("report", "export"):
            page = folder / f"{words[2]}.made"
            page.write_text(words[2])
            files = [str(page)]
        return Ran(code, {"state": "GAP" if code == 3 else "COMPLETE", "files": files}, ("2025-09 lacks something",))

    return run, ran


def store_import(data: Path, month: str = "2025-09") -> None:
    """A version as an import names it: a month's run looks only whether there is one."""
    (data / "usage" / month / "import" / "20251001T000000.000000Z-01234567").mkdir(parents=True, exist_ok=True)


def say_nothing(record: Record) -> None:
    """A run that nobody watches."""


def list_outcomes(progress: Progress) -> dict[str, str]:
    return {one.step: str(one.outcome) for one in progress.all_records}


ALL = ["import", "check", "report --notebook chargeback", "report --notebook llm_usage", "export --format csv",
       "export --format focus", "notify"]  # fmt: skip
"""The commands of that month, those that run at once in the order of the alphabet."""


def test_a_step_whose_inputs_did_not_change_is_not_run_again(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path)
    assert run_month(open_progress(closing), run, say_nothing) == 0
    assert sorted(ran) == sorted(ALL)
    ran.clear()
    assert run_month(open_progress(closing), run, say_nothing) == 0
    assert ran == ["notify"]
    (tmp_path / "budgets.yaml").write_text("another budget")
    progress = open_progress(closing)
    found = {step.name: why for step, runs, why in preview_month(progress) if runs}
    why = f"changed: {tmp_path / 'budgets.yaml'}"
    made = ("budgets", "report llm_usage", "report chargeback", "export csv", "export focus")
    assert found == {**dict.fromkeys(made, why), "notices": "there may be something new"}
    run_month(progress, run, say_nothing)
    ran.clear()
    (tmp_path / "csv.made").write_text("edited by hand")
    run_month(open_progress(closing), run, say_nothing)
    assert ran == ["export --format csv", "notify"]
    ran.clear()
    run_month(open_progress(closing), run, say_nothing, again=True)
    assert sorted(ran) == sorted(ALL)


def test_what_needs_a_step_that_failed_is_not_run_and_the_worst_code_is_the_runs(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path, {"check": 2, "import": 3})
    progress = open_progress(closing)
    assert run_month(progress, run, say_nothing) == 2
    assert ran == ["import", "check"]
    assert list_outcomes(progress) == {
        **dict.fromkeys(("fetch", "rates", "ledger", "organization", "site", "mail"), "left out"),
        "import": "done",
        "budgets": "failed",
        **dict.fromkeys(("reports", "exports", "notices"), "not run"),
    }
    by_step = {one.step: one for one in progress.all_records}
    assert by_step["budgets"].why == "check says why."
    assert by_step["notices"].why == "budgets has failed"
    assert by_step["mail"].why == "no file says who is mailed the month"
    assert (by_step["import"].state, by_step["import"].said) == ("GAP", ("2025-09 lacks something",))


def test_what_a_failure_left_alone_is_kept_once_it_is_mended(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path)
    run_month(open_progress(closing), run, say_nothing)
    (tmp_path / "exports" / "usage.csv").write_text("broken")
    broken, _ = make_runner(tmp_path, {"import": 1})
    assert run_month(open_progress(closing), broken, say_nothing) == 1
    (tmp_path / "exports" / "usage.csv").write_text("exports/usage.csv")
    ran.clear()
    assert run_month(open_progress(closing), run, say_nothing) == 0
    assert ran == ["import", "notify"]


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    closing, (run, ran) = open_closing(tmp_path), make_runner(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "exports" / name).mkdir()
        (tmp_path / "exports" / name / "usage.csv").write_text(name)
    run_month(open_progress(closing), run, say_nothing)
    ran.clear()
    (tmp_path / "exports" / "a" / "usage.csv").write_text("changed")
    run_month(open_progress(closing), run, say_nothing)
    assert ran == ["import", "notify"]


def test_what_an_import_left_undecided_is_told_by_those_who_read_the_month(tmp_path: Path) -> None:
    closing, (run, _) = open_closing(tmp_path), make_runner(tmp_path, {"import": 4, "check": 5})
    assert run_month(open_progress(closing), run, say_nothing) == 4
    assert run_month(open_progress(closing), run, say_nothing) == 5  # kept: of the import nothing more is said


def test_a_month_that_an_import_left_undecided_is_judged_in_every_run_until_it_is_whole(tmp_path: Path) -> None:
    closing, codes, asked = open_closing(tmp_path, reports=(), exports=()), {"import": 4}, list[str]()

    def run(words: Sequence[str]) -> Ran:
        asked.append(" ".join(words))
        store_import(tmp_path / "data")
        stored = [{"month": "2025-08", "month_state": "COMPLETE"}, {"month": "2025-09", "month_state": "UNRECONCILED"}]
        return Ran(codes.get(words[0], 0), {"months": stored}, ("2025-09 is UNRECONCILED: why",))

    assert run_month(open_progress(closing), run, say_nothing) == 4
    for code in (4, 3, 0):  # decided by hand, then whole
        codes["spend"] = code
        assert run_month(open_progress(closing), run, say_nothing) == code
    assert run_month(open_progress(closing), run, say_nothing) == 0
    assert [one for one in asked if not one.startswith(("check", "notify"))][1:] == [
        "spend --year 2025 --month 9 --json"
    ] * 3


def run_and_tell(folder: Path, closing: Closing, now: datetime) -> list[Any]:
    """Runs the month at that time, whose notices are told into a file as `flexlib notify` does; gives all that this
    file holds then, a budget each."""
    others, _ = make_runner(folder)

    def run(words: Sequence[str]) -> Ran:
        if words[0] == "notify":
            tell((rule("file", "told.jsonl"),), (), folder / "data", NoticeServers(), now=now)
        return others(words)

    run_month(open_progress(closing), run, say_nothing)
    file = folder / "data" / "told.jsonl"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return [one["budget"] for line in lines for one in json.loads(line)["notices"]]


def test_notices_that_wait_for_their_time_are_told_by_the_first_run_after_it(tmp_path: Path) -> None:
    closing, hour = open_closing(tmp_path), timedelta(hours=1)
    due = NOON + hour
    Claims(tmp_path / "data").add([Claim("file", "told.jsonl", "en", "over", OPENAI, due)], NOON)
    told = [run_and_tell(tmp_path, closing, NOON + hours * hour) for hours in (0, 2, 3)]
    assert told == [[], ["OpenAI"], ["OpenAI"]]


def test_a_threshold_that_was_reached_since_is_told_by_the_next_run_alone(tmp_path: Path) -> None:
    closing = open_closing(tmp_path)
    before = run_and_tell(tmp_path, closing, NOON)
    put_standing(tmp_path / "data", OPENAI, 100)
    told = [run_and_tell(tmp_path, closing, NOON) for _ in range(2)]
    assert (before, told) == ([], [["OpenAI"], ["OpenAI"]])


@pytest.mark.parametrize("is_noted", [True, False])
def test_a_run_killed_after_any_step_ends_as_one_that_was_not(tmp_path: Path, *, is_noted: bool) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = open_progress(open_closing(whole))
    run_month(expected, make_runner(whole)[0], say_nothing)
    for number in range(1, len(ALL) + 1):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        closing, (run, ran) = open_closing(folder), make_runner(folder)
        seen: list[object] = []

        def count(what: object, seen: list[object] = seen, last: int = number) -> None:
            seen.append(what)
            if len(seen) == last:
                raise Killed

        def run_until(words: Sequence[str], run: Run = run, count: Callable[[object], None] = count) -> Ran:
            done = run(words)
            count(words)  # done, and not noted yet
            return done

        with pytest.raises(Killed):
            run_month(open_progress(closing), run if is_noted else run_until, count if is_noted else say_nothing)
        facts = json.loads((closing.folder / RUN).read_text("utf-8")) if (closing.folder / RUN).exists() else {}
        assert facts.get("ended") is None
        progress = open_progress(closing)
        assert run_month(progress, run, say_nothing) == 0
        assert list_outcomes(progress).keys() == list_outcomes(expected).keys()
        assert {one.outcome for one in progress.all_records} <= {Outcome.DONE, Outcome.KEPT, Outcome.LEFT_OUT}
        assert {file.name for file in folder.glob("*.made")} == {file.name for file in whole.glob("*.made")}
        # Of those that ran side by side some may have been done and not noted.
        assert len(ran) - len(ALL) <= (0 if is_noted and number <= 2 else 2)
        assert ran.count("notify") == (2 if not is_noted and number == len(ALL) else 1)


def test_the_operator_is_told_once_of_each_way_of_failing(tmp_path: Path) -> None:
    with serve_script("smtp", "mail 451") as server:
        closing = open_closing(tmp_path)
        settings = replace(closing.settings, servers=NoticeServers(server.mail_server))
        closing = replace(closing, settings=settings)
        failing, _ = make_runner(tmp_path, {"check": 1})

        def run_once(run: Run) -> str:
            progress = open_progress(closing)
            run_month(progress, run, say_nothing)
            return tell_operator(progress)

        assert "could not be told: The mail server" in run_once(failing)  # refused, so it goes with the next run
        assert run_once(failing) == "o@example.com has been told of it by e-mail."
        again = run_once(failing)
        assert again.startswith("o@example.com was told of it by e-mail, ")
        assert again.endswith("; nothing is sent again.")
        (mail,) = server.taken
        read = message_from_bytes(mail, policy=default)
        text = read.get_content()
        assert read["Subject"] == "flexlib month 2025-09: failed: budgets"
        assert "budgets failed: check says why." in text
        command = f"flexlib month --year 2025 --month 9 --output-dir {tmp_path}/reports\n"
        assert f"    cd {Path.cwd()}\n    {command}" in text.replace("\r\n", "\n")
        assert "Not run, since it needs what failed: reports, exports, notices. No older report" in text

        def fail_otherwise(words: Sequence[str]) -> Ran:
            ran = failing(words)
            return replace(ran, said=("flexlib: the disk is full.",)) if ran.has_failed else ran

        assert run_once(fail_otherwise) == "o@example.com has been told of it by e-mail."
        assert "budgets failed: the disk is full." in message_from_bytes(server.taken[1], policy=default).get_content()
        assert run_once(make_runner(tmp_path)[0]) == ""
        other, _ = make_runner(tmp_path, {"notify": 1})
        (tmp_path / "notices.yaml").write_text("other rules")
        assert run_once(other) == "o@example.com has been told of it by e-mail."
        assert len(server.taken) == 3
    assert (tmp_path / "data" / "operator" / "2025-09" / "claims.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_failed_in_a_month_is_not_told_by_a_mail_of_another(tmp_path: Path) -> None:
    with serve_script("smtp", "mail 451") as server:
        september = open_closing(tmp_path)
        settings = replace(september.settings, servers=NoticeServers(server.mail_server))
        september = replace(september, settings=settings)
        august = replace(september, month=SEPTEMBER.previous, folder=september.output_dir / "2025-08")
        failing, _ = make_runner(tmp_path, {"check": 1})

        def run_once(closing: Closing) -> str:
            progress = open_progress(closing)
            run_month(progress, failing, say_nothing)
            return tell_operator(progress)

        assert "could not be told: The mail server" in run_once(august)
        for closing in (september, august):
            assert run_once(closing) == "o@example.com has been told of it by e-mail."
        subjects = [message_from_bytes(mail, policy=default)["Subject"] for mail in server.taken]
        assert subjects == ["flexlib month 2025-09: failed: budgets", "flexlib month 2025-08: failed: budgets"]


def test_exit_codes_rank_from_what_failed_to_what_is_whole() -> None:
    assert choose_worst([0, 5, 3]) == 3
    assert choose_worst([3, 4, 5]) == 4
    assert choose_worst([4, 1]) == 1
    assert choose_worst([1, 2, 0]) == 2
    assert choose_worst([5, 0]) == 5
    assert choose_worst([-9, 4]) == 1  # a process that was killed has failed
    assert choose_worst([]) == 0
    assert set(RANK) == {0, 1, 2, 3, 4, 5}


def test_the_table_needs_only_lines_above() -> None:
    for place, line in enumerate(TABLE):
        assert {*line.needs} <= {one.name for one in TABLE[:place]}


def test_a_run_json_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    closing = open_closing(tmp_path)
    closing.folder.mkdir(parents=True)
    (closing.folder / RUN).write_text('{"steps": [{"step": 1}], "earlier": []}')
    with pytest.raises(BadFile, match=r"run\.json, which says what the last run did, cannot be read .*move it away"):
        open_progress(closing)


def test_a_record_comes_back_as_it_was_kept() -> None:
    ran_at = datetime(2025, 10, 1, tzinfo=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    one = Record("fetch", Outcome.DONE, "because", ("fetch",), 3, "GAP", 1.5, ran_at, ("a",), {"b": "c"}, {"d": "e"})
    assert Record.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_what_a_command_says_is_shown_as_it_comes_and_its_last_lines_are_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Users as a bar that writes over itself, and a letter of two bytes that comes in two parts."""
    read, write = os.pipe()
    said, lines = "users 1\rusers 2\nAño\n\nand no end".encode(), list[str]()
    with open(read, "rb") as stream, ThreadPoolExecutor(1) as pool:
        listening = pool.submit(_listen, stream, lines, True)
        for place in range(len(said)):
            os.write(write, said[place : place + 1])
        os.close(write)
        listening.result()
    assert lines == ["users 2", "Año", "and no end"]
    assert capsys.readouterr().err == said.decode()


@pytest.mark.parametrize("shows", [True, False])
def test_a_command_is_named_when_it_begins_where_somebody_looks(
    capsys: pytest.CaptureFixture[str], *, shows: bool
) -> None:
    assert run_command(["--version"], shows=shows).exit_code == 0
    assert capsys.readouterr().err.startswith("    flexlib --version ...\n") is shows


def test_a_command_that_is_being_begun_when_a_run_is_asked_to_end_is_ended_too(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ran, begin = Event(), list[Ran](), subprocess.Popen

    def begin_slowly(command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        process = begin([sys.executable, "-c", "import time; time.sleep(60)"], **options)
        begun.set()
        time.sleep(0.5)
        return process

    monkeypatch.setattr(subprocess, "Popen", begin_slowly)
    thread = Thread(target=lambda: ran.append(run_command(["--version"])))
    thread.start()
    assert begun.wait(30)
    stop_commands()
    thread.join(30)
    assert [one.exit_code for one in ran] == [-signal.SIGTERM]


def test_why_a_step_ran_or_not_stands_in_the_file_in_english() -> None:
    with speak("es"):
        record = Record(
            "site", Outcome.KEPT, decide(Step("site", left_out=_("of made-up data nobody is told")), None)[1]
        )
    assert record.why != "of made-up data nobody is told"
    assert json.loads(json.dumps(record.to_json()))["why"] == "of made-up data nobody is told"
