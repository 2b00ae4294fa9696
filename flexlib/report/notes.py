"""What is noted of each file that is made for a folder of reports: its hash, and whether people stand in it by name.

Pages have manifests of their own. The notes lie in `.made` beside the files, one each, so that commands that run
at once do not meet. `flexlib send` attaches no file of which they say too little, `flexlib verify` names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from flexlib.i18n import _
from flexlib.nesting import decode_json
from flexlib.refusals import explain_refusal
from flexlib.report.manifest import MANIFEST, name_manifest
from flexlib.report.no_page import FAILED, PERIOD, find_command
from flexlib.report.verdict import Verdict, Verified
from flexlib.store.disk import REPORTS, report_disk, write_whole
from flexlib.store.row_hash import hash_file

MADE = ".made"
"""The folder of the notes, beside the files that they are of."""
DEPTH = 2
"""How many folders lie in each other in a folder of reports: `chargeback/people`."""
OF_RUNS = ("run.json",)
"""What `flexlib month` notes of itself; no figure stands in it."""


class Note(NamedTuple):
    """What is noted of a file."""

    sha256: str
    names: bool
    """Whether people may stand in it by name."""
    page: str = ""
    """The name of the page beside it that it was made of."""
    page_sha256: str = ""


def note_files(files: Iterable[Path], *, names: bool, page: Path | None = None) -> None:
    """Notes what was just made, where it lies in a folder of reports or in a folder in it, and the `page` beside it of
    which it was made. Raises `DiskFailed`."""
    of = (page.name, hash_file(page)) if page else ("", "")
    for file in files:
        if _is_of_reports(file.absolute().parent):
            with report_disk(file.parent, REPORTS):
                write_whole(_name_note(file), json.dumps(Note(hash_file(file), names, *of)._asdict()) + "\n")


def forget_gone(page: Path) -> None:
    """Takes away what is noted of files that were made of an earlier state of the page and are gone."""
    for file, note in _list_notes(page.parent):
        if _is_gone(file, note) and note.page == page.name:
            _name_note(file).unlink(missing_ok=True)


def is_of_other_page(file: Path) -> bool | None:
    """Whether the page beside the file is another than it was made of; None where it is not noted of which it was."""
    note = read_note(file)
    if note is None or not note.page:
        return None
    page = file.with_name(note.page)
    return page.is_file() and hash_file(page) != note.page_sha256


def read_note(file: Path) -> Note | None:
    """What is noted of the file; None where nothing is."""
    try:
        facts = decode_json(_name_note(file).read_text("utf-8"))
        page, page_sha256 = (str(facts.get(name, "")) for name in ("page", "page_sha256"))
        return Note(str(facts["sha256"]), bool(facts["names"]), page, page_sha256)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_older(file: Path, page: Path) -> bool:
    """Whether a file was made of an earlier state of the page; by their times where that is not noted."""
    is_other = is_of_other_page(file)
    return file.stat().st_mtime < page.stat().st_mtime if is_other is None else is_other


def explain_unsent(file: Path) -> str:
    """Why a file may not be handed on; empty where it may: it is as it was made, without names."""
    note = read_note(file)
    if note is None:
        return _("nobody knows how it was made, or whether it shows people by name")
    if hash_file(file) != note.sha256:
        return _("it was changed after it was made")
    return _("it shows people by name") if note.names else ""


def is_as_made(file: Path) -> bool:
    """Whether it is noted how the file was made, and it is as it was."""
    note = read_note(file)
    return note is not None and file.is_file() and hash_file(file) == note.sha256


def verify_files(place: Path, found: Sequence[Path], pages: Sequence[Path]) -> list[Verified]:
    """What is known of what was `found` and is none of the `pages`, and of all other files in the folder `place`: they
    are not made again, only held against what was noted when they were made. Where `place` is a page, what was made of
    other pages beside it is not asked about."""
    files = {*found, *(place.rglob("*") if place.is_dir() else ())} - {*pages, *map(name_manifest, pages)}
    there = [_verify_file(one) for one in sorted(files) if _is_shown(one.relative_to(place)) and not one.is_dir()]
    noted = (one for folder in sorted({place, *(page.parent for page in pages)}) for one in _list_notes(folder))
    gone = ((file, note.page) for file, note in noted if _is_gone(file, note))
    return there + [_tell_gone(*one) for one in gone if place.is_dir() or one[1] == place.name]


def has_manifest(page: Path) -> bool:
    """Whether it is a page of a report, or what is left of one; a letter of another command is a file."""
    return name_manifest(page).exists() or read_note(page) is None


def _is_shown(name: Path) -> bool:
    return name.name not in OF_RUNS and not any(part.startswith(".") for part in name.parts)


def _verify_file(file: Path) -> Verified:
    note = read_note(file)
    if file.name.endswith(FAILED):
        said = _("{file} is no page: it shows how far a report came that failed.")
        if command := find_command(file):
            said = _(
                "{file} is no page: it shows how far a report came that failed. This makes the page again: {command}"
            )
        return Verified(file, Verdict.FAILED, (said.format(file=file.name, command=command),))
    if note is None:
        said = _("{file} is not checked: nothing says how it was made.")
        return Verified(file, Verdict.NOT_CHECKED, (said.format(file=file.name),))
    try:
        is_same = hash_file(file) == note.sha256
    except OSError as error:
        said = _("{file} is not checked: it cannot be read ({reason}).")
        return Verified(file, Verdict.NOT_CHECKED, (said.format(file=file.name, reason=explain_refusal(error)),))
    if is_same and is_of_other_page(file):
        said = _("{file} was made of another {page} than lies beside it; make it again.")
        return Verified(file, Verdict.CHANGED, (said.format(file=file.name, page=note.page),))
    if is_same:
        return Verified(file, Verdict.AS_MADE, ())
    said = _("{file} is not the file that was made: it was changed afterwards; make it again.")
    return Verified(file, Verdict.CHANGED, (said.format(file=file.name),))


def _tell_gone(file: Path, page: str) -> Verified:
    said = _("{file}, which was made of {page}, is gone; make it again, or the page without it.")
    return Verified(file, Verdict.NOT_CHECKED, (said.format(file=file.name, page=page),))


def _is_gone(file: Path, note: Note) -> bool:
    """Of what was made of no page beside it, such as letters, nobody knows whether it was taken away for good."""
    is_there = file.exists() or file.is_symlink()
    return bool(note.page) and not is_there and file.with_name(note.page).exists()


def _list_notes(folder: Path) -> Iterator[tuple[Path, Note]]:
    """The files of a folder that something is noted of, whether they are there or not."""
    for one in sorted((folder / MADE).glob("*.json")):
        file = folder / one.stem
        if note := read_note(file):
            yield file, note


def _is_of_reports(folder: Path) -> bool:
    around = (folder, *folder.parents[:DEPTH])
    return any(PERIOD.fullmatch(one.name) or next(one.glob(f"*{MANIFEST}"), None) for one in around)


def _name_note(file: Path) -> Path:
    return file.parent / MADE / f"{file.name}.json"
