"""What was found of a page that was held against its inputs, or of a file against what was noted of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from flexlib.i18n import mark_text
from flexlib.report.moved import Moved


class Verdict(Enum):
    """What was found of a page, or of a file beside it, which is not made again."""

    SAME = mark_text("SAME")
    NOT_VERIFIED = mark_text("NOT VERIFIED")
    """There is no manifest, no page, or what it was made of is no longer stored."""
    DIFFERS = mark_text("DIFFERS")
    AS_MADE = mark_text("AS MADE")
    NOT_CHECKED = mark_text("NOT CHECKED")
    """A file of which nothing was noted."""
    CHANGED = mark_text("CHANGED")
    FAILED = mark_text("FAILED")
    """A notebook that failed: no page, of which nothing could be held against anything; what failed said so then."""

    @property
    def exit_code(self) -> int:
        codes = {Verdict.NOT_VERIFIED: 3, Verdict.NOT_CHECKED: 3, Verdict.DIFFERS: 4, Verdict.CHANGED: 4}
        return codes.get(self, 0)


@dataclass(frozen=True)
class Verified:
    """A page that was held against its inputs, or a file against what was noted of it."""

    page: Path
    verdict: Verdict
    sentences: tuple[str, ...]
    inputs: tuple[Moved, ...] = ()
    figures: tuple[Moved, ...] = ()
    exit_code: int = field(default=0)
    """Of a page that could not be made again, that of the error; else the verdict's."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "exit_code", self.exit_code or self.verdict.exit_code)
