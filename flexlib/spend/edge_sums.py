"""Sums of hours on both sides of a month's edge: the same tokens of the same models, in hours at one distance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from flexlib.money.moved_calls import FARTHEST, ZONE
from flexlib.money.same_calls import CALL, FEW_CALLS, MOSTLY, PIECE_MINUTES

if TYPE_CHECKING:
    import duckdb

LEAST_ALIKE = 2
"""So many sums that are equal at one distance are no chance; one is enough where it sums `FEW_CALLS`."""

SAME_SUMS = """old.base = new.base AND old.prompt = new.prompt AND old.completion = new.completion
    AND new.start >= $edge AND old.start < $edge"""


class Alike(NamedTuple):
    """The hours in which two files have the same tokens, once the late one's clock is moved."""

    late: list[tuple[str, datetime]]
    """By the name of the model, when each begins, by the file's own clock."""
    early: list[tuple[str, datetime]]

    @property
    def hours(self) -> int:
        return len({start for _base, start in self.late})


def find_alike(
    connection: duckdb.DuckDBPyConnection, pairs: Iterable[tuple[int, int]], edge: date
) -> dict[tuple[int, int], Alike]:
    """Of pairs of a late and an early file those that may have the same hours, one of them as sums, the other as sums
    or as calls; looks into the view `all_rows` of the rows near the edge.

    Sums that a file has of several hours tell nothing: so is what is asked by the clock. Of the others, most are equal
    of the hours that the clock moved over the edge, of the file that has fewer there; then all equal ones are given.
    """
    asked = ", ".join(f"({late}, {early})" for late, early in pairs)
    if not asked or not connection.execute("SELECT 1 FROM all_rows WHERE grain = 'hour' LIMIT 1").fetchall():
        return {}
    found = connection.execute(f"""
        WITH begun AS (
            -- An hour of another zone may begin at any quarter of one: calls are summed from each.
            SELECT *, period_start(created_at, grain) - back * INTERVAL {PIECE_MINUTES} MINUTE AS start
            FROM (SELECT *, unnest(CASE WHEN grain = 'hour' THEN [0] ELSE [0, 1, 2, 3] END) AS back
                FROM all_rows WHERE grain IN ('{CALL}', 'hour'))),
        summed AS MATERIALIZED (
            SELECT file, grain, base, start, minute(start) AS phase, sum(prompt_tokens) AS prompt,
                sum(completion_tokens) AS completion,
                sum(CASE WHEN grain = '{CALL}' THEN 1 ELSE coalesce(requests, 0) END) AS calls
            FROM begun GROUP BY ALL
            HAVING count(prompt_tokens) = count(*) AND count(completion_tokens) = count(*) AND prompt + completion > 0),
        hours AS MATERIALIZED (
            FROM summed QUALIFY count(*) OVER (PARTITION BY file, grain, base, prompt, completion, phase) = 1),
        ways AS (
            SELECT late, early, epoch(new.start - old.start)::BIGINT AS distance, count(*) AS met,
                max(least(new.calls, old.calls)) AS calls, new.grain AS new_grain, old.grain AS old_grain,
                new.phase AS new_phase, old.phase AS old_phase
            FROM (VALUES {asked}) asked(late, early) JOIN hours new ON new.file = late JOIN hours old
                ON old.file = early AND {SAME_SUMS}
            WHERE (new.grain = 'hour' OR old.grain = 'hour') AND distance <= {FARTHEST} AND distance % {ZONE} = 0
            GROUP BY ALL),
        found AS (
            FROM ways
            WHERE (met >= {LEAST_ALIKE} OR calls >= {FEW_CALLS}) AND met * {MOSTLY} >= least(
                (SELECT count(*) FROM hours WHERE file = late AND grain = new_grain AND phase = new_phase
                    AND start >= $edge AND start < $edge + to_seconds(distance)),
                (SELECT count(*) FROM hours WHERE file = early AND grain = old_grain AND phase = old_phase
                    AND start < $edge AND start >= $edge - to_seconds(distance)))
            QUALIFY row_number() OVER (PARTITION BY late, early ORDER BY met DESC, distance) = 1)
        -- At the distance that they tell, also the hours that tell none.
        SELECT late, early, list((new.base, new.start)), list((old.base, old.start))
        FROM found JOIN summed new ON new.file = late AND new.grain = new_grain AND new.phase = new_phase
        JOIN summed old ON old.file = early AND old.grain = old_grain AND old.phase = old_phase AND {SAME_SUMS}
            AND epoch(new.start - old.start)::BIGINT = distance
        GROUP BY late, early""",
        {"edge": edge}).fetchall()  # fmt: skip
    return {(late, early): Alike(of_late, of_early) for late, early, of_late, of_early in found}


def list_ids(connection: duckdb.DuckDBPyConnection, file: int, hours: Iterable[tuple[str, datetime]]) -> frozenset[str]:
    """Those of the rows of the file that are of these hours."""
    import pyarrow as pa

    named = [{"base": base, "start": start} for base, start in hours]
    connection.register("named_hours", pa.Table.from_pylist(named))
    found = connection.execute(f"""
        SELECT DISTINCT id FROM all_rows JOIN named_hours USING (base)
        WHERE file = {file} AND created_at >= start AND created_at < start + INTERVAL 1 HOUR""").fetchall()
    return frozenset(one for (one,) in found)
