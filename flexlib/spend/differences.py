"""The difference between what one provider's calls cost and what it billed, taken apart by day and model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import reduce

from flexlib.formats import format_amount, format_number
from flexlib.i18n import _, mark_text, translate_count
from flexlib.money.unit_prices import EXACT
from flexlib.names import match_model
from flexlib.spend.billed import ZERO, Billed, Count, sum_known

CLOSE = Decimal("0.01")
"""The part by which a list price may be off what was counted, and still explain it: lists and bills round."""

NO_CALLS = mark_text("no call of this provider is stored")
NO_PRICE = mark_text("nothing that was counted has a price")
OUTSIDE = mark_text("the bill does not cover this day")


class DifferenceKind(StrEnum):
    """What a difference consists of."""

    NOT_COUNTED = "not counted"  # billed, and no call with an amount
    NOT_BILLED = "not billed"  # calls and nothing billed for them; or a credit
    PRICED_OTHERWISE = "priced otherwise"  # both, another amount
    OUTSIDE_BILL = "outside the bill"  # calls of days that the bill does not cover: no difference in price


@dataclass(frozen=True)
class Difference:
    """One difference between what was counted and what was billed."""

    provider: str
    day: date | None
    """None where the bill is not by day."""
    model: str | None
    """None where the bill names none."""
    kind: DifferenceKind
    counted_usd: Decimal | None
    billed_usd: Decimal | None
    requests: int
    reason: str
    """What explains it, in a few words; empty where nothing does."""
    is_explained: bool = False
    """Whether the reason accounts for all of it."""
    charge: str = "usage"
    """What the bill's lines are for, a member of `KINDS_OF_CHARGE`."""

    @property
    def usd(self) -> Decimal:
        """How much more was billed than counted; below 0 where less was."""
        return EXACT.subtract(self.billed_usd or ZERO, self.counted_usd or ZERO)


def compare_usage(
    provider: str, counts: list[Count], charges: list[Billed], *, is_daily: bool, has_calls: bool
) -> list[Difference]:
    """By day where the bill and every count are by day; by model where the bill names one."""
    is_daily &= all(one.first == one.last for one in charges) and all(one.day is not None for one in counts)
    has_models = any(one.model for one in charges)
    groups: dict[tuple[date | None, str], tuple[list[Count], list[Billed]]] = defaultdict(lambda: ([], []))
    for count in counts:
        groups[count.day if is_daily else None, match_model(count.model) if has_models else ""][0].append(count)
    for charge in charges:
        model = match_model(charge.model) if charge.model and has_models else ""
        groups[charge.first if is_daily else None, model][1].append(charge)
    found = []
    for (day, __), (mine, billed) in groups.items():
        names = [*(one.model for one in mine), *(one.model for one in billed if one.model)] if has_models else []
        found.append(_compare_group(provider, day, min(names, key=len, default=None), mine, billed))
    return [one if has_calls else replace(one, reason=NO_CALLS, is_explained=True) for one in found if one.usd]


def _compare_group(
    provider: str, day: date | None, model: str | None, counts: list[Count], charges: list[Billed]
) -> Difference:
    counted, billed = sum_known(one.usd for one in counts), sum_known(one.usd for one in charges)
    unpriced, requests = sum(one.unpriced_requests for one in counts), sum(one.requests for one in counts)
    if not billed:
        kind = DifferenceKind.NOT_BILLED
    elif counted is None:
        kind = DifferenceKind.NOT_COUNTED if billed > 0 else DifferenceKind.NOT_BILLED
    else:
        kind = DifferenceKind.PRICED_OTHERWISE
    listed = None
    if charges and all(one.listed_usd is not None for one in charges):
        listed = sum_known(one.listed_usd for one in charges)
    gap, reason, is_explained = EXACT.subtract(billed or ZERO, counted or ZERO), "", False
    if counted and listed is not None and abs(EXACT.subtract(listed, counted)) <= CLOSE * abs(counted):
        reason, is_explained = _("the bill's own list price is {amount}").format(amount=format_amount(listed)), True
    elif unpriced and gap > 0:
        said = translate_count(
            "{unpriced} of {all} calls has no price", "{unpriced} of {all} calls have no price", unpriced
        )
        if any(one.is_least for one in counts):  # a sum of unknown many is counted as one
            said = _("at least {unpriced} of at least {all} calls have no price")
        reason = said.format(unpriced=format_number(unpriced), all=format_number(requests))
        reason = NO_PRICE if counted is None else reason
        # At the others' average price they cost that share of the bill; a larger part has to have another reason.
        is_explained = counted is None or gap * requests <= (billed or ZERO) * unpriced
        reason += "" if is_explained else ", which explains only a part"
    return Difference(provider, day, model, kind, counted, billed, requests, reason, is_explained)


def name_others(provider: str, charges: list[Billed]) -> list[Difference]:
    """Fees, taxes, credits and adjustments: the bill itself says what they are, and no call has them."""
    found = []
    for one in charges:
        if one.kind != "usage" and one.usd:
            kind = DifferenceKind.NOT_COUNTED if one.usd > 0 else DifferenceKind.NOT_BILLED
            day = one.first if one.first == one.last else None
            reason = one.kind if not one.name else f"{one.kind}: {one.name}"
            found.append(Difference(provider, day, one.model, kind, None, one.usd, 0, reason, True, one.kind))
    return found


def name_outside(counts: list[Count]) -> list[Difference]:
    """What was counted on days that the bill does not cover."""
    kind = DifferenceKind.OUTSIDE_BILL
    return [
        Difference(one.provider, one.day, one.model, kind, one.usd, None, one.requests, OUTSIDE, is_explained=True)
        for one in counts
        if one.usd
    ]


def sum_unexplained(differences: list[Difference]) -> Decimal:
    """The size of what nothing explains: by model over the days, as what ends after midnight is billed a day later;
    between models nothing cancels, but what the bill charges for no model may be for any that it does not charge."""
    gaps: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for one in differences:
        if not one.is_explained:
            model = match_model(one.model or "")
            gaps[model] = EXACT.add(gaps[model], one.usd)
    unnamed = gaps.pop("", ZERO)
    above, below = (reduce(EXACT.add, (max(sign * gap, ZERO) for gap in gaps.values()), ZERO) for sign in (1, -1))
    same, other = (above, below) if unnamed >= 0 else (below, above)
    return EXACT.add(same, abs(EXACT.subtract(abs(unnamed), other)))
