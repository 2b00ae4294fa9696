"""Many processes on one limit, some killed in the middle of a call: it is used up, and passed by no more than said."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from databases import query

from flexlib.ledger import Ledger, UsageQuery
from flexlib.ledger.guard.hold import read_clock

WRITER = Path(__file__).with_name("hold_calls.py")


def run_writers(
    ledger: Ledger, url: str, folder: Path, writers: int, kills: int, cents: int, cost: str, lifetime: timedelta
) -> tuple[Decimal, int]:
    """Runs the writers until the limit of so many cents is used up, and kills some on the way. Gives what is spent,
    and how many calls were settled, on a busy machine, when they were held no more."""
    budgets = folder / "budgets.yaml"
    named = f'name: all, whole: true, currency: usd, amount: "{cents / 100:.2f}"'
    budgets.write_text(f"budgets:\n  - {{{named}, period: cycle, begins: 1, enforce: true}}")
    calls = int(Decimal(cents) / 100 / Decimal(cost))
    marks = [calls * one // (kills + 2) for one in range(1, kills + 1)]
    in_time = folder / "in_time.txt"
    in_time.touch()
    seconds = str(lifetime.total_seconds())
    command = [sys.executable, "-W", "error", str(WRITER), url, str(budgets), str(writers), cost, seconds, str(in_time)]
    killed = dict[int | None, datetime]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        children = json.loads(process.stdout.readline())
        victims = random.Random(20250901).sample(children, kills)
        for victim, mark in zip(victims, marks, strict=True):
            while UsageQuery(ledger).count() < mark:
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
            killed[children.index(victim)] = read_clock()
        statuses = json.loads(process.stdout.readline())
    assert sorted(statuses) == [-9] * kills + [0] * (writers - kills)
    spent = UsageQuery(ledger).sum("amount_in_usd")
    ((counted, held),) = query(ledger, "SELECT spent, held FROM llm_usage_limit_counters")
    steps = 10**10 if ledger.path else 1
    assert Decimal(counted) / steps == spent
    assert Decimal(held) / steps <= Decimal(kills) / 100  # of the killed
    noted = set(in_time.read_text("utf-8").split())
    late = 0
    for call in UsageQuery(ledger):  # a writer that was killed may not have come to note its last one
        end = killed.get(call.usable_id)
        late += call.request_id not in noted and (end is None or end - call.created_at >= lifetime)
    return Decimal(spent), late


def test_eight_writers_some_killed_use_a_limit_up_and_do_not_pass_it(
    ledger: Ledger, ledger_url: str, tmp_path: Path
) -> None:
    second = timedelta(seconds=1)
    spent, late = run_writers(ledger, ledger_url, tmp_path, 8, 3, 60, "0.01", second)
    assert Decimal("0.60") <= spent <= Decimal("0.60") + late * Decimal("0.01")


@pytest.mark.heavy
def test_fifty_writers_pass_a_limit_by_no_more_than_their_calls_cost_beyond_what_was_held(
    ledger: Ledger, ledger_url: str, tmp_path: Path
) -> None:
    lifetime = timedelta(seconds=3)  # of so many some wait for a second, also on a machine of their own
    spent, late = run_writers(ledger, ledger_url, tmp_path, 50, 12, 300, "0.013", lifetime)
    calls = UsageQuery(ledger).count()
    assert spent == calls * Decimal("0.013")
    beyond = late * Decimal("0.01")  # of what is held no more all that it costs, and not what it costs beyond that
    assert Decimal("2.99") < spent <= 3 + calls * Decimal("0.003") + beyond  # what is said
    assert spent <= 3 + 50 * Decimal("0.003") + beyond  # and more than that: of the calls under way at the end alone
