"""Columns of a file beyond a call's tokens: counts with prices of their own, tiers, sums of calls, keys of users."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from flexlib.certificate import State, UsageCertificate
from flexlib.cli import main
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import BadParameter
from flexlib.ingest.files.importing import MonthImport, import_usage
from flexlib.money.prices import UNKNOWN_REQUESTS
from flexlib.sources.files.mapping import CallMapping
from flexlib.store.snapshots import load_usage

SEPTEMBER = Month(2025, 9)
LATER = datetime(2025, 12, 1, tzinfo=timezone.utc)
FIXTURE = Path(__file__).parent.parent / "data" / "fixture"
PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "cache_write_tokens": "write",
    "cache": "included",
    "provider": LlmProvider.ANTHROPIC,
    "model": "claude-sonnet-4-5",
}
ROW = "2025-09-10 12:00:00,1000,100,1000"


def write(folder: Path, head: str, *rows: str) -> Path:
    file = folder / "calls.csv"
    file.write_text("\n".join([f"time,in,out,write,{head}", *rows, ""]), "utf-8")
    return file


def bring(file: Path, root: Path, **mapping: Any) -> MonthImport:  # noqa: ANN401
    (month,) = import_usage(file, CallMapping(**PLAIN | mapping), root, now=LATER)
    return month


def read_rows(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(load_usage(SEPTEMBER, root).parquet).to_pylist()
    return rows


# 1,000 tokens of the prompt written to the cache at 3.75, or for an hour at 6.00, and 100 x 15.00 USD a million.
FIVE_MINUTES, ONE_HOUR = Decimal("0.00525"), Decimal("0.0075")


@pytest.mark.parametrize(
    ("head", "value", "mapping", "amount", "count"),
    [
        ("none", "", {}, FIVE_MINUTES, None),
        ("hour", "1000", {"extra_counts": ("cache_write_1h_tokens=hour",)}, ONE_HOUR, 1000),
        ("cache_write_1h_tokens", "1000", {"metadata": ("cache_write_1h_tokens",)}, ONE_HOUR, 1000),
        ("cache_write_1h_tokens", "many", {"metadata": ("cache_write_1h_tokens",)}, FIVE_MINUTES, None),
    ],
)
def test_a_count_with_a_price_of_its_own_is_priced_by_whatever_column_it_comes(
    tmp_path: Path, head: str, value: str, mapping: dict[str, Any], amount: Decimal, count: int | None
) -> None:
    done = bring(write(tmp_path, head, f"{ROW},{value}"), tmp_path / "data", **mapping)
    (row,) = read_rows(tmp_path / "data")
    assert done.certificate.state is State.COMPLETE
    assert (row["amount_in_usd"], row["cache_write_1h_tokens"]) == (amount, count)
    if mapping.get("metadata"):
        assert json.loads(row["metadata"]) == {"cache_write_1h_tokens": value}  # the caller's own, as it came


def test_an_extra_count_that_is_no_number_is_quarantined(tmp_path: Path) -> None:
    done = bring(write(tmp_path, "n", f"{ROW},1", f"{ROW},x"), tmp_path / "data", extra_counts=("web_searches=n",))
    assert [row.reason for row in done.quarantined] == [
        "web_searches is not a whole number from 0 to 1000000000000000: x"
    ]


def test_a_call_whose_metadata_is_read_as_a_count_now_has_the_id_that_it_always_had(tmp_path: Path) -> None:
    file = write(tmp_path, "cache_write_1h_tokens", f"{ROW},1000")
    bring(file, tmp_path / "data", metadata=("cache_write_1h_tokens",))
    (row,) = read_rows(tmp_path / "data")
    assert row["id"] == "7806a551058950cf649165917fb4a602"


def test_the_tier_is_a_column_of_its_own_or_of_the_metadata(tmp_path: Path) -> None:
    file = write(tmp_path, "tier,level", f"{ROW},batch,priority")
    for mapping, tier in (({}, None), ({"metadata": ("tier",)}, "batch"), ({"tier": "level"}, "priority")):
        bring(file, tmp_path / str(tier), **mapping)
        assert [row["tier"] for row in read_rows(tmp_path / str(tier))] == [tier]
    both = bring(file, tmp_path / "both", tier="level", metadata=("tier",)).certificate
    assert (both.rows, read_rows(tmp_path / "both")[0]["tier"]) == (1, "priority")


def test_a_row_may_sum_the_calls_of_an_hour(tmp_path: Path) -> None:
    rows = ("2025-09-10 12:00:00,5000000000,100,0,400", "2025-09-10 13:00:00,7,1,0,")
    bring(write(tmp_path, "n", *rows), tmp_path / "data", requests="n", grain="hour")
    found = [(row["grain"], row["requests"], row["prompt_tokens"]) for row in read_rows(tmp_path / "data")]
    assert found == [("hour", 400, 5_000_000_000), ("hour", None, 7)]  # not counted is not 1


def test_of_how_many_calls_a_sum_is_nobody_guesses(tmp_path: Path) -> None:
    rows = ("2025-09-10 12:00:00,200001,100,0,", "2025-09-11 12:00:00,200000,100,0,")
    bring(write(tmp_path, "n", *rows), tmp_path / "data", grain="day")
    found = [(row["requests"], row["amount_in_usd"], row["unpriced"]) for row in read_rows(tmp_path / "data")]
    # The model is dearer where the prompt of a call is above 200,000: 3 in and 15 out a million where none can be.
    assert found == [(None, None, UNKNOWN_REQUESTS), (None, Decimal("0.6015"), None)]


def test_a_count_in_the_metadata_is_as_large_as_recording_takes_it(tmp_path: Path) -> None:
    file = write(tmp_path, "web_searches", "2025-09-10 12:00:00,1000,100,0,3000000000")
    bring(file, tmp_path / "data", metadata=("web_searches",))
    assert [row["web_searches"] for row in read_rows(tmp_path / "data")] == [3_000_000_000]


def test_a_user_s_key_may_be_a_text_and_an_email_becomes_an_opaque_one(tmp_path: Path) -> None:
    rows = (f"{ROW},6f1c-22", f"{ROW},Ana@Firma.cl", f"{ROW},ana@firma.cl\u200b", f"{ROW},ana@firma.cl", f"{ROW},")
    done = bring(write(tmp_path, "who", *rows), tmp_path / "data", usable_key="who", usable_type="user")
    stored = load_usage(SEPTEMBER, tmp_path / "data")
    keys = {row["usable_key"] for row in read_rows(tmp_path / "data")}
    (opaque,) = keys - {"6f1c-22", None}
    assert opaque.startswith("email-")
    assert "firma" not in done.certificate.to_json() + str(read_rows(tmp_path / "data")).lower()
    assert list(stored.people) == [opaque]
    assert stored.people[opaque]["email"].lower() == "ana@firma.cl"
    assert (stored.path / "people.json").stat().st_mode & 0o777 == 0o600
    again = bring(write(tmp_path, "who", f"{ROW[:-4]}7,1"), tmp_path / "data", usable_key="who", usable_type="user")
    assert again.is_new
    assert list(load_usage(SEPTEMBER, tmp_path / "data").people) == [opaque]


@pytest.mark.parametrize(
    ("mapping", "why"),
    [
        ({"extra_counts": ("searches",)}, "'searches' is no extra count; write NAME=COLUMN"),
        ({"extra_counts": ("searches=n",)}, "the name one of cache_write_1h_tokens, "),
        ({"extra_counts": ("web_searches=a", "web_searches=b")}, "web_searches has two columns, 'a' and 'b'"),
        ({"requests": "n"}, "of what are the 'n' of a row"),
        ({"grain": "year"}, "a row stands for a call, an hour, a day or a month, not for 'year'"),
        ({"usable_key": "who"}, "what is 'who' the id of"),
    ],
)
def test_options_that_say_too_little_are_refused(mapping: dict[str, Any], why: str) -> None:
    with pytest.raises(BadParameter, match=why):
        CallMapping(**PLAIN | mapping)


def test_the_options_of_the_command_feed_the_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    file = write(tmp_path, "hour,level,n,who", f"{ROW},1000,batch,3,k-1")
    words = ["import", str(file), "--provider", "anthropic", "--model", "claude-sonnet-4-5", "--timestamp", "time"]
    words += [
        "--prompt-tokens",
        "in",
        "--completion-tokens",
        "out",
        "--cache-write-tokens",
        "write",
        "--cache",
        "included",
    ]
    words += ["--extra-count", "cache_write_1h_tokens=hour", "--tier", "level", "--usable-type", "key"]
    assert main([*words, "--usable-key", "who", "--requests", "n", "--grain", "day"]) == 3  # no batch price then
    (row,) = read_rows(tmp_path / "data")
    names = ("cache_write_1h_tokens", "tier", "requests", "grain", "usable_type", "usable_key")
    assert [row[name] for name in names] == [1000, "batch", 3, "day", "key", "k-1"]


def test_a_month_that_flexlib_0_1_0_imported_knows_its_calls_again(tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(FIXTURE.parent / "before", root)
    shutil.copytree(FIXTURE / "rates", root / "rates")
    before = load_usage(SEPTEMBER, root)
    assert isinstance(before.certificate, UsageCertificate)
    assert len(pq.read_schema(before.parquet)) == 20
    told = before.certificate.files[0]["mapping"]
    options: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
    mapping = CallMapping(**options)
    (done,) = import_usage(FIXTURE.parent / "calls_of_0_1_0.csv", mapping, root, now=LATER)
    assert (done.added_rows, done.certificate.state, done.certificate.rows) == (
        0,
        State.GAP,  # 46 of 423 have no price, which flexlib 0.1.0 took for a whole month
        before.certificate.rows,
    )
    assert before.certificate.state is State.COMPLETE
    same = ("prompt_tokens", "completion_tokens", "amount_in_usd", "amount_in_clp", "unpriced_rows", "duplicate_rows")
    assert [getattr(done.certificate, name) for name in same] == [getattr(before.certificate, name) for name in same]
    after = load_usage(SEPTEMBER, root)
    assert after.path != before.path
    assert sorted(row["id"] for row in pq.read_table(after.parquet).to_pylist()) == sorted(
        row["id"] for row in pq.read_table(before.parquet).to_pylist()
    )
