"""Answers of a run that is not finished: each is on disk as soon as it came, so a killed run loses none of them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from flexlib.certificate import SETTLING_TIME
from flexlib.nesting import decode_json
from flexlib.store.disk import PRIVATE, report_disk, write_whole


class Draft:
    """The answers kept in `folder`, one JSON line each: those of an earlier run of the same `identity`, then ours.

    Older than the server's refresh, or of another identity, they are thrown away: one snapshot never mixes two states
    of the server. Raises `DiskFailed`.
    """

    def __init__(self, folder: Path, identity: str, now: datetime | None = None) -> None:
        self._folder = folder
        self.started_at = now or datetime.now(timezone.utc)
        self.resumed: list[dict[str, Any]] = []
        """What the earlier run had read."""
        header = self._read_header()
        with report_disk(folder):
            if header.get("identity") == identity and _is_fresh(header["started_at"], self.started_at):
                self.started_at = header["started_at"]
                self.resumed = self._read_lines()
            else:
                shutil.rmtree(folder, ignore_errors=True)
                header = {"identity": identity, "started_at": self.started_at.isoformat()}
                write_whole(folder / "header.json", json.dumps(header))
            # Without a buffer: what a full disk did not take would come up again when the file is closed.
            self._file = open(self._answers, "ab", buffering=0, opener=_open_private)  # noqa: SIM115

    def find(self, purpose: str, route: str = "") -> list[dict[str, Any]]:
        """What the earlier run had read for this purpose and route."""
        return [line for line in self.resumed if (line["purpose"], line["route"]) == (purpose, route)]

    def add(self, purpose: str, text: str, route: str = "", **facts: object) -> None:
        """Keeps one answer at once."""
        line = memoryview((json.dumps({"purpose": purpose, "route": route, **facts, "text": text}) + "\n").encode())
        with report_disk(self._folder):
            while line:  # a disk that is nearly full takes a part
                line = line[self._file.write(line) :]

    @property
    def people(self) -> list[dict[str, Any]] | None:
        """The list of people that the earlier run had read; None where it had not, or the list was spoilt."""
        try:
            people: object = decode_json((self._folder / "people.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        return people if isinstance(people, list) and all(isinstance(one, dict) for one in people) else None

    def keep_people(self, people: list[dict[str, Any]]) -> None:
        """Keeps the list of people, readable by nobody else."""
        with report_disk(self._folder):
            write_whole(self._folder / "people.json", json.dumps(people), PRIVATE)

    def lines(self) -> Iterator[str]:
        """Every answer kept so far, as a line of JSON."""
        with open(self._answers, encoding="utf-8") as file:
            yield from file

    def close(self, *, discard: bool) -> None:
        """Lets go of the file, and of all that is in the folder if `discard`."""
        self._file.close()
        if discard:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _answers(self) -> Path:
        return self._folder / "answers.jsonl"

    def _read_header(self) -> dict[str, Any]:
        file = self._folder / "header.json"
        try:
            header: dict[str, Any] = decode_json(file.read_text("utf-8"))
            header["started_at"] = datetime.fromisoformat(header["started_at"])
            return header if header["started_at"].tzinfo else {}
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return {}  # no draft, one that was killed before its first answer, or one that was spoilt

    def _read_lines(self) -> list[dict[str, Any]]:
        """The whole lines; from one on that was cut off, by a kill or a full disk, they are taken off the file."""
        if not self._answers.exists():
            return []
        lines: list[dict[str, Any]] = []
        size = 0
        with open(self._answers, "rb") as file:
            for line in file:
                try:
                    answer = decode_json(line.decode() if line.endswith(b"\n") else "")
                    lines.append({"purpose": answer["purpose"], "route": answer["route"], **answer})
                except (ValueError, KeyError, TypeError):
                    break
                size += len(line)
        os.truncate(self._answers, size)
        return lines


def _is_fresh(started_at: datetime, now: datetime) -> bool:
    """Whether a draft may still be used; not either when the clock was set back, and it lies ahead."""
    return timedelta(0) <= now - started_at <= SETTLING_TIME


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
