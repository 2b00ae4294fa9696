"""The observed dollar on a day of Santiago's, and amounts in pesos: alone and in tables."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, localcontext

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.errors import BadParameter, BadRecord
from flexlib.money.fx import (
    AT_ANY_RATE,
    CARRY_DAYS,
    Rate,
    Rates,
    check_value,
    convert_rows,
    convert_to_clp,
    convert_to_usd,
    find_rate,
    find_santiago_day,
    sort_rates,
)
from flexlib.schema import USAGE

FRIDAY, MONDAY = date(2025, 9, 12), date(2025, 9, 15)


def build_rate(day: date, value: str = "950.25", source: str = "mindicador.cl") -> Rate:
    return Rate(day, Decimal(value), source)


WEEK = sort_rates([build_rate(FRIDAY, "954.85"), build_rate(MONDAY, "950.10")])


@pytest.mark.parametrize(
    ("day", "observed"),
    [
        (date(2025, 9, 11), None),  # before the first
        (FRIDAY, FRIDAY),
        (date(2025, 9, 13), FRIDAY),  # Saturday
        (date(2025, 9, 14), FRIDAY),  # Sunday
        (MONDAY, MONDAY),
        (date(2025, 9, 16), None),  # a business day whose value may still come
    ],
)
def test_weekend_carries_fridays_value_and_the_last_value_is_not_carried(day: date, observed: date | None) -> None:
    rate = find_rate(WEEK, day)
    assert (rate and rate.day) == observed


def test_value_is_carried_for_five_days_and_no_more() -> None:
    rates = sort_rates([build_rate(date(2025, 9, 1)), build_rate(date(2025, 9, 30))])
    found = [find_rate(rates, date(2025, 9, day)) for day in range(1, 31)]
    assert [rate is not None for rate in found] == [True] * 6 + [False] * 23 + [True]


def test_year_starts_with_the_last_value_of_the_year_before() -> None:
    rates = sort_rates([build_rate(date(2024, 12, 30), "992.12"), build_rate(date(2025, 1, 2), "996.46")])
    new_year = find_rate(rates, date(2025, 1, 1))
    assert new_year == build_rate(date(2024, 12, 30), "992.12")


def test_no_rates_give_no_rate() -> None:
    assert find_rate(Rates(), FRIDAY) is None


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2025, 9, 13, 2, 59), FRIDAY),  # UTC-3 in the southern summer, from 7 September 2025
        (datetime(2025, 9, 13, 3, 0), date(2025, 9, 13)),
        (datetime(2025, 7, 13, 3, 59), date(2025, 7, 12)),  # UTC-4 in winter
        (datetime(2025, 7, 13, 4, 0), date(2025, 7, 13)),
        (datetime(2025, 9, 13, 2, 59, tzinfo=timezone.utc), FRIDAY),
        (datetime(2025, 9, 13, 11, 59, tzinfo=timezone(timedelta(hours=9))), FRIDAY),
        (FRIDAY, FRIDAY),
    ],
)
def test_day_is_santiagos(moment: datetime | date, day: date) -> None:
    assert find_santiago_day(moment) == day


def test_rate_of_a_moment_is_that_of_its_santiago_day() -> None:
    late = find_rate(WEEK, datetime(2025, 9, 15, 2, 59, 59))  # Sunday in Santiago
    monday = find_rate(WEEK, datetime(2025, 9, 15, 3))
    assert late == build_rate(FRIDAY, "954.85")
    assert monday == build_rate(MONDAY, "950.10")


DAYS = st.dates(date(2025, 8, 1), date(2025, 10, 31))
TABLES = st.sets(DAYS, max_size=30).map(lambda days: sort_rates(build_rate(day, f"9{day:%m%d}") for day in days))


@given(TABLES, DAYS)
def test_carry_rule_holds_for_any_table(rates: Rates, day: date) -> None:
    rate = find_rate(rates, day)
    before = [one for one in rates if one.day <= day]
    if day in rates.days:
        assert rate is not None
        assert rate.day == day
    elif before and (day - before[-1].day).days <= CARRY_DAYS and rates.days[-1] > day:
        assert rate == before[-1]
    else:
        assert rate is None


@given(TABLES, DAYS, DAYS)
def test_later_observation_never_changes_a_day_that_had_a_rate(rates: Rates, day: date, later: date) -> None:
    first = find_rate(rates, day)
    more = sort_rates([*rates, *([build_rate(later)] if rates and later > rates.days[-1] else [])])
    assert find_rate(more, day) == first if first else True


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity", "1000000", "950.123456789"])
def test_value_that_no_dollar_has_is_refused(value: str) -> None:
    with pytest.raises(BadRecord, match="rate refused"):
        build_rate(FRIDAY, value)


def test_day_with_two_observations_is_refused() -> None:
    with pytest.raises(BadRecord, match="each day must stand once"):
        sort_rates([build_rate(FRIDAY), build_rate(FRIDAY, "951", "frankfurter:bcch")])


@pytest.mark.parametrize(
    ("usd", "value", "clp"),
    [
        ("0.0350000000", "954.85", "33.4198"),  # 33.41975: 7 is odd, half goes up to 8
        ("0.0450000000", "954.85", "42.9682"),  # 42.96825: 2 is even, half stays
        ("0.0000000001", "954.85", "0.0000"),
        ("1", "954.85", "954.8500"),
        ("-0.0350000000", "954.85", "-33.4198"),
    ],
)
def test_pesos_are_exact_and_rounded_once_to_four_decimals_half_to_even(usd: str, value: str, clp: str) -> None:
    rate = build_rate(FRIDAY, value)
    with localcontext(prec=3):
        assert convert_to_clp(Decimal(usd), rate) == Decimal(clp)
    rows = pa.table({"created_at": [datetime(2025, 9, 12, 12)], "amount_in_usd": pa.array([Decimal(usd)], USD)})
    assert convert_rows(rows, sort_rates([rate]))["amount_in_clp"].to_pylist() == [Decimal(clp)]


USD = USAGE.field("amount_in_usd").type
CONVERTED = pa.schema(
    [
        USAGE.field("amount_in_clp"),
        ("fx_rate", pa.decimal128(14, 8)),
        ("fx_date", pa.date32()),
        ("fx_source", pa.string()),
    ]
)
AMOUNTS = st.none() | st.just(Decimal(0)) | st.decimals(0, 10**6, places=10)
MOMENTS = st.datetimes(datetime(2025, 8, 1), datetime(2025, 10, 31))


@given(TABLES, st.lists(st.tuples(MOMENTS, AMOUNTS), max_size=30))
def test_table_is_converted_as_its_rows_are_alone(rates: Rates, calls: list[tuple[datetime, Decimal | None]]) -> None:
    moments, amounts = [moment for moment, _ in calls], [amount for _, amount in calls]
    rows = pa.table({"created_at": pa.array(moments, pa.timestamp("us")), "amount_in_usd": pa.array(amounts, USD)})
    converted = convert_rows(rows, rates)
    assert converted.schema == CONVERTED
    expected: list[tuple[object, ...]] = []
    for moment, amount in calls:
        rate = find_rate(rates, moment)
        if rate is None and amount == 0:
            expected.append((Decimal(0), None, None, AT_ANY_RATE))
        else:
            pesos = convert_to_clp(amount, rate) if rate and amount is not None else None
            expected.append((pesos, rate and rate.value, rate and rate.day, rate and rate.source))
    assert [tuple(row.values()) for row in converted.to_pylist()] == expected


def test_day_without_a_rate_has_no_pesos_and_never_one_for_one() -> None:
    rows = pa.table({"created_at": [datetime(2025, 9, 16, 12)], "amount_in_usd": pa.array([Decimal(5)], USD)})
    assert convert_rows(rows, WEEK).to_pylist() == [dict.fromkeys(CONVERTED.names)]


def test_free_call_is_zero_pesos_and_an_unpriced_one_has_none_but_both_show_the_rate() -> None:
    noon = datetime(2025, 9, 12, 12)
    rows = pa.table({"created_at": [noon, noon], "amount_in_usd": pa.array([Decimal(0), None], USD)})
    converted = convert_rows(rows, WEEK)
    assert converted["amount_in_clp"].to_pylist() == [Decimal(0), None]
    assert converted["fx_rate"].to_pylist() == [Decimal("954.85")] * 2


def test_an_amount_is_rounded_once_however_many_digits_its_product_has() -> None:
    # 900004268616677.865850000000000001: 33 digits, just above the half; cut to 28 it would be the half, and go down.
    rate = build_rate(FRIDAY, "999999.12345679")
    assert convert_to_clp(Decimal("900005057.5099999919"), rate) == Decimal("900004268616677.8659")


@pytest.mark.parametrize("value", ["0.5", "0.00000001", "999999.99999999"])
def test_a_rate_is_anything_above_zero_and_below_a_million(value: str) -> None:
    assert build_rate(FRIDAY, value).value == Decimal(value)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="a machine's time zone cannot be changed here")
def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    try:
        assert find_santiago_day(datetime(2025, 9, 13, 2, 59)) == FRIDAY
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("amount", "currency", "dollars"),
    [
        ("4", "USD", "4"),
        ("4", "EUR", "5"),  # at 1.25
        ("0", "XXX", "0"),  # nothing is nothing in every currency
        ("4", "XXX", None),
        ("954.85", "CLP", "1"),
        ("1", "CLP", "0.0010472849"),  # 1 / 954.85 = 0.00104728491...
        ("95485" + "0" * 20, "CLP", "1" + "0" * 22),
    ],
)
def test_an_amount_of_another_currency_is_dollars_at_a_kept_rate_or_unknown(
    amount: str, currency: str, dollars: str | None
) -> None:
    tables = {("EUR", "USD"): sort_rates([build_rate(FRIDAY, "1.25")]), ("USD", "CLP"): WEEK}
    found = convert_to_usd(Decimal(amount), currency, FRIDAY, tables)
    assert found == (None if dollars is None else Decimal(dollars))


@pytest.mark.parametrize(
    ("value", "pair", "worth"),
    [
        ("100", ("USD", "CLP"), None),
        ("10000", ("USD", "CLP"), None),
        ("99.99", ("USD", "CLP"), "99.9900"),
        ("10000.01", ("USD", "CLP"), "10,000.0100"),
        ("0.00106", ("CLP", "USD"), None),  # 943.4 pesos for a dollar
        ("0.01", ("CLP", "USD"), None),
        ("0.0001", ("CLP", "USD"), None),
        ("950.25", ("CLP", "USD"), "0.0011"),  # the rate of the other pair
        ("1.1741", ("EUR", "USD"), None),  # only what a dollar is worth in pesos is known
    ],
)
def test_a_dollar_that_would_be_worth_so_few_or_many_pesos_as_it_never_is_is_asked_about(
    value: str, pair: tuple[str, str], worth: str | None
) -> None:
    rate = build_rate(FRIDAY, value)
    if worth is None:
        check_value(rate, pair)
        return
    with pytest.raises(BadParameter) as said:
        check_value(rate, pair)
    assert str(said.value).startswith(
        f"2025-09-12 {value} would make a dollar worth {worth} pesos, which is not 100 to 10,000; write thousands"
    )
