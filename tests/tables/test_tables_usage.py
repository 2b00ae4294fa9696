"""Tables of calls: exact numbers, a total that is the sum of the lines, and unknown amounts that are not zero."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from html import unescape
from typing import Any

from usage_samples import CALLS, NIGHT, Call, to_pandas

from flexlib.analysis.ranking import rank_models
from flexlib.analysis.sizes import usage_distribution
from flexlib.analysis.usage import usage_by_day, usage_by_model_and_proxy, usage_with_price
from flexlib.page.kit.table import render_table
from flexlib.tables.definition import Table, say_least
from flexlib.tables.usage import (
    table_other_models,
    table_spend_by_model,
    table_unpriced,
    table_usage_by_day,
    table_usage_distribution,
)


def read_lines(table: Table) -> list[list[str]]:
    """The text of each cell, head and total too."""
    lines = re.findall(r"<tr.*?>(.*?)</tr>", render_table(table), re.DOTALL)
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines)
    return [[" ".join(unescape(re.sub("<[^>]+>", " ", cell)).split()) for cell in line] for line in cells]


def rank(calls: Sequence[Call]) -> list[dict[str, Any]]:
    rows = to_pandas(calls)
    return rank_models(usage_by_model_and_proxy(rows), usage_with_price(rows))


def test_models_are_listed_by_money_with_the_price_of_a_million_tokens() -> None:
    table = table_spend_by_model(rank(CALLS), usage_with_price(to_pandas(CALLS)))
    assert read_lines(table) == [
        ["Model", "Calls", "Tokens", "US$ per 1M tokens", "US$", "", "Share", "Without US$"],
        # 0.01 US$ for the 110 tokens of the one call that has both; the 0 tokens of another cost 0.01 too
        ["gpt-4 OpenAI", "3", "440", "90.91", "0.02", "", "100.0 %", "1"],
        ["grok-4 xAI", "1", "550", "< 0.01", "< 0.01", "", "0.0 %", "0"],
        ["opus Anthropic", "1", "550", "–", "–", "", "–", "1"],
        ["All models", "5", "1,540", "15.15", "0.02", "", "100.0 %", "2"],  # 0.01 US$ for 660 tokens
    ]


def test_past_twelve_models_the_others_are_one_line_that_opens() -> None:
    calls = [(NIGHT, "xai", f"m{number:02}", 1, 1, Decimal(100 - number), None) for number in range(14)]
    lines = read_lines(table_spend_by_model(rank(calls)))
    assert [line[0] for line in lines[-3:]] == ["m11 xAI", "Other 2 models", "All models"]
    assert [line[4] for line in lines[-3:]] == ["89.00", "175.00", "1,309.00"]
    others = table_other_models(rank(calls))
    assert others.summary == "The other 2 models"
    assert [line[0] for line in read_lines(others)] == ["Model", "m12 xAI", "m13 xAI", "Other models"]
    thirteen = read_lines(table_spend_by_model(rank(calls[:13])))
    assert thirteen[-2][0] == "m12 xAI"  # no line for one other
    assert table_other_models(rank(calls[:13])).rows == []


def test_models_past_six_have_the_grey_of_the_others_in_the_chart() -> None:
    calls = [(NIGHT, "xai", f"m{number}", 1, 1, Decimal(100 - number), None) for number in range(8)]
    html = render_table(table_spend_by_model(rank(calls)))
    keys = re.findall(r'class="key" style="background:var\(--flex-(\w+),', html)
    assert ("other" in keys[:6], keys[6:]) == (False, ["other", "other"])


def test_calls_that_all_have_an_amount_need_no_column_for_those_without() -> None:
    calls = [(NIGHT, "xai", "a", 1, 1, Decimal(0), None)]
    heads, line, total = read_lines(table_usage_by_day(usage_by_day(to_pandas(calls))))
    assert heads == ["Day", "US$", "Calls", "Prompt tokens", "Completion tokens"]
    assert line == ["1 Sep Mon", "0.00", "1", "1", "1"]
    assert total == ["All days", "0.00", "1", "1", "1"]


def test_where_no_amount_is_known_there_is_a_dash_and_no_zero() -> None:
    lines = read_lines(table_usage_by_day(usage_by_day(to_pandas([CALLS[1], CALLS[3]]))))
    assert [line[1] for line in lines] == ["US$", "–", "–", "–"]
    assert [line[2] for line in lines] == ["Without US$", "1", "1", "2"]


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
    table = table_spend_by_model(rank(calls))
    assert "<script>" not in render_table(table)
    assert read_lines(table)[1][0] == "<script> xAI"


def test_a_month_without_calls_is_a_table_of_nothing() -> None:
    nothing = to_pandas([])
    assert len(read_lines(table_spend_by_model(rank([])))) == 2
    assert read_lines(table_usage_by_day(usage_by_day(nothing))) == []  # nothing to open
    assert read_lines(table_usage_distribution(usage_distribution(nothing))) == []


def test_only_a_long_word_may_break() -> None:
    row = {"model": "x" * 18, "provider": "anthropic", "proxy": None, "reason": "y" * 17, "calls": 1}
    html = render_table(table_unpriced([row]))
    assert re.findall(r'<td class="([^"]*)">(\w+)</td>', html.partition("<tbody>")[2].partition("</tbody>")[0]) == [
        ("n", "1"),
    ]
    assert '<td class="long">' + "x" * 18 + " <small>Anthropic</small></td>" in html
    assert f"<td>{'y' * 17}</td>" in html
    assert '<th scope="col">Why</th>' in html  # a phone keeps it


def test_pesos_of_what_is_free_are_not_known_where_others_have_no_amount() -> None:
    row = {"total_usd": Decimal(0), "total_clp": Decimal(0), "unpriced_usd": 1, "unpriced_clp": 1}
    (marked,) = say_least([], [row])[1]
    assert (marked["total_usd"], marked["total_clp"]) == (None, None)
