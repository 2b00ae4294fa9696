"""The ledger as it began: the table of calls, and on PostgreSQL its months and the second table that keeps ids unique.

Written out, not taken from `table.py`: that file goes on, this revision stays what it was.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLE = "llm_usage_statistics"
REQUEST_IDS = "llm_usage_request_ids"


def upgrade() -> None:
    """Makes the tables; the month's partitions come with their first call."""
    partitioned = op.get_context().dialect.name == "postgresql"
    number: sa.types.TypeEngine[Any] = sa.BigInteger() if partitioned else sa.Integer()
    time: sa.types.TypeEngine[Any] = sa.TIMESTAMP(timezone=True) if partitioned else sa.Integer()
    usd: sa.types.TypeEngine[Any] = sa.Numeric(20, 10) if partitioned else sa.Integer()
    clp: sa.types.TypeEngine[Any] = sa.Numeric(20, 4) if partitioned else sa.Integer()
    json: sa.types.TypeEngine[Any] = sa.JSON() if partitioned else sa.Text()
    name = sa.Text(collation="C") if partitioned else sa.Text()
    if partitioned:
        op.execute(sa.schema.CreateSequence(sa.Sequence(f"{TABLE}_id_seq", data_type=sa.BigInteger())))
        op.create_table(
            REQUEST_IDS,
            sa.Column("request_id", name, primary_key=True),
            sa.Column("created_at", time, nullable=False),
            sa.UniqueConstraint("request_id", "created_at", name=f"uq_{REQUEST_IDS}_request_id_created_at"),
        )
        constraints: list[sa.Constraint] = [
            sa.PrimaryKeyConstraint("created_at", "request_id", name=f"pk_{TABLE}"),
            sa.ForeignKeyConstraint(
                ["request_id", "created_at"],
                [f"{REQUEST_IDS}.request_id", f"{REQUEST_IDS}.created_at"],
                name=f"fk_{TABLE}_request_id",
            ),
        ]
    else:
        constraints = [
            sa.PrimaryKeyConstraint("id"),
            sa.UniqueConstraint("request_id", name=f"uq_{TABLE}_request_id"),
        ]
    op.create_table(
        TABLE,
        sa.Column(
            "id", number, nullable=False, server_default=sa.text(f"nextval('{TABLE}_id_seq')") if partitioned else None
        ),
        sa.Column("request_id", name, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("usable_type", sa.Text()),
        sa.Column("usable_id", number),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("proxy", sa.Text()),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", number, nullable=False),
        sa.Column("completion_tokens", number, nullable=False),
        sa.Column("total_tokens", number, nullable=False),
        sa.Column("cached_tokens", number, nullable=False),
        sa.Column("cache_write_tokens", number, nullable=False),
        sa.Column("cost", usd),
        sa.Column("amount_in_usd", usd),
        sa.Column("amount_in_clp", clp),
        sa.Column("duration_ms", number),
        sa.Column("status", sa.Text()),
        sa.Column("metadata", json),
        sa.Column("updated_at", time, nullable=False),
        *constraints,
        _check(
            "tokens_not_negative",
            "prompt_tokens >= 0 AND completion_tokens >= 0 AND cached_tokens >= 0 AND cache_write_tokens >= 0",
        ),
        _check("total_is_prompt_and_completion", "total_tokens = prompt_tokens + completion_tokens"),
        _check("cached_within_prompt", "cached_tokens + cache_write_tokens <= prompt_tokens"),
        _check("usable_whole", "(usable_type IS NULL) = (usable_id IS NULL)"),
        _check("duration_not_negative", "duration_ms >= 0"),
        sqlite_strict=True,
        postgresql_partition_by="RANGE (created_at)" if partitioned else None,
    )
    for index, columns in {
        "provider_model_proxy": ["provider", "model", "proxy"],
        "provider_task_type": ["provider", "task_type"],
        "proxy": ["proxy"],
        "task_type": ["task_type"],
        "usable": ["usable_type", "usable_id", "created_at"],
    }.items():
        op.create_index(f"ix_{TABLE}_{index}", TABLE, columns)
    if not partitioned:
        op.create_index(f"ix_{TABLE}_created_at_request_id", TABLE, ["created_at", "request_id"])


def _check(name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=f"ck_{TABLE}_{name}")
