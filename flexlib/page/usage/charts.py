"""Finished frames of calls as charts: what is drawn is what the frame holds, nothing is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.frames import read_rows
from flexlib.dates import Month
from flexlib.formats import format_count_or_dash, format_short_day
from flexlib.page.kit.chart import HALF, NARROW, Chart
from flexlib.page.kit.svg import POINTS, explain, new_figure
from flexlib.page.kit.theme import LIGHT

KINDS = {"prompt": ("Prompt", "accent"), "completion": ("Completion", "amber2")}
"""What a call reads and what it writes, each with its colour."""

LEGEND = [(f"{name} tokens", colour) for name, colour in KINDS.values()]

Row = dict[str, Any]


def plot_usage_by_day(by_day: object, month: Month) -> Chart:
    """Columns of tokens a day, the prompts' lowest, on every day of the month.

    The frame as from `aggregate.usage_by_day`; a day that is not in it has no column.
    """
    days = read_rows(by_day)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = _add_axes(figure, 46, 10, 12, 246)
        _stack_tokens(axes, days, [day["date"].day for day in days], [format_short_day(day["date"]) for day in days])
        axes.set_xlim(0.4, month.days + 0.6)
        mondays = [day.day for day in month.span if day.weekday() == 0]
        axes.set_xticks(mondays if width == NARROW else range(1, month.days + 1))
        return figure

    words = f"Tokens a day in {month.title}, prompts lowest, on {len(days)} days with calls."
    if peak := _find_peak(days):
        words += f" The most on {format_short_day(peak['date'])}: {_describe(peak)}."
    return Chart("chart-usage-days", "Tokens a day", words, draw, legend=LEGEND)


def plot_usage_by_hour(by_hour: object, zone: str = "UTC") -> Chart:
    """Columns of tokens by hour of the day (of `zone`), the prompts' lowest. The frame as from `usage_by_hour`."""
    hours = read_rows(by_hour)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = _add_axes(figure, 46, 10, 12, 226)
        _stack_tokens(axes, hours, [hour["hour"] for hour in hours], [_write_hour(hour["hour"]) for hour in hours])
        axes.set_xlim(-0.6, 23.6)
        axes.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
        axes.set_xlabel(f"hour of the day, {zone}", labelpad=8)
        return figure

    words = f"Tokens by hour of the day, prompts lowest, in {len(hours)} hours with calls."
    if peak := _find_peak(hours):
        words += f" The most from {_write_hour(peak['hour'])}: {_describe(peak)}."
    return Chart("chart-usage-hours", "Tokens by hour of the day", words, draw, HALF, LEGEND)


def plot_usage_by_size(by_size: object) -> Chart:
    """How many calls have how many tokens, a pair of columns for each size. The frame as from `usage_histogram`."""
    rows = read_rows(by_size)
    while rows and not any(rows[0][f"{kind}_calls"] for kind in KINDS):
        rows = rows[1:]

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = _add_axes(figure, 46, 10, 12, 226)
        for shift, (kind, (name, colour)) in zip((-0.2, 0.2), KINDS.items(), strict=True):
            counts = [row[f"{kind}_calls"] for row in rows]
            bars = axes.bar(
                [place + shift for place in range(len(rows))], counts, 0.38, color=LIGHT[colour], label=name
            )
            for bar, row, count in zip(bars, rows, counts, strict=True):
                span = f"{format_count_or_dash(row['from_tokens'])} to {format_count_or_dash(row['to_tokens'])}"
                explain(bar, f"{format_count_or_dash(count)} calls with {span} {name.lower()} tokens")
        _finish_axes(axes)
        axes.set_xlim(-0.6, max(len(rows), 1) - 0.4)
        shown = range(0, len(rows), 2 if width == NARROW else 1)
        axes.set_xticks(shown, [_write_short(rows[place]["from_tokens"]) for place in shown])
        axes.set_xlabel("tokens of a call, from", labelpad=8)
        return figure

    words = "How many calls have how many tokens; each column reaches from its number to the next one."
    return Chart("chart-usage-sizes", "Calls by their tokens", words, draw, HALF, LEGEND)


def _stack_tokens(axes: Axes, rows: Sequence[Row], places: Sequence[int], names: Sequence[str]) -> None:
    below = [0] * len(rows)
    for kind, (name, colour) in KINDS.items():
        tokens = [row[f"total_{kind}_tokens"] for row in rows]
        bars = axes.bar(places, tokens, 0.76, bottom=below, color=LIGHT[colour], label=name)
        for bar, when, count, row in zip(bars, names, tokens, rows, strict=True):
            calls = format_count_or_dash(row["request_count"])
            explain(bar, f"{when}: {format_count_or_dash(count)} {name.lower()} tokens in {calls} calls")
        below = [low + count for low, count in zip(below, tokens, strict=True)]
    _finish_axes(axes)


def _finish_axes(axes: Axes) -> None:
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: _write_short(number)))


def _add_axes(figure: Figure, left: int, right: int, top: int, height: int) -> Axes:
    """Axes between the margins `left` and `right`, `top` below the upper edge; all in CSS pixels."""
    width, full = (round(inches * POINTS) for inches in figure.get_size_inches())
    return figure.add_axes((left / width, 1 - (top + height) / full, (width - left - right) / width, height / full))


def _find_peak(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row["total_tokens"], default=None)


def _describe(row: Row) -> str:
    prompt, completion = (
        format_count_or_dash(row["total_prompt_tokens"]),
        format_count_or_dash(row["total_completion_tokens"]),
    )
    return f"{prompt} prompt and {completion} completion tokens"


def _write_hour(hour: int) -> str:
    return f"{hour:02d}:00 to {hour:02d}:59"


def _write_short(number: float) -> str:
    size, unit = next(((size, unit) for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if number >= size), (1, ""))
    return f"{number / size:g}{unit}"
