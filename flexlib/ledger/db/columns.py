"""The column types of the ledger: exact money, UTC times, enums and JSON, alike on SQLite and PostgreSQL.

SQLite has no decimals (it would store floats), so money is kept there as a whole number of steps: 1e-10 of a dollar or
of the proxy's unit, 1e-4 of a peso, 1e-8 of a rate. Times are whole microseconds since 1970 there, dates whole days.
PostgreSQL has all of these types.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

USD_DECIMALS = 10
CLP_DECIMALS = 4
PRECISION = 20
SUM_PRECISION = 28
"""Of a sum of amounts, on PostgreSQL; SQLite's integers hold US$ 922 million."""
RATE_DECIMALS = 8
RATE_PRECISION = 14
WIDE = Context(prec=60)
"""Room for the digits of any sum, whatever precision the caller's own decimals have."""
ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_DAY = EPOCH.toordinal()
"""1 January 1970, as Python numbers days."""


BIGINT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Ids are ordered by their bytes on both, as Arrow orders them."""


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(value: int) -> datetime:
    """The UTC time that `to_microseconds` gave."""
    return EPOCH + timedelta(microseconds=value)


def encode_json(content: Mapping[str, Any] | list[Any]) -> str:
    """`content` as the text that is stored; the same content gives the same text."""
    return ENCODER.encode(content)


class Kept(sa.types.TypeDecorator[Any]):
    """What PostgreSQL has a type for, `native`, and SQLite keeps as its `impl`."""

    impl: Any = sa.Integer
    native: sa.types.TypeEngine[Any]

    def encode(self, value: Any, /) -> Any:  # noqa: ANN401 (the driver's type)
        """What SQLite keeps of a value that is not None."""
        raise NotImplementedError

    def decode(self, kept: Any, /) -> Any:  # noqa: ANN401
        """The value, whichever database's driver gives it."""
        raise NotImplementedError

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return self.native if dialect.name == "postgresql" else self.impl_instance

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401
        return value if value is None or dialect.name == "postgresql" else self.encode(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401
        return None if value is None else self.decode(value)


class Money(Kept):
    """An amount exact to `decimals`. What comes in has at most so many (`record.values.read_money` sees to it)."""

    cache_ok = True

    def __init__(self, decimals: int, precision: int = PRECISION) -> None:
        super().__init__()
        self.decimals = decimals
        self.precision = precision
        self.native = sa.Numeric(precision, decimals)

    def encode(self, value: Decimal) -> int:
        return int(value.scaleb(self.decimals, WIDE))

    def decode(self, kept: Decimal | int) -> Decimal:
        return kept if isinstance(kept, Decimal) else Decimal(kept).scaleb(-self.decimals, WIDE)


class UtcTime(Kept):
    """A moment, to the microsecond, always UTC."""

    cache_ok = True
    native = sa.TIMESTAMP(timezone=True)
    encode = staticmethod(to_microseconds)

    def decode(self, kept: datetime | int) -> datetime:
        return kept.astimezone(timezone.utc) if isinstance(kept, datetime) else from_microseconds(kept)


class Day(Kept):
    """A day of a calendar, without a time."""

    cache_ok = True
    native = sa.Date()

    def encode(self, value: date) -> int:
        return value.toordinal() - FIRST_DAY

    def decode(self, kept: date | int) -> date:
        return kept if isinstance(kept, date) else date.fromordinal(kept + FIRST_DAY)


class EnumText(Kept):
    """A member of an enum, stored as its value on both."""

    cache_ok = True
    impl = sa.Text
    native = sa.Text()
    encode = staticmethod(str)

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def decode(self, kept: str) -> StrEnum:
        return self.members(kept)


class JsonText(Kept):
    """A JSON object or list, kept as it was written: `json` on PostgreSQL, not `jsonb`, which rewrites it."""

    cache_ok = True
    impl = sa.Text
    native = sa.JSON()
    encode = staticmethod(encode_json)

    def decode(self, kept: Any) -> Any:  # noqa: ANN401 (JSON, or its text)
        return json.loads(kept) if isinstance(kept, str) else kept


class _SumText(Kept):
    """What a `MoneySum` gives: numeric on PostgreSQL; on SQLite whole units and steps, as `units|steps`."""

    cache_ok = True
    impl = sa.Text
    native = sa.Numeric()

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self.decimals = decimals

    def decode(self, kept: Decimal | str) -> Decimal | None:
        return read_sum(kept, self.decimals)


def read_sum(value: Decimal | str | None, decimals: int) -> Decimal | None:
    """The exact sum out of what a `MoneySum` gives, whichever client asked: a decimal, its text, `units|steps`."""
    if value is None or isinstance(value, Decimal):
        return value
    units, bar, steps = value.partition("|")
    if not bar:
        return Decimal(units).quantize(Decimal(1).scaleb(-decimals), context=WIDE)
    return Decimal(int(units) * 10**decimals + int(steps)).scaleb(-decimals, WIDE)


class MoneySum(FunctionElement[Decimal]):
    """The exact sum of a money column; NULL when no row has an amount.

    In two parts on SQLite, whose integers would overflow at 922 million dollars; each part bears 10**18 of them.
    """

    inherit_cache = True

    def __init__(self, column: sa.ColumnElement[Decimal]) -> None:
        assert isinstance(column.type, Money)
        self.type = _SumText(column.type.decimals)
        super().__init__(column)


class QuarterHour(FunctionElement[int]):
    """Which quarter of an hour since 1970 a time lies in: every zone's days are made of whole ones."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(MoneySum)
def _sum_in_two_parts(element: MoneySum, compiler: Any, **kw: Any) -> str:  # noqa: ANN401
    column = compiler.process(element.clauses, **kw)
    unit = 10**element.type.decimals  # type: ignore[attr-defined]
    return f"sum({column} / {unit}) || '|' || sum({column} % {unit})"


@compiles(MoneySum, "postgresql")
def _sum_numeric(element: MoneySum, compiler: Any, **kw: Any) -> str:  # noqa: ANN401
    return f"sum({compiler.process(element.clauses, **kw)})"


@compiles(QuarterHour)
def _divide_microseconds(element: QuarterHour, compiler: Any, **kw: Any) -> str:  # noqa: ANN401
    return f"{compiler.process(element.clauses, **kw)} / {900 * 10**6}"


@compiles(QuarterHour, "postgresql")
def _divide_epoch(element: QuarterHour, compiler: Any, **kw: Any) -> str:  # noqa: ANN401
    return f"floor(extract(epoch from {compiler.process(element.clauses, **kw)}) / 900)::bigint"
