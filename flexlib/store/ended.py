"""ROOT/ended.json: by source the months after which it was not used any more, as somebody has said of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from flexlib.certificate import CERTIFICATES
from flexlib.dates import Month, Span
from flexlib.errors import BadFile, BadMonth, SnapshotMissing
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.sources.registry import BILLS, sort_sources
from flexlib.store.disk import lock_file, report_disk, write_whole
from flexlib.store.snapshots import MONTH, list_folders, list_months, list_snapshots

FILE, LOCK = "ended.json", ".ended.lock"

Ended = dict[str, list[Month]]


def list_stored(root: Path, *, bills: bool = False) -> dict[str, list[Month]]:
    """By source of credits or calls, the ledger first, the months that are stored of it, in order; with `bills` those
    of bills, too, which are not awaited: they come by contract, not by month. Raises `BadFile` where a folder cannot be
    looked into."""
    found: dict[str, list[Month]] = {}
    for dataset in (one for one in CERTIFICATES if bills or one != BILLS.dataset):
        for name in sorted(one.name for one in list_folders(root / dataset) if MONTH.fullmatch(one.name)):
            month = Month.parse(name)
            for source in {one.source for one in list_snapshots(dataset, month, root)}:
                found.setdefault(source, []).append(month)
    return {source: found[source] for source in sort_sources({*found})}


def find_last_before(month: Month, root: Path) -> dict[str, Month]:
    """By source the last month before this one that is stored of it."""
    before = {source: [one for one in months if one < month] for source, months in list_stored(root).items()}
    return {source: months[-1] for source, months in before.items() if months}


def find_awaited(month: Month, root: Path) -> dict[str, Month]:
    """`find_last_before` without the sources that ended in between. Raises `BadFile`, as `read_ended` does."""
    ended, before = read_ended(root), find_last_before(month, root)
    return {source: last for source, last in before.items() if not _is_over(ended.get(source, ()), last, month)}


def find_over(month: Month, root: Path) -> set[str]:
    """The sources that ended before the month, and are stored again neither since nor in it."""
    return part_begun(month, root)[1]


def check_going(month: Month, root: Path) -> None:
    """Raises `SnapshotMissing` where every source that is stored of an earlier month had ended before this one: then
    nothing has to be brought."""
    going, over = part_begun(month, root)
    if over and not going:
        raise SnapshotMissing(explain_all_over(month))


def explain_all_over(month: Month) -> str:
    return _("Every source had ended before {month}, as flexlib sources was told: nothing of it is awaited.").format(
        month=month
    )


def part_begun(month: Month, root: Path, until: Month | None = None) -> tuple[set[str], set[str]]:
    """Of the sources that are stored of the month or before it, those that go on and those that are over, as of
    `find_over`; with `until` as what is stored up to that month tells it."""
    ended, going, over = read_ended(root), set[str](), set[str]()
    for source, months in list_stored(root).items():
        if begun := [one for one in months if one <= month and (until is None or one <= until)]:
            (over if _is_over(ended.get(source, ()), begun[-1], month) else going).add(source)
    return going, over


def find_unawaited(months: Collection[Month], root: Path) -> set[Month]:
    """Those of the months before which every source that had begun was over, so that nothing of them is awaited."""
    if not read_ended(root):
        return set()
    parted = {month: part_begun(month, root) for month in months}
    return {month for month, (going, over) in parted.items() if over and not going}


def list_lacking(root: Path) -> dict[str, list[Month]]:
    """By source the months that lack it: between its first one and the last of which anything is stored, those that are
    not stored of it and do not lie after its end."""
    stored, ended = list_stored(root), read_ended(root)
    return {
        source: [
            month for month in Span(months[0].first, list_months(root)[-1].last).months
            if month not in months
            and not _is_over(ended.get(source, ()), max(one for one in months if one < month), month)
        ]
        for source, months in stored.items()
    }  # fmt: skip


def read_ended(root: Path) -> Ended:
    """What was said. Raises `BadFile` where the file is not what `write_ended` wrote."""
    file = root / FILE
    try:
        said = decode_json(file.read_text("utf-8"))
        if not all(isinstance(months, list) for months in said.values()):
            raise TypeError
        return {str(source): sorted({Month.parse(one) for one in months}) for source, months in said.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, TypeError, AttributeError, BadMonth) as error:
        text = _("{file}, which says which sources have ended, cannot be read; move it away and say it again.")
        raise BadFile(text.format(file=file)) from error


def change_ended(source: str, month: Month, root: Path, *, is_over: bool) -> None:
    """Says that the source was last in use in the month, or takes that back; others who do so wait. Raises `BadFile`,
    `DiskFailed`."""
    with lock_file(root / LOCK):
        ended = read_ended(root)
        months = {*ended.get(source, ())}
        write_ended(ended | {source: [*(months | {month} if is_over else months - {month})]}, root)


def write_ended(ended: Ended, root: Path) -> None:
    """Keeps it; no file where nothing is said. Raises `DiskFailed`."""
    said = {source: list(map(str, sorted(months))) for source, months in sorted(ended.items()) if months}
    with report_disk(root):
        if said:
            write_whole(root / FILE, json.dumps(said))
        else:
            (root / FILE).unlink(missing_ok=True)


def _is_over(ends: Iterable[Month], last: Month, month: Month) -> bool:
    """Whether a source that is stored up to `last` had ended before `month`."""
    return any(last <= end < month for end in ends)
