"""Numbers, days and spans as text: the edges, exactly half of the last place above all."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import pytest

from flexlib.dates import Month, Span
from flexlib.formats import (
    capitalize_first,
    clean_text,
    count_calls_at_least,
    count_people,
    format_amount,
    format_change,
    format_count,
    format_credits,
    format_day,
    format_duration,
    format_exact,
    format_few,
    format_megabytes,
    format_moment,
    format_money,
    format_month,
    format_plain,
    format_share,
    format_share_percent,
    format_short_day,
    format_short_number,
    format_signed,
    format_span,
    format_usd,
    format_weekday,
    format_whole_credits,
    is_utf8,
    round_half_up,
)
from flexlib.i18n import use_language
from flexlib.tables.definition import FORMATS, Kind, format_value


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.005", "0.01"),
        ("0.0049999999", "< 0.01"),  # what rounds to nothing is not nothing
        ("-0.0049999999", "> -0.01"),
        ("0", "0.00"),
        ("-0", "0.00"),  # nothing has no sign
        ("0.015", "0.02"),
        ("0.025", "0.03"),  # rounded to the even cent it would be 0.02
        ("-0.005", "-0.01"),  # away from zero, as every half
        ("1234.565", "1,234.57"),
        ("4709.384", "4,709.38"),
        ("999999.995", "1,000,000.00"),
    ],
)
def test_exactly_half_a_cent_goes_up(amount: str, text: str) -> None:
    assert format_amount(Decimal(amount)) == text


def test_half_of_any_other_last_place_goes_up_too() -> None:
    assert [format_amount(Decimal(text), "1") for text in ("0.5", "2.5", "1234.49")] == ["1", "3", "1,234"]
    assert format_amount(Decimal("0.00025"), "0.0001") == "0.0003"
    assert [format_whole_credits(number) for number in (49, 50, 249, 250, 123456)] == ["0", "1", "2", "3", "1,235"]
    assert [round_half_up(Fraction(twice, 2)) for twice in range(6)] == [0, 1, 1, 2, 2, 3]
    assert round_half_up(Fraction(49, 100)) == 0


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.895874000", "0.895874"), ("5.000", "5"), ("1E+3", "1000"), ("0E-10", "0"), ("-0.50", "-0.5")],
)
def test_a_plain_amount_has_every_digit_and_no_zero_behind_the_last(amount: str, text: str) -> None:
    assert format_plain(Decimal(amount)) == text


def test_what_would_steer_a_terminal_stands_as_a_mark_and_a_hard_space_stays() -> None:
    assert clean_text("ñandú 5\u00a0% \x1b[31m\n\u202e") == "ñandú 5\u00a0% �[31m��"
    assert clean_text("as it is") == "as it is"


def test_one_thing_is_not_things() -> None:
    counts = [format_count(number, "call") for number in (0, 1, 2, 1234)]
    assert counts == ["0 calls", "1 call", "2 calls", "1,234 calls"]


@pytest.mark.parametrize(
    ("hundredths", "text"),
    [(0, "0.00"), (7, "0.07"), (-7, "-0.07"), (100, "1.00"), (-123456, "-1,234.56"), (7523450, "75,234.50")],
)
def test_credits_have_two_decimals_and_their_sign_in_front(hundredths: int, text: str) -> None:
    assert format_credits(hundredths) == text
    assert format_credits(hundredths, "") == text.replace(",", "")


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    assert [format_value(None, kind) for kind in FORMATS] == ["–"] * len(FORMATS)
    zeros = [format_value(0, kind) for kind in (Kind.CREDITS, Kind.COUNT, Kind.SHARE, Kind.CHANGE)]
    assert zeros == ["0.00", "0", "0.0\u00a0%", "±0.0\u00a0%"]
    assert [format_value(Decimal(0), kind) for kind in (Kind.USD, Kind.CLP)] == ["0.00", "0"]


def test_shares_and_changes_are_tenths_of_a_percent() -> None:
    assert [format_share(permille) for permille in (0, 6, 600, 1000, -3)] == ["0.0", "0.6", "60.0", "100.0", "-0.3"]
    assert format_share_percent(384) == "38.4\u00a0%"
    assert [format_change(permille) for permille in (1, 96, -96, -12345)] == [
        "+0.1\u00a0%",
        "+9.6\u00a0%",
        "−9.6\u00a0%",
        "−1,234.5\u00a0%",
    ]
    assert format_value(12543, Kind.COUNT) == "12,543"


def test_days_months_and_moments_are_written_in_english() -> None:
    first, last = date(2025, 9, 1), date(2025, 12, 31)
    assert [format_day(first), format_month(last), format_short_day(first)] == [
        "September 01, 2025",
        "December 2025",
        "1 Sep",
    ]
    assert format_span(Month(2025, 9).span) == "September 2025"
    assert format_span(Span(first, date(2025, 9, 29))) == "2025-09-01 to 2025-09-29"
    assert format_span(Span(first, last)) == "2025-09-01 to 2025-12-31"
    week = [format_weekday(date(2025, 9, day)) for day in range(1, 8)]
    assert week == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    santiago = timezone(timedelta(hours=-3))
    assert format_moment(datetime(2025, 10, 2, 23, 5, tzinfo=santiago)) == "3 Oct 2025, 02:05 UTC"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (1500, "1.5k"),
        (999_999, "999.999k"),
        (10**6, "1M"),
        (2 * 10**7, "20M"),
        (10**9, "1G"),
        (10**12, "1T"),
        (3 * 10**12, "3T"),
        (0.25, "0.25"),
    ],
)
def test_a_number_of_an_axis_is_short(number: float, text: str) -> None:
    assert format_short_number(number) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("4709.385", "+4,709.39"),
        ("-17", "−17.00"),
        ("0.005", "+0.01"),
        ("-0.005", "−0.01"),
        ("0.0049", "0.00"),  # what rounds to nothing is neither more nor less
        ("-0.0049", "0.00"),
        ("0", "0.00"),
        ("-1000", "−1,000.00"),
    ],
)
def test_a_difference_has_its_sign_unless_it_rounds_to_nothing(amount: str, text: str) -> None:
    assert format_signed(Decimal(amount)) == text


def test_a_difference_may_have_other_decimals() -> None:
    assert [format_signed(Decimal(text), "1") for text in ("0.4", "-1234.5")] == ["0", "−1,235"]


def test_money_has_the_decimals_of_its_currency() -> None:
    texts = {code: format_money(Decimal("3018.071"), code) for code in ("CLP", "JPY", "KRW", "USD", "EUR")}
    assert texts == {"CLP": "3,018", "JPY": "3,018", "KRW": "3,018", "USD": "3,018.07", "EUR": "3,018.07"}
    assert [format_money(Decimal("-0.4"), code) for code in ("CLP", "USD")] == ["> -1", "-0.40"]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1.0 s"),
        (1240, "1.2 s"),
        (59_499, "59.5 s"),
        (59_500, "1 min 0 s"),
        (60_000, "1 min 0 s"),
        (200_000, "3 min 20 s"),
        (3_600_000, "60 min 0 s"),
    ],
)
def test_a_duration_is_in_the_unit_that_fits_it(milliseconds: int | None, text: str) -> None:
    assert format_duration(milliseconds).replace("\u00a0", " ") == text


def test_a_name_that_holds_half_a_letter_cannot_be_written() -> None:
    assert [is_utf8(text) for text in ("ñandú", "a\udc80", "", "a?")] == [True, False, True, True]


def test_what_is_expected_to_be_few_is_no_zero() -> None:
    texts = [format_few(one) for one in (0.31, 2.0, 0.05, 0.0499, 0.0)]
    assert texts == ["0.3", "2.0", "0.1", "under 0.1", "under 0.1"]


def test_a_sentence_begins_with_a_capital_and_keeps_its_other_letters() -> None:
    assert [capitalize_first(text) for text in ("ésta de USD", "a", "", "Abc")] == ["Ésta de USD", "A", "", "Abc"]


def test_calls_are_at_least_so_many_where_that_is_said() -> None:
    assert count_calls_at_least(1, is_least=False) == "1 call"
    assert count_calls_at_least(1234, is_least=True) == "at least 1,234 calls"


def test_people_are_counted_as_people() -> None:
    assert [count_people(number) for number in (1, 2, 6000)] == ["1 person", "2 people", "6,000 people"]


def test_dollars_have_their_sign_and_an_exact_amount_all_its_digits() -> None:
    assert [format_usd(Decimal("4709.384")), format_usd(Decimal("0.0004"), "0.001")] == ["US$ 4,709.38", "US$ < 0.001"]
    assert [format_exact(Decimal(text)) for text in ("1356158.90440", "5", "0.100")] == [
        "1,356,158.9044",
        "5.00",
        "0.10",
    ]


def test_bytes_are_told_in_millions() -> None:
    assert [format_megabytes(size) for size in (1_450_000, 2_000_000_000)] == ["1.4", "2,000.0"]
    assert format_megabytes(123_450_000_000) == "123,450.0"


@pytest.mark.parametrize(
    ("number", "text"),
    [(999, "999"), (1000, "1 mil"), (1500, "1,5 mil"), (10**6, "1 M"), (10**9, "1000 M"), (10**12, "1 B")],
)
def test_a_number_of_an_axis_is_short_in_spanish_too(number: float, text: str) -> None:
    use_language("es")
    try:
        assert format_short_number(number).replace("\u00a0", " ") == text
    finally:
        use_language("en")
