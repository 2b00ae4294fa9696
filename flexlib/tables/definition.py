"""What a table is before anybody draws it: columns of one kind of value each, plain rows, and how a total is made.

Page, console and export render the same definition; none of them sums or knows where a row came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum, auto
from typing import Any

from flexlib import formats
from flexlib.analysis.usage_frames import exact_decimals, hide_zero
from flexlib.errors import InvalidRequest
from flexlib.i18n import Label, _, mark_text, write_number
from flexlib.names import show_people

Row = Mapping[str, Any]


class Kind(StrEnum):
    """What the values of a column are. None is not known; a text in a column of any kind stands as it is."""

    TEXT = auto()
    COUNT = auto()  # a whole number
    CREDITS = auto()  # hundredths of a credit
    USD = auto()  # Decimal, US dollars
    CLP = auto()  # Decimal, Chilean pesos
    SIGNED = auto()  # Decimal, US dollars or credits more or less
    SIGNED_CLP = auto()  # Decimal, Chilean pesos more or less
    NUMBER = auto()  # an exact number as its source writes it, such as an exchange rate
    SHARE = auto()  # tenths of a percent
    CHANGE = auto()  # tenths of a percent more or less
    DAY = auto()  # date
    MONTH = auto()  # a date in it
    BAR = auto()  # only drawn: as long as the value that another column writes
    SPARK = auto()  # only drawn: a list of amounts, the first day's first


class Total(Enum):
    """How the total of a column is made."""

    BLANK = auto()  # there is none
    SUM = auto()  # of every line; not known where a line is not
    KNOWN = auto()  # of the lines that have a value; not known where none has. Another column counts what is missing


NUMBERS = frozenset({Kind.COUNT, Kind.CREDITS, Kind.USD, Kind.CLP, Kind.SIGNED, Kind.SIGNED_CLP, Kind.NUMBER,
                     Kind.SHARE, Kind.CHANGE})  # fmt: skip
"""Kinds that stand at the right of their column."""

MONEY = frozenset({Kind.USD, Kind.CLP})

DRAWN = frozenset({Kind.BAR, Kind.SPARK})
"""Kinds that only a page has."""

COUNTS_OF_ONE = ("calls", "unpriced_usd")
"""Counts to which a row that does not say how many calls it sums adds one."""

FORMATS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: str,
    Kind.COUNT: formats.format_number,
    Kind.CREDITS: formats.format_credits,
    Kind.USD: formats.format_amount,
    Kind.CLP: lambda amount: formats.format_amount(amount, "1"),
    Kind.SIGNED: formats.format_signed,
    Kind.SIGNED_CLP: lambda amount: formats.format_signed(amount, "1"),
    Kind.NUMBER: lambda number: write_number(str(number)),
    Kind.SHARE: formats.format_share_percent,
    Kind.CHANGE: formats.format_change,
    Kind.DAY: formats.format_short_day,
    Kind.MONTH: formats.format_month,
}


@dataclass(frozen=True)
class Column:
    """One column: the values that the rows have under `key`, of one `kind`, or each of its own (`kinds`)."""

    key: str
    heading: str
    kind: Kind = Kind.TEXT
    total: Total | str | int | Decimal | None = Total.BLANK
    """How the total is made; or a text, or a value of the kind that is no sum (None: not known)."""
    note: str = ""
    """The key of a text that stands smaller beside the value."""
    is_optional: bool = False
    """Whether a phone and a mail leave it out: never what its row is compared within, nor a part of a sum they keep."""
    is_kept: bool = False
    """Whether it stays in sight where others of its row are scrolled: what they add up to."""
    is_series: bool = False
    """Whether its texts are what a chart gives colours to."""
    export_name: str = ""
    """Its name in a file, where that is not the key."""
    unknown: str = ""
    """What a dash in it means, for the reader."""
    link: str = ""
    """The key of the address that the value leads to, on a page of its own site; no address: a plain value."""
    kinds: str = ""
    """The key of a row's own kind, where the rows are of several, such as pesos beside dollars."""

    def find_kind(self, row: Row) -> Kind:
        """The kind of the value in a row."""
        return Kind(row[self.kinds]) if self.kinds else self.kind

    @property
    def title(self) -> str:
        """The heading in the reader's language."""
        return _(self.heading)


@dataclass(frozen=True, repr=False)
class Table:
    """A finished table. Its text form is short and the same in every run, so that nbval holds."""

    name: str
    """Its id in a page."""
    caption: str
    """What it holds, for those who do not see it."""
    columns: Sequence[Column]
    rows: Sequence[Row]
    others: frozenset[int] = frozenset()
    """The places of the lines that stand for several."""
    summary: str = ""
    """A line to be opened, behind which the table is; without a row there is then nothing at all."""
    coloured: frozenset[str] | None = None
    """The series that have a colour of their own in the charts; None: all lines that stand for one."""
    bar_colour: str = "accent"
    """Of bars where no column is a series."""
    closing: Sequence[Row] = ()
    """Lines below the total that lead from it to another sum, the last of them."""

    def __post_init__(self) -> None:
        if any(column.is_optional for column in self.columns[:1]):
            said = _("The first column of the table {table} says what a line is of, and no phone leaves it out: put "
                     "another column first, or take is_optional off it.")  # fmt: skip
            raise InvalidRequest(said.format(table=self.name))

    @property
    def title(self) -> str:
        """The caption in the reader's language."""
        return _(self.caption)

    @property
    def opening(self) -> str:
        """The summary in the reader's language."""
        return _(self.summary)

    @property
    def written_columns(self) -> list[Column]:
        """Those that are not only drawn."""
        return [column for column in self.columns if column.kind not in DRAWN]

    def sum_column(self, column: Column) -> object:
        """The value of the total line, a text where it has no value; exact."""
        if not isinstance(column.total, Total):
            return _(column.total) if isinstance(column.total, str) else column.total
        if column.total is Total.BLANK:
            return ""
        values = [row[column.key] for row in self.rows]
        known = [value for value in values if value is not None]
        if (known != values) if column.total is Total.SUM else not known:
            return None
        with exact_decimals():
            return sum(known, Decimal(0) if column.kind in MONEY else 0)

    def explain_dashes(self) -> dict[str, str]:
        """What the dashes mean, a sentence for the key of each column that has one."""
        dashed = (one for one in self.columns if one.unknown
                  and None in (self.sum_column(one), *(row.get(one.key) for row in self.rows)))  # fmt: skip
        said = _("{dash} in {column}: {meaning}.")
        return {one.key: said.format(dash=formats.UNKNOWN, column=one.title, meaning=_(one.unknown)) for one in dashed}

    def __repr__(self) -> str:
        return f"<table {self.name}>"


def say_least(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[list[Column], list[Row]]:
    """The columns and rows of a table in which counts say that they are at least so many, where a row of unknown many
    calls stands in them as one, and an amount of 0 that lacks calls is not known."""
    marked, written = [dict(row) for row in rows], list(columns)
    for row in marked:
        if "total_usd" in row and hide_zero(row["total_usd"], row.get("unpriced_usd")) is None:
            row |= dict.fromkeys(row.keys() & {"total_usd", "share_permille"})
        if "total_clp" in row and hide_zero(row["total_clp"], row.get("unpriced_clp")) is None:
            row["total_clp"] = None
    for place, column in enumerate(columns):
        if column.key not in COUNTS_OF_ONE:
            continue
        total, is_least = sum(row[column.key] or 0 for row in rows), False
        for row in marked:
            if row[column.key] and (row.get("is_least") or row.get("request_count", 0) is None):
                is_least, row[column.key] = True, mark_least(formats.format_number(row[column.key]))
        if is_least and column.total is Total.SUM:
            written[place] = replace(column, total=mark_least(formats.format_number(total)))
    return written, [*marked]


def call_counted(table: Table, *, has_bills: bool) -> Table:
    """The table as it is called in a month with bills, whose spend is another: its amounts are those that were counted.

    >>> table = Table("mine", "Spend by task", [Column("usd", "US$", Kind.USD)], [])
    >>> call_counted(table, has_bills=True).caption, call_counted(table, has_bills=True).columns[0].heading
    ('Counted by task', 'Counted US$')
    """
    if not has_bills:
        return table
    columns = [
        replace(one, heading="Counted US$") if one.kind is Kind.USD and one.heading == "US$" else one
        for one in table.columns
    ]
    return replace(table, caption=table.caption.replace("Spend", "Counted", 1), columns=columns)


COUNTED = (
    mark_text("Counted by model"),
    mark_text("Counted by the other models"),
    mark_text("Counted by user"),
    mark_text("Counted by task"),
    mark_text("Counted, calls and tokens a day"),
)
"""The captions that it makes."""


def format_value(value: object, kind: Kind) -> str:
    """A value as a reader reads it: a dash where it is not known, a text without what steers terminals."""
    if value is None:
        return formats.UNKNOWN
    if isinstance(value, str):
        is_label = isinstance(value, Label) or kind is Kind.CHANGE  # a frame keeps the text of a label alone
        return formats.clean_text(_(value) if is_label else show_people(value))
    return FORMATS[kind](value)


def mark_least(amount: str) -> str:
    """`at least 1,234`: of a sum that lacks something."""
    return _("at least {amount}").format(amount=amount)


def is_day(value: object, column: Column) -> bool:
    """Whether the value is a day and not the text of a line that stands for several."""
    return column.kind is Kind.DAY and isinstance(value, date)
