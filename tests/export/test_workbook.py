"""A workbook's cells: numbers that are numbers, texts that stay texts, sums that follow, and rows that are too many."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from python_calamine import CalamineWorkbook

from flexlib.analysis.compare import Use, take_apart
from flexlib.export import workbook
from flexlib.export.workbook import Facts, write_workbook
from flexlib.i18n import speak
from flexlib.tables.compare import table_changed_models, table_parts
from flexlib.tables.definition import Column, Kind, Table, Total, format_value
from flexlib.tables.document import Document, Section

COLUMNS = [
    Column("day", "Day", Kind.DAY, "All"),
    Column("who", "Who", note="more"),
    Column("usd", "US$", Kind.USD, Total.KNOWN),
    Column("flex", "Flex credits", Kind.CREDITS, Total.SUM),
    Column("share", "Share", Kind.SHARE),
    Column("usd", "", Kind.BAR),
]


def build(*rows: dict[str, Any], caption: str = "Spend", **more: Any) -> Document:  # noqa: ANN401
    table = Table("t", caption, COLUMNS, rows, **more)
    return Document("Report", "September 2025", "Complete", sections=[Section("What is seen", "a note", [table])])


def row(day: int, usd: str | None, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    amount = None if usd is None else Decimal(usd)
    return {"day": date(2025, 9, day), "who": "Ana", "usd": amount, "flex": 150, "share": 384, "more": ""} | more


def read(path: Path, sheet: str) -> list[list[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python()


def read_part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def read_form(path: Path, style: str) -> str:
    """The format of a cell, and how its numbers are written, as the workbook has them under this number."""
    styles = read_part(path, "xl/styles.xml")
    form: str = re.findall(r"<xf .*?>", styles[styles.index("<cellXfs") :])[int(style)]
    (number,) = re.findall(r'numFmtId="(\d+)"', form)
    written = re.findall(rf'<numFmt numFmtId="{number}" formatCode="(.*?)"', styles)
    return f"{re.sub('numFmtId=.*? ', '', form, count=1)} {written}"


def build_facts(count: int) -> Facts:
    columns = [Column("day", "Day", Kind.DAY), Column("person", "Person"), Column("usd", "US$", Kind.USD)]
    rows = duckdb.table_function("range", [count]).select("range AS i").order("i")
    named = "DATE '2025-09-01' AS day, 'P' || i AS person, i::DECIMAL(38, 2) AS usd"
    return Facts(columns, rows.select(named))


def test_amounts_are_numbers_days_are_days_and_what_is_not_known_is_a_dash(tmp_path: Path) -> None:
    write_workbook(build(row(1, "1.25"), row(2, None)), tmp_path / "a.xlsx")
    heads, *rows = read(tmp_path / "a.xlsx", "Spend")[3:]
    assert heads == ["Day", "Who", "Who, note", "US$", "Flex credits", "Share"]
    assert rows == [
        [date(2025, 9, 1), "Ana", "", 1.25, 1.5, 0.384],
        [date(2025, 9, 2), "Ana", "", "–", 1.5, 0.384],
        ["All", "", "", 1.25, 3.0, ""],
    ]


def test_what_is_more_or_less_than_before_is_a_number_with_its_sign(tmp_path: Path) -> None:
    change = take_apart({"ana": {"opus": Use(Decimal(9), 1)}}, {"eva": {"opus": Use(Decimal("8.5"), 1)}})
    parts, models = table_parts(change, "usd"), table_changed_models(change, "clp", 5)
    document = Document("Report", "September 2025", "Complete", sections=[Section("Why", "", [parts, models])])
    write_workbook(document, tmp_path / "a.xlsx")
    cells = {one[0]: one[1] for one in read(tmp_path / "a.xlsx", "The change and its parts")[4:]}
    assert cells == {"1 new spender": 8.5, "1 spender who stopped": -9, "The same 0 spenders: how much they used": 0,
                     "Difference": -0.5}  # fmt: skip
    moved = [one[0:3:2] for one in read(tmp_path / "a.xlsx", "Which models moved most")[4:]]
    assert moved == [["opus", -1], ["All", -1]]
    assert [format_value(row["amount"], parts.columns[1].kind) for row in parts.rows] == ["+8.50", "−9.00", "0.00"]


def test_a_table_is_a_table_of_excel_whose_sums_follow_a_filter(tmp_path: Path) -> None:
    write_workbook(build(row(1, "1.25"), row(2, "2")), tmp_path / "a.xlsx")
    table, sheet = (read_part(tmp_path / "a.xlsx", f"xl/{one}.xml") for one in ("tables/table1", "worksheets/sheet2"))
    assert re.search(r'ref="A4:F7" totalsRowCount="1"', table)
    assert "<f>SUBTOTAL(109,table_1[US$])</f><v>3.25</v>" in sheet
    assert 'pane xSplit="1" ySplit="4"' in sheet
    chart = read_part(tmp_path / "a.xlsx", "xl/charts/chart1.xml")
    assert "Spend!$D$5:$D$6" in chart


def test_a_text_that_begins_like_a_formula_stays_a_text(tmp_path: Path) -> None:
    armed = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "http://example.com"]
    write_workbook(build(*(row(1, "1", who=one) for one in armed)), tmp_path / "a.xlsx")
    sheet, styles = (read_part(tmp_path / "a.xlsx", f"xl/{one}.xml") for one in ("worksheets/sheet2", "styles"))
    assert set(re.findall(r"<f>(.*?)</f>", sheet)) == {
        "SUBTOTAL(109,table_1[US$])",
        "SUBTOTAL(109,table_1[Flex credits])",
    }
    assert "hyperlink" not in sheet
    assert [one[1].replace("�", "\t") for one in read(tmp_path / "a.xlsx", "Spend")[4:-1]] == armed
    assert 'quotePrefix="1"' in styles  # nor does it become one where somebody edits the cell


def test_an_amount_with_more_digits_than_excel_keeps_is_rounded_and_told(tmp_path: Path) -> None:
    long = "123456789012.1234567"
    (said,) = write_workbook(build(row(1, long), row(2, "1.50")), tmp_path / "a.xlsx")
    assert said.startswith("2 amounts have more than the 15 digits that Excel keeps")  # it and the sum
    assert said in [line[2] for line in read(tmp_path / "a.xlsx", "About") if len(line) > 2]
    assert read(tmp_path / "a.xlsx", "Spend")[4][3] == pytest.approx(123456789012.1234567, abs=1e-4)


@pytest.mark.parametrize(
    ("count", "sheets"), [(9, ["Facts"]), (10, ["Facts 1", "Facts 2"]), (20, ["Facts 1", "Facts 2", "Facts 3"])]
)
def test_more_facts_than_a_sheet_holds_stand_on_several_and_that_is_told(
    tmp_path: Path, count: int, sheets: list[str]
) -> None:
    said = write_workbook(Document("Report", "2025"), tmp_path / "a.xlsx", build_facts(count), most_rows=10)
    assert CalamineWorkbook.from_path(tmp_path / "a.xlsx").sheet_names == ["About", *sheets]
    people = [line[1] for sheet in sheets for line in read(tmp_path / "a.xlsx", sheet)[1:]]
    assert people == [f"P{number}" for number in range(count)]
    told = f"{count} facts are more than a sheet of Excel holds; they stand on {len(sheets)} sheets."
    assert said == ([told] if count > 9 else [])


def test_many_facts_hold_texts_numbers_and_gaps_as_a_table_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is armed, marked up, blank at its ends, not known, negative, small, or in hundredths, in both ways."""
    who = ["=1+1", "A & B <c>", "  two blanks ", "Zoë 🙂", None, "svc_x0041_b", "x"]
    usd = ["-0.000001", "12345678901.1234", "0", None, "7", "1.50", "123456789012345678.5"]
    table = pa.table({
        "day": [date(2025, 9, day) for day in range(1, 8)],
        "who": who,
        "usd": pa.array([amount and Decimal(amount) for amount in usd], pa.decimal128(38, 9)),
        "credits": [None, 7, 14, 21, 28, 35, 42],
    })  # fmt: skip
    columns = [Column("day", "Day", Kind.DAY), Column("who", "Person"), Column("usd", "US$", Kind.USD),
               Column("credits", "Credits", Kind.CREDITS)]  # fmt: skip
    facts = Facts(columns, duckdb.from_arrow(table))
    said = [write_workbook(build(row(1, "1")), tmp_path / "table.xlsx", facts)]
    monkeypatch.setattr(workbook, "MOST_IN_TABLE", 3)
    said.append(write_workbook(build(row(1, "1")), tmp_path / "rows.xlsx", facts))
    tables = [read(tmp_path / name, "Facts") for name in ("table.xlsx", "rows.xlsx")]
    long = [lines[7].pop(2) for lines in tables]
    assert long[0] == pytest.approx(long[1], rel=1e-15)
    assert tables[0] == tables[1]
    assert tables[1][2:4] == [[date(2025, 9, 2), "A & B <c>", 12345678901.1234, 0.07],
                              [date(2025, 9, 3), "  two blanks ", 0, 0.14]]  # fmt: skip
    assert said[0] == said[1]
    assert said[1][0].startswith("1 amount has more than the 15 digits")
    # A cell has the same format in both, of which one keeps a text that begins like a formula.
    sheets = [read_part(tmp_path / name, "xl/worksheets/sheet3.xml") for name in ("table.xlsx", "rows.xlsx")]
    forms = [
        [read_form(tmp_path / name, style) for style in re.findall(r'<c r="[A-D][2-8]" s="(\d+)"', sheet)]
        for name, sheet in zip(("table.xlsx", "rows.xlsx"), sheets, strict=True)
    ]
    assert forms[0] == forms[1]
    assert sum('quotePrefix="1"' in one for one in forms[1]) == 1
    assert '<dimension ref="A1:D8"/>' in sheets[1]


@pytest.mark.parametrize("is_private", [True, False])
def test_many_facts_are_read_by_nobody_else_than_few_and_their_formats_are_in_the_workbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_private: bool
) -> None:
    """Also where no other sheet has a cell of their kind."""
    modes = []
    for most in (60, 10):
        monkeypatch.setattr(workbook, "MOST_IN_TABLE", most)
        write_workbook(Document("Report", "2025"), tmp_path / f"{most}.xlsx", build_facts(50), is_private=is_private)
        modes.append((tmp_path / f"{most}.xlsx").stat().st_mode & 0o777)
    assert modes[0] == modes[1]
    assert (modes[1] & 0o077 == 0) is is_private
    assert sorted(one.name for one in tmp_path.iterdir()) == ["10.xlsx", "60.xlsx"]
    sheet, styles = (read_part(tmp_path / "10.xlsx", f"xl/{one}.xml") for one in ("worksheets/sheet2", "styles"))
    ((count,),) = [re.findall(r'<cellXfs count="(\d+)"', styles)]
    assert max(map(int, re.findall(r'<c r="[A-C]\d+" s="(\d+)"', sheet))) < int(count)


def test_many_facts_are_written_row_by_row_and_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_workbook(build(row(1, "1")), tmp_path / "table.xlsx", build_facts(50))
    monkeypatch.setattr(workbook, "MOST_IN_TABLE", 10)
    write_workbook(build(row(1, "1")), tmp_path / "rows.xlsx", build_facts(50))
    assert read(tmp_path / "table.xlsx", "Facts") == read(tmp_path / "rows.xlsx", "Facts")
    assert read_part(tmp_path / "table.xlsx", "xl/tables/table2.xml").count("<tableColumn ") == 3
    assert '<autoFilter ref="A1:C51"/>' in read_part(tmp_path / "rows.xlsx", "xl/worksheets/sheet3.xml")


def test_captions_that_excel_does_not_take_as_names_become_such_and_none_twice(tmp_path: Path) -> None:
    caption = "Spend: by [team] / 'day' and by everything else that there is"
    twice = Section("x", "", [Table("t", caption, COLUMNS, [row(1, "1")]) for _number in range(2)])
    write_workbook(Document("Report", "2025", sections=[twice]), tmp_path / "a.xlsx")
    names = CalamineWorkbook.from_path(tmp_path / "a.xlsx").sheet_names
    assert names[1:] == ["Spend by team 'day' and by…", "Spend by team 'day' and by… 2"]


def test_a_table_behind_a_line_to_be_opened_has_no_title_twice(tmp_path: Path) -> None:
    tables = [Table("t", "People", COLUMNS, [row(1, "1")], summary=said) for said in ("", "The first 200 people")]
    write_workbook(Document("Report", "2025", sections=[Section("x", "", tables)]), tmp_path / "a.xlsx")
    assert CalamineWorkbook.from_path(tmp_path / "a.xlsx").sheet_names[1:] == ["People", "The first 200 people"]
    assert read(tmp_path / "a.xlsx", "The first 200 people")[0][0] == "The first 200 people"


def test_lines_below_the_total_lead_on_from_it_and_a_total_of_its_own_is_kept(tmp_path: Path) -> None:
    columns = [Column("who", "Who", total="All"), Column("usd", "US$", Kind.USD, Decimal("7.5"))]
    closing = [{"who": "The month's spend", "usd": Decimal(9)}]
    table = Table("t", "Spend", columns, [{"who": "Ana", "usd": Decimal(5)}], closing=closing)
    write_workbook(Document("Report", "2025", sections=[Section("x", "", [table])]), tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx", "Spend")[4:] == [["Ana", 5.0], ["All", 7.5], ["The month's spend", 9.0]]


def test_a_workbook_is_in_the_reader_s_language_and_its_numbers_are_the_same(tmp_path: Path) -> None:
    with speak("es"):
        write_workbook(build(row(1, "1.25"), caption="Spend by model"), tmp_path / "es.xlsx")
    book = CalamineWorkbook.from_path(tmp_path / "es.xlsx")
    assert book.sheet_names == ["Acerca de", "Gasto por modelo"]
    assert book.get_sheet_by_name("Gasto por modelo").to_python()[4][3] == 1.25


def test_a_file_of_people_is_its_owner_s_alone(tmp_path: Path) -> None:
    write_workbook(build(row(1, "1")), tmp_path / "a.xlsx", is_private=True)
    assert (tmp_path / "a.xlsx").stat().st_mode & 0o777 == 0o600
