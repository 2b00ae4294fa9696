"""The front door of applications: the ledger that the settings name, or one at another address."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from flexlib.errors import BadSetting
from flexlib.home import find_home
from flexlib.i18n import _
from flexlib.ledger.db.database import Ledger
from flexlib.privacy import PrivacyGuard
from flexlib.settings import LEDGER_FILE, METADATA_BYTES, Settings, load_settings
from flexlib.store.budgets import BUDGETS
from flexlib.store.organization import ORGANIZATION

BACKENDS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
BUSY_SECONDS = 10.0
"""How long a busy or unreachable database is tried again, unless told otherwise: an application's user waits too."""

VARIABLES = ("FLEXLIB_DATABASE_URL", "FLEXLIB_DATA", "FLEXLIB_PRIVACY", "FLEXLIB_METADATA_BYTES") + (
    ("WINDSURF_SERVICE_KEY", "SERVICE_KEY")  # masked in metadata
)
"""What decides which ledger it is."""

GUARD_VARIABLES = ("FLEXLIB_BUDGETS", "FLEXLIB_GUARD", "FLEXLIB_ORGANIZATION")
"""What decides which limits calls are held to, and what is done where the ledger cannot be asked."""


def find_ledger(settings: Settings | None = None) -> Ledger:
    """The ledger of the settings, by default those of the environment; for the same settings the same object.

    FLEXLIB_DATABASE_URL (default: the SQLite file `ledger.sqlite` in FLEXLIB_DATA), FLEXLIB_PRIVACY (what is masked in
    metadata: `all`, `none` or kinds by commas), FLEXLIB_METADATA_BYTES. Raises `BadSetting`.
    """
    return _open_once(settings or _read_once(tuple(map(os.environ.get, VARIABLES))))


class GuardSettings(NamedTuple):
    """What calls are held to."""

    budgets: Path
    is_named: bool
    """Whether somebody named the file of the budgets."""
    is_open: bool
    """Whether a call may be made where it cannot be asked."""
    organization: Path
    """The file that says who belongs where, if it is there."""


def find_guard() -> GuardSettings:
    """What the settings say of the guard."""
    return _find_guard_once(tuple(map(os.environ.get, GUARD_VARIABLES)))


@cache
def _find_guard_once(_: tuple[str | None, ...]) -> GuardSettings:
    settings, usual = load_settings(), find_home() / BUDGETS
    path = settings.budgets or usual
    return GuardSettings(
        path, path != usual, settings.is_guard_open, settings.organization or usual.with_name(ORGANIZATION)
    )


@cache
def _read_once(_: tuple[str | None, ...]) -> Settings:
    return load_settings()


@cache
def _open_once(settings: Settings) -> Ledger:
    return open_ledger(
        settings.database_url, data=settings.data, guard=settings.guard, metadata_bytes=settings.metadata_bytes
    )


def open_ledger(
    url: str | None = None,
    *,
    data: Path | None = None,
    guard: PrivacyGuard | None = None,
    metadata_bytes: int = METADATA_BYTES,
    retry_seconds: float = BUSY_SECONDS,
) -> Ledger:
    """The ledger at `url`, by default the SQLite file in the folder `data` (default: FLEXLIB_DATA).

    `url`: `postgresql+psycopg://user:password@host/database` or `sqlite:////absolute/file`. Nothing is opened yet.
    Raises `BadSetting`, without repeating the URL.
    """
    folder = (data or load_settings().data).absolute()
    parsed = parse_url(url) if url else URL.create(BACKENDS["sqlite"], database=str(folder / LEDGER_FILE))
    return Ledger(
        parsed, data=folder, guard=guard or PrivacyGuard(), metadata_bytes=metadata_bytes, retry_seconds=retry_seconds
    )


def parse_url(text: str) -> URL:
    """The address of a database, with the driver that is used. Raises `BadSetting`, without repeating it."""
    try:
        url = make_url(text.strip())
    except (sa.exc.ArgumentError, ValueError):
        url = None
    # An @ or / that was not escaped puts a part of the password where the host should be.
    if url is None or "@" in f"{url.host}{url.database}":
        raise BadSetting(
            _(
                "FLEXLIB_DATABASE_URL cannot be read; write it as "
                "postgresql+psycopg://user:password@host/database, with special characters of the password "
                "as %40 and the like."
            )
        ) from None
    backend, __, driver = url.drivername.partition("+")
    if backend not in BACKENDS or driver not in ("", "psycopg", "pysqlite"):
        raise BadSetting(
            _("FLEXLIB_DATABASE_URL asks for {drivername}; it must be postgresql+psycopg or sqlite.").format(
                drivername=url.drivername
            )
        )
    if backend == "sqlite":
        if url.database in (None, "", ":memory:") or url.query:
            raise BadSetting(_("FLEXLIB_DATABASE_URL must name a file, such as sqlite:////srv/ledger.sqlite."))
        try:
            url = url.set(database=str(Path(str(url.database)).expanduser().absolute()))
        except RuntimeError as error:  # of Path: there is no such user, or no home
            raise BadSetting(_("FLEXLIB_DATABASE_URL has a ~ that is nobody's home; write the path out.")) from error
    return url.set(drivername=BACKENDS[backend])
