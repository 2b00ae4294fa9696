"""The calls of all files of one command in one place, each read and judged before anything of them is stored."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.formats import format_megabytes
from flexlib.i18n import _
from flexlib.ingest.files.known import SAME, SAME_AS_STORED, FileFacts, recall_rules
from flexlib.money.near_calls import LEAST_EQUAL
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files import MEMORY, CallFile, MonthCounts, check_taken, read_calls, select_month
from flexlib.sources.files.kinds import check_file
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.pages import Page, find_open_pages, name_series
from flexlib.sources.files.paths import InputFile
from flexlib.sources.files.texts import quote
from flexlib.sources.registry import RefusedFileRow, RefusedRow
from flexlib.store.version import People


@dataclass(frozen=True)
class FileMonth:
    """What a file holds of one month, but for its calls."""

    counts: MonthCounts
    refused: list[RefusedFileRow]
    people: People
    left_out: dict[str, int]
    """Rows that are no calls, by kind."""
    doubled: int = 0
    """Sums of the same period, model and all else as one before them."""
    free: tuple[int, Decimal] = (0, Decimal())
    """Rows that cost nothing though they carry an amount, and the US$ that they say."""
    held_days: dict[str, int] = field(default_factory=dict)
    """Rows of each day that could not be taken."""


NO_CALLS = FileMonth(MonthCounts(*[0] * len(fields(MonthCounts))), [], {}, {})
"""What a file holds of a month that it said more of when it was read by other columns."""


@dataclass(frozen=True)
class ReadFile:
    """A file that has been read and judged."""

    facts: FileFacts
    months: dict[Month, FileMonth]
    empty_columns: set[str]
    """Columns of `schema.USAGE` in which no call of the file has a value."""
    lifted: set[str]
    """Fields that a column of the metadata feeds by its name."""
    pages: list[Page]
    own_totals: list[tuple[str, str, str]]
    """Totals that it says of itself, and what its rows sum up to, where that is something else."""
    outside: pa.Table
    doubtful: set[str]
    """Calls that were made in something that is not in it, and that may be of another session, as `CallFile` says."""


@dataclass(frozen=True)
class Pool:
    """The calls of several files."""

    connection: duckdb.DuckDBPyConnection
    files: list[ReadFile]
    calls: duckdb.DuckDBPyRelation
    """Columns of `schema.USAGE`, `has_own_id`, and `place`: which of the files a call is of."""
    stamps: dict[InputFile, tuple[int, int]]
    """Size and time of each before it was read."""

    @property
    def months(self) -> list[Month]:
        """Every month that a row of a file lies in, in order."""
        return sorted({month for file in self.files for month in file.months})

    def read_month(self, month: Month) -> duckdb.DuckDBPyRelation:
        """The calls of the month, in no order; read when used."""
        return self.calls.filter(select_month(month))

    def check_unchanged(self) -> None:
        """Raises `BadFile` where a file has changed since it was read."""
        check_unchanged(self.stamps)


@contextmanager
def read_files(
    files: Sequence[tuple[InputFile, CallMapping]],
    stored: Sequence[tuple[Month, Mapping[str, Any]]],
    note: Callable[[str], None],
    show_progress: Callable[[str], None],
    *,
    is_decided: bool = False,
    is_distinct: bool = False,
) -> Iterator[Pool]:
    """The calls of the files; those of the same bytes are read once, unless they are `distinct` and give no ids. `note`
    is told of that, `show_progress` whose turn it is.

    Those that are `stored`, as `list_stored_files` says, are read by the rules of their first import; `is_decided`:
    whoever imports says what they are to the others.

    Raises `BadFile` for the first that cannot be read, or of which no row can be taken, or that may be a copy.
    """
    stamps = stamp_files(file for file, _other in files)
    described: dict[str, tuple[InputFile, CallMapping, FileFacts]] = {}
    before = {entry["sha256"]: entry["name"] for _other, entry in stored}
    own = {entry["sha256"] for _other, entry in stored if entry.get("distinct")}
    copies, paths = dict[str, list[InputFile]](), dict[str, set[Path]]()
    warn: Callable[[str], None] = (lambda text: None) if is_decided else note
    for file, mapping in files:
        facts = describe_file(file, mapping)
        same = paths.setdefault(facts.sha256, set())
        is_other, is_same = file.path.resolve() not in same, bool(same)
        same.add(file.path.resolve())
        if is_same and not (is_other and is_distinct and "request_id" not in facts.mapping):
            copies.setdefault(facts.sha256, []).append(file)
            continue
        facts = facts.tell_apart(len(same)) if is_same else facts
        facts, rules = recall_rules(facts, mapping, stored)
        described[facts.sha256] = file, rules, facts
    if len(described) == 1:
        ((file, mapping, facts),) = described.values()
        show_progress(_("Reading {name} ({size} MB).").format(name=file.name, size=format_megabytes(stamps[file][0])))
        with read_calls(file.path, mapping, file.name, is_distinct=is_distinct or facts.sha256 in own) as calls:
            read = _refuse_open_pages([_describe_calls(calls, facts)], own, is_distinct=is_distinct)
            _judge_copies(file, calls, facts, copies, before, note, warn)
            yield Pool(calls.connection, read, calls.read_month().select("*, 0 AS place"), stamps)
        return
    with tempfile.TemporaryDirectory(prefix="flexlib-") as folder, duckdb.connect() as connection:
        read, parts = [], []
        for place, (file, mapping, facts) in enumerate(described.values()):
            said = _("Reading {name} ({place} of {count}, {size} MB).")
            size = format_megabytes(stamps[file][0])
            show_progress(said.format(name=file.name, place=place + 1, count=len(described), size=size))
            with read_calls(file.path, mapping, file.name, is_distinct=is_distinct or facts.sha256 in own) as calls:
                read.append(_describe_calls(calls, facts))
                _judge_copies(file, calls, facts, copies, before, note, warn)
                parts.append(str(Path(folder) / f"{place}.parquet"))
                calls.read_month().select(f"*, {place} AS place").write_parquet(parts[-1], compression="snappy")
        connection.execute(f"SET temp_directory = {quote(folder)}; SET memory_limit = '{MEMORY}'")
        read = _refuse_open_pages(read, own, is_distinct=is_distinct)
        yield Pool(connection, read, connection.read_parquet(parts), stamps)


def _describe_calls(calls: CallFile, facts: FileFacts) -> ReadFile:
    check_taken(calls, facts.name)
    months = {}
    for month in calls.months:
        refused = _name_file(calls.list_quarantined(month), facts)
        told = calls.list_people(month), calls.left_out(month), calls.count_doubled(month), calls.sum_free(month)
        months[month] = FileMonth(calls.count_month(month), refused, *told, calls.count_held_days(month))
    asked = calls.own_totals, calls.outside, calls.doubtful
    return ReadFile(facts, months, calls.empty_columns, calls.lifted, calls.pages, *asked)


def _name_file(rows: Sequence[RefusedRow], facts: FileFacts) -> list[RefusedFileRow]:
    return [RefusedFileRow(row.line, row.reason, row.text, facts.name, facts.sha256) for row in rows]


def _refuse_open_pages(files: list[ReadFile], own: Container[str], *, is_distinct: bool) -> list[ReadFile]:
    """The files, in which a page is refused whose next one is in none of them; `own`: hashes of distinct ones."""
    found = []
    pages_of_all = [
        (name_series(one.facts.preset, one.facts.mapping), one.pages, is_distinct or one.facts.sha256 in own)
        for one in files
    ]
    for file, opened in zip(files, find_open_pages(pages_of_all), strict=True):
        months = dict(file.months)
        for month, one in file.months.items():
            pages = [page.refused for page in opened if page.month in (None, month)]
            rows, quarantined = one.counts.rows_read + len(pages), one.counts.quarantined_rows + len(pages)
            counts = replace(one.counts, rows_read=rows, quarantined_rows=quarantined)
            months[month] = replace(one, counts=counts, refused=one.refused + _name_file(pages, file.facts))
        found.append(replace(file, months=months))
    return found


def _judge_copies(
    file: InputFile,
    calls: CallFile,
    facts: FileFacts,
    copies: Mapping[str, Sequence[InputFile]],
    before: Mapping[str, str],
    note: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """A row or two of two keys may be the same to the byte, where nothing in them is an id.

    `copies`: other files of the command that are the same, by their hashes. `before`: what a file was called when it
    was imported; under a name that may be that of the same file it is taken for it, and that is said.
    """
    known = None if facts.copy_of else before.get(facts.sha256)
    is_short = "request_id" not in facts.mapping and len(calls.read_month().limit(LEAST_EQUAL)) < LEAST_EQUAL
    several = copies.get(facts.sha256, ())
    twin = None if known is None or _may_be_one(known, facts.name) else known
    for one in several:
        if one.path.resolve() != file.path.resolve():
            twin = one.name if one.name != facts.name else str(one.path)
    if is_short and twin is not None:
        raise BadFile(_("{name} is the same as {twin}, byte for byte, and too short to say whether it is a copy or "
            "calls of somebody else; leave it out if it is a copy, else import both in one command with "
            "--distinct.").format(name=facts.name, twin=twin))  # fmt: skip
    for one in several:
        note(_(SAME).format(name=one.name, other=facts.name))
    if is_short and known is not None and 1 in (len(Path(known).parts), len(Path(facts.name).parts)):
        warn(_(SAME_AS_STORED).format(name=facts.name, other=known))


def _may_be_one(one: str, other: str) -> bool:
    """Whether one of two names is the end of the other: of `usage.csv` the folder was not said."""
    parts = zip(reversed(Path(one).parts), reversed(Path(other).parts), strict=False)
    return all(part == another for part, another in parts)


def describe_file(file: InputFile, mapping: CallMapping | ChargeMapping) -> FileFacts:
    """What a certificate says of the file. Raises `BadFile` where there is none."""
    check_file(file.path)
    with open(file.path, "rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    rules = mapping.rules if isinstance(mapping, CallMapping) else None
    return FileFacts(file.name, digest, mapping.describe(), mapping.preset, mapping.evidence, rules)


def stamp_files(files: Iterable[InputFile]) -> dict[InputFile, tuple[int, int]]:
    """Size and time of each."""
    return {file: _stamp(file.path) for file in files if file.path.is_file()}


def check_unchanged(stamps: Mapping[InputFile, tuple[int, int]]) -> None:
    """Raises `BadFile` where a file is no longer as it was."""
    for file, stamp in stamps.items():
        if _stamp(file.path) != stamp:
            raise BadFile(_("{name} changed while it was read; import it again when it is finished.")
                .format(name=file.name))  # fmt: skip


def _stamp(file: Path) -> tuple[int, int]:
    return (facts := file.stat()).st_size, facts.st_mtime_ns
