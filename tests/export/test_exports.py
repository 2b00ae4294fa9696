"""What a page shows is what every file beside it holds, to the last unit; each is read back by another library."""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from PIL import Image
from python_calamine import CalamineWorkbook

from flexlib.cli.main import main
from flexlib.cli.report_with import write_beside
from flexlib.export.workbook import is_shared_workbook, write_workbook
from flexlib.front.spend import load_spend
from flexlib.i18n import speak
from flexlib.report.manifest import seal_manifest
from flexlib.report.parameters import check_request
from flexlib.setting_values import CELL_LIMIT
from flexlib.settings import Settings
from flexlib.tables.definition import Kind, Table, Total
from flexlib.tables.document import Document, read_document

FIXTURE = Path(__file__).parents[1] / "data" / "fixture"
ALL = "xlsx,json,csv,parquet,png,svg"
USD = Decimal("401.57132695")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of the fixture with a file of every format."""
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", str(FIXTURE))
        asked = ["report", "--offline", "--notebook", "llm_usage", "--year", "2025", "--month", "9", "--with", ALL]
        assert main([*asked, "--output-dir", str(folder)]) == 0
    return folder / "demo" / "2025-09"


@pytest.fixture(scope="module")
def document(made: Path) -> Document:
    return read_document(made / "llm_usage.html")


@pytest.fixture(scope="module")
def workbook(made: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(made / "llm_usage.xlsx")
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def find_sheet(workbook: dict[str, list[list[Any]]], table: Table) -> list[list[Any]]:
    (found,) = [rows for rows in workbook.values() if rows and rows[0] and rows[0][0] == table.title]
    return found


def test_a_file_of_every_format_lies_beside_the_page(made: Path) -> None:
    files = {str(file.relative_to(made)) for file in made.rglob("*") if file.is_file()}
    assert files >= {"llm_usage.html", *(f"llm_usage.{end}" for end in ("xlsx", "json"))}
    assert files >= {"llm_usage_csv.csv", "llm_usage_parquet.parquet"}
    charts = ("spend-days", "usage-days", "usage-hours", "usage-sizes")
    assert files >= {f"charts/llm_usage_{one}.{end}" for one in charts for end in ("png", "svg")}


def test_beside_a_page_that_is_shared_no_file_is_finer_than_the_page(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in made.glob("llm_usage.[him]*"):
        shutil.copy(file, tmp_path)
    request = check_request("llm_usage", {"year": 2025, "month": 9})
    found = {}
    for shares in (False, True):
        asked = argparse.Namespace(beside=["xlsx", "csv", "json"], share=shares)
        files = write_beside(tmp_path / "llm_usage.html", request, Settings(FIXTURE), asked)
        sheets = CalamineWorkbook.from_path(tmp_path / "llm_usage.xlsx").sheet_names
        found[shares] = [one.name for one in files], "Facts" in sheets, is_shared_workbook(tmp_path / "llm_usage.xlsx")
    assert found == {
        False: (["llm_usage.xlsx", "llm_usage_csv.csv", "llm_usage.json"], True, False),
        True: (["llm_usage.xlsx", "llm_usage.json"], False, True),
    }
    said = capsys.readouterr().err
    assert "csv is not written: its rows are finer than the page, which is shared." in said
    assert "llm_usage.xlsx has the page's tables alone" in said
    name = tmp_path / "llm_usage.manifest.json"
    manifest = json.loads(name.read_text("utf-8")) | {"files": {"b3b5906f/budgets.json": "0"}}
    name.write_text(json.dumps(manifest | {"seal": seal_manifest(manifest)}), "utf-8")
    assert write_beside(tmp_path / "llm_usage.html", request, Settings(FIXTURE), asked) == []
    assert (
        "xlsx is not written beside the page, which is not for everybody to see: it may show departments of few"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "months"),
    [
        (["report", "--offline", "--with", "xlsx"], ["2025-08", "2025-09"]),
        (["report", "--offline", "--with", "xlsx", "-p", "against", "2025-09@1"], ["2025-09"]),
        (["export", "--format", "xlsx"], ["2025-08", "2025-09"]),
    ],
)
def test_the_facts_beside_a_comparison_are_of_both_months_and_of_versions_of_the_month_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], months: list[str]
) -> None:
    """Of the later month alone there was nothing to pivot the difference on; of two versions rows would count
    twice."""
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    asked = ["--notebook", "compare_months", "--year", "2025", "--month", "9", "--output-dir", str(tmp_path)]
    assert main([*words, *asked]) == 0
    (book,) = tmp_path.rglob("*.xlsx")
    heads, *rows = CalamineWorkbook.from_path(book).get_sheet_by_name("Facts").to_python()
    found = dict.fromkeys(months, Decimal())
    for row in rows:
        line = dict(zip(heads, row, strict=True))
        found[f"{line['Day']:%Y-%m}"] += Decimal(str(line["US$"] or 0))
    expected = {
        month: Decimal(load_spend(month, None, FIXTURE, zone="UTC", names=False).total("usd") or 0) for month in months
    }
    assert {month: round(amount, 8) for month, amount in found.items()} == expected


def test_what_programs_read_is_in_english_beside_a_page_in_spanish(made: Path, tmp_path: Path) -> None:
    for file in made.glob("llm_usage.[him]*"):
        shutil.copy(file, tmp_path)
    request = check_request("llm_usage", {"year": 2025, "month": 9})
    with speak("es"):
        write_beside(
            tmp_path / "llm_usage.html",
            request,
            Settings(FIXTURE),
            argparse.Namespace(beside=["json"], share=False, cell_limit=CELL_LIMIT),
        )
    assert json.loads((tmp_path / "llm_usage.json").read_text("utf-8")) == json.loads(
        (made / "llm_usage.json").read_text("utf-8")
    )


def test_every_total_of_the_page_is_that_of_its_sheet(document: Document, workbook: dict[str, list[list[Any]]]) -> None:
    compared = 0
    for table in document.tables:
        if not table.rows:
            continue
        rows = find_sheet(workbook, table)
        heads = rows[3]
        for column in table.written_columns:
            total = table.sum_column(column)
            if column.total is Total.BLANK or isinstance(total, str | None):
                continue
            scale = {Kind.CREDITS: 100, Kind.SHARE: 1000}.get(column.kind, 1)
            found = rows[4 + len(table.rows)][heads.index(column.title)]
            assert Decimal(f"{found * scale:.15g}") == Decimal(f"{Decimal(total):.15g}"), (table.name, column.key)  # type: ignore[arg-type]
            compared += 1
    assert compared >= 15


def test_the_values_of_a_sheet_are_those_of_the_page(document: Document, workbook: dict[str, list[list[Any]]]) -> None:
    (table,) = [one for one in document.tables if one.name == "table-usage-days"]
    rows = find_sheet(workbook, table)[4 : 4 + len(table.rows)]
    assert [row[0] for row in rows] == [one["date"] for one in table.rows]
    assert [Decimal(str(row[1])) for row in rows] == [one["total_usd"] for one in table.rows]
    assert isinstance(rows[0][0], date)


def test_the_first_sheet_says_what_the_file_is(document: Document, workbook: dict[str, list[list[Any]]]) -> None:
    about = [str(cell) for row in workbook["About"] for cell in row if cell != ""]
    assert about[0] == "LLM spend, September 2025"
    assert {"Complete", "Certificate", "Notes and definitions"} <= set(about)
    assert {text for _name, text in document.facts} <= set(about)
    assert "A dash is a number that is not known." in about


def test_facts_sum_to_the_spend_by_every_file_s_own_reader(made: Path, workbook: dict[str, list[list[Any]]]) -> None:
    heads, *facts = workbook["Facts"]
    assert heads[:5] == ["Day", "Person", "Department", "Model", "Who bills"]
    usd = [row[heads.index("US$")] for row in facts]
    assert sum(Decimal(str(one)) for one in usd if one != "") == USD
    flex = [row[heads.index("Flex credits")] for row in facts]
    assert sum(Decimal(str(one)) for one in flex if one != "") == Decimal("9961.00")
    assert isinstance(facts[0][0], date)
    read = duckdb.read_parquet(str(made / "llm_usage_parquet.parquet"))
    assert read.aggregate("sum(usd), sum(flex_credits)").fetchall() == [(USD, Decimal("9961.00"))]
    assert dict(zip(read.columns, map(str, read.types), strict=True))["day"] == "DATE"
    with (made / "llm_usage_csv.csv").open(newline="", encoding="utf-8") as text:
        assert sum(Decimal(row["usd"] or 0) for row in csv.DictReader(text)) == USD


def test_json_holds_the_tables_exactly(made: Path, document: Document) -> None:
    held = json.loads((made / "llm_usage.json").read_text("utf-8"))
    tables = {one["name"]: one for section in held["sections"] for one in section["tables"]}
    for table in document.tables:
        for column in table.written_columns:
            if column.kind is Kind.USD and isinstance(total := table.sum_column(column), Decimal):
                assert Decimal(tables[table.name]["totals"][column.key]) == total
    assert (held["state"], held["made_up"]) == ("COMPLETE", True)


def test_a_picture_has_its_title_and_its_source_in_it(made: Path, document: Document) -> None:
    svg = (made / "charts" / "llm_usage_spend-days.svg").read_text("utf-8")
    assert document.sections[0].heading.replace("\u00a0", " ") in svg.replace("\u00a0", " ")
    assert "LLM spend, September 2025 · Complete" in svg
    assert re.search(r"href|url\(|var\(|<script", svg) is None
    with Image.open(made / "charts" / "llm_usage_spend-days.png") as picture:
        assert picture.size[0] == 2 * (1040 + 56)
        assert len(set(picture.convert("L").resize((64, 64)).tobytes())) > 10  # something is drawn


def test_the_same_page_gives_the_same_workbook(document: Document, tmp_path: Path) -> None:
    for name in ("one.xlsx", "two.xlsx"):
        write_workbook(document, tmp_path / name)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


@pytest.mark.heavy  # two runs of a notebook, or three
def test_what_programs_read_of_a_page_is_in_english_for_every_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(FIXTURE))
    asked = ["export", "--notebook", "chargeback", "--year", "2025", "--month", "9", "--format"]
    for code, formats in (("en", "json"), ("es", "json,xlsx")):
        assert main(["--lang", code, *asked, formats, "--output-dir", str(tmp_path / code)]) == 0
    texts = [next((tmp_path / code).glob("*.json")).read_text("utf-8") for code in ("en", "es")]
    assert texts[0] == texts[1]
    book = CalamineWorkbook.from_path(next((tmp_path / "es").glob("*.xlsx")))
    assert "septiembre de 2025" in str(book.get_sheet_by_index(0).to_python())
    heads, *facts = book.get_sheet_by_name("Datos").to_python()
    assert {row[heads.index("Cargo")] for row in facts} == {"uso"}
