"""What a flex credit cost in dollars on a day: the list price, unless the company's own file says otherwise.

Both are tables of `from,until,usd_per_credit,source`: a price holds from the day `from` up to but without `until`;
empty is open. A company with a contract of its own writes ROOT/prices/windsurf_credits.csv; for the days that it does
not cover, the list price holds.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from flexlib.errors import BadFile

COLUMNS = ["from", "until", "usd_per_credit", "source"]
LIST = "windsurf_credit_prices.csv"


@dataclass(frozen=True, order=True)
class CreditPrice:
    """Dollars for one credit, from `first` up to but without `end`."""

    first: date
    end: date
    usd: Decimal
    source: str


CreditPrices = tuple[CreditPrice, ...]
"""The first that holds on a day is the price of that day."""


def find_credit_price(prices: CreditPrices, day: date) -> CreditPrice | None:
    """The price that holds on the day (of UTC, as Windsurf counts), or None."""
    return next((one for one in prices if one.first <= day < one.end), None)


def read_credit_prices(name: str, text: str) -> list[CreditPrice]:
    rows = csv.reader(text.splitlines())
    if next(rows, None) != COLUMNS:
        raise BadFile(f"{name} does not start with {','.join(COLUMNS)}; write it so, a line a price.")
    prices = sorted(_read_price(name, number, row) for number, row in enumerate(rows, 2))
    for one, other in zip(prices, prices[1:], strict=False):
        if one.end > other.first:
            raise BadFile(f"{name} has two prices for {other.first}: {one.usd} and {other.usd}; end the first before.")
    return prices


def _read_price(name: str, number: int, row: list[str]) -> CreditPrice:
    try:
        first, end, usd, source = row
        price = CreditPrice(
            date.fromisoformat(first) if first else date.min,
            date.fromisoformat(end) if end else date.max,
            Decimal(usd),
            source,
        )
        if not price.usd.is_finite() or price.usd < 0 or price.first >= price.end:
            raise ValueError("a price is 0 or more, and holds for a day at least")
        if price.usd != round(price.usd, 8):
            raise ValueError("a price has at most 8 decimals")
    except (ValueError, InvalidOperation) as error:
        raise BadFile(f"{name}, line {number} cannot be read: {','.join(row)!r} ({error}). Mend it.") from error
    return price
