"""Places and shares, in integers that add up."""

from __future__ import annotations

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import LazyFrame

WHOLE = 1000
"""100.0 % in the unit of shares, tenths of a percent."""


def add_places(frame: LazyFrame, amount: str, tie: str, name: str = "rank") -> LazyFrame:
    """`frame` with the column `name`: 1 for the largest `amount`, 2 for the next; equal ones in the order of `tie`."""
    return _number_rows(frame, [amount], tie, name)


def add_running_total(frame: LazyFrame, amount: str, order: str, name: str) -> LazyFrame:
    """`frame` with the column `name`: the sum of `amount` up to and with this row, in the order of another column."""
    return frame.with_columns(nw.col(amount).cum_sum().over(order_by=order).cast(nw.Int64).alias(name))


def add_shares(frame: LazyFrame, amount: str, tie: str, name: str = "share_permille") -> LazyFrame:
    """`frame` with the column `name`: the share of `amount` (not negative) in its total, in tenths of a percent.

    The shares sum to 1000, exactly: each is rounded down, and what is missing goes one by one to
    the largest remainders; of equal ones to the larger amount, then in the order of `tie`. A total of zero has no
    shares to give: all are 0. An amount up to 9e15 is safe.
    """
    parts = _add_total(frame, amount).with_columns(
        _floor=(nw.col(amount) * WHOLE // nw.col("_total")).cast(nw.Int64),
        _remainder=(nw.col(amount) * WHOLE % nw.col("_total")).cast(nw.Int64),
    )
    parts = parts.with_columns(_missing=nw.col("_remainder").sum().cast(nw.Int64) // nw.col("_total"))
    parts = _number_rows(parts, ["_remainder", amount], tie, "_place")
    rounded_up = (nw.col("_place") <= nw.col("_missing")).cast(nw.Int64)
    return parts.with_columns((nw.col("_floor") + rounded_up).alias(name)).drop(
        "_total", "_floor", "_remainder", "_missing", "_place"
    )


def add_running_share(frame: LazyFrame, running: str, amount: str, name: str) -> LazyFrame:
    """`frame` with the column `name`: the share of a running total in the total of `amount`, in tenths of a percent,
    halves up, as `measure_share`; 0 where the total is 0. It is rounded once: a sum of rounded shares would drift."""
    share = (2 * WHOLE * nw.col(running) + nw.col("_total")) // (2 * nw.col("_total"))
    return _add_total(frame, amount).with_columns(share.cast(nw.Int64).alias(name)).drop("_total")


def measure_share(part: int, total: int) -> int:
    """The share of `part` in `total` in tenths of a percent, halves up; 0 when `total` is 0."""
    return (2 * WHOLE * part + total) // (2 * total) if total else 0


def measure_change(now: int, before: int) -> int | None:
    """The change from `before` to `now` in tenths of a percent, halves away from zero; None when `before` is 0."""
    if before == 0:
        return None
    size = (2 * WHOLE * abs(now - before) + abs(before)) // (2 * abs(before))
    return size if now >= before else -size


def _add_total(frame: LazyFrame, amount: str) -> LazyFrame:
    """`frame` with the column `_total`: that of `amount`, or 1 where it is 0, of which every part is 0."""
    total = nw.col("_total")
    frame = frame.with_columns(_total=nw.col(amount).sum().cast(nw.Int64))
    return frame.with_columns(_total=nw.when(total == 0).then(nw.lit(1)).otherwise(total).cast(nw.Int64))


def _number_rows(frame: LazyFrame, down: list[str], tie: str, name: str) -> LazyFrame:
    # A window sorts upwards only, so what goes down is negated.
    negated = {f"_down_{number}": -nw.col(column) for number, column in enumerate(down)}
    order = [*negated, tie]
    # What is counted is a copy: narwhals on pandas (2.29) would count `tie` itself before it sorts by it.
    place = nw.col("_counted").cum_count()
    numbered = place.over(order_by=order)
    frame = frame.with_columns(**negated, _counted=nw.col(tie))
    return frame.with_columns(numbered.cast(nw.Int64).alias(name)).drop(*negated, "_counted")
