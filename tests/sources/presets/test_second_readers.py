"""The sellers' own types read the same files: an answer of theirs that we misread would be read otherwise by them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from preset_samples import find_preset_name, sum_rows, write_file, write_lines
from test_bills import read_bill
from test_sessions import CLAUDE_CODE

BUCKET = {"object": "bucket", "start_time": 1777593600, "end_time": 1777680000}


def write_page(*results: dict[str, Any]) -> dict[str, Any]:
    """A page of OpenAI's API: two days, the second without use."""
    days = [BUCKET | {"results": results}, BUCKET | {"start_time": 1777680000, "end_time": 1777766400, "results": []}]
    return {"object": "page", "data": days, "has_more": False, "next_page": None}


def test_openai_s_types_count_the_same_tokens(tmp_path: Path) -> None:
    organization = pytest.importorskip("openai.types.admin.organization")
    result = {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 100,
              "input_cached_tokens": 800, "num_model_requests": 5, "model": "gpt-4o", "batch": None}  # fmt: skip
    page = write_page(result, result | {"model": "gpt-4o-mini", "input_tokens": 900})
    theirs = [one for day in organization.UsageCompletionsResponse.model_validate(page).data for one in day.results]
    ours = sum_rows(write_file(tmp_path, "usage.json", json.dumps(page, indent=2)))
    assert (ours.prompt, ours.completion, ours.cached, ours.requests) == (
        sum(one.input_tokens for one in theirs),
        sum(one.output_tokens for one in theirs),
        sum(one.input_cached_tokens for one in theirs),
        sum(one.num_model_requests for one in theirs),
    )


def test_openai_s_types_bill_the_same_dollars(tmp_path: Path) -> None:
    organization = pytest.importorskip("openai.types.admin.organization")
    result = {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
              "line_item": "gpt-4o, input", "project_id": None}  # fmt: skip
    page = write_page(result, result | {"amount": {"value": 0.25, "currency": "usd"}, "line_item": "gpt-4o, output"})
    theirs = [one for day in organization.UsageCostsResponse.model_validate(page).data for one in day.results]
    file = write_file(tmp_path, "costs.json", json.dumps(page, indent=2))
    assert find_preset_name(file) == "openai-cost"
    assert sum(row["amount"] for row in read_bill(file)) == sum(Decimal(str(one.amount.value)) for one in theirs)


def test_anthropic_s_types_bill_the_same_cents(tmp_path: Path) -> None:
    bucket = pytest.importorskip("anthropic.types.beta.organization").BetaAnalyticsCostReportTimeBucket
    result = {"currency": "USD", "amount": "20.18", "list_amount": "22.00", "workspace_id": None, "model": "claude-opus-4-6",
              "token_type": None, "cost_type": None}  # fmt: skip
    days = [{"starting_at": f"2026-05-0{day}T00:00:00Z", "ending_at": f"2026-05-0{day + 1}T00:00:00Z",
             "results": [result | {"amount": cents}]} for day, cents in ((1, "20.18"), (2, "5.5"))]  # fmt: skip
    theirs = [one for day in days for one in bucket.model_validate(day).results]
    file = write_file(tmp_path, "cost_report.json", json.dumps({"data": days, "has_more": False, "next_page": None}))
    assert find_preset_name(file) == "anthropic-cost-api"
    read = sum(row["amount"] for row in read_bill(file))
    assert read == sum(Decimal(one.amount) for one in theirs) / 100 == Decimal("0.2568")  # 20.18 + 5.5 cents


def test_anthropic_s_types_read_the_usage_of_claude_code(tmp_path: Path) -> None:
    types = pytest.importorskip("anthropic.types")
    last = {line["message"]["id"]: line["message"] for line in CLAUDE_CODE
            if line["type"] == "assistant" and line["message"]["model"] != "<synthetic>"}  # fmt: skip
    theirs = [types.Usage.model_validate(message["usage"]) for message in last.values()]
    ours = sum_rows(write_lines(tmp_path, "session.jsonl", *CLAUDE_CODE))
    read = sum(one.cache_read_input_tokens or 0 for one in theirs)
    written = sum(one.cache_creation_input_tokens or 0 for one in theirs)
    assert (ours.cached, ours.written) == (read, written)
    assert ours.prompt == read + written + sum(one.input_tokens for one in theirs)
    assert ours.completion == sum(one.output_tokens for one in theirs)
