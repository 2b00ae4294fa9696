"""Calls of two files of one system at one moment under two ids: of an export that gives ids anew, or by other names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import duckdb

from flexlib.money.moved_calls import LEAST_TOLD
from flexlib.money.near_calls import NEARLY
from flexlib.money.same_calls import CALL, MOSTLY, SAME_LENGTH
from flexlib.money.shifted_calls import Pair

LAGS = (7, -7, 60, -60, 3_600, -3_600)
"""Seconds by which the calls of one file are moved: what the two share then, too, they share by chance or clock."""


def count_twins(connection: duckdb.DuckDBPyConnection, told: Collection[Pair]) -> Counter[Pair]:
    """New calls that are in another file too, at one moment under another id, where those are nearly all that the one
    or the other has, or has within the time that both are of; by the pairs that are `told` apart by ids.

    With fewer than ten two files may be of two projects that both run by the clock, as where calls of two within one
    time meet as often when those of one are moved, or at the same few moments of every minute: then nearly all of both
    must have a twin.
    """
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE moments AS
        SELECT row_number() OVER () AS nth, * FROM (
            SELECT file, is_new AND is_added AS is_asked, is_new, provider, base, dated, created_at, prompt_tokens,
                completion_tokens, usable_type, usable_id, usable_key, mapping, count(*) AS size
            FROM (SELECT * REPLACE (date_trunc('millisecond', created_at) AS created_at) FROM all_rows)
            JOIN traits USING (file) WHERE grain = '{CALL}' AND has_own_id GROUP BY ALL)""")
    met = """
        SELECT new.file AS new, old.file AS old, new.nth, any_value(new.created_at) AS moment,
            least(any_value(new.size), sum(old.size)) AS twins
        FROM (FROM moments WHERE is_asked) new JOIN moments old ON {0}
            AND new.created_at + INTERVAL ({1}) SECOND = old.created_at
        WHERE new.file <> old.file AND (NOT old.is_new OR old.file < new.file) AND new.mapping = old.mapping
        GROUP BY ALL"""
    found = connection.execute(f"""
        WITH met AS ({met.format(SAME_LENGTH, 0)}),
        twins AS (
            SELECT new, old, sum(twins)::BIGINT AS twins, count(DISTINCT epoch_ms(moment) % 60_000) AS places
            FROM met GROUP BY ALL HAVING sum(twins) >= {LEAST_TOLD}),
        sizes AS (
            SELECT file, sum(size)::BIGINT AS size, min(created_at) AS first, max(created_at) AS last
            FROM moments GROUP BY file),
        spans AS (
            SELECT twins.*, least(one.size, other.size) AS size, greatest(one.first, other.first) AS first,
                least(one.last, other.last) AS last
            FROM twins JOIN sizes one ON one.file = new JOIN sizes other ON other.file = old),
        within AS (
            SELECT new, old, twins, places, spans.size, sum(moments.size) FILTER (file = new)::BIGINT AS ours,
                sum(moments.size) FILTER (file = old)::BIGINT AS theirs
            FROM spans JOIN moments ON file IN (new, old) AND created_at BETWEEN first AND last GROUP BY ALL)
        SELECT new, old, twins, size, CASE WHEN places >= {LEAST_TOLD} THEN least(ours, theirs)
            ELSE greatest(ours, theirs) END FROM within""").fetchall()
    counted, doubted = Counter[Pair](), Counter[Pair]()
    for new, old, twins, size, within in found:
        pair = (new, old)
        if pair in told and twins * NEARLY >= size * (NEARLY - 1):
            counted[pair] = twins
        elif pair in told and twins * NEARLY >= within * (NEARLY - 1):
            doubted[pair] = twins
    for (new, old), twins in doubted.items():
        pair_met = met.format(f"{SAME_LENGTH} AND new.file = {new} AND old.file = {old}", "{0}")
        others = [f"SELECT sum(twins) AS met FROM ({pair_met.format(lag)})" for lag in LAGS]
        ((most,),) = connection.execute(f"SELECT coalesce(max(met), 0) FROM ({' UNION ALL '.join(others)})").fetchall()
        if most * MOSTLY < twins:
            counted[new, old] = twins
    return counted
