"""What is held for a call without a price is held no longer once the call is deleted: nobody will price it."""

from __future__ import annotations

from alembic import op

from flexlib.ledger.db.migrations.versions import r0003_limits as before
from flexlib.ledger.db.migrations.versions.r0004_models import list_scopes

revision = "0006"
down_revision = "0005"

RELEASES = before.RELEASES | {"DELETE": ("OLD", "OLD.amount_in_usd IS NULL")}


def upgrade() -> None:
    """Makes the triggers anew."""
    if op.get_context().dialect.name == "postgresql":
        before.count_on_postgresql(list_scopes, RELEASES)
        return
    for event in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER {before.COUNTERS}_{event}")
    before.count_on_sqlite(list_scopes, RELEASES)
