"""What a call costs: by hand, against genai-prices itself, alone and in tables."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from price_samples import SEPTEMBER, build_house, build_model, list_prices, price_tokens, read_reason, read_usd

from flexlib.enums import LlmTaskType
from flexlib.errors import BadRecord
from flexlib.money.open_prices import list_hour_rules
from flexlib.money.price_book import LISTS, load_book
from flexlib.money.prices import Price, price_call
from flexlib.money.unit_prices import Unpriced

# Published prices, USD for a million tokens: openai.com/api/pricing, claude.com/pricing, ai.google.dev/pricing,
# api-docs.deepseek.com/quick_start/pricing. The sums beside each row were done by hand.
BY_HAND = [
    # gpt-4o: 2.50 in, 1.25 cached, 10.00 out
    ("openai", "gpt-4o", SEPTEMBER, (12_000, 1_500, 8_000, 0), "0.035"),  # 4000*2.5 + 8000*1.25 + 1500*10 = 35000 / 1e6
    # gpt-4o-mini: 0.15 in; a call so small that two decimals would make it nothing
    ("openai", "gpt-4o-mini", SEPTEMBER, (1_000, 0, 0, 0), "0.00015"),  # 1000*0.15 = 150 / 1e6
    # o3: 10 in, 40 out until 9 June 2025, 2 in, 8 out from 10 June
    ("openai", "o3", datetime(2025, 6, 9, 23, 59), (10_000, 2_000, 0, 0), "0.18"),  # 10000*10 + 2000*40 = 180000 / 1e6
    ("openai", "o3", datetime(2025, 6, 10), (10_000, 2_000, 0, 0), "0.036"),  # 10000*2 + 2000*8 = 36000 / 1e6
    # claude-sonnet-4-5: 3 in, 15 out; 6 in, 22.50 out in a call of more than 200,000 prompt tokens
    ("anthropic", "claude-sonnet-4-5", SEPTEMBER, (200_000, 1_000, 0, 0), "0.615"),  # 200000*3 + 1000*15 = 615000 / 1e6
    ("anthropic", "claude-sonnet-4-5", SEPTEMBER, (200_001, 1_000, 0, 0), "1.222506"),  # 200001*6 + 1000*22.5 = 1222506
    # claude-opus-4-5: 5 in, 0.50 cached, 6.25 into the cache, 25 out
    ("anthropic", "claude-opus-4-5", SEPTEMBER, (30_000, 2_000, 20_000, 5_000), "0.11625"),
    # 5000*5 + 20000*0.5 + 5000*6.25 + 2000*25 = 25000 + 10000 + 31250 + 50000 = 116250 / 1e6
    # gemini-2.5-pro: 1.25 in, 10 out; 2.50 in, 15 out above 200,000
    ("google", "gemini-2.5-pro", SEPTEMBER, (50_000, 3_000, 0, 0), "0.0925"),  # 50000*1.25 + 3000*10 = 92500 / 1e6
    ("google", "gemini-2.5-pro", SEPTEMBER, (300_000, 3_000, 0, 0), "0.795"),  # 300000*2.5 + 3000*15 = 795000 / 1e6
    # deepseek-chat: 0.27 in, 1.10 out by day, half of it from 16:30 to 0:30 UTC
    ("deepseek", "deepseek-chat", datetime(2025, 5, 1, 16, 29), (100_000, 10_000, 0, 0), "0.038"),  # 27000 + 11000
    ("deepseek", "deepseek-chat", datetime(2025, 5, 1, 16, 30), (100_000, 10_000, 0, 0), "0.019"),  # 13500 + 5500
]


@pytest.mark.parametrize(("provider", "model", "moment", "tokens", "usd"), BY_HAND)
def test_cost_is_what_the_published_prices_give_by_hand(
    provider: str, model: str, moment: datetime, tokens: tuple[int, int, int, int], usd: str
) -> None:
    prompt, completion, cached, written = tokens
    price = price_call(
        provider,
        model,
        moment,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
    )
    assert isinstance(price, Price)
    assert price.amount_usd == Decimal(usd)


def test_price_names_its_book_its_seller_and_the_day_it_holds_from() -> None:
    old, new = price_tokens("openai", "o3", datetime(2025, 6, 9)), price_tokens("openai", "o3", datetime(2025, 6, 10))
    assert isinstance(old, Price)
    assert isinstance(new, Price)
    assert (old.date, new.date) == (None, date(2025, 6, 10))
    assert old.source == new.source == f"{load_book().name} (openai)"


def test_day_of_a_price_is_the_utc_day_of_the_call() -> None:
    evening = datetime(2025, 6, 9, 20, 30, tzinfo=timezone(timedelta(hours=-4)))  # 10 June 0:30 in UTC
    assert price_tokens("openai", "o3", evening) == price_tokens("openai", "o3", datetime(2025, 6, 10, 0, 30))


def test_tier_is_decided_by_each_call_and_not_by_their_sum() -> None:
    small = price_call("anthropic", "claude-sonnet-4-5", SEPTEMBER, prompt_tokens=150_000, completion_tokens=0)
    both = price_call("anthropic", "claude-sonnet-4-5", SEPTEMBER, prompt_tokens=300_000, completion_tokens=0)
    assert isinstance(small, Price)
    assert isinstance(both, Price)
    assert (2 * small.amount_usd, both.amount_usd) == (Decimal("0.9"), Decimal("1.8"))


def test_no_tokens_cost_something_only_where_something_else_is_charged() -> None:
    free = price_tokens(
        "openai", "omni-moderation-latest", task_type="moderation", prompt_tokens=0, completion_tokens=0
    )
    asked = price_tokens("perplexity", "sonar", tier="low", prompt_tokens=0, completion_tokens=0)
    searched = price_tokens(
        "anthropic", "claude-sonnet-4-5", prompt_tokens=0, completion_tokens=0, extra_counts={"web_searches": 2}
    )
    # It is given away; 5 USD for 1,000 requests; two searches at 10 USD for 1,000.
    assert [read_usd(one) for one in (free, asked, searched)] == [0, Decimal("0.005"), Decimal("0.02")]


def test_proxy_that_sends_the_bill_sets_the_price() -> None:
    price = price_tokens("meta", "meta-llama/Llama-3.3-70B-Instruct-Turbo", proxy="together")
    assert isinstance(price, Price)
    assert (price.amount_usd, price.source) == (Decimal("0.000968"), f"{load_book().name} (together)")  # 0.88 a million
    assert "no price list of windsurf" in read_reason(price_tokens("openai", "gpt-4o", proxy="windsurf"))


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ({"prompt_tokens": -1}, "negative"),
        ({"completion_tokens": -1}, "negative"),
        ({"prompt_tokens": 10, "cached_tokens": 6, "cache_write_tokens": 5}, "more than the prompt"),
        ({"completion_tokens": 10**16}, "10,000,000,000 USD or more"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts: dict[str, Any], rule: str) -> None:
    with pytest.raises(BadRecord, match=rule):
        price_tokens("openai", "gpt-4o", **counts)


@pytest.mark.parametrize(("usd_per_million", "usd"), [("0.00015", "2e-10"), ("0.00025", "2e-10"), ("0.00035", "4e-10")])
def test_amount_is_rounded_once_to_ten_decimals_half_to_even(usd_per_million: str, usd: str) -> None:
    book = build_house(build_model("tiny", list_prices(input_mtok=usd_per_million)))
    price = price_call("openai", "tiny", SEPTEMBER, prompt_tokens=1, completion_tokens=0, book=book)
    assert isinstance(price, Price)
    assert price.amount_usd == Decimal(usd)


def test_amount_is_exact_whatever_precision_the_caller_has_set() -> None:
    wide = price_call("openai", "gpt-4o", SEPTEMBER, prompt_tokens=123_456_789, completion_tokens=987_654_321)
    with localcontext(prec=4):
        narrow = price_call("openai", "gpt-4o", SEPTEMBER, prompt_tokens=123_456_789, completion_tokens=987_654_321)
    assert wide == narrow
    assert isinstance(wide, Price)
    assert wide.amount_usd == Decimal("10185.1851825")  # 308.6419725 + 9876.54321


def test_every_model_of_our_lists_costs_what_genai_prices_says_or_is_unpriced_for_a_reason() -> None:
    tokens = [(1_000, 300, 0, 0), (250_000, 1_000, 100_000, 50_000), (600_000, 0, 0, 600_000)]
    moments = [datetime(2025, 6, 1, 3, tzinfo=timezone.utc), datetime(2026, 11, 20, 17, tzinfo=timezone.utc)]
    priced, reasons = 0, set()
    for name, seller in LISTS.items():
        for model in next(one for one in load_book().providers if one.id == seller).models:
            if list_hour_rules(seller, model):
                continue  # there we know days that genai-prices does not
            for moment in moments:
                for prompt, completion, cached, written in tokens:
                    answer = price_call(
                        name, model.id, moment, prompt_tokens=prompt, completion_tokens=completion,
                        cached_tokens=cached, cache_write_tokens=written,
                    )  # fmt: skip
                    if isinstance(answer, Unpriced):
                        reasons.add(
                            answer.reason.replace(repr(model.id), "X").replace(model.id, "X").replace(seller, "S")
                        )
                        continue
                    usage = Usage(input_tokens=prompt, output_tokens=completion, cache_read_tokens=cached,
                                  cache_write_tokens=written)  # fmt: skip
                    theirs = calc_price(usage, model.id, provider_id=seller, genai_request_timestamp=moment)
                    assert answer.amount_usd == round(theirs.total_price, 10), (seller, model.id)
                    priced += 1
    assert priced > 5_000
    assert all(
        any(
            known in one
            for known in ("does not know", "no price for", "without a price", "prices parts of", "highest of")
        )
        for one in reasons
    ), reasons  # fmt: skip


def test_pricing_needs_no_network_and_loads_no_table_library() -> None:
    program = """
import sys
def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"asked the network: {arguments}")
sys.addaudithook(refuse)
from datetime import datetime
from flexlib.money.prices import price_call
print(price_call("openai", "gpt-4o", datetime(2025, 9, 1), prompt_tokens=1000, completion_tokens=0).amount_usd)
print(sorted({"pandas", "pyarrow", "numpy"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("0.0025000000\n[]\n", 0), done.stderr


def test_task_types_are_the_enums() -> None:
    answers = {task: price_tokens("openai", "gpt-4o", task_type=task) for task in LlmTaskType}
    assert isinstance(answers[LlmTaskType.TEXT], Price)
    assert isinstance(answers[LlmTaskType.FINE_TUNING], Unpriced)
