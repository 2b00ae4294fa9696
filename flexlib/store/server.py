"""ROOT/server.json: whose data a root holds, and what the last runs learned of that server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flexlib.errors import OtherServer
from flexlib.store.disk import find_root, report_disk, sync


def read_server(root: Path | None = None) -> dict[str, Any]:
    """What is remembered of the server whose data `root` holds: its name, routes it refused; empty when new."""
    file = find_root(root) / "server.json"
    remembered: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return remembered


def check_server(server: str, root: Path | None = None) -> None:
    """Raises `OtherServer` when `root` holds data of another server."""
    folder = find_root(root)
    owner = read_server(folder).get("server", server)
    if owner != server:
        raise OtherServer(
            f"{folder} holds data of {owner} and you asked {server}; set FLEXLIB_DATA to a folder of its own."
        )


def keep_server(server: str, facts: dict[str, Any], root: Path | None = None) -> None:
    """Remembers `facts` of `server`, which `root` then belongs to. Raises `OtherServer` when it is another's."""
    folder = find_root(root)
    check_server(server, folder)
    text = json.dumps({**read_server(folder), **facts, "server": server}, indent=2) + "\n"
    temporary = folder / f".server-{os.getpid()}.tmp"
    with report_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, "utf-8")
            sync(temporary)
            temporary.replace(folder / "server.json")
        finally:
            temporary.unlink(missing_ok=True)
