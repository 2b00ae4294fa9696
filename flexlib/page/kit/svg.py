"""A matplotlib figure as SVG text for a page: small, the same in every run, in the page's own colours and letters."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET  # noqa: N817  # as everybody writes it
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from flexlib.page.kit.markup import escape, render_element
from flexlib.page.kit.theme import LIGHT, css_colour

STYLE: Any = {
    "svg.fonttype": "none",  # letters stay letters: they can be found, selected and read out
    "svg.hashsalt": "flexlib",
    "text.parse_math": False,  # a $ in a name is a $
    "path.simplify": False,  # every point of a frame is drawn
    "font.size": 12.5,
    "axes.linewidth": 1,
    "axes.edgecolor": LIGHT["soft"],
    "axes.labelcolor": LIGHT["soft"],
    "text.color": LIGHT["soft"],
    "xtick.color": LIGHT["soft"],
    "ytick.color": LIGHT["soft"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "axes.grid": True,
    "grid.color": LIGHT["line"],
    "grid.linewidth": 1,
    "lines.linewidth": 2,
    "patch.linewidth": 0,
}

LETTER = 7
"""CSS pixels that a letter beside an axis is wide, on the average."""

POINTS = 72
"""Of matplotlib, to the inch; one point of a figure is one CSS pixel of the page."""

TIP = "tip "

NAMES = {colour: name for name, colour in LIGHT.items()}

DEFAULTS = {
    "font-weight": {"400", "normal"},
    "fill-opacity": {"1"},
    "stroke-linejoin": {"miter"},
    "stroke-linecap": {"butt"},
    "stroke-width": {"1"},
    "text-anchor": {"start"},
}
"""Style that is not written because a browser has it anyway."""


def new_figure(width: int, height: int) -> Figure:
    """An empty figure of so many CSS pixels; use it inside `matplotlib.rc_context(STYLE)`."""
    figure = Figure(figsize=(width / POINTS, height / POINTS))
    FigureCanvasSVG(figure)
    return figure


def add_tooltip(artist: Artist, tip: str) -> None:
    """Gives what is drawn a `tip` that a browser shows under the mouse."""
    artist.set_gid(TIP + tip)


def render_svg(figure: Figure, name: str, title: str, description: str, class_: str) -> str:
    """The figure as one `<svg>` with `title` and `description` for those who do not see it; `name` must be unique.

    Colours of the theme become its CSS variables, fonts the page's. Nothing in it has a date, a random id or a link.
    """
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    root = ET.fromstring(buffer.getvalue())
    width, height = (round(float(number)) for number in root.attrib["viewBox"].split()[2:])
    words = render_element("title", escape(title), id=f"{name}-title")
    words += render_element("desc", escape(description), id=f"{name}-desc")
    return render_element(
        "svg",
        "\n".join([words, *_render_shapes(root, "")]),
        class_=class_,
        viewBox=f"0 0 {width} {height}",
        width=str(width),
        height=str(height),
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def _render_shapes(node: ET.Element, tip: str) -> Iterator[str]:
    for child in node:
        kind = child.tag.rpartition("}")[2]
        if kind == "g":
            gid = child.get("id", "")
            yield from _render_shapes(child, gid.removeprefix(TIP) if gid.startswith(TIP) else tip)
        elif kind == "path" and "d" not in child.attrib:
            continue  # it lies outside the axes, or is of no number: nothing of it is seen
        elif kind == "path" and (style := _render_style(child.get("style", ""))) != "fill:none":
            inside = render_element("title", escape(tip)) if tip else ""
            yield render_element("path", inside, d=_render_path(child.attrib["d"]), style=style)
        elif kind == "text":
            place = {axis: _render_number(child.attrib[axis]) for axis in "xy"}
            yield render_element("text", escape(child.text or ""), **place, style=_render_style(child.get("style", "")))
        elif kind == "use":
            raise ValueError("a shape that is drawn once and used again needs ids: draw it as a plain path")


def _render_path(path: str) -> str:
    commands = re.findall(r"([A-Za-z])([^A-Za-z]*)", path)
    return "".join(kind + " ".join(map(_render_number, numbers.split())) for kind, numbers in commands)


def _render_style(style: str) -> str:
    pairs = (item.split(":", 1) for item in style.split(";") if item.strip())
    kept = {name.strip(): value.strip() for name, value in pairs}
    written = {
        name: re.sub("#[0-9a-f]{6}", lambda match: _name_colour(match[0]), value)
        for name, value in kept.items()
        if name != "font-family" and value not in DEFAULTS.get(name, ())
    }
    return ";".join(f"{name}:{value}" for name, value in written.items())


def _name_colour(colour: str) -> str:
    return css_colour(NAMES[colour]) if colour in NAMES else colour


def _render_number(number: str) -> str:
    tenths = round(float(number), 1) + 0.0  # no -0
    return f"{tenths:g}" if abs(tenths) < 100_000 else f"{tenths:.1f}"
