"""What a ledger takes as it grows: disk, seconds and memory.

Full size: `python tests/bench/bench_growth.py --rows 1000000 10000000`.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench_ledger import TIMES, open_urls, run_part

from flexlib.ledger import open_ledger

END = "2025-10-01T00:00:00"
MIB = 2**20


def measure_disk(url: str) -> int:
    """Bytes of the database."""
    ledger = open_ledger(url, data=Path("/nonexistent"))
    if ledger.path:
        return sum(one.stat().st_size for one in ledger.path.parent.glob(f"{ledger.path.name}*"))
    with ledger.connect() as connection:
        return int(connection.execute("SELECT pg_database_size(current_database())").fetchone()[0])


def measure(url: str, folder: Path, rows: int, *, goes: bool) -> Iterator[tuple[str, float, str]]:
    """One ledger of so many calls, filled, asked, closed and, where it `goes`, archived: what, how much and of what."""
    run_part("fill", url, str(rows), "kept")
    yield "the database", measure_disk(url) / MIB, "MiB"
    yield "a month's total from the calls", run_part("total", url, END, "1").work, "s"
    counted = run_part("count_tallies", url)
    yield "tallies counted once", counted.work, "s"
    yield "  by a process of", counted.mib, "MiB"
    yield "a month's total from tallies", run_part("total", url, END, str(TIMES)).work / TIMES, "s"
    closed = run_part("close", url, str(folder))
    yield "the month closed", closed.work, "s"
    yield "  by a process of", closed.mib, "MiB"
    yield "its Parquet", sum(one.stat().st_size for one in folder.rglob("usage.parquet")) / MIB, "MiB"
    if goes:
        archived = run_part("archive", url, str(folder))
        yield "the month archived", archived.work, "s"
        yield "  by a process of", archived.mib, "MiB"
        yield "the database without it", measure_disk(url) / MIB, "MiB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000], help="calls of each ledger")
    parser.add_argument("--most-archived", type=int, default=1_000_000, help="no larger month is archived")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, open_urls(Path(name)) as urls:
        for rows in asked.rows:
            for database, source in urls.items():
                print(f"\nA month of {rows:,} calls on {database}")
                folder = Path(name) / f"{database}-{rows}"
                goes = rows <= asked.most_archived
                for what, value, unit in measure(next(iter(source)), folder, rows, goes=goes):
                    print(f"  {what:<32}{value:>10,.{2 if unit == 's' else 0}f} {unit}", flush=True)


if __name__ == "__main__":
    main()
