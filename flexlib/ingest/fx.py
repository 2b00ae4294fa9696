"""Brings the observed dollar into the data folder: asks, compares, keeps; what is kept works without a network."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path

from flexlib.dates import Span
from flexlib.errors import BadMonth, BadParameter, ServerRefused, ServerUnreachable
from flexlib.i18n import _
from flexlib.money.fx import CARRY_DAYS, USD_CLP, Pair, Rate, Rates, find_rate, find_santiago_day, sort_rates
from flexlib.sources.fx import (
    FRANKFURTER,
    FRANKFURTER_URL,
    MINDICADOR,
    MINDICADOR_URL,
    RetryPolicy,
    fetch_frankfurter,
    fetch_mindicador,
)
from flexlib.store.fx import KeptRate, load_rates, lock_rates, read_kept_rates, write_kept_rates

REACH = timedelta(days=7)
"""How far beyond the span is asked: before it for a value to carry on, after it for the proof that it may be."""
TOLERANCE = Decimal("0.01")
"""Two sources that differ by more than this share of the value are reported: the dollar moves about that in a day."""


@dataclass(frozen=True, order=True)
class Difference:
    """Two values of one day: what is kept, and what another reading or another source says."""

    kept: Rate
    other: Rate


@dataclass(frozen=True)
class Merge:
    """A table with further observations in it."""

    kept: list[KeptRate]
    added: tuple[Rate, ...] = ()
    """Observations of days that had none."""
    changed: tuple[Difference, ...] = ()
    """Observations that their own source has changed: `other` holds now, the one kept before is superseded."""
    disagreements: tuple[Difference, ...] = ()
    """Days on which another source differs by more than a hundredth; what was kept holds."""
    overruled: tuple[Rate, ...] = ()
    """Rates of the opposite pair that contradict a corrected one: superseded."""


@dataclass(frozen=True)
class RatesUpdate:
    """What an update did."""

    span: Span
    rates: Rates
    """The whole table as it is kept now."""
    answered: tuple[str, ...]
    """Who answered, and about what."""
    failures: tuple[str, ...]
    """Who did not, a sentence each."""
    added: tuple[Rate, ...]
    """New observations, in the span and beside it: mindicador.cl gives whole years."""
    changed: tuple[Difference, ...]
    disagreements: tuple[Difference, ...]
    missing: tuple[date, ...]
    """Days of the span that have no rate though it must long have been published."""
    pending: tuple[date, ...]
    """Days of the span whose rate may still come: the last days, and those ahead."""


def update_rates(
    span: Span,
    root: Path,
    *,
    check: bool = False,
    mindicador_url: str = MINDICADOR_URL,
    frankfurter_url: str = FRANKFURTER_URL,
    policy: RetryPolicy | None = None,
    now: datetime | None = None,
) -> RatesUpdate:
    """Asks mindicador.cl for the years of `span`, and Frankfurter when days are then still without a rate.

    What lies between the span and the observations kept before and after it is asked as well: a value is carried over
    the days up to the next one, and those must be days that a source left out, not days that nobody asked about.
    A day has one source: Frankfurter's observations are taken only for days without a rate, their own or a carried one.
    `check` asks it in any case and compares; values are never averaged. `now`: the clock's, unless given.

    Raises `BadMonth` when the span has not begun; `ServerUnreachable` or `ServerRefused` when nobody answers and days
    are missing (where the kept table covers the span, a failure is only listed); `DiskFailed`, `BadFile`.
    """
    now = (now or datetime.now(timezone.utc)).replace(microsecond=0)
    today = find_santiago_day(now)
    if span.first > today:
        raise BadMonth(_("{span} has not begun; ask for rates up to {today}.").format(span=span, today=today))
    reach = _find_reach(span, load_rates(root), today)
    answered: list[str] = []
    troubles: list[ServerRefused | ServerUnreachable] = []

    def ask(source: str, fetch: Callable[[], list[Rate]]) -> list[Rate]:
        try:
            rates = fetch()
        except (ServerRefused, ServerUnreachable) as error:
            troubles.append(error)
            return []
        answered.append(f"{source} ({len(rates)} days)")
        return rates

    merges = []
    for year in range(reach.first.year, reach.last.year + 1):
        found = ask(f"{MINDICADOR} {year}", partial(fetch_mindicador, year, mindicador_url, policy))
        merges.append(keep_rates(found, USD_CLP, root, now, overrules=False))
        if troubles:
            break
    missing, pending = find_missing_days(load_rates(root), span, today)
    if check or missing or (troubles and pending):
        others = ask(FRANKFURTER, partial(fetch_frankfurter, reach, frankfurter_url, policy))
        merges.append(keep_rates(others, USD_CLP, root, now, only_gaps=True, overrules=False))
        missing, pending = find_missing_days(load_rates(root), span, today)
    if missing and not answered:
        raise troubles[0]
    return RatesUpdate(
        span,
        load_rates(root),
        answered=tuple(answered),
        failures=tuple(map(str, troubles)),
        added=tuple(sorted(rate for one in merges for rate in one.added)),
        changed=tuple(sorted(change for one in merges for change in one.changed)),
        disagreements=tuple(sorted(other for one in merges for other in one.disagreements)),
        missing=missing,
        pending=pending,
    )


def _find_reach(span: Span, kept: Rates, today: date) -> Span:
    """The days to ask about: the span, what is beside it, and what lies open up to the observations that are kept."""
    first, last = span.first - REACH, min(span.last + REACH, today)
    before, after = bisect_left(kept.days, first), bisect_right(kept.days, last)
    return Span(
        kept.days[before - 1] if before else first,
        kept.days[after] if after < len(kept) else last,
    )


def find_missing_days(rates: Rates, span: Span, today: date) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """The days of `span` without a rate: those that are missing, and those whose rate may still come."""
    missing = [day for day in span if find_rate(rates, day) is None]
    due = today - timedelta(days=CARRY_DAYS)
    return tuple(day for day in missing if day < due), tuple(day for day in missing if day >= due)


def merge_rates(
    kept: Sequence[KeptRate],
    observations: Iterable[Rate],
    now: datetime,
    *,
    only_gaps: bool = False,
    overrules: bool = False,
) -> Merge:
    """`kept` with these observations of one source, read at `now`; with `only_gaps`, only for days without a rate.

    Where another source has given a day its rate, that one holds, unless these overrule it.
    """
    current = {one.rate.day: one for one in kept if one.superseded_at is None}
    before = sort_rates(one.rate for one in current.values())
    past = [one for one in kept if one.superseded_at is not None]
    added, changed, disagreements = [], [], []
    for rate in observations:
        old = current.get(rate.day)
        if old is None:
            if not only_gaps or find_rate(before, rate.day) is None:
                current[rate.day] = KeptRate(rate, now)
                added.append(rate)
        elif old.rate.source != rate.source and not overrules:
            if abs(old.rate.value - rate.value) > TOLERANCE * old.rate.value:
                disagreements.append(Difference(old.rate, rate))
        elif old.rate != rate:
            past.append(replace(old, superseded_at=now))
            current[rate.day] = KeptRate(rate, now)
            changed.append(Difference(old.rate, rate))
    return Merge([*past, *current.values()], tuple(added), tuple(changed), tuple(disagreements))


def keep_rates(
    observations: Sequence[Rate],
    pair: Pair,
    root: Path,
    now: datetime | None = None,
    *,
    only_gaps: bool = False,
    overrules: bool = True,
) -> Merge:
    """Keeps rates of any pair, as `merge_rates` does: those that a person brings overrule what stands there, which
    stays as superseded; a correction overrules the opposite pair too. Raises `DiskFailed`, `BadFile`, and
    `BadParameter` where a rate of a day that had none contradicts the opposite pair.
    """
    moment = (now or datetime.now(timezone.utc)).replace(microsecond=0)
    with lock_rates(root):
        kept = read_kept_rates(root, pair)
        opposite = read_kept_rates(root, pair[::-1]) if overrules else []
        overruled = _find_overruled(observations, pair, kept, opposite)
        merge = merge_rates(kept, observations, moment, only_gaps=only_gaps, overrules=overrules)
        if merge.added or merge.changed:
            write_kept_rates(merge.kept, root, pair)
        if overruled:
            past = [replace(one, superseded_at=moment) if one in overruled else one for one in opposite]
            write_kept_rates(past, root, pair[::-1])
    return replace(merge, overruled=tuple(one.rate for one in overruled))


def _find_overruled(
    observations: Iterable[Rate], pair: Pair, kept: Iterable[KeptRate], opposite: Iterable[KeptRate]
) -> list[KeptRate]:
    """What is kept of the `opposite` pair and contradicts these observations: a total may take either of them. Raises
    `BadParameter` where the pair itself has no rate of that day: then nobody corrects one."""
    days = {one.rate.day for one in kept if one.superseded_at is None}
    others = {one.rate.day: one for one in opposite if one.superseded_at is None}
    found = []
    for rate in observations:
        other = others.get(rate.day)
        if other is None or abs(rate.value * other.rate.value - 1) <= TOLERANCE:
            continue
        if rate.day not in days:
            there = "/".join(pair[::-1])
            raise BadParameter(
                _(
                    "{value:f} {pair} of {day} contradicts {value_2:f} {there} of that day, which is kept from "
                    "{source}; correct that one instead: flexlib fx set {day} VALUE --pair {there} --source "
                    "SOURCE"
                ).format(
                    value=rate.value,
                    pair="/".join(pair),
                    day=rate.day,
                    value_2=other.rate.value,
                    there=there,
                    source=other.rate.source,
                )
            )
        found.append(other)
    return found
