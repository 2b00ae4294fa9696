"""What sellers export of the use of their models: OpenAI, Anthropic, Bedrock, Cursor; sums made by hand beside."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from preset_samples import (
    Sums,
    build_mapping,
    count_left_out,
    find_preset_name,
    price_file,
    read_rows,
    sum_rows,
    write_file,
    write_lines,
)

from flexlib.enums import NOT_SAID_BILLED
from flexlib.errors import BadFile
from flexlib.ingest.files.importing import import_usage

OPENAI = """
start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,\
input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens,input_text_tokens,output_text_tokens,\
input_cached_text_tokens,input_audio_tokens,input_cached_audio_tokens,output_audio_tokens,input_image_tokens,\
input_cached_image_tokens,output_image_tokens
1777593600,1777680000,2026-05-01T00:00:00+00:00,2026-05-02T00:00:00+00:00,proj_1,10.0,,key_1,gpt-4o-2024-08-06,FALSE,,100000,5000,40000,60000,60000,5000,40000,0,0,0,0,0,0
1777593600,1777680000,2026-05-01T00:00:00+00:00,2026-05-02T00:00:00+00:00,proj_1,4.0,,key_2,gpt-4o-2024-08-06,TRUE,,1000000,50000,0,1000000,1000000,50000,0,0,0,0,0,0,0
1777680000,1777766400,2026-05-02T00:00:00+00:00,2026-05-03T00:00:00+00:00,,,,,,,,,,,,,,,,,,,,
1777766400,1777852800,2026-05-03T00:00:00+00:00,2026-05-04T00:00:00+00:00,proj_2,1.0,,key_1,text-embedding-3-small,FALSE,,2000,0,0,2000,2000,0,0,0,0,0,0,0,0
1777852800,1777939200,2026-05-04T00:00:00+00:00,2026-05-05T00:00:00+00:00,proj_2,2.0,,key_1,gpt-4o-audio-preview,FALSE,default,1000,300,500,500,200,100,100,300,400,200,0,0,0
"""


def test_a_day_of_openai_holds_its_cached_tokens_and_a_day_without_use_is_no_gap(tmp_path: Path) -> None:
    file = write_file(tmp_path, "completions_usage.csv", OPENAI)
    assert find_preset_name(file) == "openai-usage"
    assert sum_rows(file) == Sums(4, 17, 1103000, 55300, cached=40500, untold=4)
    assert count_left_out(file) == {"days without use": 1}
    rows = read_rows(file)
    tiers = [("key_1", None), ("key_2", "batch"), ("key_1", None), ("key_1", "default")]
    assert [(row["usable_key"], row["tier"]) for row in rows] == tiers
    # 300 heard anew and 400 out of the cache
    assert (rows[-1]["input_audio_tokens"], rows[-1]["cache_audio_read_tokens"], rows[-1]["output_audio_tokens"]) == (
        *(700, 400, 200),
    )
    assert {row["grain"] for row in rows} == {"day"}


def test_the_pages_of_openai_s_api_say_the_same(tmp_path: Path) -> None:
    result = {"object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 100,
              "input_cached_tokens": 800, "num_model_requests": 5, "project_id": None, "user_id": None,
              "api_key_id": None, "model": "gpt-4o-2024-08-06", "batch": None, "service_tier": None}  # fmt: skip
    bucket = {"object": "bucket", "start_time": 1777593600, "end_time": 1777680000}
    days = [bucket | {"results": [result, result | {"model": "gpt-4o-mini"}]},
            bucket | {"start_time": 1777680000, "end_time": 1777766400, "results": []}]  # fmt: skip
    page = {"object": "page", "data": days, "has_more": False, "next_page": None}
    file = write_lines(tmp_path, "usage.json", page)
    assert find_preset_name(file) == "openai-usage"
    assert sum_rows(file) == Sums(2, 10, 2000, 200, cached=1600, untold=2)


ANTHROPIC = """
usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,\
usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,\
web_search_count,inference_geo,speed
2026-03-22,claude-sonnet-4-5-20250929,ci,Default,standard,≤ 200k,100000,20000,0,80000,5000,0,,
2026-03-23,claude-sonnet-4-5-20250929,ci,Default,standard,≤ 200k,90000,0,0,30000,1000,0,,
2026-03-24,claude-haiku-4-5-20251001,ana@example.com,Default,batch,≤ 200k,1000,1000,2000,0,100,2,,
2026-03-25,claude-opus-4-6,ci,Default,standard,≤ 200k,10,0,0,0,1,0,,fast
"""


def test_a_day_of_anthropic_has_four_kinds_of_prompt(tmp_path: Path) -> None:
    file = write_file(tmp_path, "claude_tokens.csv", ANTHROPIC)
    assert find_preset_name(file) == "anthropic-tokens"
    # 100000 + 20000 + 80000, 90000 + 30000, 1000 + 1000 + 2000, 10
    assert sum_rows(file) == Sums(4, None, 324010, 6101, cached=110000, written=23000, untold=4)
    *_, batch, fast = read_rows(file)
    assert (batch["cache_write_1h_tokens"], batch["web_searches"], batch["tier"]) == (2000, 2, "batch + 0-200k")
    assert batch["usable_key"].startswith("email-")
    assert fast["tier"] == "fast + 0-200k"


def test_the_prompt_of_anthropic_is_priced_by_its_parts(tmp_path: Path) -> None:
    text = "\n".join(ANTHROPIC.strip().splitlines()[:3])
    file = write_file(tmp_path, "claude_tokens.csv", text)
    # 190000 x 3 + 20000 x 3.75 + 110000 x 0.30 + 6000 x 15, by the million
    assert price_file(file, tmp_path / "data") == (Decimal("0.768"), 0)


@pytest.mark.parametrize(
    ("window", "usd"),
    [
        ("≤ 200k", "1.215"),  # 400,000 x 3 + 1,000 x 15, by the million
        ("> 200k", "2.4225"),  # 400,000 x 6 + 1,000 x 22.50
        ("200k-1M", "2.4225"),
        ("", None),
    ],
)
def test_the_window_that_anthropic_names_settles_the_bracket_of_a_day(
    tmp_path: Path, window: str, usd: str | None
) -> None:
    text = "\n".join(ANTHROPIC.strip().splitlines()[:1])
    row = f"2026-03-22,claude-sonnet-4-5-20250929,ci,Default,standard,{window},400000,0,0,0,1000,0,,"
    file = write_file(tmp_path, "claude_tokens.csv", f"{text}\n{row}")
    assert price_file(file, tmp_path / "data") == (usd and Decimal(usd), int(usd is None))


def test_the_pages_of_anthropic_s_api_say_the_same_under_other_names(tmp_path: Path) -> None:
    result = {"uncached_input_tokens": 100, "cache_read_input_tokens": 80, "output_tokens": 5, "model": "claude-sonnet-4-5",
              "cache_creation": {"ephemeral_1h_input_tokens": 15, "ephemeral_5m_input_tokens": 5},
              "server_tool_use": {"web_search_requests": 2}, "api_key_id": "k", "workspace_id": None,
              "service_tier": "batch", "context_window": "0-200k"}  # fmt: skip
    day = {"starting_at": "2026-05-01T00:00:00Z", "ending_at": "2026-05-02T00:00:00Z", "results": [result]}
    empty = {"starting_at": "2026-05-02T00:00:00Z", "ending_at": "2026-05-03T00:00:00Z", "results": []}
    file = write_lines(tmp_path, "usage.json", {"data": [day, empty], "has_more": False, "next_page": None})
    assert find_preset_name(file) == "anthropic-tokens"
    assert sum_rows(file) == Sums(1, None, 200, 5, cached=80, written=20, untold=1)
    (row,) = read_rows(file)
    assert (row["cache_write_1h_tokens"], row["web_searches"], row["tier"], row["grain"]) == (
        15,
        2,
        "batch + 0-200k",
        "day",
    )


def test_the_older_export_of_anthropic_has_one_column_of_cache_writes(tmp_path: Path) -> None:
    text = """
usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write,usage_input_tokens_cache_read,usage_output_tokens
2025-09-22,claude-sonnet-4-20250514,ci,Default,standard,≤ 200k,100,20,80,5
"""
    file = write_file(tmp_path, "claude_tokens.csv", text)
    assert sum_rows(file) == Sums(1, None, 200, 5, cached=80, written=20, untold=1)


CURSOR = """
Date,User,Cloud Agent ID,Automation ID,Kind,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost
"2026-05-01T10:00:00.000Z","ana@example.com","","","Included","claude-4.5-sonnet","No","1000","2000","3000","400","6400","0.12"
"2026-05-01T10:00:01.000Z","ana@example.com","","","On-Demand","gpt-5","No","0","5000","1000","250","6250","$0.05"
"2026-05-01T10:00:02.000Z","ana@example.com","","","Errored, No Charge","gpt-5","No","","","","","","-"
"2026-05-01T10:00:03.000Z","bo@example.com","","","Aborted, Not Charged","gpt-5","No","0","20","0","10","30","0.01"
"2026-05-01T10:00:04.000Z","bo@example.com","","","Included","auto","No","0","100","0","10","110","Included"
"2026-05-01T10:00:05.000Z","bo@example.com","","","Free","composer-1","No","0","100","0","10","110","Free"
"2026-05-01T10:00:06.000Z","bo@example.com","","","User API Key","claude-4.5-sonnet","No","0","1000","0","100","1100","-"
"""


def test_cursor_bills_on_demand_alone(tmp_path: Path) -> None:
    file = write_file(tmp_path, "usage-events-2026-05-01.csv", CURSOR)
    assert find_preset_name(file) == "cursor"
    # 6000 + 6000 + 20 + 100 + 100 + 1000; only the key of one's own is not told
    assert sum_rows(file) == Sums(6, 6, 13220, 780, cached=4000, written=1000, usd=Decimal("0.05"), untold=1)
    assert count_left_out(file) == {"failed calls": 1}
    assert [row["provider"] for row in read_rows(file)] == [
        *("anthropic", "openai", "openai", "unknown", "unknown", "anthropic")
    ]
    assert len({row["usable_key"] for row in read_rows(file)}) == 2
    # Cursor sends the bill of its calls, the maker that of a call on a key of one's own
    assert [row["proxy"] for row in read_rows(file)] == [*["cursor"] * 5, None]


def test_a_call_of_cursor_without_a_cost_has_no_price_and_one_on_a_key_of_one_s_own_has_its_maker_s(
    tmp_path: Path,
) -> None:
    file = write_file(tmp_path, "usage-events.csv", CURSOR.replace('"$0.05"', '"-"'))
    # 1,000 at 3.00 a million and 100 at 15.00; of GPT-5 on demand nobody but Cursor knows the price
    assert price_file(file, tmp_path / "data") == (Decimal("0.0045"), 1)


@pytest.mark.parametrize("cost", ["0.00", "$0.00", "Included", "-", ""])
def test_a_call_on_a_key_of_one_s_own_is_not_free_because_cursor_asks_nothing_for_it(tmp_path: Path, cost: str) -> None:
    rows = CURSOR.replace('"0","1000","0","100","1100","-"', f'"0","1000","0","100","1100","{cost}"')
    file = write_file(tmp_path, "usage-events.csv", rows)
    # On demand 0.05; 1,000 at 3.00 a million and 100 at 15.00 of the maker
    assert price_file(file, tmp_path / "data") == (Decimal("0.0545"), 0)


@pytest.mark.parametrize("plan", ["Included in Business", "Included in Pro", "included in Pro+", "Free Credit"])
def test_what_any_plan_of_cursor_includes_is_not_billed_whatever_its_cost(tmp_path: Path, plan: str) -> None:
    rows = CURSOR.replace('"Included","claude-4.5-sonnet"', f'"{plan}","claude-4.5-sonnet"')
    assert sum_rows(write_file(tmp_path, "usage-events.csv", rows)).usd == Decimal(
        "0.05"
    )  # the row's 0.12 is not in it


def test_what_cursor_says_that_it_does_not_charge_costs_nothing_however_it_says_it(tmp_path: Path) -> None:
    for kind in ("Not Charged", "No Charge", "Not Charged (refund)", "Aborted, Not Charged"):
        rows = CURSOR.replace('"On-Demand","gpt-5"', f'"{kind}","gpt-5"')
        assert sum_rows(write_file(tmp_path, "usage-events.csv", rows)).usd == 0


def test_a_kind_that_cursor_is_not_known_to_give_away_keeps_its_cost(tmp_path: Path) -> None:
    rows = CURSOR.replace('"On-Demand","gpt-5","No","0","5000","1000","250","6250","$0.05"',
                          '"Usage-based","gpt-5","No","0","5000","1000","250","6250","$7.50"')  # fmt: skip
    assert sum_rows(write_file(tmp_path, "usage-events.csv", rows)).usd == Decimal("7.50")


@pytest.mark.parametrize("kind", ["Bonus", "Trial", "Promotional (7 days)"])
def test_of_a_kind_of_cursor_s_of_which_nothing_says_whether_it_is_billed_the_amount_is_not_known(
    tmp_path: Path, kind: str
) -> None:
    rows = CURSOR.replace('"Included","claude-4.5-sonnet","No","1000"', f'"{kind}","claude-4.5-sonnet","No","1000"')
    file = write_file(tmp_path, "usage-events.csv", rows)
    row = read_rows(file)[0]
    assert (row["amount_in_usd"], row["unpriced"]) == (None, NOT_SAID_BILLED)  # its Cost is 0.12
    # 0.05 on demand, 0.0045 of the maker: and at least that, for nobody else prices Cursor's
    assert price_file(file, tmp_path / "data") == (Decimal("0.0545"), 1)
    mapping = build_mapping(file)
    for said, usd in (
        (replace(mapping, billed=(*mapping.billed, f"Kind={kind}")), "0.1745"),
        (replace(mapping, not_billed=(*mapping.not_billed, f"Kind={kind}")), "0.0545"),
    ):
        (month,) = import_usage(file, said, tmp_path / usd)
        assert (Decimal(str(month.certificate.amount_in_usd)), month.certificate.unpriced_rows) == (Decimal(usd), 0)
    free = rows.replace('"6400","0.12"', '"6400","0.00"')  # whichever it is
    assert read_rows(write_file(tmp_path, "free.csv", free))[0]["amount_in_usd"] == 0


def test_a_total_of_cursor_that_does_not_add_up_refuses_the_file(tmp_path: Path) -> None:
    file = write_file(tmp_path, "usage-events.csv", CURSOR.replace('"6400"', '"3400"'))
    with pytest.raises(
        BadFile, match=r"line 2: its total \(3400\) is not prompt \+ completion as they are read \(6400\)"
    ):
        sum_rows(file)


def test_bedrock_counts_its_cache_beside_the_input_and_a_failed_call_has_none(tmp_path: Path) -> None:
    base = {"schemaType": "ModelInvocationLog", "schemaVersion": "1.0", "accountId": "123456789012",
            "identity": {"arn": "arn:aws:sts::123456789012:assumed-role/dev/ana"}, "region": "us-east-1",
            "operation": "Converse"}  # fmt: skip
    profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
    rows = [
        base | {"timestamp": "2026-05-01T10:00:00Z", "requestId": "q1", "modelId": profile,
                "input": {"inputTokenCount": 100, "cacheReadInputTokenCount": 800, "cacheWriteInputTokenCount": 200},
                "output": {"outputTokenCount": 50}},
        base | {"timestamp": "2026-05-01T10:00:01Z", "requestId": "q2", "modelId": "meta.llama3-3-70b-instruct-v1:0",
                "input": {"inputTokenCount": 1000}, "output": {"outputTokenCount": 100}},
        base | {"timestamp": "2026-05-01T10:00:02Z", "requestId": "q3", "modelId": "us.amazon.nova-pro-v1:0",
                "errorCode": "ThrottlingException", "input": {}, "output": {}},
        base | {"timestamp": "2026-05-01T10:00:01Z", "requestId": "q2", "modelId": "meta.llama3-3-70b-instruct-v1:0",
                "input": {"inputTokenCount": 1000}, "output": {"outputTokenCount": 100}},
    ]  # fmt: skip
    file = write_lines(tmp_path, "log.jsonl", *rows)
    assert find_preset_name(file) == "bedrock"
    assert sum_rows(file) == Sums(2, 2, 2100, 150, cached=800, written=200, untold=2)
    assert count_left_out(file) == {"failed calls": 1}
    assert [(row["provider"], row["proxy"]) for row in read_rows(file)] == [
        ("anthropic", "bedrock"), ("meta", "bedrock"),
    ]  # fmt: skip
    # 100 at 3.30 a million, 800 at 0.33, 200 at 4.125 and 50 at 16.50: 0.002244; 1,000 and 100 at 0.72: 0.000792
    assert price_file(file, tmp_path / "data") == (Decimal("0.003036"), 0)
