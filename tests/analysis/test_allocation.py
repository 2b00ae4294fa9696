"""Pools and rounding: whatever the rule and the amounts, the parts sum to the whole, and no order changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.allocation import (
    Number,
    Pool,
    Rule,
    allocate_pools,
    round_parts,
    share_amount,
    weigh_lines,
)

NAMES = st.text("abcdefgh", min_size=1, max_size=2)
WEIGHTS = st.dictionaries(NAMES, st.integers(0, 10**12) | st.fractions(0, 100, max_denominator=50), max_size=9)
AMOUNTS = st.integers(-(10**18), 10**18)
PARTS = st.decimals(-(10**9), 10**9, places=6)
UNITS = ("flex_credits", "usd", "clp")


Value = TypeVar("Value")


def reverse(rows: Mapping[str, Value]) -> dict[str, Value]:
    return dict(reversed(list(rows.items())))


@given(AMOUNTS, WEIGHTS)
def test_parts_sum_to_the_whole_in_any_order_of_rows_and_a_refund_is_shared_as_what_it_refunds(
    amount: int, weights: dict[str, Fraction]
) -> None:
    parts = share_amount(amount, weights)
    assert sum(parts.values()) == (amount if any(weights.values()) else 0)
    assert share_amount(amount, reverse(weights)) == parts
    assert share_amount(-amount, weights) == {name: -part for name, part in parts.items()}
    whole = sum(map(Fraction, weights.values()))
    for name, part in parts.items():
        assert abs(part - amount * Fraction(weights[name]) / whole) < 1
        assert part == 0 or weights[name]  # who has no weight pays nothing


def test_what_is_left_over_goes_to_the_largest_remainder_then_the_larger_part_then_by_name() -> None:
    assert share_amount(100, {"c": 1, "b": 1, "a": 1}) == {"a": 34, "b": 33, "c": 33}
    assert share_amount(10, {"a": 1, "z": 3}) == {"a": 2, "z": 8}  # 2.5 and 7.5: the larger part
    assert share_amount(10, {"a": 5, "b": 6}) == {"a": 5, "b": 5}  # 4.54 and 5.45
    assert share_amount(-100, {"a": 1, "b": 1, "c": 1}) == {"a": -34, "b": -33, "c": -33}


def test_weights_that_are_all_zero_share_nothing_and_a_weight_below_zero_is_refused() -> None:
    assert share_amount(100, {"a": 0, "b": 0}) == share_amount(100, {}) == {}
    with pytest.raises(ValueError, match="a weight is 0 or more, not -1"):
        share_amount(100, {"a": -1, "b": 3})


@given(st.dictionaries(NAMES, PARTS, min_size=1))
def test_rounded_parts_sum_to_the_rounded_sum_and_none_is_off_by_one(parts: dict[str, Decimal]) -> None:
    total = round(sum(map(Fraction, parts.values())))
    rounded = round_parts(parts, total)
    assert sum(rounded.values()) == total
    assert all(abs(rounded[name] - Fraction(part)) < 1 for name, part in parts.items())
    assert round_parts(reverse(parts), total) == rounded
    assert all(rounded[name] == part for name, part in parts.items() if part == int(part))


def test_what_a_total_has_more_than_its_parts_is_the_largest_one_s_also_where_nothing_was_cut() -> None:
    assert round_parts({"a": 1, "b": 7}, 9) == {"a": 1, "b": 8}
    assert round_parts({"a": 1, "b": 7}, 7) == {"a": 1, "b": 6}
    assert round_parts({"a": Decimal("0.4"), "b": 7}, 9) == {"a": 1, "b": 8}
    assert round_parts({"a": Decimal("0.5"), "b": 7}, 8) == {"a": 1, "b": 7}
    assert round_parts({"a": Decimal("1.4"), "b": 7, "c": 9}, 20) == {"a": 2, "b": 7, "c": 11}


def test_a_rule_weighs_lines_by_nothing_alike_by_use_or_by_people_and_a_refund_weighs_nothing() -> None:
    use = {"a": 5, "b": -2, "c": 0}
    heads: dict[str, Number] = {"a": Fraction(1, 2), "c": 3}
    assert weigh_lines(Rule.NONE, use, heads) == {}
    assert weigh_lines(Rule.EQUAL, use, heads) == {"a": 1, "b": 1, "c": 1}
    assert weigh_lines(Rule.USE, use, heads) == {"a": 5, "b": 0, "c": 0}
    assert weigh_lines(Rule.HEAD, use, heads) == {"a": Fraction(1, 2), "b": 0, "c": 3}


USE = {"a": {"usd": 300, "clp": 9}, "b": {"usd": 100, "clp": 3}, "c": {"usd": 0}}


def test_a_pool_is_shared_in_every_unit_by_the_same_weights() -> None:
    made = allocate_pools(USE, [Pool("seats", {"usd": 1000, "clp": 7}, Rule.USE)], {})
    assert made.shares == {
        "a": {"seats": {"usd": 750, "clp": 5}},
        "b": {"seats": {"usd": 250, "clp": 2}},
        "c": {"seats": {"usd": 0, "clp": 0}},
    }
    assert made.kept == ()


def test_use_that_is_not_known_weighs_nothing() -> None:
    use = {"a": {"usd": 300, "flex_credits": 5}, "b": {"usd": 100}}
    made = allocate_pools(use, [Pool("plan", {"usd": -10}, Rule.USE, "flex_credits")], {})
    assert made.shares == {"a": {"plan": {"usd": -10}}, "b": {"plan": {"usd": 0}}}


def test_the_own_use_of_a_line_is_taken_off_it_and_it_takes_no_part_in_any_pool() -> None:
    pools = [Pool("shared", USE["b"], Rule.EQUAL, source="b"), Pool("fee", {"usd": 10}, Rule.EQUAL)]
    made = allocate_pools(USE, pools, {})
    assert made.shares == {
        "a": {"shared": {"usd": 50, "clp": 2}, "fee": {"usd": 5}},
        "b": {"shared": {"usd": -100, "clp": -3}},
        "c": {"shared": {"usd": 50, "clp": 1}, "fee": {"usd": 5}},
    }


def test_a_plan_pays_the_use_of_a_line_that_is_shared_too_so_that_what_it_pays_wholly_is_nobody_s_charge() -> None:
    use = {"a": {"flex_credits": 6, "usd": 1}, "b": {"flex_credits": 0, "usd": 9}, "c": {"flex_credits": 4, "usd": 0}}
    for paid, charged in ((-10, {"a": 0, "b": 0, "c": 0}), (-5, {"a": 3, "b": 2, "c": 0})):
        plan = Pool("plan", {"flex_credits": paid}, Rule.USE, "flex_credits", pays_use=True)
        pools = [Pool("shared", use["c"], Rule.USE, source="c"), plan]
        for given_pools in (pools, pools[::-1]):
            made = allocate_pools(use, given_pools, {})
            added = {name: sum(one.get("flex_credits", 0) for one in made.shares[name].values()) for name in use}
            assert {name: use[name]["flex_credits"] + added[name] for name in use} == charged


@pytest.mark.parametrize(
    ("rule", "heads"), [(Rule.NONE, {"a": 1}), (Rule.HEAD, {}), (Rule.HEAD, {"a": 0}), (Rule.HEAD, {"x": 4})]
)
def test_a_pool_of_no_rule_or_of_weights_that_are_all_zero_stays_whole(rule: Rule, heads: dict[str, int]) -> None:
    pool = Pool("fee", {"usd": 10}, rule)
    made = allocate_pools(USE, [pool], heads)
    assert (made.shares, made.kept) == ({}, (pool,))


@given(
    st.dictionaries(NAMES, st.fixed_dictionaries(dict.fromkeys(UNITS, AMOUNTS)), max_size=8),
    st.lists(
        st.builds(
            Pool,
            st.sampled_from(["seats", "shared", "unmapped"]),
            st.fixed_dictionaries(dict.fromkeys(UNITS, AMOUNTS)),
            st.sampled_from(Rule),
            st.sampled_from(UNITS),
            st.none() | NAMES,
            st.just(0),
            st.booleans(),
        ).map(lambda pool: replace(pool, pays_use=pool.pays_use and pool.source is None)),
        max_size=4,
    ),
    st.dictionaries(NAMES, st.integers(0, 500)),
)
def test_lines_and_kept_pools_sum_to_use_and_pools_in_every_unit_whatever_the_rules(
    use: dict[str, dict[str, int]], pools: list[Pool], heads: dict[str, int]
) -> None:
    made = allocate_pools(use, pools, heads)
    for unit in UNITS:
        shared = sum(found[unit] for line in made.shares.values() for found in line.values())
        kept = sum(pool.amounts[unit] for pool in made.kept if pool.source is None)
        assert shared + kept == sum(pool.amounts[unit] for pool in pools if pool.source is None)
    again = allocate_pools(reverse(use), list(reversed(pools)), reverse(heads))
    assert again.shares == made.shares


def test_nobody_s_line_has_no_people_but_its_own_and_what_a_pool_names_as_spare() -> None:
    for spare, shares in ((None, {"a": 10, "b": 0, "c": 0}), (1, {"a": 5, "b": 5, "c": 0})):
        pool = Pool("fee", {"usd": 10}, Rule.HEAD)
        pool = pool if spare is None else replace(pool, spare=spare)
        made = allocate_pools(USE, [pool], {"a": 1}, "b")
        assert {name: found["fee"]["usd"] for name, found in made.shares.items()} == shares
