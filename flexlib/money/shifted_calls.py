"""Logs of two systems whose times of one call differ by one and the same distance: another zone, or a slow clock."""

from __future__ import annotations

from collections.abc import Container, Iterable
from math import log
from typing import NamedTuple

import duckdb
import pyarrow as pa

from flexlib.money.near_calls import CLOCK, LEAST_EQUAL, NEARLY, SLOT, match_calls
from flexlib.money.same_calls import FEW_CALLS, MOSTLY, SAME_LENGTH

ZONE, FARTHEST = 900, 50_400
"""Seconds: clocks of two zones differ by quarters of an hour, by fourteen hours at most."""
SLOW = 10
"""Seconds by which one of two systems writes a call later than the other, whatever their zones."""
SEEDS = 30
"""Of so many calls of a log, picked at random, the distances to as long calls of the other are looked at."""
CHANCE = 0.001
"""How many distances at which all calls meet by chance are too many, over all distances that are looked at."""
HOUR = 3_600
CONTROLS = (60, -60, HOUR, -HOUR)
"""Seconds by which a distance is made another: where half as many calls meet at that, both are asked by the clock."""
LEAST_TOLD = 10
"""So many calls are at least asked of files whose ids differ, and be it in so many places of a minute: two projects may
be asked by the clock."""
DISTANCES = (2 * FARTHEST // ZONE + 1) * (2 * SLOW + 1)

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


class _Met(NamedTuple):
    """What a file `few`, once moved, shares with a file `many`, in the order of the query for it."""

    size: int
    """Calls of `few` that lie within the times of `many` once moved; and `near` unmoved, and `whole` all."""
    near: int
    whole: int
    calls: int
    lengths: int
    """Of how many different numbers of tokens those are."""
    likely: float | None
    """The logarithm of how likely they meet by chance."""
    elsewhere: int
    """Calls that meet, at most, where they are moved by more or less than that."""
    at_once: int
    """Calls at one distance, and `beside` those of `many` that are none of them, in their time."""
    beside: int
    of_many: int
    """Calls of `many` within the times of `few` once moved."""
    places: int
    """In how many places of a minute calls meet."""
    again: int
    """Calls of `few` that are as far from others of its own."""


def find_shifts(
    connection: duckdb.DuckDBPyConnection,
    pairs: Iterable[Pair],
    alike: Container[Pair] = (),
    told: Container[Pair] = (),
) -> dict[Pair, Shift]:
    """Of pairs of a new and an old file those of which nearly all calls of the one are calls of the other's, as long
    and at one distance of time, where that is no chance. Looks into the table `all_calls`.

    Of these are `alike` those of one system, and `told` apart by their ids those that give ids.
    """
    asked = [(*pair, pair in alike, pair in told) for pair in pairs]
    if not asked:
        return {}
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
            WHERE (NOT is_alike OR greatest(one.first, other.first) < least(one.last, other.last))
                AND (NOT is_told OR least(one.size, other.size) >= {LEAST_TOLD})
                AND greatest(one.first, other.first) - least(one.last, other.last) <= {(FARTHEST + SLOW) * CLOCK}),
        picked AS (
            SELECT new, old, is_new_less, many, count(*) AS every, count(*) FILTER (us BETWEEN first AND last) AS met,
                min_by(nth, hash(id), {SEEDS}) AS spread,
                min_by(nth, hash(id), {SEEDS}) FILTER (us BETWEEN first AND last) AS within
            FROM sides JOIN calls ON file = few GROUP BY ALL),
        seeds AS (
            SELECT new, old, is_new_less, many, CASE WHEN met >= {FEW_CALLS} THEN met ELSE every END AS size,
                unnest(CASE WHEN met >= {FEW_CALLS} THEN within ELSE spread END) AS nth FROM picked),
        away AS (
            SELECT seeds.new, seeds.old, is_new_less, size, seeds.nth AS seed,
                round((old.us - new.us) / 1e6)::BIGINT AS lag
            FROM seeds JOIN calls new ON new.nth = seeds.nth
            JOIN calls old ON old.file = many
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
        pair = (new, old)
        few, many = pair if is_new_less else pair[::-1]
        kind = {"is_alike": pair in alike, "is_told": pair in told}
        moved: tuple[str, ...] = (f"us + {lag * CLOCK}",)
        calls = _count_met(connection, few, many, f"{lag * CLOCK}", **kind)
        for change, before, after in () if calls else _find_changes(connection, few, many, lag):
            by = f"CASE WHEN us < {change} THEN {before * CLOCK} ELSE {after * CLOCK} END"
            if calls := _count_met(connection, few, many, by, **kind):
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


def _count_met(
    connection: duckdb.DuckDBPyConnection, few: int, many: int, by: str, *, is_alike: bool, is_told: bool
) -> int:
    """How many calls of the file `few` are calls of `many` once moved by so much; 0 where that may be chance.

    It is none where `many` has none of those lengths as often, by their times; nor where within the times of `few` both
    have the same calls and no other, all of them at one distance: a burst is too short to be told by its times. Of two
    files of one system it is one also where a file's own calls are as far from each other: what is asked by the clock.
    """
    plain = f"(FROM all_calls WHERE file = {few})"
    sides = [f"(SELECT * REPLACE (us + {by} AS us) FROM {plain})", f"(FROM all_calls WHERE file = {many})"]
    is_one_lag = by.lstrip("-").isdigit()
    # Where a clock was put back the same calls are not to be met before and after it.
    counted = "count(DISTINCT new_id)" if is_one_lag else "least(count(DISTINCT new_id), count(DISTINCT old_id))"
    own = f"(SELECT count(DISTINCT new_id) FROM ({match_calls([0], sides[0], plain)}) WHERE new_id <> old_id)"
    (found,) = connection.execute(f"""
        WITH span AS (SELECT min(us) - {CLOCK} AS first, max(us) + {CLOCK} AS last FROM {sides[1]}),
        moved AS (
            SELECT id, us + {by} BETWEEN first AND last AS is_within, us BETWEEN first AND last AS is_near
            FROM {plain}, span),
        often AS (SELECT length, count(*) AS times FROM {sides[1]} GROUP BY ALL),
        met AS MATERIALIZED ({match_calls([0], *sides)}),
        lengths AS (SELECT DISTINCT new_id, length FROM met),
        fine AS (FROM met WHERE abs(off - (SELECT median(off) FROM met)) <= {SLOT // 2}),
        others AS (
            SELECT lag, count(DISTINCT new_id) AS met
            FROM ({match_calls(CONTROLS, *sides)}) GROUP BY lag)
        SELECT count(*) FILTER (is_within), count(*) FILTER (is_near), count(*),
            (SELECT {counted} FROM met), (SELECT count(DISTINCT length) FROM met),
            (SELECT sum(ln(least(1, times * 2e6 / (last - first)))) FROM lengths JOIN often USING (length), span),
            (SELECT coalesce(max(met), 0) FROM others),
            (SELECT count(DISTINCT new_id) FROM fine),
            (SELECT count(*) FROM {sides[1]} ANTI JOIN fine ON id = old_id
                WHERE us BETWEEN (SELECT min(us) FROM fine) AND (SELECT max(us) FROM fine)),
            (SELECT count(*) FROM {sides[1]}
                WHERE us BETWEEN (SELECT min(us) - {CLOCK} FROM {sides[0]})
                    AND (SELECT max(us) + {CLOCK} FROM {sides[0]})),
            (SELECT count(DISTINCT us // 1000 % 60_000) FROM met), {own if is_alike else 0}
        FROM moved""").fetchall()
    met = _Met(*found)
    if is_told and met.calls < LEAST_TOLD:
        return 0
    is_by_places = is_told and met.places < LEAST_TOLD  # by the clock: then all calls of both must be the same
    size = max(met.size, met.of_many) if is_by_places else met.size
    part = met.near if met.near >= FEW_CALLS else met.whole
    is_nearly_all = met.calls * NEARLY >= size * (NEARLY - 1) and size * MOSTLY >= part
    is_one_run = met.at_once == met.whole and not met.beside
    is_by_time = log(DISTANCES * (1 if is_one_lag else met.whole)) + (met.likely or 0) <= log(CHANCE)
    is_by_clock = max(met.elsewhere, met.again if by != "0" else 0) * MOSTLY >= met.calls
    is_chance = met.lengths < LEAST_EQUAL or is_by_clock or not (is_one_run or is_by_time)
    return met.calls if is_nearly_all and not is_chance else 0
