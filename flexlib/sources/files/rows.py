"""Texts to calls: every row judged, typed and given its id by DuckDB in one pass, without a loop over rows."""

from __future__ import annotations

from pathlib import Path

import duckdb

from flexlib.errors import BadParameter
from flexlib.schema import USAGE, name_sql_type
from flexlib.sources.files.fields import MEMBERS, read_aliases, read_makers
from flexlib.sources.files.ids import CONTENT_MACRO, ID_DIGITS, hash_content, name_rows
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.numbers import (
    FRACTIONS,
    MOST_IN_SUM,
    MOST_TOKENS,
    NUMBERS,
    build_macros,
    find_number_faults,
    type_numbers,
)
from flexlib.sources.files.texts import quote, run_on_texts

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
CREATE MACRO read_fraction(x) AS try_cast(rpad(x, 9, '0') AS BIGINT);
CREATE MACRO read_epoch(whole, fraction) AS
    (try_cast(whole AS HUGEINT) * 1000000000 + read_fraction(fraction))
    // CASE WHEN length(whole) < 11 THEN 1 WHEN length(whole) < 14 THEN 1000
            WHEN length(whole) < 17 THEN 1000000 ELSE 1000000000 END;
CREATE MACRO hide_email(x) AS CASE WHEN contains(x, '@') THEN 'email-' || left(sha256(lower(x)), 24) ELSE x END;
"""

FIRST_NS, END_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""From 2000 up to 2100 (a month needs a next one), in nanoseconds since 1970."""

CLOCKS = ("late", "early", "is_early", "is_late")

MAKER = "CASE WHEN contains(model, '/') THEN trim(split_part(model, '/', 1)) END"


def judge_rows(connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping) -> set[str]:
    """Makes the view `calls` out of the file, and gives its columns that hold nothing but nulls.

    It has the columns of `schema.USAGE`, `line`, `lines`, and

    - `fault`: why the row cannot be taken, or null.
    - `is_duplicate`: an earlier row has the same `request_id` and says the same.
    - `is_repeated`: its time stands in an hour that the clock of its zone showed twice; the first of the two is taken.

    `created_at` is cut down to the microsecond; the id is made of all digits. Raises `BadFile` when the file cannot be
    read or lacks a column, `BadParameter` for a time zone that does not exist, and when nothing tells the provider of
    any row.
    """
    zone = quote(mapping.timezone)
    if not connection.execute(f"SELECT 1 FROM pg_timezone_names() WHERE name = {zone}").fetchall():
        raise BadParameter(f"{mapping.timezone!r} is no time zone; write one such as America/Santiago.")
    connection.execute(MACROS + CONTENT_MACRO + build_macros(mapping.decimal, _find_most(mapping)))
    values = _type_fields(mapping)
    fixed = _list_fixed(mapping, values)
    run_on_texts(connection, file, mapping, lambda texts: _judge(mapping, values, fixed, texts))
    maker = "SELECT count(*) FROM judged WHERE contains(model, '/')"
    if mapping.takes_maker_from_model and not mapping.makers and not connection.execute(maker).fetchall()[0][0]:
        raise BadParameter(
            f"whose model was called? No {mapping.model_column!r} says it, as openai/gpt-4 does; "
            f"name a provider ({', '.join(MEMBERS['provider'])}) or the column that does."
        )
    return name_rows(connection, mapping, {name: fixed.get(name, name) for name in values})


def _find_most(mapping: CallMapping) -> int:
    """The most tokens that a row may have."""
    return MOST_TOKENS if mapping.grain == "call" else MOST_IN_SUM


def _list_fixed(mapping: CallMapping, values: dict[str, str]) -> dict[str, str]:
    """The values that hold for every row, which need not be kept for each."""
    read = {*mapping.columns, "created_ns"}
    read |= {"provider"} if mapping.takes_maker_from_model else set()
    read |= {"metadata", "metadata_in_id"} if mapping.metadata else set()
    return {name: sql for name, sql in values.items() if name not in read}


def _judge(mapping: CallMapping, values: dict[str, str], fixed: dict[str, str], texts: str) -> str:
    """The statement that makes the table `judged` out of the query of texts."""
    numbers = [name for name in FRACTIONS if name in mapping.columns]
    plain = [f"read_plain({name}, typed_{name}) AS plain_{name}" for name in numbers]
    words = ", ".join(f"{text} AS {name}" for name, text in _find_words(mapping).items())
    typed = ", ".join(f"{value} AS value_{name}" for name, value in values.items())
    kept = [f"value_{name} AS {name}" for name in values if name not in fixed and name != "total_tokens"]
    kept += ["CASE WHEN contains(usable_key, '@') THEN usable_key END AS email"] * ("usable_key" in mapping.columns)
    content = hash_content(mapping, {name: f"value_{name}" for name in values})
    # Clocks are only looked up where the text names no zone: it takes longer than all the rest.
    zone, is_local = quote(mapping.timezone), "iso.zone = ''"
    clocks = {
        "late": f"CASE WHEN {is_local} THEN timezone({zone}, clock) END",
        "early": f"CASE WHEN {is_local} THEN late - INTERVAL 1 HOUR END",
        "is_early": f"CASE WHEN {is_local} THEN timezone({zone}, early) = clock ELSE false END",
        "is_late": f"CASE WHEN {is_local} THEN timezone({zone}, late) = clock ELSE false END",
    }
    if mapping.timezone == "UTC":
        clocks = {"late": "clock", "early": "clock", "is_early": "false", "is_late": is_local}
    zoned, judged = ([f"{clocks[name]} AS {name}" for name in pair] for pair in (CLOCKS[:2], CLOCKS[2:]))
    return f"""
        CREATE TABLE judged AS
        WITH parts AS (
            SELECT {", ".join([f"* REPLACE ({words})", *plain])},
                regexp_extract(created_at, '{ISO}', ['day', 'clock', 'fraction', 'zone']) AS iso
            FROM ({texts})),
        clocks AS (
            SELECT *, try_cast(iso.day || ' ' || iso.clock AS TIMESTAMP) AS clock,
                CASE WHEN iso.day = '' THEN regexp_extract(created_at, '{EPOCH}', ['whole', 'fraction']) END AS epoch
            FROM parts),
        zoned AS (SELECT *, {", ".join(zoned)} FROM clocks),
        instants AS (
            SELECT *, {", ".join(judged)},
                CASE WHEN iso.zone <> '' THEN epoch_us(clock) - read_offset(iso.zone) * 1000000
                     WHEN is_early THEN epoch_us(early) WHEN is_late THEN epoch_us(late) END AS start_us,
                CASE WHEN epoch.whole <> '' THEN read_epoch(epoch.whole, epoch.fraction)
                     ELSE (start_us * 1000 + read_fraction(iso.fraction))::HUGEINT END AS ns
            FROM zoned),
        typed AS (
            SELECT *, {typed}, iso.zone = '' AND is_early AND is_late AS is_repeated,
                iso.zone = '' AND NOT is_early AND NOT is_late AS is_skipped
            FROM instants),
        faulted AS (SELECT *, {_find_faults(mapping)} AS fault FROM typed)
        SELECT line, lines, request_id, fault, fault IS NULL AND is_repeated AS is_repeated, {", ".join(kept)},
            CASE WHEN fault IS NULL AND request_id IS NULL THEN left({content}, {ID_DIGITS}) END AS content_id
        FROM faulted"""


def _type_fields(mapping: CallMapping) -> dict[str, str]:
    said = mapping.columns
    numbers = {
        name: sql if name in said else f"NULL::{name_sql_type(USAGE.field(name).type)}"
        for name, sql in type_numbers().items()
    }
    # Out of the metadata as recording takes them: whatever a column of 64 bits holds.
    numbers |= {name: f"read_whole({name})" for name in mapping.lifted if name in numbers}
    for name in ("prompt_tokens", "completion_tokens"):
        numbers[name] = numbers[name] if name in said else "0"
    for name in ("cached_tokens", "cache_write_tokens"):
        # Where nothing is said of the cache, no part of the prompt is known to come from it.
        numbers[name] = f"CASE WHEN {name} IS NULL THEN 0 ELSE {numbers[name]} END" if name in said else "0"
    texts = {name: name if name in said else "NULL::VARCHAR" for name in ("status", "usable_key", "tier")}
    for name in ("model", "usable_type"):
        constant = _write_constant(getattr(mapping, name))
        texts[name] = f"coalesce({name}, {constant})" if name in said else constant
    if "usable_key" in said:
        texts["usable_key"] = "hide_email(usable_key)"
    if mapping.metadata:
        # `metadata_in_id`: what an id is made of where that differs; another id would count a stored call twice.
        texts |= {"metadata": "metadata", "metadata_in_id": "metadata_in_id"}
    else:
        texts |= dict.fromkeys(("metadata", "metadata_in_id"), "NULL::VARCHAR")
    return (
        numbers
        | texts
        | {
            "created_ns": f"CASE WHEN ns >= {FIRST_NS} AND ns < {END_NS} THEN ns::BIGINT END",
            **{name: _name_member(name, mapping) for name in MEMBERS},
        }
    )


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
    numbers = [name for name in NUMBERS if name in said and name not in mapping.lifted]
    faults |= find_number_faults(numbers, mapping.decimal, _find_most(mapping))
    total = "value_prompt_tokens + value_completion_tokens"
    faults[f"value_total_tokens <> {total}"] = "'total_tokens is not prompt + completion: ' || total_tokens"
    faults["value_cached_tokens + value_cache_write_tokens > value_prompt_tokens"] = (
        "'cached tokens are more than the prompt: ' || (value_cached_tokens + value_cache_write_tokens)"
    )
    faults["value_requests = 0"] = "'requests is 0; a row is of 1 or more'"
    for name in ("usable_id", "usable_key"):
        faults[f"{name} IS NOT NULL AND value_usable_type IS NULL"] = f"'{name} without usable_type: ' || {name}"
    reasons = ", ".join(f"CASE WHEN {condition} THEN {reason} END" for condition, reason in faults.items())
    return f"coalesce(problem, nullif(concat_ws('; ', {reasons}), ''))"


def _find_words(mapping: CallMapping) -> dict[str, str]:
    """SQL for the text that names each member; null where there is none, or an alias says that it means nothing."""
    words = {}
    for name, aliases in read_aliases(mapping.aliases).items():
        text = _find_maker(mapping) if name == "provider" and mapping.takes_maker_from_model else name
        empty = ", ".join(quote(word) for word in ["", *(word for word, member in aliases.items() if not member)])
        words[name] = f"CASE WHEN lower({text}) NOT IN ({empty}) THEN {text} END"
    return words


def _find_maker(mapping: CallMapping) -> str:
    """SQL for the maker that the name of a model tells: by the mapping's patterns, else before its slash."""
    fits = [
        f"WHEN lower(model) GLOB {quote(one)} THEN {quote(maker)}" for one, maker in read_makers(mapping.makers).items()
    ]
    return f"CASE {' '.join(fits)} ELSE {MAKER} END" if fits else MAKER


def _name_member(field: str, mapping: CallMapping) -> str:
    """SQL for the member that a text names; null where it names none, the mapping's own where there is no text."""
    texts = MEMBERS[field].spellings() | read_aliases(mapping.aliases)[field]
    spellings = ", ".join(f"{quote(text)}: {quote(member)}" for text, member in texts.items() if member)
    constant = _write_constant(getattr(mapping, field))
    if field not in mapping.columns and not (field == "provider" and mapping.takes_maker_from_model):
        return constant
    return f"CASE WHEN {field} IS NULL THEN {constant} ELSE (MAP {{{spellings}}})[lower({field})] END"


def _write_constant(text: str | None) -> str:
    return "NULL::VARCHAR" if text is None else quote(text)
