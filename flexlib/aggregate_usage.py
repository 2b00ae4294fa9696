"""Calls summed by day, hour, provider and model, and how their tokens are spread: on pandas, DuckDB and Spark alike.

`rows` are those of `schema.USAGE`. Frames that sum carry the same measures, sorted, in the kind of frame that came in
(a DuckDB relation stays lazy):

- `request_count`, `total_prompt_tokens`, `total_completion_tokens`, `total_tokens`: int64.
- `total_usd`, `total_clp`: Decimal, exact; null where no row has an amount, because that is not zero.
- `requests_without_usd`, `requests_without_clp`: the rows that those sums lack.

Read them with `read_usage`: a relation with decimals that is turned into pandas by DuckDB holds floats.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from flexlib.errors import UsageError
from flexlib.frames import Frame, LazyFrame, close_frame, open_frame, read_rows
from flexlib.shares import add_shares

__all__ = [
    "UsageStatistics",
    "read_usage",
    "usage_by_day",
    "usage_by_hour",
    "usage_by_provider_and_model",
    "usage_distribution",
    "usage_histogram",
    "usage_statistics",
]

TOKENS = {
    "total_prompt_tokens": "prompt_tokens",
    "total_completion_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
}
AMOUNTS = {"usd": "amount_in_usd", "clp": "amount_in_clp"}
MEASURES = [
    "request_count",
    *TOKENS,
    *(name for one in AMOUNTS for name in (f"total_{one}", f"requests_without_{one}")),
]

PERCENTS = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100)


@dataclass(frozen=True)
class UsageStatistics:
    """The headline numbers of some calls."""

    request_count: int
    total_prompt_tokens: int
    total_completion_tokens: int
    total_tokens: int
    total_usd: Decimal | None
    """None where no call has an amount."""
    requests_without_usd: int
    total_clp: Decimal | None
    requests_without_clp: int
    models_used: int
    """Pairs of provider and model."""
    days_with_calls: int
    first_call: datetime | None
    """UTC."""
    last_call: datetime | None
    peak_day: date | None
    """The day of the most tokens, the earliest of equals."""
    peak_tokens: int | None
    average_prompt_tokens: Fraction | None
    """A call's, exact; None without calls."""
    average_completion_tokens: Fraction | None


def usage_by_day(rows: Frame) -> Frame:
    """Each day's calls: `date` (midnight UTC), measures; days up. A day without calls has no row."""
    opened = _open_usage(rows).with_columns(date=nw.col("created_at").dt.truncate("1d"))
    return _close_usage(_sum_by(opened, ["date"]), rows, ["date"], {"date": False})


def usage_by_hour(rows: Frame) -> Frame:
    """The calls of all days by hour: `hour` (0 to 23, UTC), measures; hours up. An hour without calls has no row."""
    opened = _open_usage(rows).with_columns(hour=nw.col("created_at").dt.hour().cast(nw.Int64))
    return _close_usage(_sum_by(opened, ["hour"]), rows, ["hour"], {"hour": False})


def usage_by_provider_and_model(rows: Frame) -> Frame:
    """The calls of each model: `provider`, `model`, measures, `share_permille`; tokens down, then provider, model up.

    The share is of all tokens, in tenths of a percent; all sum to 1000, or to 0 where there are none.
    """
    sums = _sum_by(_open_usage(rows), ["provider", "model"])
    sums = sums.with_columns(_tie=nw.concat_str("provider", "model", separator="\x1f"))
    sums = add_shares(sums, "total_tokens", tie="_tie")
    order = {"total_tokens": True, "provider": False, "model": False}
    return _close_usage(sums, rows, ["provider", "model"], order, ["share_permille"])


def usage_distribution(rows: object, percents: Sequence[int] = PERCENTS) -> pd.DataFrame:
    """How many tokens a call has at most, in that many percent of the calls: `percent`, `prompt_tokens`,
    `completion_tokens` (int64); percents up. Each is the size of a real call; empty without calls.

    Raises `UsageError` for a percent that is not a whole number from 0 to 100.
    """
    wrong = [percent for percent in percents if not isinstance(percent, int) or not 0 <= percent <= 100]
    if wrong:
        raise UsageError(f"a percent must be a whole number from 0 to 100, not {wrong[0]!r}.")
    opened = _open_usage(rows)
    columns: dict[str, list[int]] = {"percent": sorted(set(percents))}
    for column in ("prompt_tokens", "completion_tokens"):
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
    `completion_calls` (int64); sizes up, without a gap up to the largest call.

    The bins are 0, then 1, 2 to 4, 5 to 9, 10 to 19, 20 to 49 and so on: as wide as the numbers are large.
    """
    opened = _open_usage(rows)
    counts = {column: _count_sizes(opened, column) for column in ("prompt_tokens", "completion_tokens")}
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


def usage_statistics(rows: object) -> UsageStatistics:
    """The headline numbers of `rows`; three small queries when they are a relation."""
    days, models = read_usage(usage_by_day(rows)), read_usage(usage_by_provider_and_model(rows))
    ends = _open_usage(rows).select(first=nw.col("created_at").min(), last=nw.col("created_at").max())
    first, last = ends.collect("pandas").row(0)
    sums = {name: sum(day[name] for day in days) for name in MEASURES if name not in ("total_usd", "total_clp")}
    peak = max(days, key=lambda day: (day["total_tokens"], -day["date"].toordinal()), default=None)
    calls = sums["request_count"]
    return UsageStatistics(
        **sums,
        total_usd=_sum_amounts([day["total_usd"] for day in days]),
        total_clp=_sum_amounts([day["total_clp"] for day in days]),
        models_used=len(models),
        days_with_calls=len(days),
        first_call=first.to_pydatetime() if calls else None,
        last_call=last.to_pydatetime() if calls else None,
        peak_day=peak["date"] if peak else None,
        peak_tokens=peak["total_tokens"] if peak else None,
        average_prompt_tokens=Fraction(sums["total_prompt_tokens"], calls) if calls else None,
        average_completion_tokens=Fraction(sums["total_completion_tokens"], calls) if calls else None,
    )


def read_usage(finished: object) -> list[dict[str, Any]]:
    """A finished, small frame as plain rows: days as `date`, counts as `int`, amounts as `Decimal`, null as None."""
    frame = open_frame(finished)
    if frame.implementation.is_pandas():
        return read_rows(finished)
    return read_rows(frame.collect("pyarrow").to_native().to_pandas())


def _open_usage(native: object) -> LazyFrame:
    """The columns of `schema.USAGE` that are summed. Raises `UsageError` when one is missing or of the wrong kind."""
    frame = open_frame(native)
    kinds = frame.collect_schema()
    wanted = ["created_at", "provider", "model", *TOKENS.values(), *AMOUNTS.values()]
    for name in wanted:
        if name not in kinds:
            raise UsageError(f"the frame lacks the column {name}, it has {', '.join(kinds)}; bring rows of usage.")
        kind = kinds[name]
        if (
            (name in TOKENS.values() and not kind.is_integer())
            or (name in AMOUNTS.values() and kind.is_float())
            or (name == "created_at" and not (isinstance(kind, nw.Datetime) and kind.time_zone is None))
        ):
            raise UsageError(f"the column {name} is {kind}; bring it in the type that schema.USAGE gives it.")
    return frame.select(*wanted)


def _sum_by(opened: LazyFrame, keys: Sequence[str]) -> LazyFrame:
    sums = opened.group_by(*keys).agg(
        nw.len().alias("request_count"),
        *(nw.col(column).sum().alias(name) for name, column in TOKENS.items()),
        *(nw.col(column).sum().alias(f"total_{one}") for one, column in AMOUNTS.items()),
        *(nw.col(column).count().alias(f"_with_{one}") for one, column in AMOUNTS.items()),
    )
    sums = sums.with_columns(nw.col("request_count", *TOKENS, *(f"_with_{one}" for one in AMOUNTS)).cast(nw.Int64))
    # A sum of nothing but nulls is 0 to every engine.
    totals = {f"total_{one}": nw.when(nw.col(f"_with_{one}") > 0).then(nw.col(f"total_{one}")) for one in AMOUNTS}
    lacking = {f"requests_without_{one}": nw.col("request_count") - nw.col(f"_with_{one}") for one in AMOUNTS}
    return sums.with_columns(**totals, **lacking)


def _close_usage(
    sums: LazyFrame, like: Frame, keys: Sequence[str], order: dict[str, bool], more: Sequence[str] = ()
) -> Frame:
    closed = close_frame(sums, like, [*keys, *MEASURES, *more], order)
    if isinstance(closed, pd.DataFrame):
        amounts = [f"total_{one}" for one in AMOUNTS]
        exact = closed[amounts].astype(object)
        return closed.assign(**exact.where(exact.notna(), None))
    return closed


def _count_sizes(opened: LazyFrame, column: str) -> dict[int, int]:
    """How many calls have how many tokens, sizes up."""
    counts = opened.group_by(column).agg(nw.len().alias("calls")).sort(column).to_native()
    return {row[column]: row["calls"] for row in read_rows(counts)}


def _sum_amounts(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None
