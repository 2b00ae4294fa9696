"""Answers in files in the data folder: `ROOT/.answers_cache/<hash of the question>.json`, for its owner alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from flexlib.store.disk import PRIVATE, PRIVATE_FOLDER, write_whole

FOLDER = ".answers_cache"
"""In the data folder; like all there that begins with a dot it is nobody's month."""
ANSWER = ".json"
HALF_SECONDS = 60.0
"""After which a file that is not whole yet is one that a killed process left: an answer is written in far less."""
MOST_BYTES = 64 * 2**20
"""Of all answers together: years of months asked in many ways, since one takes some kilobytes."""
KEPT_BYTES = MOST_BYTES * 9 // 10
"""What is left once there was too much: else each answer more would look for an old one."""


class CacheStatus(NamedTuple):
    """How much is kept."""

    place: str
    answers: int
    bytes: int
    most_bytes: int | None
    """None: that is for the place to say."""


class AnswerStore(Protocol):
    """Where answers are kept, by the hash of their question; the place does not grow forever."""

    @property
    def place(self) -> str:
        """For readers; no password."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What reading or writing may raise where the place cannot be used."""

    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None: ...

    def measure(self) -> CacheStatus: ...

    def clear(self) -> int:
        """Takes all answers away, and gives how many those were."""


@dataclass(frozen=True)
class AnswerFiles:
    """Many processes may read and write at once: a file is put in place whole, and is the same whoever wrote it."""

    folder: Path
    failures: tuple[type[Exception], ...] = (OSError,)

    @classmethod
    def open(cls, root: Path) -> AnswerFiles | None:
        """Those of a data folder; None where this process may not write there, so that nothing is kept."""
        folder = root / FOLDER
        return cls(folder) if os.access(folder if folder.exists() else root, os.R_OK | os.W_OK | os.X_OK) else None

    @property
    def place(self) -> str:
        return str(self.folder)

    def read(self, name: str) -> bytes | None:
        """What was written; from now on it is the last that goes."""
        file = self._find(name)
        try:
            content = file.read_bytes()
            os.utime(file)
        except (FileNotFoundError, PermissionError):  # another user's is not read, and replaced
            return None
        return content

    def write(self, name: str, content: bytes) -> None:
        self.folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        write_whole(self._find(name), content, PRIVATE)
        self._shrink()

    def measure(self) -> CacheStatus:
        sizes = [size for _used, size, file in self._list() if file.suffix == ANSWER]
        return CacheStatus(self.place, len(sizes), sum(sizes), MOST_BYTES)

    def clear(self) -> int:
        answers = 0
        for used, _size, file in [*self._list()]:
            if file.suffix == ANSWER or time.time() - used / 10**9 > HALF_SECONDS:
                file.unlink(missing_ok=True)
                answers += file.suffix == ANSWER
        return answers

    def _shrink(self) -> None:
        """What a killed process left half counts, too, and goes in its turn."""
        files = sorted(self._list())
        total = sum(size for _used, size, _file in files)
        if total > MOST_BYTES:
            for _used, size, file in files:
                if total <= KEPT_BYTES:
                    break
                file.unlink(missing_ok=True)
                total -= size

    def _list(self) -> Iterator[tuple[int, int, Path]]:
        """When each file was last used, its size, and itself."""
        if not self.folder.exists():
            return
        with os.scandir(self.folder) as entries:
            for one in entries:
                try:
                    found = one.stat()
                except FileNotFoundError:  # another process took it away meanwhile
                    continue
                yield found.st_mtime_ns, found.st_size, Path(one.path)

    def _find(self, name: str) -> Path:
        return self.folder / f"{name}{ANSWER}"
