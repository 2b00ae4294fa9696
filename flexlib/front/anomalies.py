"""The unusual days of a stored month: by person, by model and all together, each held against what is stored before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import reduce
from pathlib import Path

import pandas as pd

from flexlib.analysis.anomalies import FALSE_ALARMS, Anomalies, Outcome, find_anomalies
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.formats import format_count, format_share_percent
from flexlib.front.anomaly_days import (
    UNPRICED,
    WHOLE,
    count_heads,
    find_unit,
    mark_parts,
    spread,
    spread_lacks,
    sum_day,
)
from flexlib.front.anomaly_limits import explain_limits, find_outcome, find_reasons
from flexlib.front.credits_days import CreditsDays
from flexlib.front.events import Event, find_event
from flexlib.front.history import build_history, explain_ends, find_ends, keep_use
from flexlib.front.months import compare_total
from flexlib.front.no_amount import choose_unit, explain_no_amount
from flexlib.front.spend import Spend
from flexlib.front.unstored import find_gaps
from flexlib.front.uses import UNITS
from flexlib.i18n import _, translate_count
from flexlib.proof import Certificate, Look, State, look_nowhere
from flexlib.sources.registry import WINDSURF
from flexlib.store.ended import check_going
from flexlib.store.server import name_command
from flexlib.store.snapshots import list_newest
from flexlib.store.unstored import explain_unstored

LEAST = {"credits": 20.0, "usd": 1.0}
"""Amounts below which nobody looks into a day: 20 credits are 80 cents by the list, money begins at a dollar."""

MONTHS_BEFORE = 2
"""Stored months before it that tell what is usual, 12 weeks with its own; older ones are of another time."""


@dataclass(frozen=True)
class Unusual:
    """A day of somebody or something that was far above what was to be expected."""

    layer: str
    """`day` for everything together, else `user`, `model` or the key that was asked for."""
    who: str
    date: date
    amount: Decimal
    """What it came to, exact."""
    expected: float
    chance: float
    """That it is a false alarm."""
    event: str = ""
    """What was planned for the day; then it is no alarm."""
    heads: tuple[int, float, int, float] | None = None
    """Of a day of everything: how many people with use, the amount each, and both on its usual weekday."""

    @property
    def times(self) -> float:
        return float(self.amount) / self.expected


@dataclass(frozen=True)
class MonthAnomalies:
    """The unusual days of a month and what they were held against."""

    month: Month
    unit: str
    least: float
    found: tuple[Unusual, ...]
    """Layer by layer, in each the largest excess first."""
    layers: dict[str, Anomalies]
    """What was looked at, by layer; empty where the month has no day of the unit."""
    days_known: int
    """Days of the month of which all is known, or nearly all, see `anomaly_days.mark_parts`."""
    peak: tuple[date, tuple[int, float, int, float]] | None
    """Its highest day and, as of `Unusual.heads`, what it was made of; None without any amount."""
    days_before: int
    """Such days before the month, which told what is usual."""
    state: State
    """That of the month."""
    certificates: tuple[Certificate, ...]
    missing: tuple[str, ...]
    """What the days lack, in sentences."""
    peak_event: str = ""  # what was planned for the highest day

    @property
    def alarms(self) -> tuple[Unusual, ...]:
        """Those that nobody had planned."""
        return tuple(one for one in self.found if not one.event)

    @property
    def false_alarms(self) -> float:
        """False alarms to expect among `alarms`."""
        return sum(one.chance for one in self.alarms)

    @property
    def outcome(self) -> Outcome:
        """Whether there was enough to judge by."""
        return find_outcome(self.layers)

    @property
    def reason(self) -> str:
        """Why it cannot say anything, else empty."""
        return next(iter(find_reasons(self.layers).values()), "") if self.outcome is Outcome.CANNOT_SAY else ""

    @property
    def limits(self) -> tuple[str, ...]:
        """Of what it says nothing though it says something, in sentences."""
        return tuple(explain_limits(self.month, self.unit, self.days_known, self.layers))


def find_month_anomalies(
    month: Month,
    root: Path,
    *,
    of: str = "",
    least: float | None = None,
    names: bool = False,
    events: Iterable[Event] = (),
    by: Sequence[str] = (),
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
    roster: Path | None = None,
) -> MonthAnomalies:
    """The days of `month` far above the own weekday, from what is stored in the data folder `root`.

    `of`: `credits` or `usd`; where it is empty, `choose_unit` does. `least`: what a day must have come to. `by`:
    further keys of `Spend.by`, such as a `department`; layers are looked at apart, so that what moved from one to
    another and cancels in the sum is found too. `look`, `roster` as of `Spend`. Raises `InvalidRequest` for a unit that
    no day has, `SnapshotMissing`."""
    if of not in ("", *LEAST):
        raise InvalidRequest(_("{of!r} has no unusual days; choose {least}.").format(of=of, least=", ".join(LEAST)))
    if not list_newest(month, root):
        check_going(month, root)
        said = _("Nothing of {month} is stored in {root}. Run: {command}, or import it.")
        raise SnapshotMissing(said.format(month=month, root=root, command=name_command(WINDSURF, month, root)))
    of = choose_unit(of, [(month,)], root, LEAST)
    spend = Spend(month.span, zone, (month,), root, names, tolerance, look, roster=roster)
    made = _judge_days(_widen(spend), month, of, LEAST[of] if least is None else least, list(events), by)
    if made is None:
        raise InvalidRequest(_("no day of {month} has {lack}.")
            .format(month=month, lack=explain_no_amount(of, [month], root, LEAST)))  # fmt: skip
    return made


def find_unusual_days(spend: Spend, of: str, events: Iterable[Event] = ()) -> MonthAnomalies | None:
    """`find_month_anomalies` of the last month that is loaded, as that shows it; None where none of its days has such
    an amount."""
    month = spend.span.months[-1]
    if of == "credits":
        days = CreditsDays.read(_list_around(month), spend.root, names=spend.names)
        return _judge_days(days, month, of, LEAST[of], list(events)) if days.loaded else None
    return _judge_days(_widen(spend), month, of, LEAST[of], list(events))


def _list_around(month: Month) -> list[Month]:
    """The month and those before it that tell what is usual."""
    return Span(reduce(lambda one, _: one.previous, range(MONTHS_BEFORE), month).first, month.last).months


def _widen(spend: Spend) -> Spend:
    months = _list_around(spend.span.months[-1])
    stored = tuple(one for one in months if list_newest(one, spend.root))
    return replace(spend, span=Span(months[0].first, months[-1].last), stored=stored)


def _judge_days(
    spend: Spend | CreditsDays,
    month: Month,
    of: str,
    least: float,
    planned: Sequence[Event],
    by: Sequence[str] = (),
) -> MonthAnomalies | None:
    """Those of `month`; None where none of its days has such an amount."""
    column = UNITS[of]
    ends = find_ends(spend) if of != "credits" and isinstance(spend, Spend) else {}
    history, undated = build_history(spend, column, None, ends)
    if not (history[str(month.first) :].notna().any()):
        return None
    history = keep_use(history.dropna())
    exact = {WHOLE: spend.by("day")} | {key: spend.by("day", key) for key in ("user", "model", *by)}
    tables = {WHOLE: history.to_frame("").T}
    tables |= {key: spread(exact[key], key, column, history.index) for key in ("user", "model", *by)}
    in_part = {key: spread_lacks(exact[key], key, column, table) for key, table in tables.items()}
    unit, first = find_unit(exact["user"], column), pd.Timestamp(month.first)
    layers = {
        key: find_anomalies(table, least, FALSE_ALARMS, since=month.first, unit=unit, in_part=in_part[key])
        for key, table in tables.items()
    }
    whole = history.index[~in_part[WHOLE].loc[""].to_numpy()]
    found = [
        Unusual(key, who, day, sum_day(exact[key], key, who, day, column), expected, chance,
                find_event(planned, day, key, who), count_heads(tables["user"], day, whole) if key == WHOLE else None)
        for key, layer in layers.items() for who, day, expected, chance in _list_found(layer)
    ]  # fmt: skip
    now, days, gaps = spend.loaded[-1], history[str(month.first) :], find_gaps(spend.loaded, of)
    peak = pd.Timestamp(str(days.idxmax())).date() if days.max() > 0 else None
    missing = [
        *explain_ends(spend, ends, has_as_of=False), *undated, *explain_unstored(gaps, spend.root),
        *now.list_problems({*now.unstored} & gaps.keys()), *_list_lacking(spend, month, exact[WHOLE], column),
    ]  # fmt: skip
    return MonthAnomalies(month=month, unit=column, least=least, found=tuple(found), layers=layers, peak=(peak,
        count_heads(tables["user"], peak, whole)) if peak and len(tables["user"]) else None,
        days_known=int((whole >= first).sum()), days_before=int((whole < first).sum()), state=now.state,
        certificates=tuple(one for one in spend.certificates if one.month == month), missing=tuple(missing),
        peak_event=find_event(planned, peak, WHOLE, "") if peak else "")  # fmt: skip


def _list_found(layer: Anomalies) -> list[tuple[str, date, float, float]]:
    columns = (layer.found[name].tolist() for name in ("row", "date", "expected", "chance"))
    return [(str(row), day.date(), *rest) for row, day, *rest in zip(*columns, strict=True)]


def _list_lacking(spend: Spend | CreditsDays, month: Month, days: pd.DataFrame, column: str) -> list[str]:
    if column == UNITS["credits"] or isinstance(spend, CreditsDays):
        return []
    months = spend.by("month")
    lacking = int(months.loc[months["month"] == pd.Timestamp(month.first), "unpriced_requests"].sum())
    said = translate_count(
        "{calls} without a price is left out of the days.",
        "{calls} without a price are left out of the days.",
        lacking,
    ).format(calls=format_count(lacking, "call"))
    before = int((mark_parts(days, column) & (days["day"] < pd.Timestamp(month.first))).sum())
    unusable = translate_count(
        "{count} day before {month} lacks the price of more than {percent} of its calls: its sum tells nothing of what "
        "is usual.",
        "{count} days before {month} lack the price of more than {percent} of their calls: their sums tell nothing of "
        "what is usual.",
        before,
    ).format(count=before, month=month.title, percent=format_share_percent(UNPRICED))
    return [*compare_total(spend.loaded[-1]), *([said] if lacking else []), *([unusable] if before else [])]
