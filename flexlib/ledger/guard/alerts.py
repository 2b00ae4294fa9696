"""Thresholds that a call passes: left in the data folder at that moment, for `flexlib notify` to tell."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path

from flexlib.ledger.db.columns import WIDE
from flexlib.ledger.guard.limits import Limit
from flexlib.store.outbox import Standing, put_standing

LOG = logging.getLogger("flexlib.ledger")


def list_passed(limit: Limit, spent: Decimal, cost: Decimal) -> list[int]:
    """The thresholds, in percent, that were not reached before the last call of `cost`, and are with it."""
    amount, before = limit.budget.amount, WIDE.subtract(spent, cost)
    marks = ((one, WIDE.multiply(amount, Decimal(one).scaleb(-2))) for one in limit.budget.thresholds)
    return [one for one, mark in marks if before < mark <= spent]


def leave_alerts(root: Path, limit: Limit, spent: Decimal, cost: Decimal) -> None:
    """Leaves in the data folder what the last call of `cost` passed of the limit. A disk that takes nothing is a
    warning in the log: the call was made, and is recorded."""
    budget = limit.budget
    for threshold in list_passed(limit, spent, cost):
        outcome = "over" if spent > budget.amount else "near"
        days = limit.span
        standing = Standing(
            budget.name, budget.scope, budget.of, budget.unit, budget.amount, budget.thresholds, days.first, days.last,
            outcome, spent,
        )  # fmt: skip
        try:
            put_standing(root, standing, threshold)
        except OSError as error:
            what = f"That {budget.name} reached {threshold} % of its budget"
            LOG.warning("%s could not be kept for a notice: %s", what, error)
