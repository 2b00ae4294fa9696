"""Part of what was spent: the rows of some value of some keys, summed by others, or one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from flexlib.analysis.frames import read_rows
from flexlib.analysis.usage_frames import exact_decimals
from flexlib.front.organization import has_shares
from flexlib.front.table import TIMES, SpendTable, build_table, make_table, sum_groups, write_key
from flexlib.store.cache import recall
from flexlib.store.membership import LEVELS

if TYPE_CHECKING:
    import duckdb

    from flexlib.front.spend import Spend

Only = Sequence[tuple[str, str | None]]
"""The value of each key that rows must have, as text; None: that they have none."""

KEPT = frozenset({*TIMES, "model", "provider", "proxy", "task_type", "source"})
"""Keys by which sums are kept: those that are of nobody. A user, a department or what metadata says may be a name."""

SHARED = ("requests", "total_tokens")
"""What is divided as amounts are, see `count_shares`."""

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


def sum_rows(
    spend: Spend, keys: Sequence[str], condition: str = "true", more: Mapping[str, str] = MappingProxyType({})
) -> SpendTable:
    """The table of `Spend.by`, also by no key, of the rows that an SQL condition holds of, which is of nobody; `more`:
    further keys, as SQL by name, which are of nobody either."""
    sql = write_keys(spend, keys) | {**more}

    def add() -> list[dict[str, Any]]:
        return sum_groups(open_rows(spend, keys).filter(condition), sql)

    found = recall(spend.basis if KEPT.issuperset(keys) else None, ["sums", sql, condition], add)
    return make_table(found, sql, spend.span, spend.zone)


def count_shares(spend: Spend, keys: Sequence[str], condition: str, more: Mapping[str, str]) -> pd.DataFrame | None:
    """The keys, `requests` and `total_tokens` of the table that `sum_rows` gives of the same, each row's counts divided
    by its parts as its amounts are, exact: for what is divided by them. None where no row has several parts: then the
    table has them."""
    if not _is_placed(spend, keys) or not has_shares(spend.organization):
        return None
    sql = write_keys(spend, keys) | {**more}
    names = [f"_key_{number}" for number in range(len(sql))]
    taken = ", ".join(f"{one} AS {name}" for one, name in zip(sql.values(), names, strict=True))
    shares = ", ".join(f"{name}::HUGEINT * part.share AS {name}" for name in SHARED)
    rows = spend._join_rows(spend.organization).filter(condition)  # noqa: SLF001 (this room's own)
    split = rows.select(f"{taken}, {shares}, part.whole AS whole")
    by = ", ".join((*names, "whole"))
    sums = ", ".join(f"CASE WHEN count({name}) = count(*) THEN sum({name}) END" for name in SHARED)
    lines = []
    with exact_decimals():
        for row in split.aggregate(f"{by}, {sums}", by).fetchall():
            *values, whole = row[: len(sql) + 1]
            # Shares are percents, so that each has an end as a decimal number.
            counts = (None if one is None else Decimal(one) / whole for one in row[len(sql) + 1 :])
            lines.append(dict(zip((*sql, *SHARED), (*values, *counts), strict=True)))
    table = pd.DataFrame(lines, columns=[*sql, *SHARED], dtype="object")
    return table.assign(month=pd.to_datetime(table["month"])) if "month" in sql else table


def open_rows(spend: Spend, keys: Sequence[str]) -> duckdb.DuckDBPyRelation:
    """The rows that have all of the keys."""
    return spend._placed if _is_placed(spend, keys) else spend._rows


def write_keys(spend: Spend, keys: Sequence[str]) -> dict[str, str]:
    """Each key as SQL over `open_rows`."""
    own = {level: f'"{level}"' for level in LEVELS if _is_placed(spend, keys)}
    return {key: own.get(key) or (spend._spellings if key == "model" else write_key(key)) for key in keys}


def _is_placed(spend: Spend, keys: Sequence[str]) -> bool:
    return not {*LEVELS}.isdisjoint(keys) and spend.organization is not None


def sum_narrow(spend: Spend, keys: Sequence[str], only: Only) -> SpendTable:
    """The table of `Spend.by`, of these rows alone."""
    rows, sql = _open(spend, keys, only)
    return build_table(rows, {key: sql[key] for key in keys}, spend.span, spend.zone)


def list_rows(spend: Spend, only: Only, most: int, count: int | None = None) -> tuple[list[dict[str, Any]], int]:
    """The newest of these rows, at `most` so many, and how many there are, where `count` does not say it: a call, a day
    of credits, or a sum a row.

    Of a row of no tokens, such as one of credits, `total_tokens` is None.
    """
    rows, _sql = _open(spend, (), only)
    columns = ", ".join(f"{sql} AS {name}" for name, sql in SHOWN.items())

    def find(some: duckdb.DuckDBPyRelation) -> list[dict[str, Any]]:
        return read_rows(some.order("created_at DESC, id").limit(most).select(columns))

    # Of years the last month most often has as many: only its file is read then.
    found = find(rows.filter(f"created_at >= TIMESTAMP '{spend.stored[-1].first}'"))
    if len(found) < most:
        found = find(rows)
    if count is None:
        ((count,),) = rows.aggregate("count(*)").fetchall()
    return found, int(count)


def _open(spend: Spend, keys: Sequence[str], only: Only) -> tuple[duckdb.DuckDBPyRelation, dict[str, str]]:
    every = [*keys, *(key for key, _value in only)]
    rows, sql = open_rows(spend, every), write_keys(spend, every)
    return rows.filter(write_condition(sql, only)), sql


def write_condition(sql: Mapping[str, str], only: Only) -> str:
    """What holds of these rows alone, as SQL; `sql`: each key's, as from `write_keys`."""
    texts = {key: f"({sql[key]})::VARCHAR" for key, _value in only}
    held = (f"{texts[key]} IS NULL" if value is None else f"{texts[key]} = '" + value.replace("'", "''") + "'"
            for key, value in only)  # fmt: skip
    return " AND ".join(held) or "true"
