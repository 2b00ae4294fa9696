"""Which server a data folder belongs to, and what the last runs learned of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from flexlib.settings import Settings
from flexlib.sources.windsurf.connections import read_demo_header
from flexlib.store.server import keep_server, read_server

REMEMBER = timedelta(days=7)
"""How long a route that was refused is not tried again by `auto`."""


@dataclass(frozen=True)
class Server:
    """Who was asked; the people of a `demo` are made up."""

    name: str
    demo: bool


def identify_server(settings: Settings) -> Server:
    """The server of the settings; only one on this machine is asked what it is, before it sees the key.

    Raises `ServerUnreachable`.
    """
    if not settings.is_loopback:
        return Server(settings.base_url, demo=False)
    header = read_demo_header(settings.base_url, settings.ca_bundle)
    return Server(f"demo ({header})", demo=True) if header else Server(settings.base_url, demo=False)


def check_root(settings: Settings) -> None:
    """Raises `OtherServer` when the data folder belongs to another server than the settings name."""
    remembered = read_server(settings.data)
    if remembered.get("base_url", settings.base_url) == settings.base_url:
        return
    keep_server(identify_server(settings).name, {"base_url": settings.base_url}, settings.data)


def remember_refusal(settings: Settings, server: Server, route: str, why: str) -> None:
    """Keeps for the next run that `route` cannot be used."""
    facts = read_server(settings.data).get("refused", {})
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    keep_server(server.name, {"refused": facts | {route: {"at": now, "why": why}}}, settings.data)


def recall_refusals(settings: Settings) -> dict[str, dict[str, str]]:
    """The routes that were refused lately, `at` and `why` of each."""
    now = datetime.now(timezone.utc)
    facts = read_server(settings.data).get("refused", {})
    return {name: fact for name, fact in facts.items() if now - datetime.fromisoformat(fact["at"]) < REMEMBER}
