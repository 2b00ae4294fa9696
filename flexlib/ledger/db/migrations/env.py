"""What Alembic runs to reach the database: the connection is the caller's, and so is its transaction where one is."""

from __future__ import annotations

from alembic import context

from flexlib.ledger.db.table import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], version_table=VERSION_TABLE, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
