"""The few prices that many calls share: a table's distinct sellers, models, days and tiers, each looked up once."""

from __future__ import annotations

from datetime import time

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flexlib.money.price_book import PriceBook
from flexlib.money.unit_prices import UnitPrices, Unpriced, find_unit_prices

WORDS = ("provider", "model", "proxy", "task_type", "tier")
DAY = 24 * 60 * 60 * 1_000_000


def find_shared_prices(rows: pa.Table, book: PriceBook) -> tuple[pa.Array, list[UnitPrices | Unpriced]]:
    """For each row the number of its price, and the prices by number.

    `rows`: the columns of the usage schema, `tier` may stand beside them. Two rows share a price when all that a list
    can ask for is the same: the words, the UTC day, the part of the day, the bracket of their own prompt tokens.
    """
    words = [name for name in WORDS if name in rows.column_names]
    moments = pc.cast(rows["created_at"], pa.timestamp("us", "UTC" if rows["created_at"].type.tz else None))
    days, clocks = np.divmod(_to_numpy(moments), DAY)
    changes = np.array([_to_microseconds(one) for one in book.times])
    brackets = np.searchsorted(np.array(book.thresholds), _to_numpy(rows["prompt_tokens"]), side="left")
    parts = [*(_number(rows[name]) for name in words), _number(pa.array(days)), _number(pa.array(brackets))]
    parts.append(_number(pa.array(np.searchsorted(changes, clocks, side="right"))))
    keys = np.zeros(rows.num_rows, dtype=np.int64)
    for part in parts:
        keys = keys * (part.max(initial=0) + 1) + part
    _, firsts, numbers = np.unique(keys, return_index=True, return_inverse=True)
    examples = rows.select([*words, "created_at", "prompt_tokens"]).take(pa.array(firsts)).to_pylist()
    prices = [
        find_unit_prices(
            book,
            row["provider"],
            row["model"],
            row["created_at"],
            prompt_tokens=row["prompt_tokens"],
            task_type=row["task_type"],
            tier=row.get("tier"),
            proxy=row.get("proxy"),
        )
        for row in examples
    ]
    return pa.array(numbers), prices


def _number(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """A number for each distinct value, null among them."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    numbers: npt.NDArray[np.int64] = array.dictionary_encode(null_encoding="encode").indices.to_numpy().astype(np.int64)
    return numbers


def _to_numpy(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = values.cast(pa.int64()).to_numpy()
    return numbers


def _to_microseconds(moment: time) -> int:
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1_000_000 + moment.microsecond
