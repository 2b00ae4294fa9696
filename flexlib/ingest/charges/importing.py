"""Bills meet the disk: every month of every file read and checked before the first one is written.

A charge is known by its file's hash and its line, so that a file imported again takes its own place, however it is read
this time. Two files that bill the same days of a provider may both be right to add, or not: the month is not reconciled
until somebody says which one holds (`supersedes`), or that both do (`distinct`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.certificate import ChargesCertificate
from flexlib.dates import Month
from flexlib.errors import BadParameter
from flexlib.i18n import _, join_texts
from flexlib.ingest.charges.held_lines import BillMonth, list_bill_months, refuse_losing_held
from flexlib.ingest.charges.merge import BillFile, keep_rows, list_days_of_lines, merge_month
from flexlib.ingest.files.entries import Decisions
from flexlib.ingest.files.importing import FilesImport
from flexlib.ingest.files.known import find_named, list_stored_files, refuse_dropping
from flexlib.ingest.files.pool import check_unchanged, describe_file, stamp_files
from flexlib.ingest.files.reading import refuse_reading_otherwise
from flexlib.ingest.files.superseded import MOST_SHOWN
from flexlib.ingest.pipeline import HeldMonth, hold_month, prepare_month
from flexlib.sources.charges import read_charges
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files import name_in_errors
from flexlib.sources.files.json_rows import write_json_lines
from flexlib.sources.files.pages import find_open_pages, name_series
from flexlib.sources.files.paths import InputFile
from flexlib.sources.registry import BILLS
from flexlib.store.last import check_kept

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ChargesImport(FilesImport):
    """What one import did to one month of bills."""

    certificate: ChargesCertificate


@contextmanager
def prepare_charges(
    files: Sequence[tuple[InputFile, ChargeMapping]],
    root: Path,
    decisions: Decisions | None = None,
    *,
    wait: bool = False,
    now: datetime | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[Callable[[], list[ChargesImport]]]:
    """The months of `files` read and checked, and stored months without them, too, where a file was before; what it
    yields stores them all. Until then nothing is stored. `note` is told of files that are the same.

    Raises `BadFile` when a file cannot be read or changes meanwhile, `BadParameter` for a name that no file has, and
    where files that are dropped bill days that these do not and nobody said so, `AlreadyRunning` unless `wait`,
    `DiskFailed`; then nothing is stored.
    """
    read_at, decisions = now or datetime.now(timezone.utc), decisions or Decisions()
    stamps = stamp_files(file for file, _ in files)
    bills: dict[str, BillFile] = {}
    for bill in (_read_bill(*one) for one in files):
        if (first := bills.setdefault(bill.sha256, bill)) is not bill:
            note(f"{bill.name} is the same as {first.name}, byte for byte: it counts once.")
    given = list(bills.values())
    with ExitStack() as stack:
        held, stored, older = _hold_months(stack, given, decisions, root, wait=wait)
        own = {entry["sha256"] for _, entry in stored if entry.get("distinct")}
        given = _refuse_open_pages(given, own, is_distinct=decisions.distinct)
        read = [bill for bill in given if bill.sha256 not in older]
        mine = {bill.sha256 for bill in read}
        dropped = mine | older
        months = {month for bill in read for month in bill.months}
        replaced = [(month, entry) for month, entry in stored if decisions.replace_months and month in months]
        if not decisions.drops_others:
            refuse_reading_otherwise([one for _, one in stored], [vars(bill) for bill in given], decisions.supersedes)
            refuse_dropping([(month, [one]) for month, one in replaced], [(bill.name, bill.sha256) for bill in read])
            going = [one for one in stored if one[1]["sha256"] in older]
            others = [one for one in replaced if one[1]["sha256"] not in older]
            asked, rebuilt = (_list_gone(entries, held, mine) for entries in (going, others))
            here = [bill for bill in given if bill.sha256 in older]
            gone = [*asked, *rebuilt, *(one for bill in here for one in list_bill_months(bill))]
            _refuse_losing(gone, [charges.rows for bill in read for charges in bill.months.values()])
            unstored = [bill for bill in here if bill.sha256 not in {entry["sha256"] for _, entry in going}]
            refuse_losing_held([*asked, *(one for bill in unstored for one in list_bill_months(bill))], read)
            for name in {one.name for one in rebuilt}:
                again = [bill for bill in read if bill.name == name]
                refuse_losing_held([one for one in rebuilt if one.name == name], again)
        distinct_from = mine | {entry["sha256"] for _, entry in stored} if decisions.distinct else set()
        touched = {month for month, entry in stored if entry["sha256"] in dropped}
        prepared = []
        for month in sorted(months | touched):
            is_rebuilt = decisions.replace_months and month in months
            if not is_rebuilt:
                check_kept(held[month].folder, BILLS.name)
            base = None if is_rebuilt else held[month].newest
            merged = merge_month(read, month, base, dropped, distinct_from, read_at, decisions.guard)
            prepared.append((prepare_month(held[month], merged.delivery), merged))
        check_unchanged(stamps)
        yield lambda: [ChargesImport.store(*one) for one in prepared]


def _hold_months(
    stack: ExitStack, given: Sequence[BillFile], decisions: Decisions, root: Path, *, wait: bool
) -> tuple[dict[Month, HeldMonth], list[tuple[Month, dict[str, Any]]], set[str]]:
    """The months that the bills touch, held; what is stored of bills, and the hashes of those that are to go.

    What is stored is listed again once they are held: nothing is decided by what another run changed meanwhile.
    """
    held: dict[Month, HeldMonth] = {}
    while True:
        stored = list_stored_files(root, BILLS)
        older = _find_older([entry for _, entry in stored], given, decisions.supersedes)
        dropped = older.union(bill.sha256 for bill in given)
        months = {month for bill in given if bill.sha256 not in older for month in bill.months}
        months |= {month for month, entry in stored if entry["sha256"] in dropped}
        if months <= held.keys():
            return held, stored, older
        stack.close()
        held = {month: stack.enter_context(hold_month(BILLS, month, root, wait=wait)) for month in sorted(months)}


def _find_older(stored: Sequence[Mapping[str, Any]], bills: Sequence[BillFile], names: Sequence[str]) -> set[str]:
    """The hashes of the bills of these names; where a given and a stored one have it, of the stored one."""
    given = {bill.sha256 for bill in bills}
    known = [*stored, *({"name": bill.name, "sha256": bill.sha256} for bill in bills)]
    older = set[str]()
    for name in names:
        named = {known[number]["sha256"] for number in find_named(known, name)}
        if not named:
            there = ", ".join(sorted({one["name"] for one in stored})) or "none"
            raise BadParameter(_("no bill {name!r} is stored; there are {there}.").format(name=name, there=there))
        older |= named - given or named
    return older - given if given <= older else older  # that of itself: it is read anew, as files of calls are


def _list_gone(
    stored: Iterable[tuple[Month, Mapping[str, Any]]], held: Mapping[Month, HeldMonth], mine: Container[str]
) -> list[BillMonth]:
    """What is stored of files that are to go, but of `mine` (hashes), which are read again."""
    return [
        BillMonth.from_entry(entry, keep_rows(newest, [entry["sha256"]]))
        for month, entry in stored
        if entry["sha256"] not in mine and (newest := held[month].newest)
    ]


def _refuse_losing(gone: Iterable[BillMonth], stays: Iterable[pa.Table]) -> None:
    """Raises `BadParameter` where a file that is to go charges something for a day for which no other bill of the
    command has a line, of the same provider and in the same currency."""
    billed = {one for rows in stays for one in list_days_of_lines(rows)}
    for one in gone:
        if lost := sorted(list_days_of_lines(one.rows, charged=True) - billed):
            shown = join_texts(
                (
                    _("{day} of {provider} in {currency}").format(day=day, provider=provider, currency=currency)
                    for day, provider, currency in lost[:MOST_SHOWN]
                ),
                ", ",
            )
            raise BadParameter(
                _(
                    "this would drop days that {name} bills and the newer bills do not: {shown}{value}; add "
                    "--yes if that is right."
                ).format(name=one.name, shown=shown, value=", ..." if lost[MOST_SHOWN:] else "")
            )


def _read_bill(file: InputFile, mapping: ChargeMapping) -> BillFile:
    facts = describe_file(file, mapping)
    with tempfile.TemporaryDirectory(prefix="flexlib-") as folder, name_in_errors(file.path, file.name):
        rows, pages = write_json_lines(file.path, mapping.asked, Path(folder))
        with name_in_errors(rows, file.path.name):
            return BillFile(facts.name, facts.sha256, facts.mapping, read_charges(rows, mapping, facts.sha256), pages)


def _refuse_open_pages(bills: Collection[BillFile], own: Container[str], *, is_distinct: bool) -> list[BillFile]:
    """The bills, in which a page is refused whose next one is in none of them; `own`: hashes of distinct ones."""
    found = []
    pages_of_all = [
        (name_series(one.mapping.get("preset"), one.mapping), one.pages, is_distinct or one.sha256 in own)
        for one in bills
    ]
    for bill, opened in zip(bills, find_open_pages(pages_of_all), strict=True):
        months = dict(bill.months)
        for month, charges in bill.months.items():
            pages = tuple(page.refused for page in opened if page.month in (None, month))
            months[month] = replace(charges, refused=charges.refused + pages)
        found.append(replace(bill, months=months))
    return found
