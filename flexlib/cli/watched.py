"""A command of a month's run as a process of its own, which is asked to end where the run is gone, also when killed."""

from __future__ import annotations

import os
import signal
import sys
import threading

from flexlib.__main__ import main
from flexlib.commands import note_step


def wait_for_end() -> None:
    """Its stdin is a pipe into which the run never writes, and which the system closes with it."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=wait_for_end, daemon=True).start()
    note_step()
    sys.exit(main())
