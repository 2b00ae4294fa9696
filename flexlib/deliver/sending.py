"""What every way of sending says of its outcome, and how long it may take."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Protocol

from flexlib.deliver.claims import Message
from flexlib.errors import BadSetting, FlexlibError
from flexlib.i18n import Translated, _, mark_text
from flexlib.trust import NamedPath, explain_untrusted, make_context

CONNECT, READ = 10.0, 20.0
"""Seconds to connect, and between two bytes of an answer."""
WHOLE = 60.0
"""Seconds for one message, however its bytes come."""


ENDED = mark_text("it ended the connection, or was too slow")


class SendingFailed(FlexlibError):
    """A message was not taken, or may not have been; where that `lasts`, no other can go this way now either."""

    def __init__(self, sentence: str, *, lasts: bool = False) -> None:
        super().__init__(sentence)
        self.lasts = lasts


class NotSent(SendingFailed):
    """It is known that the message was not sent."""


class NotKnown(SendingFailed):
    """The message was handed over, and no answer came that says what became of it."""


class Channel(Protocol):
    """A way of sending."""

    def send(self, message: Message) -> None:
        """Returns once the other side has taken the message. Raises `NotSent` or `NotKnown`."""

    def close(self) -> None:
        """Lets go of what is open."""


def trust_by(bundle: NamedPath | None) -> ssl.SSLContext:
    """As `make_context`; raises `NotSent` where the setting has to be corrected first."""
    try:
        return make_context(bundle)
    except BadSetting as error:
        raise NotSent(Translated(str(error), error.english), lasts=True) from error


def explain_trouble(error: Exception) -> str:
    """Why a connection failed, in words of ours: what the other side says may hold an address."""
    if isinstance(error, TimeoutError):
        return _("it does not answer")
    if isinstance(error, ssl.SSLCertVerificationError):
        return explain_untrusted()
    if isinstance(error, ssl.SSLError):
        return _("it does not speak TLS as it should")
    if isinstance(error, socket.gaierror):
        return _("no address is known for its name")
    if isinstance(error, ConnectionRefusedError):
        return _("no server listens there")
    if isinstance(error, ConnectionError):  # that of HTTP, which has no words of the system, is one
        return _(ENDED)
    if isinstance(error, OSError):
        return _("no connection to it can be made, or it broke")
    return _("it does not answer as a server should")


@contextmanager
def cut_after(seconds: float, find_line: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Ends the connection that `find_line` gives when the block takes longer: what reads or writes there then fails."""

    def cut() -> None:
        line = find_line()
        if line is not None:
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(line, socket.SHUT_RDWR)  # of TLS too, whose own way would wait

    timer = Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
