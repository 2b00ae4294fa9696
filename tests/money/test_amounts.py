"""Amounts are filled the same for one call and for a table; what is there stays, and unknown has a reason."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_extra_counts import build_call, calls

from flexlib.money.amounts import FILLED, NO_RATE, drop_filled, fill_call, fill_rows
from flexlib.money.fx import Rate, Rates
from flexlib.money.price_book import load_book
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
        # A reason that holds no longer goes, one that has changed is found again.
        (
            {"amount_in_usd": Decimal(0), "amount_in_clp": Decimal(0), "unpriced": "old", "unconverted": "old"},
            {"amount_in_usd": Decimal(0), "amount_in_clp": Decimal(0)},
        ),
        ({"model": "gpt-99", "unpriced": "old"}, {"unpriced": f"{load_book().name} does not know 'gpt-99' of openai"}),
    ],
)
def test_amounts_are_filled_by_the_rules_alone_and_in_a_table(facts: dict[str, Any], filled: dict[str, Any]) -> None:
    expected = dict.fromkeys(FILLED) | filled
    call = build_row(created_at=datetime(2025, 9, 10, 12)) | facts
    assert fill_call(call, RATES) == expected
    assert keep_filled(fill_table(call)) == [expected]


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
