"""What providers billed, out of files: bytes in, rows of the charges schema out; nothing guessed, nothing dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.dates import Month
from flexlib.errors import BadFile
from flexlib.i18n import _, join_texts
from flexlib.schema import CHARGES
from flexlib.sources.charges.amounts import (
    EXACT,
    find_date_order,
    is_short_date,
    prove_decimals,
    prove_end,
    read_moment,
)
from flexlib.sources.charges.mapping import AMOUNTS, COLUMNS, COLUMNS_OR_VALUES, ChargeMapping, is_value
from flexlib.sources.charges.repeats import Repeats
from flexlib.sources.charges.rows import Charge, Reading, find_end, find_month, judge_row
from flexlib.sources.charges.texts import Texts, read_texts
from flexlib.sources.files.fields import list_in_words
from flexlib.sources.files.files import list_columns
from flexlib.sources.files.ids import TOTAL_ROWS
from flexlib.sources.files.kinds import find_kind
from flexlib.sources.files.texts import read_raw
from flexlib.sources.registry import RefusedRow
from flexlib.stored_notes import tell_reasons

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 100_000
"""Rows that are Python's at a time."""

MOMENTS = ("period_start", "period_end")


@dataclass(frozen=True)
class MonthCharges:
    """What a file holds of one month."""

    rows: pa.Table
    """In the columns of `schema.CHARGES`, by its key."""
    amounts: Mapping[str, Decimal]
    """Their sums by currency, made of the texts."""
    refused: tuple[RefusedRow, ...]
    """Rows that could not be taken, those of no readable month in every month of the file."""
    left_out: Mapping[str, int]
    """Rows that are no charges, by kind, as far as they name a month."""
    people: Mapping[str, Mapping[str, str]]
    """E-mails by the opaque key that stands for them now."""
    crossing: int
    """Charges whose period ends in another month than it begins in."""
    doubled: int
    """Lines that say in every column what one before them says, and charge something."""
    own_totals: tuple[tuple[str, str, str], ...]
    """Totals that the file says of itself, and what its rows sum up to, where that is something else."""
    sums: tuple[int, ...]
    """Lines that may sum all before them."""
    payments: tuple[int, ...] = ()
    """Lines that may be payments, which are no charges."""
    held_days: Mapping[str, int] = field(default_factory=dict)
    """How many rows of each day that begins their period, `2025-09-03`, could not be taken."""


@dataclass
class _Months:
    """What was read so far."""

    pieces: list[pa.Table] = field(default_factory=list)
    waiting: list[Charge] = field(default_factory=list)
    amounts: dict[Month, dict[str, Decimal]] = field(default_factory=dict)
    refused: list[tuple[date | None, int, int, str]] = field(default_factory=list)
    left_out: dict[Month | None, Counter[str]] = field(default_factory=dict)
    people: dict[Month, dict[str, dict[str, str]]] = field(default_factory=dict)
    crossing: Counter[Month] = field(default_factory=Counter)
    repeats: Repeats = field(default_factory=Repeats)
    sums: list[tuple[Month, int]] = field(default_factory=list)


def name_rows(sha256: str) -> str:
    """How the id of each row of a file with that hash begins."""
    return f"{sha256[:16]}-"


def read_charges(file: Path, mapping: ChargeMapping, sha256: str) -> dict[Month, MonthCharges]:
    """The charges of the file by the month in which their period begins, in order.

    Raises `BadFile` when it cannot be read, lacks a column, holds no row with a time, or writes dates that may be two.
    """
    known = list_columns(file, mapping.delimiter)
    lacking = {*mapping.optional} - {*known}
    mapping = replace(
        mapping,
        unit=None if mapping.unit in lacking else mapping.unit,
        kind=None if mapping.kind in lacking else mapping.kind,
    )
    columns = _find_columns(file, mapping, known)
    conditions = dict.fromkeys(mapping.conditions, "the rows to take")
    wanted = conditions | {column: name for name, column in columns.items()}
    late = {column: name for column, name in wanted.items() if column not in (*known, *mapping.optional)}
    is_lines = find_kind(file) == "jsonl"  # there a key may come late
    if late and not is_lines:
        raise _miss_column(file, *late.popitem(), known)
    there = [column for column in wanted if column in known or is_lines]
    order, decimal, includes_end = _find_meanings(file, mapping, columns, there)
    places = {name: there.index(column) for name, column in columns.items() if column in there}
    asks = {column: there.index(column) for column in conditions if column in there}
    reading = Reading(mapping, places, asks, mapping.read_filter(), order, decimal, includes_end, name_rows(sha256))
    found = _Months()
    for texts in read_texts(file, there, mapping.delimiter):
        _take(found, texts, reading)
        if late:
            late = {column: name for column, name in late.items() if texts.values[there.index(column)] is None}
    if late and known:  # a key that no line has is a slip of whoever named it
        raise _miss_column(file, *late.popitem(), known)
    _flush(found)
    return _split(file, found, [column for name, column in columns.items() if name in CHARGES.names], mapping.delimiter)


def _find_columns(file: Path, mapping: ChargeMapping, known: list[str]) -> dict[str, str]:
    """The column of each field that one feeds."""
    columns = {name: column for name in COLUMNS if (column := getattr(mapping, name))}
    columns |= {name: column for name in COLUMNS_OR_VALUES if (column := getattr(mapping, name)) in known}
    for name in COLUMNS_OR_VALUES:
        value = getattr(mapping, name)
        if name not in columns and value and not is_value(name, value, known):
            raise _miss_column(file, value, name, known)
    return columns


def _miss_column(file: Path, column: str, name: str, known: list[str]) -> BadFile:
    told = _("What holds for all rows is a provider in lower case.") if name == "provider" else None
    there = list_in_words(known, is_csv=find_kind(file) == "csv")
    said = _("{name} has no column {column!r} for {wanted}; {there}.")
    return BadFile(join_texts([said.format(name=file.name, column=column, wanted=name, there=there), told], " "))


def _find_meanings(
    file: Path, mapping: ChargeMapping, columns: Mapping[str, str], there: list[str]
) -> tuple[str | None, str | None, bool]:
    """The order of the dates, what stands before decimals, and whether a period's last date is in it: as they are said,
    or as all rows together prove them."""
    decimal = mapping.decimal or ("." if find_kind(file) != "csv" else None)
    order = mapping.date_order
    if order and decimal and (mapping.end_date or not mapping.period_end):
        return order, decimal, mapping.end_date == "included"
    periods: set[tuple[str | None, ...]] = set()
    amounts: set[str] = set()
    places = [there.index(columns[name]) for name in MOMENTS if columns.get(name) in there]
    others = [there.index(columns[name]) for name in AMOUNTS if columns.get(name) in there]
    for texts in read_texts(file, there, mapping.delimiter):
        periods.add(tuple(texts.values[place] for place in places))
        amounts.update(text for place in others if (text := texts.values[place]))
    moments = {text for period in periods for text in period if text and is_short_date(text)}
    order = order or find_date_order(moments)
    if order is None and moments:
        raise BadFile(_("{name} writes dates such as {moments}; say whether days or months stand first: --date-order.")
            .format(name=file.name, moments=min(moments)))  # fmt: skip
    proofs = {} if decimal else prove_decimals(sorted(amounts))
    if len(proofs) > 1:
        raise BadFile(_("{name} writes amounts both as {proofs} and as {proofs_2}; say what stands before the "
            "decimals: --decimal.").format(name=file.name, proofs=proofs[','], proofs_2=proofs['.']))  # fmt: skip
    if mapping.end_date or len(places) < len(MOMENTS):
        return order, decimal or next(iter(proofs), None), mapping.end_date == "included"
    read = [[read_moment(text, order) if text else None for text in period] for period in periods]
    dated = [(begun[0].date(), end[0].date()) for begun, end in read if begun and end and end[1] > end[0]]
    includes_end = prove_end(dated)
    if includes_end is None:
        first, end = next((one, other) for one, other in sorted(periods, key=str) if one and other)
        raise BadFile(_("{name} bills periods such as {first} to {end}, and no row proves whether the last date is in "
            "it; say so in a preset, with end_date: included or end_date: excluded.")
            .format(name=file.name, first=first, end=end))  # fmt: skip
    return order, decimal or next(iter(proofs), None), includes_end


def _take(found: _Months, texts: Texts, reading: Reading) -> None:
    verdict = found.repeats.judge(judge_row(texts, reading), texts)
    month = verdict.month
    if verdict.left_out:
        found.left_out.setdefault(month, Counter())[verdict.left_out] += 1
    elif verdict.charge is None:
        found.refused.append((verdict.day, texts.line, texts.lines, verdict.fault))
    elif month is not None:
        charge = verdict.charge
        found.waiting.append(charge)
        sums = found.amounts.setdefault(month, {})
        sums[charge.currency] = EXACT.add(sums.get(charge.currency, Decimal(0)), charge.amount)
        if charge.key:
            known = "email" if "@" in verdict.owner else "name"
            found.people.setdefault(month, {})[charge.key] = {"email": "", "name": ""} | {known: verdict.owner}
        found.crossing[month] += charge.period_end > find_end(month)
        if len(found.waiting) >= PIECE:
            _flush(found)


def _flush(found: _Months) -> None:
    import pyarrow as pa

    if found.waiting:
        columns = list(zip(*found.waiting, strict=True))
        arrays = [pa.array(values, one.type) for values, one in zip(columns, CHARGES, strict=True)]
        found.pieces.append(pa.Table.from_arrays(arrays, schema=CHARGES))
        found.waiting.clear()


def _split(file: Path, found: _Months, fed: list[str], delimiter: str | None) -> dict[Month, MonthCharges]:
    import duckdb
    import pyarrow as pa

    months = found.amounts.keys() | {find_month(day) for day, *_other in found.refused if day}
    if not months:
        if bad := found.refused[:1]:
            raise BadFile(_("{name} holds no row that can be taken; line {line}: {reason}.")
                .format(name=file.name, line=bad[0][1], reason=tell_reasons(bad[0][3])))  # fmt: skip
        if any(TOTAL_ROWS in kinds for kinds in found.left_out.values()):
            raise BadFile(_("{name} holds no charges, only totals; export it again with the lines that they sum.")
                .format(name=file.name))  # fmt: skip
        raise BadFile(_("{name} holds no charges; export it again.").format(name=file.name))
    months |= {month for month, _other in found.repeats.list_totals() if month}
    rows = pa.concat_tables(found.pieces) if found.pieces else CHARGES.empty_table()
    with duckdb.connect() as connection:
        texts = read_raw(connection, file, {one[1]: one[2] for one in found.refused})
        doubled = found.repeats.count_doubled(connection, file, rows, fed, delimiter)
    found.sums.extend(found.repeats.find_sums(rows))
    return {month: _pick(rows, month, found, texts, doubled[month]) for month in sorted(months)}


def _pick(rows: pa.Table, month: Month, found: _Months, texts: Mapping[int, str], doubled: int) -> MonthCharges:
    import pyarrow.compute as pc

    first, end = (datetime(one.year, one.month, 1) for one in (month, month.next))
    is_mine = pc.and_(pc.greater_equal(rows["period_start"], first), pc.less(rows["period_start"], end))
    mine = rows.filter(is_mine).sort_by([("period_start", "ascending"), ("id", "ascending")])
    held = [one for one in found.refused if one[0] is None or find_month(one[0]) == month]
    refused = tuple(RefusedRow(line, why, texts.get(line, "")) for _, line, _, why in held)
    days = Counter(str(day) for day, *_other in held if day)
    left_out = found.left_out.get(month, Counter()) + found.left_out.get(None, Counter())
    people, totals = found.people.get(month, {}), tuple(told for _, told in found.repeats.list_totals())
    sums, payments = (tuple(line for at, line in all_ if at == month) for all_ in (found.sums, found.repeats.payments))
    told = (people, found.crossing[month], doubled, totals, sums, payments, dict(sorted(days.items())))
    return MonthCharges(mine, found.amounts.get(month, {}), refused, dict(left_out), *told)
