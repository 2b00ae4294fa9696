"""`make bench-analysis`: what finds planted spikes among 6,000 people, and how many of its alarms are false.

Counts have each person's own mean and spread, on weekdays that all share or that are each one's own. 400 spikes of so
many times the person's own weekday are planted in the last 28 days. Beside ours: twice the mean of the week before, 3.5
median deviations, each person's negative binomial by moments with Benjamini and Hochberg's procedure at 5 %, and the
same procedure with the true means and spreads, which nobody has: what it misses no tail of these days can find.

What separates ours from that is mostly not the rule. With the true distributions of people's levels, spreads and own
weekdays, though not each one's own, our arithmetic finds .05 of the spikes of five times the weekday in 28 days of own
weekdays (.67 with the true means): three other such days tell too little of what such a day is for somebody.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from flexlib.analysis.anomalies import find_anomalies

PEOPLE, PLANTED, TESTED, LEAST = 6000, 400, 28, 20
FACTORS = (3, 5, 10, 20)


@dataclass(frozen=True)
class World:
    """How people spend: the median of their means, the spreads of these, of sizes (logarithms) and own weekdays."""

    name: str
    mean: float
    means: float
    size: float
    sizes: float
    weekend: float
    own: float
    days: int


WORLDS = (
    World("28 days, weekdays shared", 3, 0.8, 8, 0.5, 0.6, 0, 28),
    World("28 days, own weekdays, quiet weekends", 12, 1.2, 4, 0.4, 0.17, 0.25, 28),
    World("84 days, own weekdays, quiet weekends", 12, 1.2, 4, 0.4, 0.17, 0.25, 84),
)


def draw(world: World, factor: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Amounts, which are planted, the true means and sizes."""
    draws = np.random.default_rng(seed)
    weekdays = np.array([1, 1, 1, 1, 1, world.weekend, world.weekend])
    own = np.exp(draws.normal(0, world.own, (PEOPLE, 7))) * weekdays
    level = np.exp(draws.normal(np.log(world.mean), world.means, PEOPLE))
    means = level[:, None] * np.tile(own / own.mean(axis=1, keepdims=True), world.days // 7)
    sizes = np.exp(draws.normal(np.log(world.size), world.sizes, (PEOPLE, 1))) + 0 * means
    amounts = draws.poisson(draws.gamma(sizes, means / sizes)).astype(float)
    who, day = draws.choice(PEOPLE, PLANTED, replace=False), draws.integers(world.days - TESTED, world.days, PLANTED)
    amounts[who, day] = np.round(factor * means[who, day])
    planted = np.zeros(amounts.shape, bool)
    planted[who, day] = True
    return amounts, planted, means, sizes


def find_twice(amounts: np.ndarray) -> np.ndarray:
    sums = np.cumsum(np.pad(amounts, ((0, 0), (1, 0))), axis=1)
    found = np.zeros(amounts.shape, bool)
    for day in range(1, amounts.shape[1]):
        first = max(0, day - 7)
        found[:, day] = amounts[:, day] > 2 * (sums[:, day] - sums[:, first]) / (day - first)
    return found


def find_deviating(amounts: np.ndarray) -> np.ndarray:
    middle = np.median(amounts, axis=1, keepdims=True)
    width = np.median(np.abs(amounts - middle), axis=1, keepdims=True)
    return np.asarray(amounts - middle > 3.5 * 1.4826 * np.maximum(width, 1e-9))


def find_by_moments(amounts: np.ndarray) -> np.ndarray:
    """Level by shared weekday, spread by each person's moments, the day itself among them."""
    days = amounts.shape[1]
    profile = np.array([amounts[:, day::7].mean() for day in range(7)])
    means = np.maximum(amounts.mean(axis=1, keepdims=True) * (profile / profile.mean())[np.arange(days) % 7], 0.05)
    spread = ((amounts - means) ** 2 - means).mean(axis=1, keepdims=True) / (means**2).mean(axis=1, keepdims=True)
    return control(amounts, means, 1 / np.maximum(spread, 0.01) + 0 * means)


def control(amounts: np.ndarray, means: np.ndarray, sizes: np.ndarray, share: float = 0.05) -> np.ndarray:
    """Benjamini and Hochberg's procedure over all days, on negative binomial tails."""
    found = np.zeros(amounts.shape, bool)
    tails = np.ones(amounts.shape)
    asked = (amounts >= LEAST) & (amounts > 2 * means)
    tails[asked] = sum_tails(amounts[asked], means[asked], sizes[asked])
    flat = tails[:, -TESTED:].ravel()
    order = np.argsort(flat, kind="stable")
    below = np.flatnonzero(flat[order] <= share * np.arange(1, flat.size + 1) / flat.size)
    taken = np.zeros(flat.size, bool)
    taken[order[: below[-1] + 1 if len(below) else 0]] = True
    found[:, -TESTED:] = taken.reshape(len(amounts), TESTED)
    return found


def sum_tails(amounts: np.ndarray, means: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """P(X >= amount), term by term until nothing more comes."""
    share = means / (sizes + means)
    logs = np.array(
        [math.lgamma(a + s) - math.lgamma(s) - math.lgamma(a + 1) for a, s in zip(amounts, sizes, strict=True)]
    )
    term = np.exp(logs + sizes * np.log1p(-share) + amounts * np.log(share))
    total, place = term.copy(), amounts.copy()
    for _ in range(100_000):
        term = term * (place + sizes) / (place + 1) * share
        place += 1
        total += term
        if (term <= total * 1e-6).all():
            break
    return np.asarray(np.minimum(total, 1.0))


def find_ours(amounts: np.ndarray) -> np.ndarray:
    days = pd.date_range("2025-06-02", periods=amounts.shape[1])
    made = find_anomalies(pd.DataFrame(amounts, columns=days), LEAST, since=days[-TESTED].date())
    found = np.zeros(amounts.shape, bool)
    found[made.found["row"], (made.found["date"] - days[0]).dt.days] = True
    return found


def main() -> None:
    for world in WORLDS:
        print(f"\n{world.name}: share of false alarms / recall at {', '.join(f'{one} times' for one in FACTORS)}")
        lines: dict[str, list[str]] = {}
        seconds: dict[str, float] = {}
        for factor in FACTORS:
            amounts, planted, means, sizes = draw(world, factor)
            rules: dict[str, Callable[[], np.ndarray]] = {
                "twice the 7-day mean": partial(find_twice, amounts),
                "3.5 median deviations": partial(find_deviating, amounts),
                "binomial by moments, BH": partial(find_by_moments, amounts),
                "flexlib": partial(find_ours, amounts),
                "true parameters, BH": partial(control, amounts, means, sizes),
            }
            sought = planted & (amounts >= LEAST)
            for name, rule in rules.items():
                started = time.perf_counter()
                found = rule() & (amounts >= LEAST)
                seconds[name] = time.perf_counter() - started
                found[:, :-TESTED] = False
                false = (found & ~planted).sum() / max(found.sum(), 1)
                lines.setdefault(name, []).append(f"{false:.2f} / {(found & sought).sum() / sought.sum():.2f}")
        for name, figures in lines.items():
            print(f"  {name:<26}{'   '.join(figures)}   {seconds[name]:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
