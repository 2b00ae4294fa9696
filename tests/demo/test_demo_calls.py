"""The made-up company's calls: the same every time, of many models, growing, some of them failed; and its page."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest
from report_samples import read_words

from flexlib.dates import Month
from flexlib.demo.calls import ensure_demo_calls, make_calls, write_calls
from flexlib.errors import SnapshotChanged
from flexlib.spend.before import load_month_before
from flexlib.spend.month import load_month_usage
from flexlib.store.fx import load_rates
from flexlib.store.server import keep_server
from flexlib.store.snapshots import list_snapshots, load_usage

AUGUST, SEPTEMBER = Month(2025, 8), Month(2025, 9)
LATER = datetime(2025, 11, 1, tzinfo=timezone.utc)


def test_a_month_is_the_same_every_time_and_another_with_another_seed(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    assert write_calls(SEPTEMBER, one, LATER) == write_calls(SEPTEMBER, other, LATER)
    assert one.read_bytes() == other.read_bytes()
    assert make_calls(SEPTEMBER, seed=1) != make_calls(SEPTEMBER)


def test_there_are_many_models_and_providers_and_applications_and_some_calls_fail() -> None:
    calls = make_calls(SEPTEMBER)
    kinds = {name: Counter(call[name] for call in calls) for name in ("model", "provider", "application", "status")}
    assert {name: len(found) for name, found in kinds.items()} == {
        "model": 15, "provider": 6, "application": 7, "status": 4,
    }  # fmt: skip
    assert 0.01 < 1 - kinds["status"]["ok"] / len(calls) < 0.1
    assert len({call["request_id"] for call in calls}) == len(calls)
    assert [call["time"] for call in calls] == sorted(str(call["time"]) for call in calls)


def test_use_grows_and_begins_with_the_company() -> None:
    months = [make_calls(Month(2025, number)) for number in (1, 5, 9)]
    assert [len(calls) for calls in months] == sorted(len(calls) for calls in months)
    assert make_calls(Month(2024, 12)) == []


def test_what_has_not_happened_yet_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    count = write_calls(SEPTEMBER, file, datetime(2025, 9, 3, tzinfo=timezone.utc))
    days = {line.split(",")[1][:10] for line in file.read_text("utf-8").splitlines()[1:]}
    assert (days, count) == ({"2025-09-01", "2025-09-02"}, len(file.read_text("utf-8").splitlines()) - 1)
    assert write_calls(Month(2024, 12), tmp_path / "none.csv", LATER) == 0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    for month in (AUGUST, SEPTEMBER):
        ensure_demo_calls(month, folder)
    return folder


def test_the_demo_s_folder_has_its_calls_whole_and_priced_in_both_currencies(root: Path) -> None:
    usage = load_month_usage(SEPTEMBER, root)
    assert usage.state == "COMPLETE"
    ((rows, priced, own),) = usage.rows.aggregate(
        "count(*), count(amount_in_clp), count(*) FILTER (model LIKE 'acme%' AND status = 'ok')"
    ).fetchall()
    assert rows == len(make_calls(SEPTEMBER))
    assert 0 < rows - priced <= own + 10  # the company's own model has no list price
    assert load_month_before(usage, root).obstacle == ""


def test_once_there_they_are_not_made_again(root: Path) -> None:
    before = list_snapshots("usage", SEPTEMBER, root), load_rates(root)
    ensure_demo_calls(SEPTEMBER, root)
    assert (list_snapshots("usage", SEPTEMBER, root), load_rates(root)) == before


def test_what_was_damaged_is_made_again_by_the_command_that_the_sentence_names(tmp_path: Path) -> None:
    """Nobody has a file of the made-up calls to import again."""
    keep_server("x", {"demo": True}, root := tmp_path / "demo")
    ensure_demo_calls(AUGUST, root)
    stored = load_usage(AUGUST, root)
    stored.file.write_bytes(b"cut")
    with pytest.raises(SnapshotChanged, match="store the month again: flexlib spend --demo --year 2025 --month 8$"):
        load_usage(AUGUST, root)
    ensure_demo_calls(AUGUST, root)
    assert load_usage(AUGUST, root).certificate.rows_sha256 == stored.certificate.rows_sha256


def test_the_page_of_the_demo_shows_everything_there_is_to_show(root: Path, tmp_path: Path) -> None:
    from flexlib.report.parameters import check_request
    from flexlib.report.run import run_report

    pages = [
        run_report(check_request("llm_usage", {"year": 2025, "month": 9}), tmp_path / name, root)
        for name in ("one", "other")
    ]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    words = read_words(pages[0].read_text("utf-8"))
    for text in ("vs August", "Other 3 models", "US$ per 1M tokens", " new ", "calls failed", "without a price"):
        assert text in words
