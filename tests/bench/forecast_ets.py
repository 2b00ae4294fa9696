"""Exponential smoothing for `forecast_peers.py`, run by a Python that has statsmodels: a line of JSON in (the days
before, how many are to come), one out (the median of their sum, and the ends of 80 %, of simulated days)."""

import json
import sys
import warnings

import numpy as np
import pandas as pd
from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # type: ignore[import-not-found]

YEAR, REPEATED = 364, 1000
FORMS = ({"error": "mul", "seasonal": "mul"}, {"error": "add", "trend": "add", "damped_trend": True, "seasonal": "add"})


def forecast(past: list[float], ahead: int) -> list[float | None]:
    """By the form of the lower AIC; a week is the season."""
    values = pd.Series(past[-YEAR:]).interpolate()
    if len(values) < 28:
        return [None, None, None]
    forms = FORMS if values.min() > 0 else FORMS[1:]
    fits = [ETSModel(values, seasonal_periods=7, **form).fit(disp=False) for form in forms]
    best = min(fits, key=lambda fit: fit.aic)
    days = best.simulate(ahead, repetitions=REPEATED, anchor="end", rng=np.random.default_rng(1))
    low, middle, high = np.quantile(np.asarray(days).reshape(ahead, -1).sum(axis=0), (0.1, 0.5, 0.9))
    return [max(float(middle), 0.0), max(float(low), 0.0), float(high)]


warnings.simplefilter("ignore")
for line in sys.stdin:
    print(json.dumps(forecast(*json.loads(line))), flush=True)
