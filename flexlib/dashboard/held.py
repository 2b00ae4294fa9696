"""The months that a viewer looks at, with their rows held in memory, and what tells that they are no longer the stored
ones: a click sums what is held, and reads no file again unless one is another."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import fields
from functools import cached_property
from typing import Any
from uuid import uuid4
from weakref import finalize

import duckdb

import flexlib as fl
from flexlib.dashboard.rolled import ROLLED, roll_up
from flexlib.dashboard.view import Months
from flexlib.dates import Month, Span
from flexlib.front.months import find_data, find_look
from flexlib.front.narrow import KEPT, Only, list_rows, sum_narrow, sum_rows, write_condition, write_keys
from flexlib.front.organization import has_shares
from flexlib.front.spend import Spend
from flexlib.front.table import SpendTable, build_table
from flexlib.front.undecided import has_sums_of_months, list_apart
from flexlib.i18n import find_language
from flexlib.proof import State, Unclosed
from flexlib.settings import Settings
from flexlib.spend.billed import name_spellings
from flexlib.store.membership import LEVELS

MOST_HELD = 1_500_000
"""Rows of a span that are held, some 250 bytes each. What is more is read from its files at each click."""
MOST_LOADED = 3
"""Spans that are held: a month, what it is compared with, and the one before."""
LOOK_SECONDS = 30.0
"""For which a look at what is recorded and not closed is believed: it counts a month of the ledger, which takes longer
than a click may where there are millions of calls."""
COLUMNS = (
    *("id", "created_at", "grain", "requests", "provider", "model", "proxy", "task_type", "source"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "amount_in_usd", "amount_in_clp"),
    *('"user"', "flex_credits", "prompt_credits"),
)
"""All that a view sums, is narrowed by or shows of a row."""
UNSEEN = ("ledger.sqlite", ".answers_cache")
"""How what changes in the data folder and is no part of a stored month begins."""

Stamp = tuple[tuple[str, int, int, int], ...]


class HeldSpend(Spend):
    """The same months, each thing of them asked once."""

    @cached_property
    def state(self) -> State:
        return super().state

    @cached_property
    def missing(self) -> tuple[str, ...]:
        return super().missing

    @cached_property
    def sums(self) -> dict[object, SpendTable]:
        """What was summed: another unit, or the way back, sums nothing again."""
        return {}

    @cached_property
    def moved(self) -> dict[str, frozenset[str | None]]:
        """What `list_moved` found."""
        return {}

    @cached_property
    def is_held(self) -> bool:
        """Whether its rows are few enough."""
        return sum(one.certificate.rows for month in self._months for one in month.snapshots) <= MOST_HELD

    @cached_property
    def _rows(self) -> duckdb.DuckDBPyRelation:
        rows = self._join_rows(None)
        if not self.is_held:
            return rows
        if self.roster is not None and _count(self._placed) == _count(rows):
            return self._placed  # nobody is in two places at once: one copy is enough
        return self._hold(rows, _write_told())

    @cached_property
    def _placed(self) -> duckdb.DuckDBPyRelation:
        rows = super()._placed
        # Each part of a shared call lacks what the call lacks, though only one of them counts it.
        part = ["struct_pack(requests := part.requests) AS part"] if has_shares(self.organization) else []
        return self._hold(rows, ", ".join((*LEVELS, *part))) if self.is_held else rows

    @cached_property
    def _spellings(self) -> str:
        return name_spellings(self.rolled)

    @cached_property
    def rolled(self) -> duckdb.DuckDBPyRelation:
        """What `ROLLED` is summed of, however many rows there are."""
        days = duckdb.from_arrow(roll_up(self))
        return self._keep(days.select("* REPLACE (CAST(created_at AS TIMESTAMP) AS created_at)"))

    def _hold(self, rows: duckdb.DuckDBPyRelation, more: str) -> duckdb.DuckDBPyRelation:
        return self._keep(rows.select(f"{', '.join(COLUMNS)}, {more}"))

    def _keep(self, rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        name = f"held_{uuid4().hex}"
        rows.create(name)
        finalize(self, duckdb.execute, f"DROP TABLE {name}")
        return duckdb.table(name)


def hold_spend(spend: Spend) -> HeldSpend:
    """The same, with its rows in memory as soon as one of them is asked for."""
    return HeldSpend(**_list_fields(spend))


def _list_fields(spend: Spend) -> dict[str, Any]:
    return {one.name: getattr(spend, one.name) for one in fields(Spend)}


class Spans:
    """The spans that a viewer has loaded, until something stored is another."""

    def __init__(self, settings: Settings, *, names: bool) -> None:
        self.settings = settings
        self.names = names
        self._loaded: dict[tuple[Months, str], HeldSpend] = {}
        self._stamp: Stamp = ()
        self._looks: dict[Month, tuple[float, Unclosed | None]] = {}

    def check(self, spans: Iterable[Months]) -> bool:
        """Whether anything stored, or recorded of these spans and not closed, is another than when they were loaded;
        then they are forgotten."""
        root = find_data(self.settings)
        stamp = read_stamp(str(root), str(self.settings.organization or ""))
        look, now = find_look(self.settings, root, in_notebook=True), time.monotonic()
        before = {month: found for month, (_at, found) in self._looks.items()}
        for month in {one for first, last in spans for one in Span(first.first, last.last).months}:
            if month not in self._looks or self._looks[month][0] + LOOK_SECONDS < now:
                self._looks[month] = now, look(month)
        is_other = stamp != self._stamp or any(self._looks[month][1] != found for month, found in before.items())
        self._stamp = stamp
        if is_other:
            self._loaded.clear()
        return is_other

    def load(self, months: Months) -> HeldSpend:
        """Loaded once in each language: what is loaded keeps the sentences that it was first asked for."""
        key = months, find_language()
        found = self._loaded.pop(key, None) or hold_spend(fl.load(*months, names=self.names, lang=find_language()))
        for one in [*self._loaded][: len(self._loaded) - MOST_LOADED + 1]:
            del self._loaded[one]
        self._loaded[key] = found  # the last that is looked at is the last to go
        return found


def read_stamp(root: str, *others: str) -> Stamp:
    """What tells whether a file in the data folder, or one of the `others`, is another than before: its number, size
    and time. Nothing is opened: what is stored is put in place whole."""
    found = [*others]
    for folder, folders, files in os.walk(root):
        folders[:] = [one for one in folders if not one.startswith(UNSEEN)]
        found += [f"{folder}/{one}" for one in files if not one.startswith(UNSEEN) and not one.endswith(".lock")]
    return tuple(sorted(filter(None, map(_stamp, found))))


def _stamp(path: str) -> tuple[str, int, int, int] | None:
    try:
        seen = os.stat(path)  # noqa: PTH116 (a path object for each takes longer than the look)
    except FileNotFoundError:  # it went while we looked, or is not there: so is its stamp
        return None
    return path, seen.st_ino, seen.st_size, seen.st_mtime_ns


def sum_view(spend: Spend, keys: tuple[str, ...], only: Only) -> SpendTable:
    """The table of `Spend.by`, of these rows alone; of what is not held the answer is kept where it is of nobody."""
    if not isinstance(spend, HeldSpend):
        return sum_narrow(spend, keys, only)
    asked, every = (keys, tuple(only)), [*keys, *(key for key, _value in only)]
    if asked not in spend.sums:
        if ROLLED.issuperset(every):
            sql = write_keys(spend, every)
            rows = spend.rolled.filter(write_condition(sql, only))
            spend.sums[asked] = build_table(rows, {key: sql[key] for key in keys}, spend.span, spend.zone)
        elif spend.is_held or not KEPT.issuperset(every):
            spend.sums[asked] = sum_narrow(spend, keys, only)
        else:
            spend.sums[asked] = sum_rows(spend, keys, write_condition(write_keys(spend, every), only))
    return spend.sums[asked]


def list_view_rows(spend: Spend, only: Only, most: int) -> tuple[list[dict[str, Any]], int]:
    """What `list_rows` gives."""
    keys, count = [key for key, _value in only], None
    if isinstance(spend, HeldSpend) and ROLLED.issuperset(keys):
        rows = spend.rolled.filter(write_condition(write_keys(spend, keys), only))
        ((count,),) = rows.aggregate("coalesce(sum(rows), 0)::BIGINT").fetchall()
    return list_rows(spend, only, most, count)


def list_moved(spend: Spend, level: str) -> frozenset[str | None]:
    """Of which names of the level the month's sum of somebody may be partly who moved within it, and None, of which it
    is counted; none of what is no level."""
    if not isinstance(spend, HeldSpend):
        return frozenset(name for _source, name in list_apart(spend, level))
    if level not in spend.moved:  # what is held does not say whose such sums are
        found = list_moved(Spend(**_list_fields(spend)), level) if has_sums_of_months(spend) else frozenset()
        spend.moved[level] = found
    return spend.moved[level]


def _count(rows: duckdb.DuckDBPyRelation) -> int:
    (count,) = rows.aggregate("count(*)").fetchall()[0]
    return int(count)


def _write_told() -> str:
    """The metadata of calls as far as it says where somebody belongs, which is all of it that views are summed by."""
    said = ", ".join(f"'{level}', metadata ->> '$.\"{level}\"'" for level in LEVELS)
    any_said = " OR ".join(f"metadata ->> '$.\"{level}\"' IS NOT NULL" for level in LEVELS)
    return f"CASE WHEN {any_said} THEN json_object({said})::VARCHAR END AS metadata"
