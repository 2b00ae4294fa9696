"""A finished table as a sheet of Excel: a Table object with real numbers and days, its total row, a native chart."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from textwrap import shorten, wrap
from typing import Any, TypeAlias

from flexlib.export.lines import FORMULA_START
from flexlib.export.native_charts import add_chart
from flexlib.formats import UNKNOWN, clean_text
from flexlib.i18n import _
from flexlib.names import show_people
from flexlib.tables.definition import NUMBERS, Column, Kind, Row, Table, Total, format_value

Sheet: TypeAlias = Any
"""What XlsxWriter makes, which has no types."""

NUMBER_FORMATS: dict[Kind, str | int] = {
    **dict.fromkeys((Kind.COUNT, Kind.CLP), "#,##0"),
    **dict.fromkeys((Kind.CREDITS, Kind.USD), "#,##0.00"),
    Kind.SIGNED: "+#,##0.00;-#,##0.00;0.00",
    Kind.SIGNED_CLP: "+#,##0;-#,##0;0",
    Kind.NUMBER: "General",
    Kind.SHARE: "0.0%",
    Kind.CHANGE: "+0.0%;-0.0%;0.0%",
    Kind.DAY: 14,  # Excel's own short date, in the order of the reader's country
    Kind.MONTH: "mmm yyyy",
}
"""How Excel shows the values of a kind; what separates thousands and decimals is the reader's own."""

PARTS = {Kind.CREDITS: 100, Kind.SHARE: 1000, Kind.CHANGE: 1000}
"""Of what a stored whole number counts so many make one: hundredths of a credit, tenths of a percent."""

DIGITS = 15
"""What Excel keeps of a number; an amount with more is rounded to the nearest there, and told."""

NARROWEST, WIDEST = 9, 52
"""Of a column, in letters; longer texts have several lines."""
WIDE_TABLE = 80
"""Letters from which on a table's chart stands below it: beside it, paper would show both too small to read."""
LINE = 15.5
"""Points that a line of text is high."""
HEAD_ROW = 3
"""Where a table's headings stand: above them its caption and the finding of the page."""
LONGEST_SHEET = 31
"""Letters of a sheet's name that Excel takes."""


class Book:
    """A workbook that is being written, its formats, and how many of its amounts have more digits than Excel keeps."""

    def __init__(self, workbook: Any) -> None:  # noqa: ANN401 (XlsxWriter has no types)
        self.workbook = workbook
        self.long_amounts = 0
        self._formats: dict[tuple[tuple[str, object], ...], Any] = {}
        self._names: set[str] = set()

    def form(self, **properties: object) -> Sheet:
        """The format with these properties of XlsxWriter, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.workbook.add_format({"valign": "top", **properties})
        return self._formats[key]

    def has_sheet(self, title: str) -> bool:
        """Whether a sheet has this title."""
        return _name_sheet(title).lower() in self._names

    def add_sheet(self, title: str) -> Sheet:
        """A sheet of a name that Excel takes, and no other has."""
        plain = _name_sheet(title)
        name, number = plain, 2
        while name.lower() in self._names:
            end = f" {number}"
            name, number = plain[: LONGEST_SHEET - len(end)] + end, number + 1
        self._names.add(name.lower())
        return self.workbook.add_worksheet(name)

    def write_text(self, sheet: Sheet, row: int, place: int, text: str, **properties: object) -> None:
        """A text as `clean` makes it."""
        sheet.write_string(row, place, *self.clean(text, **properties))

    def clean(self, text: str, **properties: object) -> tuple[str, Sheet]:
        """A text and its format: it stays a text, whatever it begins with, also where somebody edits the cell."""
        armed = {"quote_prefix": True} if FORMULA_START.match(text) else {}
        return clean_text(show_people(text)), self.form(**properties, **armed)

    def write_value(self, sheet: Sheet, row: int, place: int, value: object, kind: Kind, **properties: object) -> None:
        """A value as its kind: a number, a day, a text; what is not known is a dash, which no sum counts."""
        if isinstance(value, date):
            sheet.write_datetime(
                row, place, value, self.form(num_format=NUMBER_FORMATS[kind], align="left", **properties)
            )
        elif isinstance(value, int | float | Decimal | Fraction) and math.isfinite(value):
            number = self.to_number(value, kind)
            sheet.write_number(
                row, place, number, self.form(num_format=NUMBER_FORMATS.get(kind, "General"), **properties)
            )
        elif value is None or kind in NUMBERS:
            self.write_text(sheet, row, place, _name(value, kind), align="right", **properties)
        else:
            self.write_text(sheet, row, place, _name(value, kind), text_wrap=True, **properties)

    def to_number(self, value: float | Decimal | Fraction, kind: Kind) -> float:
        """The number that Excel gets: the nearest that it can hold."""
        if isinstance(value, Decimal) and len(value.as_tuple().digits) > DIGITS:
            self.long_amounts += len(value.normalize().as_tuple().digits) > DIGITS
        return float(value / PARTS[kind] if kind in PARTS else value)


def _name_sheet(title: str) -> str:
    plain = re.sub(r"[\[\]:*?/\\]", " ", clean_text(title)).strip().strip("'")
    return shorten(plain, LONGEST_SHEET, placeholder="…") or plain[:LONGEST_SHEET].strip() or "-"


def _name(value: object, kind: Kind) -> str:
    """A text as the page has it, also for what is not known, or a number that is none, such as `NaN`."""
    return format_value(value, kind) if value is None or isinstance(value, str) else str(value)


def add_table_sheet(book: Book, table: Table, name: str, lines: Sequence[str]) -> str:
    """A sheet of the table under its caption and some `lines`; gives the sheet's name. `name` is the Table object's."""
    title = table.opening if table.opening and book.has_sheet(table.title) else table.title
    sheet = book.add_sheet(title)
    columns = _list_columns(table)
    book.write_text(sheet, 0, 0, title, bold=True, font_size=14)
    book.write_text(sheet, 1, 0, " · ".join(filter(None, lines)), font_color="#5d6879")
    for place, row in enumerate(table.rows, HEAD_ROW + 1):
        _write_row(book, sheet, place, columns, row)
    last = HEAD_ROW + len(table.rows)
    has_total = any(column.total is not Total.BLANK for column, _key in columns)
    heads = _name_heads(columns)
    options: dict[str, Any] = {
        "name": name,
        "style": "Table Style Light 1",
        "total_row": has_total,
        "columns": [
            {"header": head, "header_format": book.form(bold=True, text_wrap=True, align=_align(column, key))}
            | (_total(book, table, column, key) if has_total else {})
            for head, (column, key) in zip(heads, columns, strict=True)
        ],
    }
    sheet.add_table(HEAD_ROW, 0, last + has_total, len(columns) - 1, options)
    for number, (column, _key) in enumerate(columns if has_total else ()):
        if "total_function" in options["columns"][number] and column.total in (Total.SUM, Total.KNOWN):
            form = book.form(num_format=NUMBER_FORMATS.get(column.kind, "General"), bold=True)
            # With the name of its table: without it LibreOffice does not understand headings of two words.
            cells, value = f"{name}[{_escape(heads[number])}]", options["columns"][number]["total_value"]
            sheet.write_formula(last + 1, number, f"=SUBTOTAL(109,{cells})", form, value)
    for place, row in enumerate(table.closing, last + has_total + 1):
        _write_row(book, sheet, place, columns, row, bold=True)
    widths = measure_widths(table, columns, heads)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    sheet.set_row(HEAD_ROW, count_lines(heads, [width - 3 for width in widths]) * LINE)
    for place, row in enumerate(table.rows, HEAD_ROW + 1):
        texts = [value if isinstance(value := row.get(key), str) else "" for _column, key in columns]
        if (most := count_lines(texts, widths)) > 1:
            sheet.set_row(place, most * LINE)
    sheet.freeze_panes(HEAD_ROW + 1, 1)
    set_print(sheet, HEAD_ROW, title)
    is_wide = sum(widths) > WIDE_TABLE
    corner = (last + len(table.closing) + 4, 0) if is_wide else (HEAD_ROW, len(columns) + 1)
    add_chart(book.workbook, sheet, HEAD_ROW, table, columns, corner)
    return str(sheet.get_name())


def set_print(sheet: Sheet, head: int, title: str) -> None:
    """On paper: as wide as a page, the headings on each, numbered."""
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(head)
    sheet.set_footer(f"&L{title.replace('&', '&&')}&R&P / &N")
    sheet.hide_gridlines(2)


def measure_widths(table: Table, columns: Sequence[tuple[Column, str]], heads: Sequence[str]) -> list[float]:
    """In letters: room for every value, a text up to `WIDEST`, a heading in two lines, and the sign to filter by."""
    widths = []
    for head, (column, key) in zip(heads, columns, strict=True):
        kind = column.kind if key == column.key else Kind.TEXT
        values = [row.get(key) for row in (*table.rows, *table.closing)]
        values += [table.sum_column(column)] if key == column.key else []
        texts = [format_value(one, kind) if one != "" else "" for one in values]
        longest = max((len(text) for text in texts), default=0)
        words = max(map(len, head.split()), default=0) + 3
        widths.append(min(max(longest + 2, words, len(head) / 2 + 3, NARROWEST), WIDEST))
    return widths


def count_lines(texts: Sequence[str], widths: Sequence[float]) -> int:
    """How many lines the longest of a row's texts takes in columns of these widths; not every program measures them."""
    return max((len(wrap(text, max(int(width), 5))) for text, width in zip(texts, widths, strict=True)), default=1) or 1


def _list_columns(table: Table) -> list[tuple[Column, str]]:
    """The written columns and the key of each; what stands smaller beside a value has a column of its own."""
    return [(column, key) for column in table.written_columns for key in (column.key, column.note) if key]


def _name_heads(columns: Iterable[tuple[Column, str]]) -> list[str]:
    """The headings, none twice and none empty: Excel takes no others."""
    heads: list[str] = []
    for column, key in columns:
        head = column.title or key
        name = head if key == column.key else _("{heading}, note").format(heading=head)
        taken = {one.lower() for one in heads}
        heads.append(
            next(one for one in (name, *(f"{name} {more}" for more in range(2, 99))) if one.lower() not in taken)
        )
    return heads


def _align(column: Column, key: str) -> str:
    return "right" if key == column.key and column.kind in NUMBERS else "left"


def _write_row(
    book: Book, sheet: Sheet, place: int, columns: Sequence[tuple[Column, str]], row: Row, **look: object
) -> None:
    for number, (column, key) in enumerate(columns):
        value = row.get(key)
        if key != column.key:
            book.write_text(sheet, place, number, str(value or ""), font_color="#5d6879", text_wrap=True, **look)
        elif value != "":
            book.write_value(sheet, place, number, value, column.find_kind(row), **look)


def _total(book: Book, table: Table, column: Column, key: str) -> dict[str, Any]:
    """The total of a column: a sum that follows the filter, a sum that the page has from elsewhere, or a text."""
    value = table.sum_column(column) if key == column.key else ""
    if value == "":
        return {}
    if not isinstance(value, int | Decimal | Fraction):
        return {"total_string": UNKNOWN if value is None else clean_text(str(value))}
    form = {"format": book.form(num_format=NUMBER_FORMATS.get(column.kind, "General"))}
    number = book.to_number(value, column.kind)
    is_sum = column.total in (Total.SUM, Total.KNOWN)
    return form | {"total_function": "sum" if is_sum else f"={number!r}", "total_value": number}


def _escape(heading: str) -> str:
    return re.sub(r"(['#\[\]@])", r"'\1", heading)
