"""What was counted held against what was billed, provider by provider: which of the two is the spend, and whether they
agree.

Of each provider, who sends the bill: counted + not counted - not billed + priced otherwise - outside the bill = billed,
to the last digit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

from flexlib.enums import LlmProxy
from flexlib.money.unit_prices import EXACT
from flexlib.spend.billed import CLOUDS, ZERO, Billed, Count, read_charges, read_counts, sum_by_currency, sum_known
from flexlib.spend.differences import Difference, DifferenceKind, compare_usage, name_others, name_outside

if TYPE_CHECKING:
    from flexlib.spend.month import MonthUsage

TOLERANCE_USD = Decimal(1)
"""Dollars by which a bill may differ unexplained: less than looking at it costs."""

TOLERANCE_SHARE = Decimal("0.01")
"""The part of a bill by which it may differ unexplained: lists are rounded, and some calls end after midnight."""


@dataclass(frozen=True)
class ProviderBill:
    """One provider's month."""

    provider: str
    counted_usd: Decimal | None
    """What the calls cost by themselves or their prices; None where no call has an amount."""
    billed_usd: Decimal | None
    """None: no bill, or none in dollars or with a rate."""
    spend_usd: Decimal | None
    """The bill where there is one, and the count of the days that it does not cover; else the count."""
    spend_clp: Decimal | None
    """The same in pesos; None where any of it has no rate."""
    requests: int
    unpriced_requests: int
    is_at_least: bool
    """Whether something of the spend is not known."""
    first: date | None = None
    last: date | None = None
    """The days that the bill covers."""
    unconverted: tuple[tuple[str, Decimal], ...] = ()
    """What is billed in a currency without a rate: it is in no sum."""
    unexplained_usd: Decimal = ZERO
    """The part of the difference that neither a credit, a tax nor the list price explains."""
    may_bill: tuple[str, ...] = ()
    """Providers without a bill whose calls this one, of a cloud that has none by its own name, may be for."""
    is_reconciled: bool = True
    """Whether that difference is within the tolerance, and nothing may stand in two providers."""

    @property
    def difference_usd(self) -> Decimal | None:
        """How much more was billed than counted; None where either is not known."""
        if self.billed_usd is None or self.counted_usd is None:
            return None
        return EXACT.subtract(self.billed_usd, self.counted_usd)

    @property
    def basis(self) -> str:
        """What the spend is: `bill`, `count`, or `bill and count` of the days that the bill does not cover."""
        return "count" if self.billed_usd is None else "bill" if self.spend_usd == self.billed_usd else "bill and count"


@dataclass(frozen=True)
class MonthBills:
    """What a month's providers counted and billed."""

    providers: tuple[ProviderBill, ...]
    """Who cost most stands first."""
    differences: tuple[Difference, ...]
    """By provider, day and model."""

    @property
    def spend_usd(self) -> Decimal | None:
        """The sum of the providers' spend; None where nothing is known."""
        return sum_known(one.spend_usd for one in self.providers)

    @property
    def spend_clp(self) -> Decimal | None:
        """The same in pesos; None where anything of it is not known in pesos."""
        if any(one.spend_clp is None for one in self.providers if one.spend_usd):
            return None
        return sum_known(one.spend_clp for one in self.providers)

    @property
    def is_at_least(self) -> bool:
        return any(one.is_at_least for one in self.providers)

    @property
    def has_bills(self) -> bool:
        """Whether any provider sent a bill."""
        return any(one.billed_usd is not None or one.unconverted for one in self.providers)

    def list_problems(self) -> list[str]:
        """Why the spend is not whole or not certain, a sentence each."""
        problems = []
        for one in self.providers:
            if one.may_bill:
                problems.append(
                    f"{one.provider}: US$ {_write(one.billed_usd)} are billed, and calls of {', '.join(one.may_bill)} "
                    "were counted, which no bill names: if it bills those, both are in the spend. Import it with "
                    "--provider and their name, or by a preset with a provider of your own if it does not."
                )
            elif not one.is_reconciled:
                problems.append(
                    f"{one.provider}: US$ {_write(one.billed_usd)} are billed and US$ {_write(one.counted_usd)} were "
                    f"counted; US$ {_write(one.unexplained_usd)} of the difference nothing explains. Look at: flexlib "
                    "spend."
                )
            problems += [
                f"{one.provider}: {currency} {_write(amount)} are billed and in no sum, for no rate is kept; run: "
                f"flexlib fx set DATE VALUE --pair {currency}/USD --source TEXT."
                for currency, amount in one.unconverted
            ]
        return problems

    def sum_kind(self, provider: str, kind: DifferenceKind) -> Decimal:
        """The differences of one kind of a provider; not billed and outside the bill as what was counted."""
        found = (one.usd for one in self.differences if one.provider == provider and one.kind is kind)
        sign = -1 if kind in (DifferenceKind.NOT_BILLED, DifferenceKind.OUTSIDE_BILL) else 1
        return sign * reduce(EXACT.add, found, ZERO)


def compare_bills(
    month: MonthUsage, *, tolerance_usd: Decimal = TOLERANCE_USD, tolerance_share: Decimal = TOLERANCE_SHARE
) -> MonthBills:
    """The month's counts held against its charges.

    Not reconciled is a provider whose bill differs, without a reason, by more than both tolerances. A month of another
    zone than UTC is not the bills' month: its difference is not by day, and nothing follows from it.
    """
    counts, charges = read_counts(month), list(read_charges(month))
    return compare_counts_with_bills(
        counts,
        charges,
        tolerance_usd=tolerance_usd,
        tolerance_share=tolerance_share,
        has_same_days=month.zone == "UTC",
    )


def compare_counts_with_bills(
    counts: Sequence[Count],
    charges: Sequence[Billed],
    *,
    tolerance_usd: Decimal = TOLERANCE_USD,
    tolerance_share: Decimal = TOLERANCE_SHARE,
    has_same_days: bool = True,
) -> MonthBills:
    """Every provider's counts held against its charges; `has_same_days`: whether the days of both are of one zone."""
    by_provider: dict[str, tuple[list[Count], list[Billed]]] = defaultdict(lambda: ([], []))
    for count in counts:
        by_provider[count.provider][0].append(count)
    for charge in charges:
        by_provider[charge.provider][1].append(charge)
    providers, differences = [], []
    for provider in sorted(by_provider):
        mine, billed = by_provider[provider]
        one, found = _compare_provider(provider, mine, billed, is_daily=has_same_days)
        one = replace(one, is_reconciled=not has_same_days or _is_within(one, tolerance_usd, tolerance_share))
        providers.append(one)
        differences += found
    providers = [_find_other_names(one, providers) for one in providers]
    providers.sort(key=lambda one: (one.spend_usd is None, -(one.spend_usd or ZERO), one.provider))
    return MonthBills(tuple(providers), tuple(differences))


def _find_other_names(bill: ProviderBill, others: Sequence[ProviderBill]) -> ProviderBill:
    """With the providers whose calls a cloud's bill may be for: then both are in the spend."""
    if bill.provider not in CLOUDS or bill.requests or not bill.billed_usd:
        return bill
    found = tuple(
        one.provider
        for one in others
        if one.counted_usd and one.billed_usd is None and not one.unconverted and one.provider != LlmProxy.WINDSURF
    )
    return replace(bill, may_bill=found, is_reconciled=bill.is_reconciled and not found)


def _is_within(bill: ProviderBill, tolerance_usd: Decimal, tolerance_share: Decimal) -> bool:
    gap = abs(bill.unexplained_usd)
    size = max(abs(bill.billed_usd or ZERO), abs(bill.counted_usd or ZERO))
    return gap <= tolerance_usd or gap <= tolerance_share * size


def _compare_provider(
    provider: str, counts: list[Count], charges: list[Billed], *, is_daily: bool
) -> tuple[ProviderBill, list[Difference]]:
    known = [one for one in charges if one.usd is not None]
    other = [one for one in charges if one.usd is None]
    if other and not any(one.usd for one in known):
        known = []  # days on which nothing was charged say nothing of those in a currency without a rate
    counted = sum_known(one.usd for one in counts)
    requests, unpriced = sum(one.requests for one in counts), sum(one.unpriced_requests for one in counts)
    if not known:
        clp = None if any(one.unconverted_requests for one in counts) else sum_known(one.clp for one in counts)
        apart = bool(unpriced or other)
        bill = ProviderBill(
            provider, counted, None, counted, clp, requests, unpriced, apart, unconverted=sum_by_currency(other)
        )
        return bill, []
    usage = [one for one in known if one.kind == "usage"]
    first, last = min((one.first for one in usage), default=None), max((one.last for one in usage), default=None)
    sides: tuple[list[Count], list[Count]] = ([], [])
    for one in counts:
        sides[bool(first and last and (one.day is None or first <= one.day <= last))].append(one)
    outside, covered = sides
    differences = [
        *compare_usage(provider, covered, usage, is_daily=is_daily, has_calls=requests > 0),
        *name_others(provider, known),
        *name_outside(outside),
    ]
    billed = reduce(EXACT.add, (one.usd for one in known if one.usd is not None), ZERO)
    gap = reduce(EXACT.add, (one.usd for one in differences if not one.reason), ZERO)
    pesos = [*(one.clp for one in known), *(one.clp for one in outside if one.usd is not None)]
    lacks_pesos = None in pesos or any(one.unconverted_requests for one in outside)
    spend = EXACT.add(billed, sum_known(one.usd for one in outside) or ZERO)
    bill = ProviderBill(
        provider,
        counted,
        billed,
        spend,
        None if lacks_pesos or other else sum_known(pesos),
        requests,
        unpriced,
        bool(other) or any(one.unpriced_requests for one in outside),
        first,
        last,
        sum_by_currency(other),
        gap,
    )
    return bill, sorted(differences, key=lambda one: (one.day or date.min, one.model or "", one.kind))


def _write(amount: Decimal | None) -> str:
    return "nothing" if amount is None else f"{amount.quantize(Decimal('0.01')):,f}"
