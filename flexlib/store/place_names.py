"""Names of departments, teams, projects and cost centres that a reader could take for others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from flexlib.i18n import LANGUAGES, _, join_and, mark_text, speak
from flexlib.nesting import format_given
from flexlib.store.membership import NOWHERE, Place
from flexlib.store.roster import simplify_text

ALIKE = {
    "department": mark_text("{names} are departments of their own; write them alike if they are one."),
    "team": mark_text("{names} are teams of their own; write them alike if they are one."),
    "project": mark_text("{names} are projects of their own; write them alike if they are one."),
    "cost_centre": mark_text("{names} are cost centres of their own; write them alike if they are one."),
}
OWN_LINES = (mark_text("unmapped"), mark_text("billed beside the calls"), mark_text("Small groups"), *NOWHERE.values())
"""What lines are called that flexlib makes beside those of departments, teams, projects and cost centres."""


def list_alike(names: Mapping[str, Iterable[str | None]]) -> list[str]:
    """The names of each level that are written in two ways, which are two departments then, in sentences."""
    notes = []
    for level, some in names.items():
        ways: dict[str, list[str]] = defaultdict(list)
        for name in sorted({name for name in some if name}):
            ways[simplify_text(name)].append(name)
        alike = [join_and([*map(format_given, written)]) for written in ways.values() if len(written) > 1]
        notes += [_(ALIKE[level]).format(names=one) for one in alike]
    return notes


def list_taken(place: Place, own_lines: frozenset[str]) -> Iterator[str]:
    """Which of its names flexlib gives to lines of its own, as of `list_own_lines`, what is wrong of each."""
    for level, name in place._asdict().items():
        if name and simplify_text(name) in own_lines:
            said = _("{column} is {given}, as flexlib calls a line of its own; leave it empty, or name it otherwise")
            yield said.format(column=level, given=format_given(name))


def list_taken_by_calls(names: Mapping[str, Iterable[str | None]]) -> list[str]:
    """Which names of each level, that metadata of calls may say, are those of lines of flexlib's own, in sentences."""
    said = _("Metadata of calls says {column}: {given}, as flexlib calls a line of its own; the two are kept apart, "
             "name it otherwise.")  # fmt: skip
    own_lines = list_own_lines()
    return [
        said.format(column=level, given=format_given(name))
        for level, some in names.items()
        for name in sorted({name for name in some if name})
        if simplify_text(name) in own_lines
    ]


def list_own_lines() -> frozenset[str]:
    """The names of `OWN_LINES` in each language, as `simplify_text` has them."""
    found = set()
    for code in LANGUAGES:
        with speak(code):
            found |= {simplify_text(_(name)) for name in OWN_LINES}
    return frozenset(found)
