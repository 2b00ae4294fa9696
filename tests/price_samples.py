"""What the tests of prices stand on: books of made-up models, whose prices are round numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any

from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from flexlib.money.price_book import PriceBook, build_book
from flexlib.money.prices import Price, price_call
from flexlib.money.unit_prices import Unpriced

SEPTEMBER = datetime(2025, 9, 10, 12, tzinfo=timezone.utc)


def build_house(*models: ModelInfo, seller: str = "openai") -> PriceBook:
    """A book with one list, that of `seller`, of made-up models."""
    return build_book("house 1", [Provider(id=seller, name="House", api_pattern="", models=list(models))])


def build_model(
    name: str,
    prices: ModelPrice | list[ConditionalPrice],
    variants: Sequence[PriceVariant] | None = None,
    comments: str | None = None,
) -> ModelInfo:
    return ModelInfo(
        id=name,
        match=ClauseEquals(name),
        prices=prices,
        price_variants=None if variants is None else list(variants),
        price_comments=comments,
    )


def list_prices(**usd: str | TieredPrices) -> ModelPrice:
    """The prices of a model, USD for a million tokens or a thousand searches: `list_prices(input_mtok="2")`."""
    return ModelPrice(**{key: Decimal(one) if isinstance(one, str) else one for key, one in usd.items()})


def step_up(base: str, **above: str) -> TieredPrices:
    """A price that is another above so many prompt tokens: `step_up("1", over_100="2")`."""
    tiers = [Tier(start=int(name.removeprefix("over_")), price=Decimal(usd)) for name, usd in above.items()]
    return TieredPrices(base=Decimal(base), tiers=tiers)


def price_from(day: date | None, **usd: str | TieredPrices) -> ConditionalPrice:
    """Prices that hold from a day on."""
    return ConditionalPrice(None if day is None else StartDateConstraint(day), prices=list_prices(**usd))


def price_between(start: time, end: time, **usd: str | TieredPrices) -> ConditionalPrice:
    """Prices that hold at some hours of each day."""
    return ConditionalPrice(TimeOfDateConstraint(start, end), prices=list_prices(**usd))


def price_tokens(
    provider: str,
    model: str,
    moment: datetime = SEPTEMBER,
    **more: Any,  # noqa: ANN401
) -> Price | Unpriced:
    """The price of 1,000 + 100 tokens, unless `more` says otherwise."""
    return price_call(provider, model, moment, **{"prompt_tokens": 1_000, "completion_tokens": 100, **more})


def read_reason(answer: Price | Unpriced) -> str:
    assert isinstance(answer, Unpriced), answer
    return answer.reason


def read_usd(answer: Price | Unpriced) -> Decimal:
    assert isinstance(answer, Price), answer
    return answer.amount_usd


HOUSE = build_house(
    build_model("plain", list_prices(input_mtok="2", output_mtok="20")),
    build_model("reads", list_prices(input_mtok="2")),
    build_model("writes", list_prices(output_mtok="20")),
    build_model("gold", list_prices(input_mtok="1000000")),  # a dollar a token
    build_model("asks", list_prices(input_mtok=step_up("1", over_100="2"), requests_kcount="1000")),  # a dollar a call
    build_model("steps", list_prices(input_mtok=step_up("1", over_100="2"))),
    build_model("given", list_prices(), comments="Free of charge."),
    build_model(
        "keeps",
        list_prices(
            input_mtok="2", output_mtok="20", cache_write_mtok="3", cache_write_1h_mtok="5", web_searches_kcount="7"
        ),
    ),
    build_model(
        "hears",
        list_prices(
            input_mtok="2", output_mtok="20", cache_read_mtok="1", input_audio_mtok="10", cache_audio_read_mtok="4"
        ),
    ),
    build_model("speaks", list_prices(input_mtok="2", output_mtok="20", output_audio_mtok="40")),
    build_model("sees", list_prices(input_mtok="2", input_audio_mtok="10", input_image_mtok="6")),
    build_model("torn", list_prices(input_mtok="2", cache_write_1h_mtok="5")),
)
"""Models named after what their lists price, of openai's."""
