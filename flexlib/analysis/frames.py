"""The one door between the frames that people bring and narwhals: a pandas frame, a DuckDB relation or a Spark frame.

narwhals' `stable.v2` and not its main namespace: that one may change with any release, this one promises to stay, and
pyproject sets no upper bound on narwhals. Inside the door every frame is lazy, so that the same lines serve all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, TypeVar, cast

import narwhals.stable.v2 as nw
from narwhals.stable.v2.dtypes import DType

from flexlib.errors import InvalidRequest
from flexlib.i18n import _

Frame = TypeVar("Frame")
"""A pandas frame, DuckDB relation or Spark frame; what goes in comes out."""

LazyFrame = nw.LazyFrame[Any]

SPARK = {nw.Implementation.PYSPARK, nw.Implementation.PYSPARK_CONNECT}
ENGINES = {nw.Implementation.PANDAS, nw.Implementation.DUCKDB} | SPARK

NULLABLE = {"requests", "request_count", "usable_id"}
"""The integers that may be null in a finished frame."""

EXACT = (nw.String, nw.Boolean, nw.Date, nw.Decimal, nw.Int64)
"""Types whose values Arrow gives as they are: a wider integer is a `Decimal` there, a moment no day."""

CREDITS_IN_PANDAS = {
    "date": "datetime64[us]",
    "prompt_credits": "int64",
    "flex_credits": "int64",
    "requests": "Int64",  # pandas' int64 has no null, and its float64 is not exact
}


def open_frame(native: object) -> LazyFrame:
    """`native` as a lazy narwhals frame.

    Raises `InvalidRequest` when it is none of the three kinds, or a Spark frame of a session in another zone than UTC:
    in that zone it would cut the days.
    """
    frame = nw.from_native(cast(Any, native), pass_through=True)
    if not isinstance(frame, nw.DataFrame | nw.LazyFrame) or frame.implementation not in ENGINES:
        kind = type(native).__name__
        raise InvalidRequest(
            _("a {kind} cannot be summed here; bring a pandas frame, a DuckDB relation or a Spark frame.").format(
                kind=kind
            )
        )
    if frame.implementation in SPARK:
        zone = frame.to_native().sparkSession.conf.get("spark.sql.session.timeZone")
        if zone != "UTC":
            raise InvalidRequest(
                _("the Spark session's zone is {zone}; set spark.sql.session.timeZone to UTC.").format(zone=zone)
            )
    return frame.lazy()


def open_credits(native: object) -> LazyFrame:
    """The columns of `schema.CREDITS` out of `native` as a lazy frame; `native` stays as it is.

    Raises `InvalidRequest` when a column is missing or of the wrong kind (credits that are floats, days that are text).
    """
    frame = open_frame(native)
    kinds = frame.collect_schema()
    in_pandas = frame.implementation.is_pandas()
    wanted = {
        "date": kinds.get("date") == nw.Datetime("us") or (in_pandas and _is_naive(kinds.get("date"))),
        "user": kinds.get("user") == nw.String,
        "model_uid": kinds.get("model_uid") == nw.String,
        "prompt_credits": _is_whole(kinds.get("prompt_credits")),
        "flex_credits": _is_whole(kinds.get("flex_credits")),
        "requests": _is_whole(kinds.get("requests")) or (in_pandas and kinds.get("requests") == nw.Float64),
    }
    for name, fits in wanted.items():
        if name not in kinds:
            raise InvalidRequest(
                _("the frame lacks the column {name}, it has {kinds}; bring rows of credits.").format(
                    name=name, kinds=", ".join(kinds)
                )
            )
        if not fits:
            raise InvalidRequest(
                _("the column {name} is {kinds}; bring it in the type that schema.CREDITS gives it.").format(
                    name=name, kinds=kinds[name]
                )
            )
    rows = frame.select(*wanted)
    if not in_pandas:
        return rows.with_columns(nw.col("prompt_credits", "flex_credits", "requests").cast(nw.Int64))
    try:
        return open_frame(rows.to_native().astype(CREDITS_IN_PANDAS))
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            _("the counts of the frame are not all whole numbers ({error}); fix them first.").format(error=error)
        ) from error


def list_days(like: LazyFrame, days: Iterable[date], column: str = "date") -> LazyFrame:
    """A frame of the engine of `like` with one column: the midnights of `days`."""
    midnights = [datetime.combine(day, time()) for day in days]
    if like.implementation.is_pandas():
        return nw.from_dict({column: midnights}, {column: nw.Datetime("us")}, backend="pandas").lazy()
    # Of no rows the count is still one row, whatever the engine: there the days can be unrolled.
    literal = nw.lit(cast(Any, midnights), nw.List(nw.Datetime("us")))
    return like.head(0).select(count=nw.len()).select(literal.alias(column)).explode(column)


def to_native_frame(frame: LazyFrame, like: Frame, columns: Sequence[str], order: Mapping[str, bool]) -> Frame:
    """`columns` of `frame`, sorted by the keys of `order` (true: down), nulls last, as the kind of frame `like` is.

    Integers are int64 (DuckDB's own sums are 128 bits wide). A relation stays lazy. In pandas the index counts from 0
    and those that may be null are `Int64`.
    """
    chosen = frame.select(*columns)
    counts = [name for name, kind in chosen.collect_schema().items() if kind.is_integer()]
    integers = chosen.with_columns(nw.col(*counts).cast(nw.Int64))
    result = integers.sort(*order, descending=list(order.values()), nulls_last=True).to_native()
    if frame.implementation.is_pandas():
        result = result.astype(dict.fromkeys(set(counts) - NULLABLE, "int64")).reset_index(drop=True)
    return cast(Frame, result)


def read_rows(finished: object) -> list[dict[str, Any]]:
    """A finished, small frame as plain rows: days as `date`, counts as `int`, amounts as `Decimal`, null as None. Runs
    a relation.
    """
    frame = open_frame(finished)
    kinds = frame.collect_schema()
    if frame.implementation.is_pandas():
        columns, exact = frame.collect("pandas").to_dict(as_series=False), set[str]()
    else:  # through Arrow: DuckDB hands decimals to pandas as floats
        columns = frame.collect("pyarrow").to_native().to_pydict()
        exact = {name for name, kind in kinds.items() if isinstance(kind, EXACT)}
    plain = [
        values if name in exact else [_read_value(value, kinds[name].is_integer()) for value in values]
        for name, values in columns.items()
    ]
    return [dict(zip(columns, row, strict=True)) for row in zip(*plain, strict=True)]


def _read_value(value: object, is_count: bool) -> object:
    # NaN and NaT, pandas' nulls, do not equal themselves.
    if value is None or value != value:
        return None
    if is_count:
        return int(cast(int, value))
    return value.date() if isinstance(value, datetime) else value


def _is_whole(kind: DType | None) -> bool:
    return kind is not None and kind.is_integer()


def _is_naive(kind: DType | None) -> bool:
    return isinstance(kind, nw.Datetime) and kind.time_zone is None
