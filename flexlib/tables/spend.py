"""Tables of a month's bills: what each provider's calls cost, what it billed, and where the two differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flexlib.analysis.ranking import SHOWN
from flexlib.analysis.usage_frames import hide_zero
from flexlib.formats import format_number, format_plain
from flexlib.i18n import _, mark_text, translate_count, write_number
from flexlib.money.unit_prices import EXACT
from flexlib.names import match_model
from flexlib.senders import name_provider
from flexlib.spend.billed import ZERO, sum_known
from flexlib.spend.bills import MonthBills, ProviderBill
from flexlib.spend.differences import Difference
from flexlib.tables.definition import Column, Kind, Row, Table, Total, mark_least

KINDS = (
    mark_text("not counted"),
    mark_text("not billed"),
    mark_text("priced otherwise"),
    mark_text("outside the bill"),
)
"""What `DifferenceKind` says."""

BASES = (mark_text("bill"), mark_text("count"), mark_text("bill and count"))
"""What `ProviderBill.basis` says."""

CENT = Decimal("0.01")
"""A difference below it is of rounding, and would be written as `< 0.01`: it is in the sums, and has no line."""

TO_DO = {
    "billed": mark_text("Not explained: bring the calls behind it, or ask the provider what it is for."),
    "counted": mark_text("Not explained: look whether another bill pays for these calls."),
    "both": mark_text("Not explained: hold the prices against the contract."),
}
"""What whoever answers for the month does about a difference, by which of the two sums are known."""


def table_providers(bills: MonthBills) -> Table:
    """The providers by spend: requests, counted, billed, the difference, and the spend with what it is out of."""
    rows: list[Row] = [
        {
            "provider": name_provider(one.provider),
            "requests": _write_calls(one.calls, one.requests_at_least),
            "counted": hide_zero(one.counted_usd, one.unpriced_requests),
            "billed": one.billed_usd,
            "difference": one.difference_usd,
            "spend": hide_zero(one.spend_usd, one.is_at_least),
            "basis": _describe_basis(one),
        }
        for one in bills.providers
    ]
    columns = [
        Column("provider", "Who bills", total="All"),
        Column(
            "requests",
            "Calls",
            Kind.COUNT,
            _write_calls(bills.calls, bills.calls_at_least),
            is_optional=True,
            unknown="not known, since only a bill is there",
        ),
        Column("counted", "Counted US$", Kind.USD, Total.KNOWN),
        Column("billed", "Billed US$", Kind.USD, Total.KNOWN),
        Column("difference", "Difference US$", Kind.USD),
        Column("spend", "Spend US$", Kind.USD, Total.KNOWN),
        Column("basis", "Taken from", is_optional=True),  # the sums beside it tell as much
    ]
    return Table("table-providers", "Spend by provider, counted and billed", columns, rows)


def table_differences(bills: MonthBills, most: int | None = None) -> Table:
    """Where counts and bills differ by a cent or more, by provider, day and model, the largest first.

    Of more than `most` the others are one row; in it are smaller ones that together come to a cent.
    """
    found = sorted((one for one in bills.differences if abs(one.usd) >= CENT), key=lambda one: -abs(one.usd))
    shown, folded = (found, []) if most is None or len(found) <= most + 1 else (found[:most], found[most:])
    smaller = [one for one in bills.differences if abs(one.usd) < CENT]
    folded += smaller if abs(sum((one.usd for one in smaller), Decimal(0))) >= CENT / 2 else []
    rows: list[Row] = [
        {
            "provider": name_provider(one.provider),
            "day": one.day or _("the month"),
            "model": one.model or _("no model"),
            "kind": _(str(one.kind)),
            "counted": one.counted_usd,
            "billed": one.billed_usd,
            "difference": one.usd,
            "reason": _(one.reason) or _("not explained"),
        }
        for one in shown
    ]
    if folded:
        unexplained = sum(not one.is_explained for one in folded)
        rows.append(
            {
                "provider": _count_others(len(folded)),
                "day": "",
                "model": "",
                "kind": "",
                **_sum_up(folded),
                "reason": _("{count} not explained; --json lists each").format(count=format_number(unexplained))
                if unexplained
                else _("explained"),
            }
        )
    columns = [
        Column("provider", "Who bills", total="All differences"),
        Column("day", "Day", Kind.DAY),
        Column("model", "Model"),
        Column("kind", "What", is_optional=True),
        *_list_sums(bills.differences),
        Column("reason", "Why", is_optional=True),
    ]
    summary = translate_count("The difference", "All {count} differences", len(found))
    if len(found) < len(bills.differences):
        summary = translate_count(
            "The difference of a cent or more", "All {count} differences of a cent or more", len(found)
        )
    summary = summary.format(count=len(found))
    return Table("table-differences", "Counted and billed, where they differ", columns, rows, summary=summary)


def table_differences_by_model(bills: MonthBills) -> Table:
    """Of the whole month, where counts and bills differ, the largest that nothing explains first, and what to do."""
    groups: dict[tuple[str, str, bool], list[Difference]] = {}
    for one in bills.differences:
        groups.setdefault((one.provider, match_model(one.model or ""), one.is_explained), []).append(one)
    lines: list[dict[str, Any]] = []
    for (provider, __, is_explained), found in groups.items():
        sums = _sum_up(found)
        counted, billed = sums["counted"], sums["billed"]
        # A list price in it is that of a day.
        reason = re.sub(r" (is|es) [\d,.]+$", "", _(max(found, key=lambda one: abs(one.usd)).reason))
        if not is_explained:
            reason = _(TO_DO["both" if counted and billed else "billed" if billed else "counted"])
        lines.append(
            {
                "model": min((one.model for one in found if one.model), key=len, default=_("no model")),
                "provider": name_provider(provider),
                **sums,
                "why": reason,
                "is_explained": is_explained,
            }
        )
    smaller = [line for line in lines if abs(line["difference"]) < CENT]
    lines = [line for line in lines if abs(line["difference"]) >= CENT]
    lines.sort(key=lambda line: (line["is_explained"], -abs(line["difference"])))
    rows, rest = lines[:SHOWN], lines[SHOWN:]
    rest += smaller if abs(sum((line["difference"] for line in smaller), Decimal(0))) >= CENT / 2 else []
    if rest:
        sums = {name: sum_known(row[name] for row in rest) for name in ("counted", "billed", "difference")}
        rows.append({"model": _count_others(len(rest)), "provider": "", "why": "", **sums})
    columns = [
        Column("model", "Where they differ", total="All differences", note="provider"),
        *_list_sums(bills.differences),
        Column("why", "Why, or what to do"),
    ]
    others = frozenset({len(rows) - 1} if rest else ())
    return Table("table-differences-models", "Counted and billed by model, where they differ", columns, rows, others)


def _sum_up(found: Sequence[Difference]) -> dict[str, Decimal | None]:
    """What was counted, what was billed, and how much more that is."""
    return {
        "counted": sum_known(one.counted_usd for one in found),
        "billed": sum_known(one.billed_usd for one in found),
        "difference": sum_known(one.usd for one in found),
    }


def _list_sums(differences: Sequence[Difference]) -> list[Column]:
    """The columns of `_sum_up`, whose totals are those of all differences, also of those without a line."""
    totals = _sum_up(differences)
    return [
        Column("counted", "Counted US$", Kind.USD, totals["counted"], is_optional=True),
        Column("billed", "Billed US$", Kind.USD, totals["billed"], is_optional=True),
        Column("difference", "Difference US$", Kind.USD, totals["difference"]),
    ]


def lead_to_spend(bills: MonthBills, columns: Sequence[Column]) -> list[Row]:
    """From what was counted to the spend, to the last digit: the lines below the total of the models."""
    without = [one for one in bills.providers if one.is_without_calls]
    others = [one for one in bills.providers if one.billed_usd is not None and one not in without]
    counted = sum_known(one.counted_usd for one in bills.providers)
    billed = sum_known(one.spend_usd for one in without)
    rest = EXACT.subtract(bills.spend_usd or ZERO, EXACT.add(counted or ZERO, billed or ZERO))
    lines = [
        (_("Billed without calls"), without, billed),
        (_("Bills less what was counted"), others, rest if others else None),
    ]
    found = [
        {"model": name, "label": ", ".join(name_provider(one.provider) for one in of), "total_usd": usd}
        for name, of, usd in lines
        if usd
    ]
    found += [{"model": _("The month's spend"), "total_usd": bills.spend_usd}] * bool(found)
    return [{**{column.key: "" for column in columns}, **line} for line in found]


def _write_calls(calls: int | None, is_least: bool) -> str | int | None:  # noqa: FBT001
    return calls if calls is None or not is_least else mark_least(format_number(calls))


def _count_others(count: int) -> str:
    return translate_count("{count} other", "{count} others", count).format(count=format_number(count))


def _describe_basis(bill: ProviderBill) -> str:
    """What the spend is out of, and what it lacks."""
    lacks_all = bill.basis == "count" and bill.requests and hide_zero(bill.spend_usd, bill.is_at_least) is None
    basis = "bill" if bill.is_without_calls else bill.basis
    said = [_("unpriced")] if lacks_all else [_(basis), *[_("at least")] * bill.is_at_least]
    in_none = _("{currency} {amount} in no total")
    apart = [in_none.format(currency=currency, amount=write_number(format_plain(amount)))
             for currency, amount in bill.unconverted]  # fmt: skip
    return ", ".join([*said, *apart])
