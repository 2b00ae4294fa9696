"""Which column of a bill feeds which field of the charges schema, and what stands for all of its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from flexlib.errors import BadParameter
from flexlib.sources.files.fields import AskedColumns

COLUMNS = ("period_start", "period_end", "line_item", "model", "key", "amount", "list_amount", "quantity")
"""Fields that a column feeds."""

AMOUNTS = ("amount", "list_amount", "quantity")
"""Those that are summed."""

COLUMNS_OR_VALUES = ("provider", "currency", "unit", "kind")
"""Fields that a column of that name feeds, where the file has one; else the text is the value of every row."""

OTHER_ROWS = "other rows"
"""What rows are called that `where` leaves out."""

UNITS = {"usd": 0, "cents": -2}
"""By how many digits an amount moves."""


@dataclass(frozen=True)
class Condition:
    """What a row must say in one column: one of `values`, or with `is_not` none of them."""

    column: str
    values: frozenset[str]
    is_not: bool

    def holds(self, text: str | None) -> bool:
        """Whether a row with that text in the column meets it; no text is as an empty one."""
        return ((text or "").strip() in self.values) != self.is_not


def read_condition(text: str) -> Condition:
    """The condition that `column=value|value2` or `column!=value` says. Raises `BadParameter` for another text.

    >>> read_condition("type=assistant|user").values == {"assistant", "user"}
    True
    """
    column, sign, values = text.partition("=")
    is_not = column.endswith("!")
    column = column.removesuffix("!").strip()
    if not sign or not column:
        raise BadParameter(f"{text!r} is no condition; write column=value, column=value|value2 or column!=value.")
    return Condition(column, frozenset(one.strip() for one in values.split("|")), is_not)


def read_kinds(texts: Iterable[str]) -> list[tuple[str, Condition]]:
    """Of each text such as `total rows: Date=Total` the kind of row and its condition. Raises `BadParameter`."""
    found = []
    for text in texts:
        kind, sign, condition = text.partition(":")
        if not sign or not kind.strip():
            raise BadParameter(f"{text!r} names no kind of row; write it as total rows: Date=Total.")
        found.append((kind.strip(), read_condition(condition.strip())))
    return found


@dataclass(frozen=True, kw_only=True)
class ChargeMapping:
    """How to read a file of charges; columns of JSON lines may be paths, such as `amount.value`.

    Raises `BadParameter` for what makes no sense.
    """

    period_start: str
    """When the period of a charge begins: a time, a date, or a month such as 2025-09."""
    amount: str
    """What is billed; a credit is negative."""
    provider: str
    """Who sends the bill, or the column that says it."""
    period_end: str | None = None
    """When it ends; without it, a charge is of the day on which it begins, or of the month."""
    line_item: str | None = None
    model: str | None = None
    """Of a text such as `gpt-5-nano, input`, what stands before the comma."""
    key: str | None = None
    """The key or user; an e-mail becomes an opaque key, and stands in the people file."""
    list_amount: str | None = None
    """What the list prices ask for it."""
    quantity: str | None = None
    currency: str = "USD"
    unit: str | None = None
    kind: str | None = None
    """usage, fee, credit, tax or adjustment, or the column that says it; without, a negative amount is a credit."""
    amount_unit: str = "usd"
    """`cents` where amounts are hundredths of their currency, else `usd`, whatever the currency."""
    where: tuple[str, ...] = ()
    """Conditions that a charge must meet, such as `type=cost`."""
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
            "date_order": (None, "dmy", "mdy"),
            "decimal": (None, ".", ","),
        }.items():
            if (said := getattr(self, name)) not in known:
                wanted = " or ".join(one for one in known if one)
                raise BadParameter(f"{name} must be {wanted}, not {said!r}.")
        self.read_conditions()

    @property
    def asked(self) -> AskedColumns:
        """What it asks of the rows of a JSON."""
        columns = {name: column for name in COLUMNS if (column := getattr(self, name))}
        counts = {column for name, column in columns.items() if name in AMOUNTS}
        needed = frozenset(columns.values()) - frozenset(self.optional)
        return AskedColumns(tuple(columns.values()), frozenset(counts), needed, self.rows_path)

    def read_conditions(self) -> list[tuple[str, Condition]]:
        """The kinds of rows that are no charges, in the order in which they are asked: who meets one is left out."""
        others = [(OTHER_ROWS, read_condition(text)) for text in self.where]
        turned = [(kind, Condition(one.column, one.values, not one.is_not)) for kind, one in others]
        return read_kinds(self.no_calls) + turned

    def describe(self) -> dict[str, Any]:
        """All that differs from the defaults, in the types of JSON: kept in the certificate."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {field.name for field in fields(self) if told[field.name] != field.default}
        return {
            name: list(told[name]) if isinstance(told[name], tuple) else told[name] for name in told if name in changed
        }
