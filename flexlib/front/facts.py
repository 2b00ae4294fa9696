"""Charges as one flat table to sum, filter and pivot: those of FOCUS under plain names, and the unpriced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.formats import format_count
from flexlib.front.focus import Charges, list_charges
from flexlib.front.focus_bills import explain_unrated
from flexlib.front.focus_columns import FLEX, PLAN
from flexlib.i18n import _, mark_text
from flexlib.spend.billed import count_calls

if TYPE_CHECKING:
    import duckdb

    from flexlib.front.spend import Spend

FACTS: Mapping[str, str] = {
    "day": 'left("ChargePeriodStart", 10)',
    "last_day": """strftime(CAST(left("ChargePeriodEnd", 10) AS DATE) - INTERVAL 1 DAY, '%Y-%m-%d')""",
    "person": """"Tags" ->> '$.user'""",
    "department": '"SubAccountName"',
    **{name: f""""Tags" ->> '$.{name}'""" for name in ("team", "project", "cost_centre")},
    "charge": 'lower("ChargeCategory")',
    "model": '"x_Model"',
    "provider": '"InvoiceIssuerName"',
    "maker": '"PublisherName"',
    "task_type": """"Tags" ->> '$.task_type'""",
    "requests": '"x_Requests"',
    "input_tokens": '"x_InputTokens"',
    "cached_tokens": '"x_CachedTokens"',
    "output_tokens": '"x_OutputTokens"',
    "flex_credits": f"""CASE WHEN "ConsumedUnit" = '{FLEX}' THEN "ConsumedQuantity" END""",
    "plan_credits": f"""CASE WHEN "ConsumedUnit" = '{PLAN}' THEN "ConsumedQuantity" END""",
    "usd": '"BilledCost"',
    "clp": '"x_BilledCostInClp"',
    "exchange_rate": '"x_ExchangeRate"',
    "price_source": '"x_PriceSource"',
    "note": """CASE WHEN "ChargeFrequency" = 'One-Time' THEN "ChargeDescription" END""",
}
"""The columns by name, as SQL over those of FOCUS."""

CHARGES = {"usage": mark_text("usage"), "credit": mark_text("credit"), "purchase": mark_text("purchase"),
           "tax": mark_text("tax"), "adjustment": mark_text("adjustment")}  # fmt: skip
"""FOCUS' categories of a charge as a reader sees them."""

CREDITS, MONEY = ("flex_credits", "plan_credits"), ("usd", "clp", "exchange_rate")
COUNTS = ("requests", "input_tokens", "cached_tokens", "output_tokens")
NUMBERS = (*COUNTS, *CREDITS, *MONEY)
MOST_DECIMALS = 26
"""Of an amount in a type of 38 digits: twelve are left for its whole part."""


def build_facts(spend: Spend) -> Charges:
    """The rows of the months that `spend` is of, in the columns of `FACTS`, texts; what is not known is missing."""
    rows = list_charges(spend, even_unpriced=True)
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in FACTS.items())
    return Charges(rows.select(columns), _explain(spend))


def _explain(spend: Spend) -> tuple[str, ...]:
    found = [text for month in spend.loaded for text in explain_unrated(month)]
    if without := sum(int(count_calls(month.rows)["unpriced_requests"]) for month in spend.loaded):
        said = _("{calls} without a price: usd is empty there, not 0.")
        found.insert(0, said.format(calls=format_count(without, "call")))
    return tuple(dict.fromkeys(found))


def sum_facts(charges: Charges) -> duckdb.DuckDBPyRelation:
    """The rows of `build_facts` by day, person, department, model, provider and kind of charge (in the reader's words),
    in this order; amounts exact, credits in hundredths. What has no price has rows of its own: `usd` is missing."""
    scale = _measure_scale(charges.rows, ("usd", "clp"))
    keys = ("day", "person", "department", "model", "provider", "charge")
    sums = [
        "CASE WHEN count(requests) = count(*) THEN sum(CAST(requests AS BIGINT))::BIGINT END AS requests",
        *(f"sum(CAST(CAST({one} AS DECIMAL(20, 2)) * 100 AS BIGINT))::BIGINT AS {one}" for one in CREDITS),
        *(f"sum(CAST({one} AS DECIMAL(38, {scale}))) AS {one}" for one in ("usd", "clp")),
    ]
    named = f"CAST(day AS DATE) AS day, {', '.join(keys[1:])}, {', '.join(sums)}"
    groups = f"{', '.join(keys)}, usd IS NULL, clp IS NULL"
    words = {kind: _(said).replace("'", "''") for kind, said in CHARGES.items()}
    kinds = " ".join(f"WHEN '{kind}' THEN '{word}'" for kind, word in words.items())
    rows = charges.rows.aggregate(named, groups).select(f"* REPLACE (CASE charge {kinds} ELSE charge END AS charge)")
    return rows.order(", ".join([*keys, "usd", "clp", "requests"]))


def type_facts(charges: Charges) -> duckdb.DuckDBPyRelation:
    """The rows of `build_facts` with days as days, counts as whole numbers and amounts as exact decimals."""
    scale = _measure_scale(charges.rows, MONEY)
    types = dict.fromkeys(("day", "last_day"), "DATE") | dict.fromkeys(COUNTS, "BIGINT")
    types |= dict.fromkeys(CREDITS, "DECIMAL(20, 2)") | dict.fromkeys(MONEY, f"DECIMAL(38, {scale})")
    return charges.rows.select(
        ", ".join(f"CAST({name} AS {types[name]}) AS {name}" if name in types else name for name in FACTS)
    )


def sum_column(file: Path, name: str) -> tuple[int, Decimal]:
    """How many rows a Parquet file holds, and the exact sum of one of its columns."""
    import duckdb

    values = duckdb.read_parquet(str(file)).aggregate(f"count(*), sum({name})").fetchall()
    ((rows, total),) = values
    return rows, Decimal(total or 0)


def _measure_scale(rows: duckdb.DuckDBPyRelation, names: Sequence[str]) -> int:
    """How many decimals the longest of these amounts has, and no more than leave room for what is before them."""
    longest = ", ".join(f"coalesce(max(length(split_part({name}, '.', 2))), 0)" for name in names)
    (found,) = rows.aggregate(longest).fetchall()
    return min(max(map(int, found)), MOST_DECIMALS)
