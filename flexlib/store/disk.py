"""What a folder of snapshots asks of the disk: one writer at a time, written through, and refused in one sentence."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.errors import AlreadyRunning, DiskFailed
from flexlib.i18n import _, mark_text
from flexlib.refusals import advise_writer, explain_refusal

if TYPE_CHECKING:
    from filelock import BaseFileLock

PUBLIC = 0o666
"""What a file may have, less the umask."""
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
DATA, REPORTS, ANYWHERE = "FLEXLIB_DATA", "--output-dir", ""
"""What names another folder: a setting for what is stored, an option, or nothing, for what people read."""


OPEN = ("/dev/fd", "/dev/stdout", "/dev/stderr", "/proc")
"""Links, and folders of links, that lead to what a process has open; other files lie below `/dev`, too."""


READS = mark_text("Another run (process {holder}) is reading {what} into {folder}; wait for it to end, or add --wait.")
CLOSES = mark_text("Another run (process {holder}) is closing {what} in {folder}; wait for it to end, or add --wait.")
"""What another run does that holds a folder."""


@contextmanager
def lock_folder(folder: Path, what: str, *, wait: bool, does: str = READS, moved_by: str = DATA) -> Iterator[None]:
    """Holds `folder`, made if need be, for one run that reads `what`, or as `does` says; a run that dies lets go.

    Raises `AlreadyRunning` when another run holds it, unless `wait`.
    """
    # Beside the lock: on Windows nobody can read a file that is locked.
    holder = folder / ".lock-holder"
    lock = _acquire(folder / ".lock", wait=wait, moved_by=moved_by)
    if lock is None:
        raise AlreadyRunning(_(does).format(holder=_read_holder(holder), what=what, folder=folder))
    try:
        with report_disk(folder, moved_by):
            holder.write_text(str(os.getpid()), "utf-8")
        yield
    finally:
        try:
            holder.unlink(missing_ok=True)
        finally:
            lock.release()


@contextmanager
def lock_file(file: Path) -> Iterator[None]:
    """Lets one process at a time in, the others wait; `file`, made if need be, is nothing but the lock.

    A process that dies lets go. Raises `DiskFailed`.
    """
    lock = _acquire(file, wait=True)
    assert lock is not None  # it was waited for
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replace_whole(file: Path, mode: int = PUBLIC) -> Iterator[Path]:
    """An empty file beside `file`, to be written inside the block; it takes the place of `file`, whole or not at all,
    once it is on the disk, and is gone where the block fails.

    The folder is made if need be; a file that is new gets `mode`, less the umask. Of a link what it leads to is
    replaced; what is no file, such as a pipe or `/dev/null`, gets the bytes. Raises `OSError`: give it a sentence, as
    `report_disk` does.
    """
    file = _follow(file)
    if _is_no_file(file):
        with tempfile.TemporaryDirectory() as folder:
            yield (whole := Path(folder, "whole"))
            with whole.open("rb") as given, file.open("wb", buffering=0) as taken:
                shutil.copyfileobj(given, taken)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield temporary
        sync(temporary)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _is_no_file(file: Path) -> bool:
    """Whether something else is in its place; one look, since in two a file that is taken away between them is none."""
    try:
        return not stat.S_ISREG(file.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _follow(file: Path) -> Path:
    """Where a link leads to. Raises `OSError` for a file that the command prints into, such as `/dev/stdout` where that
    is one: what it prints later would be lost."""
    if not file.is_symlink():
        return file
    target = file.resolve()
    if target.is_file() and any(map(file.absolute().is_relative_to, OPEN)):
        raise OSError(errno.EINVAL, _("it is where the command prints"), str(file))
    return target if target.is_file() or not file.exists() else file


def write_whole(file: Path, content: str | bytes, mode: int = PUBLIC) -> None:
    """Puts `content` (text as UTF-8) in place of `file`, as `replace_whole` does."""
    with replace_whole(file, mode) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def report_disk(folder: Path, moved_by: str = DATA) -> Iterator[None]:
    """Turns what the disk refuses inside it into `DiskFailed`: one sentence with the folder, the reason and what names
    another folder."""
    try:
        yield
    except OSError as error:
        said = _(
            "Could not write into {folder}: {why}. Nothing that was stored before has changed; {advice} or name "
            "another folder with {option}, and run it again."
        )
        if moved_by == DATA:
            said = _(
                "Could not write into {folder}: {why}. Nothing that was stored before has changed; {advice} or set "
                "FLEXLIB_DATA, and run it again."
            )
        elif not moved_by:
            said = _(
                "Could not write into {folder}: {why}. Nothing that was stored before has changed; {advice} or name "
                "another folder, and run it again."
            )
        why, advice = explain_refusal(error), advise_writer(error)
        raise DiskFailed(said.format(folder=folder, why=why, advice=advice, option=moved_by)) from error


@contextmanager
def make_scratch(folder: Path, name: str) -> Iterator[Path]:
    """A folder in `folder` for what is not whole yet, gone afterwards; what a killed run left in it is swept out first.

    The caller holds the folder's lock.
    """
    scratch = folder / name
    with report_disk(folder):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(0o700, parents=True)  # files in it may get their own mode only once they are whole
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def sync(path: Path) -> None:
    """Returns once what was written to the file or folder is on the disk; Windows opens no folder, and has no need."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _acquire(file: Path, *, wait: bool, moved_by: str = DATA) -> BaseFileLock | None:
    """The lock on `file`, held; None when another process holds it, unless `wait`."""
    from filelock import FileLock, Timeout

    lock = FileLock(file, mode=PRIVATE)
    with report_disk(file.parent, moved_by):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except Timeout:
            return None
    return lock


def _read_holder(file: Path) -> str:
    try:
        return file.read_text("utf-8") or "?"
    except FileNotFoundError:  # not said yet, or not any more
        return "?"
