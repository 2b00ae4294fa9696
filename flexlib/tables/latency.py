"""How long calls take, as finished tables. The frames are those of `front.latency.Latency`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexlib.analysis.frames import read_rows
from flexlib.enums import LlmProvider, LlmProxy
from flexlib.formats import UNKNOWN
from flexlib.i18n import _, write_number
from flexlib.senders import name_provider, name_task
from flexlib.tables.definition import Column, Kind, Row, Table, Total

TIMES = {"p50": "50\u00a0%, s", "p90": "90\u00a0%, s", "p99": "99\u00a0%, s"}
"""So many of the calls took no longer."""


def table_routes(by_route: object, whole: object, top: int | None = None) -> Table:
    """The routes, the `top` with the most calls: how many were timed and failed, how long they took, each time with
    its interval, and the tokens a second; below them that of all calls."""
    (of_all,) = read_rows(whole)
    rows = [_label(row) for row in read_rows(by_route)]
    columns = [
        Column("model", "Model", total="All routes", note="route"),
        Column("calls", "Timed calls", Kind.COUNT, of_all["calls"]),
        Column("failed", "Failed", Kind.COUNT, of_all["failed"], is_optional=True),
        *(_time(name, of_all, is_optional=name == "p99") for name in TIMES),
        Column("speed", "Tokens/s", Kind.COUNT, _round_speed(of_all), is_optional=True),
    ]
    return Table("table-routes", "Response times by model and route", columns, rows[:top])


def table_slow_hours(slow_hours: object, top: int | None = None) -> Table:
    """Hours in which a route is slow beyond chance."""
    rows = [
        {**_label(row), "when": format_hour(row["hour"]), "usual": _format_seconds(row["usual_ms"])}
        for row in read_rows(slow_hours)
    ]
    columns = [
        Column("model", "Model", note="route"),
        Column("when", "Hour"),
        Column("calls", "Timed calls", Kind.COUNT),
        _time("p90"),
        Column("usual", "All day, s", Kind.NUMBER),
    ]
    return Table("table-slow-hours", "Hours in which calls take longer", columns, rows[:top])


def table_faster_routes(faster_routes: object) -> Table:
    """Models that are reached by two routes, one of them faster beyond chance."""
    rows = [
        {
            **row,
            "task": name_task(row["task_type"]),
            "usual": name_route(row),
            "faster": name_route({name: row[f"faster_{name}"] for name in ("provider", "proxy")}),
            "p50": _format_seconds(row["p50_ms"]),
            "faster_p50": _format_seconds(row["faster_p50_ms"]),
        }
        for row in read_rows(faster_routes)
    ]
    columns = [
        Column("model", "Model", note="task"),
        Column("usual", "Most calls go"),
        Column("calls", "Timed calls", Kind.COUNT, is_optional=True),
        Column("p50", TIMES["p50"], Kind.NUMBER),
        Column("faster", "Faster"),
        Column("faster_calls", "Timed calls", Kind.COUNT, is_optional=True),
        Column("faster_p50", TIMES["p50"], Kind.NUMBER),
    ]
    return Table("table-faster-routes", "Routes of one model, one faster than the other", columns, rows)


def name_route(row: Mapping[str, Any]) -> str:
    """`OpenAI`, `Google by OpenRouter`."""
    maker = name_provider(LlmProvider.parse(row["provider"]))
    if row["proxy"] is None:
        return maker
    return _("{maker} by {proxy}").format(maker=maker, proxy=LlmProxy.parse(row["proxy"]).label())


def format_hour(hour: int) -> str:
    return _("{first} to {last}").format(first=f"{hour:02d}:00", last=f"{hour:02d}:59")


def _time(name: str, of_all: Row | None = None, *, is_optional: bool = False) -> Column:
    total = Total.BLANK if of_all is None else _format_seconds(of_all[f"{name}_ms"])
    return Column(name, TIMES[name], Kind.NUMBER, total, f"{name}_within" * (name != "p99"), is_optional)


def _label(row: Row) -> dict[str, Any]:
    """The row with its times as a reader writes them, each with its interval where it is known."""
    times = {name: _format_seconds(row[f"{name}_ms"]) for name in TIMES}
    within = {
        f"{name}_within": f"({_format_seconds(row[f'{name}_low'])}–{_format_seconds(row[f'{name}_high'])})"
        for name in TIMES
        if row[f"{name}_low"] is not None
    }
    return {**row, **times, **within, "route": name_route(row), "speed": _round_speed(row)}


def _round_speed(row: Row) -> int | None:
    return None if row["tokens_per_second"] is None else round(row["tokens_per_second"])


def _format_seconds(milliseconds: int | None) -> str:
    """Three digits of them, in a column whose heading says the unit."""
    if milliseconds is None:
        return UNKNOWN
    places = 2 if milliseconds < 10_000 else 1 if milliseconds < 100_000 else 0
    return write_number(f"{milliseconds / 1000:,.{places}f}")
