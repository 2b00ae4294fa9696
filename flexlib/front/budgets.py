"""Budgets beside what the stored months came to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, partial
from itertools import takewhile
from pathlib import Path

import pandas as pd

from flexlib.analysis.budget_paths import judge_path
from flexlib.analysis.budgets import Judged, Outcome, Usage, list_reached, passes_surely, tell_left_out
from flexlib.analysis.forecast_parts import forecast_parts
from flexlib.checks import MOST_UNPRICED, BillTolerance
from flexlib.dates import Month, Span, list_periods
from flexlib.errors import InvalidRequest, SnapshotMissing
from flexlib.front.budget_bills import find_billed
from flexlib.front.budget_lacks import explain_name, find_missing
from flexlib.front.budget_scope import narrow_spend, sum_budgets, sum_unbilled
from flexlib.front.history import Gone, explain_ends, find_ends, find_gone, find_last_read, list_known, part_days
from flexlib.front.months import compare_total
from flexlib.front.sharing import keep_shared
from flexlib.front.spend import Spend, load_spend
from flexlib.front.undecided import list_concerned
from flexlib.i18n import _
from flexlib.proof import Certificate, Look, State, find_worst, look_nowhere
from flexlib.spend.billed import sum_known
from flexlib.store.budgets import Budget
from flexlib.store.snapshots import list_months

CREDITS = "flex_credits"


@dataclass(frozen=True)
class BudgetPeriod(Judged):
    """What a budget came to in one of its periods."""

    budget: Budget
    span: Span
    reached: tuple[int, ...]
    """The thresholds that were reached, in percent."""
    is_running: bool
    """Whether some of its days are not known yet."""

    @property
    def is_sure(self) -> bool | None:
        """Of one that will be over, whether the whole band of the forecast is above the amount; None of others."""
        return passes_surely(self.low, self.budget.amount) if self.outcome is Outcome.WILL_BE_OVER else None

    @property
    def is_forecast_over(self) -> bool:
        """Whether the threshold `forecast` is reached; `low` and `high` say how sure that is."""
        return self.budget.has_forecast and self.expected is not None and self.expected > self.budget.amount


@dataclass(frozen=True)
class BudgetCheck:
    """The budgets of a month, in the order of the file, each with all its periods that share a day with the month."""

    month: Month
    periods: tuple[BudgetPeriod, ...]
    certificates: tuple[Certificate, ...]
    state: State
    missing: tuple[str, ...]
    """What is missing from the month, in sentences."""
    left_out: int = 0
    """How many budgets are not there because they may be of a few people."""


def check_budgets(
    month: Month,
    root: Path,
    budgets: Sequence[Budget],
    *,
    as_of: date | None = None,
    holidays: Collection[date] = (),
    zone: str = "UTC",
    tolerance: BillTolerance | None = None,
    most_unpriced: Decimal = MOST_UNPRICED,
    look: Look = look_nowhere,
    roster: Path | None = None,
    share: bool = False,
) -> BudgetCheck:
    """What the budgets came to in the periods that share a day with `month`, by what is stored in the data folder.

    `as_of`: the last day that counts as known, by default the last one that was read whole; `roster` as of `Spend`.
    With `share` those are left out and counted that `keep_shared` does not keep. Raises
    `SnapshotMissing` where nothing of the month is stored.
    """
    if as_of is not None and as_of < month.first:
        said = _("as of {as_of} no day of {month} is known; name one of its days, or a month before.")
        raise InvalidRequest(said.format(as_of=as_of, month=month))
    spans = [month.span, *(one for budget in budgets for one in list_periods(budget.period, month, budget.begins))]
    around = Span(min(one.first for one in spans), max(one.last for one in spans))
    stored = [one for one in list_months(root) if one.first <= min(as_of or around.last, around.last)]
    if month not in stored:
        load_spend(month, month, root, zone=zone, names=False)  # says which command stores it
        raise SnapshotMissing(_("Nothing of {month} is stored in {root}.").format(month=month, root=root))
    # Whom a budget is of may be told by a person's e-mail; nothing that is given back names anybody.
    spend = load_spend(
        stored[0], stored[-1], root, zone=zone, names=True, tolerance=tolerance, look=look, roster=roster
    )
    kept = keep_shared(spend, budgets) if share else budgets
    left_out = len(budgets) - len(kept)
    missing = [tell_left_out(left_out)] if left_out else []
    checked: list[BudgetPeriod] = []
    gone = cache(lambda unit: find_gone(around, spend, unit))
    ends = {} if as_of or all(one.unit == CREDITS for one in budgets) else find_ends(spend)

    @cache
    def list_whole(unit: str, cut: frozenset[str], over: frozenset[str]) -> pd.DatetimeIndex:
        return list_known(spend, unit, as_of, {name: ends[name] for name in cut}, over)

    moved = list_concerned(spend, [one.scope for one in kept if one.unit != CREDITS])
    for budget, table in zip(kept, sum_budgets(spend, kept), strict=True):
        cut = frozenset({*map(str, table["source"])} & ends.keys() if budget.unit != CREDITS else ())
        until = min((ends[name] for name in cut if ends[name] >= spend.loaded[-1].month.first), default=date.max)
        known = partial(list_whole, budget.unit, cut)
        checked += _check_budget(narrow_spend(spend, budget), budget, month, table, known, gone(budget.unit), until,
                                 as_of, holidays, most_unpriced, moved.get((budget.scope, *budget.of), ()),
                                 explain_name(spend, budget, table))  # fmt: skip
    own = [one for one in spend.loaded if one.month == month]
    problems = dict.fromkeys(text for one in own for text in (*one.list_problems(), *compare_total(one)))
    missing += [*problems, *explain_ends(spend, ends)]
    certificates = tuple(snapshot.certificate for one in own for snapshot in one.snapshots)
    state = find_worst({one.state for one in own})
    return BudgetCheck(month, tuple(checked), certificates, state, tuple(missing), left_out)


def _check_budget(
    spend: Spend,
    budget: Budget,
    month: Month,
    table: pd.DataFrame,
    list_whole: Callable[[frozenset[str]], pd.DatetimeIndex],
    gone: Mapping[date, Gone],
    until: date,
    as_of: date | None,
    holidays: Collection[date],
    most_unpriced: Decimal,
    undecided: Collection[Month],
    misnamed: str,
) -> list[BudgetPeriod]:
    """`table`: its rows by month, day and source; `list_whole`: the days that were read whole, as of sources without
    some that have ended; `gone` as of `find_gone`; `until`: the last day of its files; others as of `find_missing`."""
    dated = table[table["day"].notna()]
    amounts = _sum_days(dated, budget.unit)
    read = as_of or find_last_read(spend.certificates, max)

    @cache
    def list_days(over: frozenset[str]) -> pd.Series:
        mine = dated[~dated["source"].isin(over)]
        going_on = _sum_days(mine, budget.unit)
        # A day of calls without an amount is not known to whom they belong, and is to others.
        lacking = {day.date() for day in mine["day"]} - going_on.keys() if budget.unit != CREDITS else ()
        known = list_whole(over)
        known = known[[day.date() not in lacking for day in known]]
        return pd.Series([float(going_on.get(day.date(), 0)) for day in known], known, dtype=float)

    @cache
    def sum_others(billed: frozenset[str]) -> dict[date, Decimal]:
        return _sum_days(sum_unbilled(spend, billed), budget.unit)

    whole = list_days(frozenset())
    found = []
    for span in list_periods(budget.period, month, budget.begins):
        end = span.last if as_of is None else min(span.last, as_of)
        last = whole.index[-1].date() if len(whole) else None
        # Where every source has ended nothing is unknown of the days that have passed.
        after = (day for day in span if last and last < day <= read)
        last = max(takewhile(lambda day: gone[day] is None, after), default=last)
        has_begun = last is None or span.first <= last or _is_over(spend, span) and span.first <= until
        if end < span.first or not (has_begun or any(day in span for day in amounts)):
            continue
        days = Span(span.first, end)
        bills = find_billed(spend, budget, days, most_unpriced)
        by_day = {day: amount for day, amount in amounts.items() if day in days}
        undated = _sum_known(table[(table["month"] == pd.Timestamp(span.first)) & table["day"].isna()][budget.unit])
        lack = find_missing(spend, budget, table, days, read, most_unpriced, undecided, misnamed, bills)
        if bills is not None:
            if bills.amount is None:
                by_day = {day: amount for day, amount in sum_others(bills.replaced).items() if day in days}
            else:
                undated = bills.amount - _sum_known(by_day.values())
        is_running = last is None or last < span.last
        # What a bill says of the days to come nobody can tell, nor what days come to of which too much is missing.
        is_forecast = is_running and last and bills is None and not lack[1]
        path = forecast_parts(whole, part_days(span, gone, list_days), holidays=holidays) if is_forecast else []
        usage = Usage(by_day, undated if days.months[0].span == days else Decimal(0), *lack)
        judged = judge_path(budget.amount, budget.thresholds, usage, path, list(span))
        reached = tuple(list_reached(budget.amount, budget.thresholds, usage.spent))
        found.append(BudgetPeriod(**vars(judged), budget=budget, span=span, reached=reached, is_running=is_running))
    return found


def _sum_days(dated: pd.DataFrame, unit: str) -> dict[date, Decimal]:
    found: dict[date, Decimal] = {}
    for day, amount in zip(dated["day"], dated[unit], strict=True):
        if isinstance(amount, Decimal):
            found[day.date()] = _sum_known([found.get(day.date()), amount])
    return found


def _sum_known(amounts: Iterable[object]) -> Decimal:
    return sum_known(one for one in amounts if isinstance(one, Decimal)) or Decimal(0)


def _is_over(spend: Spend, span: Span) -> bool:
    """Whether all that is stored of its months was read after their end."""
    read = [proof for month in spend.loaded if month.month in span.months for proof in month.proofs]
    return bool(read) and all(one.is_settled for one in read)
