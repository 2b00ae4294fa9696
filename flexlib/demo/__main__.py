"""`python -m flexlib.demo`: the demo server on its own."""

import argparse
import sys

from flexlib.demo.command import add_arguments, run
from flexlib.errors import FlexlibError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m flexlib.demo", description="A server with made-up people.")
    add_arguments(parser)
    try:
        return run(parser.parse_args())
    except FlexlibError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
