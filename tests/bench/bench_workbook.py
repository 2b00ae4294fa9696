"""`make bench-workbook`: the facts of a large month as a sheet of Excel, beside XlsxWriter's own way, cell by cell."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import xlsxwriter

from flexlib.export.workbook import Facts, write_workbook
from flexlib.tables.definition import Column, Kind
from flexlib.tables.document import Document

PEOPLE, DAYS = 6_000, 30
COLUMNS = [
    Column("day", "Day", Kind.DAY),
    *(Column(name, name.title()) for name in ("person", "department", "model", "provider")),
    Column("credits", "Flex credits", Kind.CREDITS),
    Column("usd", "US$", Kind.USD),
    Column("clp", "CLP", Kind.CLP),
]


def list_facts(models: int) -> duckdb.DuckDBPyRelation:
    """A row for each person, day and model."""
    return (
        duckdb.table_function("range", [PEOPLE * DAYS * models])
        .select(f"""
        (DATE '2025-09-01' + (range % {DAYS})::INTEGER) AS day, 'Person ' || (range // {DAYS} % {PEOPLE}) AS person,
        'Department ' || (range // {DAYS} % 40) AS department, 'model-' || (range % {models}) AS model,
        'provider-' || (range % 5) AS provider, range * 7919 % 100000 AS credits,
        (range * 104729 % 1000000)::DECIMAL(18, 6) / 1000 AS usd, range % 9000 AS clp""")
        .select("* REPLACE (usd::DECIMAL(18, 6) AS usd)")
    )


def write_by_cell(rows: duckdb.DuckDBPyRelation, path: Path) -> None:
    """As XlsxWriter advises for many rows."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for batch in rows.to_arrow_reader(10_000):
        start = sheet.dim_rowmax + 1 if sheet.dim_rowmax is not None else 0
        for line, row in enumerate(zip(*(column.to_pylist() for column in batch.columns), strict=True), start):
            sheet.write_row(line, 0, row)
    book.close()


def measure(name: str, work: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    print(f"  {name:<28}{time.perf_counter() - wall:>8.1f} s{time.process_time() - cpu:>8.1f} CPU s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=3, help="of each person and day")
    models = parser.parse_args().models
    facts = Facts(COLUMNS, list_facts(models))
    print(
        f"{PEOPLE * DAYS * models:,} facts ({PEOPLE:,} people, {DAYS} days, {models} models) in {len(COLUMNS)} columns"
    )
    with tempfile.TemporaryDirectory() as folder:
        ours = Path(folder) / "ours.xlsx"
        measure("flexlib", lambda: write_workbook(Document("Report", "2025-09"), ours, facts))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"  {'':<28}{peak:>8,} MiB at most, a file of {ours.stat().st_size / 1e6:.1f} MB")
        measure("XlsxWriter, cell by cell", lambda: write_by_cell(facts.rows, Path(folder) / "theirs.xlsx"))


if __name__ == "__main__":
    main()
