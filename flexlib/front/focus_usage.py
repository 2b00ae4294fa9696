"""What calls and credits cost, as rows of FOCUS: summed by day, person, model, task and price, in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

from flexlib.dates import Span
from flexlib.enums import OF_A_DAY, LlmProvider
from flexlib.front.focus_columns import COLUMNS, FLEX, PLAN
from flexlib.front.organization import split_amounts
from flexlib.front.table import write_key
from flexlib.senders import name_provider, name_sender
from flexlib.sources.registry import WINDSURF
from flexlib.spend.billed import ON_OWN_KEY, find_payers, name_spellings
from flexlib.store.membership import LEVELS

if TYPE_CHECKING:
    import duckdb

    from flexlib.front.spend import Spend
    from flexlib.money.credit_prices import CreditPrices
    from flexlib.spend.month import MonthUsage

IS_CALL, IS_CREDITS = f"source <> '{WINDSURF.name}'", f"source = '{WINDSURF.name}'"
IS_SHARED = f"{IS_CALL} AND coalesce({ON_OWN_KEY}, false)"
FEE = {"amount_in_usd": "cost", "amount_in_clp": "round(cost * fx_rate, 4)"}
NO_TOKENS = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens"), "0")
REST = {name: f"{name} - {fee}" for name, fee in FEE.items()} | {"requests": "0"}
SPENT_BESIDE = {"requests": "CASE WHEN flex_credits > 0 THEN 0 ELSE requests END"}
INCLUDED = dict.fromkeys((*FEE, "flex_credits"), "0") | SPENT_BESIDE

FIELDS = (*FEE, "requests", *NO_TOKENS, "flex_credits", "prompt_credits")
"""What is summed."""
IS_NOTHING = (
    "amount_in_usd = 0 AND requests = 0 AND total_tokens = 0 AND coalesce(flex_credits + prompt_credits, 0) = 0"
)
"""A share of which this holds is no charge: what it is of stands at the largest one."""

CHARGES: tuple[tuple[str, dict[str, str], str, str], ...] = (
    (f"{IS_CALL} AND NOT ({IS_SHARED})", {}, "coalesce(proxy, provider)", "NULL"),
    (IS_SHARED, FEE | NO_TOKENS, "proxy", "NULL"),
    (IS_SHARED, REST, "provider", "NULL"),
    (f"{IS_CREDITS} AND flex_credits > 0", {"prompt_credits": "0"}, "proxy", f"'{FLEX}'"),
    (f"{IS_CREDITS} AND prompt_credits > 0", INCLUDED, "proxy", f"'{PLAN}'"),
)
"""What is charged for in which rows, what of them it is, who charges it, and the unit of credits: of a call on the
company's own key OpenRouter its fee, for the request, and the maker the rest, for the tokens; of credits those of the
bought pool, and those of the seats, which cost nothing more."""

KEYS = {
    "day": f"CASE WHEN grain IN {OF_A_DAY} THEN CAST(created_at AS DATE) END",
    "month": "CAST(date_trunc('month', created_at) AS DATE)",
    "seller": "seller",
    "meter": """CASE WHEN amount_in_usd < 0 THEN NULL WHEN flex_credits + prompt_credits > 0 THEN kind
        WHEN total_tokens > 0 THEN 'Tokens' WHEN requests > 0 THEN 'Requests' ELSE 'Units' END""",
    "provider": "provider",
    "model": "model",
    "tier": "tier",
    "task_type": "task_type",
    "usable_type": "usable_type",
    "user": '"user"',
    **{level: f'"{level}"' for level in LEVELS},
    "price_source": "price_source",
    "fx_rate": "CASE WHEN amount_in_clp IS NOT NULL THEN fx_rate END",
    "fx_date": "CASE WHEN amount_in_clp IS NOT NULL THEN fx_date END",
    "lacks_pesos": "amount_in_clp IS NULL",
    "lacks_price": "amount_in_usd IS NULL",
}
"""What rows are summed by, as SQL. Each sum has one exchange rate, and an amount for all of it or none."""

SUMS = """
    CAST(sum(amount_in_usd) AS DECIMAL(38, 10)) AS usd, CAST(sum(amount_in_clp) AS DECIMAL(38, 4)) AS clp,
    CASE WHEN count(requests) = count(*) THEN sum(requests) END AS requests, sum(prompt_tokens) AS input_tokens,
    sum(cached_tokens) AS cached_tokens, sum(completion_tokens) AS output_tokens,
    CASE WHEN meter = 'Tokens' THEN 100 * sum(total_tokens) WHEN meter = 'Requests' THEN 100 * sum(requests)
        WHEN meter = 'Units' THEN 100 * count(*)
        WHEN meter IS NOT NULL THEN sum(flex_credits + prompt_credits) END::HUGEINT AS quantity,
    CASE WHEN meter = 'Tokens' THEN 1000000 ELSE 1 END AS per
"""
"""`quantity`: hundredths of what is consumed; `per`: of how many of it a price is."""

PRICE_DECIMALS = 14
"""Of a mean price, the amount over the quantity, which may have no end: times the quantity it rounds to the amount."""

MEAN = f"""
    CAST((CAST(usd * 10000000000 AS HUGEINT) * per * 1{"0" * (PRICE_DECIMALS - 8)} * 2 + quantity) // (2 * quantity)
        AS DECIMAL(24, 0)) * 0.{"0" * (PRICE_DECIMALS - 1)}1::DECIMAL({PRICE_DECIMALS}, {PRICE_DECIMALS})
"""
CREDITS = "quantity::DECIMAL(20, 0) * 0.01::DECIMAL(2, 2)"

SUMMED = f"""
    WITH summed AS (SELECT {{names}}, {SUMS} FROM keyed GROUP BY {{names}}),
        senders(month, seller, payer, payer_name, seller_name) AS (VALUES {{senders}}),
        makers(provider, maker_name) AS (VALUES {{makers}}),
        prices(day, own, listed) AS (VALUES {{prices}})
    SELECT summed.*, payer, payer_name, seller_name, coalesce(maker_name, seller_name) AS maker_name,
        prices.listed AS list_price,
        CASE WHEN meter = '{FLEX}' AND {CREDITS} * prices.own = usd THEN prices.own ELSE {MEAN} END AS own,
        CASE WHEN meter = '{FLEX}' THEN prices.listed ELSE {MEAN} END AS listed
    FROM summed LEFT JOIN senders USING (month, seller) LEFT JOIN makers USING (provider) LEFT JOIN prices USING (day)
"""
"""A share of credits may cost another last digit than its credits at their price: then the mean is its price."""


def select_usage(spend: Spend, *, even_unpriced: bool = False) -> duckdb.DuckDBPyRelation:
    """The charges of what was used, in the columns of `COLUMNS`, texts, in the order of time: where its cost is known,
    or `even_unpriced`."""
    rows = spend._rows if spend.roster is None else spend._join_rows(spend.organization)
    levels = ", ".join(f"nullif(trim({write_key(level)}), '') AS {level}" for level in LEVELS)
    known = rows.select(f"* REPLACE ({name_spellings(rows)} AS model)" + f", {levels}" * (spend.roster is None))
    charged = reduce(lambda one, other: one.union(other), (_select_charge(known, *charge) for charge in CHARGES))
    if not even_unpriced:
        charged = charged.filter("amount_in_usd IS NOT NULL")
    if spend.roster is not None:
        charged = split_amounts(charged, spend.organization).filter(f"NOT coalesce({IS_NOTHING}, false)")
    pairs = rows.select("provider, proxy").distinct().fetchall()
    names = ", ".join(f'"{name}"' for name in KEYS)
    keys = ", ".join(f'{sql} AS "{name}"' for name, sql in KEYS.items())
    summed = SUMMED.format(
        names=names,
        senders=_write_values((line for month in spend.loaded for line in _list_senders(pairs, month)), 5),
        makers=_write_values(([one, name_maker(one)] for one in sorted({one for one, _ in pairs})), 2),
        prices=_write_values(_list_prices(spend.credit_prices, spend.span), 3),
    )
    columns = ", ".join(f'CAST({sql} AS VARCHAR) AS "{name}"' for name, sql in COLUMNS.items())
    keyed = charged.select(", ".join([keys, *FIELDS]))
    found = keyed.query("keyed", f"SELECT {columns} FROM (SELECT * FROM ({summed}) ORDER BY {names})")
    assert found is not None  # a question has an answer
    return found


def _select_charge(
    rows: duckdb.DuckDBPyRelation, condition: str, parts: dict[str, str], seller: str, kind: str
) -> duckdb.DuckDBPyRelation:
    """The rows of which a charge is, with what of their amounts and counts it is."""
    types = dict(zip(rows.columns, rows.types, strict=True))
    replaced = ", ".join(f"CAST({sql} AS {types[name]}) AS {name}" for name, sql in parts.items())
    return rows.filter(condition).select(
        "*" + f" REPLACE ({replaced})" * bool(parts) + f", {seller} AS seller, {kind} AS kind"
    )


def name_maker(provider: str) -> str | None:
    """What readers see; None where nobody knows who made the model."""
    return None if provider == LlmProvider.UNKNOWN else name_provider(provider)


def _list_senders(pairs: Iterable[tuple[str, str | None]], month: MonthUsage) -> Iterator[list[str | date]]:
    """Each seller with who sends its bill of the month, under the names that readers see."""
    payers = find_payers(month)
    for seller in sorted({one for pair in pairs for one in pair if one}):
        sender = name_sender(seller)
        payer = payers.get(sender, sender)
        yield [month.month.first, seller, payer, name_provider(payer), name_provider(sender)]


def _list_prices(prices: CreditPrices, span: Span) -> Iterator[list[date | Decimal | None]]:
    """Each day with the price of a flex credit that holds for the company, and the list's."""
    for day in span:
        own = next((one.usd for one in prices if one.first <= day < one.end), None)
        listed = next((one.usd for one in prices if not one.is_own and one.first <= day < one.end), None)
        yield [day, own, own if listed is None else listed]


def _write_values(lines: Iterable[Sequence[str | date | Decimal | None]], width: int) -> str:
    """As SQL; a line of nothing where there are none."""
    return ", ".join("({})".format(", ".join(map(_write_value, line))) for line in [*lines] or [[None] * width])


def _write_value(value: str | date | Decimal | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, Decimal):
        return f"{value:f}::DECIMAL(14, 8)"
    return f"DATE '{value}'" if isinstance(value, date) else "'" + value.replace("'", "''") + "'"
