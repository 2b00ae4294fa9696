"""What a chart is: a figure drawn at two widths, for a page and for a phone, where letters keep their size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flexlib.i18n import _, find_language
from flexlib.page.kit.markup import POLICY, Piece, escape, render_element
from flexlib.page.kit.svg import LETTER, POINTS, STYLE, render_svg
from flexlib.page.kit.theme import css_colour, render_page_style
from flexlib.store.disk import ANYWHERE, report_disk, write_whole

WIDE, HALF, NARROW = 1040, 500, 358
"""Widths in CSS pixels: the page, half of it, a phone of 390."""

PAPER_LETTER = 8
"""As `LETTER` on paper, where letters beside a wide chart are larger."""


@dataclass(repr=False, eq=False)
class Chart(Piece):
    """One chart as Jupyter shows it: a `<figure>` with its SVG, its `title` and `description` for who cannot see it."""

    name: str
    title: str
    description: str
    draw: Callable[[int], Figure]
    """Draws it at a width in CSS pixels."""
    width: int = WIDE
    legend: Sequence[tuple[str, str]] = ()
    """What each colour of the theme stands for."""
    coloured: frozenset[str] = frozenset()
    """The models that have a colour of their own, which a table beside it gives them, too."""
    is_labelled: bool = False
    """Whether the columns say what they are, as drawn for a page: then only a phone has the legend."""

    @cached_property
    def figure(self) -> Figure:
        """As the page shows it."""
        return self._draw_at(self.width)

    @cached_property
    def narrow_figure(self) -> Figure:
        """As a phone shows it."""
        return self._draw_at(NARROW)

    def save(self, file: str | Path) -> Path:
        """Writes it as a page of its own, with its legend, for where no notebook shows it: `plot().save("days.html")`.
        Raises `DiskFailed`."""
        path = Path(file)
        text = (
            f'<!doctype html>\n<html lang="{find_language()}">\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(_(self.title))}</title>\n"
            f"<style>body {{ max-width: {WIDE}px; margin: 1.5rem auto; padding: 0 1rem; font-family: sans-serif; "
            f"background: var(--flex-paper); color: var(--flex-ink); }}\n{render_page_style()}</style>\n"
            f"<h1>{escape(_(self.title))}</h1>\n{self.render_html()}\n</html>\n"
        )
        with report_disk(path, ANYWHERE):
            write_whole(path, text)
        return path

    def render_html(self) -> str:
        said = _(self.title), self.description
        wide = render_svg(self.figure, self.name, *said, "wide")
        narrow = render_svg(self.narrow_figure, f"{self.name}-narrow", *said, "narrow")
        return render_element("figure", f"{self._render_legend()}{wide}\n{narrow}", class_="flex-chart", id=self.name)

    def _draw_at(self, width: int) -> Figure:
        with mpl.rc_context(STYLE):
            return self.draw(width)

    def _render_legend(self) -> str:
        if not self.legend:
            return ""
        items = (
            f'<li><i style="background:{css_colour(colour)}"></i>{escape(text)}</li>' for text, colour in self.legend
        )
        return render_element("ul", "".join(items), class_=f"flex-legend{' phone' * self.is_labelled}") + "\n"


def add_axes(figure: Figure, left: int, right: int, top: int, height: int) -> Axes:
    """Axes between the margins `left` and `right`, `top` below the upper edge; all in CSS pixels."""
    width, full = (round(inches * POINTS) for inches in figure.get_size_inches())
    return figure.add_axes((left / width, 1 - (top + height) / full, (width - left - right) / width, height / full))


def size_letter(width: int) -> int:
    """CSS pixels to leave for a letter beside the axis of a chart of that width, on paper too."""
    return LETTER if width == NARROW else PAPER_LETTER
