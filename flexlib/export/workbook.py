"""A report as an Excel workbook: what it is and rests on, its tables, and the month's facts to pivot on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

from flexlib.export.lines import explain_unwritten
from flexlib.export.many_facts import Lines, Stretch, fill_sheets
from flexlib.export.sheets import LINE, NUMBER_FORMATS, Book, Sheet, add_table_sheet, count_lines, set_print
from flexlib.formats import format_number
from flexlib.i18n import _, translate_count
from flexlib.store.disk import PRIVATE, PUBLIC, replace_whole
from flexlib.tables.definition import NUMBERS, Column, Kind
from flexlib.tables.document import Document

if TYPE_CHECKING:
    import duckdb

SHARED = "shared"
"""In the file as its category where everybody may see it."""
MOST_ROWS = 1_048_576
"""Of a sheet, its headings included: Excel has no more."""
MOST_IN_TABLE = 60_000
"""Facts that are a Table object; of more the lines are put in afterwards, which takes a tenth of time and memory."""
MADE = datetime(2000, 1, 1)
"""In the file as the moment of its making: the same report gives the same bytes."""
WIDE, NAME = 90, 30
"""Letters of the first sheet's columns."""


@dataclass(frozen=True)
class Facts:
    """Rows to pivot on, typed, in the columns that describe them."""

    columns: Sequence[Column]
    rows: duckdb.DuckDBPyRelation


def write_workbook(
    document: Document, path: Path, facts: Facts | None = None, *, is_private: bool = False, is_shared: bool = False,
    most_rows: int = MOST_ROWS,
) -> list[str]:  # fmt: skip
    """The report's workbook, whole or not at all; gives sentences on what a reader has to know of it. `is_private`: for
    its owner alone; `is_shared`: for everybody, as `is_shared_workbook` tells. Raises `DiskFailed`."""
    import xlsxwriter

    try:
        with replace_whole(path, PRIVATE if is_private else PUBLIC) as temporary:
            options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
            workbook = xlsxwriter.Workbook(str(temporary), options)
            workbook.use_zip64()
            workbook.set_properties({"title": document.name, "comments": document.state, "created": MADE,
                                     "category": SHARED if is_shared else ""})  # fmt: skip
            book = Book(workbook)
            first = book.add_sheet(_("About"))
            sheets: list[tuple[str, str]] = []
            for section in document.sections:
                for table in section.tables:
                    if table.rows:
                        above = (document.name, document.state, section.heading)
                        name = add_table_sheet(book, table, f"table_{len(sheets) + 1}", above)
                        sheets.append((name, section.heading))
            lines, stretches = (None, []) if facts is None else _add_facts(book, facts, document, sheets, most_rows)
            notes = _tell_sheets(stretches)
            if book.long_amounts:
                said = translate_count(
                    "{count} amount has more than the 15 digits that Excel keeps, and is rounded to them; CSV, Parquet "
                    "and JSON hold every digit.",
                    "{count} amounts have more than the 15 digits that Excel keeps, and are rounded to them; CSV, "
                    "Parquet and JSON hold every digit.",
                    book.long_amounts,
                )
                notes.append(said.format(count=format_number(book.long_amounts)))
            _fill_first(book, first, document, sheets, notes)
            workbook.close()
            if lines:
                fill_sheets(temporary, lines, stretches)
    except OSError as error:
        raise explain_unwritten(path, error) from error
    return notes


def is_shared_workbook(path: Path) -> bool:
    """Whether the file says of itself that everybody may see it."""
    try:
        with ZipFile(path) as archive:
            return f"<cp:category>{SHARED}</cp:category>".encode() in archive.read("docProps/core.xml")
    except (BadZipFile, KeyError):
        return False


def _fill_first(
    book: Book,
    sheet: Sheet,
    document: Document,
    sheets: Sequence[tuple[str, str]],
    notes: Sequence[str],
) -> None:
    soft = {"font_color": "#5d6879", "text_wrap": True}
    sheet.set_column(0, 0, NAME)
    sheet.set_column(1, 1, NAME)
    sheet.set_column(2, 2, WIDE)
    book.write_text(sheet, 0, 0, document.name, bold=True, font_size=18)
    sheet.set_row(0, 26)
    demo = [_("Demo data")] * document.is_demo
    book.write_text(sheet, 1, 0, " · ".join(filter(None, (document.over, *demo))), font_color="#5d6879")
    row = 3
    lines: list[tuple[str, str, str]] = [(document.state, "", document.summary)]
    blocks: list[tuple[str, list[tuple[str, str, str]]]] = [(_("State"), lines)]
    lines += [("", "", text) for text in document.missing]
    blocks += [(_("In short"), [*document.cards]), (_("Sheets"), [(name, "", of) for name, of in sheets])]
    blocks += [(_("To know of this file"), [("", "", text) for text in notes])]
    blocks += [(_("Certificate"), [*((name, "", text) for name, text in document.facts)])]
    blocks += [("", [("", "", text) for text in document.notes])]
    blocks += [(_("Notes and definitions"), [("", "", text) for text in document.definitions])]
    known = {name for name, _heading in sheets}
    for title, found in blocks:
        if not found:
            continue
        if title:
            book.write_text(sheet, row, 0, title, bold=True, bottom=1)
            sheet.write_blank(row, 1, None, book.form(bottom=1))
            sheet.write_blank(row, 2, None, book.form(bottom=1))
            row += 1
        for name, value, text in found:
            if name in known and not value:
                sheet.write_url(
                    row, 0, f"internal:'{name.replace(chr(39), chr(39) * 2)}'!A1", book.form(font_color="#3552c8"), name
                )
            elif name:
                book.write_text(sheet, row, 0, name, text_wrap=True)
            if value:
                book.write_text(sheet, row, 1, value, bold=True, text_wrap=True)
            if text:
                book.write_text(sheet, row, 2, text, **soft)
            sheet.set_row(row, count_lines((name, value, text), (NAME, NAME, WIDE)) * LINE)
            row += 1
        row += 1
    set_print(sheet, 0, document.name)


def _add_facts(
    book: Book, facts: Facts, document: Document, sheets: list[tuple[str, str]], most_rows: int
) -> tuple[Lines | None, list[Stretch]]:
    """The facts as a Table object on a sheet; else the sheets that they need with headings alone, each with how many
    facts it is to have, and the lines that are to be put there."""
    ((count,),) = facts.rows.aggregate("count(*)").fetchall()
    room = most_rows - 1
    is_table, titles = count <= min(MOST_IN_TABLE, room), _("Facts")
    stretches = []
    for part in range(max(1, -(-count // room))):
        sheet = book.add_sheet(titles if count <= room else f"{titles} {part + 1}")
        for place, column in enumerate(facts.columns):
            sheet.set_column(place, place, max(12, len(column.title) + 4, 30 * (column.kind is Kind.TEXT)))
            if not is_table:
                book.write_text(sheet, 0, place, column.title, bold=True, bottom=1)
        here, last = min(room, count - part * room), len(facts.columns) - 1
        if is_table:
            writers = _choose_writers(book, sheet, facts.columns)
            for place, row in enumerate(_read_facts(facts), 1):
                for write, value in zip(writers, row, strict=True):
                    if value is not None:  # an empty cell: a pivot counts it as nothing
                        write(place, value)
            heads = [{"header": column.title} for column in facts.columns]
            style = {"name": "facts", "style": "Table Style Light 1", "columns": heads}
            sheet.add_table(0, 0, max(here, 1), last, style)
        else:
            sheet.autofilter(0, 0, here, last)
            stretches.append(Stretch(sheet.index + 1, here))
        sheet.freeze_panes(1, 0)
        set_print(sheet, 0, document.name)
        sheets.append((sheet.get_name(), _("every day, person, model and provider, to pivot on")))
    return None if is_table else Lines(book, facts.columns, facts.rows), stretches


def _tell_sheets(stretches: Sequence[Stretch]) -> list[str]:
    said = _("{count} facts are more than a sheet of Excel holds; they stand on {sheets} sheets.")
    count = format_number(sum(one.facts for one in stretches))
    return [said.format(count=count, sheets=len(stretches))] if len(stretches) > 1 else []


def _choose_writers(book: Book, sheet: Sheet, columns: Sequence[Column]) -> list[Callable[[int, Any], None]]:
    """What writes a value of each column into a line: chosen once, since there may be millions of values."""

    def choose(place: int, column: Column) -> Callable[[int, Any], None]:
        form = book.form(num_format=NUMBER_FORMATS.get(column.kind, "General"))
        if column.kind in NUMBERS:
            return lambda row, value: sheet.write_number(row, place, book.to_number(value, column.kind), form)
        if column.kind is Kind.DAY:
            return lambda row, value: sheet.write_datetime(row, place, value, form)
        seen: dict[str, tuple[str, Sheet]] = {}  # a person has many lines

        def write_text(row: int, value: str) -> None:
            if value not in seen:
                seen[value] = book.clean(value)
            sheet.write_string(row, place, *seen[value])

        return write_text

    return [choose(place, column) for place, column in enumerate(columns)]


def _read_facts(facts: Facts) -> Iterator[Sequence[Any]]:
    rows = facts.rows.select(", ".join(f'"{column.key}"' for column in facts.columns))
    for batch in rows.to_arrow_reader(MOST_IN_TABLE):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
