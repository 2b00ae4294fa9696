"""How likely a day's amount is, by what the other days of its row and all rows tell.

A row's day is a draw around its level times the table's weekday profile times what its own weekday adds. How widely
draws lie is each row's own, and so is how much its weekdays differ: both are learnt from the row as far as its days
tell them and from all rows beyond that (an empirical Bayes mixture over a grid). Draws are negative binomial, where the
table's days say so log-normal too, whose tails are longer. The day in question never tells what was expected of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

SPREADS = np.geomspace(0.03, 60.0, 13)
"""Squared relative spreads of a row's days around what was expected: from nearly Poisson to somebody who comes
once a month."""

SHIFTS = np.arange(-8, 9) * 0.13
"""Logarithms of what a row's weekday may be over its first guess: a third to nearly three times."""

LEVELS = SHIFTS[np.abs(SHIFTS) < 0.6]
"""The same for the row's level, which all its days tell."""

OWN_WEEKDAYS = np.array([0.02, 0.2, 0.4])
"""How far own weekdays lie from the shared profile (logarithms): not at all, as people's do, wildly."""

ODD_TIMES = 2.0
"""A day of more than so many times the first guess may be an odd one: it teaches little of what is usual."""

ODD_SHARE = 3e-3
"""How often such a day is odd and not merely wide: a spike must not teach that spikes are usual. Spikes of five times
the own weekday are found in .45 of cases, by 1e-3 in .39, at as many false alarms; 1e-2 finds more, and more false
ones where days have long tails."""

ROUNDS = 40
"""Rounds after which the mixture's weights stand still to three digits."""

LEAST_WEIGHT = 1e-9
"""Nothing is ruled out by the rows alone."""

ROWS_AT_ONCE = 500
"""Rows that are held in memory with their grid: about 60 MB."""


@dataclass(frozen=True)
class Chances:
    """Of each candidate, a day that may be unusual: its place, what was expected, and how likely it was."""

    rows: Array
    days: Array
    amounts: Array
    """In units."""
    expected: Array
    likely: Array
    """The density at the amount, had the day been like the others."""


def measure_chances(amounts: Array, weekdays: Array, is_tested: Array, least: float, is_whole: Array) -> Chances:
    """`amounts`: a line a row, a column a day, in units of one use, at least 0. `weekdays`: 0 to 6, of each column.
    `is_tested`: whether a column is asked about, or only tells what is usual. `is_whole`: which amounts are all of the
    day; the others are at least so much, and tell nothing of what is usual. Candidates are days of at least `least` and
    more than `ODD_TIMES` the first guess.
    """
    is_weekday = (weekdays[:, None] == np.arange(7)).astype(float)
    profile = _find_profile(amounts, is_whole, weekdays)
    asked = np.where(is_tested, least, np.inf)
    parts = (slice(start, start + ROWS_AT_ONCE) for start in range(0, len(amounts), ROWS_AT_ONCE))
    learnt = [_learn(amounts[part], is_whole[part], weekdays, is_weekday, profile, asked) for part in parts]
    weights = _choose_weights(np.concatenate([one.of_rows for one in learnt]))
    judged = [_judge(one, weights, start * ROWS_AT_ONCE) for start, one in enumerate(learnt)]
    return Chances(*(np.concatenate(column) for column in zip(*judged, strict=True)))


def _find_profile(amounts: Array, is_whole: Array, weekdays: Array) -> Array:
    """The weekdays' shares by the sums of all rows: medians over the weeks, so that one day of a move does not count;
    where most weeks have nothing a tenth of their mean. A row that a day has in part is not in its sum, nor in what
    that is held against; a weekday that is never known is as the others."""
    usual = np.where(is_whole, amounts, 0).sum(axis=1) / is_whole.sum(axis=1)
    of_days = usual @ is_whole
    sums = np.where(is_whole, amounts, 0).sum(axis=0) / np.where(of_days > 0, of_days, 1)
    days = [sums[(of_days > 0) & (weekdays == day)] for day in range(7)]
    shares = np.array([max(np.median(some), some.mean() / 10) if len(some) else np.nan for some in days])
    if not np.nansum(shares):
        return np.ones(7)
    mean = float(np.nanmean(shares))
    return np.maximum(np.where(np.isnan(shares), 1, shares / mean), 1e-3)


def _find_levels(amounts: Array, is_here: Array, is_whole: Array, profile: Array) -> Array:
    """A first guess of each row's level; no day counts as more than three times the row's ninth decile, or, of who
    comes more seldom, three times the median of the days with use."""
    amounts = np.where(is_whole, amounts, 0)
    scaled = amounts / profile
    cap = np.quantile(scaled, 0.9, axis=1, keepdims=True)
    for row in np.flatnonzero(~is_whole.all(axis=1)):
        cap[row] = np.quantile(scaled[row, is_whole[row]], 0.9)
    for row in np.flatnonzero((cap[:, 0] == 0) & amounts.any(axis=1)):
        cap[row] = np.median(scaled[row, scaled[row] > 0])
    calm = np.minimum(amounts, 3 * cap * profile)
    return np.asarray(np.maximum(calm.sum(axis=1) / ((is_here & is_whole) @ profile), 0.05))


def _spread_shifts() -> Array:
    """Of each own weekday and level, how likely each shift is."""
    away = (SHIFTS - LEVELS[:, None]) / OWN_WEEKDAYS[:, None, None]
    own = np.exp(-(away**2) / 2)
    return np.asarray(own / own.sum(axis=-1, keepdims=True))


OWN = _spread_shifts()


@dataclass(frozen=True)
class _Learnt:
    """Log-likelihoods of some rows by form (the spreads of negative binomials, then of log-normals) and own weekday,
    and of their candidates what the other days say."""

    of_rows: Array
    rows: Array
    days: Array
    amounts: Array
    means: Array
    plain: Array
    same: Array
    """Of the other days of the weekday, by form and shift."""
    others: Array
    """Of all other weekdays, by form, own weekday and level."""


def _learn(
    amounts: Array, is_whole: Array, weekdays: Array, is_weekday: Array, profile: Array, least: Array
) -> _Learnt:
    # Days before the first use tell nothing of later ones.
    is_here = np.logical_or.accumulate((amounts > 0) | ~is_whole, axis=1)
    levels = _find_levels(amounts, is_here, is_whole, profile[weekdays])
    means = levels[:, None, None] * np.exp(SHIFTS) * profile[:, None]  # rows, weekdays, shifts
    is_odd = amounts > ODD_TIMES * levels[:, None] * profile[weekdays]
    logs = _sum_logs(amounts, is_here & is_whole & ~is_odd, is_weekday, means)  # rows, weekdays, forms, shifts
    rows, days = np.nonzero(is_odd)
    odd = amounts[rows, days]
    plain = _find_logs(odd, means[rows, weekdays[days]])
    tame = np.logaddexp(plain, np.log(ODD_SHARE / odd)[:, None, None])
    tame[~is_whole[rows, days]] = 0.0
    np.add.at(logs, (rows, weekdays[days]), tame)
    of_weekdays = _mix(logs)  # rows, weekdays, forms, own weekdays, levels
    of_rows = of_weekdays.sum(axis=1)
    is_asked = odd >= least[days]
    rows, days, odd, plain, tame = (one[is_asked] for one in (rows, days, odd, plain, tame))
    places = rows, weekdays[days]
    others = of_rows[rows] - of_weekdays[places]
    return _Learnt(_add_logs(of_rows, (-1,)), rows, days, odd, means[places], plain, logs[places] - tame, others)


def _choose_weights(logs: Array) -> Array:
    """How common each form and own weekday is among the rows: negative binomials alone, unless log-normals beside them
    make the days likelier by more than their weights are worth (Schwarz's criterion)."""
    both, simple = _weigh(logs), _weigh(logs[:, : len(SPREADS)])
    if both[1] - simple[1] > simple[0].size * np.log(len(logs)) / 2:
        return both[0]
    return np.concatenate([simple[0], np.zeros_like(simple[0])])


def _weigh(logs: Array) -> tuple[Array, float]:
    """The weights that make the days the likeliest, and how likely that is."""
    peak = logs.max(axis=(1, 2), keepdims=True)
    likely = np.exp(logs - peak)
    weights = np.full(logs.shape[1:], 1 / logs[0].size)
    for _ in range(ROUNDS):
        total = np.tensordot(likely, weights, 2)
        weights = weights * np.tensordot(1 / total, likely, 1) / len(logs) + LEAST_WEIGHT
    return weights, float((peak.ravel() + np.log(total)).sum())


def _judge(learnt: _Learnt, weights: Array, start: int) -> tuple[Array, ...]:
    mixed = _mix(learnt.same)
    shares = learnt.others + mixed + np.log(weights + 1e-300)[..., None]
    shares = np.exp(shares - _add_logs(shares, (1, 2, 3), keep=True))
    peak = learnt.same.max(axis=-1, keepdims=True)
    of_shifts = np.einsum("cstl,tlv->csv", shares / np.exp(mixed - peak[..., None]), OWN, optimize=True)
    of_shifts *= np.exp(learnt.same - peak)
    expected = np.einsum("csv,cv->c", of_shifts, learnt.means)
    likely = np.einsum("csv,csv->c", of_shifts, np.exp(learnt.plain))
    return learnt.rows + start, learnt.days, learnt.amounts, expected, likely


def _mix(logs: Array) -> Array:
    """Over the shifts of a weekday, by own weekday and level."""
    peak = logs.max(axis=-1, keepdims=True)
    mixed = np.einsum("...sv,tlv->...stl", np.exp(logs - peak), OWN, optimize=True)
    return np.asarray(np.log(mixed + 1e-300) + peak[..., None])


def _sum_logs(amounts: Array, is_known: Array, is_weekday: Array, means: Array) -> Array:
    """The log-likelihood of each row's weekday, by form and shift, from sums over its days."""

    def add(values: Array) -> Array:
        return np.asarray(np.where(is_known, values, 0) @ is_weekday)[..., None]

    heights, constants = np.log(amounts + 0.5), _find_constants(amounts)
    is_none, is_some = is_known & (amounts == 0), is_known & (amounts > 0)
    counts, zeros, sums = (is_known @ is_weekday)[..., None], (is_none @ is_weekday)[..., None], add(amounts)
    first, second = ((np.where(is_some, one, 0) @ is_weekday)[..., None] for one in (heights, heights**2))
    logs = np.empty((*means.shape[:2], 2 * len(SPREADS), means.shape[2]))
    for place, spread in enumerate(SPREADS):
        logs[:, :, place] = add(constants[..., place]) - counts * np.log1p(spread * means) / spread
        logs[:, :, place] += sums * np.log(means / (1 / spread + means))
        width, middle = _shape_log(spread, means)
        squares = second - 2 * middle * first + (counts - zeros) * middle**2
        some = -first - ((counts - zeros) * np.log(2 * np.pi * width) + squares / width) / 2
        away = middle / np.sqrt(width)  # none is what rounds to it: the normal tail, to four digits
        logs[:, :, len(SPREADS) + place] = some - zeros * np.logaddexp(0, 1.5976 * away + 0.07056 * away**3)
    return logs


def _find_logs(amounts: Array, means: Array) -> Array:
    """The log-density of single days, by form and shift."""
    means, column, spreads = means[:, None], amounts[:, None, None], SPREADS[:, None]
    counts = _find_constants(amounts)[..., None] - np.log1p(spreads * means) / spreads
    counts = counts + column * np.log(means / (1 / spreads + means))
    width, middle = _shape_log(spreads, means)
    heights = np.log(column + 0.5)
    return np.concatenate([counts, -heights - (np.log(2 * np.pi * width) + (heights - middle) ** 2 / width) / 2], 1)


def _shape_log(spread: float | Array, means: Array) -> tuple[Array, Array]:
    """The squared width and the middle of a log-normal draw with the spread beyond that of counts."""
    width = np.log1p(spread + 1 / means)
    return width, np.log(means + 0.5) - width / 2


def _find_constants(amounts: Array) -> Array:
    """What of a negative binomial's log-likelihood hangs on the amount and the spread alone; amounts repeat often."""
    different, places = np.unique(amounts, return_inverse=True)
    values = different.tolist()
    own = np.array([math.lgamma(value + 1) for value in values])
    table = np.empty((len(values), len(SPREADS)))
    for column, size in enumerate((1 / SPREADS).tolist()):
        table[:, column] = [math.lgamma(value + size) for value in values]
        table[:, column] -= own + math.lgamma(size)
    return np.asarray(table[places.reshape(amounts.shape)])


def _add_logs(logs: Array, axis: tuple[int, ...], keep: bool = False) -> Array:
    peak = logs.max(axis=axis, keepdims=True)
    total = np.log(np.exp(logs - peak).sum(axis=axis, keepdims=True)) + peak
    return np.asarray(total if keep else np.squeeze(total, axis=axis))
