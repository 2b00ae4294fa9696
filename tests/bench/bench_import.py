"""`make bench-import`: how fast a file of calls becomes a month, beside a bare read, sort and write in the same run.

The yardstick is DuckDB alone: read the CSV, sort it by time and id, write it as Parquet. Ours checks every row, prices
it, and proves the month as well. Then the same export with a quarter more calls, into the stored month: three of four
are held against what was said of them before. Every figure is of a whole process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb
from bench import measure, measure_all

BARE = """
import duckdb
duckdb.execute("COPY (SELECT * FROM read_csv('{file}') ORDER BY time, id) TO '{out}' (FORMAT parquet, CODEC zstd)")
"""

COLUMNS = ["--timestamp", "time", "--prompt-tokens", "input", "--completion-tokens", "output", "--request-id", "id"]
OTHERS = ["--cached-tokens", "cached", "--usable-id", "user", "--usable-type", "user", "--model-column", "model"]
OTHERS += ["--cache", "included"]


def write_calls(file: Path, rows: int) -> None:
    """That many calls of September 2025 in no order, each with an id of its own: the same for the same number."""
    duckdb.execute("CREATE OR REPLACE MACRO draw(n, seed, most) AS (hash(n * 7 + seed) % most)::BIGINT")
    models = "['gpt-4o', 'gpt-4o-mini', 'gpt-4.1', 'o3', 'gpt-4.1-mini']"
    month = 30 * 24 * 3600 * 1_000_000
    duckdb.execute(f"""
        COPY (
            SELECT strftime(TIMESTAMP '2025-09-01' + to_microseconds(draw(n, 0, {month})), '%Y-%m-%dT%H:%M:%S.%fZ')
                    AS time,
                md5(n::VARCHAR) AS id, {models}[1 + draw(n, 1, 5)] AS model, 10 + draw(n, 2, 5000) AS input,
                1 + draw(n, 3, 800) AS output, draw(n, 2, 5000) // 4 * (n % 3 = 0)::INT AS cached,
                1 + draw(n, 4, 400) AS user
            FROM range({rows}) calls(n))
        TO '{file}' (FORMAT csv)""")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flexlib-bench-") as folder:
        file, data = Path(folder) / "calls.csv", Path(folder) / "data"
        write_calls(file, arguments.rows)
        bare = BARE.format(file=file, out=Path(folder) / "bare.parquet")
        ours = [sys.executable, "-m", "flexlib", "import", str(file), "--provider", "openai", "--replace"]
        where = {"FLEXLIB_DATA": str(data)}
        found = measure_all(
            {"bare": [sys.executable, "-c", bare], "ours": [*ours, *COLUMNS, *OTHERS]}, where, arguments.rounds
        )
        write_calls(file.with_name("more.csv"), arguments.rows * 5 // 4)
        more = [sys.executable, "-m", "flexlib", "import", str(file.with_name("more.csv")), "--provider", "openai"]
        found["grown"] = measure([*more, *COLUMNS, *OTHERS], where)
    print(f"import of {arguments.rows:,} calls from a CSV of {len(COLUMNS) // 2 + 3} columns, whole processes")
    for name, one in found.items():
        print(f"  {name:<5}: {one.wall:6.1f} s  {one.cpu:6.1f} s CPU  {one.mib:5,.0f} MiB")
    bare_run, our_run, _ = found.values()
    print(f"  {our_run.wall / bare_run.wall:.1f} times the time, {our_run.cpu / bare_run.cpu:.1f} times the CPU")


if __name__ == "__main__":
    main()
