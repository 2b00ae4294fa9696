"""The few prices that many calls share: all rows between two changes of a model's prices are looked up once."""

from __future__ import annotations

from datetime import date, time
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flexlib.money.price_book import Changes, PriceBook, find_listed_name
from flexlib.money.prices import choose_bracket
from flexlib.money.unit_prices import UnitPrices, Unpriced, find_unit_prices

WORDS = ("provider", "model", "proxy", "task_type", "tier")
DAY = 24 * 60 * 60 * 1_000_000
EPOCH = date(1970, 1, 1)

Numbers = npt.NDArray[np.int64]


def count_calls(rows: pa.Table) -> npt.NDArray[np.int64]:
    """How many calls each row sums: 1 where there is no such column, 0 where a row of it does not say."""
    if "requests" not in rows.column_names:
        return np.ones(rows.num_rows, np.int64)
    return np.maximum(to_numbers(rows["requests"]), 0)


def find_shared_prices(rows: pa.Table, book: PriceBook) -> tuple[pa.Array, list[UnitPrices | Unpriced]]:
    """For each row the number of its price, and the prices by number.

    `rows`: one or more, in the columns of the usage schema; `proxy`, `tier` and `requests` may be missing. Two rows
    share a price when their words are the same and no price of their model changes between them: by the day, its hour,
    or the prompt.
    """
    words = [name for name in WORDS if name in rows.column_names]
    groups = _combine([_number(rows[name]) for name in words])
    _, firsts, groups = np.unique(groups, return_index=True, return_inverse=True)
    examples = rows.select(words).take(pa.array(firsts)).to_pylist()
    changes = [_find_changes(book, one) for one in examples]
    requests = count_calls(rows)
    moments = pc.cast(rows["created_at"], pa.timestamp("us", rows["created_at"].type.tz))
    days, clocks = np.divmod(to_numbers(moments), DAY)
    prompts = choose_bracket(to_numbers(rows["prompt_tokens"]), requests)
    keys = _combine(
        [
            groups,
            _place(days, groups, [[(day - EPOCH).days for day in one.days] for one in changes], "right"),
            _place(clocks, groups, [[_to_microseconds(clock) for clock in one.times] for one in changes], "right"),
            _place(prompts, groups, [one.thresholds for one in changes], "left"),
            _place_weekdays(days, groups, changes),
        ]
    )
    _, firsts, numbers = np.unique(keys, return_index=True, return_inverse=True)
    sizes, moments = prompts[firsts].tolist(), rows["created_at"].take(pa.array(firsts)).to_pylist()
    prices = [
        find_unit_prices(
            book,
            words["provider"],
            words["model"],
            moment,
            prompt_tokens=prompt_tokens,
            task_type=words["task_type"],
            tier=words.get("tier"),
            proxy=words.get("proxy"),
        )
        for words, moment, prompt_tokens in zip((examples[one] for one in groups[firsts]), moments, sizes, strict=True)
    ]
    return pa.array(numbers), prices


def to_numbers(values: pa.ChunkedArray | pa.Array) -> Numbers:
    """Whole numbers, or moments in their own unit; a null is 0."""
    whole = pc.fill_null(values.cast(pa.int64()), 0) if values.null_count else values.cast(pa.int64())
    array = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    numbers: Numbers = array.to_numpy()
    return numbers


def _find_changes(book: PriceBook, words: dict[str, Any]) -> Changes:
    listed = find_listed_name(words["provider"], words["model"], words.get("proxy"))
    return book.find_changes(listed.seller, listed.name)


def _place(values: Numbers, groups: Numbers, changes: list[Any], side: Any) -> Numbers:  # noqa: ANN401 (left or right)
    """For each value how many of its group's changes, ascending, it has passed."""
    common = sorted({change for one in changes for change in one})
    if not common:
        return np.zeros_like(values)
    # Of every change of the table, how many of a group's own are at or before it: the row needs two lookups, no search.
    own = np.array([np.searchsorted(one, common, side="right") for one in changes])
    placed: Numbers = np.insert(own, 0, 0, axis=1)[groups, np.searchsorted(common, values, side=side)]
    return placed


def _place_weekdays(days: Numbers, groups: Numbers, changes: list[Changes]) -> Numbers:
    """For each day its weekday where that decides, else 0."""
    decides: npt.NDArray[np.bool_] = np.array([one.by_weekday for one in changes])
    return decides[groups] * (days % 7)


def _combine(parts: list[Numbers]) -> Numbers:
    """A number for each distinct combination of the parts."""
    return reduce(lambda keys, part: keys * (part.max() + 1) + part, parts)


def _number(values: pa.ChunkedArray) -> Numbers:
    """A number for each distinct value, null among them."""
    encoded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    numbers: Numbers = encoded.indices.to_numpy().astype(np.int64)
    return numbers


def _to_microseconds(moment: time) -> int:
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
