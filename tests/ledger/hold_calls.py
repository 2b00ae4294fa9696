"""The writers of `test_guard_writers.py`, each a process of its own: hold, call and settle until the limit has no room.

Forked, they import what they need once. Prints their numbers, and their statuses when all have ended: a writer fails
where its call is not held until its lifetime is over. Each call that was settled while it was held has a line in a
file: on a busy machine one may come late, and was held no more.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from flexlib.errors import LimitReached
from flexlib.ledger import Ledger, open_ledger
from flexlib.ledger.guard.hold import hold, read_clock

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
PATIENCE = 3
"""Lifetimes without room after which a writer takes the limit for used up: what a killed one held is free by then."""


def read_expiry(ledger: Ledger, name: str) -> datetime | None:
    """When what is held for a call expires; None where it is held no more."""
    ask = "SELECT expires FROM llm_usage_limit_holds WHERE hold = " + ("?" if ledger.path else "%s")
    with ledger.connect() as connection:
        row = connection.execute(ask, [name]).fetchone()
    if row is None or isinstance(row[0], datetime):
        return row and row[0]  # type: ignore[no-any-return]
    return EPOCH + timedelta(microseconds=row[0])


def call(url: str, budgets: str, writer: int, cost: str, lifetime: timedelta, in_time: Path) -> None:
    ledger = open_ledger(url, data=Path("/nonexistent"), retry_seconds=120)
    last = time.monotonic()
    while time.monotonic() - last < PATIENCE * lifetime.total_seconds():
        named = {"usable": ("user", writer), "estimate_usd": "0.01", "lifetime": lifetime}
        try:
            with hold(**named, budgets=Path(budgets), ledger=ledger) as held:  # type: ignore[arg-type]
                time.sleep(0.01)
                expires, now = read_expiry(ledger, held.request_id), read_clock()
                settled = held.settle(provider="openai", model="gpt-4o", amount_in_usd=cost)
                until = settled.created_at + lifetime
                if expires is None:  # it was dropped, which takes a lifetime on any machine
                    assert now >= until, f"dropped {until - now} too early"
                else:
                    assert expires == until, f"held until {expires} instead of {until}"
                if read_clock() < until:
                    with in_time.open("a", encoding="utf-8") as file:
                        file.write(f"{settled.request_id}\n")
        except LimitReached:
            time.sleep(lifetime.total_seconds() / 10)
            continue
        last = time.monotonic()
    ledger.close()


def run(url: str, budgets: str, writers: int, cost: str, lifetime: timedelta, in_time: Path) -> None:
    children = []
    for writer in range(writers):
        if (child := os.fork()) == 0:
            call(url, budgets, writer, cost, lifetime, in_time)
            os._exit(0)
        children.append(child)
    print(json.dumps(children), flush=True)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))


if __name__ == "__main__":
    url, budgets, writers, cost, seconds, in_time = sys.argv[1:]
    run(url, budgets, int(writers), cost, timedelta(seconds=float(seconds)), Path(in_time))
