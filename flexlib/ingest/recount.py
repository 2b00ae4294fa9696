"""A written Parquet counted again, in bounded memory, to be held against what went in and what its source says."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.checks import Check
from flexlib.formats import format_plain
from flexlib.money.amounts import find_unknown_zeros
from flexlib.money.fx import AT_ANY_RATE
from flexlib.money.unit_prices import EXACT

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = "200MB"
"""Of DuckDB while it counts: what it groups is small, but for the ids of millions of rows."""

MOST_IDS = 10_000_000
"""So many ids are told apart at a time: twice as many still fit into the memory."""

COUNTS = ("requests", "prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")
AMOUNTS = {"amount_in_usd": "unpriced_rows", "amount_in_clp": "rows_without_clp"}
"""The amounts, and what a certificate calls the number of rows without."""

CALLS = "coalesce(requests, 1)"
"""A row that does not say how many calls it sums is one at least."""

SUMS = ", ".join(
    ["count(*) AS rows"]
    + [f"coalesce(sum({name}), 0)::BIGINT AS {name}" for name in COUNTS]
    + [f"sum({name}) AS {name}" for name in AMOUNTS]
    + [f"count(*) - count({name}) AS {gaps}" for name, gaps in AMOUNTS.items()]
    + [f"coalesce(sum({CALLS}), 0)::BIGINT AS calls"]
    + [f"coalesce(sum({CALLS}) FILTER (amount_in_usd IS NULL), 0)::BIGINT AS unpriced_calls"]
    + ["count(*) FILTER (amount_in_usd IS NULL AND requests IS NULL AND grain <> 'call') AS unsized_rows"]
    + ["count(*) FILTER ({unknown_zeros}) AS zero_rows"]
)

UNPRICED = """
    SELECT provider, model, proxy, coalesce(unpriced, 'not given') AS reason, count(*) AS rows
    FROM read_parquet($file) WHERE amount_in_usd IS NULL
    GROUP BY ALL ORDER BY rows DESC, provider, model, proxy NULLS LAST, reason
"""

RATES = f"""
    SELECT fx_date::VARCHAR AS day, rtrim(rtrim(fx_rate::VARCHAR, '0'), '.') AS value, fx_source AS source,
        count(*) AS rows
    FROM read_parquet($file) WHERE amount_in_clp IS NOT NULL AND fx_source IS DISTINCT FROM '{AT_ANY_RATE}'
    GROUP BY ALL ORDER BY day NULLS LAST, value, source
"""

UNRATED = """
    SELECT count(*) FROM read_parquet($file) WHERE amount_in_usd IS NOT NULL AND amount_in_clp IS NULL
"""

BY_CURRENCY = """
    SELECT currency, sum(amount), CASE WHEN count(list_amount) = count(*) THEN sum(list_amount) END, count(*),
        count(DISTINCT id)
    FROM read_parquet($file) GROUP BY currency ORDER BY currency
"""

# Distinct hashes mean distinct ids, and are counted in a tenth of the memory.
DISTINCT = ("count(DISTINCT hash(id))", "count(DISTINCT id)")


@dataclass(frozen=True)
class ParquetCounts:
    """What a Parquet of credits or of usage holds."""

    figures: Mapping[str, Any]
    """`rows` and the sums, as a certificate says them: exact amounts as text."""
    distinct_ids: int
    """As many as rows, where each row has its own."""
    unpriced: tuple[dict[str, Any], ...] = ()
    """Rows without an amount in USD: provider, model, proxy, reason, rows; most rows first."""
    rates: tuple[dict[str, Any], ...] = ()
    """The exchange rates behind the pesos: day (ISO), value, source (None: the source gave the pesos), rows; by day."""
    unrated: int = 0
    """Rows with an amount in USD and none in pesos."""

    @property
    def rows(self) -> int:
        return int(self.figures["rows"])


def count_usage(parquet: Path, files: Iterable[Mapping[str, Any]] = ()) -> ParquetCounts:
    """Counts the calls in `parquet`; what does not fit into memory goes to its folder meanwhile. `files`: those that
    it is of, as its certificate has them."""
    import duckdb

    with duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": str(parquet.parent / ".spill")}
    ) as connection:

        def ask(query: str) -> list[dict[str, Any]]:
            found = connection.execute(query, {"file": glob.escape(str(parquet))})
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

        def count(query: str) -> int:
            return int(next(iter(ask(query)[0].values())))

        (sums,) = ask(f"SELECT {SUMS} FROM read_parquet($file)".format(unknown_zeros=find_unknown_zeros(files)))
        distinct, pieces = sums["rows"], 1 + sums["rows"] // MOST_IDS
        for one in DISTINCT:
            asked = f"SELECT {one} FROM read_parquet($file) WHERE hash(id) % {pieces} ="
            distinct = sum(count(f"{asked} {piece}") for piece in range(pieces))
            if distinct == sums["rows"]:
                break
        return ParquetCounts(write_figures(sums), distinct, tuple(ask(UNPRICED)), tuple(ask(RATES)), count(UNRATED))


def count_credits(parquet: Path) -> ParquetCounts:
    """Counts the credits in `parquet`; that each day, user and model stands once was checked on the way in."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    # Not by read_table, which is for data sets of many files and loads pandas.
    with pq.ParquetFile(parquet) as file:
        table = file.read(["prompt_credits", "flex_credits"])
    sums = {f"{name}_hundredths": pc.sum(table[name]).as_py() or 0 for name in table.column_names}
    return ParquetCounts({"rows": table.num_rows, **sums}, table.num_rows)


def count_charges(parquet: Path) -> ParquetCounts:
    """Counts the charges in `parquet`: rows, ids, and what each currency sums up to."""
    import duckdb

    with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
        found = connection.execute(BY_CURRENCY, {"file": glob.escape(str(parquet))}).fetchall()
    sums = {currency: format_plain(amount) for currency, amount, *_ in found}
    by_currency = tuple(
        {
            "currency": currency,
            "amount": sums[currency],
            "list_amount": None if listed is None else format_plain(listed),
            "rows": rows,
        }
        for currency, _, listed, rows, _ in found
    )
    figures = {"rows": sum(one[3] for one in found), "amounts": sums, "by_currency": by_currency}
    # An id holds its file and its line, and a line has one currency.
    return ParquetCounts(figures, sum(one[4] for one in found))


@dataclass
class DeliveredCounts:
    """What goes into a Parquet of usage, counted table by table on the way."""

    rows: int = 0
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    amounts: dict[str, Decimal | None] = field(default_factory=lambda: dict.fromkeys(AMOUNTS))
    gaps: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AMOUNTS.values(), 0))

    def add(self, table: pa.Table) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        self.rows += table.num_rows
        for name in COUNTS:
            self.sums[name] += pc.sum(table[name]).as_py() or 0
        for name, gaps in AMOUNTS.items():
            self.gaps[gaps] += table[name].null_count
            part = pc.sum(table[name].cast(pa.decimal128(38, table[name].type.scale))).as_py()
            if part is not None:
                self.amounts[name] = EXACT.add(self.amounts[name] or Decimal(0), part)

    @property
    def figures(self) -> dict[str, Any]:
        return write_figures({"rows": self.rows, **self.sums, **self.amounts, **self.gaps})


def compare_counts(
    expected: Mapping[str, Any],
    counts: ParquetCounts,
    code: str,
    reasons: tuple[str, ...] = (),
    figures: Mapping[str, Any] | None = None,
) -> Check:
    """Whether the Parquet holds what is expected, each id once; `reasons` with their `figures` are faults found before.

    `code` says what the expected figures are of, as in `checks.COMPARED`.
    """
    wanted = {name: expected[name] for name in counts.figures if name in expected}
    found = {name: counts.figures[name] for name in wanted if counts.figures[name] != wanted[name]}
    shown: dict[str, Any] = wanted | dict(figures or {})
    if found:
        reasons, shown = (*reasons, "counts_differ"), shown | {"found": found}
    if counts.distinct_ids != counts.rows:
        reasons = (*reasons, "ids_repeated")
        shown |= {"rows_found": counts.rows, "distinct_ids": counts.distinct_ids}
    return Check("differs" if reasons else "agrees", checked=len(wanted) + 1, figures=shown, code=code, reasons=reasons)


def write_figures(sums: Mapping[str, Any]) -> dict[str, Any]:
    """Sums as a certificate says them: exact amounts as text."""
    return {name: format_exact(one) if isinstance(one, Decimal) else one for name, one in sums.items()}


def format_exact(amount: Decimal | None) -> str | None:
    """An exact amount as plain text, never with an exponent."""
    return None if amount is None else f"{amount:f}"
