"""Which version of a month was stored last: so that an older one under a newer name is not taken for it, and one that
is gone is not forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from flexlib.errors import SnapshotChanged
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.sources.registry import WINDSURF
from flexlib.store.disk import write_whole

LAST = ".last.json"
"""In a month's folder: by source, the name of its version; while a newer one is put in place, that one's behind it."""

SOURCE = re.compile(r"\w[\w.-]*", re.ASCII)
VERSION = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}", re.ASCII)


def find_place(month: Path, source: str) -> Path:
    """Where the versions of a source lie in the folder of a month."""
    return month if source == WINDSURF.name else month / source


def read_last(month: Path) -> dict[str, list[Path]]:
    """By source, what was stored last in the folder of a month, the surest first; nothing where an older flexlib did.

    Raises `SnapshotChanged` where it is not what `write_last` wrote.
    """
    file = month / LAST
    try:
        said = decode_json(file.read_text("utf-8"))
        if not all(SOURCE.fullmatch(source) and all(map(VERSION.fullmatch, names)) for source, names in said.items()):
            raise ValueError
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise SnapshotChanged(_("{file} is not what flexlib wrote; take it away.").format(file=file)) from error
    return {source: [find_place(month, source) / name for name in names] for source, names in said.items()}


def write_last(month: Path, source: str, versions: Sequence[Path]) -> None:
    """Keeps that they were, and leaves what is said of other sources. Raises `OSError`."""
    said = read_last(month) | {source: list(versions)}
    write_whole(month / LAST, json.dumps({name: [one.name for one in paths] for name, paths in said.items()}))


def find_lost(month: Path) -> dict[Path, str]:
    """The versions that were stored last of a month's folder and are gone, each with what that means and mends it."""
    return {
        paths[-1]: f"was stored last of {month.name} and is gone, so that {month.name} lacks it; put it back, or take "
        f"{month / LAST} away if what is left holds"
        for paths in read_last(month).values()
        if not any(one.is_dir() for one in paths)
    }


def check_kept(month: Path, source: str) -> None:
    """Raises `SnapshotChanged` where what was stored last of the source is gone: what is merged with an older version
    would lack it for ever."""
    for path, what in find_lost(month).items():
        if path.parent == find_place(month, source):
            raise SnapshotChanged(_("{path} {what}.").format(path=path, what=what))
