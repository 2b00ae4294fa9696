"""How connections to a ledger's database are made, and what is set on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from flexlib.errors import BadSetting, LedgerFailed
from flexlib.i18n import _

CONNECT_SECONDS = 5


def create_engine(url: URL, retry_seconds: float, *, makes_file: bool) -> sa.Engine:
    """Connections for who waits so many seconds for a lock. Without `makes_file` a SQLite file that is not there stays
    so: to open it is refused, and not an empty ledger. Raises `BadSetting` where PostgreSQL's driver is missing."""
    if url.get_backend_name() == "sqlite":
        if not makes_file:
            kept = {**url.query, "mode": "rw", "uri": "true"}
            url = url.set(database=Path(url.database or "").absolute().as_uri(), query=kept)
        options: dict[str, Any] = {"timeout": retry_seconds, "isolation_level": None}
        engine = sa.create_engine(url, hide_parameters=True, connect_args=options, pool_timeout=retry_seconds)
        # What was acknowledged is on the disk: a ledger outlives a power cut. Batches pay once for all their calls.
        sa.event.listen(engine, "connect", lambda driver, __: driver.execute("PRAGMA synchronous = FULL"))
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine
    options = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": int(retry_seconds * 1000)}
    options["client_encoding"] = "utf8"  # whatever PGCLIENTENCODING, the role or the database say
    options = {name: value for name, value in options.items() if name not in url.query}
    try:
        engine = sa.create_engine(url, hide_parameters=True, isolation_level="AUTOCOMMIT", connect_args=options,
            pool_timeout=retry_seconds)  # fmt: skip
    except ModuleNotFoundError as error:
        raise BadSetting(_("FLEXLIB_DATABASE_URL asks for PostgreSQL; run: pip install 'flexlib[postgres]'")) from error
    sa.event.listen(engine, "connect", lambda driver, __: _settle(driver, url, retry_seconds))
    return engine


def list_settings(retry_seconds: float) -> tuple[str, ...]:
    """What is set on every connection to PostgreSQL: how texts and times travel, and how long it waits for a lock."""
    lock = f"SET lock_timeout TO {max(1, int(retry_seconds * 1000))}"  # 0 would be without end
    return ("SET client_encoding TO 'UTF8'", "SET DateStyle TO 'ISO, YMD'", lock)


def _settle(driver: Any, url: URL, retry_seconds: float) -> None:  # noqa: ANN401 (the driver's connection)
    """Makes a new connection to PostgreSQL speak as ours do, whatever the role, the database or the machine are set to.

    Raises `LedgerFailed` where the database cannot hold every text.
    """
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        driver.close()
        raise LedgerFailed(_("The database {name} is in {encoding}, which has no place for every text; make one that "
            "has: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0").format(
            name=url.database, encoding=encoding))  # fmt: skip
    for setting in list_settings(retry_seconds):
        driver.execute(setting)
    driver.commit()
