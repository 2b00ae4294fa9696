"""What a budget comes to where bills tell of it, which have no days."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from flexlib.dates import Span
from flexlib.front.budget_scope import is_named
from flexlib.front.spend import Spend
from flexlib.i18n import _, join_and
from flexlib.spend.billed import sum_known
from flexlib.store.budgets import Budget


@dataclass(frozen=True)
class Billed:
    """What a budget comes to in days of which bills tell."""

    amount: Decimal | None
    """None: of these days no bill tells by itself."""
    lacks: str
    is_unknown: bool


def find_billed(spend: Spend, budget: Budget, days: Span, most_unpriced: Decimal) -> Billed | None:
    """What everything or a provider came to where bills are among what is stored; None where none is, or the budget is
    of something that bills do not tell apart."""
    billed = [one for one in spend.loaded if one.month in days.months and one.has_bills]
    if budget.unit == "flex_credits" or budget.scope not in ("whole", "provider") or not billed:
        return None
    month = billed[0]
    told = [one for one in month.bills.providers if budget.scope == "whole" or is_named(budget.of[0], one.provider)]
    if not told:
        return None
    if month.month.span != days:
        return Billed(None, _("a bill has no days: make it a budget of a month"), True)
    amounts = [one.spend_usd if budget.unit == "usd" else one.spend_clp for one in told]
    unknown = [one.provider for one, amount in zip(told, amounts, strict=True) if amount is None or one.unconverted]
    short = [one for one in told if (one.requests_without_clp if budget.unit == "clp" else one.is_at_least)]
    is_unknown = bool(unknown) or any(one.unpriced_requests > most_unpriced * one.requests for one in short)
    why = _("some of it has no amount")
    if unknown:
        why = _("of {providers} not all is known").format(providers=join_and(sorted(unknown)))
    return Billed(sum_known(amounts) or Decimal(0), why if unknown or short else "", is_unknown)
