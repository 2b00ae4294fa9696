"""The secret of a data folder by which its people get their pseudonyms: the same in every month, no others'."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from flexlib.errors import DiskFailed
from flexlib.i18n import _
from flexlib.refusals import explain_refusal
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
    the secret, one of this process. A copy that others may read is its owner's alone from then on. Raises `DiskFailed`,
    also for a file that holds none."""
    if is_made_up(root):
        return MADE_UP
    file = root / FILE
    if not (os.access(file, os.R_OK) if file.exists() else os.access(root, os.W_OK)):
        return _draw_secret(root)
    if not file.exists():
        with report_disk(root), lock_file(root / f".{FILE}.lock"):
            if not file.exists():  # another run may have made it meanwhile
                write_whole(file, secrets.token_hex(SIZE) + "\n", PRIVATE)
    if is_open_to_others(root) and file.stat().st_uid == os.geteuid():
        with report_disk(root):
            file.chmod(PRIVATE)
    try:
        secret = bytes.fromhex(file.read_text("ascii"))
        if len(secret) != SIZE:
            raise ValueError(_("it holds {count} bytes, not {size}").format(count=len(secret), size=SIZE))
    except (OSError, ValueError) as error:
        raise DiskFailed(
            _(
                "{file}, by which people get their pseudonyms, cannot be read ({error}); fix it, or move it "
                "away (people then get new ones)."
            ).format(file=file, error=explain_refusal(error))
        ) from error
    return secret


def is_open_to_others(root: Path) -> bool:
    """Whether others than its owner may read the secret of the data folder, as those of a copy may."""
    file = root / FILE
    return os.name == "posix" and file.exists() and bool(file.stat().st_mode & 0o077)


_PLACES = ContextVar("places", default=False)


@contextmanager
def place_people(*, names: bool) -> Iterator[None]:
    """Who somebody is, read in this block, places them in departments or budgets, and is shown to nobody; with `names`
    it may be shown, unless a block around this one says otherwise."""
    before = _PLACES.set(is_placing() or not names)
    try:
        yield
    finally:
        _PLACES.reset(before)


def is_placing() -> bool:
    """Whether this is within a block of `place_people` that shows nobody."""
    return _PLACES.get()


@cache
def _draw_secret(root: Path) -> bytes:
    return secrets.token_bytes(SIZE)
