"""What a mail of a month holds, before it is written as HTML and as text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl

from flexlib.i18n import _
from flexlib.page.kit.chart import Chart
from flexlib.page.kit.parts import StateBadge
from flexlib.page.kit.svg import POINTS, STYLE
from flexlib.page.kit.theme import LIGHT
from flexlib.tables.definition import Column, Table

PICTURE_WIDTH = 460
"""CSS pixels at which a chart is drawn for a mail: its letters are read on a phone of 320, where it is 288 wide."""
SHARPNESS = 2
"""Pixels of a picture for each CSS pixel, as screens of phones have them."""
MOST_COLUMNS = 5
"""Of a table: more have no room in 600 pixels."""


@dataclass(frozen=True)
class Card:
    """A headline number."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A chart as PNG, with what its colours stand for."""

    name: str
    """Unique in the mail."""
    png: bytes
    title: str
    description: str
    legend: Sequence[tuple[str, str]] = ()
    """A text, and its colour as `#323298`."""


@dataclass(frozen=True)
class Section:
    """What is seen, a line on it, and what shows it."""

    heading: str
    note: str = ""
    picture: Picture | None = None
    table: Table | None = None


@dataclass(frozen=True)
class MailPage:
    """All that one mail says."""

    subject: str
    over: str
    """What kind of page it is, above the title."""
    title: str
    badge: StateBadge
    read: str
    """When its numbers were read."""
    warnings: Sequence[str]
    """What is missing, or has changed since an earlier mail."""
    cards: Sequence[Card]
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    """What else the reader has to know, at the end."""
    is_demo: bool = False


def draw_picture(chart: Chart) -> Picture:
    """The chart as PNG on white paper, the same bytes for the same chart."""
    out = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = chart.draw(PICTURE_WIDTH)
        figure.savefig(out, format="png", dpi=POINTS * SHARPNESS, facecolor=LIGHT["paper"], metadata={"Software": None})
    legend = [(text, LIGHT[colour]) for text, colour in chart.legend]
    return Picture(chart.name, out.getvalue(), _(chart.title), chart.description, legend)


def list_columns(table: Table) -> list[Column]:
    """The columns that a mail has room for: those that a phone has, too."""
    return [column for column in table.written_columns if not column.is_optional][:MOST_COLUMNS]
