"""One definition of a table, in three hands: page, console and file say the same of it."""

from __future__ import annotations

import csv
import re
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from flexlib.console.table import render_table as render_text
from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.export import write_csv
from flexlib.page.kit.table import render_table as render_html
from flexlib.tables.definition import Column, Kind, Table, Total
from flexlib.tables.usage import REQUESTS

COLUMNS = [
    Column("day", "Day", Kind.DAY, "All days"),
    Column("model", "Model", note="seller", is_series=True),
    Column("credits", "Credits", Kind.CREDITS, Total.SUM),
    Column("credits", "", Kind.BAR, is_optional=True),
    Column("usd", "US$", Kind.USD, Total.KNOWN),
    Column("share", "Share", Kind.SHARE, Total.SUM),
    Column("change", "Change", Kind.CHANGE, -52),
    Column("month", "Month", Kind.MONTH),
    Column("people", "People", Kind.COUNT, total=None),
    Column("spark", "Day by day", Kind.SPARK, is_optional=True),
]
FIRST = {
    "day": date(2025, 9, 1), "model": "=o3", "seller": "OpenAI", "credits": 123_450, "usd": Decimal("0.0049"),
    "share": 600, "change": 96, "month": date(2025, 9, 1), "people": 1234, "spark": [1, 2],
}  # fmt: skip
OTHERS = {
    "day": "3 other days", "model": "Other", "credits": 50, "usd": None, "share": 400, "change": None,
    "month": None, "people": None, "spark": [0, 0],
}  # fmt: skip
TABLE = Table("table-x", "All of it", COLUMNS, [FIRST, OTHERS], others=frozenset({1}))


def read_html(table: Table) -> list[list[str]]:
    lines = re.findall(r"<tr.*?>(.*?)</tr>", render_html(table), re.DOTALL)
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines)
    return [[" ".join(unescape(re.sub("<[^>]+>", " ", cell)).split()) for cell in line] for line in cells]


def read_text(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_a_page_shows_each_kind_of_value_and_the_total() -> None:
    assert read_html(TABLE) == [
        ["Day", "Model", "Credits", "", "US$", "Share", "Change", "Month", "People", "Day by day"],
        ["1 Sep Mon", "=o3 OpenAI", "1,234.50", "", "< 0.01", "60.0 %", "+9.6 %", "September 2025", "1,234", ""],
        ["3 other days", "Other", "0.50", "", "–", "40.0 %", "–", "–", "–", ""],
        ["All days", "", "1,235.00", "", "< 0.01", "100.0 %", "−5.2 %", "", "–", ""],
    ]


def test_a_terminal_shows_the_same_without_what_is_only_drawn_and_days_short_where_it_would_be_too_wide() -> None:
    _, _, _, head, _, first, others, _, total, _ = render_text(TABLE, Month(2025, 9).span).splitlines()
    assert head.split() == ["DAY", "MODEL", "CREDITS", "US$", "SHARE", "CHANGE", "MONTH", "PEOPLE"]
    assert read_text(first) == [
        "2025-09-01", "=o3 OpenAI", "1,234.50", "< 0.01", "60.0\u00a0%", "+9.6\u00a0%",
        "2025-09 - September 2025", "1,234",
    ]  # fmt: skip
    assert read_text(others) == ["3 other days", "Other", "0.50", "–", "40.0\u00a0%", "–", "–", "–"]
    assert read_text(total) == ["ALL DAYS", "1,235.00", "< 0.01", "100.0\u00a0%", "−5.2\u00a0%", "–"]


def test_a_file_has_exact_values_no_total_and_nothing_for_what_is_not_known(tmp_path: Path) -> None:
    with write_csv(TABLE, tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        heads, *lines = csv.reader(file)
    assert heads == [
        "day", "day_formatted", "model", "seller", "credits", "usd", "share", "change", "month", "month_formatted",
        "people",
    ]  # fmt: skip
    assert lines == [
        ["2025-09-01", "September 01, 2025", "'=o3", "OpenAI", "1234.50", "0.0049", "60.0", "9.6", "2025-09",
         "September 2025", "1234"],
        ["3 other days", "", "Other", "", "0.50", "", "40.0", "", "", "", ""],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "total", "expected"),
    [
        ([1, 2], Total.SUM, 3),
        ([1, None], Total.SUM, None),  # a sum that lacks a line would be wrong
        ([], Total.SUM, 0),
        ([1, None], Total.KNOWN, 1),
        ([None], Total.KNOWN, None),  # nothing known is not zero
        ([], Total.KNOWN, None),
        ([1], Total.BLANK, ""),
        ([1], "All", "All"),
        ([1], None, None),
        ([1], 7, 7),
    ],
)
def test_a_total_is_made_as_its_column_says(
    values: list[int | None], total: Total | str | int | None, expected: object
) -> None:
    column = Column("count", "Count", Kind.COUNT, total)
    assert Table("x", "x", [column], [{"count": value} for value in values]).sum_column(column) == expected


def test_a_sum_of_amounts_keeps_every_digit() -> None:
    column = Column("usd", "US$", Kind.USD, Total.SUM)
    amounts = [Decimal("12345678901234567890.0000000001"), Decimal("0.0000000002")] * 10
    table = Table("x", "x", [column], [{"usd": amount} for amount in amounts])
    assert table.sum_column(column) == Decimal("123456789012345678900.0000000030")


def test_a_table_behind_a_line_is_nothing_without_a_row() -> None:
    assert render_html(Table("x", "x", COLUMNS, [], summary="All days")) == ""
    assert "<details" in render_html(Table("x", "x", COLUMNS, [FIRST], summary="All days"))


def test_what_a_series_is_called_cannot_break_the_page() -> None:
    html = render_html(Table("x", "x", COLUMNS, [FIRST | {"model": "<b>", "seller": "<i>"}]))
    assert "&lt;b&gt; <small>&lt;i&gt;</small>" in html


def test_what_a_dash_means_stands_below_the_table_where_there_is_one() -> None:
    columns = [Column("name", "Model", total="All"), REQUESTS]
    rows: list[dict[str, Any]] = [{"name": "a", "request_count": 7}, {"name": "b", "request_count": None}]
    said = "– in Calls: not known, since a row sums calls and does not say how many."  # noqa: RUF001
    for lines, is_told in ((rows, True), (rows[:1], False)):
        table = Table("mine", "Mine", columns, lines)
        assert (said in render_text(table, Month(2025, 9).span)) is is_told
        assert (said in unescape(render_html(table))) is is_told


def test_a_table_never_leaves_out_what_says_what_a_line_is_of() -> None:
    columns = [Column("task", "Calls of", is_optional=True), Column("model", "By")]
    said = "^The first column of the table mine says what a line is of, .* put another column first"
    with pytest.raises(InvalidRequest, match=said):
        Table("mine", "Mine", columns, [])
    assert Table("mine", "Mine", columns[::-1], []).columns[1].is_optional
