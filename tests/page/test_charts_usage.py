"""What is drawn of calls is what the frames hold."""

from __future__ import annotations

from typing import Any

import pytest
from usage_samples import CALLS, to_pandas, to_relation

from flexlib.analysis.sizes import usage_histogram
from flexlib.analysis.usage import usage_by_day, usage_by_hour
from flexlib.dates import Month
from flexlib.page.kit.chart import Chart
from flexlib.page.usage.charts import plot_usage_by_day, plot_usage_by_hour, plot_usage_by_size

SEPTEMBER = Month(2025, 9)


def plot_all(rows: Any) -> list[Chart]:  # noqa: ANN401
    return [
        plot_usage_by_day(usage_by_day(rows), SEPTEMBER.span),
        plot_usage_by_hour(usage_by_hour(rows)),
        plot_usage_by_size(usage_histogram(rows)),
    ]


def read_bars(chart: Chart, figure: str = "figure") -> dict[tuple[str, int], tuple[float, float]]:
    """Foot and height of each column by its kind and place."""
    (axes,) = getattr(chart, figure).axes
    return {
        (bars.get_label(), round(bar.get_x() + bar.get_width() / 2)): (bar.get_y(), bar.get_height())
        for bars in axes.containers
        for bar in bars
    }


@pytest.mark.parametrize("figure", ["figure", "narrow_figure"])
def test_completion_tokens_stand_on_the_prompt_s(figure: str) -> None:
    days, hours, _ = plot_all(to_pandas(CALLS))
    assert read_bars(days, figure) == {
        ("Prompt", 1): (0, 450),
        ("Completion", 1): (450, 540),
        ("Prompt", 2): (0, 550),
        ("Completion", 2): (550, 0),
    }
    assert read_bars(hours, figure) == {
        ("Prompt", 0): (0, 100),
        ("Completion", 0): (100, 10),
        ("Prompt", 9): (0, 900),
        ("Completion", 9): (900, 530),
    }


def test_the_month_s_days_are_all_there_and_the_day_s_hours_too() -> None:
    days, hours, _ = plot_all(to_pandas(CALLS))
    assert [int(tick) for tick in days.figure.axes[0].get_xticks()] == list(range(1, 31))
    assert hours.figure.axes[0].get_xlim() == (-0.6, 23.6)


def test_sizes_are_a_pair_of_columns_each_and_empty_ones_on_the_left_are_cut() -> None:
    chart = plot_usage_by_size(usage_histogram(to_pandas(CALLS[:2])))
    ticks = [label.get_text() for label in chart.figure.axes[0].get_xticklabels()]
    assert ticks == ["10", "20", "50", "100", "200"]
    assert {place: height for (kind, place), (_, height) in read_bars(chart).items() if kind == "Prompt"} == {
        0: 0,
        1: 0,
        2: 0,
        3: 1,
        4: 1,
    }


def test_a_chart_says_its_numbers_to_those_who_do_not_see_it() -> None:
    days, hours, _ = plot_all(to_pandas(CALLS))
    assert days.description == (
        "Tokens a day in September 2025, prompts lowest, on 2 days with calls. "
        "The most on 1 Sep: 450 prompt and 540 completion tokens."
    )
    assert "The most from 09:00 to 09:59: 900 prompt and 530 completion tokens." in hours.description
    assert "1 Sep: 450 prompt tokens in 3 calls" in days.render_html()


def test_a_chart_is_the_same_in_every_run_and_from_every_engine() -> None:
    one, other = plot_all(to_pandas(CALLS)), plot_all(to_relation(CALLS[::-1]))
    assert [chart.render_html() for chart in one] == [chart.render_html() for chart in other]


def test_a_month_without_calls_is_drawn_empty() -> None:
    for chart in plot_all(to_pandas([])):
        assert read_bars(chart) == {}
        assert "<svg" in chart.render_html()
