"""Calls that two systems both logged, each by its own clock: told from calls of two applications that are as long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import duckdb

from flexlib.ingest.files.model_names import CALL, SAME_MODEL, SAME_USER

MOSTLY = 2
"""One call in so many at moments of another file makes the two versions of one log: by chance next to none is."""
LEAST_EQUAL = 3
"""With fewer equal calls two files may be of two projects, by chance or by a clock that writes tenths of seconds."""

CLOCKS = "INTERVAL 1 SECOND"
"""Two systems that both log a call write their own times of it: milliseconds apart, seldom as much as this."""
FEW_CALLS = 10
"""Of so few calls one is enough to ask: that another system had one of as many tokens in that second is no chance."""

LAGS = (5, -5, 9, -9, 60, 3_600, 86_400)
"""Seconds by which one of two logs is moved: what they share then, they share by chance, or since both are asked by the
minute, the hour or the day."""
SPREAD = 4
"""So many times the square root of a count that is chance it seldom differs from another such count."""


class _Met(NamedTuple):
    """What two files share where the calls of the new one are moved by a lag."""

    new: int
    old: int
    calls: int
    lengths: int
    """Of how many different numbers of tokens they are, and in `places` in how many seconds of each."""
    places: int
    period: int
    """The commonest number of seconds from one such second to the next; 0 where there is one."""


def count_near(connection: duckdb.DuckDBPyConnection) -> Counter[tuple[int, int]]:
    """Calls that two systems both have, by the two files: near another of the other's, with as many tokens.

    Asked about are those of most of the fewer calls of the two, in the time that both are of; and fewer ones where they
    are of more lengths, or of far more seconds, than when one of the logs is moved: then what they share is chance, or
    since both are asked at the same times. Two logs of one system tell the same time of a call. Looks into the view
    `all_rows` and the table `traits`.
    """
    found, doubtful = Counter[tuple[int, int]](), dict[tuple[int, int], _Met]()
    for met in _meet(connection, [0]):
        size = _count_fewer(connection, met)
        if size <= FEW_CALLS or met.calls * MOSTLY >= size:
            found[met.new, met.old] = met.calls
        elif met.lengths >= LEAST_EQUAL or met.places >= FEW_CALLS:
            doubtful[met.new, met.old] = met
    own = {sign * met.period for met in doubtful.values() if met.period > LAGS[0] for sign in (1, -1)}
    moved = _meet(connection, sorted({*LAGS, *own})) if doubtful else []
    for pair, met in doubtful.items():
        others = [one for one in moved if (one.new, one.old) == pair]
        lengths = max((one.lengths for one in others), default=0)
        places = max((one.places for one in others), default=0)
        if met.lengths - lengths >= LEAST_EQUAL + SPREAD * sqrt(
            lengths
        ) or met.places - places >= FEW_CALLS + SPREAD * sqrt(places):
            found[pair] = met.calls
    return found


def match_calls(lags: Sequence[float], new: str, old: str) -> str:
    """A query for the calls of the relations `new` and `old` that may be one call, those of `new` moved by each of so
    many seconds: the files `new` and `old`, `lag`, `new_id`, `old_id`, `second`, `length`."""
    return f"""
        SELECT new.file AS new, old.file AS old, lag, new.id AS new_id, old.id AS old_id, new.second AS second,
            (new.base, new.prompt_tokens, new.completion_tokens) AS length
        FROM (SELECT *, date_trunc('second', created_at) + unnest([-1, 0, 1]) * {CLOCKS} AS second
            FROM (SELECT * REPLACE (created_at + to_seconds(lag) AS created_at)
                FROM (SELECT *, unnest({list(lags)}) AS lag FROM {new}))) new
        JOIN {old} old ON {SAME_MODEL} AND new.prompt_tokens = old.prompt_tokens
            AND new.completion_tokens = old.completion_tokens AND new.second = date_trunc('second', old.created_at)
            AND old.created_at BETWEEN new.created_at - {CLOCKS} AND new.created_at + {CLOCKS} AND {SAME_USER}"""


def _meet(connection: duckdb.DuckDBPyConnection, lags: Sequence[int]) -> list[_Met]:
    return [
        _Met(*one)
        for one in connection.execute(f"""
        WITH calls AS (FROM all_rows JOIN traits USING (file) WHERE grain = '{CALL}'),
        added AS (FROM calls WHERE is_added AND is_new),
        met AS ({match_calls(lags, "added", "calls")}
            WHERE new.mapping <> old.mapping AND new.file <> old.file AND (NOT old.is_new OR old.file < new.file)),
        gaps AS (
            SELECT new, old, lag, mode(gap) AS period FROM (
                SELECT *, epoch(second - lag(second) OVER (PARTITION BY new, old, lag ORDER BY second))::BIGINT AS gap
                FROM (SELECT DISTINCT new, old, lag, second FROM met)) GROUP BY ALL)
        SELECT new, old, least(count(DISTINCT new_id), count(DISTINCT old_id)), count(DISTINCT length),
            count(DISTINCT (length, second)), coalesce(any_value(period), 0)
        FROM met JOIN gaps USING (new, old, lag) GROUP BY new, old, lag""").fetchall()
    ]


def _count_fewer(connection: duckdb.DuckDBPyConnection, met: _Met) -> int:
    """How many calls the one of the two files has that has fewer, in the time that both are of."""
    ((size,),) = connection.execute(f"""
        WITH calls AS (SELECT file, created_at FROM all_rows WHERE grain = '{CALL}' AND file IN ({met.new}, {met.old})),
        spans AS (
            SELECT min(created_at) - {CLOCKS} AS first, max(created_at) + {CLOCKS} AS last FROM calls GROUP BY file),
        shared AS (SELECT max(first) AS first, min(last) AS last FROM spans),
        sizes AS (SELECT count(*) AS size FROM calls, shared WHERE created_at BETWEEN first AND last GROUP BY file)
        SELECT min(size) FROM sizes""").fetchall()
    return int(size)
