"""`python -m flexlib`, and the command `flexlib`."""

import os
import signal
import sys


def main() -> int:
    """Runs a command. Until its modules are there it has begun nothing, and a signal ends it without a word."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as SIGINT is under nohup
            signal.signal(number, lambda number, _: os._exit(128 + number))
    from flexlib.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
