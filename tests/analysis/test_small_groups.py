"""Groups of a few people become one line: who subtracts what is shown from what is shown finds none of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.chargeback import DIRECT, ChargeLine, LineKey, LineKind
from flexlib.analysis.small_groups import SMALL_GROUPS, SMALLEST, choose_folded, fold_lines

UNITS = ("credits", "calls")
PEOPLE = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.fixed_dictionaries({unit: st.integers(0, 12) for unit in UNITS}), min_size=1
)
"""Of each group how many people used something, by unit; of a group of applications alone nobody did."""
Cell = tuple[int, str]
"""A month and a group."""


def publish(months: Sequence[Collection[str]], folds: Sequence[Collection[str]]) -> list[frozenset[Cell]]:
    """The cells that each shown number sums: of each month every line and the total, of all months the rows of a year
    and its total; the year folds what any month does."""
    shown = list[frozenset[Cell]]()
    of_year = frozenset[str]().union(*folds)
    for month, (people, folded) in enumerate(zip(months, folds, strict=True)):
        for once in (folded, of_year):  # the month's own page, and its column of the year
            shown += [frozenset({(month, name)}) for name in people if name not in once]
            shown.append(frozenset((month, name) for name in people if name in once))
        shown.append(frozenset((month, name) for name in people))
    every = {name for people in months for name in people}
    for names in (*({name} for name in every if name not in of_year), of_year, every):
        shown.append(frozenset((at, name) for at, people in enumerate(months) for name in people if name in names))
    return [one for one in shown if one]


def can_recover(shown: Sequence[frozenset[Cell]], wanted: frozenset[Cell]) -> bool:
    """Whether any sums and differences of what is shown are the sum of `wanted`: exact elimination."""
    basis = dict[Cell, dict[Cell, Fraction]]()

    def reduce(vector: dict[Cell, Fraction]) -> dict[Cell, Fraction]:
        while lead := next((cell for cell in sorted(vector) if cell in basis), None):
            factor, row = vector[lead], basis[lead]
            vector = {
                cell: rest
                for cell in vector.keys() | row.keys()
                if (rest := vector.get(cell, Fraction(0)) - factor * row.get(cell, Fraction(0)))
            }
        return vector

    for one in shown:
        if left := reduce(dict.fromkeys(one, Fraction(1))):
            lead = min(left)
            basis[lead] = {cell: amount / left[lead] for cell, amount in left.items()}
            for other in [key for key in basis if key != lead]:  # each lead stands in its own row alone
                basis[other] = _clear(basis[other], lead, basis[lead])
    return not reduce(dict.fromkeys(wanted, Fraction(1)))


def _clear(row: dict[Cell, Fraction], lead: Cell, by: dict[Cell, Fraction]) -> dict[Cell, Fraction]:
    factor = row.get(lead, Fraction(0))
    return {
        cell: rest for cell in row.keys() | by.keys()
        if (rest := row.get(cell, Fraction(0)) - factor * by.get(cell, Fraction(0)))
    }  # fmt: skip


def fold(people: Mapping[str, Mapping[str, int]]) -> Collection[str]:
    """What `choose_folded` says, and all where that is so."""
    folded = choose_folded(people)
    return people.keys() if folded is None else folded


@given(months=st.lists(PEOPLE, min_size=1, max_size=3))
def test_no_group_of_a_few_people_can_be_subtracted_out_in_any_unit(months: list[dict[str, dict[str, int]]]) -> None:
    """Credits and calls each stand on a page, or can be told apart by the price of a credit."""
    folds = [fold(people) for people in months]
    for unit in UNITS:
        used = [{name for name, counts in people.items() if counts[unit]} for people in months]
        shown = publish(used, folds)
        for month, people in enumerate(months):
            for name in used[month]:
                if people[name][unit] < SMALLEST and len(used[month]) > 1:  # of one group alone the total is its amount
                    assert not can_recover(shown, frozenset({(month, name)})), (month, name, unit)


@given(people=PEOPLE)
def test_a_fold_is_of_two_groups_and_enough_people_in_every_unit_or_of_all(people: dict[str, dict[str, int]]) -> None:
    folded = choose_folded(people)
    small = {name for name, counts in people.items() if any(0 < count < SMALLEST for count in counts.values())}
    assert folded is None or (small <= folded and bool(small) == bool(folded))
    for unit in UNITS:
        inside = [people[name][unit] for name in (small if folded is None else folded) if people[name][unit]]
        if folded is not None:
            assert not inside or (len(inside) >= 2 and sum(inside) >= SMALLEST)
    if folded is None:  # of some unit even all together are of one group, or of too few people
        every = [[counts[unit] for counts in people.values() if counts[unit]] for unit in UNITS]
        assert any(one and (len(one) < 2 or sum(one) < SMALLEST) for one in every)


def find_lacking(people: Mapping[str, Mapping[str, int]], names: Collection[str]) -> set[str]:
    """The units in which one line of these groups would be of a single group, or of too few people."""
    inside = {unit: [people[name][unit] for name in names if people[name][unit]] for unit in UNITS}
    return {unit for unit, counts in inside.items() if len(counts) == 1 or 0 < sum(counts) < SMALLEST}


@given(people=PEOPLE)
def test_a_fold_takes_no_more_than_it_must_and_each_time_the_smallest_that_helps_most(
    people: dict[str, dict[str, int]],
) -> None:
    """Beside those of few people, in whatever order they were taken: before the last some unit lacked."""
    folded = choose_folded(people)
    if folded is None:
        return
    taken = {name for name, counts in people.items() if any(0 < count < SMALLEST for count in counts.values())}
    while left := folded - taken:
        lacking = find_lacking(people, taken)
        assert lacking, left  # of these none had to be taken
        helps = {name: sum(people[name][unit] > 0 for unit in lacking) for name in people.keys() - taken}
        best = [name for name, count in helps.items() if count == max(helps.values()) > 0]
        smallest = min(max(people[name].values()) for name in best)
        one = min(name for name in best if max(people[name].values()) == smallest)
        assert one in left
        taken.add(one)
    assert not find_lacking(people, folded)


def test_of_the_others_the_smallest_that_helps_most_is_taken() -> None:
    """Of what Legal lacks Support has nothing, though it is the smallest of the others."""
    people = {"Legal": {"credits": 2}, "Support": {"calls": 6}, "Data": {"credits": 30}, "Sales": {"credits": 20}}
    assert choose_folded(people) == frozenset({"Legal", "Sales"})
    assert choose_folded({"Legal": {"calls": 2}, "Gateway": {}, "Search": {}}) is None  # applications are no people


def test_a_fold_of_what_is_small_alone_is_found_out() -> None:
    """Without a second group the total less the others is the small one."""
    people = {"Legal": {"calls": 2}, "Sales": {"calls": 6}, "Data": {"calls": 11}}
    alone = [frozenset({"Legal"})]
    assert can_recover(publish([people], alone), frozenset({(0, "Legal")}))
    assert not can_recover(publish([people], [fold(people)]), frozenset({(0, "Legal")}))


def line(name: str, usd: str, pool: str, kind: LineKind = LineKind.PART) -> ChargeLine:
    items = {DIRECT: {"usd": Decimal(usd)}, "pool": {"usd": Decimal(pool)}}
    return ChargeLine(LineKey(kind, name), items, items, 2, 1, 3)


def test_folded_lines_are_one_and_every_sum_is_what_it_was() -> None:
    lines = [line("A", "4.01", "1"), line(SMALL_GROUPS, "3", "1"), line("B", "2.5", "1"), line("C", "0.5", "1")]
    lines.append(line("", "9", "0", LineKind.UNMAPPED))
    made = fold_lines(lines, {LineKey(LineKind.PART, "B"), LineKey(LineKind.PART, "C")})
    assert [(one.name, str(one.items[DIRECT]["usd"]), one.requests) for one in made] == [
        ("A", "4.01", 2), (SMALL_GROUPS, "3", 2), (f"{SMALL_GROUPS} *", "3.0", 4), ("Unmapped", "9", 2),
    ]  # fmt: skip
    for exact in (True, False):
        assert sum(one.total("usd", exact=exact) or 0 for one in made) == sum(
            one.total("usd", exact=exact) or 0 for one in lines
        )
    assert fold_lines(lines, set()) == lines
