"""The two ends of a period: half-open in UTC, a bare day as the end is that whole day."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from flexlib.dates import read_period
from flexlib.errors import InvalidRequest

CHILE = timezone(timedelta(hours=-3))


@pytest.mark.parametrize(
    ("start", "end", "low", "high"),
    [
        (None, None, None, None),
        ("2025-09-01", "2025-09-30", datetime(2025, 9, 1), datetime(2025, 10, 1)),
        (date(2025, 9, 1), date(2025, 9, 1), datetime(2025, 9, 1), datetime(2025, 9, 2)),
        (" 2025-12-31 ", None, datetime(2025, 12, 31), None),
        (None, "2025-12-31", None, datetime(2026, 1, 1)),
        ("2025-09-01T12:00", "2025-09-01T12:00", datetime(2025, 9, 1, 12), datetime(2025, 9, 1, 12)),
        (None, datetime(2025, 9, 30), None, datetime(2025, 9, 30)),  # a time, not a day: that day is out
        (datetime(2025, 9, 1, 22, tzinfo=CHILE), None, datetime(2025, 9, 2, 1), None),
        (None, "2025-09-01T00:00:00.000001Z", None, datetime(2025, 9, 1, 0, 0, 0, 1)),
    ],
)
def test_a_period_is_half_open_and_a_day_as_its_end_is_in(start: Any, end: Any, low: Any, high: Any) -> None:  # noqa: ANN401
    assert read_period(start, end) == (low, high)


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (
            "2025-09-02",
            "2025-08-31",
            "the period starts at 2025-09-02 and ends before that, at 2025-08-31; swap the two.",
        ),
        ("2025-02-30", None, "start is '2025-02-30'; write it as 2025-09-01 or 2025-09-01T12:00:00Z."),
        (None, "yesterday", "end is 'yesterday'; write it as 2025-09-01 or 2025-09-01T12:00:00Z."),
        (20250901, None, "start must be a day or a time such as 2025-09-01T12:00:00Z, not 20250901."),
        (None, date(2101, 1, 1), "end is 2101-01-01; a call happens between 2000 and 2100."),
        (date(1999, 12, 31), None, "start is 1999-12-31; a call happens between 2000 and 2100."),
        (None, date(9999, 12, 31), "end is 9999-12-31; a call happens between 2000 and 2100."),
    ],
)
def test_what_is_no_period_is_refused_in_a_sentence(start: Any, end: Any, sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequest) as refused:
        read_period(start, end)
    assert str(refused.value) == sentence


def test_the_years_of_a_period_are_those_of_a_month() -> None:
    assert read_period("2000-01-01", "2100-12-31") == (datetime(2000, 1, 1), datetime(2101, 1, 1))
