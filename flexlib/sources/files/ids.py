"""The id of each call of a file: its own, or made of what it says; one that comes twice is one call, or a fault."""

from __future__ import annotations

import duckdb

from flexlib.schema import EXTRA_COUNTS, USAGE, name_sql_type
from flexlib.sources.files.codex import PERHAPS_REPLAYED
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.meaning import is_credit, list_amounts
from flexlib.sources.files.texts import quote

CONTENT = [
    "created_ns", "provider", "model", "proxy", "task_type", "prompt_tokens", "completion_tokens", "cached_tokens",
    "cache_write_tokens", "cost", "amount_in_usd", "amount_in_clp", "duration_ms", "status", "usable_type", "usable_id",
    "metadata", "usable_key", "tier", "requests", *EXTRA_COUNTS, "rest",
]  # fmt: skip
"""What makes an id; `rest` is the hash of what stands in columns that feed none of them. A null has no part in it, so
that a field added one day leaves the ids of rows without it alone."""

ID_DIGITS = 32

CONTENT_MACRO = """
CREATE MACRO write_part(name, x) AS coalesce(name || ':' || length(x::VARCHAR) || ':' || x::VARCHAR, '');
"""


TOTAL_ROWS = "total rows"
"""The kind of rows that sum others."""

SUMS = "sums of calls in them"
"""The kind of rows in which calls were made that they count too."""

MOST_LAYERS = 4
"""How many outer calls may trace one call: a framework, a gateway, a client. More of the same are no layers."""

HALF_A_CENT = "0.005"
"""By how much an amount may be rounded: that of a total, and of each row that it sums, to at most a hundredth of it."""

OR_DISTINCT = "import it with --distinct if it is a call of its own"

EARLIER = "earlier rows of a call"
"""The kind of rows whose id comes again with more to say, where the last one is taken."""


def set_aside(connection: duckdb.DuckDBPyConnection, mapping: CallMapping, *, is_distinct: bool) -> None:
    """Moves the rows that are no calls out of `judged` into `left_out`, and into `own_totals` what the file says that
    its rows sum up to, where they do not."""
    connection.execute("CREATE TABLE left_out (kind VARCHAR, month DATE)")
    connection.execute("CREATE TABLE own_totals (name VARCHAR, said VARCHAR, found VARCHAR)")
    connection.execute("CREATE TABLE doubtful (line BIGINT)")
    connection.execute("CREATE TABLE outside (id VARCHAR, parent VARCHAR)")
    if "parent_id" in mapping.columns:
        _leave_out_sums(connection, is_distinct=is_distinct)
    if mapping.where or mapping.no_calls:
        connection.execute(f"""
            INSERT INTO doubtful SELECT line FROM judged WHERE kind = {quote(PERHAPS_REPLAYED)};
            UPDATE judged SET kind = NULL WHERE kind = {quote(PERHAPS_REPLAYED)}""")
        _leave_out(connection, "kind", "kind IS NOT NULL")
    if connection.execute("SELECT 1 FROM judged WHERE is_total IS NOT NULL LIMIT 1").fetchall():
        _leave_out_totals(connection, mapping)
    if "model" in mapping.columns:
        _doubt_totals(connection, mapping)


def _leave_out_sums(connection: duckdb.DuckDBPyConnection, *, is_distinct: bool) -> None:
    """Leaves out calls that say in both counts what the calls made in them say: of two that are traced, the outer one.

    One that says more may be the sum of calls of which some are missing, and one that says the same in one count
    alone, or of another model, may be either: a fault, unless `is_distinct`. One that says less is a call beside those
    in it. The calls in one are the next ones below it of its task, whatever other rows stand between; an id that comes
    twice is one.
    """
    names = [name for name in ("provider", "model") if name in connection.table("judged").columns]
    alike = " AND ".join(["true", *(f"inner_one.{name} IS NOT DISTINCT FROM outer_one.{name}" for name in names)])
    is_row = "kind IS NULL" if "kind" in connection.table("judged").columns else "true"
    task = "task_type" if "task_type" in connection.table("judged").columns else "NULL"
    connection.execute(f"""
        CREATE TABLE traced AS SELECT coalesce(request_id, 'line ' || line) AS id, parent, {task} AS task,
            {"".join(f"{name}, " for name in names)} prompt_tokens AS p, completion_tokens AS c,
            coalesce({is_row} AND fault IS NULL AND p + c > 0, false) AS is_call
        FROM judged
        QUALIFY row_number() OVER (PARTITION BY coalesce(request_id, 'line ' || line) ORDER BY line DESC) = 1;
        CREATE TABLE above AS
        WITH RECURSIVE above AS (
            SELECT id AS below, parent FROM traced WHERE is_call AND parent IS NOT NULL
            UNION SELECT below, traced.parent FROM above JOIN traced ON id = above.parent
            WHERE NOT is_call AND traced.parent IS NOT NULL)
        FROM above;
        INSERT INTO outside SELECT below, parent FROM above ANTI JOIN traced ON id = above.parent;
        CREATE TABLE pairs AS SELECT DISTINCT id, below FROM above JOIN traced ON id = above.parent
            WHERE is_call AND id <> below;
        CREATE TABLE sums AS SELECT *, p = inner_p AND c = inner_c AND is_alike AS is_sum FROM (
            SELECT outer_one.id, outer_one.p, outer_one.c, sum(inner_one.p) AS inner_p, sum(inner_one.c) AS inner_c,
                bool_and({alike}) AS is_alike
            FROM pairs JOIN traced outer_one USING (id) JOIN traced inner_one ON inner_one.id = below
            WHERE inner_one.task IS NOT DISTINCT FROM outer_one.task GROUP BY ALL);
        CREATE TABLE layers AS
        WITH RECURSIVE layer AS (
            SELECT id, 1 AS depth FROM sums WHERE is_sum
            UNION SELECT pairs.id, depth + 1 FROM layer JOIN pairs ON below = layer.id
            WHERE depth <= {MOST_LAYERS} AND pairs.id IN (SELECT id FROM sums WHERE is_sum))
        SELECT id, max(depth) AS depth FROM layer GROUP BY id;
        UPDATE judged SET fault = CASE WHEN sums.p + sums.c > inner_p + inner_c
            THEN 'it counts more tokens than the calls in it that are here ({OR_DISTINCT}): '
            ELSE 'it may count what the calls in it count too ({OR_DISTINCT}): ' END || (sums.p + sums.c)
        FROM sums LEFT JOIN layers USING (id) WHERE request_id = sums.id AND judged.fault IS NULL AND (
            (sums.p >= inner_p AND sums.c >= inner_c OR sums.p = inner_p OR sums.c = inner_c AND sums.c > 0)
            AND NOT is_sum OR depth > {MOST_LAYERS}) AND {not is_distinct}""")
    sums = f"SELECT id FROM sums LEFT JOIN layers USING (id) WHERE is_sum AND depth <= {MOST_LAYERS}"
    _leave_out(connection, quote(SUMS), f"fault IS NULL AND request_id IN ({sums})")


def _leave_out_totals(connection: duckdb.DuckDBPyConnection, mapping: CallMapping) -> None:
    """Leaves out rows that say they are a total and sum all rows, those before them or those since the last total.

    What stands in the place of a time or a model is a total in any case: where its tokens or its amount are no such
    sum, it contradicts the rows. Elsewhere the word may be a team's name: both must be the sum, and that of two rows
    or more, unless another total of the file is, or each of several is one of single rows. Where the only one is
    that of a single row, it may be either: `doubtful`.
    """
    amount = next(iter(list_amounts(mapping)), "NULL::DOUBLE")
    counts = {"p": "coalesce(prompt_tokens, 0)", "c": "coalesce(completion_tokens, 0)", "a": f"coalesce({amount}, 0)",
              "n": "1"}  # fmt: skip
    is_row = "FILTER (WHERE is_total IS NULL AND fault IS NULL)"
    before = ", ".join(
        f"coalesce(sum({sql}) {is_row} OVER (ORDER BY line), 0) AS {one}_before" for one, sql in counts.items()
    )
    whole = ", ".join(f"coalesce(sum({sql}) {is_row} OVER (), 0) AS {one}_whole" for one, sql in counts.items())
    told = ", ".join(f"{sql} AS {one}" for one, sql in counts.items())
    since = ", ".join(f"{one}_before - lag({one}_before, 1, 0) OVER (ORDER BY line) AS {one}_since" for one in counts)
    sums = ("whole", "before", "since")
    tokens = {one: f"(p = p_{one} AND c = c_{one})" for one in sums}
    spare = {one: f"{HALF_A_CENT} + least({HALF_A_CENT} * n_{one}, abs(a_{one}) / 100)" for one in sums}
    amounts = {one: f"(NOT has_amount OR abs(a - a_{one}) <= {spare[one]})" for one in sums}
    both = " OR ".join(f"{tokens[one]} AND {amounts[one]}" for one in sums)
    alone = " OR ".join(f"p + c = 0 AND has_amount AND {one}" for one in amounts.values())
    several = " OR ".join(f"{tokens[one]} AND {amounts[one]} AND n_{one} > 1" for one in sums)
    of_tokens = " ".join(f"WHEN p + c > 0 AND {sql} THEN 'amount of line ' || line || '|' || a || '|' || a_{one}"
                         for one, sql in tokens.items())  # fmt: skip
    of_amount = " ".join(f"WHEN p + c > 0 AND has_amount AND {sql} "
                         f"THEN 'tokens of line ' || line || '|' || (p + c) || '|' || (p_{one} + c_{one})"
                         for one, sql in amounts.items())  # fmt: skip
    connection.execute(f"""
        CREATE TABLE totals AS
        WITH sums AS (SELECT line, is_total, {told}, coalesce({amount} <> 0, false) AS has_amount, {before}, {whole}
            FROM judged),
        parts AS (SELECT *, {since} FROM sums WHERE is_total IS NOT NULL),
        held AS (SELECT *, {both} AS is_both, {alone} AS is_alone, {several} AS is_several FROM parts
            WHERE p + c > 0 OR has_amount)
        SELECT *, CASE WHEN is_total = 2 THEN is_both OR is_alone
            ELSE is_several OR is_both AND (bool_or(is_several) OVER ()
                OR bool_and(is_both) OVER alike AND count(*) OVER alike > 1) END AS is_sum
        FROM held WINDOW alike AS (PARTITION BY is_total);
        INSERT INTO doubtful SELECT line FROM (SELECT *, count(*) OVER () AS several FROM totals WHERE is_total = 1)
            WHERE is_both AND several = 1 AND NOT is_sum;
        INSERT INTO own_totals SELECT told[1], told[2], told[3] FROM (
            SELECT string_split(CASE {of_tokens} {of_amount}
                WHEN p + c > 0 THEN 'tokens of line ' || line || '|' || (p + c) || '|' || (p_whole + c_whole)
                ELSE 'amount of line ' || line || '|' || a || '|' || a_whole END, '|') AS told
            FROM totals WHERE is_total = 2 AND NOT is_sum)""")
    _leave_out(connection, quote(TOTAL_ROWS), "line IN (SELECT line FROM totals WHERE is_sum OR is_total = 2)")


def _doubt_totals(connection: duckdb.DuckDBPyConnection, mapping: CallMapping) -> None:
    """Adds to `doubtful` a row that has the tokens of all others, two or more, and in the place of its model a name
    that none of them has: a total by a word that nobody foresaw. One with an id of its own is a call."""
    counts = {name for name in ("prompt_tokens", "completion_tokens") if name in mapping.columns}
    same = " AND ".join(f"2 * {name} = (SELECT sum({name}) FROM judged WHERE fault IS NULL)" for name in sorted(counts))
    connection.execute(f"""
        INSERT INTO doubtful SELECT line FROM judged mine
        WHERE fault IS NULL AND request_id IS NULL AND {same or "false"} AND {" + ".join(counts) or "0"} > 0
            AND (SELECT count(*) FROM judged WHERE fault IS NULL) > 2
            AND NOT EXISTS (SELECT 1 FROM judged other WHERE other.model = mine.model AND other.line <> mine.line)""")


def name_rows(connection: duckdb.DuckDBPyConnection, mapping: CallMapping, columns: dict[str, str]) -> set[str]:
    """Makes the view `calls` out of the table `judged`: its rows with their ids; gives the columns without any value.

    Only where an id comes twice the content of its rows is looked at. `columns`: the SQL of each value.
    """
    key = "coalesce(request_id, content_id)"
    counts = f"SELECT count({key}), count(DISTINCT hash({key})) FROM judged WHERE fault IS NULL"
    ((rows, distinct),) = connection.execute(counts).fetchall()
    takes_last = mapping.repeated == "last"
    order = "DESC" if takes_last else ""
    if rows != distinct:
        connection.execute(f"""
            CREATE TABLE again AS
            WITH keyed AS (SELECT line, request_id, {key} AS key FROM judged WHERE fault IS NULL),
            several AS (SELECT key FROM keyed GROUP BY key HAVING count(*) > 1),
            hashed AS (
                SELECT line, request_id, {key} AS key, {hash_content(mapping, columns)} AS content
                FROM judged WHERE fault IS NULL AND {key} IN (FROM several)),
            counted AS (
                SELECT *, row_number() OVER same - 1 AS nth, first(content) OVER same AS first_content
                FROM hashed WINDOW same AS (PARTITION BY key ORDER BY line {order}))
            SELECT line AS again_line, request_id IS NOT NULL AND content = first_content AS is_duplicate,
                CASE WHEN request_id IS NULL THEN left(sha256(content || '#' || nth), {ID_DIGITS}) END AS id,
                CASE WHEN content <> first_content AND request_id IS NOT NULL
                    THEN 'request_id stands before with other content: ' || request_id END AS fault
            FROM counted WHERE nth > 0""")
        if takes_last:
            _leave_out(connection, quote(EARLIER), "line IN (SELECT again_line FROM again WHERE fault IS NOT NULL)")
        source = "judged LEFT JOIN again ON line = again_line"
        named = {"id": f"coalesce(again.id, {key})", "fault": "coalesce(judged.fault, again.fault)"}
        named["is_duplicate"] = "coalesce(is_duplicate, false)"
    else:
        source, named = "judged", {"id": key, "fault": "fault", "is_duplicate": "false"}
    moment = "make_timestamp(created_ns // 1000)"
    columns |= {"created_at": moment, "updated_at": moment}
    columns["total_tokens"] = f"{columns['prompt_tokens']} + {columns['completion_tokens']}"
    columns |= {"id": named.pop("id"), "grain": quote(mapping.grain)}
    unsaid = "1" if mapping.grain == "call" else "NULL"  # of how many calls a sum is, nobody may guess
    if "ended_at" in mapping.columns:
        columns["grain"] = "judged.grain"
    elif mapping.grain in ("call", "hour"):  # a date alone is of a whole day
        columns["grain"] = f"CASE WHEN is_day THEN 'day' ELSE {columns['grain']} END"
    if mapping.grain == "call":
        credit = is_credit(mapping, "")
        alone = f"{credit} AND {columns['total_tokens']} = 0" if credit else "false"
        unsaid = f"CASE WHEN {alone} THEN 0 WHEN NOT is_day THEN 1 END"
    columns["requests"] = "requests" if "requests" in mapping.columns else unsaid
    typed = [f"({columns.get(one.name, 'NULL')})::{name_sql_type(one.type)} AS {one.name}" for one in USAGE]
    named |= {"line": "line", "lines": "lines", "is_repeated": "is_repeated", "has_own_id": "request_id IS NOT NULL"}
    named |= {name: columns.get(name, "NULL") for name in ("rest", "free_usd")}
    named["email"] = "email" if "usable_key" in mapping.columns else "NULL::VARCHAR"
    others = [f"{sql} AS {name}" for name, sql in named.items()]
    connection.execute(f"CREATE VIEW calls AS SELECT {', '.join([*typed, *others])} FROM {source}")
    return {name for name in USAGE.names if columns.get(name, "NULL").startswith("NULL")}


def _leave_out(connection: duckdb.DuckDBPyConnection, kind: str, where: str) -> None:
    connection.execute(f"""
        INSERT INTO left_out SELECT {kind}, date_trunc('month', make_timestamp(created_ns // 1000)) FROM judged
        WHERE {where};
        DELETE FROM judged WHERE {where}""")


def hash_content(mapping: CallMapping, columns: dict[str, str]) -> str:
    """SQL of the hash of what a row says; what the metadata says already stands there alone."""
    told = columns | {"metadata": f"coalesce({columns['metadata_in_id']}, {columns['metadata']})"}
    parts = [f"write_part('{name}', {told[name]})" for name in CONTENT if name not in mapping.lifted]
    return f"sha256(concat({', '.join(parts)}))"
