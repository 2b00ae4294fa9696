"""One row of a bill judged: a charge, a row that is none, or one that cannot be taken, and why."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from flexlib.addresses import hide_email
from flexlib.currencies import CURRENCIES
from flexlib.dates import Month
from flexlib.enums import KINDS_OF_CHARGE
from flexlib.senders import name_sender
from flexlib.sources.charges.amounts import EXACT, Moment, find_other_currency, is_nothing, read_amount, read_moment
from flexlib.sources.charges.mapping import UNITS, ChargeMapping
from flexlib.sources.charges.texts import Texts
from flexlib.sources.files.conditions import RowFilter
from flexlib.sources.files.ids import TOTAL_ROWS
from flexlib.sources.files.meaning import TOTAL

KINDS = {one: one for one in KINDS_OF_CHARGE} | {
    "purchase": "fee", "subscription": "fee", "refund": "credit", "discount": "credit",
    "roundingadjustment": "adjustment", "unusedreservation": "fee", "unusedsavingsplan": "fee",
}  # fmt: skip
"""What the words of bills for a kind of charge mean, in lower case; any other word is of usage."""

BILLED_AS: Mapping[tuple[str | None, str], str] = {("calls", "fee"): "usage", ("other", "usage"): "fee"}
"""What a charge is for by what was said of the whole bill."""

TOTAL_TEXTS = ("period_start", "provider", "line_item", "model")
"""Where a word for a total says that a row sums others: no bill charges for something of that name."""

MOST_KEPT = 100_000
"""Texts whose meaning is remembered: a file's days and its commonest amounts."""


class Charge(NamedTuple):
    """The columns of `schema.CHARGES`."""

    id: str
    period_start: datetime
    period_end: datetime
    provider: str
    line_item: str | None
    model: str | None
    key: str | None
    kind: str
    quantity: Decimal | None
    unit: str | None
    amount: Decimal
    list_amount: Decimal | None
    currency: str


class Verdict(NamedTuple):
    """What became of a row; one of `charge`, `left_out` and `fault` says it. `day`: the first of its period; `owner`:
    what its key stands for; `total`: what a row says that sums others, and its currency ("" where it says none)."""

    day: date | None
    charge: Charge | None = None
    left_out: str = ""
    fault: str = ""
    owner: str = ""
    line_id: str = ""
    total: tuple[Decimal, str] | None = None

    @property
    def month(self) -> Month | None:
        return find_month(self.day) if self.day else None


@dataclass(frozen=True)
class Reading:
    """How the rows of one file are read."""

    mapping: ChargeMapping
    places: Mapping[str, int]
    """Where the text of each field stands in a row."""
    conditions: Mapping[str, int]
    """Where the text of each column stands that tells which rows are no charges."""
    filter: RowFilter
    order: str | None
    decimal: str | None
    includes_end: bool
    """Whether a date at the end of a period is its last day."""
    prefix: str
    """How an id begins."""
    moments: dict[str, Moment | None] = field(default_factory=dict)
    amounts: dict[str, Decimal | None] = field(default_factory=dict)

    def read(self, row: Texts, name: str) -> str | None:
        """The text of a field, of its column or as it holds for every row; None where it says nothing."""
        place = self.places.get(name)
        text = row.values[place] if place is not None else None
        return None if not text or is_nothing(text) else text.strip()

    def read_moment(self, text: str) -> Moment | None:
        if text not in self.moments:
            self.moments.clear() if len(self.moments) > MOST_KEPT else None
            self.moments[text] = read_moment(text, self.order)
        return self.moments[text]

    def read_amount(self, text: str, shift: int = 0) -> Decimal | None:
        if text not in self.amounts:
            self.amounts.clear() if len(self.amounts) > MOST_KEPT else None
            self.amounts[text] = read_amount(text, self.decimal)
        amount = self.amounts[text]
        return amount.scaleb(shift, context=EXACT) if amount is not None and shift else amount


@lru_cache(maxsize=1_000)
def find_month(day: date) -> Month:
    """The month of the day; a file has few days."""
    return Month.containing(day)


@lru_cache(maxsize=100)
def find_end(month: Month) -> datetime:
    """The first moment after the month, UTC."""
    return month.end.replace(tzinfo=None)


def judge_row(row: Texts, reading: Reading) -> Verdict:
    """What the row is."""
    said = {name: reading.read(row, name) for name in reading.places}
    begun = reading.read_moment(start) if (start := said.get("period_start")) else None
    day = begun[0].date() if begun else None
    if row.problem:
        return Verdict(day, fault=row.problem)
    if kind := reading.filter.name_kind({name: row.values[place] for name, place in reading.conditions.items()}):
        return Verdict(day, left_out=kind)
    if any(re.fullmatch(TOTAL, said.get(name) or "") for name in TOTAL_TEXTS):
        return _judge_total(day, reading, said)
    if begun is None or start is None:
        return Verdict(None, fault=f"not a time of 2000 to 2099: {start}" if start else "no period")
    try:
        charge, owner = _build(row, reading, said, begun)
    except ValueError as error:
        return Verdict(day, fault=str(error))
    return Verdict(day, charge, owner=owner, line_id=said.get("line_id") or "")


def _judge_total(day: date | None, reading: Reading, said: Mapping[str, str | None]) -> Verdict:
    try:
        total = _read_number(reading, said, "amount", UNITS[reading.mapping.amount_unit])
    except ValueError as error:
        return Verdict(day, fault=str(error))
    code = said.get("currency", "" if "currency" in reading.places else reading.mapping.currency)
    return Verdict(day, left_out=TOTAL_ROWS, total=None if total is None else (total, (code or "").upper()))


def _build(row: Texts, reading: Reading, said: Mapping[str, str | None], begun: Moment) -> tuple[Charge, str]:
    """The charge, and what its key stands for. Raises `ValueError` with the reason why it cannot be taken."""
    mapping, shift = reading.mapping, UNITS[reading.mapping.amount_unit]
    # A bill's day on which nothing was charged, as what would name a charge is empty too: the bill covers that day.
    names_charges = not reading.places.keys().isdisjoint(("line_item", "model"))
    is_empty = names_charges and not any(said.get(name) for name in ("line_item", "model", "quantity", "list_amount"))
    is_empty = is_empty and not (row.values[reading.places["amount"]] or "").strip()
    amount = Decimal(0) if is_empty else _read_number(reading, said, "amount", shift)
    if amount is None:
        raise ValueError("no amount")
    listed = _read_number(reading, said, "list_amount", shift)
    owner, model = said.get("key") or "", said.get("model")
    return (
        Charge(
            id=f"{reading.prefix}{row.line}",
            period_start=begun[0],
            period_end=_find_end(reading, said, begun),
            provider=_find_provider(reading, said),
            line_item=said.get("line_item"),
            model=model and model.split(", ")[0].strip(),
            key=_hide_owner(owner) if owner else None,
            kind=_find_kind(reading, said, amount),
            quantity=_read_number(reading, said, "quantity", 0),
            unit=said.get("unit", mapping.unit),
            amount=amount,
            list_amount=listed,
            currency=_find_currency(reading, said),
        ),
        owner,
    )


def _read_number(reading: Reading, said: Mapping[str, str | None], name: str, shift: int) -> Decimal | None:
    text = said.get(name)
    if text is None:
        return None
    number = reading.read_amount(text, shift)
    if number is None:
        if not reading.decimal and read_amount(text, ".") is not None:
            raise ValueError(f"{name} is ambiguous ({text}: thousands or decimals?); give --decimal")
        raise ValueError(f"{name} is not an amount: {text}")
    return number


def _find_end(reading: Reading, said: Mapping[str, str | None], begun: Moment) -> datetime:
    first, end = begun
    text = said.get("period_end")
    ended = reading.read_moment(text) if text else None
    if text and ended is None:
        raise ValueError(f"period_end is not a time of 2000 to 2099: {text}")
    if ended is None:
        return end if end > first else first + timedelta(days=1)
    last, after = ended
    is_date = after > last
    if is_date and reading.includes_end or last == first:
        last = after
    if last <= first:
        if is_date or last < first:
            raise ValueError(f"the period ends before it begins: {text}")
        last = first + timedelta(days=1)
    return last


def _find_provider(reading: Reading, said: Mapping[str, str | None]) -> str:
    text = said.get("provider", reading.mapping.provider)
    if text is None:
        raise ValueError("no provider")
    return name_sender(text)


def _find_currency(reading: Reading, said: Mapping[str, str | None]) -> str:
    text = said.get("currency", reading.mapping.currency)
    if text is None and said.get("amount") is None:  # a day on which nothing was charged
        return "USD"
    code = (text or "").upper()
    if code not in CURRENCIES:
        raise ValueError(f"not the code of a currency: {text}" if text else "no currency")
    for name, what in (("amount", "amount"), ("list_amount", "list amount")):
        amount = said.get(name) or ""
        if other := find_other_currency(amount, code):
            raise ValueError(f"the {what} is in {other}, and its currency is {code}: {amount}")
    return code


def _find_kind(reading: Reading, said: Mapping[str, str | None], amount: Decimal) -> str:
    text = said.get("kind", reading.mapping.kind)
    kind = KINDS.get((text or "").lower().replace(" ", ""), "credit" if amount < 0 else "usage")
    bills = reading.mapping.bills
    return BILLED_AS.get((bills if bills in (None, "other") else "calls", kind), kind)


def _hide_owner(owner: str) -> str:
    """An opaque key: what a bill is charged to may be somebody's name, and no text says that it is none."""
    return hide_email(owner) if "@" in owner else f"key-{hashlib.sha256(owner.lower().encode()).hexdigest()[:24]}"
