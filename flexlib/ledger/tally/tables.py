"""The tables of tallies, and the triggers that follow the calls.

A trigger writes what each changed row adds and takes away, as a row of `CHANGES`, in the transaction that changes it:
whoever records, reprices or deletes, the two are stored together or neither is. Rows are only added there, so that
writers never wait for each other. Tallies with the changes that are not folded into them yet are the ledger's sums.

All of it is made from the calls and can be made again: it is in no migration, and a ledger without it is whole.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from flexlib.ledger.db.columns import BIGINT, CLP_DECIMALS, SUM_PRECISION, USD_DECIMALS, Money, UtcTime
from flexlib.ledger.db.table import STATISTICS, TABLE

TALLIES, CHANGES = "llm_usage_tallies", "llm_usage_tally_changes"
PARTITIONS = "llm_usage_tally_partitions"
"""The partitions that were counted, on PostgreSQL: one that is dropped takes its calls along, and no trigger fires.
With each its file and its trigger, as `current` compares them."""

ROUTE, USABLE = "route", "usable"
KEYS = {
    ROUTE: ("grain", "provider", "model", "proxy", "task_type"),
    USABLE: ("usable_type", "usable_id", "usable_key"),
}
"""What tallies are of, by kind. Apart, since of both together there would be nearly as many as calls."""

HOUR, DAY = "hour", "day"
SPANS = ((ROUTE, HOUR), (ROUTE, DAY), (USABLE, DAY))
"""What is kept. Of a minute there would be nearly as many as calls; a few hours' calls are read as fast."""

MEASURES = ("prompt_tokens", "completion_tokens", "usd", "clp", "requests", "unpriced_usd", "unpriced_clp")
AMOUNTS = {"usd": "amount_in_usd", "clp": "amount_in_clp"}
MICROSECONDS = {HOUR: 3_600_000_000, DAY: 86_400_000_000}

WHOLE = 0
"""Stands among the partitions once all calls are counted; a number below it while they are, that of who counts."""
EVENTS = {"insert": ["NEW"], "update": ["OLD", "NEW"], "delete": ["OLD"]}
"""What happens to a call, with what of it is added and taken away."""

METADATA = sa.MetaData()


def _build(name: str, *more: sa.Column[Any]) -> sa.Table:
    decimals = {"usd": USD_DECIMALS, "clp": CLP_DECIMALS}
    return sa.Table(
        name,
        METADATA,
        *more,
        sa.Column("start", UtcTime(), nullable=False),
        *(sa.Column(key, STATISTICS.c[key].type) for keys in KEYS.values() for key in keys),
        *(
            sa.Column(one, Money(decimals[one], SUM_PRECISION) if one in decimals else BIGINT, nullable=False)
            for one in MEASURES
        ),
        sqlite_strict=True,
    )


tallies = _build(
    TALLIES,
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("span", sa.Text(), nullable=False),
    sa.Column("is_old", sa.Integer(), nullable=False),  # while changes are folded into it
)
sa.Index(f"ix_{TALLIES}_start", tallies.c.kind, tallies.c.span, tallies.c.start)
sa.Index(
    f"ix_{TALLIES}_old",
    tallies.c.is_old,
    sqlite_where=sa.text("is_old = 1"),
    postgresql_where=sa.text("is_old = 1"),
)
changes = _build(CHANGES)
partitions = sa.Table(
    PARTITIONS,
    METADATA,
    sa.Column("partition", sa.BigInteger(), primary_key=True),
    sa.Column("file", sa.BigInteger(), nullable=False),
    sa.Column("followed", sa.BigInteger(), nullable=False),
    sa.Column("is_counted", sa.Boolean(), nullable=False),
)


class HourStart(FunctionElement[Any]):
    """The start of the hour, in UTC, in which a time lies."""

    inherit_cache = True
    type = UtcTime()
    span = HOUR


class DayStart(HourStart):
    """The start of the day, in UTC, in which a time lies."""

    inherit_cache = True
    span = DAY


STARTS = {HOUR: HourStart, DAY: DayStart}


def write_start(backend: str, time: str, span: str) -> str:
    """The start of a time's hour or day, in SQL; also of times before 1970."""
    if backend == "postgresql":
        return f"date_trunc('{span}', {time}, 'UTC')"
    width = MICROSECONDS[span]
    return f"({time} - ({time} % {width} + {width}) % {width})"


@compiles(HourStart)
def _compile_start(element: HourStart, compiler: Any, **kw: Any) -> str:  # noqa: ANN401
    return write_start(compiler.dialect.name, compiler.process(element.clauses, **kw), element.span)


def create_tables(connection: sa.Connection) -> None:
    """Makes the tables and the triggers, in the caller's transaction."""
    METADATA.create_all(connection)
    if connection.dialect.name == "sqlite":
        for event, rows in EVENTS.items():
            body = " ".join(f"{_write_change('sqlite', row, CHANGES)};" for row in rows)
            connection.exec_driver_sql(f"CREATE TRIGGER {TALLIES}_{event} AFTER {event} ON {TABLE} BEGIN {body} END")
        return
    place = connection.scalar(sa.text("SELECT quote_ident(nspname) FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = relnamespace WHERE c.oid = to_regclass(:name)"), {"name": CHANGES})  # fmt: skip
    # As its owner, and in its own schema: who may record needs no right on these tables, and cannot lead it elsewhere.
    head = "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS"
    old, new = (_write_change("postgresql", row, f"{place}.{CHANGES}") for row in ("OLD", "NEW"))
    connection.exec_driver_sql(f"""
        CREATE FUNCTION {TALLIES}_follow() {head} $$ BEGIN
            IF TG_OP <> 'INSERT' THEN {old}; END IF;
            IF TG_OP <> 'DELETE' THEN {new}; END IF;
            RETURN NULL;
        END $$""")
    # Not deleted: what a fold under way adds would not be seen, and stay.
    connection.exec_driver_sql(f"""
        CREATE FUNCTION {TALLIES}_empty() {head} $$ BEGIN
            TRUNCATE {place}.{TALLIES}, {place}.{CHANGES}; RETURN NULL;
        END $$""")
    # A row at a time: that of a statement would not see what is written into a partition by its own name.
    connection.exec_driver_sql(f"""
        CREATE TRIGGER {TALLIES}_follow AFTER INSERT OR UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION {TALLIES}_follow()""")
    connection.exec_driver_sql(f"""
        CREATE TRIGGER {TALLIES}_empty AFTER TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION {TALLIES}_empty()""")
    # Always: also of a session that loads calls as a replica does, in which other triggers are silent.
    always = (f"ENABLE ALWAYS TRIGGER {TALLIES}_{name}" for name in ("follow", "empty"))
    connection.exec_driver_sql(f"ALTER TABLE {TABLE} {', '.join(always)}")


def drop_tables(connection: sa.Connection) -> None:
    """Takes the triggers and the tables away, where they are, in the caller's transaction."""
    # First, since who reads tallies locks it first: the two wait for each other in one order.
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {PARTITIONS}")
    if connection.dialect.name == "sqlite":
        for event in EVENTS:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {TALLIES}_{event}")
    else:
        for name in ("follow", "empty"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {TALLIES}_{name} ON {TABLE}")
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {TALLIES}_{name}()")
    METADATA.drop_all(connection)


def _write_change(backend: str, row: str, table: str) -> str:
    """The statement by which a row's measures are added (`NEW`) or taken away (`OLD`)."""
    sign = "-" if row == "OLD" else ""
    values = {
        "start": write_start(backend, f"{row}.created_at", HOUR),
        **{key: f"{row}.{key}" for keys in KEYS.values() for key in keys},
        **{name: f"{sign}{row}.{name}" for name in ("prompt_tokens", "completion_tokens", "requests")},
    }
    for name, amount in AMOUNTS.items():
        values[name] = f"{sign}coalesce({row}.{amount}, 0)"
        values[f"unpriced_{name}"] = f"CASE WHEN {row}.{amount} IS NULL THEN {sign}{row}.requests ELSE 0 END"
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608
