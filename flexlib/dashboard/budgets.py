"""Budgets beside what the ledger holds of their running period: of the whole, of models and of providers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from flexlib.dates import Span
from flexlib.front.sharing import OF_NOBODY
from flexlib.ledger.guard.call import name_values
from flexlib.ledger.guard.limits import find_period, name_value
from flexlib.ledger.read.running import DaySums
from flexlib.spend.billed import sum_known
from flexlib.store.budgets import Budget

MONEY = ("usd", "clp")


def keep_recorded(budgets: Iterable[Budget]) -> list[Budget]:
    """Those that the ledger can tell of by itself and that are of no people: in money, of the whole, a model or a
    provider."""
    return [one for one in budgets if one.scope in OF_NOBODY and one.unit in MONEY]


def list_rows(budget: Budget, rows: Iterable[DaySums]) -> list[DaySums]:
    """The rows that a budget is of."""
    value = name_value(budget)
    return [one for one in rows if name_values(one._asdict(), (None, None, None))[budget.scope] == value]


def sum_days(budget: Budget, rows: Iterable[DaySums]) -> dict[date, Decimal]:
    """The known amounts of each day, in the budget's unit."""
    by_day: dict[date, list[Decimal | None]] = {}
    for one in rows:
        by_day.setdefault(one.day, []).append(getattr(one, budget.unit))
    return {day: amount for day, amounts in by_day.items() if (amount := sum_known(amounts)) is not None}


def count_unpriced(budget: Budget, rows: Iterable[DaySums]) -> int:
    """How many calls of the rows have no amount in the budget's unit."""
    return sum(getattr(one, f"unpriced_{budget.unit}") for one in rows)


def lacks_too_much(budget: Budget, rows: Sequence[DaySums], most_unpriced: Decimal) -> bool:
    """Whether more of the calls than that share has no amount, so that nothing can be said of the budget."""
    return count_unpriced(budget, rows) > most_unpriced * sum(one.calls for one in rows)


def find_span(budgets: Sequence[Budget], now: datetime) -> Span | None:
    """The days that the running periods of the budgets are of; None without one."""
    spans = [find_period(one, now) for one in budgets]
    return Span(min(one.first for one in spans), max(one.last for one in spans)) if spans else None
