"""The price book: dated price lists of many sellers, those that genai-prices carries inside its package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from flexlib.enums import LlmProvider, LlmProxy

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider


LISTS: Mapping[str, str] = {
    LlmProvider.ANTHROPIC: "anthropic",
    LlmProvider.COHERE: "cohere",
    LlmProvider.DEEPSEEK: "deepseek",
    LlmProvider.GOOGLE: "google",
    LlmProvider.GROQ: "groq",
    LlmProvider.META: "meta",
    LlmProvider.MISTRAL: "mistral",
    LlmProvider.OPENAI: "openai",
    LlmProvider.PERPLEXITY: "perplexity",
    LlmProvider.XAI: "x-ai",
    LlmProxy.FIREWORKS: "fireworks",
    LlmProxy.OPENROUTER: "openrouter",
    LlmProxy.TOGETHER: "together",
}
"""Whose list in genai-prices is meant by a provider or a proxy of ours; who is not here publishes none."""


@dataclass(frozen=True, eq=False)
class PriceBook:
    """Dated price lists of many sellers, and the name under which an amount remembers them."""

    name: str
    """Such as `genai-prices 0.2.3`."""
    providers: tuple[Provider, ...]
    _found: dict[tuple[str, str], ModelInfo | None] = field(default_factory=dict, repr=False)

    @cached_property
    def thresholds(self) -> tuple[int, ...]:
        """Prompt tokens above which some model of the book costs more, ascending."""
        lists = (one for model in self._models() for one in _list_prices(model))
        prices = (price for one in lists for price in read_prices(one).values())
        return tuple(sorted({tier.start for price in prices for tier in getattr(price, "tiers", ())}))

    @cached_property
    def times(self) -> tuple[time, ...]:
        """Times of the day, UTC, at which some model changes its price, ascending; midnight is the first."""
        changes = {
            _to_utc(moment)
            for model in self._models()
            for constraint in _list_constraints(model)
            if hasattr(constraint, "start_time")
            for moment in (constraint.start_time, constraint.end_time)
        }
        return tuple(sorted(changes | {time()}))

    def find_model(self, seller: str, model: str) -> ModelInfo | None:
        """The entry of `model` in the list of `seller`, or None."""
        key = seller, model
        if key not in self._found:
            provider = next((one for one in self.providers if one.id == seller), None)
            self._found[key] = None if provider is None else provider.find_model(model)
        return self._found[key]

    def _models(self) -> Iterator[ModelInfo]:
        return (model for provider in self.providers for model in provider.models)


@cache
def load_book() -> PriceBook:
    """The book that is installed: the lists inside the genai-prices package, nothing is downloaded."""
    from genai_prices import __version__
    from genai_prices.data import providers

    return build_book(f"genai-prices {__version__}", providers)


def build_book(name: str, providers: Iterable[Provider]) -> PriceBook:
    """A book out of genai-prices' own objects: another version's lists, or a company's negotiated ones."""
    return PriceBook(name, tuple(providers))


def _list_prices(model: ModelInfo) -> list[ModelPrice]:
    standard = [one.prices for one in model.prices] if isinstance(model.prices, list) else [model.prices]
    return standard + [one.prices for one in model.price_variants or ()]


def _list_constraints(model: ModelInfo) -> list[Any]:
    dated = model.prices if isinstance(model.prices, list) else []
    return [one.constraint for one in (*dated, *(model.price_variants or ()))]


def read_prices(prices: ModelPrice) -> dict[str, Any]:
    """The prices that one entry names, by genai-prices' keys: Decimals, or tiers of them; empty for none."""
    return {key: price for key, price in vars(prices).items() if price is not None}


def _to_utc(moment: time) -> time:
    if moment.tzinfo is None:
        return moment
    return datetime.combine(date(1970, 1, 1), moment).astimezone(timezone.utc).time()
