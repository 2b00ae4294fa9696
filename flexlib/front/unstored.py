"""Sources of which some months are stored and others are not: what is not stored is not zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flexlib.dates import Month, name_months
from flexlib.front.credits_days import CreditsMonth
from flexlib.i18n import _
from flexlib.proof import State
from flexlib.sources.registry import LEDGER, WINDSURF, sort_sources
from flexlib.spend.month import MonthUsage
from flexlib.store.ended import find_over, find_unawaited
from flexlib.store.snapshots import list_months, list_newest
from flexlib.store.strays import list_misplaced, list_strays
from flexlib.store.unstored import explain_unstored
from flexlib.store.version import Snapshot


def list_sources(month: MonthUsage | CreditsMonth, of: str) -> set[str]:
    """Those that are stored of the month and have a unit, see `name_sources`."""
    return name_sources((one for one in month.snapshots if one.month == month.month), of)


def name_sources(snapshots: Iterable[Snapshot], of: str) -> set[str]:
    """The sources that have a unit, see `list_datasets`."""
    datasets = list_datasets(of)
    return {one.source for one in snapshots if one.dataset in datasets}


def list_datasets(of: str) -> set[str]:
    """What has a unit: `credits` is Windsurf's, money that of its calls, too. Bills are held against these."""
    return {WINDSURF.dataset} if of == "credits" else {WINDSURF.dataset, LEDGER.dataset}


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


def list_gaps(months: Sequence[MonthUsage], of: str) -> set[Month]:
    """The months of which not all is stored that the unit is counted from: those of which `find_gaps` has a source, and
    those of which rows are missing."""
    datasets = list_datasets(of)
    short = {one.month for one in months if any(each.dataset in datasets and each.state_of_rows is State.GAP
                                                for each in one.certificates)}  # fmt: skip
    hours = {one.month for one in months if one.missing and of != "credits"}  # those of credits are no clock's
    return short.union(hours, *find_gaps(months, of).values())


@dataclass(frozen=True)
class Absent:
    """Months of which nothing is stored."""

    gaps: tuple[Month, ...] = ()
    """Over when the others were read, or followed by a stored month."""
    running: tuple[Month, ...] = ()
    """Begun then, and not over."""
    coming: tuple[Month, ...] = ()
    """Not begun then."""
    ended: tuple[Month, ...] = ()
    """Those before which every source had ended, so that nothing of them is awaited."""
    read_on: date | None = None
    """The day of the newest reading of the others, and no clock's: a page is the same whenever it is made."""

    @property
    def states(self) -> set[State]:
        """What they make of the state of all."""
        awaited = self.running or self.coming
        return ({State.GAP} if self.gaps else set()) | ({State.PROVISIONAL} if awaited else set())

    @property
    def reasons(self) -> dict[Month, str]:
        """Of those that are no gap, why: `running`, `coming` or `ended`."""
        return {month: name for name in ("running", "coming", "ended") for month in getattr(self, name)}


def part_absent(absent: Sequence[Month], stored: Sequence[Month], root: Path) -> Absent:
    """The months of which nothing is stored, by whether that is a gap; `stored`: those that are shown with them."""
    if not absent:
        return Absent()
    read_on = max(one.certificate.as_of for month in stored for one in list_newest(month, root)).date()
    last, ended = list_months(root)[-1], find_unawaited(absent, root)
    lost = {one.month for one in list_strays(root)}  # what was stored of a month and is gone is a gap whenever it was
    found: dict[str, tuple[Month, ...]] = dict.fromkeys(("gaps", "running", "coming", "ended"), ())
    for month in absent:
        if month in lost or (month not in ended and (month < last or month.last < read_on)):
            name = "gaps"
        else:
            name = "ended" if month in ended else "running" if month.first <= read_on else "coming"
        found[name] = (*found[name], month)
    return Absent(**found, read_on=read_on)


def explain_not_stored(absent: Sequence[Month], months: Sequence[MonthUsage], root: Path) -> list[str]:
    """Which months are not stored at all, which of them were not over or had not begun, and which `months` lack a
    source that had begun, in sentences."""
    parted = part_absent(absent, [one.month for one in months], root)
    texts = (
        (parted.gaps, _("Nothing of {months} is stored.")),
        (parted.running, _("{months} was not over when data was last read, on {day}; nothing of it is stored.")),
        (parted.coming, _("To come when data was last read, on {day}: {months}.")),
    )
    said = [text.format(months=name_months(own), day=parted.read_on) for own, text in texts if own]
    return [*said, *list_misplaced(root, absent), *explain_unstored(find_gaps(months, "usd"), root)]
