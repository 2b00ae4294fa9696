"""A change taken apart: small ones by hand, then the laws on any."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.analysis.compare import PARTS, SAID, Change, Use, Uses, compare_credits, round_parts, take_apart
from flexlib.analysis.versions import VERSION_PARTS

NO_RANGES = dict.fromkeys(("volume", "mix", "price"), (Decimal(0), Decimal(0)))


def use(amount: str, quantity: int | None = None, pesos: str | None = None) -> Use:
    return Use(Decimal(amount), quantity, None if pesos is None else Decimal(pesos))


def list_parts(change: Change) -> dict[str, Decimal]:
    return {name: part.normalize() for name, part in change.sum_parts().items() if part}


def test_each_part_of_those_who_stayed_is_said_in_words() -> None:
    assert {"new", "gone", *SAID} == {*PARTS}


def test_who_is_new_and_who_stopped_counts_whole() -> None:
    change = take_apart(
        {"ana": {"opus": use("30", 3)}, "ben": {"opus": use("5", 1)}, "idle": {"opus": use("0", 2)}},
        {
            "ana": {"opus": use("30", 3)},
            "eva": {"opus": use("7", 1), "gpt-4": use("1", 1)},
            "idle": {"opus": use("0", 9)},
        },
    )
    assert list_parts(change) == {"new": 8, "gone": -5}
    assert change.people == {"new": 1, "gone": 1, "stayed": 1}  # who spends nothing in either is no spender
    assert change.difference == change.after - change.before == Decimal(3)
    assert not change.is_of_versions
    assert replace(change, names=VERSION_PARTS).is_of_versions


def test_twice_as_much_of_the_same_is_volume() -> None:
    assert list_parts(take_apart({"ana": {"opus": use("100", 10)}}, {"ana": {"opus": use("200", 20)}})) == {
        "volume": 100
    }


def test_the_same_use_at_another_price_is_price() -> None:
    assert list_parts(take_apart({"ana": {"opus": use("100", 10)}}, {"ana": {"opus": use("130", 10)}})) == {"price": 30}


def test_as_much_of_a_dearer_model_is_mix() -> None:
    """One of ten requests goes from a model of 1 to one of 10, also where nobody had used that before."""
    before = {"ana": {"gpt-4": use("10", 10)}}
    assert list_parts(take_apart(before, {"ana": {"gpt-4": use("9", 9), "opus": use("10", 1)}})) == {"mix": 9}
    both = {"ana": {"gpt-4": use("9", 9), "opus": use("10", 1)}}
    assert list_parts(take_apart(both, {"ana": {"gpt-4": use("8", 8), "opus": use("20", 2)}})) == {"mix": 9}


def test_what_two_factors_move_together_is_shared_by_them() -> None:
    """10 at 10 become 20 at 15: 100 to 300. Volume first 100, then price 100; price first 50, then volume 150."""
    change = take_apart({"ana": {"opus": use("100", 10)}}, {"ana": {"opus": use("300", 20)}})
    assert list_parts(change) == {"volume": 125, "price": 75}
    assert change.ranges == {
        "volume": (Decimal(100), Decimal(150)), "mix": (Decimal(0), Decimal(0)), "price": (Decimal(50), Decimal(100)),
    }  # fmt: skip


def test_three_factors_at_once_have_each_the_mean_of_all_orders_and_its_least_and_most() -> None:
    """10 at 1 and 10 at 2 become 10 at 2 and 30 at 4: 30 to 140. A unit of the old mix costs 1.50, at the new prices 3;
    of the new mix 1.75 and 3.50. So 20 more are from 30 to 70, the mix from 5 to 20, the prices from 30 to 70."""
    change = take_apart(
        {"ana": {"gpt-4": use("10", 10), "opus": use("20", 10)}},
        {"ana": {"gpt-4": use("20", 10), "opus": use("120", 30)}},
    )
    parts = {name: round(part, 8) for name, part in change.sum_parts().items() if part}
    assert parts == {"volume": Decimal("49.16666667"), "mix": Decimal("11.66666667"), "price": Decimal("49.16666667")}
    assert change.ranges == {
        "volume": (Decimal(30), Decimal(70)), "mix": (Decimal(5), Decimal(20)), "price": (Decimal(30), Decimal(70)),
    }  # fmt: skip


def test_a_model_without_amount_and_without_a_count_takes_nothing_from_the_others() -> None:
    before = {"ana": {"opus": use("100", 10), "gpt-4": use("0")}}
    assert list_parts(take_apart(before, {"ana": {"opus": use("200", 20), "gpt-4": use("0")}})) == {"volume": 100}


def test_one_model_without_a_count_is_set_aside_and_the_others_are_taken_apart() -> None:
    before = {"ana": {"opus": use("100", 10), "gpt-4": use("4")}}
    change = take_apart(before, {"ana": {"opus": use("200", 20)}})
    assert list_parts(change) == {"volume": 100, "unmeasured": -4}
    assert change.sum_by_model()["opus"]["unmeasured"] == 0


def test_all_is_unmeasured_where_one_side_has_nothing_but_what_is_not_counted() -> None:
    """Whether ten requests of opus became as many of gpt-4, or more, or fewer, nobody knows."""
    change = take_apart({"ana": {"opus": use("100", 10)}}, {"ana": {"gpt-4": use("4")}})
    assert list_parts(change) == {"unmeasured": -96}


def test_a_call_without_a_price_leaves_what_others_of_the_person_are_taken_apart() -> None:
    """Of gpt-4 the 7 are of some of the calls; of opus 10 at 10 become 20 at 15."""
    before = {"ana": {"opus": use("100", 10), "gpt-4": use("4", 1)}}
    after = {"ana": {"opus": use("300", 20), "gpt-4": Use(Decimal(7), 2, is_part=True)}}
    change = take_apart(before, after)
    assert list_parts(change) == {"volume": 125, "price": 75, "unmeasured": 3}
    assert change.ranges["volume"] == (Decimal(100), Decimal(150))


def test_pesos_without_dollars_are_compared_at_the_only_rate_there_is() -> None:
    """900 pesos of no dollars become US$ 1 at 900: a dollar more at that rate, and a rate that gave the 900 before."""
    change = take_apart({"ana": {"opus": use("0", None, "900")}}, {"ana": {"opus": use("1", 1, "900")}})
    assert list_parts(change) == {"unmeasured": 900, "rate": -900}


def test_amounts_of_any_size_are_taken_apart_to_the_last_digit() -> None:
    much = Decimal("12345678901234567890.12")
    change = take_apart({"ana": {"opus": Use(much, 3)}}, {"ana": {"opus": Use(much * 2, 6)}})
    assert list_parts(change) == {"volume": much}


@pytest.mark.parametrize(
    ("parts", "places", "expected"),
    [
        ("0.333 0.333 0.334", 2, "0.33 0.33 0.34"),  # the cent that is over goes where most was cut off
        ("0.005 0.005", 2, "0.01 0.00"),  # of two alike to the first
        ("0.005", 2, "0.01"),  # half a cent goes up, as wherever it is written
        ("-0.3 -0.3", 0, "0 -1"),
        ("1.25 1.25", 1, "1.3 1.2"),
        ("0.4 0.9 0.8", 0, "0 1 1"),
    ],
)
def test_rounded_parts_sum_to_the_rounded_sum(parts: str, places: int, expected: str) -> None:
    names = "zyx"
    exact = {name: Decimal(part) for name, part in zip(names, parts.split(), strict=False)}
    rounded = round_parts(exact, places)
    assert {name: str(part) for name, part in rounded.items()} == dict(zip(names, expected.split(), strict=False))


def test_in_pesos_the_rate_has_a_part_of_its_own() -> None:
    """US$ 10 at 900 are 9,000 pesos, US$ 12 at 1,000 are 12,000: 2 at the mean of 950, and 100 more for a mean 11."""
    change = take_apart({"ana": {"opus": use("10", 10, "9000")}}, {"ana": {"opus": use("12", 12, "12000")}})
    assert list_parts(change) == {"volume": 1900, "rate": 1100}


def test_in_pesos_each_part_has_its_ends_with_the_rate_the_first_to_change_or_the_last() -> None:
    """10 at US$ 1 become 20 at US$ 1.50, 900 pesos each become 1,000. The rate first, at US$ 10, is 1,000 pesos, and
    last, at US$ 30, 3,000; of the dollars 10 to 15 are volume and 5 to 10 price, at the rate there is by then."""
    change = take_apart({"ana": {"opus": use("10", 10, "9000")}}, {"ana": {"opus": use("30", 20, "30000")}})
    assert list_parts(change) == {"volume": Decimal(11875), "price": Decimal(7125), "rate": 2000}
    assert change.ranges == {
        "volume": (Decimal(9000), Decimal(15000)), "mix": (Decimal(0), Decimal(0)),
        "price": (Decimal(4500), Decimal(10000)), "rate": (Decimal(1000), Decimal(3000)),
    }  # fmt: skip


def back(amount: str, of: Use) -> Use:
    """The same with so much given back."""
    return replace(of, refunded=-Decimal(amount))


def test_what_was_refunded_is_neither_price_nor_rate_and_a_part_of_its_own() -> None:
    """US$ 10 at 900, then 10 at 1,000 and 9.99 back at 900: 100 pesos more for each dollar, and 8,991 back."""
    before, after = use("10", 10, "9000"), back("8991", use("10", 10, "10000"))
    change = take_apart({"ana": {"opus": before}}, {"ana": {"opus": after}})
    assert (change.before, change.after) == (Decimal(9000), Decimal(1009))
    assert list_parts(change) == {"rate": 1000, "refunds": -8991}
    assert list_parts(take_apart({"ana": {"opus": after}}, {"ana": {"opus": before}})) == {
        "rate": -1000,
        "refunds": 8991,
    }


def test_who_is_new_or_gone_counts_whole_with_what_was_refunded_and_who_only_got_back_is_neither() -> None:
    gone, new = {"opus": back("4", use("10", 1))}, {"opus": back("2", use("7", 1))}
    alone = {"opus": back("3", use("0", 0))}
    change = take_apart({"ben": gone, "eva": alone}, {"ben": alone, "eva": new, "ana": alone})
    assert list_parts(change) == {"gone": -6, "new": 5, "refunds": -3 + 3 - 3}
    assert change.people == {"new": 1, "gone": 1, "stayed": 0}
    assert change.sum_by_person()["ana"]["refunds"] == -3
    assert sum(change.sum_parts().values()) == change.difference


def test_a_share_of_the_requests_is_a_quantity_as_whole_ones_are() -> None:
    """US$ 1 each: 10 become 6.5, of which nothing but the volume is less."""
    change = take_apart({"a": {"opus": use("10", 10)}}, {"a": {"opus": Use(Decimal("6.5"), Decimal("6.5"))}})
    assert list_parts(change) == {"volume": Decimal("-3.5")}


def test_who_is_not_known_on_both_sides_is_neither_new_nor_gone() -> None:
    before, after = {"ana": {"opus": use("10", 10)}}, {"ana": {"opus": use("12", 12)}, "eva": {"opus": use("5", 5)}}
    change = take_apart(before, after, {"eva"})
    assert list_parts(change) == {"volume": 2, "unmeasured": 5}
    assert change.people == {"new": 0, "gone": 0, "stayed": 1}


def test_the_rate_is_no_mix_where_a_person_changes_the_model() -> None:
    """US$ 100 at 900, then US$ 100 of another model at 1,000: nothing but the rate has changed the pesos."""
    change = take_apart({"ana": {"opus": use("100", 10, "90000")}}, {"ana": {"gpt-4": use("100", 10, "100000")}})
    assert list_parts(change) == {"rate": 10000}
    assert change.ranges == {**NO_RANGES, "rate": (Decimal(10000), Decimal(10000))}


def test_what_was_not_counted_is_not_taken_apart_by_a_guess() -> None:
    change = take_apart({"ana": {"opus": use("10")}}, {"ana": {"opus": use("14", 3)}})
    assert list_parts(change) == {"unmeasured": 4}
    none = {"ana": {"opus": use("10", 0)}}
    assert list_parts(take_apart(none, {"ana": {"opus": use("14", 3)}})) == {"unmeasured": 4}


def test_of_what_is_known_of_some_calls_only_the_rest_is_no_volume_and_the_rate_is_that_of_the_known() -> None:
    """US$ 10 at 900, then 10 calls of which one has pesos, US$ 1 at 1,000: 9 less at the mean of 950, and 100 more for
    each of a mean of 5.5 dollars."""
    after = {"ana": {"opus": Use(Decimal(1), 1, Decimal(1000), is_part=True)}}
    change = take_apart({"ana": {"opus": use("10", 10, "9000")}}, after)
    assert list_parts(change) == {"unmeasured": -8550, "rate": 550}
    none = {"ana": {"opus": Use(Decimal(0), 0, Decimal(0), is_part=True)}}
    assert list_parts(take_apart({"ana": {"opus": use("10", 10, "9000")}}, none)) == {"unmeasured": -9000}
    assert take_apart({"ana": {"opus": use("10", 10, "9000")}}, none).people == {"new": 0, "gone": 0, "stayed": 1}


def test_the_largest_change_comes_first_whichever_way_it_went() -> None:
    change = take_apart({"ana": {"x": use("1", 1)}, "ben": {"y": use("90", 1)}}, {"ana": {"x": use("9", 1)}})
    assert list(change.sum_by_person()) == ["ben", "ana"]
    assert list(change.sum_by_model()) == ["y", "x"]
    alike = take_apart({}, {"eva": {"x": use("9", 1)}, "ana": {"z": use("9", 1)}})
    assert list(alike.sum_by_person()) == ["ana", "eva"]  # by name where they are alike


AMOUNTS = st.integers(0, 10**7).map(lambda hundredths: Decimal(hundredths) / 100)
QUANTITIES = st.none() | st.integers(0, 10**6)
REFUNDS = st.just(Decimal(0)) | AMOUNTS.map(lambda amount: -amount)
USES = st.builds(Use, AMOUNTS, QUANTITIES, st.none(), REFUNDS, is_part=st.booleans())
SPANS: st.SearchStrategy[Uses] = st.dictionaries(
    st.integers(0, 6), st.dictionaries(st.integers(0, 4), USES, max_size=4), max_size=5
)


@given(before=SPANS, after=SPANS)
def test_the_parts_sum_to_the_difference_to_the_last_digit_at_every_level(before: Uses, after: Uses) -> None:
    change = take_apart(before, after)
    assert sum(change.sum_parts().values()) == change.difference
    for sums, place in ((change.sum_by_person(), 0), (change.sum_by_model(), 1)):
        for key, parts in sums.items():
            spent = [
                sum((one.amount + one.refunded for person, models in side.items() for model, one in models.items()
                     if (person, model)[place] == key), Decimal(0))
                for side in (before, after)
            ]  # fmt: skip
            assert sum(parts.values()) == spent[1] - spent[0]


@given(before=SPANS, after=SPANS)
def test_the_way_back_has_the_same_parts_with_the_other_sign(before: Uses, after: Uses) -> None:
    there, back = take_apart(before, after).sum_parts(), take_apart(after, before).sum_parts()
    swapped = {"new": "gone", "gone": "new"}
    assert {name: -back[swapped.get(name, name)] for name in PARTS} == there


@given(before=SPANS, after=SPANS, factor=st.integers(2, 50))
@settings(max_examples=50)
def test_people_apart_have_the_parts_that_they_have_together(before: Uses, after: Uses, factor: int) -> None:
    """The company's parts are those of any two halves of its people, and each part lies between what orders give."""
    whole = take_apart(before, after)
    halves = [
        take_apart(*({key: models for key, models in side.items() if (hash(key) % factor == 0) is is_first}
                     for side in (before, after)))
        for is_first in (True, False)
    ]  # fmt: skip
    parts = [half.sum_parts() for half in halves]
    assert {name: parts[0][name] + parts[1][name] for name in PARTS} == whole.sum_parts()
    for name, (least, most) in whole.ranges.items():
        tolerance = Decimal("1e-9") * 40  # a last digit for each cell
        assert least - tolerance <= whole.sum_parts()[name] <= most + tolerance


@st.composite
def spend_pesos(draw: st.DrawFn) -> Use:
    """Dollars at a rate from 800 to 1,000, and up to as many pesos back."""
    amount, rate = draw(AMOUNTS), draw(st.integers(800, 1000))
    refunded = -draw(st.integers(0, 100)) * amount * rate / 100
    return Use(amount, draw(st.integers(1, 10**6)), amount * rate, refunded)


IN_PESOS = st.dictionaries(st.integers(0, 4), st.dictionaries(st.integers(0, 2), spend_pesos(), max_size=3), max_size=3)


@given(before=IN_PESOS, after=IN_PESOS)
def test_whatever_is_refunded_the_rate_moves_no_more_than_what_was_spent_by_what_it_changed(
    before: Uses, after: Uses
) -> None:
    """A mean of both sides, by 200 pesos at most."""
    change, back = take_apart(before, after), take_apart(after, before)
    parts = change.sum_parts()
    assert sum(parts.values()) == change.difference
    swapped = {"new": "gone", "gone": "new"}
    assert {name: -back.sum_parts()[swapped.get(name, name)] for name in PARTS} == parts
    tolerance = Decimal("1e-9") * 40  # a last digit for each cell
    for person, one in change.sum_by_person().items():
        spent = sum(use.amount for side in (before, after) for use in side.get(person, {}).values())
        assert abs(one["rate"]) <= spent * 100 + tolerance


def test_what_is_the_same_did_not_change() -> None:
    side = {"ana": {"opus": use("30", 3), "gpt-4": use("2", 9)}, "ben": {"opus": use("5")}}
    assert list_parts(take_apart(side, side)) == {}
    assert take_apart({}, {}).difference == pytest.approx(0)


def test_credits_of_two_months_are_compared_by_user_and_model_in_credits_not_in_hundredths() -> None:
    days = [datetime(2025, 8, 1), datetime(2025, 9, 1)]
    august = [(days[0], "ana", "opus", 0, 1000, 10), (days[0], "ben", "opus", 0, 250, 1)]
    september = [(days[1], "ana", "opus", 0, 2000, 20), (days[1], "eva", "gpt-4", 0, 50, 1)]
    frames = [
        pd.DataFrame(rows, columns=["date", "user", "model_uid", "prompt_credits", "flex_credits", "requests"])
        for rows in (august, september)
    ]
    change = compare_credits(*frames)
    assert list_parts(change) == {"new": Decimal("0.5"), "gone": Decimal("-2.5"), "volume": 10}
    assert list(change.sum_by_model()) == ["opus", "gpt-4"]
