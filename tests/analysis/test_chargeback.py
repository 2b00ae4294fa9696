"""The lines of a chargeback: whatever is used, shared and taxed, they sum to the whole, exact and as charged."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexlib.analysis.allocation import Rule
from flexlib.analysis.chargeback import (
    DIRECT,
    NOBODY,
    UNITS,
    Charge,
    ChargeLine,
    LineKey,
    LineKind,
    SumCheck,
    Use,
    build_lines,
    check_lines,
    round_amount,
)

PLACES = {"flex_credits": 2, "usd": 12, "clp": 4}  # of dollars more than rows have, as a rate makes them
AMOUNTS = st.fixed_dictionaries(
    {}, optional={unit: st.decimals(-(10**6), 10**6, places=PLACES[unit]) for unit in UNITS}
)
KEYS = [*(LineKey(LineKind.PART, name) for name in ("a", "b", "c", "Unmapped")), LineKey(LineKind.UNMAPPED),
        LineKey(LineKind.BESIDE)]  # fmt: skip
USES = st.dictionaries(st.sampled_from(KEYS), st.builds(Use, AMOUNTS), max_size=6)
Pools = list[tuple[str, Mapping[str, Decimal], Rule]]
TAXES = st.lists(st.decimals(0, 100, places=4), max_size=2)


def add(*amounts: Decimal | None) -> Fraction:
    return sum((Fraction(one) for one in amounts if one is not None), Fraction(0))


def list_charges(use: Mapping[LineKey, Use], pools: Pools, rule: Rule, spare: int) -> list[Charge]:
    """The pools, and what is nobody's by a rule."""
    own = [key for key in use if key.kind is not LineKind.PART]
    return [Charge(name, amounts, each, spare=spare) for name, amounts, each in pools] + [
        Charge(str(key.kind), use[key].amounts, rule, source=key) for key in own
    ]


@given(
    USES,
    st.lists(st.tuples(st.sampled_from(["seats", "pool"]), AMOUNTS, st.sampled_from(Rule)), max_size=3),
    st.sampled_from(Rule),
    TAXES,
    st.dictionaries(st.sampled_from(KEYS[:5]), st.fractions(0, 9, max_denominator=30)),
    st.integers(0, 9),
)
def test_lines_sum_to_use_pools_and_taxes_in_every_unit_exact_and_as_charged_in_any_order(
    use: dict[LineKey, Use],
    pools: Pools,
    rule: Rule,
    percents: list[Decimal],
    heads: dict[LineKey, Fraction],
    spare: int,
) -> None:
    use |= {key: Use({}) for key in heads if key not in use}
    charges, taxes = list_charges(use, pools, rule, spare), [(f"tax {one}", one) for one in dict.fromkeys(percents)]
    lines = build_lines(use, charges, taxes, heads)
    for unit in UNITS:
        own = add(*(one.amounts.get(unit) for one in use.values()))
        base = own + add(*(amounts.get(unit) for _, amounts, _ in pools))
        factor = 1 + sum((Fraction(one) / 100 for _, one in taxes), Fraction(0)) * (unit in ("usd", "clp"))
        assert add(*(line.items.get(DIRECT, {}).get(unit) for line in lines)) == own
        assert add(*(line.total(unit, exact=True) for line in lines)) == base * factor
        places = Fraction(1, 1 if unit == "clp" else 100)
        assert add(*(line.total(unit) for line in lines)) == round(base * factor / places) * places
        for line in lines:
            assert line.total(unit) is None or add(line.total(unit)) % places == 0
            assert line.total(unit, exact=True) != 0 or line.total(unit) == 0
    again = build_lines(dict(reversed(use.items())), charges[::-1], taxes, dict(reversed(heads.items())))
    assert {line.key: line.charged for line in again} == {line.key: line.charged for line in lines}


def test_what_is_nobodys_is_on_no_line_of_somebody_unless_a_rule_says_so() -> None:
    use = {LineKey(LineKind.PART, "a"): Use({"usd": Decimal(1)}), LineKey(LineKind.UNMAPPED): Use({"usd": Decimal(9)})}
    lines = build_lines(use, [], [], {})
    assert [(line.name, str(line.total("usd"))) for line in lines] == [("a", "1.00"), ("Unmapped", "9.00")]
    none = [Charge("unmapped", use[LineKey(LineKind.UNMAPPED)].amounts, Rule.NONE, source=LineKey(LineKind.UNMAPPED))]
    assert build_lines(use, none, [], {}) == build_lines(use, [], [], {})


def test_a_department_that_is_called_unmapped_is_no_use_of_nobody() -> None:
    keys = LineKey(LineKind.PART, "Unmapped"), LineKey(LineKind.UNMAPPED)
    lines = build_lines({key: Use({"usd": Decimal(place)}) for place, key in enumerate(keys, 1)}, [], [], {})
    assert [(line.key, line.name, str(line.total("usd"))) for line in lines] == [
        (keys[0], "Unmapped", "1.00"), (keys[1], "Unmapped", "2.00"),
    ]  # fmt: skip


A, B, C = (LineKey(LineKind.PART, name) for name in "abc")


def test_a_pool_is_shared_alike_among_parts_alone_to_the_last_digit_that_rows_have() -> None:
    use = {key: Use({}) for key in (A, B, C, NOBODY)}
    pool = Charge("pool", {unit: Decimal(1) for unit in UNITS}, Rule.EQUAL)
    found = {line.name: line.items.get("pool", {}) for line in build_lines(use, [pool], [], {})}
    assert {name: [str(one) for one in amounts.values()] for name, amounts in found.items()} == {
        "a": ["0.34", "0.3333333334", "0.3334"],
        "b": ["0.33", "0.3333333333", "0.3333"],
        "c": ["0.33", "0.3333333333", "0.3333"],
        "Unmapped": [],
    }
    by_head = build_lines(use, [Charge("pool", {"usd": Decimal(3)}, Rule.HEAD)], [], {A: 1, C: 2})
    assert {line.name: str(line.total("usd")) for line in by_head} == {
        "c": "2.00", "a": "1.00", "b": "0.00", "Unmapped": "0.00",
    }  # fmt: skip


def test_by_use_and_by_people_what_is_nobody_s_takes_its_own_part_and_spare_seats() -> None:
    use = {A: Use({"usd": Decimal(3)}), NOBODY: Use({"usd": Decimal(1)})}
    pool = {"usd": Decimal(8)}
    for charge, heads, shares in (
        (Charge("pool", pool, Rule.USE), {}, {"a": "6.00", "Unmapped": "2.00"}),
        (Charge("pool", pool, Rule.HEAD), {A: 1, NOBODY: 3}, {"a": "2.00", "Unmapped": "6.00"}),
        (Charge("pool", pool, Rule.HEAD, spare=1), {A: 2, NOBODY: 1}, {"a": "4.00", "Unmapped": "4.00"}),
        (Charge("pool", pool, Rule.EQUAL, spare=1), {A: 2, NOBODY: 1}, {"a": "8.00"}),
    ):
        lines = build_lines(use, [charge], [], heads)
        assert {line.name: str(line.charged["pool"]["usd"]) for line in lines if "pool" in line.items} == shares


def test_the_largest_stands_first_by_dollars_to_the_last_digit_then_credits_then_name_and_nobody_s_last() -> None:
    amounts = [
        (NOBODY, "9", "9"), (A, "1", "5"), (B, "1", "7"), (C, "1.0000000001", "0"),
        (LineKey(LineKind.PART, "e"), "1", "5"), (LineKey(LineKind.PART, "d"), "0", "5"),
    ]  # fmt: skip
    use = {key: Use({"usd": Decimal(usd), "flex_credits": Decimal(one)}) for key, usd, one in amounts}
    use[LineKey(LineKind.PART, "f")] = Use({})
    assert [line.name for line in build_lines(use, [], [], {})] == ["c", "b", "a", "e", "d", "f", "Unmapped"]


def test_what_is_not_known_is_on_no_sum_and_is_no_zero() -> None:
    use = {LineKey(LineKind.PART, "a"): Use({"flex_credits": Decimal(1)}, 3, 3)}
    (line,) = build_lines(use, [], [("IVA", Decimal(19))], {})
    assert (line.total("usd"), str(line.total("flex_credits")), line.unpriced) == (None, "1.00", 3)


@pytest.mark.parametrize(
    ("totals", "expected", "broken"),
    [
        ({"usd": "1.5"}, {"usd": "1.5"}, []),
        ({"usd": "1.5000000001"}, {"usd": "1.5"}, [("own use", "usd")]),
        ({"usd": "1.5"}, {"usd": "1.504"}, [("all items", "usd")]),
        ({"usd": "1.5"}, {"usd": "1.51"}, [("all items", "usd"), ("as charged", "usd")]),
        ({"usd": "1.5", "clp": "7"}, {"usd": "1.5"}, [("own use", "clp")]),
        ({}, {}, [("own use", "usd"), ("all items", "usd"), ("as charged", "usd")]),
    ],
)
def test_sums_that_are_not_one_are_found_each(
    totals: dict[str, str], expected: dict[str, str], broken: list[tuple[str, str]]
) -> None:
    lines: list[ChargeLine] = build_lines({LineKey(LineKind.PART, "a"): Use({"usd": Decimal("1.5")})}, [], [], {})
    given_ = ({unit: Decimal(one) for unit, one in amounts.items()} for amounts in (totals, expected))
    found: list[SumCheck] = check_lines(lines, *given_)
    assert [(one.what, one.unit) for one in found if not one.agrees] == broken


def test_exact_sums_are_held_against_the_whole_and_not_what_is_charged() -> None:
    lines = build_lines({A: Use({"usd": Decimal("1.234")})}, [], [], {})
    assert (lines[0].unpriced, lines[0].unconverted) == (0, 0)
    assert all(one.agrees for one in check_lines(lines, *({"usd": Decimal("1.234")},) * 2))


def test_direct_use_is_charged_to_the_cent_that_the_month_is_said_to_cost() -> None:
    pools = [Charge("pool", {"usd": Decimal("33.331")}, Rule.EQUAL)]  # all is 106.17, with a tax of 16.95
    use = {A: Use({"usd": Decimal("40.003333")}), LineKey(LineKind.PART, "b"): Use({"usd": Decimal("15.880999")})}
    lines = build_lines(use, pools, [("IVA", Decimal(19))], {})
    assert sum(line.charged[DIRECT]["usd"] for line in lines) == Decimal("55.88")  # exact 55.884332


def test_a_line_whose_use_is_wholly_shared_out_is_charged_not_even_a_cent() -> None:
    use = {key: Use({"usd": Decimal(amount)}) for key, amount in ((A, "24.9524"), (B, "62.1430"), (C, "57.0666"))}
    lines = build_lines(use, [Charge("platform", use[C].amounts, Rule.USE, source=C)], [("IVA", Decimal(19))], {})
    assert {line.name: str(line.total("usd")) for line in lines} == {"b": "122.40", "a": "49.15", "c": "0.00"}


def test_what_is_charged_is_rounded_half_to_even_in_the_steps_of_its_unit() -> None:
    assert round_amount(Decimal("0.125"), "usd") == Decimal("0.12")
    assert round_amount(Decimal("2.5"), "clp") == 2
    assert round_amount(Decimal("-0.135"), "flex_credits") == Decimal("-0.14")
