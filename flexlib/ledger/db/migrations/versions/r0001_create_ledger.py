"""The ledger as it began: the table of calls, and on PostgreSQL its months and the second table that keeps ids unique.

Written out, not taken from `table.py`: that file goes on, this revision stays what it was.
"""

from __future__ import annotations

from collections.abc import Mapping

from alembic import op

revision = "0001"
down_revision = None

TABLE = "llm_usage_statistics"
REQUEST_IDS = "llm_usage_request_ids"

CHECKS = {
    "tokens_not_negative": (
        "prompt_tokens >= 0 AND completion_tokens >= 0 AND cached_tokens >= 0 AND cache_write_tokens >= 0"
    ),
    "total_is_prompt_and_completion": "total_tokens = prompt_tokens + completion_tokens",
    "cached_within_prompt": "cached_tokens + cache_write_tokens <= prompt_tokens",
    "usable_whole": "(usable_type IS NULL) = (usable_id IS NULL)",
    "duration_not_negative": "duration_ms >= 0",
}
INDEXES = {
    "provider_model_proxy": "provider, model, proxy",
    "provider_task_type": "provider, task_type",
    "proxy": "proxy",
    "task_type": "task_type",
    "usable": "usable_type, usable_id, created_at",
}
TIME_INDEX = {"created_at_request_id": "created_at, request_id"}
"""On SQLite; on PostgreSQL it is the primary key's."""

SQLITE = dict.fromkeys(("id", "number", "time", "usd", "clp"), "INTEGER") | dict.fromkeys(("json", "name"), "TEXT")
POSTGRESQL = {
    "id": f"BIGINT DEFAULT nextval('{TABLE}_id_seq')",
    "number": "BIGINT",
    "time": "TIMESTAMP WITH TIME ZONE",
    "usd": "NUMERIC(20, 10)",
    "clp": "NUMERIC(20, 4)",
    "json": "JSON",
    "name": 'TEXT COLLATE "C"',
}


def upgrade() -> None:
    """Makes the tables; the month's partitions come with their first call."""
    if op.get_context().dialect.name == "sqlite":
        key = f"PRIMARY KEY (id), CONSTRAINT uq_{TABLE}_request_id UNIQUE (request_id)"
        _create_table(SQLITE, key, "STRICT")
        create_indexes(INDEXES | TIME_INDEX)
        return
    op.execute(f"CREATE SEQUENCE {TABLE}_id_seq AS BIGINT")
    op.execute(
        f"CREATE TABLE {REQUEST_IDS} (request_id {POSTGRESQL['name']} PRIMARY KEY, created_at {POSTGRESQL['time']} "
        f"NOT NULL, CONSTRAINT uq_{REQUEST_IDS}_request_id_created_at UNIQUE (request_id, created_at))"
    )
    key = (
        f"CONSTRAINT pk_{TABLE} PRIMARY KEY (created_at, request_id), CONSTRAINT fk_{TABLE}_request_id "
        f"FOREIGN KEY (request_id, created_at) REFERENCES {REQUEST_IDS} (request_id, created_at)"
    )
    _create_table(POSTGRESQL, key, "PARTITION BY RANGE (created_at)")
    create_indexes(INDEXES)


def _create_table(kinds: Mapping[str, str], key: str, options: str) -> None:
    number, time, usd, name = (kinds[one] for one in ("number", "time", "usd", "name"))
    op.execute(f"""
        CREATE TABLE {TABLE} (
            id {kinds["id"]} NOT NULL, request_id {name} NOT NULL, created_at {time} NOT NULL,
            usable_type TEXT, usable_id {number},
            provider TEXT NOT NULL, model TEXT NOT NULL, proxy TEXT, task_type TEXT NOT NULL,
            prompt_tokens {number} NOT NULL, completion_tokens {number} NOT NULL, total_tokens {number} NOT NULL,
            cached_tokens {number} NOT NULL, cache_write_tokens {number} NOT NULL,
            cost {usd}, amount_in_usd {usd}, amount_in_clp {kinds["clp"]},
            duration_ms {number}, status TEXT, metadata {kinds["json"]}, updated_at {time} NOT NULL,
            {key}, {write_checks(CHECKS)}
        ) {options}
    """)


def write_checks(checks: Mapping[str, str]) -> str:
    """The rules of a table, as they stand in the statement that makes it."""
    return ", ".join(f"CONSTRAINT ck_{TABLE}_{name} CHECK ({rule})" for name, rule in checks.items())


def create_indexes(indexes: Mapping[str, str]) -> None:
    """Makes the indexes of the table of calls."""
    for name, key in indexes.items():
        op.execute(f"CREATE INDEX ix_{TABLE}_{name} ON {TABLE} ({key})")
