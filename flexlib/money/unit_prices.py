"""What one token or search of a model cost at a moment, or why nobody can say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Context, Decimal, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flexlib.enums import LlmTaskType
from flexlib.money.extra_counts import EXTRA_COUNTS, SELLERS_WITH_BASE_RATE, ListShape, read_shape
from flexlib.money.open_prices import CHOICE, OPEN, find_request_prices, select_prices
from flexlib.money.price_book import LISTS, ListedName, PriceBook, find_listed_name, find_seller, read_prices

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice


TIERS: Mapping[str, Mapping[str, str]] = {
    "standard": {},
    "default": {},
    "batch": {"processing": "batch"},
    "fast": {"service_tier": "fast", "speed": "fast"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""The service tiers, in the words by which genai-prices selects their prices."""

WINDOW = 200_000
WINDOWS: Mapping[str, int] = {"0-200k": 0, "200k-1m": WINDOW + 1}
"""What a tier may say besides, and a prompt that is in it: Anthropic sums the calls of each window by themselves, and
their number need not be known where a bracket of the list begins where the window does."""

FREE = {("openai", "moderation"), ("google", "gemma-3"), ("google", "gemma-3n")}
"""Models that their sellers give away. The book leaves the prices of free and of unknown models alike empty."""

WRITTEN = frozenset(one for one in LlmTaskType if one.uses_token_pricing)
"""Task types whose tokens are text; in the others a token may be text or sound or image, at prices of their own."""

TOKEN_KEYS = frozenset({"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"})
EXTRA_KEYS = frozenset(
    {"requests_kcount", "web_searches_kcount", "social_searches_kcount", "storage_searches_kcount"}
    | {"code_executions_kcount"}
)
"""Charged beside the tokens; what of it is not in the record of a call is not in its price."""

EXACT = Context(prec=60)
"""Room for every digit, whatever precision the caller's own decimals have."""
MILLION, THOUSAND = Decimal(1_000_000), Decimal(1_000)
SMALLEST = Decimal("1e-24")
INTERNAL_PREFIX = "MODEL_"

KEPT = 16_384
"""How many looked-up prices are kept: far more than a company's models have changes, and some megabytes."""


@dataclass(frozen=True)
class Unpriced:
    """Why a call has no price."""

    reason: str


@dataclass(frozen=True)
class UnitPrices:
    """USD for one of each count, to 1e-24, so that what a call cost is their sum, each times its number.

    A kind that the list does not price is None. Where a side has a gap, what its tokens cost is open, whatever is here.
    """

    prompt: Decimal | None
    """A token of the prompt that is neither cached nor written to a cache."""
    cached: Decimal | None
    cache_write: Decimal | None
    completion: Decimal | None
    request: Decimal
    """The call itself."""
    extra: Mapping[str, Decimal]
    """Each extra count, above (or below) what its tokens cost in their base count; searches wholly."""
    unlisted: frozenset[str]
    """Extra counts for which the list names no price, and the seller's base rate does not hold either."""
    shape: ListShape
    """What the list charges at which price, and so which counts contradict each other."""
    listed: ModelPrice
    """The list itself."""
    seller: str
    """Whose list it is."""
    since: date | None
    """The day from which these prices hold; None where the list does not date them."""
    threshold: int | None = None
    """Prompt tokens above which a call is dearer; None: its size makes no difference."""
    is_free: bool = False
    """Whether the seller gives it away: then no tokens cost nothing too."""
    prompt_gap: str | None = None
    completion_gap: str | None = None


def find_unit_prices(
    book: PriceBook,
    provider: str,
    model: str,
    moment: datetime,
    *,
    prompt_tokens: int,
    task_type: str = LlmTaskType.TEXT,
    tier: str | None = None,
    proxy: str | None = None,
) -> UnitPrices | Unpriced:
    """What each count cost in a call of `prompt_tokens` at `moment` (naive: UTC), or why nobody can say.

    The seller is the proxy where there is one: who sends the bill sets the price. `prompt_tokens`: as `choose_bracket`
    gives them, unless the tier says the window. Calls that differ in nothing that the list asks for share one answer,
    which is kept.
    """
    listed = find_listed_name(provider, model, proxy)
    words = (tier or "").lower().split(" + ")
    window = next((one for one in words if one in WINDOWS), None)
    if window is not None:
        tier, prompt_tokens = " + ".join(one for one in words if one != window), WINDOWS[window]
    start, tokens = book.find_changes(listed.seller, listed.name).find_start(moment, prompt_tokens)
    found = _look_up(book, find_seller(provider, proxy), model, listed, start, tokens, task_type, tier)
    if window is not None and isinstance(found, UnitPrices) and found.threshold == WINDOW:
        return replace(found, threshold=None)
    return found


def is_listed(book: PriceBook, provider: str, model: str, proxy: str | None = None) -> bool:
    """Whether the seller's list names the model at all, at whatever time; a call of another has no price."""
    listed = find_listed_name(provider, model, proxy)
    return book.find_model(listed.seller, listed.name) is not None


@lru_cache(maxsize=KEPT)
def _look_up(
    book: PriceBook,
    name: str,
    model: str,
    listed: ListedName,
    moment: datetime,
    prompt_tokens: int,
    task_type: str,
    tier: str | None,
) -> UnitPrices | Unpriced:
    seller = listed.seller
    if model.startswith(INTERNAL_PREFIX) or not model.strip():
        return Unpriced(f"{model!r} is an internal id, not a model of a price list")
    if seller is None:
        return Unpriced(f"{book.name} has no price list of {f'{model} of ' * (name in LISTS)}{name}")
    if task_type == LlmTaskType.FINE_TUNING:
        return Unpriced("training is not in the price lists, only the use of models is")
    entry = book.find_model(seller, listed.name)
    if entry is None:
        return Unpriced(f"{book.name} does not know {model!r} of {seller}")
    tier = (tier or "standard").lower()
    choices = find_request_prices(seller, entry.id)
    if choices is not None and tier not in choices:
        return Unpriced(f"{CHOICE} (a tier of {', '.join(choices)})" if choices else CHOICE)
    context = {} if choices else TIERS.get(tier)
    if context is None:
        return Unpriced(f"the tier {tier!r} is not one of {', '.join(TIERS)}")
    selected = select_prices(seller, entry, moment)
    if selected is None:
        return Unpriced(OPEN)
    prices, since = selected
    if context:
        changed = _find_variant_dates(entry, moment, context)
        if not changed:
            return Unpriced(f"{book.name} has no {tier} price of {entry.id} for the day of the call")
        prices = entry.get_prices(moment, dict(context))
        since = max((day for day in (since, *changed) if day is not None), default=None)
    with localcontext(EXACT):
        if read_prices(prices):
            unit = _build_unit_prices(prices, seller, since, prompt_tokens, task_type)
            return replace(unit, request=choices[tier] / THOUSAND) if choices else unit
        if _is_free(seller, entry):
            zero = Decimal(0)
            return UnitPrices(
                zero, zero, zero, zero, zero, {}, frozenset(), read_shape(frozenset()), prices, seller, since,
                is_free=True,
            )  # fmt: skip
    return Unpriced(f"{book.name} lists {entry.id} of {seller} without a price")


def _build_unit_prices(
    prices: ModelPrice, seller: str, since: date | None, prompt_tokens: int, task_type: str
) -> UnitPrices:
    keys = read_prices(prices)
    each = {key: _price_one(key, price, prompt_tokens) for key, price in keys.items()}
    prompt, completion = each.get("input_mtok"), each.get("output_mtok")
    shape = read_shape(frozenset(keys))
    extra = {name: Decimal(0) for name, key in EXTRA_COUNTS.items() if key in keys}
    for key, sums in shape.charged.items():
        for name in sums.keys() & extra.keys():
            extra[name] += sums[name] * each[key]
    return UnitPrices(
        prompt=prompt,
        cached=each.get("cache_read_mtok", prompt),
        cache_write=each.get("cache_write_mtok", prompt),
        completion=completion,
        request=each.get("requests_kcount", Decimal(0)),
        extra=extra,
        unlisted=frozenset(() if seller in SELLERS_WITH_BASE_RATE else EXTRA_COUNTS.keys() - extra.keys()),
        shape=shape,
        listed=prices,
        seller=seller,
        since=since,
        threshold=min((step.start for price in keys.values() for step in getattr(price, "tiers", ())), default=None),
        prompt_gap=_explain_gap("prompt", prompt, keys, task_type),
        completion_gap=_explain_gap("completion", completion, keys, task_type),
    )


def _price_one(key: str, price: Any, prompt_tokens: int) -> Decimal:  # noqa: ANN401 (a Decimal, or tiers of them)
    """USD for one of what the list prices at `key`, in a call of so many prompt tokens."""
    usd: Decimal = getattr(price, "base", price)
    for step in getattr(price, "tiers", ()):
        usd = step.price if prompt_tokens > step.start else usd
    return (usd / (THOUSAND if key.endswith("_kcount") else MILLION)).quantize(SMALLEST)


def _explain_gap(side: str, price: Decimal | None, keys: dict[str, Any], task_type: str) -> str | None:
    """Why the tokens of one side cannot be priced, or None when they can."""
    if price is None:
        return f"the list has no price for {side} tokens of this model, only {', '.join(sorted(keys))}"
    parts = sorted(key for key in keys.keys() - TOKEN_KEYS - EXTRA_KEYS if _is_part(key, side, task_type))
    if parts:
        return f"the list prices parts of the {side} by {', '.join(parts)}, and the call does not count them"
    return None


def _is_part(key: str, side: str, task_type: str) -> bool:
    """Whether a part of that side's tokens may have cost `key` instead, in a call of this task type."""
    if key.startswith("output_") != (side == "completion"):
        return False
    return task_type not in WRITTEN or any(part in key for part in ("_reasoning_", "_citation_", "_text_mtok"))


def _find_variant_dates(model: ModelInfo, moment: datetime, context: Mapping[str, str]) -> list[date | None]:
    return [
        getattr(one.constraint, "start_date", None)
        for one in model.price_variants or ()
        if (one.constraint is None or one.constraint.active(moment)) and one.when.items() <= context.items()
    ]


def _is_free(seller: str, model: ModelInfo) -> bool:
    said = (model.price_comments or "").lower()
    return model.id.endswith(":free") or "free of charge" in said or (seller, model.id) in FREE
