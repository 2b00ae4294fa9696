"""A new source: thirty lines take it from its own records to a page, with prices, proof and everything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from usage_samples import BLANK

from flexlib.certificate import State, UsageCertificate
from flexlib.checks import Check, describe_check
from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.errors import BadParameter, BadRecord
from flexlib.ingest.delivery import Delivery
from flexlib.ingest.pipeline import ingest_month
from flexlib.schema import USAGE
from flexlib.sources import registry
from flexlib.sources.registry import RefusedRow, Source, register_source
from flexlib.store.snapshots import list_snapshots, load_usage

SEPTEMBER = Month(2025, 9)
OVER = datetime(2025, 12, 1, tzinfo=timezone.utc)

# The whole source: its records, a line in the registry, and what it delivers of a month.
TOY = Source("toy", "the toy gateway", "usage", "toy-gateway sync {year}-{month:02d}", "its own count of calls")
RECORDS = [("2025-09-10T12:00:00", "gpt-4o", 1000, 100), ("2025-09-11T12:00:00", "gpt-4o-mini", 2000, 50)]


def read_tables() -> Iterator[pa.Table]:
    for number, (moment, model, prompt, completion) in enumerate(RECORDS):
        row = BLANK | {
            "id": f"toy-{number}",
            "created_at": datetime.fromisoformat(moment),
            "updated_at": datetime.fromisoformat(moment),
            "provider": "openai",
            "model": model,
            "task_type": "text",
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
        }
        yield pa.Table.from_pylist([row], schema=USAGE)


def deliver(**more: object) -> Delivery:
    return Delivery(source=TOY, month=SEPTEMBER, read_at=OVER, tables=read_tables(), **more)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_SOURCES", dict(registry._SOURCES))
    register_source(TOY)


def test_a_toy_source_is_taken_all_the_way_to_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    monkeypatch.setenv("FLEXLIB_DATA", str(root))
    proof = ingest_month(deliver(counts={"rows": 2, "prompt_tokens": 3000}), root).certificate
    assert isinstance(proof, UsageCertificate)
    assert (proof.state, proof.source, proof.rows, proof.sums.result) == (State.COMPLETE, "toy", 2, "agrees")
    assert proof.amount_in_usd == "0.0038300000"  # 1000 x 2.50 + 100 x 10 + 2000 x 0.15 + 50 x 0.60 USD a million
    words = ["--year", "2025", "--month", "9"]
    assert main(["certificate", *words, "--source", "toy"]) == 0
    assert "Source          toy" in capsys.readouterr().out
    assert main(["report", "--notebook", "llm_usage", *words, "--output-dir", str(tmp_path)]) == 0
    page = (tmp_path / "2025-09" / "llm_usage.html").read_text("utf-8")
    assert all(text in page for text in ("toy", "gpt-4o-mini", "3,000", proof.rows_sha256))


def test_what_the_source_counts_is_held_against_what_it_delivered(tmp_path: Path) -> None:
    proof = ingest_month(deliver(counts={"rows": 3}), tmp_path).certificate
    assert (proof.state, proof.checks["sums"].figures["found"]) == (State.UNRECONCILED, {"rows": 2})
    alone = ingest_month(deliver(), tmp_path).certificate.checks["sums"]
    assert (alone.result, describe_check(alone)) == (
        "agrees", "what was delivered, against the written Parquet counted again",
    )  # fmt: skip


def test_rows_that_the_source_could_not_take_are_a_gap_and_kept_as_they_came(tmp_path: Path) -> None:
    bad = RefusedRow(7, "no time", "?;gpt-4o")
    snapshot = ingest_month(deliver(refused=[bad], origin={"page": 1}, raw=['{"page": 1}']), tmp_path)
    proof = snapshot.certificate
    assert isinstance(proof, UsageCertificate)
    assert (proof.state, proof.rows_read, proof.rows, proof.quarantined_rows) == (State.GAP, 3, 2, 1)
    raw = snapshot.path / "raw" / "answers.jsonl.gz"
    lines = pa.input_stream(str(raw), compression="gzip").read().decode().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"page": 1}, {"page": 1, "line": 7, "reason": "no time", "text": "?;gpt-4o"},
    ]  # fmt: skip
    assert raw.stat().st_mode & 0o777 == 0o600


def test_the_same_month_delivered_again_stays_the_version_that_it_is(tmp_path: Path) -> None:
    first, again = ingest_month(deliver(), tmp_path), ingest_month(deliver(), tmp_path)
    assert first == again
    assert load_usage(SEPTEMBER, tmp_path, "toy") == first


def test_rows_that_break_a_rule_are_refused_and_nothing_is_stored(tmp_path: Path) -> None:
    RECORDS.reverse()
    try:
        with pytest.raises(BadRecord, match="they are not sorted by created_at, id"):
            ingest_month(deliver(), tmp_path)
    finally:
        RECORDS.reverse()
    assert list_snapshots("usage", SEPTEMBER, tmp_path) == []


def test_a_name_belongs_to_one_source() -> None:
    assert register_source(TOY) is TOY
    with pytest.raises(BadParameter, match="there is a source 'ledger' already"):
        register_source(Source("ledger", "another", "usage", "another", "none"))


def test_a_source_cannot_certify_itself(tmp_path: Path) -> None:
    facts = {"rows": 3, "sums": Check("agrees")}
    with pytest.raises(BadRecord, match="toy states rows, sums, which the pipeline finds out by itself"):
        ingest_month(deliver(facts=facts), tmp_path)
    assert list_snapshots("usage", SEPTEMBER, tmp_path) == []
