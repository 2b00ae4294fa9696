"""The tables of a letter sum to what it charges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.chargeback import DIRECT, ChargeLine, LineKey, LineKind
from flexlib.tables.chargeback import table_models


def make_line(usd: str, clp: str) -> ChargeLine:
    charged = {DIRECT: {"usd": Decimal(usd), "clp": Decimal(clp)}}
    return ChargeLine(LineKey(LineKind.PART, "Legal"), {}, charged, 1, 0)


def make_row(model: str, usd: str, clp: str) -> dict[str, Any]:
    return {"model": model, "flex_credits": None, "usd": Decimal(usd), "clp": Decimal(clp)}


def test_models_are_rounded_to_what_the_direct_use_is_charged_with_and_those_of_nothing_left_out() -> None:
    rows = [make_row("a", "1.004", "10.4"), make_row("b", "1.004", "10.4"), make_row("c", "0", "0")]
    table = table_models(rows, make_line("2.01", "21"))
    assert [(row["model"], str(row["usd"]), str(row["clp"])) for row in table.rows] == [
        ("a", "1.01", "11"), ("b", "1.00", "10"),
    ]  # fmt: skip
    assert [column.total for column in table.columns] == ["All models", Decimal("2.01"), Decimal(21)]


def test_use_that_is_charged_to_everybody_is_shown_as_it_is() -> None:
    (row,) = table_models([make_row("a", "1.004", "10.4")], make_line("0", "0")).rows
    assert (row["usd"], row["clp"]) == (Decimal("1.004"), Decimal("10.4"))


@given(st.lists(st.decimals(0, 10**6, places=10), min_size=1, max_size=8))
def test_whatever_models_cost_they_sum_to_the_cents_of_the_line(amounts: list[Decimal]) -> None:
    rows = [make_row(str(place), str(amount), "0") for place, amount in enumerate(amounts)]
    total = sum(amounts).quantize(Decimal("0.01"))  # type: ignore[union-attr] # never of nothing
    table = table_models(rows, make_line(str(total), "0"))
    assert sum(row["usd"] for row in table.rows) == total if any(amounts) else not table.rows
