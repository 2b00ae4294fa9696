"""Rows of an older file in whose place those of a newer one stand, as whoever imports it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from shlex import quote

import duckdb

from flexlib.dates import Month
from flexlib.errors import BadFile, BadParameter
from flexlib.formats import format_count, format_number
from flexlib.i18n import _, join_texts
from flexlib.ingest.files.entries import Decisions, Entries
from flexlib.ingest.files.held_rows import refuse_forgetting
from flexlib.ingest.files.known import FIGURES, UNKNOWN
from flexlib.ingest.files.pool import Pool
from flexlib.ingest.tables import hide_ids
from flexlib.money.near_calls import gather_calls, match_calls
from flexlib.money.same_calls import CALL, MACROS, name_models
from flexlib.money.shifted_calls import Pair, find_shifts
from flexlib.privacy import PrivacyGuard
from flexlib.schema import USAGE
from flexlib.store.origins import knows_origins
from flexlib.store.version import Snapshot

Figures = dict[str, int]
"""By `FIGURES`."""

MOST_SHOWN = 3
"""Days that a sentence names."""

LOST = 2
"""A newer file that says less than one in so many of the tokens that an older one has of a day does not cover it."""

TOKENLESS = ("requests", "abs(amount_in_usd)", "abs(cost)", "abs(amount_in_clp)")
"""What else such a file must say enough of, where it says it, for calls without tokens: images, or credits."""


def drop_rows(
    pool: Pool, month: Month, base: Snapshot | None, entries: Entries, decisions: Decisions
) -> tuple[Figures, Figures]:
    """Makes the views `found` and `stored` without what was decided to go; gives rows and tokens of that of each.

    Raises `BadFile` where nobody knows which rows that are, `BadParameter` where what is to take their place does not.
    """
    connection = pool.connection
    dropped = _drop_superseded(pool, entries, decisions.guard) if entries.superseded else Counter[int]()
    _check_lost(connection, entries, decisions)
    if not decisions.drops_others:
        refuse_forgetting(pool, month, entries, dropped)
    is_redone = f"coalesce(file IN ({', '.join(map(str, entries.redone)) or 'NULL'}), false)"
    figures = []
    for view in ("found", "stored"):
        if not entries.redone and not entries.superseded:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS FROM every_{view}")
            figures.append(dict.fromkeys(FIGURES, 0))
            continue
        if base and not knows_origins(base, entries.stored):
            raise BadFile(
                _(
                    "which rows of {month} came from which of its files, an older flexlib did not keep; import "
                    "them all again with --replace, in one command."
                ).format(month=base.month)
            )
        goes = [is_redone] if view == "stored" else ["false"]
        goes += ["(file, id) IN (SELECT (file, id) FROM superseded)"] if entries.superseded else []
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE dropped_{view} AS
            SELECT file, id, prompt_tokens, completion_tokens FROM every_{view} WHERE {" OR ".join(goes)}""")
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {view} AS FROM every_{view} ANTI JOIN dropped_{view} USING (file, id)"
        )
        sums = "count(*), coalesce(sum(prompt_tokens), 0)::BIGINT, coalesce(sum(completion_tokens), 0)::BIGINT"
        (counts,) = connection.execute(f"SELECT {sums} FROM dropped_{view}").fetchall()
        figures.append(dict(zip(FIGURES, counts, strict=True)))
    if entries.superseded:
        left = connection.execute("SELECT DISTINCT file FROM (FROM found UNION ALL BY NAME FROM stored)").fetchall()
        entries.note_superseded(dropped, {file for (file,) in left})
    return figures[0], figures[1]


def _check_lost(connection: duckdb.DuckDBPyConnection, entries: Entries, decisions: Decisions) -> None:
    new = {number for number, _other in entries.asked}
    for old in sorted({pair[1] for pair in entries.asked}) if not decisions.drops_others else ():
        asked = [pair for pair in entries.asked if pair[1] == old]
        are_logs = all(entries.are_logs(pair) for pair in asked)
        if calls := 0 if are_logs else _count_lost_calls(connection, asked, entries):
            raise BadParameter(
                _(
                    "--supersedes {names} would drop {calls} whose ids the newer files do not have; add --yes if "
                    "they are no calls, or import without --supersedes if they are."
                ).format(names=quote(entries.names[old]), calls=format_count(calls, "call"))
            )
        doubled = [number for number in (*new, old) if entries.files[number].get("doubled")]
        if lost := _find_less(connection, old) if are_logs else _find_lost_days(connection, new, old, doubled):
            what = join_texts(
                (_("{model} on {day}").format(model=model, day=day) for model, day in lost[:MOST_SHOWN]), ", "
            )
            more = len(lost) - MOST_SHOWN
            if more > 0:
                what = _("{shown} and {count} more").format(shown=what, count=format_number(more))
            raise BadParameter(
                _(
                    "--supersedes {names} would drop calls of {what}, of which the newer files say "
                    "nothing, or less than half; add --yes if they are right."
                ).format(names=quote(entries.names[old]), what=what)
            )


def _drop_superseded(pool: Pool, entries: Entries, guard: PrivacyGuard) -> Counter[int]:
    """Makes the table `superseded` of `file` and `id`: rows of the second file of a pair that lie in the time from the
    first to the last row of the first one, by provider, and those in the table `met`, which another system logged by
    its own clock; of two logs that only grow, those whose ids the first one has, in any month: a call may have ended in
    the next one; of an answer, which only grows, what says less, whichever is newer. Looks into the views `every_found`
    and `every_stored`; gives how many rows that are by file.
    """
    connection = pool.connection
    connection.execute(MACROS)
    connection.execute("CREATE OR REPLACE TEMP TABLE pairs (new INTEGER, old INTEGER, is_of_logs BOOLEAN)")
    rows = [[*pair, entries.are_logs(pair)] for pair in entries.superseded]
    connection.executemany("INSERT INTO pairs VALUES (?, ?, ?)", rows)
    name_models(connection, "every_found", "every_stored")
    numbers = " ".join(f"WHEN {place} THEN {number}" for place, number in entries.numbers.items())
    given = pool.calls.select(f"(CASE place {numbers} END)::INTEGER AS file, id, prompt_tokens, completion_tokens")
    hide_ids(given, "given", connection, guard).create_view("given", replace=True)
    connection.execute("CREATE OR REPLACE TEMP TABLE met (file INTEGER, id VARCHAR)")
    traits = {one.number: one for one in entries.traits}
    of_one_system = {pair for pair in entries.superseded if traits[pair[0]].mapping == traits[pair[1]].mapping}
    told = {(new, old) for new, old in of_one_system if traits[new].tells(traits[old])}
    if entries.superseded:
        gather_calls(connection)
        connection.execute("""DELETE FROM all_calls WHERE NOT is_added
            AND (file, id) IN (SELECT (file, id) FROM all_calls WHERE is_added)""")  # given again: each call once
    for new, old in entries.superseded:
        if (new, old) in told and entries.are_logs((new, old)):
            continue
        sides = [f"(FROM all_calls WHERE file = {number})" for number in (new, old)]
        found = [] if (new, old) in of_one_system else [match_calls([0], *sides)]
        for pair, shift in find_shifts(connection, [(new, old)], of_one_system, told).items():
            entries.shifts[pair] = shift.seconds
            found.append(shift.match(pair))
        for query in found:
            connection.execute(f"INSERT INTO met SELECT DISTINCT {old}, old_id FROM ({query})")
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE newer AS
        SELECT old, id, max(prompt_tokens + completion_tokens) AS tokens
        FROM pairs JOIN (FROM given UNION ALL BY NAME
            SELECT file, id, prompt_tokens, completion_tokens FROM all_rows) ON file = new
        WHERE is_of_logs GROUP BY ALL;
        CREATE OR REPLACE TEMP TABLE less AS
        SELECT one.file, old, one.id FROM pairs JOIN all_rows one ON one.file = new
        JOIN all_rows other ON other.file = old AND other.id = one.id
        WHERE is_of_logs AND one.prompt_tokens + one.completion_tokens < other.prompt_tokens + other.completion_tokens;
        CREATE OR REPLACE TEMP TABLE superseded AS
        WITH spans AS (
            SELECT new, old, provider, min(created_at) AS first, max(row_end(created_at, grain)) AS last
            FROM all_rows JOIN pairs ON file = new WHERE NOT is_of_logs GROUP BY ALL)
        SELECT DISTINCT file, id FROM all_rows rows JOIN spans ON file = old AND rows.provider = spans.provider
            AND created_at + slack(grain) < last AND row_end(created_at, grain) > first + slack(grain)
        UNION FROM met
        UNION SELECT file, rows.id FROM all_rows rows JOIN newer ON file = old AND newer.id = rows.id
            WHERE (file, rows.id) NOT IN (SELECT (old, id) FROM less)
        UNION SELECT file, id FROM less""")
    return Counter(dict(connection.execute("SELECT file, count(*) FROM superseded GROUP BY file").fetchall()))


def _count_lost_calls(connection: duckdb.DuckDBPyConnection, asked: Sequence[Pair], entries: Entries) -> int:
    """Calls of an older file in the table `superseded` that no newer one has, where ids would tell."""
    traits = {one.number: one for one in entries.traits}
    if not all(traits[new].tells(traits[old]) for new, old in asked):
        return 0
    news = ", ".join(str(new) for new, _ in asked)
    (counts,) = connection.execute(f"""
        SELECT count(*) FROM superseded WHERE file = {asked[0][1]}
        AND id NOT IN (SELECT id FROM all_rows WHERE file IN ({news}))""").fetchall()
    return int(counts[0])


def _find_less(connection: duckdb.DuckDBPyConnection, old: int) -> list[tuple[str, date]]:
    """Models and days of calls of a log of which newer ones say far less."""
    return connection.execute(f"""
        SELECT any_value(model), created_at::DATE AS day FROM all_rows JOIN newer USING (id)
        WHERE file = {old} AND old = {old} AND id NOT IN (SELECT id FROM less WHERE old = {old})
        GROUP BY provider, base, day
        HAVING sum(tokens) * {LOST} < sum(prompt_tokens + completion_tokens) ORDER BY ALL""").fetchall()


def _find_lost_days(
    connection: duckdb.DuckDBPyConnection, new: Iterable[int], old: int, doubled: Iterable[int]
) -> list[tuple[str, date]]:
    """Models and days (or months, where a row is one) of which the rows of `old` in the table `superseded` say far more
    than the `new` files do; those in `met` these have. A row that one of the `doubled` files has twice counts once.
    What not every row of `old` says, its key or more, tells no two rows apart.
    """
    less = [
        f"coalesce(sum({one}) FILTER (is_new AND tokens = 0), sum({one}) FILTER (is_new)) * {LOST}"
        f" < sum({one}) FILTER (NOT is_new AND tokens = 0)"
        for one in TOKENLESS
    ]
    same = ", ".join(name for name in USAGE.names if name != "id")
    return connection.execute(f"""
        WITH rows AS (
            SELECT DISTINCT ON (file, id) *, file <> {old} AS is_new, prompt_tokens + completion_tokens AS tokens,
                date_trunc((SELECT CASE WHEN bool_or(grain = 'month') THEN 'month' ELSE 'day' END FROM all_rows),
                    created_at)::DATE AS day
            FROM all_rows WHERE file IN ({", ".join(map(str, new))}) OR (file, id) IN (FROM superseded EXCEPT FROM met)
                AND file = {old}),
        once AS (
            FROM rows QUALIFY grain = '{CALL}' OR file NOT IN ({", ".join(map(str, (UNKNOWN, *doubled)))})
                OR row_number() OVER (PARTITION BY file, {same}) = 1)
        SELECT any_value(model), day FROM once GROUP BY base, day,
            CASE WHEN (SELECT bool_or(is_new AND usable_key IS NOT NULL) AND bool_and(is_new OR usable_key IS NOT NULL)
                FROM rows) THEN usable_key END,
            CASE WHEN (SELECT bool_or(is_new AND grain <> 'call' AND metadata IS NOT NULL)
                AND bool_and(is_new OR grain <> 'call' AND metadata IS NOT NULL) FROM rows) THEN metadata END
        HAVING count(*) FILTER (NOT is_new) > 0 AND (count(*) FILTER (is_new) = 0
            OR coalesce(sum(tokens) FILTER (is_new), 0) * {LOST} < coalesce(sum(tokens) FILTER (NOT is_new), 0)
            OR {" OR ".join(less)})
        ORDER BY ALL""").fetchall()
