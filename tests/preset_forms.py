"""Any calls, written as each known system writes its files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from preset_samples import Sums

START = datetime(2026, 5, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Call:
    """A call as it was made, before any system wrote it down."""

    second: int
    model: str
    fresh: int
    cached: int
    written: int
    completion: int
    usd: Decimal

    @property
    def prompt(self) -> int:
        return self.fresh + self.cached + self.written

    @property
    def moment(self) -> datetime:
        return START + timedelta(seconds=self.second)


Row = dict[str, Any]

MAKERS = {"claude-sonnet-4-5": "anthropic", "gpt-4o-2024-08-06": "openai", "gemini-2.5-pro": "google"}


def write_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_jsonl(rows: list[Row]) -> str:
    return "\n".join(json.dumps(row, default=float) for row in rows) + "\n"


def write_openrouter(number: int, call: Call) -> Row:
    return {"generation_id": f"gen-{number}", "created_at": f"{call.moment:%Y-%m-%d %H:%M:%S}.000", "cost_total": 0,
            "byok_usage_inference": f"{call.usd:f}", "tokens_prompt": call.prompt, "tokens_completion": call.completion,
            "tokens_cached": call.cached, "model_permaslug": f"{MAKERS[call.model]}/{call.model}",
            "generation_time_ms": 1, "finish_reason_normalized": "stop", "api_key_name": "web"}  # fmt: skip


def write_openrouter_daily(number: int, call: Call) -> Row:
    return {"Date": f"{call.moment:%Y-%m-%d} 00:00:00", "Slug": f"{MAKERS[call.model]}/{call.model}",
            "Usage": f"{call.usd:f}", "BYOK Usage": 0, "Requests": number + 1, "Prompt Tokens": call.prompt,
            "Completion Tokens": call.completion, "Reasoning Tokens": 0}  # fmt: skip


def write_openai(number: int, call: Call) -> Row:
    start = int((START + timedelta(days=call.second // 86400)).timestamp())
    return {"start_time": start, "end_time": start + 86400, "num_model_requests": f"{number + 1}.0",
            "model": call.model, "batch": "FALSE", "service_tier": "", "api_key_id": f"key_{number % 2}",
            "project_id": "p", "input_tokens": call.prompt, "output_tokens": call.completion,
            "input_cached_tokens": call.cached, "input_cache_write_tokens": call.written}  # fmt: skip


def write_anthropic(number: int, call: Call) -> Row:
    # A row sums a day, model and key: no file of theirs has two that are alike.
    return {"usage_date_utc": f"{call.moment:%Y-%m-%d}", "model_version": call.model, "api_key": f"key_{number}",
            "workspace": "w", "usage_type": "standard", "context_window": "≤ 200k",
            "usage_input_tokens_no_cache": call.fresh, "usage_input_tokens_cache_write_5m": call.written - call.written // 2,
            "usage_input_tokens_cache_write_1h": call.written // 2, "usage_input_tokens_cache_read": call.cached,
            "usage_output_tokens": call.completion, "web_search_count": 0}  # fmt: skip


def write_cursor(number: int, call: Call) -> Row:
    return {"Date": f"{call.moment:%Y-%m-%dT%H:%M:%S.000Z}", "User": f"{number}@example.com", "Kind": "On-Demand",
            "Model": call.model, "Max Mode": "No", "Input (w/ Cache Write)": call.written,
            "Input (w/o Cache Write)": call.fresh, "Cache Read": call.cached, "Output Tokens": call.completion,
            "Total Tokens": call.prompt + call.completion, "Cost": f"${call.usd:f}"}  # fmt: skip


def write_litellm(number: int, call: Call) -> Row:
    return {"request_id": f"r{number}", "call_type": "acompletion", "api_key": "k", "spend": f"{call.usd:f}",
            "total_tokens": call.prompt + call.completion, "prompt_tokens": call.prompt,
            "completion_tokens": call.completion, "startTime": f"{call.moment:%Y-%m-%d %H:%M:%S}", "model": call.model,
            "cache_hit": "False", "status": "success", "team_id": ""}  # fmt: skip


def write_langfuse(number: int, call: Call) -> Row:
    usage = {"input": call.fresh, "output": call.completion, "total": call.prompt + call.completion,
             "cache_read_input_tokens": call.cached, "cache_creation_input_tokens": call.written}  # fmt: skip
    return {"id": f"o{number}", "trace_id": "t", "type": "GENERATION", "start_time": f"{call.moment:%Y-%m-%d %H:%M:%S.%f}",
            "provided_model_name": call.model, "usage_details": usage, "total_cost": f"{call.usd:f}", "latency": 1.5,
            "level": "DEFAULT"}  # fmt: skip


def write_helicone(number: int, call: Call) -> Row:
    return {"response_id": f"h{number}", "request_created_at": call.moment.isoformat(), "response_status": 200,
            "model": call.model, "prompt_tokens": call.prompt, "completion_tokens": call.completion, "latency": 900,
            "cost": f"{call.usd:f}", "request_user_id": "", "request_body": '{"a": "b, c"}'}  # fmt: skip


def write_bedrock(number: int, call: Call) -> Row:
    counted = {"inputTokenCount": call.fresh, "cacheReadInputTokenCount": call.cached,
               "cacheWriteInputTokenCount": call.written}  # fmt: skip
    return {"timestamp": f"{call.moment:%Y-%m-%dT%H:%M:%SZ}", "accountId": "1", "region": "us-east-1",
            "requestId": f"q{number}", "operation": "Converse", "modelId": f"us.{MAKERS[call.model]}.{call.model}-v1:0",
            "input": counted, "output": {"outputTokenCount": call.completion}}  # fmt: skip


def write_claude_code(number: int, call: Call) -> Row:
    usage = {"input_tokens": call.fresh, "cache_read_input_tokens": call.cached,
             "cache_creation_input_tokens": call.written, "output_tokens": call.completion}  # fmt: skip
    return {"type": "assistant", "timestamp": f"{call.moment:%Y-%m-%dT%H:%M:%S.000Z}", "sessionId": "s",
            "requestId": f"req{number}", "message": {"id": f"msg{number}", "model": call.model, "usage": usage}}  # fmt: skip


def write_codex(number: int, call: Call) -> Row:
    last = {"input_tokens": call.prompt, "cached_input_tokens": call.cached, "output_tokens": call.completion}
    # Lines of one session that say the same are of different milliseconds, or one line twice.
    return {"timestamp": f"{call.moment:%Y-%m-%dT%H:%M:%S}.{number:03}Z", "type": "event_msg",
            "payload": {"type": "token_count", "info": {"last_token_usage": last}}}  # fmt: skip


def write_span(number: int, call: Call) -> Row:
    counted = {"input_tokens": call.prompt, "output_tokens": call.completion,
               "cache_read.input_tokens": call.cached, "cache_creation.input_tokens": call.written}  # fmt: skip
    return {"traceId": "t", "spanId": f"{number}", "start_time": call.moment.isoformat(),
            "attributes": {f"gen_ai.usage.{name}": value for name, value in counted.items()}
            | {"gen_ai.operation.name": "chat", "gen_ai.request.model": call.model}}  # fmt: skip


def write_ccusage(rows: list[Row]) -> str:
    return json.dumps({"daily": rows, "totals": {}})


def write_day(number: int, call: Call) -> Row:
    model = {"modelName": call.model, "inputTokens": call.fresh, "outputTokens": call.completion,
             "cacheCreationTokens": call.written, "cacheReadTokens": call.cached, "cost": f"{call.usd:f}"}  # fmt: skip
    return {"date": f"{call.moment:%Y-%m-%d}", "modelBreakdowns": [model]}


def write_session(rows: list[Row]) -> str:
    head = {"timestamp": "2026-05-01T00:00:00Z", "type": "session_meta", "payload": {"id": "s", "cli_version": "1"}}
    turn = {"timestamp": "2026-05-01T00:00:00Z", "type": "turn_context", "payload": {"model": "gpt-5"}}
    return write_jsonl([head, turn, *rows])


CACHED, WRITTEN, MONEY = "cached", "written", "money"


@dataclass(frozen=True)
class Form:
    """How a system writes calls, and what its files can tell of them."""

    name: str
    write: Callable[[int, Any], Row]
    join: Callable[[list[Row]], str]
    told: set[str]
    counts_requests: bool | None = False
    """Whether a row tells how many requests it is of; None where it is of an unknown number."""

    def write_file(self, path: Path, rows: list[Row]) -> Path:
        file = path.with_suffix(SUFFIXES.get(self.join, ".jsonl"))
        file.write_text(self.join(rows), "utf-8")
        return file

    def expect(self, made: list[Call]) -> Sums:
        requests: dict[bool | None, int | None] = {True: sum(range(1, len(made) + 1)), False: len(made), None: None}
        return Sums(
            rows=len(made),
            requests=requests[self.counts_requests],
            prompt=sum(call.prompt for call in made),
            completion=sum(call.completion for call in made),
            cached=sum(call.cached for call in made) if CACHED in self.told else 0,
            written=sum(call.written for call in made) if WRITTEN in self.told else 0,
            usd=sum((call.usd for call in made), Decimal()) if MONEY in self.told else None,
            untold=0 if MONEY in self.told else len(made),
        )


FORMS = [
    Form("openrouter", write_openrouter, write_csv, {MONEY}),
    Form("openrouter-daily", write_openrouter_daily, write_csv, {MONEY}, True),
    Form("openai-usage", write_openai, write_csv, {CACHED, WRITTEN}, True),
    Form("anthropic-tokens", write_anthropic, write_csv, {CACHED, WRITTEN}, None),
    Form("cursor", write_cursor, write_csv, {CACHED, WRITTEN, MONEY}),
    Form("litellm", write_litellm, write_csv, {MONEY}),
    Form("langfuse", write_langfuse, write_jsonl, {CACHED, WRITTEN, MONEY}),
    Form("helicone", write_helicone, write_csv, {MONEY}),
    Form("bedrock", write_bedrock, write_jsonl, {CACHED, WRITTEN}),
    Form("claude-code", write_claude_code, write_jsonl, {CACHED, WRITTEN}),
    Form("codex", write_codex, write_session, {CACHED}),
    Form("ccusage", write_day, write_ccusage, {CACHED, WRITTEN, MONEY}, None),
    Form("otel", write_span, write_jsonl, {CACHED, WRITTEN}),
]
SUFFIXES: dict[Callable[[list[Row]], str], str] = {write_csv: ".csv", write_ccusage: ".json"}


@dataclass(frozen=True)
class Billed:
    """What a provider charged for one model on one day, before any bill wrote it down."""

    day: int
    model: str
    usd: Decimal

    @property
    def start(self) -> datetime:
        return START + timedelta(days=self.day)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=1)


def bill_openai(number: int, one: Billed) -> Row:
    return {"start_time": int(one.start.timestamp()), "end_time": int(one.end.timestamp()), "amount_value": f"{one.usd:f}",
            "amount_currency": "usd", "line_item": f"{one.model}, input", "project_id": f"p{number}"}  # fmt: skip


def bill_anthropic(number: int, one: Billed) -> Row:
    return {"usage_date_utc": f"{one.start:%Y-%m-%d}", "model": one.model, "workspace": f"w{number}", "api_key": "ci",
            "usage_type": "standard", "context_window": "", "token_type": "output", "cost_usd": f"{one.usd:f}",
            "list_price_usd": f"{one.usd:f}", "cost_type": "token"}  # fmt: skip


def bill_anthropic_api(number: int, one: Billed) -> Row:
    result = {"currency": "USD", "amount": f"{one.usd * 100:f}", "workspace_id": f"w{number}", "model": one.model,
              "description": "Usage"}  # fmt: skip
    return {"starting_at": one.start.isoformat(), "ending_at": one.end.isoformat(), "results": [result]}


def bill_copilot(number: int, one: Billed) -> Row:
    return {"date": f"{one.start:%Y-%m-%d}", "username": f"octo{number}", "product": "copilot", "sku": "premium_request",
            "model": one.model, "quantity": 1, "unit_type": "requests", "applied_cost_per_quantity": 1,
            "gross_amount": f"{one.usd:f}", "discount_amount": 0, "net_amount": f"{one.usd:f}"}  # fmt: skip


def bill_focus(number: int, one: Billed) -> Row:
    return {"ChargePeriodStart": one.start.isoformat(), "ChargePeriodEnd": one.end.isoformat(),
            "BilledCost": f"{one.usd:f}", "BillingCurrency": "USD", "ServiceName": "Amazon Bedrock",
            "SkuMeter": one.model, "ProviderName": "AWS", "ChargeCategory": "Usage", "SubAccountId": f"{number}"}  # fmt: skip


def bill_azure(number: int, one: Billed) -> Row:
    return {"Date": f"{one.start:%m/%d/%Y}", "MeterCategory": "Foundry Models", "MeterName": one.model,
            "CostInBillingCurrency": f"{one.usd:f}", "BillingCurrency": "USD", "ChargeType": "Usage",
            "SubscriptionId": f"sub-{number}"}  # fmt: skip


def write_report(rows: list[Row]) -> str:
    return json.dumps({"data": rows, "has_more": False, "next_page": None})


SUFFIXES[write_report] = ".json"

BILL_FORMS = [
    Form("openai-cost", bill_openai, write_csv, {MONEY}),
    Form("anthropic-cost", bill_anthropic, write_csv, {MONEY}),
    Form("anthropic-cost-api", bill_anthropic_api, write_report, {MONEY}),
    Form("copilot", bill_copilot, write_csv, {MONEY}),
    Form("focus", bill_focus, write_csv, {MONEY}),
    Form("azure-cost", bill_azure, write_csv, {MONEY}),
]
