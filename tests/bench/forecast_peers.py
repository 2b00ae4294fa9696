"""How others forecast the sum of days to come: the yardsticks of `bench_months.py`.

Each takes the days before, how many of them are of the period, and how many are to come; what it gives is the rest of
the period with the ends of a band of 80 %, or None where it refuses.
"""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

Ends = tuple[float, float, float]
Rule = Callable[[np.ndarray, int, int], Ends | None]

QUANTILE = 1.2815515655
"""Deviations of a normal distribution on each side of 80 % of it."""

MONTH, WEEKS, ORIGINS, FEWEST = 30, 8, 52, 9


def forecast_run_rate(past: np.ndarray, _: int, ahead: int) -> Ends | None:
    """The mean of 30 days, and the deviation of days, as if one told nothing of the next."""
    some = past[-MONTH:]
    if len(some) < MONTH:
        return None
    rest, width = some.mean() * ahead, QUANTILE * some.std() * math.sqrt(ahead)
    return rest, max(rest - width, 0.0), rest + width


def forecast_line(past: np.ndarray, _: int, ahead: int) -> Ends | None:
    """A line through 30 days, and its own error (Koku's kind)."""
    some = past[-MONTH:]
    if len(some) < MONTH:
        return None
    places, coming = np.arange(len(some)), np.arange(len(some), len(some) + ahead)
    slope, start = np.polyfit(places, some, 1)
    error = math.sqrt(((some - slope * places - start) ** 2).sum() / max(len(some) - 2, 1))
    rest, width = float((slope * coming + start).sum()), QUANTILE * error * math.sqrt(ahead)
    return max(rest, 0.0), max(rest - width, 0.0), max(rest + width, 0.0)


def forecast_medians(past: np.ndarray, known: int, ahead: int) -> Ends | None:
    """ai-tally's formula: each weekday's median of four weeks; the deviation of these days times the root of how many
    are to come, wider by one and a half times the share of the period that is to come."""
    some = past[-28:]
    if len(some) < 14:
        return None
    rest = math.fsum(np.median(some[_find_phases(some) == day % 7]) for day in range(ahead))
    width = QUANTILE * some.std(ddof=1) * math.sqrt(ahead) * (1 + 1.5 * ahead / (known + ahead))
    return rest, max(rest - width, 0.0), rest + width


def forecast_two_weeks(past: np.ndarray, _: int, ahead: int) -> Ends | None:
    """A profile of weekdays times the level of two weeks; what this was off by at up to 52 earlier weeks is the band,
    in logarithms of what came over what was forecast."""
    if len(past) < 14 or (rest := _sum_two_weeks(past, ahead)) <= 0:
        return None
    ratios: list[float] = []
    for end in range(len(past) - ahead, 13, -7):
        came, expected = past[end : end + ahead].sum(), _sum_two_weeks(past[:end], ahead)
        if came > 0 and expected > 0 and len(ratios) < ORIGINS:
            ratios.append(math.log(came / expected))
    if len(ratios) < FEWEST:
        return None
    low, high = np.exp(np.quantile(ratios, (0.1, 0.9), method="weibull"))
    return rest, rest * float(low), rest * float(high)


def _sum_two_weeks(past: np.ndarray, ahead: int) -> float:
    some = past[-7 * WEEKS :]
    means = np.array([some[_find_phases(some) == day].mean() for day in range(7)])
    profile = means / means.mean() if means.any() else np.ones(7)
    recent = some[-14:]
    level = recent.sum() / max(profile[_find_phases(recent)].sum(), 1e-9)
    return float(level * profile[np.arange(ahead) % 7].sum())


def _find_phases(days: np.ndarray) -> np.ndarray:
    """The weekday of each, 0 being that of the first day to come."""
    return (np.arange(len(days)) - len(days)) % 7


PEERS: dict[str, Rule] = {
    "run-rate, plain deviation": forecast_run_rate,
    "a line through 30 days": forecast_line,
    "ai-tally's formula": forecast_medians,
    "profile, level of two weeks": forecast_two_weeks,
}


class SmoothedForecast:
    """Exponential smoothing (ETS) by statsmodels, in an environment of its own: it brings 200 MB that nothing else
    needs. A rule like those above; use it as a context."""

    def __init__(self, python: Path) -> None:
        worker = Path(__file__).with_name("forecast_ets.py")
        self._process = subprocess.Popen(
            [str(python), str(worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, past: np.ndarray, _: int, ahead: int) -> Ends | None:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps([past.tolist(), ahead]), file=self._process.stdin, flush=True)
        expected, low, high = json.loads(self._process.stdout.readline() or "[null, null, null]")
        return None if expected is None else (expected, low, high)

    def __enter__(self) -> SmoothedForecast:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
