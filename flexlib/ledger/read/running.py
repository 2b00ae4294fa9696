"""What is recorded of the running month, for whoever watches over it: by provider and model, and by day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa

from flexlib.dates import Month, Span
from flexlib.ledger.db.columns import MoneySum
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.read.scopes import UsageQuery
from flexlib.ledger.tally.tables import DayStart


class RouteSums(NamedTuple):
    """What the calls of one provider, model and status came to; an amount is None where none is known."""

    provider: str
    model: str
    status: str | None
    calls: int
    tokens: int
    usd: Decimal | None
    clp: Decimal | None
    unpriced: int
    """Calls without an amount in dollars."""


class DaySums(NamedTuple):
    """What the calls of one day of UTC, provider, proxy and model came to."""

    day: date
    provider: str
    proxy: str | None
    model: str
    calls: int
    usd: Decimal | None
    clp: Decimal | None
    unpriced_usd: int
    unpriced_clp: int


def _count(number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.coalesce(sa.func.sum(number), 0), sa.BigInteger)


def _count_without(amount: sa.ColumnElement[Decimal]) -> sa.ColumnElement[int]:
    calls = sa.func.sum(STATISTICS.c.requests).filter(amount.is_(None))
    return sa.cast(sa.func.coalesce(calls, 0), sa.BigInteger)


def _is_within(span: Span) -> tuple[sa.ColumnElement[bool], ...]:
    first, until = (datetime.combine(day, time(), timezone.utc) for day in (span.first, span.last + timedelta(days=1)))
    return STATISTICS.c.created_at >= first, STATISTICS.c.created_at < until


def read_routes(ledger: Ledger, month: Month) -> list[RouteSums]:
    """The month's sums by provider, model and status, in no order.

    Raises `LedgerMissing` where there is no ledger, `LedgerUnavailable` and `LedgerFailed` as any reading does.
    """
    ledger.require_file()
    table = STATISTICS.c
    keys = (table.provider, table.model, table.status)
    sums = (_count(table.requests), _count(table.total_tokens), MoneySum(table.amount_in_usd),
            MoneySum(table.amount_in_clp), _count_without(table.amount_in_usd))  # fmt: skip
    asked = sa.select(*keys, *sums).where(*_is_within(month.span)).group_by(*keys)
    rows = UsageQuery(ledger).between(month.first, month.last).run(lambda connection: connection.execute(asked).all())
    return [RouteSums(str(row[0]), *row[1:]) for row in rows]


def read_days(ledger: Ledger, span: Span) -> list[DaySums]:
    """The sums of each day of UTC in the span, by provider, proxy and model, in no order. Raises as `read_routes`."""
    ledger.require_file()
    table = STATISTICS.c
    keys = (DayStart(table.created_at), table.provider, table.proxy, table.model)
    amounts = (table.amount_in_usd, table.amount_in_clp)
    sums = (_count(table.requests), *map(MoneySum, amounts), *map(_count_without, amounts))
    asked = sa.select(*keys, *sums).where(*_is_within(span)).group_by(*keys)
    rows = UsageQuery(ledger).between(span.first, span.last).run(lambda connection: connection.execute(asked).all())
    return [DaySums(day.date(), str(provider), proxy and str(proxy), *more) for day, provider, proxy, *more in rows]
