"""The days among which unusual ones are looked for, as tables: who spent how much, and where that lacks prices."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd

from flexlib.analysis.top import NOT_GIVEN
from flexlib.checks import MOST_UNPRICED
from flexlib.front.history import keep_use
from flexlib.spend.billed import sum_known

WHOLE = "day"
"""The layer of everything together."""
UNPRICED = int(MOST_UNPRICED * 1000)
"""`MOST_UNPRICED` in tenths of a percent, as it is written."""


def sum_day(table: pd.DataFrame, key: str, who: str, day: date, column: str) -> Decimal:
    """What the table has of the day and of whom it is: the numbers that are judged are only near it."""
    rows = table[table["day"] == pd.Timestamp(day)]
    if key != WHOLE:
        rows = rows[rows[key].fillna(NOT_GIVEN).astype(str) == who]
    known = sum_known(None if pd.isna(one) else one for one in rows[column])
    assert known is not None
    return known


def spread(table: pd.DataFrame, key: str, column: str, days: pd.Index) -> pd.DataFrame:
    """A line each, a column a day, 0 where nothing was spent; who spent nothing at all has none, unless that is not
    known: who has use without an amount alone."""
    known = table[table["day"].isin(days) & table[column].notna()]
    amounts = known.assign(amount=known[column].astype(float), who=known[key].fillna(NOT_GIVEN))
    wide = keep_use(amounts.pivot_table("amount", "who", "day", aggfunc="sum", fill_value=0.0))
    unknown = table.loc[table["day"].isin(days) & mark_parts(table, column), key].fillna(NOT_GIVEN)
    who = wide.index[wide.sum(axis=1) > 0].union(pd.Index(unknown.unique()))
    return wide.reindex(who, columns=days, fill_value=0.0)


def mark_parts(table: pd.DataFrame, column: str) -> pd.Series:
    """Of each line whether it lacks so many calls without such an amount that it is no measure, more than
    `MOST_UNPRICED`: it came to at least what it says. Credits lack none."""
    lacks = f"lacks_{column}"
    if lacks not in table:
        return pd.Series(False, table.index)
    calls, unpriced = table["requests"].fillna(0).astype(float), table["unpriced_requests"].fillna(0).astype(float)
    # Of what has but parts of such calls nobody counts them.
    are_few = (unpriced > 0) & (unpriced <= calls * float(MOST_UNPRICED))
    return table[lacks] & ~are_few


def spread_lacks(table: pd.DataFrame, key: str, column: str, amounts: pd.DataFrame) -> pd.DataFrame:
    """As of `mark_parts`, of each of the `amounts` of `spread`."""
    lacking = table[mark_parts(table, column) & table["day"].notna()]
    who = lacking[key].fillna(NOT_GIVEN) if key != WHOLE else pd.Series("", lacking.index)
    counts = pd.crosstab(who, lacking["day"]).reindex(index=amounts.index, columns=amounts.columns, fill_value=0)
    return counts > 0


def find_unit(people: pd.DataFrame, column: str) -> float:
    """What one use costs: amounts near it vary by chance alone."""
    known = people[people[column].notna() & people["requests"].notna()]
    spent = known[known[column] >= 0]  # a credit note is no use: no call of it tells what one costs
    spent = spent[~mark_parts(spent, column)]
    amount, requests = float(spent[column].sum() or 0), int(spent["requests"].sum())
    return amount / requests if amount > 0 and requests else 1.0


def count_heads(people: pd.DataFrame, day: date, whole: pd.Index) -> tuple[int, float, int, float]:
    """How many people spent how much each on the day, and on the median of its other such weekdays that are `whole`."""
    days = pd.DatetimeIndex(people.columns)
    counts = pd.Series((people > 0).sum().to_numpy(dtype=float), days)
    each = pd.Series(people.sum().to_numpy(dtype=float), days) / counts.clip(lower=1)
    moment = pd.Timestamp(day)
    is_other = (days.day_of_week == moment.day_of_week) & (days != moment) & (counts.to_numpy() > 0) & days.isin(whole)
    usual, usually = (0.0 if not is_other.any() else float(one[is_other].median()) for one in (counts, each))
    return int(counts[moment]), float(each[moment]), round(usual), usually
