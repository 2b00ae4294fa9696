"""The machines of `test_many_machines.py`, each a process: writers that record, viewers that look on.

They are forked from one that has loaded all that they need. A writer that is killed is begun again. Each writes down
what it did and when, by the one clock that all processes of a machine share: so it can be told afterwards what a viewer
may have seen.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from decimal import Decimal
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flexlib.cli.live import _read_hours
from flexlib.dashboard.live import Watch
from flexlib.dates import Month
from flexlib.errors import LedgerError, LedgerUnavailable
from flexlib.front.spend import load_spend
from flexlib.ledger import UsageQuery, get_total_cost_by_period, open_ledger, record_usage
from flexlib.store import cache

RUNNING, CLOSED = Month(2025, 9), Month(2025, 8)
NOW = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
PAUSE = 0.02
"""Seconds between two calls of a writer: more would be the machine's limit and not the ledger's."""
IMPATIENT = 0.2
"""Seconds for which every other writer lets a lost database be tried: it meets the restart, and sends again."""


def name_amount(writer: int, number: int) -> Decimal:
    """What the call cost: no two the same."""
    return Decimal(1 + writer * 10_000 + number).scaleb(-10)


def write(url: str, folder: Path, writer: int) -> None:
    """Records a call after the other until the file `stop` is there. Begun again, it sends first what it does not know
    to be stored."""
    file = folder / f"writer-{writer}.jsonl"
    stored = {number for number, said, _moment in read_log(file) if said == "stored"} if file.exists() else set()
    with open(file, "a", buffering=1) as log:

        def note(number: int, said: str) -> None:
            log.write(json.dumps([number, said, time.monotonic()]) + "\n")

        ledger = open_ledger(url, data=folder, retry_seconds=IMPATIENT if writer % 2 else 30)
        number, is_known = len(stored), False
        while not (is_known and (folder / "stop").exists()):
            note(number, "sent")
            try:
                record_usage(usable=("user", writer), provider="openai", model="gpt-4o", prompt_tokens=number,
                    request_id=f"{writer}-{number}", amount_in_usd=name_amount(writer, number), created_at=NOW,
                    duration_ms=5, status="ok", ledger=ledger)  # fmt: skip
            except LedgerUnavailable:
                note(number, "lost")
                is_known = False
                continue
            note(number, "stored")
            number, is_known = number + 1, True
            time.sleep(PAUSE)


def view(url: str, folder: Path, viewer: int, redis: str) -> None:
    """Asks as the dashboard's pages do, again and again, the last time once the file `stop` is there."""
    cache.WORTH = 0  # the test's month is small
    cache.choose_cache(redis)
    ledger = open_ledger(url, data=folder)
    watch = Watch(ledger, lambda: NOW)
    with open(folder / f"viewer-{viewer}.jsonl", "a", buffering=1) as log:
        is_over = False
        while not is_over:
            is_over = (folder / "stop").exists()
            for kind in ("look", "total", "hours", "closed"):
                begun = time.monotonic()
                calls = usd = None
                with suppress(LedgerError):
                    calls, usd = ask(kind, watch, folder)
                log.write(json.dumps([kind, begun, time.monotonic(), calls, None if usd is None else str(usd)]) + "\n")
            time.sleep(0.1)


def ask(kind: str, watch: Watch, root: Path) -> tuple[int | None, Decimal | None]:
    """The calls and dollars that a viewer is shown; None where it is said that the figures are old, or unknown."""
    if kind == "look":
        watch.look()
        if watch.problem or watch.live is None:
            return None, None
        assert watch.live.month == watch.live.today  # of one state of the ledger
        return watch.live.month.calls, watch.live.month.usd or Decimal(0)
    if kind == "closed":
        spent = load_spend(CLOSED, None, root, zone="UTC", names=False).total("usd")
        assert isinstance(spent, Decimal)
        return None, spent
    if kind == "total":
        found = get_total_cost_by_period(NOW, NOW.replace(day=16), within=UsageQuery(watch.ledger))
        assert isinstance(found, dict)
        return None, Decimal(found["usd"] or 0)
    hours = _read_hours(watch.ledger, NOW)  # as `flexlib live` does
    sums: list[Any] = list(hours.values())
    return sum(one[5] for one in sums), sum((one[3] for one in sums), Decimal(0))


def read_log(file: Path) -> Iterator[list[Any]]:
    """What a machine wrote down; a line that was cut off when it was killed is none."""
    for line in file.read_text().splitlines():
        with suppress(json.JSONDecodeError):
            yield json.loads(line)


def begin(folder: Path, name: str, work: Callable[[], None]) -> int:
    """Forks a process that does the work, and writes its number into a file of that name."""
    if not (child := os.fork()):
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    (folder / f"{name}.pid").write_text(str(child))
    return child


def rehearse() -> None:
    """Loads what the first question would: 25 processes at once on two cores would take longer for it than for all."""
    for module in ("duckdb", "psycopg", "pandas", "pyarrow.parquet", "redis", "flexlib.store.cache_redis",
                   "sqlalchemy.dialects.postgresql.psycopg", "flexlib.spend.once"):  # fmt: skip
        import_module(module)
    with TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.sqlite", data=Path(folder))
        record_usage(usable=None, provider="openai", model="gpt-4o", amount_in_usd=1, created_at=NOW, ledger=ledger)
        watch = Watch(ledger, lambda: NOW)
        for kind in ("look", "total", "hours"):
            ask(kind, watch, Path(folder))


def main(url: str, place: str, redis: str, writers: int, viewers: int) -> int:
    """Begins all of them and waits for their end; 1 where one failed."""
    folder = Path(place)
    rehearse()
    works = {f"writer-{one}": partial(write, url, folder, one) for one in range(writers)}
    works |= {f"viewer-{one}": partial(view, url, folder, one, redis) for one in range(viewers)}
    names = {begin(folder, name, work): name for name, work in works.items()}
    failed = 0
    while names:
        child, status = os.wait()
        name = names.pop(child)
        if os.WIFSIGNALED(status):
            names[begin(folder, name, works[name])] = name
        failed += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
