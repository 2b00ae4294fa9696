"""What the lines of sums by a key are together, as a heading."""

from __future__ import annotations

from flexlib.formats import capitalize_first
from flexlib.i18n import _, mark_text

TITLES = {
    "user": mark_text("People"),
    "model": mark_text("Models"),
    "department": mark_text("Departments"),
    "team": mark_text("Teams"),
    "project": mark_text("Projects"),
    "cost_centre": mark_text("Cost centres"),
}


def title_key(key: str) -> str:
    """Of any other key its own name."""
    return _(TITLES[key]) if key in TITLES else capitalize_first(_(key.replace("_", " ")))
