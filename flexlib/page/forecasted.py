"""A forecast as pages write it: what they need of one, its amounts, its band and the day of a budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Protocol

import pandas as pd

from flexlib.analysis.forecast import Forecast
from flexlib.certificate import Certificate, State
from flexlib.dates import Month
from flexlib.formats import UNKNOWN, format_amount, format_short_day
from flexlib.i18n import _

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


def write_known(amount: float | None) -> str:
    """The same; a dash where it is not known."""
    return UNKNOWN if amount is None else write_estimate(amount)


def describe_band(one: Forecast) -> str:
    """The band in a few words, or why there is none; without an upper end where the days known lack something."""
    if one.expected is None:
        return one.reason
    if one.low is None:
        return _("no band yet")
    if one.high is None and not one.origins:
        return _("at least {amount}").format(amount=write_known(one.low))
    if one.high is None:
        said = _("80\u00a0%: lower end {low}; what is missing comes on top")
        return said.format(low=write_known(one.low))
    if one.low == one.high:
        return one.reason or _("all of its days are known") if not one.origins else _("the band has no width")
    return _("80\u00a0%: {low} to {high}").format(low=write_known(one.low), high=write_known(one.high))


def describe_reached(made: Forecasted, budget: float) -> tuple[str, str]:
    """The day, and what is to be known of it."""
    if not budget:
        return UNKNOWN, _("none was given")
    expected, earliest, latest = made.reached
    if made.this.expected is None:
        return UNKNOWN, _("cannot be dated")
    if expected and expected <= made.as_of:
        return format_short_day(expected), _("{budget} were used up").format(budget=write_known(budget))
    if made.is_least and made.so_far < budget:
        said = _("{budget} are not expected to be used up by what is known; what is missing comes on top")
        if expected:
            said = _("{budget} are expected to be used up by about then, earlier if what is missing adds to it")
        elif made.as_of >= made.month.last:
            said = _("cannot be dated: what is known is a lower bound")
        return format_short_day(expected) if expected else UNKNOWN, said.format(budget=write_known(budget))
    if made.so_far >= budget:  # by the day that is running, which is not known whole
        return _("already"), _("{budget} are used up").format(budget=write_known(budget))
    if expected:
        said = _("{budget} will be used up") if latest else _("{budget} are expected to be used up")
        if earliest and earliest != expected:
            said = _("{budget} are expected to be used up, {day} at the earliest")
            if latest:
                said = _("{budget} will be used up, {day} at the earliest")
        day = format_short_day(earliest) if earliest else ""
        return format_short_day(expected), said.format(budget=write_known(budget), day=day)
    if earliest:
        said = _("{budget} used up at the earliest; not expected within the month")
        return format_short_day(earliest), said.format(budget=write_known(budget))
    return _("holds"), _("{budget} are not used up within the month").format(budget=write_known(budget))
