"""A month that was not over when what has the unit was read: of that alone, and up to which day."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from credits_samples import certify, make_rows
from spend_samples import AUGUST, SEPTEMBER, call, store
from stored import write_snapshot

from flexlib.front.compare import Comparison, compare_spans
from flexlib.sources.registry import WINDSURF
from flexlib.spend.before import explain_unlike
from flexlib.spend.month import load_month_usage

ANA: dict[str, Any] = {"usable_type": "user", "usable_id": 7}
READ = datetime(2025, 9, 28, tzinfo=timezone.utc)
TO_COME = "a part of the difference is of days to come."


def store_both(root: Path, **september: Any) -> None:  # noqa: ANN401
    """Credits of both months, settled, and calls, of which September's were read on the 28th."""
    for month, days in ((AUGUST, 31), (SEPTEMBER, 30)):
        rows = make_rows(month, *[100] * days)
        write_snapshot(rows, certify(month, rows), (), {}, root)
    store(root, "import", AUGUST, call("a", "2025-08-05", "8", **ANA))
    store(root, "import", SEPTEMBER, call("b", **{"when": "2025-09-20", "usd": "5"} | ANA | september), read_at=READ)


def compare(root: Path, of: str) -> Comparison:
    return compare_spans(AUGUST.span, SEPTEMBER.span, root, of=of)


def test_credits_of_a_whole_month_are_whatever_calls_were_read_before_its_end(tmp_path: Path) -> None:
    store_both(tmp_path)
    made = compare(tmp_path, "credits")
    assert (made.running, made.change.is_running) == ("", False)
    assert made.change.difference == Decimal(-1)  # 30 days of one credit after 31


@pytest.mark.parametrize(
    ("september", "up_to"),
    [
        ({}, ", and has rows up to 20 Sep"),  # credits have rows up to the 30th
        ({"when": "2025-09-01", "grain": "month"}, ""),  # of the whole month as far as it went
    ],
)
def test_money_says_which_source_was_read_before_the_months_end_and_up_to_which_day(
    tmp_path: Path, september: dict[str, str], up_to: str
) -> None:
    store_both(tmp_path, **september)
    made = compare(tmp_path, "usd")
    said = f"September (imported files) was not over when it was read{up_to}: {TO_COME}"
    assert (made.running, made.change.is_running) == (said, True)


def test_the_dashboard_states_the_change_of_credits_whatever_calls_lack(tmp_path: Path) -> None:
    store_both(tmp_path)
    now, then = ([load_month_usage(month, tmp_path)] for month in (SEPTEMBER, AUGUST))
    said = [explain_unlike(now, then, ("", ""), within) for within in (None, {WINDSURF.name})]
    assert said == ["September was not over", ""]
    back = [explain_unlike(then, now, ("", "it"), within) for within in (None, {WINDSURF.name})]
    assert back == ["it is not whole", ""]
