"""The front door of applications: the ledger that the settings name, or one at another address."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from sqlalchemy.engine import URL

from flexlib.ledger.db.database import BACKENDS, Ledger, parse_url
from flexlib.privacy import PrivacyGuard
from flexlib.settings import LEDGER_FILE, METADATA_BYTES, Settings, load_settings

BUSY_SECONDS = 10.0
"""How long a busy or unreachable database is tried again, unless told otherwise: an application's user waits too."""

VARIABLES = ("FLEXLIB_DATABASE_URL", "FLEXLIB_DATA", "FLEXLIB_PRIVACY", "FLEXLIB_METADATA_BYTES") + (
    ("WINDSURF_SERVICE_KEY", "SERVICE_KEY")  # masked in metadata
)
"""What decides which ledger it is."""


def find_ledger(settings: Settings | None = None) -> Ledger:
    """The ledger of the settings, by default those of the environment; for the same settings the same object.

    FLEXLIB_DATABASE_URL (default: the SQLite file `ledger.sqlite` in FLEXLIB_DATA), FLEXLIB_PRIVACY (what is masked in
    metadata: `all`, `none` or kinds by commas), FLEXLIB_METADATA_BYTES. Raises `BadSetting`.
    """
    return _open_once(settings or _read_once(tuple(map(os.environ.get, VARIABLES))))


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
