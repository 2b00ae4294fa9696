"""The rows of a month's files that could not be taken."""

from __future__ import annotations

import gzip
from dataclasses import fields
from pathlib import Path

from flexlib.errors import BadFile
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.sources.registry import BILLS, IMPORT, RefusedFileRow
from flexlib.store.version import Snapshot

NAMES = {one.name for one in fields(RefusedFileRow)}


def read_refused(snapshot: Snapshot | None) -> list[str]:
    """The rows that could not be taken, as lines of JSON. Raises `BadFile` where they are another's to read."""
    if snapshot is None:
        return []
    raw = _find_raw(snapshot)
    try:
        with snapshot.report_damage(raw), gzip.open(raw, "rt", encoding="utf-8") as file:
            return [line.rstrip("\n") for line in file]
    except PermissionError as error:
        raise BadFile(
            _("{raw} is its owner's only; let whoever imported the month do this.").format(raw=raw)
        ) from error


def list_refused(snapshot: Snapshot) -> list[RefusedFileRow]:
    """The same as rows of files; none where the month is not of files, or its rows do not say which file they are of,
    as an earlier flexlib wrote them.

    Raises `BadFile` as `read_refused` does, and `SnapshotChanged` where a line is no row.
    """
    if snapshot.source not in (IMPORT.name, BILLS.name):
        return []  # another source's lines have its own form
    lines = read_refused(snapshot)
    with snapshot.report_damage(_find_raw(snapshot)):
        rows = [decode_json(line) for line in lines]
        if all(row.keys() == NAMES for row in rows):
            return [_read_row(**row) for row in rows]
    return []


def _find_raw(snapshot: Snapshot) -> Path:
    return snapshot.path / "raw" / "answers.jsonl.gz"


def _read_row(line: object, **texts: object) -> RefusedFileRow:
    said = {name: one for name, one in texts.items() if isinstance(one, str)}
    if type(line) is not int or said.keys() != texts.keys():
        raise TypeError("the number of its line and texts")
    return RefusedFileRow(line=line, **said)
