"""Calls that are recorded and in an imported file too, under other ids: told as two files of two systems are.

An application writes its own time of a call, a log its own, perhaps by another zone's clock, and either may write the
model by another of its names. What sums the calls of an hour or a day may sum recorded ones. A zone's clock puts the
first or last calls of a month into the one beside it, so the recorded calls of its edges are looked at too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flexlib.dates import Month
from flexlib.enums import OF_AN_HOUR
from flexlib.formats import format_number
from flexlib.i18n import translate_count
from flexlib.money.moved_calls import FARTHEST, SLOW
from flexlib.money.near_calls import count_near, gather_calls, match_calls
from flexlib.money.same_calls import CALL, MACROS, SAME_WAY, name_models
from flexlib.money.shifted_calls import find_shifts
from flexlib.sources.registry import IMPORT, LEDGER, name_source
from flexlib.spend.kept import name_origins
from flexlib.spend.once import SAME_MOMENT
from flexlib.spend.zones import Piece
from flexlib.store.cache import Basis, recall
from flexlib.store.origins import knows_origins, read_origins
from flexlib.store.snapshots import find_snapshot
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb

RECORDED = -1
"""The number of the ledger, beside those of the files."""
EDGE = f"INTERVAL {FARTHEST + SLOW} SECOND"
"""How far beyond a month a recorded call may stand that another clock puts into it."""
MEMORY = "400MB"
"""Of DuckDB, which writes on the disk what takes more: both months have a call in each row."""
KEPT = 64
"""So many months' answers are kept while the process lives, each by the hashes of all that it is made of: a page asks
for the same month again and again."""


class Shared(NamedTuple):
    """What an imported file may share with the ledger."""

    month: Month
    file: str
    calls: int
    sums: int
    """Rows that sum a time in which calls of their model are recorded."""


class Doubts(NamedTuple):
    """What an imported month may share with the ledger."""

    shared: tuple[Shared, ...] = ()
    """Of each file that may share anything, unless it is said to be distinct."""
    settled: frozenset[str] = frozenset()
    """Ids of imported calls at the moment of a recorded one, of which nothing more is to be asked: of files that
    `shared` tells of, or that are said to be distinct."""


def find_recorded_twice(snapshots: Iterable[Snapshot], pieces: Sequence[Piece], month: Month, root: Path) -> Doubts:
    """Of the imported rows of `snapshots` that lie in these pieces, which make up the month of a zone."""
    stored = {(one.month, one.source): one for one in snapshots if one.dataset == LEDGER.dataset}
    within = {one: (first, end) for one, first, end in pieces}
    shared, settled = list[Shared](), set[str]()
    for here, (first, end) in within.items():
        imported = stored.get((here, IMPORT.name))
        # Of the months beside the pieces whatever is newest, of theirs what is read.
        found = [stored.get((one, LEDGER.name)) if one in within
                 else find_snapshot(LEDGER.dataset, one, root, LEDGER.name)
                 for one in (here.previous, here, here.next)]  # fmt: skip
        recorded = tuple(one for one in found if one)
        if imported and recorded:
            is_then = f"created_at >= TIMESTAMP '{first}' AND created_at < TIMESTAMP '{end}'"
            is_in = f"CASE WHEN grain IN {OF_AN_HOUR} THEN {is_then} ELSE {here == month} END"
            files = getattr(imported.certificate, "files", ())
            told = tuple((one["name"], bool(one.get("distinct"))) for one in files)
            doubts = _find_doubts(imported, recorded, told, is_in)
            shared += doubts.shared
            settled |= doubts.settled
    return Doubts(tuple(shared), frozenset(settled))


def explain_recorded_twice(found: Iterable[Shared]) -> tuple[str, ...]:
    """A sentence for the calls of each file, and one for its sums."""
    sentences = []
    for one in found:
        of_calls = translate_count(
            "{count} call of {file} in {month} may be recorded, too, by a clock, a time zone or a name of the model "
            "that differs: then it counts twice. Import the month again without that file (--replace), or the file "
            "with --distinct if its calls are others.",
            "{count} calls of {file} in {month} may be recorded, too, by a clock, a time zone or a name of the model "
            "that differs: then they count twice. Import the month again without that file (--replace), or the file "
            "with --distinct if its calls are others.",
            one.calls,
        )
        of_sums = translate_count(
            "{count} row of {file} in {month} sums calls of a time in which calls of that model are recorded: those "
            "that are in both count twice. Import the month again without that file (--replace), or the file with "
            "--distinct if it has none of them.",
            "{count} rows of {file} in {month} sum calls of times in which calls of those models are recorded: those "
            "that are in both count twice. Import the month again without that file (--replace), or the file with "
            "--distinct if it has none of them.",
            one.sums,
        )
        sentences += [said.format(count=format_number(count), file=one.file, month=one.month)
                      for said, count in ((of_calls, one.calls), (of_sums, one.sums)) if count]  # fmt: skip
    return tuple(sentences)


def _find_doubts(
    imported: Snapshot, recorded: tuple[Snapshot, ...], files: Sequence[tuple[str, bool]], is_in: str
) -> Doubts:
    """`files`: of each its name, and whether it is said to be distinct; `is_in`: which rows are asked about."""
    numbers = [number for number, (_name, is_distinct) in enumerate(files) if not is_distinct]
    if not knows_origins(imported, len(files)):
        numbers.append(len(files))
    # Last what an older flexlib stored without saying of which of its files.
    names = [*(name for name, _is_distinct in files), name_source(IMPORT.name)]
    rest = {"of": str(imported.month), "files": len(files), "numbers": numbers, "is_in": is_in}
    basis = name_origins((imported, *recorded), rest)
    found = _recall_doubts(basis, imported, recorded, len(files), tuple(numbers), is_in)
    shared = (Shared(imported.month, names[one], calls, sums) for one, calls, sums in found["shared"])
    return Doubts(tuple(shared), frozenset(found["settled"]))


@lru_cache(maxsize=KEPT)
def _recall_doubts(basis: Basis, *asked: Any) -> dict[str, list[Any]]:  # noqa: ANN401 (as `_count_doubts`)
    found: dict[str, list[Any]] = recall(basis, "calls that are recorded, too", lambda: _count_doubts(*asked))
    return found


def _count_doubts(
    imported: Snapshot, recorded: tuple[Snapshot, ...], files: int, numbers: Sequence[int], is_in: str
) -> dict[str, list[Any]]:
    """`shared`: of each file its number, calls and sums; `settled` as of `Doubts`."""
    import duckdb

    pairs = [(number, RECORDED) for number in numbers]
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'; {MACROS}")
        _view_rows(connection, imported, recorded, files)
        name_models(connection, "imported_rows", "recorded_rows")
        gather_calls(connection)
        near = count_near(connection, pairs)
        shifts = find_shifts(connection, [pair for pair in pairs if pair not in near])
        met = {pair: match_calls([0], *(f"(FROM all_calls WHERE file = {one})" for one in pair)) for pair in near}
        met |= {pair: shift.match(pair) for pair, shift in shifts.items()}
        calls = {pair[0]: _count_calls(connection, query, is_in) for pair, query in met.items()}
        sums = _count_sums(connection, is_in)
        open_files = [number for number in numbers if not calls.get(number)]
        settled = _find_settled(connection, open_files)
    counted = [[one, calls.get(one, 0), sums.get(one, 0)] for one in numbers]
    return {"shared": [one for one in counted if any(one[1:])], "settled": sorted(settled)}


def _view_rows(
    connection: duckdb.DuckDBPyConnection, imported: Snapshot, recorded: tuple[Snapshot, ...], files: int
) -> None:
    """Of calls those that share no id: what does is known to be one call, or asked about by its id."""
    of_files = read_origins(imported, files, connection).select(f"* REPLACE (coalesce(file, {files}) AS file)")
    of_files.create_view("of_files")
    month = imported.month
    is_near = f"created_at >= DATE '{month.first}' - {EDGE} AND created_at < DATE '{month.next.first}' + {EDGE}"
    of_ledger = read_usage([one.parquet for one in recorded], connection).filter(is_near)
    of_ledger.select(f"*, {RECORDED} AS file").create_view("of_ledger")
    for name, here, there in (("imported_rows", "of_files", "of_ledger"), ("recorded_rows", "of_ledger", "of_files")):
        connection.execute(f"CREATE TEMP VIEW {name} AS FROM {here} ANTI JOIN {there} USING (id)")


def _count_calls(connection: duckdb.DuckDBPyConnection, met: str, is_in: str) -> int:
    """How many imported calls of those that `met` finds are asked about."""
    calls = f"SELECT *, '{CALL}' AS grain FROM all_calls WHERE is_added"
    ((count,),) = connection.execute(f"""
        SELECT least(count(DISTINCT new_id), count(DISTINCT old_id)) FROM ({met}) JOIN ({calls}) ON id = new_id
        WHERE {is_in}""").fetchall()
    return int(count)


def _find_settled(connection: duckdb.DuckDBPyConnection, asked: Sequence[int]) -> frozenset[str]:
    """Ids of imported calls that are not of the files `asked`, at the moment of a recorded one."""
    found = connection.execute(f"""
        SELECT here.id FROM of_files here SEMI JOIN of_ledger there ON {SAME_MOMENT}
        WHERE NOT list_contains({[*asked]}::INTEGER[], file)""").fetchall()
    return frozenset(one for (one,) in found)


def _count_sums(connection: duckdb.DuckDBPyConnection, is_in: str) -> dict[int, int]:
    """By file its rows that sum a time in which calls of their model are recorded."""
    pieces = """SELECT file, provider, base, dated, proxy, by_own_key, grain,
        period_start(created_at, grain) AS start, count(*) AS rows FROM all_rows WHERE {0} GROUP BY ALL"""
    is_sum = f"is_added AND grain <> '{CALL}' AND {is_in}"
    found = connection.execute(f"""
        WITH new AS ({pieces.format(is_sum)}),
        old AS ({pieces.format(f"NOT is_added AND grain = '{CALL}'")}),
        met AS (SELECT DISTINCT new.* FROM new JOIN old ON {SAME_WAY}
            AND old.start < period_end(new.start, new.grain) AND new.start < period_end(old.start, old.grain))
        SELECT file, sum(rows)::BIGINT FROM met GROUP BY ALL""").fetchall()
    return dict(found)
