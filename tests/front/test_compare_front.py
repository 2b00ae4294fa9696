"""Two months compared: what is known of each is what is taken apart, and what is not is said."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import FIXTURE
from spend_samples import AUGUST, SEPTEMBER, call, store

from flexlib.dates import Month
from flexlib.errors import InvalidRequest
from flexlib.front.compare import Comparison, compare_before, compare_spans
from flexlib.front.spend import load_spend

ANA: dict[str, Any] = {"usable_type": "user", "usable_id": 7}


def compare(root: Path, of: str) -> Comparison:
    return compare_spans(AUGUST.span, SEPTEMBER.span, root, of=of)


def list_parts(made: Comparison) -> dict[str, Decimal]:
    return {name: part.normalize() for name, part in made.change.sum_parts().items() if part}


def test_of_a_group_of_which_some_calls_have_pesos_only_their_dollars_make_the_rate(tmp_path: Path) -> None:
    """Ten calls of US$ 1 a month: all of August at 900, of September one at 1,000. The dollar rose, and so does its
    part: 1,000 - 9,000 = -8,000, of which +550 are the rate, (1,000 - 900) x (10 + 1) / 2."""
    for month, rate, known in ((AUGUST, 900, 10), (SEPTEMBER, 1000, 1)):
        calls = [call(f"{month}{number}", f"{month}-05T10:00:00", amount_in_clp=rate if number < known else None, **ANA)
                 for number in range(10)]  # fmt: skip
        store(tmp_path, "import", month, *calls)
    made = compare(tmp_path, "clp")
    assert [made.change.before, made.change.after] == [Decimal(9000), Decimal(1000)]
    assert list_parts(made) == {"unmeasured": -8550, "rate": 550}
    assert made.lacking == (False, True)
    assert "9 calls of September 2025 without an amount in pesos are left out." in made.missing


def test_the_part_of_the_exchange_rate_is_no_more_than_it_moved_where_nearly_all_was_refunded(tmp_path: Path) -> None:
    """US$ 10 at 900, then 10 at 1,000 and 9.99 back at 900, of which 1,009 pesos for a cent are left: of -7,991 the
    rate is 10 x 100, and what was given back -8,991."""
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05T10:00:00", "10", amount_in_clp=9000, **ANA))
    rows = [call("b", "2025-09-05T10:00:00", "10", amount_in_clp=10000, **ANA),
            call("c", "2025-09-06T10:00:00", "-9.99", amount_in_clp=-8991, **ANA)]  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, *rows)
    made = compare(tmp_path, "clp")
    assert [made.change.before, made.change.difference] == [9000, -7991]
    assert list_parts(made) == {"rate": 1000, "refunds": -8991}
    assert [*made.change.ranges["rate"]] == [1000, 1000]
    made = compare(tmp_path, "usd")  # what the refund counts was used before
    assert list_parts(made) == {"refunds": Decimal("-9.99")}


def test_whose_calls_all_lack_an_amount_has_not_stopped(tmp_path: Path) -> None:
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05T10:00:00", "5", **ANA))
    others = call("c", "2025-09-05T10:00:00", "2", usable_type="user", usable_id=8)
    store(tmp_path, "import", SEPTEMBER, call("b", "2025-09-05T10:00:00", None, **ANA), others)
    made = compare(tmp_path, "usd")
    assert list_parts(made) == {"new": 2, "unmeasured": -5}
    assert made.change.people == {"new": 1, "gone": 0, "stayed": 1}
    assert "1 call of September 2025 without a price is left out." in made.missing


@pytest.mark.parametrize("free", [[], [call("free", "2025-09-06T10:00:00", "0", **ANA)]], ids=["alone", "beside free"])
def test_a_month_of_which_no_amount_is_known_is_not_compared_as_if_nothing_was_spent(
    tmp_path: Path, free: list[dict[str, Any]]
) -> None:
    """US$ 5 in August; what September came to nobody knows, so that it did not fall by 5."""
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05T10:00:00", "5", **ANA))
    store(tmp_path, "import", SEPTEMBER, call("b", "2025-09-05T10:00:00", None, **ANA), *free)
    with pytest.raises(InvalidRequest, match="September 2025 has no US.[.]$"):
        compare(tmp_path, "usd")
    spend = load_spend(SEPTEMBER, None, tmp_path, zone="UTC", names=False)
    assert compare_before(spend, "usd") is None


def test_in_every_unit_the_same_people_are_new_gone_and_stayed_where_only_the_plan_s_credits_lack_a_rate() -> None:
    """Of the fixture's months some people spent plan credits alone on some days, at 0 dollars and on days of August
    without a rate: 0 pesos, too."""
    for of in ("credits", "usd", "clp"):
        assert compare(FIXTURE, of).change.people == {"new": 7, "gone": 7, "stayed": 11}, of


def test_pesos_without_dollars_are_left_out_and_said(tmp_path: Path) -> None:
    store(tmp_path, "import", AUGUST, call("a", "2025-08-05T10:00:00", "5", amount_in_clp=4500, **ANA))
    rows = [call("b", "2025-09-05T10:00:00", "5", amount_in_clp=4500, **ANA),
            call("c", "2025-09-05T10:00:01", None, amount_in_clp=900, **ANA)]  # fmt: skip
    store(tmp_path, "import", SEPTEMBER, *rows)
    made = compare(tmp_path, "clp")
    assert made.change.difference == 0
    assert "1 call of September 2025 without an amount in pesos or in dollars is left out." in made.missing


CALLS = st.lists(
    st.tuples(
        st.sampled_from([AUGUST, SEPTEMBER]),
        st.integers(1, 3),
        st.sampled_from(["gpt-4o", "gpt-5"]),
        st.none() | st.integers(-500, 500),
        st.none() | st.integers(-500_000, 500_000),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("of", ["usd", "clp"])
@given(calls=CALLS)
@settings(max_examples=8, deadline=None)
def test_the_parts_sum_to_the_difference_of_the_calls_that_have_the_amounts(
    of: str, calls: list[tuple[Month, int, str, int | None, int | None]]
) -> None:
    first = [(month, 1, "gpt-4o", 1, 900) for month in (AUGUST, SEPTEMBER)]
    sums = {AUGUST: 0, SEPTEMBER: 0}
    with TemporaryDirectory() as folder:
        for month in sums:
            rows = []
            for number, (own, user, model, usd, clp) in enumerate((*first, *calls)):
                if own == month:
                    rows.append(
                        call(f"{number}", f"{month}-05T10:00:{number:02}", None if usd is None else str(usd),
                             amount_in_clp=clp, model=model, usable_type="user", usable_id=user)
                    )  # fmt: skip
                    known = usd if of == "usd" else clp if usd is not None else None
                    sums[month] += known or 0
            store(Path(folder), "import", month, *rows)
        made = compare(Path(folder), of)
        assert made.change.difference == sums[SEPTEMBER] - sums[AUGUST]
        assert sum(made.change.sum_parts().values()) == made.change.difference
        for level in (made.change.sum_by_person(), made.change.sum_by_model()):
            assert sum(sum(parts.values()) for parts in level.values()) == made.change.difference
