"""`make bench-analysis`, its third part: response times of many calls, beside DuckDB's own quantiles.

All are run in turn and compared by this process's CPU seconds, so that what else the machine does hits all alike. The
first call of a process is shown apart: it has the import of pandas in it, which takes as long for one call as for ten
million, and which the yardstick, that gives tuples and no frame, does not need.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

from usage_rows import write_usage

from flexlib.analysis import measure_latency, roll_up_latency

KEYS = ("provider", "model", "hour")
PLAIN = """
SELECT provider, model, hour(created_at) AS hour, quantile_cont(duration_ms, [0.5, 0.9, 0.99])
FROM '{file}' GROUP BY ALL
"""
TRIES, MOST, BOUND_FROM = 5, 1.5, 10_000_000
"""How often each is run, how many times the yardstick ours may take, and of how many calls."""

FIRST = """
import sys, time
started = time.process_time()
import duckdb
{imports}
imported = time.process_time()
{call}
print(imported - started, time.process_time() - imported)
"""
OURS = "measure_latency(duckdb.read_parquet({file!r}), {keys!r})"
THEIRS = "duckdb.execute({plain!r}).fetchall()"


def measure(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least CPU seconds of each, all run in turn; the first is the yardstick. Prints them."""
    walls: dict[str, list[float]] = {name: [] for name in works}
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(TRIES):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            walls[name].append(time.perf_counter() - wall)
            spent[name].append(time.process_time() - cpu)
    least = {name: min(seconds) for name, seconds in spent.items()}
    print(f"  {'':<48}{'wall s':>9}{'CPU s':>9}")
    for name, seconds in least.items():
        times = seconds / next(iter(least.values()))
        print(f"  {name:<48}{min(walls[name]):>9.2f}{seconds:>9.2f}{times:>8.2f} times", flush=True)
    return least


def measure_first(imports: str, call: str) -> tuple[float, float]:
    """CPU seconds of the imports and of the first call of a new process; what stands before them is DuckDB's bar of a
    call that takes long."""
    words = [sys.executable, "-c", FIRST.format(imports=imports, call=call)]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-2:]
    return float(said[0]), float(said[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        file = write_usage(Path(folder) / "calls.parquet", count, day=date(2025, 9, 1), days=30)
        rows, plain = duckdb.read_parquet(str(file)), PLAIN.format(file=file)
        print(f"\n50, 90 and 99 % of {count:,} calls by provider, model and hour of the day")
        ours = "flexlib, the same, failures apart, tokens/s"
        least = measure({
            "DuckDB's quantile_cont": lambda: duckdb.execute(plain).fetchall(),
            ours: lambda: measure_latency(rows, KEYS),
        })  # fmt: skip
        if count >= BOUND_FROM:
            times = least[ours] / next(iter(least.values()))
            print(f"  at most {MOST} times: {'yes' if times <= MOST else 'NO'}")
        theirs = measure_first("", THEIRS.format(plain=plain))
        own = measure_first("import pandas\nfrom flexlib.analysis import measure_latency",
                            OURS.format(file=str(file), keys=KEYS))  # fmt: skip
        ratios = f"{own[1] / theirs[1]:.2f} times, with imports {sum(own) / sum(theirs):.2f}"
        print(f"  first call of a process: {own[1]:.2f} CPU s after {own[0]:.2f} of imports, DuckDB's {theirs[1]:.2f} "
              f"after {theirs[0]:.2f}: {ratios}", flush=True)  # fmt: skip
        rollup = roll_up_latency(rows)
        (cells,) = rollup.aggregate("count(*)").fetchall()
        print(f"\nRolled up by hour of the month and bucket: {cells[0]:,} cells, as durations are drawn evenly")
        measure({
            "DuckDB's quantile_cont": lambda: duckdb.execute(plain).fetchall(),
            "flexlib, rolling up": lambda: roll_up_latency(rows),
            "flexlib, of the roll-up, with intervals": lambda: measure_latency(rollup, KEYS),
        })  # fmt: skip


if __name__ == "__main__":
    main()
