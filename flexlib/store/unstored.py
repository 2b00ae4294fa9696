"""Sources that had begun before a month of which they are not stored: that is not zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flexlib.commands import write_command
from flexlib.dates import Month, name_months
from flexlib.i18n import _, join_texts
from flexlib.sources.registry import find_source, name_source
from flexlib.store.ended import find_awaited
from flexlib.store.server import find_command

Unstored = Mapping[str, Sequence[Month]]
"""By source the months of which it is not stored, in order."""


def explain_unstored(unstored: Unstored, root: Path) -> list[str]:
    """A sentence a source: what stores its first month, and how to say that it has ended."""
    return [join_texts(_explain(source, months, root), " ") for source, months in unstored.items()]


def _explain(source: str, months: Sequence[Month], root: Path) -> Iterator[str]:
    said = _("Nothing of {source} is stored of {months}: what it holds there is not known, and is not zero.")
    yield said.format(source=name_source(source), months=name_months(months))
    last, known = find_awaited(months[0], root).get(source), find_source(source)
    command = find_command(known, months[0], root) if known else ""
    if last:
        end = write_command(f"flexlib sources --ended {source} {last}")
        act = (
            _("Run: {command}; where it was not in use then: {end}")
            if command
            else _("Where it was not in use then: {end}")
        )
        yield act.format(command=command, end=end)
