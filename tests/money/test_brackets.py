"""Sums of many calls, where a long call is dearer: what their mean tells, and what it does not."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from price_samples import price_tokens, read_reason

from flexlib.money.prices import MIXED, UNKNOWN_REQUESTS, Price, choose_bracket, may_be_long


@pytest.mark.parametrize(
    ("requests", "prompt", "usd"),
    [
        # gemini-2.5-pro: 1.25 in, 10 out; 2.50 in, 15 out in a call of more than 200,000
        (100, 1_000_000, "1.75"),  # 10,000 each: 1.25 + 0.5
        (50, 1_000_000, "1.75"),  # 20,000 each, a tenth of the threshold
        (49, 1_000_000, None),
        (2, 1_000_000, None),  # one short and one long, or two long ones
        (2, 200_000, "0.75"),  # together not above: 0.25 + 0.5
        (2, 200_001, None),
        (None, 200_000, "0.75"),
        (None, 200_001, None),
        (1, 1_000_000, "3.25"),
    ],
)
def test_sum_of_calls_is_priced_as_short_ones_only_where_its_mean_is_far_below_the_long(
    requests: int | None, prompt: int, usd: str | None
) -> None:
    answer = price_tokens("google", "gemini-2.5-pro", prompt_tokens=prompt, completion_tokens=50_000, requests=requests)
    if usd is None:
        assert read_reason(answer) == (MIXED if requests else UNKNOWN_REQUESTS)
    else:
        assert isinstance(answer, Price)
        assert answer.amount_usd == Decimal(usd)


@pytest.mark.parametrize(("requests", "bracket"), [(1, 200), (2, 0), (0, 0)])
def test_a_call_is_in_the_bracket_of_its_own_prompt_and_a_sum_of_calls_in_the_lowest(
    requests: int, bracket: int
) -> None:
    assert choose_bracket(200, requests) == bracket


@pytest.mark.parametrize(
    ("prompt", "requests", "is_long"),
    [
        (101, 1, False),  # of a call alone it is known which it is
        (100, 2, False),  # not more in all than one call may have
        (101, 2, True),
        (101, 10, True),  # 10.1 each
        (101, 11, False),  # 9.2 each
        (110, 11, False),  # 10 each: a tenth of the threshold
        (111, 11, True),
        (100, 0, False),
        (101, 0, True),
    ],
)
def test_a_sum_of_calls_may_have_a_long_one_unless_all_together_are_short_or_their_mean_is_a_tenth_of_it(
    prompt: int, requests: int, is_long: bool
) -> None:
    assert bool(may_be_long(prompt, requests, 100)) is is_long
    several = may_be_long(np.array([prompt, 0]), np.array([requests, requests]), np.array([100, 100]))
    assert several.tolist() == [is_long, False]
