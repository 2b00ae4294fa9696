"""What a span's rows hold of each person and model, as `analysis.compare` takes it apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from flexlib.analysis.stayed import NOTHING, Use, sum_use
from flexlib.analysis.top import NOT_GIVEN
from flexlib.dates import Month
from flexlib.sources.registry import WINDSURF

UNITS = {"credits": "flex_credits", "usd": "usd", "clp": "clp"}
"""What can be compared or forecast, and the column of `Spend.by` that it is."""

REFUND = "refund"
KINDS = {
    of: f"CASE WHEN {is_below} THEN '{REFUND}' ELSE 'use' END"
    for of, is_below in {
        "credits": "flex_credits < 0",
        "usd": "amount_in_usd < 0",
        "clp": "amount_in_usd < 0 OR amount_in_clp < 0",
    }.items()
}
"""By what is compared whether a row is a `REFUND`, as SQL: what such a row counts was used before."""

Person = tuple[str, str]
"""A source and a user of it."""


def collect_uses(
    known: pd.DataFrame,
    others: pd.DataFrame,
    months: tuple[Month, ...],
    of: str,
    counted: pd.DataFrame | None = None,
) -> tuple[dict[Person, dict[str, Use]], int]:
    """By person and model what the months of one side hold; and how many of their requests, the `others`, have no such
    amount. `known` is by `kind`, too, as of `KINDS`; `counted`: a table like it whose counts are taken instead."""
    amounts: dict[tuple[Person, str], list[tuple[Decimal, Decimal]]] = defaultdict(list)
    refunded: dict[tuple[Person, str], Decimal] = defaultdict(Decimal)
    for row in _list_rows(known, months):
        pesos = row["clp"] if of == "clp" else NOTHING
        if row["kind"] == REFUND:
            refunded[_find_key(row)] += row[UNITS[of]]
        else:
            amounts[_find_key(row)].append((row["usd" if of == "clp" else UNITS[of]], pesos))
    quantities: dict[tuple[Person, str], list[Decimal | int | None]] = defaultdict(list)
    for row in _list_rows(known if counted is None else counted, months):
        if row["kind"] != REFUND:
            count = row["requests" if row["source"] == WINDSURF.name else "total_tokens"]
            quantities[_find_key(row)].append(None if pd.isna(count) else count)
    lacking: dict[tuple[Person, str], int] = defaultdict(int)
    for row in _list_rows(others, months):
        least = max(row["unpriced_requests"], row["unconverted_requests"])
        lacking[_find_key(row)] += int(least if pd.isna(row["requests"]) else row["requests"])
    uses: dict[Person, dict[str, Use]] = defaultdict(dict)
    for person, model in {**amounts, **refunded, **lacking}:
        sums, pesos = zip(*amounts.get((person, model), [(NOTHING, NOTHING)]), strict=True)
        uses[person][model] = Use(
            sum(sums, NOTHING),
            _add_counts(quantities.get((person, model), ())),
            sum(pesos, NOTHING) if of == "clp" else None,
            refunded.get((person, model), NOTHING),
            is_part=(person, model) in lacking,
        )
    return dict(uses), sum(lacking.values())


def is_nothing_known(uses: Mapping[Person, Mapping[str, Use]]) -> bool:
    """Whether of all that a side holds no amount is known, or only that of what is free."""
    return not any(sum_use(use) for models in uses.values() for use in models.values())


def _add_counts(counts: Collection[Decimal | int | None]) -> Decimal | int | None:
    """None where one is not known."""
    known = [one for one in counts if one is not None]
    return sum(known) if len(known) == len(counts) else None


def _list_rows(table: pd.DataFrame, months: tuple[Month, ...]) -> list[dict[Hashable, Any]]:
    return table[table["month"].isin([pd.Timestamp(month.first) for month in months])].to_dict("records")


def _find_key(row: dict[Hashable, Any]) -> tuple[Person, str]:
    return (str(row["source"]), _name(row["user"])), _name(row["model"])


def _name(value: Hashable) -> str:
    return NOT_GIVEN if pd.isna(value) else str(value)  # type: ignore[call-overload]
