"""What is drawn of calls is what the frames hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from usage_samples import CALLS, NIGHT, Call, to_pandas, to_relation

from flexlib.analysis.ranking import rank_models
from flexlib.analysis.sizes import usage_histogram
from flexlib.analysis.usage import usage_by_day, usage_by_day_and_model, usage_by_hour, usage_by_model_and_proxy
from flexlib.dates import Month
from flexlib.money.price_book import name_models
from flexlib.page.kit.chart import Chart
from flexlib.page.usage.charts import plot_usage_by_day, plot_usage_by_hour, plot_usage_by_size
from flexlib.page.usage.money import plot_spend_by_day

SEPTEMBER = Month(2025, 9)


def plot_all(rows: Any) -> list[Chart]:  # noqa: ANN401
    charts = [
        plot_usage_by_day(usage_by_day(rows), SEPTEMBER.span),
        plot_usage_by_hour(usage_by_hour(rows)),
        plot_usage_by_size(usage_histogram(rows)),
    ]
    return [chart for chart in charts if chart is not None]


def plot_spend(rows: Any, before: Any = None) -> Chart:  # noqa: ANN401
    models = rank_models(usage_by_model_and_proxy(rows))
    by_day_before = None if before is None else usage_by_day(before)
    chart = plot_spend_by_day(usage_by_day_and_model(rows), models, SEPTEMBER.span, by_day_before)
    assert chart is not None
    return chart


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


def test_spellings_of_a_model_are_one_colour_of_the_chart() -> None:
    rows = to_pandas(make_spend((1, "grok-4", "1"), (1, "xai/grok-4", "2"), (2, "Grok-4", "4"), (2, "grok-3", "1")))
    sums = usage_by_model_and_proxy(rows)
    models = rank_models(sums, name_models=name_models)
    chart = plot_spend_by_day(usage_by_day_and_model(rows), models, SEPTEMBER.span)
    assert chart is not None
    assert [label for label, _ in chart.legend] == ["grok-4", "grok-3"]
    assert chart.description.startswith("US$ 8.00 up to 2 Sep; the most on 2 Sep, US$ 5.00.")


def test_the_month_s_days_are_all_there_and_the_day_s_hours_too() -> None:
    days, hours, _ = plot_all(to_pandas(CALLS))
    assert [int(tick) for tick in days.figure.axes[0].get_xticks()] == list(range(1, 31))
    assert hours.figure.axes[0].get_xlim() == (-0.6, 23.6)


def test_sizes_are_a_pair_of_columns_each_and_empty_ones_on_the_left_are_cut() -> None:
    _, _, chart = plot_all(to_pandas(CALLS[:2]))
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


def test_a_month_without_calls_has_no_chart() -> None:
    assert plot_all(to_pandas([])) == []
    nothing = to_pandas([CALLS[1]])  # a call without an amount is no dollar
    assert plot_spend_by_day(usage_by_day_and_model(nothing), [], SEPTEMBER.span) is None


def make_spend(*amounts: tuple[int, str, str]) -> list[Call]:
    """Day of September, model, USD."""
    return [(NIGHT.replace(day=day), "xai", model, 1, 1, Decimal(usd), None) for day, model, usd in amounts]


def read_stack(chart: Chart) -> dict[int, list[tuple[float, float]]]:
    """Foot and height of each piece by its day."""
    pieces: dict[int, list[tuple[float, float]]] = {}
    for bar in chart.figure.axes[1].patches:
        if isinstance(bar, Rectangle) and bar.get_height():
            day = round(bar.get_x() + bar.get_width() / 2)
            pieces.setdefault(day, []).append((bar.get_y(), bar.get_height()))
    return pieces


def test_dollars_are_stacked_by_model_the_largest_lowest_under_their_running_total() -> None:
    chart = plot_spend(to_pandas(make_spend((1, "a", "1"), (1, "b", "5"), (3, "a", "2"))))
    assert read_stack(chart) == {1: [(0, 5), (5, 1)], 3: [(0, 2)]}
    (line,) = list(chart.figure.axes[0].lines)
    assert np.asarray(line.get_ydata()).tolist() == [6, 6, 8]  # the second day has none, and the total stays
    assert [text for text, _ in chart.legend] == ["b", "a"]
    assert chart.description == (
        "US$ 8.00 up to 3 Sep; the most on 1 Sep, US$ 6.00. Stacked by b, a, the largest lowest. The line above is the "
        "running total."
    )
    assert "1 Sep, b: US$ 5.00" in chart.render_html()


def test_the_month_before_is_a_dashed_line_over_all_of_its_days() -> None:
    calls = make_spend((1, "a", "1"))
    before = [(call[0].replace(month=8, day=31), *call[1:]) for call in make_spend((1, "a", "4"))]
    dashed, _ = plot_spend(to_pandas(calls), to_pandas(before)).figure.axes[0].lines
    assert np.asarray(dashed.get_ydata()).tolist() == [0] * 30  # the 31st has no place in September
    assert dashed.get_linestyle() == "--"


def test_models_past_six_are_one_grey_piece() -> None:
    chart = plot_spend(to_pandas(make_spend(*((1, f"m{number}", str(20 - number)) for number in range(9)))))
    assert [text for text, _ in chart.legend] == ["m0", "m1", "m2", "m3", "m4", "m5", "Other"]
    assert chart.legend[-1] == ("Other", "other")
    assert read_stack(chart)[1][-1] == (105, 39)  # 14 + 13 + 12 on 20 + 19 + 18 + 17 + 16 + 15


def test_the_spend_is_drawn_alike_in_every_run_and_from_every_engine() -> None:
    assert plot_spend(to_pandas(CALLS)).render_html() == plot_spend(to_relation(CALLS[::-1])).render_html()
