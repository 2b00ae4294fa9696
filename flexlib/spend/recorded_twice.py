"""Calls that are recorded and in an imported file too, under other ids: told as two files of two systems are.

An application writes its own time of a call, a log its own, perhaps by another zone's clock, and either may write the
model by another of its names. What sums the calls of an hour or a day may sum recorded ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from flexlib.dates import Month
from flexlib.formats import format_number
from flexlib.i18n import translate_count
from flexlib.money.near_calls import count_near, gather_calls
from flexlib.money.same_calls import CALL, MACROS, SAME_WAY, name_models
from flexlib.money.shifted_calls import find_shifts
from flexlib.sources.registry import IMPORT, LEDGER, name_source
from flexlib.store.origins import knows_origins, read_origins
from flexlib.store.usage_files import read_usage
from flexlib.store.version import Snapshot

if TYPE_CHECKING:
    import duckdb

RECORDED = -1
"""The number of the ledger, beside those of the files."""
MEMORY = "400MB"
"""Of DuckDB, which writes on the disk what takes more: both months have a call in each row."""


class Shared(NamedTuple):
    """What an imported file may share with the ledger."""

    month: Month
    file: str
    calls: int
    sums: int
    """Rows that sum a time in which calls of their model are recorded."""


def find_recorded_twice(snapshots: Iterable[Snapshot]) -> list[Shared]:
    """Of each imported file that may share anything, unless it is said to be distinct."""
    stored = {(one.month, one.source): one for one in snapshots}
    imported, recorded = ({month for month, name in stored if name == source.name} for source in (IMPORT, LEDGER))
    both = [(stored[one, IMPORT.name], stored[one, LEDGER.name]) for one in sorted(imported & recorded)]
    return [shared for pair in both for shared in _find_shared(*pair)]


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


def _find_shared(imported: Snapshot, recorded: Snapshot) -> list[Shared]:
    import duckdb

    files = getattr(imported.certificate, "files", ())
    # Last what an older flexlib stored without saying of which of its files.
    names = [*(one["name"] for one in files), name_source(IMPORT.name)]
    pairs = [(number, RECORDED) for number, one in enumerate([*files, {}]) if not one.get("distinct")]
    if len(pairs) == 1 and knows_origins(imported, len(files)):
        return []
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'; {MACROS}")
        _view_rows(connection, imported, recorded, len(files))
        name_models(connection, "imported_rows", "recorded_rows")
        gather_calls(connection)
        calls = count_near(connection, pairs)
        shifts = find_shifts(connection, [pair for pair in pairs if pair not in calls])
        calls.update({pair: shift.calls for pair, shift in shifts.items()})
        sums = _count_sums(connection)
    return [Shared(imported.month, names[pair[0]], calls[pair], sums.get(pair[0], 0))
            for pair in pairs if calls[pair] or sums.get(pair[0])]  # fmt: skip


def _view_rows(connection: duckdb.DuckDBPyConnection, imported: Snapshot, recorded: Snapshot, files: int) -> None:
    """Of calls those that share no id: what does is known to be one call, or asked about by its id."""
    of_files = read_origins(imported, files, connection).select(f"* REPLACE (coalesce(file, {files}) AS file)")
    of_files.create_view("of_files")
    read_usage([recorded.parquet], connection).select(f"*, {RECORDED} AS file").create_view("of_ledger")
    for name, here, there in (("imported_rows", "of_files", "of_ledger"), ("recorded_rows", "of_ledger", "of_files")):
        connection.execute(f"CREATE TEMP VIEW {name} AS FROM {here} ANTI JOIN {there} USING (id)")


def _count_sums(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """By file its rows that sum a time in which calls of their model are recorded."""
    pieces = """SELECT file, provider, base, dated, proxy, by_own_key, grain,
        period_start(created_at, grain) AS start, count(*) AS rows FROM all_rows WHERE {0} GROUP BY ALL"""
    found = connection.execute(f"""
        WITH new AS ({pieces.format(f"is_added AND grain <> '{CALL}'")}),
        old AS ({pieces.format(f"NOT is_added AND grain = '{CALL}'")}),
        met AS (SELECT DISTINCT new.* FROM new JOIN old ON {SAME_WAY}
            AND old.start < period_end(new.start, new.grain) AND new.start < period_end(old.start, old.grain))
        SELECT file, sum(rows)::BIGINT FROM met GROUP BY ALL""").fetchall()
    return dict(found)
