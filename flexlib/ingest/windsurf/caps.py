"""Asks Windsurf for the caps on add-on credits that somebody has set there. Nothing is set or stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from flexlib.i18n import _
from flexlib.ingest.windsurf.server import identify_server
from flexlib.settings import Settings
from flexlib.sources.windsurf.caps import ask_cap
from flexlib.sources.windsurf.client import ApiResponse, Client
from flexlib.store.server import check_server

WORKERS = 4
"""Few people have a budget: the server is asked gently."""


@dataclass(frozen=True)
class Cap:
    """What the server says of a cap."""

    credits: int | None
    """Whole add-on credits of a billing cycle; None: there is no cap, or it could not be read."""
    why: str = ""
    """Why it could not be read; empty where it was."""


def read_caps(settings: Settings, emails: Iterable[str]) -> dict[str, Cap]:
    """The caps by e-mail, that of the whole team under an empty one. A key that may not read them, or a server that
    does not answer, is a reason in each of them. Raises `BadSetting` without a key, `OtherServer` where the data folder
    is another server's, `ServerUnreachable`."""
    key = settings.required_key
    check_server(identify_server(settings).name, settings.data)
    asks = {ask.body["user_email"] if ask.body and "user_email" in ask.body else "": ask
            for ask in map(ask_cap, dict.fromkeys(["", *emails]))}  # fmt: skip
    names = {id(ask): email for email, ask in asks.items()}
    with Client(settings.base_url, key, WORKERS, settings.ca_bundle) as client:
        return {names[id(reply.ask)]: _judge(reply) for reply in client.ask_all(deque(asks.values()))}


def _judge(reply: ApiResponse) -> Cap:
    if reply.refused:
        said = _("the server refused it ({refused})")
        if reply.refused.startswith(("HTTP 401", "HTTP 403")):
            said = _("the server refused it ({refused}); the key needs {permission}")
        return Cap(None, said.format(refused=reply.refused, permission=reply.ask.permission))
    if reply.failed:
        return Cap(None, _("the server did not tell it ({failed})").format(failed=reply.failed))
    return Cap(reply.value)
