"""SIGINT and SIGTERM as a wish to end: noted, so that what was begun is finished first."""

from __future__ import annotations

import os
import signal
import time
from types import FrameType, TracebackType
from typing import Any, NoReturn

CAN_WAIT = os.name != "nt"
"""Whether a pipe can be waited for with a time limit; Windows does so for sockets only."""
REPEAT_WINDOW = 1.0
"""Seconds within which another signal is the same wish: `timeout` sends one to the process and one to its group."""


class StopSignals:
    """While it is entered, a signal is only noted and makes `descriptor` readable; one more, a second later, ends all.

    Python hears a signal between two steps of its own: a database that is waited for answers first, or is given up.
    Where nobody can wait for `descriptor`, signals do what they always do.
    """

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None
        self.descriptor, self._sender = os.pipe()
        self._since = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        for one in (signal.SIGINT, signal.SIGTERM) if CAN_WAIT else ():
            if signal.getsignal(one) is not signal.SIG_IGN:  # as in a background job of a shell, or under nohup
                self._before[one] = signal.signal(one, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)
        os.close(self.descriptor)
        os.close(self._sender)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.caught is None:
            self.caught, self._since = signal.Signals(number), time.monotonic()
            os.write(self._sender, b"!")
        elif time.monotonic() > self._since + REPEAT_WINDOW:
            _end(number)


def _end(number: int) -> NoReturn:
    os.write(2, b"flexlib: Stopped at once; the last lines may not be stored. Send them again.\n")
    os._exit(128 + number)
