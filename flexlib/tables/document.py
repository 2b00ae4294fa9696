"""What a report holds, read back from its executed notebook: title, state, finished tables, charts, facts, definitions.

Every file beside the page is written from it, so that none of them sums anything again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flexlib.errors import NotebookFailed
from flexlib.i18n import _
from flexlib.tables.definition import Table
from flexlib.tables.frozen import KEPT_TYPE, thaw_table

HIDDEN = {"analyst", "remove_cell"}
"""Tags of cells that a page leaves out."""


@dataclass(frozen=True)
class Picture:
    """A chart as the page shows it."""

    name: str
    title: str
    description: str
    legend: Sequence[tuple[str, str]]
    """What each colour of the theme stands for."""
    svg: str


@dataclass(frozen=True)
class Section:
    """What stands under one heading."""

    heading: str
    note: str
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Document:
    """A report. Texts are in the language of its page."""

    title: str
    month: str
    """Or what else it is of, as the page writes it."""
    state: str = ""
    over: str = ""
    """What stands above the title."""
    summary: str = ""
    """What the state rests on."""
    missing: Sequence[str] = ()
    is_demo: bool = False
    cards: Sequence[tuple[str, str, str]] = ()
    """Headline numbers: name, value and note."""
    sections: Sequence[Section] = ()
    facts: Sequence[tuple[str, str]] = ()
    """The proof."""
    notes: Sequence[str] = ()
    definitions: Sequence[str] = field(default=())
    code: str = ""
    """That of the state, as certificates have it."""

    @property
    def name(self) -> str:
        """`LLM spend, September 2025`."""
        return ", ".join(filter(None, (self.title, self.month)))

    @property
    def tables(self) -> list[Table]:
        return [table for section in self.sections for table in section.tables]


def read_document(page: Path) -> Document:
    """The report whose page this is. Raises `NotebookFailed` where its notebook kept nothing, as one that shows no
    piece of flexlib does."""
    cells = json.loads(page.with_suffix(".ipynb").read_text("utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    parts = [(part, "".join(data.get("text/html", ""))) for data in outputs for part in data.get(KEPT_TYPE, ())]
    if not parts:
        raise NotebookFailed(
            _(
                "{page} holds no table of flexlib, so there is nothing to write beside it; show its tables by "
                "show_section of flexlib.page.kit.parts."
            ).format(page=page)
        )
    of_kind: dict[str, list[Mapping[str, Any]]] = {}
    for part, _html in parts:
        of_kind.setdefault(part["part"], []).append(part)
    title = next(iter(of_kind.get("title", ())), {})
    facts = of_kind.get("facts", [])
    return Document(
        title.get("title", page.stem),
        title.get("month", ""),
        title.get("state", ""),
        title.get("over", ""),
        title.get("summary", ""),
        title.get("missing", ()),
        bool(title.get("is_demo")),
        [tuple(card) for part in of_kind.get("cards", ()) for card in part["cards"]],
        [_read_section(part, html) for part, html in parts if part["part"] == "section"],
        [(name, text) for part in facts for name, text in part["facts"]],
        [note for part in facts for note in part["notes"]],
        list(_list_definitions(cells)),
        title.get("code", ""),
    )


def _read_section(part: Mapping[str, Any], html: str) -> Section:
    tables = [thaw_table(one["table"]) for one in part["shown"] if "table" in one]
    pictures = [_read_picture(one["chart"], html) for one in part["shown"] if "chart" in one]
    return Section(part["heading"], part["note"], tables, [one for one in pictures if one.svg])


def _read_picture(chart: Mapping[str, Any], html: str) -> Picture:
    found = re.search(
        rf'<svg class="wide"[^>]*aria-labelledby="{re.escape(chart["name"])}-title .*?</svg>', html, re.DOTALL
    )
    legend = [(text, colour) for text, colour in chart["legend"]]
    return Picture(chart["name"], chart["title"], chart["description"], legend, found[0] if found else "")


def _list_definitions(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The items of the prose that the page shows, without the marks of its form."""
    for cell in cells:
        if cell["cell_type"] != "markdown" or HIDDEN.intersection(cell["metadata"].get("tags") or ()):
            continue
        prose = "".join(cell["source"])
        for item in re.split(r"\n(?=- )", _(prose))[1:]:
            yield re.sub(r"\*\*|(?<!\w)\*|\*(?!\w)|`", "", " ".join(item.removeprefix("- ").split()))
