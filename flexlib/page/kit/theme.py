"""The colours of every chart, table and page: one for each model, the same in all of them and in every month.

A model line has a hue, its stronger variant (thinking, high effort) the darker shade. Any two of the model colours are
at least 0.08 apart in OKLab, also for people who see no red, no green or no blue.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files

LAB_STYLE = "flex-lab"
"""The class of the style that JupyterLab needs and a page of its own must not have."""

LAB = ".jp-RenderedHTMLCommon"

OTHER = "other"
"""The slot of all models that have no colour of their own."""

LIGHT = {
    "blue1": "#323298",
    "blue2": "#6692ea",
    "teal1": "#136863",
    "teal2": "#6bd6b2",
    "amber1": "#82500d",
    "amber2": "#d99e0f",
    "purple1": "#9446ce",
    "purple2": "#ecb0ff",
    "rose1": "#7d0a29",
    "rose2": "#ed616a",
    "lime1": "#6e8c07",
    "lime2": "#b1d96b",
    OTHER: "#9aa3af",
    "ink": "#1a2130",
    "soft": "#5d6879",
    "line": "#e3e6eb",
    "paper": "#ffffff",
    "card": "#f6f7f9",
    "accent": "#3552c8",
    "heat": "#3451c6",
    "on-heat": "#fefefe",
    "on-pale": "#010101",
    "before": "#8b94a3",
    "more": "#a94f08",
    "less": "#17734f",
    "good": "#0d6e47",
    "good-paper": "#e6f5ed",
    "warn": "#8a5200",
    "warn-paper": "#fdf1dc",
    "bad": "#a8201a",
    "bad-paper": "#fdebe9",
}
"""Each colour by its name: model slots, text and paper, up and down in cost, the states of a certificate."""

DARK = {
    "blue1": "#5859d3",
    "blue2": "#90abfd",
    "teal1": "#2aac81",
    "teal2": "#7bfcd3",
    "amber1": "#bc6f26",
    "amber2": "#f8bf6a",
    "purple1": "#aa70e0",
    "purple2": "#d2c5f7",
    "rose1": "#bd3044",
    "rose2": "#f488b7",
    "lime1": "#9dad16",
    "lime2": "#cdff8c",
    OTHER: "#737c89",
    "ink": "#e9ebf0",
    "soft": "#9ba5b4",
    "line": "#2b323d",
    "paper": "#12161d",
    "card": "#1a2029",
    "accent": "#7f9cff",
    "heat": "#4a68e4",
    "on-heat": "#fefefe",
    "on-pale": "#fdfdfd",
    "before": "#6f7a8a",
    "more": "#f2a661",
    "less": "#63cca0",
    "good": "#7fdcb1",
    "good-paper": "#15302a",
    "warn": "#f5c06b",
    "warn-paper": "#3a2c12",
    "bad": "#ff9d94",
    "bad-paper": "#401d1c",
}

SLOTS = tuple(name for name in LIGHT if re.fullmatch(r"[a-z]+[12]", name))
"""The colours that a model can have."""

LINES = (
    (r"claude sonnet 4\.5|claude 3\.5|haiku", "rose"),
    (r"claude sonnet|claude [45]", "blue"),
    (r"claude", "purple"),
    (r"gpt-5(?!.*codex)", "teal"),
    (r"gpt|codex|^o\d", "lime"),
    (r"gemini|grok", "amber"),
)
"""The hue of a model line, by the first pattern that its name has; models of one time differ where they can."""

WEAK = re.compile(r"\b(no|low|medium|minimal|mini|flash|fast)\b", re.I)
STRONG = re.compile(r"\b(thinking|high|xhigh|max|pro)\b", re.I)


def assign_colours(models: Iterable[str]) -> dict[str, str]:
    """The slot of each model, no two alike while there are slots; the order of `models` changes nothing.

    A model has the slot that its name gives it. Only where two want the same one, the later by name takes the next.
    """
    slots: dict[str, str] = {}
    for model in sorted(set(models)):
        first = SLOTS.index(_prefer_slot(model))
        turns = SLOTS[first:] + SLOTS[:first]
        slots[model] = next((slot for slot in turns if slot not in slots.values()), OTHER)
    return slots


def css_colour(name: str) -> str:
    """A colour for CSS that follows the page: `var(--flex-blue1,#323298)`, the light one where no page gives any."""
    return f"var(--flex-{name},{LIGHT[name]})"


def render_page_style() -> str:
    """The CSS of everything that is shown, for a page of its own: dark where the reader's system is, never on paper."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_render_variables(DARK)}}}}}"
    return f":root{{{_render_variables(LIGHT)}}}\n{dark}\n{_read_pieces()}"


def render_lab_style() -> str:
    """The same for JupyterLab, which is dark when its own theme is, whatever the reader's system is."""
    dark = f"[data-jp-theme-light=false]{{{_render_variables(DARK)}}}"
    # JupyterLab styles tables and lists itself; twice its class weighs more than what it says.
    return f":root{{{_render_variables(LIGHT)}}}\n{dark}\n:is({LAB}{LAB},body){{{_read_pieces()}}}"


def _render_variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--flex-{name}:{colour};" for name, colour in colours.items())


def _read_pieces() -> str:
    return (files("flexlib") / "templates" / "flexlib" / "pieces.css").read_text("utf-8")


def _prefer_slot(model: str) -> str:
    hue = next((hue for pattern, hue in LINES if re.search(pattern, model, re.I)), None)
    if hue is None:
        # Not hash(): that one is another in every process.
        return SLOTS[int.from_bytes(hashlib.blake2b(model.encode(), digest_size=2).digest()) % len(SLOTS)]
    shade = 1 if STRONG.search(model) and not WEAK.search(model) else 2
    return f"{hue}{shade}"
