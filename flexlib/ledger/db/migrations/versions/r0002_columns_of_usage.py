"""What a row stands for, who used it, its tier, extra counts and where its amounts are from become columns.

The ledger of 0001 kept what it knew of prices and rates among the caller's metadata, under names that callers could not
use; these are moved into columns. A tier and extra counts are the caller's own: they are copied and stay. The type of a
usable is in small letters from now on, so that an object of the class `User` and the pair `("user", 42)` are one.

SQLite builds the table anew, in one transaction. PostgreSQL changes the table in a moment and then converts one month
after the other, each in a transaction of its own, while others read and write; broken off, it is simply run again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from flexlib.ledger.db.migrations.versions import r0001_create_ledger as before
from flexlib.ledger.db.migrations.versions.r0001_create_ledger import TABLE

revision = "0002"
down_revision = "0001"

KEPT = (
    ("id", "request_id", "created_at", "usable_id", "provider", "model", "proxy", "task_type", "prompt_tokens")
    + ("completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens", "cost", "amount_in_usd")
    + ("amount_in_clp", "duration_ms", "status", "updated_at")
)  # fmt: skip
"""Columns that stay as they are."""

EXTRA = (
    ("cache_write_1h_tokens", "cache_audio_read_tokens", "cache_image_read_tokens", "input_audio_tokens")
    + ("input_image_tokens", "input_video_tokens", "output_audio_tokens", "output_image_tokens")
    + ("output_video_tokens", "web_searches")
)  # fmt: skip
TEXTS = {
    "price_source": "price_source",
    "unpriced": "unpriced",
    "fx_source": "rate_source",
    "unconverted": "rate_unreadable",
}
"""Columns, and the names in the metadata under which 0001 kept them."""
NOTES = (*TEXTS.values(), "price_date", "rate", "rate_day", "masked", "repriced")

CHECKS = {
    "usable_whole": (
        "(usable_type IS NULL) = (usable_id IS NULL AND usable_key IS NULL) "
        "AND (usable_id IS NULL OR usable_key IS NULL)"
    ),
    "extra_counts_not_negative": " AND ".join(f"{name} >= 0" for name in EXTRA),
    "grain_known": "grain IN ('call', 'day', 'hour', 'month')",
    "requests_positive": "requests > 0",
}
KEY_INDEX = f"CREATE INDEX ix_{TABLE}_usable_key ON {TABLE} (usable_type, usable_key, created_at)"
MOVED = "usable_key IS NOT NULL"


def upgrade() -> None:
    """Adds the columns and fills them out of what 0001 wrote."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild()
        _lower_types()
        return
    _change_table()
    with op.get_context().autocommit_block():
        for (partition,) in op.get_bind().execute(sa.text(_LIST_PARTITIONS)).all():
            op.execute(sa.text(f"UPDATE {partition} SET {_write_changes()} WHERE {_TO_CONVERT}"))
        for name in CHECKS:
            op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT ck_{TABLE}_{name}")
    # What a flexlib of before wrote while the months were converted; one that runs on keeps writing notes.
    op.execute(f"LOCK TABLE {TABLE} IN SHARE ROW EXCLUSIVE MODE")
    op.execute(
        sa.text(f"UPDATE {TABLE} SET {_write_changes()} WHERE updated_at > now() - {_RECENT} AND ({_TO_CONVERT})")
    )
    _lower_types()


def _lower_types() -> None:
    """The types that have a letter beyond ASCII, of which a database may not know the small one."""
    connection = op.get_bind()
    for name in connection.scalars(sa.text(f"SELECT DISTINCT usable_type FROM {TABLE}")).all():
        if name and name != name.lower():
            change = sa.text(f"UPDATE {TABLE} SET usable_type = :lower WHERE usable_type = :name")
            connection.execute(change, {"lower": name.lower(), "name": name})


# SQLite


def _rebuild() -> None:
    extra = ", ".join(f"{name} INTEGER" for name in EXTRA)
    op.execute(f"""
        CREATE TABLE new_{TABLE} (
            id INTEGER NOT NULL PRIMARY KEY, request_id TEXT NOT NULL, created_at INTEGER NOT NULL,
            grain TEXT DEFAULT 'call' NOT NULL, requests INTEGER DEFAULT '1' NOT NULL,
            usable_type TEXT, usable_id INTEGER, usable_key TEXT,
            provider TEXT NOT NULL, model TEXT NOT NULL, proxy TEXT, task_type TEXT NOT NULL, tier TEXT,
            prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL,
            cached_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, {extra},
            cost INTEGER, amount_in_usd INTEGER, price_source TEXT, price_date INTEGER, unpriced TEXT,
            amount_in_clp INTEGER, fx_rate INTEGER, fx_date INTEGER, fx_source TEXT, unconverted TEXT,
            duration_ms INTEGER, status TEXT, metadata TEXT, masked TEXT, earlier_amounts TEXT,
            updated_at INTEGER NOT NULL,
            CONSTRAINT uq_{TABLE}_request_id UNIQUE (request_id), {before.write_checks(before.CHECKS | CHECKS)}
        ) STRICT
    """)
    columns = {name: name for name in KEPT} | {"usable_type": "lower(usable_type)"} | _read_sqlite()
    names, values = ", ".join(columns), ", ".join(columns.values())
    op.execute(f"INSERT INTO new_{TABLE} ({names}) SELECT {values} FROM {TABLE} ORDER BY id")
    op.execute(f"DROP TABLE {TABLE}")
    op.execute(f"ALTER TABLE new_{TABLE} RENAME TO {TABLE}")
    before.create_indexes(before.INDEXES | before.TIME_INDEX)
    op.execute(f"{KEY_INDEX} WHERE {MOVED}")


def _read_sqlite() -> dict[str, str]:
    """The new columns out of the metadata, in SQL."""

    def read(name: str) -> str:
        return f"json_extract(metadata, '$.{name}')"

    def read_day(name: str) -> str:
        return f"CAST(strftime('%s', {read(name)}) AS INTEGER) / 86400"

    def read_count(name: str) -> str:
        # A number too large for 64 bits comes out as a float, and true as 1.
        whole = f"json_type(metadata, '$.{name}') = 'integer' AND typeof({read(name)}) = 'integer'"
        return f"CASE WHEN {whole} AND {read(name)} >= 0 THEN {read(name)} END"

    notes = ", ".join(f"'$.{name}'" for name in NOTES)
    own = f"json_remove(metadata, {notes})"
    return {
        "tier": f"CASE WHEN json_type(metadata, '$.tier') = 'text' THEN {read('tier')} END",
        **{name: read_count(name) for name in EXTRA},
        **{column: read(name) for column, name in TEXTS.items()},
        "price_date": read_day("price_date"),
        # Below a million, to 8 decimals: fewer digits than a float holds, so that rounding gives the exact steps.
        "fx_rate": f"nullif(CAST(round(CAST({read('rate')} AS REAL) * 100000000) AS INTEGER), 0)",
        "fx_date": read_day("rate_day"),
        "metadata": f"CASE WHEN {own} = json(metadata) THEN metadata ELSE nullif({own}, '{{}}') END",
        "masked": "(SELECT group_concat(value, ',') FROM json_each(metadata, '$.masked'))",
        "earlier_amounts": read("repriced"),
    }


# PostgreSQL


_LIST_PARTITIONS = f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{TABLE}'::regclass ORDER BY 1"  # noqa: S608
DAY, RATE, COUNT = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", r"^[0-9]{1,6}(\.[0-9]{1,8})?$", "^[0-9]{1,18}$"
"""What is read as a day, a rate, a count; what another wrote under their names is no reason to stop."""

_RECENT = "interval '2 days'"
"""Far longer than the conversion takes or clocks differ."""

_HAS_NOTES = " OR ".join(f"metadata->'{name}' IS NOT NULL" for name in NOTES)
_HAS_COUNTS = " OR ".join(f"(metadata->'{name}' IS NOT NULL AND {name} IS NULL)" for name in ("tier", *EXTRA))
_TO_CONVERT = f"usable_type <> lower(usable_type) OR {_HAS_NOTES} OR {_HAS_COUNTS}"


def _change_table() -> None:
    """All of it at once: no row is rewritten."""
    op.execute("SET LOCAL lock_timeout = '60s'")  # behind one who reads for hours, nobody else could read either
    columns = {
        "grain": "text NOT NULL DEFAULT 'call'",
        "requests": "bigint NOT NULL DEFAULT '1'",
        **dict.fromkeys(("usable_key", "tier"), "text"),
        **dict.fromkeys(EXTRA, "bigint"),
        "price_source": "text",
        "price_date": "date",
        "unpriced": "text",
        "fx_rate": "numeric(14, 8)",
        "fx_date": "date",
        **dict.fromkeys(("fx_source", "unconverted", "masked"), "text"),
        "earlier_amounts": "json",
    }
    changes = [f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in columns.items()]
    changes += [f"DROP CONSTRAINT IF EXISTS ck_{TABLE}_{name}" for name in CHECKS]
    changes += [f"ADD CONSTRAINT ck_{TABLE}_{name} CHECK ({rule}) NOT VALID" for name, rule in CHECKS.items()]
    op.execute(f"ALTER TABLE {TABLE} {', '.join(changes)}")
    op.execute(f"{KEY_INDEX.replace('CREATE INDEX', 'CREATE INDEX IF NOT EXISTS')} WHERE {MOVED}")


def _write_changes() -> str:
    """What an UPDATE sets, the caller's part of the metadata as it was written; where nothing is moved it stays."""

    def read(name: str) -> str:
        return f"metadata->>'{name}'"

    def cast(name: str, kind: str, form: str) -> str:
        return f"CASE WHEN {read(name)} ~ '{form}' THEN ({read(name)})\\:\\:{kind} END"

    def read_count(name: str) -> str:
        return f"CASE WHEN json_typeof(metadata->'{name}') = 'number' THEN {cast(name, 'bigint', COUNT)} END"

    notes = ", ".join(f"'{name}'" for name in NOTES)
    own = (
        "(SELECT '{' || string_agg(to_json(key)\\:\\:text || '\\: ' || value\\:\\:text, ', ' ORDER BY place) || '}' "
        f"FROM json_each(metadata) WITH ORDINALITY AS one(key, value, place) WHERE key NOT IN ({notes}))\\:\\:json"
    )
    masked = (
        "(SELECT string_agg(kind, ',' ORDER BY place) "
        "FROM json_array_elements_text(metadata->'masked') WITH ORDINALITY AS one(kind, place))"
    )
    columns = {
        "usable_type": "lower(usable_type)",
        "tier": f"CASE WHEN json_typeof(metadata->'tier') = 'string' THEN {read('tier')} ELSE tier END",
        **{name: f"coalesce({name}, {read_count(name)})" for name in EXTRA},
        **{column: f"coalesce({column}, {read(name)})" for column, name in TEXTS.items()},
        "price_date": f"coalesce(price_date, {cast('price_date', 'date', DAY)})",
        "fx_rate": f"coalesce(fx_rate, {cast('rate', 'numeric(14, 8)', RATE)})",
        "fx_date": f"coalesce(fx_date, {cast('rate_day', 'date', DAY)})",
        "masked": f"coalesce(masked, {masked})",
        "earlier_amounts": "coalesce(earlier_amounts, metadata->'repriced')",
        "metadata": f"CASE WHEN {_HAS_NOTES} THEN {own} ELSE metadata END",
    }
    return ", ".join(f"{name} = {value}" for name, value in columns.items())
