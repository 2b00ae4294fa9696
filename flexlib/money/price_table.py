"""The prices of whole tables: each distinct price is looked up once, each call is charged alone, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flexlib.errors import BadRecord
from flexlib.i18n import translate_count
from flexlib.money.extra_counts import BASE_COUNTS, EXTRA_COUNTS
from flexlib.money.price_book import PriceBook, load_book
from flexlib.money.price_keys import Numbers, count_calls, find_shared_prices, to_numbers
from flexlib.money.prices import (
    BEYOND_MEASURE,
    BEYOND_PROMPT,
    LIMIT,
    MIXED,
    NEGATIVE,
    NO_TOKENS,
    UNCOUNTED,
    UNKNOWN_REQUESTS,
    explain_extra,
    may_be_long,
    name_source,
)
from flexlib.money.unit_prices import EXACT, UnitPrices, Unpriced

USD = pa.decimal128(20, 10)
WIDE_USD = pa.decimal256(40, 10)
UNIT = pa.decimal256(36, 24)
COUNT = pa.decimal256(19, 0)
SLICE_ROWS = 262_144
SUMMABLE = 288_230_376_151_711_744
"""Up to so large, as many counts as a call has can be added in 64 bits."""

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

    `rows`: the columns of the usage schema; `proxy`, `tier` and the extra counts may be missing, which is as if they
    were null, and `requests`, which is as if they were 1.
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
    diff = pa.table(
        {name: rows[name] for name in ("id", "created_at", "provider", "model")}
        | {"old_amount": old, "new_amount": new}
        | {name: priced[name] for name in ("price_source", "price_date")}
    )
    changed = pc.and_(pc.is_valid(new), pc.or_kleene(pc.is_null(old), pc.not_equal(old, new)))
    return diff.filter(changed).sort_by([("created_at", "ascending"), ("id", "ascending")])


def find_most_beyond(rows: pa.RecordBatch) -> tuple[int, Decimal]:
    """How many calls are in sums that may hold dearer long calls though they are priced as short ones, and how many
    USD more they can cost at most: as if all the tokens of a sum were in one call.
    """
    table = pa.Table.from_batches([rows])
    ones = pa.array(np.ones(len(rows), np.int64))
    long = price_rows(table.set_column(table.column_names.index("requests"), "requests", ones))["amount_in_usd"]
    more = pc.subtract(long.cast(WIDE_USD), price_rows(table)["amount_in_usd"].cast(WIDE_USD))
    dearer = pc.fill_null(pc.greater(more, 0), False)
    calls, most = pc.sum(table["requests"].filter(dearer)).as_py(), pc.sum(more.filter(dearer)).as_py()
    return calls or 0, most or Decimal(0)


def _price_slice(rows: pa.Table, book: PriceBook) -> pa.Table:
    base = prompt, completion, cached, cache_write = tuple(rows[name].combine_chunks() for name in BASE_COUNTS)
    extra = {name: one for name in EXTRA_COUNTS if (one := _read_extra(rows, name)) is not None}
    for count in (prompt, completion, cached, cache_write, *extra.values()):
        _refuse(pc.less(count, 0), NEGATIVE)
    within = pc.add_checked(cached, cache_write)
    _refuse(pc.greater(within, prompt), BEYOND_PROMPT)
    numbers, prices = find_shared_prices(rows, book)
    units = [one if isinstance(one, UnitPrices) else None for one in prices]
    calls = count_calls(rows)

    def spread(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(numbers)

    charges = [([one and one.request for one in units], pa.array(calls)), ([one and one.prompt for one in units],
        pc.subtract(prompt, within)), ([one and one.cached for one in units], cached),
        ([one and one.cache_write for one in units], cache_write), ([one and one.completion for one in units],
        completion), *(([one and one.extra.get(name, Decimal(0)) for one in units], pc.fill_null(count, 0)) for name,
        count in extra.items())]  # fmt: skip
    amount = _sum_whole(charges, numbers.to_numpy())
    if amount is None:
        amount = pa.scalar(Decimal(0), USD)
        for each, count in charges:
            if any(each):
                charge = pc.multiply(spread(each, UNIT), count.cast(COUNT))
                amount = pc.add(amount, pc.if_else(pc.equal(count, 0), pa.scalar(Decimal(0), charge.type), charge))
    long, unsaid = _find_sums(prompt, calls, numbers.to_numpy(), units)
    unpriced = pc.coalesce(
        spread([one.reason if isinstance(one, Unpriced) else None for one in prices], pa.string()),
        _where(unsaid, pa.scalar(UNKNOWN_REQUESTS)),
        _where(long, pa.scalar(MIXED)),
        _where(_find_silent(rows, numbers, units, extra), pa.scalar(NO_TOKENS)),
        _where(pc.greater(prompt, 0), spread([one and one.prompt_gap for one in units], pa.string())),
        _where(pc.greater(completion, 0), spread([one and one.completion_gap for one in units], pa.string())),
        _explain_extra(book, numbers.to_numpy(), units, dict(zip(BASE_COUNTS.values(), base, strict=True)), extra),
    )
    priced = pc.is_null(unpriced)
    amount = _where(priced, pc.round(amount, ndigits=10, round_mode="half_to_even"))
    _refuse(pc.greater_equal(amount, pa.scalar(LIMIT)), BEYOND_MEASURE)
    source = spread([one and name_source(book, one) for one in units], pa.string())
    since = spread([one and one.since for one in units], pa.date32())
    columns = [amount.cast(USD), _where(priced, source), _where(priced, since), unpriced]
    return pa.table(columns, schema=PRICED)


def _sum_whole(charges: list[tuple[list[Any], pa.Array]], numbers: Numbers) -> pa.Array | None:
    """What each row costs, null where one of its counts has no price: in whole steps of an amount, which takes a tenth
    of the time of decimals. None where a price has more decimals than an amount, or a sum may be beyond 64 bits."""
    total, missing, most = np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.bool_), 0
    for each, count in charges:
        if any(each):
            steps, counts = [(one or Decimal(0)).scaleb(USD.scale, EXACT) for one in each], to_numbers(count)
            most += int(counts.max()) * max(map(abs, steps))
            if count.null_count or most > np.iinfo(np.int64).max or any(one % 1 for one in steps):
                return None
            total += np.array([int(one) for one in steps])[numbers] * counts
            missing |= np.array([one is None for one in each])[numbers] & (counts != 0)
    wide = np.stack([total, total >> 63], axis=1)  # as Arrow holds them: 128 bits, the lower half first
    amount = pa.Array.from_buffers(USD, len(total), [None, pa.py_buffer(wide)])
    return _where(pa.array(~missing), amount)


def _find_sums(
    prompt: pa.Array, calls: Numbers, numbers: Numbers, units: list[UnitPrices | None]
) -> tuple[pa.Array, pa.Array]:
    """Of each row whether it sums calls of which some may be long, and whether it lacks their number and needs it."""
    if (calls == 1).all():
        return pa.scalar(False), pa.scalar(False)
    no_threshold = np.iinfo(np.int64).max
    thresholds = np.array([no_threshold if one is None or one.threshold is None else one.threshold for one in units])
    long = may_be_long(to_numbers(prompt), calls, thresholds[numbers])
    by_call = np.array([one is not None and bool(one.request) for one in units])
    return pa.array(long), pa.array((calls == 0) & (long | by_call[numbers]))


def _find_silent(
    rows: pa.Table, numbers: pa.Array, units: list[UnitPrices | None], extra: dict[str, pa.Array]
) -> pa.Array:
    """Of each row whether it has no tokens and nothing else that says what it cost."""
    empty = pc.equal(pc.max_element_wise(rows["prompt_tokens"], rows["completion_tokens"]), 0).combine_chunks()
    if not pc.any(empty).as_py():
        return pa.scalar(False)
    uncounted = pc.is_in(rows["task_type"].combine_chunks(), pa.array(sorted(UNCOUNTED), pa.string()))
    free, by_call = (
        pa.array([one is not None and bool(getattr(one, name)) for one in units]).take(numbers)
        for name in ("is_free", "request")
    )
    searched = pc.greater(pc.fill_null(extra["web_searches"], 0), 0) if "web_searches" in extra else pa.scalar(False)
    priced = pc.or_(free, pc.and_(pc.invert(uncounted), pc.or_(by_call, searched)))
    return pc.and_(empty, pc.invert(priced))


def _read_extra(rows: pa.Table, name: str) -> pa.Array | None:
    """The extra count of the rows where it is in the table and some call has counted it."""
    if name not in rows.column_names or rows[name].null_count == rows.num_rows:
        return None
    return rows[name].combine_chunks()


def _explain_extra(
    book: PriceBook,
    numbers: Numbers,
    units: list[UnitPrices | None],
    base: dict[str, pa.Array],
    extra: dict[str, pa.Array],
) -> pa.Array:
    """For each row why its extra counts cannot be priced; null where they can, or where there are none."""
    if not extra:
        return pa.nulls(len(numbers), pa.string())
    reasons = np.full(len(numbers), None)
    counts = {name: to_numbers(count) for name, count in (base | extra).items()}
    absent = {name: pc.is_null(count).to_numpy(zero_copy_only=False) for name, count in extra.items()}
    if max(int(count.max()) for count in counts.values()) > SUMMABLE:
        counts = {name: count.astype(object) for name, count in counts.items()}
    counted = np.flatnonzero(np.any([counts[name] > 0 for name in extra], axis=0))
    counted = counted[np.argsort(numbers[counted])]
    ends = np.flatnonzero(np.diff(numbers[counted])) + 1
    for rows in np.split(counted, ends):
        unit = units[numbers[rows[0]]] if len(rows) else None
        if unit is None:
            continue
        for same in _group_faults(unit, {name: count[rows] for name, count in counts.items()},
                                  {name: one[rows] for name, one in absent.items()}):  # fmt: skip
            first = rows[same[0]]
            given = {name: int(count[first]) for name, count in counts.items()}
            said = {name: given[name] for name in extra if not absent[name][first]}
            reasons[rows[same]] = explain_extra(book, unit, {name: given[name] for name in base}, said)
    return pa.array(reasons, pa.string())


def _group_faults(unit: UnitPrices, counts: dict[str, Numbers], absent: dict[str, Any]) -> Iterator[Numbers]:
    """The rows that cannot be priced, those together for which one reason holds; a row may come twice."""
    unlisted = sum((1 << bit) * (counts[name] > 0) for bit, name in enumerate(unit.unlisted & absent.keys()))
    unlisted = np.broadcast_to(unlisted, len(counts["input_tokens"]))
    yield from (np.flatnonzero(unlisted == one) for one in np.unique(unlisted) if one)
    if unit.shape.fault:
        yield from filter(len, [np.flatnonzero(unlisted == 0)])
    else:
        zero, known = dict.fromkeys(EXTRA_COUNTS, 0), dict.fromkeys(BASE_COUNTS.values(), False)
        broken = unit.shape.is_contradicted(zero | counts, known | absent)
        yield from np.flatnonzero(broken)[:, None]


def _where(condition: pa.Array, values: pa.Array | pa.Scalar) -> pa.Array:
    """The values where the condition holds, else null."""
    return pc.if_else(condition, values, pa.scalar(None, values.type))


def _refuse(broken: pa.Array, rule: str) -> None:
    if count := pc.sum(broken).as_py():
        said = translate_count("prices refused: {rule} (in {count} of {count_2} call).",
                               "prices refused: {rule} (in {count} of {count_2} calls).", len(broken))  # fmt: skip
        raise BadRecord(said.format(rule=rule, count=count, count_2=len(broken)))
