"""An import meets the disk: merged by id, counted again, whole or not at all, and the same when it is done again."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexlib.certificate import State, UsageCertificate
from flexlib.checks import explain_check
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.errors import AlreadyRunning, BadFile, DiskFailed
from flexlib.ingest.files.importing import MonthImport, import_usage
from flexlib.schema import USAGE, check_usage
from flexlib.sources.files.mapping import CallMapping
from flexlib.spend.month import load_month_usage
from flexlib.store.snapshots import list_snapshots, load_usage, lock_month
from flexlib.store.version import Snapshot

AUGUST, SEPTEMBER = Month(2025, 8), Month(2025, 9)
LATER = datetime(2025, 12, 1, tzinfo=timezone.utc)
PLAIN: dict[str, Any] = {
    "created_at": "time",
    "prompt_tokens": "in",
    "completion_tokens": "out",
    "provider": LlmProvider.OPENAI,
    "model": "gpt-4",
}
ONE = "2025-09-01 10:00:00.9799600,7,5"
TWO = "2025-09-01 10:00:00.9799601,7,5"  # 100 ns later
THREE = "2025-09-30 23:59:59,100,20"
EARLIER = "2025-08-31 23:59:59,1,1"


def write(folder: Path, *rows: str, name: str = "calls.csv", head: str = "time,in,out") -> Path:
    file = folder / name
    file.write_text("\n".join([head, *rows, ""]), "utf-8")
    return file


def bring(
    file: Path,
    root: Path,
    now: datetime = LATER,
    replace_months: bool = False,
    **mapping: Any,  # noqa: ANN401
) -> list[MonthImport]:
    return import_usage(file, CallMapping(**PLAIN | mapping), root, now=now, replace_months=replace_months)


def bring_one(file: Path, root: Path, **options: Any) -> MonthImport:  # noqa: ANN401
    (month,) = bring(file, root, **options)
    return month


def list_files(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def read_raw(snapshot: Snapshot) -> list[dict[str, Any]]:
    with gzip.open(snapshot.path / "raw" / "answers.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_an_import_stores_the_calls_with_their_proof(tmp_path: Path) -> None:
    file = write(tmp_path, THREE, ONE, TWO)
    done = bring_one(file, tmp_path / "data")
    assert (done.added_rows, done.is_new, done.quarantined) == (3, True, ())
    stored = load_usage(SEPTEMBER, tmp_path / "data")
    assert stored.path.parent == tmp_path / "data" / "usage" / "2025-09" / "import"
    assert stored.certificate == done.certificate
    rows = check_usage(pq.read_table(stored.parquet, schema=USAGE), SEPTEMBER)
    assert rows["prompt_tokens"].to_pylist() == [7, 7, 100]
    proof = done.certificate
    assert (proof.state, proof.source, proof.rows_read, proof.rows) == (State.COMPLETE, "import", 3, 3)
    assert (proof.prompt_tokens, proof.completion_tokens) == (114, 30)
    assert (proof.duplicate_rows, proof.quarantined_rows) == (0, 0)
    assert (proof.sums.result, proof.sums.checked) == ("agrees", 11)
    assert proof.sums.figures == {
        "rows": 3,
        "requests": 3,
        "prompt_tokens": 114,
        "completion_tokens": 30,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "amount_in_usd": "0.0052200000",  # 114 x 30 + 30 x 60 USD a million
        "amount_in_clp": None,
        "unpriced_rows": 0,
        "rows_without_clp": 3,
    }
    (entry,) = proof.files
    assert (entry["name"], entry["rows"], entry["quarantined"]) == ("calls.csv", 3, 0)
    assert entry["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert entry["mapping"]["model"] == "gpt-4"
    assert "not copied" in " ".join(proof.notes)


def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, EARLIER, ONE, THREE, "never,7,5")
    first = bring(file, tmp_path / "data")
    before = list_files(tmp_path / "data")
    again = bring(file, tmp_path / "data", now=datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert list_files(tmp_path / "data") == before
    assert [(month.added_rows, month.is_new) for month in again] == [(0, False)] * 2
    assert [month.certificate.rows_sha256 for month in again] == [month.certificate.rows_sha256 for month in first]


def test_the_same_file_under_another_name_adds_nothing_either(tmp_path: Path) -> None:
    bring(write(tmp_path, ONE, TWO, THREE), tmp_path / "data")
    assert not bring_one(write(tmp_path, ONE, TWO, THREE, name="copy.csv"), tmp_path / "data").is_new


def test_files_that_overlap_count_each_call_once(tmp_path: Path) -> None:
    between = "2025-09-01 10:00:00.7,2,5"
    bring(write(tmp_path, ONE, ONE, TWO, between), tmp_path / "data")
    done = bring_one(write(tmp_path, ONE, TWO, between, THREE, name="more.csv"), tmp_path / "data")
    proof = done.certificate
    assert (done.added_rows, proof.rows, proof.rows_read, proof.duplicate_rows) == (1, 5, 8, 3)
    assert (proof.prompt_tokens, proof.sums.result) == (123, "agrees")
    assert [entry["name"] for entry in proof.files] == ["calls.csv", "more.csv"]
    assert len(list_snapshots("usage", SEPTEMBER, tmp_path / "data")) == 2


@given(cuts=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10)), min_size=1, max_size=3))
@settings(max_examples=10, deadline=None)
def test_whatever_pieces_of_a_log_are_imported_the_month_is_their_union(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    log = [f"2025-09-{day:02d} 10:00:00,{day},1" for day in range(1, 11)]
    for start, length in cuts:
        bring(
            write(folder, *log[start : start + length], name=f"{start}-{min(start + length, 10)}.csv"), folder / "data"
        )
    days = sorted({day for start, length in cuts for day in range(start, min(start + length, 10))})
    assert list(load_usage(SEPTEMBER, folder / "data").frame["prompt_tokens"]) == [day + 1 for day in days]


def test_a_row_that_cannot_be_taken_is_a_gap_and_is_kept_as_it_stands(tmp_path: Path) -> None:
    done = bring_one(write(tmp_path, ONE, "2025-09-02 10:00:00,-7,5"), tmp_path / "data")
    proof = done.certificate
    assert (proof.state, proof.state.exit_code) == (State.GAP, 3)
    assert (proof.rows_read, proof.rows, proof.quarantined_rows) == (2, 1, 1)
    assert done.quarantined[0].line == 3
    reason = "prompt_tokens is not a whole number from 0 to 1000000000000000: -7"
    assert read_raw(load_usage(SEPTEMBER, tmp_path / "data")) == [
        {
            "file": "calls.csv",
            "sha256": proof.files[0]["sha256"],
            "line": 3,
            "reason": reason,
            "text": "2025-09-02 10:00:00,-7,5",
        }
    ]


def test_a_row_of_unknown_month_is_a_gap_in_each_month_of_its_file(tmp_path: Path) -> None:
    august, september = bring(write(tmp_path, EARLIER, "soon,7,5", ONE), tmp_path / "data")
    for month in (august, september):
        assert month.certificate.state is State.GAP
        assert (month.certificate.rows_read, month.certificate.rows, month.certificate.quarantined_rows) == (2, 1, 1)
        assert any("Rows of calls.csv without a readable time: 1;" in note for note in month.certificate.notes)


def test_a_month_of_bad_rows_alone_is_a_gap_and_not_absent(tmp_path: Path) -> None:
    august, _ = bring(write(tmp_path, "2025-08-01 10:00:00,x,5", ONE), tmp_path / "data")
    assert (august.certificate.month, august.certificate.state, august.certificate.rows) == (AUGUST, State.GAP, 0)
    assert len(load_usage(AUGUST, tmp_path / "data").frame) == 0


def test_a_gap_stays_until_the_month_is_made_anew(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bring(write(tmp_path, ONE, "2025-09-02 10:00:00,x,5"), root)
    mended = write(tmp_path, ONE, "2025-09-02 10:00:00,6,5", name="mended.csv")
    merged = bring_one(mended, root).certificate
    assert (merged.state, merged.rows, merged.duplicate_rows, merged.quarantined_rows) == (State.GAP, 2, 1, 1)
    assert [row["file"] for row in read_raw(load_usage(SEPTEMBER, root))] == ["calls.csv"]
    replace_months = bring_one(mended, root, replace_months=True).certificate
    assert (replace_months.state, replace_months.rows, replace_months.duplicate_rows, len(replace_months.files)) == (
        State.COMPLETE,
        2,
        0,
        1,
    )
    assert read_raw(load_usage(SEPTEMBER, root)) == []


def test_the_same_file_under_another_mapping_would_count_twice_and_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "data"
    file = write(tmp_path, ONE)
    bring(file, root)
    before = list_files(root)
    sentence = (
        "calls.csv was imported into 2025-09 before, with --timestamp time --prompt-tokens in --completion-tokens out "
        r"--provider openai --model gpt-4 \(now --timestamp time --prompt-tokens in --completion-tokens out --provider "
        r"openai --model gpt-4o --status out\); its calls would count twice. Import it as before, or with --supersedes "
        "calls.csv to read it anew."
    )
    with pytest.raises(BadFile, match=sentence):
        bring(file, root, model="gpt-4o", status="out")
    assert list_files(root) == before
    replace_months = bring_one(file, root, replace_months=True, model="gpt-4o").certificate
    assert (replace_months.rows, replace_months.files[0]["mapping"]["model"]) == (1, "gpt-4o")


def test_a_stored_request_id_with_other_content_is_refused(tmp_path: Path) -> None:
    root, head = tmp_path / "data", "time,in,out,id"
    bring(write(tmp_path, f"{ONE},req-1", f"{TWO},req-2", head=head), root, request_id="id")
    before = list_files(root)
    changed = write(tmp_path, f"{ONE},req-1", "2025-09-01 10:00:00,8,5,req-2", name="changed.csv", head=head)
    with pytest.raises(
        BadFile, match="changed.csv says something else than calls.csv of 1 call of the same id, such as req-2"
    ):
        bring(changed, root, request_id="id")
    assert list_files(root) == before


def test_nothing_is_written_when_one_month_of_the_file_is_refused(tmp_path: Path) -> None:
    root, head = tmp_path / "data", "time,in,out,id"
    bring(write(tmp_path, f"{ONE},req-1", head=head), root, request_id="id")
    both = write(tmp_path, f"{EARLIER},req-0", "2025-09-01 10:00:00,8,5,req-1", name="both.csv", head=head)
    with pytest.raises(BadFile, match="req-1"):
        bring(both, root, request_id="id")
    assert list_snapshots("usage", AUGUST, root) == []


def test_a_month_that_another_run_holds_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "data"
    file = write(tmp_path, EARLIER, ONE)
    with lock_month("usage", SEPTEMBER, root), pytest.raises(AlreadyRunning, match="2025-09"):
        bring(file, root)
    assert list_files(root) == {}
    assert len(bring(file, root)) == 2


def test_what_a_killed_run_left_is_swept_out(tmp_path: Path) -> None:
    root = tmp_path / "data"
    left = root / "usage" / "2025-09" / ".ingesting"
    left.mkdir(parents=True)
    (left / "usage.parquet").write_bytes(b"cut off")
    assert bring_one(write(tmp_path, ONE), root).certificate.rows == 1
    assert not left.exists()


def test_a_month_that_is_not_over_is_provisional_until_it_is(tmp_path: Path) -> None:
    root = tmp_path / "data"
    file = write(tmp_path, ONE)
    early = bring_one(file, root, now=datetime(2025, 9, 2, tzinfo=timezone.utc))
    assert early.certificate.state is State.PROVISIONAL
    same = bring_one(file, root, now=datetime(2025, 9, 3, tzinfo=timezone.utc))
    assert (same.is_new, same.certificate.read_at) == (False, early.certificate.read_at)
    over = bring_one(file, root)
    assert (over.is_new, over.added_rows, over.certificate.state) == (True, 0, State.COMPLETE)
    assert over.certificate.rows_sha256 == early.certificate.rows_sha256


def test_a_full_disk_or_a_folder_in_the_way_leaves_what_is_stored(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bring(write(tmp_path, ONE), root)
    before = list_files(root)
    (root / "usage" / "2025-08").write_text("a file where a folder must be")
    with pytest.raises(DiskFailed, match="Nothing that was stored before has changed"):
        bring(write(tmp_path, EARLIER, TWO, name="more.csv"), root)
    os.remove(root / "usage" / "2025-08")
    assert list_files(root) == before


def test_the_certificate_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    proof = bring_one(write(tmp_path, ONE, "2025-09-02 10:00:00,x,5"), tmp_path / "data", metadata=("in",)).certificate
    assert load_usage(SEPTEMBER, tmp_path / "data").certificate == proof
    assert isinstance(proof, UsageCertificate)


def test_the_same_calls_by_other_columns_may_count_twice_and_are_told(tmp_path: Path) -> None:
    root = tmp_path / "data"
    bring(write(tmp_path, ONE, TWO), root)
    more = write(tmp_path, f"{ONE},blue", f"{THREE},red", name="more.csv", head="time,in,out,team")
    proof = bring_one(more, root, metadata=("team",)).certificate
    assert (proof.rows, proof.state) == (4, State.UNRECONCILED)
    assert (
        "1 call of more.csv, which was read by other columns than files before it, at the moment of a stored one"
        in (explain_check(proof.sums))
    )
    assert bring_one(more, root, metadata=("team",)).certificate == proof
    third = write(tmp_path, "2025-09-20 10:00:00,1,1", name="third.csv")
    assert bring_one(third, root).certificate.state is State.UNRECONCILED
    bring(more, root, replace_months=True, metadata=("team",))
    assert bring_one(third, root).certificate.state is State.COMPLETE


def test_a_file_and_a_folder_with_signs_of_a_pattern_in_their_names_are_themselves(tmp_path: Path) -> None:
    for folder in ("data1", "data[1]"):
        bring(write(tmp_path, ONE if folder == "data1" else THREE), tmp_path / folder)
    assert bring_one(write(tmp_path, EARLIER), tmp_path / "data[1]").certificate.month == AUGUST
    stored = load_usage(SEPTEMBER, tmp_path / "data[1]")
    assert stored.relation.aggregate("sum(prompt_tokens)").fetchall() == [(100,)]
    usage = load_month_usage(SEPTEMBER, tmp_path / "data[1]")
    assert usage.rows.aggregate("sum(prompt_tokens)").fetchall() == [(100,)]
