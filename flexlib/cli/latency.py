"""`flexlib latency`: how long the calls of a month took, by route and hour."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from flexlib.cli.options import (
    Commands,
    add_command,
    add_demo_option,
    add_month_options,
    find_exit_code,
    load_judged,
    read_count,
    warn_of_month,
)
from flexlib.cli.report_months import open_shown
from flexlib.dates import Month
from flexlib.formats import format_count
from flexlib.i18n import _, write_json
from flexlib.settings import Settings

if TYPE_CHECKING:
    from flexlib.front.latency import Latency
    from flexlib.spend.month import MonthUsage

SHOWN = 12
"""Routes and slow hours shown, unless another number is asked for."""


def add_commands(commands: Commands) -> None:
    parser = add_command(commands, "latency", _("how long calls took, by route and hour"), """\
  flexlib latency --year 2025 --month 9
  flexlib latency --year 2025 --month 9 --zone America/Santiago --top 5
  flexlib latency --demo --year 2025 --month 9 --json""")  # fmt: skip
    add_month_options(parser, required=True)
    parser.add_argument(
        "--zone", default="UTC", help=_("whose hours and month, such as America/Santiago (default UTC)")
    )
    parser.add_argument("--top", type=read_count, default=SHOWN, metavar="N",
                        help=_("routes and slow hours shown (default {shown})").format(shown=SHOWN))  # fmt: skip
    parser.add_argument("--json", action="store_true", help=_("print it all as JSON; null where nothing is known"))
    add_demo_option(parser)
    parser.set_defaults(run=run_latency)


def run_latency(arguments: argparse.Namespace, settings: Settings) -> int:
    """Prints the times, gives the exit code of the month's state."""
    from flexlib.front.latency import measure_month

    month = Month(arguments.year, arguments.month)
    settings = open_shown(arguments, settings, month)
    usage = load_judged(month, settings, arguments.zone)
    made = measure_month(usage)
    print(write_json(describe_latency(usage, made)) if arguments.json
          else render_latency(usage, made, arguments.top))  # fmt: skip
    warn_of_month(usage, {})
    return find_exit_code(usage.certificates, usage.state)


def describe_latency(usage: MonthUsage, made: Latency) -> dict[str, Any]:
    """For JSON: milliseconds, and counts of calls; null where nothing is known."""
    from flexlib.analysis.frames import read_rows

    lines = {one.name: read_rows(getattr(made, one.name)) for one in fields(made)}
    (whole,) = lines.pop("whole")
    return {"month": str(usage.month), "zone": usage.zone, "state": str(usage.state), **whole, **lines}


def render_latency(usage: MonthUsage, made: Latency, top: int) -> str:
    """The routes, the slow hours and the faster routes as tables; only those that have a line."""
    from flexlib.console.table import render_table
    from flexlib.tables.latency import table_faster_routes, table_routes, table_slow_hours

    if not made.whole["calls"].iloc[0]:
        return _("No call of {month} says how long it took.").format(month=usage.month)
    tables = (
        table_routes(made.by_route, made.whole, top),
        table_slow_hours(made.slow_hours, top),
        table_faster_routes(made.faster_routes),
    )
    text = "\n".join(render_table(table, usage.month.span) for table in tables if table.rows).rstrip("\n")
    left = len(made.by_route) - top
    return (
        text
        if left <= 0
        else _("{text}\n{routes}: --top {count} shows all.").format(
            text=text, routes=format_count(left, "more route"), count=len(made.by_route)
        )
    )
