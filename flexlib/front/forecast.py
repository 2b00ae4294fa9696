"""Where a month will end: the stored days as a daily series, forecast, with how such forecasts did before."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pandas as pd

from flexlib.analysis.forecast import Forecast, find_day_reached
from flexlib.analysis.forecast_parts import forecast_parts, open_above
from flexlib.checks import BillTolerance
from flexlib.dates import Month, Span
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.formats import format_number
from flexlib.front.credits_days import CreditsDays
from flexlib.front.history import (
    backtest_history,
    build_history,
    explain_absent,
    explain_ends,
    find_ends,
    find_gone,
    part_days,
)
from flexlib.front.lacking_days import list_lacking_days
from flexlib.front.months import compare_total
from flexlib.front.no_amount import choose_unit, explain_no_amount
from flexlib.front.spend import Spend, load_spend
from flexlib.front.unstored import find_gaps, list_datasets
from flexlib.front.uses import UNITS
from flexlib.i18n import _, translate_count
from flexlib.proof import Certificate, Look, State, find_worst, look_nowhere
from flexlib.store.ended import explain_all_over
from flexlib.store.snapshots import list_months
from flexlib.store.unstored import explain_unstored


@dataclass(frozen=True)
class MonthForecast:
    """A month's sum and the next one's, as forecast from the days stored before the end of `as_of`."""

    month: Month
    unit: str
    as_of: date
    """The last day that counts as known."""
    history: pd.Series
    """The sum of each known day, in `unit`: credits, dollars, pesos; of days before the month without the sources that
    ended before it."""
    path: tuple[Forecast, ...]
    """The month's sum up to each of its days."""
    next: Forecast
    reached: tuple[date | None, date | None, date | None]
    """When the budget is used up: as expected, at the earliest, at the latest; None: not within the month, or, at the
    earliest, where what is known lacks something, not to be said."""
    backtest: pd.DataFrame
    """How forecasts with as many days known did in the months before, see `sum_up_backtest`."""
    so_far: float
    """All that is stored of the month, also of a day that was not over when it was read: only a refund makes it less.
    0 where `as_of` was asked for, and the forecast is of what was known then."""
    is_least: bool
    """Whether the days known lack something: rows, amounts of calls, or what is of no day."""
    certificates: tuple[Certificate, ...]
    """Of the months behind it."""
    state: State
    """The worst of the months behind it."""
    missing: tuple[str, ...]
    """What the history lacks, in sentences."""

    @property
    def this(self) -> Forecast:
        """The month's sum."""
        return self.path[-1]

    @property
    def known(self) -> float:
        """The sum of the month's days up to `as_of`."""
        return float(self.history[str(self.month.first) :].sum())


def forecast_month(
    month: Month,
    root: Path,
    *,
    of: str = "",
    as_of: date | None = None,
    band: float = 0.8,
    holidays: Collection[date] = (),
    budget: float | None = None,
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
    look: Look = look_nowhere,
) -> MonthForecast:
    """The forecast of `month`, or of a month to come, from what is stored in the data folder `root`.

    `of`: `credits`, `usd` or `clp`; where it is empty, `choose_unit` does. `as_of`: the last day that counts as known;
    without it the last one read whole, and of files the last one that has a row. Raises `InvalidRequest` for a unit
    that is none or that is known of no day, `SnapshotMissing` where nothing before the month's end is stored.
    """
    if of not in ("", *UNITS):
        raise InvalidRequest(_("{of!r} cannot be forecast; choose {units}.").format(of=of, units=", ".join(UNITS)))
    if budget is not None and not 0 <= budget < math.inf:
        raise InvalidRequest(
            _("the budget is {budget:g}; give an amount of 0 or more, such as 120000.").format(budget=budget)
        )
    stored = [one for one in list_months(root) if one <= month and (as_of is None or one.first <= as_of)]
    if not stored:
        raise SnapshotMissing(
            _("No day up to {as_of} is stored in {root}; fetch or import a month first.").format(
                as_of=as_of or month.last, root=root
            )
        )
    of = choose_unit(of, [(stored[-1], month)], root)
    spend = load_spend(stored[0], stored[-1], root, zone=zone, names=False, tolerance=tolerance, look=look)
    if not any(one is not None for one in find_gone(month.span, spend, UNITS[of]).values()):
        said = explain_all_over(month)
        if of == "credits":
            said = _(
                "Windsurf had ended before {month}, as flexlib sources was told: there are no credits to forecast."
            )
        raise InvalidRequest(said.format(month=month))
    made = _forecast_spend(spend, month, of, as_of, band, holidays, budget)
    if made is None:
        raise InvalidRequest(
            _("no day up to {as_of} has {lack}.").format(
                as_of=as_of or month.last, lack=explain_no_amount(of, stored, root)
            )
        )
    return made


def _forecast_spend(
    spend: Spend | CreditsDays,
    month: Month,
    of: str,
    as_of: date | None = None,
    band: float = 0.8,
    holidays: Collection[date] = (),
    budget: float | None = None,
) -> MonthForecast | None:
    """None where no day has such an amount."""
    ends = find_ends(spend) if of != "credits" and isinstance(spend, Spend) else {}
    days = list(month.span)
    gone = find_gone(Span(month.first, month.next.last), spend, UNITS[of])
    if not (going := [over for day in days if (over := gone[day]) is not None]):
        return None
    read = cache(lambda over: build_history(spend, UNITS[of], as_of, ends, over))
    (whole, _undated), (before, undated) = read(frozenset()), read(going[-1])
    past = before[: str(month.first - timedelta(days=1))]
    history = pd.concat([past, whole[str(month.first) :]])
    if history.notna().sum() == 0:
        return None
    path, ahead = (
        forecast_parts(whole, part_days(span, gone, lambda over: read(over)[0]), band, holidays)
        for span in (month.span, month.next.span)
    )
    sums, last = spend.by("month"), history.index[-1].date()
    own = sums[sums["month"] == pd.Timestamp(month.first)]
    gaps, newest = find_gaps(spend.loaded, of), spend.loaded[-1]  # the month itself, or the last before it
    # What is missing, or has no price, after the days known does not lack in them; in a month of which no day is known
    # it does.
    until = as_of or (last if last >= newest.month.first else newest.month.last)
    is_least = any(days.first <= until for days in list_lacking_days(newest, of))
    known = min(max((last - month.first).days + 1, 0), month.days)
    missing = explain_unstored(gaps, spend.root)
    missing += dict.fromkeys(text for one in spend.loaded for text in one.list_problems({*one.unstored} & gaps.keys()))
    if of != "credits" and isinstance(spend, Spend):
        missing += [text for one in spend.loaded for text in compare_total(one)]
        column = "unconverted_requests" if of == "clp" else "unpriced_requests"
        by_day = spend.by("month", "day")
        counts = by_day.loc[by_day["day"].isna() | (by_day["day"] <= pd.Timestamp(until)), ["month", column]]
        if lacking := int(counts[column].sum()):
            said = translate_count(
                "{count} call without a price is left out of the days known.",
                "{count} calls without a price are left out of the days known.",
                lacking,
            )
            if of == "clp":
                said = translate_count(
                    "{count} call without an amount in pesos is left out of the days known.",
                    "{count} calls without an amount in pesos are left out of the days known.",
                    lacking,
                )
            missing.append(said.format(count=format_number(lacking)))
            is_least |= bool(counts.loc[counts["month"] == pd.Timestamp(month.first), column].sum())
        if undated:
            of_no_day = by_day.query("day.isna() and month == @own.month.max()")
            is_least |= bool(of_no_day[UNITS[of]].sum())
    if is_least:
        path, ahead = ([open_above(one) for one in made] for made in (path, ahead))
    return MonthForecast(
        month=month,
        unit=UNITS[of],
        as_of=last,
        history=history,
        path=tuple(path),
        next=ahead[-1],
        reached=(None,) * 3 if budget is None else find_day_reached(path, days, budget),
        backtest=backtest_history(past, (known,), band, holidays),
        so_far=float(own[UNITS[of]].sum() if as_of is None else 0),
        is_least=is_least,
        certificates=spend.certificates,
        state=find_worst({one.state for one in spend.loaded}),
        missing=(*explain_absent(spend), *explain_ends(spend, ends if as_of is None else {}), *undated, *missing),
    )


def forecast_loaded(
    spend: Spend, of: str = "", day: int = 0, holidays: Collection[date] = (), budget: float = 0.0
) -> MonthForecast:
    """`forecast_month` of the last month that is loaded; `day`: the last of it that counts as known, 0 for the last one
    read whole; no budget where it is 0. Raises `InvalidRequest` for a day that the month does not have."""
    month = spend.span.months[-1]
    if not 0 <= day <= month.days:
        raise InvalidRequest(
            _("{title} has no day {day}; give 1 to {days}, or 0 for the last one known.").format(
                title=month.title, day=day, days=month.days
            )
        )
    as_of = month.first + timedelta(days=day - 1) if day else None
    return forecast_month(
        month, spend.root, of=of, as_of=as_of, holidays=holidays, budget=budget or None, zone=spend.zone,
        tolerance=spend.tolerance, look=spend.look,
    )  # fmt: skip


def forecast_running(spend: Spend, of: str, holidays: Collection[date] = ()) -> MonthForecast | None:
    """Where the last month that is loaded will end, from all that is stored before; None where it was over when it was
    read, or no day has such an amount."""
    month = spend.span.months[-1]
    datasets = list_datasets(of)
    read = (proof for one in spend.loaded if one.month == month for proof in one.proofs if proof.dataset in datasets)
    if all(proof.is_settled for proof in read):
        return None
    stored = [one for one in list_months(spend.root) if one <= month]
    if of == "credits":
        return _forecast_spend(CreditsDays.read(stored, spend.root, names=False), month, of, holidays=holidays)
    history = replace(spend, span=Span(stored[0].first, month.last), stored=tuple(stored), names=False)
    return _forecast_spend(history, month, of, holidays=holidays)
