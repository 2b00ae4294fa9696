"""The two record types, credits and usage: columns, types, units, and the check that every stored row has passed."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from flexlib.dates import Month
from flexlib.errors import BadRecord

UNKNOWN_MODEL = "<nil>"
"""What the server writes for a model it does not name; empty and absent ids are stored as this too."""

CREDITS = pa.schema(
    [
        pa.field("date", pa.timestamp("us"), nullable=False),  # midnight UTC of the day
        pa.field("user", pa.string(), nullable=False),  # the API's hashed key
        pa.field("model_uid", pa.string(), nullable=False),
        pa.field("prompt_credits", pa.int64(), nullable=False),  # hundredths of a credit, of the seat's allowance
        pa.field("flex_credits", pa.int64(), nullable=False),  # hundredths of a credit, of the bought pool
        pa.field("requests", pa.int64()),  # rows behind the sums; null where the route does not count them
    ]
)
"""What the Windsurf team spent: a row for each day, user and model."""

CREDITS_KEY = ["date", "user", "model_uid"]

USAGE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # the caller's request id, or made from the row's content
        pa.field("created_at", pa.timestamp("us"), nullable=False),  # UTC
        pa.field("usable_type", pa.string()),
        pa.field("usable_id", pa.int64()),
        pa.field("provider", pa.string(), nullable=False),  # a member of LlmProvider, by value
        pa.field("model", pa.string(), nullable=False),
        pa.field("proxy", pa.string()),  # null: called directly
        pa.field("task_type", pa.string(), nullable=False),
        pa.field("prompt_tokens", pa.int64(), nullable=False),
        pa.field("completion_tokens", pa.int64(), nullable=False),
        pa.field("total_tokens", pa.int64(), nullable=False),  # prompt + completion
        pa.field("cached_tokens", pa.int64(), nullable=False),  # part of the prompt
        pa.field("cache_write_tokens", pa.int64(), nullable=False),  # part of the prompt
        pa.field("cost", pa.decimal128(20, 10)),  # the proxy's own unit, USD where there is none; null: unknown
        pa.field("amount_in_usd", pa.decimal128(20, 10)),  # null: unpriced
        pa.field("amount_in_clp", pa.decimal128(20, 4)),  # null: no rate
        pa.field("duration_ms", pa.int64()),
        pa.field("status", pa.string()),
        pa.field("metadata", pa.string()),  # JSON
        pa.field("updated_at", pa.timestamp("us"), nullable=False),  # UTC
    ]
)
"""Calls to LLMs: the columns of the table `llm_usage_statistics`, a row a call."""


def check_credits(rows: pa.Table, month: Month) -> pa.Table:
    """`rows` as they came, when they are sorted credits of `month`, each key once.

    Raises `BadRecord`, naming the rule that is broken.
    """
    _check_columns(rows, CREDITS)
    _check_month(rows, "date", month)
    _refuse(pc.not_equal(rows["date"], pc.floor_temporal(rows["date"], unit="day")), "a date is not a midnight")
    _check_counts(rows, "prompt_credits", "flex_credits", "requests")
    return _check_sorted(rows, CREDITS_KEY)


def check_usage(rows: pa.Table, month: Month) -> pa.Table:
    """`rows` as they came, when they are calls of `month` sorted by time and id, each id once.

    Raises `BadRecord`, naming the rule that is broken.
    """
    _check_columns(rows, USAGE)
    _check_month(rows, "created_at", month)
    _check_counts(
        rows, "prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "duration_ms"
    )  # fmt: skip
    total = pc.add(rows["prompt_tokens"], rows["completion_tokens"])
    _refuse(pc.not_equal(rows["total_tokens"], total), "total_tokens is not prompt + completion")
    within = pc.add(rows["cached_tokens"], rows["cache_write_tokens"])
    _refuse(pc.greater(within, rows["prompt_tokens"]), "cached tokens are more than the prompt")
    if pc.count_distinct(rows["id"]).as_py() != rows.num_rows:
        raise BadRecord("rows refused: an id stands in more than one of them.")
    return _check_sorted(rows, ["created_at", "id"])


# No Python value meets an Arrow column below: Arrow imports pandas to convert one, which takes longer than the check.


def _check_columns(rows: pa.Table, schema: pa.Schema) -> None:
    if not rows.schema.equals(schema):
        raise BadRecord(f"rows refused: their columns are {rows.schema.names}, wanted {schema.names} in their types.")
    for field in schema:
        if not field.nullable:
            _refuse(pc.is_null(rows[field.name]), f"{field.name} is missing")


def _check_month(rows: pa.Table, column: str, month: Month) -> None:
    bounds = pc.min_max(rows[column]).as_py()
    if rows.num_rows and not (bounds["min"].date() >= month.first and bounds["max"].date() <= month.last):
        raise BadRecord(f"rows refused: {column} runs from {bounds['min']} to {bounds['max']}, outside {month}.")


def _check_counts(rows: pa.Table, *columns: str) -> None:
    for column in columns:
        least = pc.min(rows[column]).as_py()
        if least is not None and least < 0:
            raise BadRecord(f"rows refused: {column} is negative ({least}).")


def _check_sorted(rows: pa.Table, key: list[str]) -> pa.Table:
    """Each row's key stands after the one before, so they are sorted and none comes twice."""
    before, after = rows.slice(0, max(rows.num_rows - 1, 0)), rows.slice(1)
    in_order = pc.less(before[key[-1]], after[key[-1]])
    for column in reversed(key[:-1]):
        same = pc.and_(pc.equal(before[column], after[column]), in_order)
        in_order = pc.or_(pc.less(before[column], after[column]), same)
    _refuse(pc.invert(in_order), f"they are not sorted by {', '.join(key)}, or a key comes twice,")
    return rows


def _refuse(broken: pa.ChunkedArray, rule: str) -> None:
    count = pc.sum(broken).as_py() or 0
    if count:
        raise BadRecord(f"rows refused: {rule} in {count} of them.")
