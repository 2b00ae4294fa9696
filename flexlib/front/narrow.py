"""Part of what was spent: the rows of some value of some keys, summed by others, or one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flexlib.analysis.frames import read_rows
from flexlib.front.table import SpendTable, build_table, write_key
from flexlib.store.membership import LEVELS

if TYPE_CHECKING:
    import duckdb

    from flexlib.front.spend import Spend

Only = Sequence[tuple[str, str | None]]
"""The value of each key that rows must have, as text; None: that they have none."""

SHOWN = {
    "created_at": "created_at::VARCHAR",
    "grain": "grain",
    "user": '"user"',
    "model": "model",
    "provider": "provider",
    "source": "source",
    "requests": "coalesce(requests, 1)",
    "total_tokens": "total_tokens",
    "flex_credits": "flex_credits::DECIMAL(18, 0) * 0.01::DECIMAL(3, 2)",
    "usd": "amount_in_usd",
    "clp": "amount_in_clp",
}
"""The columns of a row, as SQL."""


def open_rows(spend: Spend, keys: Sequence[str]) -> tuple[duckdb.DuckDBPyRelation, dict[str, str]]:
    """The rows that have all of the keys, and each key as SQL over them."""
    is_placed = spend.roster is not None and not {*LEVELS}.isdisjoint(keys)
    own = {level: f'"{level}"' for level in LEVELS if is_placed}
    sql = {key: own.get(key) or (spend._spellings if key == "model" else write_key(key)) for key in keys}
    return spend._placed if is_placed else spend._rows, sql


def sum_narrow(spend: Spend, keys: Sequence[str], only: Only) -> SpendTable:
    """The table of `Spend.by`, of these rows alone."""
    rows, sql = _open(spend, keys, only)
    return build_table(rows, {key: sql[key] for key in keys}, spend.span, spend.zone)


def list_rows(spend: Spend, only: Only, most: int) -> tuple[list[dict[str, Any]], int]:
    """The newest of these rows, at `most` so many, and how many there are: a call, a day of credits, or a sum a row.

    Of a row of no tokens, such as one of credits, `total_tokens` is None.
    """
    rows, _sql = _open(spend, (), only)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in SHOWN.items())
    found = read_rows(rows.order("created_at DESC, id").limit(most).select(columns))
    (count,) = rows.aggregate("count(*)").fetchall()[0]
    return found, int(count)


def _open(spend: Spend, keys: Sequence[str], only: Only) -> tuple[duckdb.DuckDBPyRelation, dict[str, str]]:
    rows, sql = open_rows(spend, [*keys, *(key for key, _value in only)])
    for key, value in only:
        text = f"({sql[key]})::VARCHAR"
        rows = rows.filter(f"{text} IS NULL" if value is None else f"{text} = '" + value.replace("'", "''") + "'")
    return rows, sql
