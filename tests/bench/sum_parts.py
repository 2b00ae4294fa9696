"""The month's sums in five ways: flexlib's own, hand-written SQL twice, and pandas twice; all must give the same."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Literal

FIRST, LAST = date(2025, 9, 1), date(2026, 12, 31)
MONEY = "sum(amount_in_usd), count(*) - count(amount_in_usd), sum(amount_in_clp), count(*) - count(amount_in_clp)"
SUMS = f"count(*), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens), {MONEY}"
KEYS = {
    "usage_by_day": ["date"],
    "usage_by_provider_and_model": ["provider", "model"],
    "stats_by_task_type": ["task_type"],
    "usage_by_proxy": ["proxy"],
}
MEASURES = (
    ("request_count", "total_prompt_tokens", "total_completion_tokens", "total_tokens")
    + ("total_usd", "unpriced_usd", "total_clp", "unpriced_clp")
)  # fmt: skip
NAMES = {"prompt_tokens": "total_prompt_tokens", "completion_tokens": "total_completion_tokens"}
AMOUNTS = {
    "amount_in_usd": ("total_usd", "unpriced_usd"),
    "amount_in_clp": ("total_clp", "unpriced_clp"),
}

Work = Callable[[], object]


def aggregate_flexlib(files: list[str], engine: Literal["duckdb", "spark"] = "duckdb") -> Work:
    import duckdb  # noqa: F401 (before the clock starts, as the yardstick does)

    from flexlib import analysis as aggregate
    from flexlib.store.engines import read_days

    def work() -> object:
        read = read_days([Path(file) for file in files], "created_at", FIRST, LAST, engine)
        rows = aggregate.roll_up_usage(read)
        found: dict[str, Any] = {"total": aggregate.total_cost_by_period(rows)}
        for name, keys in KEYS.items():
            groups = aggregate.read_rows(getattr(aggregate, name)(rows))
            found[name] = [[row[column] for column in (*keys, *MEASURES)] for row in groups]
        return found

    return work


def aggregate_sql(files: list[str]) -> Work:
    import duckdb

    def work() -> object:
        calls = f"read_parquet({files}) WHERE created_at >= '{FIRST}' AND created_at < '2027-01-01'"
        usd, no_usd, clp, no_clp = duckdb.execute(f"SELECT {MONEY} FROM {calls}").fetchall()[0]
        found: dict[str, Any] = {"total": {"usd": usd, "clp": clp, "unpriced_usd": no_usd, "unpriced_clp": no_clp}}
        for name, keys in KEYS.items():
            chosen = ", ".join("created_at::DATE AS date" if key == "date" else key for key in keys)
            query = f"SELECT {chosen}, {SUMS} FROM {calls} GROUP BY {', '.join(keys)}"
            found[name] = [list(row) for row in duckdb.execute(query).fetchall()]
        return found

    return work


def aggregate_sql_at_once(files: list[str]) -> Work:
    import duckdb

    def work() -> object:
        sets = ", ".join(f"({', '.join(keys)})" for keys in KEYS.values())
        keys = [key for one in KEYS.values() for key in one]
        calls = f"read_parquet({files}) WHERE created_at >= '{FIRST}' AND created_at < '2027-01-01'"
        rows = duckdb.execute(
            f"SELECT grouping({', '.join(keys)}), {', '.join(keys)}, {SUMS} "
            f"FROM (SELECT *, created_at::DATE AS date FROM {calls}) GROUP BY GROUPING SETS ((), {sets})"
        ).fetchall()
        (total,) = (row[-4:] for row in rows if row[0] == 2 ** len(keys) - 1)
        found: dict[str, Any] = {"total": dict(zip(("usd", "unpriced_usd", "clp", "unpriced_clp"), total, strict=True))}
        for name, wanted in KEYS.items():
            # Of grouping() a key that is summed over is a bit that is set, the first key's the highest.
            mark = sum(1 << place for place, key in enumerate(reversed(keys)) if key not in wanted)
            places = [1 + keys.index(key) for key in wanted]
            found[name] = [
                [row[place] for place in places] + list(row[-len(MEASURES) :]) for row in rows if row[0] == mark
            ]
        return found

    return work


def aggregate_pandas(files: list[str]) -> Work:
    return _aggregate_frames(files, "numpy_nullable")


def aggregate_pandas_arrow(files: list[str]) -> Work:
    return _aggregate_frames(files, "pyarrow")


def _aggregate_frames(files: list[str], backend: Literal["numpy_nullable", "pyarrow"]) -> Work:
    import pandas as pd

    def work() -> object:
        columns = ["created_at", "provider", "model", "task_type", "proxy", "total_tokens", *NAMES, *AMOUNTS]
        rows = pd.concat([pd.read_parquet(file, columns=columns, dtype_backend=backend) for file in files])
        rows["date"] = rows["created_at"].dt.floor("D")
        totals = {one.removeprefix("amount_in_"): rows[one].sum(min_count=1) for one in AMOUNTS}
        lacking = {f"unpriced_{one.removeprefix('amount_in_')}": int(rows[one].isna().sum()) for one in AMOUNTS}
        found: dict[str, Any] = {"total": totals | lacking}
        for name, keys in KEYS.items():
            groups = rows.groupby(keys, dropna=False)
            sums = groups[[*NAMES, "total_tokens"]].sum().rename(columns=NAMES)
            sums["request_count"] = groups.size()
            for one, (total, without) in AMOUNTS.items():
                known = groups[one].count()
                sums[total] = groups[one].sum().where(known > 0)
                sums[without] = sums["request_count"] - known
            found[name] = sums.reset_index()[[*keys, *MEASURES]].values.tolist()
        return found

    return work
