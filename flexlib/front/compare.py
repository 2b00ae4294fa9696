"""Two spans of stored months compared: the difference taken apart, with what it lacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pandas as pd

from flexlib.analysis.compare import NOTHING, Change, Use, take_apart
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.formats import format_count, format_span
from flexlib.front.months import compare_total
from flexlib.front.spend import Spend
from flexlib.proof import Certificate, State, find_worst
from flexlib.sources.registry import WINDSURF
from flexlib.store.snapshots import list_newest

UNITS = {"credits": "flex_credits", "usd": "usd", "clp": "clp"}
"""What can be compared or forecast, and the column of `Spend.by` that it is."""

Person = tuple[str, str]
"""A source and a user of it."""


@dataclass(frozen=True)
class Comparison:
    """What changed from one span to another, in one unit, and what is not in it."""

    before: Span
    after: Span
    unit: str
    change: Change
    """Its people are pairs of source and user, under pseudonyms unless names were asked for."""
    state: State
    certificates: tuple[Certificate, ...]
    """Those of both sides."""
    lacking: tuple[bool, bool]
    """Whether the sum of each side lacks calls whose amount is not known."""
    missing: tuple[str, ...]
    """What is not in the sums, or not certain in them, in sentences."""


def compare_spans(
    before: Span,
    after: Span,
    root: Path,
    *,
    of: str = "credits",
    names: bool = False,
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
) -> Comparison:
    """The change from `before` to `after`, whole months each, by source, user and model, from the data folder `root`.

    Developers' use is counted in requests, that of applications in tokens. Raises `InvalidRequest` for a unit that is
    none, days that are no months or spans that overlap; `SnapshotMissing` where a month is not stored.
    """
    if of not in UNITS:
        raise InvalidRequest(f"{of!r} cannot be compared; choose {', '.join(UNITS)}.")
    sides = [tuple(span.months) for span in (before, after)]
    for span, months in zip((before, after), sides, strict=True):
        if (months[0].first, months[-1].last) != (span.first, span.last):
            raise InvalidRequest(f"{span} is not made of whole months; compare months, or spans of them.")
    if twice := {*sides[0]} & {*sides[1]}:
        raise InvalidRequest(f"{min(twice)} is in both spans; compare months that are apart.")
    if absent := [month for months in sides for month in months if not list_newest(month, root)]:
        command = WINDSURF.format_command(absent[0])
        raise SnapshotMissing(f"Nothing of {absent[0]} is stored in {root}. Run: {command}, or import it.")
    whole = Span(min(before.first, after.first), max(before.last, after.last))
    months = tuple(sorted({*sides[0], *sides[1]}))
    spend = Spend(whole, zone, months, root, names, tolerance, numbered_by=sides[1])
    table = spend.by("month", "source", "user", "model")
    uses, unknown = zip(*(_collect_uses(table, months, of) for months in sides), strict=True)
    if not any(uses):
        raise InvalidRequest(f"neither {before} nor {after} has {UNITS[of]}; choose another with --of.")
    missing = [text for month in spend.loaded for text in month.list_problems()]
    if of != "credits":
        missing += [text for month in spend.loaded for text in compare_total(month)]
        lacks = "an amount in pesos" if of == "clp" else "a price"
        for span, count in zip((before, after), unknown, strict=True):
            if count:
                missing.append(f"{format_count(count, 'call')} of {format_span(span)} without {lacks} are left out.")
    state = find_worst({month.state for month in spend.loaded})
    lacking = (bool(unknown[0]), bool(unknown[1]))
    return Comparison(before, after, UNITS[of], take_apart(*uses), state, spend.certificates, lacking, tuple(missing))


def _collect_uses(table: pd.DataFrame, months: tuple[Month, ...], of: str) -> tuple[dict[Person, dict[str, Use]], int]:
    """By person and model what the months of one side hold; and how many of their requests have no such amount."""
    column = UNITS["usd" if of == "clp" else of]
    amounts: dict[tuple[Person, str], list[tuple[Decimal, int | None, Decimal | None]]] = defaultdict(list)
    lacking = 0
    for row in table[table["month"].isin([pd.Timestamp(month.first) for month in months])].to_dict("records"):
        if of != "credits":
            lacking += int(row["unconverted_requests" if of == "clp" else "unpriced_requests"])
        if pd.isna(row[column]) or (of == "clp" and pd.isna(row["clp"])):
            continue
        count = row["requests" if row["source"] == WINDSURF.name else "total_tokens"]
        if of != "credits" and row["unconverted_requests" if of == "clp" else "unpriced_requests"]:
            count = None  # its tokens are those of all its calls, its amount of some
        key = (str(row["source"]), _name(row["user"])), _name(row["model"])
        pesos = row["clp"] if of == "clp" else None
        amounts[key].append((row[column], None if pd.isna(count) else int(count), pesos))
    uses: dict[Person, dict[str, Use]] = defaultdict(dict)
    for (person, model), found in amounts.items():
        sums, counts, pesos = zip(*found, strict=True)
        uses[person][model] = Use(
            sum(sums, NOTHING),
            None if None in counts else sum(counts),
            sum(pesos, NOTHING) if of == "clp" else None,
        )
    return dict(uses), lacking


def _name(value: Hashable) -> str:
    return "not given" if pd.isna(value) else str(value)  # type: ignore[call-overload]
