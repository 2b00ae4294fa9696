"""A site on the disk: only what changed is written, and what it no longer has is taken away."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flexlib.errors import InvalidRequest
from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.report.manifest import hash_bytes
from flexlib.store.disk import report_disk, write_whole
from flexlib.store.row_hash import hash_file

LISTING = "site.json"
"""The file in a site that says which others are its own, each with its hash."""
DRAFT = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp")
"""What a run that is killed in the middle of a file leaves beside it, as `write_whole` calls it."""


@dataclass(frozen=True)
class Written:
    """What was done to a folder, as paths in it."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    """As they were, with their time."""
    removed: tuple[str, ...]
    foreign: tuple[str, ...]
    """Of an earlier site, and changed since: left where they are."""


def keep_site(folder: Path, made_of: str) -> Written | None:
    """That all is kept, where the site that is there was made of the same, and none of its files was changed since."""
    try:
        found = decode_json((folder / LISTING).read_text("utf-8"))
        files = found["files"] if found["made_of"] == made_of else {}
        is_kept = all(hash_file(folder / path) == sha for path, sha in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # `write_site` says what is wrong with it
        return None
    return Written((), tuple(files), (), ()) if files and is_kept else None


def write_site(files: Mapping[str, bytes], folder: Path, *, is_shared: bool = False, made_of: str = "") -> Written:
    """Makes `folder` the site of these files by their paths in it; a run that was stopped is made good by the next one.
    What it is `made_of` stands in its listing for `keep_site`. Raises `DiskFailed`, and `InvalidRequest` for a folder
    of something else, or of a site that `is_shared` in place of which one came that is not."""
    before, was_shared = _read_listing(folder)
    if was_shared and not is_shared:
        raise InvalidRequest(
            _(
                "{folder} is a site for everybody, made with --share, and one that is not would take its place. Make "
                "it with --share again (in params/month.yaml: share: yes), or name another folder with --output."
            ).format(folder=folder)
        )
    listing = {path: hash_bytes(content) for path, content in sorted(files.items())}
    written, kept, removed, foreign = list[str](), list[str](), list[str](), list[str]()
    with report_disk(folder, "--output"):
        if before != {path: {sha} for path, sha in listing.items()}:
            # As long as it runs, the listing has what was there, too: stopped anywhere, every file is known.
            _write_listing(folder, listing, before, is_shared=is_shared)
        _sweep_drafts({folder / path for path in (LISTING, *before, *files)})
        for path, content in files.items():
            file = folder / path
            if file.is_file() and file.read_bytes() == content:
                kept.append(path)
            else:
                write_whole(file, content)
                written.append(path)
        for path in before.keys() - files.keys():
            file = folder / path
            if file.is_file() and hash_bytes(file.read_bytes()) not in before[path]:
                foreign.append(path)
                continue
            if file.is_file():
                file.unlink()
                removed.append(path)
            if file.parent != folder and file.parent.is_dir() and not any(file.parent.iterdir()):
                file.parent.rmdir()
        _write_listing(folder, listing, is_shared=is_shared, made_of=made_of)
    return Written(tuple(written), tuple(kept), tuple(sorted(removed)), tuple(sorted(foreign)))


def _write_listing(
    folder: Path,
    listing: Mapping[str, str],
    before: Mapping[str, set[str]] | None = None,
    *,
    is_shared: bool,
    made_of: str = "",
) -> None:
    """Writes it where it is another; `before`, while files are written, is what the folder may have of earlier runs."""
    earlier = {"before": {path: sorted(hashes) for path, hashes in sorted(before.items())}} if before else {}
    shared = {"shared": True} if is_shared else {}
    whole = {"made_of": made_of} if made_of else {}
    text = json.dumps({**shared, **whole, "files": listing, **earlier}, indent=1) + "\n"
    if not (file := folder / LISTING).is_file() or file.read_text("utf-8") != text:
        write_whole(file, text)


def _sweep_drafts(own: set[Path]) -> None:
    for place in {file.parent for file in own}:
        for draft in place.glob(".*.tmp"):
            if (found := DRAFT.fullmatch(draft.name)) and place / found[1] in own:
                draft.unlink()


def _is_foreign(file: Path) -> bool:
    """Whether it is neither a site of its own, as that of the demo is, nor what a run left which was killed while it
    wrote its first listing."""
    if (file / LISTING).is_file():
        return False
    found = DRAFT.fullmatch(file.name)
    return found is None or found[1] != LISTING


def _read_listing(folder: Path) -> tuple[dict[str, set[str]], bool]:
    """The files of the site that is there, with the hashes that they may have: of a run that was stopped two; and
    whether it is shared. Only what lies in the folder is one, whatever the listing says."""
    file = folder / LISTING
    if not file.exists():
        if folder.exists() and (not folder.is_dir() or any(map(_is_foreign, folder.iterdir()))):
            raise InvalidRequest(
                _("{folder} has other files than those of a site, and nothing of them is overwritten; name another.")
                .format(folder=folder)
            )  # fmt: skip
        return {}, False
    try:
        found = decode_json(file.read_text("utf-8"))
        hashes = {path: {str(one) for one in known} for path, known in found.get("before", {}).items()}
        for path, sha in found["files"].items():
            hashes.setdefault(path, set()).add(str(sha))
        inside = folder.resolve()
        own = {path: known for path, known in hashes.items() if (folder / path).resolve().is_relative_to(inside)}
        return own, found.get("shared", False) is not False
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequest(
            _("{file} is not the listing of a site; name another folder, or move this one away.").format(file=file)
        ) from error
