"""Days on which somebody spent far more than on their own such weekday, with a bound on the false alarms among them.

What a day was to come to, and how widely days lie around that, is learnt without the day itself (`chances`). Against
that stands the other story, that the day is a multiple of what was expected: how common which multiples are is learnt
from the table too. Both give each day a chance that it is a false alarm (a local false discovery rate; Efron, 2008),
and the list takes the least doubtful days as long as the mean of their chances is within the bound. Measured beside
Benjamini and Hochberg's procedure on the same tails it finds more at the same share of false alarms: a day of a calm
person says more than one of a restless one (`make bench-analysis`).

What this is not: a day may be usual and wrong, or unusual and right. Only days above the expected are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd

from flexlib.analysis.chances import ODD_TIMES, Chances, measure_chances
from flexlib.errors import InvalidRequest
from flexlib.i18n import _, mark_text, translate_count

WHAT_TO_DO = mark_text(
    "Next: ask those named about that day; what was planned goes into params/events.yaml, and is named then."
)

FALSE_ALARMS = 0.05
"""The share of false alarms that the list may hold."""

LEAST_AMOUNT = 20.0
"""Below this nobody looks into a day, however rare it is: in the unit of the table, credits unless said otherwise."""

FEWEST_DAYS = 14
"""Days below which a row's own weekday cannot be told from its other days."""

FEWEST_USED = 3
"""Other days with use below which a row has no usual day to be held against; nor has one that began in the last
`FEWEST_DAYS`: what is new is not odd."""

TIMES = np.geomspace(2.0, 40.0, 16)
"""Multiples of the expected that a day may be; how common each is, is learnt. The last stands for all beyond it."""

WIDTH = 0.15
"""How far around a multiple (logarithms) days of it lie: somewhat less than from one multiple to the next."""

ROUNDS = 200
"""Rounds after which the multiples' weights move no chance by a thousandth."""


class Outcome(StrEnum):
    """Whether there was enough to judge by."""

    JUDGED = "judged"
    IN_PART = "in part"  # of a month: one thing that is looked at was judged, another not
    CANNOT_SAY = "cannot say"


@dataclass(frozen=True)
class Anomalies:
    """The days found, and what the list promises."""

    found: pd.DataFrame
    """`row`, `date`, `amount`, `expected`, `times` (amount over expected), `chance` (that it is a false alarm); the
    largest excess first."""
    tested: int
    """Days of rows that were looked at; of a row of which no amount is known none was."""
    unjudged: int
    """Rows with days of at least `least` that are too new, or have too few other days with use, to be judged."""
    outcome: Outcome
    reason: str = field(default="")
    """Why it cannot say."""
    lacking: int = 0
    """Rows that are not judged only since too many of their days are known in part: with days of at least `least`, or
    with such a part, which may be of any size."""

    @property
    def false_alarms(self) -> float:
        """False alarms to expect among those found."""
        return float(self.found["chance"].sum())


def find_anomalies(
    table: pd.DataFrame,
    least: float = LEAST_AMOUNT,
    false_alarms: float = FALSE_ALARMS,
    *,
    since: date | None = None,
    unit: float = 1.0,
    in_part: pd.DataFrame | None = None,
) -> Anomalies:
    """Days far above the own weekday, of at least `least`.

    `table`: a line a person (model, department), a column a day, amounts of at least 0, 0 where nothing was spent; days
    need not follow each other, an unknown day is left out. `since`: earlier days only tell what is usual. `unit`: what
    one use costs, about: amounts near it vary by chance alone. `in_part`: of each amount whether it is a part of the
    day's: unusual where it is high, and no measure of what is usual. Raises `InvalidRequest` for anything else.

    >>> import pandas as pd
    >>> table = pd.DataFrame([[9.0, 11.0] * 14, [21.0, 19.0] * 14], ["ana", "ben"],
    ...                      pd.date_range("2025-09-01", periods=28))
    >>> table.loc["ana", "2025-09-16"] = 125.0
    >>> find_anomalies(table).found[["row", "date", "amount"]]
       row       date  amount
    0  ana 2025-09-16   125.0
    """
    days, amounts = _read_table(table)
    if not (0 < false_alarms < 1 and least >= 0 and unit > 0):
        raise InvalidRequest(_("least must be at least 0, false_alarms between 0 and 1, unit above 0."))
    is_tested = np.ones(len(days), bool) if since is None else np.asarray(days >= pd.Timestamp(since))
    is_whole = np.ones(amounts.shape, bool) if in_part is None else ~in_part.to_numpy(dtype=bool)
    is_known = amounts.any(axis=1) | is_whole.all(axis=1)
    tested = int(is_tested.sum()) * int(is_known.sum())
    known = int(is_whole[is_known].any(axis=0).sum()) if len(amounts) else len(days)
    if known < FEWEST_DAYS:
        said = translate_count("{days} day is known, a weekday takes {fewest}",
                               "{days} days are known, a weekday takes {fewest}", known)  # fmt: skip
        reason = said.format(days=known, fewest=FEWEST_DAYS)
        return Anomalies(_build_found(table.index, days), 0, 0, Outcome.CANNOT_SAY, reason)
    is_used = (amounts > 0) & is_whole
    may_be_used = is_used | ~is_whole
    is_old = may_be_used[:, : len(days) - FEWEST_DAYS + 1].any(axis=1)
    is_judged = (is_used.sum(axis=1) > FEWEST_USED) & (is_whole.sum(axis=1) >= FEWEST_DAYS) & is_old
    has_enough = (may_be_used.sum(axis=1) > FEWEST_USED) & is_old
    is_of_note = (amounts[:, is_tested] >= max(least, unit)).any(axis=1)
    may_be_of_note = is_of_note | ~is_whole[:, is_tested].all(axis=1)
    unjudged, lacking = int((is_of_note & ~has_enough).sum()), int((~is_judged & may_be_of_note & has_enough).sum())
    if not is_judged.any():
        return Anomalies(_build_found(table.index, days), tested, unjudged, Outcome.JUDGED, lacking=lacking)
    weekdays = days.day_of_week.to_numpy()
    chances = measure_chances(amounts[is_judged] / unit, weekdays, is_tested, least / unit, is_whole[is_judged])
    found = _choose(chances, tested, false_alarms)
    rows = _build_found(table.index[is_judged], days, found, unit)
    return Anomalies(rows, tested, unjudged, Outcome.JUDGED, lacking=lacking)


def _read_table(table: pd.DataFrame) -> tuple[pd.DatetimeIndex, np.ndarray]:
    days = pd.DatetimeIndex(table.columns)
    if days.has_duplicates:
        raise InvalidRequest(_("the table has a day twice; give it a column a day."))
    amounts = table.to_numpy(dtype=float)
    if not np.isfinite(amounts).all() or (amounts < 0).any():
        raise InvalidRequest(_("the table has an amount that is unknown or below zero; leave such days or rows out."))
    return days, amounts


@dataclass(frozen=True)
class _Found:
    chances: Chances
    places: np.ndarray
    doubts: np.ndarray


def _choose(chances: Chances, tested: int, share: float) -> _Found:
    """The least doubtful candidates, as many as keep the mean of their doubts within `share`."""
    amounts, expected, likely = chances.amounts, chances.expected, chances.likely
    times = np.minimum(amounts / expected, TIMES[-1])
    away = np.log(times[:, None] / TIMES) / WIDTH
    odd = np.exp(-(away**2) / 2) / (WIDTH * np.sqrt(2 * np.pi) * amounts[:, None])
    weights = np.full(len(TIMES), 1 / (1000 * len(TIMES)))
    for __ in range(ROUNDS):
        parts = weights * odd
        total = parts.sum(axis=1) + (1 - weights.sum()) * likely + 1e-300
        weights = (parts / total[:, None]).sum(axis=0) / max(tested, 1)
    doubts = (1 - weights.sum()) * likely / total
    doubts = np.where(amounts > ODD_TIMES * expected, doubts, 1.0)
    order = np.argsort(doubts, kind="stable")
    within = np.flatnonzero(np.cumsum(doubts[order]) <= share * np.arange(1, len(order) + 1))
    taken = order[: within[-1] + 1 if len(within) else 0]
    return _Found(chances, taken, doubts[taken])


def _build_found(
    index: pd.Index, days: pd.DatetimeIndex, found: _Found | None = None, unit: float = 1.0
) -> pd.DataFrame:
    if found is None:
        rows, columns, amounts, expected, doubts = (np.empty(0, int), np.empty(0, int), *(np.empty(0),) * 3)
    else:
        places, doubts = found.places, found.doubts
        rows, columns = found.chances.rows[places], found.chances.days[places]
        amounts, expected = found.chances.amounts[places] * unit, found.chances.expected[places] * unit
    lines = pd.DataFrame({
        "row": index[rows], "date": days[columns], "amount": amounts, "expected": expected,
        "times": amounts / expected, "chance": doubts,
    })  # fmt: skip
    order = np.lexsort((rows, columns, -(amounts - expected)))
    return lines.iloc[order].reset_index(drop=True)
