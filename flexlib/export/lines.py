"""Finished tables and rows -> CSV files; finished frames -> plain rows for JSON.

CSV: RFC 4180 quoting, UTF-8, `\\n` at line ends, credits with two decimals and no thousands separator. A file is there
whole or not at all. JSON: credits stay integers, and the key says the unit (`flex_credits_hundredths`): exact, where a
decimal number would be read as a float.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.analysis.frames import read_rows
from flexlib.dates import Span
from flexlib.errors import DiskFailed
from flexlib.formats import format_credits, format_day, format_month, format_share, format_span
from flexlib.i18n import LANGUAGES, _, speak
from flexlib.refusals import advise_writer, explain_refusal
from flexlib.store.disk import PRIVATE, PUBLIC, replace_whole, write_whole
from flexlib.tables.definition import Column, Kind, Row, Table

if TYPE_CHECKING:
    import duckdb

BYTE_ORDER_MARK = "\ufeff"
FORMULA = r"[\s\ufeff\u200b-\u200f\u2060]*[=+@＝＋＠﹢﹦﹫－﹣−-]"
FORMULA_START = re.compile(rf"{FORMULA}|[\t\r\n]")
"""What a spreadsheet may run as a formula, also behind blanks and marks that it passes over, or in full width."""
FORMULA_WITHIN = re.compile(rf"(?<=;)(?={FORMULA})")
"""Where one would begin if that sign ended a cell, as a semicolon does for the spreadsheets of half the world."""

FORMULA_IN_SQL = r"[\s\v\x1c-\x1f\x{85}\p{Z}\x{feff}\x{200b}-\x{200f}\x{2060}]*[=+@＝＋＠﹢﹦﹫－﹣−-]"
"""`FORMULA` in DuckDB's language of patterns."""

MEMORY = "2GB"
"""What writing many rows may take: enough for a million of them at once, and little beside a report's own."""

FORMATTED: dict[Kind, Callable[[date], str]] = {Kind.DAY: format_day, Kind.MONTH: format_month}
"""Kinds with a second column, and what stands there."""

EXACT: dict[Kind, Callable[[Any], str]] = {
    Kind.CREDITS: lambda hundredths: format_credits(hundredths, thousands=""),
    Kind.SHARE: format_share,
    Kind.CHANGE: format_share,
    Kind.USD: "{:f}".format,
    Kind.CLP: "{:f}".format,
    Kind.SIGNED: "{:f}".format,
    Kind.SIGNED_CLP: "{:f}".format,
    Kind.MONTH: "{:%Y-%m}".format,
}
"""How a value is written for a program that reads it; other kinds stand as they are."""


def write_csv(table: Table, path: Path, *, is_private: bool = False) -> Path:
    """The rows of a finished table, zeros too, in their order, under the names of its columns; no total. `is_private`:
    for its owner alone, as what names people is.

    A day and a month have a second column, `..._formatted`, with their words. What is not known is empty.
    Raises `DiskFailed`; a file that was there before is then untouched.
    """
    columns = table.written_columns
    rows = ([cell for column in columns for cell in _export_cell(column, row)] for row in table.rows)
    names = [name for column in columns for name in _name_cells(column)]
    with speak(LANGUAGES[0]):  # what programs read is the same for every reader
        return _write_lines(path, names, rows, PRIVATE if is_private else PUBLIC)


def write_rows(
    rows: duckdb.DuckDBPyRelation,
    path: Path,
    *,
    mode: int = PUBLIC,
    check: Callable[[Path], None] | None = None,
    with_commas: Collection[str] = (),
) -> Path:
    """Rows of texts, as many as there are, under the names of their columns; what is not known is empty.

    `with_commas`: the columns of numbers, which then have decimal commas, in a file as Excel in Chile opens it: cells
    end in semicolons, and a byte order mark says that it is UTF-8. `check` reads the finished file before it takes its
    place; what it raises leaves `path` as it was. Raises `DiskFailed`; a file that was there before is then untouched.
    """
    import duckdb

    written = {name: f"""replace("{name}", '.', ',')""" if name in with_commas else disarm_in_sql(name)
               for name in rows.columns}  # fmt: skip
    marks = [BYTE_ORDER_MARK * bool(with_commas), *[""] * (len(written) - 1)]
    columns = ", ".join(f'{sql} AS "{mark}{name}"' for mark, (name, sql) in zip(marks, written.items(), strict=True))
    try:
        with replace_whole(path, mode) as temporary, _bound_memory(temporary.parent):
            rows.select(columns).to_csv(
                str(temporary), header=True, sep=";" if with_commas else ",", use_tmp_file=False
            )
            if check is not None:
                check(temporary)
    except (OSError, duckdb.IOException) as error:
        said = re.search(r"errno\W*(\d+)", str(error))  # DuckDB's own words are for programs
        number = getattr(error, "errno", None) or int(said[1] if said else errno.EIO)
        raise explain_unwritten(path, OSError(number, os.strerror(number))) from error
    return path


@contextmanager
def _bound_memory(folder: Path) -> Iterator[None]:
    """DuckDB takes no more than `MEMORY` inside the block; what is more it keeps in `folder`, and clears it away."""
    import duckdb

    def spill_into(place: str) -> None:
        # Once something was put there the place stays, which only matters where one process writes many such files.
        with suppress(duckdb.NotImplementedException):
            duckdb.execute("SET temp_directory = '{}'".format(place.replace("'", "''")))

    ((before,),) = duckdb.execute("SELECT current_setting('temp_directory')").fetchall()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".flexlib-") as place:
        spill_into(place)
        duckdb.execute(f"SET memory_limit = '{MEMORY}'")
        try:
            yield
        finally:
            duckdb.execute("RESET memory_limit")
            spill_into(before)


def disarm_in_sql(column: str) -> str:
    """What `_disarm` makes of each text of a column, as DuckDB's SQL; a number stays one, also below 0."""
    text = f'"{column}"'
    within = rf"regexp_replace({text}, ';({FORMULA_IN_SQL})', ';''\1', 'g')"
    behind = rf"CASE WHEN regexp_matches({text}, '^({FORMULA_IN_SQL}|[\t\r\n])') THEN '''' ELSE '' END"
    return f"CASE WHEN regexp_full_match({text}, '-?[0-9.]+') THEN {text} ELSE {behind} || {within} END"


def to_json_rows(finished: object) -> list[dict[str, Any]]:
    """The rows of a finished frame, ready for `json.dumps`: days as `2025-09-01`, months as `2025-09`, counts as
    integers, unknown as null; a column of credits is an integer under its name and `_hundredths`."""
    return [{_name_unit(name): _to_json(name, value) for name, value in row.items()} for row in read_rows(finished)]


def name_file(stem: str, days: Span, today: date) -> str:
    """`flex_credits_by_model_september_2025_2025-10-21.csv`; days that are no whole month are written out:
    `flex_credits_by_model_2025-09-05_to_2025-09-20_2025-10-21.csv`."""
    with speak(LANGUAGES[0]):  # a file has one name, whoever reads it
        return f"{stem}_{format_span(days).lower().replace(' ', '_')}_{today}.csv"


def _name_cells(column: Column) -> list[str]:
    names = [column.export_name or column.key]
    if column.kind in FORMATTED:
        names.append(f"{column.key}_formatted")
    return [*names, column.note] if column.note else names


def _export_cell(column: Column, row: Row) -> list[object]:
    value = row.get(column.key)
    cells: list[object] = ["" if value is None else _disarm(value) if isinstance(value, str) else value]
    if value is not None and not isinstance(value, str) and column.kind in EXACT:
        cells = [EXACT[column.kind](value)]
    if column.kind in FORMATTED:
        cells.append(FORMATTED[column.kind](value) if isinstance(value, date) else "")
    return [*cells, _disarm(row.get(column.note) or "")] if column.note else cells


def _write_lines(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], mode: int) -> Path:
    text = "".join(_format_line(cells) for cells in [columns, *rows])
    try:
        write_whole(path, text, mode)
    except OSError as error:
        raise explain_unwritten(path, error) from error
    return path


def _format_line(cells: Sequence[object]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)  # ends in \r\n: with \n alone it would leave a lone \r in a cell unquoted
    return line.getvalue().removesuffix("\r\n") + "\n"


def _disarm(text: str) -> str:
    # A spreadsheet would run a cell that starts like this as a formula; behind an apostrophe it is text.
    text = FORMULA_WITHIN.sub("'", text)
    return f"'{text}" if FORMULA_START.match(text) else text


def _name_unit(name: str) -> str:
    return f"{name}_hundredths" if "credits" in name and not name.startswith("days_") else name


def _to_json(name: str, value: object) -> object:
    if isinstance(value, date):
        return f"{value:%Y-%m}" if name == "month" else value.isoformat()
    return value


def explain_unwritten(path: Path, error: OSError) -> DiskFailed:
    """That a file of an export cannot be written, why, and what to do."""
    said = _("{path} cannot be written ({why}); {advice} or choose another folder.")
    return DiskFailed(said.format(path=path, why=explain_refusal(error), advice=advise_writer(error)))
