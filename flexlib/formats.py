"""How numbers, days and spans are written on console, page and file: in English, whatever the machine's locale."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from flexlib.month import MONTH_NAMES, Span

__all__ = [
    "round_half_up",
    "format_count",
    "format_credits",
    "format_day",
    "format_month",
    "format_share",
    "format_span",
]


def format_count(number: int, thing: str) -> str:
    """`1 call`, `1,234 calls`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def format_credits(hundredths: int, thousands: str = ",") -> str:
    """`75,234.50` of 7523450 hundredths of a credit."""
    sign, size = "-" if hundredths < 0 else "", abs(hundredths)
    return f"{sign}{size // 100:,}.{size % 100:02d}".replace(",", thousands)


def format_share(permille: int) -> str:
    """`60.0` of 600 tenths of a percent, without the sign of percent."""
    sign, size = "-" if permille < 0 else "", abs(permille)
    return f"{sign}{size // 10}.{size % 10}"


def format_day(day: date) -> str:
    """`September 01, 2025`."""
    return f"{MONTH_NAMES[day.month - 1]} {day.day:02d}, {day.year}"


def format_month(day: date) -> str:
    """`September 2025`, the month of the day."""
    return f"{MONTH_NAMES[day.month - 1]} {day.year}"


def format_span(days: Span) -> str:
    """`September 2025` for a whole month, else `2025-09-05 to 2025-09-20`."""
    month = days.months[0]
    return format_month(days.first) if days == month.span else str(days)


def round_half_up(amount: Fraction) -> int:
    """The whole number nearest to an amount that is not negative; the upper one when two are."""
    return int(amount + Fraction(1, 2))
