"""What one call cost by the published price lists, at its own time and by its own tokens: pure and offline.

What a provider charges beside tokens (searches, stored files) is not in a call's price, unless it is counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from flexlib.enums import LlmTaskType
from flexlib.errors import BadRecord
from flexlib.money.extra_counts import price_extra_counts
from flexlib.money.price_book import PriceBook, load_book
from flexlib.money.unit_prices import EXACT, UnitPrices, Unpriced, find_unit_prices

USD_STEP = Decimal("1e-10")
LIMIT = Decimal(10) ** 10

UNCOUNTED = frozenset(one for one in LlmTaskType if not one.uses_token_pricing)
"""Task types whose product need not be tokens: none recorded does not mean none charged."""

NO_TOKENS = "the call records no tokens, and its task is not counted in tokens alone"
NEGATIVE = "a number of tokens is negative"
BEYOND_PROMPT = "the cached tokens are more than the prompt"
BEYOND_MEASURE = "an amount is 10,000,000,000 USD or more; look at the numbers of tokens"


@dataclass(frozen=True)
class Price:
    """What one call cost by a price list."""

    amount_usd: Decimal
    """USD, exact, rounded once to 1e-10 (half to even)."""
    source: str
    """The book, its version and the seller whose list it is, such as `genai-prices 0.2.3 (openai)`."""
    date: date | None
    """The day from which this price holds; None where the list does not date it."""


def price_usage(
    provider: str,
    model: str,
    created_at: datetime,
    *,
    prompt_tokens: int,
    completion_tokens: int,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    task_type: str = LlmTaskType.TEXT,
    tier: str | None = None,
    proxy: str | None = None,
    book: PriceBook | None = None,
) -> Price | None:
    """The list price of one call, or None where no list prices it: unknown is never zero, a free model is.

    `provider`, `task_type` and `proxy` are the enums' values; with a proxy, its own list counts. A `created_at` without
    a zone is UTC. Cached and cache_write tokens are parts of the prompt. `tier`: standard (the default), batch, flex,
    priority or fast. `book`: by default the installed one. `explain_price` tells why there is none.
    Raises `BadRecord` for counts that cannot be.
    """
    answer = explain_price(
        provider,
        model,
        created_at,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cached_tokens=cached_tokens,
        cache_write_tokens=cache_write_tokens,
        task_type=task_type,
        tier=tier,
        proxy=proxy,
        book=book,
    )
    return answer if isinstance(answer, Price) else None


def explain_price(
    provider: str,
    model: str,
    created_at: datetime,
    *,
    prompt_tokens: int,
    completion_tokens: int,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    task_type: str = LlmTaskType.TEXT,
    tier: str | None = None,
    proxy: str | None = None,
    book: PriceBook | None = None,
    apart: Mapping[str, int] | None = None,
) -> Price | Unpriced:
    """As `price_usage`, and where there is no price an `Unpriced` with the reason.

    `apart`: what the call counts beside these, by the names of `money.apart.EXTRA_COUNTS`.
    """
    _refuse(min(prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens) < 0, NEGATIVE)
    _refuse(cached_tokens + cache_write_tokens > prompt_tokens, BEYOND_PROMPT)
    book = book or load_book()
    unit = find_unit_prices(
        book, provider, model, created_at, prompt_tokens=prompt_tokens, task_type=task_type, tier=tier, proxy=proxy
    )
    if isinstance(unit, Unpriced):
        return unit
    if task_type in UNCOUNTED and prompt_tokens == completion_tokens == 0:
        return Unpriced(NO_TOKENS)
    if prompt_tokens and unit.prompt_gap:
        return Unpriced(unit.prompt_gap)
    if completion_tokens and unit.completion_gap:
        return Unpriced(unit.completion_gap)
    charges = (
        (unit.prompt, prompt_tokens - cached_tokens - cache_write_tokens),
        (unit.cached, cached_tokens),
        (unit.cache_write, cache_write_tokens),
        (unit.completion, completion_tokens),
    )
    with localcontext(EXACT):
        exact: Decimal | Unpriced = sum((price * count for price, count in charges if price), Decimal(0))
        if apart:
            counts = {
                "input_tokens": prompt_tokens,
                "output_tokens": completion_tokens,
                "cache_read_tokens": cached_tokens,
                "cache_write_tokens": cache_write_tokens,
            }
            exact = price_extra_counts(book, unit, model, created_at, tier, counts, apart)
        if isinstance(exact, Unpriced):
            return exact
        amount = (unit.request + exact).quantize(USD_STEP, ROUND_HALF_EVEN)
    _refuse(amount >= LIMIT, BEYOND_MEASURE)
    return Price(amount, name_source(book, unit), unit.since)


def name_source(book: PriceBook, unit: UnitPrices) -> str:
    """The name under which an amount remembers where its price comes from."""
    return f"{book.name} ({unit.seller})"


def _refuse(broken: bool, rule: str) -> None:
    if broken:
        raise BadRecord(f"price refused: {rule}.")
