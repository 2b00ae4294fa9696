"""A written Parquet of calls counted again, in bounded memory, and held against what its source says."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from flexlib.certificate import Check
from flexlib.ledger.read.months import MonthTotals

MEMORY = "400MB"

TOTALS = """
    SELECT count(*), coalesce(sum(requests), 0), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0),
        coalesce(sum(cached_tokens), 0), coalesce(sum(cache_write_tokens), 0), sum(amount_in_usd), sum(amount_in_clp),
        count(*) - count(amount_in_usd), count(*) - count(amount_in_clp)
    FROM read_parquet($file)
"""

UNPRICED = """
    SELECT provider, model, proxy, coalesce(unpriced, metadata ->> '$.unpriced', 'not given') AS reason,
        count(*) AS rows
    FROM read_parquet($file) WHERE amount_in_usd IS NULL
    GROUP BY ALL ORDER BY rows DESC, provider, model, proxy NULLS LAST, reason
"""

RATES = """
    SELECT coalesce(fx_date::VARCHAR, metadata ->> '$.rate_day') AS day,
        coalesce(rtrim(rtrim(fx_rate::VARCHAR, '0'), '.'), metadata ->> '$.rate') AS value,
        coalesce(fx_source, metadata ->> '$.rate_source') AS source,
        count(*) AS rows
    FROM read_parquet($file) WHERE amount_in_clp IS NOT NULL
    GROUP BY ALL ORDER BY day NULLS LAST, value, source
"""

UNRATED = """
    SELECT count(*) FROM read_parquet($file) WHERE amount_in_usd IS NOT NULL AND amount_in_clp IS NULL
"""

# Distinct hashes mean distinct ids, and are counted in a tenth of the memory.
DISTINCT = (
    "SELECT count(DISTINCT hash(id)) FROM read_parquet($file)",
    "SELECT count(DISTINCT id) FROM read_parquet($file)",
)


@dataclass(frozen=True)
class ParquetCounts:
    """What a Parquet of `schema.USAGE` holds."""

    totals: MonthTotals
    distinct_ids: int
    unpriced: tuple[dict[str, Any], ...]
    """Rows without an amount in USD: provider, model, proxy, reason, rows; most rows first."""
    rates: tuple[dict[str, Any], ...]
    """What the pesos stand on: day (ISO), value, source (None: the caller gave the pesos), rows; days up."""
    unrated: int
    """Rows with an amount in USD and none in pesos."""


def count_parquet(parquet: Path) -> ParquetCounts:
    """Counts the rows of `parquet`; what does not fit into memory goes to its folder meanwhile."""
    with duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": str(parquet.parent / ".spill")}
    ) as connection:

        def ask(query: str) -> list[dict[str, Any]]:
            found = connection.execute(query, {"file": glob.escape(str(parquet))})
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        def count(query: str) -> int:
            return int(next(iter(ask(query)[0].values())))

        totals = MonthTotals(*connection.execute(TOTALS, {"file": glob.escape(str(parquet))}).fetchall()[0])
        distinct = count(DISTINCT[0])
        if distinct != totals.rows:
            distinct = count(DISTINCT[1])
        return ParquetCounts(totals, distinct, tuple(ask(UNPRICED)), tuple(ask(RATES)), count(UNRATED))


def compare_counts(source: MonthTotals, counts: ParquetCounts) -> Check:
    """Whether the Parquet holds what its source counts and sums, each id once."""
    wanted, found = list_figures(source), list_figures(counts.totals)
    wrong = [f"{name} is {found[name]}, not {wanted[name]}" for name in wanted if found[name] != wanted[name]]
    if counts.distinct_ids != counts.totals.rows:
        wrong.append(f"{counts.totals.rows} rows have {counts.distinct_ids} different ids")
    return Check(
        "differs" if wrong else "agrees",
        how="what the database counts and sums, against the written Parquet counted again",
        checked=len(wanted) + 1,
        why="; ".join(wrong),
        figures=wanted,
    )


def list_figures(totals: MonthTotals) -> dict[str, Any]:
    """Totals as the certificate says them: exact amounts as text."""
    return {
        "rows": totals.rows,
        "requests": totals.requests,
        "prompt_tokens": totals.prompt_tokens,
        "completion_tokens": totals.completion_tokens,
        "cached_tokens": totals.cached_tokens,
        "cache_write_tokens": totals.cache_write_tokens,
        "amount_in_usd": format_amount(totals.amount_in_usd),
        "amount_in_clp": format_amount(totals.amount_in_clp),
        "unpriced_rows": totals.unpriced_usd,
        "rows_without_clp": totals.unpriced_clp,
    }


def format_amount(amount: Decimal | None) -> str | None:
    """An exact amount as plain text, never with an exponent."""
    return None if amount is None else f"{amount:f}"
