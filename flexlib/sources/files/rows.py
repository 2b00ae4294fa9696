"""Texts to calls: every row judged, typed and given its id by DuckDB, without a loop over rows."""

from __future__ import annotations

import duckdb

from flexlib.errors import BadParameter
from flexlib.schema import EXTRA_COUNTS, USAGE, name_sql_type
from flexlib.sources.files.mapping import MEMBERS, CallMapping, read_aliases
from flexlib.sources.files.numbers import NUMBERS, build_macros, find_number_faults, type_numbers
from flexlib.sources.files.texts import quote

ISO = (
    r"^((?:1999|20\d\d|2100)-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?"
    r" ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?)?$"
)
EPOCH = r"^(\d{9,10}|\d{12,13}|\d{15,16}|\d{18,19})(?:\.(\d{1,9}))?$"
"""Seconds, milliseconds, microseconds or nanoseconds since 1970: for 2000 to 2099 no two have as many digits."""

MACROS = """
CREATE MACRO read_offset(x) AS
    CASE WHEN x IN ('Z', 'z', 'UTC') THEN 0
         ELSE CASE x[1] WHEN '-' THEN -60 ELSE 60 END * (try_cast(x[2:3] AS BIGINT) * 60
              + CASE WHEN length(x) > 3 THEN try_cast(right(x, 2) AS BIGINT) ELSE 0 END) END;
CREATE MACRO read_fraction(x) AS try_cast(rpad(x, 9, '0') AS HUGEINT);
CREATE MACRO read_epoch(whole, fraction) AS
    (try_cast(whole AS HUGEINT) * 1000000000 + read_fraction(fraction))
    // CASE WHEN length(whole) < 11 THEN 1 WHEN length(whole) < 14 THEN 1000
            WHEN length(whole) < 17 THEN 1000000 ELSE 1000000000 END;
CREATE MACRO write_part(name, x) AS coalesce(name || ':' || length(x::VARCHAR) || ':' || x::VARCHAR, '');
"""

FIRST_NS, END_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""From 2000 up to 2100 (a month needs a next one), in nanoseconds since 1970."""

CONTENT = [
    "created_ns", "provider", "model", "proxy", "task_type", "prompt_tokens", "completion_tokens", "cached_tokens",
    "cache_write_tokens", "cost", "amount_in_usd", "amount_in_clp", "duration_ms", "status", "usable_type", "usable_id",
    "metadata",
]  # fmt: skip
"""What makes an id. A null has no part in it, so that a field added one day leaves the ids of rows without it alone."""

IN_ID = {"metadata": "coalesce(metadata_in_id, value_metadata)"}
"""What stands in an id for a value that was once kept in other words: another id would count a stored call twice."""

MAKER = "CASE WHEN contains(model, '/') THEN trim(split_part(model, '/', 1)) END"

ID_DIGITS = 32

NOT_READ = [
    *("usable_key", "tier", *EXTRA_COUNTS),
    *("price_source", "price_date", "unpriced", "fx_rate", "fx_date", "fx_source", "unconverted"),
    *("masked", "earlier_amounts"),
]
"""The columns of the schema that no column of a file feeds."""


def validate_rows(connection: duckdb.DuckDBPyConnection, mapping: CallMapping) -> None:
    """Makes the table `calls` out of `texts`, which is dropped: the columns of `schema.USAGE`, `line`, `lines`, and

    - `fault`: why the row cannot be taken, or null.
    - `is_duplicate`: an earlier row has the same `request_id` and says the same.
    - `is_repeated`: its time stands in an hour that the clock of its zone showed twice; the first of the two is taken.

    `created_at` is cut down to the microsecond; the id is made of all digits. Raises `BadParameter` for a time zone
    that does not exist, and when nothing tells the provider of any row.
    """
    zone = quote(mapping.timezone)
    if not connection.execute(f"SELECT 1 FROM pg_timezone_names() WHERE name = {zone}").fetchall():
        raise BadParameter(f"{mapping.timezone!r} is no time zone; write one such as America/Santiago.")
    if mapping.takes_maker_from_model and not connection.execute(f"SELECT count({MAKER}) FROM texts").fetchall()[0][0]:
        raise BadParameter(
            f"whose model was called? No {mapping.model_column!r} says it, as openai/gpt-4 does; "
            f"name a provider ({', '.join(MEMBERS['provider'])}) or the column that does."
        )
    connection.execute(MACROS + build_macros(mapping.decimal))
    plain = ", ".join(f"read_plain({name}, typed_{name}) AS plain_{name}" for name in NUMBERS)
    words = ", ".join(f"{text} AS {name}" for name, text in _find_words(mapping).items())
    values = _type_fields(mapping)
    typed = ", ".join(f"{value} AS value_{name}" for name, value in values.items())
    judged = ", ".join(f"value_{name} AS {name}" for name in values if name != "total_tokens")
    parts = ", ".join(f"write_part('{name}', {IN_ID.get(name, f'value_{name}')})" for name in CONTENT)
    connection.execute(f"""
        CREATE TABLE judged AS
        WITH parts AS (
            SELECT * REPLACE ({words}), {plain},
                regexp_extract(created_at, '{ISO}', ['day', 'clock', 'fraction', 'zone']) AS iso,
                regexp_extract(created_at, '{EPOCH}', ['whole', 'fraction']) AS epoch
            FROM texts),
        clocks AS (SELECT *, try_cast(iso.day || ' ' || iso.clock AS TIMESTAMP) AS clock FROM parts),
        zoned AS (SELECT *, timezone({zone}, clock) AS late, late - INTERVAL 1 HOUR AS early FROM clocks),
        instants AS (
            SELECT *, timezone({zone}, early) = clock AS is_early, timezone({zone}, late) = clock AS is_late,
                CASE WHEN iso.zone <> '' THEN epoch_us(clock) - read_offset(iso.zone) * 1000000
                     WHEN is_early THEN epoch_us(early) WHEN is_late THEN epoch_us(late) END AS start_us,
                CASE WHEN epoch.whole <> '' THEN read_epoch(epoch.whole, epoch.fraction)
                     ELSE start_us::HUGEINT * 1000 + read_fraction(iso.fraction) END AS ns
            FROM zoned),
        typed AS (
            SELECT *, {typed}, iso.zone = '' AND is_early AND is_late AS is_repeated,
                iso.zone = '' AND NOT is_early AND NOT is_late AS is_skipped
            FROM instants),
        faulted AS (SELECT *, {_find_faults(mapping)} AS fault FROM typed)
        SELECT line, lines, request_id, fault, fault IS NULL AND is_repeated AS is_repeated, {judged},
            CASE WHEN fault IS NULL THEN sha256(concat({parts})) END AS content
        FROM faulted""")
    nothing = ", ".join(f"NULL::{name_sql_type(USAGE.field(name).type)} AS {name}" for name in NOT_READ)
    connection.execute(f"""
        CREATE TABLE calls AS
        WITH counted AS (
            SELECT *, row_number() OVER same - 1 AS nth, first(content) OVER same AS first_content
            FROM judged WINDOW same AS (PARTITION BY fault IS NULL, coalesce(request_id, content) ORDER BY line))
        SELECT * EXCLUDE (fault, content, first_content, nth, request_id, created_ns),
            make_timestamp(created_ns // 1000) AS created_at, created_at AS updated_at,
            prompt_tokens + completion_tokens AS total_tokens, 'call' AS grain, 1::BIGINT AS requests, {nothing},
            CASE nth WHEN 0 THEN content ELSE sha256(content || '#' || nth) END AS digest,
            coalesce(request_id, left(digest, {ID_DIGITS})) AS id,
            coalesce(fault, CASE WHEN content <> first_content AND request_id IS NOT NULL
                THEN 'request_id stands before with other content: ' || request_id END) AS fault,
            fault IS NULL AND request_id IS NOT NULL AND nth > 0 AND content = first_content AS is_duplicate
        FROM counted""")
    connection.execute("DROP TABLE texts; DROP TABLE judged")


def _type_fields(mapping: CallMapping) -> dict[str, str]:
    numbers = type_numbers()
    for name in ("prompt_tokens", "completion_tokens"):
        numbers[name] = numbers[name] if name in mapping.columns else "0"
    for name in ("cached_tokens", "cache_write_tokens"):
        # Where nothing is said of the cache, no part of the prompt is known to come from it.
        numbers[name] = f"CASE WHEN {name} IS NULL THEN 0 ELSE {numbers[name]} END"
    return numbers | {
        "created_ns": f"CASE WHEN ns >= {FIRST_NS} AND ns < {END_NS} THEN ns::BIGINT END",
        **{name: _name_member(name, mapping) for name in MEMBERS},
        "model": f"coalesce(model, {_write_constant(mapping.model)})",
        "status": "status",
        "usable_type": f"coalesce(usable_type, {_write_constant(mapping.usable_type)})",
        "metadata": "metadata",
    }


def _find_faults(mapping: CallMapping) -> str:
    """SQL that gives the reasons why a row cannot be taken, or null; it sees the texts and the `value_` of each."""
    said = mapping.columns
    faults = {
        "created_at IS NULL": "'no time'",
        "created_at IS NOT NULL AND value_created_ns IS NULL": (
            f"CASE WHEN is_skipped THEN 'no such time in ' || {quote(mapping.timezone)} || ': ' || created_at "
            "|| ' (the clock skipped it)' ELSE 'not a time of 2000 to 2099: ' || created_at END"
        ),
        "value_model IS NULL": "'no model'",
    }
    for name in ("provider", "task_type", "proxy"):
        faults[f"{name} IS NOT NULL AND value_{name} IS NULL"] = (
            f"'unknown {name}: ' || {name} || ' (say what it means: --alias ''' || {name} || '=NAME'')'"
        )
    for name in ("provider", "task_type"):
        faults[f"{name} IS NULL AND value_{name} IS NULL"] = f"'no {name}'"
    for name in ("prompt_tokens", "completion_tokens"):
        if name in said:
            faults[f"{name} IS NULL"] = f"'no {name}'"
    faults |= find_number_faults(mapping.decimal)
    total = "value_prompt_tokens + value_completion_tokens"
    faults[f"value_total_tokens <> {total}"] = "'total_tokens is not prompt + completion: ' || total_tokens"
    faults["value_cached_tokens + value_cache_write_tokens > value_prompt_tokens"] = (
        "'cached tokens are more than the prompt: ' || (value_cached_tokens + value_cache_write_tokens)"
    )
    faults["usable_id IS NOT NULL AND value_usable_type IS NULL"] = "'usable_id without usable_type: ' || usable_id"
    reasons = ", ".join(f"CASE WHEN {condition} THEN {reason} END" for condition, reason in faults.items())
    return f"coalesce(problem, nullif(concat_ws('; ', {reasons}), ''))"


def _find_words(mapping: CallMapping) -> dict[str, str]:
    """SQL for the text that names each member; null where there is none, or an alias says that it means nothing."""
    words = {}
    for name, aliases in read_aliases(mapping.aliases).items():
        text = MAKER if name == "provider" and mapping.takes_maker_from_model else name
        empty = ", ".join(quote(word) for word in ["", *(word for word, member in aliases.items() if not member)])
        words[name] = f"CASE WHEN lower({text}) NOT IN ({empty}) THEN {text} END"
    return words


def _name_member(field: str, mapping: CallMapping) -> str:
    """SQL for the member that a text names; null where it names none, the mapping's own where there is no text."""
    texts = MEMBERS[field].spellings() | read_aliases(mapping.aliases)[field]
    spellings = ", ".join(f"{quote(text)}: {quote(member)}" for text, member in texts.items() if member)
    constant = _write_constant(getattr(mapping, field))
    return f"CASE WHEN {field} IS NULL THEN {constant} ELSE (MAP {{{spellings}}})[lower({field})] END"


def _write_constant(text: str | None) -> str:
    return "NULL::VARCHAR" if text is None else quote(text)
