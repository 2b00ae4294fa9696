"""Lines of an older bill that could not be taken: forgotten only where the newer bills of its provider have as many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexlib.errors import BadParameter
from flexlib.ingest.charges.merge import BillFile
from flexlib.ingest.files.held_rows import explain_held, explain_unknown, has_fewer
from flexlib.senders import name_sender

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class BillMonth:
    """What a bill has of one month, as it is stored or was read."""

    name: str
    rows: pa.Table
    held: int
    """Lines that could not be taken; those of no readable month stand in each month of the bill."""
    held_days: Mapping[str, int] | None
    """How many of them are of each day; None where a version before stored the bill."""

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any], rows: pa.Table) -> BillMonth:
        """As a certificate has it."""
        return cls(
            entry["name"], rows, entry["quarantined"], entry.get("held_days", None if entry["quarantined"] else {})
        )


def list_bill_months(bill: BillFile) -> list[BillMonth]:
    return [BillMonth(bill.name, one.rows, len(one.refused), one.held_days) for one in bill.months.values()]


def refuse_losing_held(older: Iterable[BillMonth], newer: Iterable[BillFile]) -> None:
    """Raises `BadParameter` where a bill that is to go has lines that could not be taken, and the newer ones that bill
    a provider of its have fewer lines than it: on one of the days on which those begin, or in all; also where nobody
    knows these days."""
    gone: dict[str, list[BillMonth]] = {}
    for one in older:
        gone.setdefault(one.name, []).append(one)
    for name, months in gone.items():
        if not any(one.held for one in months):
            continue
        if any(one.held_days is None for one in months):
            raise BadParameter(explain_unknown(name))
        mine = _list_providers(months)
        others = [list_bill_months(bill) for bill in newer]
        others = [one for one in others if not mine or mine & _list_providers(one)]  # of one without lines: any may be
        count = sum(_count_lines(one) for one in others)
        by_day = sum((_count_days(one) for one in others), Counter[str]())
        days = {day for one in months for day in one.held_days or ()}
        if has_fewer(count, by_day, _count_lines(months), _count_days(months), days):
            raise BadParameter(explain_held(name, _count_held(months)))


def _list_providers(months: Sequence[BillMonth]) -> set[str]:
    return {name_sender(provider) for one in months for provider in one.rows["provider"].unique().to_pylist()}


def _count_lines(months: Sequence[BillMonth]) -> int:
    taken: int = sum(one.rows.num_rows for one in months)
    return taken + _count_held(months)


def _count_held(months: Sequence[BillMonth]) -> int:
    """Those of no day once: they stand in each month."""
    dated = [sum((one.held_days or {}).values()) for one in months]
    return sum(dated) + max((one.held - days for one, days in zip(months, dated, strict=True)), default=0)


def _count_days(months: Sequence[BillMonth]) -> Counter[str]:
    """How many lines begin on each day, taken or not."""
    found = Counter[str]()
    for one in months:
        found.update(one.held_days or {})
        for start in one.rows["period_start"].value_counts().to_pylist():
            found[str(start["values"].date())] += start["counts"]
    return found
