"""`make bench-analysis`, its second part: response times of many calls, beside DuckDB's own quantiles."""

from __future__ import annotations

import argparse
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
TRIES = 3


def measure(name: str, work: Callable[[], object], yardstick: float = 0.0) -> float:
    """The best of some tries in seconds, and how many times the yardstick that is."""
    seconds = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    times = f"  {min(seconds) / yardstick:5.2f} times" if yardstick else ""
    print(f"  {name:<52}{min(seconds):7.2f} s{times}", flush=True)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        file = write_usage(Path(folder) / "calls.parquet", count, day=date(2025, 9, 1), days=30)
        rows = duckdb.read_parquet(str(file))
        print(f"\n50, 90 and 99 % of {count:,} calls by provider, model and hour of the day")
        yardstick = measure("DuckDB's quantile_cont", lambda: duckdb.execute(PLAIN.format(file=file)).fetchall())
        measure("flexlib, the same, failures apart, tokens/s", lambda: measure_latency(rows, KEYS), yardstick)
        measure("flexlib, rolled up by hour and bucket", lambda: roll_up_latency(rows), yardstick)
        rollup = roll_up_latency(rows)
        measure("flexlib, of the roll-up, with intervals", lambda: measure_latency(rollup, KEYS), yardstick)


if __name__ == "__main__":
    main()
