"""Bills that begin in an earlier month and cover days of this one: what is of both months may be in both."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from flexlib.formats import format_amount
from flexlib.money.unit_prices import EXACT
from flexlib.senders import name_sender
from flexlib.sources.registry import BILLS
from flexlib.spend.billed import ZERO, read_counts
from flexlib.store.snapshots import find_snapshot, list_months
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    from flexlib.spend.month import MonthUsage

LINES = "left(id, 16) AS file, provider, CAST(period_start AS DATE) AS first"
LAST = "CAST(max(period_end) - INTERVAL 1 MICROSECOND AS DATE) AS last"


@dataclass(frozen=True)
class _Covered:
    """The days that one file bills for one provider."""

    file: dict[str, Any]
    provider: str
    first: date
    last: date


def list_crossing(month: MonthUsage) -> tuple[str, ...]:
    """Sentences on what an earlier month's bill covers of this one, and is counted or billed in this one too."""
    earlier = [
        line
        for one in list_months(month.root)
        if one < month.month and (snapshot := find_snapshot(BILLS.dataset, one, month.root, BILLS.name))
        if any(entry["crossing"] for entry in _list_files(snapshot))
        for line in _read_covered(snapshot, f"period_end > DATE '{month.month.first}'")
    ]
    if not earlier:
        return ()
    here = [line for one in month.snapshots if one.dataset == BILLS.dataset for line in _read_covered(one, "true")]
    found = [_compare_bills(line, other) for line in earlier for other in here]
    return tuple(filter(None, [*found, *(_compare_calls(line, month, here) for line in earlier)]))


def _compare_bills(earlier: _Covered, here: _Covered) -> str:
    names = [one.file["name"] for one in (earlier, here)]
    pairs = (earlier, here), (here, earlier)
    is_said = any(one.file["sha256"] in other.file["distinct_from"] for one, other in pairs)
    if earlier.provider != here.provider or earlier.last < here.first or is_said:
        return ""
    return (
        f"{earlier.provider}: {names[0]} bills {earlier.first} to {earlier.last}, and {names[1]} {here.first} to "
        f"{here.last}: what both bill counts twice. Import the one that holds with --supersedes of the other, or with "
        "--distinct if both do."
    )


def _compare_calls(bill: _Covered, month: MonthUsage, here: list[_Covered]) -> str:
    """Calls of the covered days: of those that a bill of this month covers, that one says what they cost."""
    counted = ZERO
    for one in read_counts(month):
        is_billed = any(
            line.provider == one.provider and (one.day is None or line.first <= one.day <= line.last) for line in here
        )
        if one.provider == bill.provider and (one.day is None or one.day <= bill.last) and not is_billed:
            counted = EXACT.add(counted, one.usd or ZERO)
    if counted <= month.tolerance.usd:
        return ""
    return (
        f"{bill.provider}: {bill.file['name']} bills {bill.first} to {bill.last}, all of it in {bill.first:%Y-%m}; "
        f"US$ {format_amount(counted)} of calls on those days is counted here too. Import bills by day or by calendar "
        "month in its place, with --supersedes of it."
    )


def _read_covered(snapshot: Snapshot, where: str) -> list[_Covered]:
    files = {entry["sha256"][:16]: entry for entry in _list_files(snapshot)}
    rows = snapshot.relation.filter(f"kind = 'usage' AND amount <> 0 AND {where}")
    days: dict[tuple[str, str], list[date]] = defaultdict(list)
    for file, provider, first, last in rows.aggregate(f"{LINES}, {LAST}", "file, provider, first").fetchall():
        days[file, name_sender(provider)] += [first, last]
    return [_Covered(files[file], provider, min(both), max(both)) for (file, provider), both in sorted(days.items())]


def _list_files(snapshot: Snapshot) -> tuple[dict[str, Any], ...]:
    return tuple(getattr(snapshot.certificate, "files", ()))
