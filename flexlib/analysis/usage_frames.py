"""Rows of usage opened, summed and closed: what every sum of calls has in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, cast

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import Frame, LazyFrame, open_frame, to_native_frame
from flexlib.dates import Moment, read_period
from flexlib.errors import InvalidRequest
from flexlib.i18n import _
from flexlib.schema import USAGE

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


TOKENS = {
    "total_prompt_tokens": "prompt_tokens",
    "total_completion_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
}
AMOUNTS = {"usd": "amount_in_usd", "clp": "amount_in_clp"}
TOTALS = [f"total_{one}" for one in AMOUNTS]
UNPRICED = [f"unpriced_{one}" for one in AMOUNTS]
MEASURES = ["request_count", *TOKENS, *(name for one in AMOUNTS for name in (f"total_{one}", f"unpriced_{one}"))]
EXACT_IN_FLOAT = 2**53
DIGITS = 60
"""Room for any sum: pandas adds Python's decimals, which keep as many digits as the caller's context says."""


def open_usage(native: object, start: Moment = None, end: Moment = None, keys: Sequence[str] = ()) -> LazyFrame:
    """The columns of `schema.USAGE` that are summed, and `keys`, of the calls in a period (see `dates.read_period`); of
    a roll-up (`roll_up_usage`) its measures and `keys`.

    Raises `InvalidRequest` when a column is missing or of the wrong kind, or the period is not valid, or
    not of whole hours where the rows are hours.
    """
    low, high = read_period(start, end)
    frame = open_frame(native)
    kinds = frame.collect_schema()
    is_rollup = "request_count" in kinds
    if is_rollup and any(bound and bound != bound.replace(minute=0, second=0, microsecond=0) for bound in (low, high)):
        raise InvalidRequest(
            _("the rows are sums of hours, but the period is {start} to {end}; ask for whole hours.").format(
                start=start, end=end
            )
        )
    tokens, amounts = ([*TOKENS], TOTALS) if is_rollup else ([*TOKENS.values()], [*AMOUNTS.values()])
    measures = MEASURES if is_rollup else ["requests", *tokens, *amounts]
    wanted = list(dict.fromkeys(["created_at", "provider", "model", *keys, *measures]))
    for name in wanted:
        if name not in kinds:
            raise InvalidRequest(
                _("the frame lacks the column {name}, it has {kinds}; bring rows of usage.").format(
                    name=name, kinds=", ".join(kinds)
                )
            )
        kind = kinds[name]
        if (
            (name in tokens and not kind.is_integer())
            or (name in amounts and kind.is_float())
            or (name == "created_at" and not (isinstance(kind, nw.Datetime) and kind.time_zone is None))
        ):
            raise InvalidRequest(
                _("the column {name} is {kind}; bring it in the type that schema.USAGE gives it.").format(
                    name=name, kind=kind
                )
            )
    rows = frame.select(*wanted)
    if "usable_id" in keys and rows.implementation.is_pandas():
        rows = open_frame(_restore_ids(rows.to_native()))
    # As text: Spark would read a Python time in the zone of this machine.
    if low:
        rows = rows.filter(nw.col("created_at") >= nw.lit(low.isoformat(" ")).cast(nw.Datetime("us")))
    if high:
        rows = rows.filter(nw.col("created_at") < nw.lit(high.isoformat(" ")).cast(nw.Datetime("us")))
    return rows


def sum_usage(opened: LazyFrame, keys: Sequence[str], more: Sequence[str] = ()) -> LazyFrame:
    """`MEASURES` of each group; with no key, of all in one row. A roll-up's measures are summed again.

    `more`: further columns of integers, whose sum is null where no row has a value.
    """
    if "request_count" in opened.collect_schema():
        calls, amounts = nw.col("request_count"), {one: nw.col(f"total_{one}") for one in AMOUNTS}
        sums = [nw.col(*TOKENS, *UNPRICED).sum()]
    else:
        calls, amounts = nw.col("requests"), {one: nw.col(column) for one, column in AMOUNTS.items()}
        # A row that does not say how many calls it sums is one at least.
        priced = {f"_{one}": nw.when(amount.is_null()).then(calls.fill_null(1)) for one, amount in amounts.items()}
        opened = opened.with_columns(**priced)
        sums = [nw.col(column).sum().alias(name) for name, column in TOKENS.items()]
        sums += [nw.col(f"_{one}").sum().alias(f"unpriced_{one}") for one in AMOUNTS]
    sums += [calls.sum().alias("request_count"), calls.count().alias("_counted"), nw.len().alias("_rows")]
    sums += [amount.sum().alias(f"total_{one}") for one, amount in amounts.items()]
    sums += [amount.count().alias(f"_with_{one}") for one, amount in amounts.items()]
    sums += [nw.col(name).sum() for name in more]
    sums += [nw.col(name).count().alias(f"_with_{name}") for name in more]
    with exact_decimals():
        summed = opened.group_by(*keys).agg(*sums) if keys else opened.select(*sums)
    counts = [*TOKENS, *UNPRICED, "request_count", "_counted", "_rows", *(f"_with_{one}" for one in AMOUNTS)]
    # In SQL the sum of no rows is null.
    summed = summed.with_columns(nw.col(*counts).fill_null(0).cast(nw.Int64))
    # A sum of nothing but nulls is 0 to every engine.
    given = {name: nw.when(nw.col(f"_with_{name}") > 0).then(nw.col(name).cast(nw.Int64)) for name in more}
    known = given | {
        f"total_{one}": nw.when(nw.col(f"_with_{one}") > 0).then(nw.col(f"total_{one}")) for one in AMOUNTS
    }
    return summed.with_columns(
        request_count=nw.when(nw.col("_counted") == nw.col("_rows")).then(nw.col("request_count")), **known
    )


def to_native_usage(
    sums: LazyFrame, like: Frame, keys: Sequence[str], order: Mapping[str, bool], more: Sequence[str] = ()
) -> Frame:
    """`keys`, `MEASURES` and `more` as the kind of frame that `like` is, sorted by the keys of `order` (true: down)."""
    closed = to_native_frame(sums, like, [*keys, *MEASURES, *more], order)
    if not sums.implementation.is_pandas():
        return closed
    frame = cast("pd.DataFrame", closed)
    exact = frame[TOTALS].astype(object)
    return cast(Frame, frame.assign(**exact.where(exact.notna(), None)))


def hide_zero(amount: Decimal | None, missing: object) -> Decimal | None:
    """The amount, but None for a 0 that lacks calls: where only what is free has an amount, the sum is not known.

    >>> hide_zero(Decimal(0), 82), hide_zero(Decimal(0), 0), hide_zero(Decimal(1), 82)
    (None, Decimal('0'), Decimal('1'))
    """
    return None if missing and not amount else amount


def sum_amounts(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The exact sum of those that are known; None when none is."""
    known = [amount for amount in amounts if amount is not None]
    with exact_decimals():
        return sum(known, Decimal(0)) if known else None


@contextmanager
def exact_decimals() -> Iterator[None]:
    with localcontext() as context:
        context.prec = DIGITS
        yield


def _restore_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """Ids that pandas turned into floats, because some calls have none, as the integers they were."""
    import pandas as pd

    ids = rows["usable_id"]
    try:
        if pd.api.types.is_float_dtype(ids.dtype) and (ids.abs() >= EXACT_IN_FLOAT).any():
            raise ValueError("some are too large to be exact in a float")
        return rows.assign(usable_id=ids.astype("Int64"))
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            _(
                "the column usable_id does not hold whole numbers ({error}); bring it as Int64, as the schema has it."
            ).format(error=error)
        ) from error


ROLLED_UP = ["created_at", "grain", "provider", "model", "task_type", "proxy"]


def roll_up_usage(rows: object, start: Moment = None, end: Moment = None) -> duckdb.DuckDBPyRelation:
    """The calls summed by hour, grain, provider, model, task type and proxy. In place of the rows, it gives the same
    sums by each of these, by day, and in all, in a moment; a sum by anything else needs the rows.

    A small relation in this process, whatever engine the rows are on: `created_at` is the start of the hour, the
    measures are those of the sums, exact. Two roll-ups side by side (`union`) are that of the rows of both. Raises
    `InvalidRequest` as the sums do.
    """
    import duckdb
    import pyarrow as pa

    opened = open_usage(rows, start, end, ROLLED_UP)
    hour = nw.col("created_at").dt.truncate("1h").cast(nw.Datetime("us"))
    sums = sum_usage(opened.with_columns(created_at=hour), ROLLED_UP).select(*ROLLED_UP, *MEASURES)
    kinds = {name: USAGE.field(name).type for name in ROLLED_UP} | dict.fromkeys(MEASURES, pa.int64())
    # The widest there are: a sum has more digits than any of its parts.
    scales = [USAGE.field(amount).type.scale for amount in AMOUNTS.values()]
    kinds |= {total: pa.decimal128(38, scale) for total, scale in zip(TOTALS, scales, strict=True)}
    return duckdb.from_arrow(sums.collect("pyarrow").to_native().cast(pa.schema(list(kinds.items()))))
