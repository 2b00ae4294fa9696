"""The response times of a month: by route and hour, what is slow beyond chance, and which route is faster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from flexlib.analysis.latency import measure_latency, roll_up_latency
from flexlib.spend.billed import name_spellings
from flexlib.spend.month import MonthUsage

ROUTE = ("provider", "model", "proxy")

SLOW = 1.25
"""An hour is slow where nine in ten of its calls take at least a quarter longer than those of the whole day: less is
seen by nobody."""

SHOWN = ["provider", "proxy", "calls", "p50_ms", "p90_ms"]


@dataclass(frozen=True)
class Latency:
    """How long a month's calls took, in frames as of `measure_latency`; all with intervals."""

    whole: pd.DataFrame
    """One line: of all calls."""
    by_route: pd.DataFrame
    """By `provider`, `model` (all spellings that the price list has as one) and `proxy`."""
    by_hour: pd.DataFrame
    """By `hour` of the day, in the month's zone; ascending."""
    slow_hours: pd.DataFrame
    """Lines of a route and an hour whose 90 % is slow beyond chance, with that of the route as `usual_ms`."""
    faster_routes: pd.DataFrame
    """As from `find_faster_routes`."""


def measure_month(usage: MonthUsage) -> Latency:
    """How long the calls of the month took, and what follows of it. Rows that sum calls have no duration of a call."""
    calls = usage.calls.select(f"* REPLACE ({name_spellings(usage.calls)} AS model)")
    # Only the hour of the day is asked for: days laid on one another are a thirtieth of the cells.
    one_day = "date_trunc('month', created_at) + to_hours(hour(created_at))"
    rollup = roll_up_latency(calls.select(f"* REPLACE ({one_day} AS created_at)"))

    def measure(*keys: str) -> pd.DataFrame:
        return measure_latency(calls, keys, rollup=rollup)

    by_route = measure(*ROUTE)
    return Latency(
        whole=measure(),
        by_route=by_route,
        by_hour=measure("hour").sort_values("hour", ignore_index=True),
        slow_hours=find_slow_hours(measure(*ROUTE, "hour"), by_route),
        faster_routes=find_faster_routes(measure(*ROUTE, "task_type")),
    )


def find_slow_hours(by_hour: pd.DataFrame, by_route: pd.DataFrame) -> pd.DataFrame:
    """The lines of `by_hour` (measured by route and hour) whose interval of 90 % begins at `SLOW` times what `by_route`
    says of their route, or above; with that as `usual_ms`. What most calls waited for comes first. Nothing is slow
    against a duration of 0: it was not measured."""
    usual = by_route.rename(columns={"p90_ms": "usual_ms"})[[*ROUTE, "usual_ms"]]
    lines = by_hour.merge(usual, on=[*ROUTE])
    is_slow = (lines["p90_low"] >= SLOW * lines["usual_ms"]) & (lines["usual_ms"] > 0)
    slow = lines[is_slow.fillna(value=False)]
    waited = slow["calls"] * (slow["p90_ms"] - slow["usual_ms"])
    return slow.loc[waited.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def find_faster_routes(by_route: pd.DataFrame) -> pd.DataFrame:
    """Where a model is reached for one task by several routes and one is faster beyond chance, a line each: `model`,
    `task_type`, the route of the most calls (`provider`, `proxy`, `calls`, `p50_ms`, `p90_ms`), and the fastest route
    whose intervals of both 50 and 90 % end before those begin (`faster_provider` and so on). The most calls first.

    `by_route`: measured by route and task type.
    """
    found: list[dict[str, Any]] = []
    for (model, task), routes in by_route.groupby(["model", "task_type"], sort=False):
        usual, others = routes.iloc[0], routes.iloc[1:]
        parts = [(others[f"p{percent}_high"] < usual[f"p{percent}_low"]).fillna(value=False) for percent in (50, 90)]
        if not (faster := others[parts[0] & parts[1]].sort_values("p50_ms", kind="stable")).empty:
            names = {f"faster_{name}": faster.iloc[0][name] for name in SHOWN}
            found.append({"model": model, "task_type": task} | dict(usual[SHOWN]) | names)
    return pd.DataFrame(found, columns=["model", "task_type", *SHOWN, *(f"faster_{name}" for name in SHOWN)])
