"""Facts by the hundred thousand in a workbook: XlsxWriter makes the sheets, with headings alone, and their lines are
put in between whole columns at a time, in a tenth of the time that it takes cell by cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from stat import S_IMODE
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape
from zipfile import ZipFile, ZipInfo

import pyarrow as pa
import pyarrow.compute as pc

from flexlib.export.sheets import DIGITS, NUMBER_FORMATS, PARTS, Book
from flexlib.store.disk import replace_whole
from flexlib.tables.definition import NUMBERS, Column, Kind

if TYPE_CHECKING:
    import duckdb

AT_ONCE = 10_000
"""Lines that are made together."""
EPOCH = 25_569
"""1 January 1970 as Excel counts days."""
LONGEST_TEXT = 32_767
"""Letters that a cell of Excel holds."""
ESCAPED = re.compile("_(?=x[0-9a-fA-F]{4}_)")
"""What begins a character by its number, where it is meant as it stands."""


class Stretch(NamedTuple):
    """A sheet by its place in the workbook, counted from 1, and how many of the facts stand on it."""

    sheet: int
    facts: int


class Lines:
    """The facts as the XML of a sheet's lines, read once, in order. Made before the workbook is closed, so that it has
    the formats of their cells; entered to be read."""

    def __init__(self, book: Book, columns: Sequence[Column], rows: duckdb.DuckDBPyRelation) -> None:
        self._book = book
        self._makers = [self._choose_maker(place, column) for place, column in enumerate(columns)]
        self._rows = rows.select(", ".join(f'"{column.key}"' for column in columns))
        self._rest: pa.RecordBatch | None = None
        book.long_amounts += _count_long(columns, rows)
        self.last_column = _name_place(len(columns) - 1)

    def __enter__(self) -> None:
        self._batches: pa.RecordBatchReader = self._rows.to_arrow_reader(AT_ONCE)

    def __exit__(self, *error: object) -> None:
        self._batches.close()  # until then the connection answers nothing else

    def write(self, file: IO[bytes], count: int) -> None:
        """The next `count` facts, from the second line of a sheet on."""
        line = 2
        while line < count + 2:
            batch = self._rest if self._rest is not None else self._batches.read_next_batch()
            here = batch.slice(0, count + 2 - line)
            self._rest = batch.slice(len(here)) if len(here) < len(batch) else None
            file.write(self._make_lines(here, line))
            line += len(here)

    def _make_lines(self, batch: pa.RecordBatch, first: int) -> bytes:
        number = pc.cast(pa.array(range(first, first + len(batch))), pa.string())
        cells = [make(column, number) for make, column in zip(self._makers, batch.columns, strict=True)]
        lines = pc.binary_join_element_wise('<row r="', number, '">', *cells, "</row>", "")
        return "".join(lines.to_pylist()).encode()

    def _choose_maker(self, place: int, column: Column) -> Callable[[pa.Array, pa.Array], pa.Array]:
        name = _name_place(place)
        style = _find_style(self._book.form(num_format=NUMBER_FORMATS.get(column.kind, "General")))
        if column.kind in NUMBERS or column.kind is Kind.DAY:

            def make_number(values: pa.Array, number: pa.Array) -> pa.Array:
                # A cell is missing where its value is: a pivot counts it as nothing.
                return _join(
                    f'<c r="{name}', number, f'" s="{style}"><v>', _write_numbers(values, column.kind), "</v></c>"
                )

            return make_number
        # A person has many lines. The workbook has the formats of a text, and of one that is like a formula, now.
        known = {text: self._style_text(text) for text in ("", "=")}

        def make_text(values: pa.Array, number: pa.Array) -> pa.Array:
            coded = values.dictionary_encode()
            for text in coded.dictionary.to_pylist():
                if text not in known:
                    known[text] = self._style_text(text)
            ends = pa.array([known[text] for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
            return _join(f'<c r="{name}', number, ends)

        return make_text

    def _style_text(self, text: str) -> str:
        """What of a cell comes after its place."""
        clean, form = self._book.clean(text)
        space = ' xml:space="preserve"' * (clean != clean.strip())
        shown = ESCAPED.sub("_x005F_", escape(clean[:LONGEST_TEXT]))
        return f'" s="{_find_style(form)}" t="inlineStr"><is><t{space}>{shown}</t></is></c>'


def fill_sheets(path: Path, lines: Lines, stretches: Sequence[Stretch]) -> None:
    """Puts the facts into their sheets of the workbook, which have one line each, their headings."""
    sheets = {f"xl/worksheets/sheet{one.sheet}.xml": one for one in stretches}
    # Who may read the workbook may read it with its facts, and nobody else.
    mode = S_IMODE(path.stat().st_mode)
    with replace_whole(path, mode) as whole, lines, ZipFile(path) as made, ZipFile(whole, "w") as archive:
        for info in made.infolist():
            with archive.open(_copy_info(info), "w", force_zip64=info.filename in sheets) as file:
                content = made.read(info)
                if stretch := sheets.get(info.filename):
                    head, tail = content.split(b"</sheetData>")
                    area = f'<dimension ref="A1:{lines.last_column}{stretch.facts + 1}"/>'.encode()
                    file.write(re.sub(rb'<dimension ref="[^"]*"/>', area, head))
                    lines.write(file, stretch.facts)
                    content = b"</sheetData>" + tail
                file.write(content)


def _copy_info(info: ZipInfo) -> ZipInfo:
    copy = ZipInfo(info.filename, info.date_time)
    copy.compress_type, copy.external_attr, copy.create_system = info.compress_type, info.external_attr, 0
    return copy


def _find_style(form: Any) -> int:  # noqa: ANN401 (XlsxWriter has no types)
    """The number of a format in the workbook, which has it from now on, though no cell of XlsxWriter's is in it."""
    found: int = form._get_xf_index()  # noqa: SLF001 (XlsxWriter tells it nowhere else)
    return found


def _write_numbers(values: pa.Array, kind: Kind) -> pa.Array:
    if kind is Kind.DAY:
        values = pc.add(pc.cast(pc.cast(values, pa.date32()), pa.int32()), EPOCH)
    elif kind in PARTS:
        values = pc.divide(pc.cast(values, pa.float64()), float(PARTS[kind]))
    return pc.cast(values, pa.string())


def _count_long(columns: Sequence[Column], rows: duckdb.DuckDBPyRelation) -> int:
    """How many amounts have more digits than Excel keeps."""
    kinds = dict(zip(rows.columns, rows.types, strict=True))
    counts = [
        f"""count(*) FILTER (length(trim(regexp_replace("{one.key}"::VARCHAR, '[-.]', '', 'g'), '0')) > {DIGITS})"""
        for one in columns
        if one.kind in NUMBERS and kinds[one.key].id == "decimal"
    ]
    return sum(rows.aggregate(", ".join(counts)).fetchall()[0]) if counts else 0


def _join(*parts: object) -> pa.Array:
    return pc.fill_null(pc.binary_join_element_wise(*parts, ""), "")


def _name_place(place: int) -> str:
    """
    >>> [_name_place(place) for place in (0, 25, 26)]
    ['A', 'Z', 'AA']
    """
    before, letter = divmod(place, 26)
    return (_name_place(before - 1) if before else "") + chr(ord("A") + letter)
