"""Logs of two systems whose times of one call differ by one and the same distance: another zone, or a slow clock."""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import NamedTuple

import duckdb

from flexlib.money.near_calls import CLOCK, LEAST_EQUAL, NEARLY, SLOT, match_calls
from flexlib.money.same_calls import MOSTLY, SAME_LENGTH

ZONE, FARTHEST = 900, 50_400
"""Seconds: clocks of two zones differ by quarters of an hour, by fourteen hours at most."""
SLOW = 10
"""Seconds by which one of two systems writes a call later than the other, whatever their zones."""
SEEDS = 20
"""Of so many calls, spread over a log, the distances to as long calls of the other are looked at."""
CHANCE = 0.001
"""How many distances at which all calls meet by chance are too many, over all distances that are looked at."""
CONTROLS = (60, -60, 3_600, -3_600)
"""Seconds by which a distance is made another: where half as many calls meet at that, both are asked by the clock."""
DISTANCES = (2 * FARTHEST // ZONE + 1) * (2 * SLOW + 1)


class Shift(NamedTuple):
    """By how many seconds the times of the new file are to be moved, and how many calls are then in both."""

    seconds: int
    calls: int


def find_shifts(
    connection: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[int, int]]
) -> dict[tuple[int, int], Shift]:
    """Of pairs of a new and an old file those of which nearly all calls of the one are calls of the other's, as long
    and at one distance of time, where that is no chance. Looks into the table `all_calls`."""
    asked = ", ".join(f"({new}, {old})" for new, old in pairs)
    if not asked:
        return {}
    found = connection.execute(f"""
        WITH pairs AS (SELECT * FROM (VALUES {asked}) pairs(new, old)),
        numbered AS (
            SELECT *, row_number() OVER (PARTITION BY file ORDER BY us, id) - 1 AS nth,
                count(*) OVER (PARTITION BY file) AS size
            FROM all_calls WHERE prompt_tokens + completion_tokens > 0),
        sizes AS (SELECT DISTINCT file, size FROM numbered WHERE size >= {LEAST_EQUAL}),
        sides AS (
            SELECT pairs.new, pairs.old, one.size <= other.size AS is_new_less, least(one.size, other.size) AS size
            FROM pairs JOIN sizes one ON one.file = pairs.new JOIN sizes other ON other.file = pairs.old),
        seeds AS (FROM numbered WHERE nth % greatest(size // {SEEDS}, 1) = 0),
        away AS (
            SELECT sides.*, new.id AS seed, round((old.us - new.us) / 1e6)::BIGINT AS lag
            FROM sides JOIN seeds new ON new.file = CASE WHEN is_new_less THEN sides.new ELSE sides.old END
            JOIN all_calls old ON old.file = CASE WHEN is_new_less THEN sides.old ELSE sides.new END
                AND new.length = old.length AND abs(old.us - new.us) <= {(FARTHEST + SLOW) * CLOCK} AND {SAME_LENGTH}),
        votes AS (
            SELECT new, old, is_new_less, size, lag + spare AS lag, count(DISTINCT seed) AS votes,
                count(DISTINCT seed) FILTER (spare = 0) AS exact
            FROM (SELECT *, unnest([-1, 0, 1]) AS spare FROM away
                WHERE abs(lag) <= {FARTHEST} AND abs(lag - round(lag / {ZONE}) * {ZONE}) <= {SLOW})
            GROUP BY ALL)
        SELECT new, old, is_new_less, lag FROM votes
        WHERE votes >= {LEAST_EQUAL} AND votes * {MOSTLY} >= least({SEEDS}, size)
        QUALIFY row_number() OVER (PARTITION BY new, old ORDER BY votes DESC, exact DESC, abs(lag)) = 1""").fetchall()
    shifts = {}
    for new, old, is_new_less, lag in found:
        few, many = (new, old) if is_new_less else (old, new)
        if calls := _count_met(connection, few, many, lag):
            shifts[new, old] = Shift(lag if is_new_less else -lag, calls)
    return shifts


def _count_met(connection: duckdb.DuckDBPyConnection, few: int, many: int, lag: int) -> int:
    """How many calls of the file `few` are calls of `many` once moved by the lag; 0 where that may be chance.

    It is none where `many` has none of those lengths as often, by their times; nor where within the times of `few` both
    have the same calls and no other, all of them at one distance: a burst is too short to be told by its times.
    """
    sides = [f"(FROM all_calls WHERE file = {file})" for file in (few, many)]
    ((size, whole, met, lengths, likely, elsewhere, at_once, beside),) = connection.execute(f"""
        WITH span AS (SELECT min(us) - {CLOCK} AS first, max(us) + {CLOCK} AS last FROM {sides[1]}),
        moved AS (SELECT id, us + {lag * CLOCK} BETWEEN first AND last AS is_within FROM {sides[0]}, span),
        often AS (SELECT length, count(*) AS times FROM {sides[1]} GROUP BY ALL),
        met AS MATERIALIZED ({match_calls([lag], *sides)}),
        lengths AS (SELECT DISTINCT new_id, length FROM met),
        fine AS (FROM met WHERE abs(off - (SELECT median(off) FROM met)) <= {SLOT // 2}),
        others AS (
            SELECT lag, count(DISTINCT new_id) AS met
            FROM ({match_calls([lag + more for more in CONTROLS], *sides)}) GROUP BY lag)
        SELECT count(*) FILTER (is_within), count(*), (SELECT count(DISTINCT new_id) FROM met),
            (SELECT count(DISTINCT length) FROM met),
            (SELECT sum(ln(least(1, times * 2e6 / (last - first)))) FROM lengths JOIN often USING (length), span),
            (SELECT coalesce(max(met), 0) FROM others),
            (SELECT count(DISTINCT new_id) FROM fine),
            (SELECT count(*) FROM {sides[1]} ANTI JOIN fine ON id = old_id
                WHERE us BETWEEN (SELECT min(us) FROM fine) AND (SELECT max(us) FROM fine))
        FROM moved""").fetchall()
    is_nearly_all = met * NEARLY >= size * (NEARLY - 1) and size * MOSTLY >= whole
    is_one_run = at_once == whole and not beside
    is_by_time = log(DISTANCES) + (likely or 0) <= log(CHANCE)
    is_chance = lengths < LEAST_EQUAL or elsewhere * MOSTLY >= met or not (is_one_run or is_by_time)
    return met if is_nearly_all and not is_chance else 0
