"""Which column of a bill feeds which field of the charges schema, and what stands for all of its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

from flexlib.currencies import CURRENCIES
from flexlib.enums import KINDS_OF_CHARGE
from flexlib.errors import BadParameter
from flexlib.i18n import _, join_or
from flexlib.senders import is_sender
from flexlib.sources.files.conditions import RowFilter, hide_emails, list_columns, read_filter
from flexlib.sources.files.fields import AskedColumns

COLUMNS = ("period_start", "period_end", "line_item", "model", "key", "amount", "list_amount", "quantity", "line_id")
"""Fields that a column feeds."""

AMOUNTS = ("amount", "list_amount", "quantity")
"""Those that are summed."""

COLUMNS_OR_VALUES = ("provider", "currency", "unit", "kind")
"""Fields that a column of that name feeds, where the file has one; else the text is the value of every row."""

UNITS = {"usd": 0, "cents": -2}
"""By how many digits an amount moves."""


def is_value(name: str, text: str, columns: Iterable[str]) -> bool:
    """Whether the text can be the value of that field for every row, and is no column that the file, which has these
    `columns`, lacks or writes in another case."""
    if name == "currency":
        return text in CURRENCIES
    if name == "kind":
        return text in KINDS_OF_CHARGE
    if name == "unit" or is_sender(text):
        return True
    return text == text.lower() and "_" not in text and text not in {one.lower() for one in columns}


@dataclass(frozen=True, kw_only=True)
class ChargeMapping:
    """How to read a file of charges; columns of JSON lines may be paths, such as `amount.value`.

    Raises `BadParameter` for what makes no sense.
    """

    period_start: str
    """When the period of a charge begins: a time, a date, or a month such as 2025-09."""
    amount: str
    """What is billed; a credit is negative."""
    currency: str
    """Its currency, or the column that says it."""
    provider: str
    """Who sends the bill, or the column that says it."""
    period_end: str | None = None
    """When it ends; without it, a charge is of the day on which it begins, or of the month."""
    end_date: Literal["included", "excluded"] | None = None
    """Whether a date in `period_end` is the last day or the first behind the period; None: the rows tell."""
    line_item: str | None = None
    model: str | None = None
    """Of a text such as `gpt-5-nano, input`, what stands before the comma."""
    key: str | None = None
    """The key or user; an e-mail becomes an opaque key, and stands in the people file."""
    list_amount: str | None = None
    """What the list prices ask for it."""
    quantity: str | None = None
    line_id: str | None = None
    """The line's own id: one that comes again is one charge."""
    unit: str | None = None
    kind: str | None = None
    """usage, fee, credit, tax or adjustment, or the column that says it; without, a negative amount is a credit."""
    bills: str | None = None
    """Whether it pays for the calls that are counted (`calls`: then a fee is for usage), or for none of them (`other`:
    then usage is a fee); or whose calls it pays for, such as `google,anthropic`, where those stand under the makers.
    None: its lines of usage are for calls, and whether its fees are, where it has no other line, nobody knows."""
    amount_unit: str = "usd"
    """`cents` where amounts are hundredths of their currency, else `usd`, whatever the currency."""
    where: tuple[str, ...] = ()
    """Conditions that a charge must meet, such as `type=cost`, as those of a file of calls."""
    no_calls: tuple[str, ...] = ()
    """Rows that are no charges, each kind with its condition, such as `total rows: Date=Total`."""
    date_order: str | None = None
    """`dmy` or `mdy`, of dates such as 05/10/2026; None: a day above 12 has to prove it."""
    decimal: str | None = None
    """What stands before the decimals of an amount, `.` or `,`; None: an amount that can only be one proves it."""
    delimiter: str | None = None
    optional: tuple[str, ...] = ()
    """Columns that a file may lack: each is then empty in all rows."""
    rows_path: str | None = None
    """Where the rows of a JSON are, such as `data[].results[]`; None: where all columns are."""
    preset: str | None = None
    evidence: str | None = None

    def __post_init__(self) -> None:
        for name, known in {
            "amount_unit": UNITS,
            "end_date": (None, "included", "excluded"),
            "date_order": (None, "dmy", "mdy"),
            "decimal": (None, ".", ","),
        }.items():
            if (said := getattr(self, name)) not in known:
                wanted = join_or(one for one in known if one)
                raise BadParameter(
                    _("{name} must be {wanted}, not {said!r}.").format(name=name, wanted=wanted, said=said)
                )
        if self.bills not in (None, "calls", "other") and not all(map(is_sender, self.bills.split(","))):
            raise BadParameter(
                _("bills must be calls, other or makers such as google,anthropic, not {bills!r}.").format(
                    bills=self.bills
                )
            )
        self.read_filter()

    @property
    def asked(self) -> AskedColumns:
        """What it asks of the rows of a JSON."""
        columns = {name: column for name in COLUMNS if (column := getattr(self, name))}
        counts = {column for name, column in columns.items() if name in AMOUNTS}
        needed = frozenset(columns.values()) - frozenset(self.optional)
        asked = (*columns.values(), *self.conditions)
        period = (self.period_start, self.period_end or "")
        names_charges = bool(self.line_item or self.model)
        told = (self.rows_path, None, frozenset[str]())
        return AskedColumns(asked, frozenset(counts), needed, *told, *period, tells_empty=names_charges)

    @property
    def conditions(self) -> list[str]:
        """The columns that conditions ask for."""
        return list_columns(self.where, self.no_calls)

    def read_filter(self) -> RowFilter:
        """Which rows are no charges."""
        return read_filter(self.where, self.no_calls)

    def describe(self) -> dict[str, Any]:
        """All that differs from the defaults, in the types of JSON: kept in the certificate."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {field.name for field in fields(self) if told[field.name] != field.default}
        return {
            name: [hide_emails(one) for one in told[name]] if isinstance(told[name], tuple) else told[name]
            for name in told
            if name in changed
        }
