"""What the files of `flexlib export` and `flexlib report --with` are written from, and what was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.i18n import speak

if TYPE_CHECKING:
    from flexlib.front.spend import Spend
    from flexlib.tables.document import Document

DIALECTS = ("plain", "es-CL")


@dataclass(frozen=True)
class Source:
    """What a file is written from: a month's charges, a page, or both; each read once, and only where it is needed."""

    load_spend: Callable[[], Spend | None]
    """None where the page is of no single month."""
    make_page: Callable[[], Path]
    is_private: bool = False
    """Whether people stand in it by name."""
    dialect: str = DIALECTS[0]
    """How numbers stand in a CSV."""
    is_shared: bool = False
    """Whether everybody may see it: with no rows finer than those of the page."""
    language: str | None = None
    """That of the page, where it is another than the reader's."""
    load_compared: Callable[[], Spend | None] = lambda: None
    """The month together with the one that the page holds it against; None where it holds it against none."""

    @cached_property
    def spend(self) -> Spend | None:
        return self.load_spend()

    @cached_property
    def page(self) -> Path:
        return self.make_page()

    @cached_property
    def document(self) -> Document:
        from flexlib.tables.document import read_document

        page = self.page
        with speak(self.language):
            return read_document(page)


@dataclass(frozen=True)
class Exported:
    """What was written."""

    files: Sequence[Path]
    rows: int | None = None
    """Charges in it; None where it holds tables."""
    usd: Decimal | None = None
    """Summed from the file itself."""
    notes: tuple[str, ...] = ()
    """Sentences on what is not in it."""
