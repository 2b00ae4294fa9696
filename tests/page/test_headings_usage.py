"""What stands out in a month of calls; and the whole page, whose sums are the file's."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path

from usage_samples import CALLS, to_pandas

from flexlib.analysis.sizes import usage_distribution
from flexlib.analysis.usage import usage_by_day, usage_by_hour, usage_by_provider_and_model
from flexlib.enums import LlmTaskType
from flexlib.ingest.files.importing import import_usage
from flexlib.page.usage import headings
from flexlib.report.parameters import check_request
from flexlib.report.run import run_report
from flexlib.sources.files.mapping import CallMapping

CALLS_CSV = Path(__file__).parents[1] / "data" / "calls.csv"


def read_words(text: str) -> str:
    text = re.sub(r"<(style|script|title|desc)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]+>", " ", text)).split())


def test_findings_say_what_stands_out() -> None:
    rows = to_pandas(CALLS)
    found = [
        headings.heading_for_usage_days(usage_by_day(rows)),
        headings.heading_for_usage_hours(usage_by_hour(rows)),
        headings.heading_for_usage_models(usage_by_provider_and_model(rows)),
        headings.heading_for_usage_sizes(usage_distribution(rows)),
    ]
    assert [finding.heading.replace("\u00a0", " ") for finding in found] == [
        "1 Sep took 64.3 % of the tokens",
        "92.9 % of the tokens fall between 09:00 and 10:00 UTC",
        "opus takes 35.7 % of the tokens",
        "Half of the calls read at most 100 tokens",
    ]


def test_findings_are_plain_where_there_is_one_day_one_model_or_nothing() -> None:
    one, nothing = to_pandas(CALLS[:1]), to_pandas([])
    assert headings.heading_for_usage_days(usage_by_day(one)).heading == "All calls are of 1 Sep"
    assert headings.heading_for_usage_models(usage_by_provider_and_model(one)).heading == "All calls are to gpt-4"
    assert headings.heading_for_usage_days(usage_by_day(nothing)).heading == "No calls"
    assert headings.heading_for_usage_hours(usage_by_hour(nothing)).heading == "By hour"
    assert headings.heading_for_usage_models(usage_by_provider_and_model(nothing)).heading == "By model"
    assert headings.heading_for_usage_sizes(usage_distribution(nothing)).heading == "By size"


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
        amount_in_usd="usd",
        usable_type="user",
        usable_id="user_id",
        metadata=("team",),
    )
    (month,) = import_usage(CALLS_CSV, mapping, tmp_path / "data")
    assert (month.certificate.rows, month.certificate.quarantined_rows) == (len(calls), 0)
    page = run_report(check_request("llm_usage", {"year": 2025, "month": 9}), tmp_path / "reports", tmp_path / "data")
    words = read_words(page.read_text("utf-8"))
    assert f"{len(calls):,} rows, {prompt:,} prompt and {completion:,} completion tokens on both" in words
    assert f"All models {len(calls):,} {prompt:,} {completion:,} {prompt + completion:,} 100.0 %" in words


def test_a_chart_says_which_calls_it_has_no_place_for() -> None:
    rows = to_pandas(CALLS)
    assert headings.heading_for_usage_hours(usage_by_hour(rows), left_out=52).note == (
        "Tokens by hour of the day, over all days. Not shown: 52 calls that are known only as daily or monthly sums."
    )
    assert headings.heading_for_usage_sizes(usage_distribution(rows), 1).note.endswith(
        "Not shown: 1 call that is known only as hourly, daily or monthly sums."
    )
    assert headings.heading_for_usage_days(usage_by_day(rows), left_out=7000).note.endswith(
        "Days are UTC. Not shown: 7,000 calls that are known only as monthly sums."
    )
    assert headings.heading_for_usage_days(usage_by_day(to_pandas([])), left_out=7000).heading == "By day"
    assert "Not shown" not in headings.heading_for_usage_hours(usage_by_hour(rows)).note


def test_a_chart_says_when_it_is_not_known_how_many_calls_it_leaves_out() -> None:
    assert headings.heading_for_usage_hours(usage_by_hour(to_pandas(CALLS)), left_out=None).note.endswith(
        "Not shown: an unknown number of calls that are known only as daily or monthly sums."
    )
