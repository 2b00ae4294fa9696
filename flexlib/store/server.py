"""ROOT/server.json: whose data a root holds, and what the last runs learned of that server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flexlib.errors import OtherServer
from flexlib.store.disk import report_disk, write_whole


def read_server(root: Path) -> dict[str, Any]:
    """What is remembered of the server whose data `root` holds: its name, routes it refused; empty when new."""
    file = root / "server.json"
    remembered: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return remembered


def check_server(server: str, root: Path) -> None:
    """Raises `OtherServer` when `root` holds data of another server."""
    owner = read_server(root).get("server", server)
    if owner != server:
        raise OtherServer(
            f"{root} holds data of {owner} and you asked {server}; set FLEXLIB_DATA to a folder of its own."
        )


def keep_server(server: str, facts: dict[str, Any], root: Path) -> None:
    """Remembers `facts` of `server`, which `root` then belongs to. Raises `OtherServer` when it is another's."""
    check_server(server, root)
    text = json.dumps({**read_server(root), **facts, "server": server}, indent=2) + "\n"
    with report_disk(root):
        write_whole(root / "server.json", text)
