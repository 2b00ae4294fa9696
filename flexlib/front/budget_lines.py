"""Budgets as they are shown: a line each, of its days, weeks or cycles the one that used most of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from flexlib.analysis.budgets import BudgetLine, Outcome, rank_outcome
from flexlib.front.budgets import BudgetCheck, BudgetPeriod
from flexlib.i18n import Translated, _, to_english
from flexlib.store.budgets import Budget

OF_PEOPLE = ("person", "usable")
"""Scopes of budgets whose names may tell who somebody is."""


def list_lines(made: BudgetCheck, *, names: bool) -> list[BudgetLine]:
    """A line for each budget, in the order of the file. Without `names` the budgets of people are numbered."""
    found, people = [], 0
    for budget, group in groupby(made.periods, key=lambda one: one.budget):
        is_hidden = not names and budget.scope in OF_PEOPLE
        people += is_hidden
        line = _build_line(budget, list(group))
        if is_hidden:
            name = _("A person's budget, {number}").format(number=people)
            line = replace(line, name=name, lacks=_hide_person(line.lacks, " ".join(budget.of)))
        found.append(line)
    return found


def _hide_person(said: str, person: str) -> Translated:
    anybody = _("this person")
    return Translated(said.replace(person, anybody), to_english(said).replace(person, to_english(anybody)))


def _build_line(budget: Budget, periods: Sequence[BudgetPeriod]) -> BudgetLine:
    one = max(periods, key=lambda each: (rank_outcome(each.outcome, is_unknown=each.is_unknown), each.spent))
    return BudgetLine(
        name=budget.name,
        unit=budget.unit,
        period=budget.period,
        span=one.span,
        outcome=one.outcome,
        spent=one.spent,
        amount=budget.amount,
        lacks=one.lacks,
        is_running=one.is_running,
        expected=one.expected,
        low=one.low,
        high=one.high,
        day=one.day,
        earliest=one.earliest,
        over=sum(each.outcome is Outcome.OVER for each in periods),
        count=len(periods),
        is_unknown=one.is_unknown,
    )
