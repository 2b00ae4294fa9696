"""What one call cost by the published price lists, at its own time and by its own counts: pure and offline.

What a provider charges beside tokens (searches, stored files) is in a call's price only where the call counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING, Any, TypeVar

from flexlib.enums import LlmTaskType
from flexlib.errors import BadRecord
from flexlib.i18n import _, mark_text
from flexlib.money.extra_counts import BASE_COUNTS, EXTRA_COUNTS, explain_contradiction
from flexlib.money.price_book import PriceBook, load_book
from flexlib.money.unit_prices import EXACT, UnitPrices, Unpriced, find_unit_prices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


USD_STEP = Decimal("1e-10")
LIMIT = Decimal(10) ** 10

UNCOUNTED = frozenset(one for one in LlmTaskType if not one.uses_token_pricing)
"""Task types whose product need not be tokens: none recorded does not mean none charged."""

NO_TOKENS = mark_text("no tokens, no amount: nothing in the call says what it cost")
NEGATIVE = mark_text("a number of tokens or searches is negative")
BEYOND_PROMPT = mark_text("the cached tokens are more than the prompt")
BEYOND_MEASURE = mark_text("an amount is 10,000,000,000 USD or more; look at the numbers of tokens")

UNKNOWN_REQUESTS = mark_text("it is the sum of an unknown number of calls, on which the price depends")
MIXED = mark_text("it is a sum of calls, of which some may be so long that they cost more and others not")

FAR_BELOW = 10
"""A sum of calls is priced as short ones where their mean is this many times below the long ones' threshold: of calls
alike none is long then, and what long ones among them could cost more is said beside the total."""

Tokens = TypeVar("Tokens", int, "npt.NDArray[np.int64]")


@dataclass(frozen=True)
class Price:
    """What one call cost by a price list."""

    amount_usd: Decimal
    """USD, exact, rounded once to 1e-10 (half to even)."""
    source: str
    """The book, its version and the seller whose list it is, such as `genai-prices 0.2.3 (openai)`."""
    date: date | None
    """The day from which this price holds; None where the list does not date it."""
    parts: tuple[Decimal, ...]
    """USD, exact and not rounded: the prompt, the answer, and what is charged by the call or the search."""


def price_call(
    provider: str,
    model: str,
    created_at: datetime,
    *,
    prompt_tokens: int,
    completion_tokens: int,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    extra_counts: Mapping[str, int | None] | None = None,
    task_type: str = LlmTaskType.TEXT,
    tier: str | None = None,
    proxy: str | None = None,
    requests: int | None = 1,
    size: int | None = None,
    book: PriceBook | None = None,
) -> Price | Unpriced:
    """The list price of one call, or an `Unpriced` with the reason: unknown is never zero, a free model is.

    `provider`, `task_type` and `proxy` are the enums' values; with a proxy, its own list counts. A `created_at` without
    a zone is UTC. Cached and cache_write tokens are parts of the prompt. `extra_counts`: what else was counted, by the
    names of `EXTRA_COUNTS`; None and a name that is not there are not counted, which is not 0. `tier`: standard (the
    default), batch, flex, priority or fast. `requests`: of how many calls it is the sum, None where nobody says;
    `size`: the prompt tokens whose bracket holds for each of them, where that is known. `book`: by default the
    installed one. `price_rows` says the same of tables. Raises `BadRecord` for counts that cannot be.
    """
    extra = {name: count for name, count in (extra_counts or {}).items() if count is not None}
    _refuse(min(prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens, *extra.values()) < 0, NEGATIVE)
    _refuse(cached_tokens + cache_write_tokens > prompt_tokens, BEYOND_PROMPT)
    book = book or load_book()
    calls = max(requests or 0, 0)
    unit = find_unit_prices(
        book,
        provider,
        model,
        created_at,
        prompt_tokens=choose_bracket(prompt_tokens, calls) if size is None else size,
        task_type=task_type,
        tier=tier,
        proxy=proxy,
    )
    if isinstance(unit, Unpriced):
        return unit
    is_long = size is None and unit.threshold is not None and may_be_long(prompt_tokens, calls, unit.threshold)
    if not calls and (unit.request or is_long):
        return Unpriced(UNKNOWN_REQUESTS)
    if is_long:
        return Unpriced(MIXED)
    if prompt_tokens == completion_tokens == 0 and not _costs_without_tokens(unit, task_type, extra):
        return Unpriced(NO_TOKENS)
    if prompt_tokens and unit.prompt_gap:
        return Unpriced(unit.prompt_gap)
    if completion_tokens and unit.completion_gap:
        return Unpriced(unit.completion_gap)
    charges = [
        (unit.prompt, prompt_tokens - cached_tokens - cache_write_tokens),
        (unit.cached, cached_tokens),
        (unit.cache_write, cache_write_tokens),
    ]
    answers, others = [(unit.completion, completion_tokens)], [(unit.request, calls)]
    if any(extra.values()):
        base = (prompt_tokens, completion_tokens, cached_tokens, cache_write_tokens)
        reason = explain_extra(book, unit, dict(zip(BASE_COUNTS.values(), base, strict=True)), extra)
        if reason:
            return Unpriced(reason)
        for name, count in extra.items():
            side = answers if name.startswith("output_") else charges if name.endswith("_tokens") else others
            side.append((unit.extra.get(name, Decimal(0)), count))
    with localcontext(EXACT):
        sides = (charges, answers, others)
        parts = tuple(sum((price * count for price, count in side if price), Decimal(0)) for side in sides)
        amount = min(sum(parts, Decimal(0)), LIMIT).quantize(
            USD_STEP, ROUND_HALF_EVEN
        )  # more has no room for its decimals
    _refuse(amount >= LIMIT, BEYOND_MEASURE)
    return Price(amount, name_source(book, unit), unit.since, parts)


def choose_bracket(prompt_tokens: Tokens, requests: Tokens) -> Tokens:
    """The prompt tokens whose price bracket holds for a row: its own for a call, the lowest for a sum of calls.

    `requests`: how many calls the row sums, 1 or more, 0 where nobody says. Numbers or arrays of them.
    """
    chosen: Tokens = prompt_tokens * (requests == 1)
    return chosen


def may_be_long(prompt_tokens: Tokens, requests: Tokens, threshold: Tokens) -> Any:  # noqa: ANN401 (bool or array)
    """Whether some call of a sum may have more prompt tokens than `threshold`, as far as their sum and number tell.

    None has where all of them together have not. Else only a mean far below says so.
    """
    mean = -(-prompt_tokens // (requests + (requests == 0)))  # it may be one call where nobody says
    return (requests != 1) & (prompt_tokens > threshold) & (mean > threshold // FAR_BELOW)


def _costs_without_tokens(unit: UnitPrices, task_type: str, extra: Mapping[str, int]) -> bool:
    """Whether a call without tokens has a price all the same: it is free, or charged by the call or by searches."""
    return unit.is_free or (task_type not in UNCOUNTED and bool(unit.request or extra.get("web_searches")))


def explain_extra(book: PriceBook, unit: UnitPrices, base: Mapping[str, int], extra: Mapping[str, int]) -> str | None:
    """Why a call with extra counts cannot be priced, or None when it can.

    `base`: the base counts by genai-prices' names; `extra`: those counted, at least one above 0.
    """
    unlisted = [name for name in EXTRA_COUNTS if name in unit.unlisted and extra.get(name)]
    if unlisted:
        return f"the list has no price of this model for {', '.join(unlisted)}"
    counts = {**dict.fromkeys(EXTRA_COUNTS, 0), **base, **extra}
    absent = {name: name not in extra for name in EXTRA_COUNTS} | dict.fromkeys(base, False)
    fault = unit.shape.fault
    if unit.shape.is_contradicted(counts, absent):  # never where the list itself is at fault
        fault = explain_contradiction(unit.listed, {**base, **extra})
    return fault and f"{book.name} cannot price the counts of this call: {fault}"


def name_source(book: PriceBook, unit: UnitPrices) -> str:
    """The name under which an amount remembers where its price comes from."""
    return f"{book.name} ({unit.seller})"


def _refuse(broken: bool, rule: str) -> None:
    if broken:
        raise BadRecord(_("price refused: {rule}.").format(rule=rule))
