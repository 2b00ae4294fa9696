"""Whether tallies are of all calls: what no trigger sees shows in the catalogs.

Whoever rebuilds SQLite's table, as tools do to change a column, drops its triggers with the old one. On PostgreSQL each
partition is looked at.

A partition that is dropped, emptied, detached and attached again, attached with calls in it, or whose trigger was off
for a while, has another file or another trigger than the one that was counted. Its calls are then held against the
tallies, by a reader where they are few, by whoever folds where they are many; where they differ, sums are read from the
calls until tallies are counted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from flexlib.ledger.db.table import STATISTICS, TABLE
from flexlib.ledger.tally.parts import bound, select_calls, select_span
from flexlib.ledger.tally.tables import (
    CHANGES,
    EVENTS,
    KEYS,
    MEASURES,
    PARTITIONS,
    SPANS,
    TALLIES,
    WHOLE,
    partitions,
)

FEW = 2000
"""Calls of one partition that a reader holds against the tallies: to add up so many takes a few milliseconds."""

ATTACHED = f"""
    SELECT c.oid::bigint AS partition, c.relfilenode::bigint AS file, pg_get_expr(c.relpartbound, c.oid) AS bounds,
        coalesce((SELECT t.xmin::text::bigint FROM pg_trigger t
            WHERE t.tgrelid = c.oid AND t.tgname = '{TALLIES}_follow' AND t.tgenabled IN ('O', 'A')), 0) AS followed
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = to_regclass('{TABLE}')"""
"""The partitions; the transaction that made or last turned on the trigger of each, 0 where it is off."""

IS_OTHER = "(p.file, p.followed) <> (a.file, a.followed)"
STRANGE = f"""
    SELECT a.partition, a.followed, a.file, p.partition IS NULL OR {IS_OTHER},
        substring(a.bounds from 'FROM [(]''([^'']+)')::timestamptz,
        substring(a.bounds from 'TO [(]''([^'']+)')::timestamptz
    FROM ({ATTACHED}) a FULL JOIN (SELECT * FROM {PARTITIONS} WHERE partition > {WHOLE}) p USING (partition)
    WHERE a.followed IS NULL OR a.followed = 0 OR p.is_counted IS NOT TRUE OR {IS_OTHER}
"""  # noqa: S608
KNOWN = (
    f"INSERT INTO {PARTITIONS} VALUES (:partition, :file, :followed, :equal) ON CONFLICT (partition) "  # noqa: S608
    "DO UPDATE SET file = excluded.file, followed = excluded.followed, is_counted = excluded.is_counted"
)


def are_there(connection: sa.Connection) -> bool:
    """Whether there are tallies that this user may read."""
    if connection.dialect.name == "sqlite":
        found = "SELECT count(*) = 1 FROM sqlite_master WHERE type = 'table' AND name = :tallies"
        return bool(connection.scalar(sa.text(found), {"tallies": TALLIES}))
    tables = (TALLIES, CHANGES, PARTITIONS)
    rights = " AND ".join(f"coalesce(has_table_privilege(to_regclass('{one}'), 'SELECT'), false)" for one in tables)
    return bool(connection.scalar(sa.text(f"SELECT {rights}")))


def is_whole(connection: sa.Connection) -> bool:
    """Whether the calls were counted to the end in the tallies, which are there."""
    return bool(connection.scalar(sa.select(sa.exists().where(partitions.c.partition == WHOLE))))


def are_current(connection: sa.Connection) -> bool:
    """Whether they are of all calls, as far as a reader can see at once."""
    # Reading PARTITIONS waits for whoever makes them.
    if not is_whole(connection):
        return False
    if connection.dialect.name == "sqlite":
        found = (
            "SELECT count(*) = 3 FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :calls AND name IN {names}"
        )
        names = tuple(f"{TALLIES}_{event}" for event in EVENTS)
        return bool(connection.scalar(sa.text(found.format(names=names)), {"calls": TABLE}))
    # A transaction that is older than the tallies sees their names, and none of their rows, but no row in pg_class.
    are_seen = f"SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('{PARTITIONS}'))"
    return bool(connection.scalar(sa.text(are_seen))) and all(
        followed and is_new and _has_few(connection, *span) and _are_equal(connection, *span)
        for __, followed, __, is_new, *span in _list_strange(connection)
    )


def know_all(connection: sa.Connection) -> None:
    """Notes the partitions as they are, whose calls the tallies were just made of."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"INSERT INTO {PARTITIONS} SELECT partition, file, followed, true FROM ({ATTACHED}) a"  # noqa: S608
        )


def has_unknown(connection: sa.Connection) -> bool:
    """Whether a partition has yet to be held against the tallies."""
    return any(followed and is_new for __, followed, __, is_new, *__ in _list_strange(connection))


def know_new(connection: sa.Connection) -> None:
    """Holds the calls of partitions that are not known against the tallies, and notes what was found."""
    for partition, followed, file, is_new, *span in _list_strange(connection):
        if followed and is_new:
            equal = _are_equal(connection, *span)
            values = {"partition": partition, "file": file, "followed": followed, "equal": equal}
            connection.execute(sa.text(KNOWN), values)


def count_wrong(
    connection: sa.Connection, kind: str, span: str, low: datetime | None = None, high: datetime | None = None
) -> int:
    """How many tallies of whole days of UTC from `low` until `high` are not what the calls sum to."""
    calls = select_calls(kind, span, sign=-1).where(*bound(STATISTICS.c.created_at, low, high))
    tallied = sa.union_all(*select_span(kind, span)).subquery()
    kept = sa.select(tallied).where(*bound(tallied.c.start, low, high))
    parts = sa.union_all(kept, calls).subquery()
    keys = [parts.c[name] for name in ("start", *KEYS[kind])]
    zero: sa.ColumnElement[int] = sa.literal_column("0")
    differ = sa.or_(*(sa.func.sum(parts.c[name]) != zero for name in MEASURES))
    wrong = sa.select(*keys).group_by(*keys).having(differ).subquery()
    return connection.scalar(sa.select(sa.func.count()).select_from(wrong)) or 0


def _list_strange(connection: sa.Connection) -> Sequence[Sequence[Any]]:
    return [] if connection.dialect.name == "sqlite" else connection.execute(sa.text(STRANGE)).all()


def _has_few(connection: sa.Connection, low: datetime | None, high: datetime | None) -> bool:
    created_at = STATISTICS.c.created_at
    some = sa.select(created_at).where(*bound(created_at, low, high)).limit(FEW + 1).subquery()
    return (connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) <= FEW


def _are_equal(connection: sa.Connection, low: datetime | None, high: datetime | None) -> bool:
    return not any(count_wrong(connection, kind, span, low, high) for kind, span in SPANS)
