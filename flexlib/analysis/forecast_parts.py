"""A forecast over days of which not all have the same history, as where a source ends among them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date

import pandas as pd

from flexlib.analysis.forecast import Forecast, Outcome, forecast_path
from flexlib.i18n import _

CERTAIN = Forecast(0.0, 0.0, 0.0, 0, Outcome.FORECAST)


def forecast_parts(
    known: pd.Series,
    parts: Iterable[tuple[pd.Series | None, Sequence[date]]],
    band: float = 0.8,
    holidays: Collection[date] = (),
) -> list[Forecast]:
    """`forecast_path` over the days of all parts, each by its own history, or None where nothing is to come in it. The
    days that `known` has are as it has them, whatever the history says. Bands of several parts are added up, which is
    wider than the band of their sum.

    >>> import pandas as pd
    >>> before = pd.Series(100.0, pd.date_range("2025-01-01", "2025-09-10"))
    >>> days = pd.date_range("2025-09-10", "2025-09-12")
    >>> [one.expected for one in forecast_parts(before * 2, [(before, days.date[:2]), (None, days.date[2:])])]
    [200.0, 300.0, 300.0]
    """
    known = known.dropna()
    values = dict(zip(pd.DatetimeIndex(known.index).date, known.astype(float), strict=True))
    path, came, before = [], list[float](), CERTAIN
    nothing = replace(CERTAIN, reason=_("none of its sources is in use any more"))
    for history, days in parts:
        ahead = [day for day in days if day not in values]
        rest = iter([nothing] * len(ahead) if history is None else forecast_path(history, ahead, band, holidays))
        now = CERTAIN
        for day in days:
            if day in values:
                came.append(values[day])
            else:
                now = next(rest)
            path.append(raise_by(_add(before, now), math.fsum(came)))
        before = _add(before, now)
    return path


def raise_by(one: Forecast, more: float) -> Forecast:
    """The same with so much more that is certain."""
    expected, low, high = (None if end is None else end + more for end in (one.expected, one.low, one.high))
    return replace(one, expected=expected, low=low, high=high)


def open_above(one: Forecast) -> Forecast:
    """The same of days that lack something: without an upper end, since what they lack comes on top. Expected, and the
    lower end, are of what is known."""
    return replace(one, high=None)


def _add(one: Forecast, other: Forecast) -> Forecast:
    """The sum of both, of which no more can be said than of the worse of them."""
    worse = max(one, other, key=lambda each: ([*Outcome].index(each.outcome), each.origins, each.reason))
    added = [
        None if first is None or second is None else first + second
        for first, second in ((one.expected, other.expected), (one.low, other.low), (one.high, other.high))
    ]
    origins = min(filter(None, (one.origins, other.origins)), default=0)
    return replace(worse, expected=added[0], low=added[1], high=added[2], origins=origins)
