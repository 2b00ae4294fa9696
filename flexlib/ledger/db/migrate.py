"""The schema of the ledger: made and moved by Alembic, which is imported only when there is something to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from flexlib.errors import LedgerMissing
from flexlib.i18n import _
from flexlib.ledger.db.archived import list_archived
from flexlib.ledger.db.database import Ledger, run_with_retries
from flexlib.ledger.db.table import (
    COUNTERS,
    HEAD,
    HOLDS,
    STATISTICS,
    TABLE,
    VERSION_TABLE,
    explain_detached,
    list_detached,
)
from flexlib.ledger.door import find_ledger
from flexlib.store.disk import PRIVATE, lock_file

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x666C6579
BEFORE_MODELS = "0003"
"""The revision at which limits of models held for one spelling of them."""

T = TypeVar("T")


@dataclass(frozen=True)
class LedgerStatus:
    """What a ledger is and holds."""

    backend: str
    """`sqlite` or `postgresql`."""
    place: str
    """The file, or host and database; never a password."""
    revision: str | None
    """None: there is no ledger yet."""
    head: str
    """The revision that this flexlib works with."""
    rows: int | None
    first: datetime | None
    """When the first of its calls was made, UTC."""
    last: datetime | None
    archived: tuple[str, ...] = ()
    """The months whose calls are in files alone; they are not among the rows."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, default=datetime.isoformat)


def prepare_ledger(ledger: Ledger) -> None:
    """Sees once in a process that the tables are there; makes them in a new SQLite file.

    Raises `LedgerMissing` where a PostgreSQL database has none, or a file that is not to be made, or where they are of
    another revision.
    """
    if ledger.prepared:
        return
    revision = _read_revision(ledger)
    if revision is None and ledger.backend == "sqlite" and ledger.makes_file:
        revision = _migrate(ledger)
    if revision is None:
        raise LedgerMissing(_("There is no ledger in {place} yet. Run: flexlib ledger init").format(place=ledger.place))
    if revision != HEAD and ledger.backend == "postgresql":
        _await_migration(ledger)  # which another process may have begun just now
        revision = _read_revision(ledger) or revision
    if revision != HEAD:
        raise _describe_revision(ledger, revision)
    ledger.prepared = True


def check_partitions(ledger: Ledger, low: datetime | None = None, high: datetime | None = None) -> None:
    """Sees once in a process that no sum lacks a month whose partition is detached, on PostgreSQL.

    Raises `LedgerFailed` where one is that has a part of the time from `low` on and before `high`, in UTC.
    """
    if ledger.backend != "postgresql" or ledger.is_whole:
        return
    detached = _ask(ledger, list_detached)
    ledger.is_whole = not detached
    for month in detached:
        if (low is None or low < month.end) and (high is None or high > month.previous.end):
            raise explain_detached(month)


def init_ledger(ledger: Ledger | None = None) -> LedgerStatus:
    """Makes the tables where there are none; a ledger that is there stays as it is."""
    ledger = ledger or find_ledger()
    if _read_revision(ledger) is None:
        _migrate(ledger)
    return get_ledger_status(ledger)


def upgrade_ledger(ledger: Ledger | None = None) -> LedgerStatus:
    """Brings the tables to the newest revision. Raises `LedgerMissing` where there are none, or a newer flexlib's."""
    ledger = ledger or find_ledger()
    revision = _read_revision(ledger)
    if revision is None:
        raise LedgerMissing(_("There is no ledger in {place} yet. Run: flexlib ledger init").format(place=ledger.place))
    if revision not in _list_revisions():
        raise _describe_revision(ledger, revision)
    _migrate(ledger)
    return get_ledger_status(ledger)


def holds_of_models(ledger: Ledger) -> bool:
    """Whether an upgrade ends what is held of limits of models for calls under way, as that to 0004 does."""
    if _read_revision(ledger) != BEFORE_MODELS:
        return False
    holds = STATISTICS.metadata.tables[HOLDS]
    is_held = (holds.c.scope == "model") & (holds.c.expires > datetime.now(timezone.utc))
    found = sa.select(sa.exists().where(is_held))
    return bool(_ask(ledger, lambda connection: connection.scalar(found)))


def get_ledger_status(ledger: Ledger | None = None) -> LedgerStatus:
    """Backend, revision, how many calls, the first and the last; it makes nothing."""
    ledger = ledger or find_ledger()
    revision = _read_revision(ledger)
    rows, first, last = None, None, None
    if revision is not None:
        created_at = STATISTICS.c.created_at
        query = sa.select(sa.func.count(), sa.func.min(created_at), sa.func.max(created_at)).select_from(STATISTICS)
        rows, first, last = _ask(ledger, lambda connection: connection.execute(query).one())
    archived = _ask(ledger, list_archived) if revision == HEAD else []
    months = tuple(str(one.month) for one in archived)
    return LedgerStatus(ledger.backend, ledger.place, revision, HEAD, rows, first, last, months)


def _read_revision(ledger: Ledger) -> str | None:
    """None: there is no ledger. Raises `LedgerMissing` where there is one, but nothing says of which revision."""
    query = sa.text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608

    def read(connection: sa.Connection) -> str | None:
        tables = sa.inspect(connection)
        # Asked first: another process may make both tables between the two questions.
        is_made = tables.has_table(TABLE)
        revision: str | None = connection.scalar(query) if tables.has_table(VERSION_TABLE) else None
        if revision is None and is_made:
            raise LedgerMissing(
                _(
                    "{place} has a table {table}, but {version_table} does not say of which revision: restore "
                    "the database from a backup, or name another one if that table is not flexlib's."
                ).format(place=ledger.place, table=TABLE, version_table=VERSION_TABLE)
            )
        return revision

    return None if ledger.is_absent else _ask(ledger, read)


def _ask(ledger: Ledger, work: Callable[[sa.Connection], T]) -> T:
    def ask() -> T:
        with ledger.engine.connect() as connection:
            return work(connection)

    return run_with_retries(ledger, ask)


def _await_migration(ledger: Ledger) -> None:
    """Waits for a migration that is under way in PostgreSQL, as long as one waits for a busy ledger."""
    with ledger.engine.connect() as connection, suppress(sa.exc.OperationalError):  # the wait was too long
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{int(ledger.retry_seconds * 1000)}ms'"))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def _list_revisions() -> set[str]:
    return {file.stem.split("_")[0].removeprefix("r") for file in (MIGRATIONS / "versions").glob("r*.py")}


def _describe_revision(ledger: Ledger, revision: str) -> LedgerMissing:
    known = revision in _list_revisions()
    advice = _("Run: flexlib ledger upgrade") if known else _("A newer flexlib made it: update flexlib.")
    return LedgerMissing(
        _("The ledger in {place} is at revision {revision}, not {head}. {advice}").format(
            place=ledger.place, revision=revision, head=HEAD, advice=advice
        )
    )


def _migrate(ledger: Ledger) -> str:
    """Moves to the newest revision, one process at a time; on SQLite in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))

    def upgrade() -> None:
        if ledger.path:
            ledger.path.touch(PRIVATE)  # what callers write of their users; SQLite's files beside it become alike
            with ledger.connect() as driver:
                driver.execute("PRAGMA journal_mode = WAL")
            with ledger.engine.connect() as connection, connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return
        with ledger.engine.connect() as connection:
            # Alembic begins and ends the transactions: the conversion of many rows is none, for the others' sake.
            connection = connection.execution_options(isolation_level="READ COMMITTED")
            try:
                connection.execute(sa.text("SET lock_timeout TO 0"))  # another's conversion may take minutes
                connection.execute(sa.select(sa.func.pg_advisory_lock(LOCK)))
                connection.commit()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                _count_always(connection)
                connection.commit()
            finally:
                connection.invalidate()  # with it go its lock and its patience

    # One process at a time makes the tables of a SQLite file; PostgreSQL has locks of its own.
    alone = lock_file(ledger.path.with_name(f".{ledger.path.name}.lock")) if ledger.path else nullcontext()
    with alone:
        run_with_retries(ledger, upgrade)
    return HEAD


def _count_always(connection: sa.Connection) -> None:
    """Has limits count also what a session writes as a replica does, in which other triggers are silent. Not by a
    revision: whoever loads data may have turned them off and on again, by which they become as others are."""
    silent = sa.text(
        "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgname = :count AND tgenabled <> 'A' "
        "AND tgrelid IN (SELECT relid FROM pg_partition_tree(to_regclass(:calls))))"
    )
    if connection.scalar(silent, {"count": f"{COUNTERS}_count", "calls": TABLE}):
        connection.execute(sa.text("SET LOCAL lock_timeout = '60s'"))  # nobody records while it waits
        connection.execute(sa.text(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {COUNTERS}_count"))
