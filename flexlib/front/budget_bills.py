"""What a budget comes to where bills tell of it, which have no days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from flexlib.dates import Span
from flexlib.front.budget_scope import is_named
from flexlib.front.spend import Spend
from flexlib.i18n import _, join_and
from flexlib.proof import State
from flexlib.sources.registry import BILLS
from flexlib.spend.billed import find_payers, sum_known
from flexlib.spend.bills import ProviderBill
from flexlib.spend.month import MonthUsage
from flexlib.store.budgets import Budget


@dataclass(frozen=True)
class Billed:
    """What a budget comes to in days of which bills tell."""

    amount: Decimal | None
    """None: of these days no bill tells by itself."""
    lacks: str
    is_unknown: bool
    is_all: bool
    """Whether nothing of it is from calls: whole months of a provider's bill. What calls lack is no part of it then."""
    replaced: frozenset[str]
    """Who sends bills in place of whose calls, which are no lower bound of these: a bill may be of less."""


def find_billed(spend: Spend, budget: Budget, days: Span, most_unpriced: Decimal) -> Billed | None:
    """What everything or a provider came to where bills are among what is stored; None where none is, or the budget is
    of something that bills do not tell apart."""
    billed = [one for one in spend.loaded if one.month in days.months and one.has_bills]
    if budget.unit == "flex_credits" or budget.scope not in ("whole", "provider") or not billed:
        return None
    told = [one for month in billed for one in month.bills.providers
            if budget.scope == "whole" or is_named(budget.of[0], one.provider)]  # fmt: skip
    replaced = frozenset(who for month in billed for who in _list_replaced(month))
    if replaced.isdisjoint(one.provider for one in told):
        return None
    if billed[0].month.span != days:
        return Billed(None, _("a bill has no days: make it a budget of a month"), True, False, replaced)
    amounts = [None if _may_be_less(one) else one.spend_usd if budget.unit == "usd" else one.spend_clp for one in told]
    unknown = [one.provider for one, amount in zip(told, amounts, strict=True) if amount is None or one.unconverted]
    short = [one for one in told if (one.requests_without_clp if budget.unit == "clp" else one.is_at_least)]
    is_unknown = bool(unknown) or any(one.unpriced_requests > most_unpriced * one.requests for one in short)
    why = _("some of it has no amount")
    if unknown:
        why = _("of {providers} not all is known").format(providers=join_and(sorted(unknown)))
    # Of everything nobody knows who else sends a bill for what is missing.
    is_short = any(one.dataset == BILLS.dataset and one.certificate.state_of_rows is State.GAP
                   for month in billed for one in month.snapshots)  # fmt: skip
    is_all = budget.scope == "provider" and not is_short and all(_covers(one, days) for one in told)
    return Billed(sum_known(amounts) or Decimal(0), why if unknown or short else "", is_unknown, is_all, replaced)


def _covers(one: ProviderBill, days: Span) -> bool:
    return one.first is not None and one.last is not None and one.first <= days.first and days.last <= one.last


def _may_be_less(one: ProviderBill) -> bool:
    """Whether what is billed without a rate may lower what is known: a bill in place of the calls, or a credit."""
    return bool(one.unconverted) and (one.billed_usd is None or any(amount < 0 for _code, amount in one.unconverted))


def _list_replaced(month: MonthUsage) -> Iterator[str]:
    """Whose calls bills of the month are, or may be, for."""
    payers = find_payers(month)
    for one in month.bills.providers:
        if one.billed_usd is not None or one.unconverted:
            yield from (one.provider, *one.may_bill)
            yield from (maker for maker, payer in payers.items() if payer == one.provider)
