"""The table `llm_usage_statistics`: a row for each call or sum of calls, on SQLite and on PostgreSQL.

On PostgreSQL it is partitioned by the month of `created_at`. An index that makes `request_id` unique over all of the
partitions cannot be had there, so a second table holds each request id once with its time, and a foreign key on both
binds every row to it: the same id under another time is refused by the database, whoever writes.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa

from flexlib.dates import Month
from flexlib.enums import GRAINS, LlmProvider, LlmProxy, LlmTaskType
from flexlib.errors import LedgerFailed
from flexlib.i18n import _
from flexlib.ledger.db.columns import (
    BIGINT,
    CLP_DECIMALS,
    ID_TEXT,
    RATE_DECIMALS,
    RATE_PRECISION,
    SUM_PRECISION,
    USD_DECIMALS,
    Day,
    EnumText,
    JsonText,
    Money,
    UtcTime,
)
from flexlib.money.extra_counts import EXTRA_COUNTS

TABLE = "llm_usage_statistics"
REQUEST_IDS = "llm_usage_request_ids"
SEQUENCE = "llm_usage_statistics_id_seq"
VERSION_TABLE = "flexlib_ledger_version"
"""Where Alembic keeps the revision: not in its usual place, which may be the application's own."""

COUNTERS = "llm_usage_limit_counters"
"""What is spent of a limit in one of its periods, which triggers count, and what is held for calls under way."""

HOLDS = "llm_usage_limit_holds"
"""What is held of it for one call."""

MODELS = "llm_usage_models"
"""What each recorded model is called, however it is spelled; one that is not here is called as it is spelled."""

ARCHIVED = "llm_usage_archived_months"
"""The months whose calls are in files alone, see `archived`."""

ARCHIVED_IDS = "llm_usage_archived_ids"
"""The request ids of these calls, on SQLite; on PostgreSQL `REQUEST_IDS` has them."""

COUNTER_KEY = ("scope", "value", "first", "until")

HEAD = "0006"
"""The revision that this version of flexlib reads and writes."""

TOKENS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens")

CHECKS = {
    "tokens_not_negative": " AND ".join(f"{name} >= 0" for name in TOKENS if name != "total_tokens"),
    "total_is_prompt_and_completion": "total_tokens = prompt_tokens + completion_tokens",
    "cached_within_prompt": "cached_tokens + cache_write_tokens <= prompt_tokens",
    "extra_counts_not_negative": " AND ".join(f"{name} >= 0" for name in EXTRA_COUNTS),
    "usable_whole": (
        "(usable_type IS NULL) = (usable_id IS NULL AND usable_key IS NULL) "
        "AND (usable_id IS NULL OR usable_key IS NULL)"
    ),
    "grain_known": f"grain IN ({', '.join(repr(one) for one in sorted(GRAINS))})",
    "requests_positive": "requests > 0",
    "duration_not_negative": "duration_ms >= 0",
}

INDEXES = {
    "provider_model_proxy": ("provider", "model", "proxy"),
    "provider_task_type": ("provider", "task_type"),
    "proxy": ("proxy",),
    "task_type": ("task_type",),
    "usable": ("usable_type", "usable_id", "created_at"),
    "usable_key": ("usable_type", "usable_key", "created_at"),
}
"""Four for what is asked most, two for what one usable used; that of time is the primary key's or its like."""


def build_metadata(backend: str) -> sa.MetaData:
    """The tables as they stand on `sqlite` or `postgresql` once the migrations have run."""
    metadata = sa.MetaData()
    partitioned = backend == "postgresql"
    statistics = sa.Table(
        TABLE,
        metadata,
        sa.Column("id", BIGINT, primary_key=not partitioned, nullable=False),
        sa.Column("request_id", ID_TEXT, nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("grain", sa.Text(), nullable=False, server_default="call"),
        sa.Column("requests", BIGINT, nullable=False, server_default="1"),
        sa.Column("usable_type", sa.Text()),
        sa.Column("usable_id", BIGINT),
        sa.Column("usable_key", sa.Text()),
        sa.Column("provider", EnumText(LlmProvider), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("proxy", EnumText(LlmProxy)),
        sa.Column("task_type", EnumText(LlmTaskType), nullable=False),
        sa.Column("tier", sa.Text()),
        *(sa.Column(name, BIGINT, nullable=False) for name in TOKENS),
        *(sa.Column(name, BIGINT) for name in EXTRA_COUNTS),
        sa.Column("cost", Money(USD_DECIMALS)),
        sa.Column("amount_in_usd", Money(USD_DECIMALS)),
        sa.Column("price_source", sa.Text()),
        sa.Column("price_date", Day()),
        sa.Column("unpriced", sa.Text()),
        sa.Column("amount_in_clp", Money(CLP_DECIMALS)),
        sa.Column("fx_rate", Money(RATE_DECIMALS, RATE_PRECISION)),
        sa.Column("fx_date", Day()),
        sa.Column("fx_source", sa.Text()),
        sa.Column("unconverted", sa.Text()),
        sa.Column("duration_ms", BIGINT),
        sa.Column("status", sa.Text()),
        sa.Column("metadata", JsonText()),
        sa.Column("masked", sa.Text()),
        sa.Column("earlier_amounts", JsonText()),
        sa.Column("updated_at", UtcTime(), nullable=False),
        *(sa.CheckConstraint(rule, name=f"ck_{TABLE}_{name}") for name, rule in CHECKS.items()),
        sqlite_strict=True,
        postgresql_partition_by="RANGE (created_at)" if partitioned else None,
    )
    for table, amounts in ((COUNTERS, ("spent", "held")), (HOLDS, ("amount",))):
        is_hold = table == HOLDS
        sa.Table(
            table,
            metadata,
            *([sa.Column("hold", ID_TEXT, primary_key=True)] if is_hold else []),
            *(sa.Column(name, ID_TEXT, primary_key=True) for name in COUNTER_KEY[:2]),
            *(sa.Column(name, UtcTime(), primary_key=True) for name in COUNTER_KEY[2:]),
            *(sa.Column(name, Money(USD_DECIMALS, SUM_PRECISION), nullable=False) for name in amounts),
            *([sa.Column("expires", UtcTime(), nullable=False)] if is_hold else []),
            sqlite_strict=True,
            sqlite_with_rowid=False,
        )
    sa.Table(
        MODELS,
        metadata,
        sa.Column("model", ID_TEXT, primary_key=True),
        sa.Column("name", ID_TEXT, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    sa.Table(
        ARCHIVED,
        metadata,
        sa.Column("first", UtcTime(), primary_key=True),
        sa.Column("until", UtcTime(), nullable=False),
        sa.Column("rows", BIGINT, nullable=False),
        *(sa.Column(name, ID_TEXT, nullable=False) for name in ("rows_sha256", "place")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    for name, columns in INDEXES.items():
        some = sa.text(f"{name} IS NOT NULL") if name == "usable_key" else None  # few rows have one
        key = (statistics.c[column] for column in columns)
        sa.Index(f"ix_{TABLE}_{name}", *key, sqlite_where=some, postgresql_where=some)
    if partitioned:
        _bind_request_ids(metadata, statistics)
    else:
        ids = sa.Column("request_id", ID_TEXT, primary_key=True)
        sa.Table(ARCHIVED_IDS, metadata, ids, sqlite_strict=True, sqlite_with_rowid=False)
        statistics.append_constraint(sa.UniqueConstraint("request_id", name=f"uq_{TABLE}_request_id"))
        sa.Index(f"ix_{TABLE}_created_at_request_id", statistics.c.created_at, statistics.c.request_id)
    return metadata


def _bind_request_ids(metadata: sa.MetaData, statistics: sa.Table) -> None:
    key = ["request_id", "created_at"]
    sa.Table(
        REQUEST_IDS,
        metadata,
        sa.Column("request_id", ID_TEXT, primary_key=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.UniqueConstraint(*key, name=f"uq_{REQUEST_IDS}_{'_'.join(key)}"),
    )
    statistics.c.id.server_default = sa.DefaultClause(sa.text(f"nextval('{SEQUENCE}')"))
    statistics.append_constraint(sa.PrimaryKeyConstraint("created_at", "request_id", name=f"pk_{TABLE}"))
    statistics.append_constraint(
        sa.ForeignKeyConstraint(key, [f"{REQUEST_IDS}.{name}" for name in key], name=f"fk_{TABLE}_request_id")
    )


STATISTICS = build_metadata("sqlite").tables[TABLE]
"""The table as queries name it, the same on both databases."""

COLUMNS = tuple(column.name for column in STATISTICS.columns)


def lock_counters(connection: Any) -> None:  # noqa: ANN401
    """Before many calls are written: in one order, so that two such transactions wait for each other, not both."""
    if not isinstance(connection, sqlite3.Connection):
        connection.execute(f"SELECT 1 FROM {COUNTERS} ORDER BY {', '.join(COUNTER_KEY)} FOR UPDATE")  # noqa: S608


def name_partition(month: Month) -> str:
    """The table of a month's rows, on PostgreSQL."""
    return f"{TABLE}_{month.year}_{month.month:02d}"


def is_attached(connection: Any, month: Month) -> bool:  # noqa: ANN401 (the driver's connection)
    """Whether the month has its partition. Raises `LedgerFailed` where it is detached: its calls are in no sum."""
    name = name_partition(month)
    row = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = to_regclass(%s)) "
        "FROM pg_class c WHERE c.oid = to_regclass(%s)",
        [TABLE, name],
    ).fetchone()
    if row is not None and not row[0]:
        raise explain_detached(month)
    return row is not None


def list_detached(connection: sa.Connection) -> list[Month]:
    """The months on PostgreSQL whose partitions are there, but detached."""
    names = connection.scalars(
        sa.text(
            "SELECT relname FROM pg_class c WHERE relkind = 'r' AND relname ~ :names AND relnamespace = "
            "(SELECT relnamespace FROM pg_class WHERE oid = to_regclass(:whole)) AND NOT EXISTS "
            "(SELECT 1 FROM pg_inherits WHERE inhrelid = c.oid AND inhparent = to_regclass(:whole)) ORDER BY relname"
        ),
        {"names": f"^{TABLE}_[0-9]{{4}}_(0[1-9]|1[0-2])$", "whole": TABLE},
    )
    return [Month(*map(int, name.removeprefix(f"{TABLE}_").split("_"))) for name in names]


def explain_detached(month: Month) -> LedgerFailed:
    """That a month's partition is detached, and how it is attached again, in a sentence."""
    name = name_partition(month)
    return LedgerFailed(
        _(
            "The partition {name} is detached, so that its calls of {month} are in no sum; attach it "
            "again: ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first} 00:00+00') TO "
            "('{first_2} 00:00+00')"
        ).format(name=name, month=month, table=TABLE, first=month.first, first_2=month.next.first)
    )
