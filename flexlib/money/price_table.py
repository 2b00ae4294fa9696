"""The prices of whole tables: each distinct price is looked up once, each call is charged alone, exactly."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flexlib.errors import BadRecord
from flexlib.money.price_book import PriceBook, load_book
from flexlib.money.price_keys import find_shared_prices
from flexlib.money.prices import BEYOND_MEASURE, BEYOND_PROMPT, LIMIT, NEGATIVE, NO_TOKENS, UNCOUNTED, name_source
from flexlib.money.unit_prices import UnitPrices, Unpriced

USD = pa.decimal128(20, 10)
UNIT = pa.decimal256(36, 24)
COUNT = pa.decimal256(19, 0)
NOTHING = pa.scalar(Decimal(0), pa.decimal256(56, 24))
SLICE_ROWS = 1 << 18
TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")

PRICED = pa.schema(
    [
        pa.field("amount_in_usd", USD),  # null: unpriced
        pa.field("price_source", pa.string()),  # the book and the seller whose list it is
        pa.field("price_date", pa.date32()),  # the day from which the price holds; null: the list does not date it
        pa.field("unpriced", pa.string()),  # why there is no amount; null: there is one
    ]
)
"""What `price_rows` says of each row."""


def price_rows(rows: pa.Table, book: PriceBook | None = None) -> pa.Table:
    """The prices of many calls, a row each in the order of `rows`, columns `PRICED`: to the digit what one alone costs.

    `rows`: the columns of the usage schema; a column `tier` (as in `price_usage`) may stand beside them.
    Raises `BadRecord` for counts that cannot be.
    """
    book = book or load_book()
    slices = (rows.slice(start, SLICE_ROWS) for start in range(0, rows.num_rows, SLICE_ROWS))
    return pa.concat_tables([PRICED.empty_table(), *(_price_slice(one, book) for one in slices)]).combine_chunks()


def reprice_rows(rows: pa.Table, book: PriceBook | None = None) -> pa.Table:
    """The calls whose amount would be another by `book`, sorted by time and id; nothing is changed.

    Columns: id, created_at, provider, model, old_amount (null: it was unpriced), new_amount, price_source, price_date.
    `rows`: the columns of the usage schema. Hand in only rows that a book has priced or could not price: an amount that
    the caller gave is no book's to change. Rows that `book` cannot price are not proposed: their amount stays.
    """
    priced = price_rows(rows, book)
    old, new = rows["amount_in_usd"], priced["amount_in_usd"]
    diff = rows.select(["id", "created_at", "provider", "model"])
    for name, column in (
        ("old_amount", old),
        ("new_amount", new),
        ("price_source", priced["price_source"]),
        ("price_date", priced["price_date"]),
    ):
        diff = diff.append_column(name, column)
    changed = pc.and_(pc.is_valid(new), pc.or_kleene(pc.is_null(old), pc.not_equal(old, new)))
    return diff.filter(changed).sort_by([("created_at", "ascending"), ("id", "ascending")])


def _price_slice(rows: pa.Table, book: PriceBook) -> pa.Table:
    prompt, completion, cached, cache_write = (rows[name].combine_chunks() for name in TOKENS)
    for count in (prompt, completion, cached, cache_write):
        _refuse(pc.less(count, 0), NEGATIVE)
    within = pc.add_checked(cached, cache_write)
    _refuse(pc.greater(within, prompt), BEYOND_PROMPT)
    numbers, prices = find_shared_prices(rows, book)
    units = [one if isinstance(one, UnitPrices) else None for one in prices]

    def spread(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(numbers)

    amount = spread([one and one.request for one in units], UNIT)
    for kind, count in (
        ("prompt", pc.subtract(prompt, within)),
        ("cached", cached),
        ("cache_write", cache_write),
        ("completion", completion),
    ):
        charge = pc.multiply(spread([one and getattr(one, kind) for one in units], UNIT), count.cast(COUNT))
        amount = pc.add(amount, pc.if_else(pc.equal(count, 0), NOTHING, charge))
    silent = pc.is_in(rows["task_type"].combine_chunks(), pa.array(sorted(UNCOUNTED), pa.string()))
    unpriced = pc.coalesce(
        spread([one.reason if isinstance(one, Unpriced) else None for one in prices], pa.string()),
        _where(pc.and_(silent, pc.equal(pc.max_element_wise(prompt, completion), 0)), pa.scalar(NO_TOKENS)),
        _where(pc.greater(prompt, 0), spread([one and one.prompt_gap for one in units], pa.string())),
        _where(pc.greater(completion, 0), spread([one and one.completion_gap for one in units], pa.string())),
    )
    priced = pc.is_null(unpriced)
    amount = _where(priced, pc.round(amount, ndigits=10, round_mode="half_to_even"))
    _refuse(pc.greater_equal(amount, pa.scalar(LIMIT)), BEYOND_MEASURE)
    source = spread([one and name_source(book, one) for one in units], pa.string())
    since = spread([one and one.since for one in units], pa.date32())
    columns = [amount.cast(USD), _where(priced, source), _where(priced, since), unpriced]
    return pa.table(columns, schema=PRICED)


def _where(condition: pa.Array, values: pa.Array | pa.Scalar) -> pa.Array:
    """The values where the condition holds, else null."""
    return pc.if_else(condition, values, pa.scalar(None, values.type))


def _refuse(broken: pa.Array, rule: str) -> None:
    count = pc.sum(broken).as_py() or 0
    if count:
        raise BadRecord(f"prices refused: {rule} (in {count} of {len(broken)} calls).")
