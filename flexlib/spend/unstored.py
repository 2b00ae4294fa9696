"""Sources that had begun before a month and of which hours of it are not stored: that is not zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timezone
from pathlib import Path

from flexlib.dates import Month
from flexlib.i18n import _
from flexlib.proof import Unclosed
from flexlib.sources.registry import find_source, name_source
from flexlib.spend.zones import Piece, Stored, write_hours
from flexlib.store.ended import find_awaited
from flexlib.store.server import find_command
from flexlib.store.strays import list_misplaced


def explain_parts(
    pieces: Sequence[Piece],
    stored: Stored,
    sources: Sequence[str],
    looked: Mapping[Month, Unclosed | None],
    root: Path,
) -> dict[Month, list[str]]:
    """By month of UTC that has a part of a zone's month sentences on what that lacks: hours, recorded calls (`looked`),
    misplaced versions; without those that lack nothing. `sources` have other parts of it."""
    found: dict[Month, list[str]] = {}
    for piece in pieces:
        told = looked.get(piece[0])
        said = [*_explain_missing_hours(piece, stored, sources, root)]
        said += [told.text] if told and told.is_gap else []
        found[piece[0]] = [*said, *list_misplaced(root, {piece[0]})]
    return {month: said for month, said in found.items() if said}


def _explain_missing_hours(piece: Piece, stored: Stored, sources: Sequence[str], root: Path) -> Iterator[str]:
    """A sentence for each source that is awaited in the part of a zone's month and is not stored there. Hours that were
    to come when its other parts were read are not missing: these parts say that they were not over."""
    one, first, last = piece
    awaited = find_awaited(one, root)
    for source in sources:
        read = max(each.certificate.as_of for (_month, name), each in stored.items() if name == source)
        end = min(last, read.astimezone(timezone.utc).replace(tzinfo=None))
        if (one, source) not in stored and source in awaited and first < end:
            known = find_source(source)
            command = find_command(known, one, root) if known else ""
            said = _("{hours} is not in it for {source}: its month {month} is not stored.")
            if command:
                said = _("{hours} is not in it for {source}: its month {month} is not stored. Run: {command}")
            hours = write_hours(first, end)
            yield said.format(hours=hours, source=name_source(source), month=one, command=command)
