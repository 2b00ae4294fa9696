"""The stored days as a daily series: which of them are known, up to when, and what is in none of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from itertools import groupby
from typing import TypeVar

import pandas as pd

from flexlib.analysis.forecast import BACKTESTED, backtest_months, sum_up_backtest
from flexlib.dates import Month, name_months
from flexlib.formats import format_short_day
from flexlib.front.credits_days import CreditsDays
from flexlib.front.narrow import sum_rows
from flexlib.front.spend import Spend
from flexlib.front.table import write_key
from flexlib.front.unstored import list_datasets
from flexlib.front.uses import UNITS
from flexlib.guesses import read_zone
from flexlib.i18n import _, translate_count, write_number
from flexlib.proof import Certificate
from flexlib.sources.registry import LEDGER, WINDSURF, name_source
from flexlib.store.ended import find_awaited, part_begun
from flexlib.store.snapshots import list_months, list_newest

Gone = frozenset[str] | None
"""The sources that have ended; None where no other has the unit: nothing of it is to come."""

Amounts = TypeVar("Amounts", pd.Series, pd.DataFrame)


def keep_use(amounts: Amounts) -> Amounts:
    """What there is to learn of use: a credit note is no use, nor is a day that it brings below zero. What is spent
    keeps it."""
    return amounts.clip(lower=0.0)


def backtest_history(
    history: pd.Series, known: Iterable[int] = BACKTESTED, band: float = 0.8, holidays: Collection[date] = ()
) -> pd.DataFrame:
    """`sum_up_backtest` of the days of a `MonthForecast`, which refunds may have brought below zero: they are in what a
    month came to, and nothing is learned from them."""
    return sum_up_backtest(backtest_months(keep_use(history), known, band, holidays, history))


def find_ends(spend: Spend) -> dict[str, date]:
    """By source that is read from files the day of its last row, where none of a later month is stored and nobody said
    that it has ended: when a file was read does not say up to when it goes."""
    later = [month for month in list_months(spend.root) if month > spend.stored[-1]]
    here = {one.source for month in spend.loaded for one in month.snapshots if one.dataset == LEDGER.dataset}
    awaited = find_awaited(spend.stored[-1].next, spend.root)
    over = {one.source for month in later for one in list_newest(month, spend.root, [LEDGER.dataset])}
    names = (here & awaited.keys()) - over - {LEDGER.name}
    if not names:
        return {}
    rows = spend._rows.filter(f"source IN ({', '.join(f'{name!r}' for name in sorted(names))})")
    days = rows.aggregate(f"source, max({write_key('day')})").fetchall()
    return {str(name): day for name, day in days if day is not None}


def explain_absent(spend: Spend | CreditsDays) -> Iterator[str]:
    """That months are not in the history, in a sentence."""
    if spend.absent:
        said = translate_count(
            "Nothing of {months} is stored: its days are not in the history.",
            "Nothing of {months} is stored: their days are not in the history.",
            len(spend.absent),
        )
        yield said.format(months=name_months(spend.absent))


def explain_ends(spend: Spend | CreditsDays, ends: Mapping[str, date], *, has_as_of: bool = True) -> Iterator[str]:
    """Up to which day files go of which nobody says more, a sentence each; `has_as_of`: whether the command that says
    it takes an --as-of."""
    newest = spend.loaded[-1]
    for source, end in ends.items():
        if newest.month.first <= end < _find_last_known(newest.month, newest.proofs):
            said = _(
                "The last row of {source} is of {day}, so that no later day is known; if its files go on, say up to "
                "which with --as-of."
            )
            if not has_as_of:
                said = _("The last row of {source} is of {day}, so that no later day is known.")
            yield said.format(source=name_source(source), day=format_short_day(end))


def _find_last_known(month: Month, proofs: Iterable[Certificate]) -> date:
    """The last day of the month that was over when each of these was read, whatever else is wrong with them."""
    running = [one for one in proofs if not one.is_settled]
    return min(month.last, find_last_read(running)) if running else month.last


def find_last_read(certificates: Iterable[Certificate], choose: Callable[[Iterable[date]], date] = min) -> date:
    """The last day that was over when all of them were read; with `max`, when any of them was."""
    return choose(one.as_of.date() for one in certificates) - timedelta(days=1)


def find_gone(days: Iterable[date], spend: Spend | CreditsDays, column: str) -> dict[date, Gone]:
    """By day the sources that had ended before it began in the zone, as what is loaded tells it."""
    there, found = read_zone(spend.zone if isinstance(spend, Spend) else "UTC"), dict[date, Gone]()
    begun = cache(lambda month: part_begun(month, spend.root, spend.stored[-1]))
    for day in days:
        own, over = begun(Month.containing(datetime.combine(day, time(), there).astimezone(timezone.utc).date()))
        # Windsurf's days are those of UTC in every zone.
        over = over | begun(Month.containing(day))[1] & {WINDSURF.name}
        if column == UNITS["credits"]:
            own, over = own & {WINDSURF.name}, over & {WINDSURF.name}
        found[day] = None if over and own <= over else frozenset(over)
    return found


def part_days(
    days: Iterable[date], gone: Mapping[date, Gone], read: Callable[[frozenset[str]], pd.Series]
) -> list[tuple[pd.Series | None, list[date]]]:
    """The days for `forecast_parts`, each run of them with the use that is `read` without the sources that had ended
    before it."""
    return [
        (None if over is None else keep_use(read(over)), [*run]) for over, run in groupby(days, key=gone.__getitem__)
    ]


def build_history(
    spend: Spend | CreditsDays,
    column: str,
    as_of: date | None,
    ends: Mapping[str, date],
    gone: Collection[str] = (),
) -> tuple[pd.Series, list[str]]:
    """The sum of each day that was read whole; and what stands in no day. Of a month without a row of this unit, and of
    one that is not stored, no day is known. `ends`: up to when files go that nobody says more of than their rows;
    without the sources that are `gone`, of which no more is to come."""
    table = _sum_sources(spend, gone)
    sums = _sum_days(table, column)
    history = sums.reindex(_list_read(spend, column, as_of, ends))
    for month in spend.loaded:
        within = slice(str(month.month.first), str(month.month.last))
        if sums[within].notna().any():
            history[history[within].index.difference(sums.index)] = 0.0
        else:
            history = history.drop(history[within].index)
    undated = table.loc[table["day"].isna(), column].dropna()
    text = _("{column} {amount} stand in sums of a month, and are in no day of the forecast.")
    text = text.format(column=column, amount=write_number(f"{undated.sum():,.2f}"))
    return history, [text] if len(undated) and undated.sum() else []


def list_known(
    spend: Spend | CreditsDays,
    column: str,
    as_of: date | None,
    ends: Mapping[str, date],
    gone: Collection[str] = (),
) -> pd.DatetimeIndex:
    """The days that were read whole, of months with a row of this unit, also where none has an amount: of what the
    others are not of, they are known. The rest as of `build_history`."""
    months = {Month.containing(day) for day in _sum_days(_sum_sources(spend, gone), column).index}
    days = _list_read(spend, column, as_of, ends)
    return days[[Month.containing(day) in months for day in days]]


def _sum_sources(spend: Spend | CreditsDays, gone: Collection[str]) -> pd.DataFrame:
    """The sums by day, without the sources that are `gone`."""
    if not gone or not isinstance(spend, Spend):
        return spend.by("day")
    names = ", ".join("'" + one.replace("'", "''") + "'" for one in gone)
    return sum_rows(spend, ("day",), f"source NOT IN ({names})")


def _sum_days(table: pd.DataFrame, column: str) -> pd.Series:
    """Of each day that has a row of this unit what it came to; of calls that have no amount of money it is unknown."""
    dated = table[table["day"].notna()]
    sums = pd.Series(dated[column].astype(float).to_numpy(), pd.DatetimeIndex(dated["day"]), dtype=float)
    return sums.dropna() if column == UNITS["credits"] else sums  # a day of calls alone has no credits


def _list_read(
    spend: Spend | CreditsDays, column: str, as_of: date | None, ends: Mapping[str, date]
) -> pd.DatetimeIndex:
    """The days that were over when what has this unit was read, up to `as_of`."""
    days: list[date] = []
    datasets = list_datasets("credits" if column == UNITS["credits"] else column)
    for month in spend.loaded:
        read = [one for one in month.proofs if one.dataset in datasets]
        if not read:
            continue
        last = _find_last_known(month.month, read)
        if as_of is None and month is spend.loaded[-1]:
            last = min([last, *(end for source, end in ends.items() if end >= month.month.first)])
        days += [day for day in month.month.span if day <= last]
    return pd.DatetimeIndex([day for day in days if as_of is None or day <= as_of])
