"""Limits that hold: a counter for each period of a limit, what is held for calls under way, and what counts the calls.

Triggers count, so that a call counts whoever records, reprices or deletes it. Without a limit there is no counter, and
they end at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alembic import op

from flexlib.ledger.db.migrations.versions.r0001_create_ledger import TABLE

revision = "0003"
down_revision = "0002"

COUNTERS = "llm_usage_limit_counters"
HOLDS = "llm_usage_limit_holds"
KEY = "scope, value, first, until"

KINDS = {"sqlite": ("TEXT", "INTEGER", "INTEGER"), "postgresql": ('text COLLATE "C"', "timestamptz", "numeric(28, 10)")}
"""The types of a text, a time, an amount."""

METADATA = {
    "sqlite": "trim(CAST(json_extract({row}.metadata, '$.{name}') AS TEXT))",
    "postgresql": "trim({row}.metadata->>'{name}')",
}


RELEASES = {"UPDATE": ("NEW", "OLD.amount_in_usd IS NULL AND NEW.amount_in_usd IS NOT NULL")}
"""What was held for a call that had no price is held no longer: now it is spent. By event the row of the call, and when
it is so."""

Releases = Mapping[str, tuple[str, str]]
ListScopes = Callable[[str, str], dict[str, str]]
"""Of a backend and a row of calls, `NEW` or `OLD`: what the row is of, in SQL, by scope."""

SAME = " AND ".join(f"{HOLDS}.{name} = {COUNTERS}.{name}" for name in KEY.split(", "))


def upgrade() -> None:
    """Makes the tables and the triggers."""
    backend = op.get_context().dialect.name
    text, time, amount = KINDS[backend]
    end = " STRICT, WITHOUT ROWID" if backend == "sqlite" else ""
    key = f"scope {text} NOT NULL, value {text} NOT NULL, first {time} NOT NULL, until {time} NOT NULL"
    op.execute(f"""
        CREATE TABLE {COUNTERS} ({key}, spent {amount} NOT NULL, held {amount} NOT NULL, PRIMARY KEY ({KEY})){end}""")
    op.execute(f"""
        CREATE TABLE {HOLDS} (hold {text} NOT NULL, {key}, amount {amount} NOT NULL, expires {time} NOT NULL,
        PRIMARY KEY (hold, {KEY})){end}""")
    if backend == "sqlite":
        count_on_sqlite()
    else:
        count_on_postgresql()
        op.execute("SET LOCAL lock_timeout = '60s'")  # behind one who writes for hours, nobody else could record either
        op.execute(f"""
            CREATE TRIGGER {COUNTERS}_count AFTER INSERT OR UPDATE OR DELETE ON {TABLE}
            FOR EACH ROW EXECUTE FUNCTION {COUNTERS}_count()""")


def list_scopes(backend: str, row: str) -> dict[str, str]:
    """What a row of calls is of, in SQL, by scope."""
    character = "char" if backend == "sqlite" else "chr"
    cast = f"CAST({row}.usable_id AS TEXT)"
    return {
        "whole": "''",
        "usable": f"{row}.usable_type || {character}(31) || coalesce({row}.usable_key, {cast})",
        "provider": f"coalesce({row}.proxy, {row}.provider)",
        "model": f"lower({row}.model)",
        **{name: METADATA[backend].format(row=row, name=name) for name in ("department", "project", "team")},
    }


def count_on_sqlite(list_scopes: ListScopes = list_scopes, releases: Releases = RELEASES) -> None:
    """Makes the triggers."""
    for event, rows in {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}.items():
        changes = "".join(
            f"""
            UPDATE {COUNTERS} SET spent = spent {"-+"[row == "NEW"]} {row}.amount_in_usd
            WHERE scope = '{scope}' AND value = {value} AND first <= {row}.created_at AND until > {row}.created_at
                AND {row}.amount_in_usd IS NOT NULL;"""
            for row in rows
            for scope, value in list_scopes("sqlite", row).items()
        )
        if event in releases:
            row, condition = releases[event]
            of_the_call = f"{HOLDS}.hold = {row}.request_id"
            changes += f"""
            UPDATE {COUNTERS} SET held = held - coalesce((SELECT amount FROM {HOLDS} WHERE {of_the_call} AND {SAME}), 0)
            WHERE {condition} AND EXISTS (SELECT 1 FROM {HOLDS} WHERE {of_the_call} AND {SAME});
            DELETE FROM {HOLDS} WHERE {condition} AND {of_the_call};"""
        op.execute(f"""
            CREATE TRIGGER {COUNTERS}_{event.lower()} AFTER {event} ON {TABLE}
            WHEN EXISTS (SELECT 1 FROM {COUNTERS}) BEGIN {changes} END""")


def count_on_postgresql(list_scopes: ListScopes = list_scopes, releases: Releases = RELEASES) -> None:
    """Makes the function of the trigger, or replaces it."""

    def change(row: str, sign: str) -> str:
        values = ", ".join(f"('{scope}', {value})" for scope, value in list_scopes("postgresql", row).items())
        found = f"""(scope, value) IN (VALUES {values})
                AND first <= {row}.created_at AND until > {row}.created_at"""
        # In one order in every process, so that two of them wait for each other, not both.
        return f"""
            IF {row}.amount_in_usd IS NOT NULL THEN
                PERFORM 1 FROM {COUNTERS} WHERE {found} ORDER BY {KEY} FOR UPDATE;
                UPDATE {COUNTERS} SET spent = spent {sign} {row}.amount_in_usd WHERE {found};
            END IF;"""

    def release(event: str, row: str, condition: str) -> str:
        of_the_call = f"{HOLDS}.hold = {row}.request_id"
        return f"""
            IF TG_OP = '{event}' THEN
                IF {condition} THEN
                    PERFORM 1 FROM {COUNTERS} JOIN {HOLDS} USING ({KEY}) WHERE {of_the_call}
                        ORDER BY {KEY} FOR UPDATE OF {COUNTERS};
                    UPDATE {COUNTERS} SET held = held - amount FROM {HOLDS} WHERE {of_the_call} AND {SAME};
                    DELETE FROM {HOLDS} WHERE {of_the_call};
                END IF;
            END IF;"""

    op.execute(f"""
        CREATE OR REPLACE FUNCTION {COUNTERS}_count() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
        AS $$ BEGIN
            IF NOT EXISTS (SELECT 1 FROM {COUNTERS}) THEN RETURN NULL; END IF;
            IF TG_OP <> 'INSERT' THEN {change("OLD", "-")} END IF;
            IF TG_OP <> 'DELETE' THEN {change("NEW", "+")} END IF;
            {"".join(release(event, *when) for event, when in releases.items())}
            RETURN NULL;
        END $$""")
