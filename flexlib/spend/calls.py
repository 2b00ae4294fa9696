"""A month's calls out of all sources, each once, what may be twice among them, and what all of that is made of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flexlib.dates import Month
from flexlib.schema import USAGE
from flexlib.sources.registry import sort_sources
from flexlib.spend.edges import find_edge_calls
from flexlib.spend.kept import Counts, name_calls
from flexlib.spend.once import count_once, drop_calls, drop_counted_beside
from flexlib.spend.recorded_twice import Shared, find_recorded_twice
from flexlib.spend.zones import Stored, find_stored, list_pieces, read_calls, read_source
from flexlib.store.cache import Basis
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb


class Calls(NamedTuple):
    """The fields as of `MonthUsage`, which has them of all of its rows."""

    kept: list[duckdb.DuckDBPyRelation]
    basis: Basis
    repeated: tuple[tuple[str, int], ...]
    same_ids: int
    lookalikes: int
    edges: tuple[str, ...]
    recorded_twice: tuple[Shared, ...]


def read_each_once(month: Month, root: Path, zone: str, snapshots: Iterable[Snapshot], stored: Stored) -> Calls:
    """The calls of the month of `zone`, which lie in the versions `stored` of `snapshots`."""
    pieces = list_pieces(month, zone)
    sources = sort_sources({source for _other, source in stored})
    found = [(source, read_source(source, stored, pieces, month, zone)) for source in sources]
    starts = dict.fromkeys(edge for one, _other, _other in pieces for edge in (one, one.next))
    within = [one for one in starts if pieces[0][1] <= one.previous.end.replace(tzinfo=None) <= pieces[-1][2]]
    superseded, edges = find_edge_calls(within, root)
    twice = find_recorded_twice(snapshots, pieces, month, root)
    earlier, later = find_stored(month.previous, root, zone), find_stored(month.next, root, zone)
    basis = name_calls(month, root, zone, (earlier, stored, later), superseded, twice.settled)
    count = Counts(basis)
    found, dropped = drop_calls(found, superseded, count)
    before, after = read_calls(earlier, month.previous, zone), read_calls(later, month.next, zone)
    found, edge, same_edge_ids = drop_counted_beside(found, before, after, month, count)
    kept, repeated, same_ids, lookalikes = count_once(found, twice.settled, count)
    count.keep()
    doubts = (*dropped, *edge, *repeated), same_ids + same_edge_ids, lookalikes, edges
    return Calls(kept, basis, *doubts, twice.shared)


def list_no_calls() -> duckdb.DuckDBPyRelation:
    """The rows of a month of which nothing but bills is stored."""
    import duckdb

    return duckdb.from_arrow(USAGE.empty_table()).select("*, NULL::VARCHAR AS source")
