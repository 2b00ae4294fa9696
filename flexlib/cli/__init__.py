"""The command line: parse, call, print; no logic."""

from flexlib.cli.main import main
