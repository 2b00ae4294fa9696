"""What one unit of the consumption endpoint is, found out from figures whose unit is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexlib.dates import Span
from flexlib.errors import RouteRefused
from flexlib.i18n import _
from flexlib.ingest.windsurf.run import Run, Totals
from flexlib.sources.windsurf import consumption
from flexlib.sources.windsurf.consumption import ask_consumption_total, settle_unit
from flexlib.stored_notes import UNIT_FOUND


@dataclass(frozen=True)
class SettledUnit:
    """The unit of the consumption endpoint's numbers."""

    unit: str
    why: str
    """How it was found out."""
    is_found: bool = False
    """Whether this run has found it out by figures, so that it may be remembered."""


def settle_run_unit(run: Run, native: tuple[Any, Any], analytics: Totals | None) -> SettledUnit:
    """The unit of the `native` total, by what /Analytics says of the same month where it does, and else by other ways.

    Raises `RouteRefused` when nothing tells it.
    """
    if not any(native):
        return SettledUnit("credits", UNIT_FOUND["nothing"])
    if analytics and (unit := settle_unit(native, analytics[:2], exact=True)):
        return SettledUnit(unit, UNIT_FOUND["total"], is_found=True)
    if unit := _settle_by_cycle(run):
        return SettledUnit(unit, UNIT_FOUND["cycle"], is_found=True)
    if run.unit_remembered:
        return SettledUnit(run.unit_remembered, UNIT_FOUND["before"])
    if run.unit_setting:
        return SettledUnit(run.unit_setting, UNIT_FOUND["set"])
    raise RouteRefused(
        _(
            "nothing tells whether the consumption endpoint counts credits or hundredths of a credit; "
            "set WINDSURF_CONSUMPTION_UNIT to credits or hundredths once you have compared one month "
            "with the vendor's page"
        )
    )


def _settle_by_cycle(run: Run) -> str | None:
    """The unit in which the current cycle's consumption is about what the people's list or the balance says."""
    reply = run.replies.get("balance")
    cycle = None if reply is None or not reply.is_good else read_cycle(reply.value)
    if cycle is None:
        return None
    assert reply is not None
    answer = run.client.ask_one(ask_consumption_total(cycle, "cycle", consumption.MAX_RETRY_AFTER))
    if not answer.is_good:
        return None
    prompt, flex = consumption.read_total(answer)
    spent = sum(person.prompt_credits for person in run.people)
    used = read_used(reply.value) or 0  # what is no number settles nothing, as nothing used does not
    pairs = (((prompt, prompt), (spent, spent)), ((flex, flex), (used, used)))
    fits = {unit for native, known in pairs if (unit := settle_unit(native, known, exact=False))}
    return fits.pop() if len(fits) == 1 else None


def read_cycle(balance: dict[str, Any]) -> Span | None:
    """The days of the billing cycle, or None when it is not given or not at midnight."""
    try:
        first, end = (str(balance[name]).removesuffix("Z") for name in ("billingCycleStart", "billingCycleEnd"))
        days = Span.parse(first.split("T")[0], end.split("T")[0])
    except (KeyError, ValueError):
        return None
    if days.days < 2 or {text.partition("T")[2].strip("0:.") for text in (first, end)} != {""}:
        return None
    return Span(days.first, list(days)[-2])


def read_used(balance: dict[str, Any]) -> int | None:
    """The add-on credits used in the cycle, in hundredths, or None when the balance gives no number."""
    name = "addOnCreditsUsed"
    try:
        return consumption.scale(consumption.read_number(balance.get(name), name), "credits")
    except ValueError:
        return None
