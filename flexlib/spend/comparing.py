"""The comparison of a month's counts with its bills, provider by provider: the spend, and whether both agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import TYPE_CHECKING

from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.enums import LlmProxy
from flexlib.money.unit_prices import EXACT
from flexlib.senders import BILL_OWN
from flexlib.spend.billed import ZERO, Billed, Count, list_paid, read_charges, read_counts, sum_by_currency, sum_known
from flexlib.spend.bills import MonthBills, ProviderBill
from flexlib.spend.differences import Difference, compare_usage, name_others, name_outside, sum_unexplained

if TYPE_CHECKING:
    from flexlib.spend.month import MonthUsage


def compare_bills(month: MonthUsage) -> MonthBills:
    """The month's counts held against its charges.

    Not reconciled is a provider whose bill differs, without a reason, by more than the month's tolerance. A month of
    another zone than UTC is not the bills' month: its difference is not by day, and whether a provider is reconciled
    and what is unexplained are what the month of UTC says.
    """
    counts, charges = read_counts(month), list(read_charges(month))
    if month.of_bills is month:
        return compare_counts_with_bills(counts, charges, tolerance=month.tolerance)
    found = compare_counts_with_bills(counts, charges, has_same_days=False)
    judged = {one.provider: one for one in month.of_bills.bills.providers}
    return replace(found, providers=tuple(_judge_as(one, judged.get(one.provider)) for one in found.providers))


def _judge_as(here: ProviderBill, there: ProviderBill | None) -> ProviderBill:
    if there is None:  # calls of a neighbouring month alone
        return here
    names = ("unexplained_usd", "doubtful_usd", "may_bill", "is_reconciled")
    lacks_days = there.billed_usd is not None and there.is_at_least
    return replace(here, **{name: getattr(there, name) for name in names}, is_at_least=here.is_at_least or lacks_days)


def compare_counts_with_bills(
    counts: Sequence[Count],
    charges: Sequence[Billed],
    *,
    tolerance: BillTolerance | None = None,
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
        one, found = _compare_provider(provider, mine, billed, tolerance or BillTolerance(), is_daily=has_same_days)
        providers.append(one)
        differences += found
    least = {one.provider for one in counts if one.is_least}
    providers = [replace(one, requests_at_least=one.provider in least or one.is_without_calls) for one in providers]
    providers = [_find_other_names(one, providers, by_provider[one.provider][1]) for one in providers]
    providers.sort(key=lambda one: (one.spend_usd is None, -(one.spend_usd or ZERO), one.provider))
    return MonthBills(tuple(providers), tuple(differences))


def _find_other_names(bill: ProviderBill, others: Sequence[ProviderBill], charges: list[Billed]) -> ProviderBill:
    """With the providers whose calls the bill of a cloud, or of somebody unknown, may be for: then both are in the
    spend. What has no line of usage is for no calls, and a bill whose makers are named for theirs alone: those that
    still stand by themselves are named by two."""
    if bill.provider in BILL_OWN or bill.requests or bill.counted_usd or not bill.billed_usd or bill.first is None:
        return bill
    said = [list_paid(one.bills) for one in charges if one.kind == "usage"]
    named = {maker for makers in said for maker in makers} if all(said) else None
    found = tuple(
        one.provider
        for one in others
        if (named is None or one.provider in named)
        and one.counted_usd
        and one.billed_usd is None
        and not one.unconverted
        and one.provider != LlmProxy.WINDSURF
    )
    return replace(bill, may_bill=found, is_reconciled=bill.is_reconciled and not found)


def _is_within(bill: ProviderBill, tolerance: BillTolerance) -> bool:
    size = max(abs(bill.billed_usd or ZERO), abs(bill.counted_usd or ZERO))
    most = max(tolerance.usd, EXACT.multiply(tolerance.share, size))
    return bill.unexplained_usd <= most and bill.doubtful_usd <= most


def _find_doubtful(charges: Sequence[Billed], counted: Decimal) -> Decimal:
    """What a bill without a line of usage may pay for: a fee stands beside calls, or is all that is said of them."""
    fees = sum_known(one.usd for one in charges if one.kind == "fee" and one.bills != "other") or ZERO
    return max(min(fees, counted), ZERO)


def _count_without_pesos(counts: Sequence[Count]) -> int:
    return sum(one.unpriced_requests + one.unconverted_requests for one in counts)


def _sum_pesos(
    charges: Sequence[Billed], covered: Sequence[Count], outside: Sequence[Count]
) -> tuple[Decimal | None, bool]:
    """What is known of the spend in pesos, and whether it lacks something that is known in dollars.

    Of a bill of which nothing has a rate, the pesos of its calls are in it where it is of no fewer dollars. A credit
    without a rate makes what is known no lower bound: then nothing is."""
    unrated = [one.usd for one in charges if one.usd and one.clp is None]
    pesos = [*(one.clp for one in charges), *(one.clp for one in outside)]
    if any(usd < 0 for usd in unrated):
        return None, True
    if unrated and not any(one.clp for one in charges):
        counted = sum_known(one.usd for one in covered)
        pesos += [one.clp for one in covered] if counted is not None and counted <= reduce(EXACT.add, unrated) else []
    return sum_known(pesos), bool(unrated) or any(one.unconverted_requests for one in outside)


def _list_days(usage: list[Billed], *, has_gaps: bool) -> set[date]:
    """The days that lines of usage are of; without `has_gaps` also those between them."""
    days = {day for first, last in {(one.first, one.last) for one in usage} for day in Span(first, last)}
    return days if has_gaps or not days else set(Span(min(days), max(days)))


def _compare_provider(
    provider: str, counts: list[Count], charges: list[Billed], tolerance: BillTolerance, *, is_daily: bool
) -> tuple[ProviderBill, list[Difference]]:
    known = [one for one in charges if one.usd is not None]
    other = [one for one in charges if one.usd is None]
    if other and not any(one.usd for one in known):
        known = []  # days on which nothing was charged say nothing of those in a currency without a rate
    unrated = tuple(sorted({(one.currency, one.first) for one in other}))
    counted = sum_known(one.usd for one in counts)
    requests, unpriced = sum(one.requests for one in counts), sum(one.unpriced_requests for one in counts)
    if not known:
        clp, apart = sum_known(one.clp for one in counts), bool(unpriced or other)
        bill = ProviderBill(provider, counted, None, counted, clp, requests, unpriced, apart)
        without = _count_without_pesos(counts)
        bill = replace(bill, requests_without_clp=without or int(bool(other)), calls_without_clp=without)
        return replace(bill, unconverted=sum_by_currency(other), unrated_days=unrated), []
    usage = [one for one in known if one.kind == "usage"]
    days = _list_days(usage, has_gaps=is_daily)
    first, last = min(days, default=None), max(days, default=None)
    sides: tuple[list[Count], list[Count]] = ([], [])
    for one in counts:
        sides[bool(first and last and (one.day is None or first <= one.day <= last))].append(one)
    outside, covered = sides
    differences = [
        *compare_usage(provider, covered, usage, is_daily=is_daily, has_calls=bool(counts)),
        *name_others(provider, known),
        *name_outside(outside),
    ]
    # A sum of the month is covered by a bill of it; a bill of some days does not say what the calls in it cost, nor
    # what those of a day between them did: nothing, or its line is missing.
    is_whole = first is not None and days.issuperset(Month.containing(first).span)
    between = [one for one in covered if one.day is not None and one.day not in days]
    unknown = [*outside, *between, *(one for one in covered if one.day is None and not is_whole)]
    billed = reduce(EXACT.add, (one.usd for one in known if one.usd is not None), ZERO)
    clp, lacks_pesos = _sum_pesos(charges, covered, outside)
    lacks_pesos |= bool(other) or any(one.unpriced_requests for one in unknown)
    without = _count_without_pesos(counts) if lacks_pesos else 0
    spend = EXACT.add(billed, sum_known(one.usd for one in outside) or ZERO)
    bill = ProviderBill(
        provider,
        counted,
        billed,
        spend,
        clp,
        requests,
        unpriced,
        bool(other) or any(one.unpriced_requests for one in unknown),
        first,
        last,
        sum_by_currency(other),
        unrated,
        sum_unexplained(differences),
        ZERO if usage else _find_doubtful(known, counted or ZERO),
        requests_without_clp=(without or max(requests, 1)) if lacks_pesos else 0,
        calls_without_clp=without,
        is_unrated=any(one.usd and one.clp is None for one in charges),
    )
    is_reconciled = _is_within(bill, tolerance)
    lacks_days = not is_reconciled and any(one.usd for one in between)
    bill = replace(bill, is_reconciled=is_reconciled, is_at_least=bill.is_at_least or lacks_days)
    return bill, sorted(differences, key=lambda one: (one.day or date.min, one.model or "", one.kind))
