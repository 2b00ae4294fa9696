"""Another price book: looked at without a change, and followed only where a book had priced, the old amount kept."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from databases import execute
from genai_prices.data import providers

from flexlib.dates import Month
from flexlib.ledger import Ledger, UsageQuery, UsageRecord, record_usage
from flexlib.ledger.record.changing import ModelChange, reprice_month
from flexlib.ledger.record.pages import PAGE_ROWS
from flexlib.ledger.record.recording import record_many
from flexlib.ledger.record.responses import read_anthropic_response
from flexlib.money.amounts import NO_RATE
from flexlib.money.fx import AT_ANY_RATE, Rate
from flexlib.money.price_book import PriceBook, build_book, load_book
from flexlib.store.fx import KeptRate, write_kept_rates

SEPTEMBER = Month(2025, 9)
CALL: dict[str, Any] = {
    "usable": None,
    "provider": "openai",
    "model": "gpt-4o",
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "created_at": "2025-09-10T12:00:00Z",
}
ZERO = Decimal(0)
OLD, NEW = Decimal("0.00035"), Decimal("0.00070")  # 100 x 2.50 + 10 x 10.00 USD a million; twice as much


def build_house(name: str, input_mtok: int, output_mtok: int) -> PriceBook:
    """A book in which OpenAI's gpt-4o costs so many USD a million tokens."""
    openai = deepcopy(next(one for one in providers if one.id == "openai"))
    (gpt,) = (one for one in openai.models if one.id == "gpt-4o")
    prices = gpt.prices[-1].prices if isinstance(gpt.prices, list) else gpt.prices
    vars(prices).update(input_mtok=Decimal(input_mtok), output_mtok=Decimal(output_mtok))
    return build_book(name, [openai])


@pytest.fixture(scope="module")
def newer() -> PriceBook:
    """Twice as dear as the installed one."""
    return build_house("newer 1", 5, 20)


def read(ledger: Ledger) -> dict[str, UsageRecord]:
    return {one.request_id: one for one in UsageQuery(ledger).all()}


def record(ledger: Ledger) -> None:
    kept = [Rate(date(2025, 9, day), Decimal(1000), "mindicador.cl") for day in (10, 11)]
    write_kept_rates([KeptRate(one, datetime(2025, 9, 12, tzinfo=timezone.utc)) for one in kept], ledger.data)
    record_usage(**CALL, request_id="priced", metadata={"team": "x"}, ledger=ledger)
    record_usage(**CALL, request_id="pesos given", amount_in_clp="1", ledger=ledger)
    record_usage(**CALL, request_id="given", amount_in_usd="0.00035", ledger=ledger)
    record_usage(**CALL | {"model": "no-such-model"}, request_id="unpriced", ledger=ledger)
    record_usage(**CALL | {"created_at": "2025-10-01T00:00Z"}, request_id="october", ledger=ledger)


def test_looking_shows_what_would_change_and_changes_nothing(ledger: Ledger, newer: PriceBook) -> None:
    record(ledger)
    before = read(ledger)
    found = reprice_month(SEPTEMBER, ledger, book=newer)
    source = f"{load_book().name} (openai)"
    assert found.changes == (ModelChange("openai", "gpt-4o", source, "newer 1 (openai)", 2, 2 * OLD, 2 * NEW),)
    assert (found.rows, found.rows_looked_at, found.applied, found.book) == (2, 3, False, "newer 1")
    assert read(ledger) == before


def test_applied_it_changes_what_a_book_priced_and_keeps_the_old_amount(ledger: Ledger, newer: PriceBook) -> None:
    record(ledger)
    before = read(ledger)
    assert reprice_month(SEPTEMBER, ledger, book=newer, apply=True).rows == 2
    after = read(ledger)
    amounts = {name: (one.amount_in_usd, one.amount_in_clp) for name, one in after.items()}
    assert amounts["priced"] == (NEW, Decimal("0.7"))  # at the rate that it had
    assert amounts["pesos given"] == (NEW, Decimal(1))
    for name in ("given", "unpriced", "october"):
        assert after[name] == before[name]
    (kept,) = after["priced"].earlier_amounts or []
    until = datetime.fromisoformat(kept.pop("until"))
    assert abs((datetime.now(timezone.utc) - until).total_seconds()) < 60
    assert kept == {
        "amount_in_usd": "0.0003500000",
        "amount_in_clp": "0.3500",
        "price_source": f"{load_book().name} (openai)",
        "price_date": None,
    }
    assert (after["priced"].metadata, after["priced"].price_source) == ({"team": "x"}, "newer 1 (openai)")
    assert reprice_month(SEPTEMBER, ledger, book=newer).rows == 0


def test_going_back_keeps_both_amounts_in_their_order(ledger: Ledger, newer: PriceBook) -> None:
    record_usage(**CALL, request_id="a", ledger=ledger)
    reprice_month(SEPTEMBER, ledger, book=newer, apply=True)
    reprice_month(SEPTEMBER, ledger, apply=True)
    one = read(ledger)["a"]
    assert one.amount_in_usd == OLD
    assert [kept["amount_in_usd"] for kept in one.earlier_amounts or []] == ["0.0003500000", "0.0007000000"]


def test_without_a_rate_a_call_that_becomes_free_is_0_pesos_and_one_that_is_free_no_more_has_none(
    ledger: Ledger, newer: PriceBook
) -> None:
    record_usage(**CALL, request_id="a", ledger=ledger)
    reprice_month(SEPTEMBER, ledger, book=build_house("free 1", 0, 0), apply=True)
    free = read(ledger)["a"]
    assert (free.amount_in_usd, free.amount_in_clp, free.fx_source, free.unconverted) == (ZERO, ZERO, AT_ANY_RATE, None)
    reprice_month(SEPTEMBER, ledger, book=newer, apply=True)
    paid = read(ledger)["a"]
    assert (paid.amount_in_usd, paid.amount_in_clp, paid.fx_source, paid.unconverted) == (NEW, None, None, NO_RATE)


def test_a_call_that_no_book_had_priced_is_shown_with_no_old_amount(ledger: Ledger) -> None:
    record_usage(**CALL, request_id="a", ledger=ledger)
    unpriced = "amount_in_usd = NULL, price_source = NULL, price_date = NULL, unpriced = 'no list'"
    execute(ledger, f"UPDATE llm_usage_statistics SET {unpriced}")
    found = reprice_month(SEPTEMBER, ledger, apply=True)
    assert [(one.old_source, one.old_usd, one.new_usd) for one in found.changes] == [(None, None, OLD)]
    one = read(ledger)["a"]
    assert one.amount_in_usd == OLD
    assert (one.price_source, one.unpriced) == (f"{load_book().name} (openai)", None)


def test_the_installed_book_changes_nothing_that_it_has_priced(ledger: Ledger) -> None:
    record_many([CALL | {"prompt_tokens": one} for one in range(PAGE_ROWS + 3)], ledger=ledger)
    found = reprice_month(SEPTEMBER, ledger)
    assert (found.rows, found.rows_looked_at) == (0, PAGE_ROWS + 3)


def test_a_price_of_its_tier_stays_one_of_that_tier(ledger: Ledger) -> None:
    record_usage(**CALL, metadata={"tier": "batch"}, ledger=ledger)
    found = reprice_month(SEPTEMBER, ledger)
    assert (found.rows, found.rows_looked_at) == (0, 1)


def test_a_call_with_counts_priced_apart_keeps_its_amount(ledger: Ledger) -> None:
    usage = {"input_tokens": 10, "output_tokens": 0, "cache_creation_input_tokens": 1_000_000}
    written = {"cache_creation": {"ephemeral_1h_input_tokens": 1_000_000}}
    answer = read_anthropic_response({"model": "claude-sonnet-4-20250514", "usage": usage | written})
    stored = record_usage(usable=None, created_at="2025-09-01T12:00:00Z", ledger=ledger, **answer)
    assert stored.amount_in_usd == Decimal(
        "6.00003"
    )  # a million written for an hour at 6.00, 10 read at 3.00 a million
    assert reprice_month(SEPTEMBER, ledger).changes == ()
