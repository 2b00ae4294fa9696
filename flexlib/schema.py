"""The record types, credits, usage and charges: columns, types, units, and the check that every stored row passed."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from flexlib.dates import Month
from flexlib.enums import EXTRA_COUNTS as EXTRA_COUNTS
from flexlib.enums import GRAINS, KINDS_OF_CHARGE
from flexlib.errors import BadRecord
from flexlib.i18n import _


def _field(name: str, kind: pa.DataType, unit: str, *, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"unit": unit})


CREDITS = pa.schema(
    [
        _field("date", pa.timestamp("us"), "midnight UTC of the day", nullable=False),
        _field("user", pa.string(), "the API's hashed key", nullable=False),
        _field("model_uid", pa.string(), "the server's id of the model", nullable=False),
        _field("prompt_credits", pa.int64(), "hundredths of a credit, of the seat's allowance", nullable=False),
        _field("flex_credits", pa.int64(), "hundredths of a credit, of the bought pool", nullable=False),
        _field("requests", pa.int64(), "rows behind the sums; null where the route does not count them"),
    ]
)
"""What the Windsurf team spent: a row for each day, user and model."""

CREDITS_KEY = ["date", "user", "model_uid"]

USD = pa.decimal128(20, 10)
CLP = pa.decimal128(20, 4)
FX_RATE = pa.decimal128(14, 8)

USAGE = pa.schema(
    [
        _field("id", pa.string(), "the caller's request id, or made from the row's content", nullable=False),
        _field("created_at", pa.timestamp("us"), "UTC; the beginning of the period that a sum is of", nullable=False),
        _field("grain", pa.string(), "what the row stands for: call, hour, day or month", nullable=False),
        _field("requests", pa.int64(), "calls in the row, 1 for a call; null where the source does not count them"),
        _field("usable_type", pa.string(), "what kind of user, such as user or key"),
        _field("usable_id", pa.int64(), "the user's number"),
        _field("usable_key", pa.string(), "the user's id where it is no number; never an e-mail or a name"),
        _field("provider", pa.string(), "a member of LlmProvider, by value", nullable=False),
        _field("model", pa.string(), "the provider's id of the model", nullable=False),
        _field("proxy", pa.string(), "a member of LlmProxy, by value; null: called directly"),
        _field("task_type", pa.string(), "a member of LlmTaskType, by value", nullable=False),
        _field("tier", pa.string(), "service tier, such as batch, and a window as in 0-200k; null: standard"),
        _field("prompt_tokens", pa.int64(), "tokens", nullable=False),
        _field("completion_tokens", pa.int64(), "tokens", nullable=False),
        _field("total_tokens", pa.int64(), "tokens: prompt and completion", nullable=False),
        _field("cached_tokens", pa.int64(), "tokens, part of the prompt: read from a cache", nullable=False),
        _field("cache_write_tokens", pa.int64(), "tokens, part of the prompt: written to a cache", nullable=False),
        *(
            _field(name, pa.int64(), f"{'searches' if name == 'web_searches' else 'tokens'}; null: not counted")
            for name in EXTRA_COUNTS
        ),
        _field("cost", USD, "the proxy's own unit, USD where there is none; null: unknown"),
        _field("amount_in_usd", USD, "USD; null: unpriced"),
        _field("price_source", pa.string(), "the price list that gave the amount; null: the source gave it"),
        _field("price_date", pa.date32(), "the day from which that price holds; null: the list does not date it"),
        _field("unpriced", pa.string(), "why there is no amount in USD"),
        _field("amount_in_clp", CLP, "CLP; null: no amount in USD, or no rate for one that is not 0"),
        _field("fx_rate", FX_RATE, "CLP for 1 USD; null: the source gave the pesos, or they are 0 at any rate"),
        _field("fx_date", pa.date32(), "the day on which that rate was observed"),
        _field("fx_source", pa.string(), "who published that rate"),
        _field("unconverted", pa.string(), "why there is no amount in CLP though there is one in USD"),
        _field("duration_ms", pa.int64(), "milliseconds"),
        _field("status", pa.string(), "how the call ended"),
        _field("metadata", pa.string(), "the caller's own, a JSON object"),
        _field("masked", pa.string(), "kinds of personal data that were masked in the metadata, by commas"),
        _field("earlier_amounts", pa.string(), "a JSON list of the amounts that repricing replaced, the oldest first"),
        _field("updated_at", pa.timestamp("us"), "UTC", nullable=False),
    ]
)
"""Calls to LLMs, or sums of calls: the columns of the table `llm_usage_statistics`."""

USAGE_KEY = ["created_at", "id"]

CHARGE = pa.decimal128(38, 18)

CHARGES = pa.schema(
    [
        _field("id", pa.string(), "made of the file's hash and the row's line in it", nullable=False),
        _field("period_start", pa.timestamp("us"), "UTC; the beginning of what is charged", nullable=False),
        _field("period_end", pa.timestamp("us"), "UTC; the first moment after it", nullable=False),
        _field("provider", pa.string(), "who sends the bill, in lower case", nullable=False),
        _field("line_item", pa.string(), "what the bill calls it"),
        _field("model", pa.string(), "the model, where the bill names one"),
        _field("key", pa.string(), "the key or user it is charged to, opaque; never an e-mail or a name"),
        _field("kind", pa.string(), "a member of KINDS_OF_CHARGE", nullable=False),
        _field("quantity", CHARGE, "in `unit`s"),
        _field("unit", pa.string(), "what the quantity counts, as the bill says it"),
        _field("amount", CHARGE, "what is billed, in `currency`; below 0: a credit", nullable=False),
        _field("list_amount", CHARGE, "what the list prices ask for it, in `currency`; null: not said"),
        _field("currency", pa.string(), "ISO 4217, such as USD", nullable=False),
    ]
)
"""What providers billed: a row a line of a bill. Never added to calls, whose money it states a second time."""

CHARGES_KEY = ["period_start", "id"]


def list_units(schema: pa.Schema) -> dict[str, str]:
    """The unit or the meaning of each column.

    >>> list_units(CREDITS)["flex_credits"]
    'hundredths of a credit, of the bought pool'
    """
    return {field.name: field.metadata[b"unit"].decode() for field in schema}


def name_sql_type(kind: pa.DataType) -> str:
    """The type of a column as DuckDB names it.

    >>> name_sql_type(USD)
    'DECIMAL(20, 10)'
    """
    names = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.timestamp("us"): "TIMESTAMP", pa.date32(): "DATE"}
    return names.get(kind) or str(kind).replace("decimal128", "DECIMAL")


def check_credits(rows: pa.Table, month: Month) -> pa.Table:
    """`rows` as they came, when they are sorted credits of `month`, each key once.

    Raises `BadRecord`, naming the rule that is broken.
    """
    _check_columns(rows, CREDITS)
    _check_month(rows, "date", month)
    _refuse(pc.not_equal(rows["date"], pc.floor_temporal(rows["date"], unit="day")), "a date is not a midnight")
    _check_counts(rows, "prompt_credits", "flex_credits", "requests")
    return _check_sorted(rows, CREDITS_KEY)


def check_charges(rows: pa.Table, month: Month) -> pa.Table:
    """`rows` as they came, when they are charges whose periods begin in `month`, sorted by time and id, each id once.

    Raises `BadRecord`, naming the rule that is broken.
    """
    _check_columns(rows, CHARGES)
    _check_month(rows, "period_start", month)
    _refuse(pc.less_equal(rows["period_end"], rows["period_start"]), "a period ends before it begins")
    if wrong := set(pc.unique(rows["kind"]).to_pylist()) - KINDS_OF_CHARGE:
        raise BadRecord(
            _("rows refused: kind is {wrong!r}, not one of {kinds_of_charge}.").format(
                wrong=sorted(wrong)[0], kinds_of_charge=", ".join(sorted(KINDS_OF_CHARGE))
            )
        )
    if wrong := {one for one in pc.unique(rows["currency"]).to_pylist() if not re.fullmatch("[A-Z]{3}", one)}:
        raise BadRecord(_("rows refused: {wrong!r} is no code of a currency.").format(wrong=sorted(wrong)[0]))
    return _check_sorted(rows, CHARGES_KEY)


def check_usage(rows: pa.Table, month: Month) -> pa.Table:
    """`rows` as they came, when they are usage of `month` sorted by time and id, each id once.

    Raises `BadRecord`, naming the rule that is broken.
    """
    _check_columns(rows, USAGE)
    _check_month(rows, "created_at", month)
    tokens = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")
    _check_counts(rows, "requests", *tokens, *EXTRA_COUNTS, "duration_ms")
    if wrong := set(pc.unique(rows["grain"]).to_pylist()) - GRAINS:
        raise BadRecord(
            _("rows refused: grain is {wrong!r}, not one of {grains}.").format(
                wrong=sorted(wrong)[0], grains=", ".join(sorted(GRAINS))
            )
        )
    total = pc.add(rows["prompt_tokens"], rows["completion_tokens"])
    _refuse(pc.not_equal(rows["total_tokens"], total), "total_tokens is not prompt + completion")
    within = pc.add(rows["cached_tokens"], rows["cache_write_tokens"])
    _refuse(pc.greater(within, rows["prompt_tokens"]), "cached tokens are more than the prompt")
    if pc.count_distinct(rows["id"]).as_py() != rows.num_rows:
        raise BadRecord(_("rows refused: an id stands in more than one of them."))
    return _check_sorted(rows, USAGE_KEY)


# No Python value meets an Arrow column below: Arrow imports pandas to convert one, which takes longer than the check.


def _check_columns(rows: pa.Table, schema: pa.Schema) -> None:
    if not rows.schema.equals(schema):
        raise BadRecord(
            _("rows refused: their columns are {names}, wanted {names_2} in their types.").format(
                names=rows.schema.names, names_2=schema.names
            )
        )
    for field in schema:
        if not field.nullable:
            _refuse(pc.is_null(rows[field.name]), f"{field.name} is missing")


def _check_month(rows: pa.Table, column: str, month: Month) -> None:
    bounds = pc.min_max(rows[column]).as_py()
    if rows.num_rows and not (bounds["min"].date() >= month.first and bounds["max"].date() <= month.last):
        raise BadRecord(
            _("rows refused: {column} runs from {min} to {max}, outside {month}.").format(
                column=column, min=bounds["min"], max=bounds["max"], month=month
            )
        )


def _check_counts(rows: pa.Table, *columns: str) -> None:
    for column in columns:
        least = pc.min(rows[column]).as_py()
        if least is not None and least < 0:
            raise BadRecord(_("rows refused: {column} is negative ({least}).").format(column=column, least=least))


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
        raise BadRecord(_("rows refused: {rule} in {count} of them.").format(rule=rule, count=count))


SHAPES = {
    "credits": (CREDITS, CREDITS_KEY, check_credits),
    "usage": (USAGE, USAGE_KEY, check_usage),
    "charges": (CHARGES, CHARGES_KEY, check_charges),
}
"""Of each data set its columns, its key and its check."""
