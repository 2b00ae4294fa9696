"""`make bench`: how fast a month is fetched and reported, each beside a plain yardstick in the same run.

Every figure is of a whole process: wall seconds, CPU seconds (user and system) and peak memory as the operating system
counts them. The servers are demo servers on this machine; their own CPU is not counted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flexlib.demo.process import demo_server

HERE = Path(__file__).parent
PYTHON = sys.executable
WORKERS = "50"


@dataclass(frozen=True)
class Figures:
    """One run of one command; `mib` is the peak of its largest process."""

    wall: float
    cpu: float
    mib: float


def measure(command: list[str], environment: dict[str, str]) -> Figures:
    """Runs a command to its end, without a cache: what was computed before is computed again. Raises when it fails."""
    surroundings = os.environ | {"FLEXLIB_CACHE_URL": "off"} | environment
    started = time.perf_counter()
    process = subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure_all(commands: dict[str, list[str]], environment: dict[str, str], rounds: int) -> dict[str, Figures]:
    """The medians of each command, all run in turn, so that a change of the machine's pace hits all alike."""
    runs: dict[str, list[Figures]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(measure(command, environment))
    return {
        name: Figures(*(median(getattr(one, part) for one in figures) for part in ("wall", "cpu", "mib")))
        for name, figures in runs.items()
    }


def print_table(title: str, figures: dict[str, Figures]) -> None:
    """Each command's figures, and how many times faster than the first one it is."""
    first = next(iter(figures.values()))
    print(f"\n{title}\n{'':<34}{'wall s':>9}{'CPU s':>9}{'MiB':>7}{'faster':>9}{'CPU less':>10}")
    for name, one in figures.items():
        ratios = f"{first.wall / one.wall:>8.1f}x{first.cpu / one.cpu:>9.1f}x"
        print(f"{name:<34}{one.wall:>9.2f}{one.cpu:>9.2f}{one.mib:>7.0f}{ratios}", flush=True)


@contextmanager
def fresh_data(url: str) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {"FLEXLIB_DATA": folder, "WINDSURF_BASE_URL": url, "WINDSURF_SERVICE_KEY": "demo-key"}


def fetch(*options: str) -> list[str]:
    return [PYTHON, "-m", "flexlib", "fetch", "--year", "2025", "--month", "9", "--workers", WORKERS, *options]


def bench_fetch(latency: str, commands: dict[str, list[str]], rounds: int, query_latency: str = "0") -> None:
    options = ("--latency", latency, "--query-latency", query_latency, "--consumption-limit", "1000")
    with demo_server(*options) as url, fresh_data(url) as environment:
        yardsticks = {
            "script, one post a user": [PYTHON, str(HERE / "seed_script.py"), url, "--workers", WORKERS],
            "bare requests-futures loop": [PYTHON, str(HERE / "bare_loop.py"), url, "--workers", WORKERS],
        }
        title = f"September 2025 of 5,930 users, 50 workers, {latency} s a request, cross-check included"
        print_table(title, measure_all(yardsticks | commands, environment, rounds))


def bench_report(rounds: int) -> None:
    with demo_server() as url, fresh_data(url) as environment:
        measure(fetch(), environment)
        folder = environment["FLEXLIB_DATA"]
        report = [PYTHON, "-m", "flexlib", "report", "--offline", "--year", "2025", "--month", "9"]
        commands = {
            "papermill + nbconvert, empty": ["sh", "-ec", EMPTY.format(python=PYTHON, here=HERE, out=folder)],
            "flexlib report, stored month": [*report, "--output-dir", f"{folder}/reports"],
        }
        print_table("The report", measure_all(commands, environment, rounds))


ONE_CALL = """
from flexlib import record_usage
record_usage(usable=("user", 42), provider="openai", model="gpt-4o", prompt_tokens=1200, completion_tokens=300)
"""


def bench_start(rounds: int) -> None:
    """How long one waits before anything happens."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"FLEXLIB_DATA": folder}
        measure([PYTHON, "-c", ONE_CALL], environment)  # makes the ledger's tables, once
        commands = {
            "python alone": [PYTHON, "-c", "pass"],
            "import flexlib": [PYTHON, "-c", "import flexlib"],
            "flexlib --help": [PYTHON, "-m", "flexlib", "--help"],
            "import sqlalchemy, genai_prices": [PYTHON, "-c", "import sqlalchemy, genai_prices.data"],
            "record one call": [PYTHON, "-c", ONE_CALL],
        }
        print_table("The start of a process", measure_all(commands, environment, rounds))


EMPTY = (
    "{python} -m papermill --no-progress-bar {here}/empty.ipynb {out}/empty.ipynb; "
    "{python} -m nbconvert --to html --no-input {out}/empty.ipynb"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="runs of each command at 0.2 s")
    parser.add_argument("--start", action="store_true", help="only how fast it starts")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    bench_start(7)
    if arguments.start:
        return
    bench_fetch(
        "0.2", {f"flexlib --route {name}": fetch("--route", name) for name in ("user", "batch", "team")}, rounds
    )
    slow = {f"flexlib --route {name}": fetch("--route", name) for name in ("batch", "team")}
    slow["flexlib --route team --verify 0"] = fetch("--route", "team", "--verify", "0")
    bench_fetch("1", slow, 1)
    bench_report(2 * rounds + 1)


if __name__ == "__main__":
    main()
