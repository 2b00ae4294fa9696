"""Where counts and bills differ, as tables whose lines sum to what stands below them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from flexlib.spend.differences import Difference, DifferenceKind
from flexlib.tables.definition import Table
from flexlib.tables.spend import table_differences, table_differences_by_model


def make_bills(*more: str) -> Any:  # noqa: ANN401 (what of a month's bills the tables read)
    """By how much the bill is more than the count, a model each."""
    found = [
        Difference(
            "openai",
            date(2025, 9, 1),
            f"model-{number}",
            DifferenceKind.PRICED_OTHERWISE,
            Decimal(0),
            Decimal(usd),
            1,
            "",
        )
        for number, usd in enumerate(more)
    ]
    return SimpleNamespace(differences=found)


def sum_lines(table: Table) -> Decimal:
    return sum((row["difference"] for row in table.rows), Decimal(0))


@pytest.mark.parametrize("make", [table_differences, table_differences_by_model])
def test_many_small_differences_are_a_line_where_together_they_come_to_a_cent(make: Any) -> None:  # noqa: ANN401
    table = make(make_bills("0.3", "0.004", "0.007", "0.009"))
    assert sum_lines(table) == Decimal("0.32")
    assert len(table.rows) == 2
    assert [len(make(make_bills("0.3", *more)).rows) for more in (["0.004"], ["0.004", "-0.004"])] == [1, 1]
