"""Flex credits by model as the text that a terminal shows. Sums only what it prints, so that a total is of its lines.

The frames come from `analysis`, with the column `model` of `name_models` where there are models: two ids of one
name are two lines, each with its id in brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

from flexlib.analysis.credits import CreditsStatistics
from flexlib.analysis.frames import read_rows
from flexlib.console.table import DOUBLE, SINGLE, clean_name, render_title, title_day
from flexlib.dates import Span
from flexlib.errors import InvalidRequest
from flexlib.formats import format_credits, format_share, format_span, round_half_up

INDENT = "   "
NAME_WIDTH = 48  # the names' column, an indent included
AMOUNT_WIDTH = 16  # right-aligned, the space before it included


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
    width = max([NAME_WIDTH, *(len(INDENT + clean_name(row["model"])) for row in [*daily, *models])])
    lines = render_title(f"Flex credits by model - {format_span(days)}", lower_bound=lower_bound)
    for day, rows in groupby(daily, key=lambda row: row["date"]):
        lines += ["", *_render_day(day, list(rows), width)]
    lines += ["", DOUBLE, "TOTALS BY MODEL", DOUBLE]
    lines += [_amount(row["model"], row["flex_credits"], width) + _share(row["share_permille"]) for row in models]
    shares = sum(row["share_permille"] for row in models)
    label = "GRAND TOTAL (AT LEAST)" if lower_bound else "GRAND TOTAL"
    lines += [SINGLE, _amount(label, total, width) + _share(shares), DOUBLE, "", *_render_statistics(statistics)]
    return "\n".join(lines) + "\n"


def _render_day(day: date, rows: Sequence[dict[str, Any]], width: int) -> list[str]:
    spent = [_amount(INDENT + row["model"], row["flex_credits"], width) for row in rows if row["flex_credits"]]
    total = sum(row["flex_credits"] for row in rows)
    return [f"📅 {title_day(day)}", SINGLE, *spent, _amount(f"{INDENT}DAILY TOTAL", total, width)]


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


def _amount(name: str, hundredths: int, width: int) -> str:
    return clean_name(name).ljust(width) + format_credits(hundredths).rjust(AMOUNT_WIDTH)


def _share(permille: int) -> str:
    return f"  ({format_share(permille):>5}%)"
