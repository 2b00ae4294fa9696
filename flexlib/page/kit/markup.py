"""Pieces of HTML that Jupyter shows: finished text, and tables made of columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape


class Piece:
    """Something that Jupyter shows as HTML. Its text form is short and the same in every run, so that nbval holds."""

    name: str

    def render_html(self) -> str:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.render_html()

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} {self.name}>"


@dataclass(frozen=True, repr=False)
class Html(Piece):
    """A finished piece of HTML under a name."""

    name: str
    text: str

    def render_html(self) -> str:
        return self.text


@dataclass(frozen=True)
class Column:
    """A column's head and its cells as HTML, one a line and one for the total line."""

    head: str
    cells: Sequence[str]
    total: str = ""
    is_number: bool = False
    is_extra: bool = False
    """Whether a phone leaves it out."""

    @property
    def class_(self) -> str:
        return " ".join(["n"] * self.is_number + ["extra"] * self.is_extra)


@dataclass(frozen=True, repr=False)
class Table(Piece):
    """One table; behind a line to be opened when it has a `summary`, and then nothing at all without a line."""

    name: str
    caption: str
    """What it holds, for those who do not see it."""
    columns: Sequence[Column]
    summary: str = ""
    others: frozenset[int] = field(default=frozenset())
    """The lines that stand for several."""

    def render_html(self) -> str:
        heads = "".join(_write_cell("th", column.head, column, scope="col") for column in self.columns)
        lines = []
        for number, cells in enumerate(zip(*(column.cells for column in self.columns), strict=True)):
            line = "".join(_write_cell("td", cell, column) for cell, column in zip(cells, self.columns, strict=True))
            lines.append(render_element("tr", line, **({"class_": "others"} if number in self.others else {})))
        if self.summary and not lines:
            return ""
        total = "".join(_write_cell("td", column.total, column) for column in self.columns)
        table = render_element(
            "table",
            render_element("caption", escape(self.caption))
            + render_element("thead", render_element("tr", heads))
            + render_element("tbody", "\n".join(lines))
            + render_element("tfoot", render_element("tr", total)),
            class_="flex-table",
            id=self.name,
        )
        # A box of its own to scroll in; with a tab stop, or the keyboard could not scroll it.
        box = render_element("div", table, class_="flex-scroll", role="region", aria_label=self.caption, tabindex="0")
        if not self.summary:
            return box
        return render_element("details", render_element("summary", escape(self.summary)) + box, class_="flex-details")


def render_element(tag: str, content: str, **attributes: str) -> str:
    """`<tag class="...">content</tag>`: `content` is HTML, attribute values are escaped; `class_` means class."""
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(text)}"' for name, text in attributes.items())
    return f"<{tag}{written}>{content}</{tag}>"


def join_pieces(pieces: Iterable[Piece]) -> str:
    """The HTML of all, one after the other."""
    return "\n".join(piece.render_html() for piece in pieces)


def _write_cell(tag: str, content: str, column: Column, **attributes: str) -> str:
    return render_element(tag, content, **({"class_": column.class_} if column.class_ else {}), **attributes)
