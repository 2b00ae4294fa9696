"""What a dollar was worth in Chilean pesos on a day of Santiago's, and other currencies in dollars: pure.

The central bank publishes the observed dollar for its business days. Weekends and holidays carry the last value on.
Rates of other pairs of currencies are kept and carried in the same way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexlib.errors import BadParameter, BadRecord
from flexlib.i18n import _, mark_text, write_number

if TYPE_CHECKING:
    import pyarrow as pa


Pair = tuple[str, str]
"""Two currencies: what one of the first is worth in the second."""

USD, CLP = "USD", "CLP"
USD_CLP: Pair = (USD, CLP)
SANTIAGO = ZoneInfo("America/Santiago")
CARRY_DAYS = 5
"""How many days a value holds after its own: as many as the longest run of Chilean holidays and weekends."""
VALUE_DECIMALS = 8
MADE_UP = mark_text("made up")
"""Who says a rate of the demo."""
LEAST_PESOS, MOST_PESOS = Decimal(100), Decimal(10_000)
"""A dollar has been worth more than the one since 1985, and never near the other: what lies outside is mostly a 1,234
whose point stands for thousands, as in Chile, or a value without its comma."""
AT_ANY_RATE = "at any rate"
"""The source of pesos that no rate is needed for: 0, of 0 dollars."""

CLP_STEP = Decimal("1e-4")
USD_STEP = Decimal("1e-10")
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, order=True)
class Rate:
    """One observation: the day for which it was published, pesos for a dollar (or of another pair), who says so.

    Raises `BadRecord` unless the value is a Decimal above 0 and below a million, with at most 8 decimals.
    """

    day: date
    value: Decimal
    source: str

    def __post_init__(self) -> None:
        if not self.value.is_finite() or not 0 < self.value < 10**6:
            raise BadRecord(
                _("rate refused: {value} on {day}, says {source}; it is 0 to a million.").format(
                    value=self.value, day=self.day, source=self.source
                )
            )
        if self.value != self.value.quantize(Decimal(1).scaleb(-VALUE_DECIMALS), context=EXACT):
            raise BadRecord(
                _("rate refused: {value} on {day} has more than {value_decimals} decimals.").format(
                    value=self.value, day=self.day, value_decimals=VALUE_DECIMALS
                )
            )


def check_value(rate: Rate, pair: Pair) -> None:
    """Raises `BadParameter` where a dollar would be worth so few or so many pesos as it hardly is, either way round."""
    if {*pair} != {USD, CLP}:
        return
    pesos = rate.value if pair == USD_CLP else EXACT.divide(Decimal(1), rate.value)
    if not LEAST_PESOS <= pesos <= MOST_PESOS:
        said = _(
            "{day} {value} would make a dollar worth {pesos} pesos, which is not {least} to {most}; "
            "write thousands without a point, and decimals after one, or add --odd-value if it is right."
        )
        worth, least, most = (write_number(f"{one:,f}") for one in (round(pesos, 4), LEAST_PESOS, MOST_PESOS))
        raise BadParameter(said.format(value=rate.value, day=rate.day, pesos=worth, least=least, most=most))


@dataclass(frozen=True)
class Rates:
    """Observations in the order of their days, one a day, as `sort_rates` makes them; else raises `BadRecord`."""

    observations: tuple[Rate, ...] = ()

    def __post_init__(self) -> None:
        for one, other in zip(self.days, self.days[1:], strict=False):
            if one >= other:
                raise BadRecord(
                    _("rates refused: {one} stands before {other}; each day must stand once, in order.").format(
                        one=one, other=other
                    )
                )

    @cached_property
    def days(self) -> tuple[date, ...]:
        return tuple(one.day for one in self.observations)

    def __len__(self) -> int:
        return len(self.observations)

    def __iter__(self) -> Iterator[Rate]:
        return iter(self.observations)


def sort_rates(observations: Iterable[Rate]) -> Rates:
    """The table of these observations. Raises `BadRecord` when a day has two: a day has one source."""
    return Rates(tuple(sorted(observations)))


def find_rate(rates: Rates, moment: datetime | date) -> Rate | None:
    """The rate that holds on the Santiago day of `moment` (no zone: UTC; a date is such a day), or None: never 1.

    A day without its own observation takes the last one before it, from at most five days earlier, and only where a
    later observation is known: without one it may be a business day whose value is still to come.
    """
    day = find_santiago_day(moment)
    after = bisect_right(rates.days, day)
    if after == 0:
        return None
    last = rates.observations[after - 1]
    if last.day == day:
        return last
    carried = (day - last.day).days <= CARRY_DAYS and after < len(rates)
    return last if carried else None


def find_santiago_day(moment: datetime | date) -> date:
    """The day in Santiago at `moment`; one without a zone is UTC, a plain date is that day already."""
    if not isinstance(moment, datetime):
        return moment
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(SANTIAGO).date()


def convert_to_clp(amount_usd: Decimal, rate: Rate) -> Decimal:
    """`amount_usd` in pesos at `rate`, exact, rounded once to 1e-4 (half to even)."""
    return EXACT.multiply(amount_usd, rate.value).quantize(CLP_STEP, context=EXACT)


def convert_to_usd(amount: Decimal, currency: str, day: date, tables: Mapping[Pair, Rates]) -> Decimal | None:
    """`amount` of a currency in dollars at the rate of `day`, None where none is kept: never the amount itself.

    By the rate into dollars, exact; else by that of the dollar in the currency, rounded once to 1e-10 (half to even).
    """
    if currency == USD or not amount:
        return amount
    if (rate := find_rate(tables.get((currency, USD), Rates()), day)) is not None:
        return EXACT.multiply(amount, rate.value)
    if (rate := find_rate(tables.get((USD, currency), Rates()), day)) is not None:
        return EXACT.divide(amount, rate.value).quantize(USD_STEP, context=EXACT)
    return None


def convert_rows(rows: pa.Table, rates: Rates) -> pa.Table:
    """Pesos for many amounts, to the digit what one alone becomes: a row each in the order of `rows`.

    `rows`: the columns `created_at` (UTC) and `amount_in_usd` of the usage schema. Gives `amount_in_clp` (null: no
    amount in USD, or no rate of the day for one that is not 0), and of the day's rate, null where there is none,
    `fx_rate` in pesos for a dollar, `fx_date` and `fx_source`, which of 0 dollars without a rate is `AT_ANY_RATE`. Each
    hour of the table is looked up once: Santiago's clocks have stood at whole hours from UTC since 1947.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    clp, value = pa.decimal128(20, 4), pa.decimal128(6 + VALUE_DECIMALS, VALUE_DECIMALS)
    moments = pc.cast(rows["created_at"].combine_chunks(), pa.timestamp("us"))
    hours = pc.floor_temporal(moments, unit="hour").dictionary_encode()
    found = [find_rate(rates, hour) for hour in hours.dictionary.to_pylist()]
    values = pa.array([one and one.value for one in found], value).take(hours.indices)
    usd = rows["amount_in_usd"].combine_chunks()
    pesos = pc.round(pc.multiply(usd, values), ndigits=4, round_mode="half_to_even").cast(clp)
    of_nothing = pc.and_(pc.is_null(values), pc.fill_null(pc.equal(usd, pa.scalar(Decimal(0), usd.type)), False))
    sources = pa.array([one and one.source for one in found], pa.string()).take(hours.indices)
    columns = {
        "amount_in_clp": pc.if_else(of_nothing, pa.scalar(Decimal(0), clp), pesos),
        "fx_rate": values,
        "fx_date": pa.array([one and one.day for one in found], pa.date32()).take(hours.indices),
        "fx_source": pc.if_else(of_nothing, AT_ANY_RATE, sources),
    }
    return pa.table(columns)
