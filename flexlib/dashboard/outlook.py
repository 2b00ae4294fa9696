"""Where the running month, and its budgets, will end by what the ledger has recorded of the days before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import nan

import pandas as pd

from flexlib.analysis.budget_paths import judge_path
from flexlib.analysis.budgets import BudgetLine, Usage
from flexlib.analysis.forecast import forecast_path, forecast_sum
from flexlib.analysis.forecast_parts import open_above
from flexlib.checks import MOST_UNPRICED
from flexlib.dashboard.budgets import count_unpriced, keep_recorded, lacks_too_much, list_rows, sum_days
from flexlib.dates import Month, Span
from flexlib.formats import format_number
from flexlib.front.forecast import MonthForecast
from flexlib.i18n import _, translate_count
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.guard.limits import find_period
from flexlib.ledger.read.running import DaySums, read_days
from flexlib.proof import State
from flexlib.store.budgets import Budget

HISTORY = timedelta(days=183)
"""Half a year before today: of the bands of forecasts that rest on more none is narrower, and it is read again and
again."""
WHOLE_MONTH = Budget("", "whole", (), "usd", Decimal(0), "month", 1, ())
"""Of the month's own forecast: all that is recorded, in dollars."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """What is foreseen at one moment."""

    made: MonthForecast
    """Of the month's US dollars."""
    lines: tuple[BudgetLine, ...]
    left_out: int
    """Budgets that the ledger cannot tell of, or that are of people."""


def read_outlook(
    ledger: Ledger, budgets: Sequence[Budget], now: datetime, most_unpriced: Decimal = MOST_UNPRICED
) -> Outlook:
    """The outlook from the ledger's days up to `now`, days of UTC; what it recorded, and nothing of other sources.
    `most_unpriced`: the largest share of calls without a price of which something can still be said.

    Raises `LedgerMissing`, `LedgerUnavailable` and `LedgerFailed` as any reading does.
    """
    today = now.date()
    rows = read_days(ledger, Span(today - HISTORY, today))
    kept = keep_recorded(budgets)
    lines = tuple(_build_line(one, find_period(one, now), rows, today, most_unpriced) for one in kept)
    return Outlook(_forecast_month(rows, today), lines, len(budgets) - len(kept))


def _list_days(budget: Budget, rows: Sequence[DaySums], today: date) -> pd.Series:
    """The days that are over, from the ledger's first on: one without a call came to nothing, one of calls alone
    without a price is not known."""
    of, first = list_rows(budget, rows), min((one.day for one in rows), default=today)
    days = pd.date_range(first, today, inclusive="left")
    amounts = dict.fromkeys([one.day for one in of], nan) | sum_days(budget, of)
    return pd.Series([float(amounts.get(day.date(), 0)) for day in days], days, dtype=float)


def _forecast_month(rows: Sequence[DaySums], today: date) -> MonthForecast:
    month = Month.containing(today)
    history = _list_days(WHOLE_MONTH, rows, today)
    own = [one for one in rows if one.day in month.span]
    is_least = any(one.unpriced_usd for one in own)
    path, ahead = forecast_path(history, list(month.span)), forecast_sum(history, list(month.next.span))
    if is_least:
        path, ahead = [open_above(one) for one in path], open_above(ahead)
    return MonthForecast(
        month=month, unit="usd", as_of=today - timedelta(days=1), history=history,
        path=tuple(path), next=ahead,
        reached=(None,) * 3, backtest=pd.DataFrame(),
        so_far=float(sum(sum_days(WHOLE_MONTH, own).values())),
        is_least=is_least, certificates=(), state=State.PROVISIONAL, missing=(),
    )  # fmt: skip


def _build_line(budget: Budget, span: Span, rows: Sequence[DaySums], today: date, most_unpriced: Decimal) -> BudgetLine:
    of = list_rows(budget, rows)
    own = [one for one in of if one.day in span]
    unpriced = count_unpriced(budget, own)
    lacks = translate_count("{count} call without a price", "{count} calls without a price", unpriced)
    said = lacks.format(count=format_number(unpriced)) if unpriced else ""
    is_nobodys = budget.scope != "whole" and not of  # it may be misspelt, and hold nobody
    if is_nobodys:
        said = _("no recorded call is of {what}: check the name").format(what=" ".join(budget.of))
    is_unknown = is_nobodys or lacks_too_much(budget, own, most_unpriced)
    usage = Usage(sum_days(budget, own), lacks=said, is_unknown=is_unknown)
    path = [] if is_unknown else forecast_path(_list_days(budget, rows, today), list(span))
    judged = judge_path(budget.amount, budget.thresholds, usage, path, list(span))
    return BudgetLine(
        name=budget.name, unit=budget.unit, period=budget.period, span=span, amount=budget.amount, is_running=True,
        **vars(judged),
    )  # fmt: skip
