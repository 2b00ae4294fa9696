"""A month's run from its first step to its last: each step noted on the disk before the next one begins."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import flexlib
from flexlib.closing.inputs import Closing
from flexlib.closing.process import Run, find_state, list_files, stop_commands
from flexlib.closing.steps import (
    MOST_SAID,
    STOPS,
    Outcome,
    Record,
    Step,
    decide,
    hash_made,
    judge,
    keep,
    list_failed,
    list_found,
    list_undecided,
)
from flexlib.closing.table import TABLE, Line, list_steps
from flexlib.errors import BadFile, FlexlibError, choose_worst
from flexlib.i18n import Translated, _
from flexlib.nesting import decode_json
from flexlib.store.disk import PRIVATE, REPORTS, report_disk, write_whole

RUN = "run.json"
BEHIND = (".ipynb", ".manifest.json")
"""Endings of what lies beside a report's page; nobody reads it, and what is made of the page needs it."""

Tell = Callable[[Record], None]
"""Is called with each step that is over, as soon as it is."""


@dataclass
class Progress:
    """A run while it is under way, and what is known of the one before it."""

    closing: Closing
    earlier: dict[str, Record]
    """By step; of steps that have come up in this run no more."""
    began: str = ""
    records: dict[str, list[Record]] = field(default_factory=dict)
    """By line of the table, in its order."""
    failing_since: str | None = None
    """When the steps that fail now failed for the first time in this way."""

    @property
    def all_records(self) -> list[Record]:
        return [one for records in self.records.values() for one in records]

    @property
    def exit_code(self) -> int:
        """The worst of those of its steps."""
        return choose_worst([one.exit_code for one in self.all_records if one.exit_code is not None])

    def describe(self, *, is_over: bool) -> dict[str, Any]:
        """As `run.json` keeps it."""
        return {
            "month": str(self.closing.month),
            "flexlib": flexlib.__version__,
            "began": self.began,
            "ended": _now() if is_over else None,
            "exit_code": self.exit_code if is_over else None,
            "failing_since": self.failing_since,
            "steps": [one.to_json() for one in self.all_records],
            "earlier": [one.to_json() for one in self.earlier.values()],
        }

    def write(self, *, is_over: bool = False) -> None:
        """Puts it on the disk. Raises `DiskFailed`."""
        with report_disk(self.closing.folder, REPORTS):
            text = json.dumps(self.describe(is_over=is_over), indent=1, ensure_ascii=False) + "\n"
            write_whole(self.closing.folder / RUN, text, PRIVATE)  # a step may name whom it could not reach


def open_progress(closing: Closing) -> Progress:
    """A run that begins, with what `run.json` says of the one before. Raises `BadFile` where it cannot be read."""
    file = closing.folder / RUN
    try:
        facts = decode_json(file.read_text("utf-8"))
        found = [Record.from_json(one) for one in (*facts["earlier"], *facts["steps"])]
        known = {one.step: one for one in found if one.outcome is not Outcome.NOT_RUN}
        return Progress(closing, known, _now(), {}, facts["failing_since"])
    except FileNotFoundError:
        return Progress(closing, {}, _now())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadFile(_("{file}, which says what the last run did, cannot be read ({name}); move it away, and "
                        "every step runs again.").format(file=file, name=type(error).__name__)) from error  # fmt: skip


def run_month(progress: Progress, run: Run, tell: Tell, *, again: bool = False) -> int:
    """Runs each step that has to run, and gives the worst exit code; the caller holds the folder."""
    before = list_failed(progress.earlier.values())
    for line in TABLE:
        records = progress.records.setdefault(line.name, [])
        stopped = find_stop(line, progress.records)
        for done in _run_line(line, progress, run, stopped, again=again):
            records.append(done)
            if done.outcome is not Outcome.NOT_RUN:  # of which what was made before may be what would be made
                progress.earlier.pop(done.step, None)
            progress.write()
            tell(done)
    failed = list_failed(progress.all_records)
    since = progress.failing_since if failed == before else None
    progress.failing_since = (since or progress.began) if failed else None
    if not any(one.outcome in STOPS for one in progress.all_records):
        progress.earlier.clear()
    for step in list_failed(progress.earlier.values()):  # of a step that is no more, or is not run now
        del progress.earlier[step]
    progress.write(is_over=True)
    return progress.exit_code


def preview_month(progress: Progress, *, again: bool = False) -> Iterator[tuple[Step, bool, str]]:
    """Each step as things are now, whether it would run, and why; one with an exit code fails. Nothing is done."""
    running, failing, known = set[str](), dict[str, str](), {one.name: one for one in TABLE}
    for line in TABLE:
        stopped = next((failing[name] for name in list_needs(line) if name in failing), None)
        for step in list_steps(line, progress.closing):
            runs, why = decide(step, progress.earlier.get(step.name), again=again)
            needs = [*list_needs(line), line.name]
            stores = {name for name in needs if not known[name].needs}
            brings = stores if step.awaits else {*needs, *(each for name in needs for each in known[name].reads)}
            first = next((one.name for one in TABLE if one.name in running & brings - {line.name}), None)
            may_run = not step.left_out and (step.current is None or line.reads)
            if step.exit_code and first:
                step = replace(step, exit_code=0)
                why = _("{why}; it fails unless {step} brings any of it").format(why=why, step=first)
            elif step.exit_code:
                failing[line.name] = step.name
            elif stopped and (step.awaits or not step.left_out):
                runs, why = False, _("{step} fails").format(step=stopped)
            elif not runs and first and (step.awaits or may_run):
                why = _("{why}; it runs where {step} brings anything new").format(why=why, step=first)
                runs = step.awaits
            if runs:
                running.add(line.name)
            yield step, runs, why


def list_needs(line: Line) -> list[str]:
    """The lines that a line needs, and those that they need."""
    known = {one.name: one for one in TABLE}
    return list(dict.fromkeys(each for name in line.needs for each in (*list_needs(known[name]), name)))


def find_stop(line: Line, records: Mapping[str, Sequence[Record]]) -> str | None:
    """The first step that has failed of those that the line needs."""
    failed = (one.step for name in list_needs(line) for one in records[name] if one.outcome is Outcome.FAILED)
    return next(failed, None)


def _run_line(line: Line, progress: Progress, run: Run, stopped: str | None, *, again: bool) -> Iterator[Record]:
    """What becomes of each step of a line, as soon as it is known."""
    not_run = [Record(line.name, Outcome.NOT_RUN, _("{step} has failed").format(step=stopped))] if stopped else []
    try:
        steps = list_steps(line, progress.closing)
    except FlexlibError as error:
        said = Translated(str(error), error.english)
        yield from not_run or [Record(line.name, Outcome.FAILED, said, exit_code=error.exit_code)]
        return
    if any(one.awaits or not one.left_out for one in steps) and not_run:  # else nobody wants the line
        yield from not_run
        return
    waiting = []
    for step in steps:
        earlier = progress.earlier.get(step.name)
        runs, why = decide(step, earlier, again=again)
        if runs:
            waiting.append((step, why))
        elif step.left_out:
            outcome = Outcome.FAILED if step.exit_code else Outcome.LEFT_OUT
            yield Record(step.name, outcome, why, exit_code=step.exit_code or None)
        else:
            kept = keep(step, earlier, why)
            yield kept if step.is_judge and step.current is None else judge(kept, earlier, run)
    with _open_pool(os.cpu_count() if line.at_once else 1) as pool:
        futures = {pool.submit(_run_step, step, why, run, progress.closing) for step, why in waiting}
        while futures:
            ended, futures = wait(futures, timeout=1, return_when="FIRST_COMPLETED")  # so that Ctrl-C is heard
            yield from (one.result() for one in ended)


@contextmanager
def _open_pool(workers: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads that each wait for a process; where the block fails the processes are ended."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        stop_commands()
        raise
    pool.shutdown()


def _run_step(step: Step, why: str, run: Run, closing: Closing) -> Record:
    began, ran_at = time.monotonic(), _now()
    ran = run(step.words)
    seconds = round(time.monotonic() - began, 1)
    record = Record(step.name, Outcome.DONE, why, step.words, ran.exit_code, seconds=seconds, ran_at=ran_at,
                    inputs=dict(step.inputs))  # fmt: skip
    if ran.has_failed:
        # A traceback ends with why; who did what it could says for what it failed, that of this month first.
        last = ran.said[-1:] if ran.facts is None else ran.said[:1]
        reason = ran.error or next(iter(last), _("it ended with {code}").format(code=ran.exit_code))
        return replace(record, outcome=Outcome.FAILED, why=reason, said=ran.said, exit_code=ran.exit_code or 1)
    made = list_files(ran.facts) if step.makes_files else []
    made += [str(Path(one).with_suffix(end)) for one in made if one.endswith(".html") for end in BEHIND]
    files = {file: hashed for file in made if (hashed := hash_made(Path(file)))}
    said = ran.said[-MOST_SAID:] if ran.exit_code else ()
    undecided = () if step.is_judge and step.current is None else list_undecided(ran.facts)
    reads = closing.find_reads(Path(one) for one in files if one.endswith(BEHIND[1]))
    found = tuple(list_found(step.words, ran.facts))
    record = replace(record, state=find_state(ran.facts), files=files, said=said, found=found)
    return replace(record, reads=reads, undecided=undecided)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
