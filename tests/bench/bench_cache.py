"""`make bench-cache`: the same questions about two months of many calls, asked without a cache, and twice with one.

Each time by a process of its own, which prints what it was told: the answers must be the same to the last letter. What
it is timed by begins once flexlib is imported; the files lie in the memory of the system, as they do when asked again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench_pages import store_calls, store_credits

sys.path.insert(0, str(Path(__file__).parents[1]))

from redis_server import start_redis  # noqa: E402

from flexlib.dates import Month  # noqa: E402

MONTHS = (Month(2025, 8), Month(2025, 9))
ASK = """
import sys, time
import duckdb, narwhals, pandas, pyarrow.parquet
import flexlib as fl, flexlib.front.spend, flexlib.front.months
times = []
def ask(answer):
    start = time.perf_counter()
    print(answer())
    times.append(time.perf_counter() - start)
    return answer
start = time.perf_counter()
two = fl.load("2025-08", "2025-09")
ask(lambda: [(one.repeated, one.same_ids, one.lookalikes) for one in two.loaded])
ask(lambda: [two.total(unit) for unit in ("usd", "clp", "requests", "total_tokens")])
ask(lambda: two.by("model").astype(object).to_dict("list"))
ask(lambda: two.by("day", "model").astype(object).to_dict("list"))
print(*times, file=sys.stderr)
"""
PARTS = ("load", "totals", "by model", "by day, model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="calls of each of the two months")
    parser.add_argument("--store", type=Path, help="only write the months into this folder")
    arguments = parser.parse_args()
    if arguments.store:
        for month in MONTHS:
            store_calls(arguments.store, month, arguments.rows)
            store_credits(arguments.store, month)
        return
    with tempfile.TemporaryDirectory(prefix="flexlib-bench-") as folder, ExitStack() as stack:
        root = Path(folder) / "data"
        root.mkdir()
        subprocess.run([sys.executable, __file__, "--rows", str(arguments.rows), "--store", str(root)], check=True)
        redis = stack.enter_context(start_redis())
        print(f"\nSeconds of two months of {arguments.rows:,} calls each")
        print(f"{'':<22}{''.join(f'{one:>15}' for one in (*PARTS, 'together'))}", flush=True)
        runs = {"without a cache": "off", "without, again": "off", "files, first": "", "files, second": "",
                "redis, first": redis, "redis, second": redis}  # fmt: skip
        answers = {print_figures(name, root, url) for name, url in runs.items()}
        print("Equal answers." if len(answers) == 1 else "THE ANSWERS DIFFER.")
        sys.exit(len(answers) != 1)


def print_figures(name: str, root: Path, url: str) -> str:
    """What the process was told."""
    environment = os.environ | {"FLEXLIB_DATA": str(root), "FLEXLIB_CACHE_URL": url, "WINDSURF_SERVICE_KEY": ""}
    ran = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    times = [float(one) for one in ran.stderr.split()]
    print(f"{name:<22}{''.join(f'{one:>15.2f}' for one in (*times, sum(times)))}", flush=True)
    return ran.stdout


if __name__ == "__main__":
    main()
