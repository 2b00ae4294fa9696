"""What a call cost by the published price list, dated by the call's time: pure and offline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

__all__ = ["Price", "price_usage"]


@dataclass(frozen=True)
class Price:
    """What one call cost by the price list."""

    amount_usd: Decimal
    """USD, exact to 1e-10."""
    source: str
    """The price book and its version, such as `genai-prices 0.2.3`."""
    date: date | None
    """The day from which this price holds; None where the book does not date it."""


def price_usage(
    provider: str,
    model: str,
    created_at: datetime,
    *,
    prompt_tokens: int,
    completion_tokens: int,
    cached_tokens: int = 0,
    cache_write_tokens: int = 0,
    task_type: str = "text",
    tier: str | None = None,
) -> Price | None:
    """The list price of one call, or None where the book does not price it (never zero for unknown)."""
    raise NotImplementedError
