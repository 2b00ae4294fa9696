"""The month before, and whether a change on it means anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flexlib.analysis.ranking import join_lines, measure_amount_change
from flexlib.analysis.usage import total_cost_by_period
from flexlib.certificate import State
from flexlib.dates import Month
from flexlib.errors import SnapshotMissing
from flexlib.formats import count_calls_at_least, format_change
from flexlib.i18n import _, join_and
from flexlib.senders import name_provider
from flexlib.sources.registry import name_source, sort_sources
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.store.cache import recall
from flexlib.store.ended import find_over

if TYPE_CHECKING:
    import duckdb

Sum = TypeVar("Sum")

NOT_WHOLE = (State.GAP, State.PROVISIONAL)
"""States of a month that is a part of one: against another it would look like a rise or a fall."""


@dataclass(frozen=True)
class MonthBefore:
    """The month before the reported one, as far as it is stored."""

    month: Month
    usage: MonthUsage | None
    """None: nothing of it is stored."""
    obstacle: str = ""
    """Why no change on it is stated, in a few words; empty where one may be."""

    def sum_by(self, function: Callable[[duckdb.DuckDBPyRelation], Sum]) -> Sum | None:
        """What a function of rows gives of this month's; None where no change on it is stated."""
        return None if self.usage is None or self.obstacle else function(self.usage.rows)

    def compare(self, lines: Sequence[Mapping[str, Any]]) -> int | str | None:
        """The change of the whole amount of `lines`, with the measures of `analysis.usage`, on this month's, in tenths
        of a percent, as words where it is at least so much: some of `lines` lack calls. None where this month's is not
        whole or not to be compared, or a bound below it, of which no fall is known."""
        if not lines or self.obstacle or self.usage is None:
            return None
        counted = _total_counted(self.usage)
        now, then = join_lines(lines), counted["usd"]
        change = None if counted["unpriced_usd"] else measure_amount_change(now["total_usd"], then)
        if change is None or not now["unpriced_usd"]:
            return change
        said = _("at least {amount}").format(amount=format_change(change)).replace(" ", "\u00a0", 1)
        return None if change < 0 else said

    @cached_property
    def totals(self) -> dict[str, Any] | None:
        """As from `total_spend`, also where no change is stated; None where nothing is stored."""
        return None if self.usage is None else total_spend(self.usage)


LACKS = (("unpriced_usd", ""), ("unpriced_clp", "calls_without_clp"))
"""How totals name the calls that a sum lacks, and with bills those of them that are calls."""


def total_spend(usage: MonthUsage) -> dict[str, Any]:
    """What the month came to, in the shape of `total_cost_by_period`: of a provider that sent a bill by it, of the
    others as counted; the calls that a sum lacks are those that no bill covers. With bills also `calls_without_clp`, as
    `MonthBills` has them."""
    if not usage.has_bills:
        return _total_counted(usage)
    bills = usage.bills
    without = [one.unpriced_requests for one in bills.providers if one.is_at_least]
    amounts = {"usd": bills.spend_usd, "clp": bills.spend_clp}
    lacks = {"unpriced_usd": sum(without), "unpriced_clp": bills.requests_without_clp}
    return amounts | lacks | {"calls_without_clp": bills.calls_without_clp}


def explain_lacks(months: Sequence[MonthUsage], totals: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the totals of some months, as from `total_spend`, lack: calls, and bills without a rate, in sentences."""
    of_usd, of_clp = (sum(one.get(known, one[name]) for one in totals) for name, known in LACKS)
    said = [(_("{calls} without a price: not in the total in US$."), of_usd),
            (_("{calls} without pesos: not in the total in CLP."), of_clp)]  # fmt: skip
    told = [text.format(calls=count_calls_at_least(count, is_least=False)) for text, count in said if count]
    bills = [one for month in months if month.has_bills for one in month.bills.providers if one.is_unrated]
    if names := dict.fromkeys(name_provider(one.provider) for one in bills):
        lacking = _("What {names} billed has no rate for pesos, or not on all days: the total in CLP lacks some of it.")
        told.append(lacking.format(names=join_and(names)))
    return told


def _total_counted(usage: MonthUsage) -> dict[str, Any]:
    def total() -> dict[str, Any]:
        totals = total_cost_by_period(usage.rows)
        assert isinstance(totals, dict)
        return totals

    return dict(recall(usage.basis, "totals", total))


def load_month_before(usage: MonthUsage, root: Path) -> MonthBefore:
    """The month before that of `usage`, in its zone, out of the data folder `root`."""
    month = usage.month.previous
    try:
        before = load_month_usage(month, root, zone=usage.zone, tolerance=usage.tolerance, look=usage.look)
    except SnapshotMissing:
        return MonthBefore(month, None, _("{month} is not stored").format(month=month.name))
    return MonthBefore(month, before, _find_obstacle(usage, before))


def _find_obstacle(usage: MonthUsage, before: MonthUsage) -> str:
    here, there = ({one.source for one in month.snapshots} for month in (usage, before))
    for lacking, month in ((here - there, before.month), (there - here, usage.month)):
        sources = lacking - find_over(month, usage.root)
        # What is not stored is not zero.
        if sources:
            names = ", ".join(map(name_source, sort_sources(sources)))
            return _("{month} lacks {sources}").format(month=month.name, sources=names)
    if before.state in NOT_WHOLE or (
        before.state is State.UNWITNESSED and any(one.exit_code for one in before.certificates)
    ):
        return _("{month} is not whole").format(month=before.month.name)
    if usage.state is State.PROVISIONAL:
        return _("{month} was not over").format(month=usage.month.name)
    return ""
