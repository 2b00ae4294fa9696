"""`make bench-analysis`, its first part: a change of 6,000 people taken apart, and how forecasts of a month's sum did.

Beside the parts stand those of the six orders in which volume, mix and price can be put one after the other, as tools
do that take one; and how many cells logarithms (LMDI) have no answer for. Forecasts are made of each month from 0, 10
and 20 known days, of two made-up series and of the files that are named (a CSV of `date,value`), beside a run-rate with
the plain deviation of days, and a line through 30 days with the interval of its own error.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from flexlib.analysis.compare import Use, Uses, take_apart
from flexlib.analysis.forecast import backtest_months, sum_up_backtest
from flexlib.cli.series import read_series

PEOPLE, MODELS, KNOWN, WINDOW = 6000, 17, (0, 10, 20), 30
QUANTILE = 1.2815515655
"""Deviations of a normal distribution on each side of 80 % of it."""

Ends = tuple[float, float, float]


def draw_month(draws: np.random.Generator, growth: float) -> Uses:
    """Nine of ten people with about half of the models each, by requests that cost about what the model does."""
    prices = np.exp(np.random.default_rng(7).normal(0, 0.8, MODELS))
    used = draws.random((PEOPLE, MODELS)) < 0.5
    counts = used * draws.poisson(np.exp(draws.normal(1.5, 1.2, (PEOPLE, MODELS))) * growth)
    counts[draws.random(PEOPLE) < 0.1] = 0
    amounts = np.round(counts * prices * np.exp(draws.normal(0, 0.1, (PEOPLE, MODELS))), 2)
    return {person: {model: Use(Decimal(repr(float(amounts[person, model]))), int(counts[person, model]))
                     for model in np.flatnonzero(counts[person]).tolist()} for person in range(PEOPLE)}  # fmt: skip


def bench_change() -> None:
    draws = np.random.default_rng(1)
    before, after = draw_month(draws, 1.0), draw_month(draws, 1.1)
    started = time.process_time()  # of this process: others may be running
    change = take_apart(before, after)
    seconds = time.process_time() - started
    parts = change.sum_parts()
    print(
        f"\nA change of {PEOPLE:,} people and {MODELS} models taken apart: {seconds:.2f} s, {change.difference:+,.2f}"
    )
    for name, part in parts.items():
        least, most = change.ranges.get(name, (part, part))
        between = f"   in one order only {least:+14,.2f} to {most:+14,.2f}" if name in change.ranges else ""
        print(f"  {name:<12}{part:>+16,.2f}{between}")
    print(f"  they sum to the difference: {sum(parts.values()) == change.difference}")
    pairs = [(before[who].get(model), after[who].get(model)) for who in before for model in range(MODELS)
             if (before[who] and after[who]) and (model in before[who] or model in after[who])]  # fmt: skip
    undefined = sum(one is None or other is None for one, other in pairs)
    print(f"  logarithms have no answer for {undefined / len(pairs):.0%} of the cells of those who stayed")


def make_series(seed: int, growth: float, spread: float) -> pd.Series:
    """Three years of days: a week's profile, a slow drift, and days that differ."""
    draws = np.random.default_rng(seed)
    days = pd.date_range("2022-12-15", "2025-12-31")
    level = np.exp(np.cumsum(draws.normal(growth / 365, 0.01, len(days))))
    week = np.array([1, 1.05, 1.1, 1.05, 0.95, 0.2, 0.15])[days.day_of_week]
    return pd.Series(1000 * level * week * np.exp(draws.normal(0, spread, len(days))), days)


def forecast_run_rate(past: np.ndarray, ahead: int) -> Ends:
    some = past[-WINDOW:]
    rest, width = some.mean() * ahead, QUANTILE * some.std() * math.sqrt(ahead)
    return rest, max(rest - width, 0.0), rest + width


def forecast_line(past: np.ndarray, ahead: int) -> Ends:
    some = past[-WINDOW:]
    places, coming = np.arange(len(some)), np.arange(len(some), len(some) + ahead)
    slope, start = np.polyfit(places, some, 1)
    error = math.sqrt(((some - slope * places - start) ** 2).sum() / max(len(some) - 2, 1))
    rest, width = float((slope * coming + start).sum()), QUANTILE * error * math.sqrt(ahead)
    return max(rest, 0.0), max(rest - width, 0.0), max(rest + width, 0.0)


PEERS: dict[str, Callable[[np.ndarray, int], Ends]] = {
    "run-rate, plain deviation": forecast_run_rate,
    "a line through 30 days": forecast_line,
}


def backtest_peer(history: pd.Series, forecast: Callable[[np.ndarray, int], Ends]) -> pd.DataFrame:
    return sum_up_backtest(pd.DataFrame(_try_peer(history, forecast)))


def _try_peer(history: pd.Series, forecast: Callable[[np.ndarray, int], Ends]) -> Iterator[dict[str, object]]:
    for month in backtest_months(history, (0,))["month"]:
        first = date.fromisoformat(f"{month}-01")
        days = pd.Period(month).days_in_month
        own = history[str(first) : str(first + timedelta(days=days - 1))].to_numpy()
        past = history[: str(first - timedelta(days=1))].to_numpy()
        for known in KNOWN if len(past) >= WINDOW else ():
            ends = forecast(np.append(past, own[:known]), days - known)
            expected, low, high = (own[:known].sum() + end for end in ends)
            yield {"known": known, "actual": own.sum(), "expected": expected, "low": low, "high": high,
                   "outcome": "forecast"}  # fmt: skip


def bench_forecast(files: list[Path]) -> None:
    series = {"made up, calm": make_series(1, 0.2, 0.1), "made up, restless": make_series(2, 0.4, 0.35)}
    series |= {file.stem: read_series(file) for file in files}
    heads = " / ".join(map(str, KNOWN))
    for name, history in series.items():
        print(f"\n{name}: how many fell into the 80 % band, mean error; {heads} days of the month known")
        started = time.perf_counter()
        ours = sum_up_backtest(backtest_months(history, KNOWN))
        seconds = time.perf_counter() - started
        tried = {"flexlib": ours} | {one: backtest_peer(history, rule) for one, rule in PEERS.items()}
        for title, lines in tried.items():
            held, off = (" / ".join(f"{share:4.0%}" for share in lines[key]) for key in ("coverage", "mean_error"))
            print(f"  {title:<28}{held}      {off}   of {lines['bands'].sum()}")
        print(f"  {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    bench_change()
    bench_forecast([Path(one) for one in sys.argv[1:]])
