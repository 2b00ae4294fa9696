"""Processes that die in the middle of their work, as a kill -9 or a power cut would have it, ten milliseconds each.

A process of its own, without threads, forks them: it is asked in lines of JSON, and answers one when the child is dead
or, for a lock, holds it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Victims:
    """Asks for a child; every method returns once that child is where it should be."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def record_and_die(self, url: str, data: Path, calls: list[dict[str, Any]], *, stored: bool) -> None:
        """Dies in the transaction of `record_many`, or once it is committed and before anybody is told."""
        self._ask(task="record", url=url, data=str(data), calls=calls, stored=stored)

    def archive_and_die(self, url: str, root: Path, before: str, step: str) -> None:
        """Dies while it archives a month, after that step of `archive`."""
        self._ask(task="archive", url=url, root=str(root), before=before, step=step)

    def write_and_die(self, root: Path, month: str, flex: list[int], lines: int) -> None:
        """Dies while it writes a version of a month of credits, after so many raw lines of it."""
        self._ask(task="write", root=str(root), month=month, flex=flex, lines=lines)

    @contextmanager
    def hold(self, root: Path, month: str) -> Iterator[int]:
        """A child that holds the month's lock, until it is killed at the end. Yields its number."""
        child = self._ask(task="hold", root=str(root), month=month)
        try:
            yield child
        finally:
            self._ask(task="kill", child=child)

    def _ask(self, **task: Any) -> int:  # noqa: ANN401
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["signal"] == signal.SIGKILL, f"the child was to be killed, and was not: {answer}"
        return int(answer["child"])


@contextmanager
def start_victims() -> Iterator[Victims]:
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Victims(process)
        process.kill()


def record(task: dict[str, Any]) -> None:
    from flexlib.ledger import open_ledger, record_many
    from flexlib.ledger.record import recording, writing

    ledger = open_ledger(task["url"], data=Path(task["data"]))
    if not task["stored"]:

        def die(*arguments: Any) -> None:  # noqa: ANN401
            writing.insert_records(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        vars(recording)["insert_records"] = die
    record_many(task["calls"], ledger=ledger)
    os.kill(os.getpid(), signal.SIGKILL)


def archive(task: dict[str, Any]) -> None:
    from datetime import date

    from flexlib.dates import Month
    from flexlib.ingest import archive as months
    from flexlib.ledger import open_ledger
    from flexlib.ledger.record import archiving, writing

    def die(*_arguments: Any) -> None:  # noqa: ANN401
        os.kill(os.getpid(), signal.SIGKILL)

    def die_after(room: Any, name: str) -> None:  # noqa: ANN401
        act = getattr(room, name)

        def act_and_die(*arguments: Any) -> None:  # noqa: ANN401
            act(*arguments)
            die()

        setattr(room, name, act_and_die)

    @contextmanager
    def die_before_commit(ledger: Any) -> Iterator[Any]:  # noqa: ANN401
        with transact(ledger) as connection:
            yield connection
            die()

    transact = writing.open_transaction
    archiving.BATCH_ROWS = 2
    if task["step"] == "in a batch":
        vars(archiving)["open_transaction"] = die_before_commit
    elif task["step"] == "between batches":
        vars(archiving)["time"] = type("Clock", (), {"monotonic": staticmethod(lambda: 0.0), "sleep": die})
    else:
        steps = {"in the seal": (archiving, "_seal"), "sealed": (months, "seal_month"),
                 "proved": (months, "_compare_calls"), "cleared": (months, "clear_month")}  # fmt: skip
        die_after(*steps[task["step"]])
    ledger = open_ledger(task["url"], data=Path(task["root"]))
    for one in months.archive_months(Month.parse(task["before"]), Path(task["root"]), ledger=ledger,
                                     today=date(2026, 1, 15)):  # fmt: skip
        print(one, file=sys.stderr)


def write(task: dict[str, Any]) -> None:
    from credits_samples import certify, make_rows
    from stored import write_snapshot

    from flexlib.dates import Month
    from flexlib.store.snapshots import lock_month

    month, root = Month.parse(task["month"]), Path(task["root"])

    def break_off() -> Iterator[str]:
        yield from ["line"] * task["lines"]
        os.kill(os.getpid(), signal.SIGKILL)

    rows = make_rows(month, *task["flex"])
    with lock_month("credits", month, root):
        write_snapshot(rows, certify(month, rows), break_off(), {}, root)


def hold(task: dict[str, Any]) -> None:
    from flexlib.dates import Month
    from flexlib.store.snapshots import lock_month

    with lock_month("credits", Month.parse(task["month"]), Path(task["root"])):
        os.write(task["ready"], b"!")
        signal.pause()


def main() -> None:
    """Forks a child for each line, with all that it needs loaded."""
    from credits_samples import make_rows

    import flexlib.ledger  # noqa: F401
    import flexlib.store.snapshots  # noqa: F401
    from flexlib.dates import Month
    from flexlib.money.price_book import load_book

    # Else each child reads the book and loads pandas anew, which takes ten times as long as its work.
    load_book()
    make_rows(Month(2025, 9), 1)

    for line in sys.stdin:
        task = json.loads(line)
        if task["task"] == "kill":
            os.kill(task["child"], signal.SIGKILL)
            child, status = task["child"], os.waitpid(task["child"], 0)[1]
        else:
            ready, done = os.pipe()
            if not (child := os.fork()):
                try:
                    {"record": record, "write": write, "hold": hold, "archive": archive}[task["task"]](
                        task | {"ready": done}
                    )
                finally:
                    os._exit(1)
            os.close(done)
            held = task["task"] == "hold" and os.read(ready, 1)
            os.close(ready)
            status = signal.SIGKILL if held else os.waitpid(child, 0)[1]
        print(json.dumps({"child": child, "signal": status}), flush=True)


if __name__ == "__main__":
    main()
