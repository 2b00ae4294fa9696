"""A vendor's own cap beside a budget."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from flexlib.i18n import mark_text


class CapOutcome(StrEnum):
    """What is said of a cap."""

    AGREES = mark_text("agrees")
    DIFFERS = mark_text("differs")
    NO_CAP = mark_text("no cap")
    """The vendor stops nobody."""
    NOT_READ = mark_text("not read")


def judge_cap(amount: Decimal, cap: int | None) -> CapOutcome:
    """What is said of a `cap` that was read, in whole credits, beside a budget of `amount` credits.

    >>> judge_cap(Decimal("500.00"), 500), judge_cap(Decimal(400), 500)
    (<CapOutcome.AGREES: 'agrees'>, <CapOutcome.DIFFERS: 'differs'>)
    """
    if cap is None:
        return CapOutcome.NO_CAP
    return CapOutcome.AGREES if cap == amount else CapOutcome.DIFFERS
