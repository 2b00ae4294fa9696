"""Months of years ago taken out of the ledger: only what a file is proved to have, and never a sum that is smaller."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from threading import Semaphore
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databases import execute, query
from victims import Victims, start_victims

from flexlib.cli.main import main
from flexlib.dates import Month
from flexlib.errors import ConflictingUsage, InvalidCall, LedgerFailed
from flexlib.front.spend import load_spend
from flexlib.ingest.archive import ArchivedResult, archive_months
from flexlib.ingest.ledger import close_month, ensure_month, is_closed
from flexlib.ledger import (
    Ledger,
    UsageQuery,
    get_ledger_status,
    get_total_cost_by_period,
    get_usage_by_day,
    open_ledger,
    record_many,
    record_usage,
)
from flexlib.ledger.read.months import read_month
from flexlib.ledger.read.now import read_now
from flexlib.ledger.read.running import read_days, read_routes
from flexlib.ledger.read.unclosed import LedgerLook, list_recorded_months
from flexlib.ledger.record import archiving
from flexlib.ledger.record.changing import fill_amounts, reprice_month
from flexlib.ledger.record.lines import record_batches
from flexlib.ledger.tally.switch import count_differences, read_status, turn_on
from flexlib.store.snapshots import find_snapshot

NOVEMBER, DECEMBER, JANUARY = Month(2024, 11), Month(2024, 12), Month(2025, 1)
TODAY = date(2026, 1, 15)
CALL: dict[str, Any] = {"usable": ("user", 7), "provider": "openai", "model": "gpt-4o"}
USD = {NOVEMBER: Decimal("1.5"), DECEMBER: Decimal("2.5"), JANUARY: Decimal("4.5")}
"""What five calls of each month come to."""


def fill(ledger: Ledger) -> None:
    for month, usd in USD.items():
        calls = [{**CALL, "request_id": f"{month}-{place}", "created_at": f"{month}-{place * 6 + 1:02}T10:00Z",
                  "prompt_tokens": place, "amount_in_usd": usd / 5} for place in range(5)]  # fmt: skip
        record_many(calls, ledger=ledger)


def archive(ledger: Ledger, root: Path, before: Month = JANUARY, *, dry_run: bool = False) -> list[ArchivedResult]:
    return [*archive_months(before, root, ledger=ledger, today=TODAY, dry_run=dry_run)]


@pytest.fixture
def filled(ledger: Ledger, tmp_path: Path) -> Ledger:
    """A ledger of three months, two of them closed, with tallies."""
    fill(ledger)
    for month in (NOVEMBER, DECEMBER):
        close_month(month, tmp_path, ledger=ledger)
    turn_on(ledger)
    return ledger


def count_rows(ledger: Ledger) -> int:
    return int(query(ledger, "SELECT count(*) FROM llm_usage_statistics")[0][0])


def test_closed_months_go_and_what_is_stored_of_them_stays(filled: Ledger, tmp_path: Path) -> None:
    found = archive(filled, tmp_path)
    assert [(one.month, one.rows, one.why) for one in found] == [(NOVEMBER, 5, ""), (DECEMBER, 5, "")]
    assert count_rows(filled) == 5
    assert get_ledger_status(filled).archived == ("2024-11", "2024-12")
    for month in (NOVEMBER, DECEMBER):
        assert load_spend(month, None, tmp_path, zone="UTC", names=False).total("usd") == USD[month]
        stored = find_snapshot("usage", month, tmp_path, "ledger")
        assert stored is not None
        assert [one.place for one in found if one.month == month] == [stored.path]
    assert (count_differences(filled), read_status(filled).is_current) == (0, True)
    assert get_total_cost_by_period("2025-01-01", None, "usd", within=UsageQuery(filled)) == USD[JANUARY]
    assert archive(filled, tmp_path) == found  # run again it says the same


def test_a_dry_run_proves_it_and_takes_nothing_out(filled: Ledger, tmp_path: Path) -> None:
    found = archive(filled, tmp_path, dry_run=True)
    assert [(one.month, one.rows) for one in found] == [(NOVEMBER, 5), (DECEMBER, 5)]
    assert (count_rows(filled), get_ledger_status(filled).archived) == (15, ())


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger: UsageQuery(ledger).sum("amount_in_usd"),
        lambda ledger: UsageQuery(ledger).between("2024-12-31", "2025-01-31").count(),
        lambda ledger: list(UsageQuery(ledger).between(None, "2024-12-01")),
        lambda ledger: UsageQuery(ledger).by_model("none").all(),
        lambda ledger: UsageQuery(ledger).first(),
        lambda ledger: get_total_cost_by_period("2024-01-01", "2024-12-31", within=UsageQuery(ledger)),
        lambda ledger: get_usage_by_day(within=UsageQuery(ledger)),
        lambda ledger: read_routes(ledger, DECEMBER),
        lambda ledger: read_days(ledger, DECEMBER.span),
        lambda ledger: reprice_month(DECEMBER, ledger),
        lambda ledger: read_month(DECEMBER, ledger).__enter__(),
    ],
)
def test_a_question_of_an_archived_month_is_refused_with_where_it_is(
    filled: Ledger, tmp_path: Path, ask: Callable[[Ledger], object]
) -> None:
    archive(filled, tmp_path)
    said = rf"2024-12.*archived in {tmp_path}.* from 2025-01-01 on.* flexlib spend --year 2024 --month 12"
    with pytest.raises(LedgerFailed, match=said):
        ask(filled)


def test_a_question_of_what_is_there_is_answered(filled: Ledger, tmp_path: Path) -> None:
    archive(filled, tmp_path)
    january = UsageQuery(filled).between("2025-01-01", "2025-01-31")
    assert (january.count(), len(january.all()), january.sum("amount_in_usd")) == (5, 5, USD[JANUARY])
    assert sum(one.calls for one in read_routes(filled, JANUARY)) == 5
    now = datetime(2025, 1, 31, tzinfo=timezone.utc)
    assert sum(row[3] for row in read_now(filled, now, timedelta(minutes=1), timedelta(hours=1)).month) == 5
    assert fill_amounts(DECEMBER, filled).usd == 0


def test_what_comes_late_is_refused_and_nothing_of_it_stored(filled: Ledger, tmp_path: Path) -> None:
    other = open_ledger(filled.engine.url.render_as_string(hide_password=False), data=tmp_path)
    record_usage(**CALL, request_id="before", created_at="2025-01-31", ledger=other)  # it has seen the months
    archive(filled, tmp_path)
    late = {**CALL, "request_id": "late", "created_at": "2024-12-31T23:59Z"}
    again = {**CALL, "request_id": "2024-12-0"}  # without its time it would be a call of today
    for ledger in (filled, other):
        for call in (late, again):
            with pytest.raises(InvalidCall, match="archived"):
                record_usage(**call, ledger=ledger)
            with pytest.raises(InvalidCall, match="archived"):
                record_many([{**CALL, "created_at": "2025-01-05"}, call], ledger=ledger)
    assert count_rows(filled) == 6
    lines = [json.dumps({**CALL, **more}) + "\n" for more in ({"created_at": "2025-01-05"}, late, {"model": "o3"})]
    report = record_batches([lines], other)
    assert (report.stored, [one.number for one in report.refused]) == (2, [2])
    assert (count_differences(filled), list_recorded_months(filled)[:2]) == (0, [NOVEMBER, DECEMBER])
    other.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ledger, root: record_usage(**CALL, created_at="2024-12-05", ledger=ledger), "holds other calls"),
        (lambda ledger, root: execute(ledger, "UPDATE llm_usage_statistics SET status = 'x' WHERE request_id = "
                                      "'2024-12-3'"), "holds other calls"),
        (lambda ledger, root: execute(ledger, "DELETE FROM llm_usage_statistics WHERE request_id = '2024-12-3'"),
         "holds other calls"),
        (lambda ledger, root: damage(root), "changed or damaged"),
        (lambda ledger, root: forget(root), "was never closed; run: flexlib close --year 2024 --month 12"),
        (lambda ledger, root: forge(root), "does not have the calls that its certificate is of"),
    ],
)  # fmt: skip
def test_a_month_that_is_not_as_it_was_closed_stays_whole(
    filled: Ledger, tmp_path: Path, change: Callable[[Ledger, Path], object], said: str
) -> None:
    change(filled, tmp_path)
    before = query(filled, "SELECT request_id, status FROM llm_usage_statistics ORDER BY request_id")
    first, second = archive(filled, tmp_path)
    assert (first.is_archived, second.is_archived) == (True, False)
    assert said in second.why
    after = query(filled, "SELECT request_id, status FROM llm_usage_statistics ORDER BY request_id")
    assert after == [row for row in before if not row[0].startswith("2024-11")]


def damage(root: Path) -> None:
    (file,) = (root / "usage" / "2024-12").rglob("usage.parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def forget(root: Path) -> None:
    (folder,) = (root / "usage" / "2024-12" / "ledger").glob("*-*")
    folder.rename(root / "away")
    (root / "usage" / "2024-12" / ".last.json").unlink()


def forge(root: Path) -> None:
    """Another model in the file, and the certificate says the hash of the bytes that it has now."""
    (file,) = (root / "usage" / "2024-12").rglob("usage.parquet")
    rows = pq.read_table(file)
    other = pa.array(["gpt-4o-mini"] * len(rows), rows.schema.field("model").type)
    pq.write_table(rows.set_column(rows.schema.get_field_index("model"), rows.schema.field("model"), other), file)
    said = file.with_name("certificate.json")
    certificate = json.loads(said.read_text())
    said.write_text(json.dumps(certificate | {"file_sha256": hashlib.sha256(file.read_bytes()).hexdigest()}))


def test_a_month_that_running_figures_read_and_one_that_is_a_gap_stay(filled: Ledger, tmp_path: Path) -> None:
    march = {**CALL, "created_at": "2025-03-05", "model": "of-no-list"}
    record_many([march], ledger=filled)
    close_month(Month(2025, 3), tmp_path, ledger=filled)
    found = [*archive_months(Month(2025, 6), tmp_path, ledger=filled, today=date(2025, 12, 31))]
    assert [one.month for one in found if one.is_archived] == [NOVEMBER, DECEMBER]
    assert "one of the last 12 months" in found[2].why
    found = [*archive_months(Month(2025, 6), tmp_path, ledger=filled, today=date(2026, 6, 1))]
    assert "2025-01 was never closed" in found[2].why
    assert "2025-03 is stored as GAP" in found[3].why
    assert count_rows(filled) == 6


def test_reports_take_the_archived_month_as_it_is_stored_and_miss_it_where_it_is_not(
    filled: Ledger, tmp_path: Path
) -> None:
    archive(filled, tmp_path)
    stored = find_snapshot("usage", DECEMBER, tmp_path, "ledger")
    assert stored is not None
    assert (ensure_month(DECEMBER, tmp_path, ledger=filled), is_closed(stored, filled)) == (stored, True)
    assert LedgerLook(filled, tmp_path)(DECEMBER) is None
    with pytest.raises(LedgerFailed, match="archived"):
        close_month(DECEMBER, tmp_path, ledger=filled)
    elsewhere = tmp_path / "another machine"
    with pytest.raises(LedgerFailed, match="archived"):
        ensure_month(DECEMBER, elsewhere, ledger=filled)
    with pytest.raises(LedgerFailed, match="archived"):
        close_month(DECEMBER, elsewhere, ledger=filled)
    lacks = LedgerLook(filled, elsewhere)(DECEMBER)
    assert lacks is not None
    assert (lacks.is_gap, str(stored.path) in lacks.text) == (True, True)
    assert not (elsewhere / "usage" / "2024-12" / "ledger").exists()


def test_the_command_says_it_in_words_and_as_json(
    filled: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLEXLIB_DATA", str(tmp_path))
    monkeypatch.setenv("FLEXLIB_DATABASE_URL", filled.engine.url.render_as_string(hide_password=False))
    assert main(["ledger", "archive", "--before", "2025-01", "--dry-run"]) == 0
    assert "2024-12 would be archived: 5 calls in " in capsys.readouterr().out
    assert main(["ledger", "archive", "--before", "2025-02", "--json"]) == 4
    months = json.loads(capsys.readouterr().out)["months"]
    assert [(one["month"], one["rows"]) for one in months] == [("2024-11", 5), ("2024-12", 5), ("2025-01", None)]
    assert "never closed" in months[2]["why"]
    assert main(["ledger", "status"]) == 0
    assert "Archived  2024-11, 2024-12" in capsys.readouterr().out
    assert main(["ledger", "archive"]) == 2
    assert main(["ledger", "status", "--before", "2025-01"]) == 2
    assert main(["live", "--once", "--since", "2024-12-01"]) == 1


def test_who_reads_meanwhile_sees_all_of_it_and_the_archive_waits(postgresql_ledger: Ledger, tmp_path: Path) -> None:
    ledger = postgresql_ledger
    fill(ledger)
    close_month(NOVEMBER, tmp_path, ledger=ledger)
    ledger.retry_seconds = 0.3
    reading = iter(UsageQuery(ledger))
    seen = [next(reading)]
    other = open_ledger(ledger.engine.url.render_as_string(hide_password=False), data=tmp_path, retry_seconds=0.3)
    (result,) = archive(other, tmp_path, DECEMBER)
    assert "busy" in result.why or "locks" in result.why
    assert len([*seen, *reading]) == 15
    assert archive(other, tmp_path, DECEMBER)[0].is_archived
    other.close()


def test_who_asks_all_the_while_is_told_all_of_it_or_that_it_is_archived(
    filled: Ledger, ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "BATCH_ROWS", 1)

    def ask(place: int) -> set[object]:
        ledger = open_ledger(ledger_url, data=tmp_path)
        december = UsageQuery(ledger).between("2024-12-01", "2024-12-31")
        asks: list[Callable[[], object]] = [
            lambda: december.sum("amount_in_usd"),
            lambda: get_total_cost_by_period("2024-12-01", "2024-12-31", "usd", within=UsageQuery(ledger)),
            lambda: sum(one.amount_in_usd or 0 for one in december),
        ]
        told = {asks[place]()}
        asking.release()
        while None not in told:
            try:
                told.add(asks[place]())
            except LedgerFailed:
                told.add(None)
        ledger.close()
        return told

    asking = Semaphore(0)
    with ThreadPoolExecutor(3) as pool:
        askers = [pool.submit(ask, place) for place in range(3)]
        for _asker in askers:
            asking.acquire()
        assert [one.why for one in archive(filled, tmp_path)] == ["", ""]
        assert [one.result() for one in askers] == [{USD[DECEMBER], None}] * 3


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with start_victims() as victims:
        yield victims


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signals there")
@pytest.mark.parametrize(
    ("step", "backends"),
    [
        ("proved", ("sqlite", "postgresql")),
        ("in the seal", ("sqlite", "postgresql")),
        ("sealed", ("sqlite", "postgresql")),
        ("in a batch", ("sqlite",)),
        ("between batches", ("sqlite",)),
        ("cleared", ("sqlite", "postgresql")),
    ],
)
def test_killed_anywhere_nothing_is_lost_or_counted_too_little_and_it_is_run_again(
    filled: Ledger, ledger_url: str, tmp_path: Path, victims: Victims, step: str, backends: tuple[str, ...]
) -> None:
    if filled.backend not in backends:
        pytest.skip("no such step there")
    filled.close()
    victims.archive_and_die(ledger_url, tmp_path, "2024-12", step)
    november = UsageQuery(filled).between("2024-11-01", "2024-11-30")
    if step in ("proved", "in the seal"):
        assert (november.count(), november.sum("amount_in_usd")) == (5, USD[NOVEMBER])
    else:
        with pytest.raises(LedgerFailed, match="archived"):
            november.count()
    assert UsageQuery(filled).between("2024-12-01", None).sum("amount_in_usd") == USD[DECEMBER] + USD[JANUARY]
    assert count_differences(filled) == 0
    with pytest.raises((InvalidCall, ConflictingUsage)):
        record_usage(**{**CALL, "request_id": "2024-11-4", "model": "another"}, ledger=filled)
    assert [(one.rows, one.why) for one in archive(filled, tmp_path, DECEMBER)] == [(5, "")]
    assert (count_rows(filled), count_differences(filled), read_status(filled).is_current) == (10, 0, True)
    assert load_spend(NOVEMBER, None, tmp_path, zone="UTC", names=False).total("usd") == USD[NOVEMBER]
    ids = "llm_usage_archived_ids" if filled.backend == "sqlite" else "llm_usage_request_ids"
    assert query(filled, f"SELECT count(*) FROM {ids} WHERE request_id LIKE '2024-11-%'") == [(5,)]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signals there")
@pytest.mark.parametrize("spoil", [damage, forget, forge])
def test_what_a_killed_archive_left_in_the_database_stays_where_the_file_is_spoilt_since(
    sqlite_ledger: Ledger, tmp_path: Path, victims: Victims, spoil: Callable[[Path], None]
) -> None:
    fill(sqlite_ledger)
    close_month(DECEMBER, tmp_path, ledger=sqlite_ledger)
    sqlite_ledger.close()
    victims.archive_and_die(sqlite_ledger.engine.url.render_as_string(), tmp_path, "2025-01", "between batches")
    left = count_rows(sqlite_ledger)
    (file,) = (tmp_path / "usage" / "2024-12").rglob("usage.parquet")
    shutil.copytree(file.parent, tmp_path / "backup")
    spoil(tmp_path)
    for dry_run in (True, False):
        december = archive(sqlite_ledger, tmp_path, dry_run=dry_run)[1]
        assert (december.rows, count_rows(sqlite_ledger)) == (None, left)
        assert f"{file.parent} no longer has its calls" in december.why
    shutil.copytree(tmp_path / "backup", file.parent, dirs_exist_ok=True)
    assert archive(sqlite_ledger, tmp_path)[1].is_archived
    assert count_rows(sqlite_ledger) == 10
