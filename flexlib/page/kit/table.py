"""A finished table as HTML: exact numbers, small bars and lines, and a total that is the sum of what is above it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from html import unescape

from flexlib.analysis.ranking import NEW
from flexlib.formats import UNKNOWN, format_weekday
from flexlib.page.kit.markup import escape, render_element
from flexlib.page.kit.theme import OTHER, assign_colours, css_colour
from flexlib.tables.definition import NUMBERS, Column, Kind, Row, Table, Total, format_value, is_day

ROOM_FOR_NUMBERS = 26
"""Characters of numbers in a line for which a phone has room at full size, beside a name."""
HEAD_LETTER = 0.8
"""How wide a letter of a heading is on a phone: a number's is 1."""

LONG_WORD = 18
"""From so many characters on a word, such as an id, may be broken; a shorter one has room in any column."""

SPARK_WIDTH, SPARK_HEIGHT = 92, 20


def render_table(table: Table) -> str:
    """The table in a box that scrolls; behind a line to be opened when it has a `summary`, and then nothing at all
    without a row."""
    if table.summary and not table.rows:
        return ""
    heads = "".join(map(_render_heading, table.columns))
    colours = _colour_rows(table)
    longest = {column.key: _find_longest(table, column, colours) for column in table.columns}
    lines = []
    for place, (row, colour) in enumerate(zip(table.rows, colours, strict=True)):
        cells = (_render_cell(column, row, colour, longest[column.key]) for column in table.columns)
        line = "".join(map(_wrap_cell, table.columns, cells))
        lines.append(render_element("tr", line, class_="others" if place in table.others else ""))
    sums = [_render_value(table.sum_column(column), column.kind) for column in table.columns]
    totals = "".join(map(_wrap_cell, table.columns, sums))
    closing = (
        "".join(_wrap_cell(column, _render_cell(column, row, "", 1)) for column in table.columns)
        for row in table.closing
    )
    has_total = any(column.total is not Total.BLANK for column in table.columns)
    foot = [*([totals] if has_total else []), *closing]
    html = render_element(
        "table",
        render_element("caption", escape(table.title))
        + render_element("thead", render_element("tr", heads))
        + render_element("tbody", "\n".join(lines))
        + (render_element("tfoot", "\n".join(render_element("tr", line) for line in foot)) if foot else ""),
        class_=f"flex-table{' dense' * _is_dense(table)}",
        id=table.name,
    )
    # A box of its own to scroll in; with a tab stop, or the keyboard could not scroll it.
    label = ": ".join(filter(None, (table.title, table.opening)))
    box = render_element("div", html, class_="flex-scroll", role="region", aria_label=label, tabindex="0")
    optional = {column.key for column in table.columns if column.is_optional}
    for key, sentence in table.explain_dashes().items():  # a phone leaves it out where it leaves out the column
        box += render_element("p", escape(sentence), class_=f"lede{' extra' * (key in optional)}")
    if not table.summary:
        return box
    return render_element("details", render_element("summary", escape(table.opening)) + box, class_="flex-details")


def _render_heading(column: Column) -> str:
    """What is only drawn has none; one of several words has room for two of them in a line."""
    if not column.heading:
        return render_element("td", "", class_=_name_classes(column))
    words = " words" * (column.title.count(" ") > 1)
    heading = column.title.replace("vs ", "vs\u00a0")  # no line ends there
    return render_element("th", escape(heading), class_=(_name_classes(column) + words).strip(), scope="col")


def _is_dense(table: Table) -> bool:
    """Whether the numbers that a phone shows leave too little room for the names, and are written smaller."""
    shown = [column for column in table.columns if column.kind in NUMBERS and not column.is_optional]
    widths = []
    for column in shown:
        values = (*(row.get(column.key) for row in table.rows), table.sum_column(column))
        heads = (HEAD_LETTER * len(word) for word in column.title.split())
        widths.append(max(*heads, *(len(format_value(value, column.kind)) for value in values), 0))
    return sum(widths) > ROOM_FOR_NUMBERS


def render_spark(amounts: Sequence[int | None], colour: str) -> str:
    """A small line of amounts, the first day left, interrupted where one is not known; a dash for fewer than two."""
    if sum(amount is not None for amount in amounts) < 2:
        return UNKNOWN
    top, step = max(1, *(amount or 0 for amount in amounts)), (SPARK_WIDTH - 2) / (len(amounts) - 1)
    parts: list[list[str]] = [[]]
    for number, amount in enumerate(amounts):
        if amount is None:
            parts.append([])
        else:
            parts[-1].append(f"{1 + number * step:.1f},{SPARK_HEIGHT - 1 - (SPARK_HEIGHT - 2) * amount / top:.1f}")
    style = f"stroke:{css_colour(colour)};stroke-width:1.5"
    line = "".join(
        f'<polyline points="{" ".join(part)}" fill="none" style="{style}"/>'
        if len(part) > 1
        else f'<polyline points="{part[0]} {part[0]}" fill="none" style="{style};stroke-linecap:round"/>'  # a dot
        for part in filter(None, parts)
    )
    return (
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" width="{SPARK_WIDTH}" '
        f'height="{SPARK_HEIGHT}" aria-hidden="true">{line}</svg>'
    )


def _colour_rows(table: Table) -> list[str]:
    """The colour of each line: that of its name in the charts; where no column is a series, the table's for single
    lines and none for those that stand for several, which would dwarf them."""
    series = next((column for column in table.columns if column.is_series), None)
    if series is None:
        return ["" if place in table.others else table.bar_colour for place in range(len(table.rows))]
    names = {row[series.key] for place, row in enumerate(table.rows) if place not in table.others}
    slots = assign_colours(names if table.coloured is None else table.coloured)
    return [
        OTHER if place in table.others else slots.get(row[series.key], OTHER) for place, row in enumerate(table.rows)
    ]


def _find_longest(table: Table, column: Column, colours: Sequence[str]) -> Decimal | int:
    if column.kind is not Kind.BAR:
        return 0
    amounts = [row[column.key] or 0 for row, colour in zip(table.rows, colours, strict=True) if colour]
    return max(amounts, default=0) or 1


def _render_cell(column: Column, row: Row, colour: str, longest: Decimal | int) -> str:
    value = row.get(column.key)
    if column.kind is Kind.BAR:
        width = f"{100 * (value or 0) / longest:.1f}"
        return f'<i class="bar" style="width:{width}%;background:{css_colour(colour)}"></i>' if colour and value else ""
    if column.kind is Kind.SPARK:
        return render_spark(value or (), colour)
    text = _render_value(value, column.find_kind(row))
    if column.link and (address := row.get(column.link)):
        text = render_element("a", text, href=str(address))
    if column.is_series and colour:
        text = f'<i class="key" style="background:{css_colour(colour)}"></i>{text}'
    note = format_weekday(value) if value is not None and is_day(value, column) else row.get(column.note)
    return f"{text} <small>{escape(note)}</small>" if note else text


def _render_value(value: object, kind: Kind) -> str:
    text = escape(format_value(value, kind))
    if kind is Kind.CHANGE and isinstance(value, int):
        # More and less have the colours of cost, not of good and bad.
        return render_element("span", text, class_="more" if value > 0 else "less" if value < 0 else "same")
    if kind is Kind.CHANGE and value == NEW:
        return render_element("b", text, class_="new")
    return text


def _wrap_cell(column: Column, content: str) -> str:
    words = re.split(r"[\s-]+", unescape(re.sub("<[^>]+>", " ", content)))
    long = " long" * (column.kind not in NUMBERS and max(map(len, words)) >= LONG_WORD)
    return render_element("td", content, class_=(_name_classes(column) + long).strip())


def _name_classes(column: Column) -> str:
    named = {"n": column.kind in NUMBERS, "extra": column.is_optional, "kept": column.is_kept}
    return " ".join(name for name, is_so in named.items() if is_so)
