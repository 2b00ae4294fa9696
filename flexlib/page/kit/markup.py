"""Pieces of HTML that Jupyter shows."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flexlib.formats import clean_lines
from flexlib.names import show_people
from flexlib.page.kit.kept import KeptPart, write_kept

STATE_TYPE = "application/vnd.flexlib.state+json"
"""The type under which a notebook's output says what a script asks of a report: its state, and what is missing."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""What a browser may take for a page: its own styles, and pictures that stand in it."""


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
    for_scripts: Mapping[str, Any] | None = None
    """What it says to a script, beside what it shows."""
    kept: Sequence[KeptPart] = ()
    """What a report keeps of it as data."""

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        said = {} if self.for_scripts is None else {STATE_TYPE: dict(self.for_scripts)}
        return said | write_kept(self.kept)

    def render_html(self) -> str:
        return self.text


def join_kept(pieces: Iterable[Piece]) -> list[KeptPart]:
    """What a report keeps of several pieces."""
    return [part for piece in pieces if isinstance(piece, Html) for part in piece.kept]


def escape(text: str) -> str:
    """A text as HTML shows it, whoever wrote it: no letter of it is markup, or turns the letters around it."""
    return _escape_plain(show_people(text))


def _escape_plain(text: str) -> str:
    return html.escape(clean_lines(text))


def render_element(tag: str, content: str, **attributes: str) -> str:
    """`<tag class="...">content</tag>`: `content` is HTML, attribute values are escaped; `class_` means class, and an
    empty class is left out."""
    if not attributes.get("class_", "-"):
        del attributes["class_"]
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_escape_plain(text)}"' for name, text in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>"
