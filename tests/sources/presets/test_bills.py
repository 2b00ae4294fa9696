"""Bills of sellers and clouds: OpenAI, Anthropic, Copilot, FOCUS, Azure; sums made by hand beside."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from preset_samples import find_preset_name, write_file, write_lines

from flexlib.sources.charges import read_charges
from flexlib.sources.charges.mapping import ChargeMapping
from flexlib.sources.files.json_rows import write_json_lines
from flexlib.sources.presets import choose_preset


def read_bill(file: Path) -> list[dict[str, Any]]:
    """The charges of the file, in its order; none may be quarantined."""
    preset, columns = choose_preset(file)
    mapping = preset.build_mapping(columns)
    assert isinstance(mapping, ChargeMapping)
    rows: list[dict[str, Any]] = []
    folder = file.parent / "rows"
    folder.mkdir()
    for month in read_charges(write_json_lines(file, mapping.asked, folder)[0], mapping, "0" * 64).values():
        assert [(row.line, row.reason) for row in month.refused] == []
        rows += month.rows.to_pylist()
    return sorted(rows, key=lambda row: int(row["id"].rpartition("-")[2]))


def sum_bill(rows: list[dict[str, Any]], by: str) -> dict[str, Decimal]:
    names = dict.fromkeys(row[by] for row in rows)
    return {name: sum((row["amount"] for row in rows if row[by] == name), Decimal()) for name in names}


OPENAI_COST = """
start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,quantity,quantity_unit,line_item,user_id,api_key_id,project_id,organization_id,project_name,organization_name,user_email,api_source
1777593600,1777680000,2026-05-01T00:00:00+00:00,2026-05-02T00:00:00+00:00,0.0001234500,usd,2469,tokens,"gpt-5-nano, input_tokens",,key_1,proj_1,org-1,Web,Acme,,api
1777593600,1777680000,2026-05-01T00:00:00+00:00,2026-05-02T00:00:00+00:00,0.895,usd,1,tokens,"gpt-4o-2024-08-06, output",,,proj_1,org-1,Web,Acme,,api
1777680000,1777766400,2026-05-02T00:00:00+00:00,2026-05-03T00:00:00+00:00,-0.50,usd,,,promotional credit,,,,org-1,,Acme,,
1777766400,1777852800,2026-05-03T00:00:00+00:00,2026-05-04T00:00:00+00:00,,,,,,,,,org-1,,Acme,,
"""


def test_a_bill_of_openai_names_models_in_its_line_items_and_a_credit_is_one(tmp_path: Path) -> None:
    file = write_file(tmp_path, "cost.csv", OPENAI_COST)
    assert find_preset_name(file) == "openai-cost"
    rows = read_bill(file)
    assert sum(row["amount"] for row in rows) == Decimal("0.39512345")  # 0.00012345 + 0.895 - 0.50 + an empty day
    assert [row["model"] for row in rows[:2]] == ["gpt-5-nano", "gpt-4o-2024-08-06"]
    assert [row["kind"] for row in rows[:3]] == ["usage", "usage", "credit"]
    assert {row["provider"] for row in rows} == {"openai"}
    assert {row["currency"] for row in rows} == {"USD"}
    assert (rows[0]["quantity"], rows[0]["unit"]) == (2469, "tokens")
    assert rows[0]["key"].startswith("key-")


ANTHROPIC_COST = """
usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type,inference_geo,speed
2026-05-01,Claude Sonnet 4.5,Default,ci,standard,≤ 200k,input_no_cache,0.30,0.30,token,,
2026-05-01,Claude Sonnet 4.5,Default,ci,standard,≤ 200k,output,0.45,0.50,token,,
2026-05-02,,Default,ana@example.com,standard,,,0.02,0.02,web_search,,
"""


def test_a_bill_of_anthropic_has_list_prices_and_searches_without_a_model(tmp_path: Path) -> None:
    file = write_file(tmp_path, "cost.csv", ANTHROPIC_COST)
    assert find_preset_name(file) == "anthropic-cost"
    rows = read_bill(file)
    assert sum(row["amount"] for row in rows) == Decimal("0.77")
    assert sum(row["list_amount"] for row in rows) == Decimal("0.82")
    assert [row["model"] for row in rows] == ["Claude Sonnet 4.5", "Claude Sonnet 4.5", None]
    assert rows[2]["key"].startswith("email-")


COPILOT = """
date,username,product,sku,model,quantity,unit_type,applied_cost_per_quantity,gross_amount,discount_amount,net_amount,exceeds_quota,total_monthly_quota,organization,cost_center_name
2026-06-01,octo,copilot,copilot_premium_request,Claude Sonnet 4.5,3.6,requests,0.04,0.144,0.144,0,False,300,acme,
2026-06-01,octo,copilot,copilot_ai_unit,GPT-5,120,ai-credits,0.01,1.20,0.20,1.00,True,300,acme,Web
"""


def test_copilot_charges_what_the_plan_does_not_include(tmp_path: Path) -> None:
    file = write_file(tmp_path, "copilot.csv", COPILOT)
    assert find_preset_name(file) == "copilot"
    rows = read_bill(file)
    assert sum_bill(rows, "model") == {"Claude Sonnet 4.5": Decimal(0), "GPT-5": Decimal("1.00")}
    assert [row["list_amount"] for row in rows] == [Decimal("0.144"), Decimal("1.20")]
    assert [row["quantity"] for row in rows] == [Decimal("3.6"), 120]


FOCUS = """
BilledCost,EffectiveCost,ListCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,SkuMeter,ConsumedQuantity,ConsumedUnit,ProviderName,SubAccountId
1.50,1.50,1.75,USD,2026-05-01T00:00:00Z,2026-05-02T00:00:00Z,Usage,Amazon Bedrock,Claude input,500000,Tokens,AWS,111
-0.25,-0.25,-0.25,USD,2026-05-01T00:00:00Z,2026-05-02T00:00:00Z,Credit,Amazon Bedrock,NULL,NULL,NULL,AWS,111
0.19,0.19,0.19,USD,2026-05-01T00:00:00Z,2026-06-01T00:00:00Z,Tax,Amazon Bedrock,NULL,NULL,NULL,AWS,111
"""


def test_a_bill_in_focus_says_what_each_charge_is_for(tmp_path: Path) -> None:
    file = write_file(tmp_path, "focus.csv", FOCUS)
    assert find_preset_name(file) == "focus"
    rows = read_bill(file)
    assert sum_bill(rows, "kind") == {"usage": Decimal("1.50"), "credit": Decimal("-0.25"), "tax": Decimal("0.19")}
    assert (rows[1]["line_item"], rows[1]["quantity"], rows[1]["unit"]) == (None, None, None)


AZURE = """
Date,MeterCategory,MeterSubCategory,MeterName,Quantity,UnitOfMeasure,EffectivePrice,CostInBillingCurrency,{currency},ChargeType,SubscriptionId
05/10/2026,Foundry Models,Azure OpenAI,gpt-4o inp glbl,1000,1K,0.0025,2.50,EUR,Usage,sub-1
05/11/2026,Foundry Models,Azure OpenAI,gpt-4o outp glbl,100,1K,0.01,1.00,EUR,Usage,sub-1
"""


@pytest.mark.parametrize("currency", ["BillingCurrencyCode", "BillingCurrency"])
def test_a_bill_of_azure_has_the_month_first_in_its_dates_and_its_own_currency(tmp_path: Path, currency: str) -> None:
    file = write_file(tmp_path, "azure.csv", AZURE.format(currency=currency))
    assert find_preset_name(file) == "azure-cost"
    rows = read_bill(file)
    assert sum_bill(rows, "currency") == {"EUR": Decimal("3.50")}
    assert [str(row["period_start"].date()) for row in rows] == ["2026-05-10", "2026-05-11"]


def test_a_bill_of_azure_in_european_numbers_is_read_where_they_prove_themselves(tmp_path: Path) -> None:
    text = (
        AZURE.format(currency="BillingCurrency").replace(",", ";").replace("2.50", "1.002,50").replace("1.00;", "1,00;")
    )
    file = write_file(tmp_path, "azure.csv", text.replace("0.0025", "0,0025").replace("0.01", "0,01"))
    assert sum_bill(read_bill(file), "currency") == {"EUR": Decimal("1003.50")}


def test_lines_of_json_of_the_api_s_costs_are_read_by_their_paths(tmp_path: Path) -> None:
    row = {"start_time": 1777593600, "end_time": 1777680000, "object": "organization.costs.result",
           "amount": {"value": 0.06, "currency": "usd"}, "line_item": "gpt-4o, input", "project_id": None}  # fmt: skip
    file = write_lines(tmp_path, "costs.jsonl", row, row | {"line_item": "Image models"})
    assert find_preset_name(file) == "openai-cost"
    assert sum_bill(read_bill(file), "currency") == {"USD": Decimal("0.12")}


def test_the_cost_report_of_anthropic_s_api_is_in_cents(tmp_path: Path) -> None:
    result = {"currency": "USD", "amount": "20.18", "workspace_id": None, "description": "Claude Sonnet 4.5 Usage - Input",
              "cost_type": "tokens", "model": "claude-sonnet-4-5", "token_type": "uncached_input_tokens"}  # fmt: skip
    days = [{"starting_at": f"2026-05-0{day}T00:00:00Z", "ending_at": f"2026-05-0{day + 1}T00:00:00Z",
             "results": [result | {"amount": amount}]} for day, amount in ((1, "20.18"), (2, "5.5"))]  # fmt: skip
    file = write_lines(tmp_path, "cost_report.json", {"data": days, "has_more": False, "next_page": None})
    assert find_preset_name(file) == "anthropic-cost-api"
    assert sum_bill(read_bill(file), "model") == {"claude-sonnet-4-5": Decimal("0.2568")}  # 0.2018 + 0.055


def test_a_bill_of_azure_without_what_it_may_lack_is_read(tmp_path: Path) -> None:
    rows = "Date,MeterCategory,MeterName,CostInBillingCurrency,BillingCurrencyCode\n"
    rows += "05/13/2026,Foundry Models,gpt-4o input,1.25,USD\n05/14/2026,Foundry Models,gpt-4o input,-0.25,USD\n"
    found = read_bill(write_file(tmp_path, "azure.csv", rows))
    assert [(row["kind"], row["unit"], row["amount"]) for row in found] == [
        *(("usage", None, Decimal("1.25")), ("credit", None, Decimal("-0.25")))
    ]
