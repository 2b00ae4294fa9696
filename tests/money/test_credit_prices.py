"""A flex credit has one price on a day: the company's own where its file has one, else the list's, else none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flexlib.errors import BadFile
from flexlib.money.credit_prices import (
    LIST,
    CreditCost,
    CreditPrice,
    CreditPrices,
    explain_listed,
    find_listed,
    price_credits,
    price_days,
    read_credit_prices,
)
from flexlib.money.fx import Rate, Rates
from flexlib.store.credit_prices import load_credit_prices

HEAD = "from,until,usd_per_credit,source\n"
LISTED = read_credit_prices(LIST, HEAD + "2025-01-01,,0.04,list\n")
OWN = read_credit_prices("own.csv", HEAD + "2025-09-10,2025-09-20,0.03,our contract\n")
BOTH: CreditPrices = (*OWN, *LISTED)

BEFORE, FIRST, LAST, AFTER = (date(2025, 9, day) for day in (9, 10, 19, 20))
UNKNOWN = date(2024, 12, 31)


@pytest.mark.parametrize(
    ("day", "hundredths", "usd"),
    [
        (BEFORE, 100, "0.04"),
        (FIRST, 100, "0.03"),
        (LAST, 1, "0.0003"),
        (AFTER, 123_456, "49.3824"),
        (FIRST, 0, "0"),
        (UNKNOWN, 0, "0"),
        (UNKNOWN, 1, None),
    ],
)
def test_credits_cost_the_price_of_their_day_and_nothing_is_said_where_none_is_known(
    day: date, hundredths: int, usd: str | None
) -> None:
    assert price_credits(BOTH, day, hundredths) == (None if usd is None else Decimal(usd))


@pytest.mark.parametrize(
    ("days", "usd", "prices", "whose"),
    [
        ([(BEFORE, 100)], "0.04", ["0.04"], "list price"),
        ([(BEFORE, 0), (FIRST, 100), (LAST, 200)], "0.09", ["0.03"], "your price"),
        ([(BEFORE, 100), (FIRST, 100), (AFTER, 100)], "0.11", ["0.04", "0.03"], "your price and list price"),
        ([(UNKNOWN, 0), (FIRST, 100)], "0.03", ["0.03"], "your price"),
        ([(FIRST, 0), (LAST, 0)], "0", ["0.03"], "your price"),
        ([(UNKNOWN, 1), (FIRST, 100)], None, ["0.03"], "your price"),
        ([(UNKNOWN, 1)], None, [], "list price"),
        ([], "0", [], "list price"),
    ],
)
def test_days_cost_the_sum_of_each_at_its_own_price_and_it_is_said_whose(
    days: list[tuple[date, int]], usd: str | None, prices: list[str], whose: str
) -> None:
    cost = price_days(BOTH, days)
    assert cost.usd == (None if usd is None else Decimal(usd))
    assert [str(one.usd) for one in cost.prices] == prices
    assert cost.whose == whose


def test_pesos_are_each_day_s_at_its_rate_and_unknown_where_one_that_cost_something_has_none() -> None:
    """100 hundredths at US$ 0.04 on two days, at 950 and 960 pesos: 38 and 38.4; a third day has no rate."""
    days = [FIRST, FIRST + timedelta(days=1)]
    rates = Rates(tuple(Rate(day, Decimal(value), "by hand") for day, value in zip(days, ("950", "960"), strict=True)))
    listed = (CreditPrice(date.min, date.max, Decimal("0.04"), "list"),)
    spent = [(day, 100) for day in days]
    assert price_days(listed, spent, rates).clp == Decimal("76.4")
    late = FIRST + timedelta(days=40)
    assert price_days(listed, [*spent, (late, 100)], rates).clp is None
    assert price_days(listed, [*spent, (late, 0)], rates).clp == Decimal("76.4")
    assert price_days(listed, spent).clp is None
    assert price_days(listed, [(late, 0)], rates).clp is None  # nothing was spent, so no rate was asked for


@pytest.mark.parametrize(("days", "listed"), [((0, 1, 2), (1, 2)), ((0,), ()), ((1, 2), ())])
def test_days_that_the_contract_leaves_to_the_list_are_known(days: tuple[int, ...], listed: tuple[int, ...]) -> None:
    """Not where all are, nor where nothing was spent."""
    own = CreditPrice(date.min, FIRST + timedelta(1), Decimal("0.02"), "ours", is_own=True)
    prices = (own, CreditPrice(date.min, date.max, Decimal("0.04"), "list"))
    spent = [(FIRST + timedelta(day), 100) for day in days]
    cost = price_days(prices, [*spent, (FIRST + timedelta(9), 0)])
    assert cost.listed == tuple(FIRST + timedelta(day) for day in listed)


def test_without_any_price_nothing_has_a_cost() -> None:
    assert price_days((), [(FIRST, 100)]) == CreditCost(None, ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "own.csv does not start with from,until,usd_per_credit,source; make this its first line"),
        (HEAD + ",,-1,x\n", "line 2 cannot be read: ',,-1,x'"),
        (HEAD + ',,"0,03",x\n', "'0,03' is no number; write it as 0.04"),
        (HEAD + ",,NaN,x\n", "a price is 0 or more"),
        (HEAD + ",,Infinity,x\n", "a price is 0 or more"),
        (HEAD + ",,0.040000001,x\n", "at most 8 decimals"),
        (HEAD + "2025-01-02,2025-01-02,1,x\n", "holds for a day at least"),
        (HEAD + ",2025-01-01,1,x\n2025-01-02,,2,x\n", "no price for 2025-01-01: .* write 2025-01-02 there"),
        (HEAD + ",2025-01-02,1,x\n2025-01-01,,2,x\n", "two prices for 2025-01-01: 1 and 2; end the first before."),
    ],
)
def test_table_that_cannot_be_read_is_refused_and_the_line_named(text: str, why: str) -> None:
    with pytest.raises(BadFile, match=why):
        read_credit_prices("own.csv", text)


def test_prices_that_follow_each_other_and_one_of_nothing_are_taken() -> None:
    rows = "2025-01-02,,0,given away\n,2025-01-02,0.04000001,list\n"
    prices = read_credit_prices(LIST, HEAD + rows)
    assert [(one.usd, one.is_own) for one in prices] == [(Decimal("0.04000001"), False), (Decimal(0), False)]
    assert read_credit_prices("own.csv", HEAD + rows)[0].is_own
    assert not CreditPrice(FIRST, LAST, Decimal(1), "nobody says whose").is_own


def test_between_two_contracts_the_list_may_hold() -> None:
    first, second = read_credit_prices("own.csv", HEAD + ",2025-01-01,1,x\n2025-01-03,,2,x\n")
    assert (first.end, second.first) == (date(2025, 1, 1), date(2025, 1, 3))


def test_a_file_of_own_prices_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    own = tmp_path / "prices" / "windsurf_credits.csv"
    own.mkdir(parents=True)
    with pytest.raises(BadFile, match=f"{own} cannot be read .*; save it as a CSV in UTF-8, or move it away"):
        load_credit_prices(tmp_path)
    own.rmdir()
    own.write_bytes("from,until,usd_per_credit,source\n2025-01-01,,0.03,año".encode("latin-1"))
    with pytest.raises(BadFile, match="it is not in UTF-8; save it so"):
        load_credit_prices(tmp_path)


def test_days_that_a_contract_leaves_to_the_list_are_told_and_none_where_all_are() -> None:
    own = read_credit_prices("own.csv", HEAD + "2025-09-01,2025-09-03,0.03,x\n")
    days = [date(2025, 9, day) for day in (4, 1, 3, 3)]
    found = find_listed((*own, *LISTED), days)
    assert found == [date(2025, 9, 3), date(2025, 9, 4)]
    assert find_listed((*own, *LISTED), days[2:]) == []  # the contract is over
    until = "Its until is the first day on which a price holds no more."
    assert explain_listed(found) == [
        "The credits of 2 days, the first 2025-09-03, are at the list price: prices/windsurf_credits.csv has none for "
        f"them. {until}"
    ]
    assert explain_listed(found[1:]) == [
        f"The credits of 2025-09-04 are at the list price: prices/windsurf_credits.csv has none for it. {until}"
    ]
    assert explain_listed([]) == []
