"""A change taken apart, at its edges: nobody stayed, somebody is not known, a side without dollars. By hand."""

from __future__ import annotations

from decimal import Decimal

from flexlib.analysis.compare import Use, take_apart

NOTHING = (Decimal(0), Decimal(0))


def test_where_nobody_stayed_no_part_of_those_who_did_moved_in_any_order() -> None:
    change = take_apart({}, {"eva": {"opus": Use(Decimal(5), 5)}})
    assert change.sum_parts()["new"] == 5
    assert change.ranges == {"volume": NOTHING, "mix": NOTHING, "price": NOTHING}


def test_what_the_orders_give_is_summed_over_all_who_stayed() -> None:
    """10 at 10 become 20 at 15, for each of two: volume first 100 and price 100, price first 50 and volume 150."""
    people = ("ana", "ben")
    change = take_apart(
        {person: {"opus": Use(Decimal(100), 10)} for person in people},
        {person: {"opus": Use(Decimal(300), 20)} for person in people},
    )
    assert change.ranges == {
        "volume": (Decimal(200), Decimal(300)), "mix": NOTHING, "price": (Decimal(100), Decimal(200)),
    }  # fmt: skip


def test_who_is_not_known_on_both_sides_has_what_is_more_of_each_model_and_the_others_are_taken_apart() -> None:
    before = {"eva": {"opus": Use(Decimal(3), 3), "gpt-4": Use(Decimal(1), 1)}, "ben": {"opus": Use(Decimal(10), 10)}}
    after = {"eva": {"opus": Use(Decimal(5), 5)}, "ben": {"opus": Use(Decimal(12), 12)}}
    change = take_apart(before, after, {"eva"})
    assert change.sum_by_person()["eva"]["unmeasured"] == 1  # 2 more of opus, 1 less of gpt-4
    assert change.sum_by_model()["gpt-4"]["unmeasured"] == -1
    assert change.sum_by_person()["ben"]["volume"] == 2
    assert change.people == {"new": 0, "gone": 0, "stayed": 1}


def test_pesos_of_no_dollars_on_both_sides_have_no_rate_and_are_what_they_are() -> None:
    change = take_apart(
        {"ana": {"opus": Use(Decimal(0), 1, Decimal(900))}}, {"ana": {"opus": Use(Decimal(0), 1, Decimal(1000))}}
    )
    assert change.difference == sum(change.sum_parts().values()) == 100


def test_the_only_rate_that_is_known_changes_in_no_order() -> None:
    """US$ 10 at 900, then calls of which none has an amount: nothing says that a dollar costs another."""
    none = Use(Decimal(0), 0, Decimal(0), is_part=True)
    change = take_apart({"ana": {"opus": Use(Decimal(10), 10, Decimal(9000))}}, {"ana": {"opus": none}})
    assert change.ranges["rate"] == NOTHING
    change = take_apart({"ana": {"opus": none}}, {"ana": {"opus": Use(Decimal(10), 10, Decimal(9000))}})
    assert change.ranges["rate"] == NOTHING
