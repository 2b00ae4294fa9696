"""`flexlib check --caps`: the vendor's own caps beside the budgets of flex credits. Nothing is ever set there."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from flexlib.analysis.caps import CapOutcome, judge_cap
from flexlib.cli.options import asks_demo
from flexlib.formats import clean_text, format_amount, format_plain
from flexlib.i18n import _, mark_text
from flexlib.proof import State
from flexlib.settings import Settings
from flexlib.store.budgets import Budget

if TYPE_CHECKING:
    from flexlib.ingest.windsurf.caps import Cap

WIDTH = 13
"""As wide as the outcomes of budgets."""

CODES = {CapOutcome.DIFFERS: State.UNRECONCILED.exit_code, CapOutcome.NOT_READ: State.GAP.exit_code}
"""What a finding ends a command with."""

NO_EMAIL = mark_text("a cap is of an e-mail; name the person of this budget by it")


@dataclass(frozen=True)
class BudgetCap:
    """The vendor's cap beside a budget."""

    budget: Budget
    outcome: CapOutcome
    cap: int | None
    """Whole credits."""
    why: str
    """Why it was not read."""


def check_caps(
    arguments: argparse.Namespace, settings: Settings, shown: Settings, budgets: Iterable[Budget]
) -> list[BudgetCap]:
    """The caps beside the budgets of flex credits of everything and of people in a month or cycle. `shown`: the
    settings of the data that is shown; of made-up data a demo server is asked. Raises what `read_caps` raises."""
    from flexlib.ingest.windsurf.caps import read_caps

    asked = [one for one in budgets if is_capped(one)]
    emails = [one.of[0] for one in asked if one.scope == "person" and "@" in one.of[0]]
    with ExitStack() as running:
        if asks_demo(arguments, settings):
            from flexlib.demo.command import DEFAULT_KEY
            from flexlib.demo.process import demo_server

            shown = replace(shown, base_url=running.enter_context(demo_server()), service_key=DEFAULT_KEY)
        caps = read_caps(shown, emails)
    return [_hold(one, caps) for one in asked]


def is_capped(budget: Budget) -> bool:
    """Whether the vendor can have a cap of the same."""
    return budget.unit == "flex_credits" and budget.scope in ("whole", "person") and budget.period in ("month", "cycle")


def _hold(budget: Budget, caps: dict[str, Cap]) -> BudgetCap:
    email = budget.of[0] if budget.scope == "person" else ""
    if email and "@" not in email:
        return BudgetCap(budget, CapOutcome.NOT_READ, None, _(NO_EMAIL))
    cap = caps[email]
    if cap.why:
        return BudgetCap(budget, CapOutcome.NOT_READ, None, cap.why)
    return BudgetCap(budget, judge_cap(budget.amount, cap.credits), cap.credits, "")


def find_caps_code(caps: Iterable[BudgetCap]) -> int:
    """What the worst finding ends the command with."""
    return max((CODES.get(one.outcome, 0) for one in caps), default=0)


def describe_caps(caps: Sequence[BudgetCap]) -> list[dict[str, Any]]:
    """For JSON: credits as exact text."""
    return [
        {
            "name": one.budget.name,
            "outcome": str(one.outcome),
            "amount": format_plain(one.budget.amount),
            "cap": None if one.cap is None else str(one.cap),
            "why": one.why or None,
        }
        for one in caps
    ]


def render_caps(caps: Sequence[BudgetCap]) -> list[str]:
    """The caps for the console, a line each."""
    if not caps:
        return [_("Caps at Windsurf: no budget of flex credits is of everything or of a person, in a month or cycle")]
    width = max(len(one.budget.name) for one in caps)
    wide = max(WIDTH, *(len(_(one)) + 1 for one in CapOutcome))
    return [_("Caps at Windsurf"), *(
        f"  {_(str(one.outcome)).upper():<{wide}}{clean_text(one.budget.name):<{width}}  {_say(one)}" for one in caps
    )]  # fmt: skip


def _say(one: BudgetCap) -> str:
    if one.outcome is CapOutcome.NOT_READ:
        return clean_text(one.why)
    budget = _("{amount} flex credits").format(amount=format_amount(one.budget.amount))
    if one.cap is None:
        return _("nothing stops it at the budget, {budget}").format(budget=budget)
    cap = Decimal(one.cap)
    if one.outcome is CapOutcome.AGREES:
        return _("{cap}, as the budget").format(cap=format_amount(cap))
    said = _("{cap}, {abs} above the budget of {budget}")
    if cap < one.budget.amount:
        said = _("{cap}, {abs} below the budget of {budget}")
    return said.format(cap=format_amount(cap), abs=format_amount(abs(cap - one.budget.amount)), budget=budget)
