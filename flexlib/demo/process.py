"""The demo server as a process of its own, for as long as a block of code runs."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flexlib.errors import ServerUnreachable
from flexlib.i18n import _

START_SECONDS, STOP_SECONDS = 30, 5


@contextmanager
def demo_server(*options: str) -> Iterator[str]:
    """The base URL of a demo server on a free port, with the command's `options`; it is stopped at the end.

    The server also stops by itself when this process is gone. Raises `ServerUnreachable` when it does not start; what
    it has to say stands on stderr then.
    """
    import tornado  # noqa: F401  what the server runs on: where it is missing, this process says so

    command = [sys.executable, "-m", "flexlib.demo", "--port", "0", "--until-stdin-closes", *options]
    pipe = subprocess.PIPE
    # In a group of its own: Ctrl-C in a terminal is for this process, which then ends the server.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, process_group=0) as process:
        try:
            yield _read_url(process)
        finally:
            _stop(process)


def _read_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
    finally:
        watchdog.cancel()
    match = re.search(r" (http://[\d.:]+) ", line)
    if match is None:
        raise ServerUnreachable(
            _("the demo server did not start within {start_seconds} s; its message stands above.").format(
                start_seconds=START_SECONDS
            )
        )
    return match[1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
