"""Columns that a file may lack, and whose a model is by its name: what a preset needs to fit every file of a system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flexlib.errors import BadFile, BadParameter
from flexlib.sources.files import read_calls
from flexlib.sources.files.mapping import CallMapping

HEADER = "time,in,out,model"
OPTIONAL = {
    "cached_tokens": "cached",
    "cache": "included",
    "status": "state",
    "metadata": ("team",),
    "optional": ("cached", "state", "team"),
}


def take(file: Path, **mapping: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """All rows of the file, in order."""
    names: dict[str, Any] = {"created_at": "time", "prompt_tokens": "in", "completion_tokens": "out"}
    with read_calls(file, CallMapping(**names, **mapping, model_column="model")) as calls:
        assert calls.list_quarantined() == []
        (month,) = calls.months
        found: list[dict[str, Any]] = calls.read_month(month).order("created_at").to_arrow_table().to_pylist()
    return found


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_an_optional_column_that_is_not_there_is_empty_in_every_row(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"calls{suffix}"
    row = {"time": "2025-09-01T10:00:00Z", "in": 9, "out": 5, "model": "gpt-4"}
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist([row]), file)
    else:
        file.write_text(json.dumps(row) if suffix == ".jsonl" else f"{HEADER}\n{','.join(map(str, row.values()))}\n")
    (call,) = take(file, **OPTIONAL, provider="openai")
    assert (call["prompt_tokens"], call["cached_tokens"], call["status"]) == (9, 0, None)


def test_an_optional_key_that_comes_late_in_json_lines_is_read(tmp_path: Path) -> None:
    rows = [{"time": f"2025-09-01T10:{place // 60:02}:{place % 60:02}Z", "in": 9, "out": 5, "model": "gpt-4"}
            for place in range(150)]  # fmt: skip
    rows[-1] |= {"cached": 4}
    file = tmp_path / "calls.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    assert sum(call["cached_tokens"] for call in take(file, **OPTIONAL, provider="openai")) == 4


def test_a_column_that_is_not_optional_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(f"{HEADER}\n2025-09-01T10:00:00Z,9,5,gpt-4\n")
    with pytest.raises(BadFile, match="has no column 'cached' for --cached-tokens"):
        take(file, provider="openai", cached_tokens="cached", optional=("state",))


def test_the_first_pattern_that_fits_a_model_s_name_tells_its_maker(tmp_path: Path) -> None:
    models = {"Claude-4.5-Sonnet": "anthropic", "us.anthropic.claude-opus-4-v1:0": "anthropic", "x-ai/grok-4": "xai",
              "google/gemma": "google", "composer-1": "unknown"}  # fmt: skip
    file = tmp_path / "calls.csv"
    rows = [f"2025-09-01T10:00:{place:02}Z,9,5,{model}" for place, model in enumerate(models)]
    file.write_text("\n".join([HEADER, *rows, ""]))
    makers = ("*claude*=anthropic", "x-ai/*=xai", "composer*=unknown")
    assert {call["model"]: call["provider"] for call in take(file, makers=makers)} == models


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("claude", "'claude' names no provider; write a pattern and a provider, such as claude*=anthropic."),
        ("claude*=nobody", "'nobody' is not a known provider; it must be one of"),
    ],
)
def test_a_pattern_without_a_provider_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(BadParameter) as refused:
        CallMapping(created_at="t", prompt_tokens="i", completion_tokens="o", model_column="m", makers=(text,))
    assert str(refused.value).startswith(sentence)
