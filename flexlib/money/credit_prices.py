"""What a flex credit cost in dollars on a day: the list price, unless the company's own file says otherwise.

Both are tables of `from,until,usd_per_credit,source`: a price holds from the day `from` up to but without `until`;
empty is open. A company with a contract of its own writes ROOT/prices/windsurf_credits.csv; for the days that it does
not cover, the list price holds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from flexlib.errors import BadFile
from flexlib.i18n import _, translate_count
from flexlib.money.fx import EXACT, Rates, find_rate
from flexlib.nesting import Unreadable, explain_line

COLUMNS = ["from", "until", "usd_per_credit", "source"]
LIST = "windsurf_credit_prices.csv"
NO_RATES = Rates()


@dataclass(frozen=True, order=True)
class CreditPrice:
    """Dollars for one credit, from `first` up to but without `end`."""

    first: date
    end: date
    usd: Decimal
    source: str
    is_own: bool = False
    """Whether it is of the company's own file, not of the list."""


CreditPrices = tuple[CreditPrice, ...]
"""The first that holds on a day is the price of that day."""


def find_credit_price(prices: CreditPrices, day: date) -> CreditPrice | None:
    """The price that holds on the day (of UTC, as Windsurf counts), or None."""
    return next((one for one in prices if one.first <= day < one.end), None)


def find_listed(prices: CreditPrices, days: Iterable[date]) -> list[date]:
    """Of the days on which credits were spent those at the list price though the company has one of its own for others:
    its file leaves them out. None where all are at the list price, as the contract is over or has not begun."""
    found = {day: price for day in sorted({*days}) if (price := find_credit_price(prices, day))}
    listed = [day for day, price in found.items() if not price.is_own]
    return listed if len(listed) < len(found) else []


def explain_listed(listed: Sequence[date]) -> list[str]:
    """That days are at the list price, of `find_listed`; changes no state, as a contract may have been made so."""
    said = translate_count(
        "The credits of {day} are at the list price: prices/windsurf_credits.csv has none for it. Its until is the "
        "first day on which a price holds no more.",
        "The credits of {count} days, the first {day}, are at the list price: prices/windsurf_credits.csv has none "
        "for them. Its until is the first day on which a price holds no more.",
        len(listed),
    )
    return [said.format(count=len(listed), day=listed[0])] if listed else []


def price_credits(prices: CreditPrices, day: date, hundredths: int) -> Decimal | None:
    """US$ for so many hundredths of a flex credit spent on the day, exact; None where no price is known.

    No credits cost nothing, at whatever price.
    """
    price = find_credit_price(prices, day)
    if not hundredths:
        return Decimal(0)
    return None if price is None else Decimal(hundredths).scaleb(-2) * price.usd


@dataclass(frozen=True)
class CreditCost:
    """What the flex credits of several days cost."""

    usd: Decimal | None
    """Exact; None where some of them have no known price."""
    prices: CreditPrices
    """The prices by which they were charged, in the order of the days."""
    clp: Decimal | None = None
    """The same in pesos, each day at its rate; None where one that cost something has none, or no day did."""
    listed: tuple[date, ...] = ()
    """The days that the company's own file left to the list price, as `find_listed` has them."""

    @property
    def whose(self) -> str:
        """Whose prices they are: `list price`, `your price`, or both; the list's where there are none."""
        found = {one.is_own for one in self.prices}
        return "your price and list price" if len(found) > 1 else "your price" if True in found else "list price"


def price_days(prices: CreditPrices, days: Iterable[tuple[date, int]], rates: Rates = NO_RATES) -> CreditCost:
    """The cost of the hundredths of a flex credit spent on each day: the exact sum of the days', each at its price, and
    in pesos at its rate.

    Where nothing was spent, the prices are those of all the days.
    """
    days = list(days)
    amounts = [price_credits(prices, day, hundredths) for day, hundredths in days]
    spent = [day for day, hundredths in days if hundredths] or [day for day, _ in days]
    charged = dict.fromkeys(one for day in spent if (one := find_credit_price(prices, day)))
    known = [one for one in amounts if one is not None]
    if len(known) < len(days):
        return CreditCost(None, tuple(charged))
    found = [(amount, find_rate(rates, day)) for amount, (day, _) in zip(known, days, strict=True) if amount]
    pesos = [EXACT.multiply(amount, rate.value) for amount, rate in found if rate is not None]
    is_whole = bool(found) and len(pesos) == len(found)
    listed = tuple(find_listed(prices, spent))
    return CreditCost(sum(known, Decimal(0)), tuple(charged), sum(pesos, Decimal(0)) if is_whole else None, listed)


def read_credit_prices(name: str, text: str) -> list[CreditPrice]:
    """The prices of one table, ascending. Raises `BadFile`, naming the line and what is wrong with it."""
    rows = csv.reader(text.splitlines())
    if next(rows, None) != COLUMNS:
        raise BadFile(
            _("{name} does not start with {columns}; make this its first line, then one row per price.").format(
                name=name, columns=",".join(COLUMNS)
            )
        )
    prices = sorted(_read_price(name, number, row) for number, row in enumerate(rows, 2))
    for one, other in zip(prices, prices[1:], strict=False):
        if one.end > other.first:
            raise BadFile(
                _("{name} has two prices for {first}: {usd} and {usd_2}; end the first before.").format(
                    name=name, first=other.first, usd=one.usd, usd_2=other.usd
                )
            )
        if one.end + timedelta(1) == other.first:  # nobody's contract stops for a day: until was taken for the last one
            raise BadFile(
                _(
                    "{name} has no price for {day}: from its until on a price holds no more; write {first} there."
                ).format(name=name, day=one.end, first=other.first)
            )
    return prices


def read_amount(text: str) -> Decimal:
    """The number of a cell. Raises `ValueError` where it is none.

    >>> read_amount("0.04")
    Decimal('0.04')
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Unreadable(_("{text!r} is no number; write it as 0.04").format(text=text)) from None


def _read_price(name: str, number: int, row: list[str]) -> CreditPrice:
    try:
        first, end, usd, source = row
        price = CreditPrice(
            date.fromisoformat(first) if first else date.min,
            date.fromisoformat(end) if end else date.max,
            read_amount(usd),
            source,
            is_own=name != LIST,
        )
        if not price.usd.is_finite() or price.usd < 0 or price.first >= price.end:
            raise Unreadable(_("a price is 0 or more, and holds for a day at least"))
        if price.usd != round(price.usd, 8):
            raise Unreadable(_("a price has at most 8 decimals"))
    except ValueError as error:
        raise BadFile(
            _("{name}, line {number} cannot be read: {row!r} ({error}). Fix this line.").format(
                name=name, number=number, row=",".join(row), error=explain_line(error)
            )
        ) from error
    return price
