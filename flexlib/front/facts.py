"""A month's charges as one flat table to sum, filter and pivot: those of FOCUS under plain names, and the unpriced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from flexlib.formats import format_count
from flexlib.front.focus import Charges, list_charges
from flexlib.front.focus_bills import explain_unrated
from flexlib.front.focus_columns import FLEX, PLAN
from flexlib.spend.billed import count_calls

if TYPE_CHECKING:
    from flexlib.front.spend import Spend
    from flexlib.spend.month import MonthUsage

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


def build_facts(spend: Spend) -> Charges:
    """The rows of the one month that `spend` is of, in the columns of `FACTS`, texts; what is not known is missing."""
    (month,) = spend.loaded
    rows = list_charges(spend, month, even_unpriced=True)
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in FACTS.items())
    return Charges(rows.select(columns), (*_explain(month), *explain_unrated(month)))


def _explain(month: MonthUsage) -> Iterator[str]:
    if without := int(count_calls(month.rows)["unpriced_requests"]):
        yield f"{format_count(without, 'call')} without a price: usd is empty there, not 0."
