"""Amounts and times as bills write them: the right value beside each text, and nothing guessed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from flexlib.sources.charges.amounts import (
    find_date_order,
    find_decimal,
    find_other_currency,
    read_amount,
    read_moment,
)


@pytest.mark.parametrize(
    ("text", "decimal", "right"),
    [
        ("20.18", None, "20.18"),
        ("$1.32", None, "1.32"),
        ("US$ 1,234.50", None, "1234.50"),
        ("1.234,50 €", None, "1234.50"),
        ("EUR 12,5", None, "12.5"),
        ("(0.50)", None, "-0.50"),
        ("($0.50)", None, "-0.50"),
        ("-$3", None, "-3"),
        ("$-3", None, "-3"),
        ("−0.5", None, "-0.5"),
        ("1'234.5", None, "1234.5"),
        ("1 234,5", None, "1234.5"),
        ("1.234.567", None, "1234567"),
        ("3.6e-05", None, "0.000036"),
        ("0.004415999999999999", None, "0.004415999999999999"),
        ("0.0000000000000000005", None, "0.000000000000000000"),
        ("Included", None, "0"),
        ("Free", None, "0"),
        ("-", None, "0"),
        ("1.000", ".", "1"),
        ("1.000", ",", "1000"),
        ("1.000", None, None),
        ("1,23,4", None, None),
        ("12 apples", None, None),
        ("", None, None),
        ("(-0.50)", None, None),  # a minus within brackets: below zero, or twice below it
        ("-(0.50)", None, None),
        ("(0.50", None, None),
        ("0.50)", None, None),
        ("--3", None, None),
        ("USD $1,234.50", None, "1234.50"),
        ("(EUR 0,50)", None, "-0.50"),
        ("1e30", None, None),
    ],
)
def test_an_amount_is_read_as_people_and_programs_write_it(text: str, decimal: str | None, right: str | None) -> None:
    assert read_amount(text, decimal) == (None if right is None else Decimal(right))


def test_what_stands_before_decimals_is_proven_by_any_amount_that_can_only_be_one() -> None:
    assert find_decimal(["1.000", "2.000"]) is None
    assert find_decimal(["1.000", "20.18"]) == "."
    assert find_decimal(["1.000", "20,18"]) == ","
    assert find_decimal(["20.18", "20,18"]) is None  # they contradict each other


@pytest.mark.parametrize(
    ("text", "code", "right"),
    [
        ("EUR 12.00", "USD", "EUR"),
        ("12.00 CLP", "USD", "CLP"),
        ("($0.50)", "CLP", None),  # many currencies are written $
        ("US$ 1", "CLP", "USD"),
        ("CLP$1.000", "CLP", None),
        ("¥12", "CNY", None),
        ("¥12", "JPY", None),
        ("¥12", "USD", "JPY/CNY"),
        ("€1 USD", "USD", "EUR"),
        ("12.00", "USD", None),
    ],
)
def test_a_currency_written_in_an_amount_must_be_that_of_its_row(text: str, code: str, right: str | None) -> None:
    assert find_other_currency(text, code) == right


@pytest.mark.parametrize(
    ("text", "order", "first", "end"),
    [
        ("2025-09-30", None, datetime(2025, 9, 30), datetime(2025, 10, 1)),
        ("20250930", None, datetime(2025, 9, 30), datetime(2025, 10, 1)),
        ("2025-12", None, datetime(2025, 12, 1), datetime(2026, 1, 1)),
        ("05/10/2025", "dmy", datetime(2025, 10, 5), datetime(2025, 10, 6)),
        ("05/10/2025", "mdy", datetime(2025, 5, 10), datetime(2025, 5, 11)),
        ("05/10/2025 00:00", "mdy", datetime(2025, 5, 10), datetime(2025, 5, 11)),
        ("1746057600", None, datetime(2025, 5, 1), datetime(2025, 5, 1)),
        ("2025-05-01T00:00:00-04:00", None, datetime(2025, 5, 1, 4), datetime(2025, 5, 1, 4)),
        ("2025-05-01 00:00:00 UTC", None, datetime(2025, 5, 1), datetime(2025, 5, 1)),
    ],
)
def test_a_time_is_utc_and_a_date_is_its_whole_day(text: str, order: str, first: datetime, end: datetime) -> None:
    assert read_moment(text, order) == (first, end)


@pytest.mark.parametrize("text", ["05/10/2025", "31/02/2025", "yesterday", "1999-12-31", "2025-13-01", "Total"])
def test_what_may_be_two_days_or_none_is_no_time(text: str) -> None:
    assert read_moment(text, None) is None


def test_a_day_above_12_proves_the_order_of_the_file() -> None:
    assert find_date_order(["05/10/2026", "25/10/2026"]) == "dmy"
    assert find_date_order(["05/10/2026", "10/25/2026"]) == "mdy"
    assert find_date_order(["05/10/2026"]) is None
    assert find_date_order(["25/10/2026", "10/25/2026"]) is None
