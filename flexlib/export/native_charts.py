"""A table's chart as Excel draws it itself, from the cells of its sheet."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from flexlib.tables.definition import MONEY, Column, Kind, Table, Total

Drawn: TypeAlias = Any
"""What XlsxWriter makes, which has no types."""
CHARTED = 15
"""Lines that a chart has room for."""
FEWEST_CHARTED = 2


def add_chart(
    workbook: Drawn,
    sheet: Drawn,
    head: int,
    table: Table,
    columns: Sequence[tuple[Column, str]],
    place: tuple[int, int],
) -> None:
    """A chart of the table's money, credits or calls: columns over days, bars of the first lines elsewhere."""
    found = _find_charted(table, columns)
    named = columns[0][0]
    if found is None or not any(isinstance(row.get(columns[found][1]), int | Decimal) for row in table.rows):
        return
    over_time, value = named.kind in (Kind.DAY, Kind.MONTH), found
    shown = len(table.rows) if over_time else min(len(table.rows), CHARTED)
    if shown < FEWEST_CHARTED:
        return
    chart = workbook.add_chart({"type": "column" if over_time else "bar"})
    first, last = head + 1, head + shown
    name = sheet.get_name()
    chart.add_series({
        "name": [name, head, value],
        "categories": [name, first, 0, last, 0],
        "values": [name, first, value, last, value],
        "fill": {"color": "#3552c8"},
        "gap": 40,
    })  # fmt: skip
    chart.set_title({"name": f"{table.title}: {columns[value][0].title}", "name_font": {"size": 11}, "overlay": False})
    chart.set_legend({"none": True})
    amounts = {"major_gridlines": {"visible": True, "line": {"color": "#e3e6eb"}}, "num_format": "#,##0"}
    names = {"num_font": {"size": 9}, "major_gridlines": {"visible": False}}
    if over_time:
        chart.set_x_axis(names | {"date_axis": True, "num_format": "d", "major_unit": 1})
        chart.set_y_axis(amounts)
    else:  # Excel draws the first bar lowest
        chart.set_y_axis(names | {"reverse": True, "crossing": "max"})
        chart.set_x_axis(amounts)
    chart.set_size({"width": 640, "height": 300 if over_time else 60 + 26 * shown + 40})
    sheet.insert_chart(*place, chart, {"object_position": 3, "description": table.title})


def _find_charted(table: Table, columns: Sequence[tuple[Column, str]]) -> int | None:
    """The place of what the page draws bars of, else of money or credits that have a sum over time."""
    drawn = next((column.key for column in table.columns if column.kind is Kind.BAR), None)
    over_time = columns[0][0].kind in (Kind.DAY, Kind.MONTH)
    for place, (column, key) in enumerate(columns):
        is_sum = over_time and column.kind in MONEY | {Kind.CREDITS} and column.total in (Total.SUM, Total.KNOWN)
        if key == column.key and (key == drawn or is_sum):
            return place
    return None
