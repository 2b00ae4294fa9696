"""Calls of two logs that may be one: what the query finds, and how seldom honest logs are taken for logs of one."""

from __future__ import annotations

import random
from collections.abc import Sequence

import duckdb
import pyarrow as pa
import pytest

from flexlib.money.near_calls import CLOCK, count_near, gather_calls, match_calls
from flexlib.money.same_calls import DIFFERS
from flexlib.money.shifted_calls import find_shifts

Call = tuple[int, int, int]
"""Milliseconds of a day, tokens in and out."""


def gather(connection: duckdb.DuckDBPyConnection, old: Sequence[Call], new: Sequence[Call]) -> None:
    """The calls of the stored file 0 and of the new file 1."""
    rows = [(file, f"{file}-{n}", *call) for file, calls in enumerate((old, new)) for n, call in enumerate(calls)]
    names = ("file", "id", "ms", "prompt_tokens", "completion_tokens")
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    connection.register("drawn", table)
    connection.execute(DIFFERS)
    connection.execute("""
        CREATE VIEW all_rows AS SELECT file::INTEGER AS file, id, file = 1 AS is_added, 'call' AS grain,
            make_timestamp((1778803200000 + ms) * 1000) AS created_at, 'm' AS base, NULL::VARCHAR AS dated,
            'openai' AS provider, NULL::VARCHAR AS usable_type, NULL::BIGINT AS usable_id,
            NULL::VARCHAR AS usable_key, prompt_tokens, completion_tokens FROM drawn""")
    gather_calls(connection)


def draw(seed: int, count: int, span: int, lengths: int) -> list[Call]:
    chosen = random.Random(seed)
    return [(chosen.randrange(span), chosen.randrange(lengths), chosen.randrange(2)) for _ in range(count)]


@pytest.mark.parametrize("lag", [0, -5, 60])
@pytest.mark.parametrize("span", [5_000, 90_000])
def test_the_calls_that_meet_are_those_within_a_second_that_are_as_long(span: int, lag: int) -> None:
    for seed in range(8):
        old, new = draw(seed, 30, span, 3), draw(seed + 100, 30, span, 3)
        with duckdb.connect() as connection:
            gather(connection, old, new)
            query = match_calls([lag], "(FROM all_calls WHERE file = 1)", "(FROM all_calls WHERE file = 0)")
            found = connection.execute(f"SELECT new_id, old_id, off FROM ({query})").fetchall()
        brute = [
            (f"1-{n}", f"0-{o}", off)
            for n, (ms, *length) in enumerate(new)
            for o, (at, *other) in enumerate(old)
            if length == other and abs(off := (at - ms - lag * 1000) * 1000) <= CLOCK
        ]
        assert sorted(found) == sorted(brute)


@pytest.mark.parametrize(("every", "lengths"), [(1, 12), (60_000, 12), (1, 3_000)])
def test_two_applications_that_are_asked_at_any_time_or_by_the_minute_are_not_taken_for_one(
    every: int, lengths: int
) -> None:
    asked = 0
    for seed in range(10):
        old, new = (
            [(ms // every * every + ms % 97, into, out) for ms, into, out in draw(one, 100, 86_400_000, lengths)]
            for one in (seed, seed + 100)
        )
        with duckdb.connect() as connection:
            gather(connection, old, new)
            asked += bool(count_near(connection, [(1, 0)]) or find_shifts(connection, [(1, 0)]))
    assert asked == 0


def test_logs_of_two_times_share_nothing() -> None:
    with duckdb.connect() as connection:
        gather(connection, [(1000, 5, 1)], [(9000, 5, 1)])
        assert count_near(connection, [(1, 0)]) == {}
