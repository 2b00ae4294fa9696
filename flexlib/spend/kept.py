"""All that a month's calls are made of, by name: what was counted of the very same need not be counted again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flexlib.dates import Month
from flexlib.sources.registry import WINDSURF
from flexlib.spend.once import count_rows
from flexlib.spend.windsurf import Spent
from flexlib.spend.zones import Stored, list_pieces, write_clock
from flexlib.store.cache import Basis, find_answer, keep_answer
from flexlib.store.held import find_hash
from flexlib.store.origins import ORIGINS
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb

COUNTS = "calls that are in two places"
"""What is asked of a month's basis as it is loaded."""


def name_calls(
    month: Month,
    root: Path,
    zone: str,
    stored: Sequence[Stored],
    dropped: Mapping[Month, Collection[str]],
    settled: Collection[str],
) -> Basis:
    """What the calls of the month are made of: the versions `stored` of the month before, of itself and of the one
    after, what the clocks show in each, and the ids that are left out, by an edge, or asked no more about."""
    files = [(one, place) for place, found in enumerate(stored) for _, one in sorted(found.items(), key=_place)]
    rest = {
        "month": str(month),
        "pieces": [
            [
                [str(one), str(first), str(end), write_clock(first, end, zone)]
                for one, first, end in list_pieces(at, zone)
            ]
            for at in (month.previous, month, month.next)
        ],
        "files": [(place, str(one.month), one.source) for one, place in files],
        "dropped": {str(edge): sorted(ids) for edge, ids in dropped.items()},
        "settled": sorted(settled),
    }
    return _name([one for one, _place in files], root, rest)


def name_rows(basis: Basis, snapshots: Sequence[Snapshot], spent: Spent) -> Basis:
    """What the calls of `basis` and Windsurf's credits are made of: also of what a credit cost, and a dollar, of which
    `repr` has all that they hold."""
    rest = {"calls": basis.rest, "prices": repr(spent.prices), "rates": repr(spent.rates.observations)}
    of_spent = _name([one for one in snapshots if one.dataset == WINDSURF.dataset], basis.root, rest)
    return Basis(basis.root, (*basis.files, *of_spent.files), basis.size + of_spent.size, of_spent.rest)


def name_origins(versions: Sequence[Snapshot], rest: Mapping[str, object]) -> Basis:
    """What is made of the rows of some versions, of which of its files each row is, and of the `rest`."""
    said = [getattr(one.certificate, "origins_sha256", "") for one in versions]
    found = _name(versions, versions[0].root, {**rest, "origins": said})
    beside = [one.path / ORIGINS for one in versions if (one.path / ORIGINS).exists()]
    return Basis(found.root, (*found.files, *((file, find_hash(file)) for file in beside)), found.size, found.rest)


class Counts:
    """Counts relations one after the other; where the very same were counted before, gives what was counted then."""

    def __init__(self, basis: Basis) -> None:
        self._basis = basis
        found = find_answer(basis, COUNTS)
        self._is_known = found is not None
        self._left: list[int] = list(found or ())
        self._made: list[int] = []

    def __call__(self, rows: duckdb.DuckDBPyRelation) -> int:
        self._made.append(self._left.pop(0) if self._is_known else count_rows(rows))
        return self._made[-1]

    def keep(self) -> None:
        """All that was asked has been: the next one who loads the same need not count."""
        if not self._is_known:
            keep_answer(self._basis, COUNTS, self._made)


def _name(versions: Sequence[Snapshot], root: Path, rest: Mapping[str, object]) -> Basis:
    for one in versions:
        one.check()
    files = tuple((one.file, one.file_sha256) for one in versions)
    return Basis(root, files, sum(one.size for one in versions), json.dumps(rest, sort_keys=True))


def _place(item: tuple[tuple[Month, str], Snapshot]) -> tuple[str, str]:
    return str(item[0][0]), item[0][1]
