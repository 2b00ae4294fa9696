"""The rows of a month's files that could not be taken."""

from __future__ import annotations

import gzip

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.store.version import Snapshot


def read_refused(snapshot: Snapshot | None) -> list[str]:
    """The rows that could not be taken, as lines of JSON. Raises `BadFile` where they are another's to read."""
    if snapshot is None:
        return []
    raw = snapshot.path / "raw" / "answers.jsonl.gz"
    try:
        with snapshot.report_damage(raw), gzip.open(raw, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except PermissionError as error:
        raise BadFile(
            _("{raw} is its owner's only; let whoever imported the month import this too.").format(raw=raw)
        ) from error
