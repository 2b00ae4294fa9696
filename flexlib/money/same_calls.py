"""When rows of two logs may be one call: by which names two sources call one model, and what else tells calls apart."""

from __future__ import annotations

import re

import duckdb

from flexlib.money.price_book import find_listed_name

DATED = re.compile(r"(.+?)[-@](20\d\d-?\d\d-?\d\d)")
MAKER = re.compile(r".*/|(?:[a-z-]+\.)+(?=[a-z])")
VERSION = re.compile(r"-v\d+:\d+$")
"""What sellers write around the name of a model: `openai/gpt-4o`, `us.anthropic.claude-sonnet-4-20250514-v1:0`."""

CALL = "call"
DIFFERS = "CREATE OR REPLACE TEMP MACRO differs(x, y) AS x IS NOT NULL AND y IS NOT NULL AND x <> y;"
SAME_USER = """NOT (new.usable_type IS NOT DISTINCT FROM old.usable_type
    AND (differs(new.usable_id, old.usable_id) OR differs(new.usable_key, old.usable_key)))"""
SAME_VERSION = """NOT differs(new.dated, old.dated)
    AND (new.provider = old.provider OR 'unknown' IN (new.provider, old.provider))"""
SAME_MODEL = f"new.base = old.base AND {SAME_VERSION}"

SAME_LENGTH = f"""{SAME_MODEL} AND new.prompt_tokens = old.prompt_tokens
    AND new.completion_tokens = old.completion_tokens AND {SAME_USER}"""

SAME_WAY = f"""{SAME_MODEL} AND (new.proxy IS NOT DISTINCT FROM old.proxy
    OR may_be_sold(new.proxy, new.grain, new.by_own_key, old.proxy, old.grain)
    OR may_be_sold(old.proxy, old.grain, old.by_own_key, new.proxy, new.grain))"""
"""A log need not name the seller, and the maker counts what went over the seller by the company's own key."""
PIECE_MINUTES = 15
"""Calls are held against hours and days in pieces of this length: every time zone begins its hours at one."""

MACROS = f"""
CREATE OR REPLACE TEMP MACRO period_start(t, grain) AS
    CASE WHEN grain = '{CALL}' THEN time_bucket(INTERVAL {PIECE_MINUTES} MINUTE, t) ELSE t END;
CREATE OR REPLACE TEMP MACRO period_end(t, grain) AS period_start(t, grain) + CASE grain
    WHEN 'month' THEN INTERVAL 1 MONTH WHEN 'day' THEN INTERVAL 1 DAY WHEN 'hour' THEN INTERVAL 1 HOUR
    ELSE INTERVAL {PIECE_MINUTES} MINUTE END;
CREATE OR REPLACE TEMP MACRO row_end(t, grain) AS
    CASE WHEN grain = '{CALL}' THEN t + INTERVAL 1 MICROSECOND ELSE period_end(t, grain) END;
CREATE OR REPLACE TEMP MACRO slack(grain) AS
    CASE WHEN grain IN ('day', 'month') THEN INTERVAL 1 HOUR ELSE INTERVAL 0 HOUR END;
CREATE OR REPLACE TEMP MACRO may_be_sold(proxy, grain, by_own_key, other_proxy, other_grain) AS
    proxy IS NOT NULL AND other_proxy IS NULL AND (by_own_key OR (grain <> '{CALL}' AND other_grain = '{CALL}'));
{DIFFERS}
"""

CLOCKS = "INTERVAL 1 SECOND"
"""Two systems that both log a call write their own times of it: milliseconds apart, seldom as much as this."""
MOSTLY = 2
"""One call in so many at moments of another file makes the two versions of one log: by chance next to none is."""
FEW_CALLS = 10
"""Of so few calls one is enough to ask: that another system had one of as many tokens in that second is no chance."""


def is_asked(met: int, size: int) -> bool:
    """Whether two logs that have `met` calls in common, of `size` in the time that both are of, may be of the same."""
    return met > 0 and (size <= FEW_CALLS or met * MOSTLY >= size)


def count_fewer(connection: duckdb.DuckDBPyConnection, calls: duckdb.DuckDBPyRelation) -> int:
    """How many of the calls the one of two files has that has fewer, in the time that both are of; `calls` has `file`
    and `created_at`."""
    calls.create_view("calls_of_two", replace=True)
    ((size,),) = connection.execute(f"""
        WITH spans AS (
            SELECT min(created_at) - {CLOCKS} AS first, max(created_at) + {CLOCKS} AS last
            FROM calls_of_two GROUP BY file),
        shared AS (SELECT max(first) AS first, min(last) AS last FROM spans),
        sizes AS (
            SELECT count(*) AS size FROM calls_of_two, shared WHERE created_at BETWEEN first AND last GROUP BY file)
        SELECT min(size) FROM sizes""").fetchall()
    return int(size)


def name_models(connection: duckdb.DuckDBPyConnection, new: str, others: str) -> None:
    """Makes the view `all_rows` of two views: also `is_added`, `base` and `dated` of the model, and `by_own_key` where
    a seller asks for less than the call cost: its maker bills the rest.
    """
    rows = "SELECT *, {0} AS is_added FROM {1}"
    every = f"({rows.format('true', new)} UNION ALL BY NAME {rows.format('false', others)})"
    models = connection.execute(f"SELECT DISTINCT provider, model, proxy FROM {every}").fetchall()
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE models (
            provider VARCHAR, model VARCHAR, proxy VARCHAR, base VARCHAR, dated VARCHAR)""")
    if models:
        connection.executemany(
            "INSERT INTO models VALUES (?, ?, ?, ?, ?)", [[*one, *split_model(*one)] for one in models]
        )
    connection.execute(f"""
        CREATE OR REPLACE TEMP VIEW all_rows AS SELECT rows.*, base, dated,
            coalesce(amount_in_usd > cost, false) AS by_own_key FROM {every} rows JOIN models
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
    if name.startswith("claude-"):  # sellers write claude-sonnet-4.5
        name = name.replace(".", "-")
    found = DATED.fullmatch(name)
    return (found[1], found[2].replace("-", "")) if found else (name, None)
