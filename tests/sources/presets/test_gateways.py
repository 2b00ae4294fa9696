"""Exports of gateways and of what watches calls: OpenRouter, LiteLLM, Langfuse, Helicone; sums made by hand beside."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from preset_samples import (
    Sums,
    build_mapping,
    count_left_out,
    find_preset_name,
    read_rows,
    sum_rows,
    write_file,
    write_lines,
)

from flexlib.sources.files import read_calls

OPENROUTER = """
generation_id,created_at,cost_total,cost_web_search,cost_cache,cost_file_processing,byok_usage_inference,tokens_prompt,\
tokens_completion,tokens_reasoning,tokens_cached,model_permaslug,provider_name,variant,cancelled,streamed,user,\
finish_reason_raw,finish_reason_normalized,generation_time_ms,time_to_first_token_ms,api_key_disabled,api_key_name,app_name
gen-1,2026-05-01 10:00:00.123,0.0035,0,0,0,0,1000,100,0,0,openai/gpt-4o-2024-08-06,OpenAI,standard,false,true,,stop,stop,1200,300,false,web,Web
gen-2,2026-05-01 10:00:01.000,0.0001,0,0,0,0.02,4000,200,50,5000,anthropic/claude-sonnet-4.5,Anthropic,standard,false,true,,end_turn,stop,2100,400,false,web,Web
gen-3,2026-05-01 10:00:02.000,0,0,0,0,,900,0,0,0,x-ai/grok-4-fast,xAI,free,true,true,,,,,,false,batch,Jobs
gen-4,2026-05-31 23:59:59.999,0.00000012,0,0,0,0,500,10,0,0,qwen/qwen3-coder,DeepInfra,standard,false,false,,stop,stop,800,,false,batch,Jobs
"""


def test_a_generation_of_openrouter_costs_what_it_charged_and_what_the_own_key_was_charged(tmp_path: Path) -> None:
    file = write_file(tmp_path, "openrouter_activity.csv", OPENROUTER)
    assert find_preset_name(file) == "openrouter"
    # 0.0035 + (0.0001 + 0.02) + 0 + 0.00000012; 1000 + 4000 + 900 + 500; 100 + 200 + 0 + 10
    assert sum_rows(file) == Sums(4, 4, 6400, 310, usd=Decimal("0.02360012"))
    rows = read_rows(file)
    assert [row["provider"] for row in rows] == ["openai", "anthropic", "xai", "unknown"]
    assert [row["duration_ms"] for row in rows] == [1200, 2100, None, 800]
    assert {row["proxy"] for row in rows} == {"openrouter"}
    assert [row["usable_key"] for row in rows] == ["web", "web", "batch", "batch"]


def test_a_day_of_openrouter_is_a_sum_of_requests(tmp_path: Path) -> None:
    text = """
Date,Slug,Usage,BYOK Usage,Requests,Prompt Tokens,Completion Tokens,Reasoning Tokens
2026-05-01 00:00:00,openai/gpt-4o,1.25,0,100,400000,25000,0
2026-05-01 00:00:00,google/gemini-2.5-pro,0.5,0.75,53,1000000,50000,1000
2026-05-02 00:00:00,meta-llama/llama-3.3-70b-instruct:free,0,0,3,1500,300,0
"""
    file = write_file(tmp_path, "activity.csv", text)
    assert find_preset_name(file) == "openrouter-daily"
    # 1.25 + (0.5 + 0.75) + 0
    assert sum_rows(file) == Sums(3, 156, 1401500, 75300, usd=Decimal("2.50"))
    assert {row["grain"] for row in read_rows(file)} == {"day"}


def test_the_api_of_openrouter_says_the_same_under_other_names(tmp_path: Path) -> None:
    day = {"date": "2026-05-01", "model": "openai/gpt-4o", "model_permaslug": "openai/gpt-4o", "endpoint_id": "e1",
           "provider_name": "OpenAI", "usage": 1.25, "byok_usage_inference": 0.75, "requests": 100,
           "prompt_tokens": 400000, "completion_tokens": 25000, "reasoning_tokens": 0}  # fmt: skip
    other = day | {"endpoint_id": "e2", "usage": 0.25, "byok_usage_inference": 0, "requests": 1}
    file = write_lines(tmp_path, "activity.json", {"data": [day, other]})
    assert find_preset_name(file) == "openrouter-daily"
    assert sum_rows(file) == Sums(2, 101, 800000, 50000, usd=Decimal("2.25"))


LITELLM = """
request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,endTime,model,model_group,\
custom_llm_provider,api_base,user,metadata,cache_hit,request_tags,team_id,organization_id,end_user,status,session_id
r1,acompletion,88dc28,0.0035,1100,1000,100,2026-05-01 10:00:00.000,2026-05-01 10:00:02.000,gpt-4o-2024-08-06,gpt-4o,openai,,u1,"{""a"": 1}",False,[],red,,,success,s1
r2,acompletion,88dc28,0,1100,1000,100,2026-05-01 10:01:00.000,2026-05-01 10:01:00.010,gpt-4o-2024-08-06,gpt-4o,openai,,u1,{},True,[],red,,,success,s1
r3,acompletion,99ee00,0,5500,5000,500,2026-05-02 10:00:00.000,2026-05-02 10:00:02.000,hosted_vllm/our-llama,our-llama,hosted_vllm,,,{},False,[],blue,,,success,s2
r4,aembedding,99ee00,0.00002,1000,1000,0,2026-05-02 10:00:03.000,2026-05-02 10:00:04.000,text-embedding-3-small,,openai,,,{},,[],blue,,,success,s2
r5,acompletion,99ee00,0,0,0,0,2026-05-02 10:00:05.000,2026-05-02 10:00:05.100,azure/gpt-4o,,azure,,,{},,[],blue,,,failure,s2
"""


def test_litellm_tells_the_spend_and_a_zero_beside_tokens_is_no_price(tmp_path: Path) -> None:
    file = write_file(tmp_path, "spend_logs.csv", LITELLM)
    assert find_preset_name(file) == "litellm"
    # r1 + r2 (its own cache) + r4; r3 is a model that LiteLLM has no price for; r5 never reached a model
    assert sum_rows(file) == Sums(4, 4, 8000, 700, usd=Decimal("0.00352"), untold=1)
    assert count_left_out(file) == {"failed calls": 1}
    assert [(row["id"], row["provider"]) for row in read_rows(file) if row["amount_in_usd"] is None] == [
        ("r3", "unknown")
    ]


SOLD = {
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0": ("anthropic", "bedrock"),
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0": ("anthropic", "bedrock"),
    "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-pro-v1:0": ("amazon", "bedrock"),
    "openrouter/anthropic/claude-sonnet-4.5": ("anthropic", "openrouter"),
    "anthropic/claude-sonnet-4-5": ("anthropic", None),
    "azure/gpt-4o": ("openai", None),
}
"""Who made the model and through whom it was called, who sends the bill, by the names that gateways write."""


def test_a_gateway_s_name_of_a_model_says_who_sends_the_bill(tmp_path: Path) -> None:
    head, row = LITELLM.strip().splitlines()[:2]
    rows = [row.replace("gpt-4o-2024-08-06", model).replace("r1", f"r{n}") for n, model in enumerate(SOLD)]
    file = write_file(tmp_path, "spend_logs.csv", "\n".join([head, *rows]))
    assert {one["model"]: (one["provider"], one["proxy"]) for one in read_rows(file)} == SOLD


def test_langfuse_tells_the_cost_of_generations_and_its_spans_are_no_calls(tmp_path: Path) -> None:
    base: dict[str, Any] = {"trace_id": "t", "type": "GENERATION", "provided_model_name": "gpt-4o-2024-08-06", "level": "DEFAULT",
            "end_time": None, "cost_details": {}}  # fmt: skip
    rows = [
        base | {"id": "o0", "type": "SPAN", "start_time": "2026-05-01 09:59:59.000000", "provided_model_name": None,
                "usage_details": {}, "total_cost": None, "latency": 9.5},
        base | {"id": "o1", "start_time": "2026-05-01 10:00:00.000001", "latency": 2.0, "total_cost": 0.0035,
                "usage_details": {"input": 1000, "output": 100, "total": 1100}},
        base | {"id": "o2", "start_time": "2026-05-01 10:00:03.000000", "latency": 0.25, "total_cost": 0.006,
                "provided_model_name": "claude-sonnet-4-5",
                "usage_details": {"input": 100, "output": 50, "cache_read_input_tokens": 800,
                                  "cache_creation_input_tokens": 200, "total": 1150}},
        base | {"id": "o3", "start_time": "2026-05-01 10:00:05.000000", "level": "ERROR", "latency": 1.0,
                "usage_details": {}, "total_cost": None},
        base | {"id": "o4", "type": "EMBEDDING", "start_time": "2026-05-01 10:00:06.000000", "latency": 1.0,
                "provided_model_name": "text-embedding-3-small", "total_cost": 0.00002,
                "usage_details": {"input": 1000, "output": 0, "total": 1000}},
    ]  # fmt: skip
    file = write_lines(tmp_path, "observations.jsonl", *rows)
    assert find_preset_name(file) == "langfuse"
    # the prompt of o2: 100 fresh, 800 read, 200 written
    assert sum_rows(file) == Sums(3, 3, 3100, 150, cached=800, written=200, usd=Decimal("0.00952"))
    assert count_left_out(file) == {"other rows": 1, "failed calls": 1}
    assert [row["duration_ms"] for row in read_rows(file)] == [2000, 250, 1000]


def test_the_total_of_langfuse_tells_whether_the_input_holds_the_cached_tokens(tmp_path: Path) -> None:
    base = {"trace_id": "t", "type": "GENERATION", "provided_model_name": "gpt-4o-2024-08-06", "total_cost": 0.0035,
            "start_time": "2026-05-01 10:00:00.000001"}  # fmt: skip
    within = {"input": 1000, "output": 100, "input_cached_tokens": 500, "total": 1100}
    beside = {"input": 500, "output": 60, "input_cached_tokens": 400, "output_reasoning_tokens": 40, "total": 1000}
    rows = [base | {"id": "o1", "usage_details": within}, base | {"id": "o2", "usage_details": beside}]
    file = write_lines(tmp_path, "observations.jsonl", *rows)
    told = [(row["prompt_tokens"], row["completion_tokens"], row["cached_tokens"]) for row in read_rows(file)]
    assert sorted(told) == [(900, 100, 400), (1000, 100, 500)]


def test_a_generation_within_another_counts_once(tmp_path: Path) -> None:
    base = {"trace_id": "t", "type": "GENERATION", "provided_model_name": "gpt-4o-2024-08-06", "total_cost": 0.0035,
            "start_time": "2026-05-01 10:00:00.000001", "usage_details": {"input": 1000, "output": 100}}  # fmt: skip
    rows = [base | {"id": "o1", "parent_observation_id": None}, base | {"id": "o2", "parent_observation_id": "o1"}]
    file = write_lines(tmp_path, "observations.jsonl", *rows)
    assert sum_rows(file) == Sums(1, 1, 1000, 100, usd=Decimal("0.0035"))
    assert count_left_out(file) == {"sums of calls in them": 1}


def test_what_langfuse_cannot_price_it_writes_as_0_and_that_is_unknown(tmp_path: Path) -> None:
    row = {"id": "o1", "trace_id": "t", "type": "GENERATION", "provided_model_name": "my-finetune", "total_cost": 0,
           "start_time": "2026-05-01 10:00:00.000001", "usage_details": {"input": 150_000, "output": 0}}  # fmt: skip
    (call,) = read_rows(write_lines(tmp_path, "observations.jsonl", row))
    assert (call["amount_in_usd"], call["unpriced"]) == (None, "the source gives 0")


HELICONE = """
response_id,response_created_at,response_status,request_created_at,request_body,request_properties,request_user_id,model,prompt_tokens,completion_tokens,latency,cost
a1,2026-05-01T10:00:02Z,200,2026-05-01T10:00:00Z,"{""messages"": [""hi, there""]}",{},ana@example.com,gpt-4o-2024-08-06,1000,100,2000,0.0035
a2,2026-05-01T10:01:00Z,429,2026-05-01T10:00:59Z,{},{},ana@example.com,gpt-4o-2024-08-06,,,310,
a3,2026-05-01T10:02:00Z,200,2026-05-01T10:01:58Z,{},{},17,our-model,5000,500,900,0
a4,2026-05-01T10:03:00Z,-3,2026-05-01T10:02:58Z,{},{},17,claude-sonnet-4-5,1000,20,900,0.0033
"""


def test_helicone_tells_the_cost_and_what_failed_without_usage_is_no_call(tmp_path: Path) -> None:
    file = write_file(tmp_path, "helicone.csv", HELICONE)
    assert find_preset_name(file) == "helicone"
    # a1 + a4 (broken off, and paid); a3 is a model that Helicone has no price for
    assert sum_rows(file) == Sums(3, 3, 7000, 620, usd=Decimal("0.0068"), untold=1)
    assert count_left_out(file) == {"failed calls": 1}
    keys = [row["usable_key"] for row in read_rows(file)]
    assert keys[0].startswith("email-")
    assert keys[1:] == ["17", "17"]


def test_a_call_of_helicone_that_was_broken_off_without_usage_is_unknown(tmp_path: Path) -> None:
    row = "a5,2026-05-01T10:03:00Z,-3,2026-05-01T10:02:58Z,{},{},17,claude-sonnet-4-5,,,900,"
    file = write_file(tmp_path, "helicone.csv", f"{HELICONE.strip()}\n{row}")
    with read_calls(file, build_mapping(file)) as calls:
        assert [one.reason for one in calls.list_quarantined()] == ["no prompt_tokens; no completion_tokens"]
