"""The price book: dated price lists of many sellers, those that genai-prices carries; and whose list prices a call."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from flexlib.enums import LlmProvider, LlmProxy
from flexlib.money.open_prices import ALL_DAYS, HourRule, has_hours, list_hour_rules, read_data_table
from flexlib.names import match_model

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

KEPT = 16_384
"""How many names are remembered: far more than a company calls models."""


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
    _found: dict[tuple[str | None, str], ModelInfo | None] = field(default_factory=dict, repr=False)
    _changes: dict[tuple[str | None, str], Changes] = field(default_factory=dict, repr=False)

    def find_model(self, seller: str | None, model: str) -> ModelInfo | None:
        """The entry of `model` in the list of `seller`, or None; nobody's list (None) has any."""
        key = seller, model
        if key not in self._found:
            provider = next((one for one in self.providers if one.id == seller), None)
            self._found[key] = None if provider is None else provider.find_model(model)
        return self._found[key]

    def find_changes(self, seller: str | None, model: str) -> Changes:
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


@dataclass(frozen=True)
class ListedName:
    """What a price list calls a model."""

    seller: str | None
    """The list, as genai-prices calls it; None: nobody's list has the model."""
    name: str


@dataclass(frozen=True)
class _Rule:
    written: re.Pattern[str]
    listed: str | None
    name: str
    sold_by: frozenset[str]


@lru_cache(maxsize=KEPT)
def find_listed_name(provider: str, model: str, proxy: str | None = None) -> ListedName:
    """Whose list prices the model, and under which name.

    The seller is the proxy where there is one: who sends the bill sets the price. The rules of
    `data/seller_names.csv` are tried in their order on what the ones before have made of the name. Each has the text
    that shows it and the day on which that text, or a stored copy of it, was read; `evidence` is `form` where no text
    was found that documents a spelling: such a rule only turns a name round, and a name that the list does not have
    then is unpriced. A rule without a list is of models that no list prices, though one seems to. A region that may
    cost more (`azure/eu/...`, `bedrock/us-gov-west-1/...`) is left in the name, so that no list knows it; that of an
    ARN is not looked at, as a call by the plain id does not tell its own. What no rule fits is looked up as written.

    >>> find_listed_name("anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    ListedName(seller='aws', name='us.anthropic.claude-sonnet-4-5-20250929-v1:0')
    >>> find_listed_name("anthropic", "claude-4.5-sonnet-thinking")
    ListedName(seller='anthropic', name='claude-sonnet-4.5')
    """
    sold_by = find_seller(provider, proxy)
    found = ListedName(LISTS.get(sold_by), model)
    for rule in _read_rules():
        if sold_by in rule.sold_by and (match := rule.written.fullmatch(found.name)):
            if rule.listed is None:
                return ListedName(None, model)
            found = ListedName(rule.listed, match.expand(rule.name))
    return found


def name_models(models: Iterable[tuple[str, str]], book: PriceBook | None = None) -> dict[tuple[str, str], str]:
    """One name for each model, given as provider and model, however many ways it is spelled in.

    Spellings of one model are those that the maker's list has as one entry, and that differ in nothing but the maker's
    name before them, capitals, punctuation and the date of a version that has no entry of its own. The name is the
    spelling of the list, if it is among them, else the shortest; what no list has keeps its own.

    >>> names = name_models([("openai", "openai/gpt-4.1"), ("openai", "GPT-4.1"), ("openai", "gpt-4.1-2025-04-14")])
    >>> set(names.values())
    {'GPT-4.1'}
    >>> names = name_models([("openai", "gpt-4o"), ("openai", "gpt-4o-2024-08-06"), ("openai", "gpt-4o-2024-05-13")])
    >>> [*names.values()]
    ['gpt-4o', 'gpt-4o', 'gpt-4o-2024-05-13']
    """
    book = book or load_book()
    entries: dict[tuple[str, tuple[str | None, ...]], list[str]] = {}
    for provider, model in sorted(set(models)):
        listed = find_listed_name(provider, model)
        entry = book.find_model(listed.seller, listed.name)
        same = (model,) if entry is None else (listed.seller, entry.id, match_model(listed.name))
        entries.setdefault((provider, same), []).append(model)
    names: dict[tuple[str, str], str] = {}
    for (provider, known), spellings in entries.items():
        name = min(spellings, key=lambda model: (model not in known, len(model), model))
        names |= {(provider, model): name for model in spellings}
    return names


DATED = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2})$")


@lru_cache(maxsize=KEPT)
def name_model(model: str) -> str:
    """What a model is called to a budget, whoever makes or sells it: one text for all spellings that `name_models` has
    as one; a model that no list of a maker has, as it is spelled, in small letters.

    >>> name_model("openai/gpt-4.1"), name_model("GPT-4.1 "), name_model("gpt-4.1-2025-04-14")
    ('gpt-4-1', 'gpt-4-1', 'gpt-4-1')
    >>> name_model("gpt-4o-2024-08-06"), name_model("gpt-4o-2024-05-13"), name_model("Our own 4.1")
    ('gpt-4o', 'gpt-4o-2024-05-13', 'our own 4.1')
    """
    model = model.strip()
    for maker in LlmProvider:
        listed = find_listed_name(maker, model)
        entry = load_book().find_model(listed.seller, listed.name)
        if entry is not None:
            day = DATED.search(listed.name)
            own = f"-{day[1]}" if day and entry.id.endswith(day[1]) else ""
            return match_model(listed.name) + own
    return model.lower()


def find_seller(provider: str, proxy: str | None) -> str:
    """Whose price counts, by our name."""
    return (proxy or provider).lower()


@cache
def _read_rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(re.compile(row["written"]), row["list"] or None, row["name"], frozenset(row["sold_by"].split()))
        for row in read_data_table("seller_names.csv")
    )
