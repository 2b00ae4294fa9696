"""Windsurf's credits as usage of a proxy: so that one month's spend is all of it, in one shape."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from flexlib.enums import LlmProvider, LlmProxy, LlmTaskType
from flexlib.i18n import mark_text
from flexlib.money.amounts import NO_RATE
from flexlib.money.credit_prices import CreditPrices, explain_listed, find_credit_price, find_listed
from flexlib.money.fx import AT_ANY_RATE, Rates, find_rate
from flexlib.names import find_provider, name_model
from flexlib.schema import FX_RATE, USAGE, USD, name_sql_type
from flexlib.sources.registry import WINDSURF
from flexlib.store.credit_prices import load_credit_prices
from flexlib.store.fx import load_rates

if TYPE_CHECKING:
    import duckdb

    from flexlib.store.version import Snapshot

NO_PRICE = mark_text("no price of a credit is known for this day")

KEY = "strftime(date, '%Y-%m-%d') || chr(31) || \"user\" || chr(31) || model_uid"
ROW_ID = f"'{WINDSURF.name}-' || left(sha256({KEY}), 32)"
"""The id of a row of credits among calls, as SQL over `schema.CREDITS`."""

AS_USAGE = f"""
    {ROW_ID} AS id, date AS created_at, 'day' AS grain, requests, provider, model,
    '{LlmProxy.WINDSURF}' AS proxy, '{LlmTaskType.TEXT}' AS task_type,
    0 AS prompt_tokens, 0 AS completion_tokens, 0 AS total_tokens, 0 AS cached_tokens, 0 AS cache_write_tokens,
    (prompt_credits + flex_credits)::DECIMAL(16, 0) * 0.01::DECIMAL(3, 2) AS cost,
    CAST(CASE WHEN flex_credits = 0 THEN 0 ELSE flex_credits::DECIMAL(16, 0) * of_hundredth END
        AS {name_sql_type(USD)}) AS amount_in_usd,
    CASE WHEN flex_credits <> 0 THEN list END AS price_source, CASE WHEN flex_credits <> 0 THEN since END AS price_date,
    CASE WHEN amount_in_usd IS NULL THEN '{NO_PRICE}' END AS unpriced,
    CASE WHEN amount_in_usd IS NOT NULL THEN rate END AS fx_rate,
    coalesce(amount_in_usd * rate, CASE WHEN amount_in_usd = 0 THEN 0 END) AS pesos,
    round(pesos, 4) - CASE WHEN abs(pesos) % 0.0001 = 0.00005 AND round(pesos, 4) % 0.0002 <> 0
        THEN sign(pesos) * 0.0001 ELSE 0 END AS amount_in_clp,
    CASE WHEN amount_in_usd IS NOT NULL THEN rate_day END AS fx_date,
    CASE WHEN amount_in_usd IS NOT NULL AND rate IS NULL AND pesos = 0 THEN '{AT_ANY_RATE}'
        WHEN amount_in_usd IS NOT NULL THEN rate_source END AS fx_source,
    CASE WHEN amount_in_usd IS NOT NULL AND pesos IS NULL THEN '{NO_RATE}' END AS unconverted,
    '{{"flex_credits": "' || flex_credits::DECIMAL(16, 0) * 0.01::DECIMAL(3, 2) || '", "model_uid": ' || quoted
        || ', "plan_credits": "' || prompt_credits::DECIMAL(16, 0) * 0.01::DECIMAL(3, 2)
        || '", "tokens": "not_reported"'
        || CASE WHEN flex_credits <> 0 AND said IS NOT NULL THEN ', "usd_per_credit": "' || said || '"' ELSE '' END
        || '}}' AS metadata,
    date AS updated_at, '{WINDSURF.name}' AS source, "user" AS spender, flex_credits, prompt_credits
"""
"""Of a row of credits beside its day and its model; pesos are rounded half to even, and none of no dollars."""


def credits_as_usage(rows: pa.Table, prices: CreditPrices, rates: Rates) -> pa.Table:
    """Rows of `schema.CREDITS` as rows of `schema.USAGE`, sorted by time and id: one a day, user and model still.

    `cost` is in credits, plan and flex together. `amount_in_usd` is what they cost beside the seats: the flex credits
    at the price of their day, nothing for plan credits; null where flex credits have no price. Pesos are at the rate
    of Windsurf's own day, which is UTC's. Windsurf reports no tokens: they are 0 here, and the metadata says `tokens:
    not_reported`. Nobody is named: the id is a hash, the usable null.
    """
    import duckdb

    found = list_spent(duckdb.from_arrow(rows), prices, rates).select(*USAGE.names).order("created_at, id")
    return found.to_arrow_table().cast(USAGE)


class Spent(NamedTuple):
    """Windsurf's days as they are, which is UTC's, whatever the zone of the month."""

    rows: duckdb.DuckDBPyRelation
    """As of `list_spent`."""
    listed: list[str]
    """That some of them are at the list price, in sentences."""
    prices: CreditPrices
    rates: Rates


def read_spent(snapshots: Iterable[Snapshot], root: Path) -> Spent | None:
    """Windsurf's days; None of snapshots without any."""
    rows = next((one.relation for one in snapshots if one.dataset == WINDSURF.dataset), None)
    if rows is None:
        return None
    prices, rates, days = load_credit_prices(root), load_rates(root), list[date]()
    if any(price.is_own for price in prices):
        days = [moment.date() for (moment,) in rows.filter("flex_credits <> 0").select("date").distinct().fetchall()]
    return Spent(list_spent(rows, prices, rates), explain_listed(find_listed(prices, days)), prices, rates)


def list_spent(rows: duckdb.DuckDBPyRelation, prices: CreditPrices, rates: Rates) -> duckdb.DuckDBPyRelation:
    """The same as a relation, in no order and with `source`; `spender` is the key of the row's user, and of how many
    hundredths of a credit it is say `flex_credits` and `prompt_credits`. Only what is asked of it is read and made."""
    import duckdb

    named = rows.select("date, model_uid").distinct().order("ALL").to_arrow_table()
    days = _look_days_up(pc.unique(named["date"]).to_pylist(), prices, rates)
    found = rows.join(duckdb.from_arrow(days), "date").join(
        duckdb.from_arrow(_look_models_up(named)), "date, model_uid"
    )
    found = found.select(AS_USAGE)
    there = {*found.columns}
    columns = (f"CAST({one.name if one.name in there else 'NULL'} AS {name_sql_type(one.type)}) AS {one.name}"
               for one in USAGE)  # fmt: skip
    return found.select(f"{', '.join(columns)}, source, spender, flex_credits, prompt_credits")


def _look_days_up(moments: list[datetime], prices: CreditPrices, rates: Rates) -> pa.Table:
    """The price of a credit and the rate of the dollar on each day, null where there is none."""
    days = [moment.date() for moment in moments]
    priced, rated = [find_credit_price(prices, day) for day in days], [find_rate(rates, day) for day in days]
    columns = {
        "date": (moments, pa.timestamp("us")),
        "of_hundredth": ([one and one.usd * Decimal("0.01") for one in priced], USD),
        "said": ([one and str(one.usd) for one in priced], pa.string()),
        "list": ([one and one.source for one in priced], pa.string()),
        "since": ([one and (None if one.first == date.min else one.first) for one in priced], pa.date32()),
        "rate": ([one and one.value for one in rated], FX_RATE),
        "rate_day": ([one and one.day for one in rated], pa.date32()),
        "rate_source": ([one and one.source for one in rated], pa.string()),
    }
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})


def _look_models_up(named: pa.Table) -> pa.Table:
    """What each model is called on each day of it, who makes it, and its id as JSON has it."""
    pairs = [(uid, moment.date()) for uid, moment in zip(*(named[name].to_pylist() for name in ("model_uid", "date")),
                                                         strict=True)]  # fmt: skip
    columns = {
        "provider": [str(_find_provider(uid, day)) for uid, day in pairs],
        "model": [name_model(uid, day) for uid, day in pairs],
        "quoted": [json.dumps(uid, ensure_ascii=False) for uid, _ in pairs],
    }
    for name, values in columns.items():
        named = named.append_column(name, pa.array(values, pa.string()))
    return named


def _find_provider(uid: str, day: date) -> LlmProvider:
    """Who makes the model, as far as he is one of ours: else unmapped, which reports show as such."""
    maker = (find_provider(uid, day) or "").lower()
    return next((one for one in LlmProvider if one.label().lower() == maker), LlmProvider.UNKNOWN)
