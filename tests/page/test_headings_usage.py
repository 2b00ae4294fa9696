"""What stands out in a month of calls; and the whole page, whose sums are the file's."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from html import unescape
from pathlib import Path

from usage_samples import CALLS, to_pandas

from flexlib.analysis.ranking import rank_models, rank_sellers
from flexlib.analysis.sizes import usage_distribution
from flexlib.analysis.usage import total_cost_by_period, usage_by_day, usage_by_hour, usage_by_model_and_proxy
from flexlib.enums import LlmTaskType
from flexlib.ingest.files.importing import import_usage
from flexlib.page.usage import headings, tokens
from flexlib.report.parameters import check_request
from flexlib.report.run import run_report
from flexlib.sources.files.mapping import CallMapping

CALLS_CSV = Path(__file__).parents[1] / "data" / "calls.csv"


def read_words(text: str) -> str:
    text = re.sub(r"<(style|script|title|desc)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]+>", " ", text)).split())


def test_findings_say_what_stands_out() -> None:
    rows = to_pandas(CALLS)
    totals = total_cost_by_period(rows)
    assert isinstance(totals, dict)
    found = [
        headings.heading_for_spend_days(usage_by_day(rows), totals),
        headings.heading_for_spend_models(rank_models(usage_by_model_and_proxy(rows))),
        headings.heading_for_sellers(rank_sellers(usage_by_model_and_proxy(rows))),
        tokens.heading_for_usage_hours(usage_by_hour(rows)),
        tokens.heading_for_usage_sizes(usage_distribution(rows)),
    ]
    assert [finding and finding.heading.replace("\u00a0", " ") for finding in found] == [
        "Spend by day",  # two days say nothing of a usual one
        "gpt-4 takes 100.0 % of what was counted",  # some calls lack a price
        "OpenAI takes 100.0 % of what was counted",
        "92.9 % of the tokens fall between 09:00 and 10:00 UTC",
        "Half of the calls read at most 100 tokens",
    ]


def test_the_page_of_an_imported_file_has_the_file_s_sums(tmp_path: Path) -> None:
    with CALLS_CSV.open(encoding="utf-8", newline="") as file:
        calls = list(csv.DictReader(file))
    prompt = sum(int(call["prompt_tokens"]) for call in calls)
    completion = sum(int(call["completion_tokens"]) for call in calls)
    mapping = CallMapping(
        created_at="time",
        provider_column="provider",
        model_column="model",
        proxy_column="proxy",
        task_type=LlmTaskType.TEXT,
        task_type_column="task_type",
        prompt_tokens="prompt_tokens",
        completion_tokens="completion_tokens",
        cached_tokens="cached_tokens",
        cache="included",
        amount_in_usd="usd",
        usable_type="user",
        usable_id="user_id",
        metadata=("team",),
    )
    (month,) = import_usage(CALLS_CSV, mapping, tmp_path / "data")
    assert (month.certificate.rows, month.certificate.quarantined_rows) == (len(calls), 0)
    page = run_report(check_request("llm_usage", {"year": 2025, "month": 9}), tmp_path / "reports", tmp_path / "data")
    words = read_words(page.read_text("utf-8"))
    assert (
        f"{len(calls):,} stored rows of calls, {prompt:,} prompt and {completion:,} completion tokens on both" in words
    )
    usd = sum(Decimal(call["usd"] or 0) for call in calls)
    priced = sum(int(call["prompt_tokens"]) + int(call["completion_tokens"]) for call in calls if call["usd"])
    unpriced = sum(1 for call in calls if not call["usd"])
    unit_price = usd * 1_000_000 / priced
    alone = "August is not stored, so nothing to compare with"
    assert f"Spend at least US$ {usd:.2f} {alone}; {unpriced} calls without a price" in words
    assert f"All models {len(calls):,} {prompt + completion:,} {unit_price:.2f} {usd:.2f} 100.0 % {unpriced}" in words
