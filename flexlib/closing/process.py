"""Runs one command of flexlib as a process of its own: what it does to itself does not end the month's run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from flexlib.commands import write_command
from flexlib.formats import clean_text

STOP_SECONDS = 10
"""How long a process that is asked to end may clear away what it has begun."""
MOST_SAID = 12
"""Lines of what a command said that are kept: the last ones, since an error ends it."""
WITH_PROGRESS = ("fetch",)
"""Commands that take minutes, one at a time, and have a bar; without a terminal of their own they are asked for it."""
MOST_READ = 4096
OURS = "flexlib: "
"""Before the sentence of an error."""
_RUNNING: set[subprocess.Popen[bytes]] = set()
_BEGINNING = threading.Lock()
"""Held while a process is begun: who ends those that run ends this one too, instead of leaving it to itself."""


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    exit_code: int
    facts: Any
    """What it printed as JSON; None where it printed none, having failed."""
    said: tuple[str, ...]
    """The last lines that it wrote beside that."""

    @property
    def has_failed(self) -> bool:
        """Whether nothing was made: a month that lacks something (3 and more) is told by what it printed."""
        return self.facts is None or self.exit_code not in (0, 3, 4, 5) or bool(self.error)

    @property
    def error(self) -> str:
        """Why it failed, in its own words."""
        if isinstance(self.facts, dict) and self.facts.get("error"):
            return str(self.facts["error"])
        ours = [line.removeprefix(OURS) for line in self.said if line.startswith(OURS)]
        return ours[-1] if ours and self.facts is None else ""


Run = Callable[[Sequence[str]], Ran]
"""Runs one command, without `flexlib`."""


def run_command(words: Sequence[str], *, language: str = "en", shows: bool = False) -> Ran:
    """Runs `flexlib` with these words in this folder and surroundings; `shows` says on stderr that it begins, and lets
    its progress be seen there."""
    command = [sys.executable, "-P", "-X", "utf8", "-m", "flexlib.cli.watched", *words, "--lang", language]
    if shows:
        print(clean_text(f"    {write_command(f'flexlib {shlex.join(words)}')} ..."), file=sys.stderr, flush=True)
        command += ["--progress"] if words[0] in WITH_PROGRESS else []
    pipe, lines = subprocess.PIPE, list[str]()
    with _BEGINNING:
        # It sees by its stdin that this process is gone.
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        _RUNNING.add(process)
    with process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            listening = threading.Thread(target=_listen, args=(process.stderr, lines, shows), daemon=True)
            listening.start()
            printed = process.stdout.read()
            listening.join()
            process.wait()
        finally:
            _RUNNING.discard(process)
            _end(process)
    return Ran(process.returncode, read_facts(printed.decode(errors="replace")), tuple(lines))


def stop_commands() -> None:
    """Ends what other threads have begun, or are about to."""
    with _BEGINNING:
        running = tuple(_RUNNING)
    for process in running:
        process.terminate()
    for process in running:
        _end(process)


def read_facts(printed: str) -> Any:  # noqa: ANN401 (JSON)
    """What a command printed as JSON; None where that is none."""
    try:
        return json.loads(printed)
    except ValueError:
        return None


def list_files(facts: Any) -> list[str]:  # noqa: ANN401 (JSON)
    """The files that a command says it has written."""
    if isinstance(facts, list):
        return [file for one in facts for file in list_files(one)]
    if not isinstance(facts, dict):
        return []
    named = [*facts.get("files", ()), *([facts["file"]] if "file" in facts else [])]
    if "folder" in facts:  # of a site, the page first by which it is entered
        pages = [one for name in ("written", "kept") for one in facts.get(name, ())]
        named += [f"{facts['folder']}/{one}" for one in sorted(pages, key=lambda one: (one != "index.html", one))]
    return [one for one in named if isinstance(one, str)]


def find_state(facts: Any) -> str | None:  # noqa: ANN401 (JSON)
    """The state of the month, as a command says it."""
    if isinstance(facts, list) and facts:
        return find_state(facts[-1])
    if not isinstance(facts, dict):
        return None
    if isinstance(facts.get("state"), str):
        return str(facts["state"])
    return find_state(facts.get("certificates"))


def _listen(stream: BinaryIO, lines: list[str], shows: bool) -> None:
    """Keeps the last lines; of a progress bar, which writes over itself, the last state."""
    decoder, left = getincrementaldecoder("utf-8")("replace"), ""
    while chunk := os.read(stream.fileno(), MOST_READ):
        text = decoder.decode(chunk)
        if shows:
            sys.stderr.write(text)
            sys.stderr.flush()
        *whole, left = (left + text).split("\n")
        _keep(whole, lines)
    _keep([left], lines)


def _keep(whole: Iterable[str], lines: list[str]) -> None:
    lines += filter(None, (one.rstrip().rpartition("\r")[2] for one in whole))
    del lines[:-MOST_SAID]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
