"""One writer of `test_writers.py`, a process of its own: records its calls, alone or in batches, one in ten twice.

Started again after it was killed, it begins with its first call, as an application would that does not know how far it
came. What it records follows from its number alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from flexlib.ledger import open_ledger, record_many, record_usage

BATCH = 100
MODELS = ("gpt-4o", "gpt-4o-mini", "o3")


def make_calls(writer: int, count: int) -> Iterator[dict[str, Any]]:
    """`count` calls over two months, and after every tenth the same again."""
    for number in range(count):
        call = {
            "request_id": f"{writer}-{number}",
            "usable": ("user", writer),
            "provider": "openai",
            "model": MODELS[number % len(MODELS)],
            "prompt_tokens": number,
            "completion_tokens": 1,
            "amount_in_usd": f"0.{number + 1:010}",
            "created_at": f"2025-{9 + number % 2:02}-{1 + number % 28:02}T12:00:00Z",
            "metadata": {"attempt": 1},
        }
        yield call
        if number % 10 == 0:
            yield call


def write(url: str, writer: int, count: int) -> None:
    """Every fourth writer sends its calls one by one, the others in batches."""
    ledger = open_ledger(url, data=Path("/nonexistent"), retry_seconds=120)
    calls = make_calls(writer, count)
    if writer % 4 == 0:
        for call in calls:
            record_usage(**call, ledger=ledger)
    else:
        while batch := list(islice(calls, BATCH)):
            record_many(batch, ledger=ledger)
    ledger.close()


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
