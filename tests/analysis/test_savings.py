"""One thing to try, and nothing where the numbers do not carry it: by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from spend_samples import build_credits

from flexlib.analysis.frames import read_rows
from flexlib.analysis.savings import suggest_failures, suggest_variant
from flexlib.analysis.what_if_credits import exchange_models

THINKING, PLAIN = "Claude Sonnet 4 Thinking", "Claude Sonnet 4"

Model = tuple[str, int | None, int, int]
"""The name, what a prompt costs, plan and flex credits, in hundredths."""


def bring(*models: Model, requests: int = 1) -> tuple[Any, pd.DataFrame]:
    """A row a model of one person, and what a prompt of each costs."""
    rows = build_credits(*((1, "ana", name, plan, flex) for name, __, plan, flex in models)).to_pandas()
    each = pd.DataFrame([(name, cost) for name, cost, *__ in models], columns=["model_uid", "multiplier"])
    return rows.assign(requests=requests), each.astype({"multiplier": "Int64"})


def suggest(*models: Model) -> Decimal | None:
    found = suggest_variant(*bring(*models))
    return None if found is None else found.amount


def test_every_tenth_prompt_of_the_stronger_variant_would_have_cost_what_the_weaker_one_does() -> None:
    # 3.00 credits a prompt and 2.00: of 3,000 flex credits a tenth is 300, a third of them 100. The plan's 1,500 are a
    # third cheaper, too, and cover other flex credits: 50 of a tenth, 500 of all.
    found = suggest_variant(*bring((THINKING, 300, 150_000, 300_000), (PLAIN, 200, 0, 100_000)))
    assert found is not None
    assert found.amount == Decimal(100)
    assert found.sentence == (
        "ask Claude Sonnet 4 in place of Claude Sonnet 4 Thinking where its answers are as good: one of ten prompts "
        "asked so would have saved 100.00 to 150.00 flex credits, all of them 1,000.00 to 1,500.00; the larger figures "
        "count the plan credits that get free, too. A prompt costs 2.00 credits there and 3.00 here; Claude Sonnet 4 "
        "Thinking had 1,500 prompts."
    )
    (alone,) = [suggest_variant(*bring((THINKING, 300, 0, 300_000), (PLAIN, 200, 0, 0)))]
    assert alone is not None
    assert (
        "would have saved 100.00 flex credits, all of them 1,000.00; " in alone.sentence
    )  # one figure where it is one


@pytest.mark.parametrize("requests", [1, 7, None])
def test_how_many_prompts_a_request_holds_moves_no_figure(requests: int | None) -> None:
    rows, each = bring((THINKING, 300, 0, 300_000), (PLAIN, 200, 0, 100_000))
    counted = rows.assign(requests=pd.Series([1, requests], dtype="Int64"))
    found = suggest_variant(counted, each)
    assert found is not None
    assert found.amount == Decimal(100)


def test_it_is_the_figure_of_what_if_for_the_same_share() -> None:
    rows, each = bring(("A Thinking", 250, 12_345, 67_890), ("A", 150, 0, 11_111), ("Other", 150, 0, 99_999))
    found = suggest_variant(rows, each)
    assert found is not None
    tenth, whole = (read_rows(exchange_models(rows, each, share))[0] for share in (Fraction(1, 10), Fraction(1)))
    assert found.amount == Decimal(tenth["saved_low"]) / 100 == Decimal("27.15")  # 678.90 a tenth, by 2 of 5
    assert (whole["saved_low"], whole["saved_high"]) == (27_156, 32_094)
    assert "would have saved 27.15 to 32.09 flex credits, all of them 271.56 to 320.94; " in found.sentence


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("GPT-5.2 XHigh Thinking", "GPT-5.2 High Thinking"),
        ("GPT-5.2 High Thinking", "GPT-5.2 Medium Thinking"),
        (THINKING, PLAIN),
    ],
)
def test_a_variant_is_weaker_by_one_step(stronger: str, weaker: str) -> None:
    assert suggest((stronger, 300, 0, 30_000), (weaker, 200, 0, 20_000)) == Decimal(10)
    assert suggest((weaker, 300, 0, 30_000), (stronger, 200, 0, 20_000)) is None
    assert suggest((stronger, 300, 0, 30_000), ("GPT-5.2", 200, 0, 20_000)) is None


def test_where_nothing_says_what_a_prompt_costs_nothing_is_suggested() -> None:
    assert suggest((THINKING, None, 0, 30_000), (PLAIN, 200, 0, 20_000)) is None
    assert suggest((THINKING, 300, 0, 30_000), (PLAIN, None, 0, 20_000)) is None
    assert suggest((THINKING, 200, 0, 30_000), (PLAIN, 200, 0, 20_000)) is None


@pytest.mark.parametrize(("rest", "amount"), [(1_600_000, Decimal(100)), (1_600_200, None)])
def test_below_half_a_percent_of_the_month_nobody_changes_a_habit(rest: int, amount: Decimal | None) -> None:
    models: tuple[Model, ...] = ((THINKING, 300, 0, 300_000), (PLAIN, 200, 0, 100_000))
    assert suggest(*models, ("Other", 100, 0, rest)) == amount


def test_the_largest_saving_is_the_one_and_of_two_alike_the_first() -> None:
    small: tuple[Model, ...] = (("A Thinking", 300, 0, 30_000), ("A", 200, 0, 20_000))
    large: tuple[Model, ...] = (("B Thinking", 300, 0, 60_000), ("B", 200, 0, 40_000))
    assert suggest(*small, *large) == suggest(*large, *small) == Decimal(20)
    found = suggest_variant(*bring(("C Thinking", 300, 0, 30_000), ("C", 200, 0, 20_000), *small))
    assert found is not None
    assert found.sentence.startswith("ask A in place of A Thinking")


def test_each_weaker_variant_is_tried_and_a_name_that_ends_otherwise_is_no_stronger_one() -> None:
    high: Model = ("A High Thinking", 300, 0, 30_000)
    assert suggest(high, ("A Medium Thinking", 290, 0, 29_000), ("A High", 200, 0, 20_000)) == Decimal(10)
    assert suggest(("A", 300, 0, 30_000), ("A Medium Thinking", 200, 0, 20_000)) is None


def test_a_model_that_cost_nothing_saves_nothing() -> None:
    assert suggest((THINKING, 300, 0, 0), (PLAIN, 200, 0, 0)) is None
    assert suggest((THINKING, 300, 60_000, 0), (PLAIN, 200, 0, 0)) is None  # the plan had it all
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
