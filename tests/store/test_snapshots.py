"""Month snapshots: whole or not there at all, the newest is the month, and one writer at a time."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from credits_samples import READ_AT, certify, make_rows
from hypothesis import given
from hypothesis import strategies as st
from stored import hash_rows, write_snapshot

from flexlib.certificate import UsageCertificate
from flexlib.dates import Month, Span
from flexlib.errors import AlreadyRunning, BadFile, DiskFailed, OtherServer, SnapshotChanged, SnapshotMissing
from flexlib.schema import CREDITS, USAGE
from flexlib.store.server import check_server, keep_server, read_server
from flexlib.store.snapshots import (
    find_snapshot,
    list_months,
    list_snapshots,
    load_credits,
    load_usage,
    lock_month,
    scan,
)
from flexlib.store.version import Snapshot

AUGUST, SEPTEMBER, OCTOBER = Month(2025, 8), Month(2025, 9), Month(2025, 10)
LATER = "20990101T000000.000000Z-01234567"
PEOPLE = {"a": {"email": "ana@example.com", "name": "Ana"}}
HOLDER = """
import sys, time
from pathlib import Path
from flexlib.dates import Month
from flexlib.store.snapshots import lock_month
with lock_month("credits", Month(2025, 9), Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def store(root: Path, *flex: int, month: Month = SEPTEMBER) -> Snapshot:
    rows = make_rows(month, *flex)
    return write_snapshot(rows, certify(month, rows), ['{"text": "answer"}'], PEOPLE, root)


def list_files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_what_was_stored_is_read_back(tmp_path: Path) -> None:
    rows = make_rows(SEPTEMBER, 1, 2, 3)
    snapshot = write_snapshot(rows, certify(SEPTEMBER, rows), ["one\n", "two"], PEOPLE, tmp_path)
    again = load_credits(SEPTEMBER, tmp_path)
    assert again == snapshot
    assert pq.read_table(again.parquet).equals(rows)
    assert again.certificate == certify(SEPTEMBER, rows)
    assert again.frame["flex_credits"].tolist() == [1, 2, 3]
    assert again.relation.aggregate("sum(flex_credits)").fetchall() == [(6,)]
    assert again.people == PEOPLE
    assert gzip.decompress((again.path / "raw" / "answers.jsonl.gz").read_bytes()) == b"one\ntwo\n"


def test_people_and_raw_answers_can_be_read_by_nobody_else(tmp_path: Path) -> None:
    for private in ("people.json", "raw/answers.jsonl.gz"):
        assert stat.S_IMODE((store(tmp_path, 1).path / private).stat().st_mode) == 0o600


def test_a_new_version_stands_beside_the_old_one_and_the_newest_is_the_month(tmp_path: Path) -> None:
    first = store(tmp_path, 1)
    before = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    for flex in (2, 3, 2, 2):  # whatever the hash of its rows, also when nothing has changed
        newest = store(tmp_path, flex)
        assert find_snapshot("credits", SEPTEMBER, tmp_path) == newest
    assert len(list_snapshots("credits", SEPTEMBER, tmp_path)) == 5
    assert {path: path.read_bytes() for path in before} == before


def test_the_newest_is_the_month_also_when_the_clock_was_set_back(tmp_path: Path) -> None:
    snapshot = store(tmp_path, 1)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    snapshot.path.rename(snapshot.path.with_name(f"{tomorrow:%Y%m%dT%H%M%S.%fZ}-ffffffff"))
    for flex in (2, 3):
        newest = store(tmp_path, flex)
        assert find_snapshot("credits", SEPTEMBER, tmp_path) == newest


def test_a_run_that_fails_while_it_writes_leaves_nothing_and_the_old_version_as_it_was(tmp_path: Path) -> None:
    old = store(tmp_path, 1)
    before = list_files(tmp_path)

    def break_off() -> Iterator[str]:
        yield "one"
        raise OSError(28, "No space left on device")

    rows = make_rows(SEPTEMBER, 2)
    with pytest.raises(DiskFailed, match=r"Could not write into .*2025-09: no space left on device\. Nothing that was"):
        write_snapshot(rows, certify(SEPTEMBER, rows), break_off(), PEOPLE, tmp_path)
    assert list_files(tmp_path) == before
    assert find_snapshot("credits", SEPTEMBER, tmp_path) == old


@pytest.mark.parametrize("name", [".ingesting", ".writing-20250101T000000.000000Z-0a1b2c3d"])
def test_what_a_run_that_was_killed_while_it_wrote_left_is_no_version_and_is_swept_out(
    name: str, tmp_path: Path
) -> None:
    old = store(tmp_path, 1)
    left = old.path.with_name(name)
    old.path.rename(left)
    assert find_snapshot("credits", SEPTEMBER, tmp_path) is None
    new = store(tmp_path, 1)
    assert not left.exists()
    assert list_snapshots("credits", SEPTEMBER, tmp_path) == [new]


def test_a_month_that_is_not_there_names_the_command_that_stores_it(tmp_path: Path) -> None:
    with pytest.raises(
        SnapshotMissing, match=rf"No credits of 2025-09 in {tmp_path}. Run: flexlib fetch --year 2025 --m"
    ):
        load_credits(SEPTEMBER, tmp_path)
    with pytest.raises(SnapshotMissing, match="Run: flexlib import FILE"):
        load_usage(SEPTEMBER, tmp_path)


@pytest.mark.parametrize(
    ("folder", "made_up", "fetch", "calls"),
    [
        ("demo", True, "flexlib fetch --demo --year", "flexlib spend --demo --year"),
        ("demo", False, "flexlib fetch --year", "flexlib import FILE"),
        ("try", True, "flexlib fetch --year", "flexlib import FILE"),  # of a demo server of one's own
    ],
)
def test_a_month_that_is_not_in_the_folder_of_the_demo_names_the_command_that_brings_it_there(
    folder: str, fetch: str, calls: str, tmp_path: Path, *, made_up: bool
) -> None:
    keep_server("x", {"demo": made_up}, root := tmp_path / folder)
    with pytest.raises(SnapshotMissing, match=f"Run: {fetch}"):
        load_credits(SEPTEMBER, root)
    with pytest.raises(SnapshotMissing, match=f"Run: {calls}"):
        load_usage(SEPTEMBER, root)


def test_months_scanned_together_are_the_newest_versions_within_the_days_asked_for(tmp_path: Path) -> None:
    store(tmp_path, 100, 100, month=SEPTEMBER)
    for month, flex in ((AUGUST, (1, 2)), (SEPTEMBER, (4, 8)), (OCTOBER, (16, 32))):
        store(tmp_path, *flex, month=month)

    def total(first: str, last: str) -> int:
        [(found,)] = scan("credits", Span.parse(first, last), tmp_path).aggregate("sum(flex_credits)").fetchall()
        return int(found)

    assert total("2025-08-01", "2025-10-31") == 63
    assert total("2025-08-02", "2025-10-01") == 2 + 4 + 8 + 16
    assert total("2025-09-02", "2025-09-02") == 8


def test_a_month_missing_from_a_scan_is_no_zero(tmp_path: Path) -> None:
    store(tmp_path, 1, month=AUGUST)
    store(tmp_path, 1, month=OCTOBER)
    with pytest.raises(SnapshotMissing, match="No credits of 2025-09"):
        scan("credits", Span.parse("2025-08-01", "2025-10-31"), tmp_path)


def test_calls_of_all_sources_are_scanned_the_newest_of_each(tmp_path: Path) -> None:
    for source, ids in (("import", ["1"]), ("import", ["1", "2"]), ("ledger", ["3"])):
        moment = datetime(2025, 9, 1)
        call: dict[str, Any] = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), 0)
        call |= {"provider": "openai", "model": "m", "task_type": "other", "cached_tokens": 0, "cache_write_tokens": 0}
        call |= {"created_at": moment, "updated_at": moment, "grain": "call", "requests": 1}
        rows = pa.Table.from_pylist([{**call, "id": one} for one in ids], schema=USAGE)
        certificate = UsageCertificate(
            month=SEPTEMBER, read_at=READ_AT, rows=len(ids), quarantined_rows=0, rows_sha256=hash_rows(rows),
            source=source, rows_read=len(ids), prompt_tokens=0, completion_tokens=0,
        )  # fmt: skip
        write_snapshot(rows, certificate, [], None, tmp_path)
    found = scan("usage", SEPTEMBER.span, tmp_path).order("id").project("id").fetchall()
    assert found == [("1",), ("2",), ("3",)]
    newest = find_snapshot("usage", SEPTEMBER, tmp_path, "import")
    assert newest is not None
    assert newest.certificate.rows == 2


ROWS = st.lists(st.tuples(st.text("ab,\n", max_size=3), st.integers(0, 2), st.none() | st.integers(0, 2)), max_size=6)


def build(rows: list[tuple[str, int, int | None]]) -> pa.Table:
    lines = [
        {**make_rows(SEPTEMBER, flex).to_pylist()[0], "user": user, "requests": count} for user, flex, count in rows
    ]
    return pa.Table.from_pylist(lines, schema=CREDITS)


@given(ROWS, st.integers(0, 6))
def test_equal_rows_have_an_equal_hash_however_they_lie_in_memory(
    rows: list[tuple[str, int, int | None]], cut: int
) -> None:
    whole = build(rows)
    parts = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    assert hash_rows(parts) == hash_rows(whole) == hash_rows(build(rows))


def test_the_hash_is_that_of_the_rows_as_text() -> None:
    assert hash_rows(make_rows(SEPTEMBER)) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert hash_rows(make_rows(SEPTEMBER, 1)) != hash_rows(make_rows(SEPTEMBER, 2))
    assert hash_rows(make_rows(SEPTEMBER, 1)) != hash_rows(make_rows(AUGUST, 1))


def test_a_second_run_on_a_month_is_told_which_process_holds_it(tmp_path: Path) -> None:
    with (
        lock_month("credits", SEPTEMBER, tmp_path),
        lock_month("credits", OCTOBER, tmp_path),
        pytest.raises(AlreadyRunning, match=rf"\(process {os.getpid()}\) is reading 2025-09 into .*add --wait"),
        lock_month("credits", SEPTEMBER, tmp_path),
    ):
        pass


def test_a_run_that_waits_goes_on_when_the_other_is_finished(tmp_path: Path) -> None:
    done: list[str] = []

    def wait() -> None:
        with lock_month("credits", SEPTEMBER, tmp_path, wait=True):
            done.append("second")

    with lock_month("credits", SEPTEMBER, tmp_path):
        second = threading.Thread(target=wait)
        second.start()
        time.sleep(0.3)
        done.append("first")
    second.join(5)
    assert done == ["first", "second"]


def test_a_run_that_is_killed_lets_go_of_the_month(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning, match=f"process {holder.pid}"), lock_month("credits", SEPTEMBER, tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with lock_month("credits", SEPTEMBER, tmp_path) as folder:
            assert folder == tmp_path / "credits" / "2025-09"


def test_a_folder_belongs_to_the_server_whose_data_it_holds(tmp_path: Path) -> None:
    assert read_server(tmp_path) == {}
    check_server("any", tmp_path)
    keep_server("one", {"demo": False}, tmp_path)
    keep_server("one", {"unit": "credits"}, tmp_path)
    assert read_server(tmp_path) == {"server": "one", "demo": False, "unit": "credits"}
    check_server("one", tmp_path)
    sentence = f"{tmp_path} holds data of one, and the settings name another; set FLEXLIB_DATA to a folder of its own."
    with pytest.raises(OtherServer) as refused:
        check_server("another", tmp_path)
    assert str(refused.value) == sentence
    with pytest.raises(OtherServer, match="settings name another"):
        keep_server("another", {}, tmp_path)
    assert read_server(tmp_path)["server"] == "one"
    assert list_files(tmp_path) == {"server.json"}


def test_what_is_remembered_of_a_server_is_json_that_people_can_read(tmp_path: Path) -> None:
    keep_server("one", {}, tmp_path)
    assert (tmp_path / "server.json").read_text() == json.dumps({"server": "one"}, indent=2) + "\n"


@pytest.mark.parametrize("spoilt", ["{x", "[1]", "\xff", "[" * 100_000])
def test_a_spoilt_file_of_the_server_is_named_with_what_to_do(spoilt: str, tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(spoilt, "latin-1")
    with pytest.raises(BadFile, match=r"server\.json, which says whose .* move it away and run flexlib fetch\.$"):
        read_server(tmp_path)


@pytest.mark.parametrize("name", ["copy of it", f"{LATER}.bad", f".{LATER}"])
def test_a_copy_under_another_name_is_not_the_month_and_no_hindrance_to_the_next_version(
    name: str, tmp_path: Path
) -> None:
    old = store(tmp_path, 100)
    new = store(tmp_path, 200)
    shutil.copytree(old.path, old.path.with_name(name))
    assert load_credits(SEPTEMBER, tmp_path).path == new.path
    assert [one.path for one in list_snapshots("credits", SEPTEMBER, tmp_path)] == [old.path, new.path]
    assert store(tmp_path, 300).path == load_credits(SEPTEMBER, tmp_path).path


def test_folders_and_files_of_other_names_are_no_months(tmp_path: Path) -> None:
    stored = store(tmp_path, 100)
    for name in ("2025-13", "1999-01", "2025-09 old", "notes"):
        shutil.copytree(stored.path.parent, tmp_path / "credits" / name)
    (tmp_path / "credits" / "2025-10").write_text("a file")
    assert list_months(tmp_path) == [SEPTEMBER]


def test_a_folder_that_cannot_be_looked_into_is_not_an_empty_one(tmp_path: Path) -> None:
    asks: dict[str, Callable[[], object]] = {
        "credits": lambda: list_months(tmp_path),
        "credits/2025-09": lambda: load_credits(SEPTEMBER, tmp_path),
        "usage/2025-09": lambda: load_usage(SEPTEMBER, tmp_path),
    }
    for place, ask in asks.items():
        folder = tmp_path / place
        folder.parent.mkdir(exist_ok=True)
        folder.symlink_to(folder)
        with pytest.raises(BadFile, match=rf"{folder} cannot be looked into \(too many levels of symbolic links\)"):
            ask()
        folder.unlink()


def test_a_version_without_its_certificate_does_not_give_way_to_an_older_one(tmp_path: Path) -> None:
    store(tmp_path, 100)
    certificate = store(tmp_path, 200).path / "certificate.json"
    certificate.unlink()
    with pytest.raises(SnapshotChanged, match=f"{certificate} is no certificate .*: flexlib fetch --year 2025"):
        load_credits(SEPTEMBER, tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"rows": 30', '"rows": "many"'), ('"users_asked": ', '"users_asked": 1.'), ('"server": "s"', '"server": 5')],
)
def test_a_certificate_whose_figures_are_none_is_none(old: str, new: str, tmp_path: Path) -> None:
    file = store(tmp_path, *range(30)).path / "certificate.json"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(SnapshotChanged, match=rf"{file} is no certificate \(.*Error\)"):
        load_credits(SEPTEMBER, tmp_path)


def test_a_version_in_the_folder_of_another_month_is_not_that_month(tmp_path: Path) -> None:
    path = store(tmp_path, 100).path
    october = tmp_path / "credits" / "2025-10" / path.name
    shutil.copytree(path, october)
    with pytest.raises(SnapshotChanged, match=rf"of 2025-09, and lies with the credits of 2025-10: move {october}"):
        load_credits(Month(2025, 10), tmp_path)
    assert load_credits(SEPTEMBER, tmp_path).path == path


def test_an_older_version_in_the_folder_of_the_newest_one_is_not_the_month(tmp_path: Path) -> None:
    old, new = store(tmp_path, 100).path, store(tmp_path, 200).path
    for name in ("certificate.json", "credits.parquet"):
        shutil.copyfile(old / name, new / name)
    with pytest.raises(SnapshotChanged, match=rf"is of another version than its folder is named after: .*move {new}"):
        load_credits(SEPTEMBER, tmp_path)
