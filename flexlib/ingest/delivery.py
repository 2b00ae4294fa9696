"""What a source delivers of a month: its rows, what it could not take, what it counts itself, more facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flexlib.checks import MOST_UNPRICED
from flexlib.dates import Month
from flexlib.sources.registry import RefusedRow, Source

if TYPE_CHECKING:
    import pyarrow as pa

    from flexlib.store.version import People


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A month of one source; all but the first four may be left out."""

    source: Source
    month: Month
    read_at: datetime
    """When the reading began, UTC."""
    tables: Iterable[pa.Table]
    """Tables of the data set's schema, together sorted by its key; read once."""
    counts: Mapping[str, Any] | None = None
    """What the source itself counts and sums, by the names of a certificate, exact amounts as text. What it does not
    say is held against what was delivered."""
    code: str = "delivered"
    """What those counts are of, as in `checks.COMPARED`."""
    reasons: tuple[str, ...] = ()
    """Why the month is not reconciled even where the counts agree, as in `checks.REASONS`."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """The figures of those reasons."""
    refused: Sequence[RefusedRow] = ()
    """Rows that could not be taken: a gap. They are kept as they came, with the raw lines."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What is kept with each of them, such as the file."""
    raw: Iterable[str] = ()
    """Lines to keep beside the rows, with mode 0600."""
    beside: Sequence[Path] = ()
    """Files to keep beside the rows, whole once the tables have been read; they are moved."""
    people: People | None = None
    """E-mail and name by user key, kept with mode 0600; None: the source has none."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """More fields of the certificate."""
    most_unpriced: Decimal = MOST_UNPRICED
    """The largest share of a month's requests whose money may be unknown in a month of calls that is whole."""
    is_priced: bool = False
    """Whether the source has filled its amounts itself; else they are filled on the way."""
    renews: Literal["always", "until complete", "when changed"] = "until complete"
    """When a version with the same rows is stored again: because its answers are kept, because the month may still have
    grown, or never, as of a file, which never changes."""
