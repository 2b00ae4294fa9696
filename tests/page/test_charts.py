"""What is drawn is what the frames hold; the SVG is the same in every run, and speaks to those who cannot see."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET  # noqa: N817
from datetime import date
from typing import Any, cast

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle
from report_samples import SEPTEMBER, THINKING, make_rows

from flexlib import analysis as aggregate
from flexlib.analysis import top
from flexlib.dates import Month
from flexlib.page.credits.calendar import plot_credits_by_weekday_and_week
from flexlib.page.credits.charts import (
    plot_credits_by_day_and_model,
    plot_credits_by_user,
)
from flexlib.page.kit.chart import NARROW, Chart
from flexlib.page.kit.svg import new_figure
from flexlib.page.kit.theme import LIGHT, assign_colours

AUGUST = SEPTEMBER.previous

ROWS = [
    (1, "ana", THINKING, 0, 25_000),
    (1, "ben", "MODEL_CHAT_O3", 100, 10_050),
    (15, "ana", THINKING, 0, 90_000),
    (15, "ana", "MODEL_CHAT_O3", 0, 12_345),
    (30, "cy", "MODEL_SWE_1", 0, 50),
]
BEFORE = [(1, "ana", THINKING, 0, 40_000), (31, "ana", THINKING, 0, 60_000)]


def plot_days(rows: pd.DataFrame | None = None, before: pd.DataFrame | None = None) -> Chart:
    rows = make_rows(ROWS) if rows is None else rows
    chosen = top.choose_models(aggregate.credits_by_model(rows), SEPTEMBER.span)
    return plot_credits_by_day_and_model(
        top.top_models(aggregate.credits_by_day_and_model(rows, SEPTEMBER.span), chosen),
        aggregate.credits_by_day(rows, SEPTEMBER.span),
        None if before is None else aggregate.credits_by_day(before, AUGUST.span),
        span=SEPTEMBER.span,
    )


def plot_weeks() -> Chart:
    return plot_credits_by_weekday_and_week(aggregate.credits_by_weekday_and_week(make_rows(ROWS), SEPTEMBER.span))


def plot_people() -> Chart:
    return plot_credits_by_user(aggregate.credits_by_user(make_rows(ROWS)))


def read_line(line: Line2D) -> dict[float, float]:
    x, y = (cast(Any, values) for values in line.get_data())
    return {float(at): float(height) for at, height in zip(x, y, strict=True)}


def list_lines(chart: Chart) -> list[dict[float, float]]:
    """The lines of the running total, without those of the grid."""
    return [read_line(line) for line in chart.figure.axes[0].get_lines() if line.get_color() != LIGHT["line"]]


CHARTS = [plot_days(before=make_rows(BEFORE, AUGUST)), plot_weeks(), plot_people()]


@pytest.mark.parametrize("width", ["figure", "narrow_figure"])
def test_columns_are_the_credits_of_each_model_and_day_stacked_without_a_gap(width: str) -> None:
    columns = getattr(plot_days(), width).axes[1]
    drawn = {
        (bars.get_label(), round(bar.get_x() + bar.get_width() / 2)): (bar.get_y(), round(bar.get_height(), 9))
        for bars in columns.containers
        for bar in bars
    }
    assert drawn == {
        ("Claude Sonnet 4 Thinking", 1): (0, 250),
        ("o3", 1): (250, 100.5),
        ("Claude Sonnet 4 Thinking", 15): (0, 900),
        ("o3", 15): (900, 123.45),
        ("SWE-1", 30): (0, 0.5),
    }
    assert columns.get_ylim()[0] == 0
    assert columns.get_xlim() == (0.4, 30.6)


def test_the_line_is_the_running_total_and_the_dashed_one_that_of_the_month_before() -> None:
    dashed, line = list_lines(CHARTS[0])
    assert [line[day] for day in (1, 14, 15, 30)] == [350.5, 350.5, 1373.95, 1374.45]
    assert len(line) == 30
    # August has 31 days, and this axis 30.
    assert max(dashed) == 30
    assert dashed[30] == 400


def test_without_a_month_before_there_is_one_line_and_no_word_of_it() -> None:
    chart = plot_days()
    assert len(list_lines(chart)) == 1
    assert "before" not in chart.description
    assert "before" in CHARTS[0].description


def test_a_month_that_is_not_over_leaves_its_other_days_empty() -> None:
    rows = make_rows(ROWS[:2])
    chosen = top.choose_models(aggregate.credits_by_model(rows))
    days = [date(2025, 9, 1), date(2025, 9, 2)]
    cells = top.top_models(aggregate.credits_by_day_and_model(rows, days), chosen)
    chart = plot_credits_by_day_and_model(cells, aggregate.credits_by_day(rows, days), span=SEPTEMBER.span)
    assert chart.figure.axes[1].get_xlim() == (0.4, 30.6)
    assert list_lines(chart) == [{1: 350.5, 2: 350.5}]


def test_the_highest_day_is_named_with_its_credits() -> None:
    words = [text.get_text() for text in CHARTS[0].figure.axes[1].texts]
    assert words == ["15 Sep: 1,023"]


def test_the_seventh_model_and_the_eighth_are_drawn_as_other_in_grey() -> None:
    rows = make_rows([(1, "ana", f"model-{number}", 0, 1000 - number) for number in range(8)])
    bars = plot_days(rows).figure.axes[1].containers
    assert [bar.get_label() for bar in bars] == [*(f"model-{number}" for number in range(6)), "Other"]
    assert bars[-1][0].get_height() == pytest.approx(994 / 100 + 993 / 100)
    assert plot_days(rows).legend[-1] == ("Other", "other")


def test_a_model_has_the_same_colour_in_another_month_with_other_models() -> None:
    first = dict(plot_days().legend)
    second = dict(plot_days(make_rows([(3, "ana", "MODEL_CLAUDE_4_SONNET", 0, 9), (3, "ana", THINKING, 0, 8)])).legend)
    assert first["Claude Sonnet 4 Thinking"] == second["Claude Sonnet 4 Thinking"] == "blue1"
    assert assign_colours(first) == first


def test_a_calendar_has_a_cell_a_day_and_the_more_the_darker() -> None:
    axes = plot_weeks().figure.axes[0]
    cells = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    tips = {str(cell.get_gid()): cell.get_alpha() or 0.0 for cell in cells}
    assert len(cells) == 30
    assert tips["tip Mon 15 Sep: 1,023.45"] == 1.0
    assert tips["tip Mon 15 Sep: 1,023.45"] > tips["tip Mon 1 Sep: 350.50"] > tips["tip Tue 2 Sep: 0.00"] > 0
    assert [label.get_text() for label in axes.get_xticklabels()] == [f"Week {week}" for week in range(36, 41)]


def test_a_phones_calendar_writes_large_amounts_short() -> None:
    rows = make_rows([(1, "ana", THINKING, 0, 123_456_789), (2, "ana", THINKING, 0, 9_999_900)])
    chart = plot_credits_by_weekday_and_week(aggregate.credits_by_weekday_and_week(rows, SEPTEMBER.span))
    desk, phone = ([text.get_text() for text in one.axes[0].texts[:4]] for one in (chart.figure, chart.narrow_figure))
    assert desk == ["1", "1,234,568", "2", "99,999"]
    assert phone == ["1", "1.23M", "2", "99,999"]


def test_days_stand_under_their_week_beside_their_weekday() -> None:
    cells = {
        str(patch.get_gid())[4:14].rpartition(":")[0] or str(patch.get_gid()): patch.get_xy()
        for patch in plot_weeks().figure.axes[0].patches
        if isinstance(patch, Rectangle)
    }
    assert cells["Mon 1 Sep"] == pytest.approx((-0.48, 0.54))
    assert cells["Sun 7 Sep"] == pytest.approx((-0.48, 6.54))
    assert cells["Mon 8 Sep"] == pytest.approx((0.52, 0.54))


def test_january_keeps_its_weeks_in_order_across_the_year() -> None:
    january = Month(2027, 1)
    rows = make_rows([(1, "ana", THINKING, 0, 100)], january)
    chart = plot_credits_by_weekday_and_week(aggregate.credits_by_weekday_and_week(rows, january.span))
    labels = [label.get_text() for label in chart.figure.axes[0].get_xticklabels()]
    assert labels == ["Week 53", "Week 1", "Week 2", "Week 3", "Week 4"]


def test_the_pareto_curve_starts_at_nothing_and_goes_through_each_persons_sum() -> None:
    axes = plot_people().figure.axes[0]
    assert read_line(axes.get_lines()[0]) == {0: 0, 1: 92.7, 2: 100, 3: 100}
    area = next(patch for patch in axes.patches if isinstance(patch, Polygon))
    assert area.get_xy()[:4].tolist() == [[0, 0], [1, 92.7], [2, 100], [3, 100]]
    assert axes.get_ylim() == (0, 100)


def test_the_words_beside_a_single_spender_stand_left_of_his_line() -> None:
    rows = aggregate.credits_by_user(make_rows([(1, "ana", "GPT-5", 0, 100)]))
    (words,) = plot_credits_by_user(rows).figure.axes[0].texts
    assert (words.get_text().replace("\u00a0", " "), words.get_horizontalalignment()) == ("top 1: 100.0 %", "right")
    assert words.get_position()[0] < 1


def test_a_month_without_a_row_is_drawn_empty() -> None:
    rows = make_rows([])
    assert plot_days(rows).legend == []
    assert plot_days(rows).figure.axes[1].containers == []
    assert "0.00 flex credits" in plot_days(rows).description
    assert [tick.get_text() for tick in plot_days(rows).figure.axes[1].get_yticklabels()] == ["0", "1"]
    assert plot_credits_by_user(aggregate.credits_by_user(rows)).render_html()
    assert plot_credits_by_weekday_and_week(aggregate.credits_by_weekday_and_week(rows, SEPTEMBER.span)).render_html()


@pytest.mark.parametrize("chart", CHARTS, ids=repr)
def test_each_picture_has_a_role_a_title_and_a_description_of_its_own(chart: Chart) -> None:
    pictures = re.findall(r"<svg.*?</svg>", chart.render_html(), re.DOTALL)
    assert len(pictures) == 2
    seen = set()
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root.get("role") == "img"
        ids = root.attrib["aria-labelledby"].split()
        assert [root[0].get("id"), root[1].get("id")] == ids
        assert root[0].text == chart.title
        assert len(root[1].text or "") > 60
        seen.update(ids)
    assert len(seen) == 4


@pytest.mark.parametrize("chart", CHARTS, ids=repr)
def test_a_picture_has_no_colour_of_its_own_no_font_no_link_no_script(chart: Chart) -> None:
    html = chart.render_html()
    assert re.findall(r"(?<!,)#[0-9a-f]{6}", html) == []
    assert set(re.findall(r"var\(--flex-([^,]+),#", html)) <= LIGHT.keys()
    for word in ("font-family", "http", "xlink", "<use", "<defs", "clip-path", "<metadata", "<script", "base64", "NaN"):
        assert word not in html


@pytest.mark.parametrize("chart", CHARTS, ids=repr)
def test_letters_on_a_phone_are_as_large_as_on_a_page(chart: Chart) -> None:
    narrow = re.findall(r"<svg.*?</svg>", chart.render_html(), re.DOTALL)[1]
    root = ET.fromstring(narrow)
    sizes = {float(size) for size in re.findall(r"font-size:([\d.]+)px", narrow)}
    assert root.get("viewBox", "").split()[2] == str(NARROW) == root.get("width")
    assert min(sizes) >= 11.5
    assert max(sizes) == 12.5


def test_what_lies_outside_the_axes_or_is_no_number_is_left_out_of_the_picture() -> None:
    def draw(width: int) -> Figure:
        figure = new_figure(width, 200)
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        axes.plot([5, 5], [0, 1])
        axes.plot([float("nan")] * 2, [0, 1])
        axes.plot([0, 0.5], [0, 1], color=LIGHT["ink"])
        axes.set_xlim(0, 1)
        return figure

    html = Chart("own", "Own", "A chart of one's own", draw).render_html()
    assert html.count("<svg") == 2
    assert 'd=""' not in html


def test_a_name_is_text_and_never_markup_or_mathematics() -> None:
    rows = make_rows([(1, "ana", "<b>$x^2$</b>&", 0, 100)])
    html = plot_days(rows).render_html()
    assert "&lt;b&gt;$x^2$&lt;/b&gt;&amp;" in html
    assert "<b>" not in html


def test_the_text_form_is_short_and_the_same() -> None:
    assert repr(plot_days()) == "<chart chart-days>"


def test_frames_are_left_as_they_were() -> None:
    rows = make_rows(ROWS)
    by_user = aggregate.credits_by_user(rows)
    copy = by_user.copy(deep=True)
    plot_credits_by_user(by_user).render_html()
    pd.testing.assert_frame_equal(by_user, copy)


def test_another_process_with_another_hash_seed_draws_the_same_bytes() -> None:
    script = (
        "import sys; sys.path[:0] = ['tests', 'tests/page']; import test_charts as t; "
        "print(''.join(c.render_html() for c in t.CHARTS))"
    )
    drawn = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed, "PATH": ""}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert drawn == {("".join(chart.render_html() for chart in CHARTS) + "\n").encode()}


def test_pyplot_and_its_state_are_never_loaded() -> None:
    script = (
        "import sys, flexlib.page.credits.charts, flexlib.tables.credits;"
        "print('matplotlib.pyplot' in sys.modules, 'duckdb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False False\n"
