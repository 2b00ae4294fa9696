"""What is said of a budget by what is known of a period and the path that it is expected to take to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from flexlib.analysis.budgets import Judged, Outcome, Usage, find_day_passed, judge_budget
from flexlib.analysis.forecast import Forecast, find_day_reached
from flexlib.analysis.forecast_parts import open_above, raise_by


def judge_path(
    amount: Decimal, thresholds: Sequence[int], usage: Usage, path: Sequence[Forecast], days: Sequence[date]
) -> Judged:
    """What a budget of `amount` comes to in a period of `days`; `path`: the forecast of what has come by each of them,
    but for what is of no day; empty where there is none. `thresholds` as of `judge_budget`."""
    path = [raise_by(one, float(usage.undated)) for one in path]
    path = [open_above(one) for one in path] if usage.lacks else path
    this = _bound(path[-1], float(usage.spent)) if path else None
    usage = replace(usage, expected=this.expected if this else None)
    outcome = judge_budget(amount, thresholds, usage)
    is_over, will_be_over = outcome is Outcome.OVER, outcome is Outcome.WILL_BE_OVER
    passed = find_day_reached(path, days, float(amount), passes=True) if path else (None,) * 3
    return Judged(
        outcome,
        usage.spent,
        usage.lacks,
        usage.is_unknown and not is_over,
        *((this.expected, this.low, this.high) if this else (None, None, None)),
        day=find_day_passed(amount, usage) if is_over else passed[0] if will_be_over else None,
        earliest=None if is_over else passed[1],
    )


def _bound(one: Forecast, spent: float) -> Forecast:
    """No less than is spent already, by days of which not all is known, as today."""
    ends = [None if value is None else max(value, spent) for value in (one.expected, one.low, one.high)]
    return replace(one, expected=ends[0], low=ends[1], high=ends[2])
