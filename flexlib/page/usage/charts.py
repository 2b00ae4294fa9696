"""Finished frames of calls as charts: what is drawn is what the frame holds, nothing is summed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.frames import read_rows
from flexlib.dates import Span
from flexlib.formats import count_calls_at_least, format_number, format_short_number, format_span
from flexlib.i18n import _, mark_text, translate_count
from flexlib.page.kit.chart import HALF, NARROW, Chart, add_axes
from flexlib.page.kit.days import COLUMN, DayAxis
from flexlib.page.kit.svg import LETTER, add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT

KINDS = {"prompt": (mark_text("Prompt tokens"), "accent"), "completion": (mark_text("Completion tokens"), "amber2")}
"""What a call reads and what it writes, each with its colour."""

TIPS = {
    "prompt": mark_text("{count} calls with {low} to {high} prompt tokens"),
    "completion": mark_text("{count} calls with {low} to {high} completion tokens"),
}
TOKENS_IN = {
    "prompt": mark_text("{when}: {tokens} prompt tokens in {calls}"),
    "completion": mark_text("{when}: {tokens} completion tokens in {calls}"),
}
"""What columns say under the mouse."""

MOST_SIZES = 14
"""More sizes than that have no room for a number each on half a page."""

Row = dict[str, Any]


def plot_usage_by_day(
    by_day: object, span: Span | None = None, *, title: str = "Tokens a day", name: str = "chart-usage-days"
) -> Chart | None:
    """Columns of tokens a day, the prompts' lowest; None without a day.

    The frame as from `usage_by_day`; a day that is not in it has no column. `span`: the days of the axis; without it
    from the first to the last of the frame. `name` is the id in a page, for each chart another.
    """
    days = read_rows(by_day)
    if not days:
        return None
    axis = DayAxis.over((day["date"] for day in days), span)

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = add_axes(figure, 46, 10, 12, 246)
        names = [axis.name_day(day["date"]) for day in days]
        places = [axis.place(day["date"]) for day in days]
        _stack_tokens(axes, days, places, names, axis.choose_thickness(width - 56))
        axis.set_up(axes, width - 56)
        return figure

    is_month = axis.span == axis.span.months[0].span
    on = translate_count("on {count} day with calls", "on {count} days with calls", len(days)).format(count=len(days))
    words = (
        _("Tokens a day in {span}, prompts lowest, {on}.")
        if is_month
        else _("Tokens a day from {span}, prompts lowest, {on}.")
    )
    words = words.format(span=format_span(axis.span), on=on)
    if peak := _find_peak(days):
        words += " " + _("The most on {day}: {tokens}.").format(day=axis.name_day(peak["date"]), tokens=_describe(peak))
    return Chart(name, title, words, draw, legend=_list_legend())


def plot_usage_by_hour(
    by_hour: object, zone: str = "UTC", *, title: str = "Tokens by hour of the day", name: str = "chart-usage-hours"
) -> Chart | None:
    """Columns of tokens by hour of the day (of `zone`), the prompts' lowest; None without an hour. The frame as from
    `usage_by_hour`."""
    hours = read_rows(by_hour)
    if not hours:
        return None

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = add_axes(figure, 46, 10, 12, 226)
        _stack_tokens(axes, hours, [hour["hour"] for hour in hours], [_format_hour(hour["hour"]) for hour in hours])
        axes.set_xlim(-0.6, 23.6)
        axes.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
        axes.set_xlabel(_("hour of the day, {zone}").format(zone=zone), labelpad=8)
        return figure

    words = translate_count(
        "Tokens by hour of the day, prompts lowest, in {count} hour with calls.",
        "Tokens by hour of the day, prompts lowest, in {count} hours with calls.",
        len(hours),
    ).format(count=len(hours))
    if peak := _find_peak(hours):
        said = _("The most from {hour}: {tokens}.")
        words += " " + said.format(hour=_format_hour(peak["hour"]), tokens=_describe(peak))
    return Chart(name, title, words, draw, HALF, _list_legend())


def plot_usage_by_size(
    by_size: object, *, title: str = "Calls by their tokens", name: str = "chart-usage-sizes"
) -> Chart | None:
    """How many calls have how many tokens, a pair of columns for each size; None without a call. The frame as from
    `usage_histogram`."""
    rows = read_rows(by_size)
    if not rows:
        return None
    while not any(rows[0][f"{kind}_calls"] for kind in KINDS):
        rows = rows[1:]

    def draw(width: int) -> Figure:
        figure = new_figure(width, 290)
        axes = add_axes(figure, 46, 10, 12, 226)
        for shift, (kind, (__, colour)) in zip((-0.2, 0.2), KINDS.items(), strict=True):
            counts = [row[f"{kind}_calls"] for row in rows]
            bars = axes.bar(
                [place + shift for place in range(len(rows))],
                counts,
                0.38,
                color=LIGHT[colour],
                label=kind.capitalize(),
            )
            for bar, row, count in zip(bars, rows, counts, strict=True):
                said = TIPS[kind]
                low, high = format_number(row["from_tokens"]), format_number(row["to_tokens"])
                add_tooltip(bar, _(said).format(count=format_number(count), low=low, high=high))
        _finish_axes(axes)
        axes.set_xlim(-0.6, max(len(rows), 1) - 0.4)
        names = [format_short_number(row["from_tokens"]) for row in rows]
        least = -(-max(map(len, names), default=0) * LETTER * len(rows) // (width - 56))  # `100 mil` takes two places
        shown = range(0, len(rows), max(least, 1 + (len(rows) > MOST_SIZES) + (width == NARROW)))
        axes.set_xticks(shown, [names[place] for place in shown])
        axes.set_xlabel(_("tokens of a call, from"), labelpad=8)
        return figure

    words = _("How many calls have how many tokens; each column reaches from its number to the next one.")
    return Chart(name, title, words, draw, HALF, _list_legend())


def _stack_tokens(
    axes: Axes, rows: Sequence[Row], places: Sequence[int], names: Sequence[str], thick: float = COLUMN
) -> None:
    below = [0] * len(rows)
    for kind, (__, colour) in KINDS.items():
        tokens = [row[f"total_{kind}_tokens"] for row in rows]
        bars = axes.bar(places, tokens, thick, bottom=below, color=LIGHT[colour], label=kind.capitalize())
        for bar, when, count, row in zip(bars, names, tokens, rows, strict=True):
            known = row["request_count"]
            calls = _("an unknown number of calls")
            if known is not None:
                calls = count_calls_at_least(known, is_least=False)
            said = TOKENS_IN[kind]
            add_tooltip(bar, _(said).format(when=when, tokens=format_number(count), calls=calls))
        below = [low + count for low, count in zip(below, tokens, strict=True)]
    _finish_axes(axes)


def _finish_axes(axes: Axes) -> None:
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))


def _find_peak(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row["total_tokens"], default=None)


def _describe(row: Row) -> str:
    prompt, completion = (format_number(row[f"total_{kind}_tokens"]) for kind in KINDS)
    return _("{prompt} prompt and {completion} completion tokens").format(prompt=prompt, completion=completion)


def _format_hour(hour: int) -> str:
    return _("{first} to {last}").format(first=f"{hour:02d}:00", last=f"{hour:02d}:59")


def _list_legend() -> list[tuple[str, str]]:
    return [(_(name), colour) for name, colour in KINDS.values()]
