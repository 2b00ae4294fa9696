"""Tables add up: each total is the sum of the lines above it, exactly, and a number that is not known is a dash."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import SEPTEMBER, THINKING, Row, certify, make_rows, read_cells

from flexlib import analysis as aggregate
from flexlib.analysis import top
from flexlib.page.kit.table import render_spark, render_table
from flexlib.page.kit.theme import css_colour
from flexlib.store.credit_prices import load_credit_prices
from flexlib.tables.credits import (
    table_credits_by_day,
    table_credits_by_model,
    table_credits_by_user,
    table_other_models,
    table_peak_days,
)
from flexlib.tables.definition import Column, Kind, Table

AUGUST = SEPTEMBER.previous

ROWS: list[Row] = [
    (1, "ana", THINKING, 0, 123_456),
    (1, "ben", "MODEL_CHAT_O3", 100, 10_050),
    (15, "ana", "MODEL_SWE_1", 250, 50_000),
    (16, "cy", "MODEL_SWE_1", 250, 0),
]
BEFORE: list[Row] = [(1, "ana", THINKING, 0, 100_000), (31, "ana", "MODEL_CHAT_O3", 0, 20_100)]


def show_models(rows: pd.DataFrame, before: pd.DataFrame | None = None) -> str:
    models = aggregate.credits_by_model(rows)
    chosen = top.choose_models(models, SEPTEMBER.span)
    return render_table(
        table_credits_by_model(
            top.top_models(models, chosen),
            top.top_models(aggregate.credits_by_day_and_model(rows, SEPTEMBER.span), chosen),
            None if before is None else top.top_models(aggregate.compare_models(rows, before), chosen),
            AUGUST,
            load_credit_prices(Path("/nowhere")),
        )
    )


def show_people(rows: pd.DataFrame, shown: int = 10, full: bool = False, unmapped: tuple[str, ...] = ()) -> str:
    people = top.top_users(aggregate.credits_by_user(rows), certify(rows, unmapped_users=unmapped), shown=shown)
    return render_table(table_credits_by_user(people, full=full))


def test_models_show_credits_share_change_and_list_price() -> None:
    lines = read_cells(show_models(make_rows(ROWS), make_rows(BEFORE, AUGUST)), "table-models")
    assert lines == [
        ["Claude Sonnet 4 Thinking", "1,234.56", "", "67.3 %", "+23.5 %", "", "49.38"],
        ["SWE-1", "500.00", "", "27.2 %", "new", "", "20.00"],
        ["o3", "100.50", "", "5.5 %", "−50.0 %", "", "4.02"],
        ["All models", "1,835.06", "", "100.0 %", "+52.8 %", "", "73.40"],
    ]


def test_a_change_is_a_dash_without_a_month_before() -> None:
    changes = [line[4] for line in read_cells(show_models(make_rows(ROWS)), "table-models")]
    assert changes == ["–", "–", "–", "–"]


def test_more_and_less_have_the_colours_of_cost() -> None:
    html = show_models(make_rows(ROWS), make_rows(BEFORE, AUGUST))
    assert re.search(r'<span class="more">\+23\.5', html)
    assert re.search(r'<span class="less">−50\.0', html)


def test_a_model_has_its_colour_in_key_bar_and_line() -> None:
    line = show_models(make_rows(ROWS)).partition("Claude Sonnet 4 Thinking")
    assert line[0].endswith(f'<i class="key" style="background:{css_colour("blue1")}"></i>')
    assert line[2].partition("</tr>")[0].count(css_colour("blue1")) == 2


def test_the_seventh_model_and_the_eighth_are_one_line_and_stand_one_by_one_behind_it() -> None:
    rows = make_rows([(1, "ana", f"model-{number}", 0, 1000 - number) for number in range(8)])
    assert read_cells(show_models(rows), "table-models")[-2][:2] == ["Other 2 models", "19.87"]
    models = aggregate.credits_by_model(rows)
    shown, every = (top.top_models(models, top.choose_models(models, shown=count)) for count in (6, 100))
    html = render_table(table_other_models(every, shown))
    assert [line[:2] for line in read_cells(html, "table-other-models")] == [
        ["model-6", "9.94"],
        ["model-7", "9.93"],
        ["Other models", "19.87"],
    ]
    assert "<summary>The other 2 models</summary>" in html


def test_without_other_models_there_is_no_table_of_them() -> None:
    models = aggregate.credits_by_model(make_rows(ROWS))
    shown = top.top_models(models, top.choose_models(models))
    assert render_table(table_other_models(shown, shown)) == ""


def test_the_highest_days_stand_before_the_others() -> None:
    by_day = aggregate.credits_by_day(make_rows(ROWS), SEPTEMBER.span)
    assert read_cells(render_table(table_peak_days(top.top_days(by_day, shown=2))), "table-peaks") == [
        ["1 Sep Mon", "1,335.06", ""],
        ["15 Sep Mon", "500.00", ""],
        ["28 other days", "0.00", ""],
        ["All days", "1,835.06", ""],
    ]


def test_all_days_stand_in_order_with_the_month_so_far_and_no_sum_of_people() -> None:
    html = render_table(table_credits_by_day(aggregate.credits_by_day(make_rows(ROWS), SEPTEMBER.span)))
    lines = read_cells(html, "table-days")
    assert len(lines) == 31
    assert lines[0] == ["1 Sep Mon", "1,335.06", "1,335.06", "1.00", "2"]
    assert lines[15] == ["16 Sep Tue", "0.00", "1,835.06", "2.50", "1"]
    assert lines[-1] == ["All days", "1,835.06", "", "6.00", "–"]
    assert html.startswith('<details class="flex-details"><summary>All 30 days</summary>')


def test_people_stand_under_pseudonyms_and_keys_of_nobody_in_one_line() -> None:
    lines = read_cells(show_people(make_rows(ROWS), unmapped=("ben", "cy")), "table-people")
    assert lines == [
        ["Person 001", "1,734.56", "", "94.5 %"],
        ["Not on the list of people 2 keys", "100.50", "", "5.5 %"],
        ["All 3", "1,835.06", "", "100.0 %"],
    ]


def test_a_fuller_table_of_people_also_has_prompt_credits_and_days() -> None:
    lines = read_cells(show_people(make_rows(ROWS), full=True), "table-all-people")
    assert lines[0] == ["Person 001", "1,734.56", "94.5 %", "2.50", "2"]
    assert lines[-1] == ["All 3", "1,835.06", "100.0 %", "6.00", "–"]


@pytest.mark.parametrize(("shown", "summary"), [(2, "The first 2 people"), (3, "All 4 people")])
def test_a_fuller_table_says_whether_it_has_everybody(shown: int, summary: str) -> None:
    rows = make_rows([(1, f"user-{number}", THINKING, 0, 100 - number) for number in range(5)])
    html = show_people(rows, shown, full=True, unmapped=("user-0",))
    assert f"<summary>{summary}</summary>" in html


def test_no_key_of_a_person_is_in_a_table() -> None:
    key = "9b2e4c1a-0000-4000-8000-000000000001"
    assert key not in show_people(make_rows([(1, key, THINKING, 0, 100)]))
    assert key not in show_people(make_rows([(1, key, THINKING, 0, 100)]), unmapped=(key,))


def test_nothing_has_no_bar() -> None:
    assert show_people(make_rows([(1, "ana", THINKING, 100, 0)])).count('class="bar"') == 0


def test_bars_compare_single_lines_and_the_sum_of_many_has_none() -> None:
    rows = make_rows([(1, f"user-{number}", THINKING, 0, 100) for number in range(6)])
    html = show_people(rows, shown=2)
    assert re.findall(r'class="bar" style="width:([\d.]+)%', html) == ["100.0", "100.0"]


@settings(deadline=None, max_examples=20)
@given(amounts=st.lists(st.integers(0, 10**9), max_size=25), shown=st.integers(1, 12))
def test_each_total_is_the_sum_of_the_lines_above_it(amounts: list[int], shown: int) -> None:
    rows = make_rows([(1 + n % 30, f"user-{n}", f"model-{n}", amount, amount) for n, amount in enumerate(amounts)])
    by_day = aggregate.credits_by_day(rows, SEPTEMBER.span)
    for html, table in (
        (show_models(rows), "table-models"),
        (show_people(rows, shown), "table-people"),
        (render_table(table_peak_days(top.top_days(by_day, shown))), "table-peaks"),
        (render_table(table_credits_by_day(by_day)), "table-days"),
    ):
        *lines, total = [Decimal(line[1].replace(",", "")) for line in read_cells(html, table)]
        assert sum(lines) == total == Decimal(sum(amounts)) / 100


def test_a_table_that_does_not_add_up_would_be_seen() -> None:
    columns = [Column("day", "Day", total="All"), Column("credits", "Credits", Kind.CREDITS, total=200)]
    table = Table("wrong", "Wrong", columns, [{"day": "1 Sep", "credits": 100}])
    *lines, total = [line[1] for line in read_cells(render_table(table), "wrong")]
    assert lines != [total]


@pytest.mark.parametrize("html", [show_models(make_rows(ROWS)), show_people(make_rows(ROWS))], ids=["models", "people"])
def test_numbers_stand_right_under_a_head_of_their_column(html: str) -> None:
    numbers = re.findall(r'<td class="([^"]*)">[\d,]+\.\d\d</td>', html)
    assert numbers
    assert all("n" in classes.split() for classes in numbers)
    assert html.count('<th class="n') == len(re.findall(r'<td class="n', html.partition("<tfoot>")[2]))
    assert html.count('scope="col"') == html.count("<th ")


def test_a_wide_table_scrolls_in_a_box_with_a_name() -> None:
    box = '<div class="flex-scroll" role="region" aria-label="Flex credits by model" tabindex="0">'
    assert show_models(make_rows(ROWS)).startswith(box)


def test_a_name_is_text_and_never_markup() -> None:
    html = show_models(make_rows([(1, "ana", "<script>alert(1)</script>", 0, 100)]))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_month_without_a_row_has_totals_of_zero() -> None:
    assert read_cells(show_models(make_rows([])), "table-models") == [["All models", "0.00", "", "–", "", "0.00"]]
    assert read_cells(show_people(make_rows([])), "table-people")[-1][:2] == ["All 0", "0.00"]


@pytest.mark.parametrize(
    ("amounts", "points"),
    [([0, 10, 5], "1.0,19.0 46.0,1.0 91.0,10.0"), ([0, 0], "1.0,19.0 91.0,19.0")],
)
def test_a_small_line_goes_through_its_amounts(amounts: list[int], points: str) -> None:
    assert f'points="{points}"' in render_spark(amounts, "blue1")


def test_one_day_is_no_line() -> None:
    assert render_spark([5], "blue1") == "–"


def test_the_text_form_of_a_table_is_short_and_the_same() -> None:
    table = table_peak_days(top.top_days(aggregate.credits_by_day(make_rows(ROWS))))
    assert repr(table) == "<table table-peaks>"
