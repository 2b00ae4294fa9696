"""A month's charges in the columns of FOCUS 1.2, the open layout of bills: what calls and credits cost, by day, person,
model and task, and what bills say beside them; the sum is the month's spend to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.formats import format_count
from flexlib.front.focus_bills import explain_unrated, list_bill_rows
from flexlib.front.focus_columns import COLUMNS
from flexlib.front.focus_usage import select_usage
from flexlib.i18n import _
from flexlib.money.unit_prices import EXACT
from flexlib.spend.before import total_spend
from flexlib.spend.billed import count_calls

if TYPE_CHECKING:
    import duckdb

    from flexlib.front.spend import Spend
    from flexlib.spend.month import MonthUsage

VERSION = "1.2"

CRITERIA = (
    "ACCOUNT_NAMING_SUPPORTED",
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED",
    "NEGOTIATED_PRICING_SUPPORTED",
    "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED",
    "PUBLIC_PRICE_LIST_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
    "VIRTUAL_CURRENCY_SUPPORTED",
)
"""What the specification asks whether it holds, and holds here. There are no regions, zones, reservations, commitment
discounts, provisioned resources, and accounts of one type only."""

SUMMED_DECIMALS = 10
"""Of an amount that DuckDB sums exactly; those of bills, converted at a rate, may have more."""


@dataclass(frozen=True)
class Charges:
    """The charges of some months, in columns of texts."""

    rows: duckdb.DuckDBPyRelation
    notes: tuple[str, ...]
    """Sentences on what has no known cost."""


def build_focus(spend: Spend) -> Charges:
    """The rows of the one month that `spend` is of, in the columns of `COLUMNS`."""
    (month,) = spend.loaded
    return Charges(list_charges(spend), (*_explain_left_out(month), *explain_unrated(month)))


def list_charges(spend: Spend, *, even_unpriced: bool = False) -> duckdb.DuckDBPyRelation:
    """The charges of all its months, those of calls and credits first, in a fixed order; `even_unpriced`: also what has
    no known cost."""
    import duckdb
    import pyarrow as pa

    rows = select_usage(spend, even_unpriced=even_unpriced)
    if not (lines := [line for month in spend.loaded for line in list_bill_rows(month)]):
        return rows
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    return rows.union(duckdb.from_arrow(pa.Table.from_pylist(lines, schema=schema)))


def _explain_left_out(month: MonthUsage) -> Iterator[str]:
    """The specification has no way to say that a cost is unknown: neither null nor a 0 in its place is allowed."""
    without, lacking = int(count_calls(month.rows)["unpriced_requests"]), total_spend(month)["unpriced_usd"]
    if lacking:
        said = _("{calls} without a price left out: what they cost is not known.")
        yield said.format(calls=format_count(lacking, "call"))
    if without > lacking:
        yield _(
            "{calls} without a price left out: a bill covers those days, and the adjustments have what it says."
        ).format(calls=format_count(without - lacking, "call"))


def read_sums(
    file: Path, columns: Iterable[str] = COLUMNS, amount: str = "BilledCost", decimal: str = "."
) -> tuple[int, Decimal]:
    """How many charges a CSV file holds, and the exact sum of an amount as it stands there. With `decimal` as a comma
    its cells end in semicolons."""
    import duckdb

    texts = dict.fromkeys(columns, "VARCHAR")
    form = {"sep": "," if decimal == "." else ";", "quotechar": '"', "escapechar": '"'}
    read = duckdb.read_csv(str(file), header=True, auto_detect=False, columns=texts, **form)
    cost = read.select(f"""replace("{amount}", '{decimal}', '.') AS cost""")
    is_short = f"length(split_part(cost, '.', 2)) <= {SUMMED_DECIMALS}"
    short = f"sum(CAST(cost AS DECIMAL(38, {SUMMED_DECIMALS}))) FILTER ({is_short})"
    ((rows, total, others),) = cost.aggregate(f"count(*), {short}, list(cost) FILTER (NOT ({is_short}))").fetchall()
    return rows, reduce(EXACT.add, map(Decimal, others or ()), Decimal(total or 0))
