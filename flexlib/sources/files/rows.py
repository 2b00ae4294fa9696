"""Texts to calls: every row judged, typed and given its id by DuckDB in one pass, without a loop over rows."""

from __future__ import annotations

from pathlib import Path

import duckdb

from flexlib.addresses import HIDE_EMAIL
from flexlib.errors import BadParameter
from flexlib.guesses import read_zone
from flexlib.i18n import _
from flexlib.schema import USAGE, name_sql_type
from flexlib.sources.files.conditions import join_tiers
from flexlib.sources.files.fields import MEMBERS, find_name_faults
from flexlib.sources.files.ids import CONTENT_MACRO, ID_DIGITS, hash_content, name_rows, set_aside
from flexlib.sources.files.mapping import CallMapping
from flexlib.sources.files.meaning import (
    CREDIT,
    bill_rows,
    check_currency,
    check_meaning,
    find_currency,
    find_doubt,
    find_kind,
    find_total,
    find_words,
    has_parts,
    is_credit,
    is_direct,
    name_conditions,
    name_member,
    type_parts,
    write_constant,
)  # fmt: skip
from flexlib.sources.files.moments import (
    END_NS,
    FIRST_NS,
    build_time_macros,
    check_days,
    find_grain,
    find_time_faults,
    is_within_day,
    prove_date_order,
    select_instants,
)
from flexlib.sources.files.numbers import (
    AMOUNTS,
    FRACTIONS,
    NUMBERS,
    build_macros,
    find_amount,
    find_number_faults,
    read_fraction,
    show_cells,
    type_numbers,
)
from flexlib.sources.files.texts import quote, run_on_texts

MACROS = f"""
{HIDE_EMAIL}
CREATE MACRO trim_text(x) AS -- as trim, which looks at every letter; most texts have nothing to trim
    CASE WHEN strlen(x) = length(x) AND NOT starts_with(x, ' ') AND NOT ends_with(x, ' ') THEN x ELSE trim(x) END;
"""

BATCH, NO_BATCH = "'true', '1', 'yes', 'batch'", "'false', '0', 'no', 'standard'"


def judge_rows(
    connection: duckdb.DuckDBPyConnection, file: Path, mapping: CallMapping, *, is_distinct: bool = False
) -> set[str]:
    """Makes the view `calls` out of the file, and gives its columns that hold nothing but nulls.

    It has the columns of `schema.USAGE`, `line`, `lines`, and:
    - `fault`: why the row cannot be taken, or null.
    - `is_duplicate`: an earlier row has the same `request_id` and says the same; `has_own_id`: the file gives its id,
      else it is made of what the row says.
    - `is_repeated`: its time stands in an hour that the clock of its zone showed twice; the first of the two is taken.

    `created_at` is cut down to the microsecond; the id is made of all digits. The table `left_out` has the `kind` and
    the `month` (its first day, or null) of each row that is no call. Raises `BadFile` when the file cannot be read,
    lacks a column, or contradicts what `mapping` says of all its rows; `BadParameter` for a time zone that does not
    exist, and when nothing tells the provider of any row."""
    read_zone(mapping.timezone)
    connection.execute(MACROS + CONTENT_MACRO + build_macros(mapping.decimal) + build_time_macros(mapping.date_order))
    values = _type_fields(mapping)
    fixed = _list_fixed(mapping, values)
    run_on_texts(connection, file, mapping, lambda texts: _judge(mapping, values, fixed, texts))
    if mapping.date_order is None and (order := prove_date_order(connection, file)):
        connection.execute(build_time_macros(order).replace("CREATE MACRO", "CREATE OR REPLACE MACRO"))
        connection.execute("DROP TABLE judged")
        run_on_texts(connection, file, mapping, lambda texts: _judge(mapping, values, fixed, texts))
    set_aside(connection, mapping, is_distinct=is_distinct)
    check_currency(connection, file, mapping)
    if mapping.grain == "day" and mapping.preset:
        check_days(connection, file)
    if has_parts(mapping):
        check_meaning(connection, file)
    maker = "SELECT count(*) FROM judged WHERE contains(model, '/')"
    if "provider" in mapping.told_by_model and not mapping.makers and not connection.execute(maker).fetchall()[0][0]:
        named = connection.execute("SELECT min(model) FROM judged").fetchall()[0][0]
        raise BadParameter(_("whose model was called? {named!r} in {model_column!r} names no maker, as openai/gpt-4 "
            "does; add --provider ({provider}) or --provider-column.").format(named=named,
            model_column=mapping.model_column, provider=", ".join(MEMBERS["provider"])))  # fmt: skip
    billed = bill_rows(mapping, name_conditions(mapping))
    return name_rows(connection, mapping, {name: fixed.get(name, name) for name in [*values, *billed, "rest"]})


def _list_fixed(mapping: CallMapping, values: dict[str, str]) -> dict[str, str]:
    """The values that hold for every row, which need not be kept for each."""
    read = {*mapping.columns, *mapping.told_by_model, "created_ns"}
    read |= {"metadata", "metadata_in_id"} if mapping.metadata else set()
    read |= {"tier"} if mapping.batch_column or mapping.tier_columns else set()
    read |= {"proxy"} if mapping.direct else set()
    read |= bill_rows(mapping, name_conditions(mapping)).keys()
    return {name: sql for name, sql in values.items() if name not in read}


def _judge(mapping: CallMapping, values: dict[str, str], fixed: dict[str, str], texts: str) -> str:
    """The statement that makes the table `judged` out of the query of texts."""
    numbers = [name for name in FRACTIONS if name in mapping.columns]
    plain = [f"{read_fraction(name)} AS plain_{name}" for name in numbers]
    told = find_words(mapping) | {name: find_amount(name) for name in AMOUNTS if name in mapping.columns}
    raw: dict[str, str] = {}
    if has_parts(mapping):
        raw, counts = type_parts(mapping, values)
        values = values | counts
    typed = _name_all({f"value_{name}": value for name, value in values.items()})
    kept = {name: f"value_{name}" for name in values if name not in fixed}
    kept |= bill_rows(mapping, names := name_conditions(mapping))
    for name in ("total_tokens", "reasoning_tokens"):
        kept.pop(name, None)
    if credit := is_credit(mapping):
        kept |= {
            name: f"coalesce({sql}, 0)" for name, sql in kept.items() if name in ("prompt_tokens", "completion_tokens")
        }
        kept["model"] = f"coalesce(value_model, CASE WHEN {credit} THEN '{CREDIT}' END)"
    if "usable_key" in mapping.columns:
        kept["email"] = "CASE WHEN contains(usable_key, '@') THEN usable_key END"
    kept["rest"] = "CASE WHEN request_id IS NULL THEN sha256(rest) END"
    if mapping.date_order is None:
        kept["unordered"] = "CASE WHEN value_created_ns IS NULL AND is_parted(created_at) THEN created_at END"
    if mapping.grain in ("call", "hour"):
        kept["is_day"] = "is_day"
    if "ended_at" in mapping.columns:
        kept["grain"] = "value_grain"
        typed += f", {find_grain(mapping)} AS value_grain"
    if mapping.grain == "day" and mapping.preset:
        no_end = " AND ended_at IS NULL" if "ended_at" in mapping.columns else ""
        kept["within_day"] = f"CASE WHEN {is_within_day(mapping, quote(mapping.timezone))}{no_end} THEN created_at END"
    kept |= {"parent": "parent_id"} if "parent_id" in mapping.columns else {}
    kept |= {"doubt": find_doubt(mapping)} if raw else {}
    kept["is_total"] = find_total(mapping)
    if "currency" in mapping.columns:
        kept["other_currency"] = find_currency(mapping)
    if mapping.where or mapping.no_calls:
        kept["kind"] = find_kind(mapping, names)
    content = hash_content(mapping, {name: f"value_{name}" for name in values} | {"rest": "sha256(rest)"})
    return f"""
        CREATE TABLE judged AS
        WITH texts AS (SELECT {", ".join([f"* REPLACE ({_name_all(told)})", *plain])} FROM ({texts})),
        {select_instants(mapping, quote(mapping.timezone), "texts")},
        {f"raw AS (SELECT *, {_name_all(raw)} FROM instants)," if raw else ""}
        typed AS (
            SELECT *, {typed}, iso.zone = '' AND is_early AND is_late AS is_repeated,
                iso.zone = '' AND NOT is_day AND NOT is_early AND NOT is_late AS is_skipped
            FROM {"raw" if raw else "instants"}),
        {_find_faults(mapping)}
        SELECT line, lines, request_id, fault, fault IS NULL AND is_repeated AS is_repeated,
            {_name_all(kept)},
            CASE WHEN fault IS NULL AND request_id IS NULL THEN left({content}, {ID_DIGITS}) END AS content_id
        FROM faulted"""


def _name_all(columns: dict[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())


def _type_fields(mapping: CallMapping) -> dict[str, str]:
    said = mapping.columns
    in_cents, in_seconds = mapping.amount_unit == "cents", mapping.duration_unit == "s"
    types = {field.name: name_sql_type(field.type) for field in USAGE}
    numbers = {name: sql if name in said else f"NULL::{types.get(name, 'BIGINT')}" for name,
        sql in type_numbers(in_cents=in_cents, in_seconds=in_seconds).items()}  # fmt: skip
    # Out of the metadata as recording takes them: whatever a column of 64 bits holds.
    numbers |= {name: f"read_whole({name})" for name in mapping.lifted if name in numbers}
    for name in ("prompt_tokens", "completion_tokens"):
        numbers[name] = numbers[name] if name in said else "0"
    for name in ("cached_tokens", "cache_write_tokens"):
        # Where nothing is said of the cache, no part of the prompt is known to come from it.
        numbers[name] = f"CASE WHEN {name} IS NULL THEN 0 ELSE {numbers[name]} END" if name in said else "0"
    texts = {name: name if name in said else "NULL::VARCHAR" for name in ("status", "usable_key", "tier")}
    for name in ("model", "usable_type"):
        constant = write_constant(getattr(mapping, name))
        texts[name] = f"coalesce({name}, {constant})" if name in said else constant
    if "usable_key" in said:
        texts["usable_key"] = "hide_email(usable_key)"
    if mapping.batch_column:
        texts["tier"] = f"CASE WHEN lower(batch) IN ({BATCH}) THEN 'batch' ELSE {texts['tier']} END"
    if mapping.tier_columns:
        names = name_conditions(mapping)
        texts["tier"] = join_tiers([texts["tier"], *(names[column] for column in mapping.tier_columns)])
    if mapping.metadata:
        # `metadata_in_id`: what an id is made of where that differs; another id would count a stored call twice.
        texts |= {"metadata": "metadata", "metadata_in_id": "metadata_in_id"}
    else:
        texts |= dict.fromkeys(("metadata", "metadata_in_id"), "NULL::VARCHAR")
    members = {name: name_member(name, mapping) for name in MEMBERS}
    if mapping.direct:
        members["proxy"] = f"CASE WHEN {is_direct(mapping)} THEN NULL ELSE {members['proxy']} END"
    moment = f"CASE WHEN ns >= {FIRST_NS} AND ns < {END_NS} THEN ns::BIGINT END"
    return numbers | texts | {"created_ns": moment} | members


def _find_faults(mapping: CallMapping) -> str:
    """The part of the statement that gives each row of `typed` its `fault`, why it cannot be taken, or null."""
    said = mapping.columns
    credit = is_credit(mapping)
    is_call = f" AND NOT {credit}" if credit else ""
    faults = find_time_faults(mapping, quote(mapping.timezone)) | {f"value_model IS NULL{is_call}": "'no model'"}
    for name in ("provider", "task_type", "proxy"):
        is_asked = f" AND NOT ({is_direct(mapping)})" if name == "proxy" and mapping.direct else ""
        faults[f"{name} IS NOT NULL AND value_{name} IS NULL{is_asked}"] = (
            f"'unknown {name}: ' || {name} || ' (say what it means: --alias ''' || {name} || '=NAME'')'"
        )
    for name in ("provider", "task_type"):
        faults[f"{name} IS NULL AND value_{name} IS NULL"] = f"'no {name}'"
    for name in ("prompt_tokens", "completion_tokens"):
        if name in said:
            faults[f"{name} IS NULL{is_call}"] = f"'no {name}'"
    numbers = [name for name in NUMBERS if name in said and name not in mapping.lifted]
    faults |= find_number_faults(numbers, mapping.decimal, in_cents=mapping.amount_unit == "cents")
    is_old = mapping.rules == 1  # then it was a fault of the row
    alone = " AND raw_cache + raw_reasoning = 0" if has_parts(mapping) and not is_old else ""  # else of the whole file
    if has_parts(mapping) and is_old:
        faults["raw_cache > value_prompt_tokens"] = "'cached tokens are more than the prompt: ' || raw_cache"
    total = "value_prompt_tokens + value_completion_tokens"
    faults[f"value_total_tokens <> {total}{alone}"] = "'total_tokens is not prompt + completion: ' || total_tokens"
    if mapping.batch_column:
        faults[f"lower(batch) NOT IN ({BATCH}, {NO_BATCH})"] = "'batch is neither true nor false: ' || batch"
    faults |= find_name_faults(said)
    faults["value_requests = 0"] = "'requests is 0; a row is of 1 or more'"
    for name in ("usable_id", "usable_key"):
        faults[f"{name} IS NOT NULL AND value_usable_type IS NULL"] = f"'{name} without usable_type: ' || {name}"
    reasons = ", ".join(f"CASE WHEN {condition} THEN {reason} END" for condition, reason in faults.items())
    return f"""
        cells AS (SELECT *, {show_cells(numbers)} AS shown FROM typed),
        faulted AS (SELECT *, coalesce(problem, nullif(concat_ws('; ', {reasons}), '')) AS fault FROM cells)"""
