"""Limits of a model hold for every spelling of it: what each model that is recorded is called, for the triggers.

The name is `flexlib.money.price_book.name_model`'s, which knows the price lists; whoever records a call sees to it that
its model is here first. Counters of models are made again, with all spellings, when they are next asked for.
"""

from __future__ import annotations

from alembic import op

from flexlib.ledger.db.migrations.versions import r0003_limits as before

revision = "0004"
down_revision = "0003"

MODELS = "llm_usage_models"


def upgrade() -> None:
    """Makes the table, and the triggers anew."""
    backend = op.get_context().dialect.name
    text, end = before.KINDS[backend][0], " STRICT, WITHOUT ROWID" if backend == "sqlite" else ""
    op.execute(f"CREATE TABLE {MODELS} (model {text} NOT NULL PRIMARY KEY, name {text} NOT NULL){end}")
    if backend == "sqlite":
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER {before.COUNTERS}_{event}")
        before.count_on_sqlite(list_scopes)
    else:
        before.count_on_postgresql(list_scopes)
    for table in (before.COUNTERS, before.HOLDS):
        op.execute(f"DELETE FROM {table} WHERE scope = 'model'")  # noqa: S608


def list_scopes(backend: str, row: str) -> dict[str, str]:
    """What a row of calls is of, in SQL, by scope."""
    name = f"(SELECT name FROM {MODELS} WHERE model = {row}.model)"  # noqa: S608
    return before.list_scopes(backend, row) | {"model": f"coalesce({name}, lower({row}.model))"}
