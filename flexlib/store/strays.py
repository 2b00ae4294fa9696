"""What lies among the months of a data folder and is none: misplaced months, which totals lack, and what is foreign."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from flexlib.certificate import CERTIFICATES
from flexlib.dates import Month
from flexlib.formats import clean_text
from flexlib.i18n import _
from flexlib.sources.registry import WINDSURF, find_source
from flexlib.store.last import LAST, VERSION, find_lost, read_last
from flexlib.store.server import name_command
from flexlib.store.snapshots import MONTH, list_snapshots
from flexlib.store.version import DAMAGE, parse_certificate


@dataclass(frozen=True)
class Stray:
    """A file or folder that is not read, or of a source that nobody knows."""

    path: Path
    what: str
    """What it is, and what mends it."""
    month: Month | None = None
    """Whose total lacks it; None where it lacks nothing."""

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


def list_misplaced(root: Path, months: Collection[Month] | None = None, source: str | None = None) -> list[str]:
    """A sentence on each stored version that the total of its month lacks, since it lies where nothing is read; of all
    months, or of these; of all sources, or of one."""
    found = (one for one in list_strays(root) if one.month and (months is None or one.month in months))
    return [clean_text(f"{one}.") for one in found if source in (None, _find_source(one.path, root))]


def _find_source(version: Path, root: Path) -> str:
    is_credits = version.relative_to(root).parts[0].lower() == WINDSURF.dataset
    return WINDSURF.name if is_credits else version.parent.name


def list_strays(root: Path) -> list[Stray]:
    """All of them in a data folder, in the order of their paths; what begins with a dot is of runs under way."""
    found = {*_find_strays(root)}
    elsewhere = {one.path.name for one in found if one.month and one.path.is_dir()}
    gone = (one for one in _find_lost(root) if one.path.name not in elsewhere)
    return sorted({*found, *gone}, key=lambda one: (one.path, one.what))


def _find_strays(root: Path) -> Iterator[Stray]:
    for entry in _list_entries(root):
        own = root / entry.name.lower()
        is_other = own != entry and own.name in CERTIFICATES and entry.is_dir()
        if (is_other and not (own.exists() and entry.samefile(own))) or (MONTH.fullmatch(own.name) and entry.is_dir()):
            yield from _explain(entry, root)
    for dataset in CERTIFICATES:
        for entry in _list_entries(root / dataset):
            if not (entry.is_dir() and MONTH.fullmatch(entry.name)):
                yield from _explain(entry, root)
            elif dataset == WINDSURF.dataset:
                yield from _look_at_versions(entry, root)
            else:
                for place in _list_entries(entry):
                    yield from _look_at_source(place, root)


def _find_lost(root: Path) -> Iterator[Stray]:
    """What was stored last of a month and is gone, and what bears a newer name than that and is something else."""
    for dataset in CERTIFICATES:
        for folder in _list_entries(root / dataset):
            if not (folder.is_dir() and MONTH.fullmatch(folder.name)):
                continue
            month = Month.parse(folder.name)
            yield from (Stray(path, what, month) for path, what in find_lost(folder).items())
            for last in (one for paths in read_last(folder).values() for one in paths[-1:] if one.is_dir()):
                for entry in _list_entries(last.parent):
                    if VERSION.fullmatch(entry.name) and entry.name > last.name:
                        what = _(
                            "bears a newer name than {name}, which was stored last of {month}, and is not read"
                        ).format(name=last.name, month=month)
                        yield Stray(
                            entry,
                            _("{what}; take it away, or {folder} if it is what holds").format(
                                what=what, folder=folder / LAST
                            ),
                            month,
                        )


def _look_at_source(place: Path, root: Path) -> Iterator[Stray]:
    is_source = place.is_dir() and not VERSION.fullmatch(place.name) and not (place / "certificate.json").exists()
    known = find_source(place.name)
    if is_source and (known or any(VERSION.fullmatch(one.name) for one in _list_entries(place))):
        if known is None:
            yield Stray(place, _("is counted as a source that flexlib does not know; move it away if it is a copy"))
        yield from _look_at_versions(place, root)
    else:
        yield from _explain(place, root)


def _look_at_versions(place: Path, root: Path) -> Iterator[Stray]:
    for entry in _list_entries(place):
        if not (entry.is_dir() and VERSION.fullmatch(entry.name)):
            yield from _explain(entry, root)


def _explain(path: Path, root: Path) -> Iterator[Stray]:
    """What a file or folder is that lies where none should: the stored versions in it, or nothing that is read."""
    versions = list(_find_versions(path))
    if not versions:
        yield Stray(path, _("is nothing that flexlib stored, and is not read; move it away"))
    for version in versions:
        try:
            certificate = parse_certificate((version / "certificate.json").read_text("utf-8"))
        except (*DAMAGE, OSError):
            yield Stray(version, _("lies where nothing is read, and its certificate cannot be read; move it away"))
            continue
        dataset, month = certificate.dataset, certificate.month
        stored = [one.path for one in list_snapshots(dataset, month, root)]
        if any(one.samefile(version) for one in stored):
            yield Stray(
                path,
                _("is a link to what is stored of {month}, and is not read; take the link away").format(month=month),
            )
            continue
        # A version bears the beginning of its rows' hash.
        if any(one.name.endswith(f"-{certificate.rows_sha256[:8]}") for one in stored):
            yield Stray(
                version, _("is a copy of what is stored of {month}, and is not read; move it away").format(month=month)
            )
            continue
        name = getattr(certificate, "source", WINDSURF.name)
        source = find_source(name)  # a name that nobody knows, such as one with a / in it, makes no path to move to
        again = (
            _("store {month} again: {command}").format(month=month, command=name_command(source, month, root))
            if source
            else _("store its files again")
        )
        what, act = (
            _("so that {month} lacks it").format(month=month),
            _("{again}, or move it out of {root}").format(again=again, root=root),
        )
        folder = root / dataset / str(month) / ("" if dataset == WINDSURF.dataset else name)
        if beside := [one for one in stored if one.parent == folder]:
            # Only the newest version of a source is read: in its place it would hide the other, or be hidden.
            newer = max(version.name, beside[-1].name)
            told = _(", of which {newer} is the newer").format(newer=newer) if VERSION.fullmatch(version.name) else ""
            what = _("so that {month} may lack it beside {beside}{told}").format(
                month=month, beside=beside[-1], told=told
            )
            act = _("where its rows are not all in that one, {again}; then move it out of {root}").format(
                again=again, root=root
            )
        elif source and VERSION.fullmatch(version.name):
            act = _("move it to {folder}, or move it out of {root}").format(folder=folder / version.name, root=root)
        yield Stray(
            version,
            _("is of the {dataset} of {month} and lies where nothing is read, {what}; {act}").format(
                dataset=dataset, month=month, what=what, act=act
            ),
            month,
        )


def _find_versions(path: Path) -> Iterator[Path]:
    """The stored versions in a folder, however deep; what a link in it leads to is not looked at."""
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        if "certificate.json" in files:
            folders.clear()
            yield Path(folder)


def _list_entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing where it is none, or cannot be looked into, which whoever reads it says."""
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return []
    return sorted(one for one in folder.iterdir() if not one.name.startswith("."))
