"""Which files a notebook reads: what its process opens is noted, so that nothing has to be declared or guessed."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import flexlib
from flexlib.home import find_home
from flexlib.nesting import decode_json
from flexlib.setting_values import READS_BUDGETS, SEEKS
from flexlib.store.organization import READS_ORGANIZATION
from flexlib.store.pseudonyms import is_placing

OWN = (sys.prefix, sys.base_prefix, sys.exec_prefix, str(Path(flexlib.__file__).parent))
"""Python, its libraries and flexlib itself, which a manifest has by their versions."""
SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sys", "/usr")
PEOPLE = "people.json"
"""Who the pseudonyms of a stored version are."""
LEAST_KEY = 8
"""Letters of a key that is looked for in a page: shorter ones stand there as words and numbers."""
NAMED = {READS_ORGANIZATION: "organization", READS_BUDGETS: "budgets"}
"""By the event that tells of it what a file is that settings name."""
WRITTEN = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def note_reads(log: Path) -> None:
    """From here on writes the path of each file that this process opens to read into `log`, a line of JSON each; in a
    list one that says who somebody is, where that only places people, by what it is one that settings name; and what
    it would read if it were there."""
    file = log.open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  # open as long as the process

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in NAMED:
            file.write(json.dumps({NAMED[event]: os.path.abspath(arguments[0])}) + "\n")
        if event == SEEKS:
            file.write(json.dumps({"sought": arguments[0]}) + "\n")
        if event != "open":
            return
        name, _, flags = arguments
        if isinstance(name, (str, bytes)) and not (flags or 0) & WRITTEN:
            path = os.path.abspath(os.fsdecode(name))
            file.write(json.dumps([path] if is_placing() else path) + "\n")

    sys.addaudithook(note)


def list_reads(log: Path, data: Path) -> list[Path]:
    """The files that `note_reads` noted and that a page may depend on, each once, by name: those in the data folder,
    those that settings name, and any other that is neither of Python, its libraries and the system nor hidden, as a
    cache or `.env` is; in the folder of the project whatever the folders above it are called. What a library opens by
    itself, as DuckDB and pyarrow do, is not noted."""
    home = find_home()
    names, named = {path for path, _ in _read_log(log)}, {find_named(log, what) for what in NAMED.values()}
    found = (one for one in names if one in named or _is_input(one, data.absolute(), home))
    return sorted(one for one in found if one.is_file())


def find_named(log: Path, what: str) -> Path | None:
    """The file that was read as that of the `organization` or the `budgets`, which settings name."""
    return next(map(Path, _read_said(log, what)), None)


def list_sought(log: Path) -> set[str]:
    """What would have been read if it had been there: paths, patterns of them, and what settings name."""
    return {*_read_said(log, "sought"), *(str(path) for path, _ in _read_log(log) if not os.path.exists(path))}


def _read_said(log: Path, what: str) -> Iterator[str]:
    lines = map(json.loads, log.read_text("utf-8").splitlines())
    return (line[what] for line in lines if isinstance(line, dict) and what in line)


def shows_people(log: Path, texts: Iterable[str]) -> bool:
    """Whether the page that these `texts` are of may show people by name: who they are was read, and not to place them
    alone; or an e-mail or a key of theirs stands in a text, as in the name of a budget."""
    read = [one for one in _read_log(log) if one[0].name == PEOPLE]
    if not all(is_placed for _, is_placed in read):
        return True
    told = {name.casefold() for file, _ in read if file.is_file() for name in _list_names(file)}
    return any(_stands_in(told, text) for text in texts) if told else False


def _read_log(log: Path) -> Iterator[tuple[Path, bool]]:
    """Each file, and whether it was read to place people."""
    for line in log.read_text("utf-8").splitlines():
        path = json.loads(line)
        if not isinstance(path, dict):
            yield (Path(path[0]), True) if isinstance(path, list) else (Path(path), False)


def _list_names(file: Path) -> Iterator[str]:
    """The e-mails and the keys of the people in it."""
    for key, who in decode_json(file.read_text("utf-8")).items():
        yield from (one for one in (who.get("email", ""), key if len(key) >= LEAST_KEY else "") if one)


def _stands_in(names: Iterable[str], text: str) -> bool:
    text = unescape(text).casefold()
    words = set(re.findall(r"\w+", text))  # few names have all of theirs in it, so that few are looked for
    found = (one for one in names if words.issuperset(re.findall(r"\w+", one)))
    return any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text) for one in found)


def _is_input(file: Path, data: Path, home: Path) -> bool:
    if file.is_relative_to(data):
        return not _is_hidden(file.relative_to(data).parts)
    is_own = file.is_relative_to(home)
    apart = (one for one in (*OWN, *SYSTEM) if not (is_own and home.is_relative_to(one)))
    parts = file.relative_to(home).parts if is_own else file.parts
    return not (_is_hidden(parts) or any(map(file.is_relative_to, apart)))


def _is_hidden(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") for part in parts)
