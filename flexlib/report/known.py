"""What is known of the stored months that a manifest names, whoever sealed it: it is held against their versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from flexlib.dates import Month
from flexlib.errors import SnapshotChanged
from flexlib.i18n import _
from flexlib.report.manifest import Manifest, describe_snapshot
from flexlib.report.moved import OWN_FILES, begin_sentence, name_path, name_stored, say_snapshot
from flexlib.store.snapshots import list_snapshots

Stored = Mapping[str, Any]
"""A stored month, as a manifest describes it."""


def find_contradicted(then: Manifest, now: Manifest, data: Path) -> dict[str, Stored]:
    """By their names the stored months as they are, of which the manifest of `then` says otherwise: of the version that
    it names, where that is still there, or of the same rows, which that of `now` has in another one."""
    is_same_code = then["versions"].get(OWN_FILES) == now["versions"].get(OWN_FILES)
    found = dict[str, Stored]()
    for name, said in then["snapshots"].items():
        version, other = _find_version(name, said, data), now["snapshots"].get(name, {})
        if version and not _agrees(said, version, is_same_code=is_same_code):
            found[name] = version
        elif not version and said["rows_sha256"] == other.get("rows_sha256") and not _has_sums(said, other):
            found[name] = {**said, "rows": other["rows"], "sums": other["sums"]}
    return found


def explain_contradicted(then: Manifest, contradicted: Mapping[str, Stored]) -> Iterator[str]:
    """A sentence on each."""
    for name, known in contradicted.items():
        yield _(
            "{what}: the manifest says {then}, the stored version that it names {now}; the manifest was edited."
        ).format(
            what=begin_sentence(name_stored(name)),
            then=say_snapshot(then["snapshots"][name]),
            now=say_snapshot(known),
        )


def list_gone(manifest: Manifest, data: Path) -> list[str]:
    """The versions that a page was made of and that are no longer there."""
    text = _("{what} are no longer stored in the version that the page was made of.")
    gone = (name for name, one in manifest["snapshots"].items() if not (data / name_path(one, name)).is_dir())
    return [text.format(what=begin_sentence(name_stored(name))) for name in gone]


def _find_version(name: str, said: Stored, data: Path) -> Stored | None:
    """The version that is named; None where it is gone, or was changed itself, so that it proves nothing."""
    dataset, month, source = name.split("/", 2)
    for one in list_snapshots(dataset, Month.parse(month), data):
        if (one.source, one.path.name) == (source, said["version"]):
            try:
                one.check()
                return describe_snapshot(one)
            except SnapshotChanged:
                return None
    return None


def _agrees(said: Stored, version: Stored, *, is_same_code: bool) -> bool:
    """Whether a manifest says of a version what it is; what its state is another flexlib may have judged otherwise."""
    is_of_certificate = said["certificate_sha256"] == version["certificate_sha256"]
    if is_same_code and is_of_certificate and said["state"] != version["state"]:
        return False
    return bool(said["rows_sha256"] == version["rows_sha256"]) and _has_sums(said, version)


def _has_sums(said: Stored, known: Stored) -> bool:
    def read(one: Stored) -> dict[str, Decimal]:
        return {unit: Decimal(amount) for unit, amount in one["sums"].items()}

    return bool(said["rows"] == known["rows"]) and read(said) == read(known)
