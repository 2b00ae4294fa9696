"""`make bench-ledger`: recording, closing and summing calls, each beside a plain yardstick in the same run.

Whole processes are measured: wall and CPU seconds and peak memory, as the operating system counts them; `work s` are
the seconds without the start of Python and the imports. Full size:
`python tests/bench/bench_ledger.py --rows 10000000 --close-rows 10000000`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "ledger")]

from databases import start_postgresql  # noqa: E402
from test_guard_writers import run_writers  # noqa: E402
from usage_rows import write_usage  # noqa: E402

from flexlib.ledger import UsageQuery, init_ledger, open_ledger  # noqa: E402

TIMES = 20
"""How often tallies are asked: once takes too short a time to be told."""


@dataclass(frozen=True)
class Run:
    """One part, run once in a process of its own."""

    wall: float
    work: float
    cpu: float
    mib: float
    result: Any


def run_part(part: str, *arguments: str) -> Run:
    """Raises `RuntimeError`, with what it printed, when it fails."""
    command = [sys.executable, str(HERE / "ledger_parts.py"), part, *arguments]
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        process.wait()
        wall = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(f"{part} {' '.join(arguments)} ended with {process.returncode}:\n{text}")
    said = json.loads(next(line for line in text.splitlines() if line.startswith('{"seconds"')))
    return Run(wall, said["seconds"], said["cpu"], said["mib"], said["result"])


def run_in_turn(parts: dict[str, list[str]], rounds: int) -> dict[str, Run]:
    """The medians of each, all run in turn, so that a change of the machine's pace hits all alike."""
    runs: dict[str, list[Run]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, words in parts.items():
            runs[name].append(run_part(*words))
    return {
        name: Run(
            median(one.wall for one in done),
            median(one.work for one in done),
            median(one.cpu for one in done),
            median(one.mib for one in done),
            done[0].result,
        )
        for name, done in runs.items()
    }


def print_table(title: str, runs: dict[str, Run]) -> None:
    print(f"\n{title}\n{'':<44}{'wall s':>9}{'work s':>9}{'CPU s':>9}{'MiB':>7}")
    for name, run in runs.items():
        print(f"{name:<44}{run.wall:>9.2f}{run.work:>9.2f}{run.cpu:>9.2f}{run.mib:>7.0f}", flush=True)


def print_target(what: str, value: float, limit: float, *, at_least: bool = False) -> None:
    met = value >= limit if at_least else value <= limit
    wanted = f"at {'least' if at_least else 'most'} {limit:g}"
    print(f"  {what}: {value:.2f}, wanted {wanted}: {'met' if met else 'MISSED'}", flush=True)


@contextmanager
def open_urls(folder: Path) -> Iterator[dict[str, Iterable[str]]]:
    """For each database endless URLs of new, empty ones."""
    with ExitStack() as stack:
        server = stack.enter_context(start_postgresql())

        def name_files() -> Iterator[str]:
            number = 0
            while True:
                yield f"sqlite:///{folder}/ledger{(number := number + 1)}.sqlite"

        def make_databases() -> Iterator[str]:
            while True:
                yield server.create()

        yield {"SQLite": name_files(), "PostgreSQL": make_databases()}


def bench_record(urls: dict[str, Iterable[str]], single: int, batch: int, rounds: int) -> None:
    for name, source in urls.items():
        made = iter(source)
        for how, number in (("one", single), ("many", batch)):
            done: dict[str, list[float]] = {}
            parts = {"insert": ("insert", how), "record": ("record", how)}
            if how == "one":
                parts |= {"priced": ("record", "priced"), "hold": ("hold", "released"), "held": ("hold", "settled")}
            for _ in range(rounds):
                for part, (work, way) in parts.items():
                    words = (work, next(made), way)
                    done.setdefault(part, []).append(run_part(*words, str(number)).work)
            rows = "one at a time" if how == "one" else "1,000 at a time"
            print(f"\n{number:,} calls {rows} on {name}, ms a call")
            for part, seconds in done.items():
                print(f"  {part:<8}{1000 * median(seconds) / number:>8.3f}", flush=True)
            print_target("record / insert", median(done["record"]) / median(done["insert"]), 2)
            if how == "one":
                print_target("hold and release / record", median(done["hold"]) / median(done["record"]), 2)


def write_months(folder: Path, rows: int) -> dict[int, list[str]]:
    """A tenth of the rows in a month, the rows in a month, and five such months: the files by their rows."""
    tenth = write_usage(folder / "tenth.parquet", rows // 10, day=date(2025, 9, 1), days=30)
    days = [date(2025, 9, 1), date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)]
    months = [
        str(write_usage(folder / f"{day}.parquet", rows, day=day, days=30, first=number * rows))
        for number, day in enumerate(days)
    ]
    return {rows // 10: [str(tenth)], rows: months[:1], 5 * rows: months}


def bench_aggregates(folder: Path, rows: int, rounds: int, *, with_spark: bool) -> None:
    made = write_months(folder, rows)
    compared = run_in_turn(
        {
            "hand-written SQL on DuckDB, five queries": ["aggregate_sql", *made[rows]],
            "the same as one of GROUPING SETS": ["aggregate_sql_at_once", *made[rows]],
            "flexlib on DuckDB": ["aggregate_flexlib", *made[rows]],
        },
        rounds,
    )
    # Once: it takes as long as all the others together.
    for name, part in (("pandas", "aggregate_pandas"), ("pandas, Arrow's types", "aggregate_pandas_arrow")):
        compared[name] = run_part(part, *made[rows])
    print_table(f"A month of {rows:,} calls: total, by day, by provider and model, by task type, by proxy", compared)
    sql, at_once, ours, pandas, _ = compared.values()
    if any(run.result != ours.result for run in compared.values()):
        raise RuntimeError("the yardsticks do not give the same sums")
    best = min(sql, at_once, key=lambda run: run.work)
    print_target("seconds of work / the faster of the SQL", ours.work / best.work, 1.25)
    print_target("wall seconds / the faster of the SQL", ours.wall / best.wall, 1.25)
    print_target("times faster than pandas, whole process", pandas.wall / ours.wall, 8, at_least=True)
    print_target("share of pandas' memory", ours.mib / pandas.mib, 0.25)
    growth = {f"{size:,} calls": ["aggregate_flexlib", *files] for size, files in made.items()}
    print_table("How the sums grow", run_in_turn(growth, rounds))
    if with_spark:
        growth = {f"{size:,} calls": ["aggregate_spark", *files] for size, files in made.items()}
        print_table("The same on Spark, by its own settings", run_in_turn(growth, 1))


def bench_close(urls: dict[str, Iterable[str]], folder: Path, rows: int) -> None:
    for name, source in urls.items():
        url = next(iter(source))
        filled = run_part("fill", url, str(rows))
        bare = run_part("read_bare", url, str(folder / f"bare-{name}"))
        closed = run_part("close", url, str(folder / f"closed-{name}"))
        parts = {"fill it, by SQL": filled, "SELECT, fetchmany, Arrow, Parquet": bare, "close it": closed}
        print_table(f"Closing a month of {rows:,} calls from {name}", parts)
        if {bare.result["rows"], closed.result["rows"]} != {str(rows)}:
            raise RuntimeError(f"{closed.result['rows']} rows were closed, {bare.result['rows']} read")
        print_target("seconds of work / the bare loop", closed.work / bare.work, 0.6)
        print_target("peak MiB", closed.mib, 700)


def bench_tallies(urls: dict[str, Iterable[str]], rows: int, batch: int, single: int, rounds: int) -> None:
    """A sum from the calls and from tallies, at whole days and at ragged ends; what tallies cost who records."""
    ends = {"whole days": "2025-10-01T00:00:00", "ragged": "2025-09-20T17:31:07"}
    for name, source in urls.items():
        made = iter(source)
        url = next(made)
        run_part("fill", url, str(rows))
        before = {what: run_part("total", url, end, "1") for what, end in ends.items()}
        counted = run_part("count_tallies", url)
        print(f"\n{rows:,} calls on {name}: {counted.result} tallies, counted in {counted.work:.1f} s")
        for what, end in ends.items():
            after = run_part("total", url, end, str(TIMES))
            if after.result != before[what].result:
                raise RuntimeError(f"{after.result} of tallies, {before[what].result} of calls")
            each = after.work / TIMES
            print(f"  {what:<12}{1000 * before[what].work:>10.1f} ms from calls{1000 * each:>9.2f} ms from tallies")
            print_target("times as fast", before[what].work / each, 20, at_least=True)
        for how, number in (("one", single), ("many", batch)):
            done: dict[str, list[float]] = {"off": [], "on": []}
            for _ in range(rounds):
                for tallies, seconds in done.items():
                    seconds.append(run_part("record", next(made), how, str(number), tallies).work)
            off, on = (1000 * median(one) / number for one in done.values())
            print(f"  record {how:<5}{off:>10.3f} ms a call{on:>9.3f} ms with tallies", flush=True)


def bench_guard(urls: dict[str, Iterable[str]], folder: Path) -> None:
    """What 50 processes spend of one limit, 12 of which are killed on the way."""
    print("\n50 processes on a limit of US$ 3.00, 12 killed; a call costs US$ 0.013, of which 0.01 is held")
    for name, source in urls.items():
        url = next(iter(source))
        ledger = open_ledger(url, data=folder)
        init_ledger(ledger)
        spent, late = run_writers(ledger, url, folder, 50, 12, 300, "0.013", timedelta(seconds=3))
        calls = UsageQuery(ledger).count()
        print(
            f"  {name:<11} US$ {spent:.3f} for {calls} calls, {late} of them settled after their hold had expired",
            flush=True,
        )
        print_target("US$ beyond the limit", float(spent - 3), float(calls * Decimal("0.003") + late * Decimal("0.01")))
        ledger.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000, help="calls of the month that is summed")
    parser.add_argument("--close-rows", type=int, default=300_000, help="calls of the month that is closed")
    parser.add_argument("--single", type=int, default=2000, help="calls recorded one at a time")
    parser.add_argument("--batch", type=int, default=20_000, help="calls recorded in batches")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, of which the median counts")
    parser.add_argument("--only", choices=("record", "guard", "aggregates", "close", "tallies"), help="one of these")
    parser.add_argument("--spark", action="store_true", help="the sums on Spark too (its memory is not counted)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, open_urls(Path(name)) as urls:
        folder = Path(name)
        if asked.only in (None, "record"):
            bench_record(urls, asked.single, asked.batch, asked.rounds)
        if asked.only in (None, "tallies"):
            bench_tallies(urls, asked.rows, asked.batch, asked.single, asked.rounds)
        if asked.only in (None, "guard"):
            bench_guard(urls, folder)
        if asked.only in (None, "aggregates"):
            bench_aggregates(folder, asked.rows, asked.rounds, with_spark=asked.spark)
        if asked.only in (None, "close"):
            bench_close(urls, folder, asked.close_rows)


if __name__ == "__main__":
    main()
