"""Calls rolled up: many rows are read once, and every sum after that is one of few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from flexlib.analysis.usage_frames import MEASURES, TOTALS, open_usage, sum_usage
from flexlib.dates import Moment
from flexlib.schema import USAGE

if TYPE_CHECKING:
    import duckdb


KEYS = ["created_at", "grain", "provider", "model", "task_type", "proxy"]


def roll_up_usage(rows: object, start: Moment = None, end: Moment = None) -> duckdb.DuckDBPyRelation:
    """The calls summed by hour, grain, provider, model, task type and proxy. In place of the rows, it gives the same
    sums by each of these, by day, and in all, in a moment; a sum by anything else needs the rows.

    A small relation in this process, whatever engine the rows are on: `created_at` is the start of the hour, the
    measures are those of `usage`, exact. Two roll-ups side by side (`union`) are that of the rows of both. Raises
    `InvalidRequest` as the sums do.
    """
    import duckdb
    import pyarrow as pa

    opened = open_usage(rows, start, end, KEYS)
    hour = nw.col("created_at").dt.truncate("1h").cast(nw.Datetime("us"))
    sums = sum_usage(opened.with_columns(created_at=hour), KEYS).select(*KEYS, *MEASURES)
    kinds = {name: USAGE.field(name).type for name in KEYS} | dict.fromkeys(MEASURES, pa.int64())
    # The widest there are: a sum has more digits than any of its parts.
    kinds |= {name: pa.decimal128(38, USAGE.field(f"amount_in_{name[-3:]}").type.scale) for name in TOTALS}
    return duckdb.from_arrow(sums.collect("pyarrow").to_native().cast(pa.schema(list(kinds.items()))))
