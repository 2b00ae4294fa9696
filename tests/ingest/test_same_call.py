"""The law: a call costs what it costs, whatever door it came in by. Recorded or imported, each row is the same."""

from __future__ import annotations

import csv
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage_samples import PART_OF

from flexlib.dates import Month
from flexlib.ingest.files.importing import import_usage
from flexlib.ingest.ledger import close_month
from flexlib.ledger import open_ledger, record_many
from flexlib.money.fx import Rate
from flexlib.schema import EXTRA_COUNTS, USAGE
from flexlib.sources.files.mapping import CallMapping
from flexlib.store.fx import KeptRate, write_kept_rates
from flexlib.store.snapshots import load_usage

SEPTEMBER = Month(2025, 9)
OVER = datetime(2025, 12, 1, tzinfo=timezone.utc)
COLUMNS = ("created_at", "prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "cost", "tier")
AMOUNTS = ("amount_in_usd", "amount_in_clp")
NAMED = ("provider", "model", "proxy", "task_type")
MODELS = [
    ("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-4o"), ("openai", "gpt-4o-audio-preview"),
    ("google", "gemini-2.5-pro"), ("google", "gemini-2.5-flash"), ("openai", "no-such-model"), ("xai", "grok-4"),
    ("perplexity", "sonar"), ("deepseek", "deepseek-chat"), ("anthropic", "us.anthropic.claude-opus-4-6-v1"),
]  # fmt: skip


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """A call whose counts may contradict each other or have no price: then both doors say so in the same words."""
    provider, model = draw(st.sampled_from(MODELS))
    prompt, completion = draw(st.integers(0, 300_000)), draw(st.integers(0, 50_000))
    cached = draw(st.integers(0, prompt))
    write = draw(st.integers(0, prompt - cached))
    base = {"prompt_tokens": prompt, "completion_tokens": completion, "cached_tokens": cached,
            "cache_write_tokens": write}  # fmt: skip
    extra = {
        name: draw(st.integers(0, base.get(PART_OF.get(name, ""), 9)))
        for name in draw(st.sets(st.sampled_from(EXTRA_COUNTS), max_size=3))
    }
    amounts = st.decimals(0, 100, places=4)
    given_amounts = {name: draw(amounts) for name in draw(st.sets(st.sampled_from((*AMOUNTS, "cost")), max_size=2))}
    day, hour = draw(st.integers(1, 30)), draw(st.integers(0, 23))
    return base | extra | given_amounts | {
        "provider": provider,
        "model": model,
        "proxy": draw(st.sampled_from([None, "openrouter", "together"])),
        "task_type": draw(st.sampled_from(["text", "embedding"])),
        "tier": draw(st.sampled_from([None, None, "batch", "priority", "low"])),
        "created_at": f"2025-09-{day:02d}T{hour:02d}:30:00Z",
    }  # fmt: skip


def record(root: Path, batch: list[dict[str, Any]]) -> None:
    ledger = open_ledger(data=root)
    given_calls: list[dict[str, Any]] = []
    for call in batch:
        told = {name: value for name, value in call.items() if value is not None}
        extra = {name: told.pop(name) for name in EXTRA_COUNTS if name in told}
        given_calls.append({"usable": None, **told, "extra_counts": extra})
    record_many(given_calls, ledger=ledger)
    close_month(SEPTEMBER, root, ledger=ledger, now=OVER)
    ledger.close()


def bring(root: Path, batch: list[dict[str, Any]]) -> None:
    file = root / "calls.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictWriter(out, ["request_id", *COLUMNS, *AMOUNTS, *NAMED, *EXTRA_COUNTS], restval="")
        rows.writeheader()
        rows.writerows(batch)
    options: dict[str, Any] = {name: name for name in (*COLUMNS, *AMOUNTS, "request_id")}
    options |= {f"{name}_column": name for name in NAMED}
    options["extra_counts"] = tuple(f"{name}={name}" for name in EXTRA_COUNTS)
    import_usage(file, CallMapping(**options, cache="included"), root, now=OVER)


@given(st.lists(calls(), min_size=1, max_size=12))
@settings(max_examples=20, deadline=None)
def test_any_call_recorded_is_the_same_call_imported(
    tmp_path_factory: pytest.TempPathFactory, batch: list[dict[str, Any]]
) -> None:
    named = [one | {"request_id": f"call-{number}"} for number, one in enumerate(batch)]
    found = []
    for way in (record, bring):
        root = tmp_path_factory.mktemp("month")
        rates = [KeptRate(Rate(date(2025, 9, day), Decimal("950.25") + day, "made up"), OVER) for day in (5, 12, 19)]
        write_kept_rates(rates, root)
        way(root, named)
        table = pq.read_table(load_usage(SEPTEMBER, root).parquet, schema=USAGE)
        found.append(table.drop_columns("updated_at").to_pylist())
    assert found[0] == found[1]
