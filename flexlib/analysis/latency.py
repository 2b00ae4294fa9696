"""How long calls take: exact quantiles of single calls with their intervals, on pandas, DuckDB and Spark alike.

Only rows of one call count, and of these the ones that were answered: a call that failed has not shown how long an
answer takes, and is counted apart. A quantile is the duration of a real call, by the nearest rank. Its interval is what
a bootstrap of the calls would give for 95 % of its draws, without drawing: which of the calls a resampled quantile is,
follows the binomial distribution (Efron, 1979). Calls are taken as independent of each other, which those of one bad
minute are not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import LazyFrame, open_frame, read_rows
from flexlib.analysis.usage_frames import open_usage
from flexlib.dates import Moment, read_period
from flexlib.enums import FAILED
from flexlib.errors import InvalidRequest
from flexlib.i18n import _
from flexlib.schema import USAGE

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

KEYS = ("provider", "model", "proxy", "task_type", "hour")
"""What calls can be told apart by; the hour is that of the day, 0 to 23, of `created_at`."""

PERCENTS = (50, 90, 99)

DEVIATIONS = 1.96
"""Standard deviations of the normal distribution around 95 % of it."""

OCTAVES = 24
"""How often buckets double in width; the widest begins at 6 days. A bucket is 1 ms wide up to 128 ms, and never wider
than 1/64 of its duration, so that its middle is less than 1 % off."""

CLIP = {"low": min, "high": max}

Key = tuple[Any, ...]
Histogram = tuple[list[int], list[int]]
"""Durations, ascending, and how many calls took each or less."""


def measure_latency(
    rows: object, keys: Sequence[str] = (), start: Moment = None, end: Moment = None, rollup: object = None
) -> pd.DataFrame:
    """How long the calls of each combination of `keys` (see `KEYS`) took; the most calls first. Columns: the keys,
    `calls` (answered, and of a known duration), `failed` (by their status), `untimed` (answered, of no known duration),
    `p50_ms`, `p90_ms`, `p99_ms` (milliseconds: so many percent of the calls took no longer), each with its 95 %
    interval, `p50_low`, `p50_high` and so on, which is known with a `rollup` and where there are calls enough to end
    it; `tokens_per_second` (float: the tokens of all answers over the time they took; missing without tokens).

    `rows` as of `schema.USAGE`; `rollup` the same rows as from `roll_up_latency`. A roll-up may also stand in the place
    of the rows; then all durations are less than 1 % off. Raises `InvalidRequest` as the sums of usage do, and for
    another key.

    >>> import flexlib as fl
    >>> from flexlib.analysis import measure_latency
    >>> measure_latency(fl.load("2025-09").calls.relation)[["calls", "p50_ms", "p99_ms"]]
       calls  p50_ms  p99_ms
    0    423    1657   16702
    """
    import pandas as pd

    if wrong := [key for key in keys if key not in KEYS]:
        raise InvalidRequest(
            _("{wrong!r} is not what calls can be timed by; choose of {keys}.").format(
                wrong=wrong[0], keys=", ".join(KEYS)
            )
        )
    opened = _open_calls(rows, start, end)
    binned = rows if rollup is None and _is_rollup(open_frame(rows)) else rollup
    intervals = {} if binned is None else _find_intervals(_read_histograms(_open_calls(binned), keys))
    lines = []
    for line in _measure_groups(opened, keys):
        key = tuple(line[name] for name in keys)
        tokens, spent = line.pop("tokens"), line.pop("spent_ms")
        speed = {"tokens_per_second": 1000 * tokens / spent if tokens and spent else None}
        # An end is the middle of its bucket, and the quantile itself may be in that.
        ends = {name: CLIP[name[4:]](end, line[f"{name[:3]}_ms"]) for name, end in intervals.get(key, {}).items()}
        lines.append(line | ends | speed)
    lines.sort(key=lambda line: (-line["calls"], -line["failed"], *((line[one] is None, line[one]) for one in keys)))
    columns = [f"p{percent}_{what}" for percent in PERCENTS for what in ("ms", "low", "high")]
    kinds: dict[str, Any] = dict.fromkeys(("calls", "failed", "untimed", *columns), "Int64")
    kinds |= {"tokens_per_second": "Float64"}
    named: dict[str, Any] = {key: [line[key] for line in lines] for key in keys}
    # Each column in its kind at once: by astype it takes longer than all else here.
    named |= {name: pd.array([line.get(name) for line in lines], dtype=kind) for name, kind in kinds.items()}
    return pd.DataFrame(named)


def roll_up_latency(rows: object, start: Moment = None, end: Moment = None) -> duckdb.DuckDBPyRelation:
    """The calls counted by hour, provider, model, proxy, task type, status and bucket of duration, which
    `measure_latency` takes in the place of the rows or for its intervals: a small relation in this process.

    `duration_ms` is the middle of the bucket (null: not known), `calls` how many are in it, `tokens` and `spent_ms`
    the sums of the answers' tokens and of the time those took. Two roll-ups side by side (`union`) are that of both.
    """
    import duckdb
    import pyarrow as pa

    opened = _open_calls(rows, start, end)
    hour, keys = nw.col("created_at").dt.truncate("1h").cast(nw.Datetime("us")), ["created_at", *KEYS[:-1], "status"]
    opened = opened.with_columns(created_at=hour, middle=_find_middle(nw.col("duration_ms")))
    counts = ("calls", "tokens", "spent_ms")
    summed = opened.group_by(*keys, "middle").agg(nw.col(*counts).sum()).rename({"middle": "duration_ms"})
    kinds = {name: USAGE.field(name).type for name in keys} | dict.fromkeys(("duration_ms", *counts), pa.int64())
    return duckdb.from_arrow(summed.select(*kinds).collect("pyarrow").to_native().cast(pa.schema([*kinds.items()])))


def _open_calls(rows: object, start: Moment = None, end: Moment = None) -> LazyFrame:
    """The calls of a period, as a roll-up has them: one a row is a roll-up of itself. With `hour`, and how they ended:
    `failed` as their status says, else `timed` where their duration is known.
    """
    frame = open_frame(rows)
    if _is_rollup(frame):
        if any(read_period(start, end)):
            raise InvalidRequest(_("a roll-up is of the calls that it was made of; roll up those of the period."))
    else:
        frame = open_usage(rows, start, end, [*KEYS[:-1], "grain", "status", "duration_ms"])
        has_answer = ~nw.col("duration_ms").is_null() & (nw.col("completion_tokens") > 0)
        frame = frame.filter(nw.col("grain") == "call").with_columns(
            calls=nw.lit(1),
            tokens=nw.when(has_answer).then("completion_tokens").otherwise(0),
            spent_ms=nw.when(has_answer).then("duration_ms").otherwise(0),
        )
    statuses = {row["status"] for row in read_rows(frame.group_by("status").agg(nw.len()).to_native())} - {None}
    is_failed = nw.col("status").is_in([one for one in statuses if FAILED.search(one)]).fill_null(value=False)
    is_timed = ~is_failed & ~nw.col("duration_ms").is_null()
    return frame.with_columns(hour=nw.col("created_at").dt.hour().cast(nw.Int64), failed=is_failed, timed=is_timed)


def _is_rollup(frame: LazyFrame) -> bool:
    columns = frame.collect_schema()
    return "spent_ms" in columns and "grain" not in columns


def _measure_groups(opened: LazyFrame, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Of each group `calls` (timed), `failed`, `untimed`, `tokens`, `spent_ms`, and its quantiles by the nearest rank;
    with no key, of all in one row."""
    kinds = {"calls": nw.col("timed"), "failed": nw.col("failed"), "untimed": ~nw.col("failed") & ~nw.col("timed")}
    names, times = [*kinds, "tokens", "spent_ms"], [f"p{percent}_ms" for percent in PERCENTS]
    if opened.implementation.is_duckdb() and not _is_rollup(opened):
        # DuckDB's own aggregate needs no table of all durations, and no second look; exact, as the shares are decimals.
        # What is counted is cheaper than what is summed, and a sum by a filter than one of a CASE.
        sums = ["count(CASE WHEN timed THEN 1 END)", "count(CASE WHEN failed THEN 1 END)"]
        sums += [f"count(*) - {sums[0]} - {sums[1]}", "coalesce(sum(completion_tokens) FILTER (timed), 0)::BIGINT"]
        sums += ["coalesce(sum(duration_ms) FILTER (timed AND completion_tokens > 0), 0)::BIGINT"]
        shares = ", ".join(f"0.{percent}" for percent in PERCENTS)
        sums.append(f"quantile_disc(CASE WHEN timed THEN duration_ms END, [{shares}])")
        found = opened.to_native().aggregate(", ".join([*keys, *sums]), ", ".join(keys)).fetchall()
        lines = [dict(zip([*keys, *names], row, strict=False)) for row in found]
        return [line | dict(zip(times, row[-1] or (), strict=False)) for line, row in zip(lines, found, strict=True)]
    counted = opened.select(
        *keys,
        **{name: nw.when(is_one).then("calls").otherwise(0) for name, is_one in kinds.items()},
        **{name: nw.when("timed").then(name).otherwise(0) for name in ("tokens", "spent_ms")},
    )
    summed = counted.group_by(*keys).agg(nw.col(*names).sum()) if keys else counted.select(nw.col(*names).sum())
    lines = read_rows(summed.with_columns(nw.col(*names).fill_null(0).cast(nw.Int64)).to_native())
    histograms = _read_histograms(opened, keys)
    for line in lines:
        if histogram := histograms.get(tuple(line[name] for name in keys)):
            ranks = (-(-percent * histogram[1][-1] // 100) for percent in PERCENTS)
            line |= {name: _pick(histogram, rank) for name, rank in zip(times, ranks, strict=True)}
    return lines


def _find_intervals(histograms: Mapping[Key, Histogram]) -> dict[Key, dict[str, int]]:
    """Where the quantiles of a bootstrap lie in 95 % of its draws; none where no call is at one of the ends."""
    found: dict[Key, dict[str, int]] = {}
    for key, histogram in histograms.items():
        found[key], calls = {}, histogram[1][-1]
        for percent in PERCENTS:
            middle, spread = calls * percent / 100, DEVIATIONS * sqrt(calls * percent * (100 - percent)) / 100
            low, high = floor(middle - spread), ceil(middle + spread) + 1
            if low >= 1 and high <= calls:
                ends = {f"p{percent}_low": low, f"p{percent}_high": high}
                found[key] |= {name: _pick(histogram, rank) for name, rank in ends.items()}
    return found


def _read_histograms(opened: LazyFrame, keys: Sequence[str]) -> dict[Key, Histogram]:
    """The durations of each group's timed calls, ascending, and how many took each or less."""
    counts = opened.filter("timed").group_by(*keys, "duration_ms").agg(nw.col("calls").sum())
    columns = counts.sort("duration_ms").collect("pyarrow").to_native().to_pydict()
    found: dict[Key, Histogram] = {}
    for *key, duration, calls in zip(*(columns[name] for name in (*keys, "duration_ms", "calls")), strict=True):
        durations, up_to = found.setdefault(tuple(key), ([], []))
        durations.append(int(duration))
        up_to.append(int(calls) + (up_to[-1] if up_to else 0))
    return found


def _pick(histogram: Histogram, rank: int) -> int:
    """The duration of the call of that rank, the quickest being 1."""
    durations, up_to = histogram
    return durations[bisect_left(up_to, rank)]


def _find_middle(duration: nw.Expr, lowest: int = 0, highest: int = OCTAVES) -> nw.Expr:
    """The middle of the duration's bucket, in whole milliseconds."""
    width = _find_width(duration, lowest, highest)
    return duration - duration % width + width // 2


def _find_width(duration: nw.Expr, lowest: int, highest: int) -> nw.Expr:
    """1 up to 128 ms, 2 up to 256 ms and so on; by halving, as an engine tries one branch after the other."""
    if lowest == highest:
        return nw.lit(1 << lowest)
    half = (lowest + highest + 1) // 2
    lower, upper = _find_width(duration, lowest, half - 1), _find_width(duration, half, highest)
    return nw.when(duration < (64 << half)).then(lower).otherwise(upper)
