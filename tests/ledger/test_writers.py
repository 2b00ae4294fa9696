"""Many writers at once, some killed and started again: exactly the right rows, each once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from databases import query
from write_calls import MODELS

from flexlib.ledger import Ledger, UsageQuery, get_ledger_status

WRITER = Path(__file__).with_name("write_calls.py")
WRITERS = 8


def start(url: str, writer: int, count: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "error", str(WRITER), url, str(writer), str(count)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def count_rows(ledger: Ledger) -> int:
    return get_ledger_status(ledger).rows or 0


def run_writers(ledger: Ledger, url: str, count: int, kills: int) -> int:
    """Runs the writers to their end; on the way kills some with SIGKILL and starts them again. Gives how many."""
    draw = random.Random(20250901)
    running = {writer: start(url, writer, count) for writer in range(WRITERS)}
    # Each time when so much more is stored, so that the kills fall among the writes and not before or after them.
    marks = [WRITERS * count * (one + 1) // (kills + 2) for one in range(kills)]
    killed = 0
    while any(process.poll() is None for process in running.values()):
        if killed < kills and count_rows(ledger) >= marks[killed]:
            alive = [writer for writer, process in running.items() if process.poll() is None]
            if alive:
                victim = draw.choice(alive)
                running[victim].kill()
                running[victim].communicate()
                running[victim] = start(url, victim, count)
                killed += 1
        time.sleep(0.005)
    assert [process.communicate()[1] for process in running.values()] == [b""] * WRITERS
    assert [process.returncode for process in running.values()] == [0] * WRITERS
    return killed


def check_rows(ledger: Ledger, count: int) -> None:
    """That each call of each writer is there once and whole."""
    usage = UsageQuery(ledger)
    assert usage.count() == WRITERS * count
    assert query(ledger, "SELECT count(DISTINCT request_id), count(DISTINCT id) FROM llm_usage_statistics") == [
        (WRITERS * count, WRITERS * count)
    ]
    numbers = range(count)
    amounts = sum((Decimal(number + 1).scaleb(-10) for number in numbers), Decimal(0))
    for writer in range(WRITERS):
        mine = usage.by_usable(("user", writer))
        assert (mine.count(), mine.sum("prompt_tokens"), mine.sum("amount_in_usd")) == (count, sum(numbers), amounts)
        for place, model in enumerate(MODELS):
            own = numbers[place :: len(MODELS)]
            assert (mine.by_model(model).count(), mine.by_model(model).sum("total_tokens")) == (
                len(own),
                sum(own) + len(own),
            )
    october = usage.between("2025-10-01", "2025-10-31")
    assert october.count() == WRITERS * len(numbers[1::2])
    if ledger.backend == "postgresql":
        unpaired = (
            "SELECT count(*) FROM llm_usage_request_ids ids FULL JOIN llm_usage_statistics calls "
            "USING (request_id, created_at) WHERE ids.request_id IS NULL OR calls.request_id IS NULL"
        )
        assert query(ledger, unpaired) == [(0,)]


def test_eight_writers_some_killed_leave_exactly_the_right_rows(ledger: Ledger, ledger_url: str) -> None:
    assert run_writers(ledger, ledger_url, count=300, kills=4) == 4
    check_rows(ledger, 300)


@pytest.mark.heavy
def test_eight_writers_of_8000_calls_some_killed_leave_exactly_the_right_rows(ledger: Ledger, ledger_url: str) -> None:
    assert run_writers(ledger, ledger_url, count=8_000, kills=12) == 12
    check_rows(ledger, 8_000)
