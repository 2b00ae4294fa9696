"""What the amount of a row stands for: nothing where it is not billed or not known, a credit where it is below 0."""

from __future__ import annotations

from pathlib import Path

import duckdb

from flexlib.enums import SOURCE_SAYS_ZERO
from flexlib.errors import BadFile
from flexlib.sources.files.conditions import read_conditions, write_any
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.numbers import IN_DOLLARS

CREDIT = "credit"
"""The model of a credit that names none."""


def list_amounts(mapping: CallMapping) -> list[str]:
    """The fields of dollars that a column feeds."""
    return [name for name in IN_DOLLARS if name in mapping.columns]


def is_credit(mapping: CallMapping, prefix: str = "value_") -> str | None:
    """SQL that is true of a row that gives money back, and so need not be a call; None where no column has amounts,
    which stand under `prefix` and their names."""
    below = [f"coalesce({prefix}{name} < 0, false)" for name in list_amounts(mapping)]
    return f"({' OR '.join(below)})" if below else None


def bill_rows(mapping: CallMapping, names: dict[str, str]) -> dict[str, str]:
    """SQL of what is kept of the amounts, over `value_` and the texts of conditions, which stand under `names`.

    Only those that are not kept as they stand.
    """
    kept = {name: f"value_{name}" for name in list_amounts(mapping)}
    is_free = write_any([read_conditions(text) for text in mapping.not_billed], names)
    if mapping.amount_zero == "unknown":
        is_used = "value_prompt_tokens + value_completion_tokens > 0"
        if is_free:
            is_used += f" AND NOT ({is_free})"
        no_amount = f"greatest({', '.join(f'abs({amount})' for amount in kept.values())}) = 0"
        kept = {
            name: f"CASE WHEN {is_used} THEN nullif({amount}, 0) ELSE {amount} END" for name, amount in kept.items()
        }
        kept["unpriced"] = f"CASE WHEN {no_amount} AND {is_used} THEN '{SOURCE_SAYS_ZERO}' END"
    if is_free:
        amount = kept.get("amount_in_usd", "NULL::DECIMAL(20, 10)")
        kept["amount_in_usd"] = f"CASE WHEN {is_free} THEN 0 ELSE {amount} END"
        if "amount_in_clp" in mapping.columns:
            kept["amount_in_clp"] = f"CASE WHEN {is_free} THEN 0 ELSE value_amount_in_clp END"
    return {name: sql for name, sql in kept.items() if sql != f"value_{name}"}


def find_currency(mapping: CallMapping) -> str:
    """SQL of the currency of a row that has an amount in another than the dollar; null of any other."""
    amounts = " OR ".join(f"{name} IS NOT NULL" for name in list_amounts(mapping)) or "false"
    return f"CASE WHEN upper(currency) NOT IN ('USD', 'US$', '$') AND ({amounts}) THEN upper(currency) END"


def check_currency(connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping) -> None:
    """Raises `BadFile` for amounts in another currency than the dollar: no total adds them."""
    found, alone = [("", (mapping.currency or "USD").upper())], ""
    if "currency" in mapping.columns:
        alone = f" (--where {mapping.currency_column}=USD)"
        first = (
            "SELECT line, other_currency FROM judged WHERE other_currency IS NOT NULL AND fault IS NULL ORDER BY line"
        )
        found += [(f" (line {line})", other) for line, other in connection.execute(f"{first} LIMIT 1").fetchall()]
    for place, other in found:
        if other != "USD":
            raise BadFile(
                f"{file.name} has amounts in {other}{place}, which no total adds to dollars; import its rows in USD "
                f"alone{alone}, or leave the column of amounts out: the price list then prices the calls."
            )
