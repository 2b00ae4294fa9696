"""Many processes on one limit, some killed in the middle of a call: it is used up, and passed by no more than said."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from databases import query

from flexlib.ledger import Ledger, UsageQuery

WRITER = Path(__file__).with_name("hold_calls.py")


def run_writers(ledger: Ledger, url: str, folder: Path, writers: int, kills: int, cents: int, cost: str) -> Decimal:
    """Runs the writers until the limit of so many cents is used up, and kills some on the way. Gives what is spent."""
    budgets = folder / "budgets.yaml"
    named = f'name: all, whole: true, currency: usd, amount: "{cents / 100:.2f}"'
    budgets.write_text(f"budgets:\n  - {{{named}, period: cycle, begins: 1, enforce: true}}")
    calls = int(Decimal(cents) / 100 / Decimal(cost))
    marks = [calls * one // (kills + 2) for one in range(1, kills + 1)]
    command = [sys.executable, "-W", "error", str(WRITER), url, str(budgets), str(writers), cost]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        children = json.loads(process.stdout.readline())
        victims = random.Random(20250901).sample(children, kills)
        for victim, mark in zip(victims, marks, strict=True):
            while UsageQuery(ledger).count() < mark:
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
        statuses = json.loads(process.stdout.readline())
    assert sorted(statuses) == [-9] * kills + [0] * (writers - kills)
    spent = UsageQuery(ledger).sum("amount_in_usd")
    ((counted, held),) = query(ledger, "SELECT spent, held FROM llm_usage_limit_counters")
    steps = 10**10 if ledger.path else 1
    assert Decimal(counted) / steps == spent
    assert Decimal(held) / steps <= Decimal(kills) / 100  # of the killed
    return Decimal(spent)


def test_eight_writers_some_killed_use_a_limit_up_and_do_not_pass_it(
    ledger: Ledger, ledger_url: str, tmp_path: Path
) -> None:
    assert run_writers(ledger, ledger_url, tmp_path, 8, 3, 60, "0.01") == Decimal("0.60")


@pytest.mark.heavy
def test_fifty_writers_pass_a_limit_by_no_more_than_their_calls_cost_beyond_what_was_held(
    ledger: Ledger, ledger_url: str, tmp_path: Path
) -> None:
    spent = run_writers(ledger, ledger_url, tmp_path, 50, 12, 300, "0.013")
    calls = UsageQuery(ledger).count()
    assert spent == calls * Decimal("0.013")
    assert Decimal("2.99") < spent <= 3 + calls * Decimal("0.003")  # what is said
    assert spent <= 3 + 50 * Decimal("0.003")  # and more than that: of the calls under way at the end alone
