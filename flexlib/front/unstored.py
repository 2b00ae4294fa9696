"""Sources of which some months are stored and others are not: what is not stored is not zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from flexlib.dates import Month, name_months
from flexlib.front.people import CreditsMonth
from flexlib.i18n import _
from flexlib.sources.registry import LEDGER, WINDSURF, name_source, sort_sources
from flexlib.spend.month import MonthUsage
from flexlib.store.strays import list_misplaced

Unstored = dict[str, list[Month]]


def list_sources(month: MonthUsage | CreditsMonth, of: str) -> set[str]:
    """Those that are stored of the month and have a unit: `credits` is Windsurf's, money that of its calls, too."""
    datasets = {WINDSURF.dataset} if of == "credits" else {WINDSURF.dataset, LEDGER.dataset}
    return {one.source for one in month.snapshots if one.dataset in datasets and one.month == month.month}


def find_unstored(months: Iterable[MonthUsage | CreditsMonth], of: str) -> Unstored:
    """By source that has the unit in some of the months those of which it is not stored."""
    stored = {month.month: list_sources(month, of) for month in months}
    sources = sort_sources({one for some in stored.values() for one in some})
    found = {source: [month for month, some in stored.items() if source not in some] for source in sources}
    return {source: lacking for source, lacking in found.items() if lacking}


def find_gaps(months: Iterable[MonthUsage | CreditsMonth], of: str) -> Unstored:
    """`find_unstored`, without the months before a source began."""
    months = [*months]
    begun = {source: month.month for month in reversed(months) for source in list_sources(month, of)}
    found = {source: [month for month in own if month > begun[source]]
             for source, own in find_unstored(months, of).items()}  # fmt: skip
    return {source: lacking for source, lacking in found.items() if lacking}


def list_gaps(months: Iterable[MonthUsage | CreditsMonth], of: str) -> set[Month]:
    """The months of which `find_gaps` has a source."""
    return {month for own in find_gaps(months, of).values() for month in own}


def leave_out_after(unstored: Unstored, ends: Mapping[str, date]) -> Unstored:
    """Without the months after the day up to which a source goes, of which that day itself is told."""
    found = {source: [month for month in own if source not in ends or month.first <= ends[source]]
             for source, own in unstored.items()}  # fmt: skip
    return {source: months for source, months in found.items() if months}


def explain_unstored(unstored: Unstored) -> list[str]:
    """A sentence a source."""
    said = _("Nothing of {source} is stored of {months}: what it holds there is not known, and is not zero.")
    return [said.format(source=name_source(source), months=name_months(own)) for source, own in unstored.items()]


def explain_not_stored(absent: Sequence[Month], months: Iterable[MonthUsage], root: Path) -> list[str]:
    """Which months are not stored at all, and which `months` lack a source that had begun, in sentences."""
    said = [_("Nothing of {months} is stored.").format(months=name_months(absent))] if absent else []
    return [*said, *list_misplaced(root, absent), *explain_unstored(find_gaps(months, "usd"))]
