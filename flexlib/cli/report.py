"""The command that makes a month's report."""

from __future__ import annotations

from flexlib.cli.options import Commands

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    return None
