"""Sources of which some months are stored and others are not: what is not stored is not zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from flexlib.dates import Month, name_months
from flexlib.front.credits_days import CreditsMonth
from flexlib.i18n import _
from flexlib.sources.registry import LEDGER, WINDSURF, sort_sources
from flexlib.spend.month import MonthUsage
from flexlib.spend.unstored import explain_unstored
from flexlib.store.ended import find_over
from flexlib.store.strays import list_misplaced


def list_sources(month: MonthUsage | CreditsMonth, of: str) -> set[str]:
    """Those that are stored of the month and have a unit: `credits` is Windsurf's, money that of its calls, too."""
    datasets = {WINDSURF.dataset} if of == "credits" else {WINDSURF.dataset, LEDGER.dataset}
    return {one.source for one in month.snapshots if one.dataset in datasets and one.month == month.month}


def find_unstored(months: Iterable[MonthUsage | CreditsMonth], of: str, root: Path) -> dict[str, list[Month]]:
    """By source that has the unit in some of the months those of which it is not stored, also before it began, but for
    those after its end."""
    stored = {month.month: list_sources(month, of) for month in months}
    sources = sort_sources({one for some in stored.values() for one in some})
    here = {month: some | find_over(month, root) for month, some in stored.items()}
    found = {source: [month for month, some in here.items() if source not in some] for source in sources}
    return {source: lacking for source, lacking in found.items() if lacking}


def find_gaps(months: Iterable[MonthUsage | CreditsMonth], of: str) -> dict[str, list[Month]]:
    """By source that has the unit the months of which it is not stored though it had begun, and is not said to have
    ended."""
    found: dict[str, list[Month]] = {}
    for month in months:
        for source in month.unstored:
            if of != "credits" or source == WINDSURF.name:
                found.setdefault(source, []).append(month.month)
    return found


def list_gaps(months: Iterable[MonthUsage | CreditsMonth], of: str) -> set[Month]:
    """The months of which `find_gaps` has a source."""
    return {month for own in find_gaps(months, of).values() for month in own}


def explain_not_stored(absent: Sequence[Month], months: Iterable[MonthUsage], root: Path) -> list[str]:
    """Which months are not stored at all, and which `months` lack a source that had begun, in sentences."""
    said = [_("Nothing of {months} is stored.").format(months=name_months(absent))] if absent else []
    return [*said, *list_misplaced(root, absent), *explain_unstored(find_gaps(months, "usd"), root)]
