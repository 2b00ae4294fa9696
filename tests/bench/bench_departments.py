"""How long a company of departments takes: everybody of a stored month in 40 departments, 300 who move in it, and 12
budgets, through each command that needs them. Every figure is of a whole process.

`python tests/bench/bench_departments.py data/demo` on a folder that holds September 2025, such as the demo's.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from flexlib.dates import Month
from flexlib.store.snapshots import find_snapshot

SEPTEMBER = Month(2025, 9)
DEPARTMENTS, TRANSFERS = 40, 300
RULES = """
pools:
  - {name: seats, usd_a_seat: 30.00, rule: head}
  - {name: gateway, usd: 400.00, rule: use}
taxes:
  - {name: IVA, percent: 19}
"""


def write_files(data: Path, folder: Path) -> int:
    """The organization, budgets and rules; how many people there are."""
    spent = find_snapshot("credits", SEPTEMBER, data)
    assert spent is not None
    people = sorted(one["email"] for one in spent.people.values())
    lines = ["who,department,from,until"]
    for place, who in enumerate(people):
        here, there = f"Department {place % DEPARTMENTS}", f"Department {(place + 7) % DEPARTMENTS}"
        moves = place < TRANSFERS
        lines += [f"{who},{here},,2025-09-14", f"{who},{there},2025-09-15,"] if moves else [f"{who},{here},,"]
    (folder / "people.csv").write_text("\n".join(lines), "utf-8")
    of = ["whole: true", "provider: openai", *(f"department: Department {number}" for number in range(10))]
    budgets = [f"  - {{name: b{number}, {one}, currency: usd, amount: 100.00}}" for number, one in enumerate(of)]
    (folder / "budgets.yaml").write_text("\n".join(["budgets:", *budgets]), "utf-8")
    (folder / "rules.yaml").write_text(RULES, "utf-8")
    return len(people)


def main() -> None:
    data = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory(prefix="flexlib-bench-") as name:
        folder = Path(name)
        people = write_files(data, folder)
        print(f"{people:,} people, {DEPARTMENTS} departments, {TRANSFERS} transfers, 12 budgets")
        print(f"{'':<34}{'CPU s':>9}{'MiB':>7}")
        rules, pages = ["--rules", str(folder / "rules.yaml")], ["--output-dir", str(folder)]
        for title, words in {
            "flexlib organization check": ["organization", "check"],
            "flexlib check": ["check", "--budgets", str(folder / "budgets.yaml")],
            "flexlib chargeback": ["chargeback", *rules],
            "flexlib chargeback --per": ["chargeback", "--per", "department", *rules, *pages],
            "flexlib export --format focus": ["export", "--format", "focus", "--output", str(folder / "focus.csv")],
        }.items():
            command = [sys.executable, "-m", "flexlib", *words, "--year", "2025", "--month", "9"]
            command += ["--roster", str(folder / "people.csv")]
            process = subprocess.Popen(
                command, env=os.environ | {"FLEXLIB_DATA": str(data), "FLEXLIB_CACHE_URL": "off"},
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            _, status, usage = os.wait4(process.pid, 0)
            assert os.waitstatus_to_exitcode(status) in (0, 3, 5), title
            _print(title, usage)


def _print(title: str, usage: resource.struct_rusage) -> None:
    print(f"{title:<34}{usage.ru_utime + usage.ru_stime:>9.2f}{usage.ru_maxrss / 1024:>7.0f}", flush=True)


if __name__ == "__main__":
    main()
