"""Finished frames -> the text that a terminal shows. Sums only what it prints, so that a total is that of its lines.

The frames come from `aggregate`, with the column `model` of `names.name_models` where there are models: two ids of one
name are two lines, each with its id in brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.frames import read_rows
from flexlib.dates import Span
from flexlib.errors import InvalidRequest
from flexlib.formats import format_credits, format_day, format_month, format_share, format_span, round_half_up

DOUBLE, SINGLE = "=" * 100, "-" * 100

INDENT = "   "
NAME_WIDTH = 48  # the names' column, an indent included
AMOUNT_WIDTH = 16  # right-aligned, the space before it included

AT_LEAST = "⚠️  AT LEAST: not everything could be read; every total here is a lower bound."


def render_by_model(
    by_day_and_model: object,
    by_model: object,
    statistics: CreditsStatistics,
    days: Span,
    *,
    lower_bound: bool = False,
) -> str:
    """The flex credits of a span by day and model, then by model, then the headline numbers.

    A day's block lists the models with flex credits on it. A day with rows but no flex credits has its block too, with
    a total of 0.00: that is known, not missing. So there are as many blocks as days with data, and as many lines of
    totals as models used. `lower_bound` marks totals that lack somebody. Ends with a newline.

    Raises `InvalidRequest` when the three inputs are not of the same rows.
    """
    daily, models = read_rows(by_day_and_model), read_rows(by_model)
    total = sum(row["flex_credits"] for row in models)
    if not sum(row["flex_credits"] for row in daily) == total == statistics.flex_credits:
        raise InvalidRequest(
            "the frames by day, by model and the statistics differ in their total; make all of one month."
        )
    width = max([NAME_WIDTH, *(len(INDENT + _clean(row["model"])) for row in [*daily, *models])])
    lines = _start(f"FLEX CREDITS BY MODEL - {format_span(days)}", lower_bound)
    for day, rows in groupby(daily, key=lambda row: row["date"]):
        lines += ["", *_render_day(day, list(rows), width)]
    lines += ["", DOUBLE, "TOTALS BY MODEL", DOUBLE]
    lines += [_amount(row["model"], row["flex_credits"], width) + _share(row["share_permille"]) for row in models]
    shares = sum(row["share_permille"] for row in models)
    label = "GRAND TOTAL (AT LEAST)" if lower_bound else "GRAND TOTAL"
    lines += [SINGLE, _amount(label, total, width) + _share(shares), DOUBLE, "", *_render_statistics(statistics)]
    return "\n".join(lines) + "\n"


def render_daily(by_day: object, days: Span, *, lower_bound: bool = False) -> str:
    """A line a day: flex credits, prompt credits, data points; then their total. Ends with a newline."""
    rows = read_rows(by_day)
    cells = [[_title_day(row["date"]), *_numbers(row, "flex_credits", "prompt_credits")] for row in rows]
    total = _add_up(rows, "flex_credits", "prompt_credits")
    headings = ["DAY", "FLEX CREDITS", "PROMPT CREDITS", "DATA POINTS"]
    return _render_table(f"FLEX CREDITS BY DAY - {format_span(days)}", headings, cells, total, lower_bound)


def render_monthly(by_month: object, days: Span, *, lower_bound: bool = False) -> str:
    """A line a month: flex credits, prompt credits, both, data points; then their total. Ends with a newline."""
    rows = read_rows(by_month)
    columns = ("flex_credits", "prompt_credits", "total_credits")
    cells = [[f"{row['month']:%Y-%m} - {format_month(row['month'])}", *_numbers(row, *columns)] for row in rows]
    headings = ["MONTH", "FLEX CREDITS", "PROMPT CREDITS", "TOTAL CREDITS", "DATA POINTS"]
    title = f"CREDITS BY MONTH - {format_span(days)}"
    return _render_table(title, headings, cells, _add_up(rows, *columns), lower_bound)


def _render_day(day: date, rows: Sequence[dict[str, Any]], width: int) -> list[str]:
    spent = [_amount(INDENT + row["model"], row["flex_credits"], width) for row in rows if row["flex_credits"]]
    total = sum(row["flex_credits"] for row in rows)
    return [f"📅 {_title_day(day)}", SINGLE, *spent, _amount(f"{INDENT}DAILY TOTAL", total, width)]


def _render_statistics(statistics: CreditsStatistics) -> list[str]:
    average = statistics.average_flex_credits
    return [
        "📊 Statistics:",
        f"   - Days with data: {statistics.days_with_data}",
        f"   - Total models used: {statistics.models_used}",
        f"   - Total flex credits: {format_credits(statistics.flex_credits)}",
        f"   - Avg flex credits/day: {'-' if average is None else format_credits(round_half_up(average))}",
        "",
        f"⚠️  Days with flex credits: {statistics.days_with_flex_credits}",
    ]


def _render_table(
    title: str, headings: Sequence[str], cells: Sequence[Sequence[str]], total: Sequence[str], lower_bound: bool
) -> str:
    label = "TOTAL (AT LEAST)" if lower_bound else "TOTAL"
    table = [headings, *cells, [label, *total]]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    first = max(widths[0], NAME_WIDTH - 16)
    laid = [
        row[0].ljust(first)
        + "".join(f"  {cell:>{max(width, 14)}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in table
    ]
    lines = [*_start(title, lower_bound), laid[0], SINGLE, *laid[1:-1], SINGLE, laid[-1], DOUBLE]
    return "\n".join(lines) + "\n"


def _start(title: str, lower_bound: bool) -> list[str]:
    return [DOUBLE, title.upper(), DOUBLE, *([AT_LEAST] if lower_bound else [])]


def _title_day(day: date) -> str:
    return f"{day} - {format_day(day)}"


def _amount(name: str, hundredths: int, width: int) -> str:
    return _clean(name).ljust(width) + format_credits(hundredths).rjust(AMOUNT_WIDTH)


def _share(permille: int) -> str:
    return f"  ({format_share(permille):>5}%)"


def _numbers(row: dict[str, Any], *columns: str) -> list[str]:
    return [*(format_credits(row[column]) for column in columns), f"{row['data_points']:,}"]


def _add_up(rows: Sequence[dict[str, Any]], *columns: str) -> list[str]:
    return _numbers({column: sum(row[column] for row in rows) for column in (*columns, "data_points")}, *columns)


def _clean(name: str) -> str:
    # A model id comes from outside: its control characters are not for the terminal.
    return "".join(letter if letter.isprintable() else "�" for letter in name)
