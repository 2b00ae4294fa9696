"""`make bench-analysis`, its first part: a change of 6,000 people taken apart, and how forecasts of a month's sum did.

Beside the parts stand those of the six orders in which volume, mix and price can be put one after the other, as tools
do that take one; and how many cells logarithms (LMDI) have no answer for. Forecasts are made of each month from 0, 10
and 20 known days, of two made-up series and of the files that are named (a CSV of `date,value`), beside those of
`forecast_peers.py`; of the files it says whether our bands held what they promise, and whose error is less.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from forecast_peers import PEERS, Rule, SmoothedForecast

from flexlib.analysis.compare import Use, Uses, take_apart
from flexlib.analysis.forecast import Outcome, backtest_months, sum_up_backtest
from flexlib.cli.series import read_series

PEOPLE, MODELS, KNOWN = 6000, 17, (0, 10, 20)
HELD = (0.75, 0.85)
"""How many of the bands of 80 % have to hold: months are too few for more."""


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


def backtest_peer(history: pd.Series, rule: Rule) -> pd.DataFrame:
    columns = ["month", "known", "actual", "expected", "low", "high", "outcome"]
    return pd.DataFrame(_try_peer(history, rule), columns=columns)


def _try_peer(history: pd.Series, rule: Rule) -> Iterator[tuple[object, ...]]:
    for month in backtest_months(history, (0,))["month"]:
        first = date.fromisoformat(f"{month}-01")
        days = pd.Period(month).days_in_month
        own = history[str(first) : str(first + timedelta(days=days - 1))].to_numpy()
        past = history[: str(first - timedelta(days=1))].to_numpy()
        for known in KNOWN:
            if ends := rule(np.append(past, own[:known]), known, days - known):
                yield (month, known, own.sum(), *(own[:known].sum() + end for end in ends), Outcome.FORECAST)


def bench_forecast(files: list[Path], rules: dict[str, Rule]) -> None:
    made_up = {"made up, calm": make_series(1, 0.2, 0.1), "made up, restless": make_series(2, 0.4, 0.35)}
    named = {file.stem: read_series(file) for file in files}
    pooled: dict[str, list[pd.DataFrame]] = {}
    for name, history in (made_up | named).items():
        started = time.process_time()
        tried = {"flexlib": backtest_months(history, KNOWN)}
        seconds = time.process_time() - started
        tried |= {title: backtest_peer(history, rule) for title, rule in rules.items()}
        print_forecasts(f"{name} ({seconds:.1f} s)", tried)
        for title, months in tried.items() if name in named else ():
            pooled.setdefault(title, []).append(months.assign(series=name))
    if named:
        of_all = {title: pd.concat(months) for title, months in pooled.items()}
        print_forecasts("All that were named, together", of_all)
        judge(of_all)


def print_forecasts(title: str, tried: dict[str, pd.DataFrame]) -> None:
    heads = " / ".join(map(str, KNOWN))
    print(f"\n{title}: how many fell into the 80 % band, mean error; {heads} days of the month known")
    for name, months in tried.items():
        lines = sum_up_backtest(months)
        held, off = (" / ".join(f"{share:4.0%}" for share in lines[key]) for key in ("coverage", "mean_error"))
        count = " / ".join(map(str, lines["bands"]))
        print(f"  {name:<28}{held}      {off}   of {count}", flush=True)


def judge(tried: dict[str, pd.DataFrame]) -> None:
    """Whether our bands held what they promise, and over the same months whose mean error is less."""
    ours = tried.pop("flexlib")
    does_hold = sum_up_backtest(ours)["coverage"].between(*HELD).all()
    print(f"  the band held {HELD[0]:.0%} to {HELD[1]:.0%}: {'yes' if does_hold else 'NO'}")
    key = ["series", "month", "known"]
    for name, theirs in tried.items():
        sides = ours.merge(theirs[key], on=key), theirs.merge(ours[key], on=key)
        own, other = (sum_up_backtest(side)["mean_error"] for side in sides)
        pairs = " / ".join(f"{one:.1%} to {two:.1%}" for one, two in zip(own, other, strict=True))
        print(f"  mean error, held against {name}: {pairs}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="*", type=Path, help="files of date,value")
    parser.add_argument("--ets", type=Path, help="a Python that has statsmodels")
    arguments = parser.parse_args()
    bench_change()
    if arguments.ets and arguments.ets.exists():
        with SmoothedForecast(arguments.ets) as smoothed:
            bench_forecast(arguments.series, PEERS | {"exponential smoothing (ETS)": smoothed})
    else:
        print("\nExponential smoothing (ETS) is left out: statsmodels could not be had.")
        bench_forecast(arguments.series, PEERS)
