"""The price book: dated price lists of many sellers, those that genai-prices carries inside its package."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from flexlib.enums import LlmProvider, LlmProxy
from flexlib.money.open_prices import ALL_DAYS, HourRule, has_hours, list_hour_rules

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider


LISTS: Mapping[str, str] = {
    LlmProvider.AMAZON: "aws",
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
    LlmProxy.BEDROCK: "aws",
    LlmProxy.FIREWORKS: "fireworks",
    LlmProxy.OPENROUTER: "openrouter",
    LlmProxy.TOGETHER: "together",
}
"""Whose list in genai-prices is meant by a provider or a proxy of ours; who is not here publishes none."""


@dataclass(frozen=True)
class Changes:
    """Where the prices of one model change, each ascending."""

    days: tuple[date, ...] = ()
    """Days of UTC from which other prices hold."""
    times: tuple[time, ...] = (time(),)
    """Times of the day, UTC, from which others hold; midnight is the first."""
    thresholds: tuple[int, ...] = ()
    """Prompt tokens above which others hold."""
    by_weekday: bool = False
    """Whether the day of the week decides too: then no two days share a price."""

    def find_start(self, moment: datetime, prompt_tokens: int) -> tuple[datetime, int]:
        """The first day and time (naive UTC) and the fewest prompt tokens with the prices that hold there."""
        if moment.tzinfo:
            moment = moment.astimezone(timezone.utc)
        past = bisect_right(self.days, moment.date())
        day = moment.date() if self.by_weekday else self.days[past - 1] if past else date.min
        clock = self.times[bisect_right(self.times, moment.time()) - 1]
        passed = bisect_left(self.thresholds, prompt_tokens)
        return datetime.combine(day, clock), self.thresholds[passed - 1] + 1 if passed else 0


@dataclass(frozen=True, eq=False)
class PriceBook:
    """Dated price lists of many sellers, and the name under which an amount remembers them."""

    name: str
    """Such as `genai-prices 0.2.3`."""
    providers: tuple[Provider, ...]
    _found: dict[tuple[str, str], ModelInfo | None] = field(default_factory=dict, repr=False)
    _changes: dict[tuple[str, str], Changes] = field(default_factory=dict, repr=False)

    def find_model(self, seller: str, model: str) -> ModelInfo | None:
        """The entry of `model` in the list of `seller`, or None."""
        key = seller, model
        if key not in self._found:
            provider = next((one for one in self.providers if one.id == seller), None)
            self._found[key] = None if provider is None else provider.find_model(model)
        return self._found[key]

    def find_changes(self, seller: str, model: str) -> Changes:
        """Where the prices of `model` in the list of `seller` change; never, where it is not in it."""
        key = seller, model
        if key not in self._changes:
            entry = self.find_model(seller, model)
            self._changes[key] = Changes() if entry is None else _list_changes(entry, list_hour_rules(seller, entry))
        return self._changes[key]


@cache
def load_book() -> PriceBook:
    """The book that is installed: the lists inside the genai-prices package, nothing is downloaded."""
    from genai_prices import __version__
    from genai_prices.data import providers

    return build_book(f"genai-prices {__version__}", providers)


def build_book(name: str, providers: Iterable[Provider]) -> PriceBook:
    """A book out of genai-prices' own objects: another version's lists, or a company's negotiated ones."""
    return PriceBook(name, tuple(providers))


def _list_changes(model: ModelInfo, rules: Sequence[HourRule]) -> Changes:
    dated = model.prices if isinstance(model.prices, list) else []
    variants = model.price_variants or ()
    lists = [one.prices for one in (*dated, *variants)]
    if not isinstance(model.prices, list):
        lists.append(model.prices)
    constraints: list[Any] = [one.constraint for one in (*dated, *variants)]
    hours = [one for one in constraints if has_hours(one)]
    days = {one.start_date for one in constraints if hasattr(one, "start_date")}
    days |= {day for one in rules for day in (one.first, one.end)} - {date.min, date.max}
    prices = [price for one in lists for price in read_prices(one).values()]
    return Changes(
        tuple(sorted(days)),
        tuple(sorted({time()} | {_to_utc(moment) for one in hours for moment in (one.start_time, one.end_time)})),
        tuple(sorted({step.start for price in prices for step in getattr(price, "tiers", ())})),
        any(one.weekdays != ALL_DAYS for one in rules),
    )


def read_prices(prices: ModelPrice) -> dict[str, Any]:
    """The prices that one entry names, by genai-prices' keys: Decimals, or tiers of them; empty for none."""
    return {key: price for key, price in vars(prices).items() if price is not None}


def _to_utc(moment: time) -> time:
    if moment.tzinfo is None:
        return moment
    return datetime.combine(date(1970, 1, 1), moment).astimezone(timezone.utc).time()
