"""What a folder of snapshots asks of the disk: one writer at a time, written through, and refused in one sentence."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexlib.errors import AlreadyRunning, DiskFailed

PRIVATE = 0o600


@contextmanager
def lock_folder(folder: Path, what: str, *, wait: bool) -> Iterator[None]:
    """Holds `folder`, made if need be, for one run that reads `what`; a run that dies lets go.

    Raises `AlreadyRunning` when another run holds it, unless `wait`.
    """
    with report_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        while not _try_lock(descriptor):
            if not wait:
                raise AlreadyRunning(
                    f"Another run (process {os.pread(descriptor, 20, 0).decode() or '?'}) is reading {what} "
                    f"into {folder}; wait for it to end, or add --wait."
                )
            time.sleep(0.2)
        with report_disk(folder):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def report_disk(folder: Path) -> Iterator[None]:
    """Turns what the disk refuses inside it into `DiskFailed`: one sentence with the folder and the reason."""
    try:
        yield
    except OSError as error:
        raise DiskFailed(
            f"Could not write into {folder}: {(error.strerror or str(error)).lower()}. "
            "Nothing that was stored before has changed; make room or set FLEXLIB_DATA, and run it again."
        ) from error


@contextmanager
def make_scratch(folder: Path, name: str) -> Iterator[Path]:
    """A folder in `folder` for what is not whole yet, gone afterwards; what a killed run left in it is swept out first.

    The caller holds the folder's lock.
    """
    scratch = folder / name
    with report_disk(folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sync(path: Path) -> None:
    """Returns once what was written to the file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
