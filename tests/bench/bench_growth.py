"""What a ledger takes as it grows: disk, seconds and memory, of a tenth of the calls and of all.

Full size: `python tests/bench/bench_growth.py --rows 10000000`.
"""

import argparse
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench_ledger import TIMES, open_urls, run_part

from flexlib.ledger import open_ledger

END = "2025-10-01T00:00:00"
GIB = 2**30


def measure_disk(url: str) -> int:
    """Bytes of the database."""
    ledger = open_ledger(url, data=Path("/nonexistent"))
    if ledger.path:
        return sum(one.stat().st_size for one in ledger.path.parent.glob(f"{ledger.path.name}*"))
    with ledger.connect() as connection:
        return int(connection.execute("SELECT pg_database_size(current_database())").fetchone()[0])


def measure(url: str, folder: Path, rows: int, *, goes: bool) -> dict[str, float]:
    """One ledger of so many calls, filled, asked, closed and, where it `goes`, archived."""
    found: dict[str, float] = {}
    run_part("fill", url, str(rows), "kept")
    found["database, GiB"] = measure_disk(url) / GIB
    found["a month's total from the calls, s"] = run_part("total", url, END, "1").work
    counted = run_part("count_tallies", url)
    found["tallies counted, s"], found["  its memory, MiB"] = counted.work, counted.mib
    found["a month's total from tallies, s"] = run_part("total", url, END, str(TIMES)).work / TIMES
    closed = run_part("close", url, str(folder))
    found["month closed, s"], found["  its memory, MiB "] = closed.work, closed.mib
    found["month in Parquet, GiB"] = sum(one.stat().st_size for one in folder.rglob("usage.parquet")) / GIB
    if goes:
        archived = run_part("archive", url, str(folder))
        found["month archived, s"], found["  its memory, MiB  "] = archived.work, archived.mib
        found["database without it, GiB"] = measure_disk(url) / GIB
    return found


def bench_growth(urls: dict[str, Iterable[str]], folder: Path, rows: int) -> None:
    for name, source in urls.items():
        made = iter(source)
        sizes = (rows // 10, rows)
        columns = []
        for size in sizes:
            url = next(made)
            columns.append(measure(url, folder / f"{name}-{size}", size, goes=size != rows))
        print(f"\nA ledger of one month on {name:<9}{sizes[0]:>12,}{sizes[1]:>12,}")
        for what in columns[0]:
            values = (f"{one[what]:>12.3f}" if what in one else "" for one in columns)
            print(f"  {what:<36}{''.join(values)}".rstrip(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="calls of the larger ledger")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, open_urls(Path(name)) as urls:
        bench_growth(urls, Path(name), asked.rows)


if __name__ == "__main__":
    main()
