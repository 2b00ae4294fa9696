"""Logs of two systems whose times of one call differ by one and the same distance: another zone, or a slow clock."""

from __future__ import annotations

from collections.abc import Container, Iterable
from math import sqrt
from typing import NamedTuple

import duckdb
import pyarrow as pa

from flexlib.money.moved_calls import FARTHEST, HOUR, LEAST_TOLD, SLOW, ZONE, count_met
from flexlib.money.near_calls import CLOCK, LEAST_EQUAL, SPREAD, match_calls
from flexlib.money.same_calls import FEW_CALLS, SAME_LENGTH

SEEDS = 100
"""Of so many calls of a log the distances to as long calls of the other are looked at: those of the rarest lengths,
which meet by chance least, else picked at random."""
FOLLOWING_SEEDS = 1_000
"""Of a log that may follow the other, where only the few calls between are in both: picked at random, for of these few
none is of a length that the other log lacks."""

Pair = tuple[int, int]
"""The numbers of a new file and of another."""


class Shift(NamedTuple):
    """By how many seconds the times of the new file are to be moved, and how many calls are then in both."""

    seconds: int
    calls: int
    is_new_moved: bool
    """Whether it was found by the times of the new file, which `moved` is of, and not by those of the other one."""
    moved: tuple[str, ...]
    """Where a time stands, in microseconds, once it is moved, in SQL: null where another of these is to be taken, as
    before or after a change of the clock."""

    def match(self, pair: Pair) -> str:
        """A query for the calls of the pair that are one: `new_id` and `old_id`."""
        few, many = pair if self.is_new_moved else pair[::-1]
        ids = "new_id, old_id" if self.is_new_moved else "old_id AS new_id, new_id AS old_id"
        plain = [f"(FROM all_calls WHERE file = {file})" for file in (few, many)]
        found = [match_calls([0], f"(SELECT * REPLACE ({one} AS us) FROM {plain[0]})", plain[1]) for one in self.moved]
        return " UNION ".join(f"SELECT {ids} FROM ({one})" for one in found)


def find_shifts(
    connection: duckdb.DuckDBPyConnection,
    pairs: Iterable[Pair],
    alike: Container[Pair] = (),
    told: Container[Pair] = (),
    *,
    may_follow: bool = False,
) -> dict[Pair, Shift]:
    """Of pairs of a new and an old file those that share calls, as long and at one distance of time: nearly all of the
    one's, where that is no chance, or far more than at other distances. Looks into the table `all_calls`.

    Of these are `alike` those of one system, and `told` apart by their ids those that give ids. Two files of one system
    that are of no common time are looked at only where one `may_follow` the other.
    """
    asked = [(*pair, pair in alike, pair in told) for pair in pairs]
    if not asked:
        return {}
    order, seeds = ("hash(id)", FOLLOWING_SEEDS) if may_follow else ("times, hash(id)", SEEDS)
    columns = zip(("new", "old", "is_alike", "is_told"), map(list, zip(*asked, strict=True)), strict=True)
    connection.register("asked_pairs", pa.table(dict(columns)))
    found = connection.execute(f"""
        WITH calls AS MATERIALIZED (FROM all_calls WHERE prompt_tokens + completion_tokens > 0),
        sizes AS (
            SELECT file, count(*) AS size, min(us) - {CLOCK} AS first, max(us) + {CLOCK} AS last FROM calls
            GROUP BY file HAVING count(*) >= {LEAST_EQUAL}),
        sides AS (
            SELECT new, old, one.size <= other.size AS is_new_less,
                CASE WHEN one.size <= other.size THEN new ELSE old END AS few,
                CASE WHEN one.size <= other.size THEN old ELSE new END AS many,
                greatest(one.first, other.first) AS first, least(one.last, other.last) AS last
            FROM asked_pairs JOIN sizes one ON one.file = new JOIN sizes other ON other.file = old
            WHERE ({may_follow} OR NOT is_alike OR greatest(one.first, other.first) < least(one.last, other.last))
                AND (NOT is_told OR least(one.size, other.size) >= {LEAST_TOLD})
                AND greatest(one.first, other.first) - least(one.last, other.last) <= {(FARTHEST + SLOW) * CLOCK}),
        often AS (SELECT file, length, count(*) AS times FROM calls GROUP BY ALL),
        picked AS (
            SELECT new, old, is_new_less, many, nth, times, id, us BETWEEN first AND last AS is_within,
                count(*) FILTER (is_within) OVER (PARTITION BY new, old) AS met
            FROM sides JOIN calls ON calls.file = few
                JOIN often ON often.file = many AND often.length = calls.length),
        seeds AS (
            FROM picked WHERE is_within OR met < {FEW_CALLS}
            QUALIFY row_number() OVER (PARTITION BY new, old ORDER BY {order}) <= {seeds}),
        away AS (
            SELECT seeds.new, seeds.old, is_new_less, seeds.nth AS seed,
                round((old.us - new.us) / 1e6)::BIGINT AS lag
            FROM seeds JOIN calls new ON new.nth = seeds.nth
            JOIN calls old ON old.file = many
                AND new.length = old.length AND abs(old.us - new.us) <= {(FARTHEST + SLOW) * CLOCK} AND {SAME_LENGTH}),
        votes AS (
            SELECT new, old, is_new_less, lag + spare AS lag, count(DISTINCT seed) AS votes,
                count(DISTINCT seed) FILTER (spare = 0) AS exact
            FROM (SELECT *, unnest([-1, 0, 1]) AS spare FROM away
                WHERE abs(lag) <= {FARTHEST} AND abs(lag - round(lag / {ZONE}) * {ZONE}) <= {SLOW})
            GROUP BY ALL)
        SELECT new, old, is_new_less, lag FROM votes
        WHERE votes >= {LEAST_EQUAL}
        QUALIFY row_number() OVER (PARTITION BY new, old ORDER BY votes DESC, exact DESC, abs(lag)) = 1""").fetchall()
    shifts = {}
    for new, old, is_new_less, lag in found:
        pair = (new, old)
        few, many = pair if is_new_less else pair[::-1]
        kind = {"is_alike": pair in alike, "is_told": pair in told}
        moved: tuple[str, ...] = (f"us + {lag * CLOCK}",)
        calls, is_whole, noise = count_met(connection, few, many, f"{lag * CLOCK}", **kind)
        for change, before, after in () if is_whole else _find_changes(connection, few, many, lag):
            by = f"CASE WHEN us < {change} THEN {before * CLOCK} ELSE {after * CLOCK} END"
            more, is_whole, _others = count_met(connection, few, many, by, **kind)
            if more and (is_whole or more - calls >= LEAST_EQUAL + SPREAD * sqrt(noise)):
                calls = more
                # A clock that is put back shows an hour twice: nobody knows on which side a call of it stands.
                moved = (
                    f"CASE WHEN us < {change + HOUR * CLOCK} THEN us + {before * CLOCK} END",
                    f"CASE WHEN us >= {change - HOUR * CLOCK} THEN us + {after * CLOCK} END",
                )
                break
        if calls:
            shifts[pair] = Shift(lag if is_new_less else -lag, calls, is_new_less, moved)
    return shifts


def _find_changes(connection: duckdb.DuckDBPyConnection, few: int, many: int, lag: int) -> list[tuple[int, int, int]]:
    """When a clock may have changed by an hour, so that calls of `few` meet those of `many` at the lag before it and at
    another after it, or the other way round: the time and both lags, where most calls meet first."""
    sides = [f"(FROM all_calls WHERE file = {file})" for file in (few, many)]
    return connection.execute(f"""
        WITH met AS MATERIALIZED (
            SELECT DISTINCT lag, new_id, us - off - lag * {CLOCK} AS moment
            FROM ({match_calls([lag, lag + HOUR, lag - HOUR], *sides)})),
        steps AS (
            SELECT other, moment, CASE lag WHEN other THEN -1 ELSE 1 END AS step
            FROM met JOIN (SELECT unnest([{lag + HOUR}, {lag - HOUR}]) AS other) ON lag IN (other, {lag})),
        sums AS (
            SELECT other, moment + 1 AS moment, sum(step) OVER (PARTITION BY other ORDER BY moment) AS more,
                sum(step) OVER (PARTITION BY other) AS every FROM steps),
        ways AS (
            SELECT max(more) * 2 - any_value(every) AS gain, arg_max(moment, more) AS moment, {lag} AS before,
                other AS after
            FROM sums GROUP BY other
            UNION ALL SELECT any_value(every) - 2 * min(more), arg_min(moment, more), other, {lag}
            FROM sums GROUP BY other)
        SELECT moment, before, after FROM ways WHERE moment IS NOT NULL ORDER BY gain DESC LIMIT 2""").fetchall()
