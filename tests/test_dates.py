"""Months and spans: the calendar that every total hangs on."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.dates import Month, Span, check_begun, name_months
from flexlib.errors import BadMonth, InvalidRequest
from flexlib.i18n import list_weekday_names

MONTHS = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@st.composite
def spans(draw: st.DrawFn) -> Span:
    first = draw(DAYS)
    return Span(first, min(first + timedelta(days=draw(st.integers(0, 800))), date(2100, 12, 31)))


@given(MONTHS)
def test_a_month_runs_from_the_1st_to_the_day_before_the_next_one(month: Month) -> None:
    assert month.first == date(month.year, month.month, 1)
    assert (month.last - month.first).days + 1 == month.days == month.span.days
    assert (month.last + timedelta(days=1)).day == 1


@given(st.builds(Month, st.integers(2001, 2099), st.integers(1, 12)))
def test_next_and_previous_are_each_others_way_back(month: Month) -> None:
    assert month.next.previous == month == month.previous.next
    assert month.previous < month < month.next
    assert month.end == datetime(month.next.year, month.next.month, 1, tzinfo=timezone.utc)


@given(MONTHS)
def test_a_month_reads_what_it_writes(month: Month) -> None:
    assert Month.parse(str(month)) == month


@given(MONTHS, MONTHS)
def test_months_are_in_order_of_time_as_numbers_and_as_text(one: Month, other: Month) -> None:
    assert (one < other) == (one.first < other.first) == (str(one) < str(other))


def test_the_days_of_some_months() -> None:
    assert [Month(year, 2).days for year in (2000, 2024, 2025, 2100)] == [29, 29, 28, 28]
    assert str(Month(2025, 9)) == "2025-09"


def test_the_months_have_their_english_names() -> None:
    names = [Month(2025, number).title.removesuffix(" 2025") for number in range(1, 13)]
    assert " ".join(names) == (
        "January February March April May June July August September October November December"
    )  # fmt: skip


def test_the_days_of_the_week_begin_with_monday() -> None:
    assert list_weekday_names()[date(2025, 9, 1).weekday()] == "Monday"
    assert " ".join(list_weekday_names()) == "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def test_the_turns_of_a_year() -> None:
    assert (Month(2025, 12).next, Month(2026, 1).previous) == (Month(2026, 1), Month(2025, 12))
    assert (Month(2025, 1).next, Month(2025, 3).previous) == (Month(2025, 2), Month(2025, 2))
    assert Month(2025, 12).end == datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("year", "month", "sentence"),
    [
        (2025, 13, "month must be a whole number from 1 to 12, not 13."),
        (2025, 0, "month must be a whole number from 1 to 12, not 0."),
        (1999, 12, "year must be a whole number from 2000 to 2100, not 1999."),
        (2101, 1, "year must be a whole number from 2000 to 2100, not 2101."),
        (2025, "09", "month must be a whole number from 1 to 12, not '09'."),
        (2025, 9.0, "month must be a whole number from 1 to 12, not 9.0."),
        (2025, True, "month must be a whole number from 1 to 12, not True."),
        (None, 9, "year must be a whole number from 2000 to 2100, not None."),
    ],
)
def test_what_is_no_month_is_refused_in_a_sentence(year: object, month: object, sentence: str) -> None:
    with pytest.raises(BadMonth) as refused:
        Month(year, month)  # type: ignore[arg-type]
    assert str(refused.value) == sentence
    assert isinstance(refused.value, InvalidRequest)


@pytest.mark.parametrize("text", ["2025-9", "2025/09", "2025-09-01", "", "september", "2025-13", " 2025-09"])
def test_a_month_is_written_in_one_way_only(text: str) -> None:
    with pytest.raises(BadMonth) as refused:
        Month.parse(text)
    if text != "2025-13":
        assert str(refused.value) == f"{text!r} is not a month; write it as 2025-09."


@given(spans())
def test_a_span_counts_each_of_its_days_once(span: Span) -> None:
    days = list(span)
    assert len(days) == len(set(days)) == span.days
    assert (days[0], days[-1]) == (span.first, span.last)
    assert all(day in span for day in days)
    assert span.first - timedelta(days=1) not in span
    assert span.last + timedelta(days=1) not in span


@given(spans())
def test_the_halves_of_a_span_are_all_of_it_and_nothing_twice(span: Span) -> None:
    assert [day for half in span.halves for day in half] == list(span)
    assert len(span.halves) == (1 if span.days == 1 else 2)
    assert span.halves[-1].days - span.halves[0].days in (0, 1)


@given(spans())
def test_the_months_of_a_span_are_those_of_its_days(span: Span) -> None:
    assert span.months == sorted({Month.containing(day) for day in span})


@given(DAYS, DAYS)
def test_dates_the_wrong_way_round_are_refused(one: date, other: date) -> None:
    if one <= other:
        assert Span(one, other).days == (other - one).days + 1
    else:
        with pytest.raises(BadMonth) as refused:
            Span(one, other)
        assert str(refused.value) == f"the span starts on {one} and ends before that, on {other}; swap the two dates."


@pytest.mark.parametrize(
    ("months", "text"),
    [
        ("", ""),
        ("2025-09", "2025-09"),
        ("2025-08 2025-09", "2025-08 to 2025-09"),
        ("2024-11 2024-12 2025-01 2025-02", "2024-11 to 2025-02"),  # over the turn of a year
        ("2025-01 2025-02 2025-03 2025-05 2025-07 2025-08", "2025-01 to 2025-03, 2025-05, 2025-07 to 2025-08"),
        ("2025-01 2026-01", "2025-01, 2026-01"),
    ],
)
def test_months_that_follow_each_other_are_named_by_the_first_and_the_last(months: str, text: str) -> None:
    assert name_months(map(Month.parse, months.split())) == text


def test_a_span_is_read_from_two_iso_dates() -> None:
    assert Span.parse("2025-01-01", "2025-12-31") == Span(date(2025, 1, 1), date(2025, 12, 31))
    assert str(Span.parse("2025-01-01", "2025-01-02")) == "2025-01-01 to 2025-01-02"


@pytest.mark.parametrize("text", ["2025-02-29", "yesterday", "01.02.2025", ""])
def test_what_is_no_date_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadMonth) as refused:
        Span.parse("2025-01-01", text)
    assert str(refused.value) == f"{text!r} is not a date; write it as 2025-09-01."


def test_what_is_no_day_is_in_no_span() -> None:
    assert "2025-09-01" not in Month(2025, 9).span
    assert None not in Month(2025, 9).span


def test_a_month_that_has_not_begun_is_refused_before_any_other() -> None:
    now = Month.containing(datetime.now(timezone.utc).date())
    check_begun(now.span)
    check_begun(Span(now.previous.first, now.last))
    for first, refused_month in ((now.first, now.next), (now.next.next.first, now.next.next)):
        with pytest.raises(BadMonth) as refused:
            check_begun(Span(first, now.next.next.last))
        assert str(refused.value) == f"{refused_month.title} has not begun yet; ask for days up to {now.title}."
