"""Tables of a month's bills: what each provider's calls cost, what it billed, and where the two differ."""

from __future__ import annotations

from flexlib.formats import format_count, format_plain
from flexlib.senders import LABELS
from flexlib.spend.billed import sum_known
from flexlib.spend.bills import MonthBills, ProviderBill
from flexlib.tables.definition import Column, Kind, Row, Table, Total


def table_providers(bills: MonthBills) -> Table:
    """The providers by spend: requests, counted, billed, the difference, and the spend with what it is out of."""
    rows: list[Row] = [
        {
            "provider": name_provider(one.provider),
            "requests": one.requests,
            "counted": one.counted_usd,
            "billed": one.billed_usd,
            "difference": one.difference_usd,
            "spend": one.spend_usd,
            "basis": _describe_basis(one),
        }
        for one in bills.providers
    ]
    columns = [
        Column("provider", "Provider", total="All providers"),
        Column("requests", "Requests", Kind.COUNT, Total.SUM, is_optional=True),
        Column("counted", "Counted US$", Kind.USD, Total.KNOWN),
        Column("billed", "Billed US$", Kind.USD, Total.KNOWN),
        Column("difference", "Difference US$", Kind.USD, is_optional=True),
        Column("spend", "Spend US$", Kind.USD, Total.KNOWN),
        Column("basis", "By"),
    ]
    return Table("table-providers", "Spend by provider, counted and billed", columns, rows)


def table_differences(bills: MonthBills, most: int | None = None) -> Table:
    """Where counts and bills differ, by provider, day and model; those that somebody has to explain stand first.

    Of more than `most` the others are one row.
    """
    found = sorted(bills.differences, key=lambda one: (one.is_explained, -abs(one.usd)))
    shown, folded = (found, []) if most is None or len(found) <= most + 1 else (found[:most], found[most:])
    rows: list[Row] = [
        {
            "provider": name_provider(one.provider),
            "day": one.day or "the month",
            "model": one.model or "no model",
            "kind": str(one.kind),
            "counted": one.counted_usd,
            "billed": one.billed_usd,
            "difference": one.usd,
            "reason": one.reason or "not explained",
        }
        for one in shown
    ]
    if folded:
        unexplained = sum(not one.is_explained for one in folded)
        rows.append(
            {
                "provider": format_count(len(folded), "other"),
                "day": "",
                "model": "",
                "kind": "",
                "counted": sum_known(one.counted_usd for one in folded),
                "billed": sum_known(one.billed_usd for one in folded),
                "difference": sum_known(one.usd for one in folded),
                "reason": f"{unexplained:,} not explained; --json lists each" if unexplained else "explained",
            }
        )
    columns = [
        Column("provider", "Provider", total="All differences"),
        Column("day", "Day", Kind.DAY),
        Column("model", "Model"),
        Column("kind", "What"),
        Column("counted", "Counted US$", Kind.USD, Total.KNOWN, is_optional=True),
        Column("billed", "Billed US$", Kind.USD, Total.KNOWN, is_optional=True),
        Column("difference", "Difference US$", Kind.USD, Total.SUM),
        Column("reason", "Why", is_optional=True),
    ]
    summary = "The difference" if len(found) == 1 else f"All {len(found)} differences"
    return Table("table-differences", "Counted and billed, where they differ", columns, rows, summary=summary)


def _describe_basis(bill: ProviderBill) -> str:
    """What the spend is out of, and what it lacks."""
    apart = [f"{currency} {format_plain(amount)} in no total" for currency, amount in bill.unconverted]
    return ", ".join([bill.basis, *["at least"] * bill.is_at_least, *apart])


def name_provider(provider: str) -> str:
    """What a reader sees for who sends the bill: our name for it, else its own.

    >>> name_provider("openai"), name_provider("aws"), name_provider("acme")
    ('OpenAI', 'AWS', 'acme')
    """
    return LABELS.get(provider, provider)
