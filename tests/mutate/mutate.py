"""Mutation tests of the rooms that compute: `make mutate`. Each change must make a test fail, or have a reason not to.

A child process a mutation, forked with the libraries loaded: it imports the changed module in place of the real one and
runs the tests that reach the change. Nothing is written into the project. What survives has a line in survivors.txt.
"""

from __future__ import annotations

import argparse
import ast
import gc
import importlib.machinery
import os
import pickle
import signal
import sys
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any

import duckdb  # noqa: F401  # as those below: loaded once here, not in every child
import hypothesis
import narwhals.stable.v2  # noqa: F401
import numpy as np  # noqa: F401
import pandas as pd  # noqa: F401
import pyarrow.compute  # noqa: F401
import pytest
from mutations import Mutation, list_mutations

os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

SURVIVORS = Path(__file__).with_name("survivors.txt")

LEAST_KILLED = 0.9
"""The part of a room's mutations that its tests must notice."""

SLOWER = 10
"""So many times its usual time may a test run take before the mutation counts as an endless loop, killed."""

HURRY = [
    *("-x", "-q", "--noconftest", "-W", "ignore::pytest.PytestAssertRewriteWarning"),
    *("-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception"),
    *("-p", "pytest_timeout", "-o", "timeout=0"),  # one limit a child, not one a test
]
"""Without what costs a tenth of a second each time, or writes; hypothesis is loaded before pytest is."""


@dataclass(frozen=True)
class Room:
    """Files, and the tests that say what they do: without fixtures of a conftest, in seconds."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


def _mirror(names: str) -> Room:
    """Files whose tests are named as they are: `money/fx` and `tests/money/test_fx.py`."""
    files = [Path(name) for name in names.split()]
    return Room(
        tuple(f"flexlib/{file}.py" for file in files),
        tuple(f"tests/{file.parent}/test_{file.name}.py".replace("/./", "/") for file in files),
    )


ROOMS = {
    "formats": _mirror("formats"),
    "dates": Room(
        ("flexlib/dates.py",),
        ("tests/test_dates.py", "tests/test_dates_period.py", "tests/analysis/test_budgets.py"),  # their periods
    ),
    "names": _mirror("names"),
    "schema": _mirror("schema"),
    "certificate": Room(
        ("flexlib/certificate.py", "flexlib/proof.py"), ("tests/test_certificate.py", "tests/test_certificate_words.py")
    ),
    "enums": _mirror("enums"),
    "report/offline": _mirror("report/offline"),
    "money/fx": _mirror("money/fx"),
    "money/credit_prices": _mirror("money/credit_prices"),
    "money/prices": Room(
        ("flexlib/money/prices.py",),
        ("tests/money/test_prices.py", "tests/money/test_price_counts.py", "tests/money/test_brackets.py"),
    ),
    "money/unit_prices": Room(
        ("flexlib/money/unit_prices.py",),
        (
            "tests/money/test_unit_prices.py",
            "tests/money/test_unit_price_rules.py",
            "tests/money/test_unit_price_gaps.py",
        ),
    ),
    "money/open_prices": _mirror("money/open_prices"),
    "money/price_keys": _mirror("money/price_keys"),
    "money/price_book": Room(
        ("flexlib/money/price_book.py",), ("tests/money/test_price_book.py", "tests/money/test_seller_names.py")
    ),
    "money/extra_counts": Room(("flexlib/money/extra_counts.py",), ("tests/money/test_list_shape.py",)),
    "money/price_table": Room(
        ("flexlib/money/price_table.py",),
        (
            "tests/money/test_price_table.py",
            "tests/money/test_table_counts.py",
            "tests/money/test_table_sums.py",
        ),
    ),
    "money/amounts": _mirror("money/amounts"),
    "console/certificate": Room(
        ("flexlib/console/certificate.py",),
        ("tests/console/test_certificate_text.py", "tests/console/test_certificate_edges.py"),
    ),
    "analysis/shares": _mirror("analysis/shares"),
    "analysis/top": Room(
        ("flexlib/analysis/top.py",), ("tests/analysis/test_top.py", "tests/analysis/test_top_edges.py")
    ),
    "analysis/compare": Room(
        ("flexlib/analysis/compare.py", "flexlib/analysis/stayed.py"),
        ("tests/analysis/test_compare.py", "tests/analysis/test_compare_edges.py"),
    ),
    "analysis/allocation": _mirror("analysis/allocation analysis/chargeback analysis/rounded_table"),
    "analysis/budgets": _mirror("analysis/budgets"),
    "deliver/due": Room(("flexlib/deliver/due.py",), ("tests/deliver/test_due.py",)),
    "analysis/forecast": Room(
        ("flexlib/analysis/forecast.py",),
        ("tests/analysis/test_forecast.py", "tests/analysis/test_forecast_edges.py"),
    ),
    "analysis/ranking": _mirror("analysis/ranking"),
    "analysis/savings": _mirror("analysis/savings"),
    "analysis/what_if": Room(
        ("flexlib/analysis/what_if.py",), ("tests/analysis/test_what_if.py", "tests/analysis/test_what_if_edges.py")
    ),
    "analysis/discounts": Room(
        ("flexlib/analysis/discounts.py", "flexlib/money/cached_lengths.py"),
        ("tests/analysis/test_discounts.py", "tests/analysis/test_what_if.py", "tests/analysis/test_what_if_edges.py"),
    ),
    "analysis/what_if_credits": _mirror("analysis/what_if_credits"),
    "page/headings": Room(
        ("flexlib/page/credits/headings.py", "flexlib/page/usage/headings.py"),
        ("tests/page/test_headings.py", "tests/page/test_heading_edges.py"),
    ),
    "ledger/guard": Room(
        ("flexlib/ledger/guard/limits.py", "flexlib/ledger/guard/call.py"),
        ("tests/ledger/test_limits.py", "tests/ledger/test_guard_told.py"),
    ),
    "windsurf/pacing": Room(("flexlib/sources/windsurf/pacing.py",), ("tests/sources/test_pacing.py",)),
    "files/numbers": Room(("flexlib/sources/files/numbers.py",), ("tests/sources/test_numbers.py",)),
}


@dataclass(eq=False)  # pytest keeps its plugins in a set
class Reach:
    """A pytest plugin: which functions of the room each test calls, and how long it takes."""

    files: set[str]
    calls: dict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    """By test; under the empty name what runs outside of any."""
    seconds: dict[str, float] = field(default_factory=dict)
    _test: str = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._test, start = item.nodeid, time.perf_counter()
        result = yield
        self.seconds[self._test], self._test = time.perf_counter() - start, ""
        return result

    def trace(self, frame: FrameType, *_: object) -> None:
        """As `sys.settrace` wants it: sees calls, no lines."""
        if frame.f_code.co_filename in self.files:
            self.calls[self._test].add((frame.f_code.co_filename, frame.f_code.co_firstlineno))


@dataclass
class Chosen:
    """A pytest plugin: only these tests, in this order."""

    order: dict[str, int]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )


def measure(name: str, room: Room, workers: int) -> tuple[int, list[str]]:
    """How many mutations a room has, and those that survive its tests, in their order in the files."""
    reach = watch(room)
    usual = sum(reach.seconds.values())
    jobs: deque[tuple[str, str, ast.Module, Mutation, list[str]]] = deque()
    survived, every = list[str](), list[str]()
    for file in room.files:
        path = str(Path(file).resolve())
        tree = ast.parse(Path(file).read_text("utf-8"))
        for mutation in list_mutations(tree):
            every.append(f"{file} {mutation}")
            place = path, mutation.line
            everywhere = mutation.line is None or place in reach.calls[""]
            tests = [test for test in reach.seconds if everywhere or place in reach.calls[test]]
            if tests:
                jobs.append((file, path, tree, mutation, sorted(tests, key=reach.seconds.__getitem__)))
            else:
                survived.append(every[-1])
    running: dict[int, str] = {}
    while jobs or running:
        while jobs and len(running) < workers:
            file, path, tree, mutation, tests = jobs.popleft()
            if not (child := os.fork()):
                run_child(file, tree, mutation, tests, int(SLOWER * usual) + 30)
            running[child] = f"{file} {mutation}"
        child, status = os.wait()
        mutant = running.pop(child)
        if status == 0:
            survived.append(mutant)
        show_progress(f"{name}: {len(jobs) + len(running)} to go, {len(survived)} survived")
    show_progress("")
    return len(every), sorted(survived, key=every.index)  # whichever of two tests ended first


def show_progress(text: str) -> None:
    """On one line of a terminal, in place of what stood there; nowhere else."""
    if sys.stderr.isatty():
        print(f"\r{text:<70}\r", end="", file=sys.stderr)


def watch(room: Room) -> Reach:
    """Runs the tests as they are. Exits when one fails: then no failure would say anything."""
    with TemporaryDirectory() as folder:
        kept, said = Path(folder) / "reach", Path(folder) / "said"
        if not (child := os.fork()):
            reach = Reach({str(Path(file).resolve()) for file in room.files})
            be_quiet(said)
            sys.settrace(reach.trace)
            code = pytest.main([*HURRY, *room.tests], plugins=[reach])
            kept.write_bytes(pickle.dumps((dict(reach.calls), reach.seconds)))
            os._exit(code)
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{said.read_text()}\n{' '.join(room.tests)} fail as they are; a mutation would say nothing.")
        calls, seconds = pickle.loads(kept.read_bytes())
        return Reach(set(), defaultdict(set, calls), seconds)


def run_child(file: str, tree: ast.Module, mutation: Mutation, tests: Sequence[str], limit: int) -> None:
    """Runs tests against the changed module and ends the process, with 0 when none of them failed."""
    signal.alarm(limit)
    be_quiet(Path(os.devnull))
    mutation.apply()
    module = file.removesuffix(".py").replace("/", ".")
    plain = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, name: str) -> CodeType | None:  # noqa: ANN401
        if name != module:
            return plain(self, name)
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    code = 1  # whatever ends the run, the mutation did not pass unnoticed
    try:
        code = pytest.main([*HURRY, *files], plugins=[Chosen({test: number for number, test in enumerate(tests)})])
    finally:
        os._exit(code)


def be_quiet(file: Path) -> None:
    """Writes into the file what this process would print from now on."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def read_reasons(text: str) -> dict[str, str]:
    """The reason for each survivor: a line each, its reasons indented below; # begins a remark."""
    reasons: dict[str, str] = {}
    waiting: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            reasons |= dict.fromkeys(waiting, line.strip())
            waiting = []
        elif line and not line.startswith("#"):
            waiting.append(line)
    return reasons


def main() -> int:
    """Prints the table; 1 when a room is below the least, or a survivor has no reason, or a reason no survivor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", choices=[*ROOMS, []], help="all, unless named")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    with redirect_stdout(StringIO()):
        pytest.main(["--version"])  # loads what every child needs of it
    gc.freeze()
    hypothesis.settings.register_profile(
        "mutate",
        deadline=None,
        derandomize=True,  # the same mutations survive each time
        database=None,
        max_examples=40,  # a change that few examples see is rare, and each survivor costs all of them
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    hypothesis.settings.load_profile("mutate")
    rooms = {name: room for name, room in ROOMS.items() if name in (arguments.rooms or ROOMS)}
    reasons = read_reasons(SURVIVORS.read_text("utf-8"))
    total = 0
    survivors: list[str] = []
    low = []
    print(f"{'ROOM':<20} {'MUTANTS':>8} {'KILLED':>8} {'SURVIVED':>9} {'%':>6} {'SECONDS':>8}")
    for name, room in rooms.items():
        start = time.monotonic()
        count, survived = measure(name, room, arguments.workers)
        total, survivors = total + count, survivors + survived
        if len(survived) > (1 - LEAST_KILLED) * count:
            low.append(name)
        print_row(name, count, len(survived), time.monotonic() - start)
    print_row("all", total, len(survivors), time.process_time())
    files = {file for room in rooms.values() for file in room.files}
    unexplained = [mutant for mutant in survivors if mutant not in reasons]
    gone = [mutant for mutant in reasons if mutant.split(" ")[0] in files and mutant not in survivors]
    for title, mutants in (
        ("Survived without a reason in survivors.txt; write a test, or the reason:", unexplained),
        ("In survivors.txt, and killed or gone; take the line out:", gone),
        (f"Below {LEAST_KILLED:.0%}:", low),
    ):
        if mutants:
            print("", title, *mutants, sep="\n")
    return bool(unexplained or gone or low)


def print_row(name: str, count: int, survived: int, seconds: float) -> None:
    share = f"{100 * (count - survived) / count:.1f}"
    print(f"{name:<20} {count:>8,} {count - survived:>8,} {survived:>9,} {share:>6} {seconds:>8.0f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
