"""Counts that price lists may price apart, beside those that have a column: written for an hour, sound, searches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from flexlib.money.price_book import PriceBook, read_prices
from flexlib.money.unit_prices import TIERS, UnitPrices, Unpriced

EXTRA_COUNTS: Mapping[str, str] = {
    "cache_write_1h_tokens": "cache_write_1h_mtok",
    "cache_audio_read_tokens": "cache_audio_read_mtok",
    "cache_image_read_tokens": "cache_image_read_mtok",
    "input_audio_tokens": "input_audio_mtok",
    "input_image_tokens": "input_image_mtok",
    "input_video_tokens": "input_video_mtok",
    "output_audio_tokens": "output_audio_mtok",
    "output_image_tokens": "output_image_mtok",
    "output_video_tokens": "output_video_mtok",
    "web_searches": "web_searches_kcount",
}
"""Names of such counts in a call's metadata, and the price of each in a list. All but searches are parts of a column's
count."""

ALIKE = frozenset({"google"})
"""Sellers that charge a part at the price of the whole where their list names none of its own."""


def read_extra_counts(metadata: Mapping[str, Any] | None) -> dict[str, int]:
    """The counts in a call's metadata that a list may price apart."""
    return {name: count for name in EXTRA_COUNTS if type(count := (metadata or {}).get(name)) is int and count > 0}


def price_extra_counts(
    book: PriceBook,
    unit: UnitPrices,
    model: str,
    moment: datetime,
    tier: str | None,
    counts: Mapping[str, int],
    apart: Mapping[str, int],
) -> Decimal | Unpriced:
    """USD of all tokens and searches of a call for which `unit` was found, exact, or why nobody can say.

    `counts`: the columns' counts, by genai-prices' names.
    """
    from genai_prices import Usage

    entry = book.find_model(unit.seller, model)
    if entry is None:
        return Unpriced(f"{book.name} does not know {model!r} of {unit.seller}")
    prices = entry.get_prices(moment, dict(TIERS[(tier or "standard").lower()]) or None)
    listed = read_prices(prices)
    unlisted = [name for name in apart if EXTRA_COUNTS[name] not in listed]
    if listed and unlisted and unit.seller not in ALIKE:
        return Unpriced(f"the list has no price of this model for {', '.join(unlisted)}")
    try:
        return prices.calc_price(Usage(**counts, **apart))["total_price"]
    except ValueError as error:
        return Unpriced(f"{book.name} cannot price the counts of this call: {error}")
