"""Tables of calls: exact numbers, a total that is the sum of the lines, and unknown amounts that are not zero."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape

from usage_samples import CALLS, NIGHT, to_pandas

from flexlib.analysis.sizes import usage_distribution
from flexlib.analysis.usage import usage_by_day, usage_by_provider_and_model
from flexlib.page.kit.table import render_table
from flexlib.tables.definition import Table
from flexlib.tables.usage import table_usage_by_day, table_usage_by_provider_and_model, table_usage_distribution


def read_lines(table: Table) -> list[list[str]]:
    """The text of each cell, head and total too."""
    lines = re.findall(r"<tr.*?>(.*?)</tr>", render_table(table), re.DOTALL)
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines)
    return [[" ".join(unescape(re.sub("<[^>]+>", " ", cell)).split()) for cell in line] for line in cells]


def test_models_are_listed_with_their_sums() -> None:
    table = table_usage_by_provider_and_model(usage_by_provider_and_model(to_pandas(CALLS)))
    assert read_lines(table) == [
        ["Model", "Calls", "Prompt tokens", "Completion tokens", "Tokens", "", "Share", "US$", "Without US$"],
        ["opus Anthropic", "1", "550", "0", "550", "", "35.7 %", "–", "1"],
        ["grok-4 xAI", "1", "50", "500", "550", "", "35.7 %", "< 0.01", "0"],
        ["gpt-4 OpenAI", "3", "400", "40", "440", "", "28.6 %", "0.02", "1"],
        ["All models", "5", "1,000", "540", "1,540", "", "100.0 %", "0.02", "2"],
    ]


def test_calls_that_all_have_an_amount_need_no_column_for_those_without() -> None:
    calls = [(NIGHT, "xai", "a", 1, 1, Decimal(0), None)]
    heads, line, total = read_lines(table_usage_by_day(usage_by_day(to_pandas(calls))))
    assert heads == ["Day", "Calls", "Prompt tokens", "Completion tokens", "US$"]
    assert line == ["1 Sep Mon", "1", "1", "1", "0.00"]
    assert total == ["All days", "1", "1", "1", "0.00"]


def test_where_no_amount_is_known_there_is_a_dash_and_no_zero() -> None:
    lines = read_lines(table_usage_by_day(usage_by_day(to_pandas([CALLS[1], CALLS[3]]))))
    assert [line[4] for line in lines] == ["US$", "–", "–", "–"]
    assert [line[5] for line in lines] == ["Without US$", "1", "1", "2"]


def test_the_days_are_behind_a_line_that_says_how_many() -> None:
    days = table_usage_by_day(usage_by_day(to_pandas(CALLS)))
    assert "<summary>All 2 days with calls</summary>" in render_table(days)
    one = table_usage_by_day(usage_by_day(to_pandas(CALLS[:1])))
    assert "<summary>The day with calls</summary>" in render_table(one)


def test_the_distribution_has_the_smallest_the_middle_and_the_largest_call() -> None:
    lines = read_lines(table_usage_distribution(usage_distribution(to_pandas(CALLS))))
    assert lines[0] == ["Share of calls at or below", "Prompt tokens", "Completion tokens"]
    assert ["the smallest call", "0", "0"] in lines
    assert ["50 %, the median", "100", "10"] in lines
    assert ["100 %, the largest", "550", "500"] in lines


def test_a_model_s_name_cannot_break_the_page() -> None:
    calls = [(NIGHT, "xai", "<script>", 1, 1, None, None)]
    table = table_usage_by_provider_and_model(usage_by_provider_and_model(to_pandas(calls)))
    assert "<script>" not in render_table(table)
    assert read_lines(table)[1][0] == "<script> xAI"


def test_a_month_without_calls_is_a_table_of_nothing() -> None:
    nothing = to_pandas([])
    assert len(read_lines(table_usage_by_provider_and_model(usage_by_provider_and_model(nothing)))) == 2
    assert read_lines(table_usage_by_day(usage_by_day(nothing))) == []  # nothing to open
    assert read_lines(table_usage_distribution(usage_distribution(nothing))) == []
