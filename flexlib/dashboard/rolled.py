"""The rows of a span summed by day and by all that is of nobody: so few that a click sums those of years."""

from __future__ import annotations

from functools import partial

import pyarrow as pa

from flexlib.front.narrow import KEPT
from flexlib.front.people import join_credits
from flexlib.front.spend import Spend
from flexlib.schema import USAGE
from flexlib.spend.month import MonthUsage
from flexlib.store.cache import recall

ROLLED = KEPT - {"hour"}
"""By what they can be summed."""
OF = ("grain", "provider", "model", "proxy", "task_type", "source")
SUMS = ("requests", "prompt_tokens", "completion_tokens", "total_tokens", "amount_in_usd", "amount_in_clp")
CREDITS = ("flex_credits", "prompt_credits")
SCHEMA = pa.schema(
    [("created_at", pa.date32()), *(USAGE.field(name) for name in (*OF[:-1], *SUMS)), ("source", pa.string())]
    + [(name, pa.int64()) for name in (*CREDITS, "rows")]
)


def roll_up(spend: Spend) -> pa.Table:
    """Rows that by `ROLLED` sum to what the rows of the span do; of each month as kept from an earlier time, where they
    are."""
    texts = pa.schema([(name, pa.string()) for name in SCHEMA.names])
    months = [recall(one.basis, ["rolled", SCHEMA.names], partial(_sum_days, spend, one)) for one in spend._months]  # noqa: SLF001
    return pa.concat_tables([pa.Table.from_pydict(one, texts) for one in months]).cast(SCHEMA)


def _sum_days(spend: Spend, month: MonthUsage) -> dict[str, list[str | None]]:
    """By column, as texts: as values they would be four times as long."""
    (rows,) = join_credits([month], spend._pseudonyms, None, None)  # noqa: SLF001 (the front door's)
    added = (*SUMS, *CREDITS)
    by = ["CAST(created_at AS DATE)", *OF]
    # What a row does not say, no sum says; and one that does not say how many calls it sums is a row of its own.
    apart = [*(f"{name} IS NULL" for name in added), "CASE WHEN requests IS NULL THEN id END"]
    sums = [*(f"sum({name})::VARCHAR AS {name}" for name in added), "count(*)::VARCHAR AS rows"]
    said = [f"{by[0]}::VARCHAR AS created_at", *OF, *sums]
    found = rows.aggregate(", ".join(said), ", ".join([*by, *apart]))
    columns: dict[str, list[str | None]] = found.to_arrow_table().select(SCHEMA.names).to_pydict()
    return columns
