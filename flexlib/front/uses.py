"""What a span's rows hold of each person and model, as `analysis.compare` takes it apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from flexlib.analysis.stayed import NOTHING, Use, convert
from flexlib.analysis.top import NOT_GIVEN
from flexlib.dates import Month
from flexlib.sources.registry import WINDSURF

UNITS = {"credits": "flex_credits", "usd": "usd", "clp": "clp"}
"""What can be compared or forecast, and the column of `Spend.by` that it is."""

Person = tuple[str, str]
"""A source and a user of it."""


def collect_uses(
    known: pd.DataFrame, others: pd.DataFrame, months: tuple[Month, ...], of: str
) -> tuple[dict[Person, dict[str, Use]], int]:
    """By person and model what the months of one side hold; and how many of their requests, the `others`, have no such
    amount."""
    amounts: dict[tuple[Person, str], list[tuple[Decimal, int | None, Decimal]]] = defaultdict(list)
    for row in _list_rows(known, months):
        count = row["requests" if row["source"] == WINDSURF.name else "total_tokens"]
        pesos = row["clp"] if of == "clp" else NOTHING
        amount = row["usd" if of == "clp" else UNITS[of]]
        amounts[_find_key(row)].append((amount, None if pd.isna(count) else int(count), pesos))
    lacking: dict[tuple[Person, str], int] = defaultdict(int)
    for row in _list_rows(others, months):
        least = max(row["unpriced_requests"], row["unconverted_requests"])
        lacking[_find_key(row)] += int(least if pd.isna(row["requests"]) else row["requests"])
    uses: dict[Person, dict[str, Use]] = defaultdict(dict)
    for person, model in {**amounts, **lacking}:
        sums, counts, pesos = zip(*amounts.get((person, model), [(NOTHING, 0, NOTHING)]), strict=True)
        uses[person][model] = Use(
            sum(sums, NOTHING),
            None if None in counts else sum(counts),
            sum(pesos, NOTHING) if of == "clp" else None,
            is_part=(person, model) in lacking,
        )
    return dict(uses), sum(lacking.values())


def is_nothing_known(uses: Mapping[Person, Mapping[str, Use]]) -> bool:
    """Whether of all that a side holds no amount is known, or only that of what is free."""
    return not any(convert(use) for models in uses.values() for use in models.values())


def _list_rows(table: pd.DataFrame, months: tuple[Month, ...]) -> list[dict[Hashable, Any]]:
    return table[table["month"].isin([pd.Timestamp(month.first) for month in months])].to_dict("records")


def _find_key(row: dict[Hashable, Any]) -> tuple[Person, str]:
    return (str(row["source"]), _name(row["user"])), _name(row["model"])


def _name(value: Hashable) -> str:
    return NOT_GIVEN if pd.isna(value) else str(value)  # type: ignore[call-overload]
