"""Where two pages differ, in sentences: the first lines that are others, with what stands around the difference."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from flexlib.i18n import _, translate_count

MOST_PLACES = 3
"""Places of a page that are named; who changed more will see it."""
AROUND = 20
"""Letters on each side of what is another."""


def describe_places(page: str, made: str) -> list[str]:
    """The first lines of `page` that are others than in the page that is made again, with what stands around the
    difference.

    >>> describe_places("<p>Total 120,083.50</p>", "<p>Total 120,082.50</p>")
    ['Line 1 has “Total 120,083.50” where the page that is made again has “Total 120,082.50”.']
    """
    line = _("Line {line} has “{here}” where the page that is made again has “{there}”.")
    return _describe(
        page,
        made,
        line,
        lambda count: translate_count(
            "It has {here} line, the page that is made again {there}.",
            "It has {here} lines, the page that is made again {there}.",
            count,
        ),
    )


def describe_edits(page: str, made: str) -> list[str]:
    """The same of a page that was changed after it was made.

    >>> describe_edits("<p>Total 120,083.50</p>", "<p>Total 120,082.50</p>")
    ['Line 1 has “Total 120,083.50” where it was made with “Total 120,082.50”.']
    """
    line = _("Line {line} has “{here}” where it was made with “{there}”.")
    return _describe(
        page,
        made,
        line,
        lambda count: translate_count(
            "It has {here} line and was made with {there}.", "It has {here} lines and was made with {there}.", count
        ),
    )


def _describe(page: str, made: str, line: str, count_lines: Callable[[int], str]) -> list[str]:
    lines, others = page.split("\n"), made.split("\n")
    places = [number for number, pair in enumerate(zip(lines, others, strict=False)) if pair[0] != pair[1]]
    said = []
    for number in places[:MOST_PLACES]:
        here, there = _cut(lines[number], others[number])
        said.append(line.format(line=number + 1, here=here, there=there))
    if len(lines) != len(others):
        said.append(count_lines(len(lines)).format(here=len(lines), there=len(others)))
    elif len(places) > MOST_PLACES:
        more = len(places) - MOST_PLACES
        text = translate_count("{count} further line differs.", "{count} further lines differ.", more)
        said.append(text.format(count=more))
    return said


def _cut(one: str, other: str) -> tuple[str, str]:
    """The parts of two lines that differ, with a few letters of what is around them."""
    start = len(os.path.commonprefix([one, other]))
    tail = len(os.path.commonprefix([one[start:][::-1], other[start:][::-1]]))

    def clip(line: str) -> str:
        text = line[max(0, start - AROUND) : min(len(line), len(line) - tail + AROUND)]
        return " ".join(re.sub(r"^[^<>]*>|<[^<>]*>|<[^<>]*$", " ", text).split()) or " ".join(text.split())

    if (here := clip(one)) != (there := clip(other)):
        return here, there
    # Alike to the eye: blanks, ends of lines, letters without a shape are written as a program writes them.
    return repr(one[max(0, start - AROUND) :])[1:-1], repr(other[max(0, start - AROUND) :])[1:-1]
