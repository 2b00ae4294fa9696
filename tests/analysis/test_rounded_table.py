"""A rounded table: whatever its cells, lines and columns sum, what is whole stays, and no order changes anything."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.allocation import Number
from flexlib.analysis.rounded_table import round_table

COLUMNS = ["use", "shared", "seats", "tax"]
PARTS = st.decimals(-(10**9), 10**9, places=6) | st.fractions(-3, 3, max_denominator=4)
LINES = st.dictionaries(st.sampled_from(COLUMNS), PARTS)
TABLES = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), LINES, max_size=8)
Cells = Mapping[str, Mapping[str, Number]]


def add(parts: Iterable[Number]) -> Fraction:
    return sum((Fraction(one) for one in parts), Fraction(0))


def is_near(rounded: int, parts: Iterable[Number]) -> bool:
    """The sum itself, or the next whole number below or above."""
    return floor(exact := add(parts)) <= rounded <= ceil(exact)


def check_sums(cells: Cells, rounded: Mapping[str, Mapping[str, int]]) -> None:
    assert sum(cell for line in rounded.values() for cell in line.values()) == round(
        add(cell for line in cells.values() for cell in line.values())
    )
    for name, line in cells.items():
        assert rounded[name].keys() == line.keys()
        assert all(is_near(rounded[name][one], [part]) for one, part in line.items())
        assert is_near(sum(rounded[name].values()), line.values())
    for one in COLUMNS:
        parts = [line[one] for line in cells.values() if one in line]
        assert is_near(sum(line.get(one, 0) for line in rounded.values()), parts)


@given(TABLES, st.sampled_from(["", *COLUMNS]))
def test_each_cell_line_column_and_the_whole_is_its_exact_sum_or_the_next_whole_number(cells: Cells, own: str) -> None:
    rounded = round_table(cells, own)
    check_sums(cells, rounded)
    turned = {name: dict([*line.items()][::-1]) for name, line in [*cells.items()][::-1]}
    assert round_table(turned, own) == rounded
    exact = add(line[own] for line in cells.values() if own in line)
    if own and (2 * exact).denominator != 1:  # of a half, others of whole numbers go first
        assert sum(line.get(own, 0) for line in rounded.values()) == round(exact)


@given(TABLES, PARTS, st.sampled_from(["", *COLUMNS]))
def test_a_line_that_is_shared_out_to_others_is_charged_nothing(cells: dict[str, Mapping[str, Number]], part: Number,
                                                                own: str) -> None:  # fmt: skip
    shared = {"use": part, "shared": -part, "seats": 0}
    rounded = round_table({**cells, "platform": shared}, own)["platform"]
    assert (sum(rounded.values()), rounded["seats"]) == (0, 0)


def test_a_line_of_one_column_more_than_is_to_be_rounded_up_gives_way_to_the_larger_remainder() -> None:
    thirds = {f"d{number:02}": {"use": Decimal("0.3333")} for number in range(40)}
    assert sum(round(line["use"]) for line in thirds.values()) == 0
    assert sum(line["use"] for line in round_table(thirds).values()) == 13  # of 13.332
    cells = {"a": {"use": Decimal("1.2")}, "b": {"use": Decimal("1.4")}, "c": {"use": Decimal("9.3")}}
    assert round_table(cells) == {"a": {"use": 1}, "b": {"use": 2}, "c": {"use": 9}}  # 11.9
    halves = {name: {"use": Decimal(size) + Decimal("0.5")} for name, size in (("a", 1), ("b", 5), ("c", 5), ("d", 1))}
    assert round_table(halves) == {"a": {"use": 1}, "b": {"use": 6}, "c": {"use": 6}, "d": {"use": 1}}  # 14


def test_the_cent_that_rounding_moves_is_a_tax_s_and_not_the_use_s_which_spend_says_too() -> None:
    cells = {
        "a": {"use": Decimal("5.40"), "tax": Decimal("1.36")},
        "b": {"use": Decimal("0.04"), "tax": Decimal("0.04")},
    }
    rounded = round_table(cells, "use")
    assert [sum(line[name] for line in rounded.values()) for name in ("use", "tax")] == [5, 2]  # of 5.44 and 1.40
    halves = {"a": {"use": Decimal("8.5"), "seats": Decimal(1)}}
    assert round_table(halves, "use") == {"a": {"use": 9, "seats": 1}}


def test_lines_of_halves_in_columns_of_their_own_are_rounded_such_that_both_ways_sum() -> None:
    half = Fraction(1, 2)  # the columns sum to 1, 0, 1, 0 or so, and not to 1, 1, 0, 0
    rounded = round_table({"x": {"a": half, "b": half}, "y": {"c": half, "d": half}})
    assert [sorted(line.values()) for line in rounded.values()] == [[0, 1], [0, 1]]


def test_six_thousand_people_of_whom_each_uses_less_than_a_cent_are_rounded_in_seconds() -> None:
    chance = Random(1)
    cells = {
        f"p{number}": {one: Decimal(chance.randint(1, 4 * 10**9)).scaleb(-10) for one in COLUMNS}
        for number in range(6000)
    }
    begun = time.process_time()
    rounded = round_table(cells, "use")
    assert time.process_time() - begun < 10  # about 0.5
    check_sums(cells, rounded)
