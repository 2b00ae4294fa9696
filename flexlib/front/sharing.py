"""What a page may hold that is shared with everybody: no amount of a group of a few people, by itself or by sums."""

from __future__ import annotations

import pandas as pd

from flexlib.analysis.small_groups import choose_folded
from flexlib.errors import InvalidRequest
from flexlib.front.chargeback_pools import PEOPLE
from flexlib.front.spend import Spend, sum_rows
from flexlib.i18n import _

SHARED_LEVEL = "department"
"""The one kind of group of a page that is shared: of two kinds, such as departments and their teams, the amounts of one
could be subtracted from those of the other."""


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
