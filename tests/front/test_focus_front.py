"""A month in the columns of FOCUS: each kind of charge by hand, the sum the spend to the last digit, nobody named."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spend_samples import LATER, SEPTEMBER, call, ingest_charges, store, store_credits

from flexlib.export import _disarm, disarm_in_sql, write_rows
from flexlib.front.facts import FACTS, build_facts, sum_facts
from flexlib.front.focus import build_focus, read_sums
from flexlib.front.focus_columns import COLUMNS
from flexlib.front.spend import Spend, load_spend
from flexlib.ingest.fx import keep_rates
from flexlib.money.fx import Rate
from flexlib.sources.charges.mapping import ChargeMapping


def load(root: Path, *, names: bool = False) -> Spend:
    return load_spend("2025-09", None, root, zone="UTC", names=names)


def list_charges(spend: Spend) -> list[dict[str, str]]:
    """The charges as they stand in a file; what sums to anything else than the spend fails."""
    file = write_rows(build_focus(spend).rows, spend.root / "focus.csv")
    read = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
    assert read_sums(file) == (len(read), spend.total("usd") or Decimal(0))
    assert all([*row] == [*COLUMNS] for row in read)
    for row in read:
        for kind in ("List", "Contracted") if row["PricingQuantity"] else ():
            cost = Decimal(row[f"{kind}UnitPrice"]) * Decimal(row["PricingQuantity"])
            assert round(cost, 10) == Decimal(row[f"{kind}Cost"])  # which the official validator lets pass
    return read


def pick(rows: list[dict[str, str]], *names: str) -> list[list[str]]:
    return [[row[name] for name in names] for row in rows]


def bill(root: Path, *lines: str, name: str = "bill.csv", **more: Any) -> None:  # noqa: ANN401
    """Each line: day, name, model, amount, currency, kind."""
    (root / name).write_text("\n".join(["day,item,model,usd,money,kind", *lines]) + "\n", "utf-8")
    columns = {"line_item": "item", "model": "model", "currency": "money", "kind": "kind"}
    mapping = ChargeMapping(period_start="day", amount="usd", **{"provider": "openai"} | columns | more)
    ingest_charges([root / name], mapping, root, now=LATER)


def test_a_call_is_a_charge_for_its_tokens_at_the_mean_price_of_a_million(tmp_path: Path) -> None:
    tokens = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200, "cached_tokens": 600}
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05T09:30:00", "0.0045", tier="batch", **tokens))
    (row,) = list_charges(load(tmp_path))
    assert {name: value for name, value in row.items() if value} == {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), "0.0045000000"),
        **dict.fromkeys(("BillingAccountName", "InvoiceIssuerName", "ProviderName", "PublisherName"), "OpenAI"),
        **dict.fromkeys(("ContractedUnitPrice", "ListUnitPrice"), "3.75000000000000"),
        **dict.fromkeys(("PricingCurrencyContractedUnitPrice", "PricingCurrencyListUnitPrice"), "3.75000000000000"),
        "BillingAccountId": "openai",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2025-09-01T00:00:00Z",
        "BillingPeriodEnd": "2025-10-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": "gpt-4o, text",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": "2025-09-05T00:00:00Z",
        "ChargePeriodEnd": "2025-09-06T00:00:00Z",
        "ConsumedQuantity": "1200.00",
        "ConsumedUnit": "Tokens",
        "PricingCategory": "Standard",
        "PricingCurrency": "USD",
        "PricingCurrencyEffectiveCost": "0.0045000000",
        "PricingQuantity": "0.00120000",
        "PricingUnit": "1000000 Tokens",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "OpenAI",
        "ServiceSubcategory": "Generative AI",
        "SkuId": "openai/gpt-4o/tokens",
        "SkuMeter": "Tokens",
        "SkuPriceDetails": '{"x_Tier":"batch"}',
        "SkuPriceId": "openai/gpt-4o/tokens/batch",
        "Tags": '{"task_type":"text"}',
        "x_CachedTokens": "600",
        "x_InputTokens": "1000",
        "x_Model": "gpt-4o",
        "x_OutputTokens": "200",
        "x_Requests": "1",
    }


def test_calls_are_summed_by_day_person_model_and_task_and_by_nothing_that_hides_a_price(tmp_path: Path) -> None:
    who: dict[str, Any] = {"usable_type": "user", "usable_id": 7}
    store(
        tmp_path, "ledger", SEPTEMBER,
        call("a", "2025-09-05T01:00:00", **who), call("b", "2025-09-05T23:00:00", "0.5", **who),
        call("c", "2025-09-05T23:00:00", task_type="image", **who), call("d", "2025-09-06T00:00:00", **who),
        call("e", "2025-09-05T23:00:00", usable_type="user", usable_id=8),
        call("f", "2025-09-05T23:00:00", model="gpt-4o-mini", **who),
        call("g", "2025-09-05T23:00:00", tier="batch", **who),
    )  # fmt: skip
    rows = list_charges(load(tmp_path))
    assert sorted(pick(rows, "ChargePeriodStart", "x_Model", "Tags", "BilledCost", "x_Requests", "SkuPriceId")) == [
        [f"2025-09-0{day}T00:00:00Z", model, json.dumps(tags, separators=(",", ":")), f"{usd}000000000", count, sku]
        for day, model, tags, usd, count, sku in (
            (5, "gpt-4o", {"task_type": "image", "usable_type": "user", "user": "user 7"}, "1.0", "1",
             "openai/gpt-4o/tokens"),
            (5, "gpt-4o", {"task_type": "text", "usable_type": "user", "user": "user 7"}, "1.0", "1",
             "openai/gpt-4o/tokens/batch"),
            (5, "gpt-4o", {"task_type": "text", "usable_type": "user", "user": "user 7"}, "1.5", "2",
             "openai/gpt-4o/tokens"),
            (5, "gpt-4o", {"task_type": "text", "usable_type": "user", "user": "user 8"}, "1.0", "1",
             "openai/gpt-4o/tokens"),
            (5, "gpt-4o-mini", {"task_type": "text", "usable_type": "user", "user": "user 7"}, "1.0", "1",
             "openai/gpt-4o-mini/tokens"),
            (6, "gpt-4o", {"task_type": "text", "usable_type": "user", "user": "user 7"}, "1.0", "1",
             "openai/gpt-4o/tokens"),
        )
    ]  # fmt: skip


def test_credits_are_a_virtual_currency_at_the_company_s_price_beside_the_list_s(tmp_path: Path) -> None:
    store_credits(tmp_path, (3, "key-1", "claude-sonnet-4", 150, 250))
    (tmp_path / "prices").mkdir()
    prices = "from,until,usd_per_credit,source\n2025-09-01,2025-09-10,0.03125,contract\n"
    (tmp_path / "prices" / "windsurf_credits.csv").write_text(prices, "utf-8")
    flex, plan = list_charges(load(tmp_path))
    names = ("ConsumedUnit", "ConsumedQuantity", "PricingCurrency", "PricingCurrencyEffectiveCost")
    costs = ("BilledCost", "ContractedUnitPrice", "ListUnitPrice", "ListCost", "PricingCategory", "x_Requests")
    assert pick([flex, plan], *names, *costs) == [
        ["Flex Credits", "2.50", "XFC", "2.5000000000", "0.0781250000", "0.03125000000000", "0.04000000000000",
         "0.1000000000", "Standard", "1"],
        ["Plan Credits", "1.50", "XPC", "1.5000000000", "0.0000000000", "0.00000000000000", "0.00000000000000",
         "0.0000000000", "Other", "0"],
    ]  # fmt: skip
    assert pick([flex], "ProviderName", "PublisherName", "SkuId") == [
        ["Windsurf", "Anthropic", "windsurf/flex credits"]
    ]


def test_what_is_not_counted_in_tokens_is_charged_by_request_or_by_row(tmp_path: Path) -> None:
    none = dict.fromkeys(("prompt_tokens", "total_tokens"), 0)
    store(
        tmp_path, "ledger", SEPTEMBER,
        call("a", "2025-09-05", "0.04", task_type="image", **none),
        call("b", "2025-09-06", "0.3", grain="day", requests=3, **none),
        call("c", "2025-09-01", "7", grain="month", requests=None, **none),
    )  # fmt: skip
    rows = list_charges(load(tmp_path))
    names = ("ChargePeriodStart", "ChargePeriodEnd", "ConsumedUnit", "ConsumedQuantity", "ListUnitPrice", "x_Requests")
    assert sorted(pick(rows, *names)) == [
        ["2025-09-01T00:00:00Z", "2025-10-01T00:00:00Z", "Units", "1.00", "7.00000000000000", ""],
        ["2025-09-05T00:00:00Z", "2025-09-06T00:00:00Z", "Requests", "1.00", "0.04000000000000", "1"],
        ["2025-09-06T00:00:00Z", "2025-09-07T00:00:00Z", "Requests", "3.00", "0.10000000000000", "3"],
    ]


def test_on_the_company_s_own_key_the_proxy_charges_for_the_request_and_the_maker_for_the_tokens(
    tmp_path: Path,
) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", "1", proxy="openrouter", cost=Decimal("0.05")))
    rows = list_charges(load(tmp_path))
    names = ("InvoiceIssuerName", "PublisherName", "BilledCost", "ConsumedUnit", "x_Requests", "x_InputTokens")
    assert pick(rows, *names) == [
        ["OpenAI", "OpenAI", "0.9500000000", "Tokens", "0", "100"],
        ["OpenRouter", "OpenAI", "0.0500000000", "Requests", "1", "0"],
    ]


def test_what_has_no_price_is_left_out_and_said_and_a_price_of_0_is_a_charge(tmp_path: Path) -> None:
    calls = [call("a", "2025-09-05", None, model="mine"), call("b", "2025-09-05", None, requests=4, grain="day")]
    store(tmp_path, "ledger", SEPTEMBER, *calls, call("c", "2025-09-05", "0", model="free"), lacking=5)
    charges = build_focus(load(tmp_path))
    assert charges.notes == ("5 calls without a price left out: what they cost is not known.",)
    assert pick(list_charges(load(tmp_path)), "x_Model", "BilledCost") == [["free", "0.0000000000"]]


def test_a_month_without_any_known_cost_is_a_file_without_charges(tmp_path: Path) -> None:
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", None, model="mine"), lacking=1)
    assert list_charges(load(tmp_path)) == []


def test_a_bill_stands_beside_the_calls_as_what_it_says_more_or_less(tmp_path: Path) -> None:
    store(
        tmp_path, "import", SEPTEMBER,
        call("a", "2025-09-01", "0.5"), call("b", "2025-09-02", "0.25"), call("c", "2025-09-20", "3"),
        call("d", "2025-09-02", None, model="o9"),
    )  # fmt: skip
    bill(
        tmp_path, "2025-09-01,u,gpt-4o,0.75,USD,", "2025-09-02,u,gpt-4o,0.2,USD,", "2025-09-02,u,o9,2,USD,",
        "2025-09-02,VAT,,0.56,USD,tax", "2025-09-02,promotion,,-1,USD,credit", "2025-09-02,seats,,9,USD,fee",
    )  # fmt: skip
    spend = load(tmp_path)
    assert build_focus(spend).notes == (
        "1 call without a price left out: a bill covers those days, and the adjustments have what it says.",
    )
    rows = list_charges(spend)
    names = ("ChargeCategory", "ChargePeriodStart", "BilledCost", "EffectiveCost", "x_ChargeKind", "x_Model")
    assert sorted(pick(rows, *names)) == [
        ["Adjustment", "2025-09-01T00:00:00Z", "0.2500000000", "0.2500000000", "priced otherwise", "gpt-4o"],
        ["Adjustment", "2025-09-02T00:00:00Z", "-0.0500000000", "-0.0500000000", "priced otherwise", "gpt-4o"],
        ["Adjustment", "2025-09-02T00:00:00Z", "2.0000000000", "2.0000000000", "not counted", "o9"],
        ["Adjustment", "2025-09-02T00:00:00Z", "9.0000000000", "9.0000000000", "fee", ""],
        ["Credit", "2025-09-02T00:00:00Z", "-1.0000000000", "-1.0000000000", "credit", ""],
        ["Tax", "2025-09-02T00:00:00Z", "0.5600000000", "0.5600000000", "tax", ""],
        ["Usage", "2025-09-01T00:00:00Z", "0.5000000000", "0.5000000000", "", "gpt-4o"],
        ["Usage", "2025-09-02T00:00:00Z", "0.2500000000", "0.2500000000", "", "gpt-4o"],
        ["Usage", "2025-09-20T00:00:00Z", "3.0000000000", "3.0000000000", "", "gpt-4o"],
    ]
    assert spend.total("usd") == Decimal("14.51")  # 2.95 + 0.56 - 1 + 9 billed, and 3 on a day that it does not cover


def test_a_bill_in_another_currency_keeps_every_digit_of_its_dollars(tmp_path: Path) -> None:
    keep_rates([Rate(SEPTEMBER.first, Decimal("1.17412345"), "ECB")], ("EUR", "USD"), tmp_path)
    bill(tmp_path, "2025-09-01,seats,,10.123456789,EUR,fee")
    (row,) = list_charges(load(tmp_path))
    assert row["BilledCost"] == "11.88618801102660205"
    assert (row["PricingCurrency"], row["PricingCurrencyEffectiveCost"]) == ("EUR", "10.1234567890")


def test_a_bill_s_charge_without_a_rate_is_in_no_row_and_is_said(tmp_path: Path) -> None:
    bill(tmp_path, "2025-09-01,seats,,10,EUR,fee", "2025-09-02,VAT,,2.5,EUR,tax", "2025-09-03,seats,,3,USD,fee")
    spend = load(tmp_path)
    said = "2 charges of bills beside use left out, 12.5 EUR: no rate of its day is stored; run: flexlib fx set"
    assert [one for one in build_focus(spend).notes if "EUR" in one] == [said]
    assert [one for one in build_facts(spend).notes if "EUR" in one] == [said]
    assert pick(list_charges(spend), "BilledCost", "x_ChargeKind") == [["3.0000000000", "fee"]]


def test_kinds_of_charges_are_in_the_reader_s_words_whatever_signs_these_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-01", "1"))
    monkeypatch.setattr("flexlib.front.facts._", {"usage": "l'utilisation d'un 'modèle'"}.get)
    monkeypatch.setattr("flexlib.front.facts.CHARGES", {"usage": "usage"})
    assert sum_facts(build_facts(load(tmp_path))).select("charge, usd").fetchall() == [
        ("l'utilisation d'un 'modèle'", Decimal(1))
    ]


def test_a_cloud_s_bill_for_a_maker_s_calls_makes_the_cloud_the_issuer_of_their_charges(tmp_path: Path) -> None:
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-01", "1"))
    bill(tmp_path, "2025-09-01,u,gpt-4o,1.5,USD,", provider="Microsoft Azure", bills="openai")
    rows = list_charges(load(tmp_path))
    names = ("ChargeCategory", "InvoiceIssuerName", "ProviderName", "ServiceName", "PublisherName", "BilledCost")
    assert pick(rows, *names) == [
        ["Usage", "Microsoft Azure", "Microsoft Azure", "OpenAI", "OpenAI", "1.0000000000"],
        ["Adjustment", "Microsoft Azure", "Microsoft Azure", "Microsoft Azure", "Microsoft Azure", "0.5000000000"],
    ]


def test_a_refund_is_a_credit_without_a_quantity(tmp_path: Path) -> None:
    store(tmp_path, "import", SEPTEMBER, call("a", "2025-09-05", "-2"), call("b", "2025-09-05", "5"))
    rows = list_charges(load(tmp_path))
    names = ("ChargeCategory", "BilledCost", "ConsumedQuantity", "PricingQuantity", "PricingUnit", "ListUnitPrice")
    assert sorted(pick(rows, *names)) == [
        ["Credit", "-2.0000000000", "", "", "", ""],
        ["Usage", "5.0000000000", "100.00", "0.00010000", "1000000 Tokens", "50000.00000000000000"],
    ]


def test_pesos_stand_with_the_one_rate_that_they_are_of_or_not_at_all(tmp_path: Path) -> None:
    calls = [
        call(name, "2025-09-05", usd, amount_in_clp=clp and Decimal(clp), fx_rate=rate and Decimal(rate),
             fx_date=rate and SEPTEMBER.first)
        for name, usd, clp, rate in (
            ("a", "1", "965", "965"), ("b", "2", "1930", "965"), ("c", "1", "970", "970"), ("d", "4", None, None),
        )
    ]  # fmt: skip
    store(tmp_path, "ledger", SEPTEMBER, *calls)
    rows = list_charges(load(tmp_path))
    assert sorted(pick(rows, "BilledCost", "x_BilledCostInClp", "x_ExchangeRate", "x_ExchangeRateDate")) == [
        ["1.0000000000", "970.0000", "970.00000000", "2025-09-01"],
        ["3.0000000000", "2895.0000", "965.00000000", "2025-09-01"],
        ["4.0000000000", "", "", ""],
    ]


def test_metadata_gives_sub_account_and_tags_and_no_cell_runs_as_a_formula(tmp_path: Path) -> None:
    said = json.dumps({"department": "=cmd|'/c calc'!A1", "team": 'Über "x"', "project": "a;=b", "secret": "no"})
    store(tmp_path, "ledger", SEPTEMBER, call("a", "2025-09-05", metadata=said, usable_type="key", usable_key="k"))
    (row,) = list_charges(load(tmp_path))
    assert row["SubAccountId"] == row["SubAccountName"] == "'=cmd|'/c calc'!A1"
    tags = json.loads(row["Tags"])
    assert tags.pop("user").startswith("key ")
    assert tags == {"task_type": "text", "usable_type": "key", "team": 'Über "x"', "project": "a;'=b"}


def test_names_of_any_characters_stay_one_cell_and_an_empty_one_is_none(tmp_path: Path) -> None:
    odd = 'a\r,"b"\n\u2028;c'
    store(
        tmp_path, "ledger", SEPTEMBER,
        call("a", "2025-09-05", model="it's \r\n\"x\", y", metadata=json.dumps({"department": odd, "team": " "})),
        call("b", "2025-09-06", metadata=json.dumps({"department": "", "team": ["x", {"y": 1}]})),
    )  # fmt: skip
    first, second = list_charges(load(tmp_path))
    assert (first["SubAccountId"], first["x_Model"]) == (odd, 'it\'s \r\n"x", y')
    assert json.loads(first["Tags"]) == {"task_type": "text"}
    assert (second["SubAccountId"], json.loads(second["Tags"])["team"]) == ("", '["x",{"y":1}]')


def test_people_stand_under_pseudonyms_unless_their_names_are_asked_for(tmp_path: Path) -> None:
    store_credits(tmp_path, (3, "api-key-of-ana", "claude-sonnet-4", 0, 250))
    (row,) = list_charges(load(tmp_path))
    assert json.loads(row["Tags"])["user"].startswith("Person ")
    assert "ana" not in json.dumps({name: value for name, value in row.items() if name != "ServiceCategory"})


def test_departments_are_sub_accounts_and_shares_split_every_charge_to_the_last_digit(tmp_path: Path) -> None:
    who: dict[str, Any] = {"usable_type": "user", "usable_id": 7}
    store(
        tmp_path, "ledger", SEPTEMBER,
        call("a", "2025-09-05", "1", proxy="openrouter", cost=Decimal("0.05"), **who),
        call("b", "2025-09-20", "0.0000000001", **who), call("c", "2025-09-05", "3"),
    )  # fmt: skip
    people = {"key-1": {"name": "Ana", "email": "ana@empresa.cl"}}
    store_credits(tmp_path, (3, "key-1", "claude-sonnet-4", 1, 100), people=people)
    head = "who,kind,department,team,project,cost_centre,from,until,share\n"
    lines = ("7,user,Data,,,", "7,user,Sales,,,", "ana@empresa.cl,person,Data,,,C1", "ana@empresa.cl,person,Sales,,,C2")
    shares = ("33.3333%", "66.6667%") * 2
    roster = tmp_path / "people.csv"
    roster.write_text(head + "".join(f"{line},,,{share}\n" for line, share in zip(lines, shares, strict=True)), "utf-8")
    spend = load_spend("2025-09", None, tmp_path, zone="UTC", names=False, roster=roster)
    rows = list_charges(spend)
    names = ("SubAccountName", "InvoiceIssuerName", "ConsumedUnit", "ConsumedQuantity", "BilledCost", "x_Requests")
    assert sorted(pick(rows, *names)) == [
        ["", "OpenAI", "Tokens", "100.00", "3.0000000000", "1"],
        ["Data", "OpenAI", "Units", "1.00", "0.3166663500", "0"],
        ["Data", "OpenRouter", "Units", "1.00", "0.0166666500", "0"],
        ["Data", "Windsurf", "Flex Credits", "0.33", "0.0133333200", "0"],
        ["Sales", "OpenAI", "Tokens", "100.00", "0.0000000001", "1"],
        ["Sales", "OpenAI", "Tokens", "100.00", "0.6333336500", "0"],
        ["Sales", "OpenRouter", "Requests", "1.00", "0.0333333500", "1"],
        ["Sales", "Windsurf", "Flex Credits", "0.67", "0.0266666800", "1"],
        ["Sales", "Windsurf", "Plan Credits", "0.01", "0.0000000000", "0"],
    ]
    assert {row["SubAccountId"]: json.loads(row["Tags"]).get("cost_centre") for row in rows if "Flex" in row["SkuMeter"]
            } == {"Data": "C1", "Sales": "C2"}  # fmt: skip


def test_every_column_stands_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert [name for name in (*COLUMNS, *FACTS) if f"`{name}`" not in readme] == []


AMOUNTS = st.integers(-(10**4), 10**12).map(lambda units: Decimal(units).scaleb(-10))
CALLS = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(["gpt-4o", "o9"]), st.none() | AMOUNTS, st.integers(0, 9)), max_size=8
)
LINES = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(["gpt-4o", ""]), st.integers(-(10**9), 10**12),
              st.sampled_from(["usage", "tax", "fee", "credit"])), max_size=6,
)  # fmt: skip


@settings(max_examples=12)
@given(CALLS, LINES)
def test_whatever_was_called_and_billed_the_charges_are_the_spend(
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[tuple[int, str, Decimal | None, int]],
    lines: list[tuple[int, str, int, str]],
) -> None:
    root = tmp_path_factory.mktemp("law")
    rows = [
        call(
            f"c{nth}",
            f"2025-09-{day:02d}",
            None if usd is None else str(usd),
            model=model,
            prompt_tokens=tokens,
            total_tokens=tokens,
        )
        for nth, (day, model, usd, tokens) in enumerate(calls)
    ]
    store(root, "import", SEPTEMBER, *rows)
    if lines:
        bill(root, *(f"2025-09-{day:02d},x,{model},{Decimal(units).scaleb(-9):f},USD,{kind}"
                     for day, model, units, kind in lines))  # fmt: skip
    spend = load(root)
    list_charges(spend)
    facts = write_rows(build_facts(spend).rows, root / "facts.csv")
    assert read_sums(facts, FACTS, "usd")[1] == (spend.total("usd") or 0)


@given(st.lists(st.text(st.sampled_from("=+-@;'aZ0. \t\r\n\v\x1c\x85\xa0\u2003\u200b\ufeff＝−\"")), max_size=30))
def test_sql_disarms_texts_as_python_does(texts: list[str]) -> None:
    known = [one for one in texts if one.strip("-0.") or not one]  # a number stays one
    rows = duckdb.from_arrow(pa.table({"x": pa.array(known, pa.string())}))
    assert [one for (one,) in rows.select(disarm_in_sql("x")).fetchall()] == [_disarm(one) for one in known]
