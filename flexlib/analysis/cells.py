"""Calls summed into cells: groups in which one price holds for each call, on every list that is asked.

A price changes with the day and the hour, and with the prompt at the brackets of a list. Within a cell neither passes
such a change, also not where another tokenizer makes more or fewer tokens of the prompt: so what all its calls cost is
what their sums cost. The summing is done on the engine of the rows; what is left is small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from fractions import Fraction
from math import ceil, floor
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw

from flexlib.analysis.frames import open_frame
from flexlib.analysis.usage_frames import exact_decimals, open_usage
from flexlib.enums import EXTRA_COUNTS
from flexlib.money.cached_lengths import find_least_length
from flexlib.money.price_book import Changes, PriceBook, find_listed_name, load_book
from flexlib.money.prices import FAR_BELOW, Price, price_call
from flexlib.money.unit_prices import Unpriced

TOKENIZER = Fraction(27, 20)
"""Another model makes up to so many times as many tokens, or as few, of one text: Anthropic says 1 to 1.35 of Opus 4.7
beside the Opus before; between the makers, English and code were measured at 1.2 to 1.3."""

ROUTE = ("provider", "model", "proxy")
COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens")
OPTIONAL = ("proxy", "tier", *EXTRA_COUNTS)
"""Columns that may be missing, which is as if they were null."""
HOUR_CACHE = "cache_write_1h_tokens"
MOST_AT_ONCE = 10_000
"""Cells that are in memory twice while they are read."""
MIXED_SIZES = -1
"""The bracket of sums of calls of which some may be long."""

Cell = dict[str, Any]


class Route(NamedTuple):
    """Where a call goes to; with a tier, all of them do by that, else each by its own."""

    provider: str
    model: str
    proxy: str | None = None
    tier: str | None = None


def sum_by_size(
    rows: object,
    routes: Iterable[Route],
    keys: Sequence[str] = (),
    *,
    by_length: bool = False,
    book: PriceBook | None = None,
) -> list[Cell]:
    """The calls summed into cells, in each of which one price of every route holds for each call: what `reprice` takes.

    `rows` as of `schema.USAGE`, on pandas, DuckDB or Spark; `keys`: further columns to be told apart by. A row that
    sums calls is in the lowest bracket where its mean says that none of them is long. `by_length`: `is_long` tells
    apart the prompts of these routes, those of sums by their mean, that are long enough for their provider's cache.
    Raises `InvalidRequest` as the sums of usage do.
    """
    routes = [*routes]
    book, kinds = book or load_book(), open_frame(rows).collect_schema()
    given = [name for name in OPTIONAL if name in kinds]
    opened = open_usage(rows, keys=[*keys, "task_type", *COUNTS, *given])
    changes = [book.find_changes(one.seller, one.name) for one in (find_listed_name(*to[:3]) for to in routes)]
    is_call = (nw.col("requests") == 1).fill_null(value=False)
    marks = {
        "size": nw.when(is_call).then(_count_passed(nw.col("prompt_tokens"), _list_splits(changes)))
                  .otherwise(_find_bracket_of_sums(changes)),
        **_mark_moments(changes),
        "is_long": _find_long(routes if by_length else ()),
        "is_call": is_call,
        "is_counted": ~nw.col("requests").is_null(),
        "is_priced": ~nw.col("amount_in_usd").is_null(),
        **{f"has_{name}": nw.col(name) > 0 for name in COUNTS[:2]},
    }  # fmt: skip
    extra = [name for name in EXTRA_COUNTS if name in given]
    cells = dict.fromkeys(["task_type", *ROUTE, "tier", *keys])
    by = [*(name for name in cells if name in kinds), *marks]
    with exact_decimals():
        sums = (
            opened.with_columns(**marks, requests=nw.col("requests").fill_null(1))
            .group_by(*by)
            .agg(
                nw.col(*COUNTS, *extra, "requests", "amount_in_usd").sum(),
                *(nw.col(name).count().alias(f"counted_{name}") for name in extra),
                least=nw.col("prompt_tokens").min(),
                moment=nw.col("created_at").min(),
            )
            .sort(*by, nulls_last=True)
        )
        counts = [*COUNTS, *extra, "requests", "least", "size"]
        found = sums.with_columns(nw.col(*counts).cast(nw.Int64)).collect("pyarrow").to_native()
        batches = (batch.to_pylist() for batch in found.to_batches(MOST_AT_ONCE))
        return [_close_cell(cells | one, [*cells], extra) for batch in batches for one in batch]


def _close_cell(cell: Cell, keys: Sequence[str], extra: Sequence[str]) -> Cell:
    moment: datetime = cell["moment"]
    kept = (*keys, "requests", *COUNTS, "amount_in_usd", "least", "size", "is_long", "is_call", "is_counted",
            "is_priced")  # fmt: skip
    counted = {name: cell[name] for name in extra if cell[f"counted_{name}"]}
    return {name: cell[name] for name in kept} | {"moment": moment.replace(tzinfo=None), "extra": counted}


def _list_splits(changes: Iterable[Changes]) -> list[int]:
    """The prompt tokens above which another price may hold, whichever tokenizer counts them."""
    factors = (1 / TOKENIZER, Fraction(1), TOKENIZER)
    return sorted({floor(step / factor) for one in changes for step in one.thresholds for factor in factors})


def _count_passed(value: nw.Expr, marks: Iterable[Any]) -> nw.Expr:
    """How many of the marks, ascending, lie below the value."""
    passed: nw.Expr = value * 0
    for mark in marks:
        passed = passed + nw.when(value > mark).then(1).otherwise(0)
    return passed


def _find_long(routes: Iterable[Route]) -> nw.Expr:
    """Whether the prompts of a row come to the length from which on the provider keeps those of its model."""
    models = defaultdict[tuple[int, str], set[str]](set)
    for one in routes:
        models[find_least_length(one.provider, one.model).tokens, one.provider].add(one.model)
    prompt, calls = nw.col("prompt_tokens"), nw.col("requests").fill_null(1)
    is_long: nw.Expr = nw.lit(False)
    for (tokens, provider), own in sorted(models.items()):
        is_own = (nw.col("provider") == provider) & nw.col("model").is_in(sorted(own))
        is_long = is_long | (is_own & (prompt >= calls * tokens))
    return is_long


def _find_bracket_of_sums(changes: Iterable[Changes]) -> nw.Expr:
    """0 where no call of a sum can be long by any list, as `prices.may_be_long` says it, else `MIXED_SIZES`."""
    least = min((step for one in changes for step in one.thresholds), default=None)
    if least is None:
        return nw.lit(0)
    prompt, most = nw.col("prompt_tokens"), nw.col("requests").fill_null(1) * (least // FAR_BELOW)
    return nw.when((prompt > least) & (prompt > most)).then(MIXED_SIZES).otherwise(0)


def _mark_moments(changes: Sequence[Changes]) -> dict[str, nw.Expr]:
    """Between which changes of prices a call was: days, times of the day, and the day itself where weekdays decide."""
    created = nw.col("created_at")
    days = sorted({day for one in changes for day in one.days})
    clock = created.dt.hour().cast(nw.Int64) * 60 + created.dt.minute().cast(nw.Int64)
    times = sorted({60 * one.hour + one.minute - 1 for change in changes for one in change.times if one != time()})
    passed: nw.Expr = clock * 0
    for day in days:  # as text: Spark would read a Python time in the zone of this machine
        is_past = created >= nw.lit(f"{day} 00:00:00").cast(nw.Datetime("us"))
        passed = passed + nw.when(is_past).then(1).otherwise(0)
    by_day = created.dt.truncate("1d") if any(one.by_weekday for one in changes) else clock * 0
    return {"days": passed, "times": _count_passed(clock, times), "day": by_day}


def group_cells(
    cells: Iterable[Cell], keys: Sequence[str] = ("task_type", *ROUTE)
) -> dict[tuple[Any, ...], list[Cell]]:
    """The cells by what they have in `keys`."""
    groups = defaultdict[tuple[Any, ...], list[Cell]](list)
    for cell in cells:
        groups[tuple(cell[name] for name in keys)].append(cell)
    return groups


def price_cell(cell: Cell, to: Route, book: PriceBook | None, factor: Fraction = Fraction(1)) -> Price | Unpriced:
    """What the calls of a cell cost by a route, in the brackets of prompts `factor` times as long; why nobody can say.

    Tokens written to a cache for an hour are tokens written to a cache where a list knows only these.
    """
    is_open = not cell["is_counted"] or cell["size"] == MIXED_SIZES
    size = None if is_open else ceil(cell["least"] * factor) if cell["is_call"] else 0
    extra: Mapping[str, int | None] = cell["extra"]
    for counts in (extra, {**extra, HOUR_CACHE: None}):
        found = price_call(
            to.provider,
            to.model,
            cell["moment"],
            **{name: cell[name] for name in COUNTS},
            extra_counts=counts,
            task_type=cell["task_type"],
            tier=to.tier or cell["tier"],
            proxy=to.proxy,
            requests=None if is_open else cell["requests"],
            size=size,
            book=book,
        )
        if isinstance(found, Price) or not extra.get(HOUR_CACHE):
            break
    return found
