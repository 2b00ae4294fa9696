"""The column types of the ledger: exact money, UTC times, enums and JSON, alike on SQLite and PostgreSQL.

SQLite has no decimals (it would store floats), so money is kept there as a whole number of steps: 1e-10 of a dollar or
of the proxy's unit, 1e-4 of a peso, 1e-8 of a rate. Times are whole microseconds since 1970 there, dates whole days.
PostgreSQL has all of these types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

USD_DECIMALS = 10
CLP_DECIMALS = 4
PRECISION = 20
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


class Money(sa.types.TypeDecorator[Decimal]):
    """An amount exact to `decimals`. What comes in has at most so many (`record.values.read_money` sees to it)."""

    impl = sa.BigInteger
    cache_ok = True

    def __init__(self, decimals: int, precision: int = PRECISION) -> None:
        super().__init__()
        self.decimals = decimals
        self.precision = precision

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.Numeric(self.precision, self.decimals))
        return dialect.type_descriptor(sa.Integer())

    def process_bind_param(self, value: Decimal | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401 (the driver's type)
        if value is None or dialect.name == "postgresql":
            return value
        return int(value.scaleb(self.decimals, WIDE))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:  # noqa: ANN401
        if value is None or isinstance(value, Decimal):
            return value
        return Decimal(value).scaleb(-self.decimals, WIDE)


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment, to the microsecond, always UTC."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.Integer())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401
        if value is None or dialect.name == "postgresql":
            return value
        return to_microseconds(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ANN401
        if value is None:
            return None
        return value.astimezone(timezone.utc) if dialect.name == "postgresql" else from_microseconds(value)


class Day(sa.types.TypeDecorator[date]):
    """A day of a calendar, without a time."""

    impl = sa.Date
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Date() if dialect.name == "postgresql" else sa.Integer())

    def process_bind_param(self, value: date | None, dialect: sa.Dialect) -> Any:  # noqa: ANN401
        return value if value is None or dialect.name == "postgresql" else value.toordinal() - FIRST_DAY

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> date | None:  # noqa: ANN401
        return value if value is None or isinstance(value, date) else date.fromordinal(value + FIRST_DAY)


class EnumText(sa.types.TypeDecorator[StrEnum]):
    """A member of an enum, stored as its value."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, members: type[StrEnum]) -> None:
        super().__init__()
        self.members = members

    def process_bind_param(self, value: StrEnum | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> StrEnum | None:
        return None if value is None else self.members(value)


class JsonText(sa.types.TypeDecorator[Any]):
    """A JSON object or list, kept as it was written: `json` on PostgreSQL, not `jsonb`, which rewrites it."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.JSON() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401 (JSON)
        return value if value is None or dialect.name == "postgresql" else encode_json(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ANN401
        return json.loads(value) if isinstance(value, str) else value


def choose_encoder(kind: sa.types.TypeEngine[Any], backend: str) -> Callable[[Any], Any] | None:
    """What makes a value of the column into what the driver itself takes, JSON into its text; None: it stays as it is.

    For the statements that every recorded call runs, past SQLAlchemy.
    """
    if isinstance(kind, JsonText):
        return encode_json
    if isinstance(kind, EnumText):
        return attrgetter("value")
    if backend == "postgresql":
        return None
    if isinstance(kind, UtcTime):
        return to_microseconds
    if isinstance(kind, Day):
        return lambda day: day.toordinal() - FIRST_DAY
    if isinstance(kind, Money):
        decimals = kind.decimals
        return lambda amount: int(amount.scaleb(decimals, WIDE))
    return None


class _SumText(sa.types.TypeDecorator[Decimal]):
    """What a `MoneySum` gives: numeric on PostgreSQL; on SQLite whole units and steps, as `units|steps`."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, decimals: int) -> None:
        super().__init__()
        self.decimals = decimals

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Numeric() if dialect.name == "postgresql" else sa.Text())

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:  # noqa: ANN401
        return read_sum(value, self.decimals)


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
