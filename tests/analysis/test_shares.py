"""Places and shares: what goes to whom when amounts, or what rounding leaves over, are equal."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals.stable.v2 as nw
import pandas as pd
import pytest

from flexlib.analysis.frames import LazyFrame
from flexlib.analysis.shares import (
    add_places,
    add_running_share,
    add_running_total,
    add_shares,
    measure_change,
    measure_share,
)

Rows = Sequence[tuple[str, int]]


def make_frame(rows: Rows) -> LazyFrame:
    names, amounts = zip(*rows, strict=True)
    return nw.from_native(pd.DataFrame({"name": names, "amount": amounts})).lazy()


def read(frame: LazyFrame, column: str) -> dict[str, int]:
    rows = frame.collect().to_native()
    return dict(zip(rows["name"], rows[column], strict=True))


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        # A third each: the one that is left over goes by name, whatever the order of the rows.
        ([("c", 1), ("a", 1), ("b", 1)], {"a": 334, "b": 333, "c": 333}),
        # Sevenths: 142 6/7 each, and six are left over: all but the last name get one.
        ([(name, 1) for name in "gfedcba"], {**dict.fromkeys("abcdef", 143), "g": 142}),
        # 0.5, 499.5 and 500 tenths: of equal remainders the larger amount's is rounded up, not the first name's.
        ([("a", 1), ("z", 999), ("m", 1000)], {"a": 0, "z": 500, "m": 500}),
        # 333.3, 666.6: the larger remainder is rounded up, though the other stands first and its name too.
        ([("a", 1), ("b", 2)], {"a": 333, "b": 667}),
        # 714.3, 285.7: the larger remainder, though the other amount is larger.
        ([("a", 5), ("b", 2)], {"a": 714, "b": 286}),
        ([("a", 0), ("b", 0)], {"a": 0, "b": 0}),
        ([("a", 7)], {"a": 1000}),
    ],
)
def test_what_rounding_leaves_over_goes_to_the_largest_remainder_then_amount_then_name(
    rows: Rows, shares: dict[str, int]
) -> None:
    assert read(add_shares(make_frame(rows), "amount", tie="name"), "share_permille") == shares
    assert read(add_shares(make_frame(rows), "amount", tie="name", name="x"), "x") == shares


def test_shares_stand_beside_what_was_there_and_nothing_else_is_left() -> None:
    frame = make_frame([("a", 1), ("b", 2)])
    assert add_shares(frame, "amount", tie="name").collect_schema().names() == ["name", "amount", "share_permille"]


def test_equal_amounts_stand_in_the_order_of_their_names() -> None:
    frame = make_frame([("d", 5), ("b", 5), ("a", 1), ("c", 9), ("e", 5)])
    assert read(add_places(frame, "amount", tie="name"), "rank") == {"c": 1, "b": 2, "d": 3, "e": 4, "a": 5}
    assert read(add_places(frame, "amount", tie="name", name="place"), "place")["c"] == 1


def test_a_running_total_counts_in_the_order_of_another_column() -> None:
    frame = make_frame([("c", 5), ("a", 1), ("b", 20)])
    assert read(add_running_total(frame, "amount", "name", "sum"), "sum") == {"a": 1, "b": 21, "c": 26}


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        ([("c", 5), ("a", 1), ("b", 20)], {"a": 38, "b": 808, "c": 1000}),  # 38.46, 807.69 and all
        ([("a", 1), ("b", 1999)], {"a": 1, "b": 1000}),  # half of a tenth goes up
        ([("a", 1), ("b", 2000)], {"a": 0, "b": 1000}),
        ([("a", 0), ("b", 0)], {"a": 0, "b": 0}),
    ],
)
def test_the_share_of_a_running_total_is_rounded_once_and_nothing_has_none(rows: Rows, shares: dict[str, int]) -> None:
    running = add_running_total(make_frame(rows), "amount", "name", "sum")
    found = add_running_share(running, "sum", "amount", "share")
    assert read(found, "share") == shares
    assert found.collect_schema().names() == ["name", "amount", "sum", "share"]


@pytest.mark.parametrize(
    ("now", "before", "permille"),
    [
        (1096, 1000, 96),
        (0, 7, -1000),
        (7, 0, None),
        (0, 0, None),
        (2001, 2000, 1),
        (1999, 2000, -1),
        (5, 5, 0),
        (1, 3, -667),
        (5, 3, 667),
        (8, -4, 3000),
    ],
)
def test_a_change_is_in_tenths_of_a_percent_halves_away_from_zero(now: int, before: int, permille: int | None) -> None:
    assert measure_change(now, before) == permille


@pytest.mark.parametrize(
    ("part", "total", "permille"),
    [
        (1, 2, 500),
        (1, 3, 333),
        (2, 3, 667),
        (1, 2000, 1),
        (1, 2001, 0),
        (0, 7, 0),
        (7, 7, 1000),
        (0, 0, 0),
        (3, 8, 375),
    ],
)
def test_a_share_is_in_tenths_of_a_percent_halves_up(part: int, total: int, permille: int) -> None:
    assert measure_share(part, total) == permille
