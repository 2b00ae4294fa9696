"""The writers of `test_guard_writers.py`, each a process of its own: hold, call and settle until the limit has no room.

Forked, they import what they need once. Prints their numbers, and their statuses when all have ended.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

from flexlib.errors import LimitReached
from flexlib.ledger import open_ledger
from flexlib.ledger.guard.hold import hold

LIFETIME = timedelta(seconds=1)
"""Of what is held: a killed writer's is free again soon."""

PATIENCE = 3.0
"""Seconds without room after which a writer takes the limit for used up: several lifetimes."""


def call(url: str, budgets: str, writer: int, cost: str) -> None:
    ledger = open_ledger(url, data=Path("/nonexistent"), retry_seconds=120)
    last = time.monotonic()
    while time.monotonic() - last < PATIENCE:
        named = {"usable": ("user", writer), "estimate_usd": "0.01", "lifetime": LIFETIME}
        try:
            with hold(**named, budgets=Path(budgets), ledger=ledger) as held:  # type: ignore[arg-type]
                time.sleep(0.01)
                held.settle(provider="openai", model="gpt-4o", amount_in_usd=cost)
        except LimitReached:
            time.sleep(0.1)
            continue
        last = time.monotonic()
    ledger.close()


def run(url: str, budgets: str, writers: int, cost: str) -> None:
    children = []
    for writer in range(writers):
        if (child := os.fork()) == 0:
            call(url, budgets, writer, cost)
            os._exit(0)
        children.append(child)
    print(json.dumps(children), flush=True)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]))


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
