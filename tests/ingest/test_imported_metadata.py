"""What a file says of people in its metadata is masked as recorded metadata is, and is its owner's only."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.enums import LlmProvider
from flexlib.ingest.files.importing import import_usage
from flexlib.ingest.tables import mask_private
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.record.record import build_record
from flexlib.privacy import PrivacyGuard
from flexlib.sources.files.mapping import CallMapping
from flexlib.store.snapshots import load_usage

LATER = datetime(2026, 8, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("note", ["ask ana@firma.cl", "call +56 9 8765 4321", "RUT 12.345.678-5", "nothing"])
def test_imported_metadata_passes_the_guard_of_recorded_metadata(tmp_path: Path, note: str) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(f"time,in,out,note\n2026-05-01T00:00:00Z,7,5,{note}\n2026-05-02T00:00:00Z,7,5,\n", "utf-8")
    mapping = CallMapping(
        created_at="time", prompt_tokens="in", completion_tokens="out", provider=LlmProvider.OPENAI, model="gpt-4o",
        metadata=("note",),
    )  # fmt: skip
    (done,) = import_usage(file, mapping, tmp_path / "data", now=LATER)
    (again,) = import_usage(file, mapping, tmp_path / "data", now=LATER)
    assert (done.is_new, again.is_new) == (True, False)
    stored = load_usage(Month(2026, 5), tmp_path / "data")
    row = pq.read_table(stored.parquet).to_pylist()[0]
    masked, kinds = PrivacyGuard().mask({"note": note})
    assert (json.loads(row["metadata"]), row["masked"]) == (masked, ",".join(kinds) or None)
    assert stored.parquet.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("level", ["department", "cost_centre"])
def test_a_place_is_imported_and_recorded_without_marks_that_turn_its_letters_around(
    tmp_path: Path, level: str, ledger: Ledger
) -> None:
    said, note = "Fi\u202enan\u200bzas", "a\u202eb"
    file = tmp_path / "calls.csv"
    file.write_text(f"time,in,out,{level},note\n2026-05-01T00:00:00Z,7,5,{said},{note}\n", "utf-8")
    mapping = CallMapping(
        created_at="time", prompt_tokens="in", completion_tokens="out", provider=LlmProvider.OPENAI, model="gpt-4o",
        metadata=(level, "note"),
    )  # fmt: skip
    (done,) = import_usage(file, mapping, tmp_path / "data", now=LATER)
    (again,) = import_usage(file, mapping, tmp_path / "data", now=LATER)
    assert (done.is_new, again.is_new) == (True, False)
    (row,) = pq.read_table(load_usage(Month(2026, 5), tmp_path / "data").parquet).to_pylist()
    assert json.loads(row["metadata"]) == {level: "Finanzas", "note": note}
    assert build_record(
        ledger, usable=("user", 1), provider="openai", model="gpt-4o", metadata={level: said}
    ).metadata == {level: "Finanzas"}


@pytest.mark.parametrize("who", ["ana@firma.cl", "ana＠firma.cl", "ana﹫firma.cl", "AKIAABCDEFGHIJKLMNOP"])
def test_whatever_the_guard_masks_is_found_in_columns_of_texts_too(who: str) -> None:
    rows = pa.table({"usable_key": ["web-7", who], "model": ["gpt-4o", who]})
    masked = mask_private(rows, PrivacyGuard()).to_pylist()
    assert masked[0] == {"usable_key": "web-7", "model": "gpt-4o"}
    assert masked[1]["usable_key"] == f"key-{hashlib.sha256(who.encode()).hexdigest()[:24]}"
    assert masked[1]["model"] in ("[email]", "[key]")


@pytest.mark.parametrize("own", ["juan@empresa.cl", "sk-proj-abcdefghij0123456789"])
def test_an_id_that_is_somebodys_or_a_secret_is_stored_as_an_opaque_one_and_known_again(
    tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "calls.csv"
    head, rows = "id,time,in,out", [f"{own},2026-05-01T00:00:00Z,7,5", "req_1,2026-05-02T00:00:00Z,7,5"]
    file.write_text("\n".join([head, *rows]), "utf-8")
    mapping = CallMapping(
        request_id="id", created_at="time", prompt_tokens="in", completion_tokens="out", provider=LlmProvider.OPENAI,
        model="gpt-4o",
    )  # fmt: skip
    opaque = f"id-{hashlib.sha256(own.encode()).hexdigest()[:24]}"
    with monkeypatch.context() as before:  # as an older flexlib stored it
        before.setattr("flexlib.ingest.files.merge.hide_ids", lambda rows, *_: rows)
        import_usage(file, mapping, tmp_path / "old", now=LATER)
    for folder in ("data", "data", "old"):
        import_usage(file, mapping, tmp_path / folder, now=LATER)
        ids = pq.read_table(load_usage(Month(2026, 5), tmp_path / folder).parquet)["id"].to_pylist()
        assert ids == [opaque, "req_1"]
    file.write_text("\n".join([head, *rows, "req_2,2026-05-03T00:00:00Z,7,5"]), "utf-8")
    (more,) = import_usage(file, mapping, tmp_path / "old", now=LATER)
    assert (more.added_rows, more.certificate.rows) == (1, 3)


@pytest.mark.parametrize(
    ("privacy", "note", "masked"),
    [(None, "[key] of [email]", "key,email"), ("key", "[key] of ana@firma.cl", "key"), ("none", None, None)],
)
def test_import_masks_what_the_settings_say_and_the_configured_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, privacy: str | None, note: str | None, masked: str | None
) -> None:
    file, said = tmp_path / "calls.csv", "plain-word of ana@firma.cl"
    file.write_text(f"id,time,in,out,status,note\nplain-word,2026-05-01T00:00:00Z,7,5,plain-word,{said}\n", "utf-8")
    given = ["--timestamp", "time", "--prompt-tokens", "in", "--completion-tokens", "out", "--provider", "openai"]
    given += ["--model", "gpt-4o", "--request-id", "id", "--status", "status", "--metadata", "note", str(file)]
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SERVICE_KEY", "plain-word")
    stored = []
    for one in (privacy or "", "none", "all"):  # told otherwise later, it is the same file
        monkeypatch.setenv("FLEXLIB_PRIVACY", one)
        assert main(["import", *given]) == 0
        stored += pq.read_table(load_usage(Month(2026, 5), tmp_path / "data").parquet).to_pylist()
    row = stored[0]
    assert (json.loads(row["metadata"]), row["masked"]) == ({"note": note or said}, masked)
    assert [(one["status"], one["id"][:3]) for one in stored] == [("[key]", "id-")] * 3
    assert (json.loads(stored[2]["metadata"]), stored[2]["masked"]) == ({"note": "[key] of [email]"}, "key,email")
