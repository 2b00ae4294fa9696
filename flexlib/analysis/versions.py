"""Why one month came to more or less when it was stored again: rows that came late or were withdrawn, rows that say
something else now, a new price list and a new exchange rate, exactly, into parts that add up.

A row is the same by the id that its source gave it. Of one whose counts and whose price both changed, each part is the
mean of the two orders in which they could have (Shapley values), as in `analysis.compare`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from flexlib.analysis.compare import EXACT, LAST_DIGIT, NOTHING, Change
from flexlib.i18n import mark_text

VERSION_PARTS = ("new", "gone", "restated", "price", "rate")
"""Rows that the later version has alone, that the earlier has alone; of those in both what they say, what a price list
says of it, and the exchange rate."""

VERSIONS_METHOD = mark_text(
    "Rows are the same by their id; of one restated and priced anew each part is the mean of both orders."
)

HOW = VERSION_PARTS, VERSIONS_METHOD

Cell = tuple[Hashable, Hashable]
"""A person and a model."""


@dataclass(frozen=True)
class RowsCompared:
    """Sums of rows that changed alike; the two sides have the same rows, or one of them has none."""

    before: Cell | None
    """Whose they were; None: the earlier version has no such rows."""
    after: Cell | None
    rows: int
    """How many of them changed."""
    amounts: tuple[Decimal | None, Decimal | None]
    """In the unit that is compared; in dollars where pesos are. None: not known."""
    pesos: tuple[Decimal | None, Decimal | None] = (None, None)
    """The same amounts in pesos, where those are compared."""
    is_counted_alike: bool = True
    """Whether both versions count the same in each row."""
    is_priced: bool = False
    """Whether a price list gave the amounts, of the later version where there are two."""
    has_new_list: bool = False
    """Whether another list, or one of another day, gave those of the later version."""
    has_new_rate: bool = False
    quantities: tuple[int | None, int | None] = (None, None)
    """Of rows that count otherwise and have another price list: what each of them counts, then and now."""


def take_versions_apart(groups: Iterable[RowsCompared], *, in_pesos: bool = False) -> Change:
    """The change from one version of a month to another. Taken the other way round every part has the other sign, `new`
    and `gone` change places.

    >>> from decimal import Decimal
    >>> late = RowsCompared(None, ("ana", "gpt-5"), 2, (None, Decimal(3)))
    >>> same, told = ("ana", "gpt-5"), {"is_priced": True, "has_new_list": True}
    >>> dearer = RowsCompared(same, same, 9, (Decimal(40), Decimal(50)), **told)
    >>> {name: str(part) for name, part in take_versions_apart([late, dearer]).sum_parts().items() if part}
    {'new': '3', 'price': '10'}
    """
    cells: dict[Cell, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    counted, sums = dict.fromkeys(VERSION_PARTS, 0), [NOTHING, NOTHING]
    with localcontext(EXACT):
        for group in groups:
            was, became = (one or NOTHING for one in (group.pesos if in_pesos else group.amounts))
            sums = [sums[0] + was, sums[1] + became]
            for cell, parts in _split_group(group, was, became, in_pesos=in_pesos):
                for name, part in parts.items():
                    cells[cell][name] += part
                    counted[name] += group.rows if cell is group.after or group.after is None else 0
    return Change(sums[0], sums[1], {key: dict(parts) for key, parts in cells.items()}, counted, {}, *HOW)


def _split_group(
    group: RowsCompared, was: Decimal, became: Decimal, *, in_pesos: bool
) -> Iterable[tuple[Cell, dict[str, Decimal]]]:
    if group.before is None or group.after is None:
        cell = group.after or group.before
        assert cell
        return [(cell, {"gone": -was} if group.after is None else {"new": became})]
    if group.before != group.after:  # of somebody else, or of another model
        return [(group.before, {"restated": -was}), (group.after, {"restated": became})]
    parts = _split_pesos(group, became - was) if in_pesos else _split_amount(group)
    return [(group.after, {name: part for name, part in parts.items() if part})]


def _split_amount(group: RowsCompared) -> dict[str, Decimal]:
    before, after = (one or NOTHING for one in group.amounts)
    if group.is_counted_alike:
        return {"price" if group.is_priced and group.has_new_list else "restated": after - before}
    old, new = group.quantities
    # As many tokens in all, and others of a kind: what moved by their price cannot be told from what moved by the list.
    if not (group.is_priced and group.has_new_list and old and new and old != new) or None in group.amounts:
        return {"restated": after - before}
    restated = ((new - old) * (before / old + after / new) / 2).quantize(LAST_DIGIT)
    return {"restated": restated, "price": after - before - restated}


def _split_pesos(group: RowsCompared, moved: Decimal) -> dict[str, Decimal]:
    """The parts in dollars at the mean of both rates, and what the change of the rate itself moved."""
    parts = {name: part for name, part in _split_amount(group).items() if part}
    if None in group.pesos:  # which of both was not known
        return {"rate" if None not in group.amounts else next(iter(parts), "restated"): moved}
    if len(parts) <= 1 and not group.has_new_rate:
        return {next(iter(parts), "restated"): moved}
    rates = [pesos / spent for pesos, spent in zip(group.pesos, group.amounts, strict=True) if pesos and spent]
    rate = sum(rates, NOTHING) / len(rates) if rates else NOTHING
    split = {name: (part * rate).quantize(LAST_DIGIT) for name, part in parts.items()}
    rest = moved - sum(split.values(), NOTHING)
    if group.has_new_rate:
        return split | {"rate": rest}
    return split | {"price": split["price"] + rest}
