"""The cells of an organization's file, CSV or Excel, as a personnel department gives it, with their lines."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path

from flexlib.errors import BadFile
from flexlib.i18n import _, join_and, mark_text, translate_count
from flexlib.nesting import format_given, name_line
from flexlib.refusals import explain_refusal
from flexlib.store.sheets import read_sheet

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "who": ("who", "person", "persona", "email", "e mail", "mail", "correo", "correo electronico", "usuario", "user"),
    "kind": ("kind", "type", "tipo"),
    "department": ("department", "departamento", "depto"),
    "team": ("team", "equipo"),
    "project": ("project", "proyecto"),
    "cost_centre": ("cost centre", "cost center", "centro de costo", "centro de costos", "ceco"),
    "from": ("from", "desde"),
    "until": ("until", "hasta"),
    "share": ("share", "percent", "percentage", "porcentaje", "%"),
    "owner": ("owner", "responsable", "jefe", "jefa"),
    "name": ("name", "nombre"),
}
"""The columns that are known, each with its headers: without accents, in lower case."""
HEADERS = mark_text("who, kind, department, team, project, cost_centre, from, until, share, owner, name")
"""Of each column one as the reader's language has it."""
_KNOWN = {written: name for name, others in COLUMNS.items() for written in others}
UNREAD = "name"
"""Such a column stands in many lists of people; nothing needs it."""

EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
DELIMITERS = ",;\t"
REMARK = "#"
"""What begins with it is no line."""
_PARTED = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", re.ASCII)


@dataclass(frozen=True)
class Line:
    """A line of the file: its number, and the texts of its known columns, without blanks around them."""

    number: int
    cells: Mapping[str, str]

    def read(self, column: str) -> str | None:
        """The text of a column; None where there is none."""
        return self.cells.get(column) or None


@dataclass(frozen=True)
class Roster:
    """The lines of a file, and what had to be understood of it, in sentences."""

    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    faults: tuple[tuple[int, str], ...] = ()
    """Lines that are not as its columns are, and what is wrong."""


def read_roster(file: Path) -> Roster:
    """The lines of a CSV or of the sheet of people of an Excel file that are not blank.

    Raises `BadFile` for a file that is not there or cannot be read, for two sheets of people, and for a column that is
    not known or is missing; `ExtraMissing` for Excel without the library that reads it.
    """
    if not file.is_file():
        raise BadFile(
            _("{file} is not there; name the file that says who belongs to which department.").format(file=file)
        )
    notes: list[str] = []
    try:
        rows = read_sheet(file, _holds_people, notes) if file.suffix.lower() in EXCEL else list(_read_csv(file, notes))
    except OSError as error:
        raise BadFile(
            _("{file} cannot be read: {strerror}.").format(file=file, strerror=explain_refusal(error))
        ) from error
    given = [(number, [one.strip() for one in cells]) for number, cells in rows]
    kept = [(number, cells) for number, cells in given if any(cells) and not cells[0].startswith(REMARK)]
    if not kept:
        raise BadFile(
            _("{file} is empty; give it a line of column names: {columns}.").format(file=file, columns=_(HEADERS))
        )
    (number, header), *lines = _drop_titles(kept, file, notes)
    columns = _name_columns(header, name_line(number, file))
    lines = [(number, cells) for number, cells in lines if not _is_remark(cells, columns)]
    said = _("it has more cells than the {count} column names; put names that hold the delimiter in quotes").format(
        count=len(columns) - columns.count("")
    )
    faults = [(number, said) for number, cells in lines if any(cells[len(columns) :])]
    nameless = _("it has text in a column without a name; name that column, or empty it")
    faults += [(number, nameless) for number, cells in lines if _has_nameless(cells, columns)]
    read = [Line(number, dict(zip(columns, cells, strict=False))) for number, cells in lines]
    return Roster(tuple(read), tuple(notes), tuple(faults))


def _drop_titles(rows: list[tuple[int, list[str]]], file: Path, notes: list[str]) -> list[tuple[int, list[str]]]:
    """The rows from that of the column names on: above it sheets have a title. Without one that has known names, the
    first of several cells."""
    filled = [[one for one in cells if one] for _number, cells in rows]
    several = (place for place, cells in enumerate(filled) if len(cells) > 1)
    place = next((place for place, cells in enumerate(filled) if _names_columns(cells)), next(several, 0))
    if place:
        said = _("{file}: what stands above the column names of line {number} was taken for a title.")
        notes.append(said.format(file=file, number=rows[place][0]))
    return rows[place:]


def _names_columns(cells: Iterable[str]) -> bool:
    """Whether one of the cells is the name of the column that says whom a line is of, or two are names of columns."""
    names = [simplify_text(one) for one in cells]
    return any(one in COLUMNS["who"] for one in names) or len({*names} & _KNOWN.keys()) > 1


def _holds_people(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a sheet says of people where they belong: it has such names of columns, or e-mails beside something."""
    return any(
        _names_columns(filled) or len(filled) > 1 and any("@" in one for one in filled)
        for cells in rows
        if (filled := [one for one in cells if one.strip()])
    )


def _is_remark(cells: Sequence[str], columns: Sequence[str]) -> bool:
    """Whether a line begins with a remark where its columns begin."""
    start = next(place for place, name in enumerate(columns) if name)
    return not any(cells[:start]) and "".join(cells[start : start + 1]).startswith(REMARK)


def _has_nameless(cells: Sequence[str], columns: Sequence[str]) -> bool:
    return any(text and not name for text, name in zip(cells, columns, strict=False))


def _read_csv(file: Path, notes: list[str]) -> Iterator[tuple[int, list[str]]]:
    content = file.read_bytes()
    if b"\0" in content:
        raise BadFile(
            _("{file} is neither a CSV in UTF-8 nor an Excel file; save it as CSV UTF-8, or as .xlsx.").format(
                file=file
            )
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        said = _("{file} is not in UTF-8; it was read as Excel writes a CSV (Windows-1252): look at its accents.")
        notes.append(said.format(file=file))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(REMARK)]
    reader = csv.reader(StringIO(text, newline=""), delimiter=_find_delimiter(lines), strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadFile(
            _("line {line} of {file} is no line of a CSV; close its quotes.").format(line=line, file=file)
        ) from error


def _find_delimiter(lines: Sequence[str]) -> str:
    """That of the column names, of which one says whom a line is of: a title above them may have none, or another."""
    parted = [line for line in lines if any(one in line for one in DELIMITERS)]
    for line in parted:
        for one in DELIMITERS:
            if one in line and any(simplify_text(cell.strip(' "')) in COLUMNS["who"] for cell in line.split(one)):
                return one
    return max(DELIMITERS, key="".join(parted[:1]).count)


def _name_columns(header: Sequence[str], where: str) -> list[str]:
    columns = [_KNOWN.get(simplify_text(one), "") for one in header]
    while header and not header[len(columns) - 1]:  # a sheet's empty columns
        columns.pop()
        header = header[: len(columns)]
    if unknown := [one for one, name in zip(header, columns, strict=True) if one and not name]:
        said = join_and([*map(format_given, unknown)])
        sentence = translate_count(
            "{where}: {said} is no column of an organization; it has {columns}.",
            "{where}: {said} are no columns of an organization; it has {columns}.",
            len(unknown),
        )
        raise BadFile(sentence.format(where=where, said=said, columns=_(HEADERS)))
    if twice := [one for one, name in zip(header, columns, strict=True) if name and columns.count(name) > 1]:
        raise BadFile(
            _("{where}: the columns {twice} say the same; keep one of them.").format(where=where, twice=join_and(twice))
        )
    if "who" not in columns:
        raise BadFile(
            _("{where}: no column says whom a line is of; call one who, person, email or correo.").format(where=where)
        )
    return columns


def simplify_text(text: str) -> str:
    """A text without accents, capitals and dashes: as `COLUMNS` writes headers."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().replace("_", " ").replace("-", " ").split())


def prove_day_first(texts: Iterable[str]) -> bool | None:
    """Whether dates such as 15/09/2025 have their day first; None where none of them tells, or they contradict."""
    found = [match for text in texts if (match := _PARTED.fullmatch(text))]
    told = {int(match[1]) > 12 for match in found if int(match[1]) > 12 or int(match[2]) > 12}
    return told.pop() if len(told) == 1 else None


def read_date(text: str, *, day_first: bool | None) -> date:
    """The date of a text: `2025-09-15`, or 15/09/2025 where it is known which number is the day. Raises `ValueError`
    with what is wrong, in words."""
    match = _PARTED.fullmatch(text)
    if match and day_first is None and int(match[1]) != int(match[2]):
        raise ValueError(_("is one day or another: nothing in the file tells the day from the month; write 2025-09-15"))
    try:
        if match:
            day, month = (match[1], match[2]) if day_first else (match[2], match[1])
            return date(int(match[3]), int(month), int(day))
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(_("is no date; write it as 2025-09-15")) from None
