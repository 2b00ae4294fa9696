"""What a budget comes to: within it, near it, over it, over it soon, or not to be said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import floor

from flexlib.dates import Span
from flexlib.formats import format_number
from flexlib.i18n import translate_count
from flexlib.money.unit_prices import EXACT


class Outcome(StrEnum):
    """What is said of a budget in one of its periods."""

    WITHIN = "within"
    NEAR = "near"
    """The lowest threshold is reached, whatever is missing; what is known does not exceed the amount. It may be over
    where `is_unknown` says so."""
    WILL_BE_OVER = "will be over"
    """The forecast of the period's end is above the amount."""
    OVER = "over"
    """What is known is above the amount, whatever is missing."""
    CANNOT_SAY = "cannot say"
    """Too much is missing, and what is known reaches no threshold."""


@dataclass(frozen=True)
class Usage:
    """What is known of one period of a budget, in the unit of the budget."""

    by_day: Mapping[date, Decimal]
    undated: Decimal = Decimal(0)
    """Of sums of a month, and what bills say beyond the calls: it belongs to the period, and to none of its days."""
    lacks: str = ""
    """What is missing from it, in a few words; empty where nothing is."""
    is_unknown: bool = False
    """Whether what is missing is too much for anything to be said of the whole but that it comes to no less."""
    expected: float | None = None
    """What the whole period will come to; None where it is over, or nothing can be said of it."""

    @property
    def spent(self) -> Decimal:
        total = self.undated
        for amount in self.by_day.values():
            total = EXACT.add(total, amount)
        return total


RANK = (Outcome.WITHIN, Outcome.NEAR, Outcome.CANNOT_SAY, Outcome.WILL_BE_OVER, Outcome.OVER)
"""The one that is shown above others last."""


def rank_outcome(outcome: Outcome, *, is_unknown: bool) -> int:
    """What is shown above others is higher; what may be over ranks no lower than what cannot be judged.

    >>> near, unknown = (rank_outcome(Outcome.NEAR, is_unknown=one) for one in (False, True))
    >>> near < unknown == rank_outcome(Outcome.CANNOT_SAY, is_unknown=True)
    True
    """
    return RANK.index(max(outcome, Outcome.CANNOT_SAY, key=RANK.index) if is_unknown else outcome)


def passes_surely(low: float | None, amount: Decimal) -> bool:
    """Whether the whole band of a forecast, of which `low` is the lower end, is above the amount."""
    return low is not None and low > amount


@dataclass(frozen=True)
class Judged:
    """What is said of a budget in one of its periods, in its unit."""

    outcome: Outcome
    spent: Decimal
    """Known so far."""
    lacks: str
    """What is missing, in a few words; empty where nothing is."""
    is_unknown: bool
    """Whether too much is missing to tell that it is not over."""
    expected: float | None
    low: float | None
    high: float | None
    """The forecast of the period's end and its band of 80 %; None where there is none."""
    day: date | None
    """When it was exceeded, or is expected to be."""
    earliest: date | None
    """When it may be exceeded at the earliest, by the band."""

    @property
    def known(self) -> Decimal | None:
        """What is known to be spent, as of `find_known`."""
        return find_known(self.spent, lacks=bool(self.lacks))


@dataclass(frozen=True)
class BudgetLine:
    """What a budget came to in one of its periods, to be shown; amounts in its unit."""

    name: str
    unit: str
    """`flex_credits`, `usd` or `clp`."""
    period: str
    """One of `PERIODS`."""
    span: Span
    outcome: Outcome
    spent: Decimal
    amount: Decimal
    lacks: str
    is_running: bool
    """Whether some of its days are not known yet."""
    expected: float | None
    low: float | None
    high: float | None
    """The forecast of the period's end and its band of 80 %; None where there is none."""
    day: date | None
    """When it was exceeded, or is expected to be."""
    earliest: date | None
    """When it may be exceeded at the earliest, by the band."""
    over: int = 0
    """Of its periods in the month, how many are over."""
    count: int = 1
    is_unknown: bool = False
    """Whether too much is missing to tell that it is not over."""

    @property
    def is_sure(self) -> bool:
        """Whether the whole band of the forecast is above the amount."""
        return passes_surely(self.low, self.amount)

    @property
    def known(self) -> Decimal | None:
        """What is known to be spent, as of `find_known`."""
        return find_known(self.spent, lacks=bool(self.lacks))

    def measure(self, amount: Decimal | float) -> float | None:
        """An amount in percent of the budget; None of one of nothing."""
        return 100 * float(amount) / float(self.amount) if self.amount else None


def find_known(spent: Decimal, *, lacks: bool) -> Decimal | None:
    """What is known to be spent; None where something is missing and the rest is 0: no less than 0 says nothing."""
    return spent if spent or not lacks else None


def judge_budget(amount: Decimal, thresholds: Sequence[int], usage: Usage) -> Outcome:
    """What a budget of `amount` came to; `thresholds` in percent of it.

    >>> judge_budget(Decimal(10), [75, 90, 100], Usage({date(2025, 9, 1): Decimal("7.50")}))
    <Outcome.NEAR: 'near'>
    """
    if usage.spent > amount:
        return Outcome.OVER
    if usage.expected is not None and usage.expected > amount:
        return Outcome.WILL_BE_OVER
    # What is missing can only add. Of a budget of nothing every share is reached from the beginning.
    if (amount or not usage.is_unknown) and list_reached(amount, thresholds, usage.spent):
        return Outcome.NEAR
    return Outcome.CANNOT_SAY if usage.is_unknown else Outcome.WITHIN


def list_reached(amount: Decimal, thresholds: Sequence[int], spent: Decimal) -> list[int]:
    """The thresholds, in percent, that were reached, the lowest first.

    >>> list_reached(Decimal(200), [100, 75, 90], Decimal(180))
    [75, 90]
    """
    return sorted(one for one in thresholds if EXACT.multiply(spent, Decimal(100)) >= EXACT.multiply(amount, one))


def measure_used(spent: Decimal, amount: Decimal) -> int | None:
    """How much of a budget is used, in tenths of a percent, rounded down: no threshold is shown that is not
    reached. None of a budget of nothing.

    >>> measure_used(Decimal("99.99"), Decimal(100)), measure_used(Decimal(100), Decimal(100))
    (999, 1000)
    """
    return floor(1000 * Fraction(spent) / Fraction(amount)) if amount else None


def find_day_passed(amount: Decimal, usage: Usage) -> date | None:
    """The day by whose end more than `amount` was spent, and no refund took it back; None where it was not, or what
    is of no day decides.

    >>> find_day_passed(Decimal(5), Usage({date(2025, 9, 1): Decimal(5), date(2025, 9, 3): Decimal("0.01")}))
    datetime.date(2025, 9, 3)
    """
    total, passed = Decimal(0), None
    if usage.undated:
        return None
    for day, spent in sorted(usage.by_day.items()):
        total = EXACT.add(total, spent)
        passed = (passed or day) if total > amount else None
    return passed


def tell_left_out(count: int) -> str:
    """That so many budgets are not shown because everybody may see what is."""
    said = translate_count(
        "{count} budget is left out: it may show what a few people used.",
        "{count} budgets are left out: they may show what a few people used.",
        count,
    )
    return said.format(count=format_number(count))
