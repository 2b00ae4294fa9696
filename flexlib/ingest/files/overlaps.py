"""Rows of two files that may be the same calls: found, and dropped where the reader says that a file replaces another.

Where a file gives no ids of calls, nothing proves that two of its rows in two files are one call or two. Exports of a
month so far hold its last day in part, and again, with more, in the next; two projects may have used as much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from flexlib.ingest.files.twins import count_twins
from flexlib.money.near_calls import LEAST_EQUAL, count_near, gather_calls
from flexlib.money.same_calls import CALL, MACROS, MOSTLY, SAME_LENGTH, SAME_USER, SAME_WAY, name_models
from flexlib.money.shifted_calls import Pair, find_shifts

SAME_MOMENT = f"""{SAME_LENGTH}
    AND date_trunc('millisecond', new.created_at) = date_trunc('millisecond', old.created_at)"""
TOLD_BY_IDS = "(new.has_own_id AND old.has_own_id AND new.mapping = old.mapping)"


@dataclass(frozen=True)
class FileTraits:
    """What says whether two files' rows can be told apart."""

    number: int
    has_own_ids: bool
    mapping: int
    """The same where two files were read by the same columns."""
    is_new: bool
    """Whether it is held against the files before it now."""
    is_log: bool = False
    """Whether it says a call again while its answer grows: by an id that is the answer's own, and no export's."""

    def tells(self, other: FileTraits) -> bool:
        """Whether ids tell the calls of the two apart."""
        return self.has_own_ids and other.has_own_ids and self.mapping == other.mapping


def find_shared_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[FileTraits]) -> tuple[Counter[Pair], ...]:
    """How many rows of each new file may be rows of another: first those of calls, then those of sums.

    Looks into the views `added` and `stored`: columns of `schema.USAGE`, `file`, and `has_own_id`.
    """
    connection.execute(MACROS)
    connection.execute("CREATE OR REPLACE TEMP TABLE traits (file INTEGER, mapping INTEGER, is_new BOOLEAN)")
    connection.executemany("INSERT INTO traits VALUES (?, ?, ?)", [[f.number, f.mapping, f.is_new] for f in files])
    name_models(connection, "added", "stored")
    grains: dict[int, set[str]] = {}
    for file, grain in connection.execute("SELECT DISTINCT file, grain FROM all_rows").fetchall():
        grains.setdefault(file, set()).add(grain)
    pairs = _pair_files([file for file in files if file.number in grains])
    kinds = [(grains[one.number], grains[other.number]) for one, other in pairs if not one.tells(other)]
    systems = [(grains[one.number], grains[other.number]) for one, other in pairs if one.mapping != other.mapping]
    told = [(one.number, other.number) for one, other in pairs if one.tells(other) and not one.is_log]
    told = [(one, other) for one, other in told if CALL in grains[one] & grains[other]]
    calls = count_twins(connection, told) if told else Counter[Pair]()
    sums: Counter[Pair] = Counter()
    if any(CALL in one & other for one, other in kinds):
        of_one_system = f"new.mapping = old.mapping AND new.grain = '{CALL}' AND old.grain = '{CALL}'"
        calls += _count(connection, f"{of_one_system} AND {SAME_MOMENT}")
    if told or any(CALL in one & other for one, other in (*kinds, *systems)):
        gather_calls(connection)
        others = [(one.number, other.number) for one, other in pairs if one.mapping != other.mapping]
        calls += count_near(connection, others)
        alike = {(one.number, other.number) for one, other in pairs if one.mapping == other.mapping}
        alike -= {(one.number, other.number) for one, other in pairs if one.tells(other)} - set(told)
        asked = [pair for pair in (*others, *sorted(alike)) if pair not in calls]
        shifts = find_shifts(connection, asked, alike, set(told))
        calls += Counter({pair: shift.calls for pair, shift in shifts.items()})
    if any((one & other) - {CALL} for one, other in kinds):
        sums += _count(
            connection,
            f"new.grain <> '{CALL}' AND new.grain = old.grain AND new.created_at = old.created_at AND {SAME_WAY} "
            # Of a tier a newer export may say more: `batch + 0-200k` of what was `batch`.
            f"AND NOT (differs(new.tier, old.tier) AND NOT starts_with(new.tier, old.tier || ' + ')) AND {SAME_USER}",
        )
    if any((one | other) - {CALL} for one, other in kinds):
        sums += _count_across(connection)
    return calls, sums


def find_equal_rows(
    connection: duckdb.DuckDBPyConnection, files: Sequence[FileTraits]
) -> tuple[Counter[Pair], Counter[Pair]]:
    """How many rows of each new file another file holds too: those that say the same, and calls that it may say
    otherwise. Looks into the views `found` and `stored`.

    Two files are versions of one log where most calls of the one, in the time that both are of, are at moments of the
    other. Then an equal call of less than a second is one call; a whole second, or a day, may have had two. Where each
    of two versions has calls that the other lacks, one was corrected, and both calls would count.
    """
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE every AS
        SELECT DISTINCT file, id, has_own_id, date_trunc('millisecond', created_at) AS moment,
            grain = '{CALL}' AS is_call, grain = '{CALL}' AND created_at <> date_trunc('second', created_at) AS is_fine
        FROM (FROM found UNION ALL BY NAME FROM stored)""")
    connection.execute("CREATE OR REPLACE TEMP TABLE pairs (new INTEGER, old INTEGER, is_told BOOLEAN)")
    pairs = [[one.number, other.number, one.tells(other)] for one, other in _pair_files(files)]
    connection.executemany("INSERT INTO pairs VALUES (?, ?, ?)", pairs)
    rows = "every ON file = {0} AND moment BETWEEN first AND last AND NOT (is_told AND has_own_id)"
    found = connection.execute(f"""
        WITH spans AS (SELECT file, min(moment) AS first, max(moment) AS last FROM every GROUP BY file),
        met AS (
            SELECT pairs.*, greatest(one.first, other.first) AS first, least(one.last, other.last) AS last
            FROM pairs JOIN spans one ON one.file = new JOIN spans other ON other.file = old),
        moments AS (SELECT DISTINCT file, moment FROM every WHERE is_call),
        mine AS (
            SELECT new, old, count(*) FILTER (mine.is_call) AS calls,
                count(moments.moment) FILTER (mine.is_call) AS met,
                count(equal.id) FILTER (NOT mine.is_fine AND NOT mine.has_own_id) AS open,
                count(equal.id) FILTER (mine.is_fine AND NOT mine.has_own_id) AS fine,
                count(*) FILTER (mine.is_call AND equal.id IS NULL) AS alone
            FROM (FROM met JOIN {rows.format("new")}) mine
            LEFT JOIN every equal ON equal.file = old AND equal.id = mine.id
            LEFT JOIN moments ON moments.file = old AND moments.moment = mine.moment GROUP BY ALL),
        theirs AS (
            SELECT new, old, count(*) AS alone FROM (FROM met JOIN {rows.format("old")}) theirs
            ANTI JOIN every ON every.file = new AND every.id = theirs.id WHERE theirs.is_call GROUP BY ALL)
        SELECT new, old, open + CASE WHEN met * {MOSTLY} < calls OR fine < {LEAST_EQUAL} THEN fine ELSE 0 END,
            CASE WHEN met * {MOSTLY} >= calls AND theirs.alone > 0 THEN mine.alone ELSE 0 END
        FROM mine LEFT JOIN theirs USING (new, old)""").fetchall()
    equal = Counter({(new, old): count for new, old, count, _ in found if count})
    return equal, Counter({(new, old): count for new, old, _, count in found if count})


def _pair_files(files: Sequence[FileTraits]) -> list[tuple[FileTraits, FileTraits]]:
    """Each new file with those before it."""
    new = [one for one in files if one.is_new]
    return [(a, b) for a in new for b in files if b is not a and (not b.is_new or b.number < a.number)]


def _count(connection: duckdb.DuckDBPyConnection, condition: str) -> Counter[Pair]:
    return _read(
        connection,
        f"""SELECT new.file, old.file, count(DISTINCT new.id)
        FROM (FROM all_rows JOIN traits USING (file) WHERE is_added AND is_new) new
        JOIN (FROM all_rows JOIN traits USING (file)) old ON {condition}
        WHERE new.file <> old.file AND (NOT old.is_new OR old.file < new.file) AND NOT {TOLD_BY_IDS}
        GROUP BY ALL""",
    )


def _count_across(connection: duckdb.DuckDBPyConnection) -> Counter[Pair]:
    """New rows whose period meets one of another file that does not begin with it, or is longer or shorter: sums, and
    the calls of sums.

    A day that the clock makes an hour shorter does not meet the next one.
    """
    pieces = """SELECT file, is_new, has_own_id, mapping, provider, base, dated, proxy, by_own_key, grain,
        period_start(created_at, grain) AS start, count(*) AS rows
        FROM all_rows JOIN traits USING (file) WHERE {0} GROUP BY ALL"""
    slack = "CASE WHEN new.grain = old.grain THEN INTERVAL 1 HOUR ELSE INTERVAL 0 HOUR END"
    return _read(
        connection,
        f"""WITH new AS ({pieces.format("is_added AND is_new")}), old AS ({pieces.format("true")}),
        met AS (SELECT DISTINCT new.*, old.file AS old_file FROM new JOIN old ON {SAME_WAY}
            AND (new.grain <> old.grain OR (new.grain <> '{CALL}' AND new.start <> old.start))
            AND old.start + {slack} < period_end(new.start, new.grain)
            AND new.start + {slack} < period_end(old.start, old.grain)
            WHERE new.file <> old.file AND (NOT old.is_new OR old.file < new.file) AND NOT {TOLD_BY_IDS})
        SELECT file, old_file, sum(rows)::BIGINT FROM met GROUP BY ALL""",
    )


def _read(connection: duckdb.DuckDBPyConnection, query: str) -> Counter[Pair]:
    return Counter({(new, old): count for new, old, count in connection.execute(query).fetchall()})
