"""What two logs share once the times of one are moved: how much, and whether that may be chance."""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

import duckdb

from flexlib.money.near_calls import APART, CLOCK, LAGS, LEAST_EQUAL, NEARLY, SLOT, SPREAD, match_calls
from flexlib.money.same_calls import FEW_CALLS, MOSTLY

ZONE, FARTHEST = 900, 50_400
"""Seconds: clocks of two zones differ by quarters of an hour, by fourteen hours at most."""
SLOW = 10
"""Seconds by which one of two systems writes a call later than the other, whatever their zones."""
CHANCE = 0.001
"""How many distances at which all calls meet by chance are too many, over all distances that are looked at."""
HOUR = 3_600
CONTROLS = (60, -60, HOUR, -HOUR)
"""Seconds by which a distance is made another: where half as many calls meet at that, both are asked by the clock."""
OTHERS = sorted({*CONTROLS, *LAGS, *(-lag for lag in LAGS)})
"""Those by which it is made another where two logs share a part: what meets at these meets by chance, or by the day."""
LEAST_TOLD = 10
"""So many calls are at least asked of files whose ids differ, and be it in so many places of a minute: two projects may
be asked by the clock."""
DISTANCES = (2 * FARTHEST // ZONE + 1) * (2 * SLOW + 1)


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
    """Calls of `few`, or those of `many` that they meet, that are as far from others of their own file."""
    bursts: int
    """In how many bursts calls meet; and in `elsewhere_bursts` at all `OTHERS`, at most in `most_bursts` at one of them
    or with its own."""
    elsewhere_bursts: int
    most_bursts: int


def count_met(
    connection: duckdb.DuckDBPyConnection, few: int, many: int, by: str, *, is_alike: bool, is_told: bool
) -> tuple[int, bool, int]:
    """How many calls of the file `few` are calls of `many` once moved by so much; 0 where that may be chance. Whether
    that is nearly all that it has, and how many meet elsewhere.

    Nearly all are chance where `many` has none of those lengths as often, by their times; nor where within the times of
    `few` both have the same calls and no other, all of them at one distance: a burst is too short to be told by its
    times. Of two files of one system they are also where either's own calls are as far from each other: what is asked
    by the clock, and may begin or end where they meet. A part is chance unless far more meet than at other distances.
    """
    plain = f"(FROM all_calls WHERE file = {few})"
    sides = [f"(SELECT * REPLACE (us + {by} AS us) FROM {plain})", f"(FROM all_calls WHERE file = {many})"]
    is_one_lag = by.lstrip("-").isdigit()
    # Where a clock was put back the same calls are not to be met before and after it.
    counted = "count(DISTINCT new_id)" if is_one_lag else "least(count(DISTINCT new_id), count(DISTINCT old_id))"
    own = f"FROM ({match_calls([0], sides[0], plain)}) WHERE new_id <> old_id AND {by != '0'}"
    those_met = f"(SELECT many.* REPLACE (us + lag AS us) FROM {sides[1]} many JOIN lags ON id = old_id)"
    theirs = f"FROM ({match_calls([0], those_met, sides[1])}) WHERE new_id <> old_id AND {by != '0'}"
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
            SELECT lag, count(DISTINCT new_id) AS met, count(DISTINCT us // {APART}) AS bursts
            FROM ({match_calls(OTHERS, *sides)}) GROUP BY lag),
        own AS (SELECT count(DISTINCT new_id) AS met, count(DISTINCT us // {APART}) AS bursts {own}),
        lags AS (SELECT DISTINCT old_id, met.us - off - few.us AS lag FROM met JOIN {plain} few ON id = new_id),
        theirs AS (SELECT count(DISTINCT new_id) AS met {theirs})
        SELECT count(*) FILTER (is_within), count(*) FILTER (is_near), count(*),
            (SELECT {counted} FROM met), (SELECT count(DISTINCT length) FROM met),
            (SELECT sum(ln(least(1, times * 2e6 / (last - first)))) FROM lengths JOIN often USING (length), span),
            (SELECT coalesce(max(met) FILTER (lag IN {tuple(CONTROLS)}), 0) FROM others),
            (SELECT count(DISTINCT new_id) FROM fine),
            (SELECT count(*) FROM {sides[1]} ANTI JOIN fine ON id = old_id
                WHERE us BETWEEN (SELECT min(us) FROM fine) AND (SELECT max(us) FROM fine)),
            (SELECT count(*) FROM {sides[1]}
                WHERE us BETWEEN (SELECT min(us) - {CLOCK} FROM {sides[0]})
                    AND (SELECT max(us) + {CLOCK} FROM {sides[0]})),
            (SELECT count(DISTINCT us // 1000 % 60_000) FROM met),
            greatest((SELECT met FROM own), (SELECT met FROM theirs)),
            (SELECT count(DISTINCT us // {APART}) FROM met), (SELECT coalesce(sum(bursts), 0)::BIGINT FROM others),
            (SELECT max(bursts) FROM (SELECT bursts FROM others UNION ALL SELECT bursts FROM own))
        FROM moved""").fetchall()
    met = _Met(*found)
    far = max(met.elsewhere, met.most_bursts)
    if (is_told and met.calls < LEAST_TOLD) or met.lengths < LEAST_EQUAL:
        return 0, False, far
    is_by_places = is_told and met.places < LEAST_TOLD  # by the clock: then all calls of both must be the same
    size = max(met.size, met.of_many) if is_by_places else met.size
    part = met.near if met.near >= FEW_CALLS else met.whole
    tries = DISTANCES * (1 if is_one_lag else met.whole)
    is_one_run = met.at_once == met.whole and not met.beside
    is_by_time = log(tries) + (met.likely or 0) <= log(CHANCE)
    is_by_clock = max(met.elsewhere, met.again if is_alike else 0) * MOSTLY >= met.calls
    is_nearly_all = met.calls * NEARLY >= size * (NEARLY - 1) and size * MOSTLY >= part
    if is_nearly_all and not is_by_clock and (is_one_run or is_by_time):
        return met.calls, True, far
    is_more = not is_by_places and _is_far_more(met, tries)
    return met.calls if is_more else 0, False, far


def _is_far_more(met: _Met, tries: int) -> bool:
    """Whether more meet than chance, the clock or the file's own rhythm bring together at other distances, of so many
    that were tried."""
    if max(met.elsewhere, met.again) * MOSTLY >= met.calls:
        return False
    if met.bursts - met.most_bursts < LEAST_EQUAL + SPREAD * sqrt(met.most_bursts):
        return False
    mean = (met.elsewhere_bursts + 1) / (len(OTHERS) + 1)
    # Chernoff's bound of how likely a Poisson count is as great: a sum of its terms is 0 where the mean is great.
    return met.bursts > mean and met.bursts - mean - met.bursts * log(met.bursts / mean) <= log(CHANCE / tries)
