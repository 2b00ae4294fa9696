"""Files of calls meet the disk: every month of them judged, merged and checked before the first one is written.

Kept are the calls, the hash of each file, which file each call came from, and the rows that could not be taken as they
stand there; the files themselves are not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Self

from flexlib.certificate import ChargesCertificate, UsageCertificate
from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.ingest.files.copies import leave_out_copies
from flexlib.ingest.files.entries import Decisions, list_entries
from flexlib.ingest.files.held_rows import refuse_rebuilding
from flexlib.ingest.files.known import (
    are_logs,
    find_named,
    list_changes,
    list_stored_files,
    read_certificate,
    refuse_dropping,
)
from flexlib.ingest.files.merge import MergedMonth, merge_month
from flexlib.ingest.files.pool import NO_CALLS, Pool, ReadFile, read_files
from flexlib.ingest.files.reading import refuse_reading_otherwise
from flexlib.ingest.files.stored import find_held_again, is_at_edge
from flexlib.ingest.pipeline import HeldMonth, PreparedMonth, hold_month, prepare_month, store_month
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.paths import InputFile
from flexlib.sources.registry import IMPORT, RefusedFileRow
from flexlib.store.fx import load_rates
from flexlib.store.last import check_kept
from flexlib.store.snapshots import find_snapshot


@dataclass(frozen=True)
class FilesImport:
    """What one import did to one month."""

    certificate: UsageCertificate | ChargesCertificate
    """Of the month's newest version."""
    added_rows: int
    """Rows that were not there before."""
    quarantined: tuple[RefusedFileRow, ...]
    """The files' rows that could not be taken."""
    is_new: bool
    """Whether that version was written now; not when an older one said all of it already."""
    added_by_file: dict[str, int] = field(default_factory=dict)
    """Those rows by the name of the file that brings them; a file without rows of the month is not there."""

    @classmethod
    def store(cls, month: PreparedMonth, merged: MergedMonth) -> Self:
        """Stores the month."""
        snapshot = store_month(month)
        certificate = snapshot.certificate
        assert isinstance(certificate, UsageCertificate | ChargesCertificate)
        refused = tuple(row for row in month.delivery.refused if isinstance(row, RefusedFileRow))
        added = sum(merged.added_rows.values())
        return cls(certificate, added, refused, snapshot != month.held.newest, merged.added_rows)


@dataclass(frozen=True)
class MonthImport(FilesImport):
    """What one import did to one month of calls."""

    certificate: UsageCertificate


def import_usage(
    file: Path,
    mapping: CallMapping,
    root: Path,
    *,
    replace_months: bool = False,
    wait: bool = False,
    now: datetime | None = None,
) -> list[MonthImport]:
    """Brings the calls of `file` into the snapshots of its months, in order; a call that is there already counts once.

    With `replace_months` its months are rebuilt from it alone, whatever else they hold. As `import_files` otherwise.
    """
    decisions = Decisions(replace_months=replace_months, drops_others=True)
    return import_files([(InputFile(file, file.name), mapping)], root, decisions, wait=wait, now=now)


def import_files(
    files: Sequence[tuple[InputFile, CallMapping]],
    root: Path,
    decisions: Decisions | None = None,
    *,
    wait: bool = False,
    now: datetime | None = None,
    note: Callable[[str], None] = lambda text: None,
) -> list[MonthImport]:
    """Brings the calls of `files` into the snapshots of their months, in order, as `prepare_calls` does.

    Each month is stored whole, and none before all have passed.
    """
    with prepare_calls(files, root, decisions, wait=wait, now=now, note=note) as store:
        return store()


@contextmanager
def prepare_calls(
    files: Sequence[tuple[InputFile, CallMapping]],
    root: Path,
    decisions: Decisions | None = None,
    *,
    wait: bool = False,
    now: datetime | None = None,
    note: Callable[[str], None] = lambda text: None,
    show_progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Callable[[], list[MonthImport]]]:
    """The months of `files` read, merged and checked; what it yields stores them all. Until then nothing is stored.

    Every month is merged with its newest version, or rebuilt from these files alone. Amounts that a file does not
    give are filled as recording does, from the price book and the kept rates; one that is stored stays, whatever those
    say later. Importing a file again changes nothing, except that missing amounts are filled once they are known.
    `note` is told of files that are the same, `show_progress` whose turn it is.

    Raises `BadFile` when a file cannot be read, was imported under another mapping, or differs from what is stored
    under the same id, and when the table of rates is corrupt; `BadParameter`, also where replacing a month would drop
    other files and nobody said so; `AlreadyRunning` unless `wait`; `DiskFailed`.
    """
    read_at, rates = now or datetime.now(timezone.utc), load_rates(root)
    decisions, stored = decisions or Decisions(), list_stored_files(root)
    of_before, is_decided = [] if decisions.replace_months else stored, bool(decisions.supersedes or decisions.distinct)
    with (
        read_files(
            files, of_before, note, show_progress, is_decided=is_decided, is_distinct=decisions.distinct
        ) as pool,
        ExitStack() as stack,
    ):
        rebuilt = set(pool.months) if decisions.replace_months else set()
        _add_months_of_before(pool, stored, decisions.supersedes)
        held = [stack.enter_context(hold_month(IMPORT, month, root, wait=wait)) for month in pool.months]
        pool = _leave_out_copies(pool, stored, rebuilt, decisions, root)
        if not decisions.drops_others:
            old = [(one.month, one.newest) for one in held if one.month in rebuilt and one.newest]
            again = {(sha, sha) for month, newest in old for sha in find_held_again(pool, month, newest)}
            refuse_dropping([(month, before.files) for month, one in old if (before := read_certificate(one))], again)
            for month, newest in old:
                refuse_rebuilding(pool, month, newest)
        _check_superseded(held, pool, decisions)
        prepared = []
        for one in held:
            if one.month not in rebuilt:
                check_kept(one.folder, IMPORT.name)
            base = None if one.month in rebuilt else one.newest
            entries = list_entries(pool, one.month, read_certificate(base), decisions)
            merged = merge_month(pool, one.month, base, entries, decisions, read_at, one.scratch)
            delivery = replace(merged.delivery, most_unpriced=decisions.most_unpriced)
            prepared.append((prepare_month(one, delivery, rates), merged))
        pool.check_unchanged()
        yield lambda: [MonthImport.store(*one) for one in prepared]


def _leave_out_copies(
    pool: Pool, stored: Sequence[tuple[Month, Mapping[str, Any]]], rebuilt: set[Month], decisions: Decisions, root: Path
) -> Pool:
    """Calls that another session has too are left out, unless they are said to be distinct."""
    if decisions.distinct:
        return pool
    months = {month for one in pool.months for month in (one.previous, one)} - rebuilt
    found = (find_snapshot(IMPORT.dataset, month, root, IMPORT.name) for month in sorted(months))
    distinct = {entry["sha256"] for _, entry in stored if entry.get("distinct")}
    return leave_out_copies(pool, [one for one in found if one], distinct)


def _add_months_of_before(
    pool: Pool, stored: Sequence[tuple[Month, Mapping[str, Any]]], supersedes: Sequence[str]
) -> None:
    """A file that was read by other columns may have had calls in other months: they are to go, or to be refused. So
    may an older one of a log, of which the newer one has the same calls beyond the end of the month, or one call there
    by another clock."""
    given = {file.facts.sha256: file for file in pool.files}
    named = {number for name in supersedes for number in find_named([entry for _, entry in stored], name)}
    for number, (month, entry) in enumerate(stored):
        file = given.get(entry["sha256"])
        if file and list_changes(entry["mapping"], file.facts.mapping):
            file.months.setdefault(month, NO_CALLS)
        for newer in pool.files if number in named and not file else ():
            _add_beside(pool, newer, month, entry)
    facts = [asdict(file.facts) for file in pool.files]
    for number in {number for name in supersedes for number in find_named(facts, name)}:
        for month in [*pool.files[number].months]:
            for newer in pool.files:
                _add_beside(pool, newer, month, facts[number])


def _add_beside(pool: Pool, newer: ReadFile, month: Month, older: Mapping[str, Any]) -> None:
    is_beside = bool({month.previous, month.next} & newer.months.keys())
    if is_beside and (are_logs(newer.facts.mapping, older["mapping"]) or is_at_edge(pool, newer, month)):
        newer.months.setdefault(month, NO_CALLS)


def _check_superseded(held: Sequence[HeldMonth], pool: Pool, decisions: Decisions) -> None:
    """Raises `BadFile` for an older file of which no month knows, or that was read otherwise than what replaces it."""
    stored = [entry for one in held if (before := read_certificate(one.newest)) for entry in before.files]
    if not decisions.drops_others:
        refuse_reading_otherwise(stored, [asdict(file.facts) for file in pool.files], decisions.supersedes)
    files = [{"name": file.facts.name, "sha256": file.facts.sha256} for file in pool.files]
    known: list[dict[str, Any]] = [*stored, *files]
    for name in decisions.supersedes:
        if not find_named(known, name):
            names = ", ".join(dict.fromkeys(entry["name"] for entry in known))
            raise BadFile(
                _("no file {name} was imported into these months; theirs are {names}.").format(name=name, names=names)
            )
        given = {file.facts.sha256: file.facts.mapping for file in pool.files}
        named = [known[number] for number in find_named(known, name)]
        is_read_anew = any(
            list_changes(given[one["sha256"]], one.get("mapping", given[one["sha256"]]))
            for one in named
            if one["sha256"] in given
        )
        if given.keys() == {one["sha256"] for one in named} and not is_read_anew:
            is_stored = any(entry["sha256"] in given for entry in stored)
            said = _(
                "{name} cannot supersede itself: it is not imported yet. Leave --supersedes out, or name the older "
                "file that it is to take the place of."
            )
            if is_stored:
                said = _(
                    "{name} cannot supersede itself: it was imported before, by the same columns. Leave --supersedes "
                    "out, or name the older file that it is to take the place of."
                )
            raise BadFile(said.format(name=name))
