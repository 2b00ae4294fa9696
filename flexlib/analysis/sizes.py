"""How large calls are, in tokens: on pandas, DuckDB and Spark alike. `rows` are those of `schema.USAGE`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import LazyFrame, read_rows
from flexlib.analysis.usage_frames import open_usage
from flexlib.errors import InvalidRequest
from flexlib.i18n import _

if TYPE_CHECKING:
    import pandas as pd


SIZES = ["prompt_tokens", "completion_tokens"]
PERCENTS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100)


def usage_distribution(rows: object, percents: Sequence[int] = PERCENTS) -> pd.DataFrame:
    """The size that a share of the calls does not exceed: `percent`, `prompt_tokens`,
    `completion_tokens` (int64); ascending. Each is the size of a real call; empty without calls.

    Raises `InvalidRequest` for a percent that is not a whole number from 0 to 100.
    """
    import pandas as pd

    wrong = [percent for percent in percents if not isinstance(percent, int) or not 0 <= percent <= 100]
    if wrong:
        raise InvalidRequest(_("a percent must be a whole number from 0 to 100, not {wrong!r}.").format(wrong=wrong[0]))
    opened = _open_calls(rows)
    columns: dict[str, list[int]] = {"percent": sorted(set(percents))}
    for column in SIZES:
        sizes = _count_sizes(opened, column)
        up_to = list(accumulate(sizes.values()))
        if not up_to:
            return pd.DataFrame({"percent": [], "prompt_tokens": [], "completion_tokens": []}, dtype="int64")
        # The nearest rank: the smallest size that this share of the calls does not exceed.
        ranks = (max(1, -(-percent * up_to[-1] // 100)) for percent in columns["percent"])
        columns[column] = [list(sizes)[bisect_right(up_to, rank - 1)] for rank in ranks]
    return pd.DataFrame(columns, dtype="int64")


def usage_histogram(rows: object) -> pd.DataFrame:
    """How many calls have how many tokens: `from_tokens`, `to_tokens` (both included), `prompt_calls`,
    `completion_calls` (int64); ascending, without a gap up to the largest call.

    The bins are 0, then 1, 2 to 4, 5 to 9, 10 to 19, 20 to 49 and so on: as wide as the numbers are large.
    """
    import pandas as pd

    opened = _open_calls(rows)
    counts = {column: _count_sizes(opened, column) for column in SIZES}
    largest = max((size for sizes in counts.values() for size in sizes), default=-1)
    starts = [0]
    while starts[-1] <= largest:
        power, place = divmod(len(starts) - 1, 3)
        starts.append((1, 2, 5)[place] * 10**power)
    bins = pd.DataFrame({"from_tokens": starts[:-1], "to_tokens": [start - 1 for start in starts[1:]]}, dtype="int64")
    for column, sizes in counts.items():
        calls = [0] * len(bins)
        for size, count in sizes.items():
            calls[bisect_right(starts, size) - 1] += count
        bins[f"{column.removesuffix('_tokens')}_calls"] = pd.Series(calls, dtype="int64")
    return bins


def _open_calls(rows: object) -> LazyFrame:
    """The rows that are one call each: a sum of calls has no size of a call."""
    return open_usage(rows, keys=[*SIZES, "grain"]).filter(nw.col("grain") == "call")


def _count_sizes(opened: LazyFrame, column: str) -> dict[int, int]:
    """How many calls have how many tokens, ascending."""
    counts = opened.group_by(column).agg(nw.len().alias("calls")).sort(column).to_native()
    return {row[column]: row["calls"] for row in read_rows(counts)}
