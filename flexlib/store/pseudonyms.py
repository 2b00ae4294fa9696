"""The secret of a data folder by which its people get their pseudonyms: the same in every month, no others'."""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

from flexlib.errors import DiskFailed
from flexlib.store.disk import PRIVATE, lock_file, report_disk, write_whole
from flexlib.store.server import is_made_up

FILE = "pseudonyms.key"
"""In the data folder, for its owner alone; who has it and a user's key can tell the pseudonym."""

MADE_UP = b"people who are made up"
"""In place of a secret where people are: the demo's pages are the same everywhere."""


SIZE = 32
"""Bytes of a secret: one that lost some, as a full disk leaves it, would let anybody tell who is who."""


def find_pseudonym_secret(root: Path) -> bytes:
    """The secret of the data folder `root`, made where there is none yet; for whoever may only read the folder, or not
    the secret, one of this process. Raises `DiskFailed`, also for a file that holds none."""
    if is_made_up(root):
        return MADE_UP
    file = root / FILE
    if not (os.access(file, os.R_OK) if file.exists() else os.access(root, os.W_OK)):
        return _draw_secret(root)
    if not file.exists():
        with report_disk(root), lock_file(root / f".{FILE}.lock"):
            if not file.exists():  # another run may have made it meanwhile
                write_whole(file, secrets.token_hex(SIZE) + "\n", PRIVATE)
    try:
        secret = bytes.fromhex(file.read_text("ascii"))
        if len(secret) != SIZE:
            raise ValueError(f"it holds {len(secret)} bytes, not {SIZE}")
    except (OSError, ValueError) as error:
        raise DiskFailed(
            f"{file}, by which people get their pseudonyms, cannot be read ({error}); mend it, or move it away (people "
            "then get new ones)."
        ) from error
    return secret


@cache
def _draw_secret(root: Path) -> bytes:
    return secrets.token_bytes(SIZE)
