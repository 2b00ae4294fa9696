"""The month before, and whether a change on it means anything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flexlib.analysis.ranking import join_lines, measure_bound_change
from flexlib.analysis.usage import total_cost_by_period
from flexlib.certificate import Certificate, State
from flexlib.dates import Month, name_months
from flexlib.errors import SnapshotMissing
from flexlib.formats import count_calls_at_least, format_change, format_short_day
from flexlib.i18n import _, join_and
from flexlib.senders import name_provider
from flexlib.sources.registry import name_source, sort_sources
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.spend.zones import list_pieces, write_hours
from flexlib.store.cache import recall
from flexlib.store.ended import find_over

if TYPE_CHECKING:
    import duckdb

Sum = TypeVar("Sum")


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
        is_least = bool(now["unpriced_usd"])
        change = None if counted["unpriced_usd"] else measure_bound_change(now["total_usd"], then, is_least=is_least)
        if change is None or not is_least:
            return change
        return _("at least {amount}").format(amount=format_change(change)).replace(" ", "\u00a0", 1)

    def measure_change(self, amount: Decimal | None, *, is_least: bool) -> int | None:
        """The change of what another month came to on this one, in tenths of a percent; None where none is stated, as
        of an amount that is a lower bound and lower, or where this one's is a bound itself."""
        if self.obstacle or self.totals is None or self.totals["unpriced_usd"]:
            return None
        return measure_bound_change(amount, self.totals["usd"], is_least=is_least)

    @property
    def is_least(self) -> bool:
        """Whether what this month came to is a lower bound."""
        lacks_rows = self.usage is not None and self.usage.state is State.GAP
        return lacks_rows or bool(self.totals and self.totals["unpriced_usd"])

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
    return compare_before(usage, before)


def compare_before(usage: MonthUsage, before: MonthUsage) -> MonthBefore:
    """The month before that of `usage`, as it is loaded already."""
    return MonthBefore(before.month, before, explain_unlike([usage], [before], (usage.month.name, before.month.name)))


def find_own_sources(usage: MonthUsage) -> set[str]:
    """Those that are stored of the month itself: of another zone its edge is read out of a neighbour, too, which may
    have others."""
    return {one.source for one in usage.snapshots if one.month == usage.month}


def find_lacking(here: set[str], there: set[str], over: set[str]) -> set[str]:
    """The sources `there` and not `here`, but for those that were `over` by then: what is not stored is not zero."""
    return there - here - over


def explain_part(usage: MonthUsage, within: Collection[str] | None = None) -> str:
    """Why no change of the month is stated, in a few words: rows of it are known to be missing, or still to come. Calls
    without a price are there, and the change is at least so much. `within` as of `explain_unlike`."""
    certificates = _list_certificates(usage, within)
    lacks_rows = bool(usage.lacking if within is None else {*usage.unstored}.intersection(within))
    if lacks_rows or any(one.state_of_rows is State.GAP for one in certificates):
        return explain_hole(usage, usage.month.name, within)
    is_over = not any(one.is_part for one in certificates)
    return "" if is_over else _("{month} was not over").format(month=usage.month.name)


def explain_hole(usage: MonthUsage, name: str, within: Collection[str] | None = None) -> str:
    """That the month is not whole; where all that lacks is of neighbours that have a part of it in its zone, of which
    and since when."""
    edges = {} if within is not None or usage.unstored else find_edges(usage)
    said, hours = _("{month} is not whole"), join_and(edges.values())
    if edges and usage.month not in edges:
        said = _("{month} is not whole: {hours} is of {others}, of which something is missing")
    return said.format(month=name, hours=hours, others=name_months([*edges]))


def find_edges(usage: MonthUsage) -> dict[Month, str]:
    """The months of UTC that have a part of the month and of which something is missing, with their hours of it."""
    gaps = {one.month for one in usage.snapshots if usage.judge(one).state is State.GAP}
    pieces = list_pieces(usage.month, usage.zone)
    return {one: write_hours(first, end) for one, first, end in pieces if one in gaps.union(usage.short)}


def _list_certificates(usage: MonthUsage, within: Collection[str] | None) -> list[Certificate]:
    read = zip(usage.snapshots, usage.proofs, strict=True)
    return [proof for one, proof in read if within is None or one.source in within]


def list_running(usage: MonthUsage, sources: Collection[str]) -> list[str]:
    """Those of the sources that were read before the month was over: rows of them are still to come."""
    read = zip(usage.snapshots, usage.proofs, strict=True)
    return sort_sources({one.source for one, proof in read if one.source in sources and not proof.is_settled})


def explain_running(usage: MonthUsage, running: Sequence[str], *, is_all: bool) -> str:
    """Of a month of which these sources are `list_running`, up to which day they have anything of it, and what that
    means of its difference from another. They are named unless they are all that is compared."""
    name = usage.month.name if is_all else f"{usage.month.name} ({', '.join(map(name_source, running))})"
    sources = ", ".join(f"'{one}'" for one in running)
    # A sum of a month stands on its first day and tells nothing of how far it goes.
    dated = usage.rows.filter(f"source IN ({sources}) AND grain <> 'month'")
    ((last,),) = dated.aggregate("max(created_at)").fetchall()
    said = _("{month} was not over when it was read: a part of the difference is of days to come.")
    if last is not None:
        said = _("{month} was not over when it was read, and has rows up to {day}: a part of the difference is of days "
                 "to come.")  # fmt: skip
    return said.format(month=name, day=last and format_short_day(last))


def explain_unlike(
    now: Sequence[MonthUsage], then: Sequence[MonthUsage], names: tuple[str, str], within: Collection[str] | None = None
) -> str:
    """Why no change of some months on others is stated, in a few words; empty where one may be. The months of each in
    their order; `names`: what both are called; `within`: the sources that count, all of them where it is None."""
    here, there = ({one for month in side for one in find_own_sources(month)} for side in (now, then))
    for own, other, side, name in ((there, here, then, names[1]), (here, there, now, names[0])):
        lacking = find_lacking(own, other, find_over(side[0].month, side[0].root) if side else set())
        if lacking := lacking if within is None else lacking.intersection(within):
            sources = ", ".join(map(name_source, sort_sources(lacking)))
            return _("{month} lacks {sources}").format(month=name, sources=sources)
    if unlike := next((month for month in then if _is_no_measure(month, within)), None):
        return explain_hole(unlike, names[1], within)
    return next(filter(None, (explain_part(month, within) for month in now)), "")


def _is_no_measure(usage: MonthUsage, within: Collection[str] | None) -> bool:
    is_gap = usage.state is State.GAP if within is None else bool({*usage.unstored}.intersection(within))
    return is_gap or not all(one.is_measure for one in _list_certificates(usage, within))
