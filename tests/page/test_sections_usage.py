"""Title, headline numbers, findings and proof of a month of calls; and the whole page, whose sums are the file's."""

from __future__ import annotations

import csv
import re
from datetime import datetime, timezone
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from usage_samples import CALLS, NIGHT, certify_usage, to_pandas

from flexlib.aggregate.usage import (
    usage_by_day,
    usage_by_hour,
    usage_by_provider_and_model,
    usage_distribution,
    usage_statistics,
)
from flexlib.certificate import Check
from flexlib.enums import LlmTaskType
from flexlib.errors import BadRecord
from flexlib.page import sections_usage
from flexlib.page.markup import Html
from flexlib.report.run import run_report
from flexlib.sources.calls import CallMapping
from flexlib.update.usage import import_usage

CALLS_CSV = Path(__file__).parents[1] / "data" / "calls.csv"


def read_words(text: str) -> str:
    text = re.sub(r"<(style|script|title|desc)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]+>", " ", text)).split())


def show_all(calls: list[Any], **changes: Any) -> dict[str, str]:  # noqa: ANN401
    rows = to_pandas(calls)
    certificate, statistics = certify_usage(rows, **changes), usage_statistics(rows)
    pieces: list[Html] = [
        sections_usage.show_usage_title("LLM usage", certificate),
        sections_usage.show_usage_headlines(statistics, certificate),
        sections_usage.show_usage_proof(certificate, statistics),
    ]
    return {piece.name: read_words(piece.write_html()) for piece in pieces}


def test_a_whole_month_says_so_and_shows_its_numbers() -> None:
    shown = show_all(CALLS)
    assert shown["title"] == (
        "LLM calls · monthly report LLM usage September 2025 ✓ Complete 5 of 5 rows taken · as of 3 Oct 2025, 06:00 UTC"
    )
    assert shown["headlines"] == (
        "Calls 5 on 2 days Prompt tokens 1,000 200 a call Completion tokens 540 108 a call Models 3 ranked below "
        "Highest day 1 Sep 990 tokens Known amount US$ 0.02 of 3 calls"
    )
    assert "✓ This page and the certificate 5 calls, 1,000 prompt and 540 completion tokens on both" in shown["proof"]
    assert f"calls.csv: 5 rows, SHA-256 {'1' * 64}" in shown["proof"]


def test_a_gap_stands_in_title_headlines_and_proof() -> None:
    shown = show_all(CALLS, quarantined_rows=2)
    sentence = "2 rows of the files could not be taken; raw/ beside the month keeps them and says why."
    assert "! Not whole 5 of 7 rows taken" in shown["title"]
    assert f"Not whole: the total is a lower bound. {sentence}" in shown["title"]
    assert shown["headlines"].startswith("Calls at least 5 ")
    assert sentence in shown["proof"]
    assert "✗ Rows read, taken, known before, not taken 7 · 5 · 0 · 2" in shown["proof"]


def test_sums_that_differ_and_a_month_that_was_not_over_are_told() -> None:
    differs = show_all(CALLS, sums=Check("differs", "one way against another", 3, "rows is 1, not 2"))
    assert "The stored sums differ: rows is 1, not 2." in differs["title"]
    early = show_all(CALLS, read_at=datetime(2025, 9, 9, tzinfo=timezone.utc))
    assert "It was imported on 9 Sep 2025, 00:00 UTC, before the month was over." in early["title"]


def test_rows_that_are_not_those_of_the_certificate_are_refused() -> None:
    with pytest.raises(
        BadRecord, match=r"the calls of 2025-09 are not those of its certificate: .* are \(4, 1000, 540\)"
    ):
        sections_usage.show_usage_proof(certify_usage(to_pandas(CALLS)), usage_statistics(to_pandas(CALLS[:4])))


def test_numbers_too_long_for_the_headlines_are_rounded_there_and_nowhere_else() -> None:
    shown = show_all([(NIGHT, "xai", "a", 2**31 - 1, 99_999_999, None, None)])
    assert "Prompt tokens 2,147 M" in shown["headlines"]
    assert "Completion tokens 99,999,999" in shown["headlines"]
    assert "1 calls, 2,147,483,647 prompt and 99,999,999 completion tokens on both" in shown["proof"]


def test_a_month_without_calls_has_dashes() -> None:
    shown = show_all([], quarantined_rows=1)
    assert "Highest day – – tokens Known amount – no call has one" in shown["headlines"]
    assert "First and last call –" in shown["proof"]


def test_findings_say_what_stands_out() -> None:
    rows = to_pandas(CALLS)
    found = [
        sections_usage.find_usage_days(usage_by_day(rows)),
        sections_usage.find_usage_hours(usage_by_hour(rows)),
        sections_usage.find_usage_models(usage_by_provider_and_model(rows)),
        sections_usage.find_usage_sizes(usage_distribution(rows)),
    ]
    assert [finding.heading.replace("\u00a0", " ") for finding in found] == [
        "1 Sep took 64.2 % of the tokens",
        "From 09 to 10 h UTC fall 92.8 % of the tokens",
        "opus takes 35.7 % of the tokens",
        "Half of the calls read at most 100 tokens",
    ]


def test_findings_are_plain_where_there_is_one_day_one_model_or_nothing() -> None:
    one, nothing = to_pandas(CALLS[:1]), to_pandas([])
    assert sections_usage.find_usage_days(usage_by_day(one)).heading == "All calls are of 1 Sep"
    assert sections_usage.find_usage_models(usage_by_provider_and_model(one)).heading == "All calls are to gpt-4"
    assert sections_usage.find_usage_days(usage_by_day(nothing)).heading == "No calls"
    assert sections_usage.find_usage_hours(usage_by_hour(nothing)).heading == "By hour"
    assert sections_usage.find_usage_models(usage_by_provider_and_model(nothing)).heading == "By model"
    assert sections_usage.find_usage_sizes(usage_distribution(nothing)).heading == "By size"


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
    page = run_report("llm_usage", {"year": 2025, "month": 9}, tmp_path / "reports", tmp_path / "data")
    words = read_words(page.read_text("utf-8"))
    assert f"{len(calls):,} calls, {prompt:,} prompt and {completion:,} completion tokens on both" in words
    assert f"All models {len(calls):,} {prompt:,} {completion:,} {prompt + completion:,} 100.0 %" in words
