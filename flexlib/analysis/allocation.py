"""A whole in parts that add up: pools shared by a rule, and amounts rounded together; in integers, so nothing is lost.
Tables that add up both ways are `rounded_table`'s.

Each is the method of the largest remainder: every part is cut to a whole number, and what is then missing goes one by
one to the parts that lost most by it; of equal ones to the larger, then in the order of their names. So the order in
which parts come changes nothing, and an amount taken back is shared as it was given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import TypeAlias, TypeVar

Number: TypeAlias = int | Fraction | Decimal
Key = TypeVar("Key")


class Rule(StrEnum):
    """How a pool is shared among the lines that use is charged to."""

    NONE = "none"
    """Not at all: it stays a line of its own."""
    EQUAL = "equal"
    """Each line of somebody the same."""
    USE = "use"
    """By what each line used, that of nobody among them."""
    HEAD = "head"
    """By how many people each line has, that of nobody among them."""


@dataclass(frozen=True)
class Pool:
    """An amount that belongs to all lines."""

    name: str
    amounts: Mapping[str, int]
    """By unit, in the smallest one, such as hundredths of a credit."""
    rule: Rule
    measure: str = "usd"
    """The unit of the use that `Rule.USE` goes by: the same lines have the same shares in every unit."""
    source: str | None = None
    """The line whose own use it is, which is then taken off there; None: it comes on top of all use."""
    spare: Number = 0
    """People that count for this pool alone, all of nobody's line."""
    pays_use: bool = False
    """Whether it pays for use, as credits of a plan do: by use, a pool's source has its part too, and passes on what is
    left to pay."""


@dataclass(frozen=True)
class Basis:
    """What an item is a product of, besides the people of a line."""

    percent: Decimal | None = None
    """Of a tax: of all that a line is charged."""
    usd_a_seat: Decimal | None = None
    """Of fees of seats, a month."""
    seats: int = 0
    days: int | None = None
    """Of how many of the month's days it is charged; None: of all."""
    then: Basis | None = None
    """What holds on later days of the month, where its price or its seats change."""


@dataclass(frozen=True)
class Allocation:
    """What the pools add to each line."""

    shares: Mapping[str, Mapping[str, Mapping[str, int]]]
    """By line, pool and unit; a pool's source has what was taken off it."""
    kept: tuple[Pool, ...]
    """Pools that stay whole: by their rule, or because all weights are 0, so that nobody could be charged for them."""


def share_amount(amount: int, weights: Mapping[str, Number]) -> dict[str, int]:
    """The parts of `amount` in proportion to the weights, which are not negative; they sum to it. None where all
    weights are 0, as there is nobody to give it to: the amount stays where it is.

    >>> share_amount(100, {"b": 1, "a": 1, "c": 1})
    {'b': 33, 'a': 34, 'c': 33}
    >>> share_amount(100, {"a": 0})
    {}
    """
    if any(weight < 0 for weight in weights.values()):
        raise ValueError(f"a weight is 0 or more, not {min(weights.values())}")
    sizes, _ = extend_parts(weights)
    whole = sum(sizes.values())
    return _round({name: amount * size for name, size in sizes.items()}, whole, amount) if whole else {}


def round_parts(parts: Mapping[str, Number], total: int) -> dict[str, int]:
    """Whole numbers in place of the parts that sum to `total`, each less than 1 from its part where `total` is less
    than 1 from their sum; what a `total` further off lacks or has too much is the largest part's.

    >>> round_parts({"a": Decimal("1.4"), "b": Decimal("1.4"), "c": Decimal("0.2")}, 3)
    {'a': 2, 'b': 1, 'c': 0}
    """
    return _round(*extend_parts(parts), total)


def extend_parts(parts: Mapping[Key, Number]) -> tuple[dict[Key, int], int]:
    """The parts as whole numbers of one smallest part of 1, and how many of those 1 has."""
    ratios = {name: part.as_integer_ratio() for name, part in parts.items()}
    whole = lcm(*(below for _, below in ratios.values()))
    return {name: above * (whole // below) for name, (above, below) in ratios.items()}, whole


def _round(parts: Mapping[str, int], whole: int, total: int) -> dict[str, int]:
    """As `round_parts`, of parts in steps of which `whole` are 1."""
    rounded, cut = {}, {}
    for name, part in parts.items():
        size, rest = divmod(abs(part), whole)  # towards 0, so that the sign changes nothing else
        rounded[name], cut[name] = (-size, -rest) if part < 0 else (size, rest)
    missing = total - sum(rounded.values())
    step = 1 if missing > 0 else -1
    order = sorted(parts, key=lambda name: (-step * cut[name], -abs(parts[name]), name))
    for name in order[: abs(missing)]:
        if step * cut[name] > 0:
            rounded[name] += step
            missing -= step
    if missing:
        rounded[min(parts, key=lambda name: (-abs(parts[name]), name))] += missing
    return rounded


def weigh_lines(
    rule: Rule, use: Mapping[str, Number], heads: Mapping[str, Number], nobody: str | None = None
) -> dict[str, Number]:
    """The weight of each line by a rule; use below 0, as of a refund, weighs nothing. `nobody`: the line of what is
    nobody's, which weighs as its use and people do, and is none of those that share alike."""
    if rule is Rule.NONE:
        return {}
    if rule is Rule.EQUAL:
        return {name: 1 for name in use if name != nobody}
    found = use if rule is Rule.USE else heads
    return {name: max(found.get(name, 0), 0) for name in use}


def allocate_pools(
    use: Mapping[str, Mapping[str, int]],
    pools: Sequence[Pool],
    heads: Mapping[str, Number],
    nobody: str | None = None,
) -> Allocation:
    """Every pool shared among the lines of `use` (by line and unit, in the smallest one) that are no pool's source;
    `nobody` as of `weigh_lines`.

    All go by the use before any is shared, and what pays use comes first, so that their order changes nothing.
    """
    sources = {pool.source for pool in pools if pool.rule is not Rule.NONE}
    takers = {name: amounts for name, amounts in use.items() if name not in sources}
    shares: dict[str, dict[str, dict[str, int]]] = {}
    paid: dict[str, Counter[str]] = defaultdict(Counter)
    kept = []
    for pool in sorted(pools, key=lambda pool: not pool.pays_use):
        sharing = use if pool.pays_use and pool.rule is Rule.USE else takers
        measured = {name: amounts.get(pool.measure, 0) for name, amounts in sharing.items()}
        people = heads if nobody is None else {**heads, nobody: Fraction(heads.get(nobody, 0)) + Fraction(pool.spare)}
        weights = weigh_lines(pool.rule, measured, people, nobody)
        if not any(weights.values()):
            kept.append(pool)
            continue
        for unit, whole in pool.amounts.items():
            amount = whole if pool.source is None else whole + paid[pool.source][unit]
            taken = {} if pool.source is None else {pool.source: -amount}
            for name, part in (share_amount(amount, weights) | taken).items():
                mine = shares.setdefault(name, {}).setdefault(pool.name, {})
                mine[unit] = mine.get(unit, 0) + part
                if pool.pays_use:
                    paid[name][unit] += part
    return Allocation(shares, tuple(kept))
