"""The page of a forecast: where the month will end, within which band, and how such forecasts did before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Protocol

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.analysis.forecast import Forecast
from flexlib.certificate import Certificate, State
from flexlib.dates import Month
from flexlib.formats import PERCENT, UNKNOWN, format_amount, format_count, format_short_day, format_short_number
from flexlib.page.kit.chart import Chart, add_axes
from flexlib.page.kit.days import COLUMN, DayAxis, list_holiday_mark
from flexlib.page.kit.markup import Html, render_element
from flexlib.page.kit.parts import BADGES, Heading, show_cards, show_title
from flexlib.page.kit.svg import new_figure
from flexlib.page.kit.theme import LIGHT
from flexlib.tables.compare import UNITS, WORDS
from flexlib.tables.forecast import explain_width

ENOUGH_BANDS = 10
"""Bands below which it is chance that all held: one in ten times all of ten at 80 % do."""

FEWEST_WHOLE = 100
"""Amounts from which on decimals say nothing of a forecast."""


class Forecasted(Protocol):
    """A month's forecast, as `front.forecast_month` gives it."""

    @property
    def month(self) -> Month: ...
    @property
    def unit(self) -> str: ...
    @property
    def as_of(self) -> date: ...
    @property
    def history(self) -> pd.Series: ...
    @property
    def path(self) -> tuple[Forecast, ...]: ...
    @property
    def this(self) -> Forecast: ...
    @property
    def next(self) -> Forecast: ...
    @property
    def reached(self) -> tuple[date | None, date | None, date | None]: ...
    @property
    def backtest(self) -> pd.DataFrame: ...
    @property
    def certificates(self) -> tuple[Certificate, ...]: ...
    @property
    def state(self) -> State: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def known(self) -> float: ...
    @property
    def so_far(self) -> float: ...
    @property
    def is_least(self) -> bool: ...


def write_estimate(amount: float) -> str:
    """An amount as far as a forecast knows it: in whole units from a hundred on, a half goes up."""
    return format_amount(Decimal(repr(amount)), "1" if abs(amount) >= FEWEST_WHOLE else "0.01")


def bound_month(made: Forecasted) -> Forecast:
    """The month's forecast; of the day that is running some is stored already, and it comes to no less."""
    one = made.this
    expected, low, high = (end if end is None else max(end, made.so_far) for end in (one.expected, one.low, one.high))
    return replace(one, expected=expected, low=low, high=high)


def show_forecast_title(made: Forecasted) -> Html:
    """Which month, from which days, and the worst state of the months behind it."""
    return show_title(
        "Where the month will end",
        made.month.title,
        f"{UNITS[made.unit][0]} · as known up to {_name_day(made.as_of)}",
        BADGES[made.state],
        f"the worst of {format_count(len({one.month for one in made.certificates}), 'month')} behind it",
        () if made.state is State.COMPLETE else made.missing,
        demo=any(getattr(one, "demo", False) for one in made.certificates),
        for_scripts={"state": str(made.state), "missing": list(made.missing), "possible_duplicates": []},
    )


def show_forecast_headlines(made: Forecasted, budget: float = 0.0) -> Html:
    """The sum expected with its band, what is known of it, the next month, when the budget is used up, and how far
    into earlier months such a forecast was off."""
    lines, this = made.backtest.to_dict("records"), bound_month(made)
    line = next((one for one in lines if one["months"]), None)
    held, off = UNKNOWN, UNKNOWN
    if line is not None:
        held = f"{line['held']} of {line['bands']}" if line["bands"] else UNKNOWN
        off = f"{100 * line['mean_error']:.1f}\u00a0%"
    tried = f"in {format_count(line['months'], 'earlier month')}" if line else "no earlier month to try it on"
    return show_cards([
        (f"{made.month.name}, expected", _show(made, this.expected), _describe_band(this)),
        ("Known of it", _show(made, made.known), f"{'at least, ' * made.is_least}up to {_name_day(made.as_of)}"),
        (f"{made.month.next.name}, expected", _show(made, made.next.expected), _describe_band(made.next)),
        ("Budget", *_describe_reached(made, budget)),
        ("The band held", held, tried),
        ("Mean error", off, "of the month's sum, as many days known"),
    ])  # fmt: skip


def heading_for_forecast(made: Forecasted) -> Heading:
    """Where the month will end; that it is over, or why nothing can be said."""
    name, unit = made.month.name, UNITS[made.unit][0]
    note = (
        f"The sum of {unit} from the first of the month on. A weekday profile times the level of the last weeks; the "
        "band is as wide as the same forecast was off at earlier dates. Shaded days are holidays."
    )
    one, words = bound_month(made), WORDS[made.unit].format
    if one.expected is None:
        return Heading(f"{name} cannot be forecast: {one.reason}", note)
    if not _is_running(made):
        return Heading(f"{name} is over: {words(_write(made.known))}", note)
    if one.low is None or one.high is None:
        return Heading(
            f"{name} may end near {words(_write(one.expected))}; there is no band yet", f"{note} No band: {one.reason}."
        )
    note = f"{note} {explain_width(one)}".rstrip()
    return Heading(f"{name} will end between {words(f'{_write(one.low)} and {_write(one.high)}')}", note)


def heading_for_backtest(backtest: pd.DataFrame) -> Heading | None:
    """How often the band held over all lines of `sum_up_backtest`; None without a forecast that was tried."""
    if not len(backtest) or not backtest["months"].any():
        return None
    note = "Each whole month before the last day known, forecast again from the days before it alone."
    if not (bands := int(backtest["bands"].sum())):
        return Heading("No band could be tried yet", note)
    held = int(backtest["held"].sum())
    if held == bands >= ENOUGH_BANDS:
        note += f" One that holds more often than the 80{PERCENT} promised is wider than it had to be."
    return Heading(f"The band held {held} of {bands} times", note)


def plot_forecast(
    made: Forecasted, budget: float = 0.0, holidays: Sequence[date] = (), *, name: str = "chart-forecast"
) -> Chart | None:
    """The month's running total, what is known as a line, what is expected dashed, within its band; the budget as a
    line across. None where nothing can be said."""
    axis = DayAxis(made.month.span)
    sums = [(axis.place(day), day, one) for day, one in zip(axis.span, made.path, strict=True)]
    known = [(place, one.expected) for place, day, one in sums if day <= made.as_of and one.expected is not None]
    coming = [(place, one) for place, day, one in sums if day >= made.as_of and one.expected is not None]
    if not known and not coming:
        return None

    def draw(width: int) -> Figure:
        figure = new_figure(width, 320)
        axes = add_axes(figure, 50, 12, 30, 250)
        lows = [(place, one.low) for place, one in coming if one.low is not None]
        highs = [(place, one.high) for place, one in coming if one.high is not None]
        if len(lows) > 1:
            axes.add_patch(Polygon([*lows, *reversed(highs)], facecolor=LIGHT["accent"], alpha=0.16))
            axes.update_datalim([*lows, *highs])
        x, y = [float(place) for place, _ in known], [value for _, value in known]
        if len(x) == 1:  # a line through one point would not be seen
            x, y = [x[0] - COLUMN / 2, x[0] + COLUMN / 2], [*y, *y]
        axes.plot(x, y, color=LIGHT["accent"], solid_joinstyle="round")
        if len(coming) > 1:
            ends = [one.expected or 0.0 for _, one in coming]
            axes.plot([place for place, _ in coming], ends, color=LIGHT["accent"], linewidth=1.5, linestyle=(0, (4, 3)))
        if budget:
            axes.axhline(budget, color=LIGHT["more"], linewidth=1.5)
        axis.set_up(axes, width - 62, holidays)
        _scale(axes)
        axes.set_title(UNITS[made.unit][0], loc="left", pad=12)
        return figure

    words = f"{UNITS[made.unit][0]} from {axis.name_day(axis.span.first)} on: {_write(made.known)} up to "
    words += f"{axis.name_day(min(made.as_of, axis.span.last))}, {_write(made.this.expected)} expected by the end, "
    words += f"{_describe_band(made.this)}."
    legend = [("Known; expected dashed, in its band", "accent"), *([("Budget", "more")] if budget else [])]
    legend += list_holiday_mark(axis, holidays)
    return Chart(name, "The running total and where it will end", words, draw, legend=legend)


def _scale(axes: Axes) -> None:
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))


def _is_running(made: Forecasted) -> bool:
    return made.this.origins > 0 or made.this.low is None or made.as_of < made.month.last


def _show(made: Forecasted, amount: float | None) -> str:
    """As a headline number, of money with its unit."""
    unit = "" if made.unit == "flex_credits" or amount is None else render_element("small", UNITS[made.unit][0])
    return f"{unit}{_write(amount)}"


def _write(amount: float | None) -> str:
    return UNKNOWN if amount is None else write_estimate(amount)


def _describe_band(one: Forecast) -> str:
    if one.expected is None:
        return one.reason
    if one.low is None or one.high is None:
        return "no band yet"
    if one.low == one.high:
        return "all of its days are known" if not one.origins else "the band has no width"
    return f"80\u00a0%: {_write(one.low)} to {_write(one.high)}"


def _describe_reached(made: Forecasted, budget: float) -> tuple[str, str]:
    """The day, and what is to be known of it."""
    if not budget:
        return UNKNOWN, "none was given"
    expected, earliest, latest = made.reached
    if made.this.expected is None:
        return UNKNOWN, "cannot be dated"
    if expected and expected <= made.as_of:
        return format_short_day(expected), f"{_write(budget)} were used up"
    if made.so_far >= budget:  # by the day that is running, which is not known whole
        return "already", f"{_write(budget)} are used up"
    if expected:
        early = f", {format_short_day(earliest)} at the earliest" if earliest and earliest != expected else ""
        return format_short_day(expected), f"{_write(budget)} will be used up{early}"
    if earliest:
        return format_short_day(earliest), f"{_write(budget)} used up at the earliest; not expected within the month"
    return "holds", f"{_write(budget)} are not used up within the month"


def _name_day(day: date) -> str:
    return f"{format_short_day(day)} {day.year}"
