"""One call on both sides of a month's edge, in two files: once where that is known, else asked about."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache, partial, reduce
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flexlib.dates import Month
from flexlib.enums import OF_AN_HOUR
from flexlib.formats import format_number
from flexlib.i18n import translate_count
from flexlib.money.near_calls import gather_calls
from flexlib.money.same_calls import CALL, CLOCKS, MACROS, SAME_LENGTH, count_fewer, is_asked, name_models
from flexlib.money.shifted_calls import find_shifts
from flexlib.sources.registry import IMPORT
from flexlib.spend.edge_sums import find_alike, list_ids
from flexlib.spend.kept import name_origins
from flexlib.spend.once import is_near
from flexlib.store.cache import Basis, recall
from flexlib.store.origins import find_system, read_origins
from flexlib.store.snapshots import find_snapshot
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb

MEMORY = "400MB"
"""Of DuckDB, which writes on the disk what takes more."""
KEPT = 64
"""So many edges' answers are kept while the process lives, each by the hashes of all that it is made of: a page asks
for the same month again and again."""


class _Side(NamedTuple):
    """A month at an edge."""

    snapshot: Snapshot
    files: dict[str, dict[str, Any]]
    """What its certificate says of each file, by its hash."""


class _Pair(NamedTuple):
    """Two files: one that is of the later month, and one of the earlier."""

    late: str
    early: str
    dropped: str | None
    """The one that the other supersedes."""
    lag: int
    """By how many seconds the late one's times are to be moved to be those of the other."""
    is_alike: bool
    """Whether one system wrote both: then each call has one time, but where its clock was set to another zone."""
    is_told: bool
    """Whether ids tell their calls apart: then an export that makes its own may have others for the same calls."""


class _Shared(NamedTuple):
    """Calls that two files may both have."""

    month: Month
    """The later one."""
    late: str
    early: str
    calls: int
    hours: int
    """Those whose sums both have, and `calls` is 0; else 0."""


def find_edge_calls(edges: Iterable[Month], root: Path) -> tuple[dict[Month, frozenset[str]], tuple[str, ...]]:
    """Of calls at the edges, each the first moment of a month: the ids of those that a file counts which supersedes
    theirs, by the edge that they are near, and sentences on those that may count twice."""
    twice, doubts = dict[Month, frozenset[str]](), list[str]()
    for edge in edges:
        late, early = (find_snapshot(IMPORT.dataset, one, root, IMPORT.name) for one in (edge, edge.previous))
        if late and early:
            dropped, shared = _compare_months(late, early)
            twice |= {edge: dropped} if dropped else {}
            doubts += map(_explain_shared, shared)
    return twice, tuple(doubts)


def _explain_shared(one: _Shared) -> str:
    of_hours = translate_count(
        "{file} has in {count} hour of {month} the very tokens that {other} has in one of {before}, as another clock "
        "would put them there: if they are the same calls, they count twice. Import the file that holds with "
        "--supersedes of the other, or with --distinct if its calls are its own.",
        "{file} has in {count} hours of {month} the very tokens that {other} has in as many of {before}, as another "
        "clock would put them there: if they are the same calls, they count twice. Import the file that holds with "
        "--supersedes of the other, or with --distinct if its calls are its own.",
        one.hours,
    )
    of_calls = translate_count(
        "{count} call of {file} in {month} may be of {other} in {before} too, by clocks that differ: then it counts "
        "twice. Import the file that holds with --supersedes of the other, or with --distinct if it is a call of its "
        "own.",
        "{count} calls of {file} in {month} may be of {other} in {before} too, by clocks that differ: then they count "
        "twice. Import the file that holds with --supersedes of the other, or with --distinct if they are calls of "
        "their own.",
        one.calls,
    )
    said, count = (of_hours, one.hours) if one.hours else (of_calls, one.calls)
    names = {"file": one.late, "month": one.month, "other": one.early, "before": one.month.previous}
    return said.format(count=format_number(count), **names)


def _compare_months(late_one: Snapshot, early_one: Snapshot) -> tuple[frozenset[str], tuple[_Shared, ...]]:
    late, early = _read_side(late_one), _read_side(early_one)
    files = [[*side.files.values()] for side in (late, early)]
    if all(_are_logs(one, other) for one in files[0][:1] for other in (*files[0], *files[1])):
        return frozenset(), ()
    basis = name_origins((late_one, early_one), {"edge": str(late_one.month), "files": files})
    met = _recall_met(basis, late_one, early_one)
    shared = (_Shared(late_one.month, late.files[here]["name"], early.files[there]["name"], *counts)
              for here, there, *counts in met["shared"])  # fmt: skip
    return frozenset(met["twice"]), tuple(shared)


@lru_cache(maxsize=KEPT)
def _recall_met(basis: Basis, *sides: Snapshot) -> dict[str, list[Any]]:
    met: dict[str, list[Any]] = recall(
        basis, "calls on both sides of an edge", partial(_count_met, *map(_read_side, sides))
    )
    return met


def _count_met(late: _Side, early: _Side) -> dict[str, list[Any]]:
    """`twice`: the ids as of `find_edge_calls`; `shared`: of two files their hashes, and the counts of `_Shared`."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'; {MACROS}")
        numbers = _view_near(connection, late, early)
        found = _match(connection, late.snapshot.month, numbers)
        shifted = _match_shifted(connection, {pair: both for pair, both in numbers.items() if pair not in found})
        alike = find_alike(connection, numbers.values(), late.snapshot.month.first)
        twice, shared = set[str](), list[tuple[str, str, int, int]]()
        for pair, met in (*found.items(), *shifted.items()):
            if pair.dropped:
                twice |= {one[pair.dropped == pair.early] for one in met}
                continue
            count = min(len({one[side] for one in met}) for side in (0, 1))
            if pair in shifted or is_asked(count, count_fewer(connection, _read_calls(connection, pair, late, early))):
                shared.append((pair.late, pair.early, count, 0))
        for pair, both in numbers.items():
            if both in alike and pair.dropped:
                twice |= list_ids(connection, both[pair.dropped == pair.early], alike[both][pair.dropped == pair.early])
            elif both in alike:
                shared.append((pair.late, pair.early, 0, alike[both].hours))
    return {"twice": sorted(twice), "shared": shared}


def _read_side(snapshot: Snapshot) -> _Side:
    return _Side(snapshot, {one["sha256"]: one for one in getattr(snapshot.certificate, "files", ())})


def _are_told(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether ids tell the calls of two files apart: of one system the same id is the same call, whatever the month."""
    return "request_id" in one["mapping"] and find_system(one) == find_system(other)


def _are_logs(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the ids of two files are those of the answers, which no export makes anew: then they tell all."""
    return _are_told(one, other) and one["mapping"].get("repeated") == "last"


def _list_pairs(late: _Side, early: _Side, there: Container[int]) -> Iterator[tuple[_Pair, tuple[int, int]]]:
    """Those that may have a call under two ids, of the files `there`, each pair with the places of both."""
    sides = [[*late.files.items()], [*early.files.items()]]
    numbered = [[one for one in enumerate(side, first) if one[0] in there]
                for side, first in zip(sides, (0, len(late.files)), strict=True)]  # fmt: skip
    for (place, (here, mine)), (other_place, (away, other)) in product(*numbered):
        told = [one.files[sha] for one in (late, early) for sha in (here, away) if sha in one.files]
        if here == away or _are_logs(mine, other) or any(one.get("distinct") for one in told):
            continue
        dropped, lag = None, 0
        for one in told:
            if by := {here, away} & {*one.get("superseded_by", ())}:
                (newer,), dropped = by, one["sha256"]
                lag = one.get("shifts", {}).get(newer, 0) * (1 if newer == here else -1)
        is_alike = find_system(mine) == find_system(other)
        yield _Pair(here, away, dropped, lag, is_alike, _are_told(mine, other)), (place, other_place)


def _view_near(connection: duckdb.DuckDBPyConnection, late: _Side, early: _Side) -> dict[_Pair, tuple[int, int]]:
    """Makes the view `all_rows` of calls and hours' sums near the edge, each file by its place in both lists, the late
    ones first; gives the pairs of files that have any, with their places. Without those whose id is on both sides: that
    is one call, of which one counts, and neither is to be dropped for the other."""
    near = f"grain IN {OF_AN_HOUR} AND {is_near(late.snapshot.month)}"
    for name, side, first in (("late", late, 0), ("early", early, len(late.files))):
        if not read_usage([side.snapshot.parquet], connection).filter(near).limit(1).fetchall():
            return {}
        rows = read_origins(side.snapshot, len(side.files), connection).filter(near)
        rows.select(f"* REPLACE ((file + {first})::INTEGER AS file)").create(f"near_{name}")
    for name, other in (("late", "early"), ("early", "late")):
        connection.execute(f"CREATE TEMP TABLE edge_{name} AS FROM near_{name} ANTI JOIN near_{other} USING (id)")
    name_models(connection, "edge_late", "edge_early")
    there = {file for (file,) in connection.execute("SELECT DISTINCT file FROM all_rows").fetchall()}
    return dict(_list_pairs(late, early, there))


def _match(
    connection: duckdb.DuckDBPyConnection, month: Month, numbers: Mapping[_Pair, tuple[int, int]]
) -> dict[_Pair, list[tuple[str, str]]]:
    """The ids of calls of each pair that are at one moment, or moved by its lag, the late ones first."""
    found = dict[_Pair, list[tuple[str, str]]]()
    for pair, both in numbers.items():
        if pair.is_alike and not pair.lag:
            continue
        moved = f"new.created_at + to_seconds({pair.lag})"
        new, old = (f"(FROM all_rows WHERE file = {one} AND {is_near(month, abs(pair.lag))})" for one in both)
        met = connection.execute(f"""
            SELECT new.id, old.id FROM {new} new JOIN {old} old
            ON {SAME_LENGTH} AND old.created_at BETWEEN {moved} - {CLOCKS} AND {moved} + {CLOCKS}""").fetchall()
        if met:
            found[pair] = met
    return found


def _match_shifted(
    connection: duckdb.DuckDBPyConnection, numbers: Mapping[_Pair, tuple[int, int]]
) -> dict[_Pair, list[tuple[str, str]]]:
    """As `_match`, of calls that stand at one distance, as another zone puts them into the month beside theirs."""
    if not numbers:
        return {}
    gather_calls(connection)
    # As if of one system: calls that a file has at the same distance from its own are asked by the clock.
    told = {both for pair, both in numbers.items() if pair.is_told}
    shifts = find_shifts(connection, numbers.values(), {*numbers.values()}, told, may_follow=True)
    return {
        pair: connection.execute(f"SELECT DISTINCT new_id, old_id FROM ({shifts[both].match(both)})").fetchall()
        for pair, both in numbers.items()
        if both in shifts
    }


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
