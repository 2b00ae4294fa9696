"""What a command says of the file of people that it reads, before anything else."""

from __future__ import annotations

import argparse
import sys

from flexlib.settings import Settings


def tell_roster(arguments: argparse.Namespace, settings: Settings) -> None:
    """Says that others may read the file that a command with `--roster` reads."""
    from flexlib.store.organization import explain_open

    file = getattr(arguments, "roster", None) or (settings.organization if hasattr(arguments, "roster") else None)
    for sentence in explain_open(file) if file and file.is_file() else ():
        print(sentence, file=sys.stderr)
