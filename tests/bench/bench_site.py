"""`make bench-site`: `flexlib site` of 24 months, beside the plain sums that its pages show.

Each month has credits of 6,000 people in 40 departments, and as many calls as make those that are asked for in all. The
yardstick, in the same run: a process that sums the same files by DuckDB alone, by day and model, by month and model
and by month and person."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import measure
from bench_pages import PEOPLE, store_calls, store_credits

from flexlib.dates import Month, Span

MONTHS = Span(Month(2024, 1).first, Month(2025, 12).last).months
DEPARTMENTS = 40
PLAIN = """
import sys, duckdb
usage, spent = (f"'{sys.argv[1]}/{one}/**/*.parquet'" for one in ("usage", "credits"))
for rows in (f"(SELECT created_at AS moment, model, usable_id AS who, amount_in_usd AS amount FROM {usage})",
             f'(SELECT date AS moment, model_uid AS model, "user" AS who, flex_credits AS amount FROM {spent})'):
    for keys in "moment::DATE, model", "date_trunc('month', moment), model", "date_trunc('month', moment), who":
        duckdb.sql(f"SELECT {keys}, sum(amount), count(*) FROM {rows} GROUP BY {keys}").fetchall()
"""


def store_months(root: Path, rows: int) -> None:
    for month in MONTHS:
        store_calls(root, month, rows // len(MONTHS))
        store_credits(root, month)
    lines = ["who,department", *(f"user{one},Department {one % DEPARTMENTS}" for one in range(PEOPLE))]
    (root / "people.csv").write_text("\n".join(lines), "utf-8")


def print_figures(name: str, command: list[str], environment: dict[str, str]) -> None:
    load, _, _ = os.getloadavg()
    made = measure(command, environment)
    print(f"{name:<34}{made.wall:>9.2f}{made.cpu:>9.2f}{made.mib:>7.0f}{load:>7.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="calls of all months together")
    parser.add_argument("--store", type=Path, help="only write the months into this folder")
    parser.add_argument("--data", type=Path, help="months that --store wrote, instead of new ones")
    arguments = parser.parse_args()
    if arguments.store:
        store_months(arguments.store, arguments.rows)
        return
    with tempfile.TemporaryDirectory(prefix="flexlib-bench-") as folder:
        root = (arguments.data or Path(folder) / "data").absolute()
        if not arguments.data:
            root.mkdir()
            subprocess.run([sys.executable, __file__, "--rows", str(arguments.rows), "--store", str(root)], check=True)
        print(f"\n{len(MONTHS)} months of {PEOPLE:,} people, {arguments.rows:,} calls in all")
        print(f"{'':<34}{'wall s':>9}{'CPU s':>9}{'MiB':>7}{'load':>7}", flush=True)
        site = [sys.executable, "-m", "flexlib", "site", "--reports", f"{folder}/none", "--output"]
        placed = ["--roster", str(root / "people.csv")]
        works = {"plain sums": [sys.executable, "-c", PLAIN, str(root)], "site": [*site, f"{folder}/site"],
                 "site, the same again": [*site, f"{folder}/site"],
                 "site with departments": [*site, f"{folder}/placed", *placed],
                 "site with departments, shared": [*site, f"{folder}/shared", *placed, "--share"]}  # fmt: skip
        for name, command in works.items():
            print_figures(name, command, {"FLEXLIB_DATA": str(root), "WINDSURF_SERVICE_KEY": ""})


if __name__ == "__main__":
    main()
