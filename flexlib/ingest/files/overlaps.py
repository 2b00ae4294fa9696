"""Rows of two files that may be the same calls: found, and dropped where the reader says that a file replaces another.

Where a file gives no ids of calls, nothing proves that two of its rows in two files are one call or two. Exports of a
month so far hold its last day in part, and again, with more, in the next; two projects may have used as much.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from flexlib.money.price_book import find_listed_name

CALL = "call"

PIECE_MINUTES = 15
"""Calls are held against hours and days in pieces of this length: every time zone begins its hours at one."""

MOSTLY = 2
"""One row in so many that two files share makes one the other's copy: by chance next to none is the same."""

MACROS = f"""
CREATE OR REPLACE TEMP MACRO period_start(t, grain) AS
    CASE WHEN grain = '{CALL}' THEN time_bucket(INTERVAL {PIECE_MINUTES} MINUTE, t) ELSE t END;
CREATE OR REPLACE TEMP MACRO period_end(t, grain) AS period_start(t, grain) + CASE grain
    WHEN 'month' THEN INTERVAL 1 MONTH WHEN 'day' THEN INTERVAL 1 DAY WHEN 'hour' THEN INTERVAL 1 HOUR
    ELSE INTERVAL {PIECE_MINUTES} MINUTE END;
CREATE OR REPLACE TEMP MACRO differs(x, y) AS x IS NOT NULL AND y IS NOT NULL AND x <> y;
"""

SAME_USER = """NOT (new.usable_type IS NOT DISTINCT FROM old.usable_type
    AND (differs(new.usable_id, old.usable_id) OR differs(new.usable_key, old.usable_key)))"""
SAME_MODEL = "new.provider = old.provider AND new.base = old.base AND NOT differs(new.dated, old.dated)"
SAME_MOMENT = f"""{SAME_MODEL} AND new.prompt_tokens = old.prompt_tokens
    AND new.completion_tokens = old.completion_tokens
    AND date_trunc('millisecond', new.created_at) = date_trunc('millisecond', old.created_at)"""
SAME_WAY = f"{SAME_MODEL} AND new.proxy IS NOT DISTINCT FROM old.proxy"
TOLD_BY_IDS = "(new.has_own_id AND old.has_own_id AND new.mapping = old.mapping)"

DATED = re.compile(r"(.+?)[-@](20\d\d-?\d\d-?\d\d)")
MAKER = re.compile(r".*/|(?:[a-z-]+\.)+(?=[a-z])")
VERSION = re.compile(r"-v\d+:\d+$")
"""What sellers write around the name of a model: `openai/gpt-4o`, `us.anthropic.claude-sonnet-4-20250514-v1:0`."""

Pair = tuple[int, int]
"""Two files by their numbers: the one that is looked at, and one before it."""


@dataclass(frozen=True)
class FileTraits:
    """What says whether two files' rows can be told apart."""

    number: int
    has_own_ids: bool
    mapping: int
    """The same where two files were read by the same columns."""
    is_new: bool
    """Whether it is held against the files before it now."""


def find_shared_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[FileTraits]) -> tuple[Counter[Pair], ...]:
    """How many rows of each new file may be rows of another: first those of calls, then those of sums.

    Looks into the views `added` and `stored`: columns of `schema.USAGE`, `file`, and `has_own_id`.
    """
    connection.execute(MACROS)
    connection.execute("CREATE OR REPLACE TEMP TABLE traits (file INTEGER, mapping INTEGER, is_new BOOLEAN)")
    connection.executemany("INSERT INTO traits VALUES (?, ?, ?)", [[f.number, f.mapping, f.is_new] for f in files])
    _name_models(connection)
    grains: dict[int, set[str]] = {}
    for file, grain in connection.execute("SELECT DISTINCT file, grain FROM all_rows").fetchall():
        grains.setdefault(file, set()).add(grain)
    new = [file for file in files if file.is_new and file.number in grains]
    pairs = [(one, other) for one in new for other in files if other.number in grains and _is_before(other, one)]
    tellable = [one.has_own_ids and other.has_own_ids and one.mapping == other.mapping for one, other in pairs]
    open_pairs = [pair for pair, is_told in zip(pairs, tellable, strict=True) if not is_told]
    kinds = [(grains[one.number], grains[other.number]) for one, other in open_pairs]
    calls: Counter[Pair] = Counter()
    sums: Counter[Pair] = Counter()
    if any(CALL in one & other for one, other in kinds):
        calls += _count(connection, f"new.grain = '{CALL}' AND old.grain = '{CALL}' AND {SAME_MOMENT} AND {SAME_USER}")
    if any((one & other) - {CALL} for one, other in kinds):
        sums += _count(
            connection,
            f"new.grain <> '{CALL}' AND new.grain = old.grain AND new.created_at = old.created_at AND {SAME_WAY} "
            f"AND NOT differs(new.tier, old.tier) AND {SAME_USER}",
        )
    if any((one | other) - {CALL} for one, other in kinds):
        sums += _count_across(connection)
    return calls, sums


def find_equal_rows(connection: duckdb.DuckDBPyConnection, others: str, new: Iterable[int]) -> Counter[Pair]:
    """Rows of `found` without an id of their own that say all that a row of another file in `others` says.

    Two calls of one moment, to less than a second, are one call that two files hold where the file is mostly the other
    in the time that both are of; a whole second, or a day, may have had two.
    """
    numbers = ", ".join(map(str, new)) or "NULL"
    is_fine = f"found.grain = '{CALL}' AND found.created_at <> date_trunc('second', found.created_at)"
    return _read(
        connection,
        f"""WITH every AS (SELECT file, created_at FROM found UNION ALL SELECT file, created_at FROM stored),
        spans AS (SELECT file, min(created_at) AS first, max(created_at) AS last FROM every GROUP BY file),
        equal AS (
            SELECT found.file AS new, old.file AS old, count(*) FILTER (NOT ({is_fine})) AS open,
                count(*) FILTER ({is_fine}) AS fine
            FROM found JOIN {others} old USING (id)
            WHERE found.file IN ({numbers}) AND found.file <> old.file AND NOT found.has_own_id GROUP BY ALL),
        met AS (
            SELECT new, old, count(*) AS rows FROM equal JOIN spans other ON other.file = old
            JOIN found ON found.file = new
                AND found.created_at BETWEEN other.first AND other.last
            GROUP BY ALL)
        SELECT new, old, open + CASE WHEN fine * {MOSTLY} < rows THEN fine ELSE 0 END AS count
        FROM equal JOIN met USING (new, old) WHERE count > 0""",
    )


def drop_superseded(connection: duckdb.DuckDBPyConnection, pairs: Iterable[Pair]) -> Counter[int]:
    """Makes the table `superseded` of `file` and `id`: rows of the second file of a pair whose period the first has.

    The period of a call is its moment, for the same model. Looks into the views `every_found` and `every_stored`; gives
    how many rows that are by file.
    """
    connection.execute(MACROS)
    connection.execute("CREATE OR REPLACE TEMP TABLE pairs (new INTEGER, old INTEGER)")
    connection.executemany("INSERT INTO pairs VALUES (?, ?)", [list(pair) for pair in pairs])
    columns = "file, id, provider, model, grain, created_at"
    every = f"(SELECT {columns} FROM every_found UNION SELECT {columns} FROM every_stored)"
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE periods AS
        SELECT DISTINCT pairs.old, provider, grain, created_at, CASE WHEN grain = '{CALL}' THEN model END AS model
        FROM {every} rows JOIN pairs ON rows.file = pairs.new""")
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE superseded AS
        WITH rows AS (SELECT * FROM {every} WHERE file IN (SELECT old FROM pairs))
        SELECT file, id FROM rows SEMI JOIN periods ON rows.file = periods.old AND rows.provider = periods.provider
            AND rows.grain = periods.grain AND rows.created_at = periods.created_at
            AND (rows.grain <> '{CALL}' OR rows.model = periods.model)
        UNION
        SELECT file, id FROM rows SEMI JOIN (
            SELECT DISTINCT old, provider, grain, period_start(created_at, grain) AS start FROM periods) others
            ON rows.file = others.old AND rows.provider = others.provider AND rows.grain <> others.grain
            AND others.start < period_end(rows.created_at, rows.grain)
            AND period_start(rows.created_at, rows.grain) < period_end(others.start, others.grain)""")
    return Counter(dict(connection.execute("SELECT file, count(*) FROM superseded GROUP BY file").fetchall()))


def _is_before(other: FileTraits, one: FileTraits) -> bool:
    return other.number != one.number and (not other.is_new or other.number < one.number)


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
    pieces = """SELECT file, is_new, has_own_id, mapping, provider, base, dated, proxy, grain,
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


def _name_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the view `all_rows` of `added` and `stored`: also `is_added`, and `base` and `dated` of the model."""
    rows = "SELECT *, {0} AS is_added FROM {1}"
    every = f"({rows.format('true', 'added')} UNION ALL BY NAME {rows.format('false', 'stored')})"
    models = connection.execute(f"SELECT DISTINCT provider, model, proxy FROM {every}").fetchall()
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE models (
            provider VARCHAR, model VARCHAR, proxy VARCHAR, base VARCHAR, dated VARCHAR)""")
    if models:
        connection.executemany(
            "INSERT INTO models VALUES (?, ?, ?, ?, ?)", [[*one, *split_model(*one)] for one in models]
        )
    connection.execute(f"""
        CREATE OR REPLACE TEMP VIEW all_rows AS SELECT rows.*, base, dated FROM {every} rows JOIN models
        ON rows.provider = models.provider AND rows.model = models.model
            AND rows.proxy IS NOT DISTINCT FROM models.proxy""")


def split_model(provider: str, model: str, proxy: str | None) -> tuple[str, str | None]:
    """The name of a model as two sources may share it, and the date of its version where the name has one.

    >>> split_model("openai", "openai/gpt-4o-2024-08-06", None)
    ('gpt-4o', '20240806')
    """
    name = VERSION.sub("", find_listed_name(provider, model, proxy).name.lower())
    if maker := MAKER.match(name):
        name = name[maker.end() :]
    found = DATED.fullmatch(name)
    return (found[1], found[2].replace("-", "")) if found else (name, None)


def _read(connection: duckdb.DuckDBPyConnection, query: str) -> Counter[Pair]:
    return Counter({(new, old): count for new, old, count in connection.execute(query).fetchall()})
