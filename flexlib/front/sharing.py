"""What a page may hold that is shared with everybody: no amount of a group of a few people, by itself or by sums."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from typing import Any

import pandas as pd

from flexlib.analysis.chargeback import NOBODY, ChargeLine, LineKind
from flexlib.analysis.small_groups import SMALL_GROUPS, choose_folded, split_few
from flexlib.front.heads import count_users
from flexlib.front.narrow import sum_rows
from flexlib.front.spend import Spend
from flexlib.front.table import CREDITS, MONEY, SpendTable
from flexlib.i18n import _
from flexlib.store.budgets import Budget
from flexlib.store.membership import LEVELS
from flexlib.store.shared import SHARED_LEVEL, check_shared_level, check_shared_zone

Row = dict[str, Any]

OF_NOBODY = ("whole", "model", "provider")
"""Scopes of budgets that are of no group of people."""


def fold_table(table: SpendTable, folded: Collection[str | None], nothing: str) -> SpendTable:
    """The table of `Spend.by`, by departments (None as `nothing`) and other keys, with those that are `folded` as one:
    what is known is summed, and a number of calls or tokens is known where each is. A frame keeps of a label the text
    alone, which is in the reader's language so."""
    keys = [key for key in table.keys_ if key != SHARED_LEVEL]
    few, name = name_folded(folded, nothing), _(SMALL_GROUPS)
    rows = fold_rows(table.to_dict("records"), SHARED_LEVEL, few, keys, _add, name)  # type: ignore[arg-type]
    made: SpendTable = SpendTable(pd.DataFrame(rows, columns=table.columns).astype(table.dtypes.to_dict()))
    made.span, made.zone, made.keys_ = table.span, table.zone, table.keys_
    return made


def name_folded(folded: Collection[str | None], nothing: str) -> set[str]:
    """What they are called in a table, where None is `nothing`."""
    return {nothing if name is None else name for name in folded}


def fold_rows(
    rows: Sequence[Row],
    key: str,
    folded: Collection[str],
    keys: Sequence[str],
    add: Callable[[str, Sequence[Any]], object],
    name: str = SMALL_GROUPS,
) -> list[Row]:
    """The rows with those whose `key` is `folded` as one for each combination of the other `keys`, the last; `add`
    sums a column by its name and values."""
    others, few, called = split_few(rows, lambda row: row[key] in folded, lambda row: row[key], name)
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in few:
        groups.setdefault(tuple(None if pd.isna(row[one]) else row[one] for one in keys), []).append(row)
    made = []
    for group in groups.values():
        columns = {name: [row[name] for row in group] for name in group[0]}
        first = {key: called, **{name: columns[name][0] for name in keys}}
        made.append({one: first[one] if one in first else add(one, found) for one, found in columns.items()})
    return [*others, *made]


def _add(name: str, values: Sequence[Any]) -> object:
    known = [value for value in values if not pd.isna(value)]
    is_whole = len(known) == len(values) or (name in (*MONEY, *CREDITS) and known)
    return sum(known[1:], known[0]) if is_whole else None


def keep_shared(spend: Spend, budgets: Sequence[Budget]) -> list[Budget]:
    """The budgets of which everybody may know what is spent: those of no people, and of departments by month that
    `find_folded` leaves by themselves; on a day, or in a week, a department may be one person."""
    check_shared_zone(spend.zone)
    folded = find_folded(spend, SHARED_LEVEL) if any(one.scope == SHARED_LEVEL for one in budgets) else ()
    return [
        one
        for one in budgets
        if one.scope in OF_NOBODY or (one.scope == SHARED_LEVEL and one.period == "month" and one.of[0] not in folded)
    ]


def find_folded(spend: Spend, level: str) -> frozenset[str | None]:
    """The departments of few people that become one line, None for those who are in no department: of each month those
    that `choose_folded` takes, in all months, so that no month's page can be subtracted from that of a year.

    Raises `InvalidRequest` for another level, and another zone than UTC.
    """
    check_shared_level(level)
    check_shared_zone(spend.zone)
    folded: set[str | None] = set()
    for month, people in count_users(spend, level).items():
        chosen = choose_folded(people)
        folded |= {*people, *_list_names(spend, month, level)} if chosen is None else chosen
    return frozenset(folded)


def explain_folded(lines: Sequence[ChargeLine]) -> str:
    """Of which departments the line is that `fold_lines` made, and why."""
    if sum(line.key.kind is LineKind.PART for line in lines) == 1 and all(line.key != NOBODY for line in lines):
        return _("All departments, and what is unmapped, are one line: apart, an amount would be that of a few people.")
    return _("Departments of few people, and what is unmapped where it is of few, are one line: apart, an amount would "
             "be that of a few people.")  # fmt: skip


def find_level(spend: Spend, *, share: bool = False) -> str:
    """The level that is shared; else the first of them that anything of `spend` belongs to."""
    if share:
        return SHARED_LEVEL
    return next((level for level in LEVELS if sum_rows(spend, [level])[level].notna().any()), SHARED_LEVEL)


def _list_names(spend: Spend, month: date, level: str) -> set[str | None]:
    """All lines of a month, None of those who are in none."""
    table = sum_rows(spend, ["month", level])
    return {None if pd.isna(name) else str(name) for name in table[table["month"] == pd.Timestamp(month)][level]}
