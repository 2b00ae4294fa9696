"""The sheet of a workbook (Excel, LibreOffice) that holds the rows of people, and what its other sheets hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path

from flexlib.errors import BadFile, explain_missing
from flexlib.i18n import _, join_and, translate_count
from flexlib.nesting import format_given

Rows = list[list[str]]


def read_sheet(
    file: Path, holds_people: Callable[[Sequence[Sequence[str]]], bool], notes: list[str]
) -> list[tuple[int, list[str]]]:
    """The rows, with their numbers, of the one sheet that holds people; where none does, of the first with any text.

    Sheets beside it that hold text are named in `notes`. Raises `BadFile` for a file that is no workbook and for two
    sheets of people, `ExtraMissing` without the library that reads it.
    """
    sheets = {name: rows for name, rows in _read_sheets(file).items() if any(map("".join, rows))}
    of_people = [name for name, rows in sheets.items() if holds_people(rows)]
    if len(of_people) > 1:
        said = _(
            "{file}: the sheets {names} hold people, and only one can be read; put them into one sheet, or save the "
            "one that holds as a CSV or a workbook of its own."
        )
        raise BadFile(said.format(file=file, names=_name_sheets(of_people)))
    read = next(iter(of_people or sheets), None)
    if others := [name for name in sheets if name != read]:
        said = translate_count(
            "{file}: only the sheet {read} was read; the sheet {others} has text, too, but no columns of people.",
            "{file}: only the sheet {read} was read; the sheets {others} have text, too, but no columns of people.",
            len(others),
        )
        notes.append(said.format(file=file, read=format_given(read), others=_name_sheets(others)))
    return [*enumerate(sheets[read] if read is not None else [], start=1)]


def _name_sheets(names: Sequence[str]) -> str:
    return join_and([*map(format_given, names)])


def _read_sheets(file: Path) -> dict[str, Rows]:
    try:
        from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum
    except ImportError as error:
        raise explain_missing(error) or error from error
    try:
        book = CalamineWorkbook.from_path(str(file))
        names = [one.name for one in book.sheets_metadata if one.typ is SheetTypeEnum.WorkSheet]
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names}
    except CalamineError as error:
        raise BadFile(_("{file} cannot be read as Excel; save it again, or as CSV.").format(file=file)) from error
    return {name: [[_write_cell(one) for one in row] for row in rows] for name, rows in sheets.items()}


def _write_cell(value: object) -> str:
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".")  # 0.07 * 100 is 7.000000000000001 to a sheet
    return str(value)
