"""What the questions to a month's rows find, and what they leave alone."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from flexlib.dates import Month
from flexlib.ingest.files.importing import import_usage
from flexlib.sources.files.mapping import CallMapping
from flexlib.spend.month import load_month_usage
from flexlib.spend.quality import QualityCheck, check_quality

MAY, LATER = Month(2026, 5), datetime(2026, 8, 1, tzinfo=timezone.utc)
HEADER = "time,maker,model,n,in,out,write,hour,searches,level,usd"
COLUMNS: dict[str, Any] = {
    "created_at": "time", "provider_column": "maker", "model_column": "model", "requests": "n", "prompt_tokens": "in",
    "completion_tokens": "out", "cache_write_tokens": "write", "tier": "level", "amount_in_usd": "usd", "grain": "day",
    "cache": "included", "extra_counts": ("cache_write_1h_tokens=hour", "web_searches=searches"),
}  # fmt: skip
FAR, ZERO, SUMS = (
    "Amount far from tokens x list price", "An amount of 0 beside tokens", "Sums of calls priced as short ones",
)  # fmt: skip


def ask(root: Path, *rows: str) -> dict[str, QualityCheck]:
    file = root / "days.csv"
    file.write_text("\n".join([HEADER, *(f"2026-05-01T00:00:00Z,{row}" for row in rows)]) + "\n", "utf-8")
    import_usage(file, CallMapping(**COLUMNS), root / "data", now=LATER)
    return {one.question: one for one in check_quality(load_month_usage(MAY, root / "data"))}


@pytest.mark.parametrize(
    ("row", "far"),
    [
        # 1000 in at 3, 100 out at 15, two searches at 10 for a thousand: the tokens alone are 0.0045
        ("anthropic,claude-sonnet-4,1,1000,100,0,,2,,0.0245", 0),
        # 1000 fresh at 3, 2000 written at 3.75, half of them for an hour at 6: 0.003 + 0.00375 + 0.006
        ("anthropic,claude-sonnet-4-5,1,3000,0,2000,1000,,,0.01275", 0),
        ("openai,gpt-4o,1,1000000,0,0,,,batch,1.25", 0),  # half of 2.50, of which the list does not know that day
        ("openai,gpt-4o,1,1000000,0,0,,,,1.25", 0),  # off by half, and not by more
        ("openai,gpt-4o,1,1000000,0,0,,,,1.24", 1),
        ("openai,gpt-4o,1,1000000,0,0,,,,0", 0),  # that is the next question's
    ],
)
def test_an_amount_is_held_against_all_that_the_list_prices(tmp_path: Path, row: str, far: int) -> None:
    assert ask(tmp_path, row)[FAR].count == far


def test_an_amount_of_0_beside_tokens_is_a_finding_and_a_free_model_is_none(tmp_path: Path) -> None:
    rows = ("openai,our-model,2,150000,0,0,,,,0", "openai,gpt-4o,1,0,0,0,,,,0", "openai,gemma:free,1,9,9,0,,,,0")
    found = ask(tmp_path, *rows)[ZERO]
    assert found.count == 2
    assert "at least" in found.note


def test_sums_priced_as_short_calls_say_how_much_dearer_long_ones_can_be(tmp_path: Path) -> None:
    found = ask(
        tmp_path,
        "google,gemini-2.5-pro,100,1000000,50000,0,,,,",  # 1.75, and 3.25 as one call
        "google,gemini-2.5-pro,3,150000,0,0,,,,",  # no call of it can be long
        "openai,gpt-4o,100,1000000,0,0,,,,",
    )[SUMS]
    assert (found.count, found.note) == (100, "Long calls among them cost more: at most US$ 1.5 in all.")
