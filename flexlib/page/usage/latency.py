"""The page on response times: headlines, what stands out, and two charts of finished frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from flexlib.analysis.frames import read_rows
from flexlib.formats import UNKNOWN, format_count, format_duration, format_number
from flexlib.i18n import _, mark_text, translate_count, write_number
from flexlib.page.kit.chart import NARROW, WIDE, Chart, add_axes, size_letter
from flexlib.page.kit.markup import Html
from flexlib.page.kit.parts import Heading, show_cards
from flexlib.page.kit.svg import add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT
from flexlib.tables.definition import Kind, format_value
from flexlib.tables.latency import format_hour, name_route

MOST_ROUTES = 16
"""More lines than that are read in the table."""

LINES = {"p50": (mark_text("half of the calls"), "accent"), "p90": (mark_text("90\u00a0% of the calls"), "amber2")}

SPANS = ((mark_text("from 50 to 90\u00a0%"), "accent"), (mark_text("from 90 to 99\u00a0%"), "amber2"))

WITHIN = {
    "p50": mark_text("Half of the calls within"),
    "p90": mark_text("90\u00a0% within"),
    "p99": mark_text("99\u00a0% within"),
}

TICKS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 120_000, 600_000, 3_600_000)
"""Milliseconds at which a logarithmic axis has a line."""

Row = dict[str, Any]


def show_latency_headlines(whole: object) -> Html:
    """How long calls took, how many failed and how many nobody timed."""
    (row,) = read_rows(whole)
    answered = row["calls"] + row["untimed"]
    share = _("of all")
    if row["failed"]:
        percent = write_number(f"{100 * row['failed'] / (answered + row['failed']):.1f}\u00a0%")
        share = _("{share} of all").format(share=percent)
    speed = UNKNOWN if row["tokens_per_second"] is None else format_number(round(row["tokens_per_second"]))
    return show_cards([
        *((_(name), format_duration(row[f"{column}_ms"]), _describe_interval(row, column))
          for column, name in WITHIN.items()),
        (_("Timed calls"), format_value(row["calls"], Kind.COUNT),
         _("of {calls} answered").format(calls=format_count(answered, "call"))),
        (_("Failed"), format_value(row["failed"], Kind.COUNT), share),
        (_("Tokens a second"), speed, _("of an answer, over its whole time")),
    ])  # fmt: skip


def heading_for_routes(by_route: object) -> Heading:
    """The slowest and the quickest of the routes that have half of the calls of an even share, or more."""
    rows = _name_rows(row for row in read_rows(by_route) if row["calls"])
    if not rows:
        return Heading("No duration is known", "No call of this month says how long it took.")
    note = mark_text(
        "Of each route its 50, 90 and 99\u00a0%: so many of its calls took no longer. The scale is logarithmic."
    )
    even = sum(row["calls"] for row in rows) / len(rows) / 2
    ranked = sorted((row for row in rows if row["calls"] >= even), key=lambda row: row["p50_ms"])
    if len(ranked) < 2:
        return Heading("How long calls take", note)
    first, last = ranked[0], ranked[-1]
    said = _("Half of the calls to {slow} take {slowest} or more, of those to {fast} {fastest}")
    return Heading(
        said.format(
            slow=last["called"],
            slowest=format_duration(last["p50_ms"]),
            fast=first["called"],
            fastest=format_duration(first["p50_ms"]),
        ),
        note,
    )


def heading_for_hours(by_hour: object, slow_hours: object, zone: str) -> Heading | None:
    """The hour in which a route is slowest, of those beyond chance; None where nothing was timed."""
    if not any(row["calls"] for row in read_rows(by_hour)):
        return None
    note = _(
        "The chart is of all calls together, with 95\u00a0% intervals; the table names the models. Hours are {zone}."
    ).format(zone=zone)
    if not (rows := read_rows(slow_hours)):
        return Heading("No hour is slower than the others beyond chance", note)
    row = max(rows, key=lambda one: one["p90_ms"] / one["usual_ms"])
    times = write_number(f"{row['p90_ms'] / row['usual_ms']:.1f}")
    said = _("{hour}: {model} takes {times} times as long as all day")
    return Heading(said.format(hour=format_hour(row["hour"]), model=_name_with_route(row), times=times), note)


def heading_for_faster_routes(faster_routes: object) -> Heading | None:
    """Only where a route is faster beyond chance."""
    if not (rows := read_rows(faster_routes)):
        return None
    row = rows[0]
    better = name_route({name: row[f"faster_{name}"] for name in ("provider", "proxy")})
    return Heading(
        _("{model} answers sooner from {route}").format(model=row["model"], route=better),
        "Both the median and the 90\u00a0% are lower beyond chance. Whether the calls are alike, the calls do not say: "
        "try it on a part of them first.",
    )


def plot_latency_by_route(
    by_route: object, *, title: str = "Response times by route", name: str = "chart-latency-routes"
) -> Chart | None:
    """Of the routes with the most calls a line from 50 to 90 to 99 %; None where nothing was timed."""
    rows = _name_rows(row for row in read_rows(by_route) if row["calls"])[:MOST_ROUTES]
    if not rows:
        return None
    rows.sort(key=lambda row: -row["p50_ms"])

    def draw(width: int) -> Figure:
        longest = max(len(row["called"]) for row in rows)
        left = min(longest * size_letter(width) + 12, width // 2)
        figure = new_figure(width, 44 + 26 * len(rows))
        axes = add_axes(figure, left, 16, 6, 26 * len(rows))
        for place, row in enumerate(rows):
            times = [row[f"p{percent}_ms"] for percent in (50, 90, 99)]
            within = _("{percent} % within {time}")
            tip = f"{row['model']}, {name_route(row)}: " + ", ".join(
                within.format(percent=percent, time=format_duration(time))
                for percent, time in zip((50, 90, 99), times, strict=True)
            )
            for (start, end), (__, colour) in zip(pairwise(max(time, 1) for time in times), SPANS, strict=True):
                for bar in axes.barh([place], [end - start], 0.5, left=[start], color=LIGHT[colour]):
                    add_tooltip(bar, f"{tip}, {format_count(row['calls'], 'call')}")
        most = (width // 2 - 12) // size_letter(width)
        names = [text if len(text) <= most else text[: most - 1] + "…" for text in (row["called"] for row in rows)]
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        _scale_times(axes, "x", rows, ("p50_ms", "p99_ms"), width)
        return figure

    words = _("How long calls take by route, of {routes} with the most calls, slowest first.")
    legend = [(_(label), colour) for label, colour in SPANS]
    return Chart(name, title, words.format(routes=format_count(len(rows), "route")), draw, WIDE, legend)


def plot_latency_by_hour(
    by_hour: object, zone: str = "UTC", *, title: str = "Response times by hour", name: str = "chart-latency-hours"
) -> Chart | None:
    """The 50 and the 90 % of each hour of the day with their intervals; None where nothing was timed. An hour without
    calls is a gap."""
    timed = {row["hour"]: row for row in read_rows(by_hour) if row["calls"]}
    if not timed:
        return None

    def draw(width: int) -> Figure:
        figure = new_figure(width, 270)
        axes = add_axes(figure, 52, 12, 12, 206)
        for column, (label, colour) in LINES.items():
            for hour, row in timed.items():
                middle, low, high = (row[f"{column}_{what}"] for what in ("ms", "low", "high"))
                tip = _("{hour}: {calls} within {time}, of {count}").format(
                    hour=format_hour(hour), calls=_(label), time=format_duration(middle),
                    count=format_number(row["calls"]))  # fmt: skip
                if low is not None:
                    for bar in axes.bar(
                        [hour], [high - low], 0.7, bottom=[max(low, 1)], color=LIGHT[colour], alpha=0.3
                    ):
                        add_tooltip(bar, tip)
                for line in axes.plot([hour - 0.35, hour + 0.35], [max(middle, 1)] * 2, color=LIGHT[colour]):
                    add_tooltip(line, tip)
        axes.set_xlim(-0.6, 23.6)
        axes.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
        axes.set_xlabel(_("hour of the day, {zone}").format(zone=zone), labelpad=8)
        ends = tuple(f"{column}_{what}" for column in LINES for what in ("ms", "low", "high"))
        _scale_times(axes, "y", list(timed.values()), ends, width)
        return figure

    words = translate_count(
        "How long half and nine in ten of the calls take, by hour of the day, in {count} hour with calls.",
        "How long half and nine in ten of the calls take, by hour of the day, in {count} hours with calls.",
        len(timed),
    )
    legend = [(_(label), colour) for label, colour in LINES.values()]
    return Chart(name, title, words.format(count=len(timed)), draw, legend=legend)


def _name_rows(lines: Iterable[Row]) -> list[Row]:
    """The rows with what each is `called`: its model, and its route where the model has another, too."""
    rows = list(lines)
    routes = Counter(row["model"] for row in rows)
    return [row | {"called": _name_with_route(row) if routes[row["model"]] > 1 else row["model"]} for row in rows]


def _name_with_route(row: Row) -> str:
    return f"{row['model']} ({name_route(row)})"


def _describe_interval(row: Row, column: str) -> str:
    if row[f"{column}_low"] is None:
        return _("too few calls for an interval") if row["calls"] else _("no duration is known")
    low, high = (format_duration(row[f"{column}_{end}"]) for end in ("low", "high"))
    return _("{low} to {high} at 95\u00a0%").format(low=low, high=high)


def _scale_times(axes: Axes, axis: str, rows: list[Row], columns: tuple[str, ...], width: int) -> None:
    """A logarithmic axis that holds the times of the columns, with lines at round ones."""
    times = [row[column] for row in rows for column in columns if row[column] is not None]
    least, most = max(min(times), 1) / 1.2, max(*times, 1) * 1.2
    getattr(axes, f"set_{axis}scale")("log")
    getattr(axes, f"set_{axis}lim")(least, most)
    drawn, inside = getattr(axes, f"{axis}axis"), [tick for tick in TICKS if least <= tick <= most]
    few = inside[:: 2 if width == NARROW and len(inside) > 4 and axis == "x" else 1]
    drawn.set_major_locator(FixedLocator(few or [times[0]]))
    drawn.set_minor_locator(NullLocator())
    drawn.set_major_formatter(
        FuncFormatter(
            lambda time, _: (
                format_duration(round(time)).replace(write_number(".0\u00a0s"), "\u00a0s").replace(" 0\u00a0s", "")
            )
        )
    )
