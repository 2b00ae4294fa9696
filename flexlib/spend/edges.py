"""One call on both sides of a month's edge, in files of two systems: once where that is known, else asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flexlib.dates import Month
from flexlib.formats import format_count
from flexlib.money.same_calls import CALL, CLOCKS, DIFFERS, SAME_LENGTH, count_fewer, is_asked, name_models
from flexlib.sources.registry import IMPORT
from flexlib.store.origins import find_system, read_origins
from flexlib.store.snapshots import find_snapshot
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb


class _Side(NamedTuple):
    """A month at an edge."""

    snapshot: Snapshot
    files: dict[str, dict[str, Any]]
    """What its certificate says of each file, by its hash."""


class _Pair(NamedTuple):
    """Two files of two systems: one that is of the later month, and one of the earlier."""

    late: str
    early: str
    dropped: str | None
    """The one that the other supersedes."""
    lag: int
    """By how many seconds the late one's times are to be moved to be those of the other."""


def find_edge_calls(edges: Iterable[Month], root: Path) -> tuple[set[str], tuple[str, ...]]:
    """Of calls at the edges, each the first moment of a month: the ids of those that a file counts which supersedes
    theirs, and sentences on those that may count twice."""
    import duckdb

    twice, doubts = set[str](), list[str]()
    for month in edges:
        sides = [_find_side(one, root) for one in (month, month.previous)]
        late, early = sides
        pairs = [*_list_pairs(late, early)] if late and early else []
        if not (late and early and pairs):
            continue
        with duckdb.connect() as connection:
            connection.execute(DIFFERS)
            for pair, met in _match(connection, late, early, pairs).items():
                if pair.dropped:
                    twice |= {one[pair.dropped == pair.early] for one in met}
                    continue
                count = min(len({one[side] for one in met}) for side in (0, 1))
                if is_asked(count, count_fewer(connection, _read_calls(connection, pair, late, early))):
                    names = late.files[pair.late]["name"], early.files[pair.early]["name"]
                    doubts.append(
                        f"{format_count(count, 'call')} of {names[0]} in {month} may be of {names[1]} in "
                        f"{month.previous} too, by clocks that differ: then it counts twice. Import the file that "
                        "holds with --supersedes of the other, or with --distinct if they are calls of their own."
                    )
    return twice, tuple(doubts)


def _find_side(month: Month, root: Path) -> _Side | None:
    snapshot = find_snapshot(IMPORT.dataset, month, root, IMPORT.name)
    files = getattr(snapshot.certificate, "files", ()) if snapshot else ()
    return _Side(snapshot, {one["sha256"]: one for one in files}) if snapshot else None


def _list_pairs(late: _Side, early: _Side) -> Iterator[_Pair]:
    for here, mine in late.files.items():
        for there, other in early.files.items():
            told = [one.files[sha] for one in (late, early) for sha in (here, there) if sha in one.files]
            if here == there or find_system(mine) == find_system(other) or any(one.get("distinct") for one in told):
                continue
            dropped, lag = None, 0
            for one in told:
                if by := {here, there} & {*one.get("superseded_by", ())}:
                    (newer,), dropped = by, one["sha256"]
                    lag = one.get("shifts", {}).get(newer, 0) * (1 if newer == here else -1)
            yield _Pair(here, there, dropped, lag)


def _match(
    connection: duckdb.DuckDBPyConnection, late: _Side, early: _Side, pairs: list[_Pair]
) -> dict[_Pair, list[tuple[str, str]]]:
    """The ids of calls of each pair that may be one, the late ones first."""
    reach, edge = max(abs(one.lag) for one in pairs), late.snapshot.month.first
    near = (
        f"grain = '{CALL}' AND created_at BETWEEN DATE '{edge}' - {CLOCKS} - to_seconds({reach}) "
        f"AND DATE '{edge}' + {CLOCKS} + to_seconds({reach})"
    )
    for name, side in (("late", late), ("early", early)):
        if not read_usage([side.snapshot.parquet], connection).filter(near).limit(1).fetchall():
            return {}
        rows = read_origins(side.snapshot, len(side.files), connection).filter(near)
        rows.create(f"edge_{name}")
    name_models(connection, "edge_late", "edge_early")
    numbers = [*late.files], [*early.files]
    there = {*connection.execute("SELECT DISTINCT is_added, file FROM all_rows").fetchall()}
    found = defaultdict[_Pair, list[tuple[str, str]]](list)
    for pair in pairs:
        if not {(True, numbers[0].index(pair.late)), (False, numbers[1].index(pair.early))} <= there:
            continue
        moved = f"new.created_at + to_seconds({pair.lag})"
        met = connection.execute(f"""
            SELECT new.id, old.id
            FROM (FROM all_rows WHERE is_added AND file = {numbers[0].index(pair.late)}) new
            JOIN (FROM all_rows WHERE NOT is_added AND file = {numbers[1].index(pair.early)}) old ON {SAME_LENGTH}
                AND old.created_at BETWEEN {moved} - {CLOCKS} AND {moved} + {CLOCKS}""").fetchall()
        if met:
            found[pair] = met
    return found


def _read_calls(connection: duckdb.DuckDBPyConnection, pair: _Pair, *sides: _Side) -> duckdb.DuckDBPyRelation:
    """`file` and `created_at` of all calls of both files in both months."""
    parts = [
        read_origins(side.snapshot, len(side.files), connection)
        .filter(f"grain = '{CALL}' AND file = {[*side.files].index(sha)}")
        .select(f"'{sha}' AS file, created_at")
        for side in sides
        for sha in (pair.late, pair.early)
        if sha in side.files
    ]
    return reduce(lambda one, other: one.union(other), parts)
