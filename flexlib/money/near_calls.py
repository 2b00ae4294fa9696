"""Calls that two systems both logged, each by its own clock: told from calls of two applications that are as long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import exp, sqrt
from typing import NamedTuple

import duckdb

from flexlib.money.same_calls import CALL, FEW_CALLS, SAME_LENGTH, count_fewer, is_asked

LEAST_EQUAL = 3
"""With fewer equal calls two files may be of two projects, by chance or by a clock that writes tenths of seconds."""

CLOCK = 1_000_000
"""Microseconds by which two systems' times of a call may differ, as `same_calls.CLOCKS`."""
SLOT = 100_000
"""Of two systems one mostly writes a call later by about as much: by chance the differences are of every length."""
SLOTS = 2 * CLOCK // SLOT
NEARLY = 10
"""One call in so many may be of one log alone."""
APART = 10_000_000
"""Microseconds: calls of one burst are no further from each other, and what meets in them meets once."""

LAGS = (5, -5, 9, -9, 60, 3_600, 86_400)
"""Seconds by which one of two logs is moved: what they share then, they share by chance, or since both are asked by the
minute, the hour or the day."""
SPREAD = 4
"""So many times the square root of a count that is chance it seldom differs from another such count."""
CHANCE = 1e-3
"""How likely it may be that chance alone gives what two logs share, before it is taken for more than that."""


class _Met(NamedTuple):
    """What two files share where the calls of the new one are moved by a lag."""

    lag: int
    calls: int
    exact: int
    """Those at one millisecond."""
    lengths: int
    """Of how many different numbers of tokens they are, and in `places` in how many seconds of each."""
    places: int
    slots: int
    """Bursts in which they differ by one and the same time, at the commonest one, and in `others` at all others."""
    others: int
    period: int
    """The commonest number of seconds from one such second to the next; 0 where there is one."""


NOTHING = _Met(0, 0, 0, 0, 0, 0, 0, 0)


def gather_calls(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the table `all_calls` of what tells one call from another, out of the view `all_rows`."""
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE all_calls AS
        SELECT row_number() OVER () AS nth, file, id, is_added, created_at, epoch_us(created_at) AS us, prompt_tokens,
            completion_tokens, hash(base, prompt_tokens, completion_tokens) AS length, provider, base, dated,
            usable_type, usable_id, usable_key
        FROM all_rows WHERE grain = '{CALL}'""")


def match_calls(lags: Sequence[int], new: str, old: str) -> str:
    """A query for the calls of the relations `new` and `old`, parts of `all_calls`, that may be one call, those of
    `new` moved by each of so many seconds: the files `new` and `old`, `lag`, `new_id`, `old_id`, `us` of the old one,
    `off`, how many microseconds the old one is later, and `length`."""
    # Materialized: else all calls of one length are joined first, whenever they were.
    return f"""
        WITH near AS MATERIALIZED (
            SELECT asked.nth, found, lag, moved
            FROM (
                SELECT nth, length, lag, moved,
                    unnest([(moved - {CLOCK}) // {2 * CLOCK}, (moved + {CLOCK}) // {2 * CLOCK}]) AS bucket
                FROM (SELECT nth, length, lag, us + lag * {CLOCK} AS moved
                    FROM {new}, (SELECT unnest({list(lags)}::BIGINT[]) AS lag))) asked
            JOIN (SELECT nth AS found, length, us, us // {2 * CLOCK} AS bucket FROM {old}) there
                ON there.length = asked.length AND there.bucket = asked.bucket
                AND there.us BETWEEN moved - {CLOCK} AND moved + {CLOCK})
        SELECT new.file AS new, old.file AS old, lag, new.id AS new_id, old.id AS old_id, old.us AS us,
            old.us - moved AS off, new.length AS length
        FROM near JOIN all_calls new ON new.nth = near.nth JOIN all_calls old ON old.nth = found AND {SAME_LENGTH}"""


def count_near(connection: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[int, int]]) -> Counter[tuple[int, int]]:
    """Calls that two systems both have, by the pairs of a new and another file: near another of the other's, with as
    many tokens.

    Asked about are nearly all of the fewer calls of the two, in the time that both are of; and fewer ones where they
    are more than what the two share when one of the logs is moved: that is chance, or since both are asked at the same
    times. More are most of the calls, calls of more lengths, or of far more seconds, and those that are all later by
    one and the same time. Two logs of one system tell the same time of a call. Looks into the table `all_calls`.
    """
    spans = {file: times for file, *times in connection.execute(f"""
        SELECT file, min(us) - {CLOCK}, max(us) + {CLOCK} FROM all_calls GROUP BY file""").fetchall()}  # fmt: skip
    found = Counter[tuple[int, int]]()
    for pair in pairs:
        starts, ends = zip(*(spans.get(one, (1, 0)) for one in pair), strict=True)
        if max(starts) <= min(ends):
            (met,) = _meet(connection, pair, [0])
            both = connection.table("all_calls").filter(f"file IN {pair}").select("file, created_at")
            size = count_fewer(connection, both) if met.calls else 0
            is_nearly_all = met.calls * NEARLY >= size * (NEARLY - 1)
            if met.calls and (is_nearly_all or _is_more(connection, pair, met, size)):
                found[pair] = met.calls
    return found


def _is_more(connection: duckdb.DuckDBPyConnection, pair: tuple[int, int], met: _Met, size: int) -> bool:
    """Whether two files share more than where one of them is moved; the one with fewer calls has as many as `size`."""
    least = {"lengths": LEAST_EQUAL, "places": FEW_CALLS, "slots": LEAST_EQUAL, "exact": 1}
    least |= {"calls": 1} if is_asked(met.calls, size) else {}
    if all(getattr(met, name) < count for name, count in least.items()):
        return False
    own = [sign * met.period for sign in (1, -1)] if met.period > LAGS[0] else []
    lags = sorted({*LAGS, *own})
    moved = _meet(connection, pair, lags)
    most = {name: max(getattr(one, name) for one in moved) for name in least}
    for name in least.keys() & {"calls", "lengths", "places"}:
        if getattr(met, name) - most[name] >= least[name] + SPREAD * sqrt(most[name]):
            return True
    by_slot = (met.others + sum(one.slots + one.others for one in moved) + 1) / ((len(lags) + 1) * SLOTS)
    least_slots = LEAST_EQUAL + SPREAD * sqrt(most["slots"])  # both may be asked by the clock, the one always later
    if met.slots - most["slots"] >= least_slots and _exceed(met.slots, by_slot) * SLOTS < CHANCE:
        return True
    by_moment = max(sum(one.exact for one in moved) / len(lags), by_slot * 1_000 / SLOT)
    return met.exact > 0 and _exceed(met.exact, by_moment) < CHANCE


def _exceed(count: int, mean: float) -> float:
    """How likely a count of events of which there are `mean` on average is as great as that (Poisson)."""
    less, term = 0.0, exp(-mean)
    for number in range(count):
        less += term
        term *= mean / (number + 1)
    return 1 - less


def _meet(connection: duckdb.DuckDBPyConnection, pair: tuple[int, int], lags: Sequence[int]) -> list[_Met]:
    """What the two share at each of the lags, in their order."""
    sides = [f"(FROM all_calls WHERE file = {pair[0]} AND is_added)", f"(FROM all_calls WHERE file = {pair[1]})"]
    found = connection.execute(f"""
        WITH met AS MATERIALIZED ({match_calls(lags, *sides)}),
        gaps AS (
            SELECT lag, mode(gap) AS period FROM (
                SELECT *, second - lag(second) OVER (PARTITION BY lag ORDER BY second) AS gap
                FROM (SELECT DISTINCT lag, us // {CLOCK} AS second FROM met)) GROUP BY ALL),
        slots AS (
            SELECT lag, max(bursts) AS slots, (sum(bursts) - max(bursts))::BIGINT AS others FROM (
                SELECT lag, round(off / {SLOT}) AS slot, count(DISTINCT us // {APART}) AS bursts FROM met GROUP BY ALL)
            GROUP BY ALL)
        SELECT lag, least(count(DISTINCT new_id), count(DISTINCT old_id)),
            count(DISTINCT new_id) FILTER (us // 1000 = (us - off) // 1000), count(DISTINCT length),
            count(DISTINCT (length, us // {CLOCK})), any_value(slots), any_value(others),
            coalesce(any_value(period), 0)
        FROM met JOIN gaps USING (lag) JOIN slots USING (lag) GROUP BY lag""").fetchall()
    by_lag = {met[0]: _Met(*met) for met in found}
    return [by_lag.get(lag, NOTHING) for lag in lags]
