"""What calls would have cost elsewhere: by the price lists, each at its own time and size, as a range.

What is not known of another model is how many tokens it makes of the same text, and how long it answers; that the same
part of a prompt is read from a cache is taken for granted, where its list has a price for that. Whether it answers as
well, no price tells.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flexlib.analysis.cells import HOUR_CACHE, ROUTE, TOKENIZER, Cell, Route, price_cell
from flexlib.analysis.usage_frames import exact_decimals
from flexlib.money.price_book import PriceBook
from flexlib.money.prices import USD_STEP, Price
from flexlib.money.unit_prices import WINDOWS, Unpriced
from flexlib.names import match_model

if TYPE_CHECKING:
    import pandas as pd

LENGTH = Fraction(17, 10)
"""Another model answers with up to so many times as many tokens, or as few: for 225 exercises those that do not think
first wrote 342,062 to 573,477 (Aider's polyglot table, rows of May to October 2025). Those that think wrote up to 14
times as many: no range holds that, and so each line has its break-even."""

ENOUGH_CALLS = 30
"""Calls below which nothing is compared: where they differ as much as they are long, the mean of fewer is not known to
a fifth."""

PARTED = Fraction(1, 5)
"""The best sender reads so much more of the prompts from a cache, or nothing is said: the share of 30 calls is known to
a fifth."""

STANDARD = ("", "standard", "default")
"""Words for the tier of calls that were not sent as a batch, nor paid to be quick."""

TO = tuple(f"to_{name}" for name in Route._fields)
AMOUNTS = ("calls", "now_usd", "usd", "low_usd", "high_usd", "unpriced_calls")
MOVED = ("task_type", *ROUTE, *TO, *AMOUNTS, "unpriced", "list_usd", "outcome", "break_even")
"""The columns of `reprice`."""
DISCOUNTS = ("discount", "task_type", *ROUTE, "calls", "usd", "saved", "share", "best_share")
"""The columns of `find_discounts`."""


class Outcome(StrEnum):
    """What a range says beside what the calls cost."""

    SAVES = "saves"
    MAY_SAVE = "may save"
    COSTS = "costs more"


def reprice(
    cells: Iterable[Cell], routes: Mapping[str, Iterable[Route]], *, book: PriceBook | None = None
) -> pd.DataFrame:
    """What the calls of each task and route would have cost by each of the task's `routes`; the largest saving first.

    `cells` as from `sum_by_size` with all these routes. Columns: `task_type`, the route now (`provider`, `model`,
    `proxy`) and the other (`to_provider` and so on, `to_tier`); `calls`, those with an amount that the other list can
    price (where they are, all: what their list cannot price costs what it does), `now_usd` (Decimal: what they cost)
    and `usd` (what they would have, as many tokens as now; by the same list the same, but for the 1e-10 to which the
    amount of each call is rounded), `low_usd` and `high_usd` (by `TOKENIZER` and `LENGTH`, one figure for the same
    model); `unpriced_calls` that the other list cannot price, and `unpriced`, why most of them are; `list_usd`, what
    they cost by their own list (None where it cannot price all); `outcome`; `break_even` (Fraction: as many times as
    long may the answers be; None where they cost nothing there, or the rest alone costs more than now).
    """
    import pandas as pd

    lines: list[dict[str, Any]] = []
    with exact_decimals():
        for (task, *here), own in _group(one for one in cells if one["is_priced"]).items():
            for to in routes.get(task, ()):
                names = dict(zip(("task_type", *ROUTE, *TO), (task, *here, *to), strict=True))
                lines.append(names | _move(own, Route(*here), to, book))
        lines.sort(key=lambda one: (one["usd"] - one["now_usd"], [str(one[name]) for name in MOVED]))
    frame = pd.DataFrame(lines, columns=[*MOVED])
    return frame.astype(dict.fromkeys(("calls", "unpriced_calls"), "int64"))


def _group(cells: Iterable[Cell], keys: Sequence[str] = ("task_type", *ROUTE)) -> dict[tuple[Any, ...], list[Cell]]:
    groups = defaultdict[tuple[Any, ...], list[Cell]](list)
    for cell in cells:
        groups[tuple(cell[name] for name in keys)].append(cell)
    return groups


def _move(cells: Iterable[Cell], here: Route, to: Route, book: PriceBook | None) -> dict[str, Any]:
    is_same = match_model(here.model) == match_model(to.model)
    token, length = (Fraction(1), Fraction(1)) if is_same else (TOKENIZER, LENGTH)
    factors = ((Fraction(1), Fraction(1)), (1 / token, 1 / length), (token, length))
    calls, now, unpriced, sums = 0, Decimal(0), Counter[str](), [[Fraction(0)] * 3 for _ in factors]
    listed: list[Decimal | None] = []
    for cell in cells:
        found = {factor: price_cell(cell, to, book, factor) for factor in {one for one, _ in factors}}
        missing = [one.reason for one in found.values() if isinstance(one, Unpriced)]
        if missing and here != to:
            unpriced[missing[0]] += cell["requests"]
            continue
        calls, now = calls + cell["requests"], now + cell["amount_in_usd"]
        own = price_cell(cell, here, book)
        listed.append(sum(own.parts, Decimal(0)) if isinstance(own, Price) else None)
        if missing:  # where they are, calls cost what they do, whatever the list knows
            for one in sums:
                one[2] += Fraction(cell["amount_in_usd"])
            continue
        for one, (prompt, answer) in zip(sums, factors, strict=True):
            price = found[prompt]
            assert isinstance(price, Price)
            for place, factor in enumerate((prompt, answer, Fraction(1))):
                one[place] += Fraction(price.parts[place]) * factor
    (prompt, answers, others), low, high = sums
    rest = Fraction(now) - prompt - others
    outcome = Outcome.SAVES if sum(high) < now else Outcome.COSTS if sum(low) >= now else Outcome.MAY_SAVE
    return {
        "calls": calls,
        "now_usd": now,
        **{name: _to_usd(sum(one, Fraction(0))) for name, one in zip(AMOUNTS[2:5], sums, strict=True)},
        "unpriced_calls": unpriced.total(),
        "unpriced": unpriced.most_common(1)[0][0] if unpriced else None,
        "list_usd": None if None in listed else sum(filter(None, listed), Decimal(0)),
        "outcome": outcome if calls else None,
        "break_even": rest / answers if answers and rest > 0 else None,
    }


def _to_usd(amount: Fraction) -> Decimal:
    with exact_decimals():
        return (Decimal(amount.numerator) / amount.denominator).quantize(USD_STEP, ROUND_HALF_EVEN)


def sum_moves(moves: pd.DataFrame) -> pd.DataFrame:
    """The lines of `reprice` summed over the routes of now: `task_type`, `to_provider` and so on, and what a whole task
    costs by that route, in the columns `AMOUNTS`; the cheapest first. Calls that go there already cost what they do.
    """
    import pandas as pd

    keys, sums = ("task_type", *TO), dict[tuple[Any, ...], list[Any]]()
    with exact_decimals():
        for line in moves.to_dict("records"):
            key = tuple(line[name] for name in keys)
            if [line[name] for name in ROUTE] + [None] == [line[name] for name in TO]:
                line |= dict.fromkeys(AMOUNTS[2:5], line["now_usd"])
            sums[key] = [one + line[name] for one, name in zip(sums.get(key, [0] * 6), AMOUNTS, strict=True)]
    order = sorted(sums, key=lambda key: (key[0], sums[key][-1] > 0, sums[key][2], str(key)))
    return pd.DataFrame([[*key, *sums[key]] for key in order], columns=[*keys, *AMOUNTS])


def find_discounts(
    cells: Iterable[Cell], owned: Iterable[Cell], keys: Sequence[str], *, book: PriceBook | None = None
) -> pd.DataFrame:
    """By how much each task and route could at most have cost less by its own list, a line for `batch` or `cache` each;
    the most first, what is no saving left out.

    `cells` as from `sum_by_size`, and `owned` with `keys`, which say whose calls they are. Whether a call can wait for
    hours, or has a prompt that was sent before, no row tells. So: what all would have cost as a batch, where the list
    has such a price; and had those who read little from a cache read as much of their prompts as the best of those who
    send `ENOUGH_CALLS` for the same task to the same model, if that is more by `PARTED`; what was written to a cache
    may have been sent before, too, and is read in the place of the dearest. Columns: `discount`,
    `task_type`, `provider`, `model`, `proxy`, `calls`, `usd` (Decimal: what they cost by the list), `saved` (at most),
    `share` and `best_share` (of their prompts, read from a cache; None of a batch).
    """
    import pandas as pd

    lines: list[list[Any]] = []
    with exact_decimals():
        for (task, *here), own in _group(one for one in cells if _name_batch(one["tier"])).items():
            lines.append(["batch", task, *here, *_find_batch(own, Route(*here), book)])
        for (task, *here), own in _group(owned).items():
            senders = [one for one in _group(own, keys).values() if _sum(one, "requests") >= ENOUGH_CALLS]
            lines.append(["cache", task, *here, *_find_cache(senders, Route(*here), book)])
    frame = pd.DataFrame(lines, columns=[*DISCOUNTS])
    kept = frame[(frame["calls"] >= ENOUGH_CALLS) & (frame["saved"] > 0)]
    return kept.sort_values("saved", ascending=False, kind="stable", ignore_index=True)


def _name_batch(tier: str | None) -> str:
    """What the tier of a call would have been as a batch, in the same window; empty where it was of another."""
    words = [one for one in (tier or "").lower().split(" + ") if one not in STANDARD]
    return "" if {*words} - {*WINDOWS} else " + ".join(["batch", *words])


def _find_batch(cells: Iterable[Cell], route: Route, book: PriceBook | None) -> tuple[Any, ...]:
    calls, usd, saved = 0, Decimal(0), Decimal(0)
    for cell in cells:
        own, batch = (price_cell(cell, route._replace(tier=tier), book) for tier in (None, _name_batch(cell["tier"])))
        if isinstance(own, Price) and isinstance(batch, Price):
            calls, usd = calls + cell["requests"], usd + sum(own.parts)
            saved += sum(own.parts) - sum(batch.parts)
    return calls, usd, saved, None, None


def _find_cache(senders: Iterable[Sequence[Cell]], route: Route, book: PriceBook | None) -> tuple[Any, ...]:
    shares = [(_share_read(one), one) for one in senders]
    best = max((share for share, _ in shares), default=Fraction(0))
    calls, usd, saved, cells = 0, Decimal(0), Fraction(0), list[Cell]()
    for share, cell in ((share, cell) for share, own in shares if best - share >= PARTED for cell in own):
        own, less = price_cell(cell, route, book), _read_more(cell, (best - share) * cell["prompt_tokens"], route, book)
        if isinstance(own, Price) and less is not None:
            cells.append(cell)
            calls, usd, saved = calls + cell["requests"], usd + sum(own.parts), saved + less
    return calls, usd, _to_usd(saved), _share_read(cells), best


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
