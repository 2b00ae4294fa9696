"""A month's charges of new files beside those of the files that stay: what the bills deliver of that month."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

from flexlib.dates import Month, Span
from flexlib.formats import format_plain
from flexlib.i18n import mark_text, write_stored
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.files.known import count_pages, list_files, sum_left_out
from flexlib.ingest.files.merge import MergedMonth
from flexlib.ingest.tables import mask_private
from flexlib.privacy import PrivacyGuard
from flexlib.schema import CHARGES
from flexlib.senders import name_sender
from flexlib.sources.charges import MonthCharges, name_rows
from flexlib.sources.charges.amounts import EXACT
from flexlib.sources.files.pages import Page
from flexlib.sources.registry import BILLS, RefusedFileRow
from flexlib.store.refused import read_refused
from flexlib.store.version import People, Snapshot
from flexlib.stored_notes import CROSSING, DISTINCT_LINES, write_note

if TYPE_CHECKING:
    import pyarrow as pa

Periods = set[tuple[datetime, datetime]]


@dataclass(frozen=True)
class BillFile:
    """One file that was read, and what it bills by month."""

    name: str
    sha256: str
    mapping: dict[str, Any]
    months: Mapping[Month, MonthCharges]
    pages: Sequence[Page] = ()


def merge_month(
    bills: Sequence[BillFile],
    month: Month,
    base: Snapshot | None,
    dropped: set[str],
    distinct_from: set[str],
    read_at: datetime,
    guard: PrivacyGuard,
) -> MergedMonth:
    """The month of these bills and of the files in `base` that are not `dropped` (hashes).

    `distinct_from`: hashes of files of any month of which it was said that they bill something else. Raises `BadFile`
    when what was kept beside the stored month cannot be read.
    """
    before = {entry["sha256"]: entry for entry in list_files(base)}
    kept = {sha256: entry for sha256, entry in before.items() if sha256 not in dropped}
    mine = [bill for bill in bills if month in bill.months]
    entries = dict(kept)
    for bill in mine:
        decided = distinct_from.union(before.get(bill.sha256, {}).get("distinct_from", ()))
        named = {"name": before.get(bill.sha256, {}).get("name", bill.name)}  # a copy under another name says no more
        is_distinct = bill.sha256 in distinct_from or before.get(bill.sha256, {}).get("distinct", False)
        entries[bill.sha256] = _describe(bill, month, sorted(decided - {bill.sha256}), is_distinct=is_distinct) | named
    tables = [mask_private(bill.months[month].rows, guard) for bill in mine]
    tables += [keep_rows(base, kept)] if base and kept else []
    rows = _sort_rows(tables)
    files = list(entries.values())
    faults: dict[str, tuple[str, list[Any]]] = {
        "bills_overlap": ("overlaps", find_overlaps(rows, entries)),
        "doubled_lines": ("doubled_lines", [[one["name"], one["doubled"]] for one in files if one.get("doubled")]),
        "sum_lines": ("sum_lines", [[one["name"], line] for one in files for line in one.get("sums", ())]),
        "payment_lines": ("payment_lines", [[one["name"], n] for one in files for n in one.get("payments", ())]),
        "own_totals": ("own_totals", [[one["name"], *told] for one in files for told in one.get("own_totals", ())]),
    }
    reasons = {reason: fault for reason, fault in faults.items() if fault[1]}
    delivery = Delivery(
        source=BILLS,
        month=month,
        read_at=read_at,
        tables=[rows],
        counts={"rows": sum(one["taken"] for one in entries.values()), "amounts": _sum_amounts(entries)},
        code="bills",
        reasons=tuple(reasons),
        figures=dict(reasons.values()),
        refused=[
            RefusedFileRow(row.line, row.reason, row.text, entries[bill.sha256]["name"], bill.sha256)
            for bill in mine
            for row in bill.months[month].refused
        ],
        raw=[line for line in read_refused(base) if json.loads(line)["sha256"] in kept] if kept else [],
        people=_list_people(base, kept, rows, mine, month),
        facts={
            "rows_read": sum(one["rows"] for one in entries.values()),
            "quarantined_rows": sum(one["quarantined"] for one in entries.values()),
            "left_out": sum_left_out(one["left_out"] for one in entries.values()),
            "files": tuple(files),
            "notes": _write_notes(entries),
        },
        renews="when changed",
    )
    return MergedMonth(
        delivery, {bill.name: 0 if bill.sha256 in before else bill.months[month].rows.num_rows for bill in mine}
    )


def find_overlaps(rows: pa.Table, files: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Pairs of files that both bill days of one provider, unless somebody said that both hold.

    Each is the two names, the provider, the first and the last day (ISO). Bills of other groupings meet as well: no
    line of the one need be a line of the other.
    """
    periods: dict[tuple[str, str], Periods] = defaultdict(set)
    names = {name_rows(sha256): sha256 for sha256 in files}
    prefix = max(map(len, names), default=0)
    columns = ("id", "provider", "period_start", "period_end", "amount")
    for name, provider, start, end, amount in zip(*(rows[one].to_pylist() for one in columns), strict=True):
        if amount:
            periods[names[name[:prefix]], provider].add((start, end))
    found = []
    for (one, provider), (other, seller) in combinations(sorted(periods), 2):
        is_said = other in files[one]["distinct_from"] or one in files[other]["distinct_from"]
        if provider != seller or is_said:
            continue
        if both := [*_find_shared(periods[one, provider], periods[other, provider])]:
            first, last = both[0].first, both[-1].last
            found.append([files[one]["name"], files[other]["name"], provider, str(first), str(last)])
    return found


def _find_shared(one: Periods, other: Periods) -> Iterator[Span]:
    """The days of the times that are in both, in order: days of one zone abut where UTC's would share one."""
    here, there = _join(one), _join(other)
    while here and there:
        start, end = max(here[-1][0], there[-1][0]), min(here[-1][1], there[-1][1])
        if start < end:
            yield _find_span(start, end)
        (here if here[-1][1] == end else there).pop()


def _join(periods: Periods) -> list[tuple[datetime, datetime]]:
    """The times that they are of, none of which meets another, the latest first."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(periods):
        begun = found.pop()[0] if found and start <= (last := found[-1][1]) else None
        found.append((start, end) if begun is None else (begun, max(last, end)))
    return found[::-1]


def list_days_of_lines(rows: pa.Table, *, charged: bool = False) -> set[tuple[date, str, str]]:
    """The days that the rows are of, or those that are `charged` for something, each with its provider and currency."""
    columns = ("period_start", "period_end", "provider", "currency", "amount")
    lines = {(*one, bool(amount)) for *one, amount in zip(*(rows[name].to_pylist() for name in columns), strict=True)}
    return {
        (day, name_sender(provider), currency)
        for start, end, provider, currency, has_amount in lines
        if has_amount or not charged
        for day in _find_span(start, end)
    }


def _find_span(start: datetime, end: datetime) -> Span:
    return Span(start.date(), (end - timedelta(microseconds=1)).date())


def _describe(bill: BillFile, month: Month, distinct_from: list[str], *, is_distinct: bool) -> dict[str, Any]:
    """What the certificate says of a file."""
    charges = bill.months[month]
    refused, left_out = len(charges.refused), sum(charges.left_out.values())
    told: dict[str, Any] = {"own_totals": list(map(list, charges.own_totals))} if charges.own_totals else {}
    told |= {"held_days": dict(charges.held_days)} if refused else {}
    asked = {"doubled": charges.doubled, "sums": list(charges.sums), "payments": list(charges.payments)}
    asked["doubted_pages"] = any(page.said != page.sure for page in bill.pages)
    if any(asked.values()):
        told |= {"distinct": True} if is_distinct else {name: one for name, one in asked.items() if one}
    return {
        "name": bill.name,
        "sha256": bill.sha256,
        "mapping": bill.mapping,
        "rows": charges.rows.num_rows + refused + left_out,
        "taken": charges.rows.num_rows,
        "quarantined": refused,
        **count_pages(charges.refused),
        "left_out": dict(sorted(charges.left_out.items())),
        "amounts": {currency: format_plain(amount) for currency, amount in sorted(charges.amounts.items())},
        "crossing": charges.crossing,
        "distinct_from": distinct_from,
    } | told


def keep_rows(base: Snapshot, kept: Iterable[str]) -> pa.Table:
    """The stored rows of the files that stay, by their hashes."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(base.parquet) as file:
        rows = file.read()
    prefixes = [name_rows(sha256) for sha256 in kept]
    owners = pc.utf8_slice_codeunits(rows["id"], 0, len(prefixes[0]))
    return rows.filter(pc.is_in(owners, value_set=pa.array(prefixes)))


def _sort_rows(tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    rows = pa.concat_tables(tables) if tables else CHARGES.empty_table()
    return rows.sort_by([("period_start", "ascending"), ("id", "ascending")]).combine_chunks()


def _sum_amounts(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for entry in entries.values():
        for currency, amount in entry["amounts"].items():
            sums[currency] = EXACT.add(sums.get(currency, Decimal(0)), Decimal(amount))
    return {currency: format_plain(sums[currency]) for currency in sorted(sums)}


def _list_people(
    base: Snapshot | None, kept: Mapping[str, Any], rows: pa.Table, mine: Sequence[BillFile], month: Month
) -> People | None:
    """What each key stands for, of the files that stay and of the new ones."""
    people = dict(base.people) if base and kept else {}
    for bill in mine:
        people |= {key: dict(one) for key, one in bill.months[month].people.items()}
    known = set(rows["key"].to_pylist())
    return {key: one for key, one in people.items() if key in known} or None


@write_stored
def _write_notes(entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield mark_text("A bill states the money of calls a second time: it is held against them, and never added.")
    for entry in entries.values():
        if entry.get("distinct"):
            yield DISTINCT_LINES.format(name=entry["name"])
    if crossing := sum(entry["crossing"] for entry in entries.values()):
        yield write_note(CROSSING, crossing)
