"""Discounts that were not used: batches, and caches for prompts long enough that a provider keeps them in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from flexlib.analysis.cells import HOUR_CACHE, ROUTE, Cell, Route, group_cells, price_cell
from flexlib.analysis.usage_frames import exact_decimals
from flexlib.analysis.what_if import ENOUGH_CALLS, to_usd
from flexlib.money.cached_lengths import find_least_length
from flexlib.money.price_book import PriceBook
from flexlib.money.prices import Price
from flexlib.money.unit_prices import WINDOWS

if TYPE_CHECKING:
    import pandas as pd

PARTED = Fraction(1, 5)
"""The best sender reads so much more of the prompts from a cache, or nothing is said: the share of 30 calls is known to
a fifth."""

STANDARD = ("", "standard", "default")
"""Words for the tier of calls that were not sent as a batch, nor paid to be quick."""

DISCOUNTS = ("discount", "task_type", *ROUTE, "calls", "usd", "saved", "share", "best_share")
"""The columns of `find_discounts`."""
TOO_SHORT = (*ROUTE, "least_tokens", "is_documented", "calls")
"""The columns of `count_too_short`."""


def find_discounts(
    cells: Iterable[Cell], owned: Iterable[Cell], keys: Sequence[str], *, book: PriceBook | None = None
) -> pd.DataFrame:
    """By how much each task and route could have cost less, a line for `batch` or `cache` each; the most first, what is
    no saving left out. That is what the list says, less what the calls cost less than their list already: what a
    contract's price would be of a batch or a cache nobody knows. Calls that cost as little already are in no line.

    `cells` as from `sum_by_size`, and `owned` by length and with `keys`, which say whose calls they are. Whether a
    call can wait for hours, or has a prompt that was sent before, no row tells. So: what all would have cost as a
    batch, where the list has such a price; and of the calls whose prompts are long enough for a cache, had those who
    read little from one read as much of their prompts as the best of those who send `ENOUGH_CALLS` of them for the same
    task to the same model, if that is more by `PARTED`; what was written to a cache may have been sent before, too, and
    is read in the place of the dearest. Columns: `discount`, `task_type`, `provider`, `model`, `proxy`, `calls`, `usd`
    (Decimal: what they cost), `saved`, `share` and `best_share` (of their prompts, read from a
    cache; None of a batch).
    """
    import pandas as pd

    lines: list[list[Any]] = []
    with exact_decimals():
        for (task, *here), own in group_cells(one for one in cells if _name_batch(one["tier"])).items():
            lines.append(["batch", task, *here, *_find_batch(own, Route(*here), book)])
        for (task, *here), own in group_cells(one for one in owned if one["is_long"]).items():
            lines.append(["cache", task, *here, *_find_cache(own, keys, Route(*here), book)])
    frame = pd.DataFrame(lines, columns=[*DISCOUNTS])
    kept = frame[(frame["calls"] >= ENOUGH_CALLS) & (frame["saved"] > 0)]
    return kept.sort_values("saved", ascending=False, kind="stable", ignore_index=True)


def count_too_short(owned: Iterable[Cell], keys: Sequence[str], *, book: PriceBook | None = None) -> pd.DataFrame:
    """The calls that a cache would save something of if it kept prompts of any length, and that `find_discounts` leaves
    out: `provider`, `model`, `proxy`, `least_tokens`, `is_documented` (as of `find_least_length`) and `calls`, the most
    first. Both as `find_discounts` takes them.
    """
    import pandas as pd

    counts = dict[tuple[Any, ...], int]()
    with exact_decimals():
        for (__, *here), own in group_cells(owned).items():
            key = (*here, *find_least_length(here[0], here[1]))
            short = (one.cell["requests"] for one in _read_as_the_best(own, keys, Route(*here), book)[0]
                     if one.less > 0 and not one.cell["is_long"])  # fmt: skip
            counts[key] = counts.get(key, 0) + sum(short)
    lines = sorted(([*key, count] for key, count in counts.items() if count), key=lambda line: (-line[-1], str(line)))
    return pd.DataFrame(lines, columns=[*TOO_SHORT])


def _name_batch(tier: str | None) -> str:
    """What the tier of a call would have been as a batch, in the same window; empty where it was of another."""
    words = [one for one in (tier or "").lower().split(" + ") if one not in STANDARD]
    return "" if {*words} - {*WINDOWS} else " + ".join(["batch", *words])


def _find_batch(cells: Iterable[Cell], route: Route, book: PriceBook | None) -> tuple[Any, ...]:
    found = list[tuple[Cell, Fraction]]()
    for cell in cells:
        own, batch = (price_cell(cell, route._replace(tier=tier), book) for tier in (None, _name_batch(cell["tier"])))
        if isinstance(own, Price) and isinstance(batch, Price):
            found.append((cell, _hold_less(cell, own, Fraction(sum(own.parts) - sum(batch.parts)))))
    kept = [(cell, less) for cell, less in found if less > 0]
    return *_sum_cost([cell for cell, _ in kept]), to_usd(sum((less for _, less in kept), Fraction())), None, None


def _hold_less(cell: Cell, own: Price, less: Fraction) -> Fraction:
    """What is left of a saving by the list for calls that cost less than it; 0 of calls whose amount is not known."""
    below = max(Fraction(sum(own.parts, Decimal(0)) - cell["amount_in_usd"]), Fraction()) if cell["is_priced"] else less
    return max(less - below, Fraction())


def _sum_cost(cells: Sequence[Cell]) -> tuple[int, Decimal]:
    """The calls, and what they cost."""
    return _sum(cells, "requests"), sum((cell["amount_in_usd"] for cell in cells), Decimal(0))


class _Read(NamedTuple):
    """A cell of somebody who read less from a cache than the best, and by how much less it could have cost."""

    cell: Cell
    less: Fraction


def _find_cache(own: Iterable[Cell], keys: Sequence[str], route: Route, book: PriceBook | None) -> tuple[Any, ...]:
    read, best = _read_as_the_best(own, keys, route, book)
    kept = [one for one in read if one.less > 0]
    cells = [one.cell for one in kept]
    return *_sum_cost(cells), to_usd(sum((one.less for one in kept), Fraction())), _share_read(cells), best


def _read_as_the_best(
    own: Iterable[Cell], keys: Sequence[str], route: Route, book: PriceBook | None
) -> tuple[list[_Read], Fraction]:
    """The cells of those who read less from a cache than the best sender of calls enough; and his share."""
    senders = [one for one in group_cells(own, keys).values() if _sum(one, "requests") >= ENOUGH_CALLS]
    shares = [(_share_read(one), one) for one in senders]
    best = max((share for share, _ in shares), default=Fraction(0))
    read = list[_Read]()
    for share, cell in ((share, cell) for share, own in shares if best - share >= PARTED for cell in own):
        priced, less = (
            price_cell(cell, route, book),
            _read_more(cell, (best - share) * cell["prompt_tokens"], route, book),
        )
        if isinstance(priced, Price) and less is not None:
            read.append(_Read(cell, _hold_less(cell, priced, less)))
    return read, best


def _read_more(cell: Cell, tokens: Fraction, route: Route, book: PriceBook | None) -> Fraction | None:
    """By how much so many more tokens read from a cache cost less: in the place of those written to one for an hour,
    then of those written, then of the others. None where the list cannot price that."""
    written, hour = cell["cache_write_tokens"], cell["extra"].get(HOUR_CACHE)
    plain, prompt = {**cell["extra"], HOUR_CACHE: None}, cell["prompt_tokens"]
    tried = ((prompt, 0, plain), (0, 0, plain), (0, written, plain), (0, written, cell["extra"]))
    steps = []
    for counts in tried:
        found = price_cell(cell | dict(zip(("cached_tokens", "cache_write_tokens", "extra"), counts, strict=True)),
                           route, book)  # fmt: skip
        if not isinstance(found, Price):
            return None
        steps.append(Fraction(found.parts[0]))
    parts = zip(pairwise(steps), (prompt, written, hour), strict=True)
    return sum((max(more - less, 0) / count * min(tokens, count) for (less, more), count in parts if count), Fraction())


def _share_read(cells: Sequence[Cell]) -> Fraction:
    return Fraction(_sum(cells, "cached_tokens"), _sum(cells, "prompt_tokens") or 1)


def _sum(cells: Iterable[Cell], name: str) -> int:
    return sum(cell[name] for cell in cells)
