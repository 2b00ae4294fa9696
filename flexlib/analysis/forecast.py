"""Forecasts of the sum of some days, from a daily series: a weekday profile times a recent level, with a band that the
method's own earlier errors gave it.

The level is the geometric mean of three: the mean of a week, the medians of two and of four weeks, each after the
weekday profile. One level alone is late (four weeks) or jumps (one); the median keeps a single day from moving it. The
band is conformal: the same forecast is made at earlier origins, a week apart and for days as far ahead, and the ratios
of what came to what was forecast are the band's quantiles. It promises nothing where fewer than `FEWEST_ORIGINS` can
be had.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
import pandas as pd

from flexlib.analysis.daily import FEWEST_DAYS, DailySeries
from flexlib.errors import InvalidRequest
from flexlib.i18n import _, translate_count

FEWEST_ORIGINS = 9
"""Earlier forecasts below which there is no band of 80 %, which the outermost two of nine bound; a wider takes more."""

ROUNDING = 1e-12
"""By what share sums of the same days may differ, as floats are rounded."""

BACKTESTED = (0, 5, 10, 15, 20, 25)
"""Days of a month known, with which a backtest is made unless others are asked for."""


class Outcome(StrEnum):
    """What a forecast came to."""

    FORECAST = "forecast"
    NO_BAND = "no band yet"
    CANNOT_SAY = "cannot say"


@dataclass(frozen=True)
class Forecast:
    """The sum of some days: what is known of them and what is expected of the rest; in the series' unit."""

    expected: float | None
    """None where nothing can be said."""
    low: float | None
    high: float | None
    """The band's ends; None without a band."""
    origins: int
    """Earlier forecasts that the band rests on."""
    outcome: Outcome
    reason: str = ""
    """Why there is no band, or no forecast."""


def forecast_sum(
    history: pd.Series, days: Iterable[date], band: float = 0.8, holidays: Collection[date] = ()
) -> Forecast:
    """What the `days` will sum to: those that `history` knows as they are, the rest by forecast.

    `history`: a value a day, indexed by day, at least 0 (a refund is no use: 0); a day that lacks or is NaN is unknown,
    not zero. `days`: those to be summed, before or after the end of `history`. `band`: the share of such forecasts that
    shall hold, between 0 and 1. `holidays`: days of the past and future that are like each other, not like their
    weekday. Raises `InvalidRequest` for anything else.

    >>> import pandas as pd
    >>> days = pd.date_range("2025-01-01", "2025-09-10")
    >>> forecast_sum(pd.Series(100.0, days), pd.date_range("2025-09-01", "2025-09-30"))
    Forecast(expected=3000.0, low=3000.0, high=3000.0, origins=33, outcome=<Outcome.FORECAST: 'forecast'>, reason='')
    """
    series = DailySeries(history, holidays)
    return _forecast(series, len(series.values), _read_days(days), _check_band(band))


def forecast_path(
    history: pd.Series, days: Sequence[date], band: float = 0.8, holidays: Collection[date] = ()
) -> list[Forecast]:
    """The sums from the first of `days` up to each of them, as of `forecast_sum`.

    A total never falls: what will hold of a later day holds of each before it, so that no end of a band, and nothing
    expected, is above that of a later day. The last is as `forecast_sum` has it.
    """
    series, asked, share = DailySeries(history, holidays), _read_days(days), _check_band(band)
    path = [_forecast(series, len(series.values), asked[: place + 1], share) for place in range(len(asked))]
    least = [math.inf] * 3
    for place, one in reversed([*enumerate(path)]):
        ends = one.expected, one.low, one.high
        least = [bound if end is None else min(end, bound) for end, bound in zip(ends, least, strict=True)]
        expected, low, high = (None if end is None else bound for end, bound in zip(ends, least, strict=True))
        path[place] = replace(one, expected=expected, low=low, high=high)
    return path


def find_day_reached(
    path: Sequence[Forecast], days: Sequence[date], amount: float, *, passes: bool = False
) -> tuple[date | None, date | None, date | None]:
    """The day on which a `forecast_path` over `days` reaches `amount`: as expected, at the band's high end (the
    earliest to be feared), and at its low end; None where it does not, or there is no such forecast. Where a refund
    brings the sum below the amount again, it is the day from which on it stays there. `passes`: the day on which it is
    above the amount, of which a budget may be used up to the last digit without being exceeded.
    """

    def reaches(value: float | None) -> bool:
        if value is None or passes and math.isclose(value, amount, rel_tol=ROUNDING):
            return False
        return value >= amount

    def find(name: str) -> date | None:
        found = None
        for day, value in reversed([*zip(days, (getattr(one, name) for one in path), strict=True)]):
            if reaches(value):
                found = day
            elif value is not None:
                break
        return found

    return find("expected"), find("high"), find("low")


def backtest_months(
    history: pd.Series,
    known: Iterable[int] = BACKTESTED,
    band: float = 0.8,
    holidays: Collection[date] = (),
    spent: pd.Series | None = None,
) -> pd.DataFrame:
    """How forecasts of a month's sum would have done, month by month: `month`, `known` (days of it that were known),
    `actual`, and the fields of `Forecast`; whole months without an unknown day only. `spent`: what the same days came
    to, with the refunds that nothing is learned from; it is what is known, and the actual.
    """
    series, share = DailySeries(history, holidays), _check_band(band)
    beside = (history if spent is None else spent) - history
    refunds = beside.reindex(pd.date_range(series.first, periods=len(series.values)), fill_value=0.0).to_numpy()
    known, lines = tuple(known), []
    for month in pd.period_range(series.first, series.last, freq="M"):
        days = [month.start_time.date() + timedelta(days=number) for number in range(month.days_in_month)]
        start = (days[0] - series.first).days
        values = series.values[max(start, 0) : start + len(days)]
        if len(values) < len(days) or np.isnan(values).any():
            continue
        for count in known:
            one = _add_known(_forecast(series, start + count, days, share), refunds[start : start + count].sum())
            actual = float(values.sum() + refunds[start : start + len(days)].sum())
            lines.append({"month": str(month), "known": count, "actual": actual, **vars(one)})
    return pd.DataFrame(lines, columns=["month", "known", "actual", *Forecast.__dataclass_fields__])


def sum_up_backtest(months: pd.DataFrame) -> pd.DataFrame:
    """A line for each number of days known, of `backtest_months`: `known`, `months` (forecasts), `bands` (those with
    one), `held` (bands that held), `coverage` (their share), `mean_error` (share of the month's sum), `mean_width` (of
    the bands, as a share of it); NaN where there is none.
    """
    lines = []
    for known, some in months.groupby("known"):
        made = some[some["expected"].notna() & (some["actual"] > 0)]
        bands = made[made["outcome"] == Outcome.FORECAST]
        held = (bands["low"] <= bands["actual"]) & (bands["actual"] <= bands["high"])
        lines.append({
            "known": known, "months": len(made), "bands": len(bands), "held": int(held.sum()),
            "coverage": held.mean(),
            "mean_error": ((made["expected"] - made["actual"]).abs() / made["actual"]).mean(),
            "mean_width": ((bands["high"] - bands["low"]) / bands["actual"]).mean(),
        })  # fmt: skip
    columns = ["known", "months", "bands", "held", "coverage", "mean_error", "mean_width"]
    return pd.DataFrame(lines, columns=columns)


def _add_known(made: Forecast, amount: float) -> Forecast:
    expected, low, high = (None if end is None else end + amount for end in (made.expected, made.low, made.high))
    return replace(made, expected=expected, low=low, high=high)


def _forecast(series: DailySeries, end: int, days: Sequence[date], band: float) -> Forecast:
    """The sum of `days`, from the first `end` days of the series."""
    known, unknown = series.split(end, days)
    certain = math.fsum(known.values())  # the same on every Python
    if not unknown:
        return Forecast(certain, certain, certain, 0, Outcome.FORECAST)
    if np.isnan(rest := math.fsum(unknown.values())):
        reason = _("fewer than {fewest} days before it are known").format(fewest=FEWEST_DAYS)
        return Forecast(None, None, None, 0, Outcome.CANNOT_SAY, reason)
    if max(days) < series.first:  # what comes after days tells nothing of them
        reason = _("the first day known is {day}").format(day=series.first)
        return Forecast(None, None, None, 0, Outcome.CANNOT_SAY, reason)
    # An unknown day of the past is as uncertain as if it came next.
    ahead = np.array(sorted({max((day - series.first).days - end, 0) for day in unknown}))
    ratios = series.list_ratios(end, ahead)
    needed = max(FEWEST_ORIGINS, math.ceil(round((1 + band) / (1 - band), 9)))
    if len(ratios) < needed:
        reason = translate_count(
            "{count} earlier forecast can be held against what came, a band of {band}% takes {needed}",
            "{count} earlier forecasts can be held against what came, a band of {band}% takes {needed}",
            len(ratios),
        )
        reason = reason.format(count=len(ratios), band=f"{100 * band:.0f}", needed=needed)
        return Forecast(certain + rest, None, None, len(ratios), Outcome.NO_BAND, reason)
    tails = (1 - band) / 2, (1 + band) / 2
    with np.errstate(invalid="ignore"):  # between two that are without end
        low, high = (float(np.quantile(ratios, tail, method="weibull")) for tail in tails)
    if not np.isfinite(high):
        reason = _("days of which nothing was expected came to something too often")
        return Forecast(certain + rest, None, None, len(ratios), Outcome.NO_BAND, reason)
    # In a series that grows or falls all along every forecast was off to the same side: that is taken out.
    lean = 1.0 if low <= 1 <= high else float(np.median(ratios))
    expected, low, high = (certain + rest * factor for factor in (lean, low, high))
    return Forecast(expected, low, high, len(ratios), Outcome.FORECAST)


def _read_days(days: Iterable[date]) -> list[date]:
    asked = [pd.Timestamp(day).date() for day in days]
    if len({*asked}) != len(asked):
        raise InvalidRequest(_("a day is named twice among those to be summed."))
    return asked


def _check_band(band: float) -> float:
    if not 0 < band < 1:
        raise InvalidRequest(
            _("band is {band}; give the share that shall hold, between 0 and 1, such as 0.8.").format(band=band)
        )
    return band
