"""Every source of rows by its name: what it is called, what it brings, which command reads it, how far to trust it.

A new source is one file that delivers and one line here. Where a name is shown, stored or chosen, it comes from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from flexlib.commands import write_command
from flexlib.dates import Month
from flexlib.errors import BadParameter, shorten_values
from flexlib.i18n import _, mark_text
from flexlib.privacy import PrivacyGuard

Dataset = Literal["credits", "usage", "charges"]


@dataclass(frozen=True)
class Source:
    """One source of rows."""

    name: str
    """As commands and JSON say it; of usage and charges also the folder: `usage/<month>/<name>/`."""
    title: str
    """As a page calls it in a sentence."""
    dataset: Dataset
    command: str
    """What reads a month again; `{year}` and `{month}` stand for the month's."""
    evidence: str
    """What its figures can be held against, in a few words."""

    @property
    def short_command(self) -> str:
        """The command without its options, such as `flexlib close`."""
        return " ".join(self.command.split()[:2])

    def format_command(self, month: Month) -> str:
        """The command for one month.

        >>> LEDGER.format_command(Month(2025, 9))
        'flexlib close --year 2025 --month 9'
        """
        return write_command(self.command.format(year=month.year, month=month.month))


LONG_SECRET = re.compile(r"\b(?=[A-Za-z0-9+/]*\d)(?=[A-Za-z0-9+/]*[A-Za-z])[A-Za-z0-9+/]{28,}=*")
"""A long text of digits and letters alone may be a key of somebody."""


def clean_cell(text: str) -> str:
    """A text that quotes what stands in somebody's file, without what may be personal or secret in it.

    >>> clean_cell("prompt_tokens is not a whole number: ana@empresa.cl")
    'prompt_tokens is not a whole number: [email]'
    """
    return shorten_values(LONG_SECRET.sub("[key]", PrivacyGuard().mask_text(text)))


@dataclass(frozen=True, order=True)
class RefusedRow:
    """A row of a source that could not be taken."""

    line: int
    reason: str
    """Quotes nothing that may be personal or secret."""
    text: str
    """As the source has it; a row of Parquet as JSON."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", clean_cell(self.reason))

    @property
    def is_page(self) -> bool:
        """Whether it is no row, but a page beside which another one is missing."""
        return self.reason.endswith(ALL_PAGES)


ALL_PAGES = mark_text("import all pages in one command")
"""How the reason ends where what is refused is a page."""


@dataclass(frozen=True, order=True)
class RefusedFileRow(RefusedRow):
    """A row that could not be taken, and of which file it is."""

    file: str
    sha256: str


WINDSURF = Source(
    "windsurf",
    "Windsurf",
    "credits",
    "flexlib fetch --year {year} --month {month}",
    "the server's own sums, by two endpoints",
)
LEDGER = Source(
    "ledger",
    mark_text("the ledger"),
    "usage",
    "flexlib close --year {year} --month {month}",
    "the database's own sums; whether every call was recorded, it cannot say",
)
IMPORT = Source(
    "import",
    mark_text("imported files"),
    "usage",
    "flexlib import FILE --provider ... --model ...",
    "the file's own rows; whether they are all, it cannot say",
)

BILLS = Source(
    "bill-files",
    mark_text("imported bills"),
    "charges",
    "flexlib import FILE --from ...",
    "the bill's own rows, and the calls beside them",
)

_SOURCES = {source.name: source for source in (WINDSURF, LEDGER, IMPORT, BILLS)}


def register_source(source: Source) -> Source:
    """Makes the source known under its name, and gives it back. Raises `BadParameter` where another has that name."""
    if _SOURCES.setdefault(source.name, source) != source:
        raise BadParameter(
            _("there is a source {name!r} already; give the new one a name of its own.").format(name=source.name)
        )
    return source


def list_sources(dataset: Dataset | None = None) -> list[Source]:
    """Every known source, or those of one data set, in the order in which they were registered."""
    return [source for source in _SOURCES.values() if dataset in (None, source.dataset)]


def find_source(name: str) -> Source | None:
    """The source of that name; None for one that is stored, but not registered in this process."""
    return _SOURCES.get(name)


def name_source(name: str) -> str:
    """The title of a source; of one that is not registered its name.

    >>> name_source("import")
    'imported files'
    """
    source = find_source(name)
    return _(source.title) if source else name


def sort_sources(names: set[str]) -> list[str]:
    """The order in which a call that stands in several sources is counted: in the ledger, else the first by name."""
    return sorted(names, key=lambda name: (name != LEDGER.name, name))
