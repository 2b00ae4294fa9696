"""What a dollar was worth in Chilean pesos on a day: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

__all__ = ["Rate", "convert_to_clp", "find_rate"]


@dataclass(frozen=True, order=True)
class Rate:
    """One observation: pesos for a dollar."""

    day: date
    value: Decimal
    source: str


def find_rate(rates: Sequence[Rate], moment: datetime | date) -> Rate | None:
    """The rate that holds at `moment`, its day being Santiago's; None where none is known, never 1."""
    raise NotImplementedError


def convert_to_clp(amount_usd: Decimal, rate: Rate) -> Decimal:
    """`amount_usd` in pesos, to 1e-4."""
    raise NotImplementedError
