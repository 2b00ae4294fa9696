"""Whose price list a call is priced by, and what that list calls the model: sellers write the same model differently.

The table `data/seller_names.csv` holds the spellings, each with the text that shows it and the day on which that text,
or a stored copy of it, was read. `evidence` is `form` where no text was found that documents a spelling: such a rule
only turns a name round, and a name that the list does not have then is unpriced. Its rules are tried in their order on
what the ones before have made of the name. A rule without a list is of models that no list prices, though one seems
to: they are unpriced. A region that may cost more (`azure/eu/...`, `bedrock/us-gov-west-1/...`) is left in the name, so
that no list knows it; that of an ARN is not looked at, as a call by the plain id does not tell its own. What no rule
fits is looked up as it is written; the stored model always keeps the name that its source wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from flexlib.money.open_prices import read_data_table
from flexlib.money.price_book import LISTS

KEPT = 16_384
"""How many names are remembered: far more than a company calls models."""


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

    The seller is the proxy where there is one: who sends the bill sets the price.

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


def find_seller(provider: str, proxy: str | None) -> str:
    """Whose price counts, by our name."""
    return (proxy or provider).lower()


@cache
def _read_rules() -> tuple[_Rule, ...]:
    return tuple(
        _Rule(re.compile(row["written"]), row["list"] or None, row["name"], frozenset(row["sold_by"].split()))
        for row in read_data_table("seller_names.csv")
    )
