"""The page of a forecast: where the month will end, within which band, and how such forecasts did before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import FuncFormatter, MaxNLocator

from flexlib.certificate import State
from flexlib.formats import UNKNOWN, capitalize_first, format_short_day, format_short_number
from flexlib.i18n import _, mark_text, translate_count, write_number
from flexlib.page.forecasted import (
    Forecasted,
    bound_month,
    describe_band,
    describe_reached,
    write_known,
)
from flexlib.page.kit.chart import Chart, add_axes
from flexlib.page.kit.days import COLUMN, DayAxis, list_holiday_mark
from flexlib.page.kit.markup import Html
from flexlib.page.kit.parts import BADGES, Heading, show_cards, show_title
from flexlib.page.kit.svg import new_figure
from flexlib.page.kit.theme import LIGHT
from flexlib.page.kit.units import render_sign
from flexlib.tables.compare import UNITS, name_unit, write_between, write_in_words
from flexlib.tables.forecast import explain_width

ENOUGH_BANDS = 10
"""Bands below which it is chance that all held: one in ten times all of ten at 80 % do."""


def show_forecast_title(made: Forecasted) -> Html:
    """Which month, from which days, and the worst state of the months behind it."""
    months = len({one.month for one in made.certificates})
    return show_title(
        _("Where the month will end"),
        made.month.title,
        _("{unit} · as known up to {day}").format(unit=_(UNITS[made.unit][0]), day=_name_day(made.as_of)),
        BADGES[made.state],
        translate_count(
            "the state of the {count} month that the forecast is made from",
            "the worst state of the {count} months that the forecast is made from",
            months,
        ).format(count=months),
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
        held = _("{count} of {all}").format(count=line["held"], all=line["bands"]) if line["bands"] else UNKNOWN
        off = write_number(f"{100 * line['mean_error']:.1f}\u00a0%")
    tried = _("no earlier month to try it on")
    if line:
        tried = translate_count("in {count} earlier month", "in {count} earlier months", line["months"])
    known = _("at least, up to {day}") if made.is_least else _("up to {day}")
    names = [_("{month}, expected").format(month=one.name) for one in (made.month, made.month.next)]
    return show_cards([
        (capitalize_first(names[0]), _show(made, this.expected), describe_band(this)),
        (_("Known of it"), _show(made, made.known), known.format(day=_name_day(made.as_of))),
        (capitalize_first(names[1]), _show(made, made.next.expected), describe_band(made.next)),
        (_("Budget"), *describe_reached(made, budget)),
        (_("The band held"), held, tried.format(count=line["months"] if line else 0)),
        (_("Mean error"), off, _("of the month's sum, as many days known")),
    ])  # fmt: skip


def heading_for_forecast(made: Forecasted) -> Heading:
    """Where the month will end; that it is over, or why nothing can be said."""
    name = made.month.name
    note = _(
        "The sum of {unit} from the first of the month on. Expected is what each weekday usually has, at the level of "
        "the last weeks; the band reaches as far as such forecasts were wrong before. Shaded days are holidays."
    ).format(unit=name_unit(made.unit))
    one = bound_month(made)
    if one.expected is None:
        said = _("{month} cannot be forecast: {reason}").format(month=name, reason=one.reason)
    elif not _is_running(made):
        said = _("{month} is over: at least {amount}") if made.is_least else _("{month} is over: {amount}")
        said = said.format(month=name, amount=write_in_words(write_known(made.known), made.unit))
    elif made.is_least:
        said = _("{month} may end near {amount} by what is known")
        said = said.format(month=name, amount=write_in_words(write_known(one.expected), made.unit))
        top = _("What is missing comes on top, and the band has no upper end.")
        if one.low is None:
            top = _("What is missing comes on top; no band yet, {reason}.").format(reason=one.reason)
        note += f" {top}"
    elif one.low is None or one.high is None:
        said = _("{month} may end near {amount}; there is no band yet")
        said = said.format(month=name, amount=write_in_words(write_known(one.expected), made.unit))
        note += " " + _("No band: {reason}.").format(reason=one.reason)
    else:
        amounts = write_between(write_known(one.low), write_known(one.high), made.unit)
        said = _("{month} will probably end between {amounts} (80\u00a0%)").format(month=name, amounts=amounts)
        note = f"{note} {explain_width(one)}".rstrip()
    return Heading(capitalize_first(said), note)


def heading_for_backtest(backtest: pd.DataFrame) -> Heading | None:
    """How often the band held over all lines of `sum_up_backtest`; None without a forecast that was tried."""
    if not len(backtest) or not backtest["months"].any():
        return None
    note = _("Each whole month before the last day known, forecast again from the days before it alone.")
    if not (bands := int(backtest["bands"].sum())):
        return Heading("No band could be tried yet", note)
    held = int(backtest["held"].sum())
    if held == bands >= ENOUGH_BANDS:
        note += " " + _("One that holds more often than the 80\u00a0% promised is wider than it had to be.")
    return Heading(_("The band held {held} of {bands} times").format(held=held, bands=bands), note)


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
        if len(lows) > 1 and highs:
            axes.add_patch(Polygon([*lows, *reversed(highs)], facecolor=LIGHT["accent"], alpha=0.16))
            axes.update_datalim([*lows, *highs])
        x, y = [float(place) for place, _other in known], [value for _other, value in known]
        if len(x) == 1:  # a line through one point would not be seen
            x, y = [x[0] - COLUMN / 2, x[0] + COLUMN / 2], [*y, *y]
        axes.plot(x, y, color=LIGHT["accent"], solid_joinstyle="round")
        if len(coming) > 1:
            ends = [one.expected or 0.0 for _other, one in coming]
            axes.plot(
                [place for place, _other in coming], ends, color=LIGHT["accent"], linewidth=1.5, linestyle=(0, (4, 3))
            )
        if budget:
            axes.axhline(budget, color=LIGHT["more"], linewidth=1.5)
        axis.set_up(axes, width - 62, holidays)
        _scale(axes)
        axes.set_title(_(UNITS[made.unit][0]), loc="left", pad=12)
        return figure

    words = _("{unit} from {first} on: {known} up to {last}, {expected} expected by the end, {band}.").format(
        unit=_(UNITS[made.unit][0]),
        first=axis.name_day(axis.span.first),
        known=write_known(made.known),
        last=axis.name_day(min(made.as_of, axis.span.last)),
        expected=write_known(made.this.expected),
        band=describe_band(made.this),
    )
    has_band = any(one.high is not None for _place, one in coming)
    dashed = _("Known; expected dashed, in its band") if has_band else _("Known; expected dashed")
    legend = [(dashed, "accent"), *([(_("Budget"), "more")] if budget else [])]
    legend += list_holiday_mark(axis, holidays)
    return Chart(name, mark_text("The running total and where it will end"), words, draw, legend=legend)


def _scale(axes: Axes) -> None:
    axes.set_ylim(0, max(axes.get_ylim()[1], 1))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: format_short_number(number)))


def _is_running(made: Forecasted) -> bool:
    return made.this.origins > 0 or made.this.low is None or made.as_of < made.month.last


def _show(made: Forecasted, amount: float | None) -> str:
    """As a headline number, of money with its unit."""
    return f"{'' if amount is None else render_sign(made.unit)}{write_known(amount)}"


def _name_day(day: date) -> str:
    return f"{format_short_day(day)} {day.year}"
