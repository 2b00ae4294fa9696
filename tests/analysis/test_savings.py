"""One thing to try, and nothing where the numbers do not carry it: by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from flexlib.analysis.savings import suggest_failures, suggest_variant

THINKING, PLAIN = "Claude Sonnet 4 Thinking", "Claude Sonnet 4"

Model = tuple[str, int | None, int, int]
"""The name, the requests, flex and plan credits in hundredths."""


def suggest(*models: Model) -> Decimal | None:
    frame = pd.DataFrame(models, columns=["model", "requests", "flex_credits", "prompt_credits"])
    found = suggest_variant(frame.astype({"requests": "Int64"}))
    return None if found is None else found.amount


def test_every_tenth_request_of_the_stronger_variant_would_have_cost_what_the_weaker_one_does() -> None:
    # 3.00 credits a request and 2.00: a third of a tenth of 3,000 flex credits.
    assert suggest((THINKING, 1_000, 300_000, 0), (PLAIN, 500, 100_000, 0)) == Decimal(100)
    found = suggest_variant(
        pd.DataFrame(
            {
                "model": [PLAIN, THINKING],
                "requests": [1_000, 1_000],
                "flex_credits": [100_000, 300_000],
                "prompt_credits": [100_000, 100_000],
            }
        )
    )
    # A request is 4.00 and 2.00 with the plan's; half of a tenth of the 3,000 that were flex credits.
    assert found is not None
    assert found.amount == Decimal(150)
    assert found.sentence == (
        "ask Claude Sonnet 4 in place of Claude Sonnet 4 Thinking in one of ten requests, if its answers are as good: "
        "that would have saved 150.00 flex credits. A request costs 2.00 credits there and 4.00 here, the plan's "
        "included; Claude Sonnet 4 Thinking had 1,000 requests, of one prompt or several."
    )


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("GPT-5.2 XHigh Thinking", "GPT-5.2 High Thinking"),
        ("GPT-5.2 High Thinking", "GPT-5.2 Medium Thinking"),
        (THINKING, PLAIN),
    ],
)
def test_a_variant_is_weaker_by_one_step(stronger: str, weaker: str) -> None:
    assert suggest((stronger, 100, 30_000, 0), (weaker, 100, 20_000, 0)) == Decimal(10)
    assert suggest((weaker, 100, 30_000, 0), (stronger, 100, 20_000, 0)) is None
    assert suggest((stronger, 100, 30_000, 0), ("GPT-5.2", 100, 20_000, 0)) is None


@pytest.mark.parametrize(
    ("requests", "others", "amount"),
    [(100, 100, Decimal(10)), (99, 100, None), (100, 99, None), (None, 100, None)],
)
def test_below_a_hundred_requests_of_either_what_one_costs_is_chance(
    requests: int | None, others: int, amount: Decimal | None
) -> None:
    assert suggest((THINKING, requests, 30_000, 0), (PLAIN, others, others * 200, 0)) == amount


@pytest.mark.parametrize(("flex", "amount"), [(24_000, Decimal(6)), (24_001, None)])
def test_a_model_costs_less_at_four_fifths_and_not_above(flex: int, amount: Decimal | None) -> None:
    assert suggest((THINKING, 100, 30_000, 0), (PLAIN, 100, flex, 0)) == amount


@pytest.mark.parametrize(("rest", "amount"), [(1_600_000, Decimal(100)), (1_600_200, None)])
def test_below_half_a_percent_of_the_month_nobody_changes_a_habit(rest: int, amount: Decimal | None) -> None:
    models = ((THINKING, 1_000, 300_000, 0), (PLAIN, 500, 100_000, 0))
    assert suggest(*models, ("Other", 100, rest, 0)) == amount
    assert suggest(*models, ("Other", 99, rest, 0)) == Decimal(100)  # of the models that count


def test_the_largest_saving_is_the_one_and_of_two_alike_the_first() -> None:
    small = (("A Thinking", 100, 30_000, 0), ("A", 100, 20_000, 0))
    large = (("B Thinking", 100, 60_000, 0), ("B", 100, 40_000, 0))
    assert suggest(*small, *large) == suggest(*large, *small) == Decimal(20)
    alike = (("C Thinking", 100, 30_000, 0), ("C", 100, 20_000, 0))
    frame = pd.DataFrame([*small, *alike], columns=["model", "requests", "flex_credits", "prompt_credits"])
    found = suggest_variant(frame)
    assert found is not None
    assert found.sentence.startswith("ask A in place of A Thinking")


def test_each_weaker_variant_is_tried_and_a_name_that_ends_otherwise_is_no_stronger_one() -> None:
    high = ("A High Thinking", 100, 30_000, 0)
    assert suggest(high, ("A Medium Thinking", 100, 29_000, 0), ("A High", 100, 20_000, 0)) == Decimal(10)
    first = (("B Thinking", 100, 30_000, 0), ("B", 100, 22_500, 0))  # saves 7.50
    assert suggest(*first, high, ("A Medium Thinking", 100, 24_000, 0), ("A High", 100, 20_000, 0)) == Decimal(10)
    assert suggest(("A", 100, 30_000, 0), ("A Medium Thinking", 100, 20_000, 0)) is None


def test_a_model_that_cost_nothing_saves_nothing() -> None:
    assert suggest((THINKING, 100, 0, 0), (PLAIN, 100, 0, 0)) is None
    assert suggest() is None


def fail(status: str, usd: str | None, calls: int = 1, unpriced: int = 0, failed: bool = True) -> dict[str, Any]:
    amount = None if usd is None else Decimal(usd)
    return {"status": status, "failed": failed, "calls": calls, "total_usd": amount, "unpriced": unpriced}


def test_calls_that_failed_are_named_with_what_they_cost_and_the_status_of_the_most_of_it() -> None:
    statuses = [fail("ok", "90", 500, failed=False), fail("timeout", "6", 3), fail("error", "4", 1_200, 200)]
    found = suggest_failures([*statuses, fail("new", None, 9, 9)], Decimal(100))
    assert found is not None
    assert found.amount == Decimal(10)
    assert found.sentence == (
        "1,003 calls that failed cost US$ 10.00, most of it with the status timeout; what 209 more cost is not known: "
        "see what they have in common before they are asked again."
    )
    (alone,) = [suggest_failures([fail("timeout", "5"), fail("error", "5")], Decimal(100))]
    assert alone is not None
    assert alone.sentence.startswith(
        "2 calls that failed cost US$ 10.00, the largest part of it with the status timeout: see"
    )


@pytest.mark.parametrize(
    ("failed", "spent", "is_told"),
    [
        ("1", "100", True),
        ("0.99", "100", False),  # less than a hundredth of the month
        ("0.01", "0", True),  # a month that credits made free
        ("0", "100", False),
        (None, "100", False),
        ("1", None, False),  # nobody knows of how much it is a part
        (None, "-5", False),  # a month of credits alone
        ("-1", "-500", False),
    ],
)
def test_what_failed_is_worth_a_look_from_a_hundredth_of_the_month_s_money_on(
    failed: str | None, spent: str | None, is_told: bool
) -> None:
    found = suggest_failures([fail("error", failed)], None if spent is None else Decimal(spent))
    assert (found is not None) is is_told
