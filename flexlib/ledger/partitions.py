"""The months of the table on PostgreSQL: a partition each, made when the first call of the month comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flexlib.ledger.database import Ledger
from flexlib.ledger.table import TABLE
from flexlib.month import Month

__all__ = ["ensure_months"]

LOCK = 0x666C6578  # "flex": one partition is made at a time


def ensure_months(ledger: Ledger, moments: Iterable[datetime]) -> None:
    """Sees to it that each of these UTC times has its partition; safe in many processes at once. Nothing on SQLite."""
    if ledger.backend != "postgresql":
        return
    for year, month in sorted({(one.year, one.month) for one in moments} - ledger.months):
        with ledger.connect() as connection:
            _ensure_month(connection, Month(year, month))
        ledger.months.add((year, month))


def _ensure_month(connection: Any, month: Month) -> None:  # noqa: ANN401 (the driver's connection)
    name = f"{TABLE}_{month.year}_{month.month:02d}"
    if _is_attached(connection, name):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if _is_attached(connection, name):
            return
        # Made apart and then attached: that does not stop those who read and write the other months.
        connection.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING ALL)")
        connection.execute(
            f"ALTER TABLE {TABLE} ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{month.first} 00:00+00') TO ('{month.next.first} 00:00+00')"
        )


def _is_attached(connection: Any, name: str) -> bool:  # noqa: ANN401
    query = "SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(%s) AND inhparent = to_regclass(%s)"
    return connection.execute(query, [name, TABLE]).fetchone() is not None
