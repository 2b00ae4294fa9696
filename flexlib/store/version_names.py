"""How a month, or a stored version of it, is named: `2025-09`, `2025-09@1`."""

from __future__ import annotations

import re

from flexlib.dates import Month


def read_version(text: str) -> tuple[Month, int | None]:
    """A month, and which version of it: `2025-09` or `2025-09@1`. Raises `BadMonth`."""
    name, _, version = text.partition("@")
    whole = name if re.fullmatch(r"(@[1-9]\d{0,8})?", text[len(name) :], re.ASCII) else text
    return Month.parse(whole), int(version) if version else None
