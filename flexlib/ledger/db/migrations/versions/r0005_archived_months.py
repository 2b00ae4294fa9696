"""Months whose calls are archived: the ledger knows which, so that no sum is silently without them.

On SQLite triggers refuse what would be of such a month, and an archived call's request id under another time, by the
ids that are kept. On PostgreSQL the month's partition is gone, and the table of request ids still has them.
"""

from __future__ import annotations

from alembic import op

from flexlib.ledger.db.migrations.versions.r0001_create_ledger import TABLE
from flexlib.ledger.db.migrations.versions.r0003_limits import KINDS

revision = "0005"
down_revision = "0004"

MONTHS, IDS = "llm_usage_archived_months", "llm_usage_archived_ids"
WORD = "archived"
"""What the triggers say; `flexlib.ledger.db.archived` makes a sentence of it."""


def upgrade() -> None:
    """Makes the tables and the triggers."""
    backend = op.get_context().dialect.name
    text, time, number = (*KINDS[backend][:2], "INTEGER" if backend == "sqlite" else "BIGINT")
    op.execute(f"""
        CREATE TABLE {MONTHS} (first {time} NOT NULL PRIMARY KEY, until {time} NOT NULL, rows {number} NOT NULL,
        rows_sha256 {text} NOT NULL, place {text} NOT NULL){" STRICT, WITHOUT ROWID" * (backend == "sqlite")}""")
    if backend == "postgresql":
        op.execute(f"GRANT SELECT ON {MONTHS} TO PUBLIC")  # who may read the calls has to know which are gone
        return
    op.execute(f"CREATE TABLE {IDS} (request_id TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID")
    new, old = (f"EXISTS (SELECT 1 FROM {MONTHS} WHERE first <= {row}.created_at AND until > {row}.created_at)"  # noqa: S608
                for row in ("NEW", "OLD"))  # fmt: skip
    is_known = f"EXISTS (SELECT 1 FROM {IDS} WHERE request_id = NEW.request_id)"  # noqa: S608
    for event, condition in {"INSERT": f"{new} OR {is_known}", "UPDATE": f"{new} OR {old}"}.items():
        op.execute(f"""
            CREATE TRIGGER {MONTHS}_{event.lower()} BEFORE {event} ON {TABLE} WHEN {condition}
            BEGIN SELECT RAISE(ABORT, '{WORD}'); END""")
