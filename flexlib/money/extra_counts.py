"""Counts that price lists may price on their own, beside those of every call: an hour's cache, sound, searches.

All but searches are parts of a base count, and some are parts of one another: sound read from a cache is cached tokens
and sound. A list charges a token at the price of the narrowest kind that it names, so what it charges at each price is
a sum of the call's counts with whole coefficients, and so is the amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

from flexlib import enums

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice
    from genai_prices.units import UnitDef, UnitRegistry


BASE_COUNTS: Mapping[str, str] = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "cached_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
}
"""The counts of every call, by our columns, and what genai-prices calls them."""

EXTRA_COUNTS: Mapping[str, str] = {
    name: name.replace("_tokens", "_mtok").replace("web_searches", "web_searches_kcount") for name in enums.EXTRA_COUNTS
}
"""The extra counts, by our columns, which genai-prices calls the same, and the key of each one's price in a list."""

SELLERS_WITH_BASE_RATE = frozenset({"google"})
"""Sellers that charge a part at the rate of its base count where their list names no price of the part."""

COUNTED = frozenset({*BASE_COUNTS.values(), *EXTRA_COUNTS})


@dataclass(frozen=True, eq=False)
class ListShape:
    """What a list with certain price keys charges, in genai-prices' names of counts."""

    charged: Mapping[str, Mapping[str, int]]
    """For each price key how many units it charges: a coefficient for each count, the rest 0."""
    needed: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """Counts that must be given (0 is given) where one of the groups beside it is counted, all of the group above 0."""
    fault: str | None
    """Why genai-prices prices no call by such a list; None where it does."""

    def is_contradicted(self, counts: Mapping[str, Any], absent: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Whether the counts cannot all be true, or leave open what is charged at which price.

        `counts`: a number for each count, 0 where it was not given; `absent`: whether it was not, as of a count that is
        not there. Both numbers of one call or arrays of many, and the answer likewise.
        """
        broken: Any = False
        for sums in self.charged.values():
            broken = broken | (sum(factor * counts[name] for name, factor in sums.items()) < 0)
        for name, groups in self.needed:
            for first, *others in groups:
                counted = counts[first] > 0
                for other in others:
                    counted = counted & (counts[other] > 0)
                broken = broken | (absent.get(name, True) & counted)
        return broken


@cache
def read_shape(keys: frozenset[str]) -> ListShape:
    """The shape of a list that names prices of these keys; keys that genai-prices does not know charge nothing."""
    from genai_prices.decompose import is_descendant_or_self
    from genai_prices.validation import validate_priced_units

    registry = _load_registry()
    known = {unit.price_key: unit for unit in registry.units.values()}
    units = sorted(
        (known[key] for key in keys & known.keys()), key=lambda unit: (-len(unit.dimensions), unit.usage_key)
    )
    try:
        validate_priced_units(units, registry)
    except ValueError as error:
        return ListShape({}, (), str(error))
    charged: dict[str, Mapping[str, int]] = {}
    for unit in units:
        sums = Counter({unit.usage_key: 1} if unit.usage_key in COUNTED else {})
        for part in units:
            if part is not unit and is_descendant_or_self(unit, part):
                sums.subtract(charged[part.price_key])
        charged[unit.price_key] = {name: factor for name, factor in sums.items() if factor}
    needed = ((unit.usage_key, tuple(_list_groups(unit, registry))) for unit in units)
    return ListShape(charged, tuple((name, groups) for name, groups in needed if groups), None)


def explain_contradiction(prices: ModelPrice, counts: Mapping[str, int]) -> str:
    """What genai-prices says of counts (by its names, those given) that contradict each other."""
    from genai_prices import Usage

    try:
        prices.calc_price(Usage(**counts))
    except ValueError as error:
        return str(error)
    return "they contradict each other"


def _list_groups(unit: UnitDef, registry: UnitRegistry) -> Iterator[tuple[str, ...]]:
    """Counts from which it follows that some of the unit's were counted: a part of it, or two that overlap in it."""
    from genai_prices.decompose import is_descendant_or_self

    counted = [registry.units[name] for name in sorted(COUNTED - {unit.usage_key})]
    yield from ((part.usage_key,) for part in counted if is_descendant_or_self(unit, part))
    for one, other in combinations(counted, 2):
        overlap = {**one.dimensions, **other.dimensions}  # of a kind and a part of it: the part, which is not the unit
        if one.is_compatible_with(other) and overlap == unit.dimensions:
            yield one.usage_key, other.usage_key


@cache
def _load_registry() -> UnitRegistry:
    from genai_prices.data_units import unit_data
    from genai_prices.units import UnitRegistry

    return UnitRegistry(unit_data)
