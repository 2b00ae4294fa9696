"""Each file is read once in a load; one that was changed between two loads is found all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from credits_samples import certify, make_rows
from stored import write_snapshot

from flexlib.dates import Month
from flexlib.errors import SnapshotChanged
from flexlib.store import held
from flexlib.store.held import read_once
from flexlib.store.snapshots import load_credits
from flexlib.store.version import Snapshot

SEPTEMBER = Month(2025, 9)


@pytest.fixture
def stored(tmp_path: Path) -> Snapshot:
    rows = make_rows(SEPTEMBER, 100, 250)
    return write_snapshot(rows, certify(SEPTEMBER, rows), [], {}, tmp_path)


def test_a_load_reads_a_file_once_and_the_next_load_reads_it_again(
    stored: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def watch(name: str) -> None:
        was = getattr(held, name)

        def read_file(*given: Any) -> Any:  # noqa: ANN401
            read.append(name)
            return was(*given)

        monkeypatch.setattr(held, name, read_file)

    watch("hash_file")
    watch("sum_file")
    for _load in range(2):
        with read_once():
            load_credits(SEPTEMBER, tmp_path)
            with read_once():
                load_credits(SEPTEMBER, tmp_path)
            load_credits(SEPTEMBER, tmp_path)
    assert read == ["hash_file", "sum_file"] * 2


def test_a_file_that_is_changed_between_two_loads_is_found(stored: Snapshot, tmp_path: Path) -> None:
    with read_once():
        load_credits(SEPTEMBER, tmp_path)
    file = stored.path / "credits.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with read_once(), pytest.raises(SnapshotChanged, match="is not the file that its certificate is of"):
        load_credits(SEPTEMBER, tmp_path)


def test_a_certificate_that_says_another_sum_is_found_in_the_load_that_has_read_its_file(
    stored: Snapshot, tmp_path: Path
) -> None:
    with read_once():
        load_credits(SEPTEMBER, tmp_path)
        file = stored.path / "certificate.json"
        text = file.read_text("utf-8")
        file.write_text(text.replace('"flex_credits_hundredths": 350', '"flex_credits_hundredths": 351'), "utf-8")
        assert text != file.read_text("utf-8")
        with pytest.raises(SnapshotChanged, match="it says 351, and they 350"):
            load_credits(SEPTEMBER, tmp_path)
