"""A chart of a page as a picture for slides: its title, its legend and its source in it, as SVG and as PNG."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from flexlib.page.kit.markup import escape, render_element
from flexlib.page.kit.theme import LIGHT
from flexlib.tables.document import Picture

MARGIN = 28
TITLE, TEXT, SOURCE = 22, 14, 12
"""Sizes of letters in pixels."""
LETTER = 0.58
"""How wide a letter is, on the average, as a part of its size; of DejaVu, which is wider than most."""
FONTS = "'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif"
ZOOM = 2
"""Pixels of a PNG to one of the page: sharp on a projector of today."""


def compose_picture(picture: Picture, title: str, source: str) -> str:
    """The chart as a file of SVG that is whole by itself, in the page's colours on white."""
    width, height = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', picture.svg)[0])
    inner = re.sub(r"^<svg[^>]*>(<title.*?</desc>)?|</svg>$", "", picture.svg, flags=re.DOTALL)
    inner = re.sub(r"var\(--flex-[\w-]+,(#[0-9a-f]{6})\)", r"\1", inner)
    whole = width + 2 * MARGIN
    lines: list[str] = []
    y = float(MARGIN)
    for line in textwrap.wrap(title, int(width / (TITLE * LETTER * 1.1))):
        y += TITLE * 1.2
        lines.append(_write(line, MARGIN, y, TITLE, "ink", weight="bold"))
    for line in textwrap.wrap(picture.title, int(width / (TEXT * LETTER))):
        y += TEXT * 1.6
        lines.append(_write(line, MARGIN, y, TEXT, "soft"))
    legend, rows = _place_legend(picture, width)
    y += TEXT
    for x, row, text, colour in legend:
        top = y + row * TEXT * 1.7
        box = f'<rect x="{MARGIN + x:g}" y="{top:g}" width="12" height="12" rx="3" fill="{LIGHT.get(colour, colour)}"/>'
        lines += [box, _write(text, MARGIN + x + 18, top + 11, TEXT - 1, "ink")]
    y += rows * TEXT * 1.7 + TEXT
    lines.append(f'<g transform="translate({MARGIN},{y:g})">{inner}</g>')
    y += height + TEXT / 2
    for line in textwrap.wrap(source, int(width / (SOURCE * LETTER))):
        y += SOURCE * 1.5
        lines.append(_write(line, MARGIN, y, SOURCE, "soft"))
    whole_height = round(y + MARGIN)
    words = render_element("title", escape(title)) + render_element("desc", escape(picture.description))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole_height}" width="{whole}" '
        f'height="{whole_height}" font-family="{FONTS}" role="img">{words}\n'
        f'<rect width="{whole}" height="{whole_height}" fill="{LIGHT["paper"]}"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def draw_png(svg: str) -> bytes:
    """The picture of `compose_picture` as PNG, twice its size; its letters are those that come with matplotlib, so that
    it is the same on every machine."""
    import matplotlib as mpl
    import resvg_py

    fonts = sorted(map(str, Path(mpl.get_data_path(), "fonts", "ttf").glob("DejaVuSans*.ttf")))
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, zoom=ZOOM, skip_system_fonts=True, font_files=fonts, sans_serif_family="DejaVu Sans"
        )
    )


def _place_legend(picture: Picture, width: int) -> tuple[list[tuple[float, int, str, str]], int]:
    """Each entry with its place in a line, its line, text and colour; and how many lines there are."""
    placed, x, row = [], 0.0, 0
    for text, colour in picture.legend:
        room = 18 + len(text) * (TEXT - 1) * LETTER + 22
        if x and x + room > width:
            x, row = 0.0, row + 1
        placed.append((x, row, text, colour))
        x += room
    return placed, row + 1 if placed else 0


def _write(text: str, x: float, y: float, size: int, colour: str, weight: str = "normal") -> str:
    look = f'font-size="{size}" font-weight="{weight}" fill="{LIGHT[colour]}"'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(text)}</text>'


def name_picture(picture: Picture, stem: str) -> str:
    """`llm_usage_spend-days`, of the chart `chart-spend-days` of that page."""
    return f"{stem}_{picture.name.removeprefix('chart-')}"
