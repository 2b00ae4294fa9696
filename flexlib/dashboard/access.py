"""Who may look at the dashboard, and how often somebody may ask: decided from what a request brought, nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from hmac import compare_digest
from pathlib import Path

from flexlib.errors import BadSetting
from flexlib.i18n import _
from flexlib.refusals import explain_refusal
from flexlib.setting_values import LOOPBACK

SHORTEST_TOKEN = 16
"""Letters of a token: fewer could be found by trying."""
PERIOD = 60.0
"""Seconds over which requests are counted."""


class Role(StrEnum):
    """What somebody may see."""

    VIEWER = auto()  # people under pseudonyms
    ADMINISTRATOR = auto()  # people by name


@dataclass(frozen=True)
class Access:
    """What a request must bring; nothing at all where none of it is set."""

    viewer_token: str = field(default="", repr=False)
    administrator_token: str = field(default="", repr=False)
    user_header: str = ""
    """The header in which a reverse proxy, which alone can reach the server, names who has signed in."""

    @property
    def is_open(self) -> bool:
        return not (self.viewer_token or self.administrator_token or self.user_header)

    def find_role(self, token: str, headers: Mapping[str, str]) -> Role | None:
        """What whoever brings this may see; None: nothing.

        >>> Access(viewer_token="a" * 16).find_role("b" * 16, {})
        """
        if self.administrator_token and compare_digest(token.encode(), self.administrator_token.encode()):
            return Role.ADMINISTRATOR
        if self.viewer_token and compare_digest(token.encode(), self.viewer_token.encode()):
            return Role.VIEWER
        if self.is_open or (self.user_header and headers.get(self.user_header)):
            return Role.VIEWER
        return None

    def check_host(self, host: str) -> None:
        """Raises `BadSetting` where anybody on the network could look."""
        if self.is_open and host not in LOOPBACK:
            said = _("On {host} anybody could look at the dashboard: name a file of a token (--token-file), or the "
                     "header in which a reverse proxy names its user (--user-header).")  # fmt: skip
            raise BadSetting(said.format(host=host))


def read_token(file: Path) -> str:
    """The token in a file of one line. Raises `BadSetting`, without repeating it."""
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = _("The token in {file} cannot be read: {why}.")
        raise BadSetting(said.format(file=file, why=explain_refusal(error))) from error
    if len(token) < SHORTEST_TOKEN or not token.isascii() or len(token.split()) > 1:
        said = _("The token in {file} must be one word of at least {count} letters and digits; make one: "
                 "python -c 'import secrets; print(secrets.token_urlsafe())'")  # fmt: skip
        raise BadSetting(said.format(file=file, count=SHORTEST_TOKEN))
    return token


@dataclass
class Rate:
    """How often each address may ask within `PERIOD`."""

    most: int
    _asked: dict[str, deque[float]] = field(default_factory=dict)

    def takes(self, who: str, now: float) -> bool:
        """Whether there is room for one more, which then counts; `now` in seconds of any clock that only goes on.

        >>> rate = Rate(1)
        >>> rate.takes("me", 0), rate.takes("me", 1), rate.takes("you", 1), rate.takes("me", 61)
        (True, False, True, True)
        """
        self._asked = {one: kept for one, times in self._asked.items()
                       if (kept := deque(time for time in times if time > now - PERIOD))}  # fmt: skip
        asked = self._asked.setdefault(who, deque())
        if len(asked) >= self.most:
            return False
        asked.append(now)
        return True
