"""Windsurf's credits as usage of a proxy: so that one month's spend is all of it, in one shape."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.money.amounts import NO_RATE
from flexlib.money.credit_prices import CreditPrices, find_credit_price, price_credits
from flexlib.money.fx import Rates, convert_to_clp, find_rate
from flexlib.names import find_provider, name_model
from flexlib.schema import USAGE
from flexlib.sources.registry import WINDSURF

NO_PRICE = "no price of a credit is known for this day"


def credits_as_usage(rows: pa.Table, prices: CreditPrices, rates: Rates) -> pa.Table:
    """Rows of `schema.CREDITS` as rows of `schema.USAGE`, sorted by time and id: one a day, user and model still.

    `cost` is in credits, plan and flex together. `amount_in_usd` is what they cost beside the seats: the flex credits
    at the price of their day, nothing for plan credits; null where flex credits have no price. Pesos are at the rate
    of Windsurf's own day, which is UTC's. Windsurf reports no tokens: they are 0 here, and the metadata says `tokens:
    not_reported`. Nobody is named: the id is a hash, the usable null.
    """
    built = [_build_row(row, prices, rates) for row in rows.to_pylist()]
    table = pa.Table.from_pylist(built, schema=USAGE)
    return table.sort_by([("created_at", "ascending"), ("id", "ascending")])


def _build_row(row: dict[str, Any], prices: CreditPrices, rates: Rates) -> dict[str, Any]:
    day, uid = row["date"].date(), row["model_uid"]
    price = find_credit_price(prices, day)
    plan, flex = (Decimal(row[name]).scaleb(-2) for name in ("prompt_credits", "flex_credits"))
    amount = price_credits(prices, day, row["flex_credits"])
    rate = find_rate(rates, day)
    key = "\x1f".join((str(day), row["user"], uid))
    details = {"model_uid": uid, "plan_credits": str(plan), "flex_credits": str(flex), "tokens": "not_reported"}
    provenance: dict[str, Any] = {}
    if flex and price is not None:
        details["usd_per_credit"] = str(price.usd)
        since = None if price.first == date.min else price.first
        provenance = {"price_source": price.source, "price_date": since}
    if amount is None:
        provenance["unpriced"] = NO_PRICE
    elif rate is None:
        provenance["unconverted"] = NO_RATE
    else:
        provenance |= {"fx_rate": rate.value, "fx_date": rate.day, "fx_source": rate.source}
    midnight = datetime.combine(day, time())
    return {
        "id": f"{WINDSURF.name}-{hashlib.sha256(key.encode()).hexdigest()[:32]}",
        "created_at": midnight,
        "grain": "day",
        "requests": row["requests"],
        "provider": _find_provider(uid, day),
        "model": name_model(uid, day),
        "proxy": LlmProxy.WINDSURF,
        "task_type": LlmTaskType.TEXT,
        **dict.fromkeys(
            ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens"), 0
        ),
        "cost": plan + flex,
        "amount_in_usd": amount,
        "amount_in_clp": None if amount is None or rate is None else convert_to_clp(amount, rate),
        **provenance,
        "metadata": json.dumps(details, ensure_ascii=False, sort_keys=True),
        "updated_at": midnight,
    }


@cache
def _find_provider(uid: str, day: date) -> LlmProvider:
    """Who makes the model, as far as he is one of ours: else unmapped, which reports show as such."""
    maker = (find_provider(uid, day) or "").lower()
    return next((one for one in LlmProvider if one.label().lower() == maker), LlmProvider.UNKNOWN)
