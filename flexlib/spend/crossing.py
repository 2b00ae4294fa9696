"""Bills of days in two months: what is of both may be in both, and how much is of which no line says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexlib.formats import format_amount
from flexlib.i18n import _, mark_text
from flexlib.money.unit_prices import EXACT
from flexlib.senders import name_provider, name_sender
from flexlib.sources.registry import BILLS
from flexlib.spend.billed import ZERO, list_paid, read_counts
from flexlib.store.snapshots import find_snapshot, list_months
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    from flexlib.spend.month import MonthUsage

ZONES = timedelta(hours=12)
"""How long after UTC's a day ends at most, wherever it is of: what a bill by day has behind a month is that month's."""

BY_MONTH = mark_text("Import bills by day or by calendar month in its place, with --supersedes of it.")
OR_FEE = mark_text(
    "Import bills by day or by calendar month in its place, with --supersedes of it, or it again with --bills other if "
    "it is for no calls."
)


@dataclass(frozen=True)
class _Covered:
    """The days that one file bills for one provider."""

    file: dict[str, Any]
    provider: str
    since: datetime
    until: datetime
    """The first moment that none of its lines is of."""

    @property
    def first(self) -> date:
        return self.since.date()

    @property
    def last(self) -> date:
        return (self.until - timedelta(microseconds=1)).date()


def list_crossing(month: MonthUsage) -> tuple[str, ...]:
    """Sentences on what an earlier month's bill covers of this one and this one's of a later, which may be in both."""
    earlier = [
        line
        for one in list_months(month.root)
        if one < month.month and (snapshot := find_snapshot(BILLS.dataset, one, month.root, BILLS.name))
        if any(entry["crossing"] for entry in _list_files(snapshot))
        for line in _read_covered(snapshot, f"period_end > DATE '{month.month.first}'")
    ]
    here = [line for one in month.snapshots if one.dataset == BILLS.dataset for line in _read_covered(one, "true")]
    found = [_compare_bills(line, other) for line in earlier for other in here]
    found += [_compare_calls(line, month.of_bills, here) for line in earlier]
    late = f"period_end > TIMESTAMP '{month.month.next.first}' + INTERVAL {ZONES.seconds} SECOND"
    for one in month.snapshots:
        found += (
            [_compare_end(line, month.of_bills) for line in _read_covered(one, late)]
            if one.dataset == BILLS.dataset
            else []
        )
    return tuple(filter(None, found))


def _compare_end(bill: _Covered, month: MonthUsage) -> str:
    """A line that ends in a later month: where the calls of this one come to all of it, none of it is of that."""
    (judged,) = (one for one in month.bills.providers if one.provider == bill.provider)
    if judged.counted_usd is not None and judged.is_reconciled:
        return ""
    return _(
        "{provider}: {file} bills {first} to {last}, and what of that is of a later month nobody knows: all of it is "
        "in this one. {advice}"
    ).format(**_describe(bill), advice=_(OR_FEE))


def _compare_bills(earlier: _Covered, here: _Covered) -> str:
    pairs = (earlier, here), (here, earlier)
    is_said = any(one.file["sha256"] in other.file["distinct_from"] for one, other in pairs)
    if earlier.provider != here.provider or earlier.until <= here.since or is_said:
        return ""
    return _(
        "{provider}: {file} bills {first} to {last}, and {other} {start} to {end}: what both bill counts twice. Import "
        "the one that holds with --supersedes of the other, or with --distinct if both do."
    ).format(**_describe(earlier), other=here.file["name"], start=here.first, end=here.last)


def _compare_calls(bill: _Covered, month: MonthUsage, here: list[_Covered]) -> str:
    """Calls of the covered days: of those that a bill of this month covers, that one says what they cost."""
    counted, senders = ZERO, {bill.provider, *list_paid(bill.file["mapping"].get("bills"))}
    for one in read_counts(month):
        is_billed = any(
            line.provider == one.provider and (one.day is None or line.first <= one.day <= line.last) for line in here
        )
        if one.provider in senders and (one.day is None or one.day <= bill.last) and not is_billed:
            counted = EXACT.add(counted, one.usd or ZERO)
    start = datetime(month.month.year, month.month.month, 1)
    if counted > month.tolerance.usd:
        said = _(
            "{provider}: {file} bills {first} to {last}, all of it in {month}; US$ {amount} of calls on those days is "
            "counted here too. {advice}"
        )
        advice = _(BY_MONTH)
    elif bill.until > start + ZONES and not any(line.provider == bill.provider for line in here):
        said = _(
            "{provider}: {file} bills {first} to {last}, all of it in {month}: what of it is of this month, this total "
            "lacks. {advice}"
        )
        advice = _(OR_FEE)
    else:
        return ""
    filled = _describe(bill) | {"month": f"{bill.first:%Y-%m}", "amount": format_amount(counted)}
    return said.format(**filled, advice=advice)


def _describe(bill: _Covered) -> dict[str, Any]:
    name = name_provider(bill.provider)
    return {"provider": name, "file": bill.file["name"], "first": bill.first, "last": bill.last}


def _read_covered(snapshot: Snapshot, where: str) -> list[_Covered]:
    files = {entry["sha256"][:16]: entry for entry in _list_files(snapshot)}
    rows = snapshot.relation.filter(f"kind = 'usage' AND amount <> 0 AND {where}")
    lines = rows.aggregate(
        "left(id, 16) AS file, provider, min(period_start), max(period_end)", "left(id, 16), provider"
    )
    found: dict[tuple[str, str], _Covered] = {}
    for file, provider, since, until in lines.fetchall():
        one = _Covered(files[file], name_sender(provider), since, until)
        also = found.get((file, one.provider), one)
        found[file, one.provider] = replace(one, since=min(since, also.since), until=max(until, also.until))
    return [one for _, one in sorted(found.items())]


def _list_files(snapshot: Snapshot) -> tuple[dict[str, Any], ...]:
    return tuple(getattr(snapshot.certificate, "files", ()))
