"""What bills say beside what was counted, as rows of FOCUS: with them the sum is the spend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from flexlib.formats import format_count, format_plain
from flexlib.front.focus_columns import COLUMNS
from flexlib.i18n import _, write_number
from flexlib.money.fx import USD
from flexlib.senders import name_provider
from flexlib.spend.billed import read_charges, sum_by_currency
from flexlib.spend.differences import DifferenceKind

if TYPE_CHECKING:
    from flexlib.spend.month import MonthUsage

CATEGORIES = {"tax": "Tax", "credit": "Credit"}
"""Of what a bill's line is for; anything else is an adjustment. A fee, too: what FOCUS calls a purchase is paid for in
advance, and no line says how much of that which month used up."""


def list_bill_rows(month: MonthUsage) -> list[dict[str, str | None]]:
    """By who sends the bill: what it charges for anything else than use, line by line of its kind, and how much more or
    less than what was counted it says of use, by day and model where it is by those."""
    if not month.has_bills:
        return []
    return sorted(
        [*_list_other_charges(month), *_list_differences(month)],
        key=lambda row: [row[name] or "" for name in ("BillingAccountId", "ChargePeriodStart", *COLUMNS)],
    )


def explain_unrated(month: MonthUsage) -> Iterator[str]:
    """That charges beside use have no known dollars, by currency, in sentences: they are in no row."""
    lost = [one for one in read_charges(month) if one.kind != "usage" and one.usd is None]
    for currency, amount in sum_by_currency(lost):
        count = sum(one.currency == currency for one in lost)
        yield _(
            "{charges} of bills beside use left out, {amount} {currency}: no rate of its day is stored; run: flexlib "
            "fx set"
        ).format(charges=format_count(count, "charge"), amount=write_number(format_plain(amount)), currency=currency)


def _list_other_charges(month: MonthUsage) -> Iterator[dict[str, str | None]]:
    for one in read_charges(month):
        if one.kind != "usage" and one.usd:
            row = _build_row(month, one.provider, (one.first, one.last), one.usd, one.model)
            clp = None if one.clp is None else _write(one.clp)
            own = {"PricingCurrency": one.currency, "PricingCurrencyEffectiveCost": _write(one.amount)}
            category = CATEGORIES.get(one.kind, "Adjustment")
            said = f"{one.kind}: {one.name}" if one.name else one.kind
            yield (
                row
                | own
                | {"ChargeCategory": category, "ChargeDescription": said, "x_BilledCostInClp": clp}
                | {"x_ChargeKind": one.kind}
            )


def _list_differences(month: MonthUsage) -> Iterator[dict[str, str | None]]:
    bills = {one.provider: one for one in month.bills.providers}
    for one in month.bills.differences:
        if one.kind is not DifferenceKind.OUTSIDE_BILL and one.charge == "usage":
            bill = bills[one.provider]
            whole = (bill.first or month.month.first, bill.last or month.month.last)
            row = _build_row(month, one.provider, (one.day, one.day) if one.day else whole, one.usd, one.model)
            said = f"bill beside calls, {one.kind}" + f": {one.reason}" * bool(one.reason)
            yield row | {"ChargeDescription": said, "x_ChargeKind": str(one.kind)}


def _build_row(
    month: MonthUsage, sender: str, days: tuple[date, date], usd: Decimal, model: str | None
) -> dict[str, str | None]:
    name, amount = name_provider(sender), _write(usd)
    return {
        **dict.fromkeys(COLUMNS),
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), amount),
        **dict.fromkeys(("BillingAccountName", "InvoiceIssuerName", "ProviderName", "PublisherName"), name),
        "BillingAccountId": sender,
        "BillingCurrency": USD,
        "BillingPeriodEnd": _write_moment(month.month.next.first),
        "BillingPeriodStart": _write_moment(month.month.first),
        "ChargeCategory": "Adjustment",
        "ChargeFrequency": "One-Time",
        "ChargePeriodEnd": _write_moment(days[1] + timedelta(days=1)),
        "ChargePeriodStart": _write_moment(days[0]),
        "PricingCurrency": USD,
        "PricingCurrencyEffectiveCost": amount,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": name,
        "ServiceSubcategory": "Generative AI",
        "x_Model": model,
    }


def _write(amount: Decimal) -> str:
    """With ten decimals, as amounts of calls have; more where it has more, as one converted at a rate may."""
    whole, _, decimals = format_plain(amount).partition(".")
    return f"{whole}.{decimals:0<10}"


def _write_moment(day: date) -> str:
    return f"{datetime(day.year, day.month, day.day):%Y-%m-%dT%H:%M:%SZ}"
