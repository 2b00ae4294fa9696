"""Which files a notebook reads: what its process opens is noted, so that nothing has to be declared or guessed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import flexlib
from flexlib.settings import find_home

OWN = (sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(flexlib.__file__).parent))
"""Python, its libraries and flexlib itself, which a manifest has by their versions."""
SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr")
WRITTEN = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def note_reads(log: Path) -> None:
    """From here on writes the path of each file that this process opens to read into `log`, a line of JSON each."""
    file = log.open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  # open as long as the process

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open":
            return
        name, _, flags = arguments
        if isinstance(name, (str, bytes)) and not (flags or 0) & WRITTEN:
            file.write(json.dumps(os.path.abspath(os.fsdecode(name))) + "\n")

    sys.addaudithook(note)


def list_reads(log: Path, data: Path) -> list[Path]:
    """The files that `note_reads` noted and that a page may depend on, each once, by name: those in the data folder,
    and any other that is neither of Python, its libraries and the system nor hidden, as a cache or `.env` is; in the
    folder of the project whatever the folders above it are called. What a library opens by itself, as DuckDB and
    pyarrow do, is not noted."""
    home = find_home()
    names = {Path(json.loads(line)) for line in log.read_text("utf-8").splitlines()}
    return sorted(one for one in names if _is_input(one, data.absolute(), home) and one.is_file())


def _is_input(file: Path, data: Path, home: Path) -> bool:
    if file.is_relative_to(data):
        return not _is_hidden(file.relative_to(data).parts)
    is_own = file.is_relative_to(home)
    apart = (one for one in (*OWN, *SYSTEM) if not (is_own and home.is_relative_to(one)))
    parts = file.relative_to(home).parts if is_own else file.parts
    return not (_is_hidden(parts) or any(map(file.is_relative_to, apart)))


def _is_hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") for part in parts)
