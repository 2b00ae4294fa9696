"""A finished table as JSON and back, exact: what a page shows is what every other file of the same month holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from numbers import Integral
from typing import Any

from flexlib.i18n import Label
from flexlib.tables.definition import Column, Kind, Table, Total

Frozen = dict[str, Any]

KEPT_TYPE = "application/vnd.flexlib.kept+json"
"""The type under which a report's executed notebook holds what its page shows as data."""


def freeze_table(table: Table) -> Frozen:
    """The table as JSON has it: its written columns with what stands beside them, and no more of its rows than that.

    Counts and hundredths of a credit are integers, an amount is `{"decimal": "1.50"}`, a day `{"date": "2025-09-01"}`.
    """
    keys = [key for column in table.written_columns for key in (column.key, column.note, column.kinds) if key]
    return {
        "name": table.name,
        "caption": table.caption,
        "summary": table.summary,
        "columns": [_freeze_column(column) for column in table.columns],
        "rows": [_freeze_row(row, keys) for row in table.rows],
        "others": sorted(table.others),
        "closing": [_freeze_row(row, keys) for row in table.closing],
    }


def thaw_table(frozen: Mapping[str, Any]) -> Table:
    """The table of `freeze_table`; what only a page draws is without values."""
    return Table(
        frozen["name"],
        frozen["caption"],
        [_thaw_column(column) for column in frozen["columns"]],
        [_thaw_row(row) for row in frozen["rows"]],
        frozenset(frozen["others"]),
        frozen["summary"],
        closing=[_thaw_row(row) for row in frozen["closing"]],
    )


def freeze_value(value: object) -> object:
    """One value as JSON has it. Raises `TypeError` for what no table holds."""
    if isinstance(value, Decimal):
        return {"decimal": f"{value:f}"}
    if isinstance(value, date):
        return {"date": value.isoformat()[:10]}
    if isinstance(value, Total):
        return {"total": value.name}
    if isinstance(value, Label):
        return {"label": str(value)}
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, Integral):  # numpy's, too
        return int(value)
    raise TypeError(f"a table holds no {type(value).__name__}")


def thaw_value(value: object) -> Any:  # noqa: ANN401 (what a table holds)
    """The value of `freeze_value`."""
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind in ("total", "label"):
        return Total[text] if kind == "total" else Label(text)
    return Decimal(text) if kind == "decimal" else date.fromisoformat(text)


def _freeze_row(row: Mapping[str, Any], keys: list[str]) -> Frozen:
    return {key: freeze_value(row[key]) for key in keys if key in row}


def _thaw_row(row: Mapping[str, Any]) -> Frozen:
    return {key: thaw_value(value) for key, value in row.items()}


def _freeze_column(column: Column) -> Frozen:
    values = {one.name: getattr(column, one.name) for one in fields(Column)}
    return values | {"kind": str(column.kind), "total": freeze_value(column.total)}


def _thaw_column(frozen: Mapping[str, Any]) -> Column:
    return Column(**{**frozen, "kind": Kind(frozen["kind"]), "total": thaw_value(frozen["total"])})
