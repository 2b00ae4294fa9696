"""Sums of any unit as a chart: columns over days or months, stacked by what else they are summed by, or bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate, groupby, pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.ranking import COLOURS
from flexlib.analysis.top import OTHER_MODELS
from flexlib.dates import Month, Span
from flexlib.formats import format_amount, format_month, format_number, format_short_number
from flexlib.i18n import _, list_short_months
from flexlib.page.kit.chart import NARROW, Chart, add_axes, size_letter
from flexlib.page.kit.days import DayAxis, name_months
from flexlib.page.kit.svg import add_tooltip, new_figure
from flexlib.page.kit.theme import LIGHT, OTHER, assign_colours
from flexlib.page.kit.units import UNITS, Amount, name_label

MOST_BARS = 12
"""More lines are a table, not a chart."""

BAR_HEIGHT = 26
"""CSS pixels of a bar with its gap."""

LEFT, RIGHT = 50, 10
"""Margins of columns in CSS pixels: room for the numbers of the axis."""

PLOT_HEIGHT = 260
"""CSS pixels between the axis of columns and their upper edge."""

LINE, LABEL_GAP, KEY = 15, 14, 8
"""CSS pixels of a line beside columns, between a column and its words, and of the square in their colour."""

FEWEST_LABELLED = 3
"""Months from which on columns have their words beside the last: of fewer they would be wider than the columns."""

MONTH_WIDTH = 70
"""CSS pixels that a tick such as `Sep 2025` needs."""


@dataclass(frozen=True)
class Cell:
    """One amount: of a day (or a month's first day; None where time is no key), under a label."""

    day: date | None
    label: str
    amount: Amount


def plot_amounts(
    cells: Sequence[Cell],
    unit: str,
    span: Span,
    *,
    title: str,
    name: str,
    by_month: bool = False,
    by_model: bool = False,
    is_scale: bool = False,
    rest: str = "",
) -> Chart:
    """The cells as columns over `span`, stacked by label, the largest lowest; without days as bars, the largest first.

    Labels past the largest six (bars: twelve) are one, `Other`. `unit` is one of `UNITS`; `name` is the id in a page.
    `by_month`: each day is the first of the month that it stands for. `by_model`: each label is a model, and has its
    colour. `is_scale`: the labels are weekdays or hours, in their order. `rest`: the label of nobody's, in grey.
    """
    if by_model and any((sums := sum_labels(cells)).values()):
        cells = [cell for cell in cells if sums[cell.label]]  # what is not seen takes no colour
    has_days = any(cell.day is not None for cell in cells)
    folded = cells if is_scale else fold_cells(cells, COLOURS if has_days else MOST_BARS)
    sizes = {cell.label: cell.amount for cell in folded} if is_scale else sum_labels(folded)
    colours = dict.fromkeys(sizes, "accent")
    if by_model or (has_days and len(sizes) > 1):
        colours = assign_colours(label for label in sizes if label != OTHER_MODELS)
    colours |= {OTHER_MODELS: OTHER} | ({rest: OTHER} if rest else {})
    listed = ", ".join(f"{name_label(label)} {UNITS[unit].write(size)}" for label, size in sizes.items())
    words = f"{_(title)}: {listed}."
    if not has_days:
        return Chart(name, title, words, lambda width: _draw_bars(width, sizes, colours, unit))
    coloured = frozenset(sizes) - {OTHER_MODELS} if by_model else frozenset[str]()
    legend = [(name_label(label), colours[label]) for label in sizes] if len(sizes) > 1 else ()
    last = {cell.label for cell in folded if cell.day == max(cell.day or date.min for cell in folded) and cell.amount}
    is_labelled = by_month and len(span.months) >= FEWEST_LABELLED and len(sizes) > 1 and last == {*sizes}

    def draw(width: int) -> Figure:
        if not by_month:
            return _draw_days(width, folded, span, colours, unit)
        return _draw_months(width, folded, span, colours, unit, is_labelled=is_labelled and width != NARROW)

    return Chart(name, title, words, draw, legend=legend, coloured=coloured, is_labelled=is_labelled)


def fold_cells(cells: Sequence[Cell], most: int) -> list[Cell]:
    """The cells summed by day and label, those of small labels as `Other`; the largest label first on each day."""
    labels = list(sum_labels(cells))
    named = set(labels if len(labels) <= most + 1 else labels[:most])
    order = {label: place for place, label in enumerate([*labels, OTHER_MODELS])}

    def key(cell: Cell) -> tuple[str, str]:
        return str(cell.day or ""), cell.label if cell.label in named else OTHER_MODELS

    groups = [(list(group)) for _, group in groupby(sorted(cells, key=key), key)]
    summed = [Cell(group[0].day, key(group[0])[1], sum(one.amount for one in group)) for group in groups]
    return sorted(summed, key=lambda cell: (str(cell.day or ""), order[cell.label]))


def sum_labels(cells: Sequence[Cell]) -> dict[str, Amount]:
    """The amount of each label, the largest first, `Other` last."""
    sums: dict[str, Amount] = {}
    for cell in cells:
        sums[cell.label] = sums.get(cell.label, 0) + cell.amount
    ordered = sorted(sums, key=lambda label: (label == OTHER_MODELS, -sums[label], label))
    return {label: sums[label] for label in ordered}


def _draw_days(width: int, cells: Sequence[Cell], span: Span, colours: Mapping[str, str], unit: str) -> Figure:
    axis, room = DayAxis(span), width - LEFT - RIGHT
    figure, axes = _new_columns(width)
    places = {day: axis.place(day) for day in span}
    name_day = axis.name_day if width != NARROW else None
    stack_columns(axes, cells, places, axis.choose_thickness(room), colours, unit, name_day)
    axis.set_up(axes, room)
    return figure


def _draw_months(
    width: int, cells: Sequence[Cell], span: Span, colours: Mapping[str, str], unit: str, *, is_labelled: bool
) -> Figure:
    months = len(span.months)
    longest = max((len(cell.label) for cell in cells), default=0)
    words = min(LABEL_GAP + KEY + size_letter(width) * longest, width // 4) if is_labelled else 0
    # Words stand beside the last column: months after it, of which nothing is stored, are room for them.
    free = months - 1 - span.months.index(Month.containing(_find_last(cells))) if is_labelled else 0
    beside = (words - free * (width - LEFT - RIGHT) / months) * months / (months - free)
    right = RIGHT + max(0, round(beside))
    figure, axes = _new_columns(width, right)
    places = {month.first: place for place, month in enumerate(span.months)}
    stack_columns(axes, cells, places, 0.7, colours, unit, format_month if width != NARROW else None)
    room = (width - LEFT - right) / len(places)
    ticks = {day: f"{list_short_months()[day.month - 1]} {day.year}" for day in places}
    if room < MONTH_WIDTH:  # the year stands once, at its first month, where that has room
        has_room = room >= MONTH_WIDTH / 2
        names = name_months([*places], room)
        ticks = {day: ticks[day] if day == span.first and has_room else name for day, name in names.items()}
    axes.set_xticks([places[day] for day in ticks], list(ticks.values()))
    axes.set_xlim(-0.6, len(places) - 0.4)
    if is_labelled:
        _label_last(axes, cells, places, colours, words, room)
    return figure


def _label_last(
    axes: Axes, cells: Sequence[Cell], places: Mapping[date, int], colours: Mapping[str, str], words: int, room: float
) -> None:
    """Writes beside the last column what its parts are, each at its middle as far as there is room between them and
    below the upper edge; `room` is CSS pixels of a month."""
    last, top = _find_last(cells), axes.get_ylim()[1]
    parts = [cell for cell in cells if cell.day == last and cell.amount]
    feet = [0.0, *accumulate(float(cell.amount) for cell in parts)]
    middles = [(foot + head) / 2 for foot, head in pairwise(feet)]
    edge, end = places[last] + 0.35, places[last] + 0.6
    for cell, middle, spot in zip(parts, middles, _spread(middles, top * LINE / PLOT_HEIGHT, top), strict=True):
        axes.plot([edge, end], [middle, spot], color=LIGHT["soft"], linewidth=1, clip_on=False)
        axes.plot([end, end + KEY / room], [spot, spot], color=LIGHT[colours[cell.label]], linewidth=KEY, clip_on=False,
                  solid_capstyle="butt")  # fmt: skip
        text = _clip(name_label(cell.label), words - LABEL_GAP - KEY + 8)
        axes.annotate(text, (end, spot), (KEY + 4, 0), textcoords="offset points", va="center",
                      color=LIGHT["ink"], annotation_clip=False)  # fmt: skip


def _spread(middles: Sequence[float], gap: float, top: float) -> list[float]:
    """Where lines stand that are each at its middle, but a gap apart and none above the top."""
    rising = [*accumulate(middles, lambda below, middle: max(middle, below + gap))]
    return [min(spot, top - above * gap) for above, spot in zip(range(len(rising))[::-1], rising, strict=True)]


def _find_last(cells: Sequence[Cell]) -> date:
    return max(cell.day for cell in cells if cell.day is not None)


def _new_columns(width: int, right: int = RIGHT) -> tuple[Figure, Axes]:
    figure = new_figure(width, 330)
    return figure, add_axes(figure, LEFT, right, 34, PLOT_HEIGHT)


def stack_columns(
    axes: Axes,
    cells: Sequence[Cell],
    places: Mapping[date, int],
    wide: float,
    colours: Mapping[str, str],
    unit: str,
    name_day: Callable[[date], str] | None,
) -> None:
    """Draws the cells as columns at the places of their days, each on the one before; `name_day` makes their tips."""
    heights: dict[date, float] = {}
    for cell in cells:
        assert cell.day is not None
        low = heights.get(cell.day, 0.0)
        left, colour = places[cell.day] - wide / 2, LIGHT[colours[cell.label]]
        # As `axes.bar` draws it, which takes ten times as long: it measures the axes, of which both ends are set.
        bar = axes.add_artist(Rectangle((left, low), wide, float(cell.amount), facecolor=colour))
        heights[cell.day] = low + float(cell.amount)
        if name_day:
            add_tooltip(bar, f"{name_day(cell.day)}, {name_label(cell.label)}: {UNITS[unit].write(cell.amount)}")
    axes.set_ylim(0, max(heights.values(), default=1) * 1.05 or 1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))
    axes.set_title(UNITS[unit].title, loc="left", pad=12)


def _draw_bars(width: int, sizes: Mapping[str, Amount], colours: Mapping[str, str], unit: str) -> Figure:
    longest = max((len(label) for label in sizes), default=0)
    left = min(8 + size_letter(width) * longest, width // 2)
    figure = new_figure(width, 40 + BAR_HEIGHT * max(len(sizes), 1))
    axes = add_axes(figure, left, 110 if width != NARROW else 90, 30, BAR_HEIGHT * max(len(sizes), 1))
    for place, (label, size) in enumerate(sizes.items()):
        (bar,) = axes.barh(place, float(size), 0.7, color=LIGHT[colours[label]])
        add_tooltip(bar, f"{name_label(label)}: {UNITS[unit].write(size)}")
        axes.annotate(_shorten(size), (float(size), place), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(sizes)), [_clip(name_label(label), left) for label in sizes])
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.grid(visible=False)
    axes.set_title(UNITS[unit].title, loc="left", pad=10)
    return figure


def _shorten(amount: Amount) -> str:
    return format_amount(amount) if isinstance(amount, Decimal) else format_number(amount)


def _clip(label: str, pixels: int) -> str:
    room = max(4, (pixels - 8) // 7)
    return label if len(label) <= room else label[: room - 1] + "…"
