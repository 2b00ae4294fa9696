"""What is recorded this moment, for whoever looks on: the sums of today and of the month, and the last calls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.ledger.db.columns import MoneySum
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.read.scopes import UsageQuery

LAST = 12
"""Calls that are listed: what fits below the figures of a screen."""


class Now(NamedTuple):
    """One state of the ledger. Rows of sums: provider, model, status, calls, dollars, calls without a price."""

    today: tuple[tuple[Any, ...], ...]
    month: tuple[tuple[Any, ...], ...]
    """Without provider and model: None."""
    a_minute: int
    durations: tuple[tuple[int, str | None], ...]
    """Milliseconds and status of the recent calls that have a duration."""
    last: tuple[tuple[Any, ...], ...]
    """The newest first: time, who (kind and number), provider, model, tokens, dollars, milliseconds, status."""


def read_now(ledger: Ledger, now: datetime, minute: timedelta, recent: timedelta) -> Now:
    """What the ledger holds of `now` (UTC): its day and month, the calls of the last `minute` and the `recent` ones;
    none of another day or month by a wrong clock.

    Raises `LedgerMissing` where there is none, `LedgerUnavailable` and `LedgerFailed` as any reading does.
    """
    ledger.require_file()
    table = STATISTICS.c
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month = Month.containing(now.date())
    is_known = table.created_at < day + timedelta(days=1)
    is_of_month = table.created_at < day.replace(year=month.next.year, month=month.next.month, day=1)
    calls = sa.cast(sa.func.sum(table.requests), sa.BigInteger)
    unpriced = sa.cast(
        sa.func.coalesce(sa.func.sum(table.requests).filter(table.amount_in_usd.is_(None)), 0), sa.BigInteger
    )
    sums = (calls, MoneySum(table.amount_in_usd), unpriced)
    keys = (table.provider, table.model, table.status)
    of_day = sa.select(*keys, *sums).where(table.created_at >= day, is_known).group_by(*keys)
    of_month = (
        sa.select(sa.null(), sa.null(), table.status, *sums)
        .where(table.created_at >= day.replace(day=1), is_of_month)
        .group_by(table.status)
    )
    is_new = table.created_at > now - minute
    of_minute = sa.select(sa.func.coalesce(sa.func.sum(table.requests), 0)).where(is_new, is_known)
    timed = sa.select(table.duration_ms, table.status).where(
        table.created_at > now - recent, is_known, table.duration_ms.is_not(None), table.grain == "call"
    )
    shown = (table.created_at, table.usable_type, table.usable_id, table.provider, table.model, table.total_tokens,
             table.amount_in_usd, table.duration_ms, table.status)  # fmt: skip
    newest = sa.select(*shown).where(is_known).order_by(table.created_at.desc(), table.request_id.desc()).limit(LAST)

    def read(connection: sa.Connection) -> Now:
        today, month, durations, last = (
            tuple(tuple(row) for row in connection.execute(one)) for one in (of_day, of_month, timed, newest)
        )
        return Now(today, month, int(connection.execute(of_minute).scalar_one()), durations, last)

    return UsageQuery(ledger).between(min(day.replace(day=1), now - recent), None).run(read)
