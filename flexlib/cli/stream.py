"""Lines out of an open file or pipe, in batches that wait a second at most, and that end on SIGINT and SIGTERM."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator
from stat import S_ISREG
from types import FrameType, TracebackType
from typing import Any, NoReturn

CAN_WAIT = os.name != "nt"
"""Whether a pipe can be waited for with a time limit; Windows does so for sockets only."""
REPEAT_WINDOW = 1.0
"""Seconds within which another signal is the same wish: `timeout` sends one to the process and one to its group."""

LINES_AT_ONCE = 1000
"""Lines stored together: a batch of about a thousand is quickest."""
LONGEST_WAIT = 1.0
"""Seconds after which a line that was read is handed on, however few came with it."""
BYTES_AT_ONCE = 64 * 1024
PIPE_BYTES = 1024 * 1024
"""The most that a pipe of an ordinary user holds."""


class LineStream:
    """The lines of the open `file`, in batches: 1,000 of them, or what came within a second of the first.

    They end with the file, or as soon as `stop`, another descriptor, can be read: with what was read and what waits in
    the pipe by then. The last line counts without its end, too; only that of a file on disk, stopped on the way, is
    left in it. Bytes that are no UTF-8 pass through, so that their line alone is refused. Where a pipe cannot be waited
    for, a batch is what one reading gave, and `stop` is not heard.
    """

    def __init__(self, file: int, stop: int) -> None:
        self._file = file
        self._stop = stop
        self._lines: list[bytes] = []
        self._pieces: list[bytes] = []  # of the line whose end has not come
        self._due = 0.0
        self._over = False

    def __iter__(self) -> Iterator[list[str]]:
        while not self._over:
            self._take()
            while len(self._lines) >= LINES_AT_ONCE or (self._lines and (self._over or time.monotonic() >= self._due)):
                batch, self._lines = self._lines[:LINES_AT_ONCE], self._lines[LINES_AT_ONCE:]
                yield [line.decode("utf-8", "surrogateescape") for line in batch]
                self._due = time.monotonic() + LONGEST_WAIT

    def _take(self) -> None:
        """Waits for bytes, for the stop, or until the lines at hand are due."""
        if not CAN_WAIT:
            self._split(os.read(self._file, BYTES_AT_ONCE))
            self._due = 0.0
            return
        wait = max(0.0, self._due - time.monotonic()) if self._lines else None
        ready, _, _ = select.select([self._file, self._stop], [], [], wait)
        if self._stop in ready:
            self._drain()
        elif self._file in ready:
            self._split(os.read(self._file, BYTES_AT_ONCE))

    def _drain(self) -> None:
        """What the sender has sent already would be lost with the pipe; a file on disk keeps what was not read."""
        left = 0 if S_ISREG(os.fstat(self._file).st_mode) else PIPE_BYTES
        if not left:
            self._pieces = []
        while left > 0 and not self._over and select.select([self._file], [], [], 0)[0]:
            chunk = os.read(self._file, min(left, BYTES_AT_ONCE))
            left -= len(chunk)
            self._split(chunk)
        if not self._over:
            self._split(b"")

    def _split(self, chunk: bytes) -> None:
        """Adds the lines that end in `chunk`; an empty one is the end of all."""
        first, *others = chunk.split(b"\n") if chunk else (b"", b"")
        self._over = not chunk
        self._pieces.append(first)
        if not others:
            return
        whole = [b"".join(self._pieces), *others[:-1]]
        self._pieces = [others[-1]]
        if self._over and whole == [b""]:
            return  # the last line had its end
        if not self._lines:
            self._due = time.monotonic() + LONGEST_WAIT
        self._lines += whole


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
