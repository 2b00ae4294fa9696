"""A site on the disk: only what changed is written, and what it no longer has is taken away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flexlib.errors import InvalidRequest
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.report.manifest import hash_bytes
from flexlib.store.disk import report_disk, write_whole

LISTING = "site.json"
"""The file in a site that says which others are its own, each with its hash."""


@dataclass(frozen=True)
class Written:
    """What was done to a folder, as paths in it."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    """As they were, with their time."""
    removed: tuple[str, ...]
    foreign: tuple[str, ...]
    """Of an earlier site, and changed since: left where they are."""


def write_site(files: Mapping[str, bytes], folder: Path) -> Written:
    """Makes `folder` the site of these files by their paths in it. Raises `DiskFailed`, and `InvalidRequest` for a
    folder of something else."""
    before = _read_listing(folder)
    written, kept, removed, foreign = list[str](), list[str](), list[str](), list[str]()
    with report_disk(folder):
        for path, content in files.items():
            file = folder / path
            if file.is_file() and file.read_bytes() == content:
                kept.append(path)
            else:
                write_whole(file, content)
                written.append(path)
        for path in before.keys() - files.keys():
            file = folder / path
            if not file.is_file():
                continue
            if hash_bytes(file.read_bytes()) != before[path]:
                foreign.append(path)
                continue
            file.unlink()
            removed.append(path)
            if not any(file.parent.iterdir()):
                file.parent.rmdir()
        listing = {path: hash_bytes(content) for path, content in sorted(files.items())}
        if listing != before:
            write_whole(folder / LISTING, json.dumps({"files": listing}, indent=1) + "\n")
    return Written(tuple(written), tuple(kept), tuple(sorted(removed)), tuple(sorted(foreign)))


def _read_listing(folder: Path) -> dict[str, str]:
    """The files of the site that is there. Only what lies in the folder is one, whatever the listing says."""
    file = folder / LISTING
    if not file.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InvalidRequest(
                _("{folder} has other files than those of a site, and nothing of them is overwritten; name another.")
                .format(folder=folder)
            )  # fmt: skip
        return {}
    try:
        found = decode_json(file.read_text("utf-8"))["files"]
        inside = folder.resolve()
        return {str(path): str(sha) for path, sha in found.items() if (folder / path).resolve().is_relative_to(inside)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(
            _("{file} is not the listing of a site; name another folder, or move this one away.").format(file=file)
        ) from error
