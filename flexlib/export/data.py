"""A month for other programs: its facts as Parquet with exact types, its tables as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexlib.export.lines import EXACT
from flexlib.formats import format_plain
from flexlib.i18n import speak
from flexlib.store.disk import PRIVATE, PUBLIC, REPORTS, replace_whole, report_disk, write_whole
from flexlib.tables.definition import Column, Row, Table, Total
from flexlib.tables.document import Document

if TYPE_CHECKING:
    import duckdb


def write_parquet(
    rows: duckdb.DuckDBPyRelation, path: Path, check: Callable[[Path], None], *, is_private: bool = False
) -> Path:
    """Typed rows, whole or not at all; `check` reads the finished file before it takes its place.

    Raises `DiskFailed`.
    """
    import pyarrow.parquet as pq

    with report_disk(path.parent, REPORTS), replace_whole(path, PRIVATE if is_private else PUBLIC) as temporary:
        reader = rows.to_arrow_reader()
        with pq.ParquetWriter(temporary, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        check(temporary)
    return path


def write_json(document: Document, path: Path, *, is_private: bool = False, language: str | None = None) -> Path:
    """The report's tables, each with its columns, rows and totals; amounts are exact texts, what is not known is null.
    In `language` where the document is in another than the reader's. Raises `DiskFailed`."""
    with speak(language):
        text = json.dumps(describe_document(document), indent=1, ensure_ascii=False) + "\n"
    with report_disk(path.parent, REPORTS):
        write_whole(path, text, PRIVATE if is_private else PUBLIC)
    return path


def describe_document(document: Document) -> dict[str, Any]:
    """What `write_json` writes."""
    return {
        "title": document.title,
        "month": document.month,
        "state": document.code,
        "missing": [*document.missing],
        "made_up": document.is_demo,
        "headlines": [{"name": name, "value": value, "note": note} for name, value, note in document.cards],
        "sections": [
            {"heading": one.heading, "note": one.note, "tables": [describe_table(table) for table in one.tables]}
            for one in document.sections
        ],
        "certificate": [{"name": name, "text": text} for name, text in document.facts],
        "definitions": [*document.definitions],
    }


def describe_table(table: Table) -> dict[str, Any]:
    """The table under the keys of its columns; `kind` says what the values of one are."""
    columns = table.written_columns
    totals = {one.key: table.sum_column(one) for one in columns if one.total is not Total.BLANK}
    return {
        "name": table.name,
        "caption": table.title,
        "columns": [{"key": one.key, "heading": one.title, "kind": str(one.kind)} for one in columns],
        "rows": [_describe_row(columns, row) for row in table.rows],
        "totals": {one.key: _describe(totals[one.key], one) for one in columns if one.key in totals},
        "closing": [_describe_row(columns, row) for row in table.closing],
    }


def _describe_row(columns: list[Column], row: Row) -> dict[str, Any]:
    written = {one.key: _describe(row.get(one.key), one) for one in columns}
    return written | {one.note: row.get(one.note) for one in columns if one.note}


def _describe(value: object, column: Column) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format_plain(value)
    written: object = EXACT[column.kind](value) if column.kind in EXACT else value
    return f"{written:%Y-%m-%d}" if isinstance(written, date) else written
