"""Days that are summed ahead are summed to what the rows are: the front door's sums, whatever rows do not say."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spend_samples import AUGUST, SEPTEMBER, call, store, store_credits

import flexlib as fl
from flexlib.dashboard.held import hold_spend, list_view_rows, sum_view
from flexlib.dashboard.rolled import ROLLED
from flexlib.front.narrow import Only, list_rows, sum_narrow
from flexlib.store import cache

KEYS = [*((one,) for one in sorted(ROLLED)), *combinations(("day", "month", "model", "provider", "source"), 2), ()]
ONLY: list[Only] = [(), (("weekday", "1"),), (("proxy", None),), (("month", "2025-09-01"), ("provider", "openai"))]


@st.composite
def draw_call(draw: st.DrawFn) -> dict[str, Any]:
    month = draw(st.sampled_from((8, 9)))
    grain = draw(st.sampled_from(("call", "hour", "day", "month")))
    moment = f"2025-{month:02d}-{1 if grain == 'month' else draw(st.integers(1, 3)):02d}"
    if grain in ("call", "hour"):
        moment += f"T{draw(st.integers(0, 23)):02d}:00:00"
    tokens = draw(st.integers(0, 9))
    return call(
        "", moment, draw(st.sampled_from((None, "0", "0.0000000001", "12.34"))), grain=grain,
        requests=1 if grain == "call" else draw(st.sampled_from((None, 1, 5))),
        provider=draw(st.sampled_from(("openai", "google"))), model=draw(st.sampled_from(("gpt-4o", "GPT-4o", "mine"))),
        proxy=draw(st.sampled_from((None, "openrouter"))), prompt_tokens=tokens, total_tokens=tokens,
        amount_in_clp=draw(st.sampled_from((None, 950))),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(draw_call(), min_size=1, max_size=30), st.booleans(), st.sampled_from(KEYS), st.sampled_from(ONLY))
def test_what_is_summed_by_day_ahead_sums_to_what_its_rows_do(
    calls: list[dict[str, Any]], has_credits: bool, keys: tuple[str, ...], only: Only
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLEXLIB_DATA", folder)
        patch.setattr(cache, "WORTH", 0)  # also what is this small is kept
        for month in (AUGUST, SEPTEMBER):
            own = [one | {"id": f"{number:03d}"} for number, one in enumerate(calls)
                   if one["created_at"].month == month.month]  # fmt: skip
            if own:
                store(Path(folder), "import", month, *own)
        if has_credits:
            store_credits(Path(folder), (2, "ana", "MODEL_A", 100, 700), (3, "ben", "MODEL_A", 0, 5))
        months = fl.months()["month"]
        span = (str(months.min())[:7], str(months.max())[:7])
        for _again in range(2):  # the second time as it was kept
            spend = fl.load(*span)
            held = hold_spend(spend)
            pd.testing.assert_frame_equal(sum_view(held, keys, only), sum_narrow(spend, keys, only))
            assert list_view_rows(held, only, 5) == list_rows(spend, only, 5)
