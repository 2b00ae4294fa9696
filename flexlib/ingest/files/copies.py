"""Sessions of Codex that begin with the calls of another one: what the files of both hold counts once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

import duckdb
import pyarrow as pa

from flexlib.dates import Month
from flexlib.ingest.files.pool import FileMonth, Pool
from flexlib.sources.files.codex import READER, REPLAYED
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

WHAT = ("model", "prompt_tokens", "completion_tokens", "cached_tokens")
"""What a copied call says as the first one did; its time may be that of the copying."""
LEAST_TURNS = 2
"""Two sessions that begin with one prompt have a first call alike; a second one grows from another answer."""


class _Call(NamedTuple):
    id: str
    at: datetime
    place: int | None
    """Its file's in the pool; None of one that is stored."""
    is_doubtful: bool
    what: tuple[str, int, int, int]


def leave_out_copies(pool: Pool, stored: Iterable[Snapshot], distinct: Collection[str]) -> Pool:
    """The pool without the calls of sessions that are the first ones of another session, of the pool or `stored`.

    Those at the same moments are; of those that `read_codex` doubts, which may have been copied with the time of the
    copying, a run of several as long. `distinct`: hashes of files whose calls are their own.
    """
    read = {place: file for place, file in enumerate(pool.files) if file.facts.mapping.get("reader") == READER}
    read = {place: file for place, file in read.items() if file.facts.sha256 not in distinct}
    if not read:
        return pool
    connection = pool.connection
    doubtful = [(place, name) for place, file in read.items() for name in file.doubtful]
    columns = {"place": [place for place, _ in doubtful], "id": [name for _, name in doubtful]}
    connection.register("doubtful_calls", pa.table(columns, pa.schema([("place", pa.int32()), ("id", pa.string())])))
    rows = [pool.calls.filter(f"place IN ({', '.join(map(str, read))})").select("*, true AS is_new")]
    rows += [
        read_usage([one.parquet], connection).select("*, NULL::BOOLEAN AS has_own_id, NULL AS place, false AS is_new")
        for one in stored
        if any(file["mapping"].get("reader") == READER for file in getattr(one.certificate, "files", ()))
    ]
    for number, one in enumerate(rows):
        one.create_view(f"codex_{number}", replace=True)
    every = " UNION ALL BY NAME ".join(f"FROM codex_{number}" for number in range(len(rows)))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE turns AS
        WITH every AS ({every}),
        numbered AS (
            SELECT every.*, regexp_extract(id, '^(.+)-([0-9]+)$', ['session', 'number']) AS told,
                doubtful_calls.id IS NOT NULL AS is_doubtful
            FROM every LEFT JOIN doubtful_calls USING (place, id))
        SELECT id, created_at, place, is_doubtful, told.session AS session, told.number::INTEGER AS number,
            {", ".join(WHAT)}
        FROM numbered WHERE told.session <> ''
        QUALIFY is_new OR NOT bool_or(is_new) OVER (PARTITION BY told.session)""")
    return _drop(pool, _find_copies(connection))


def _find_copies(connection: duckdb.DuckDBPyConnection) -> dict[tuple[int, str], _Call]:
    same = " AND ".join(f"one.{name} = other.{name}" for name in WHAT)
    pairs = connection.execute(f"""
        WITH firsts AS (FROM turns QUALIFY row_number() OVER (PARTITION BY session ORDER BY number) = 1)
        SELECT one.session, other.session FROM firsts one JOIN firsts other ON {same} AND one.session <> other.session
            AND other.place IS NOT NULL AND (one.created_at = other.created_at OR other.is_doubtful)""").fetchall()
    if not pairs:
        return {}
    sessions = defaultdict[str, list[_Call]](list)
    for session, name, at, place, is_doubtful, *what in connection.execute(f"""
        SELECT session, id, created_at, place, is_doubtful, {", ".join(WHAT)} FROM turns
        ORDER BY session, number""").fetchall():
        sessions[session].append(_Call(name, at, place, is_doubtful, tuple(what)))
    copies: dict[tuple[int, str], _Call] = {}
    for one, other in pairs:
        parent, copy = sessions[one], sessions[other]
        if (other, one) in pairs and _rank(parent) > _rank(copy):
            continue  # of two that begin alike the other one is the copy
        for call in copy[: _count_copied(parent, copy)]:
            assert call.place is not None  # a session is of the pool or stored
            copies[call.place, call.id] = call
    return copies


def _rank(session: Sequence[_Call]) -> tuple[bool, bool, int, str]:
    """The less, the likelier it is the one that was there first."""
    first = session[0]
    return first.place is not None, first.is_doubtful, len(session), first.id


def _count_copied(parent: Sequence[_Call], copy: Sequence[_Call]) -> int:
    """How many calls the copy begins with that are the first ones of its parent."""
    alike = list(
        takewhile(
            lambda both: both[0].what == both[1].what and (both[0].at == both[1].at or both[1].is_doubtful),
            zip(parent, copy, strict=False),
        )
    )
    is_exact = all(one.at == other.at for one, other in alike)
    is_sure = len(alike) >= LEAST_TURNS or (is_exact and any(one.at.microsecond for one, _ in alike))
    return len(alike) if is_sure else 0


def _drop(pool: Pool, copies: dict[tuple[int, str], _Call]) -> Pool:
    """The pool without these calls, which its files count as rows that are none."""
    if not copies:
        return pool
    dropped = defaultdict[tuple[int, Month], list[_Call]](list)
    for (place, _), call in copies.items():
        dropped[place, Month.containing(call.at.date())].append(call)
    files = list(pool.files)
    for (place, month), calls in dropped.items():
        months = files[place].months | {month: _leave_out(files[place].months[month], calls)}
        files[place] = replace(files[place], months=months)
    columns = {"place": [place for place, _ in copies], "id": [name for _, name in copies]}
    table = pa.table(columns, pa.schema([("place", pa.int32()), ("id", pa.string())]))
    pool.connection.register("copied_calls", table)
    return replace(pool, files=files, calls=pool.calls.filter("(place, id) NOT IN (FROM copied_calls)"))


def _leave_out(month: FileMonth, calls: Sequence[_Call]) -> FileMonth:
    counts = month.counts
    counts = replace(
        counts,
        rows=counts.rows - len(calls),
        prompt_tokens=counts.prompt_tokens - sum(call.what[1] for call in calls),
        completion_tokens=counts.completion_tokens - sum(call.what[2] for call in calls),
    )
    left_out = Counter(month.left_out) + Counter({REPLAYED: len(calls)})
    doubled = month.doubled - sum(call.is_doubtful for call in calls)
    return replace(month, counts=counts, left_out=dict(sorted(left_out.items())), doubled=doubled)
