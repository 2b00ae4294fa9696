"""The lines of a chargeback: what each used itself, its shares of the pools, taxes; exact, and as they are charged.

Amounts are Decimals by unit; a unit that is missing is not known, and adds nothing to a sum. What is charged is rounded
to cents, pesos, hundredths of a credit such that all sums to the whole, and use to that of the month's spend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from flexlib.analysis.allocation import Number, Pool, Rule, allocate_pools
from flexlib.analysis.rounded_table import round_table
from flexlib.analysis.usage_frames import exact_decimals, sum_amounts

UNITS = ("flex_credits", "usd", "clp")
MONEY = ("usd", "clp")
MOVED, ROWS = "moved", "rows"
"""What a line lacks that the month's sum of somebody may be partly of, who moved within it; that may have rows more."""
PLACES = {"flex_credits": 2, "usd": 10, "clp": 4}
"""Decimals that rows are stored with; where an amount has more, pools are shared to its last."""
CHARGED_PLACES = {"flex_credits": 2, "usd": 2, "clp": 0}
DIRECT = "direct use"
OWN_USE, ALL_ITEMS, AS_CHARGED = "own use", "all items", "as charged"
"""What is held against the whole."""

Amounts = Mapping[str, Decimal]


class LineKind(StrEnum):
    """What a line is of."""

    PART = "part"
    """A department, project, cost centre, team or person."""
    UNMAPPED = "unmapped"
    """Use of those who belong to none."""
    BESIDE = "billed beside the calls"
    """What bills come to more, or less, than the calls."""
    POOL = "pool"
    """A pool that is not shared."""


@dataclass(frozen=True, order=True)
class LineKey:
    """One line: no name that a part may have is another's."""

    kind: LineKind
    name: str = ""

    @property
    def text(self) -> str:
        return f"{self.kind}\x1f{self.name}"


NOBODY = LineKey(LineKind.UNMAPPED)


@dataclass(frozen=True)
class Charge:
    """A pool of all lines, or the own use of one that is shared among the others."""

    name: str
    amounts: Amounts
    rule: Rule
    measure: str = "usd"
    source: LineKey | None = None
    spare: Number = 0
    pays_use: bool = False
    """As of `Pool`."""


@dataclass(frozen=True)
class ChargeLine:
    """What one line comes to, by item (direct use, pools, taxes) and unit."""

    key: LineKey
    items: Mapping[str, Amounts]
    """Exact."""
    charged: Mapping[str, Amounts]
    """Rounded together."""
    requests: int | None
    unpriced: int
    """Calls whose amount is not known: they are in no item."""
    unconverted: int
    """Calls whose pesos are not known, those without a price with them: they are in no amount of pesos."""
    lacks: frozenset[str] = frozenset()
    """The units that lack such calls, also parts of those that are counted where a larger part is; `MOVED`, `ROWS`."""

    @property
    def name(self) -> str:
        return self.key.name or self.key.kind.capitalize()

    def count_lacking(self, unit: str) -> int | None:
        """The calls whose amount in this unit is not known; None where it has but parts that are counted elsewhere."""
        return {"usd": self.unpriced, "clp": self.unconverted}.get(unit) or (None if unit in self.lacks else 0)

    def total(self, unit: str, *, exact: bool = False) -> Decimal | None:
        """What the line comes to; None where nothing of it is known."""
        return sum_amounts(item.get(unit) for item in (self.items if exact else self.charged).values())


@dataclass(frozen=True)
class SumCheck:
    """Two sums that must be one."""

    what: str
    unit: str
    lines: Decimal
    """Over the lines."""
    whole: Decimal
    """Of the whole, by another way."""

    @property
    def agrees(self) -> bool:
        return self.lines == self.whole


@dataclass(frozen=True)
class Use:
    """What a part used itself."""

    amounts: Amounts
    requests: int | None = None
    unpriced: int = 0
    unconverted: int = 0
    lacks: frozenset[str] = frozenset()


def build_lines(
    use: Mapping[LineKey, Use],
    charges: Sequence[Charge],
    taxes: Sequence[tuple[str, Decimal]],
    heads: Mapping[LineKey, Number],
) -> list[ChargeLine]:
    """A line for each of `use`, and for each pool that is not shared, the largest first; what is nobody's stands last.
    `heads`: people by line. `taxes`: names and percents, of all that a line comes to.
    """
    items: dict[LineKey, dict[str, dict[str, Decimal]]] = {key: {DIRECT: {**one.amounts}} for key, one in use.items()}
    for key, name, unit, amount in _share_charges(use, charges, heads):
        mine = items.setdefault(key, {}).setdefault(name, {})
        mine[unit] = _add(mine.get(unit, Decimal(0)), amount)
    for line in items.values():
        sums = {unit: sum_amounts(item.get(unit) for item in line.values()) for unit in MONEY}
        for name, percent in taxes:
            line[name] = {unit: tax_amount(amount, percent) for unit, amount in sums.items() if amount is not None}
    charged = _round_items(items)
    # Who gets a share of what is not known whole gets too little: what lacks dollars lacks pesos, too.
    short = {one.name for one in charges if one.source and use.get(one.source, Use({})).lacks & {"usd", ROWS}}
    lines = (ChargeLine(key, one, charged[key], own.requests, own.unpriced, own.unconverted,
                        own.lacks.union([ROWS] * bool(short & one.keys())))
             for key, one in items.items() for own in [use.get(key, Use({}))])  # fmt: skip
    return sorted(lines, key=_place)


def tax_amount(amount: Decimal, percent: Decimal) -> Decimal:
    """The tax on an amount, exact."""
    with exact_decimals():
        return amount * percent.scaleb(-2)


def check_lines(lines: Sequence[ChargeLine], totals: Amounts, expected: Amounts) -> list[SumCheck]:
    """The sums over the lines held against the whole, as another way found it: their own use against the month's
    `totals`, where either is known; all that they come to, exact and as it is charged, against what is `expected`."""
    found = []
    for unit in UNITS:
        own = sum_amounts(line.items.get(DIRECT, {}).get(unit) for line in lines)
        every = sum_amounts(line.total(unit, exact=True) for line in lines)
        charged = sum_amounts(line.total(unit) for line in lines)
        whole = expected.get(unit, Decimal(0))
        if own is not None or unit in totals:
            found.append(SumCheck(OWN_USE, unit, own or Decimal(0), totals.get(unit, Decimal(0))))
        found += [
            SumCheck(ALL_ITEMS, unit, every or Decimal(0), whole),
            SumCheck(AS_CHARGED, unit, charged or Decimal(0), round_amount(whole, unit)),
        ]
    return found


def round_amount(amount: Decimal, unit: str) -> Decimal:
    """To what is charged: cents, whole pesos, hundredths of a credit; half to even."""
    places = CHARGED_PLACES[unit]
    return _from_steps(round(_shift(amount, places)), places)


def _share_charges(
    use: Mapping[LineKey, Use], charges: Sequence[Charge], heads: Mapping[LineKey, Number]
) -> Iterator[tuple[LineKey, str, str, Decimal]]:
    """Line, item, unit and amount of each share, and of what is not shared and comes on top of use."""
    given = [*(one.amounts for one in use.values()), *(one.amounts for one in charges)]
    places = {unit: _count_places(unit, (one[unit] for one in given if unit in one)) for unit in UNITS}
    keys = {key.text: key for key in (*use, *(one.source for one in charges if one.source))}
    takers = (LineKind.PART, LineKind.UNMAPPED)
    parts = {key.text: _to_steps(one.amounts, places) for key, one in use.items() if key.kind in takers}
    people = {key.text: count for key, count in heads.items()}
    pools = [Pool(one.name, _to_steps(one.amounts, places), one.rule, one.measure,
                  one.source.text if one.source else None, one.spare, one.pays_use) for one in charges]  # fmt: skip
    made = allocate_pools(parts, pools, people, NOBODY.text)
    for text, shares in made.shares.items():
        for name, amounts in shares.items():
            for unit, amount in amounts.items():
                yield keys[text], name, unit, _from_steps(amount, places[unit])
    for pool in made.kept:
        if pool.source is None:
            for unit, amount in pool.amounts.items():
                yield LineKey(LineKind.POOL, pool.name), pool.name, unit, _from_steps(amount, places[unit])


def _round_items(items: Mapping[LineKey, Mapping[str, Amounts]]) -> dict[LineKey, dict[str, dict[str, Decimal]]]:
    charged: dict[LineKey, dict[str, dict[str, Decimal]]] = {
        key: {name: {} for name in line} for key, line in items.items()
    }
    for unit, places in CHARGED_PLACES.items():
        cells = {
            key.text: {name: _shift(item[unit], places) for name, item in line.items() if unit in item}
            for key, line in items.items()
        }
        rounded = round_table(cells, DIRECT)
        for key in items:
            for name, whole in rounded[key.text].items():
                charged[key][name][unit] = _from_steps(whole, places)
    return charged


def _place(line: ChargeLine) -> tuple[object, ...]:
    amounts = (-(line.total(unit, exact=True) or 0) for unit in ("usd", "flex_credits"))
    return [*LineKind].index(line.key.kind), *amounts, line.name


def _count_places(unit: str, amounts: Iterable[Decimal]) -> int:
    return max([PLACES[unit], *(-int(one.as_tuple().exponent) for one in amounts)])


def _to_steps(amounts: Amounts, places: Mapping[str, int]) -> dict[str, int]:
    return {unit: int(_shift(amount, places[unit])) for unit, amount in amounts.items()}


def _from_steps(steps: int, places: int) -> Decimal:
    return _shift(Decimal(steps), -places)


def _shift(amount: Decimal, places: int) -> Decimal:
    with exact_decimals():
        return amount.scaleb(places)


def _add(one: Decimal, other: Decimal) -> Decimal:
    with exact_decimals():
        return one + other
