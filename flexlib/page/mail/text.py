"""A mail as plain text, which reads by itself: for programs that show no HTML, and for those who listen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from flexlib.formats import capitalize_first, clean_lines
from flexlib.i18n import _
from flexlib.page.mail.parts import MailPage, Section, list_columns
from flexlib.tables.definition import NUMBERS, Table, Total, format_value

WIDTH = 72
"""Letters of a line, as every mail program has room for."""
NAME_WIDTH = 34
"""Of the first column of a table; a longer name has a line of its own."""


def write_mail(page: MailPage) -> str:
    """The same as `markup.render_mail`, as lines of text."""
    lines = [page.title, "=" * min(len(page.title), WIDTH), *_fill(page.over), ""]
    lines += [_("Demo data"), ""] * page.is_demo
    lines += [f"{_(page.badge.word)}. {page.read}"]
    lines += [line for one in page.warnings for line in _fill(f"* {capitalize_first(one)}", "  ")]
    lines.append("")
    for card in page.cards:
        lines += _fill(f"{card.name}: {card.value}" + f" ({card.note})" * bool(card.note), "  ")
    for section in page.sections:
        lines += ["", *_write_section(section)]
    lines += ["", *(line for one in page.notes for line in (*_fill(one), ""))]
    return clean_lines("\n".join(lines).rstrip()) + "\n"


def _write_section(section: Section) -> Iterator[str]:
    yield from _fill(section.heading)
    yield "-" * min(len(section.heading), WIDTH)
    if section.note:
        yield from _fill(section.note)
    if section.picture:
        yield from _fill(section.picture.description)
    if section.table:
        yield ""
        yield from _write_table(section.table)


def _fill(text: str, after: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=after, break_on_hyphens=False) or [""]


def _write_table(table: Table) -> Iterator[str]:
    columns = list_columns(table)
    cells = [[one.title for one in columns]]
    cells += [[format_value(row.get(one.key), one.find_kind(row)) for one in columns] for row in table.rows]
    if any(one.total is not Total.BLANK for one in columns):
        cells.append([format_value(table.sum_column(one), one.kind) for one in columns])
    cells += [[format_value(row.get(one.key), one.find_kind(row)) for one in columns] for row in table.closing]
    yield from _lay_out(cells, [one.kind in NUMBERS for one in columns])


def _lay_out(cells: Sequence[Sequence[str]], are_numbers: Sequence[bool]) -> Iterator[str]:
    rest = range(1, len(are_numbers))
    widths = [max(len(row[place]) for row in cells) for place in range(len(are_numbers))]
    room = WIDTH - sum(widths[place] + 2 for place in rest)
    first = min(widths[0], max(room, NAME_WIDTH // 2))
    for row in cells:
        name = row[0]
        if len(name) > first:
            yield name
            name = ""
        others = (row[at].rjust(widths[at]) if are_numbers[at] else row[at].ljust(widths[at]) for at in rest)
        yield "  ".join([name.ljust(first), *others]).rstrip()
