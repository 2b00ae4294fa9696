"""Prices that a list leaves open: by the hour of days it does not name, and of requests that have several."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest
from price_samples import build_house, build_model, price_between, price_from, price_tokens, read_reason

from flexlib.money.open_prices import DAYS, LISTED, HourRule, read_data_table, select_prices
from flexlib.money.prices import Price


@pytest.mark.parametrize(
    ("model", "context", "usd"),
    [
        ("sonar", "low", "0.00515"),  # 5 / 1000 + 100 * 1 / 1e6 + 50 * 1 / 1e6
        ("sonar", "medium", "0.00815"),
        ("sonar", "High", "0.01215"),
        ("sonar", None, None),  # the list names the highest of the three
        ("sonar", "batch", None),
        ("sonar-reasoning", "low", "0.00535"),  # 5 / 1000 + 100 * 1 / 1e6 + 50 * 5 / 1e6
        ("sonar-reasoning-pro", "high", "0.0146"),  # 14 / 1000 + 100 * 2 / 1e6 + 50 * 8 / 1e6
        # 6 for 1,000 requests, or 14 where the search was the one called Pro: the context does not tell which it was.
        ("sonar-pro", "low", None),
        ("sonar-pro", None, None),
    ],
)
def test_request_at_one_of_several_prices_costs_what_the_caller_chose_and_is_else_unpriced(
    model: str, context: str | None, usd: str | None
) -> None:
    answer = price_tokens("perplexity", model, tier=context, prompt_tokens=100, completion_tokens=50)
    if usd is None:
        assert "the highest of several prices of a request" in read_reason(answer)
    else:
        assert isinstance(answer, Price)
        assert answer.amount_usd == Decimal(usd)


@pytest.mark.parametrize(
    ("model", "moment", "usd"),
    [
        # V4 Flash: 0.14 in, 0.28 out; from 17 August 0.22 and 0.66, the double at 1 to 4 and 6 to 10 UTC, but not on
        # weekends from the 23rd on; from 10 September 0.15 and 0.60, or the double.
        ("deepseek-v4-flash", datetime(2026, 8, 10, 2), "0.42"),  # before there were hours
        (
            "deepseek-v4-flash",
            datetime(2026, 8, 25, 2),
            None,
        ),  # 1.76, a Tuesday: the list has the 1.50 of later
        ("deepseek-v4-flash", datetime(2026, 8, 25, 5), "0.88"),  # between the two windows
        ("deepseek-v4-flash", datetime(2026, 8, 29, 2), "0.88"),  # a Saturday
        ("deepseek-v4-flash", datetime(2026, 9, 11, 2), "1.5"),  # a Friday
        ("deepseek-v4-flash", datetime(2026, 9, 12, 2), "0.75"),
        ("deepseek-v4-flash", datetime(2026, 8, 16, 17), None),  # 0.88: they began on the 16th at 16:00 UTC
        ("deepseek-v4-flash", datetime(2026, 9, 10, 2), None),  # 1.76: those of September began at 4:00
        # Holidays in China are off-peak: the Friday of the middle of autumn, the 1st to the 3rd of October; the days
        # that are off beside them may be; the holidays of 2027 nobody had read yet.
        ("deepseek-v4-flash", datetime(2026, 9, 25, 2), "0.75"),
        ("deepseek-flash", datetime(2026, 10, 1, 2), "0.75"),
        ("deepseek-v4-flash", datetime(2026, 10, 6, 2), None),
        ("deepseek-v4-flash", datetime(2026, 10, 6, 5), "0.75"),
        ("deepseek-v4-flash", datetime(2026, 10, 8, 2), "1.5"),
        ("deepseek-flash", datetime(2027, 1, 4, 2), None),  # a Monday
        ("deepseek-flash", datetime(2027, 1, 4, 5), "0.75"),
        ("deepseek-flash", datetime(2027, 1, 2, 2), "0.75"),  # a Saturday
        ("deepseek-v4-pro", datetime(2026, 8, 15, 2), "1.305"),  # 0.435 + 0.87
        ("deepseek-v4-pro", datetime(2026, 9, 15, 2), "5.28"),  # that it costs as Flash from the 14th on was recalled
        ("deepseek-v4-pro", datetime(2026, 8, 22, 2), "5.28"),  # 1.32 + 3.96; weekends began a day later
        ("deepseek-v4-pro", datetime(2026, 8, 23, 2), "2.64"),  # 0.66 + 1.98
        ("deepseek-chat", datetime(2025, 9, 4, 17), "0.685"),  # the last night of the discount: 0.135 + 0.55
        ("deepseek-chat", datetime(2025, 9, 6, 17), None),  # the list knows no later price
    ],
)
def test_price_by_the_hour_holds_on_the_days_that_are_known_and_is_else_open(
    model: str, moment: datetime, usd: str | None
) -> None:
    answer = price_tokens("deepseek", model, moment, prompt_tokens=10**6, completion_tokens=10**6)
    if usd is None:
        assert "a price by the hour" in read_reason(answer)
    else:
        assert isinstance(answer, Price)
        assert answer.amount_usd == Decimal(usd)


def test_every_row_of_what_lists_leave_open_names_the_text_that_says_so() -> None:
    rows = [*read_data_table("price_hours.csv"), *read_data_table("request_prices.csv")]
    assert all(one.startswith("https://") for row in rows for one in row["source"].split())
    assert all(row["source"] and date.fromisoformat(row["seen"]) for row in rows)


def test_hours_that_no_table_dates_are_open_beside_dated_prices_and_hold_alone() -> None:
    day, night = price_from(None, input_mtok="4"), price_between(time(0), time(6), input_mtok="1")
    later = price_from(date(2025, 1, 1), input_mtok="4")
    book = build_house(build_model("alone", [day, night]), build_model("beside", [day, later, night]))
    answers = [
        price_tokens("openai", name, datetime(2025, 9, 10, hour), completion_tokens=0, book=book)
        for name in ("alone", "beside")
        for hour in (3, 12)
    ]
    amounts = [one.amount_usd if isinstance(one, Price) else None for one in answers]
    assert amounts == [Decimal("0.001"), Decimal("0.004"), None, Decimal("0.004")]


@pytest.mark.parametrize(
    ("days", "covered"),
    [
        ("all", [True, True, True, True]),
        ("mon-fri", [True, True, False, False]),
        ("sat-sun", [False, False, True, True]),
    ],
)
def test_days_of_the_week_are_those_that_the_table_s_words_say(days: str, covered: list[bool]) -> None:
    rule = HourRule(date(2026, 8, 1), date(2026, 9, 1), DAYS[days], LISTED)
    found = [rule.covers(date(2026, 8, day)) for day in (3, 7, 8, 9)]  # Monday, Friday, Saturday, Sunday
    assert found == covered
    assert [rule.covers(day) for day in (date(2026, 7, 31), date(2026, 9, 1))] == [False, False]


def test_before_the_first_day_of_a_list_its_first_prices_hold_as_long_as_ever() -> None:
    dated = [price_from(date(2025, 3, 1), input_mtok="2"), price_from(date(2025, 6, 1), input_mtok="3")]
    model = build_model("m", dated)
    assert select_prices("openai", model, datetime(2025, 2, 28)) == (dated[0].prices, None)
    assert select_prices("openai", model, datetime(2025, 3, 1)) == (dated[0].prices, date(2025, 3, 1))
