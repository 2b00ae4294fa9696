"""Parquet files as the frame of an engine: a DuckDB relation in this process, or a Spark frame, on a cluster or here.

The same sums run on both. Spark is asked for by name and comes with the extra `spark`; its master is that of the usual
settings (`spark-defaults.conf`, `PYSPARK_SUBMIT_ARGS`, else all cores of this machine) or the server of `SPARK_REMOTE`.
Its workers must see the files under the same path.
"""

from __future__ import annotations

import atexit
import glob
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from flexlib.errors import EngineMissing, InvalidRequest
from flexlib.i18n import _, join_or
from flexlib.store.usage_files import read_usage

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import SparkSession


Engine = Literal["duckdb", "spark"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

QUIET = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
"""What can only be said to a Spark that is yet to be started."""


def read_days(files: Sequence[Path], column: str, first: date, last: date, engine: Engine = "duckdb") -> Any:  # noqa: ANN401
    """The rows of Parquet files whose `column`, a UTC time without a zone, lies on the days from `first` to `last`.

    Nothing is read until the frame is used. Raises `InvalidRequest` for another engine, and as `open_spark` does.
    """
    if engine not in ENGINES:
        raise InvalidRequest(
            _("{engine!r} is not an engine; choose {engines}.").format(engine=engine, engines=join_or(ENGINES))
        )
    days = "{0} >= {1} '{2}' AND {0} < {1} '{3}' + INTERVAL 1 DAY"
    if engine == "spark":
        read = open_spark().read.option("mergeSchema", "true").parquet(*(f"file://{file}" for file in files))
        if column == "created_at":  # rows of flexlib 0.1.0 are calls, and do not say so
            read = read.selectExpr(*_list_spark_columns(read.columns))
        return read.filter(days.format(column, "TIMESTAMP_NTZ", first, last))
    import duckdb

    paths = [glob.escape(str(file)) for file in files]
    relation = read_usage(files) if column == "created_at" else duckdb.read_parquet(paths)
    return relation.filter(days.format(column, "TIMESTAMP", first, last))


def open_spark() -> SparkSession:
    """The Spark session of this process, made by the usual settings where there is none; its time zone is set to UTC.

    Raises `EngineMissing` when pyspark or Java is not installed, or nothing answers at the master.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineMissing(_("Spark is not installed; run: pip install 'flexlib[spark]'")) from error
    running = SparkSession.getActiveSession()
    builder = SparkSession.builder.config("spark.sql.session.timeZone", "UTC")
    if running is None and not os.environ.get("SPARK_REMOTE"):
        for name, value in QUIET.items():
            builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineMissing(
            _(
                "Spark could not be started ({reason}); it needs Java 17 or later (JAVA_HOME) and a master "
                "that answers."
            ).format(reason=reason)
        ) from error
    if running is None:
        atexit.register(session.stop)  # else its workers are killed, started again and killed, and say so at length
    return session


def _list_spark_columns(there: Sequence[str]) -> list[str]:
    """The columns that are summed, out of files of this version and of the first one, and the others as they are."""
    own = [name for name in there if name not in ("grain", "requests")]
    own += [] if "usable_key" in there else ["CAST(NULL AS STRING) AS usable_key"]
    if "grain" not in there:
        return [*own, "'call' AS grain", "1L AS requests"]
    return [*own, "coalesce(grain, 'call') AS grain", "CASE WHEN grain IS NULL THEN 1L ELSE requests END AS requests"]


def to_exact_frame(rows: pa.Table) -> pd.DataFrame:
    """The table in pandas: decimals stay exact, integers that may be null are `Int64`."""
    import pyarrow as pa

    counts = [field.name for field in rows.schema if field.nullable and pa.types.is_integer(field.type)]
    # As objects first: pandas' own integers have no null, and its floats are not exact.
    frame: pd.DataFrame = rows.to_pandas(integer_object_nulls=True)
    return frame.astype(dict.fromkeys(counts, "Int64"))
