"""Numbers, days and moments as a page shows them, on top of `formats`: a dash for what is not known."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal

from flexlib.formats import format_credits, format_month, format_share

__all__ = [
    "LIST_PRICE",
    "UNKNOWN",
    "price_credits",
    "write_change",
    "write_count",
    "write_credits",
    "write_day",
    "write_moment",
    "write_share",
    "write_usd",
    "write_whole_credits",
]

UNKNOWN = "–"
"""What stands where a number is not known: never a zero."""

PERCENT = "\u00a0%"  # no line may end before the sign

LIST_PRICE = Decimal("0.04")
"""US$ for one flex credit as listed (add-on packs of 1,000 for US$40); a contract may say otherwise."""


def write_credits(hundredths: int | None) -> str:
    """`1,234.56` for 123456 hundredths of a credit."""
    return UNKNOWN if hundredths is None else format_credits(hundredths)


def write_whole_credits(hundredths: int) -> str:
    """`1,235` for 123456 hundredths of a credit, where the exact figure stands elsewhere; a half goes up."""
    return write_usd(Decimal(hundredths) / 100, "1")


def write_count(count: int | None) -> str:
    """`12,543`."""
    return UNKNOWN if count is None else f"{count:,}"


def write_share(permille: int | None) -> str:
    """`38.4 %` for 384 tenths of a percent."""
    return UNKNOWN if permille is None else f"{format_share(permille)}{PERCENT}"


def write_change(permille: int | None) -> str:
    """`+9.6 %` for 96 tenths of a percent more, `−9.6 %` for as much less."""
    if permille is None:
        return UNKNOWN
    sign = "+" if permille > 0 else "−" if permille < 0 else "±"
    return f"{sign}{abs(permille) // 10:,}.{abs(permille) % 10}{PERCENT}"


def price_credits(hundredths: int) -> Decimal:
    """US$ at list price, exact."""
    return Decimal(hundredths) / 100 * LIST_PRICE


def write_usd(amount: Decimal, places: str = "0.01") -> str:
    """`4,709.38`, without the unit; a half goes up."""
    return f"{amount.quantize(Decimal(places), ROUND_HALF_UP):,}"


def write_day(day: date) -> str:
    """`15 Sep`."""
    return f"{day.day} {format_month(day)[:3]}"


def write_moment(moment: datetime) -> str:
    """`3 Oct 2025, 06:00 UTC`."""
    moment = moment.astimezone(timezone.utc)
    return f"{write_day(moment)} {moment.year}, {moment:%H:%M} UTC"
