"""A finished table as the text that a terminal shows, with its total."""

from __future__ import annotations

from datetime import date
from typing import Any

from flexlib.dates import Span
from flexlib.formats import format_day, format_month, format_span
from flexlib.tables.definition import NUMBERS, Column, Kind, Row, Table, format_value

DOUBLE, SINGLE = "=" * 100, "-" * 100

FIRST_WIDTH = 32
NUMBER_WIDTH = 14
"""The least that a column is wide."""

AT_LEAST = "⚠️  AT LEAST: not everything could be read; every total here is a lower bound."


def render_table(table: Table, days: Span, *, lower_bound: bool = False) -> str:
    """The table of those days, one line per row, then the total; `lower_bound` marks a total that is incomplete. Ends
    with a newline."""
    columns = table.written_columns
    heads = [column.heading.upper() for column in columns]
    cells = [[_render_cell(column, row) for column in columns] for row in table.rows]
    totals = [format_value(table.sum_column(column), column.kind) for column in columns]
    totals[0] = totals[0].upper() + " (AT LEAST)" * lower_bound
    lines = [heads, *cells, totals]
    widths = [max(NUMBER_WIDTH, *(len(line[place]) for line in lines)) for place in range(len(columns))]
    widths[0] = max(FIRST_WIDTH, widths[0])
    signs = [">" if column.kind in NUMBERS else "<" for column in columns]
    laid = [
        "  ".join(f"{cell:{sign}{width}}" for cell, sign, width in zip(line, signs, widths, strict=True)).rstrip()
        for line in lines
    ]
    title = render_title(f"{table.caption} - {format_span(days)}", lower_bound=lower_bound)
    return "\n".join([*title, laid[0], SINGLE, *laid[1:-1], SINGLE, laid[-1], DOUBLE]) + "\n"


def render_title(title: str, *, lower_bound: bool) -> list[str]:
    """The lines above a table or a block."""
    return [DOUBLE, title.upper(), DOUBLE, *([AT_LEAST] if lower_bound else [])]


def title_day(day: date) -> str:
    """`2025-09-01 - September 01, 2025`."""
    return f"{day} - {format_day(day)}"


def clean_name(name: str) -> str:
    """A name from outside without its control characters, which are not for the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in name)


def _render_cell(column: Column, row: Row) -> str:
    value: Any = row.get(column.key)
    text, note = format_value(value, column.kind), row.get(column.note)
    if column.kind is Kind.DAY and isinstance(value, date):
        return title_day(value)
    if column.kind is Kind.MONTH and isinstance(value, date):
        return f"{value:%Y-%m} - {format_month(value)}"
    return (clean_name(text) if isinstance(value, str) else text) + (f" {clean_name(note)}" if note else "")
