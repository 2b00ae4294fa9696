"""Charts of days over any span: each day has its own place, and ticks say which it is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from report_samples import THINKING, make_rows
from usage_samples import NIGHT, Call, to_pandas

from flexlib import analysis
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest
from flexlib.page.credits.calendar import plot_credits_by_weekday_and_week
from flexlib.page.credits.charts import plot_credits_by_day_and_model
from flexlib.page.kit.chart import HALF, WIDE, Chart
from flexlib.page.kit.days import DayAxis, name_months
from flexlib.page.usage.charts import plot_usage_by_day

SEPTEMBER, OCTOBER = Month(2025, 9), Month(2025, 10)

WIDTH, PHONE = 990, 308
"""Of the axes, in CSS pixels."""


def read_ticks(span: Span, width: int) -> str:
    return " ".join(f"{text}," for text in DayAxis(span).choose_ticks(width).values()).rstrip(",")


@pytest.mark.parametrize(
    ("first", "last", "page", "phone"),
    [
        ("2025-09-15", "2025-09-15", "15 Sep", "15 Sep"),
        ("2025-09-25", "2025-10-04", "25 Sep, 26, 27, 28, 29, 30, 1 Oct, 2, 3, 4", "25 Sep, 27, 29, 1 Oct, 3"),
        ("2025-09-28", "2025-10-31", "29 Sep, 6 Oct, 13, 20, 27", "29 Sep, 6 Oct, 13, 20, 27"),
        (
            "2025-08-01",
            "2025-09-30",
            "4 Aug, 11, 18, 25, 1 Sep, 8, 15, 22, 29",
            "4 Aug, 11, 18, 25, 1 Sep, 8, 15, 22, 29",
        ),
        ("2025-03-01", "2025-09-30", "Mar, Apr, May, Jun, Jul, Aug, Sep", "Mar, May, Jul, Sep"),
        (
            "2024-09-15",
            "2025-09-30",
            "Oct 2024, Dec, Feb 2025, Apr, Jun, Aug",
            "Oct 2024, Apr 2025",
        ),
    ],
)
def test_ticks_are_days_then_mondays_then_months_and_name_the_month(
    first: str, last: str, page: str, phone: str
) -> None:
    span = Span.parse(first, last)
    assert (read_ticks(span, WIDTH), read_ticks(span, PHONE)) == (page, phone)


def test_a_whole_month_needs_no_name_of_it() -> None:
    assert read_ticks(SEPTEMBER.span, WIDTH).startswith("1, 2, 3, 4")
    assert read_ticks(SEPTEMBER.span, PHONE) == "1, 8, 15, 22, 29"


@settings(deadline=None)
@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 800), st.sampled_from([WIDTH, PHONE]))
def test_ticks_stand_in_the_span_and_have_room(first: date, days: int, width: int) -> None:
    span = Span(first, first + timedelta(days=days))
    ticks = DayAxis(span).choose_ticks(width)
    places = [(day - first).days * width / span.days for day in ticks]
    assert ticks
    assert all(day in span for day in ticks)
    # A letter of 12.5 pixels is about 7 wide.
    texts = list(ticks.values())
    needed = [7 * (len(one) + len(other)) / 2 for one, other in zip(texts, texts[1:], strict=False)]
    assert all(there - here >= room for here, there, room in zip(places, places[1:], needed, strict=False))


def test_the_year_stands_where_it_changes() -> None:
    starts = [Month(2024, 11).first, Month(2024, 12).first, Month(2025, 1).first, Month(2025, 2).first]
    assert list(name_months(starts, 100).values()) == ["Nov 2024", "Dec", "Jan 2025", "Feb"]
    assert list(name_months(starts[2:], 100).values()) == ["Jan", "Feb"]


def plot_two_months(**changes: object) -> Chart:
    rows = [(day, "ana", THINKING, 0, 100 * day) for day in (1, 30)]
    both = pd.concat([make_rows(rows, SEPTEMBER), make_rows(rows, OCTOBER)])
    models = analysis.choose_models(analysis.credits_by_model(both))
    cells = analysis.top_models(analysis.credits_by_day_and_model(both), models)
    return plot_credits_by_day_and_model(cells, analysis.credits_by_day(both), **changes)  # type: ignore[arg-type]


def read_points(axes: Axes) -> list[list[float]]:
    """Those of the running total."""
    return cast(Any, axes.get_lines()[-1].get_xydata()).tolist()  # type: ignore[no-any-return]


def test_the_same_day_of_two_months_has_two_columns_and_the_line_goes_on() -> None:
    line, columns = plot_two_months().figure.axes
    (bars,) = columns.containers
    assert [(round(bar.get_x() + bar.get_width() / 2), bar.get_height()) for bar in bars] == [
        (1, 1.0),
        (30, 30.0),
        (31, 1.0),
        (60, 30.0),
    ]
    assert columns.get_xlim() == (0.4, 60.6)
    assert read_points(line) == [[1, 1], [30, 31], [31, 32], [60, 62]]


def test_a_chart_has_the_title_and_the_id_that_it_is_given() -> None:
    chart = plot_two_months(title="Two months", name="both", span=Span(SEPTEMBER.first, OCTOBER.last))
    assert '<figure class="flex-chart" id="both">' in chart.render_html()
    assert '<title id="both-narrow-title">Two months</title>' in chart.render_html()
    assert chart.figure.axes[1].get_xlim() == (0.4, 61.6)


def test_one_day_is_a_column_of_a_bearable_width_and_a_line_to_be_seen() -> None:
    rows = make_rows([(15, "ana", THINKING, 0, 100)])
    models = analysis.choose_models(analysis.credits_by_model(rows))
    cells = analysis.top_models(analysis.credits_by_day_and_model(rows), models)
    line, columns = plot_credits_by_day_and_model(cells, analysis.credits_by_day(rows)).figure.axes
    assert columns.containers[0][0].get_width() < 0.2
    assert len(read_points(line)) == 2


def test_days_without_a_row_and_without_a_span_are_no_chart() -> None:
    nothing = make_rows([])
    with pytest.raises(InvalidRequest, match="needs the span of its days; give one"):
        plot_credits_by_day_and_model(analysis.credits_by_day_and_model(nothing), analysis.credits_by_day(nothing))
    chart = plot_credits_by_day_and_model(
        analysis.credits_by_day_and_model(nothing), analysis.credits_by_day(nothing), span=SEPTEMBER.span
    )
    assert chart.description.startswith("0.00 flex credits. Stacked by")
    assert "<svg" in chart.render_html()


def test_tokens_stand_on_their_days_over_two_months() -> None:
    moments = NIGHT.replace(day=30), NIGHT.replace(month=10, day=30)
    calls: list[Call] = [(moment, "xai", "grok-4", 50, 500, None, None) for moment in moments]
    chart = plot_usage_by_day(analysis.usage_by_day(to_pandas(calls)), name="calls")
    assert chart is not None
    prompt, _ = chart.figure.axes[0].containers
    assert [round(bar.get_x() + bar.get_width() / 2) for bar in prompt] == [1, 31]
    assert chart.description.startswith("Tokens a day from 2025-09-30 to 2025-10-30, prompts lowest, on 2 days with")
    assert repr(chart) == "<chart calls>"


@pytest.mark.parametrize(
    ("months", "width", "ticks"),
    [(1, HALF, ["Week 40", "Week 41", "Week 42", "Week 43", "Week 44"]), (13, WIDE, ["Oct 2025", "Dec", "Feb 2026"])],
)
def test_a_calendar_of_many_weeks_is_as_wide_as_the_page_and_names_months(
    months: int, width: int, ticks: list[str]
) -> None:
    last = OCTOBER
    for _ in range(months - 1):
        last = last.next
    by_week = analysis.credits_by_weekday_and_week(make_rows([(1, "ana", THINKING, 0, 100)], OCTOBER))
    chart = plot_credits_by_weekday_and_week(by_week, span=Span(OCTOBER.first, last.last))
    labels = [label.get_text() for label in chart.figure.axes[0].get_xticklabels()]
    assert chart.width == width
    assert [label for label in labels if label in ticks] == ticks
    assert len(labels) < 15
