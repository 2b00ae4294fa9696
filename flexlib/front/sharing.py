"""What a page may hold that is shared with everybody: no amount of a group of a few people, by itself or by sums."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from flexlib.analysis.small_groups import SMALL_GROUPS, choose_folded
from flexlib.errors import InvalidRequest
from flexlib.front.chargeback_pools import PEOPLE
from flexlib.front.spend import Spend, sum_rows
from flexlib.front.table import CREDITS, MONEY, SpendTable
from flexlib.i18n import _

SHARED_LEVEL = "department"
"""The one kind of group of a page that is shared: of two kinds, such as departments and their teams, the amounts of one
could be subtracted from those of the other."""


def fold_table(table: SpendTable, folded: Collection[str | None], nothing: str) -> SpendTable:
    """The table of `Spend.by`, by departments (None as `nothing`) and other keys, with those that are `folded` as one:
    what is known is summed, and a number of calls or tokens is known where each is."""
    names = {nothing if name is None else name for name in folded}
    few = table[table[SHARED_LEVEL].isin(names)]
    if few.empty:
        return table
    keys = [key for key in table.keys_ if key != SHARED_LEVEL]
    rows = []
    for place, (_given, group) in enumerate(few.groupby(keys, sort=False, dropna=False)):
        row = {key: group[key].iloc[0] for key in keys} | {SHARED_LEVEL: SMALL_GROUPS, "_place": place}
        for name in table.columns.difference([*keys, SHARED_LEVEL]):
            known = [value for value in group[name] if not pd.isna(value)]
            is_whole = len(known) == len(group) or (name in (*MONEY, *CREDITS) and known)
            row[name] = sum(known[1:], known[0]) if is_whole else None
        rows.append(row)
    one = pd.DataFrame(rows)[list(table.columns)].astype(table.dtypes.to_dict())
    made: SpendTable = SpendTable(pd.concat([table[~table[SHARED_LEVEL].isin(names)], one], ignore_index=True))
    made.span, made.zone, made.keys_ = table.span, table.zone, table.keys_
    return made


def find_folded(spend: Spend, level: str) -> frozenset[str | None]:
    """The departments of few people that become one line, None for those who are in no department: of each month those
    that `choose_folded` takes, in all months, so that no month's page can be subtracted from that of a year.

    Raises `InvalidRequest` for another level.
    """
    if level != SHARED_LEVEL:
        raise InvalidRequest(
            _(
                "what is shared is by {level} alone: of groups of two kinds, the amounts of few people could be found "
                "by subtraction. Take {level}, or leave out that it is shared."
            ).format(level=SHARED_LEVEL)
        )
    users = sum_rows(spend, ["month", level, "user"], PEOPLE)
    folded: set[str | None] = set()
    for _month, rows in users[users["user"].notna()].groupby("month"):
        names = [None if pd.isna(name) else str(name) for name in rows[level]]
        folded |= choose_folded({name: names.count(name) for name in names})
    return frozenset(folded)
