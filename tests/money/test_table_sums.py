"""What the rows of a table cost that sum many calls, and how much more at most: by hand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from test_table_counts import WORDS, build_call, price

from flexlib.money.extra_counts import BASE_COUNTS
from flexlib.money.price_table import find_most_beyond
from flexlib.money.prices import MIXED, UNKNOWN_REQUESTS
from flexlib.schema import USAGE


def test_the_number_of_calls_is_one_where_the_table_has_none_and_unknown_where_the_row_has_none() -> None:
    assert price([build_call("asks", 150)]) == [Decimal("1.0003")]  # 1 + 150*2 / 1e6
    calls: list[tuple[dict[str, Any], Decimal | str]] = [
        (build_call("asks", 150, requests=1), Decimal("1.0003")),
        (build_call("asks", 150, requests=15), Decimal("15.00015")),  # 15 + 150*1 / 1e6: short ones
        (build_call("asks", 150, requests=14), MIXED),
        (build_call("asks", 100, requests=2), Decimal("2.0001")),
        (build_call("asks", 100, requests=None), UNKNOWN_REQUESTS),
        (build_call("asks", 150, requests=0), UNKNOWN_REQUESTS),
        (build_call("steps", 100, requests=None), Decimal("0.0001")),
        (build_call("steps", 101, requests=None), UNKNOWN_REQUESTS),
        (build_call("plain", 150, requests=None), Decimal("0.0003")),
        (build_call("plain", 150, requests=-1), Decimal("0.0003")),
        (build_call("gone", 150, requests=None), "house 1 does not know 'gone' of openai"),
    ]
    assert price([call for call, _ in calls], "requests") == [expected for _, expected in calls]


def test_a_table_of_sums_alone_is_looked_at_as_one_of_calls_and_sums_is() -> None:
    assert price([build_call("asks", 150, requests=2)], "requests") == [MIXED]
    assert price([build_call("plain", 150, requests=2)], "requests") == [Decimal("0.0003")]


def find_beyond(*sums: tuple[str, str, int, int | None]) -> tuple[int, Decimal]:
    """Of sums of calls, each a provider, a model, its prompt tokens and how many calls it sums."""
    names = [*WORDS, *BASE_COUNTS, "requests"]
    may = datetime(2026, 5, 1)
    rows = [
        build_call(model, prompt, provider=provider, created_at=may, requests=requests)
        for provider, model, prompt, requests in sums
    ]
    schema = pa.schema([(name, USAGE.field(name).type if name in USAGE.names else pa.string()) for name in names])
    return find_most_beyond(pa.RecordBatch.from_pylist(rows, schema))


def test_sums_priced_as_short_calls_can_cost_at_most_what_one_long_call_does() -> None:
    long = ("google", "gemini-2.5-pro", 1_000_000, 100)  # 1.25 for a million, or 2.50 in a long call
    small = ("google", "gemini-2.5-pro", 300_000, 30)  # 0.375, or 0.75
    short = ("google", "gemini-2.5-pro", 150_000, 3)  # no call of it can be long
    unpriced = ("google", "gemini-2.5-pro", 300_000, 2)  # some may be long
    alike = ("openai", "gpt-4o", 1_000_000, 7)
    assert find_beyond(long, small, short, unpriced, alike) == (130, Decimal("1.625"))  # 1.25 + 0.375
    assert find_beyond(small) == (30, Decimal("0.375"))
    assert find_beyond(short, unpriced, alike) == (0, Decimal(0))
