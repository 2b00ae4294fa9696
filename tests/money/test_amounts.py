"""Amounts are filled the same for one call and for a table; what is there stays, and unknown has a reason."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_samples import HOUSE
from test_extra_counts import build_call, calls

from flexlib.enums import SOURCE_SAYS_ZERO
from flexlib.money.amounts import FILLED, NO_RATE, drop_filled, fill_call, fill_rows, find_unknown_zeros
from flexlib.money.fx import AT_ANY_RATE, Rate, Rates
from flexlib.money.price_book import load_book
from flexlib.money.prices import MIXED, NO_TOKENS, UNKNOWN_REQUESTS
from flexlib.schema import USAGE

RATES = Rates(
    tuple(Rate(date(2025, 9, day), Decimal(950 + day) + Decimal("0.12345678"), "the bank") for day in (9, 10, 12))
)
BOOK = f"{load_book().name} (openai)"


def build_row(**facts: Any) -> dict[str, Any]:  # noqa: ANN401
    """A call of 1,000 tokens to gpt-4o, US$0.0025 by the list, on 10 September."""
    call = build_call(provider="openai", model="gpt-4o", prompt_tokens=1_000, requests=1)
    now = datetime(2025, 10, 1)
    return {**dict.fromkeys(USAGE.names), **call, "grain": "call", "total_tokens": 1_000, "updated_at": now, **facts}


def fill_table(*calls: dict[str, Any], rates: Rates = RATES) -> list[dict[str, Any]]:
    filled: list[dict[str, Any]] = fill_rows(pa.Table.from_pylist(list(calls), USAGE), rates).to_pylist()
    return filled


def keep_filled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in FILLED} for row in rows]


RATED = {"fx_rate": Decimal("960.12345678"), "fx_date": date(2025, 9, 10), "fx_source": "the bank"}
PRICED = {"price_source": BOOK, "price_date": None}


@pytest.mark.parametrize(
    ("facts", "filled"),
    [
        ({}, {"amount_in_usd": Decimal("0.0025"), "amount_in_clp": Decimal("2.4003"), **PRICED, **RATED}),
        # What is given stays, and pesos follow from it.
        ({"amount_in_usd": Decimal(2)}, {"amount_in_usd": Decimal(2), "amount_in_clp": Decimal("1920.2469"), **RATED}),
        ({"amount_in_clp": Decimal(7)}, {"amount_in_usd": Decimal("0.0025"), "amount_in_clp": Decimal(7), **PRICED}),
        # The cost is the amount where the seller's unit is the dollar, and only there.
        ({"cost": Decimal(1)}, {"amount_in_usd": Decimal(1), "amount_in_clp": Decimal("960.1235"), **RATED}),
        (
            {"cost": Decimal(1), "proxy": "openrouter"},
            {"amount_in_usd": Decimal(1), "amount_in_clp": Decimal("960.1235"), **RATED},
        ),
        (
            {"cost": Decimal(1), "proxy": "windsurf"},
            {"unpriced": f"{load_book().name} has no price list of windsurf"},
        ),
        # The 11th takes the rate of the 10th, the 13th none: no later one is known.
        (
            {"amount_in_usd": Decimal(0), "created_at": datetime(2025, 9, 11, 12)},
            {"amount_in_usd": Decimal(0), "amount_in_clp": Decimal(0), **RATED},
        ),
        (
            {"amount_in_usd": Decimal(2), "created_at": datetime(2025, 9, 13, 12)},
            {"amount_in_usd": Decimal(2), "unconverted": NO_RATE},
        ),
        # 0 dollars are 0 pesos whatever the rate.
        (
            {"amount_in_usd": Decimal(0), "created_at": datetime(2025, 9, 13, 12)},
            {"amount_in_usd": Decimal(0), "amount_in_clp": Decimal(0), "fx_source": AT_ANY_RATE},
        ),
        # Midnight UTC is the 9th in Santiago; a sum of a day or a month is of the date that it names.
        (
            {"amount_in_usd": Decimal(2), "created_at": datetime(2025, 9, 10)},
            {
                **{"amount_in_usd": Decimal(2), "amount_in_clp": Decimal("1918.2469"), "fx_date": date(2025, 9, 9)},
                **{"fx_rate": Decimal("959.12345678"), "fx_source": "the bank"},
            },
        ),
        *(
            (
                {"amount_in_usd": Decimal(2), "created_at": datetime(2025, 9, 10), "grain": grain},
                {"amount_in_usd": Decimal(2), "amount_in_clp": Decimal("1920.2469"), **RATED},
            )
            for grain in ("day", "month")
        ),
        # A reason that holds no longer goes, one that has changed is found again.
        (
            {"amount_in_usd": Decimal(0), "amount_in_clp": Decimal(0), "unpriced": "old", "unconverted": "old"},
            {"amount_in_usd": Decimal(0), "amount_in_clp": Decimal(0)},
        ),
        # A source's own 0, which it does not know, is not priced; an amount beside it is one.
        ({"unpriced": SOURCE_SAYS_ZERO}, {"unpriced": SOURCE_SAYS_ZERO}),
        ({"cost": Decimal(0), "unpriced": SOURCE_SAYS_ZERO}, {"amount_in_usd": 0, "amount_in_clp": 0, **RATED}),
        (
            {"model": "gpt-99", "unpriced": "old", "price_source": "old", "price_date": date(2025, 1, 1)},
            {"unpriced": f"{load_book().name} does not know 'gpt-99' of openai"},
        ),
    ],
)
def test_amounts_are_filled_by_the_rules_alone_and_in_a_table(facts: dict[str, Any], filled: dict[str, Any]) -> None:
    expected = dict.fromkeys(FILLED) | filled
    call = build_row(created_at=datetime(2025, 9, 10, 12)) | facts
    assert fill_call(call, RATES) == expected
    assert keep_filled(fill_table(call)) == [expected]


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        # 400*3 + 600*5 = 4200 / 1e6
        ({"model": "keeps", "cache_write_tokens": 1_000, "cache_write_1h_tokens": 600}, Decimal("0.0042")),
        ({"model": "hears", "cached_tokens": 400}, Decimal("0.0016")),  # 600*2 + 400*1
        ({"model": "plain", "completion_tokens": 100}, Decimal("0.004")),  # 1000*2 + 100*20
        ({"model": "asks", "prompt_tokens": 100, "requests": 2}, Decimal("2.0001")),  # 2 + 100*1 / 1e6
        ({"model": "asks", "prompt_tokens": 150, "requests": 2}, MIXED),
        ({"model": "asks", "requests": None}, UNKNOWN_REQUESTS),
        ({"model": "plain", "prompt_tokens": 0, "task_type": "image"}, NO_TOKENS),
        ({"model": "plain", "tier": "flex"}, "house 1 has no flex price of plain for the day of the call"),
        (
            {"model": "plain", "task_type": "fine_tuning"},
            "training is not in the price lists, only the use of models is",
        ),
        ({"model": "plain", "proxy": "together"}, "house 1 does not know 'plain' of together"),
        ({"model": "plain", "provider": "stability"}, "house 1 has no price list of stability"),
    ],
)
def test_a_call_is_priced_by_all_that_it_says_and_by_the_book_that_is_given(
    facts: dict[str, Any], answer: Decimal | str
) -> None:
    call = build_row() | facts
    filled = fill_call(call, Rates(), HOUSE)
    assert (filled["amount_in_usd"] or filled["unpriced"]) == answer
    assert keep_filled(fill_rows(pa.Table.from_pylist([call], USAGE), Rates(), HOUSE).to_pylist()) == [filled]


def test_a_call_that_does_not_say_how_many_it_sums_is_one() -> None:
    call = build_row(model="asks", prompt_tokens=150)
    del call["requests"]
    assert fill_call(call, Rates(), HOUSE)["amount_in_usd"] == Decimal("1.0003")  # 1 + 150*2 / 1e6


def test_a_book_is_asked_only_about_calls_without_an_amount() -> None:
    given = build_row(amount_in_usd=Decimal(1), cached_tokens=2_000)  # more than the prompt: no price could be found
    unknown = build_row(amount_in_usd=Decimal(2), model="gone")
    (first, second, third, fourth) = fill_table(given, build_row(), unknown, build_row(model="gpt-99"))
    assert [one["amount_in_usd"] for one in (first, second, third, fourth)] == [1, Decimal("0.0025"), 2, None]
    assert [one["price_source"] for one in (first, second, third, fourth)] == [None, BOOK, None, None]
    reason = f"{load_book().name} does not know 'gpt-99' of openai"
    assert [one["unpriced"] for one in (first, second, third, fourth)] == [None, None, None, reason]
    assert fill_call(given, RATES)["amount_in_usd"] == 1


def test_the_day_of_a_price_is_filled_where_the_list_dates_it() -> None:
    call = build_row(model="o3", created_at=datetime(2025, 9, 10, 12))
    assert fill_call(call, RATES)["price_date"] == fill_table(call)[0]["price_date"] == date(2025, 6, 10)


def test_the_columns_that_are_filled_are_the_amounts_and_what_they_are_made_of() -> None:
    pesos = {"amount_in_clp", "fx_rate", "fx_date", "fx_source", "unconverted"}
    assert set(FILLED) == {"amount_in_usd", "price_source", "price_date", "unpriced", *pesos}


def test_what_was_filled_is_dropped_and_what_was_said_stays() -> None:
    said = build_row(amount_in_usd=Decimal(3), amount_in_clp=Decimal(7))
    paid = build_row(cost=Decimal(1))
    dropped = drop_filled(fill_rows(pa.Table.from_pylist([said, paid, build_row()], USAGE), RATES)).to_pylist()
    nothing = dict.fromkeys(FILLED)
    assert keep_filled(dropped) == [
        nothing | {"amount_in_usd": Decimal(3), "amount_in_clp": Decimal(7)},
        nothing | {"amount_in_usd": Decimal(1)},
        nothing,
    ]


UNKNOWN, KNOWN, INCLUDED = {"amount_zero": "unknown"}, {"amount_zero": "known"}, {"not_billed": ["Kind=Included"]}


CURSOR = INCLUDED | {"proxy": "cursor"}


@pytest.mark.parametrize(
    ("mappings", "unknown"),  # the proxies whose 0 is unknown, of cursor, groq and of calls without one
    [
        ([], ["cursor", "groq", None]),  # a ledger
        ([{}], [None]),
        ([KNOWN], []),
        ([CURSOR], []),
        ([CURSOR, KNOWN], []),
        ([CURSOR, UNKNOWN], [None]),  # what Cursor includes is known, whatever lies beside it
        ([CURSOR, UNKNOWN | {"proxy": "groq", "direct": ["a=b"]}], ["groq", None]),
        ([CURSOR, {"proxy": "cursor"}], ["cursor"]),
        ([CURSOR, {"proxy_column": "via"}], ["cursor", "groq", None]),
    ],
)
def test_a_0_is_unknown_where_a_mapping_that_may_have_such_rows_does_not_say_what_it_is(
    mappings: list[dict[str, Any]], unknown: list[str | None]
) -> None:
    row = {"amount_in_usd": 0, "price_source": None, "total_tokens": 7, "model": "gpt-4o"}
    rows = duckdb.from_arrow(pa.Table.from_pylist([row | {"proxy": proxy} for proxy in ("cursor", "groq", None)]))
    found = rows.filter(find_unknown_zeros({"mapping": one} for one in mappings)).fetchall()
    assert [row[-1] for row in found] == unknown


MONEY = st.none() | st.none() | st.decimals(0, 10**6, places=4)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    given = {name: draw(MONEY) for name in ("cost", "amount_in_usd", "amount_in_clp")}
    proxy = draw(st.sampled_from([None, None, "openrouter", "windsurf"]))
    moment = draw(st.sampled_from([datetime(2025, 9, day, 12) for day in (8, 9, 10, 11, 12, 13)] + [None]))
    call = build_row(**{**draw(calls()), **given, "proxy": proxy})
    return {**call, "created_at": moment or call["created_at"]}


@settings(max_examples=80, deadline=None)
@given(st.lists(rows(), max_size=20))
def test_law_a_table_is_filled_as_its_calls_are_alone_and_once_is_enough(calls: list[dict[str, Any]]) -> None:
    filled = fill_table(*calls)
    assert keep_filled(filled) == [fill_call(call, RATES) for call in calls]
    assert fill_table(*filled) == filled
    for before, after in zip(calls, filled, strict=True):
        assert (after["amount_in_usd"] is None) == (after["unpriced"] is not None)
        assert (after["unconverted"] is not None) == (
            after["amount_in_clp"] is None and after["amount_in_usd"] is not None
        )
        for name in ("amount_in_usd", "amount_in_clp"):
            assert before[name] is None or after[name] == before[name]
            assert after[name] is None or after[name] >= 0


@settings(max_examples=40, deadline=None)
@given(st.lists(rows(), max_size=20))
def test_what_was_filled_can_be_told_from_what_was_said(calls: list[dict[str, Any]]) -> None:
    said = pa.Table.from_pylist(calls, USAGE)
    assert drop_filled(fill_rows(said, RATES)).equals(drop_filled(said))


def test_call_is_filled_from_a_named_tuple_that_lacks_the_newer_fields() -> None:
    class Call(NamedTuple):
        provider: str = "openai"
        model: str = "gpt-4o"
        created_at: datetime = datetime(2025, 9, 10, 12)
        proxy: str | None = None
        task_type: str = "text"
        prompt_tokens: int = 1_000
        completion_tokens: int = 0
        cached_tokens: int = 0
        cache_write_tokens: int = 0

    assert fill_call(Call(), Rates(), unconverted="the table of rates is corrupt") == {
        **dict.fromkeys(FILLED), **PRICED, "amount_in_usd": Decimal("0.0025"),
        "unconverted": "the table of rates is corrupt",
    }  # fmt: skip


def test_table_without_rows_is_given_back() -> None:
    assert fill_rows(USAGE.empty_table(), RATES).equals(USAGE.empty_table())


def test_import_of_the_rooms_of_money_loads_no_pandas_and_one_call_no_table_library() -> None:
    program = """
import sys
from datetime import datetime
from flexlib.money.amounts import fill_call
from flexlib.money.fx import Rates
call = dict(provider="openai", model="gpt-4o", created_at=datetime(2025, 9, 1), task_type="text", prompt_tokens=1000,
            completion_tokens=0, cached_tokens=0, cache_write_tokens=0, web_searches=0)
print(fill_call(call, Rates())["amount_in_usd"])
print(sorted({"pandas", "pyarrow", "numpy"} & sys.modules.keys()))
import flexlib.money.credit_prices, flexlib.money.price_table
print(sorted({"pandas"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("0.0025000000\n[]\n[]\n", 0), done.stderr


def test_a_sum_of_a_day_beside_a_call_has_the_rate_of_the_date_that_it_names() -> None:
    day = build_row(amount_in_usd=Decimal(2), created_at=datetime(2025, 9, 10), grain="day")
    call = build_row(created_at=datetime(2025, 9, 10, 12))
    assert [row["fx_date"] for row in fill_table(call, day)] == [date(2025, 9, 10)] * 2
