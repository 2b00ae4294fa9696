"""Groups of so few people that an amount of theirs is somebody's: they become one line, from which none can be taken
out by subtraction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Hashable, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from flexlib.analysis.chargeback import Amounts, ChargeLine, LineKey, LineKind
from flexlib.analysis.usage_frames import sum_amounts
from flexlib.i18n import Label, mark_text

SMALLEST = 5
"""People of a group that may stand by itself. In a group of two each knows the other's amount by their own; offices of
statistics ask for three at least, and for more where one of them may be known from elsewhere, as colleagues are."""
FEWEST = 2
"""Groups of one line: the line of a single one would be its amount."""
SMALL_GROUPS = Label(mark_text("Small groups"))

Name = TypeVar("Name", bound=Hashable)
Item = TypeVar("Item")


def choose_folded(people: Mapping[Name, Mapping[str, int]], smallest: int = SMALLEST) -> frozenset[Name] | None:
    """Which groups become one line, by how many people of each used something, in each unit in which amounts are shown:
    those with fewer than `smallest` in one, and as many of the others as it takes that the line is of at least two
    groups and `smallest` people in every unit in which it has any: each time the smallest of those that help in most
    units. None where that cannot be reached, so that all have to be one line. Where a group has no person in a unit, as
    of applications alone, its amount is nobody's and protects nobody.

    >>> calls = {"Platform": 22, "Legal": 2, "Sales": 6, "Data": 11, "Gateway": 0}
    >>> sorted(choose_folded({name: {"calls": count} for name, count in calls.items()}))
    ['Legal', 'Sales']
    """
    folded = {name for name, counts in people.items() if any(0 < count < smallest for count in counts.values())}
    others = [name for name, counts in people.items() if name not in folded and any(counts.values())]
    others.sort(key=lambda name: (max(people[name].values()), str(name)))
    while lacking := _find_lacking([people[name] for name in folded], smallest):
        helps = {name: sum(people[name].get(unit, 0) > 0 for unit in lacking) for name in others if name not in folded}
        if not any(helps.values()):
            return None
        folded.add(max(helps, key=lambda name: helps[name]))  # of as helpful ones the smallest, which stands first
    return frozenset(folded)


def _find_lacking(counts: Sequence[Mapping[str, int]], smallest: int) -> list[str]:
    """The units in which one line of these groups has an amount that is of too few."""
    found = dict.fromkeys(unit for one in counts for unit, count in one.items() if count)
    each = {unit: [one[unit] for one in counts if one.get(unit)] for unit in found}
    return [unit for unit, known in each.items() if len(known) < FEWEST or sum(known) < smallest]


def split_few(
    rows: Sequence[Item], is_few: Callable[[Item], bool], name_of: Callable[[Item], object], name: str = SMALL_GROUPS
) -> tuple[list[Item], list[Item], str]:
    """The other rows, those of few people, and what the one row of these is called: `name`, or where another row is
    called so one that is like it."""
    few = [row for row in rows if is_few(row)]
    others = [row for row in rows if not is_few(row)]
    return others, few, name_apart(name, {name_of(row) for row in others})


def name_apart(name: str, taken: Container[object]) -> str:
    """What a line of our own is called, which is none of the names that are `taken`."""
    while name in taken:
        name += " *"
    return name


def fold_lines(lines: Sequence[ChargeLine], folded: Collection[LineKey]) -> list[ChargeLine]:
    """The lines of a chargeback with those that are `folded` as one, after the others that are somebody's; all sums are
    what they were."""
    others, few, name = split_few(lines, lambda line: line.key in folded, lambda line: line.name)
    if not few:
        return others
    counts = [line.requests for line in few]
    one = ChargeLine(
        LineKey(LineKind.PART, name),
        _add_items([line.items for line in few]),
        _add_items([line.charged for line in few]),
        None if None in counts else sum(count or 0 for count in counts),
        sum(line.unpriced for line in few),
        sum(line.unconverted for line in few),
        frozenset().union(*(line.lacks for line in few)),
    )
    parts = [line for line in others if line.key.kind is LineKind.PART]
    return [*parts, one, *(line for line in others if line.key.kind is not LineKind.PART)]


def _add_items(given: Sequence[Mapping[str, Amounts]]) -> dict[str, dict[str, Decimal]]:
    items: dict[str, dict[str, Decimal]] = {}
    for name in dict.fromkeys(name for one in given for name in one):
        found = [one[name] for one in given if name in one]
        units = dict.fromkeys(unit for one in found for unit in one)
        sums = {unit: sum_amounts(one.get(unit) for one in found) for unit in units}
        items[name] = {unit: amount for unit, amount in sums.items() if amount is not None}
    return items
