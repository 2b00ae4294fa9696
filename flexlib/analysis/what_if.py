"""What calls would have cost elsewhere: by the price lists, each at its own time and size, as a range.

What is not known of another model is how many tokens it makes of the same text, and how long it answers; that the same
part of a prompt is read from a cache is taken for granted, where its list has a price for that. Whether it answers as
well, no price tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flexlib.analysis.cells import ROUTE, TOKENIZER, Cell, Route, group_cells, price_cell
from flexlib.analysis.usage_frames import exact_decimals
from flexlib.money.price_book import PriceBook
from flexlib.money.prices import USD_STEP, Price
from flexlib.money.thinking import may_think
from flexlib.money.unit_prices import Unpriced
from flexlib.names import match_model

if TYPE_CHECKING:
    import pandas as pd

LENGTH = Fraction(17, 10)
"""Another model answers with up to so many times as many tokens, or as few: for 225 exercises those that do not think
first wrote 342,062 to 573,477 (Aider's polyglot table, rows of May to October 2025)."""

THOUGHT = Fraction(14)
"""Those of the same table that think first wrote up to so many times as many: no range that is read for holds that, and
so each line has its break-even; but only what is cheaper, or dearer, at that length too is so in any case."""

ENOUGH_CALLS = 30
"""Calls below which nothing is compared: where they differ as much as they are long, the mean of fewer is not known to
a fifth."""

TO = tuple(f"to_{name}" for name in Route._fields)
AMOUNTS = ("calls", "now_usd", "usd", "low_usd", "high_usd", "unpriced_calls")
MOVED = ("task_type", *ROUTE, *TO, *AMOUNTS, "unpriced", "list_usd", "most_usd", "outcome", "break_even")
"""The columns of `reprice`."""


class Outcome(StrEnum):
    """What is sure beside what the calls cost: by the range, and where the model there, or the one here, may think
    first, at answers of `THOUGHT` times their length, or as short, too."""

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
    they cost by their own list (None where it cannot price all); `most_usd`, what they would have cost there with the
    longest answers that count for the `outcome`; `break_even` (Fraction: as many times as
    long may the answers be; None where they cost nothing there, or the rest alone costs more than now).
    """
    import pandas as pd

    lines: list[dict[str, Any]] = []
    with exact_decimals():
        for (task, *here), own in group_cells(one for one in cells if one["is_priced"]).items():
            for to in routes.get(task, ()):
                names = dict(zip(("task_type", *ROUTE, *TO), (task, *here, *to), strict=True))
                lines.append(names | _move(own, Route(*here), to, book))
        lines.sort(key=lambda one: (one["usd"] - one["now_usd"], [str(one[name]) for name in MOVED]))
    frame = pd.DataFrame(lines, columns=[*MOVED])
    return frame.astype(dict.fromkeys(("calls", "unpriced_calls"), "int64"))


def _move(cells: Iterable[Cell], here: Route, to: Route, book: PriceBook | None) -> dict[str, Any]:
    is_same = match_model(here.model) == match_model(to.model)
    token, length = (Fraction(1), Fraction(1)) if is_same else (TOKENIZER, LENGTH)
    shorter, longer = (
        THOUGHT / length if not is_same and may_think(one.provider, one.model) else 1 for one in (here, to)
    )
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
    least, most = low[0] + low[1] / shorter + low[2], high[0] + high[1] * longer + high[2]
    outcome = Outcome.SAVES if most < now else Outcome.COSTS if least >= now else Outcome.MAY_SAVE
    return {
        "calls": calls,
        "now_usd": now,
        **{name: to_usd(sum(one, Fraction(0))) for name, one in zip(AMOUNTS[2:5], sums, strict=True)},
        "unpriced_calls": unpriced.total(),
        "unpriced": unpriced.most_common(1)[0][0] if unpriced else None,
        "list_usd": None if None in listed else sum(filter(None, listed), Decimal(0)),
        "most_usd": to_usd(Fraction(most)),
        "outcome": outcome if calls else None,
        "break_even": rest / answers if answers and rest > 0 else None,
    }


def to_usd(amount: Fraction) -> Decimal:
    """To the digit to which an amount is kept."""
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
