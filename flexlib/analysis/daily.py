"""A daily series, and what it was like before any of its days: a level, with the weekday profile that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from flexlib.errors import InvalidRequest
from flexlib.i18n import _

DIGITS = 12
"""Of what is expected of a day: those behind come from a logarithm, and a constant series stays that constant."""

PROFILE_WEEKS = 10
"""Weeks behind the weekday profile: its medians rest on ten of each weekday, and a change of habit is in within six
of them."""

FEWEST_DAYS = 7
"""Known days below which nothing is said: no weekday would be known from all of them."""

MOST_ORIGINS = 78
"""Earlier forecasts behind a band, a week apart: a year and a half, so that every season is in it once."""

FEWEST_HOLIDAYS = 3
"""Earlier holidays below which one counts as the quietest weekday instead of as holidays before."""

HOLIDAY_MEMORY = timedelta(days=730)
"""How long a holiday is remembered; two of each kind."""


class DailySeries:
    """A daily series without holes in its dates; what it was like before any of its days is worked out once."""

    def __init__(self, history: pd.Series, holidays: Collection[date]) -> None:
        daily = _read_history(history)
        self.values: np.ndarray = daily.to_numpy(dtype=float)
        self.first: date = daily.index[0].date() if len(daily) else date.min
        self.last: date = daily.index[-1].date() if len(daily) else date.min
        self._holidays = {pd.Timestamp(day).date() for day in holidays}
        self._is_holiday = np.array([day.date() in self._holidays for day in daily.index], dtype=bool)
        self._plain = np.where(self._is_holiday, np.nan, self.values)
        self._fits: dict[int, tuple[float, np.ndarray]] = {}

    def split(self, end: int, days: Sequence[date]) -> tuple[dict[date, float], dict[date, float]]:
        """The days whose values are known, and what is expected of the others (NaN where nothing can be said)."""
        known, expected = {}, {}
        for day in days:
            place = (day - self.first).days
            if 0 <= place < end and not np.isnan(self.values[place]):
                known[day] = float(self.values[place])
            else:
                expected[day] = self._expect(end, day)
        return known, expected

    def _expect(self, end: int, day: date) -> float:
        level, factors = self._fit(end)
        return float(f"{level * float(factors[7 if day in self._holidays else day.weekday()]):.{DIGITS}g}")

    def list_ratios(self, end: int, ahead: np.ndarray) -> np.ndarray:
        """Of what came to what was forecast, at earlier origins, for days as far ahead."""
        ratios: list[float] = []
        kinds = np.where(self._is_holiday, 7, (np.arange(len(self.values)) + self.first.weekday()) % 7)
        for origin in range(end - 1 - int(ahead[-1]), FEWEST_DAYS - 1, -7):
            places = origin + ahead
            places = places[~np.isnan(self.values[places])]
            level, factors = self._fit(origin)
            # Half of the days at least, so that a hole does not become an error of the forecast.
            if 2 * len(places) < len(ahead) or np.isnan(level):
                continue
            came, expected = self.values[places].sum(), level * factors[kinds[places]].sum()
            if came or expected:  # where nothing was at stake, how far forecasts are off does not show
                ratios.append(round(came / expected, 12) if expected > 0 else np.inf)
            if len(ratios) == MOST_ORIGINS:
                break
        return np.array(ratios)

    def _fit(self, end: int) -> tuple[float, np.ndarray]:
        """The level (of a mean day) and the factors of Monday to Sunday and of a holiday, from the first `end` days."""
        if end not in self._fits:
            start = max(end - 7 * PROFILE_WEEKS, 0)
            recent = self._plain[start:end]
            weekdays = (np.arange(start, end) + self.first.weekday()) % 7
            factors = _find_profile(recent, weekdays)
            level = _find_level(recent, factors[weekdays])
            self._fits[end] = level, np.append(factors, self._find_holiday_factor(end, float(factors.min())))
        return self._fits[end]

    def _find_holiday_factor(self, end: int, quietest: float) -> float:
        factors = []
        for place in np.flatnonzero(self._is_holiday[max(end - HOLIDAY_MEMORY.days, 0) : end]):
            place += max(end - HOLIDAY_MEMORY.days, 0)
            around = self._plain[max(place - 7, 0) : min(place + 8, end)]
            around = around[~np.isnan(around)]
            if len(around) and around.mean() > 0 and not np.isnan(self.values[place]):
                factors.append(self.values[place] / around.mean())
        return float(np.median(factors)) if len(factors) >= FEWEST_HOLIDAYS else quietest


def _find_profile(recent: np.ndarray, weekdays: np.ndarray) -> np.ndarray:
    """The factors of Monday to Sunday, 1 on average; all 1 below two weeks."""
    weeks = len(recent) // 7
    if weeks < 2:
        return np.ones(7)
    table = recent[-7 * weeks :].reshape(weeks, 7)
    count = (~np.isnan(table)).sum(axis=1)
    means = np.nansum(table, axis=1) / np.maximum(count, 1)
    table = table[means > 0] / means[means > 0, None]
    factors = np.ones(7)
    for column, weekday in enumerate(weekdays[-7 * weeks :][:7]):
        if len(ratios := table[~np.isnan(table[:, column]), column]):
            factors[weekday] = np.median(ratios)
    return factors * 7 / factors.sum() if factors.sum() > 0 else np.ones(7)


def _find_level(recent: np.ndarray, factors: np.ndarray) -> float:
    """What a mean day is like now; NaN where too few days are known."""
    known = ~np.isnan(recent)
    if known.sum() < FEWEST_DAYS:
        return np.nan
    week, profile = recent[-7:][known[-7:]], factors[-7:][known[-7:]]
    levels = [week.sum() / profile.sum()] if profile.sum() > 0 else []
    for days in (14, 28):
        useful = known[-days:] & (factors[-days:] > 0)
        if useful.any():
            levels.append(np.median(recent[-days:][useful] / factors[-days:][useful]))
    if not levels:
        return np.nan
    return float(np.exp(np.mean(np.log(levels)))) if min(levels) > 0 else float(np.mean(levels))


def _read_history(history: pd.Series) -> pd.Series:
    if not isinstance(history, pd.Series):
        raise InvalidRequest(_("history is no pandas Series; give a value a day, indexed by day."))
    try:
        days = pd.DatetimeIndex(history.index).tz_localize(None).normalize()
        values = pd.to_numeric(history).astype(float).to_numpy()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(_("history is no series of numbers by day: {error}.").format(error=error)) from error
    if days.has_duplicates:
        raise InvalidRequest(
            _("history has {date} more than once; sum its values by day.").format(
                date=days[days.duplicated()][0].date()
            )
        )
    if (values < 0).any() or np.isinf(values).any():
        wrong = days[(values < 0) | np.isinf(values)][0].date()
        raise InvalidRequest(
            _(
                "history is below zero or without end on {wrong}; only sums of use can be forecast: give 0 for a day "
                "on which more was refunded than used."
            ).format(wrong=wrong)
        )
    return pd.Series(values, days).sort_index().asfreq("D") if len(days) else pd.Series(values, days)
