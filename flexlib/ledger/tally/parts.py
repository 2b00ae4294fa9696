"""The sums of a time out of tallies, changes not folded into them yet, and of its ragged ends the calls themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from flexlib.ledger.db.table import STATISTICS
from flexlib.ledger.tally.tables import AMOUNTS, DAY, HOUR, KEYS, MEASURES, SPANS, STARTS, changes, tallies

LENGTHS = {DAY: timedelta(days=1), HOUR: timedelta(hours=1)}
LAST_YEAR = 9998
"""In the year after it the next day may have no date."""
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Bound = datetime | None
Piece = tuple[str | None, Bound, Bound]
"""A span of tallies (None: the calls), from when and until when."""


def split_period(low: Bound, high: Bound, spans: Iterable[str]) -> Iterator[Piece]:
    """The period in whole days, whole hours at its ends as far as `spans` has them, and what is left; None: no bound.

    >>> from datetime import datetime, timezone
    >>> low, high = (datetime(2025, 9, day, hour, tzinfo=timezone.utc) for day, hour in ((1, 22), (3, 0)))
    >>> [(span, f"{start:%d %H}", f"{end:%d %H}") for span, start, end in split_period(low, high, ["day", "hour"])]
    [('hour', '01 22', '02 00'), ('day', '02 00', '03 00')]
    """
    if low is not None and high is not None and low >= high:
        return
    span, *finer = [*spans, None]
    if span is None or any(one is not None and one.year > LAST_YEAR for one in (low, high)):
        yield None, low, high
        return
    length = LENGTHS[span]
    first = None if low is None else low + (EPOCH - low) % length
    last = None if high is None else high - (high - EPOCH) % length
    if first is not None and last is not None and first >= last:
        yield from split_period(low, high, filter(None, finer))
        return
    if first is not None:
        yield from split_period(low, first, filter(None, finer))
    yield span, first, last
    if last is not None:
        yield from split_period(last, high, filter(None, finer))


def find_kind(names: set[str]) -> str | None:
    """The kind of tallies that knows all of these columns of calls, if there is one."""
    return next((kind for kind, keys in KEYS.items() if names <= {*keys}), None)


def select_parts(kind: str, low: Bound, high: Bound, coarsest: str = DAY) -> sa.Subquery:
    """Rows of the kind's keys, `start` and `MEASURES`, that sum to the period's calls; none of more than `coarsest`."""
    spans = [span for span in (DAY, HOUR) if (kind, span) in SPANS and LENGTHS[span] <= LENGTHS[coarsest]]
    parts = []
    for span, start, end in split_period(low, high, spans):
        if span is None:
            parts.append(select_calls(kind).where(*bound(STATISTICS.c.created_at, start, end)))
            continue
        is_it = tallies.c.kind == kind, tallies.c.span == span
        parts.append(_select(tallies, kind).where(*is_it, *bound(tallies.c.start, start, end)))
        parts.append(_select(changes, kind).where(*bound(changes.c.start, start, end)))
    return sa.union_all(*parts or [select_calls(kind).where(sa.false())]).subquery()


def select_span(kind: str, span: str) -> list[sa.Select[Any]]:
    """All tallies of a span, and the changes as such."""
    return [
        _select(tallies, kind).where(tallies.c.kind == kind, tallies.c.span == span),
        _select(changes, kind, STARTS[span](changes.c.start)),
    ]


def select_hours(kind: str, table: sa.FromClause) -> sa.Select[Any]:
    """The tallies of hours in a table of such, by their days."""
    is_it = table.c.kind == kind, table.c.span == HOUR
    return _select(table, kind, STARTS[DAY](table.c.start)).where(*is_it)


def select_uncounted(kind: str, span: str) -> sa.CompoundSelect[Any]:
    """The calls without the changes that are noted of them: those that were there before any was noted."""
    noted = changes.c
    values = (-noted[name] for name in MEASURES)
    less = sa.select(STARTS[span](noted.start).label("start"), *(noted[key] for key in KEYS[kind]),
        *(value.label(name) for name, value in zip(MEASURES, values, strict=True)))  # fmt: skip
    return sa.union_all(select_calls(kind, span), less)


def select_calls(kind: str, span: str = HOUR, sign: int = 1) -> sa.Select[Any]:
    """The calls' keys, their hours' or days' starts and `MEASURES`."""
    table = STATISTICS.c
    measures: dict[str, sa.ColumnElement[Any]] = {
        name: table[name] for name in ("prompt_tokens", "completion_tokens", "requests")
    }
    for name, column in AMOUNTS.items():
        amount = table[column]
        measures[name] = sa.type_coerce(sa.func.coalesce(amount, sa.literal_column("0")), tallies.c[name].type)
        nothing: sa.ColumnElement[int] = sa.literal_column("0")
        measures[f"unpriced_{name}"] = sa.case((amount.is_(None), table.requests), else_=nothing)
    values = (measures[name] if sign > 0 else -measures[name] for name in MEASURES)
    start = STARTS[span](table.created_at).label("start")
    return sa.select(start, *(table[key] for key in KEYS[kind]),
        *(value.label(name) for name, value in zip(MEASURES, values, strict=True)))  # fmt: skip


def _select(table: sa.FromClause, kind: str, start: sa.ColumnElement[Any] | None = None) -> sa.Select[Any]:
    first = table.c.start if start is None else start
    return sa.select(first.label("start"), *(table.c[name] for name in (*KEYS[kind], *MEASURES)))


def bound(column: sa.ColumnElement[Any], low: Bound, high: Bound) -> list[sa.ColumnElement[bool]]:
    """The conditions of a period, half-open; None: no bound."""
    return [*([] if low is None else [column >= low]), *([] if high is None else [column < high])]
