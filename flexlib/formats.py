"""How numbers, days and spans are written on console and page, in the reader's language; files use `format_plain`."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from flexlib.dates import Month, Span
from flexlib.i18n import (
    _,
    find_language,
    list_month_names,
    list_short_months,
    list_short_weekdays,
    mark_text,
    translate_count,
    write_number,
)

UNIT_NAMES = {"flex_credits": mark_text("flex credits"), "usd": "US$", "clp": "CLP"}
"""What units are called within a sentence."""
UNIT_PLACES = {"flex_credits": 2, "usd": 2, "clp": 0}
"""Their decimals."""


def clean_text(text: str) -> str:
    """A text from outside without what would steer a terminal or turn the letters around it: `�` stands there.

    >>> clean_text("a\u202e\x1b[31mb")
    'a��[31mb'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\u00a0" else "�" for letter in text)


def clean_lines(text: str) -> str:
    """The same of a text of several lines, which stay."""
    return "\n".join(map(clean_text, text.split("\n")))


def is_utf8(text: str) -> bool:
    """Whether it can be written: a name on a disk may hold bytes that are no letters, which stand in it as halves."""
    return text.encode("utf-8", "replace") == text.encode("utf-8", "surrogatepass")


def capitalize_first(sentence: str) -> str:
    """A sentence that may begin with a month's name, which is small in Spanish."""
    return sentence[:1].upper() + sentence[1:]


def format_count(number: int, thing: str) -> str:
    """`1 call`, `1,234 calls`; in Spanish `1 llamada`, `1.234 llamadas`."""
    one = "{count} " + thing
    many = f"{one}s"
    return translate_count(one, many, number).format(count=format_number(number))


def format_number(number: int) -> str:
    """`1,234`; in Spanish `1.234`."""
    return write_number(f"{number:,}")


def format_date(day: date) -> str:
    """`2025-09-15`; in Spanish `15 sept 2025`."""
    return str(day) if find_language() == "en" else f"{format_short_day(day)} {day.year}"


def count_calls_at_least(count: int, *, is_least: bool) -> str:
    """`46 calls`; `at least 46 calls` where a row does not say how many it sums, and counts as one."""
    text = translate_count("{count} call", "{count} calls", count).format(count=format_number(count))
    return _("at least {amount}").format(amount=text) if is_least else text


def count_people(count: int) -> str:
    return translate_count("{count} person", "{count} people", count).format(count=format_number(count))


def format_few(expected: float) -> str:
    """`0.3` of 0.31 that are expected; what would be written as none is `under 0.1`."""
    return (
        write_number(f"{expected:.1f}") if expected >= 0.05 else _("under {number}").format(number=write_number("0.1"))
    )


def format_credits(hundredths: int, thousands: str = ",") -> str:
    """`75,234.50` of 7523450 hundredths of a credit; without `thousands`, for a file, the same in every language."""
    sign, size = "-" if hundredths < 0 else "", abs(hundredths)
    text = f"{sign}{size // 100:,}.{size % 100:02d}"
    return write_number(text) if thousands else text.replace(",", "")


def format_share(permille: int) -> str:
    """`60.0` of 600 tenths of a percent, without the sign of percent, for a file."""
    sign, size = "-" if permille < 0 else "", abs(permille)
    return f"{sign}{size // 10}.{size % 10}"


def format_day(day: date) -> str:
    """`September 01, 2025`."""
    return _("{month} {day:02d}, {year}").format(month=list_month_names()[day.month - 1], day=day.day, year=day.year)


def format_month(day: date) -> str:
    """`September 2025`, the month of the day."""
    return Month.containing(day).title


def format_span(days: Span) -> str:
    """`September 2025` for a whole month, else `2025-09-05 to 2025-09-20`."""
    month = days.months[0]
    if days == month.span:
        return month.title
    return _("{first} to {last}").format(first=format_date(days.first), last=format_date(days.last))


def round_half_up(amount: Fraction) -> int:
    """The whole number nearest to an amount that is not negative; the upper one when two are."""
    return int(amount + Fraction(1, 2))


UNKNOWN = "–"
"""What stands where a number is not known: never a zero."""

PERCENT = "\u00a0%"  # no line may end before the sign


def format_whole_credits(hundredths: int) -> str:
    """`1,235` for 123456 hundredths of a credit, where the exact figure stands elsewhere; a half goes up."""
    return _format_rounded(Decimal(hundredths) / 100, "1")


def format_share_percent(permille: int) -> str:
    """`38.4 %` for 384 tenths of a percent."""
    return f"{write_number(format_share(permille))}{PERCENT}"


def format_change(permille: int) -> str:
    """`+9.6 %` for 96 tenths of a percent more, `−9.6 %` for as much less."""
    sign = "+" if permille > 0 else "−" if permille < 0 else "±"
    return write_number(f"{sign}{abs(permille) // 10:,}.{abs(permille) % 10}") + PERCENT


def round_amount(amount: Decimal, places: str = "0.01") -> Decimal:
    """What is shown of an amount, of a difference and of its parts alike: a half goes away from 0."""
    return amount.quantize(Decimal(places), ROUND_HALF_UP)


def _format_rounded(amount: Decimal, places: str = "0.01") -> str:
    """`4,709.38`, without the unit; a half goes up."""
    return write_number(f"{round_amount(amount, places):,}")


def format_amount(amount: Decimal, places: str = "0.01") -> str:
    """`4,709.38`, without the unit; `< 0.01` or `> -0.01` for what would round to nothing and is not nothing."""
    if amount and abs(amount) < Decimal(places) / 2:
        return write_number(f"< {places}" if amount > 0 else f"> -{places}")
    return _format_rounded(amount or Decimal(0), places)  # no sign before a zero


def format_signed(amount: Decimal, places: str = "0.01") -> str:
    """`+4,709.38`, `−17.00` of a difference; nothing before what rounds to 0.

    >>> format_signed(Decimal("4709.38")), format_signed(Decimal("-17")), format_signed(Decimal("0.001"))
    ('+4,709.38', '−17.00', '0.00')
    """
    text = _format_rounded(abs(amount), places)
    return f"{'+' if amount > 0 else '−'}{text}" if text.strip("0,.") else text


WHOLE = {"CLP", "JPY", "KRW"}
"""Currencies without cents."""


def format_money(amount: Decimal, currency: str) -> str:
    """The amount with the decimals that its currency has, without its sign: `3,018` of CLP, `3.13` of others.

    >>> format_money(Decimal("3018.071"), "CLP"), format_money(Decimal("3.13"), "USD")
    ('3,018', '3.13')
    """
    return format_amount(amount, "1" if currency in WHOLE else "0.01")


def format_usd(amount: Decimal, places: str = "0.01") -> str:
    """`US$ 4,709.38`; in Spanish `US$4.709,38`."""
    return _("US$ {amount}").format(amount=format_amount(amount, places))


def format_megabytes(size: int) -> str:
    """`1.5` of so many bytes."""
    return write_number(f"{size / 1e6:,.1f}")


def format_exact(amount: Decimal) -> str:
    """`1,356,158.9044` of 1356158.90440: every digit as a reader reads it, at least two behind the point."""
    whole, _point, rest = f"{amount:,f}".partition(".")
    return write_number(f"{whole}.{rest.rstrip('0').ljust(2, '0')}")


def format_plain(amount: Decimal) -> str:
    """`0.895874` of 0.895874000: every digit, no zero behind the last, for files and JSON."""
    text = f"{amount:f}" if amount else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


SHORT_UNITS = {
    "en": ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")),
    "es": ((1e12, "\u00a0B"), (1e6, "\u00a0M"), (1e3, "\u00a0mil")),  # 1000 millones are no unit, 1 B is a million M
}


def format_short_number(number: float) -> str:
    """`1.5k`, `20M`, `3G`: a number of an axis or of a narrow cell."""
    size, unit = next(
        ((size, unit) for size, unit in SHORT_UNITS.get(find_language(), SHORT_UNITS["en"]) if number >= size), (1, "")
    )
    return write_number(f"{number / size:g}") + unit


def format_duration(milliseconds: int | None) -> str:
    """`840 ms`, `1.2 s`, `3 min 20 s`; a dash where it is not known.

    >>> format_duration(840), format_duration(1240), format_duration(200_000)
    ('840\\xa0ms', '1.2\\xa0s', '3\\xa0min 20\\xa0s')
    """
    if milliseconds is None:
        return UNKNOWN
    if milliseconds < 1000:
        return f"{milliseconds}\u00a0ms"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}\u00a0min {seconds}\u00a0s" if minutes else write_number(f"{milliseconds / 1000:.1f}\u00a0s")


def format_short_day(day: date) -> str:
    """`15 Sep`; in Spanish `15 sept`."""
    return f"{day.day} {list_short_months()[day.month - 1]}"


def format_weekday(day: date) -> str:
    """`Mon`."""
    return list_short_weekdays()[day.weekday()]


def format_moment(moment: datetime) -> str:
    """`3 Oct 2025, 06:00 UTC`."""
    moment = moment.astimezone(timezone.utc)
    return f"{format_short_day(moment)} {moment.year}, {moment:%H:%M} UTC"
