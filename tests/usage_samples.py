"""What the tests of calls stand on: a few calls by hand, on each engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from flexlib.schema import USAGE

Call = tuple[datetime, str, str, int, int, Decimal | None, Decimal | None]
"""Time, provider, model, prompt and completion tokens, USD, CLP."""
Bring = Callable[[Sequence[Call]], Any]

BLANK: dict[str, Any] = {**dict.fromkeys(USAGE.names), "grain": "call", "requests": 1}
"""A call of which nothing is said."""

PART_OF: dict[str, str] = {
    "cache_write_1h_tokens": "cache_write_tokens",
    "cache_audio_read_tokens": "cached_tokens",
    "cache_image_read_tokens": "cached_tokens",
    "input_audio_tokens": "prompt_tokens",
    "input_image_tokens": "prompt_tokens",
    "input_video_tokens": "prompt_tokens",
    "output_audio_tokens": "completion_tokens",
    "output_image_tokens": "completion_tokens",
    "output_video_tokens": "completion_tokens",
}
"""The base column whose tokens each extra count is among; searches are no tokens."""

CENT = Decimal("0.01")
NIGHT, MORNING, NEXT = (
    datetime(2025, 9, 1, 0, 0),
    datetime(2025, 9, 1, 9, 59, 59, 999999),
    datetime(2025, 9, 2, 9, 0),
)

CALLS: list[Call] = [
    (NIGHT, "openai", "gpt-4", 100, 10, CENT, None),
    (MORNING, "openai", "gpt-4", 300, 30, None, None),
    (MORNING, "xai", "grok-4", 50, 500, Decimal("0.0000000001"), Decimal(95)),
    (NEXT, "anthropic", "opus", 550, 0, None, None),
    (NEXT, "openai", "gpt-4", 0, 0, CENT, None),
]


def to_table(calls: Sequence[Call]) -> pa.Table:
    given_values = {
        "id": [str(number) for number in range(len(calls))],
        "created_at": [call[0] for call in calls],
        "updated_at": [call[0] for call in calls],
        "grain": ["call"] * len(calls),
        "requests": [1] * len(calls),
        "provider": [call[1] for call in calls],
        "model": [call[2] for call in calls],
        "task_type": ["text"] * len(calls),
        "prompt_tokens": [call[3] for call in calls],
        "completion_tokens": [call[4] for call in calls],
        "total_tokens": [call[3] + call[4] for call in calls],
        "cached_tokens": [0] * len(calls),
        "cache_write_tokens": [0] * len(calls),
        "amount_in_usd": [call[5] for call in calls],
        "amount_in_clp": [call[6] for call in calls],
    }
    columns = [pa.array(given_values.get(field.name, [None] * len(calls)), field.type) for field in USAGE]
    return pa.table(columns, USAGE)


def to_pandas(calls: Sequence[Call]) -> pd.DataFrame:
    frame: pd.DataFrame = to_table(calls).to_pandas()
    return frame


def to_relation(calls: Sequence[Call]) -> duckdb.DuckDBPyRelation:
    return duckdb.from_arrow(to_table(calls))


ENGINES: dict[str, Bring] = {"pandas": to_pandas, "duckdb": to_relation}
