"""A month read out of the ledger: its rows are those recorded, its sums the database's, both of one state."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from databases import query
from usage_samples import BLANK

from flexlib.dates import Month
from flexlib.ledger import (
    Ledger,
    LedgerFailed,
    LedgerMissing,
    UsageQuery,
    open_ledger,
    read_month,
    record_many,
    record_usage,
)
from flexlib.schema import USAGE, check_usage

SEPTEMBER = Month(2025, 9)
CALL: dict[str, Any] = {"usable": ("user", 42), "provider": "openai", "model": "gpt-4o", "prompt_tokens": 100}


@pytest.fixture(params=["few", "many"], autouse=True)
def many_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way by which a month of SQLite is read: a small one here, a large one by a process of its own."""
    if request.param == "many":
        if "postgresql" in request.node.callspec.params.values():
            pytest.skip("there is one way")
        monkeypatch.setattr("flexlib.ledger.read.readers.FEW_ROWS", -1)
    return str(request.param)


def read_all(ledger: Ledger, rows_at_once: int = 50_000) -> pa.Table:
    with read_month(SEPTEMBER, ledger, rows_at_once=rows_at_once) as month:
        return pa.concat_tables([USAGE.empty_table(), *month.tables])


def test_rows_come_out_as_they_were_recorded(ledger: Ledger) -> None:
    given = {
        **CALL,
        "request_id": "b",
        "created_at": "2025-09-10T12:00:00.000001Z",
        "proxy": "together",
        "cost": "12.5",
        "amount_in_usd": "0.0000000001",
        "amount_in_clp": "0.0001",
        "cached_tokens": 60,
        "cache_write_tokens": 40,
        "duration_ms": 12,
        "status": 'ok, "quoted"; ñ',
        "metadata": {"lines": 'one\ntwo, "three"\\', "empty": "", "none": None},
    }
    one = record_usage(**given, ledger=ledger)
    other = record_usage(
        usable=None, provider="meta", model="x", request_id="a", created_at="2025-09-10T12:00:00Z", ledger=ledger
    )
    rows = read_all(ledger)
    assert rows.to_pylist() == [
        {
            **BLANK,
            "id": "a",
            "created_at": datetime(2025, 9, 10, 12),
            "usable_type": None,
            "usable_id": None,
            "provider": "meta",
            "model": "x",
            "proxy": None,
            "task_type": "text",
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "total_tokens": 0,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "cost": None,
            "amount_in_usd": None,
            "amount_in_clp": None,
            "duration_ms": None,
            "status": None,
            "unpriced": other.unpriced,
            "metadata": None,
            "updated_at": other.updated_at.replace(tzinfo=None),
        },
        {
            **BLANK,
            "id": "b",
            "created_at": datetime(2025, 9, 10, 12, 0, 0, 1),
            "usable_type": "user",
            "usable_id": 42,
            "provider": "openai",
            "model": "gpt-4o",
            "proxy": "together",
            "task_type": "text",
            "prompt_tokens": 100,
            "completion_tokens": 0,
            "total_tokens": 100,
            "cached_tokens": 60,
            "cache_write_tokens": 40,
            "cost": Decimal("12.5"),
            "amount_in_usd": Decimal("0.0000000001"),
            "amount_in_clp": Decimal("0.0001"),
            "duration_ms": 12,
            "status": 'ok, "quoted"; ñ',
            "metadata": '{"empty": "", "lines": "one\\ntwo, \\"three\\"\\\\", "none": null}',
            "updated_at": one.updated_at.replace(tzinfo=None),
        },
    ]
    assert check_usage(rows, SEPTEMBER) == rows


def test_a_stream_in_small_tables_is_the_sorted_month(ledger: Ledger) -> None:
    calls = [
        {**CALL, "request_id": f"{'zñAa'[number % 4]}{number}", "prompt_tokens": number, "amount_in_usd": "0.1",
         "created_at": f"2025-09-{1 + number % 30:02}T{number % 5:02}:00Z"}
        for number in range(1000)
    ]  # fmt: skip
    edges = ["2025-08-31T23:59:59.999999Z", "2025-09-01T00:00Z", "2025-09-30T23:59:59.999999Z", "2025-10-01T00:00Z"]
    record_many([*calls, *({**CALL, "created_at": edge} for edge in edges)], ledger=ledger)
    with read_month(SEPTEMBER, ledger, rows_at_once=300) as month:
        tables = list(month.tables)
        totals = month.totals
    assert {table.num_rows > 300 for table in tables} == {False}
    rows = pa.concat_tables(tables)
    assert check_usage(rows, SEPTEMBER) == rows  # sorted by time and by the bytes of the id, each id once
    assert asdict(totals) == {
        "rows": 1002,
        "requests": 1002,
        "prompt_tokens": 1000 * 999 // 2 + 200,
        "completion_tokens": 0,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "amount_in_usd": pc.sum(rows["amount_in_usd"]).as_py(),
        "amount_in_clp": None,
        "unpriced_usd": 0,
        "unpriced_clp": 1002,
    }


def test_sums_and_rows_are_of_one_state_whatever_is_recorded_meanwhile(ledger: Ledger) -> None:
    calls = [{**CALL, "created_at": f"2025-09-10T12:00:{number:02}Z"} for number in range(60)]
    record_many(calls, ledger=ledger)
    with read_month(SEPTEMBER, ledger, rows_at_once=25) as month:
        first = next(month.tables)
        record_many([{**CALL, "created_at": "2025-09-10T12:00:30Z"}], ledger=ledger)
        rows = first.num_rows + sum(table.num_rows for table in month.tables)
        assert rows == month.totals.rows == 60
    assert UsageQuery(ledger).count() == 61


def test_a_month_without_calls_has_no_tables(ledger: Ledger) -> None:
    with read_month(SEPTEMBER, ledger) as month:
        assert list(month.tables) == []
        assert (month.totals.rows, month.totals.prompt_tokens, month.totals.amount_in_usd) == (0, 0, None)


def test_a_reader_that_stops_half_way_leaves_the_ledger_usable(ledger: Ledger) -> None:
    record_many([{**CALL, "created_at": "2025-09-10T12:00Z"} for _ in range(500)], ledger=ledger)
    for _ in range(20):
        with read_month(SEPTEMBER, ledger, rows_at_once=10) as month:
            next(month.tables)
    record_usage(**CALL, created_at="2025-09-10T12:00Z", ledger=ledger)
    assert read_all(ledger).num_rows == 501


def test_a_row_recorded_while_a_month_is_read_is_in_the_file(sqlite_ledger: Ledger) -> None:
    calls = [{**CALL, "created_at": "2025-09-10T12:00Z"}] * 50
    record_many(calls, ledger=sqlite_ledger)
    for number in range(3):
        with read_month(SEPTEMBER, sqlite_ledger, rows_at_once=10) as month:
            next(month.tables)
            record_usage(**CALL, created_at="2025-09-10T12:00Z", ledger=sqlite_ledger)
        with closing(sqlite3.connect(str(sqlite_ledger.path))) as other:
            assert other.execute("SELECT count(*) FROM llm_usage_statistics").fetchone() == (51 + number,)


def test_a_reader_that_was_cut_is_an_error_not_a_short_month(ledger: Ledger, many_rows: str) -> None:
    if ledger.backend == "sqlite" and many_rows == "few":
        pytest.skip("nobody can cut it")
    # More than the buffers in between hold.
    record_many([{**CALL, "created_at": "2025-09-10T12:00Z", "metadata": {"a": "x" * 4000}}] * 9000, ledger=ledger)
    with pytest.raises(LedgerFailed, match=r"The ledger \(.*\) (refused|could not be read): "):
        read_and_cut(ledger)


def test_a_reader_that_dies_before_it_is_asked_is_an_error_too(sqlite_ledger: Ledger, monkeypatch: Any) -> None:  # noqa: ANN401
    monkeypatch.setattr("flexlib.ledger.read.readers.FEW_ROWS", 0)
    record_usage(**CALL, created_at="2025-09-10T12:00Z", ledger=sqlite_ledger)

    def read_with_the_dead() -> None:
        with read_month(SEPTEMBER, sqlite_ledger) as month:
            for child in list_readers():
                os.kill(child, signal.SIGKILL)
                os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
            list(month.tables)

    with pytest.raises(LedgerFailed, match=r"The ledger \(.*\) could not be read: "):
        read_with_the_dead()


def test_a_connection_that_is_lost_between_two_batches_is_an_error_of_the_ledger(ledger: Ledger) -> None:
    if ledger.backend == "sqlite":
        pytest.skip("there is no connection to lose")
    record_many([{**CALL, "created_at": "2025-09-10T12:00Z", "metadata": {"a": "x" * 4000}}] * 9000, ledger=ledger)

    def read_and_lose() -> None:
        with read_month(SEPTEMBER, ledger, rows_at_once=10) as month:
            next(month.tables)
            cut_reader(ledger)
            list(month.tables)

    with pytest.raises(LedgerFailed, match=r"The ledger \(.*\) refused: "):
        read_and_lose()


def test_a_file_that_is_damaged_is_an_error_of_the_ledger(sqlite_ledger: Ledger) -> None:
    record_many(
        [{**CALL, "created_at": "2025-09-10T12:00Z", "metadata": {"a": "x" * 4000}}] * 500, ledger=sqlite_ledger
    )
    sqlite_ledger.close()
    assert sqlite_ledger.path is not None
    with closing(sqlite3.connect(str(sqlite_ledger.path))) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = sqlite_ledger.path.stat().st_size
    with sqlite_ledger.path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))
    with pytest.raises(LedgerFailed, match=r"The ledger \(.*\) refused: "):
        read_all(sqlite_ledger)


def read_and_cut(ledger: Ledger) -> None:
    with read_month(SEPTEMBER, ledger, rows_at_once=10) as month:
        cut_reader(ledger)
        list(month.tables)


def cut_reader(ledger: Ledger) -> None:
    if ledger.backend == "postgresql":
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        query(ledger, cut + "AND datname = current_database() AND state <> 'idle'")
        return
    for child in list_readers():
        os.kill(child, signal.SIGKILL)


def list_readers() -> list[int]:
    """The processes that read SQLite for this thread."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [int(one) for one in children if b"sqlite_process" in Path(f"/proc/{one}/cmdline").read_bytes()]


def test_there_is_no_month_without_a_ledger(postgresql: Any) -> None:  # noqa: ANN401
    url = postgresql.create()
    ledger = open_ledger(url)
    with pytest.raises(LedgerMissing, match="flexlib ledger init"), read_month(SEPTEMBER, ledger):
        pass
    ledger.close()
    postgresql.drop(url)
